"""Backup, restore, and going on after a loss: by the real command, on files and a database of their own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ersr.core.errors import Refusal
from ersr.ledger.models import EventBody
from ersr.proof.keys import KeySet
from ersr.proof.note import SignedCheckpoint
from ersr.proof.verify import verify
from tests.project.installed import ROOT, SERVICE, Installed

DOC = ROOT / "docs" / "how-to" / "backup.md"

GROW = """
from tests.ledger.growing import event, sequence_all
for number in range({count}): event(number)
sequence_all(clock.now())
"""

#: One digest over every value of every row, past the code that makes backups.
ALL_ROWS = """
import hashlib, json
from django.apps import apps
found = hashlib.sha256()
def plain(value):
    if isinstance(value, (bytes, memoryview)): return bytes(value).hex()
    return value.isoformat(timespec="microseconds") if hasattr(value, "hour") else str(value)
for model in apps.get_models(include_auto_created=True):
    if model._meta.app_label not in ("auth", "contenttypes"):
        for row in model._base_manager.order_by("pk").values_list():
            found.update(json.dumps([model._meta.label, *row], default=plain, sort_keys=True).encode())
print(found.hexdigest(), end="")
"""


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """People, parties, a filing with a list and its evidence; everything has its place in the tree."""
    made = Installed.fresh(tmp_path_factory.mktemp("lived") / "home")
    made.python(
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from tests.requests import steps\n"
        "case = steps.begin().fill()\n"
        "from django.db import transaction\n"
        "from ersr.ledger.append import append\n"
        "with transaction.atomic():\n"
        "    for key in sequence.installed_keys().key_set().all:\n"
        "        append('key.introduced', subject=f'key:{key.kid[:40]}', by='system', now=case.w.now, facts={'kid': key.kid})\n"
        "from ersr.files import store\n"
        "store.put(bytes(range(256)) * 1500, 'application/octet-stream', now=case.w.now)\n"
        "while sequence.run(case.w.now): pass\n"
        "sequence.publish_hourly(case.w.now)\n"
    )
    return made


@pytest.fixture(scope="module")
def backed_up(lived_in: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backups") / "one"
    lived_in.run("backup", folder)
    return folder


@pytest.fixture
def copy(backed_up: Path, tmp_path: Path) -> Path:
    """A backup that a test may alter."""
    shutil.copytree(backed_up, tmp_path / "copy")
    return tmp_path / "copy"


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_bytes())


def seal(folder: Path) -> None:
    """Makes the manifest fit what was altered, as somebody would who wants it unseen."""
    told = manifest(folder)
    for name in told["files"]:
        data = (folder / name).read_bytes()
        told["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (folder / "manifest.json").write_text(json.dumps(told))


def with_keys(home: Path, of: Installed, *, sqlite: bool = False) -> Installed:
    made = Installed.fresh(home, sqlite=sqlite)
    shutil.copytree(of.home / "keys", home / "keys")
    return made


def test_every_command_of_the_page_does_what_it_says(lived_in: Installed, tmp_path: Path) -> None:
    """The page from top to bottom: backup, check, restore, nothing lost; then a later checkpoint turns up and entries are lost."""
    old = Installed.fresh(tmp_path / "old", template=lived_in)
    (tmp_path / "backups").mkdir()
    (tmp_path / "safe").mkdir()
    shutil.copytree(old.home / "keys", tmp_path / "safe" / "keys")
    lines = [
        line.strip().replace("/backups/", f"{tmp_path}/backups/").replace("/safe/", f"{tmp_path}/safe/")
        for line in DOC.read_text(encoding="utf-8").splitlines()
        if re.match(r" {4,}(ersr-service|cp) ", line)
    ]
    said = [old.shell(line) for line in lines[:2]]
    assert said[0].startswith("made: ")
    assert said[1].startswith("whole: ")
    new = Installed.fresh(tmp_path / "new")
    assert lines[2].startswith("cp -a ")
    new.shell(lines[2])
    assert "nobody can tell" in new.shell(lines[3])
    assert "is missing although checkpoints were signed" in new.run("check", ok=False)
    assert lines[4].startswith("cp ")
    new.shell(lines[4])
    assert "the ledger is whole" in new.shell(lines[5])
    assert new.shell(lines[6]).startswith("nothing keeps")
    # The old service had gone on; its last checkpoint is found.
    old.python(GROW.format(count=3))
    receipt = old.python("print(sequence.receipt_for(sequence.Event.objects.latest('pk')).decode(), end='')").encode()
    shutil.copy(old.home / "checkpoint", new.home / "checkpoint")
    ended = SignedCheckpoint.parse((new.home / "checkpoint").read_text())
    refused = new.run("check", ok=False)
    assert f"has {ended.checkpoint.size} entries and the database {ended.checkpoint.size - 3}" in refused
    assert "resume-after-loss" in refused
    assert refused in new.run("serve", ok=False)
    assert refused in new.run("work", ok=False)
    before = (new.home / "keys" / "keys.json").read_bytes()
    assert "dry run" in new.shell(lines[7])
    assert (new.home / "keys" / "keys.json").read_bytes() == before
    assert f"Entries {ended.checkpoint.size - 3} to {ended.checkpoint.size - 1} are lost" in new.shell(lines[8])
    assert new.shell(lines[9]).startswith("nothing keeps")
    assert "the ledger is whole" in new.run("fsck")
    # The new log has another name and key, so no two checkpoints of one log have the same size; the old one's are all kept.
    keys = KeySet.parse((new.home / "keys" / "keys.json").read_bytes())
    going = SignedCheckpoint.parse((new.home / "checkpoint").read_text())
    assert going.signed_by(keys) is not None
    assert going.checkpoint.origin.startswith(f"{ended.checkpoint.origin}/from-")
    assert going.checkpoint.size == ended.checkpoint.size - 3 + 3  # resumed, retired, introduced
    assert [file.read_text() for file in (new.home / "ended-logs").iterdir()] == [ended.text]
    # A receipt of the lost range is still what it was, and says that its log ended.
    found = verify(receipt, keys, at=datetime.now(UTC), name="receipt.json")
    assert found.outcome == "authentic"
    assert any("went out of use" in warning for warning in found.warnings)
    assert verify(receipt, KeySet.parse(before), at=datetime.now(UTC), name="receipt.json").warnings == ()
    line = lines[10].replace("ada@authority.example", "{}@icann.example")
    assert "/enrol/" in new.shell(line.format("administrator"))
    assert "one of the staff calls back" in new.shell(line.format("officer"), ok=False), "two people, for everybody else"
    assert "0 people.reinvited" in new.python(
        "from ersr.people.models import Person; from ersr.ledger.models import Event\n"
        "who = Person.objects.get(email='administrator@icann.example')\n"
        "print(who.factors.count() + who.passkeys.count() + who.recovery_codes.count(), Event.objects.latest('pk').kind)"
    )
    assert len(lines) == 11, "a command of the page that nobody tried"


def test_a_backup_of_a_restored_backup_is_the_same(lived_in: Installed, backed_up: Path, tmp_path: Path) -> None:
    """Every row of every table to the last microsecond, from SQLite to PostgreSQL as well, and the triggers stand."""
    shutil.copy(lived_in.home / "checkpoint", tmp_path / "kept")
    there = with_keys(tmp_path / "there", lived_in, sqlite=True)
    shutil.copy(tmp_path / "kept", there.home / "checkpoint")
    assert "start the service" in there.run("restore", backed_up)
    there.run("backup", tmp_path / "second")
    here = with_keys(tmp_path / "here", lived_in)
    shutil.copy(tmp_path / "kept", here.home / "checkpoint")
    here.run("restore", tmp_path / "second")
    here.run("backup", tmp_path / "third")
    assert there.python(ALL_ROWS) == here.python(ALL_ROWS) == lived_in.python(ALL_ROWS)
    for again in ("second", "third"):
        assert manifest(tmp_path / again)["files"] == manifest(backed_up)["files"]
        assert manifest(tmp_path / again)["ledger"] == manifest(backed_up)["ledger"]
    assert manifest(backed_up)["tables"]["requests_request"] == 1
    assert sum(name.startswith("files/") for name in manifest(backed_up)["files"]) >= 1
    assert manifest(tmp_path / "second")["database"] == "sqlite"
    # What comes later takes the next numbers, and evidence stays evidence.
    here.python(GROW.format(count=2) + "from ersr.ledger.fsck import problems; assert list(problems()) == []\n")
    assert "append-only" in here.python(
        "from django.db import connection, DatabaseError\n"
        "try:\n    connection.cursor().execute('DELETE FROM ledger_leaf')\n"
        "except DatabaseError as problem: print(problem)\n"
    )


@pytest.mark.once
def test_a_backup_holds_no_private_key_and_no_secret(lived_in: Installed, backed_up: Path) -> None:
    pieces = [lived_in.environment["ERSR_SECRET_KEY"].encode(), b"PRIVATE KEY"]
    for pem in (lived_in.home / "keys").glob("*.pem"):
        if pem.name != "chain.pem":
            pieces += pem.read_bytes().splitlines()[1:2]
    assert len(pieces) == 5
    for path in backed_up.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [piece for piece in pieces if piece in data], path
    assert backed_up.stat().st_mode & 0o077 == 0


def test_it_is_of_one_moment_while_others_write(lived_in: Installed, tmp_path: Path) -> None:
    """Events are added and sequenced all the while; what is in the backup is a whole ledger nevertheless."""
    busy = Installed.fresh(tmp_path / "busy", template=lived_in)
    writer = busy.start(
        "-c",
        "from tests.ledger.growing import event\nn = 0\nprint('begun', flush=True)\n"
        "while True:\n    event(n)\n    n += 1\n    n % 5 or sequence.run(clock.now())\n",
    )
    try:
        assert writer.stdout
        assert writer.stdout.readline() == b"begun\n"
        size = int((busy.home / "checkpoint").read_text().splitlines()[1])
        busy.run("backup", tmp_path / "made")
        assert writer.poll() is None
        assert int((busy.home / "checkpoint").read_text().splitlines()[1]) > size, "nobody wrote meanwhile"
    finally:
        writer.kill()
        writer.communicate()
    assert busy.run("backup", "--check", tmp_path / "made").startswith("whole")
    later = with_keys(tmp_path / "later", lived_in)
    later.run("restore", tmp_path / "made")  # recomputes the ledger before it commits


@pytest.mark.once
def test_a_killed_backup_leaves_nothing_at_its_place(lived_in: Installed, tmp_path: Path) -> None:
    """kill -9 in mid-write, then once more to the same place."""
    goal = tmp_path / "made"
    slow = (
        "import time; from pathlib import Path; from ersr.project import backup\n"
        "real = backup.store.get\n"
        "def get(digest): print('begun', flush=True); time.sleep(60); return real(digest)\n"
        "backup.store.get = get\n"
        f"backup.make(Path({str(goal)!r}), now=clock.now())\n"
    )
    running = lived_in.start("-c", slow)
    assert running.stdout
    assert running.stdout.readline() == b"begun\n"
    assert "Another backup" in lived_in.run("backup", goal, ok=False)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert not goal.exists()
    assert (tmp_path / "made.partial" / "rows").exists()
    lived_in.run("backup", goal)
    assert not (tmp_path / "made.partial").exists()
    assert "is not empty" in lived_in.run("backup", goal, ok=False)


@pytest.mark.once
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_nothing(lived_in: Installed, tmp_path: Path) -> None:
    """A real limit of the system on what the process may write, reached in the middle of the rows."""
    command = ["/bin/sh", "-c", 'ulimit -f 256; exec "$0" "$@"', SERVICE, "backup", tmp_path / "made"]
    told = subprocess.run(command, env=lived_in.environment, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "no room left on the disk" in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@pytest.mark.parametrize("change", ["one bit", "missing", "one more", "leaf", "checkpoint"])
def test_a_backup_that_was_altered_is_found(lived_in: Installed, copy: Path, change: str) -> None:
    from ersr.project import backup

    victim = next(path for path in (copy / "files").rglob("*") if path.is_file())
    match change:
        case "one bit":
            victim.write_bytes(victim.read_bytes()[:-1] + b"~")
        case "missing":
            victim.unlink()
        case "one more":
            (copy / "rows" / "more.jsonl").write_text("[]\n")
        case "leaf":  # and the manifest with it
            path = copy / "rows" / "ledger_leaf.jsonl"
            path.write_text(path.read_text().replace("A", "B", 1).replace("C", "D"))
            seal(copy)
        case "checkpoint":
            path = copy / "checkpoint"
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join([lines[0], f"{int(lines[1]) - 1}\n", *lines[2:]]))
            seal(copy)
    found = list(backup.problems(copy))
    words = {
        "one bit": "was altered", "missing": "is missing", "one more": "not in the manifest",
        "leaf": "do not carry the tree", "checkpoint": "not signed",
    }  # fmt: skip
    assert [said for said in found if words[change] in said] == found != []
    if change == "one bit":
        assert "was altered" in lived_in.run("backup", "--check", copy, ok=False)


@pytest.mark.once
def test_a_damaged_manifest_is_a_sentence(copy: Path) -> None:
    """Whatever is missing in it is named, and a checkpoint that is no text is told as well; nothing ends in a traceback."""
    from ersr.project import backup

    told = manifest(copy)
    for name in backup.PARTS:
        (copy / "manifest.json").write_text(json.dumps({key: value for key, value in told.items() if key != name}))
        with pytest.raises(Refusal, match=f"has no {name}"):
            backup.manifest_of(copy)
    (copy / "manifest.json").write_text(json.dumps(told))
    (copy / "checkpoint").write_bytes(b"\xff\xfe")
    seal(copy)
    assert [said for said in backup.problems(copy) if "cannot be read" in said]


def test_a_restore_is_all_or_nothing(lived_in: Installed, copy: Path, tmp_path: Path) -> None:
    """A body altered together with the manifest: the ledger says so before anything is committed, and the database stays empty."""
    path = copy / "rows" / f"{EventBody._meta.db_table}.jsonl"
    head, first, *rest = path.read_text().splitlines(keepends=True)
    row = json.loads(first)
    place = json.loads(head).index("record")
    row[place] = ("A" if row[place][0] != "A" else "B") + row[place][1:]
    path.write_text("".join([head, json.dumps(row) + "\n", *rest]))
    seal(copy)
    new = with_keys(tmp_path / "new", lived_in)
    assert "the bytes do not match the commitment" in new.run("restore", copy, ok=False)
    assert not (new.home / "checkpoint").exists()
    assert new.python("from ersr.parties.models import Party; print(Party.objects.count(), end='')") == "0"


def test_a_restore_that_is_killed_leaves_an_empty_database(
    lived_in: Installed, backed_up: Path, tmp_path: Path
) -> None:
    """kill -9 after the last row and before the commit; then once more."""
    new = with_keys(tmp_path / "new", lived_in)
    running = new.start(
        "-c",
        "import time; from pathlib import Path; from ersr.project import restore\n"
        "def found(): print('begun', flush=True); time.sleep(60); yield ''\n"
        "restore.fsck.problems = found\n"
        f"restore.restore(Path({str(backed_up)!r}))\n",
    )
    assert running.stdout
    assert running.stdout.readline() == b"begun\n"
    running.send_signal(signal.SIGKILL)
    running.communicate()
    until = time.monotonic() + 20
    while new.python("from ersr.parties.models import Party; print(Party.objects.count(), end='')") != "0":
        assert time.monotonic() < until
    new.run("restore", backed_up)


@pytest.mark.once
def test_a_restore_replaces_nothing_and_asks_for_the_right_keys(
    lived_in: Installed, backed_up: Path, tmp_path: Path
) -> None:
    assert "The database is not empty" in lived_in.run("restore", backed_up, ok=False)
    new = Installed.fresh(tmp_path / "new")
    assert "Put the keys back" in new.run("restore", backed_up, ok=False)
    new.python(
        "from pathlib import Path; from ersr.proof import keys\n"
        "keys.generate(Path(settings.ERSR_KEYS), 'Others', 'others.test/log', now=clock.now(), development=True)\n"
    )
    assert "are not those of this backup" in new.run("restore", backed_up, ok=False)
    (tmp_path / "nothing").mkdir()
    assert "is no backup" in new.run("restore", tmp_path / "nothing", ok=False)
