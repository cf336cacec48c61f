"""/api/v1. Thin: each operation reads what was sent, asks who calls, and calls one action or query."""

from __future__ import annotations

import functools
import json
from typing import Any

from ninja import NinjaAPI

from ersr.faces.api import problems
from ersr.faces.api.idempotency import act_once
from ersr.faces.api.reading import StrictParser
from ersr.faces.api.v1 import access, deciding, desk, filing, office, outbox, public, reading  # noqa: F401 - each adds its operations
from ersr.faces.api.v1.operation import router


class Api(NinjaAPI):
    """Describes problems by their own media type, and is described once: anybody may ask, and making it takes a second."""

    def get_openapi_schema(self, **words: Any) -> Any:
        key = json.dumps(words, sort_keys=True, default=str)
        if key not in self._described:
            self._described[key] = self._describe(**words)
        return self._described[key]

    @functools.cached_property
    def _described(self) -> dict[str, Any]:
        return {}

    def _describe(self, **words: Any) -> Any:
        schema = super().get_openapi_schema(**words)
        for path in schema["paths"].values():
            for operation in path.values():
                for answer in operation["responses"].values():
                    if answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "").endswith("/Problem"):
                        answer["content"] = {problems.MEDIA_TYPE: answer["content"]["application/json"]}
        return schema


api = Api(
    title="Security Response Waiver (SRW, formerly ERSR)",
    version="1",
    description="From filing to signed waiver, checked by anyone. docs/reference/api.md says the conventions.",
    docs_url=None,
    urls_namespace="api-v1",
    parser=StrictParser(),
)
problems.install(api)
api.add_decorator(act_once, mode="view")
api.add_router("", router)
