"""Traffic Light Protocol, FIRST 2.0: labels, their order, and what each lets a recipient do.

Labels are for sharing, not an access control: who reads what is `permits.py`'s to say.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Self

from ersr.core.errors import FieldError, invalid
from ersr.core.tongue import said


class Tlp(enum.StrEnum):
    """Declared from the widest to the narrowest; compared in that order, never as text."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"

    @property
    def rank(self) -> int:
        return tuple(type(self)).index(self)

    @property
    def words(self) -> str:
        """As it is written on every sheet: TLP:AMBER+STRICT."""
        return f"TLP:{self.value}"

    @property
    def permits(self) -> str:
        """What a recipient may do with it, in one sentence."""
        return _PERMITS[self]

    @property
    def outside(self) -> bool:
        """Whether it may leave the recipient's organisation at all."""
        return self < Tlp.AMBER_STRICT

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "TLP:RED", "red" or "AMBER+STRICT"; refuses anything else."""
        try:
            return cls(text.strip().upper().removeprefix("TLP:").strip())
        except ValueError:
            labels = ", ".join(label.value for label in cls)
            raise invalid(FieldError("tlp", said("{text} is not a TLP label. Use one of {labels}.", text=repr(text), labels=labels))) from None

    def __lt__(self, other: str) -> bool:
        return self.rank < type(self)(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= type(self)(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > type(self)(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= type(self)(other).rank


_PERMITS = {
    Tlp.CLEAR: said("May be shared with anyone."),
    Tlp.GREEN: said("May be shared within the recipient's community, not in public."),
    Tlp.AMBER: said("May be shared within the recipient's organisation and with its clients who need to know."),
    Tlp.AMBER_STRICT: said("May be shared within the recipient's organisation only, with those who need to know."),
    Tlp.RED: said("For the named persons only; not to be shared further."),
}

#: A request without another label (docs/process.md).
DEFAULT = Tlp.AMBER_STRICT


def strictest(labels: Iterable[Tlp | str]) -> Tlp:
    """The narrowest of them: one label stands on a page, and it is this. Of none at all: CLEAR."""
    return max((Tlp(label) for label in labels), default=Tlp.CLEAR)
