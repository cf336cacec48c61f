"""A stored version becomes the folder that the command's intake leaves: what is in one is in the other."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path

import pytest

from ersr.core.errors import Refusal
from ersr.files import store
from ersr.lists import folders
from ersr.names import intake, records, screening
from ersr.requests import actions
from tests.names import generator
from tests.requests.steps import begin

pytestmark = pytest.mark.django_db


def test_the_folder_is_what_intake_leaves(tmp_path: Path) -> None:
    c = begin()
    sent = "\n".join([*generator.generated(300), "zulu.biz", "alpha.biz"]).encode()
    version, _ = actions.add_list(c.ref, sent, title="x", by=c.w.filer, now=c.w.now)
    (tmp_path / "taken").mkdir()
    intake.take([("sent", io.BytesIO(sent))], c.request.tlds, tmp_path / "taken")
    left = {p.relative_to(folders.place(version)): p.read_bytes() for p in folders.place(version).rglob("*") if p.is_file()}
    shutil.rmtree(folders.place(version))
    folder = folders.folder_of(version)
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == left, "intake left the same one"
    slices = {p.name: p.read_bytes() for p in (tmp_path / "taken" / "slices").iterdir()}
    assert {p.name: p.read_bytes() for p in (folder / "slices").iterdir()} == slices
    assert hashlib.sha256(b"".join(sorted(b"".join(slices.values()).splitlines(True)))).hexdigest() == version.digest
    with records.open_folder(folder) as found:
        assert found.find("alpha.biz").listed
        assert not found.find("bravo.biz").listed
    told = screening.screen(folder, {}, tmp_path / "screened", screening.Beside())
    assert told["names"] == version.names
    assert folders.folder_of(version) == folder


def test_a_stored_list_that_was_altered_is_refused() -> None:
    c = begin()
    version, _ = actions.add_list(c.ref, b"zulu.biz\nalpha.biz\n", title="x", by=c.w.filer, now=c.w.now)
    shutil.rmtree(folders.place(version))
    file = store.path(version.file_id)
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(Refusal, match="altered"):
        folders.folder_of(version)
    assert not folders.place(version).exists()
