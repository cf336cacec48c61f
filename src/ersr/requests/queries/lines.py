"""Lines, the catalogue they come from, and the decisions on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from ersr.core import provisions
from ersr.core.lifecycle import LineState, State
from ersr.people.models import Person
from ersr.requests.models import Decision, Line, ProvisionRow, Request


def lines_told_to(person: Person, request: Request) -> list[Line]:
    """Staff see every line; a filer sees none before staff have confirmed them (docs/process.md)."""
    return live_lines(request) if person.is_staff_member or request.lines_confirmed_at else []


def outcome_told_to(person: Person, request: Request, line: Line) -> str:
    """A filer learns an outcome from an instrument or from the answer, never from work that is under way."""
    told = line.state == LineState.EXECUTED or State(request.state) in (State.EXECUTED, State.SERVED, State.CLOSED)
    return line.outcome if told or person.is_staff_member else ""


def live_lines(request: Request) -> list[Line]:
    return list(request.lines.filter(dropped_at__isnull=True).select_related("agreement", "name_list"))


def decided_in_part(request: Request) -> bool:
    """Whether a line has its decision, so that the request can no longer be taken back."""
    return request.lines.filter(state__in=(LineState.DECIDED, LineState.EXECUTED)).exists()


@dataclass(frozen=True)
class LineGroup:
    """Lines that are decided together: same action, provision, instrument, state and outcome."""

    action: str
    provision: str
    title: str
    lines: tuple[Line, ...]

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def tlds(self) -> tuple[str, ...]:
        return tuple(sorted({t for line in self.lines for t in line.tlds}))

    @property
    def numbers(self) -> str:
        return ", ".join(str(line.number) for line in self.lines)


def grouped(lines: Iterable[Line]) -> list[LineGroup]:
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        key = (line.action, line.provision, line.instrument, line.hint, line.state, line.outcome)
        groups.setdefault(key, []).append(line)
    return [LineGroup(k[0], k[1], v[0].provision_title, tuple(v)) for k, v in groups.items()]


def catalogue() -> tuple[provisions.Provision, ...]:
    """Seeds and the rows that staff added; the newest row of each provision counts."""
    added = tuple(
        provisions.parse_row(
            {**row.body, "row": row.version}, family=row.family, version=row.agreement_version, place=f"row {row.pk}"
        )
        for row in ProvisionRow.objects.all()
    )
    return provisions.newest((*provisions.load(), *added))


def earlier_on_provisions(request: Request, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """provision -> outcome -> how many approved lines of other requests."""
    counts: dict[str, dict[str, int]] = {}
    rows = Line.objects.filter(provision__in=ids).exclude(outcome="").exclude(request=request).order_by()
    for provision, outcome, count in rows.values_list("provision", "outcome").annotate(Count("pk")):
        counts.setdefault(provision, {})[outcome] = count
    return counts


def proposals(request: Request) -> list[Decision]:
    return list(request.decisions.select_related("proposed_by", "approved_by").prefetch_related("items__line"))
