"""Why a name is refused: one reason per entry, as a code that is never reused and a sentence for people. Alphabetical.

Sentences take `line` (number, from 1), `text` (the entry as sent, shortened) and `tlds` (those of the request).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

REASONS: Mapping[str, str] = {
    "a_label": 'Line {line} has a part that begins with xn-- but is no A-label in "{text}". Mend it or leave it out.',
    "character": 'Line {line} has a character that names cannot have in "{text}". Mend it or leave it out.',
    "deeper": 'Line {line} has a name below another name, "{text}". Send the name above it or leave it out.',
    "empty_label": 'Line {line} has an empty part (two dots, or a dot in front) in "{text}". Mend it or leave it out.',
    "hyphen": 'Line {line} has a hyphen where none may stand in "{text}". Mend it or leave it out.',
    "label_long": 'Line {line} has a part of more than 63 characters in "{text}". Mend it or leave it out.',
    "name_long": 'Line {line} has a name of more than 253 characters, "{text}". Mend it or leave it out.',
    "no_name": 'Line {line} has no name under a TLD, only "{text}". Mend it or leave it out.',
    "other_tld": 'Line {line} has a name under another TLD, "{text}". This request is for {tlds}. Leave it out.',
    "space": 'Line {line} has a space in "{text}". Mend it or leave it out.',
    "url": 'Line {line} has an address of a page, "{text}", not a name. Send the name alone.',
    "wildcard": 'Line {line} has a wildcard in "{text}". Send each name by itself.',
}

#: Longer entries are shortened in sentences: a file of another kind has lines of megabytes.
SHOWN = 80


def sentence(code: str, *, line: int, text: str, tlds: Iterable[str] = ()) -> str:
    """The sentence for one refused entry; an unknown code is a mistake of the caller (KeyError)."""
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return REASONS[code].format(line=line, text=shown, tlds=", ".join(f".{tld}" for tld in sorted(tlds)))
