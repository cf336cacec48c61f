"""Lists at scale beside what people would take otherwise: intake, screening, look-up, tree. Seeded data, made in the run.

Each rival does its best: threads on, memory allowed, no more work than ours has to do, often less. All come to a result that is
compared with ours, so that nobody is fast by leaving something out. Peak memory is the largest sum over the process tree.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import load, names_made, zone_made
from bench.service import ROOT

if TYPE_CHECKING:
    from bench.__main__ import Report

ERSR = Path(sys.executable).with_name("ersr")


@dataclass(frozen=True)
class Scale:
    """`entries` of the dirty list and of the list that is screened, `delegations` of the zone; `turns` of each rival."""

    entries: int
    delegations: int
    turns: int


WHOLE, SMALL, QUICK = Scale(6_000_000, 20_000_000, 3), Scale(600_000, 2_000_000, 3), Scale(20_000, 20_000, 1)

_LOOP = """
import sys
from pathlib import Path
from tests.oracles.plain_intake import digest, taken
told, rows, entries = taken([("list", Path(sys.argv[1]).read_bytes())], set(sys.argv[2:]))
print(digest(sorted({name for name, *_ in entries})))
"""
#: Half of the job: no reasons, no U-labels, no check of the TLD.
_SORT = r"""
export LC_ALL=C
tr A-Z a-z < "$1" | sed -e 's/\[\.\]/./g; s/(\.)/./g; s/{\.}/./g; s/^[ \t]*//; s/[ \t]*$//; s/\.$//' |
grep -E '^[a-z0-9]([a-z0-9-]*[a-z0-9])?\.[a-z0-9-]+$' | sort -u -S 2G --parallel=2 | wc -l
"""
_DUCKDB = """
import sys
import duckdb
link = duckdb.connect()
link.execute("SET enable_progress_bar = false")
link.execute("CREATE TABLE l AS SELECT column0 AS n FROM read_csv(?, header = false, columns = {'column0': 'VARCHAR'}, delim = '\\x01')", [sys.argv[1]])
found = link.execute('''SELECT name, string_agg(DISTINCT host, ' ' ORDER BY host) FROM (
  SELECT rtrim(lower(n), '.') AS name, rtrim(lower(h), '.') AS host
  FROM read_csv(?, delim = '\\t', header = false, quote = '', escape = '', comment = '', null_padding = true, strict_mode = false,
    ignore_errors = true, columns = {'n': 'VARCHAR', 'ttl': 'VARCHAR', 'c': 'VARCHAR', 't': 'VARCHAR', 'h': 'VARCHAR'})
  WHERE lower(t) = 'ns') z SEMI JOIN l ON z.name = l.n GROUP BY name''', [sys.argv[2]]).fetchall()
print(len(found))
"""
_ISAL = """
import sys
from isal import igzip
with igzip.open(sys.argv[1], "rb") as file:
    while file.read(1 << 22):
        pass
print("read")
"""
_LOOKUP = """
import json, random, sys, time
from datetime import UTC, datetime
from pathlib import Path
from ersr.names import records
from ersr.proof import keys, membership

def own():
    rows = (line.split() for line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
    return {name: int(size) / 1024 for name, size, *_ in rows}["Private_Dirty:"]

folder = Path(sys.argv[1])
began = time.perf_counter()
records.open_folder(folder).close()
made = time.perf_counter() - began
empty = own()
held = records.open_folder(folder)
draw = random.Random(1)
asked = [held.lines(n, n + 1)[0].decode() for n in (draw.randrange(held.size) for _ in range(min(200_000, held.size)))]
asked += ["x" + name for name in asked]
draw.shuffle(asked)
before = own()
began, found, find = time.perf_counter(), 0, held.find
for name in asked:
    found += find(name).listed
each = (time.perf_counter() - began) / len(asked)
grown = own() - before + 0.0
assert 2 * found >= len(asked), (found, len(asked))
signer = keys.generate(folder / "keys", "Measured", "log.example/measured", now=datetime.now(UTC), development=True).checkpoint_signer
began = time.perf_counter()
key, tiles = membership.seal(held, held.digest, bytes(range(32)), signer)
sealed = time.perf_counter() - began
file = folder / "tiles"
file.write_bytes(tiles.to_bytes())
proofs = []
for name in asked[:100]:
    if rank := held.of(name):
        began = time.perf_counter()
        membership.prove(held, next(iter(rank.values())), key, membership.tiles_beside(held, key, file))
        proofs.append(time.perf_counter() - began)
print(json.dumps({"map_s": made, "each_us": each * 1e6, "own_mb": max(0.0, grown), "tree_s": sealed, "proof_s": sorted(proofs)[len(proofs) // 2]}))
"""


@dataclass(frozen=True)
class Ran:
    seconds: float
    peak_mb: float
    said: str


def run(words: Sequence[str | Path]) -> Ran:
    """A whole process, start included; its peak is sampled every 20 ms."""
    began = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], sum(map(_resident, _tree(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, wrong = process.communicate()
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, words[:4]))[:200]} ended with {process.returncode}:\n{wrong[-2000:]}")
    return Ran(seconds, round(peak[0], 1), said.strip())


def _tree(pid: int) -> list[int]:
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += _tree(int(child))
    except OSError:
        pass
    return found


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


def measure(scale: Scale, folder: Path, report: Report) -> None:
    _intake(scale, folder, report)
    _lookup(folder, report)
    _screen(scale, folder, report)


def _by_turns(turns: int, rivals: dict[str, Sequence[str | Path]]) -> dict[str, list[Ran]]:
    ran: dict[str, list[Ran]] = {who: [] for who in rivals}
    for _ in range(turns):
        for who, words in rivals.items():
            if "--out" in words:
                shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)
            ran[who].append(run(words))
    return ran


def _rows(job: str, ran: dict[str, list[Ran]], report: Report) -> dict[str, float]:
    """who -> median seconds; each in a row of its own."""
    took = {who: load.median([one.seconds for one in runs]) for who, runs in ran.items()}
    for who, runs in ran.items():
        report.row(job, who, seconds=took[who], peak_mb=max(one.peak_mb for one in runs))
    return took


def _intake(scale: Scale, folder: Path, report: Report) -> None:
    file, out = folder / "list.txt", folder / "taken"
    names_made.write(file, scale.entries)
    under = [word for tld in names_made.TLDS for word in ("--tld", tld)]
    ran = _by_turns(
        scale.turns,
        {
            "srw": [ERSR, "names", "intake", file, *under, "--out", out],
            "tr, sed, grep, sort -u (half the job)": ["bash", "-c", _SORT, "bash", file],
        },
    )
    ran["loop"] = [run([sys.executable, "-c", _LOOP, file, *names_made.TLDS])]
    digest = json.loads((out / "summary.json").read_text())["digest"]
    if ran["loop"][0].said != digest:
        raise RuntimeError(f"intake and loop disagree: {digest}, {ran['loop'][0].said}")
    took = _rows("names_intake", ran, report)
    report.ratios["intake_vs_loop"] = round(took["loop"] / took["srw"], 3)
    report.ratios["intake_vs_sort"] = round(took["tr, sed, grep, sort -u (half the job)"] / took["srw"], 3)
    report.ratios["intake_peak_mb"] = max(one.peak_mb for one in ran["srw"])


def _lookup(folder: Path, report: Report) -> None:
    ran = run([sys.executable, "-c", _LOOKUP, folder / "taken"])
    told: dict[str, float] = json.loads(ran.said)
    for job, seconds in (
        ("names_map", told["map_s"]), ("names_covers", told["each_us"] / 1e6), ("names_tree", told["tree_s"]), ("names_proof", told["proof_s"]),
    ):  # fmt: skip
        report.row(job, "srw", seconds=seconds, peak_mb=ran.peak_mb)
    report.ratios["covers_us"] = round(told["each_us"], 3)
    report.ratios["covers_mb"] = round(told["own_mb"], 1)
    report.ratios["tree_6m_s"] = round(told["tree_s"], 2)


def _screen(scale: Scale, folder: Path, report: Report) -> None:
    zone, whole, com = folder / "com.zone.gz", folder / "list", folder / "com"
    known = zone_made.write_zone(zone, scale.delegations)
    random.Random(1).shuffle(known)
    zone_made.write_list(whole, scale.entries, 43, known)
    told: dict[str, Any] = json.loads((whole / "summary.json").read_text())
    (com / "slices").mkdir(parents=True)
    shutil.copy(whole / "slices" / "com.txt", com / "slices")
    (com / "summary.json").write_text(json.dumps(told | {"names": told["tlds"]["com"], "tlds": {"com": told["tlds"]["com"]}}))
    rivals: dict[str, Sequence[str | Path]] = {
        "srw": [ERSR, "names", "screen", com, "--zone", f"com={zone}", "--out", folder / "screened"],
        "duckdb": [sys.executable, "-c", _DUCKDB, com / "slices" / "com.txt", zone],
        "gzip -dc (no look at it)": ["bash", "-c", 'gzip -dc "$1" > /dev/null', "bash", zone],
        "isal (no look at it)": [sys.executable, "-c", _ISAL, zone],
    }
    ran = _by_turns(scale.turns, rivals)
    classes = json.loads((folder / "screened" / "summary.json").read_text())["classes"]
    if str(classes.get("registered", 0)) != ran["duckdb"][0].said:
        raise RuntimeError(f"screening and duckdb disagree: {classes}, {ran['duckdb'][0].said}")
    took = _rows("names_screen_com", ran, report)
    every = _by_turns(1, {"srw": [ERSR, "names", "screen", whole, "--zone", f"com={zone}", "--out", folder / "all"]})
    _rows("names_screen", every, report)
    for who, key in (("duckdb", "duckdb"), ("gzip -dc (no look at it)", "gunzip"), ("isal (no look at it)", "isal")):
        report.ratios[f"screen_vs_{key}"] = round(took[who] / took["srw"], 3)
    report.ratios["screen_peak_mb"] = max(one.peak_mb for one in [*ran["srw"], *every["srw"]])
