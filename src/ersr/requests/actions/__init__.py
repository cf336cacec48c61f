"""Every verb that changes a request: one function, one transaction."""

from ersr.requests.actions.decide import approve, conclude, default_period, end_decision, propose, return_proposal
from ersr.requests.actions.desk import (
    add_line,
    add_provision,
    ask,
    assess,
    call,
    change_line,
    confirm_lines,
    renew_words,
    take,
)
from ersr.requests.actions.filing import (
    add_evidence,
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
from ersr.requests.actions.listing import add_list, finish_upload, note_read, receive_list, refuse_upload
from ersr.requests.actions.screening import answer_groups, answer_hits, remove_names, screen_again

__all__ = [
    "add_evidence", "add_line", "add_list", "add_part", "add_provision", "answer", "answer_groups", "answer_hits", "approve", "ask", "assess",
    "call", "change_line", "check_six", "conclude", "confirm_lines", "default_period", "draw_reference", "drop_draft",
    "end_decision", "finish_upload", "note_read", "propose", "receive_list", "record_act", "refuse_upload", "remove_names", "renew_words", "return_proposal", "save_draft", "screen_again", "submit", "take",
    "withdraw",
]  # fmt: skip
