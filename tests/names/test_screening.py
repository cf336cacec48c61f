"""Screening against zones: what the slow twin says, whatever the zone looks like, however many do the work, whenever they die."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ersr.client.command import app
from ersr.core.errors import Refusal
from ersr.names import sieve
from ersr.names.screening import HITS_FILE, Beside, screen
from ersr.names.zonefile import ZoneFile
from tests.names import zones as made
from tests.oracles import plain_screen


def delegations(zone: bytes, names: list[str], path: Path, piece: int) -> set[tuple[str, str]]:
    path.write_bytes(zone)
    found = sieve.delegations(polars.Series("name", names, dtype=polars.String), "com", ZoneFile(path, piece))
    assert found.n_unique() == found.height
    return set(found.iter_rows())


def plain(zone: bytes, names: list[str]) -> set[tuple[str, str]]:
    known = {tuple(name.encode().split(b".")): name for name in names}
    return {
        (known[owner], b".".join(host).decode())
        for owner, found in plain_screen.delegated(zone, "com").items() if owner in known for host in found
    }  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zone") / "com.zone"


@settings(max_examples=100)
@given(made.zones, made.slices, st.sampled_from((1, 60, 300, 1 << 20)), st.sampled_from((1, 100, 64 << 10)))
def test_a_name_is_delegated_by_its_own_ns_records_whatever_the_zone_looks_like(
    place: Path, zone: bytes, names: list[str], piece: int, near: int
):
    """In pieces of any size: the sieve and the reader come to what the twin says octet by octet."""
    before, sieve._NEAR = sieve._NEAR, near
    try:
        try:
            found = delegations(zone, names, place, piece)
        except Refusal as refusal:
            assert "inside a parenthesis" in refusal.message  # noqa: PT017
            assert zone.count(b"(") > 0
            return
    finally:
        sieve._NEAR = before
    assert found == plain(zone, names)


@settings(max_examples=50)
@given(st.binary(max_size=400), st.sampled_from((1, 50, 1 << 20)), st.booleans())
def test_no_file_makes_the_reading_of_zones_crash_or_hang(place: Path, data: bytes, piece: int, packed: bool):
    """Any bytes, plain or cut off in the middle of gzip: delegations or a refusal, nothing else."""
    whole = gzip.compress(data, mtime=0)
    try:
        delegations(whole[: max(2, len(whole) - piece % 7)] if packed else data, ["a.com", "ab.com"], place, piece)
    except Refusal as refusal:
        assert refusal.code == "unfit"  # noqa: PT017


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return listed(
        tmp_path / "list", {"com": ["a-b.com", "a.com", "ab.com", "abc.com", "z9.com"], "net": ["a.net", "b.net"]}
    )


def listed(folder: Path, slices: dict[str, list[str]]) -> Path:
    """A list as intake leaves it."""
    (folder / "slices").mkdir(parents=True)
    for tld, names in slices.items():
        (folder / "slices" / f"{tld}.txt").write_text("".join(f"{name}\n" for name in names))
    told = {
        "names": sum(map(len, slices.values())),
        "tlds": {tld: len(names) for tld, names in slices.items()},
        "digest": "d",
        "content_digest": "c",
    }
    (folder / "summary.json").write_text(json.dumps(told))
    return folder


ZONE = b"""; a remark
com.\t900\tin\tsoa\ta.gtld. b.gtld. 1 2 3 4 5
A-B.com.\t172800\tIN\tNS\tNS2.Sink.NET.
ns1.a.com.\t172800\tin\ta\t192.0.2.1
a.com.\t86400\tin\tds\t1 13 2 ABCDEF

ab.com. 172800 in ns ns1.host.net.
a-b.com.\t172800\tin\tns\tns1.sink.net.
abc.com.\t172800\tin\tns\tns1.sink.net.
abc.com.\t172800\tin\tns\tns1.host.net.
abc.com.x.com.\t172800\tin\tns\tns1.host.net.
"""


def texts(folder: Path, **files: str) -> Beside:
    for name, text in files.items():
        (folder.parent / f"{name}.txt").write_text(text)
    return Beside(**{name: folder.parent / f"{name}.txt" for name in files})


def zone_file(folder: Path, data: bytes = ZONE, name: str = "com.zone.gz") -> Path:
    path = folder.parent / name
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path


def test_each_name_has_the_worst_class_that_fits(folder: Path):
    """Glue and DS make no delegation; a name between two name servers is a sinkhole only if both are; a zone that was not given
    leaves names unscreened, and never unregistered."""
    beside = texts(
        folder,
        sinkholes="NS1.sink.net.\n# old\nns2.sink.net\n",
        popular="9,ab.com\n4,b.net\n",
        allow="z9.com\n",
        registered="a.com\nq.com\n",
        reserved="a-b.com\n",
    )
    summary = screen(folder, {"com": zone_file(folder)}, folder.parent / "out", beside)
    assert (folder.parent / "out/hits.csv").read_text() == (
        "name,class,rank,ns\nz9.com,allowed,,\nb.net,popular,4,\nab.com,popular,9,ns1.host.net\na-b.com,reserved,,ns1.sink.net ns2.sink.net\n"
        "a.com,registered,,\nabc.com,registered,,ns1.host.net ns1.sink.net\n"
    )
    assert {one: count for one, count in summary["tlds"]["com"].items() if count} == {
        "allowed": 1,
        "popular": 1,
        "reserved": 1,
        "registered": 2,
    }
    assert {one: count for one, count in summary["tlds"]["net"].items() if count} == {"popular": 1, "unscreened": 1}
    assert summary["unscreened"] == ["net"]
    assert (
        summary["inputs"]["zones"]["com"]["sha256"]
        == hashlib.sha256((folder.parent / "com.zone.gz").read_bytes()).hexdigest()
    )
    assert json.loads((folder.parent / "out/summary.json").read_bytes()) == summary
    without = screen(folder, {"com": zone_file(folder)}, folder.parent / "out", replace(beside, reserved=None))
    assert without["classes"] == {
        "allowed": 1,
        "popular": 2,
        "reserved": 0,
        "registered": 2,
        "sinkholed": 1,
        "unscreened": 1,
        "unregistered": 0,
    }
    assert not list(folder.parent.glob(".out*"))


@settings(max_examples=12)
@given(st.data())
def test_a_screening_says_what_the_twin_says(place: Path, data: st.DataObject):
    """Files beside the zone in any combination, names under TLDs with and without a zone."""
    labels = st.sets(st.sampled_from(made.LABELS))
    slices = {"com": data.draw(made.slices), "net": sorted(f"{label}.net" for label in data.draw(labels))}
    every = st.sampled_from([*slices["com"], *slices["net"], "q.org"])
    some = st.sets(every)
    zone = data.draw(st.one_of(made.clean_zones, made.nearly_clean_zones))
    lists = {kind: data.draw(some) for kind in ("reserved", "allow", "registered")}
    ranked = {name: rank for rank, name in enumerate(data.draw(st.sets(every, min_size=1)), start=3)}
    with tempfile.TemporaryDirectory(dir=place.parent) as top:
        folder = listed(Path(top, "list"), slices)
        files = {kind: "".join(f"{name}\n" for name in names) for kind, names in lists.items()}
        beside = texts(
            folder,
            popular="".join(f"{rank},{name}\n" for name, rank in ranked.items()),
            sinkholes="ns1.sink.net\nns2.sink.net\n",
            **files,
        )
        summary = screen(folder, {"com": zone_file(folder, zone, "com.zone")}, folder.parent / "out", beside, workers=1)
        with (folder.parent / "out/hits.csv").open(newline="") as file:
            hits = [tuple(row) for row in csv.reader(file)][1:]
    rows, counts = plain_screen.screened(
        slices, {"com": zone}, ranked, sinkholes=("ns1.sink.net", "ns2.sink.net"), **lists
    )
    assert hits == rows
    assert {
        tld: {one: n for one, n in per.items() if n} for tld, per in summary["tlds"].items() if any(per.values())
    } == counts


def several(folder: Path) -> dict[str, Path]:
    """Four slices, with zones; gives the zones."""
    tlds = ("com", "net", "org", "xn--p1ai")
    listed(folder, {tld: [f"n{n:04}.{tld}" for n in range(2_000)] for tld in tlds})
    zones = {}
    for place, tld in enumerate(tlds):
        lines = [
            f"{tld}. 1 in soa a. b. 1 2 3 4 5",
            *(f"N{n:04}.{tld}.\t1\tIN\tNS\tns{n % 3}.host.net." for n in range(place, 4_000, 7)),
        ]
        zones[tld] = zone_file(folder, "\n".join(lines).encode(), f"{tld}.zone.gz")
    return zones


def whole(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_any_number_of_workers_leaves_the_same_bytes(tmp_path: Path):
    zones = several(tmp_path / "list")
    beside = texts(tmp_path / "list", popular="n0003.net\nn0000.com\nn0001.org\n")
    screen(tmp_path / "list", zones, tmp_path / "one", beside, workers=1)
    screen(tmp_path / "list", zones, tmp_path / "three", beside, workers=3)
    assert whole(tmp_path / "one") == whole(tmp_path / "three")
    assert whole(tmp_path / "one")[HITS_FILE].decode().splitlines()[1:4] == [
        "n0003.net,popular,1,", "n0000.com,popular,2,ns0.host.net", "n0001.org,popular,3,",
    ]  # fmt: skip


def _dying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: int) -> Path:
    """Workers are killed with -9 in the middle of .net's unit, the first `times` times; each unit begun leaves a line."""
    begun = tmp_path / "begun"
    begun.touch()
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "if 'ersr.names.crew' in sys.orig_argv[-1]:\n"
        "    from ersr.names import screening\n"
        "    real = screening.screen_unit\n"
        "    def dying(unit):\n"
        f"        with open({str(begun)!r}, 'a') as file: file.write(unit.tld + '\\n')\n"
        f"        if unit.tld == 'net' and open({str(begun)!r}).read().split().count('net') <= {times}:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        real(unit)\n"
        "    screening.screen_unit = dying\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return begun


def test_a_killed_worker_costs_its_unit_only_and_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    zones = several(tmp_path / "list")
    screen(tmp_path / "list", zones, tmp_path / "whole", Beside(), workers=1)
    begun = _dying(monkeypatch, tmp_path, times=1)
    screen(tmp_path / "list", zones, tmp_path / "out", Beside(), workers=2)
    assert sorted(begun.read_text().split()) == ["com", "net", "net", "org", "xn--p1ai"]
    assert whole(tmp_path / "out") == whole(tmp_path / "whole")


def test_a_unit_whose_worker_dies_twice_is_an_error_and_what_was_finished_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    zones = several(tmp_path / "list")
    begun = _dying(monkeypatch, tmp_path, times=2)
    with pytest.raises(Refusal, match=r"The worker for \.net ended twice \(signal 9\)"):
        screen(tmp_path / "list", zones, tmp_path / "out", Beside(), workers=2)
    assert not (tmp_path / "out").exists()
    before = begun.read_text().split()
    screen(tmp_path / "list", zones, tmp_path / "out", Beside(), workers=2)
    assert sorted([*before, *begun.read_text().split()[len(before) :]]) == [
        "com",
        "net",
        "net",
        "net",
        "org",
        "xn--p1ai",
    ]
    assert len((tmp_path / "out" / HITS_FILE).read_text().splitlines()) > 1000


def test_a_run_that_was_killed_goes_on_where_it_stood(tmp_path: Path):
    """kill -9 of the whole run after its first unit: the result is absent, and the next run does only what is left."""
    zones = several(tmp_path / "list")
    said: list[tuple[int, int]] = []
    code = (
        "import os, signal, sys; from pathlib import Path; from ersr.names.screening import Beside, screen\n"
        "top = Path(sys.argv[1]); zones = {path.name.partition('.')[0]: path for path in top.glob('*.zone.gz')}\n"
        "screen(top / 'list', zones, top / 'out', Beside(), workers=1, tell=lambda done, of: done == 2 and os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    screen(tmp_path / "list", zones, tmp_path / "out", Beside(), workers=1, tell=lambda *one: said.append(one))
    assert said == [(2, 4), (3, 4), (4, 4)]
    screen(tmp_path / "list", zones, tmp_path / "whole", Beside(), workers=1)
    assert whole(tmp_path / "out") == whole(tmp_path / "whole")


def test_a_zone_that_changed_is_screened_anew(folder: Path):
    """What a killed run left counts for the very files it was made from."""

    def stop(done: int, of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    path = zone_file(folder, b"com. in soa a. b. 1 2 3 4 5\nz9.com.\t1\tin\tns\tx.\n")
    with pytest.raises(KeyboardInterrupt):
        screen(folder, {"com": path}, folder.parent / "out", Beside(), tell=stop)
    summary = screen(folder, {"com": zone_file(folder)}, folder.parent / "out", Beside())
    assert summary["tlds"]["com"]["registered"] == 3


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (gzip.compress(ZONE, mtime=0)[:-9], "com.zone.gz", "no whole gzip file"), (b"\x1f\x8b\x08nonsense", "com.zone", "no whole gzip file"),
        (b"", "com.zone", r"no record of \.com"), (b"a.net.\t1\tin\tns\tx.\n", "com.zone", r"no record of \.com"),
        (b"x" * (1 << 22), "com.zone", "line of more than a million bytes"), (b"com. in soa a. b. ( 1 2 3\n", "com.zone", "inside a parenthesis"),
        (b"$INCLUDE other\n", "com.zone", r"\$include, which is not followed"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_the_zone_is_refused(folder: Path, data: bytes, name: str, words: str):
    path = folder.parent / name
    path.write_bytes(data)
    with pytest.raises(Refusal, match=words) as refused:
        screen(folder, {"com": path}, folder.parent / "out", Beside())
    assert refused.value.code == "unfit"
    assert not (folder.parent / "out").exists()


def test_a_list_that_is_not_as_intake_left_it_is_refused(folder: Path):
    (folder / "slices/com.txt").write_text("ab.com\na-b.com\na.com\nabc.com\nz9.com\n")
    with pytest.raises(Refusal, match="not as the list was taken in"):
        screen(folder, {}, folder.parent / "out", Beside())
    (folder / "slices/com.txt").unlink()
    with pytest.raises(Refusal, match="other slices than its summary says"):
        screen(folder, {}, folder.parent / "out", Beside())
    with pytest.raises(Refusal, match="is no list"):
        screen(folder / "slices", {}, folder.parent / "out", Beside())


def test_somebody_elses_folder_is_not_replaced(folder: Path):
    (folder.parent / "out").mkdir()
    (folder.parent / "out/thesis.txt").touch()
    with pytest.raises(Refusal, match="is no screening"):
        screen(folder, {}, folder.parent / "out", Beside())


def test_the_command_screens_and_says_loudly_what_it_could_not(folder: Path):
    zone = zone_file(folder)
    done = CliRunner().invoke(
        app, ["names", "screen", str(folder), "--zone", f"COM={zone}", "--out", str(folder.parent / "out"), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["classes"]["registered"] == 3
    assert told["folder"] == str(folder.parent / "out")
    assert "NOT SCREENED: 2 names. No zone was given for .net" in done.stderr
    for wrong in (
        ["--zone", "com"],
        ["--zone", f"com={zone}", "--zone", f"com={zone}"],
        ["--zone", "a.b=x"],
        ["--zone", "com=/nowhere"],
    ):
        assert (
            CliRunner()
            .invoke(app, ["names", "screen", str(folder), *wrong, "--out", str(folder.parent / "no")])
            .exit_code
            == 2
        )
    zone.write_bytes(b"\x1f\x8b")
    bad = CliRunner().invoke(
        app, ["names", "screen", str(folder), "--zone", f"com={zone}", "--out", str(folder.parent / "no")]
    )
    assert bad.exit_code == 2
    assert "Fetch it again. " in bad.stderr.replace("\n", " ")
    assert not (folder.parent / "no").exists()
