"""Who goes through the addresses: a session for the portal and a token for the API each; every visit is undone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, ClientHandler, RequestFactory, encode_multipart

from ersr import clock
from ersr.ledger.models import Event
from ersr.people import actions as people
from tests import world as worlds
from tests.leak.cases import Scene
from tests.leak.markers import Reader

SAFE = ("GET", "HEAD", "OPTIONS")
SCOPES = ("read", "write", "sign", "admin")
_handler = ClientHandler(enforce_csrf_checks=False)


class Visitor:
    def __init__(self, scene: Scene, reader: Reader) -> None:
        self.reader, self.cookies, self.bearer = reader, "", ""
        self.acted: list[tuple[str, str]] = []  # (kind, subject) of the events that the last visit caused
        if reader.key == "anybody":
            return
        person = scene.w.people[reader.key]
        client = Client(HTTP_USER_AGENT=scene.marks.word("session's agent", owner=reader.key))
        given = {"email": person.email, "password": worlds.PASSWORD, "code": scene.w.code(person)}
        answer = client.post("/signin", given)
        assert answer.status_code == 302, answer.content.decode()
        self.cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        scene.sessions[reader.key] = people.digest(client.cookies["ersr_session"].value)
        _, self.bearer = people.make_token(
            person, name=scene.marks.word("token's name", owner=reader.key), scopes=SCOPES, lasts=timedelta(days=1), now=clock.real()
        )

    def send(self, method: str, address: str, body: Any = None, *, media_type: str = "", key: str = "") -> Any:
        """One request as it reaches the product, undone afterwards unless it carries an Idempotency-Key. `body`: what a form
        or JSON holds."""
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.bearer}"} if self.bearer and address.startswith("/api/") else {}
        if self.cookies and not address.startswith("/api/"):
            headers["HTTP_COOKIE"] = self.cookies
        if key:
            headers["HTTP_IDEMPOTENCY_KEY"] = key
        data, kind = packed(body, media_type)
        request = RequestFactory().generic(method, address, data, kind, **headers)
        last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0 if method not in SAFE else 0
        with transaction.atomic():
            answer = _handler(request.environ)
            self.acted = [] if method in SAFE else list(Event.objects.filter(pk__gt=last).values_list("kind", "subject"))
            transaction.set_rollback(not key)
        return answer


def packed(body: Any, media_type: str) -> tuple[bytes, str]:
    if body is None:
        return b"", media_type or "application/octet-stream"
    if media_type == "application/json":
        return json.dumps(body).encode(), media_type
    if media_type.startswith("multipart"):
        files = {n: SimpleUploadedFile("plausible.bin", v) if isinstance(v, bytes) else v for n, v in body.items()}
        return encode_multipart(BOUNDARY, files), MULTIPART_CONTENT
    return urlencode(body, doseq=True).encode(), "application/x-www-form-urlencoded"


def local(address: str, base: str) -> str:
    """The path and query of a link on a page, "" if it leads elsewhere."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or address.startswith("#"):
        return ""
    path = parts.path or urlsplit(base).path
    return path + (f"?{parts.query}" if parts.query else "")

