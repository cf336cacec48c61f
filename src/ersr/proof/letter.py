"""The instrument as a PDF: rendered from the terms (PDF/A-3a, PDF/UA-1), later signed together with its token.

`render` needs the service's extra (typst, fonts) and is deterministic: the same terms give the same bytes. `sign` (pdfsign.py)
appends to those bytes, so what the signatory saw stays the beginning of what was signed.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ersr.core.say import MONTHS
from ersr.core.terms import Entity, LineTerms, Terms
from ersr.proof.pdfsign import sign, terms_digest
from ersr.proof.strict import unfit

__all__ = ["render", "sign", "terms_digest"]

_FONTS = ("fontpkg_source_serif_4", "fontpkg_ibm_plex_mono")
_TLP_COLOURS = {"RED": "#FF2B2B", "AMBER": "#FFC000", "AMBER+STRICT": "#FFC000", "GREEN": "#33FF00", "CLEAR": "#FFFFFF"}


def render(terms: Terms) -> bytes:
    """The letter, unsigned and without its token. Refuses ("unfit") text that the letter's typeface cannot set."""
    import typst  # 81 MB that only the service has; the verifier must run without it

    folder = Path(__file__).parent
    compiler = typst.Compiler(
        input=str(folder / "letter.typ"),
        root=str(folder),
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=_font_folders()),
        sys_inputs={"terms": json.dumps(_words(terms), ensure_ascii=False)},
    )
    try:
        made = compiler.compile(format="pdf", pdf_standards=["a-3a", "ua-1"])
    except typst.TypstError as error:
        raise unfit(f"The letter cannot be set: {error.message}. Use Latin, Greek or Cyrillic letters.") from error
    if not isinstance(made, bytes):
        raise TypeError("typst returned no PDF")
    return made + b"\n"  # typst ends at %%EOF, and the signing update must begin on a line of its own


def _font_folders() -> list[str]:
    found = []
    for package in _FONTS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise LookupError(f"the typeface {package} is not installed")
        found.append(str(Path(spec.origin).parent / "files"))
    return found


# --- what the template prints, as ready strings ---


def _words(terms: Terms) -> dict[str, Any]:
    label = terms.tlp if terms.tlp.startswith("TLP:") else f"TLP:{terms.tlp}"
    return {
        "reference": terms.reference,
        "request": terms.request,
        "kind": terms.instrument.value,
        "title": terms.instrument.title,
        "basis": terms.instrument.basis,
        "digest": terms_digest(terms),
        "date": {"year": terms.dated.year, "month": terms.dated.month, "day": terms.dated.day},
        "dated": _day(terms.dated),
        "tlp": {"label": label, "colour": _TLP_COLOURS.get(label.removeprefix("TLP:"), "#FFFFFF")},
        "authority": _entity(terms.authority),
        "registry": _entity(terms.registry),
        "rsp": _entity(terms.rsp) if terms.rsp else None,
        "incident": terms.incident.strip().rstrip("."),
        "reasons": [_sentence(reason) for reason in terms.reasons],
        "agreements": [
            {
                "label": f"A{n}",
                "dated": _day(agreement.dated),
                "family": agreement.family,
                "version": agreement.version,
                "tlds": list(agreement.tlds),
            }
            for n, agreement in enumerate(terms.agreements, start=1)
        ],
        "provisions": _provisions(terms),
        "acts": _acts(terms),
        "names": _names(terms),
        "acts_from": _moment(terms.acts_from),
        "effective_from": _moment(terms.effective_from),
        "ends_at": _moment(terms.ends_at),
        "ends_note": _end_of_day(terms.ends_at),
        "retroactive": terms.acts_from < terms.effective_from,
        "conditions": [_sentence(condition) for condition in terms.conditions],
        "reporting": _reporting(terms.reporting),
        "disposition": _sentence(terms.disposition),
        "confidentiality": _sentence(terms.confidentiality),
        "publication": _sentence(terms.publication),
        "signatory": {
            "name": terms.signatory.name,
            "title": terms.signatory.title,
            "delegation": terms.signatory.delegation,
        },
    }


def _entity(entity: Entity) -> dict[str, Any]:
    address = [row.strip() for row in entity.address.splitlines() if row.strip()]
    return {"name": entity.name, "address": address, "jurisdiction": entity.jurisdiction}


def _provisions(terms: Terms) -> list[dict[str, Any]]:
    """One row for all lines that differ in nothing but their agreement, in the order of their first line.

    Lines with different acts never share a row: their TLDs would mix, and a lawyer could read one's act with another's TLD.
    """
    groups: dict[tuple[str, ...], list[LineTerms]] = {}
    for line in terms.lines:
        kind = (line.provision, line.provision_title, line.outcome, _act(line))
        groups.setdefault((*kind, line.modification, line.quote, line.quote_source), []).append(line)
    rows = []
    for lines in groups.values():
        tlds, first = {tld for line in lines for tld in line.tlds}, lines[0]
        whose = _whose(terms, tlds)
        rows.append(
            {
                "lines": _numbers(line.number for line in lines),
                "provision": _section(first.provision),
                "title": first.provision_title,
                "modification": _sentence(first.modification),
                "quote": first.quote,
                "source": first.quote_source,
                "tlds": [] if whose else sorted(tlds),
                "whose": whose,
            }
        )
    return rows


def _whose(terms: Terms, tlds: set[str]) -> str:
    """Words for whole agreements ("all of A1 and A3"), or nothing when the TLDs must be listed."""
    labels = [f"A{n}" for n, a in enumerate(terms.agreements, start=1) if tlds & set(a.tlds)]
    whole = {tld for a in terms.agreements if tlds & set(a.tlds) for tld in a.tlds}
    if tlds != whole or len(tlds) <= 3:
        return ""
    return "all of paragraph 1" if len(labels) == len(terms.agreements) else f"all of {_listed(labels)}"


def _acts(terms: Terms) -> list[dict[str, str]]:
    """The acts as what the Registry Operator may do ("create names"), each once, with its lines."""
    acts: dict[str, list[int]] = {}
    for line in terms.lines:
        acts.setdefault(_act(line), []).append(line.number)
    last = len(acts) - 1
    return [
        {
            "words": words,
            "lines": ("line " if len(numbers) == 1 else "lines ") + _numbers(numbers),
            "end": "." if n == last else "; and" if n == last - 1 else ";",
        }
        for n, (words, numbers) in enumerate(acts.items())
    ]


def _act(line: LineTerms) -> str:
    """What the Registry Operator may do: "create names", from "To create names." too."""
    words = line.action_words.strip().rstrip(".")
    words = words[:1].lower() + words[1:] if words[1:2].islower() else words
    return words.removeprefix("to ")


def _names(terms: Terms) -> dict[str, Any] | None:
    if terms.names is None:
        return None
    names = terms.names
    return {
        "size": f"{names.size:,}",
        "rows": _rows(names.digest),
        "root": _rows(names.root) if names.root else None,
        "windows": {"records": f"{names.records:,}", "rows": _rows(names.content_digest)} if names.content_digest else None,
    }


def _rows(hexadecimal: str) -> list[str]:
    """By fours, as eyes compare it."""
    fours = [hexadecimal[i : i + 4] for i in range(0, len(hexadecimal), 4)]
    return [" ".join(fours[i : i + 8]) for i in range(0, len(fours), 8)]


def _section(provision: str) -> str:
    """A provision's number as the agreements write it: "Section 2.9(a)", "Spec 9 1(b)" as "Specification 9, 1(b)"."""
    words = []
    for part in provision.split(" / "):
        if part.startswith("Spec "):
            number, _, rest = part.removeprefix("Spec ").partition(" ")
            words.append(f"Specification {number}, {rest}" if rest else f"Specification {number}")
        elif part[:1].isdigit():
            words.append(f"Section {part}")
        else:
            words.append(part)
    return ", ".join(words)


def _numbers(numbers: Iterable[int]) -> str:
    """1, 2, 3, 7 as "1–3, 7"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}{'–' if len(r) > 2 else ', '}{r[-1]}" for r in runs)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sentence(text: str) -> str:
    """Text that staff entered, with a capital, a full stop and the apostrophe of print."""
    text = re.sub(r"(?<=\w)'(?=\w|\s|$)", "’", text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _reporting(cadence: str) -> str:
    """A cadence ("every 30 days") becomes a duty; a whole sentence stays as it is."""
    cadence = cadence.strip()
    if not cadence:
        return "No reports are due beyond those of the agreements."
    if cadence[0].isupper():
        return _sentence(cadence)
    return _sentence(f"The Registry Operator reports to the Authority {cadence}")


def _day(day: date) -> str:
    return f"{day.day}\u00a0{MONTHS[day.month - 1]}\u00a0{day.year}"


def _moment(moment: datetime) -> str:
    seconds = f":{moment:%S}" if moment.second else ""
    return f"{_day(moment.date())}, {moment:%H:%M}{seconds}\u00a0UTC"


def _end_of_day(moment: datetime) -> str:
    """Midnight is read two ways, so the letter says which day it ends."""
    if (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        return ""
    return f", the end of {_day((moment - timedelta(days=1)).date())}"
