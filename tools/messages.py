"""`make messages`: collects every text that can be translated, brings the catalogues up to date and compiles them.

A catalogue is src/ersr/faces/web/locale/LANGUAGE/LC_MESSAGES/django.po; the .mo beside it is what runs. Afterwards the command
says what is still without words, and exits 1 if it is on a page that is offered in that language (docs/how-to/translate.md).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "ersr"
LOCALES = PACKAGE / "faces" / "web" / "locale"

#: Beside gettext's own: core/tongue.py, and Django's lazy ones.
KEYWORDS = (
    "said",
    "said_n:1,2",
    "said_in:1c,2",
    "gettext_lazy",
    "ngettext_lazy:1,2",
    "pgettext_lazy:1c,2",
    "pgettext:1c,2",
)

#: What only staff see: it may stay English until all of it is translated and the language stands in STAFF_LANGUAGES.
STAFF = (
    "core/events.py", "core/provisions.py", "faces/web/deciding.py", "faces/web/desk*.py", "faces/web/ledger.py", "faces/web/office.py", "faces/web/outbox.py", "faces/web/recoveries.py",
    "faces/web/signing.py", "faces/web/templates/desk/*", "faces/web/templates/office/*", "people/actions/recovering.py", "requests/actions/decide.py",
    "requests/actions/desk.py", "waivers/actions.py", "waivers/composing.py",
)  # fmt: skip


#: Languages that are offered to staff too: in these nothing may be without words.
WHOLE: tuple[str, ...] = ast.literal_eval(re.search(r"^STAFF_LANGUAGES = (\(.*\))$", (PACKAGE / "project/settings.py").read_text("utf-8"), re.MULTILINE)[1])  # type: ignore[index]


def sources(*, staff: bool = True) -> list[Path]:
    """Files that hold texts, in a fixed order; `staff` False leaves out what only staff see."""
    found = (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("templates/**/*.html"))
    return sorted(p for p in found if staff or not any(fnmatch(p.relative_to(PACKAGE).as_posix(), s) for s in STAFF))


def extract(paths: Iterable[Path]) -> bytes:
    """A template catalogue (.pot) of these files."""
    if not settings.configured:
        settings.configure(USE_I18N=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = []
        for path in paths:
            copy = folder / path.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text("utf-8")
            copy.write_text(templatize(text, origin=str(path)) if path.suffix == ".html" else text, "utf-8")
            listed.append(copy.relative_to(folder).as_posix())
        (folder / "sources.txt").write_text("\n".join(listed), "utf-8")
        return _run(
            "xgettext", "--language=Python", "--from-code=UTF-8", "--add-comments=Translators", "--add-location=file",
            "--no-wrap", "--force-po", *(f"--keyword={word}" for word in KEYWORDS), "--files-from=sources.txt", "--output=-", cwd=folder,
        ).replace(b"charset=CHARSET", b"charset=UTF-8")  # fmt: skip


def merged(catalogue: Path, template: bytes) -> bytes:
    """The catalogue with the texts of the template: what is gone is dropped, what is new has no words, nothing is guessed."""
    with tempfile.TemporaryDirectory() as name:
        pot = Path(name) / "all.pot"
        pot.write_bytes(template)
        new = _run(
            "msgmerge", "--quiet", "--no-fuzzy-matching", "--no-wrap", "--add-location=file", str(catalogue), str(pot)
        )
        told = _run("msgattrib", "--no-obsolete", "--no-wrap", "--add-location=file", "-", given=new)
        # The day on which the texts were collected would change the file although nothing changed.
        return b"".join(line for line in told.splitlines(keepends=True) if not line.startswith(b'"POT-Creation-Date'))


def compiled(catalogue: bytes) -> bytes:
    """The .mo; refuses placeholders that do not match."""
    return _run("msgfmt", "--check-format", "--check-header", "--output-file=-", "-", given=catalogue)


def without_words(catalogue: bytes, template: bytes | None = None) -> list[str]:
    """Texts of the catalogue, or of this template of some files only, that have no translation."""
    lines = _run("msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", "-", given=catalogue)
    if template is not None and lines.strip():
        with tempfile.TemporaryDirectory() as name:
            first, second = Path(name) / "open.po", Path(name) / "some.pot"
            first.write_bytes(lines)
            second.write_bytes(template)
            lines = _run("msgcomm", "--more-than=1", "--no-wrap", str(first), str(second))
    return [
        line.removeprefix("msgid ").strip('"')
        for line in lines.decode().splitlines()
        if line.startswith("msgid ") and line != 'msgid ""'
    ]


def _run(*words: str, given: bytes | None = None, cwd: Path | None = None) -> bytes:
    done = subprocess.run(words, input=given, capture_output=True, cwd=cwd, check=False)
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stderr.decode()}")
    return done.stdout


def main() -> int:
    everything, open_pages = extract(sources()), extract(sources(staff=False))
    missing = 0
    for catalogue in sorted(LOCALES.glob("*/LC_MESSAGES/django.po")):
        language = catalogue.parent.parent.name
        text = merged(catalogue, everything)
        catalogue.write_bytes(text)
        catalogue.with_suffix(".mo").write_bytes(compiled(text))
        needed = without_words(text, everything if language in WHOLE else open_pages)
        missing += len(needed)
        for one in needed:
            print(f"{language}: no words for {one!r}")
        print(
            f"{language}: {len(without_words(text))} texts without words, {len(needed)} of them on pages that speak it."
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
