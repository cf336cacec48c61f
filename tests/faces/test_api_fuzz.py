"""schemathesis reads our own description of the API and sends what it allows, and what it does not: never a 500, nothing undeclared."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from ersr.faces.api.v1 import api
from tests import world as worlds
from tests.faces import stages
from tests.faces.calling import Caller

EXAMPLES = 5
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def operations() -> Any:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"))))
    return [found.ok() for found in schema.get_all_operations()]


@dataclass
class Sender:
    """Sends cases in turn as each caller, about each request that is there."""

    callers: list[Caller]
    references: list[str]
    sent: int = 0

    def __call__(self, case: Any) -> Any:
        self.sent += 1
        caller, reference = (
            self.callers[self.sent % len(self.callers)],
            self.references[self.sent % len(self.references)],
        )
        path = case.operation.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace(f"{{{name}}}", reference if name == "ref" else quote(str(value), safe=""))
        body, kind = b"", "application/json"
        if case.media_type == "application/json" and _is_json(case.body):
            body = json.dumps(case.body).encode()
        elif isinstance(case.body, dict):
            body, kind = _multipart({k: v for k, v in case.body.items() if isinstance(v, str | bytes)})
        query = {name: str(value) for name, value in (case.query or {}).items()}
        with transaction.atomic():
            answer = caller.http.generic(case.method, path, body, kind, headers=caller.headers, query_params=query)
            transaction.set_rollback(True)
        return answer


def wrong_answers(operation: Any, mode: GenerationMode, send: Sender) -> list[str]:
    """What the operation answered that it does not declare; a path that a value leads away from is not there (404)."""
    declared = {int(status) for status in operation.definition.raw["responses"]}
    found = []

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def fuzz(case: Any) -> None:
        answer = send(case)
        if answer.status_code >= 500 or answer.status_code not in declared | {404}:
            found.append(f"{operation.label} {answer.status_code}: {case.body!r} {case.path_parameters} {case.query}")

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong about an operation that takes nothing
        fuzz()
    return found


@pytest.mark.oracle
@pytest.mark.django_db
def test_whatever_is_sent_gets_a_declared_answer() -> None:
    """Each operation, as a filer and as two of the staff, on requests that are there, each call in a savepoint."""
    w = worlds.build()
    made = stages.build(w)
    send = Sender(
        [Caller(person) for person in (w.filer, w.services, w.signatory)], [r.reference for r in made.requests.values()]
    )
    known = operations()
    assert [said for one in known for mode in MODES for said in wrong_answers(one, mode, send)] == []
    assert send.sent > 5 * len(known)


def _is_json(body: Any) -> bool:
    try:
        json.dumps(body)
    except (TypeError, ValueError):
        return False
    return True


def _multipart(fields: dict[str, Any]) -> tuple[bytes, str]:
    lines = []
    for name, value in fields.items():
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        file = b'; filename="n.txt"' if name in ("file", "names") else b""
        head = b'--edge\r\nContent-Disposition: form-data; name="' + name.encode("utf-8", "replace") + b'"' + file
        lines.append(head + b"\r\n\r\n" + raw + b"\r\n")
    return b"".join([*lines, b"--edge--\r\n"]), "multipart/form-data; boundary=edge"
