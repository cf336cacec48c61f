"""The API for programs: one method per operation, bytes where bytes matter. Needs httpx; knows nothing of the service's insides.

What the service refuses is raised as `Problem`. Nothing is repeated by itself, except a GET whose connection broke: what changes
a case is repeated by the caller, with the same Idempotency-Key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

JSON = dict[str, Any]
#: How often a GET is sent when the connection breaks.
TRIES = 3


@dataclass
class Problem(Exception):
    """The service said no (RFC 9457). `errors` are {field, message}; `who_can` names people, to staff only."""

    status: int
    code: str
    title: str
    detail: str
    errors: list[JSON] = field(default_factory=list)
    who_can: list[str] = field(default_factory=list)
    retry_after: float | None = None

    def __str__(self) -> str:
        fields = "; ".join(f"{e['field']}: {e['message']}" for e in self.errors)
        return f"{self.detail or self.title} ({self.status} {self.code}{'; ' + fields if fields else ''})"


def _problem(answer: httpx.Response) -> Problem:
    try:
        raw = answer.json()
    except ValueError:
        raw = {}
    if not isinstance(raw, dict):
        raw = {}
    wait = answer.headers.get("Retry-After", "")
    return Problem(
        answer.status_code,
        str(raw.get("code", "")),
        str(raw.get("title") or answer.reason_phrase),
        str(raw.get("detail", "")),
        list(raw.get("errors", [])),
        list(raw.get("who_can", [])),
        float(wait) if wait.isdigit() else None,
    )


def _time(moment: datetime | None) -> str | None:
    if moment is not None and moment.utcoffset() is None:
        raise ValueError("a time needs its zone")
    return moment.isoformat() if moment else None


class Client:
    """Speaks for the person of `token`; without one, only for what needs none. Use as a context manager, or `close` it."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Accept": "application/json, application/problem+json, */*"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.base_url = base_url.rstrip("/")
        # trust_env off: no proxy of the environment reads what is sent.
        self._http = httpx.Client(
            base_url=self.base_url, headers=headers, timeout=timeout, transport=transport, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # How a call goes out

    def _send(self, method: str, path: str, **words: Any) -> httpx.Response:
        tries = TRIES if method == "GET" else 1
        while True:
            tries -= 1
            try:
                answer = self._http.request(method, path, **words)
                break
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if not tries:
                    raise
        if answer.status_code >= 400:
            raise _problem(answer)
        return answer

    def _get(self, path: str, **query: Any) -> JSON:
        return self._send("GET", f"/api/v1/{path}", params={k: v for k, v in query.items() if v}).json()

    def _bytes(self, path: str) -> bytes:
        return self._send("GET", path).content

    def _post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> JSON:
        headers = {"Idempotency-Key": key} if key else {}
        return self._send("POST", f"/api/v1/{path}", json=body, headers=headers).json()

    def _upload(
        self, path: str, files: Mapping[str, tuple[str, bytes]], form: Mapping[str, str], *, key: str | None = None
    ) -> JSON:
        headers = {"Idempotency-Key": key} if key else {}
        sent = {name: (file, data, "application/octet-stream") for name, (file, data) in files.items()}
        return self._send("POST", f"/api/v1/{path}", files=sent, data=dict(form), headers=headers).json()

    def pages(self, path: str, *, limit: int = 100) -> Iterator[JSON]:
        """Every item of a list, page by page: `pages("requests")`, `pages("ledger/events")`."""
        cursor = ""
        while True:
            page = self._get(path, limit=limit, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next") or ""
            if not cursor:
                return

    # Access

    def enrol(self, code: str, password: str) -> JSON:
        """{secret, uri} of a new second factor; `code` is the last part of the enrol link."""
        return self._post(f"enrolments/{code}", {"password": password})

    def confirm_enrolment(self, code: str, totp: str) -> JSON:
        """{email, name}: the factor counts from here on."""
        return self._post(f"enrolments/{code}/confirm", {"code": totp})

    def make_token(
        self, email: str, password: str, code: str, *, scopes: Sequence[str], name: str = "token", days: int = 30
    ) -> JSON:
        """{token, id, scopes, expires_at}; scopes are read, write, sign, admin."""
        body = {"email": email, "password": password, "code": code, "name": name, "scopes": list(scopes), "days": days}
        return self._post("tokens", body)

    def tokens(self) -> list[JSON]:
        return self._get("tokens")["items"]

    def end_token(self, token_id: int) -> None:
        self._send("DELETE", f"/api/v1/tokens/{token_id}")

    def sessions(self) -> list[JSON]:
        return self._get("sessions")["items"]

    def end_session(self, key_hash: str) -> None:
        self._send("DELETE", f"/api/v1/sessions/{key_hash}")

    def me(self) -> JSON:
        return self._get("me")

    # The office

    def people(self) -> list[JSON]:
        return list(self.pages("people"))

    def invite(
        self,
        *,
        email: str,
        name: str,
        party: str,
        roles: Sequence[tuple[str, str]],
        title: str = "",
        zone: str = "UTC",
        key: str | None = None,
    ) -> JSON:
        """{id, email, enrol_link}; roles are (role, discipline or "")."""
        body = {"email": email, "name": name, "title": title, "party": party, "zone": zone}
        return self._post("people", {**body, "roles": [list(role) for role in roles]}, key=key)

    def reinvite(self, person: int, *, key: str | None = None) -> JSON:
        """{id, email, enrol_link}; what the person came in with before ends."""
        return self._post(f"people/{person}/reinvite", {}, key=key)

    def deactivate(self, person: int, *, reason: str, key: str | None = None) -> JSON:
        return self._post(f"people/{person}/deactivate", {"reason": reason}, key=key)

    def end_delegation(self, delegation: int, *, reason: str, key: str | None = None) -> JSON:
        return self._post(f"delegations/{delegation}/end", {"reason": reason}, key=key)

    def delegate(
        self,
        *,
        person: str,
        instrument: str,
        families: Sequence[str],
        starts_at: datetime,
        ends_at: datetime,
        words: str,
        officer: bool = False,
        key: str | None = None,
    ) -> JSON:
        """`person` is a signatory's e-mail address."""
        body = {
            "person": person,
            "instrument": instrument,
            "families": list(families),
            "words": words,
            "officer": officer,
        }
        return self._post("delegations", {**body, "starts_at": _time(starts_at), "ends_at": _time(ends_at)}, key=key)

    def operators(self) -> list[JSON]:
        """Operators that you may file for, with their TLDs."""
        return self._get("operators")["items"]

    def parties(self) -> list[JSON]:
        return list(self.pages("parties"))

    def party(self, key: str) -> JSON:
        return self._get(f"parties/{key}")

    def provisions(self) -> list[JSON]:
        return self._get("provisions")["items"]

    def add_provision(self, *, family: str, version: str, body: JSON, reason: str, key: str | None = None) -> JSON:
        return self._post("provisions", {"family": family, "version": version, "body": body, "reason": reason}, key=key)

    def import_popularity(self, data: bytes, *, title: str, as_of: str, key: str | None = None) -> JSON:
        """`data`: lines of rank,name; `as_of`: a date like 2026-11-14."""
        return self._upload("popularity", {"file": ("popularity.csv", data)}, {"title": title, "as_of": as_of}, key=key)

    # Cases

    def submit(self, six: Mapping[str, Any], *, key: str | None = None) -> JSON:
        """Files a request from the six answers; the same key files once."""
        return self._post("requests", six, key=key)

    def requests(self) -> list[JSON]:
        return list(self.pages("requests"))

    def request(self, ref: str) -> JSON:
        return self._get(f"requests/{ref}")

    def act(self, ref: str, action: str, /, *, key: str | None = None, **body: Any) -> JSON:
        """Any row of the life-cycle table: `act(ref, "propose", lines=[1], outcome="denied", reasons="...")`.

        The request as you see it afterwards; `made` tells what the action made ({"kind": "decision", "id": 5}).
        Times may be aware datetimes.
        """
        sent = {k: _time(v) if isinstance(v, datetime) else v for k, v in body.items()}
        return self._post(f"requests/{ref}/{action}", sent, key=key)

    def add_list(
        self, ref: str, data: bytes, *, title: str = "", name: str = "names.txt", key: str | None = None
    ) -> JSON:
        """A name list, one name a line; `made` has number, version, digest, names, and `new` False if it was there."""
        return self._upload(f"requests/{ref}/add_list", {"file": (name, data)}, {"title": title}, key=key)

    def add_evidence(self, ref: str, data: bytes, *, name: str, key: str | None = None) -> JSON:
        return self._upload(f"requests/{ref}/add_evidence", {"file": (name, data)}, {}, key=key)

    def receipt(self, ref: str) -> bytes | None:
        """The receipt, byte by byte; None while it is not sequenced yet."""
        answer = self._send("GET", f"/api/v1/requests/{ref}/receipt")
        return None if answer.status_code == 202 else answer.content

    def history(self, ref: str) -> list[JSON]:
        return list(self.pages(f"requests/{ref}/history", limit=500))

    def numbers(self, ref: str) -> list[JSON]:
        return self._get(f"requests/{ref}/numbers")["items"]

    def notes(self, ref: str) -> list[JSON]:
        return self._get(f"requests/{ref}/notes")["items"]

    def privileged(self, ref: str) -> list[JSON]:
        """Advice of counsel; the reading is an event."""
        return self._get(f"requests/{ref}/privileged")["items"]

    def name_list(self, ref: str, number: int) -> JSON:
        return self._get(f"requests/{ref}/lists/{number}")

    def names(self, ref: str, number: int) -> bytes:
        """Sorted names, each followed by LF; for a filer as filed until the answer is there."""
        return self._bytes(f"/api/v1/requests/{ref}/lists/{number}/names")

    def hits(self, ref: str, number: int) -> list[JSON]:
        return list(self.pages(f"requests/{ref}/lists/{number}/hits"))

    def evidence(self, ref: str, evidence_id: int) -> bytes:
        return self._bytes(f"/api/v1/requests/{ref}/evidence/{evidence_id}")

    def preview_pdf(self, ref: str, preview_id: int) -> bytes:
        return self._bytes(f"/api/v1/requests/{ref}/previews/{preview_id}")

    def waivers(self) -> list[JSON]:
        return list(self.pages("waivers"))

    def waiver(self, ref: str) -> JSON:
        return self._get(f"waivers/{ref}")

    def waiver_pdf(self, ref: str) -> bytes:
        return self._bytes(f"/api/v1/waivers/{ref}/pdf")

    def waiver_token(self, ref: str) -> bytes:
        return self._bytes(f"/api/v1/waivers/{ref}/token")

    # Evidence for everybody

    def ledger_events(self) -> list[JSON]:
        return list(self.pages("ledger/events"))

    def ledger_checkpoint(self) -> bytes:
        """The newest one, for auditors."""
        return self._bytes("/api/v1/ledger/checkpoint")

    def keys(self) -> bytes:
        """keys.json, byte by byte. Trust it only if you got it, or its thumbprints, from a second place too."""
        return self._bytes("/keys.json")

    def checkpoint(self) -> bytes:
        """The last public checkpoint."""
        return self._bytes("/checkpoint")

    def verify(self, data: bytes, *, name: str = "file") -> JSON:
        """What the service's verify page says; `ersr verify` says the same without the service."""
        return self._upload("verify", {"file": (name, data)}, {})

    def openapi(self) -> JSON:
        return json.loads(self._bytes("/api/v1/openapi.json"))
