"""What is read about requests, always on behalf of somebody. What you may not see answers like what is not there."""

from ersr.requests.queries.contacts import (
    NUMBER_MUST_STAND,
    NumberOnFile,
    claimed_is_on_file,
    filer_is_on_file,
    numbers_to_call,
)
from ersr.requests.queries.filed import (
    current_acts,
    draft_of,
    earlier_of_operator,
    earlier_states,
    find_operator,
    latest_parts,
    operators_for,
    tlds_for,
    yearly_counts,
)
from ersr.requests.queries.lines import (
    LineGroup,
    catalogue,
    decided_in_part,
    earlier_on_provisions,
    grouped,
    lines_told_to,
    live_lines,
    outcome_told_to,
    proposals,
)
from ersr.requests.queries.listed import Listed, listed, lists_visible_to, versions_told_to
from ersr.requests.queries.offering import Move, Offered, desk, in_desk_order, offered, offered_for, own
from ersr.requests.queries.seeing import may, relations, request_for, requests_visible_to, require, who_can
from ersr.requests.queries.told import TOLD_TO_FILER, Happened, history, notes, privileged_notes
from ersr.requests.queries.uploads import OnItsWay, upload_of, uploads_of, uploads_visible_to

__all__ = ["NUMBER_MUST_STAND", "TOLD_TO_FILER", "Happened", "LineGroup", "Listed", "Move", "NumberOnFile", "Offered", "OnItsWay", "catalogue", "claimed_is_on_file", "current_acts", "decided_in_part", "desk", "draft_of", "earlier_of_operator", "earlier_on_provisions", "earlier_states", "filer_is_on_file", "find_operator", "grouped", "history", "in_desk_order", "latest_parts", "lines_told_to", "listed", "lists_visible_to", "live_lines", "may", "notes", "numbers_to_call", "offered", "offered_for", "operators_for", "outcome_told_to", "own", "privileged_notes", "proposals", "relations", "request_for", "requests_visible_to", "require", "tlds_for", "upload_of", "uploads_of", "uploads_visible_to", "versions_told_to", "who_can", "yearly_counts"]  # fmt: skip
