"""Every verb that changes a request: one function, one transaction."""

from ersr.requests.actions.decide import approve, conclude, default_period, end_decision, propose, return_proposal
from ersr.requests.actions.desk import (
    add_line,
    add_provision,
    answer_hits,
    ask,
    assess,
    call,
    change_line,
    confirm_lines,
    remove_names,
    renew_words,
    take,
)
from ersr.requests.actions.filing import (
    add_evidence,
    add_list,
    add_part,
    answer,
    check_six,
    draw_reference,
    drop_draft,
    record_act,
    save_draft,
    submit,
    withdraw,
)

__all__ = [
    "add_evidence", "add_line", "add_list", "add_part", "add_provision", "answer", "answer_hits", "approve", "ask", "assess",
    "call", "change_line", "check_six", "conclude", "confirm_lines", "default_period", "draw_reference", "drop_draft",
    "end_decision", "propose", "record_act", "remove_names", "renew_words", "return_proposal", "save_draft", "submit", "take",
    "withdraw",
]  # fmt: skip
