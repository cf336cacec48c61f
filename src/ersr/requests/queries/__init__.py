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
    versions_told_to,
)
from ersr.requests.queries.seeing import (
    Offered,
    desk,
    may,
    offered,
    relations,
    request_for,
    requests_visible_to,
    require,
    who_can,
)
from ersr.requests.queries.told import TOLD_TO_FILER, Happened, history, notes, privileged_notes

__all__ = ["NUMBER_MUST_STAND", "TOLD_TO_FILER", "Happened", "LineGroup", "NumberOnFile", "Offered", "catalogue", "claimed_is_on_file", "current_acts", "decided_in_part", "desk", "draft_of", "earlier_of_operator", "earlier_on_provisions", "filer_is_on_file", "find_operator", "grouped", "history", "latest_parts", "lines_told_to", "live_lines", "may", "notes", "numbers_to_call", "offered", "operators_for", "outcome_told_to", "privileged_notes", "proposals", "relations", "request_for", "requests_visible_to", "require", "tlds_for", "versions_told_to", "who_can", "yearly_counts"]  # fmt: skip
