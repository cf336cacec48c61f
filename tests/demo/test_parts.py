"""The demonstration's made-up data, and what of it runs without playing the case."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo import names, parties, run
from demo.installation import Sink, free_port
from demo.people import CAST
from ersr.client.totp import STEP, code
from ersr.parties.actions import import_file
from ersr.parties.models import ContactNumber, Party, Tld


def test_the_list_is_the_same_each_time_and_shaped_like_confickers() -> None:
    made = names.made()
    assert made == names.made()
    assert len(set(made)) == len(made) == 7750
    assert all(re.fullmatch(r"[a-z]{5,11}\.(biz|cc|cn|com|info|net|org|ws)", name) for name in made)
    assert {name.partition(".")[2] for name in made} == set(names.TLDS)


def test_the_four_hide_in_the_filed_list_and_only_they_are_popular() -> None:
    filed = names.filed().decode("ascii").splitlines()
    popular = {row.partition(",")[2] for row in names.popularity().decode("ascii").splitlines()}
    assert len(filed) == len(set(filed)) == 7754
    assert set(filed) - set(names.made()) == set(names.LEGITIMATE) == set(filed) & popular


@pytest.mark.django_db
def test_the_parties_are_the_normal_case(tmp_path: Path) -> None:
    """One operator with 40 TLDs under several agreements, one RSP that acts for many, a number that changed 6 days ago."""
    now = datetime.now(UTC)
    file = tmp_path / "parties.toml"
    file.write_text(parties.toml(now.date()), encoding="utf-8")
    assert "made up" in file.read_text(encoding="utf-8")[:200]
    import_file(file, apply=True, now=now)
    own = Tld.objects.filter(agreement__operator__key="northlight")
    assert own.count() == 40
    assert own.values("agreement").distinct().count() == 3
    assert set(names.TLDS) <= {tld.name for tld in own if tld.rsp and tld.rsp.key == "baltic"}
    served = Tld.objects.filter(rsp__key="baltic").values("agreement__operator").distinct().count()
    assert served >= 5
    assert set(Party.objects.values_list("kind", flat=True)) == {"registry_operator", "rsp", "registrar", "originator"}
    legal = ContactNumber.objects.get(contact__name="Legal")
    assert legal.since == now.date() - timedelta(days=6)
    assert import_file(file, apply=True, now=now) == []
    assert {part.party for part in CAST.values()} <= {*Party.objects.values_list("key", flat=True), "authority"}


def test_a_fresh_code_is_printed_for_whoever_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    people = [{"who": "Mira", "email": "mira@authority.example", "password": "x", "secret": secret}]
    (tmp_path / run.PEOPLE).write_text(json.dumps(people))
    step = int(time.time()) // STEP
    assert run.print_code(tmp_path, "Mira@authority.example") == 0
    assert capsys.readouterr().out.split()[0] in (code(secret, step), code(secret, step + 1))
    assert run.print_code(tmp_path, "nobody@authority.example") == 1
    assert "mira@authority.example" in capsys.readouterr().err
    assert run.print_code(tmp_path / "none", "mira@authority.example") == 1


@pytest.mark.parametrize("to", ["nils@northlight.example", "../../etc/x@y.example"])
def test_a_mail_becomes_a_file_in_its_folder_whatever_its_address(tmp_path: Path, to: str) -> None:
    """An address comes from outside; it never names a folder."""
    import asyncio
    from types import SimpleNamespace

    sink = Sink(tmp_path / "mail")
    asyncio.run(sink.handle_DATA(None, None, SimpleNamespace(content=b"Subject: x\r\n\r\ny\r\n", rcpt_tos=[to])))
    (file,) = tmp_path.rglob("*.eml")
    assert file.parent == tmp_path / "mail"
    assert sink.mails[0]["subject"] == "x"


def test_a_port_that_is_taken_is_not_given() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
