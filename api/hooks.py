"""`/hooks/CONNECTION`: where tools call. A request is verified, stored and acknowledged; the work is done after it.

The signature is the connector's business (`Receives`); here are the raw bytes, the limits and the answers. What the
request holds is never told again: not in an answer, not in a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from api.settings import HOOKS
from connectors._kit.catalogue import entry
from core import ports, signals
from core.errors import ConcordError, Garbled, ToolError, Unsupported, register
from core.flow.hub import HUB
from core.flow.inward.hearing import keep
from core.signals import Origin
from core.store import connections

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Connection

MOST = 1_048_576
"""Bytes of a request that are read; the tools' own limits are far below."""
METHODS = ("POST", "GET", "HEAD")
"""Some tools try an address by GET or HEAD before they send to it."""

log = structlog.get_logger("concord.hooks")

NO_HOOK = register(
    "hooks.unknown",
    "A webhook came to an address that belongs to no connection.",
    "See `concord hooks` for the addresses, and mend or delete the webhook in the tool.",
)
TOO_LARGE = register(
    "hooks.too_large",
    "A webhook was larger than the hub reads.",
    "Have the tool send fewer events at once; the next poll finds what was in it.",
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class _Answer(NamedTuple):
    """What the tool is told."""

    status: int
    told: dict[str, Any]

    def response(self) -> JSONResponse:
        """As it goes out; whoever is to come again is told when."""
        again = {"Retry-After": "60"} if self.status == 503 else {}
        return JSONResponse(self.told, self.status, headers={**_HEADERS, **again})


def address(installation: Installation, name: str) -> str | None:
    """Where a tool reaches a connection; None where nobody outside knows how to reach this hub."""
    base = installation.settings.hooks
    return f"{base}/{name}" if base else None


def hooks(installation: Installation) -> APIRouter:
    """The door for every connection whose tool sends webhooks."""
    router = APIRouter(prefix=HOOKS)

    @router.api_route("/{name}", methods=list(METHODS))
    async def receive(name: str, request: Request) -> JSONResponse:
        """Take a webhook: 200 when it is stored, or was before."""
        body = await _body(request)
        if body is None:
            return _refused(name, 413, Garbled(f"The webhook has more than {MOST:,} bytes.", code=TOO_LARGE)).response()
        came = ports.Request(
            request.method, _url(installation, request), dict(request.headers), body, installation.clock()
        )
        answer = await run_in_threadpool(_take, installation, name, came)
        return answer.response()

    return router


async def _body(request: Request) -> bytes | None:
    """The raw bytes; None for more than are read."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST:
            return None
    return bytes(body)


def _url(installation: Installation, request: Request) -> str:
    """The address as the tool knows it: some sign it, and a proxy in between has another."""
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
    query = request.scope["query_string"].decode("latin-1")
    base = installation.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{path}{f'?{query}' if query else ''}"


def _take(installation: Installation, name: str, came: ports.Request) -> _Answer:
    try:
        connection = _connection(installation, name)
        if isinstance(connection, _Answer):
            return connection
        taken = keep(installation.hub(), connection, came)
    except ToolError as error:
        return _refused(name, 400 if isinstance(error, Garbled) else 401, error)
    except ConcordError as error:
        signals.tell("webhook", connection=None, outcome="failed")
        # Without the trace, since values of the request may stand in it.
        log.error("a webhook cannot be stored", connection=name, code=error.error_code)  # noqa: TRY400 - as said
        return _Answer(503, {"error": {"code": error.error_code, "message": "The hub cannot store this now."}})
    signals.tell("webhook", connection=name, outcome="stored" if taken.fresh or not taken.events else "repeated")
    if taken.fresh:
        # Its number is known only now that it is stored; what it took before that is no part of the span.
        with signals.span("webhook", Origin(webhook_id=taken.webhook_id), connection=name, events=taken.events):
            installation.bell.ring()
    if taken.unknown:
        log.warning("a webhook told something unknown", connection=name, events=len(taken.unknown))
    log.info("a webhook was stored", connection=name, events=taken.events, fresh=taken.fresh, bytes=len(came.body))
    return _Answer(200, {"ok": True})


def _connection(installation: Installation, name: str) -> Connection | _Answer:
    """Whom it is for; a paused connection stores what comes and hears it when it goes on."""
    with installation.store.reading() as tx:
        row = next((one for one in connections.all_connections(tx) if one.name == name and name != HUB), None)
    if row is None or (row.state != "removed" and entry(row.connector).manifest.webhook is None):
        return _refused(name, 404, Unsupported("No connection takes webhooks at this address.", code=NO_HOOK))
    if row.state == "removed":
        gone = Unsupported("The connection was removed; delete the webhook in the tool.", code=NO_HOOK)
        return _refused(name, 410, gone)
    hub = installation.hub()
    if row.id not in hub.connections:
        # Another process has connected it a moment ago.
        installation.refresh()
        hub = installation.hub()
    found = hub.connections.get(row.id)
    return found or _refused(name, 404, Unsupported("The connection has no mapping yet.", code=NO_HOOK))


def _refused(name: str, status: int, error: ToolError) -> _Answer:
    """Nothing is stored. A name that anybody may make up is not repeated, and neither is what was sent."""
    known = name if status in (400, 401, 410) else None
    signals.tell("webhook", connection=known, outcome="refused")
    log.warning(
        "a webhook was refused",
        connection=known,
        status=status,
        code=error.error_code,
        header=error.facts.get("header"),
    )
    said = "The webhook cannot be read." if status == 400 else error.message
    return _Answer(status, {"error": {"code": error.error_code, "message": said, "remedy": error.remedy}})
