"""Screening: which names of a list are much visited, so that nobody takes down an airline unseen.

No popularity list ships with the product; staff import one. A hit is a question for a person, never a verdict.
"""

from __future__ import annotations

import re
from typing import Self

from ersr.core.errors import Refusal
from ersr.core.reasons import sentence
from ersr.core.tongue import said
from ersr.names.canonical import to_ascii

#: What `to_ascii` leaves as it is, nearly every name of every list: told in a thousandth of the time.
_PLAIN = re.compile(r"(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_RANK = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class Popularity(dict[str, int]):
    """Canonical name -> rank, 1 the most visited."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """One name a line, the most visited first, or `rank,name` lines; never both in one file.

        Strict: a name twice, a rank that is none or a line that is no name refuses the whole file, with its line.
        """
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refusal("unfit", said("This popularity list is not UTF-8 text.")) from error
        ranks = cls()
        with_ranks: bool | None = None
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
            entry = line.strip()
            if not entry or entry[0] in "#;":
                continue
            rank_text, comma, name_text = entry.rpartition(",")
            with_ranks = bool(comma) if with_ranks is None else with_ranks
            if bool(comma) != with_ranks:
                raise Refusal("unfit", said("Line {number} has another form than those before it: {entry}.", number=number, entry=repr(entry[:80])))
            rank = len(ranks) + 1
            if comma:
                if not _RANK.fullmatch(rank_text.strip()):
                    raise Refusal("unfit", said("Line {number} has no rank from 1 on before the comma: {entry}.", number=number, entry=repr(entry[:80])))
                rank = int(rank_text)
            name = name_text.strip()
            reason = ""
            if len(name) > 253 or not _PLAIN.fullmatch(name):
                name, reason = to_ascii(name_text)
            if reason:
                raise Refusal("unfit", sentence(reason, line=number, text=entry))
            if name in ranks:
                raise Refusal("unfit", said("Line {number} has a name that stood there before, {name}.", number=number, name=name))
            ranks[name] = rank
        if not ranks:
            raise Refusal("unfit", said("This popularity list has no names."))
        return ranks
