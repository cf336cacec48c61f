"""docs/process.md tells what core/lifecycle.py rules: every row, its states, a function that exists, a page that answers."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from django.urls import resolve

from ersr.core.lifecycle import ACTIONS, MOVERS, State

DOC = Path(__file__).parents[2] / "docs" / "process.md"
_ROW = re.compile(r"^\| [^|]+ \| [^|]+ \| `(\w+)` \| ([^|]+) \| ([^|]+) \| `([\w.]+)` \| `([^`]+)` \|$", re.M)


def rows() -> dict[str, tuple[str, str, str, str]]:
    found = _ROW.findall(DOC.read_text(encoding="utf-8"))
    assert len({r[0] for r in found}) == len(found), "an action stands twice"
    return {r[0]: (r[1].strip(), r[2].strip(), r[3], r[4]) for r in found}


def test_the_page_has_each_row_of_the_table_and_no_other() -> None:
    assert set(rows()) == set(ACTIONS)


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_states_named_in_the_page_are_those_of_the_table(name: str) -> None:
    """A single state in From or To must be in the row; every target of the row must be named."""
    origin, target, _, _ = rows()[name]
    words = {s.value.replace("_", " "): s for s in State}
    for said in re.findall("|".join(sorted(words, key=len, reverse=True)), origin.split(" to ")[0].split("until")[0]):
        assert words[said] in ACTIONS[name].origin
    named = {words[w] for w in re.findall("|".join(sorted(words, key=len, reverse=True)), target)}
    if target not in ("same", "where it was"):
        assert named == set(ACTIONS[name].to)
    elif target == "same":
        assert not ACTIONS[name].to


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_the_named_function_exists(name: str) -> None:
    module, function = rows()[name][2].rsplit(".", 1)
    assert callable(getattr(importlib.import_module(f"ersr.{module}"), function))


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_the_named_page_is_the_one_that_carries_the_button(name: str) -> None:
    path = rows()[name][3].replace("W-REF", "W-2026-3310222-C").replace("REF", "SRW-2026-4821003-V")
    path = path.replace("PART", "period").replace("/N", "/1")
    assert resolve(path).url_name == ACTIONS[name].page


def test_every_state_says_whose_move_it_is() -> None:
    text = DOC.read_text(encoding="utf-8")
    for state in MOVERS:
        assert re.search(rf"^\| .*{state.value.replace('_', ' ')}", text, re.M), state
