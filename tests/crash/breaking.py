"""What is broken, the same way on both databases; test_sqlite.py and test_postgresql.py run it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ersr.client.http import Problem
from ersr.client.totp import Authenticator
from ersr.proof import verify
from ersr.proof.keys import KeySet
from ersr.proof.receipt import Receipt
from tests.crash.running import Running, Writer, wait_for, writing
from tests.world import SIX

KILLS = 10
#: Filings a second by all writers: enough that some are always under way, and few enough that what is killed comes back soon.
RATE = 4.0


def assert_acknowledged_once(running: Running, writers: Sequence[Writer], filed_before: int) -> list[str]:
    """Against the writers' own notes: each noted filing has one event with one leaf, and a receipt that verifies offline; and
    nothing was filed that nobody knows of."""
    running.settle()
    noted = [reference for writer in writers for reference in writer.noted]
    assert len(set(noted)) == len(noted), "one reference was given to two filings"
    leaves: dict[str, list[int | None]] = {}
    for subject, leaf in running.rows(
        "SELECT e.subject, l.\"index\" FROM ledger_event e LEFT JOIN ledger_leaf l ON l.event_id = e.id WHERE e.kind = 'request.submit'"
    ):
        leaves.setdefault(subject, []).append(leaf)
    assert {r: leaves.get(r) for r in noted if len(leaves.get(r, [])) != 1 or None in leaves[r]} == {}
    unacknowledged = len(leaves) - filed_before - len(noted)
    assert 0 <= unacknowledged <= sum(writer.left for writer in writers)
    keys = KeySet.parse(running.client("filer").keys())
    with running.client("filer") as client:
        for reference in noted:
            data = client.receipt(reference)
            assert data is not None
            said = verify.verify(data, keys, at=datetime.now(UTC), name="receipt.json")
            assert said.outcome == verify.Outcome.AUTHENTIC, said.why
            receipt = Receipt.parse(data)
            record = json.loads(receipt.record)
            assert (record["kind"], record["subject"]) == ("request.submit", reference)
            assert [receipt.proof.index] == leaves[reference]
    return noted


def filed(running: Running) -> int:
    return int(running.one("SELECT count(*) FROM requests_request"))


def stopped_with_events_waiting(running: Running) -> int:
    """How many wait for the sequencer, which is stopped. Where it was stopped with SQLite's write lock and nothing to do, nobody
    could file either: it goes on, and 0 is returned."""
    os.killpg(running.worker.pid, signal.SIGSTOP)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        if waiting := running.pending():
            return waiting
        time.sleep(0.02)
    os.killpg(running.worker.pid, signal.SIGCONT)
    return 0


def sequencer_killed_under_load(running: Running, writers: int) -> None:
    """Ten kills, each while events wait: before it, with the sequencer stopped, and after it. Every second one on PostgreSQL
    falls between the leaves' and the tiles' rows of one batch."""
    before, waiting = filed(running), []
    with writing(running, writers, pause=writers / RATE) as noting:
        for number in range(KILLS):
            size = running.one("SELECT size FROM ledger_tree")
            wait_for(lambda s=size: running.one("SELECT size FROM ledger_tree") > s, 60, "the sequencer works")
            if running.postgresql and number % 2:
                with running.blocked("ledger_tile") as held_up:
                    wait_for(held_up, 30, "the sequencer is in the middle of a batch")
                    had = running.pending()
                    running.kill(running.worker)
                    left = running.pending()
            else:
                had = wait_for(
                    lambda: stopped_with_events_waiting(running), 60, "events wait while the sequencer is stopped"
                )
                running.kill(running.worker)
                left = running.pending()
            waiting.append((had, left))
            running.work()
    assert len(waiting) == KILLS
    assert all(had > 0 and left > 0 for had, left in waiting), waiting
    assert len(assert_acknowledged_once(running, noting, before)) >= 3 * writers


def server_killed_under_load(running: Running, writers: int, kills: int) -> None:
    """The server and its processes, at once, while calls are under way."""
    before = filed(running)
    with writing(running, writers, pause=writers / (2 * RATE)) as noting:
        for _ in range(kills):
            seen = sum(len(w.noted) for w in noting)
            wait_for(lambda s=seen: sum(len(w.noted) for w in noting) > s + writers, 60, "filings are acknowledged")
            running.kill(running.server)
            running.serve()
    assert sum(writer.repeated for writer in noting) >= kills
    assert_acknowledged_once(running, noting, before)


def worker_killed_in_mid_mail(running: Running) -> None:
    """Twice, after the mail's last line: once before the server took it, once after, with its yes unheard. Every mail
    arrives; only the one that SMTP could not tell of arrives twice."""
    mail = running.mail
    wait_for(
        lambda: not running.one("SELECT count(*) FROM jobs_job WHERE state IN ('open', 'running')"), 60, "no mail waits"
    )
    mail.accepted.clear()
    last = running.one("SELECT coalesce(max(id), 0) FROM notifications_notification")
    mail.go_on.clear()
    with running.client("filer") as client:
        client.submit(SIX, key="mid-mail")
    for keeps in (False, True):
        mail.keeps = keeps
        mail.arrived.clear()
        wait_for(mail.arrived.is_set, 60, "a mail is under way")
        under_way = running.one("SELECT count(*) FROM jobs_job WHERE state = 'running'")
        running.kill(running.worker)
        assert under_way >= 1, "the mail was given up before the kill"
        running.work()
    mail.go_on.set()
    mails = running.rows(f"SELECT id FROM notifications_notification WHERE id > {last}")
    assert len(mails) == 5
    unsent = f"SELECT count(*) FROM notifications_notification WHERE id > {last} AND state <> 'sent'"
    wait_for(lambda: running.one(unsent) == 0, 60, f"every mail is sent\n{running.log('work')}")
    assert sorted(mail.accepted.values()) == [1, 1, 1, 1, 2]
    undone = "SELECT count(*) FROM jobs_job WHERE state <> 'done'"
    wait_for(lambda: running.one(undone) == 0, 10, "every job is done")


def _hold_up_server(running: Running, table: str, started: object) -> None:
    """Kills the server in the middle of the transaction that `started` began."""
    if running.postgresql:
        with running.blocked(table) as held_up:
            started()  # type: ignore[operator]
            wait_for(held_up, 30, f"somebody writes to {table}")
            running.kill(running.server)
        wait_for(
            lambda: not running.one("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"),
            30,
            "PostgreSQL noticed",
        )
    else:
        started()  # type: ignore[operator]
        running.freeze_in_mid_write(running.server)
        running.kill(running.server)


def server_killed_in_mid_signature(running: Running) -> None:
    """Nothing of the half-made waiver is there, the code is not spent, and a second signing makes the one instrument."""
    ref, authenticator = running.granted, Authenticator(running.secret)
    tables = ("waivers_waiver", "waivers_waiverline")
    instrument = running.one(
        "SELECT min(instrument) FROM requests_line WHERE state = 'decided' AND outcome LIKE 'granted%'"
    )

    def state() -> list[object]:
        counts = [running.one(f"SELECT count(*) FROM {table}") for table in tables]
        events = running.one("SELECT count(*) FROM ledger_event WHERE kind = 'request.sign'")
        return [
            *counts,
            events,
            *running.rows(f"SELECT state FROM requests_request WHERE reference = '{ref}'"),
            running.one("SELECT max(last_step) FROM people_factor"),
        ]

    running.settle()
    assert running.end(running.worker) == 0
    with running.client("signatory") as signatory:
        preview = signatory.act(ref, "preview", instrument=instrument)["made"]["id"]
        before = state()
        ended: list[BaseException] = []
        authenticator._last = running.one("SELECT max(last_step) FROM people_factor")  # enrolling took a code already
        code = authenticator.fresh()

        def sign() -> None:
            try:
                signatory.act(ref, "sign", preview=preview, code=code)
            except BaseException as problem:  # noqa: BLE001 - the connection breaks; looked at below
                ended.append(problem)

        thread = threading.Thread(target=sign)
        _hold_up_server(running, "waivers_waiverline", thread.start)
        thread.join(30)
        assert len(ended) == 1
        assert not isinstance(ended[0], Problem), "the server must not have answered"
        assert state() == before
        running.serve()
        running.work()
    with running.client("signatory") as signatory:
        try:
            made = signatory.act(ref, "sign", preview=preview, code=code)
        except Problem as problem:
            if problem.code != "code_wrong":  # it may have grown too old meanwhile, but it was not spent
                raise
            made = signatory.act(ref, "sign", preview=preview, code=authenticator.fresh())
        waiver = made["made"]["reference"]
        with pytest.raises(Problem) as again:
            signatory.act(ref, "sign", preview=preview, code="000000")
        assert again.value.code in ("already", "not_now")
        keys = KeySet.parse(signatory.keys())
        said = verify.verify(signatory.waiver_pdf(waiver), keys, at=datetime.now(UTC), name="waiver.pdf")
        assert said.outcome == verify.Outcome.AUTHENTIC, said.why
    assert running.one("SELECT count(*) FROM waivers_waiver") == 1
    assert running.one("SELECT count(*) FROM ledger_event WHERE kind = 'request.sign'") == 1


def import_killed_halfway(running: Running) -> None:
    """All or nothing: nothing of the killed one is there; the same file goes in whole afterwards, and once."""
    file = running.folder / "many.toml"
    parties = [
        f'[[party]]\nkey = "many{n}"\nkind = "registry_operator"\nname = "Many {n}"\n\n'
        f'[[contact]]\nparty = "many{n}"\nname = "Desk"\nemail = "desk@many{n}.example"\nsource = "test"\nas_of = 2026-01-01\n'
        for n in range(300)
    ]
    file.write_text("\n".join(parties), encoding="utf-8")
    running.settle()
    assert running.end(running.worker) == 0
    counts = "SELECT (SELECT count(*) FROM parties_party), (SELECT count(*) FROM parties_contact), (SELECT count(*) FROM ledger_event)"
    before = running.rows(counts)
    if running.postgresql:
        with running.blocked("parties_contact") as held_up:
            process = running.start("import", str(file), "--apply")
            wait_for(held_up, 60, f"the import is in the middle\n{running.log('import')}")
            running.kill(process)
    else:
        process = running.start("import", str(file), "--apply")
        running.freeze_in_mid_write(process)
        running.kill(process)
    assert running.rows(counts) == before
    assert len(running.service("import", str(file), "--apply").splitlines()) >= 600
    assert running.rows(counts) == [(before[0][0] + 300, before[0][1] + 300, before[0][2] + 1)]
    assert "nothing differs" in running.service("import", str(file))
    running.work()


def mail_in_trouble(running: Running) -> None:
    """Dead, slow, refusing, well again: the outbox tells it all in the server's words, nothing is undone, everything arrives,
    and no receipt waits for it."""
    mail = running.mail
    first, second = f"dead-{time.time_ns()}", f"slow-{time.time_ns()}"
    with running.client("officer") as officer, running.client("filer") as filer:

        def file_and_wait(key: str) -> str:
            reference = str(filer.submit(SIX, key=key)["reference"])
            wait_for(lambda: filer.receipt(reference), 30, "the receipt")
            return reference

        def mails(reference: str) -> list[dict[str, object]]:
            return [row for row in officer.outbox() if row["reference"] == reference]

        mail.accepted.clear()
        sent_before = sum(r["state"] == "sent" for r in officer.outbox())
        mail.stop()
        ref = file_and_wait(first)
        rows = wait_for(lambda: [r for r in mails(ref) if r["state"] == "failed"], 30, "a mail failed")
        assert "refused" in str(rows[0]["problem"])
        assert rows[0]["next_at"]
        mail.keeps = False
        mail.arrived.clear()
        mail.go_on.clear()  # it takes every line, and then keeps silent for longer than the ten seconds that we wait
        mail.start()
        officer.send_again()
        wait_for(mail.arrived.is_set, 30, "a mail hangs")
        hanging = running.rows("SELECT id, lease FROM jobs_job WHERE state = 'running'")
        assert len(hanging) == 1
        file_and_wait(second)
        assert running.rows("SELECT id, lease FROM jobs_job WHERE state = 'running'") == hanging, (
            "the receipt waited for the mail"
        )
        wait_for(lambda: [r for r in officer.outbox() if "timed out" in str(r["problem"])], 40, "a mail timed out")
        mail.rcpt = "451 4.2.0 come back later"
        mail.go_on.set()
        wait_for(
            lambda: [r for r in officer.outbox() if r["problem"] == mail.rcpt and r["next_at"]], 40, "a mail is put off"
        )
        mail.rcpt = "550 5.1.1 no such mailbox"
        officer.send_again()
        # The row has the server's words a moment before its job is given up: both are waited for.
        wait_for(
            lambda: [r for r in officer.outbox() if r["problem"] == mail.rcpt and r["next_at"] is None], 40, "refused for good"
        )
        mail.rcpt = "250 OK"
        wait_for(
            lambda: all(r["state"] == "sent" or r["next_at"] is None for r in officer.outbox()),
            60,
            "what is tried on arrives",
        )
        officer.send_again()
        wait_for(
            lambda: all(r["state"] == "sent" for r in officer.outbox()), 40, "at somebody's word the rest arrives too"
        )
        assert filer.request(ref)["state"] == "received", "nothing was undone"
        sent = len(officer.outbox()) - sent_before
    assert sum(mail.accepted.values()) == sent, "each arrived, and once"


def _gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def worker_killed_in_mid_screening(running: Running) -> None:
    """While a zone is looked through: what was done before stays done and is not begun again, no process outlives the worker, and
    the next worker ends the screening."""
    folder = running.folder / "zones"
    folder.mkdir(exist_ok=True)
    tlds = sorted(SIX["tlds"])
    for tld in tlds:
        records = [f"{tld}.\t1\tin\tsoa\ta. b. 1 2 3 4 5\n", *(f"n{n}.{tld}.\t1\tin\tns\tns1.host.example.\n" for n in range(200_000))]
        (folder / f"{tld}.zone").write_text("".join(records))
    try:
        with running.client("filer") as filer:
            ref = filer.submit(SIX, key="mid-screening")["reference"]
            names = "".join(f"n1.{tld}\nnone.{tld}\n" for tld in tlds).encode()
            filer.add_list(ref, names)
        units = "SELECT id, subject, tries FROM jobs_job WHERE kind = 'screening.unit'"
        wait_for(lambda: len(running.rows(f"{units} AND state = 'done'")) >= 2, 120, f"two zones are done\n{running.log('work')}")
        wait_for(lambda: running.rows(f"{units} AND state = 'running'"), 60, "a zone is looked through")
        done = running.rows(f"{units} AND state = 'done'")
        os.kill(running.worker.pid, signal.SIGKILL)  # the worker alone: its child must notice for itself
        assert running.worker.wait(10) == -signal.SIGKILL
        wait_for(lambda: _gone(running.worker.pid), 5, "the process that looked through the zone ends with its worker")
        under_way = running.rows(f"{units} AND state = 'running'")
        assert under_way
        assert len(done) < len(tlds)
        running.work()
        wait_for(lambda: running.one("SELECT state FROM lists_screening ORDER BY id DESC LIMIT 1") == "done", 180, f"it ends\n{running.log('work')}")
        after = {row[0]: row[2] for row in running.rows(units)}
        assert {row[0]: after[row[0]] for row in done} == {row[0]: row[2] for row in done}, "a finished zone was begun again"
        assert all(after[row[0]] in (row[2], row[2] + 1) for row in under_way)
        assert running.one("SELECT sum(names) FROM lists_hitgroup WHERE kind = 'registered'") == len(tlds)
        wait_for(lambda: running.one("SELECT count(*) FROM jobs_job WHERE kind LIKE 'screening.%' AND state <> 'done'") == 0, 60, "each of its jobs is done")
    finally:
        for file in folder.iterdir():
            file.unlink()


def worker_killed_in_mid_intake(running: Running) -> None:
    """While a file of a million names is read: nothing half-written counts, and the next worker takes the same file in, once."""
    names = sorted(f"n{n}.{tld}" for n in range(200_000) for tld in sorted(SIX["tlds"])[:5])
    data = "".join(f"{name}\n" for name in names).encode()
    with running.client("filer") as filer:
        ref = filer.submit(SIX, key="mid-intake")["reference"]
        told = filer.add_list(ref, data)
        wait_for(lambda: [*(running.folder / "lists").glob(".sent-*/refused.csv")], 60, f"it is being read\n{running.log('work')}")
        os.kill(running.worker.pid, signal.SIGKILL)  # the worker alone: its child must notice for itself
        assert running.worker.wait(10) == -signal.SIGKILL
        wait_for(lambda: _gone(running.worker.pid), 5, "the process that read the file ends with its worker")
        assert filer.upload(ref, told["number"])["state"] == "waiting"
        assert running.one("SELECT count(*) FROM lists_listversion WHERE names > 500000") == 0
        running.work()
        wait_for(lambda: filer.upload(ref, told["number"])["state"] == "taken", 120, f"it is taken in\n{running.log('work')}")
        found = filer.upload(ref, told["number"])
        assert (found["names"], found["digest"]) == (len(names), hashlib.sha256(data).hexdigest())
        assert running.one("SELECT count(*) FROM lists_listversion WHERE names > 500000") == 1
        assert running.one("SELECT tries FROM jobs_job WHERE kind = 'take_list' ORDER BY id DESC LIMIT 1") == 2
        assert not [*(running.folder / "lists").glob("*sent-*")], "what was half read is gone"
