"""The token says what the terms say, shows what its holder chooses, and is read in one spelling only."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.proof import sdjwt, strict
from tests.proof import samples

CLAIMS = sorted(sdjwt.DISCLOSABLE)


@pytest.fixture(scope="module")
def token(mine, signed_at) -> str:
    return sdjwt.issue(samples.WAIVER, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)


def signed(mine, payload: dict, disclosures: list[str] = (), **header) -> str:
    """A token with this payload, properly signed: what a careless issuer could make."""
    head = {"alg": "ES256", "kid": mine.signer.kid, "typ": sdjwt.TYPE, **header}
    text = f"{strict.b64url(strict.canonical(head))}.{strict.b64url(strict.canonical(payload))}"
    return "~".join([f"{text}.{strict.b64url(mine.signer.sign(text.encode()))}", *disclosures, ""])


@pytest.mark.parametrize("terms", samples.ALL, ids=lambda t: t.reference)
def test_the_terms_come_back_whole(terms, mine, signed_at):
    made = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)
    found, key = sdjwt.verify(made, mine.key_set())
    assert found.terms() == terms
    assert key.kid == mine.signer.kid
    assert found.withheld == 0


def test_open_claims_are_those_promised_and_there_is_no_end_that_makes_others_refuse_evidence(token):
    payload = sdjwt.parse(token).payload
    assert sorted(payload) == ["_sd", "_sd_alg", "acts_from", "effective_from", "ends_at", "iat", "iss", "jti"]
    assert payload["iat"] == 1794850632
    assert payload["ends_at"] == "2027-03-14T00:00:00Z"
    assert payload["jti"] == samples.WAIVER.reference
    assert not token.endswith("\n")


def test_nothing_but_the_open_claims_is_readable_without_disclosures(token):
    bare = token[: token.index("~") + 1]
    text = strict.unb64url(bare.split(".")[1], "payload").decode()
    for secret in ("Northlight", "2.9(a)", "AMBER", samples.WAIVER.names.digest, "xn--e1afmkfd"):
        assert secret not in text


def test_every_cut_at_a_tilde_is_a_presentation(token, mine):
    whole = sdjwt.parse(token)
    for place in [n + 1 for n, c in enumerate(token) if c == "~"][:-1]:
        found, _ = sdjwt.verify(token[:place], mine.key_set())
        assert found.withheld > 0
        assert found.reference == whole.reference
        with pytest.raises(Refusal, match="withheld"):
            found.terms()


@settings(deadline=None)
@given(st.sets(st.sampled_from([*CLAIMS, "lines/0", "lines/2", "agreements/1"])))
def test_a_presentation_shows_what_was_chosen_and_nothing_else(token, mine, wanted):
    shown = sdjwt.present(token, wanted)
    found, _ = sdjwt.verify(shown, mine.key_set())
    assert set(found.claims) - sdjwt.OPEN == {path.split("/")[0] for path in wanted}
    if "lines" not in wanted and "lines/0" in wanted:
        assert found.claims["lines"][0]["provision"] == "2.9(a)"
        assert len(found.claims["lines"]) == len({"lines/0", "lines/2"} & wanted)
    assert sdjwt.present(shown, wanted) == shown


def test_showing_what_is_withheld_is_refused(token):
    with pytest.raises(Refusal, match="does not show names"):
        sdjwt.present(sdjwt.present(token, ["tlp"]), ["names"])


def test_repeated_reordered_and_undigested_disclosures_are_refused(token, mine):
    jwt, *texts = token.removesuffix("~").split("~")
    stranger = strict.b64url(strict.canonical([strict.b64url(bytes(16)), "tlp", "TLP:CLEAR"]))
    element = strict.b64url(strict.canonical([strict.b64url(bytes(16)), "x"]))
    lines = next(n for n, t in enumerate(texts) if b'"lines"' in strict.unb64url(t, "d"))
    for changed in (
        [*texts, texts[-1]],
        texts[::-1],
        [*texts, stranger],
        [*texts, element],
        [t for n, t in enumerate(texts) if n != lines],  # elements whose list is withheld
    ):
        with pytest.raises(Refusal, match="undigested, repeated or out of order"):
            sdjwt.verify("~".join([jwt, *changed, ""]), mine.key_set())


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "ES384"}, {"alg": "HS256"}, {"typ": "JWT"}, {"crit": []}, {"kid": 1}]
)
def test_other_headers_are_refused(token, mine, header):
    with pytest.raises(Refusal):
        sdjwt.verify(signed(mine, sdjwt.parse(token).payload, **header), mine.key_set())


@pytest.mark.parametrize(
    "change",
    [
        {"nbf": 1},
        {"exp": 1},
        {"iat": 1.5},
        {"iat": True},
        {"iat": -1},
        {"iat": 10**15},
        {"_sd_alg": "sha-512"},
        {"_sd": ["x"]},
        {"_sd": "x"},
        {"iss": 1},
        {"jti": None},
        {"ends_at": "2027-03-14T00:00:00+00:00"},
        {"ends_at": "2026-01-01T00:00:00Z"},
        {"acts_from": 1794850632},
    ],
)
def test_even_signed_payloads_of_another_form_are_refused(token, mine, change):
    with pytest.raises(Refusal):
        sdjwt.verify(signed(mine, sdjwt.parse(token).payload | change), mine.key_set())


def test_a_token_that_says_it_was_signed_when_its_key_was_not_valid_is_refused(mine):
    for moment in (samples.MADE - timedelta(seconds=1), datetime(2039, 1, 1, tzinfo=UTC)):
        made = sdjwt.issue(samples.WAIVER, issued_at=moment, issuer="https://srw.example", signer=mine.signer)
        with pytest.raises(Refusal, match="when its key was not valid"):
            sdjwt.verify(made, mine.key_set())


def test_a_claim_disclosed_as_an_element_and_an_element_as_a_claim_are_refused(token, mine):
    salt = strict.b64url(bytes(16))
    claim = strict.b64url(strict.canonical([salt, "tlp", "TLP:CLEAR"]))
    listed = strict.b64url(strict.canonical([salt, "lines", [{"...": sdjwt._digest(claim)}]]))
    element = strict.b64url(strict.canonical([salt, "TLP:CLEAR"]))
    payload = sdjwt.parse(token).payload
    for disclosures, top in (([listed, claim], listed), ([element], element)):
        with pytest.raises(Refusal):
            sdjwt.verify(signed(mine, payload | {"_sd": [sdjwt._digest(top)]}, disclosures), mine.key_set())


def test_joserfc_reads_the_same_signature(token, mine):
    """Another library's ES256 agrees with ours about the JWT itself."""
    from joserfc import jws
    from joserfc.jwk import ECKey

    jwk = json.loads(mine.key_set().to_json())["keys"][0]
    key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
    found = jws.deserialize_compact(token.split("~")[0], key, algorithms=["ES256"])
    assert json.loads(found.payload)["jti"] == samples.WAIVER.reference
