"""Small pieces of SVG as text: escaped, classed, without style attributes; charts.py puts them together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe

from ersr.core.tongue import said

#: The triangle of what stops; the same shape as parts/shape.html draws.
STOP = ('<svg class="shape shape--stop" width="18" height="18" aria-hidden="true" focusable="false">'
        '<path d="M9 1.5 L17.5 16.5 H0.5 Z"/><path class="shape-cut" d="M8 6 h2 v5 h-2 z M8 12.5 h2 v2 h-2 z"/></svg>')


def make_key(kind: str, *facts: object) -> str:
    """The same chart has the same ids in each rendering, and two charts on a page have different ones."""
    return f"{kind}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:8]}"


def tag(name: str, content: str = "", /, **attributes: str) -> str:
    said = "".join(f' {name_}="{escape(value)}"' for name_, value in attributes.items())
    return f"<{name}{said}>{content}</{name}>"


def text(words: str, *, x: str | float, y: float, css: str) -> str:
    return tag("text", escape(words), **{"class": css}, x=f"{x}", y=f"{y}")


def line(css: str, x1: str, x2: str, y1: float, y2: float) -> str:
    return tag("line", **{"class": css}, x1=x1, x2=x2, y1=f"{y1}", y2=f"{y2}")


def mark(x: str, content: str) -> str:
    return tag("svg", content, **{"class": "chart-mark"}, x=x)


def flag(top: float, foot: float, *, left_of_pole: bool, word_right: bool = False) -> str:
    """A pole with its top at `top` and a swallow-tailed flag beside it."""
    side = -1 if left_of_pole else 1
    word = 6 if word_right else 24 * side
    css = "clock-word" + (" clock-word--end" if word < 0 else "")
    pole = line("flag-pole", "0", "0", top, foot)
    cloth = tag("path", **{"class": "flag"}, d=f"M0 {top} h{17 * side} l{-5 * side} 6 l{5 * side} 6 H0 z")
    return pole + cloth + text(said("Due"), x=word, y=top + 11, css=css)


def hatch(key: str) -> str:
    stripe = tag("line", **{"class": "hatch"}, x1="3", y1="0", x2="3", y2="6")
    return tag("pattern", stripe, id=f"{key}-hatch", patternUnits="userSpaceOnUse", width="6", height="6",
                patternTransform="rotate(45)")


def draw(key: str, title: str, finding: str, height: float, css: str, parts: Iterable[str]) -> SafeString:
    words = tag("title", escape(title), id=f"{key}-title") + tag("desc", escape(finding), id=f"{key}-desc")
    inside = words + tag("defs", hatch(key)) + "".join(parts)
    return mark_safe(tag("svg", inside, **{"class": f"chart {css}", "aria-labelledby": f"{key}-title {key}-desc"},
                          role="img", width="100%", height=f"{height:g}", focusable="false"))
