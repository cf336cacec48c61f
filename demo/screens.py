"""Pictures of the pages, taken in Chromium by people who sign in as anybody does. Without Chromium there are none, and it says so."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.installation import Stopped
from demo.people import Player

#: Chromium itself asks for things; only this machine answers.
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


class Camera:
    """Use as a context manager. `missing` says why there are no pictures, if there are none."""

    def __init__(self, folder: Path, address: str, players: Mapping[str, Player]) -> None:
        self.folder, self.address, self.players = folder, address, players
        self.taken: list[str] = []
        self.missing = ""
        self._browser: Any = None
        self._pages: dict[tuple[str, bool], Any] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Camera:
        path = shutil.which("chromium")
        if path is None:
            self.missing = "there is no Chromium here (package chromium), so no pictures were taken"
            return self
        try:
            from playwright.sync_api import sync_playwright
        except ImportError:
            self.missing = "playwright is not installed, so no pictures were taken"
            return self
        flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        playwright = self._stack.enter_context(sync_playwright())
        self._browser = playwright.chromium.launch(executable_path=path, args=flags)
        self._stack.callback(self._browser.close)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _page(self, key: str, phone: bool) -> Any:
        """A page of this person's own browser, signed in; "" is nobody."""
        if (key, phone) not in self._pages:
            kept = self._pages.get((key, not phone))
            state = kept.context.storage_state() if kept else None
            context = self._browser.new_context(viewport=PHONE if phone else DESKTOP, storage_state=state)
            page = self._pages[key, phone] = context.new_page()
            if key and not kept:
                self._sign_in(page, self.players[key])
        return self._pages[key, phone]

    def _sign_in(self, page: Any, player: Player) -> None:
        for _ in range(2):  # a code may go out of date on its way
            page.goto(f"{self.address}/signin")
            page.fill("input[name=email]", player.part.email)
            page.fill("input[name=password]", player.password)
            page.fill("input[name=code]", player.authenticator.fresh())
            page.click("form[action='/signin'] button[type=submit]")
            if "/signin" not in page.url:
                return
        raise Stopped(f"{player.called} could not sign in on the page")

    def shoot(self, name: str, key: str, path: str, *, phone: bool = False) -> None:
        """One picture of one page as one person; a page that does not answer 200 ends the demonstration."""
        if self._browser is None:
            return
        page = self._page(key, phone)
        answer = page.goto(self.address + path)
        if answer is None or answer.status != 200:
            raise Stopped(f"the page {path} answered {answer.status if answer else 'nothing'} to {key or 'nobody'}")
        file = f"{len(self.taken) + 1:02d}-{name}{'-phone' if phone else ''}.png"
        page.screenshot(path=self.folder / file, full_page=True)
        self.taken.append(file)
