"""Sentences that a reader may see are said through core/tongue.py, and the catalogues hold words for all of them."""

from __future__ import annotations

import ast
import gettext
import re
from fnmatch import fnmatch
from textwrap import dedent

import pytest

from tests.house.tree import PACKAGE, parsed, source_files
from tests.house.visible import bare_texts
from tools import messages

#: Who reads what these say: programs, or whoever runs the service. They read English.
ENGLISH = {
    "client": "the command and its server messages are for terminals and scripts",
    "faces/api": "the API answers in English",
    "faces/busy.py": "the refusal is the API's; the page has words of its own",
    "ledger": "what is wrong with the ledger is for whoever runs the service, except what sequence.py tells filers",
    "parties": "authority file and imports are the work of whoever runs the service",
    "project": "start-up, checks and commands are for whoever runs the service",
    "proof/letter.py": "only who signs learns that a letter cannot be set",
    "proof/certificates.py": "keys are made and installed by whoever runs the service",
    "proof/hardware.py": "keys are made and installed by whoever runs the service",
    "proof/keys.py": "keys are made and installed by whoever runs the service",
    "core/deadlines.py": "the calendar's settings are refused at start-up",
}
#: Where any sentence that is written out is one that somebody reads on a page, unless it stands below.
PAGES = ("faces/web/*.py", "core/events.py", "core/provisions.py", "core/triage.py", "requests/actions/decide.py", "requests/actions/desk.py", "waivers/actions.py", "people/actions/recovering.py")  # fmt: skip
#: What makes a sentence one that can be told in another language.
TELLERS = {"said", "said_n", "said_in", "_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
#: What is raised for programmers, and what is no language: types of contents, elements, classes of the style sheet.
FOR_PROGRAMMERS = ("ValueError", "LookupError", "TypeError", "RuntimeError")
NO_LANGUAGE = re.compile(r"charset=|filename=|[<>]|--|^Web pages$|^chart \0$|-title \0")
#: Functions that put the words of an instrument together: they are signed, and signed in English.
SIGNED = {("faces/web/signing.py", "_read")}
#: Called with a sentence: name -> which argument it is.
SAYERS = {"Refusal": 1, "FieldError": 1, "unfit": 0, "tell": 1}


def unsaid(tree: ast.Module) -> list[int]:
    """Lines where a sentence is handed on as a bare string or an f-string."""
    lines = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in SAYERS and len(call.args) > SAYERS[name]:
            words = call.args[SAYERS[name]]
            found = [words.body, words.orelse] if isinstance(words, ast.IfExp) else [words]
            found = [one for one in found if not (isinstance(one, ast.BinOp) and isinstance(one.left, ast.Call))]  # _("...") % {}
            if any(isinstance(one, ast.JoinedStr | ast.BinOp) or (isinstance(one, ast.Constant) and " " in str(one.value)) for one in found):
                lines.append(call.lineno)
    return lines


def test_no_sentence_is_handed_on_that_cannot_be_told_in_another_language() -> None:
    """A refusal, an error at a field and a message of a page are made with said(), so that they are English where they are
    kept and the reader's language where they are read."""
    paths = [path.relative_to(PACKAGE).as_posix() for path in source_files(".py")]
    shown = [p for p in paths if not p.startswith(tuple(ENGLISH))]
    assert len(shown) > 70
    assert [f"{path}:{line}" for path in shown for line in unsaid(parsed(PACKAGE / path))] == []


def test_a_bare_sentence_is_seen() -> None:
    """The reading of the syntax finds what it looks for."""
    assert unsaid(ast.parse('raise Refusal("x", f"It is {n}")\nraise Refusal("x", said("It is"))')) == [1]
    assert unsaid(ast.parse('tell(request, "Good work" if good else said("Bad"))')) == [1]


def untold(tree: ast.Module, path: str = "") -> list[int]:
    """Lines with a sentence (two words) or a part of one (a word beside a value) that is given to none of TELLERS."""
    passed: set[ast.AST] = set()
    for one in ast.walk(tree):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
            passed.add(one.value)  # a docstring
        elif isinstance(one, ast.Call):
            name = one.func.attr if isinstance(one.func, ast.Attribute) else getattr(one.func, "id", "")
            passed.update(ast.walk(one) if name in FOR_PROGRAMMERS else one.args if name in TELLERS else ())
        elif isinstance(one, ast.AnnAssign | ast.arg) and one.annotation is not None:
            passed.update(ast.walk(one.annotation))
        elif isinstance(one, ast.FunctionDef) and (path, one.name) in SIGNED:
            passed.update(ast.walk(one))
        elif isinstance(one, ast.FunctionDef) and one.returns is not None:
            passed.update(ast.walk(one.returns))
    lines = set()
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            passed.update(one.values)
            words = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in one.values)
        else:
            words = one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else ""
        if one not in passed and re.search(r"[^\W\d_]{2,}\W? (?:[^\W\d_]|\0)|\0\W? [^\W\d_]{2,}", words) and not NO_LANGUAGE.search(words):
            lines.add(one.lineno)
    return sorted(lines)


def test_what_makes_pages_holds_no_sentence_that_cannot_be_told() -> None:
    """Labels, hints, choices and heads are texts for translators too, and none is glued together from pieces."""
    paths = [path.relative_to(PACKAGE).as_posix() for path in source_files(".py")]
    pages = [path for path in paths if any(fnmatch(path, one) for one in PAGES) and path not in ENGLISH]
    assert {"faces/web/desk_forms.py", "core/triage.py", "requests/actions/decide.py"} <= set(pages)
    assert [f"{path}:{line}" for path in pages for line in untold(parsed(PACKAGE / path), path)] == []


def test_a_sentence_that_is_written_out_is_seen() -> None:
    """A label, a choice, a part of a sentence beside a value; not what is told, nor a docstring, an address or a class."""
    lines = """
        label = "Which line?"
        choices = [("a", "Take it out")]
        words = f"{name} asks" + f" until {end}"
        "a docstring of two words"
        raise ValueError("never by a reader")
        fine = said("Which line?"), said_n("{n} line here", "{n} lines here", 2), f"/desk/{ref}", f"{day} {time}", "clock-word clock-word--end"
    """
    assert untold(ast.parse(dedent(lines))) == [2, 3, 4]


def test_no_template_has_a_text_that_no_translator_sees() -> None:
    """Visible texts, and those of attributes, of includes and of filters, stand in {% translate %} or {% blocktranslate %}."""
    templates = [path for path in messages.sources() if path.suffix == ".html"]
    assert len(templates) > 80
    found = {path.relative_to(PACKAGE).as_posix(): bare_texts(path.read_text("utf-8")) for path in templates}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    ("template", "seen"),
    [
        ("<p>Not yet.</p>", ["Not yet."]),
        ("<p>{{ n }} name{{ n|pluralize }}</p>", ["name", "n|pluralize"]),
        ("<p>{% if a %}Kept{% else %}{% translate \"Taken out\" %}{% endif %}</p>", ["Kept"]),
        ('<a aria-label="Your move" title="{{ t }}" placeholder=".com">x</a>', ["Your move"]),
        ('<img alt="A map"><input type="submit" value="Send"><input value="SRW-1" name="waiver">', ["A map", "Send"]),
        ('{% include "parts/empty.html" with words="No line yet." mark="stop" %}', ["No line yet."]),
        ('{% include "parts/empty.html" with words=_("No line yet.") href=there %}', []),
        ('{{ one|default:"none" }}{{ two|yesno:"Taken,Planned" }}{{ "Well" }}', ["none", "Taken,Planned", "Well"]),
        ("{% blocktranslate count n=n %}{{ n }} name{% plural %}{{ n }} names{% endblocktranslate %}", []),
        ('{% comment %}Of no reader{% endcomment %}<code>sort -u</code><p lang="en">As <b>it</b> was</p><p>, then</p>', [", then"]),
        ("<title>{% block title %}{% endblock %} · SRW</title><p>TLP: {{ label }} UTC</p>", []),
    ],
)
def test_a_bare_text_of_a_template_is_seen(template: str, seen: list[str]) -> None:
    """The reading of templates finds what it looks for, and nothing else."""
    assert bare_texts(template) == seen


@pytest.fixture(scope="module")
def template() -> bytes:
    return messages.extract(messages.sources())


def _texts(catalogue: bytes) -> set[str]:
    """context, text and plural of each entry; where they stand does not matter."""
    entries = catalogue.decode().split("\n\n")
    return {"\n".join(line for line in one.splitlines() if line.startswith(("msgctxt", "msgid"))) for one in entries}


CATALOGUES = sorted(messages.LOCALES.glob("*/LC_MESSAGES/django.po"))


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_a_catalogue_is_current(catalogue: object, template: bytes) -> None:
    """`make messages` would change nothing: no text is missing, none is left over, the .mo is made from the .po, and nothing
    in it is a guess."""
    text = catalogue.read_bytes()  # type: ignore[attr-defined]
    told = "run `make messages`, give what is new its words, and run it again"
    assert _texts(messages.merged(catalogue, template)) == _texts(text), told
    assert messages.compiled(text) == catalogue.with_suffix(".mo").read_bytes(), told  # type: ignore[attr-defined]
    assert b"\n#, fuzzy" not in text


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_what_everybody_and_filers_read_has_words(catalogue: object) -> None:
    """Of the files whose texts are shown to more than staff, none is without a translation."""
    open_pages = messages.extract(messages.sources(staff=False))
    assert messages.without_words(catalogue.read_bytes(), open_pages) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_a_translation_has_the_places_of_its_text(catalogue: object) -> None:
    """Nothing that a sentence says with a value is lost, and no value is asked for that nobody gives."""
    with catalogue.with_suffix(".mo").open("rb") as file:  # type: ignore[attr-defined]
        known = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    plurals = {key[0] for key in known if isinstance(key, tuple)}
    for key, words in known.items():
        one = key[0] if isinstance(key, tuple) else key
        places = set(re.findall(r"\{\w+\}|%\(\w+\)s", one.rpartition("\x04")[2]))
        told = set(re.findall(r"\{\w+\}|%\(\w+\)s", words))
        assert told == places or (one in plurals and told <= places | {"{n}"}), (one, words)


def test_what_filers_pages_take_from_core_is_not_left_to_staff() -> None:
    """The words of core/triage.py stand in a filer's lines: a file that pages for everybody read from must have words too."""
    open_pages = [path for path in messages.sources(staff=False) if path.suffix == ".py" and "faces/web" in path.as_posix()]
    taken = {
        f"core/{node.module.rpartition('.')[2]}.py": path.name
        for path in open_pages
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ersr.core.")
    }
    assert "core/triage.py" in taken
    left = {name: by for name, by in taken.items() if any(fnmatch(name, pattern) for pattern in messages.STAFF)}
    assert left == {}, left
