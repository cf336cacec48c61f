"""Why a name is refused: one reason per entry, as a code that is never reused and a sentence for people. Alphabetical.

Sentences take `line` (number, from 1), `text` (the entry as sent, shortened) and `tlds` (those of the request).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ersr.core.tongue import Said, number, said, tlds_said

REASONS: Mapping[str, Said] = {
    "a_label": said('Line {line} has a part that begins with xn-- but is no A-label in "{text}". Mend it or leave it out.'),
    "character": said('Line {line} has a character that names cannot have in "{text}". Mend it or leave it out.'),
    "deeper": said('Line {line} has a name below another name, "{text}". Send the name above it or leave it out.'),
    "empty_label": said('Line {line} has an empty part (two dots, or a dot in front) in "{text}". Mend it or leave it out.'),
    "hyphen": said('Line {line} has a hyphen where none may stand in "{text}". Mend it or leave it out.'),
    "label_long": said('Line {line} has a part of more than 63 characters in "{text}". Mend it or leave it out.'),
    "name_long": said('Line {line} has a name of more than 253 characters, "{text}". Mend it or leave it out.'),
    "no_name": said('Line {line} has no name under a TLD, only "{text}". Mend it or leave it out.'),
    "other_tld": said('Line {line} has a name under another TLD, "{text}". This request is for {tlds}. Leave it out.'),
    "row": said('Line {line} is no row with a name in its place, "{text}". Mend it or leave it out.'),
    "space": said('Line {line} has a space in "{text}". Mend it or leave it out.'),
    "url": said('Line {line} has an address of a page, "{text}", not a name. Send the name alone.'),
    "wildcard": said('Line {line} has a wildcard in "{text}". Send each name by itself.'),
    "window": said('Line {line} has a window that cannot be read, or that ends before it begins, in "{text}". Write dates like 2026-03-01 or times like 2026-03-01T00:00:00Z.'),
}

#: Longer entries are shortened in sentences: a file of another kind has lines of megabytes.
SHOWN = 80


def sentence(code: str, *, line: int, text: str, tlds: Iterable[str] = ()) -> Said:
    """The sentence for one refused entry; an unknown code is a mistake of the caller (KeyError)."""
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return said(REASONS[code], line=number(line), text=shown, tlds=tlds_said(sorted(tlds)))
