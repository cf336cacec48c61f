"""The whole case once more, with the signing key in a token."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.files import store
from ersr.ledger import sequence
from ersr.people.models import Factor
from ersr.proof import hardware, keys
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import softhsm
from tests import world as worlds
from tests.requests.steps import begin
from tests.scenarios import test_conficker

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, hardware.Place]:
    folder, place = tmp_path_factory.mktemp("hardware") / "keys", softhsm.place("scenario")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    keys.generate(folder, "Test authority", "srw.test/ledger", now=start, development=True, place=place)
    return folder, place


@pytest.fixture(autouse=True)
def _in_a_token(made: tuple[Path, hardware.Place], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every world of these tests has its signing key in the token."""
    monkeypatch.setattr(worlds, "_key_folder", lambda: made[0])
    monkeypatch.setattr(settings, "ERSR_PKCS11", made[1])
    sequence._keys.cache_clear()
    yield
    sequence._keys.cache_clear()


def test_a_whole_case_is_signed_in_hardware_and_pdfsig_accepts_each_letter(tmp_path: Path) -> None:
    test_conficker.test_from_filing_to_acknowledged_waiver()
    assert sequence.installed_keys().signer.backend == "pkcs11"
    assert not (settings.ERSR_KEYS / "signing.pem").exists()
    signed = Waiver.objects.all()
    assert len(signed) >= 2
    for waiver in signed:
        file = tmp_path / f"{waiver.reference}.pdf"
        file.write_bytes(store.get(waiver.pdf_id))
        told = subprocess.run(["pdfsig", file], capture_output=True, text=True, check=False).stdout
        assert "Signature is Valid." in told
        assert "Total document signed" in told


def test_a_token_that_does_not_answer_leaves_the_decision_unsigned_and_the_code_unspent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signatory is told what is wrong, and signs with the same code once the token is back."""
    c = begin().to(State.DECIDED)
    row = waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now)
    spent, code = Factor.objects.get(person=c.w.signatory).last_step, c.w.code(c.w.signatory)
    good = settings.ERSR_PKCS11
    monkeypatch.setattr(settings, "ERSR_PKCS11", replace(good, token="unplugged"))
    with pytest.raises(Refusal, match="not exactly one token labelled 'unplugged'") as told:
        waivers.sign(c.ref, row.pk, code, by=c.w.signatory, now=c.w.now)
    assert told.value.code == "key_absent"
    assert not Waiver.objects.exists()
    assert Factor.objects.get(person=c.w.signatory).last_step == spent
    monkeypatch.setattr(settings, "ERSR_PKCS11", good)
    assert waivers.sign(c.ref, row.pk, code, by=c.w.signatory, now=c.w.now).reference == row.reference
