"""Hostile files: they are kept as they came, never opened by us, never shown by a browser, and cost us little."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ersr.jobs import worker
from ersr.lists.models import ListVersion
from ersr.requests import actions
from ersr.requests.models import Evidence
from tests.faces.calling import Caller
from tests.faces.conftest import Visit
from tests.requests.steps import Case
from tests.world import World

MEGA = 2**20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>fetch('/account')</script>"


def peak_of(act: Callable[[], Any]) -> tuple[Any, int]:
    """(what came, bytes that Python held at most while it was done)."""
    tracemalloc.start()
    try:
        answer = act()
        return answer, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "data"),
    [("x.svg", SVG), ("x.html", HTML), ("x.xhtml", HTML), ("x.pdf", HTML), ("x.js", b"alert(1)"), ("x.png", SVG)],
)
def test_an_uploaded_page_never_runs_here(world: World, visit: Visit, name: str, data: bytes) -> None:
    """Whatever it calls itself, it goes out as an attachment of no type in a sandbox, byte by byte, on all three faces."""
    case = Case(world).file()
    client = visit(world.filer)
    sent = client.post(f"/r/{case.ref}/add/evidence", {"file": SimpleUploadedFile(name, data, "image/svg+xml")})
    assert sent.status_code == 302
    row = Evidence.objects.get()
    case.take()
    answers = [
        client.get(f"/r/{case.ref}/evidence/{row.pk}"),
        visit(world.officer).get(f"/desk/{case.ref}/evidence/{row.pk}"),
        Caller(world.filer).get(f"requests/{case.ref}/evidence/{row.pk}"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.content == data
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "a\r\nSet-Cookie: x=1.txt", 'a"; filename="b.exe',
        "\u202egpj.exe", "a\x00b.txt", ".", "..", "x" * 5000, "con\u2028.txt", "<script>.txt",
    ],
)  # fmt: skip
def test_a_file_name_is_a_label_and_nothing_else(world: World, visit: Visit, name: str) -> None:
    """It never becomes a path or a header of its own, and nothing in it that cannot be seen is kept."""
    case = Case(world).file()
    row = actions.add_evidence(case.ref, b"bytes", name=name, by=world.filer, now=world.now)
    assert "/" not in row.name
    assert "\\" not in row.name
    assert row.name.isprintable()
    assert 0 < len(row.name) <= 200
    for answer in (
        visit(world.filer).get(f"/r/{case.ref}/evidence/{row.pk}"),
        Caller(world.filer).get(f"requests/{case.ref}/evidence/{row.pk}"),
    ):
        header = answer["Content-Disposition"]
        assert header.startswith("attachment")
        assert "Set-Cookie" not in answer
        parsed = Message()
        parsed["Content-Disposition"] = header
        parts = [key for key, _ in parsed.get_params(header="Content-Disposition") or []]
        assert parts == ["attachment", "filename"]
        assert not set(parsed.get_filename() or "") & set("/\\:\r\n\0")
    page = visit(world.filer).get(f"/r/{case.ref}/add/evidence").content.decode()
    assert "<script>.txt" not in page


def bombs() -> dict[str, bytes]:
    zeros = bytes(200 * MEGA)
    folder = io.BytesIO()
    with zipfile.ZipFile(folder, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("names.txt", zeros)
    stream = zlib.compress(zeros, 9)
    pdf = b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode/Length " + str(len(stream)).encode() + b">>stream\n" + stream
    pdf += b"\nendstream endobj\n2 0 obj<</ByteRange [0 100 200 300]/Contents<00>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    return {"zip": folder.getvalue(), "gzip": gzip.compress(zeros), "pdf": pdf}


@pytest.fixture(scope="module")
def packed() -> dict[str, bytes]:
    return bombs()


def work() -> None:
    while worker.run_one():
        pass


@pytest.mark.parametrize("kind", ["zip", "gzip", "pdf"])
def test_a_bomb_is_refused_without_being_unpacked(world: World, visit: Visit, packed: dict[str, bytes], kind: str) -> None:
    """200 MB in 200 kB, as a name list, as evidence, and on the page that checks documents: nothing unpacks it."""
    data = packed[kind]
    assert len(data) < MEGA
    case = Case(world).file()
    client = visit(world.filer)
    listed, peak = peak_of(lambda: client.post(f"/r/{case.ref}/add/list", {"title": "x", "file": SimpleUploadedFile("n.txt", data)}))
    assert peak < 40 * MEGA
    if kind == "gzip":  # a packed list may be one: the worker says that this is none
        told, peak = peak_of(lambda: (work(), client.get(listed["Location"]))[1])
        assert peak < 40 * MEGA
        assert "This list was not taken in" in told.content.decode()
        assert not ListVersion.objects.exists()
    else:
        assert listed.status_code == 422
        assert "text" in listed.content.decode()
    checked, peak = peak_of(lambda: client.post("/verify", {"file": SimpleUploadedFile(f"n.{kind}", data)}))
    assert checked.status_code == 200
    assert ">Valid<" not in checked.content.decode()
    assert peak < 40 * MEGA
    judged, peak = peak_of(lambda: Caller(None).post("verify", files={"file": (f"n.{kind}", data)}))
    assert judged.status_code == 200
    assert judged.json()["outcome"] != "authentic"
    assert peak < 40 * MEGA


def test_a_body_that_claims_to_be_packed_is_not_unpacked(world: World, packed: dict[str, bytes]) -> None:
    """Content-Encoding is not for requests here: the bytes are read as they are, and they are no JSON."""
    caller = Caller(world.filer)
    answer = caller.http.post(
        "/api/v1/requests", packed["gzip"], "application/json", headers=caller.headers, HTTP_CONTENT_ENCODING="gzip"
    )
    assert answer.status_code == 422


def test_deep_json_is_refused(world: World) -> None:
    """A hundred thousand brackets end in a refusal, not in an exhausted stack."""
    caller = Caller(world.filer)
    answer = caller.http.post("/api/v1/requests", "[" * 100_000, "application/json", headers=caller.headers)
    assert answer.status_code == 422
