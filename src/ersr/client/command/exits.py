"""With what number each command ends. Scripts rely on them: a number is never given another meaning."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    DONE = 0
    FORGED = 1
    USAGE = 2
    CANNOT_TELL = 3
    REFUSED = 4
    SIGN_IN = 5
    UNREACHABLE = 6
    PENDING = 7
    STOPPED = 130
    PIPE_CLOSED = 141

    @property
    def words(self) -> str:
        return {
            Exit.DONE: "Done; of verify: all authentic.",
            Exit.FORGED: "verify: at least one file is forged or damaged, or signed by no key that you trust. names: nothing accepted, or a name is not covered or not on the list.",
            Exit.USAGE: "Wrong usage, or a file that cannot be read: nothing was sent.",
            Exit.CANNOT_TELL: "verify: cannot tell (no keys, or none of our documents).",
            Exit.REFUSED: "The service refused; nothing was changed.",
            Exit.SIGN_IN: "No usable token, or one without the scope: sign in with ersr login.",
            Exit.UNREACHABLE: "The service did not answer, or is busy. Run the same command again: it acts once.",
            Exit.PENDING: "Not ready yet; run it again later.",
            Exit.STOPPED: "Stopped with Ctrl-C.",
            Exit.PIPE_CLOSED: "Whoever read the output closed it.",
        }[self]


def table() -> str:
    """One line a number, for --help."""
    return "\n".join(f"{code.value:>3}  {code.words}" for code in Exit)
