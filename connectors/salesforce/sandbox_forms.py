"""Which calls Salesforce publishes: its request set of 2021-01, and the forms documented elsewhere, with where.

Tests hold the journal of a stand-in against this, so that nobody calls what only the stand-in knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from connectors._kit.sandbox import Exchange

FILE = "postman-requests-2021-01.json"

DOCUMENTED = {
    ("PATCH", "/services/data/v*/sobjects/*/*/*"): "upsert by external id: REST guide, dome_upsert",
    ("DELETE", "/services/data/v*/sobjects/*/*/*"): "delete by external id: REST guide, resources_sobject_upsert",
    ("GET", "/services/data/v*/query/*"): "the answer's own nextRecordsUrl",
    ("GET", "/services/data/v*/queryAll/*"): "the answer's own nextRecordsUrl",
    (
        "PATCH",
        "/services/data/v*/composite/sobjects",
    ): "collections, update: REST guide; the set adds a type to the path",
    (
        "DELETE",
        "/services/data/v*/composite/sobjects",
    ): "collections, delete: REST guide; the set adds a type to the path",
    ("PATCH", "/services/data/v*/composite/sobjects/*/*"): "collections, upsert: REST guide, since version 46.0",
    ("POST", "/services/data/v*/composite/sobjects/*"): "collections, retrieve with a body: REST guide",
    ("GET", "/services/data/v*/tooling/query"): "Tooling guide",
    ("POST", "/services/data/v*/tooling/sobjects/*"): "Tooling guide",
    ("GET", "/services/data/v*/tooling/sobjects/*/*"): "Tooling guide",
    ("DELETE", "/services/data/v*/tooling/sobjects/*/*"): "Tooling guide",
}
"""(method, path) → where it is documented, for what the published set leaves out; `*` is one part."""

NOT_SERVED = {
    "/.well-known/auth-configuration": "login pages of communities",
    "/.well-known/openid-configuration": "sign-in by OpenID Connect is another's business",
    "/id/keys": "the same",
    "/services/oauth2/register": "clients are registered by hand",
    "/services/Soap/u/*": "SOAP login is off in new orgs and goes in Summer '27",
    "/services/data/v*/composite/graph": "nobody needs it here",
    "/services/data/v*/composite/tree/*": "nobody needs it here",
    "/services/data/v*/consent/action/action": "reads what the consent objects say, which are served themselves",
    "/services/data/v*/parameterizedSearch": "the search index lags and is no way to find a record for certain",
    "/services/data/v*/search": "the same",
    "/services/data/v*/sobjects/*/eventSchema": "platform events come over gRPC",
    "/services/data/v*/event/eventSchema/*": "the same",
    "/services/data/v*/ui-api/object-info/*": "describe says more",
}
"""Published, and not answered by the stand-in: path → why."""


class Form(NamedTuple):
    """One published call. `path` has `*` for each part that varies."""

    method: str
    path: str
    name: str


def published() -> list[Form] | None:
    """The published set; None where its file is not at hand."""
    folder = Path(os.environ.get("CONCORD_SPECS", Path(__file__).parents[2].parent / "shared" / "specs"))
    file = folder / "salesforce" / FILE
    if not file.is_file():
        return None
    groups = orjson.loads(file.read_bytes())
    return [
        Form(call["method"], _path(call["url"]), f"{group}.{name}")
        for group, calls in groups.items()
        for name, call in calls.items()
    ]


def strays(journal: Iterable[Exchange], forms: Iterable[Form]) -> Iterator[str]:
    """The calls of a journal that nobody publishes; those the stand-in refused for want of a route are left out."""
    known = {(form.method, form.path) for form in forms} | set(DOCUMENTED)
    shapes = [(method, re.compile(_pattern(path))) for method, path in known]
    for exchange in journal:
        call = exchange.call
        path = call.path.rstrip("/")
        if exchange.route and not any(method == call.method and shape.fullmatch(path) for method, shape in shapes):
            yield f"{call.method} {path}"


def _path(url: str) -> str:
    path = re.sub(r"^(\{\{\w+\}\})+", "", url.partition("?")[0])
    path = re.sub(r"\{\{\w+\}\}|<\w+>", "*", path)
    return path.rstrip("/")


def _pattern(path: str) -> str:
    return re.escape(path).replace(r"\*", "[^/]+")
