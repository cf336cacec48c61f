"""The API for programs: one method per operation, bytes where bytes matter. Needs httpx; knows nothing of the service's insides.

What the service refuses is raised as `Problem`, a connection that does not come back as `httpx.TransportError`. Only what is safe
is repeated by itself (sending.py): give each POST that may be sent again a `key`, drawn anew for each thing that you want done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, BinaryIO, Self

import httpx

from ersr.client.sending import JSON, TRIES, Problem, Sender, Told

__all__ = ["JSON", "TRIES", "Client", "Problem", "Told"]


def _time(moment: datetime | None) -> str | None:
    if moment is not None and moment.utcoffset() is None:
        raise ValueError("a time needs its zone")
    return moment.isoformat() if moment else None


class Client:
    """Speaks for the person of `token`; without one, only for what needs none. Use as a context manager, or `close` it.

    `timeout`: seconds that connecting, and each wait for more bytes, may take. `patience`: seconds that the waiting between
    repeated tries may take in all. `transport` and `sleep` are for tests.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        timeout: float = 60,
        patience: float = 30,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._sleep = sleep
        self._sender = Sender(
            self.base_url, token, timeout=timeout, patience=patience, transport=transport, sleep=sleep
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._sender.close()

    # How a call goes out

    def _get(self, path: str, **query: Any) -> JSON:
        return self._sender.send("GET", f"/api/v1/{path}", params={k: v for k, v in query.items() if v}).json()

    def _bytes(self, path: str) -> bytes:
        return self._sender.send("GET", path).content

    def _post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> JSON:
        return self._sender.send("POST", f"/api/v1/{path}", key=key, json=body).json()

    def _upload(
        self,
        path: str,
        files: Mapping[str, tuple[str, bytes | BinaryIO]],
        form: Mapping[str, str],
        *,
        key: str | None = None,
    ) -> JSON:
        sent = {name: (file, data, "application/octet-stream") for name, (file, data) in files.items()}
        return self._sender.send("POST", f"/api/v1/{path}", key=key, files=sent, data=dict(form)).json()

    def save(self, path: str, file: BinaryIO, *, told: Told | None = None) -> int:
        """Streams a file of the API into `file` (open for writing and seeking): `save("waivers/W-.../pdf", file)`.

        The number of bytes; `told(so_far, in_all)` hears of each piece. A broken connection begins it anew.
        """
        return self._sender.save(f"/api/v1/{path}", file, told=told)

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

    def ask_device_code(self, *, name: str, scopes: Sequence[str], days: int = 30) -> JSON:
        """{device_code, user_code, verification_uri, expires_in, interval}: RFC 8628, without the person's password."""
        return self._post("device_codes", {"name": name, "scopes": list(scopes), "days": days})

    def fetch_device_token(self, device_code: str) -> JSON:
        """{token, id, scopes, expires_at}, once. Raises Problem authorization_pending, slow_down (ask 5 s less often),
        access_denied, expired_token."""
        return self._post("device_tokens", {"device_code": device_code})

    def tokens(self) -> list[JSON]:
        return self._get("tokens")["items"]

    def end_token(self, token_id: int) -> None:
        self._sender.send("DELETE", f"/api/v1/tokens/{token_id}")

    def sessions(self) -> list[JSON]:
        return self._get("sessions")["items"]

    def end_session(self, key_hash: str) -> None:
        self._sender.send("DELETE", f"/api/v1/sessions/{key_hash}")

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
        """{id, email, enrol_link}; for who let the first invitation lapse."""
        return self._post(f"people/{person}/reinvite", {}, key=key)

    def reactivate(self, person: int, *, key: str | None = None) -> JSON:
        return self._post(f"people/{person}/reactivate", {}, key=key)

    def recoveries(self) -> JSON:
        """Lost second factors that wait: {items, next}, each with the numbers that may be called."""
        return self._get("recoveries")

    def call_back(self, recovery: int, *, number: int, outcome: str, remark: str = "", key: str | None = None) -> JSON:
        """outcome: confirmed, denied or no_answer."""
        body = {"number_id": number, "outcome": outcome, "remark": remark}
        return self._post(f"recoveries/{recovery}/call", body, key=key)

    def approve_recovery(self, recovery: int, *, key: str | None = None) -> JSON:
        return self._post(f"recoveries/{recovery}/approve", {}, key=key)

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
        self, ref: str, data: bytes | BinaryIO, *, title: str = "", name: str = "names.txt", key: str | None = None
    ) -> JSON:
        """A file of names; one open for reading is streamed. `made` has number, version, digest, names, and `new` False if it was there.

        Of a large or compressed file the answer is how far its intake is, without `made`: ask `uploaded` for its `number`.
        """
        return self._upload(f"requests/{ref}/add_list", {"file": (name, data)}, {"title": title}, key=key)

    def upload(self, ref: str, number: int) -> JSON:
        """How far a large file is: `state` waiting, taken (with `list`, `names` and counts) or refused (`problem` says why)."""
        return self._get(f"requests/{ref}/uploads/{number}")

    def uploaded(self, ref: str, number: int, *, told: Told | None = None, every: float = 1.0) -> JSON:
        """The same once it is taken in. Raises Problem `unfit` if it was refused, `pending` if nobody works on it any more."""
        while (found := self.upload(ref, number))["state"] == "waiting" and not found["stopped"]:
            if told:
                told(found["read"], found["size"])
            self._sleep(every)
        if found["state"] == "taken":
            return found
        if found["stopped"]:
            raise Problem(202, "pending", "Not ready yet", "The reading of this list has stopped. Call the duty line.")
        raise Problem(422, "unfit", "This list was not taken in", found["problem"])

    def add_evidence(self, ref: str, data: bytes | BinaryIO, *, name: str, key: str | None = None) -> JSON:
        return self._upload(f"requests/{ref}/add_evidence", {"file": (name, data)}, {}, key=key)

    def receipt(self, ref: str) -> bytes | None:
        """The receipt, byte by byte; None while it is not sequenced yet."""
        answer = self._sender.send("GET", f"/api/v1/requests/{ref}/receipt")
        return None if answer.status_code == 202 else answer.content

    def receipt_within(self, ref: str, seconds: float = 30) -> bytes:
        """The same, asked for until it is there. Raises Problem `pending` after so many seconds."""
        until = time.monotonic() + seconds
        while (found := self.receipt(ref)) is None:
            if time.monotonic() >= until:
                raise Problem(
                    202, "pending", "Not ready yet", f"The receipt of {ref} was not there after {seconds:g} s."
                )
            self._sleep(0.25)
        return found

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

    def waiver_covers(self, ref: str, name: str, *, action: str = "", at: datetime | None = None) -> JSON:
        """Whether the instrument covers an act on this name (without `action`: any that it grants), at `at` or now, and why."""
        return self._get(f"waivers/{ref}/covers", name=name, action=action, at=_time(at))

    def waiver_list_key(self, ref: str) -> bytes:
        """list-key.json, with which the list's holder proves single names: keep it to yourself."""
        return self._bytes(f"/api/v1/waivers/{ref}/list-key")

    def waiver_token(self, ref: str) -> bytes:
        return self._bytes(f"/api/v1/waivers/{ref}/token")

    # Evidence for everybody

    def outbox(self) -> list[JSON]:
        """What became of each mail, newest first."""
        return list(self.pages("outbox"))

    def send_again(self, mail: int | None = None, *, key: str | None = None) -> JSON:
        """{mails}: how many are tried at once; without a number every one that failed."""
        return self._post("outbox/send_again" if mail is None else f"outbox/{mail}/send_again", {}, key=key)

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
