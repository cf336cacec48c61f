"""Cut the three typefaces down to what the pages need and write them as WOFF2, with their licences beside them.

The sources are pinned packages (requirements/service.in), so the same files come out each time; the result is
committed, because a page must not wait for a build. Run `.venv/bin/python tools/build_fonts.py` after a new pin.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

TARGET = Path(__file__).parents[1] / "src/ersr/faces/web/static/ersr/fonts"

#: Latin of European languages, the punctuation and the few signs that our own words use.
LATIN = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    0x218,
    0x219,
    0x21A,
    0x21B,
    *range(0x2010, 0x2023),
    0x2026,
    0x2030,
    0x2039,
    0x203A,
    0x20AC,
    0x2122,
    0x2212,
    0x2260,
    0x2264,
    0x2265,
]
#: Digests, references and A-labels are ASCII; verification words are too.
ASCII = [*range(0x20, 0x7F), 0xA0, 0x2010, 0x2011, 0x2013, 0x2026]

#: what comes out -> (package, file inside it, pinned axes, characters). The serif's optical size is pinned at that of
#: text: titles stay open enough to read at 3 a.m.
FACES: Mapping[str, tuple[str, str, dict[str, float], list[int]]] = {
    "sans-400": ("fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Regular.ttf", {}, LATIN),
    "sans-700": ("fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Bold.ttf", {}, LATIN),
    "serif-400": ("fontpkg_source_serif_4", "SourceSerif4[opsz,wght].ttf", {"wght": 400, "opsz": 14}, LATIN),
    "serif-600": ("fontpkg_source_serif_4", "SourceSerif4[opsz,wght].ttf", {"wght": 600, "opsz": 14}, LATIN),
    "mono-400": ("fontpkg_ibm_plex_mono", "IBMPlexMono-Regular.ttf", {}, ASCII),
    "mono-700": ("fontpkg_ibm_plex_mono", "IBMPlexMono-Bold.ttf", {}, ASCII),
}
#: The licences reserve the names "Source" and "Plex" for unmodified fonts, and a subset is modified: so it has its own.
FAMILIES = {"sans": "SRW Sans", "serif": "SRW Serif", "mono": "SRW Mono"}
#: Figures of one width and a zero that is no O matter here; small capitals and old-style figures are not used.
FEATURES = ["kern", "liga", "ccmp", "locl", "mark", "mkmk", "tnum", "lnum", "zero", "case"]


def package_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: see requirements/service.in")
    return Path(found.origin).parent


def build(name: str) -> bytes:
    """One face as WOFF2 bytes; the time stamp of the source stays, so that a second run gives the same bytes."""
    package, file, axes, characters = FACES[name]
    font = TTFont(package_folder(package) / "files" / file, recalcTimestamp=False)
    if axes:
        font = instancer.instantiateVariableFont(font, axes, inplace=True)
    kind, weight = name.split("-")
    for row in list(font["name"].names):
        if row.nameID not in (0, 13, 14):  # copyright and licence stay as they are
            font["name"].removeNames(row.nameID)
    family = FAMILIES[kind]
    for name_id, text in ((1, family), (2, weight), (4, f"{family} {weight}"), (6, f"SRW{kind}-{weight}")):
        font["name"].setName(text, name_id, 3, 1, 0x409)
    if "meta" in font:
        del font["meta"]
    options = subset.Options(
        layout_features=FEATURES,
        hinting=False,
        desubroutinize=True,
        flavor="woff2",
        name_IDs=[0, 1, 2, 4, 6, 13, 14],
        drop_tables=["DSIG"],
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    out = TARGET / f"{name}.woff2"
    subset.save_font(font, str(out), options)
    return out.read_bytes()


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, (package, *_rest) in FACES.items():
        size = len(build(name))
        total += size
        licence = package.removeprefix("fontpkg_").replace("_", "-")
        shutil.copyfile(package_folder(package) / "LICENSE", TARGET / f"OFL-{licence}.txt")
        print(f"{name}.woff2 {size / 1000:.1f} kB")
    print(f"together {total / 1000:.1f} kB")


if __name__ == "__main__":
    main()
