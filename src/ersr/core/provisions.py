"""The provision catalogue: what each agreement demands, which acts depart from it, and which writing could permit that.

The catalogue is data, keyed by agreement family, version and provision (docs/process.md, "When is a waiver needed?").
Seeds lie in catalogue/*.toml; staff add rows without a release, through the same `parse_row`. A row is never edited: a
better reading is a row with a higher number, and a decided line keeps its own copy of the row it was decided on.
"""

from __future__ import annotations

import enum
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ersr.core.errors import FieldError, Refusal
from ersr.core.terms import Instrument
from ersr.core.tongue import joined, said

#: What an act can be like, as `triage` finds it in a filing: code -> how a reason says it. Alphabetical, never reused.
CONDITIONS: Mapping[str, str] = {
    "create:direct": said("creates names without a registrar"),
    "create:registrar": said("creates names through an accredited registrar"),
    "fee_relief": said("asks not to pay the fee for these names"),
    "reserve:registered": said("reserves names that are registered"),
    "reserve:unregistered": said("reserves names that nobody has registered"),
    "server_hold": said("puts names on serverHold"),
    "sinkhole:registered": said("delegates names that others have registered to a sinkhole"),
    "sinkhole:unregistered": said("delegates names that nobody had registered to a sinkhole"),
    "suspend:dns": said("suspends DNS"),
    "suspend:dnssec": said("suspends DNSSEC"),
    "suspend:escrow": said("suspends data escrow"),
    "suspend:rdds": said("suspends RDDS"),
    "suspend:srs": said("suspends SRS/EPP"),
    "transfer": said("transfers names without their registrants' consent"),
}

#: What a filing's fields do not show and staff find out: offered when the filing names another action.
UNSEEN: Mapping[str, str] = {
    "altered_reports": said("leaves incident names out of the monthly reports, or reports late"),
    "ineligible_registrant": said("gives names to a registrant who is not eligible"),
    "names_left_up": said("leaves names up on purpose for an investigation"),
    "names_suspended_for_collision": said("suspends names for collisions beyond the stated process"),
    "new_function": said("starts a function that no RSEP request has covered"),
    "own_policy": said("departs from the registry's own published policy"),
    "personal_data": said("discloses registrants' personal data"),
    "rights_protection": said("undoes a URS lock, or leaves out Claims"),
    "short_term": said("registers names for days or months"),
    "synthesis": said("answers for names that are not registered"),
    "zone_withheld": said("holds back the zone file or parts of it"),
}


class WaivableBy(enum.StrEnum):
    """Who could give the writing; not everything is for this team to give."""

    STAFF = "staff"
    OFFICER = "officer"
    BOARD = "board"
    NOT_BY_WAIVER = "not_by_waiver"

    @property
    def words(self) -> str:
        return {
            "staff": said("staff with a delegation can give this"),
            "officer": said("an officer must give this"),
            "board": said("only the Board can give this"),
            "not_by_waiver": said("no waiver can give this"),
        }[self.value]


@dataclass(frozen=True)
class Provision:
    """One row. `version` is the agreement's, `row` this row's; the other tuples hold codes of CONDITIONS and UNSEEN.

    departs_by     acts that depart from the provision
    may_depart_by  acts that may, so that staff must look
    met_by         acts that stay within it: no waiver is needed
    notice_by      acts for which a notice is enough
    certainty      "S" read at the source named, "U" general knowledge
    """

    family: str
    version: str
    id: str
    row: int
    title: str
    demands: str
    departs_by: tuple[str, ...]
    may_depart_by: tuple[str, ...]
    met_by: tuple[str, ...]
    notice_by: tuple[str, ...]
    instrument: Instrument | None
    waivable_by: WaivableBy
    certainty: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Family, agreement version, provision: what a newer row replaces."""
        return (self.family, self.version, self.id)


_TEXTS = ("id", "title", "demands", "source")
_CODES = ("departs_by", "may_depart_by", "met_by", "notice_by")
_NEEDED = (*_TEXTS, "row", "waivable_by", "certainty")
_KNOWN = (*_NEEDED, *_CODES, "instrument")


def parse_row(raw: Mapping[str, Any], *, family: str, version: str, place: str = said("this row")) -> Provision:
    """One row, strictly: `place` (file and row) leads every sentence. Raises Refusal("unfit") with all its mistakes."""
    wrong = [FieldError(key, said("{file}: {field} is missing.", file=place, field=key)) for key in _NEEDED if key not in raw]
    wrong += [FieldError(key, said("{place}: {field} is not a field of a provision.", place=place, field=key)) for key in raw if key not in _KNOWN]
    for key in _TEXTS:
        if key in raw and (not isinstance(raw[key], str) or not raw[key].strip()):
            wrong.append(FieldError(key, said("{place}: {field} must be a text that is not empty, not {given}.", place=place, field=key, given=repr(raw[key]))))
    row = raw.get("row", 1)
    if isinstance(row, bool) or not isinstance(row, int) or row < 1:
        wrong.append(FieldError("row", said("{place}: row must be a number from 1 on, not {given}.", place=place, given=repr(row))))
    if raw.get("certainty", "S") not in ("S", "U"):
        wrong.append(FieldError("certainty", said("{place}: certainty must be S or U, not {given}.", place=place, given=repr(raw["certainty"]))))
    waivable = _one_of(WaivableBy, "waivable_by", raw, place, wrong)
    instrument = _one_of(Instrument, "instrument", raw, place, wrong)
    if "instrument" not in raw and waivable is not WaivableBy.NOT_BY_WAIVER:
        wrong.append(
            FieldError("instrument", said("{place}: instrument is missing; only what no waiver can give has none.", place=place))
        )
    codes = {key: _codes(key, raw, place, wrong) for key in _CODES}
    seen = [code for key in _CODES for code in codes[key]]
    for code in sorted({code for code in seen if seen.count(code) > 1}):
        wrong.append(FieldError("departs_by", said("{place}: {code} stands there twice; an act has one meaning per row.", place=place, code=code)))
    if wrong:
        raise Refusal("unfit", joined(" ", (error.message for error in wrong)), fields=tuple(wrong))
    assert waivable is not None
    return Provision(
        family, version, raw["id"], row, raw["title"], raw["demands"],
        codes["departs_by"], codes["may_depart_by"], codes["met_by"], codes["notice_by"],
        instrument, waivable, raw["certainty"], raw["source"],
    )  # fmt: skip


@functools.cache
def load() -> tuple[Provision, ...]:
    """The seeds that ship with the product, all files, in the files' order."""
    return load_from(files("ersr.core") / "catalogue")


def load_from(folder: Traversable) -> tuple[Provision, ...]:
    """Every *.toml of a folder; raises Refusal("unfit") naming file, row and field of all that is wrong in one file."""
    read = {}
    for path in sorted((p for p in folder.iterdir() if p.name.endswith(".toml")), key=lambda p: p.name):
        try:
            read[path.name] = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Refusal("unfit", said("{file} is not TOML: {error}.", file=path.name, error=error)) from error
    own = {name: _rows(name, raw) for name, raw in read.items()}
    whole = {name: _with_earlier(name, read, own) for name in read}
    found = tuple(row for name in read for row in whole[name])
    twice = {row.key for row in found if sum(other.key == row.key and other.row == row.row for other in found) > 1}
    if twice:
        family, version, identity = min(twice)
        raise Refusal("unfit", said("The catalogue has {family} {version}, {provision} twice with the same row number.", family=family, version=version, provision=identity))
    return found


def newest(catalogue: Iterable[Provision]) -> tuple[Provision, ...]:
    """Of each provision the row with the highest number, in the order in which the provisions first appear."""
    best: dict[tuple[str, str, str], Provision] = {}
    for row in catalogue:
        if row.key not in best or best[row.key].row < row.row:
            best[row.key] = row
    return tuple(best.values())


def of_agreement(catalogue: Iterable[Provision], family: str, version: str) -> tuple[Provision, ...]:
    """The newest rows of one agreement; empty where the catalogue does not know this family and version."""
    return tuple(row for row in newest(catalogue) if (row.family, row.version) == (family, version))


def _rows(name: str, raw: Mapping[str, Any]) -> tuple[Provision, ...]:
    head = raw.get("agreement")
    wrong = [said("{file}: {table} is not a table of a catalogue.", file=name, table=key) for key in raw if key not in ("agreement", "provision")]
    if not isinstance(head, dict):
        raise Refusal("unfit", said("{file}: the table [agreement] is missing.", file=name))
    needed, known = ("family", "version", "title"), ("family", "version", "title", "rows_as", "without")
    wrong += [said("{file}: {field} is missing.", file=name, field=f"agreement.{key}") for key in needed if not isinstance(head.get(key), str)]
    wrong += [said("{file}: {field} is not a field of an agreement.", file=name, field=f"agreement.{key}") for key in head if key not in known]
    if wrong:
        raise Refusal("unfit", joined(" ", wrong))
    rows: list[Provision] = []
    errors: list[FieldError] = []
    for number, row in enumerate(raw.get("provision", []), start=1):
        place = said("{file}, row {number} ({provision})", file=name, number=number, provision=row.get("id") or said("no id"))
        try:
            rows.append(parse_row(row, family=head["family"], version=head["version"], place=place))
        except Refusal as refusal:
            errors += refusal.fields
    if errors:
        raise Refusal("unfit", joined(" ", (error.message for error in errors)), fields=tuple(errors))
    return tuple(rows)


def _with_earlier(name: str, read: Mapping[str, Any], own: Mapping[str, tuple[Provision, ...]]) -> list[Provision]:
    """A file's own rows after those of the version that it says it reads like (`rows_as`), less `without`."""
    head = read[name]["agreement"]
    rows = {row.id: row for row in own[name]}
    if "rows_as" not in head:
        return list(own[name])
    like = [
        other
        for other, raw in read.items()
        if other != name
        and (raw["agreement"]["family"], raw["agreement"]["version"]) == (head["family"], head["rows_as"])
        and "rows_as" not in raw["agreement"]
    ]
    if len(like) != 1:
        raise Refusal("unfit", said("{file}: agreement.rows_as names no version {version} that has its own rows.", file=name, version=repr(head["rows_as"])))
    taken = {row.id for row in own[like[0]]}
    if unknown := set(head.get("without", ())) - taken:
        raise Refusal("unfit", said("{file}: agreement.without names {provisions}, which {version} has not.", file=name, provisions=sorted(unknown), version=head["rows_as"]))
    merged: list[Provision] = []
    for row in own[like[0]]:
        if row.id in rows:
            merged.append(rows.pop(row.id))
        elif row.id not in head.get("without", ()):
            values = {field: getattr(row, field) for field in row.__dataclass_fields__}
            merged.append(Provision(**{**values, "version": head["version"]}))
    return [*merged, *rows.values()]


def _one_of(kind: Any, key: str, raw: Mapping[str, Any], place: str, wrong: list[FieldError]) -> Any:
    if key not in raw:
        return None
    try:
        return kind(raw[key])
    except ValueError:
        choices = ", ".join(member.value for member in kind)
        wrong.append(FieldError(key, said("{place}: {field} must be one of {choices}, not {given}.", place=place, field=key, choices=choices, given=repr(raw[key]))))
        return None


def _codes(key: str, raw: Mapping[str, Any], place: str, wrong: list[FieldError]) -> tuple[str, ...]:
    value = raw.get(key, [])
    if not isinstance(value, list | tuple):
        wrong.append(FieldError(key, said("{place}: {field} must be a list of codes, not {given}.", place=place, field=key, given=repr(value))))
        return ()
    for code in value:
        if code not in CONDITIONS and code not in UNSEEN:
            wrong.append(FieldError(key, said("{place}: {field} has {code}, which is no code of an act.", place=place, field=key, code=repr(code))))
    return tuple(code for code in value if code in CONDITIONS or code in UNSEEN)
