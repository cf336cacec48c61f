"""`make bench`: how fast it is, on both databases and with lists of millions of names, beside a yardstick. Prints a table, leaves bench-out/results.json.

    rows    list of {job, who, seconds or per_second, peak_mb}
    ratios  filing_sqlite, filing_postgresql          filings a second, ours / the yardstick's
            filings_per_second_sqlite, ..._postgresql
            receipt_p99_s                             the worse database
    intake_vs_loop, intake_vs_sort, screen_vs_duckdb, screen_vs_gunzip, screen_vs_isal: a rival's time / ours
    intake_peak_mb, screen_peak_mb, covers_us, covers_mb, tree_6m_s: ours (bench/scale.py)

Filing: real HTTP with a real token, each with its own Idempotency-Key and six answers, against `ersr-service serve` as it
starts by itself, the worker running. The yardstick (bench/bare.py) runs in the same gunicorn on the same database; the two
take turns, so that a noisy machine hits both, and medians count. Commits wait for the disk on both databases.

Receipt: submits leave at fixed times whether or not earlier ones are answered. The delay runs from the moment that the
answer to the submit was read to the moment that a look at the database (every 10 ms, from outside) shows a signed
checkpoint that holds the filing's leaf, from which moment the receipt is handed out; every tenth is asked for over HTTP as
well, and checked with `ersr verify`'s own function.

Pages: one look after the other over HTTP, by people who are signed in, with 100 and with 10,000 requests.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import load, scale
from bench.service import ROOT, THREADS, WORKERS, Installed
from ersr.proof import keys
from ersr.proof.verify import verify
from tests.postgres import postgres

TARGET_RATE = 20.0


@dataclass(frozen=True)
class Size:
    """How much is measured: `turns` of `seconds` for each of the two servers, then `steady` seconds of steady load."""

    turns: int
    seconds: float
    steady: float
    many: int
    looks: int


WHOLE = Size(turns=5, seconds=8, steady=40, many=10_000, looks=40)
QUICK = Size(turns=1, seconds=1, steady=1.5, many=0, looks=3)

SIX = {
    "number_claimed": "+32 2 555 01 42",
    "operator": "northlight",
    "tlds": ["biz", "cc", "cn", "com", "info", "net", "org", "ws"],
    "happening": "A worm registers names by algorithm; our analysts have the generator and seeds for the coming week. Tonight's "
    "names come alive at midnight UTC. The operator of the botnet will use them to push a new module to the machines that "
    "it holds. We want to create the names first and point them at a sinkhole, and to hold those that are registered.",
    "irreversible": "within_hour",
}


def answers(number: int) -> bytes:
    """Six answers as a registry gives them; no two the same."""
    return json.dumps({**SIX, "happening": f"{SIX['happening']} Our case {number}."}).encode()


def filings(token: str, numbers: Iterator[int]) -> Iterator[bytes]:
    for number in numbers:
        key = f"bench-{number}"
        yield load.post("/api/v1/requests", answers(number), Authorization=f"Bearer {token}", Idempotency_Key=key)


def insertions(numbers: Iterator[int]) -> Iterator[bytes]:
    """The same body for the yardstick."""
    for number in numbers:
        yield load.post("/", answers(number))


class Report:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.ratios: dict[str, float] = {}

    def row(self, job: str, who: str, *, peak_mb: float, **value: float) -> None:
        self.rows.append({"job": job, "who": who, **{k: round(v, 4) for k, v in value.items()}, "peak_mb": peak_mb})
        told = "  ".join(f"{v:10.3f} {k.replace('per_second', 'a second')}" for k, v in value.items())
        print(f"{job:28} {who:38} {told:24} {peak_mb:8.1f} MB", flush=True)


# --- filing


def filing(it: Installed, who: str, told: Mapping[str, Any], size: Size, numbers: Iterator[int], report: Report) -> None:
    """Ours and the yardstick by turns."""
    ours, bare = [], []
    for _ in range(size.turns):
        for port, requests, found in (
            (it.ours, filings(told["filer"]["token"], numbers), ours),
            (it.bare, insertions(numbers), bare),
        ):
            found.append(load.flat_out(port, requests, seconds=size.seconds, connections=WORKERS * THREADS))
    rates = {name: load.median([one.per_second for one in found]) for name, found in (("ours", ours), ("bare", bare))}
    report.row("filing", f"srw {who}", per_second=rates["ours"], peak_mb=it.peak_mb("serve", "work"))
    report.row("filing", f"bare view {who}", per_second=rates["bare"], peak_mb=it.peak_mb("bare"))
    lasted = [seconds for one in ours for seconds in one.lasted]
    report.row("filing_answer_p50", f"srw {who}", seconds=load.quantile(lasted, 0.5), peak_mb=it.peak_mb("serve", "work"))
    sent = sum(len(one.lasted) for one in bare)
    report.row("client_per_request", f"bare view {who}", seconds=sum(one.client for one in bare) / sent, peak_mb=_own_peak())
    report.ratios[f"filing_{who}"] = round(rates["ours"] / rates["bare"], 4)
    report.ratios[f"filings_per_second_{who}"] = round(rates["ours"], 1)


def _own_peak() -> float:
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


# --- receipts


class Watch:
    """When each tree size was first seen under a signed checkpoint, by a connection of our own."""

    EVERY = 0.01

    def __init__(self, database: str) -> None:
        self.database, self.seen, self.over = database, [(0.0, 0)], threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        with closing(connect(self.database)) as link:
            while not self.over.is_set():
                size = link.execute("SELECT max(size) FROM ledger_checkpoint").fetchone()[0] or 0
                if size > self.seen[-1][1]:
                    self.seen.append((time.monotonic(), size))
                self.over.wait(self.EVERY)

    def covers(self, leaf: int) -> float:
        """When a checkpoint that holds this leaf was first seen."""
        return next(at for at, size in self.seen if size > leaf)


def connect(database: str) -> Any:
    """A plain connection: (url) -> something with `execute` and `close`."""
    if database.startswith("sqlite://"):
        import sqlite3

        return sqlite3.connect(database.removeprefix("sqlite://"), timeout=20, isolation_level=None)
    import psycopg

    return psycopg.connect(database, autocommit=True)


def receipts(it: Installed, who: str, told: Mapping[str, Any], size: Size, numbers: Iterator[int], report: Report) -> None:
    token = told["filer"]["token"]
    watch = Watch(it.database)
    watch.thread.start()
    sent = load.steady(it.ours, filings(token, numbers), rate=TARGET_RATE, seconds=size.steady)
    with closing(connect(it.database)) as link:
        leaves = _leaves(link, sent.acknowledged)
        until = time.monotonic() + 60
        while len(leaves) < len(sent.acknowledged) or watch.seen[-1][1] <= max(leaves.values()):
            if time.monotonic() > until:
                raise RuntimeError(f"{len(sent.acknowledged) - len(leaves)} filings have no receipt after 60 s:\n{it.words('work')}")
            time.sleep(0.1)
            leaves = _leaves(link, sent.acknowledged)
    watch.over.set()
    watch.thread.join()
    delays = [max(0.0, watch.covers(leaf) - sent.acknowledged[ref]) for ref, leaf in leaves.items()]
    peak = it.peak_mb("serve", "work")
    report.row("receipt_p50", f"srw {who}", seconds=load.quantile(delays, 0.5), peak_mb=peak)
    report.row("receipt_p99", f"srw {who}", seconds=load.quantile(delays, 0.99), peak_mb=peak)
    report.row("receipt_sent_late", f"srw {who}", seconds=sent.late, peak_mb=peak)
    report.ratios["receipt_p99_s"] = max(report.ratios.get("receipt_p99_s", 0.0), round(load.quantile(delays, 0.99), 4))
    _check(it, token, list(sent.acknowledged)[::10])


def _leaves(link: Any, acknowledged: Mapping[str, float]) -> dict[str, int]:
    rows = link.execute(
        'SELECT r.reference, l."index" FROM requests_request r JOIN ledger_leaf l ON l.event_id = r.event_id'
    ).fetchall()
    return {ref: leaf for ref, leaf in rows if ref in acknowledged}


def _check(it: Installed, token: str, references: list[str]) -> None:
    """What was handed out is a receipt, and authentic."""
    known = keys.load(it.folder / "keys").key_set()
    line = load.Line(it.ours)
    for reference in references:
        status, body = line.send(load.get(f"/api/v1/requests/{reference}/receipt", Authorization=f"Bearer {token}"))
        found = verify(body, known, at=datetime.now(UTC), name="receipt.json")
        if status != 200 or found.outcome != "authentic":
            raise RuntimeError(f"the receipt of {reference} is {status}, {found.outcome}")


# --- pages


def pages(it: Installed, who: str, told: Mapping[str, Any], count: int, size: Size, report: Report) -> None:
    ref = told["reference"]
    looks = {
        "desk_queue": ("/desk", "officer"),
        "desk_queue_last_page": ("/desk?page=9999", "officer"),
        "request_page_staff": (f"/desk/{ref}", "officer"),
        "request_page": (f"/r/{ref}", "filer"),
        "start_page": ("/", "filer"),
        "told": ("/told", "officer"),
        "about": ("/about", "filer"),
    }
    reads = {"api_requests_staff": "officer", "api_requests": "filer"}
    asked: dict[str, bytes] = {name: load.get(path, Cookie=told[key]["cookie"]) for name, (path, key) in looks.items()}
    for name, key in reads.items():
        asked[name] = load.get("/api/v1/requests", Authorization=f"Bearer {told[key]['token']}")
    for name, request in asked.items():
        lasted = load.page(it.ours, request, times=size.looks)
        report.row(f"{name}_{count}", f"srw {who}", seconds=load.median(lasted), peak_mb=it.peak_mb("serve"))


# --- all of it


def measure(who: str, database: str, size: Size, report: Report) -> None:
    numbers = itertools.count(1)
    with tempfile.TemporaryDirectory(prefix="ersr-bench-") as folder, Installed(Path(folder), database) as it:
        told = it.stage("world")
        it.start()
        pages(it, who, told, 100, size, report)
        filing(it, who, told, size, numbers, report)
        receipts(it, who, told, size, numbers, report)
        if size.many:
            it.stop("work")  # the copies' events are sequenced where they are made
            told |= it.stage("fill", str(size.many))
            pages(it, who, told, size.many, size, report)
        it.check()
        for name in list(it.running):
            it.stop(name)
        found = it.stage("whole")
        if found["problems"]:
            raise RuntimeError(f"the ledger is not whole after the load: {found['problems'][:3]}")
        print(f"{who}: {found['requests']} requests, ledger whole", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures filings, receipts and pages on both databases, and lists at scale.")
    parser.add_argument("--small", action="store_true", help="a tenth of the names and of the zone")
    parser.add_argument("--quick", action="store_true", help="a second of everything: whether it works, not how fast it is")
    parser.add_argument("--only", choices=("sqlite", "postgresql", "names"), help="one database, or the lists alone")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out", help="where results.json goes")
    chosen = parser.parse_args()
    size, report = QUICK if chosen.quick else WHOLE, Report()
    for who in (chosen.only,) if chosen.only else ("sqlite", "postgresql", "names"):
        if who == "names":
            much = scale.QUICK if chosen.quick else scale.SMALL if chosen.small else scale.WHOLE
            with tempfile.TemporaryDirectory(prefix="ersr-bench-") as folder:
                scale.measure(much, Path(folder), report)
            continue
        with postgres(durable=True) if who == "postgresql" else nullcontext("") as database:
            measure(who, database, size, report)
    chosen.out.mkdir(parents=True, exist_ok=True)
    machine = {"processors": os.cpu_count(), "load": os.getloadavg()[0], "python": sys.version.split()[0]}
    result = {"rows": report.rows, "ratios": report.ratios, "machine": machine, "quick": chosen.quick, "small": chosen.small}
    (chosen.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print()
    for name, value in report.ratios.items():
        print(f"{name:28} {value:10.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
