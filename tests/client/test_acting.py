"""Every action of the life-cycle table, carried out with `ersr act` by the person whose it is, against the served application."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ersr import clock
from ersr.client.command import app
from ersr.client.command.exits import Exit
from ersr.client.command.fields import TAKES
from ersr.ledger.models import Event
from ersr.lists import zones
from ersr.lists.models import HitGroup
from ersr.people import actions as people
from ersr.requests import queries
from tests import world as worlds
from tests.faces import stages

Type = Callable[..., Result]


@pytest.fixture
def w(transactional_db: None) -> worlds.World:
    return worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))


@pytest.fixture
def types(w: worlds.World, live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """types("filer", "act", ref, "take"): what this person of the world types, with a token of their own in the environment."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.chdir(tmp_path)
    tokens: dict[str, str] = {}

    def typed(who: str, *words: str, code: int | None = 0) -> Result:
        if who not in tokens:
            scopes = ("read", "write", "sign")
            made = people.make_token(w.people[who], name="t", scopes=scopes, lasts=timedelta(days=1), now=clock.real())
            tokens[who] = made[1]
        environment = {"ERSR_ADDRESS": live_server.url, "ERSR_TOKEN": tokens[who]}
        done = CliRunner().invoke(app, list(words), env=environment)
        assert code is None or done.exit_code == code, (words, done.exit_code, done.stdout, done.stderr, done.exception)
        return done

    return typed


#: verb -> (who, stage, words). In this order: later ones stand on what earlier ones made. {} is filled from the stages' facts.
PLAY: list[tuple[str, str, str, list[str]]] = [
    ("record_act", "filer", "received", ["--action", "reserve", "--taken", "taken", "--starts-at", "2026-01-01T00:00+01:00", "--words", "Now."]),
    ("add_part", "filer", "received", ["--part", "originator", "--kind", "cert", "--name", "CERT"]),
    ("add_list", "filer", "received", ["--file", "names.txt", "--title", "Tonight"]),
    ("add_evidence", "filer", "received", ["--file", "capture.bin"]),
    ("take", "second", "received", []),
    ("withdraw", "filer", "received", ["--reason", "Solved."]),
    ("renew_words", "officer", "verifying", []),
    ("call", "officer", "verifying", ["--number-id", "{number}", "--outcome", "confirmed", "--remark", "Spoke to them."]),
    ("ask", "officer", "verifying", ["--text", "Which machines?"]),
    ("answer", "filer", "asked", ["--answers", "{question}=Since noon."]),
    ("assess", "security", "assessing", ["--discipline", "security", "--recommendation", "grant", "--body", "Yes."]),
    ("note_privileged", "counsel", "assessing", ["--body", "Careful."]),
    ("change_line", "security", "assessing", ["--line", "{assessing}", "--hint", "no_waiver_needed", "--reason", "Within."]),
    ("add_line", "security", "assessing", ["--agreement", "north-2014", "--provision", "6.1", "--action", "create", "--instrument", "fee_reduction", "--reason", "Fees."]),
    ("screen_again", "security", "assessing", ["--list", "1"]),
    ("remove_names", "security", "assessing", ["--list", "1", "--names", "qqqqqq.com", "--reason", "Ours."]),
    ("answer_hits", "security", "assessing", ["--list", "1", "--answers", "jogli.com=kept,The worm makes it, real or not."]),
    ("answer_groups", "security", "assessing", ["--list", "1", "--groups", "registered/com", "--answer", "kept", "--reason", "Ours."]),
    ("confirm_lines", "security", "assessing", []),
    ("propose", "security", "deciding", ["--lines", "{deciding}", "--outcome", "denied", "--reasons", "No."]),
    ("approve", "approver", "deciding", ["--decision", "{made}"]),
    ("return_proposal", "approver", "proposed", ["--decision", "{proposed}", "--reason", "Shorter."]),
    ("preview", "signatory", "granted", ["--instrument", "{instrument}"]),
    ("sign", "signatory", "granted", ["--preview", "{made}", "--code", "{code}"]),
    ("conclude", "officer", "denied", ["--channel", "phone"]),
    ("serve", "officer", "executed", ["--waiver", "{executed waiver}", "--channel", "post", "--served-at", "{executed at}", "--confirmation", "R1"]),
    ("acknowledge", "filer", "served", ["--waiver", "{served waiver}"]),
]  # fmt: skip


def test_every_action_of_the_table_can_be_carried_out(w: worlds.World, types: Type, tmp_path: Path) -> None:
    """Each verb with its fields, files and fresh code; each leaves its event by its person."""
    made = stages.build(w)
    (tmp_path / "names.txt").write_text("zzzzzz.com\nyyyyyy.com\n")
    (tmp_path / "capture.bin").write_bytes(bytes(range(256)))
    of = made.requests["assessing"].incident.lists.get()
    HitGroup.objects.create(of=of, kind="registered", tld="com", names=1)
    zones.place().mkdir()
    (zones.place() / "com.zone").write_bytes(b"com. 1 in soa a. b. 1 2 3 4 5\n")
    facts: dict[str, Any] = dict(made.facts)
    facts["executed at"] = facts["executed at"].isoformat()
    facts["number"] = queries.numbers_to_call(w.officer, made.requests["verifying"], now=w.now)[0].pk
    facts["instrument"] = stages._instrument(made)
    done = []

    def play(verb: str, who: str, stage: str, words: list[str]) -> None:
        ref = made.reference(stage)
        facts["code"] = w.code(w.people[who])
        offered = json.loads(types(who, "act", ref, "--json").stdout)
        assert verb in [row["action"] for row in offered["actions"]], f"{verb} is not told to the {who}"
        before = Event.objects.count()
        answer = json.loads(types(who, "act", ref, verb, *(word.format_map(facts) for word in words), "--json").stdout)
        assert answer["reference"] == ref
        assert Event.objects.count() > before, f"{verb} left no event"
        facts["made"] = (answer.get("made") or {}).get("id")
        done.append(verb)

    for row in PLAY:
        play(*row)
    lines = [word for row in queries.live_lines(made.requests["proposed"]) for word in ("--lines", str(row.number))]
    play(
        "propose",
        "security",
        "proposed",
        [*lines, "--outcome", "granted", "--reasons", "Yes.", "--ends-at", "2099-01-01T00:00Z"],
    )
    play("approve", "approver", "proposed", ["--decision", "{made}"])
    play("send_back", "signatory", "proposed", ["--reason", "Wider."])
    assert set(done) == set(TAKES)


def test_what_is_not_offered_is_refused_and_said(w: worlds.World, types: Type) -> None:
    """A filer takes no request; a stranger finds nothing; a decision that is not proposed is not approved."""
    from ersr.requests import actions

    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    refused = types("filer", "act", ref, "take", code=Exit.REFUSED)
    assert refused.stdout == ""
    assert "duty officer or responder" in refused.stderr
    assert "ersr whoami" in refused.stderr
    assert "There is nothing here" in types("stranger", "act", ref, code=Exit.REFUSED).stderr
    told = types("officer", "act", ref, "confirm_lines", "--json", code=Exit.REFUSED)
    problem = json.loads(told.stderr.splitlines()[-1])  # the server in this process logs before it
    assert (problem["code"], problem["status"], problem["exit"], told.stdout) == ("not_now", 409, 4, "")
    wrong = types("filer", "act", ref, "record_act", "--action", "nothing", "--taken", "maybe", code=Exit.REFUSED)
    assert "  action: Choose what you do" in wrong.stderr
    assert "  taken: Choose planned or already taken" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["withdraw"], "withdraw needs --reason"),
        (["record_act", "--action", "create", "--taken", "planned", "--starts-at", "tonight"], "enter a time with its zone"),
        (["add_part", "--part", "period", "--kind", "cert"], "The part period has no kind"),
        (["add_part", "--part", "moon"], "There is no part 'moon'"),
        (["answer", "--answers", "Since noon."], "takes N=TEXT"),
        (["answer_hits", "--list", "1", "--answers", "a.com=kept"], "NAME=kept,REASON"),
        (["sign", "--preview", "1"], "sign needs --code"),
        (["withdraw", "--from", "wrong.toml"], "wrong.toml has reasons; withdraw takes reason"),
        (["withdraw", "--from", "torn.toml"], "is not TOML"),
    ],
)  # fmt: skip
def test_a_slip_is_told_before_anything_is_sent(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No service is there to ask: nothing listens at this address."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text('reasons = "Solved."\n')
    (tmp_path / "torn.toml").write_text("reason = ")
    environment = {"ERSR_ADDRESS": "http://127.0.0.1:9", "ERSR_TOKEN": "x", "HOME": str(tmp_path)}
    done = CliRunner().invoke(app, ["act", "SRW-2026-4821003-V", *words], env=environment)
    assert (done.exit_code, done.stdout) == (Exit.USAGE, ""), done.exception
    assert said in done.stderr


def test_fields_come_from_a_file_and_options_go_before_it(w: worlds.World, types: Type, tmp_path: Path) -> None:
    """TOML with the API's names; its own times are times, a time without a zone is refused."""
    from ersr.requests import actions

    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    file = tmp_path / "act.toml"
    file.write_text(
        'action = "create"\ntaken = "taken"\nstarts_at = 2026-01-01T01:00:00+01:00\nwords = "From the file."\n'
    )
    made = json.loads(
        types("filer", "act", ref, "record_act", "--from", str(file), "--action", "sinkhole", "--json").stdout
    )
    (act,) = made["acts"]
    assert (act["action"], act["starts_at"], act["words"]) == ("sinkhole", "2026-01-01T00:00:00Z", "From the file.")
    file.write_text('action = "create"\ntaken = "taken"\nstarts_at = 2026-01-01T01:00:00\n')
    assert "with its zone" in types("filer", "act", ref, "record_act", "--from", str(file), code=Exit.USAGE).stderr
