"""How many names of a list lie under each TLD: one bar for each of the largest, one for all others."""

from __future__ import annotations

from collections.abc import Mapping

from ersr.core.tongue import joined, said, said_n
from ersr.core.tongue import number as figure
from ersr.faces.web.charts import Chart
from ersr.faces.web.svg import draw, make_key, tag, text

MOST, ROW, LONGEST = 10, 40, 24


def tld_chart(tlds: Mapping[str, int], *, most: int = MOST) -> Chart:
    """Words stand above each bar, so that neither a long TLD nor a phone cuts them; `rows` keeps every TLD."""
    ranked = sorted(tlds.items(), key=lambda one: (-one[1], one[0]))
    shown = [(f".{tld}", names) for tld, names in ranked]
    if len(shown) > most:
        rest = ranked[most - 1 :]
        others = said_n("{n} other TLD", "{n} other TLDs", len(rest))
        shown = [*shown[: most - 1], (others, sum(names for _, names in rest))]
    top, parts = max((names for _, names in shown), default=1), []
    for place, (label, names) in enumerate(shown):
        y = place * ROW
        parts += [
            text(label if len(label) <= LONGEST else f"{label[:LONGEST]}…", x=0, y=y + 16, css="tld"),
            text(figure(names), x="100%", y=y + 16, css="clock-word--end"),
            tag("rect", **{"class": "bar bar--unregistered"}, x="1", y=f"{y + 22}", width=f"{max(0.3, 99 * names / top):.1f}%", height="9"),
        ]
    all_ = figure(sum(tlds.values()))
    tld, names = ranked[0] if ranked else ("", 0)
    finding = said_n("{all} names under {n} TLD.", "{all} names under {n} TLDs.", len(tlds), all=all_)
    if len(tlds) > 1:
        finding = joined(" ", [finding, said("Most are under .{tld}: {names}.", tld=tld, names=figure(names))])
    rows = tuple((f".{one}", figure(count)) for one, count in ranked)
    svg = draw(make_key("tlds", sorted(tlds.items())), said("Names by TLD"), finding, len(shown) * ROW, "tlds", parts)
    return Chart(svg, (said("TLD"), said("Names")), rows, finding)
