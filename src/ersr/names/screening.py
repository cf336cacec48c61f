"""Screening a list as taken in against zones: what each name meets, before anybody signs. Classes: core/screening.py.

The unit of work is one pair of slice and zone. A unit needs no other and leaves a folder of its own in the hidden work folder beside the
result, at once or not at all; so units can be done in any order, by any process, and a run that was killed goes on where
it stood. The result is put together from the units' folders in a fixed order: the same bytes, whoever did the units.

    summary.json  classes {class: names}, tlds {tld: {class: names}}, names, unscreened [tld], inputs {list, zones, and each file given}
    hits.csv      name,class,rank,ns: worst first, within a class by rank, then TLD, then name; ns: its name servers, sorted, by spaces
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from ersr.core.errors import Refusal
from ersr.core.reasons import sentence
from ersr.core.screening import HITS, Class
from ersr.core.tongue import said
from ersr.names import crew, sieve
from ersr.names import folder as folders
from ersr.names.canonical import to_ascii
from ersr.names.screen import Popularity
from ersr.names.zonefile import ZoneFile

if TYPE_CHECKING:
    from polars import DataFrame, Series

HITS_FILE = "hits.csv"
_HEAD = "name,class,rank,ns\n"
#: Raised when a unit's folder is written otherwise, so that no run takes up what another release has left.
_FORM = 1
#: Classes whose names can have a rank, since nothing but the allow list goes before popularity.
_RANKED = (Class.ALLOWED, Class.POPULAR)


@dataclass(frozen=True)
class Beside:
    """Files that are given beside the zones, each or none. Names as anybody writes them, one a line; `#` and `;` begin remarks.

    popular: as screen.Popularity reads it. sinkholes: hosts of name servers. registered: registered without delegation.
    """

    popular: Path | None = None
    reserved: Path | None = None
    allow: Path | None = None
    sinkholes: Path | None = None
    registered: Path | None = None

    def given(self) -> dict[str, Path]:
        return {name: path for name, path in vars(self).items() if path is not None}


@dataclass(frozen=True)
class Unit:
    """One pair, as text so that it can be handed to another process. `zone` is empty where none was given.

    `beside`: the folder of files made ready; `into`: the unit's own folder, absent until the unit is done. `count`: names of the slice.
    """

    tld: str
    slice: str
    zone: str
    beside: str
    into: str
    count: int
    threads: int = 2

    @property
    def done(self) -> bool:
        return Path(self.into).is_dir()


@dataclass(frozen=True)
class Plan:
    """The units of one screening and what it is held against; kept as text, so that whoever goes on with it does the same."""

    units: tuple[Unit, ...]
    told: Mapping[str, Any]  # the list's digests, as its summary has them
    inputs: Mapping[str, Any]  # beside -> {file, sha256}

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        found = json.loads(text)
        return cls(tuple(Unit(**unit) for unit in found["units"]), found["told"], found["inputs"])


def plan(folder: Path, zones: Mapping[str, Path], work: Path, beside: Beside, *, threads: int = 2) -> Plan:
    """What is to be done to screen the list in `folder` (as intake leaves it); each unit leaves its folder in work/units.

    Reads the files beside the zones, and no zone. Raises Refusal: "unfit" for a file that cannot be used, "damaged" for a folder that
    is not as intake left it.
    """
    told = _summary_of(folder)
    (work / "units").mkdir(parents=True, exist_ok=True)
    inputs = {name: {"file": path.name, "sha256": _sha256(path)} for name, path in beside.given().items()}
    ready = work / f"beside-{_short(inputs, sorted(told['tlds']))}"
    if not ready.is_dir():
        _make_ready(beside, told["tlds"], ready)
    units = [_unit(folder, tld, count, zones.get(tld), ready, work, threads) for tld, count in sorted(told["tlds"].items())]
    return Plan(tuple(units), {key: told[key] for key in ("digest", "content_digest") if key in told}, inputs)


def screen(
    folder: Path,
    zones: Mapping[str, Path],
    out: Path,
    beside: Beside,
    *,
    workers: int = 0,
    tell: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Screens the list in `folder` (as intake leaves it); gives what out/summary.json holds. `zones`: TLD (A-label) -> zone file.

    `workers`: processes, 0 for one a processor and no more than there are zones. `tell` hears how many units of how many are done. Raises
    Refusal: "unfit" for a file that cannot be used, "damaged" for a folder that is not as intake left it, "conflict" if `out` is there and
    is no screening, "failed" if a worker ended twice over the same unit.
    """
    _may_replace(out)
    work = out.absolute().parent / f".{out.absolute().name}.work"
    workers = workers or max(1, min(os.cpu_count() or 1, len(zones)))
    planned = plan(folder, zones, work, beside, threads=2 if workers == 1 else 1)
    units = planned.units
    left = [unit for unit in units if not unit.done]
    # the largest zone first, or the last worker would be alone with it
    left.sort(key=lambda unit: -Path(unit.zone).stat().st_size if unit.zone else 0)

    def tell_done(done: int) -> None:
        if tell:
            tell(len(units) - len(left) + done, len(units))

    tell_done(0)
    if workers == 1:
        for done, unit in enumerate(left, start=1):
            screen_unit(unit)
            tell_done(done)
    else:
        crew.share(left, workers, tell_done)
    with folders.building(out) as made:
        summary = put_together(planned, made)
        folders.settle(made, out, replace=True)
    shutil.rmtree(work, ignore_errors=True)
    return summary


def screen_unit(unit: Unit) -> None:
    """Does one unit and leaves its folder: result.json, and a CLASS.csv for each class of hits that has names."""
    import polars

    names = _slice(Path(unit.slice), unit.tld, unit.count)
    zone: dict[str, Any] = {}
    hosts = polars.DataFrame(schema={"name": polars.String, "host": polars.String})
    if unit.zone:
        read = ZoneFile(Path(unit.zone))
        hosts = sieve.delegations(names, unit.tld, read, threads=unit.threads)
        zone = {"file": Path(unit.zone).name, "sha256": read.sha256, "bytes": read.size}
    met = _classed(names, hosts, Path(unit.beside))
    counts = {str(row[0]): int(row[1]) for row in met.group_by("class").len().iter_rows()}
    counts[Class.UNREGISTERED if unit.zone else Class.UNSCREENED] = len(names) - met.height
    into = Path(unit.into)
    made = into.with_name(f"{into.name}.{secrets.token_hex(6)}")
    made.mkdir()
    try:
        for one in HITS:
            part = met.filter(polars.col("class") == one.value).sort("rank", "name", nulls_last=True)
            if part.height:
                part.select("name", "class", "rank", "ns").write_csv(made / f"{one.value}.csv", include_header=False)
        result = {
            "counts": counts,
            "zone": zone,
            "slice": {"file": Path(unit.slice).name, "sha256": _sha256(Path(unit.slice))},
        }
        (made / "result.json").write_text(json.dumps(result))
        os.rename(made, into)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not into.is_dir():  # else another run has just done the same
            raise


def _classed(names: Series, hosts: DataFrame, ready: Path) -> DataFrame:
    """(name, class, rank, ns) of the names that meet something."""
    import polars
    from polars import col

    whole = names.rename("name").to_frame()
    sinks = polars.read_parquet(ready / "sinkholes.parquet")["name"]
    served = hosts.group_by("name").agg(
        col("host").sort().str.join(" ").alias("ns"), col("host").is_in(sinks.implode()).all().alias("sunk")
    )

    def read(kind: str) -> DataFrame:
        found = polars.read_parquet(ready / f"{kind}.parquet")
        return found.join(whole, on="name", how="semi") if found.height else found  # to look up nothing costs as much

    popular, lists = read("popular"), {kind: read(kind) for kind in ("allow", "reserved", "registered")}
    met = polars.concat([served.select("name"), popular.select("name"), *lists.values()]).unique()
    met = met.join(served, on="name", how="left").join(popular, on="name", how="left")
    for kind, found in lists.items():
        met = met.join(found.with_columns(polars.lit(True).alias(kind)), on="name", how="left")
    fits = {
        Class.ALLOWED: col("allow").is_not_null(),
        Class.POPULAR: col("rank").is_not_null(),
        Class.RESERVED: col("reserved").is_not_null(),
        Class.REGISTERED: (col("ns").is_not_null() & ~col("sunk"))
        | (col("ns").is_null() & col("registered").is_not_null()),
        Class.SINKHOLED: col("sunk").fill_null(False),
    }
    return met.with_columns(
        polars.coalesce(polars.when(fits[one]).then(polars.lit(one.value)) for one in HITS).alias("class")
    )


def _slice(path: Path, tld: str, count: int) -> Series:
    """The names of a slice; Refusal("damaged") if they are not those that intake counted, sorted and unique."""
    import polars

    try:
        names = (
            polars.scan_lines(path).collect().to_series() if path.stat().st_size else polars.Series(dtype=polars.String)
        )
    except (OSError, polars.exceptions.PolarsError) as error:
        raise Refusal("damaged", said("{file} of the list cannot be read.", file=f"slices/{path.name}")) from error
    if (
        len(names) != count
        or names.null_count()
        or not names.str.ends_with(f".{tld}").all()
        or not (names[1:] > names[:-1]).all()
    ):
        raise Refusal(
            "damaged",
            said("{file} is not as the list was taken in. Take the list in again.", file=f"slices/{path.name}"),
        )
    return names


def _summary_of(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / folders.SUMMARY).read_bytes())
        tlds = {str(tld): int(count) for tld, count in told["tlds"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(
            "damaged", said("{folder} is no list as ersr names intake leaves it.", folder=str(folder))
        ) from error
    slices = {path.stem for path in (folder / folders.SLICES).glob("*.txt")}
    if {tld for tld, count in tlds.items() if count} - slices or slices - tlds.keys():
        raise Refusal(
            "damaged",
            said("{folder} has other slices than its summary says. Take the list in again.", folder=str(folder)),
        )
    return told | {"tlds": {tld: count for tld, count in tlds.items() if tld in slices}}


def _unit(folder: Path, tld: str, count: int, zone: Path | None, ready: Path, work: Path, threads: int) -> Unit:
    path = folder / folders.SLICES / f"{tld}.txt"
    try:
        # as a file can be known without reading it: what is done is done for this very file
        marks = [
            (str(one.resolve()), one.stat().st_size, one.stat().st_mtime_ns) for one in (path, zone) if one is not None
        ]
    except OSError as error:
        raise Refusal(
            "unfit", said("{file} cannot be read ({why}).", file=str(error.filename), why=error.strerror or "")
        ) from error
    into = work / "units" / f"{tld}-{_short(_FORM, marks, ready.name)}"
    return Unit(tld, str(path), str(zone or ""), str(ready), str(into), count, threads)


def _make_ready(beside: Beside, tlds: Iterable[str], ready: Path) -> None:
    """The files beside the zones, read once and strictly, as Parquet for all units; only what is under a TLD of the list is kept."""
    import polars

    under = frozenset(tlds)
    made = ready.with_name(f"{ready.name}.{secrets.token_hex(6)}")
    made.mkdir()
    try:
        ranks = Popularity.parse(beside.popular.read_bytes()) if beside.popular else Popularity()
        kept = {name: rank for name, rank in ranks.items() if name.partition(".")[2] in under}
        columns = {"name": polars.String, "rank": polars.Int64}
        polars.DataFrame({"name": list(kept), "rank": list(kept.values())}, schema=columns).write_parquet(
            made / "popular.parquet"
        )
        for kind in ("reserved", "allow", "registered", "sinkholes"):
            path = getattr(beside, kind)
            found = names_in(path) if path else set()
            if kind != "sinkholes":
                found = {name for name in found if name.partition(".")[2] in under}
            polars.DataFrame({"name": sorted(found)}, schema={"name": polars.String}).write_parquet(
                made / f"{kind}.parquet"
            )
        os.rename(made, ready)
    except OSError as error:
        if not ready.is_dir():
            raise Refusal(
                "unfit", said("{file} cannot be read ({why}).", file=str(error.filename), why=error.strerror or "")
            ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def names_in(path: Path) -> set[str]:
    """Canonical names of a file with one a line; Refusal("unfit") with the first line that has none."""
    found: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                entry = line.strip()
                if entry and entry[0] not in "#;":
                    name, reason = to_ascii(entry)
                    if reason:
                        raise Refusal(
                            "unfit",
                            said("{file}: {why}", file=path.name, why=sentence(reason, line=number, text=entry)),
                        )
                    found.add(name)
    except UnicodeDecodeError as error:
        raise Refusal("unfit", said("{file} is not UTF-8 text.", file=path.name)) from error
    return found


def put_together(planned: Plan, made: Path) -> dict[str, Any]:
    """The result of units that are all done, in the folder `made`; gives what its summary.json holds."""
    units, inputs = planned.units, {"list": dict(planned.told), **planned.inputs}
    results = {unit.tld: json.loads((Path(unit.into) / "result.json").read_bytes()) for unit in units}
    tlds = {tld: {one.value: result["counts"].get(one.value, 0) for one in Class} for tld, result in results.items()}
    inputs["list"]["slices"] = {tld: result["slice"]["sha256"] for tld, result in results.items()}
    inputs["zones"] = {tld: result["zone"] for tld, result in results.items() if result["zone"]}
    summary = {
        "names": sum(sum(counts.values()) for counts in tlds.values()),
        "classes": {one.value: sum(counts[one.value] for counts in tlds.values()) for one in Class},
        "unscreened": [unit.tld for unit in units if not unit.zone],
        "tlds": tlds,
        "inputs": inputs,
    }
    with (made / HITS_FILE).open("w", encoding="utf-8", newline="") as out:
        out.write(_HEAD)
        for one in HITS:
            parts = [path for unit in units if (path := Path(unit.into) / f"{one.value}.csv").is_file()]
            _by_rank(parts, out) if one in _RANKED else _one_after_the_other(parts, out)
    (made / folders.SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _one_after_the_other(parts: Iterable[Path], out: IO[str]) -> None:
    for part in parts:
        with part.open(encoding="utf-8", newline="") as file:
            shutil.copyfileobj(file, out, 1 << 20)


def _by_rank(parts: Iterable[Path], out: IO[str]) -> None:
    """Those with a rank first; where there is none, the order of the parts (TLD) and of their lines (name) stands."""
    rows = []
    for part in parts:
        with part.open(encoding="utf-8", newline="") as file:
            rows += list(csv.reader(file))
    rows.sort(key=lambda row: (not row[2], int(row[2] or 0)))
    csv.writer(out, lineterminator="\n").writerows(rows)


def _may_replace(out: Path) -> None:
    """An older screening gives way to a newer; anything else that lies there is somebody's."""
    if out.is_dir() and {path.name for path in out.iterdir()} <= {folders.SUMMARY, HITS_FILE}:
        return
    if out.exists() or out.is_symlink():
        raise Refusal(
            "conflict", said("{folder} is there already and is no screening. Give another folder.", folder=str(out))
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refusal(
            "unfit", said("{file} cannot be read ({why}).", file=str(path), why=error.strerror or "")
        ) from error


def _short(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]
