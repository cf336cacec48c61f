"""The root of a list's tree is made while nothing is locked, of the very records that are signed, and used once."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from ersr import clock
from ersr.core.lifecycle import State
from ersr.files import store
from ersr.jobs import worker
from ersr.jobs.models import Job
from ersr.ledger.sequence import installed_keys
from ersr.lists import actions as lists
from ersr.lists import folders
from ersr.lists.models import NameList
from ersr.lists.queries import latest, records_of
from ersr.lists.removing import without_names
from ersr.proof import membership
from ersr.proof.membership import Claim, ListKey
from ersr.proof.tiles import Tiles
from ersr.proof.verify import verify
from ersr.waivers import actions as waivers
from ersr.waivers import trees
from ersr.waivers.models import ListTree, Preview, Waiver
from ersr.waivers.queries import covers_name, list_key_for
from tests.lists.by_hand import windowed
from tests.oracles import plain_tree
from tests.requests.steps import Case, begin, refused

WINDOWS = "name,valid_from,valid_until\nalpha.biz,,\nbravo.com,2026-01-01,2026-02-01\nbravo.com,2100-01-01,\ncharlie.net,2020-01-01,\n"
RECORDS = [b"alpha.biz", b"bravo.com,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z", b"bravo.com,2100-01-01T00:00:00Z,", b"charlie.net,2020-01-01T00:00:00Z,"]


@pytest.fixture
def c(db: None) -> Case:
    """Everything granted for the waiver, nothing signed."""
    return begin().to(State.DECIDED)


def preview(c: Case) -> Preview:
    return waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now)


def sign(c: Case, row: Preview) -> Waiver:
    return waivers.sign(c.ref, row.pk, c.w.code(c.w.signatory), by=c.w.signatory, now=c.w.now)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_while_a_list_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the preview nor by the signature: a filing that comes meanwhile would wait for all of it."""
    c = begin().to(State.DECIDED)
    locked: list[bool] = []
    of = Tiles.of

    def watched(*words, **more):
        locked.append(transaction.get_connection().in_atomic_block)
        return of(*words, **more)

    monkeypatch.setattr(Tiles, "of", watched)
    row = preview(c)
    assert locked == [False]
    monkeypatch.setattr(folders, "folder_of", None)
    assert sign(c, row).terms.names
    assert locked == [False]


@pytest.mark.django_db
def test_a_list_that_changes_meanwhile_is_not_signed_with_the_old_root(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trees.rooted

    def slow(version, *words):
        found = made(version, *words)
        lists.remove(version.of, without_names(version.of, ["bravo.com"]), reason="In good faith.", by=c.w.security, now=c.w.now)
        return found

    monkeypatch.setattr(trees, "rooted", slow)
    refused(lambda: preview(c), "lapsed", "changed")
    assert not Preview.objects.exists()


@pytest.mark.django_db
def test_only_who_may_prepare_has_a_list_hashed(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "rooted", lambda *_: pytest.fail("hashed"))
    monkeypatch.setattr(trees, "AT_ONCE", 2)
    for person, code in ((c.w.security, "not_allowed"), (c.w.filer, "not_allowed"), (c.w.stranger, "not_found")):
        refused(lambda person=person: waivers.preview(c.ref, "waiver", by=person, now=c.w.now), code)
    assert not ListTree.objects.exists()


@pytest.mark.django_db
def test_an_altered_map_is_never_signed(c: Case) -> None:
    """The map lies beside the store and has no digest of its own in the database: its lines are held against the version's."""
    with records_of(latest(NameList.objects.get())) as found:
        path = found.path
    data = bytearray(path.read_bytes())
    at = data.index(b"bravo.com")
    data[at : at + 5] = b"brawo"
    path.write_bytes(data)
    refused(lambda: preview(c), "damaged", str(path.parent))
    path.unlink()
    assert preview(c)


@pytest.mark.django_db
def test_a_large_list_is_hashed_by_the_worker_once_for_each_preview(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "AT_ONCE", 2)
    before = set(Job.objects.values_list("pk", flat=True))
    refused(lambda: preview(c), "not_now", "0 so far")
    refused(lambda: preview(c), "not_now", "3 names")
    assert Job.objects.exclude(pk__in=before).filter(kind="list_tree").count() == 1
    Job.objects.filter(pk__in=before).delete()
    assert worker.run_one()
    tree = ListTree.objects.get()
    assert (tree.hashed, tree.records, len(tree.root)) == (3, 3, 64)
    row = preview(c)
    assert not ListTree.objects.exists()
    assert bytes(row.list_secret) == bytes(tree.secret)
    waiver = sign(c, row)
    key = ListKey.parse(waiver.list_key.encode())
    assert key.checkpoint.checkpoint.root == plain_tree.root(key.secret, [b"alpha.biz", b"bravo.com", b"charlie.net"])
    assert waiver.terms.names
    assert waiver.terms.names.root == tree.root


@pytest.mark.django_db
def test_a_tree_of_an_older_version_serves_nothing(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "AT_ONCE", 1)
    refused(lambda: preview(c), "not_now")
    old = ListTree.objects.get()
    ListTree.objects.update(root="ab" * 32, records=3)
    lists.remove(NameList.objects.get(), without_names(NameList.objects.get(), ["bravo.com"]), reason="In good faith.", by=c.w.security, now=c.w.now)
    refused(lambda: preview(c), "lapsed", "changed after the decision")
    assert ListTree.objects.get().version == old.version


@pytest.mark.django_db
def test_a_tree_that_could_not_be_made_says_why_and_is_made_anew(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "AT_ONCE", 1)
    refused(lambda: preview(c), "not_now")
    Job.objects.exclude(kind="list_tree").delete()
    version = latest(NameList.objects.get())
    shutil.rmtree(folders.place(version))  # made again from the stored file, which is read through then
    file = store.path(version.file_id)
    data = file.read_bytes()
    file.write_bytes(data[:-1] + b"\0")
    assert worker.run_one()
    assert "altered" in ListTree.objects.get().problem
    file.write_bytes(data)
    refused(lambda: preview(c), "not_now")
    assert worker.run_one()
    assert preview(c)


@pytest.fixture
def w(db: None) -> Case:
    """A signed waiver on a list whose names have windows."""
    c = begin().fill().take().verify().confirm()
    windowed(NameList.objects.get(), WINDOWS, by=c.w.filer, now=c.w.now)
    return c.decide().refuse_the_rest().sign_all()


def listed() -> Waiver:
    return next(row for row in Waiver.objects.order_by("pk") if row.terms.names)


@pytest.mark.django_db
def test_a_list_with_windows_is_signed_with_its_windows(w: Case, tmp_path: Path) -> None:
    """Names and records have digests of their own; both are in terms, letter and token, and the tree is that of the records."""
    waiver, version = listed(), latest(NameList.objects.get())
    key, names = ListKey.parse(waiver.list_key.encode()), waiver.terms.names
    assert version.content_digest != version.digest
    assert names
    assert (names.digest, names.size) == (version.digest, 3)
    assert (names.content_digest, names.records) == (version.content_digest, 4)
    assert names.root == plain_tree.root(key.secret, RECORDS).hex()
    head = key.checkpoint
    assert (head.checkpoint.size, head.checkpoint.root.hex()) == (4, names.root)
    assert head.signed_for_list(installed_keys().key_set()) == (installed_keys().key_set().checkpoint[0], version.content_digest)
    (tmp_path / "x.pdf").write_bytes(store.get(waiver.pdf_id))
    text = " ".join(subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], capture_output=True, check=True).stdout.decode().split())
    assert "3 domain names" in text
    assert "only within its windows of time" in text
    assert "Of the 4 windows" in text
    assert "".join(version.content_digest) in text.replace(" ", "")


@pytest.mark.django_db
def test_a_window_is_proved_and_covers_within_itself_only(w: Case) -> None:
    waiver, keys = listed(), installed_keys().key_set()
    key = ListKey.parse(list_key_for(w.w.filer, waiver.reference)[1])
    with records_of(latest(NameList.objects.get())) as lines:
        record = RECORDS[2]
        proof = membership.prove(lines, lines.of("bravo.com")[record], key, Tiles.of(lines, key.secret))
    token = store.get(waiver.token_id)
    good = verify(proof.text.encode(), keys, at=w.w.now, name="x", claim=Claim(record.decode(), token))
    assert good.outcome == "authentic"
    assert any("and not at" in row for row in good.covers)
    for wrong in ("bravo.com", RECORDS[1].decode()):
        assert verify(proof.text.encode(), keys, at=w.w.now, name="x", claim=Claim(wrong, token)).outcome == "forged"
    found = covers_name(w.w.filer, waiver.reference, "bravo.com", at=w.w.now)
    assert not found.coverage.covered
    assert "1 Jan 2100" in found.coverage.why
    assert covers_name(w.w.filer, waiver.reference, "charlie.net", at=w.w.now).coverage.covered


@pytest.mark.django_db
def test_the_same_names_with_other_windows_are_another_list(db: None) -> None:
    """What was decided and read is not what would be signed, though the names are the same."""
    c = begin().fill().take().verify().confirm()
    row = NameList.objects.get()
    windowed(row, WINDOWS, by=c.w.filer, now=c.w.now)
    c.decide().refuse_the_rest()
    held = preview(c)
    windowed(row, WINDOWS.replace("2100", "2099"), by=c.w.filer, now=c.w.now + timedelta(minutes=1))
    refused(lambda: sign(c, held), "lapsed", "changed")
    refused(lambda: preview(c), "lapsed", "changed after the decision")


@pytest.mark.django_db
def test_a_file_with_or_without_windows_is_held_against_the_token(w: Case) -> None:
    token, keys = store.get(listed().token_id), installed_keys().key_set()

    def judged(names: bytes):
        return verify(token, keys, at=clock.now(), name="x", names=names)

    whole = judged(b"\n".join(RECORDS) + b"\n")
    assert (whole.outcome, any("4 windows that you gave" in row for row in whole.covers)) == ("authentic", True)
    bare = judged(b"alpha.biz\nbravo.com\ncharlie.net\n")
    assert bare.outcome == "authentic"
    assert any("in which windows of time" in row for row in bare.unchecked)
    assert judged(b"\n".join(RECORDS[:2] + RECORDS[3:]) + b"\n").outcome == "forged"


@pytest.mark.django_db
def test_the_page_says_how_far_a_large_list_is(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for itself again where scripts run, has a link where none do, and offers the button when all is hashed."""
    monkeypatch.setattr(trees, "AT_ONCE", 2)
    client = Client()
    client.force_login(c.w.signatory)
    page = f"/desk/{c.ref}/sign"
    assert client.post(page, {"do": "preview", "instrument": "waiver"})["Location"] == page
    ListTree.objects.update(hashed=2)
    html = client.get(page).content.decode()
    assert "2 of 3 names are hashed" in html
    assert 'hx-select="#preparing"' in html
    assert f'href="{page}">Reload' in html
    Job.objects.exclude(kind="list_tree").delete()
    assert worker.run_one()
    html = client.get(page).content.decode()
    assert "are hashed" not in html
    assert "hx-select" not in html
    assert client.post(page, {"do": "preview", "instrument": "waiver"})["Location"] == page
    assert "The instrument, exactly as it will be signed" in client.get(page).content.decode()
