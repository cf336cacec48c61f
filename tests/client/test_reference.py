"""docs/reference/client.md: what it says of the client is so. Its examples run in test_session.py, against a service that runs."""

from __future__ import annotations

import inspect
import re

from ersr.client import sending
from ersr.client.http import Client, Problem
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "reference" / "client.md"


def test_what_the_page_says_of_tries_and_members_is_so() -> None:
    text = PAGE.read_text(encoding="utf-8")
    signature = inspect.signature(Client)
    for name in ("timeout", "patience"):
        assert f"{name}={signature.parameters[name].default}" in text
    assert sending.TRIES == len(sending.PAUSES) + 1 == 4
    assert "after 0.2, 1 and 3 seconds" in text
    assert sending.PAUSES == (0.2, 1.0, 3.0)
    for member in Problem.__dataclass_fields__:
        assert f"`{member}`" in text
    for method in set(re.findall(r"client\.(\w+)\(", text)) | {
        "ask_device_code",
        "fetch_device_token",
        "make_token",
        "pages",
    }:
        assert callable(getattr(Client, method)), method
