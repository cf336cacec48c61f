"""Serves documents as the product sent them, with its own headers (the CSP among them), beside the real stylesheets and fonts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders

from tests.access.scene import Shown
from tests.faces.looking import listening

#: Of the product's headers, those by which a browser shows a page otherwise.
KEPT = ("Content-Type", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "Cross-Origin-Opener-Policy")


def served(shown: Mapping[str, Shown]) -> AbstractContextManager[str]:
    """The address under which /NAME is the page of that name, and /static/ what the product has there."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith("/static/"):
                found = finders.find(path.removeprefix("/static/"))
                headers = {"Content-Type": guess_type(path)[0] or "application/octet-stream", "Cache-Control": "max-age=3600"}
                data = Path(found).read_bytes() if found else b""
            else:
                one = shown.get(path.removeprefix("/"))
                headers = {name: one.headers[name] for name in KEPT if name in one.headers} if one else {}
                data = one.html.encode() if one else b""
            # a page that asks how far something is hears, as long as it is looked at, that nothing is new
            self.send_response(200 if data else 204 if "HX-Request" in self.headers else 404)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_words: object) -> None:
            """Quiet: the tests read the browser's console, not this."""

    return listening(Answers)
