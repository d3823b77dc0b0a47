"""The console as a part of the hub's application: its pages, its files, and who is sent elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from api.console.desk import HEADERS, PLACE, STATIC, Desk, Halt
from api.console.pages import (
    agreeing,
    alerts,
    changing,
    checking,
    connecting,
    connections,
    consent,
    disconnecting,
    keys,
    letters,
    log,
    mapping_versions,
    mappings,
    me,
    overview,
    people,
    problems,
    provider,
    record,
    records,
    requests,
    reviews,
    runs,
    scorecard,
    settings,
    signing_in,
    signing_in_to_tools,
    trail,
    trial,
    trying,
    webhooks,
)
from api.parts import part

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.background import Background

# The catalogue goes before the page of a connection, whose name may be anything.
PAGES = (
    overview, alerts, records, record, changing, log, reviews, letters, problems, runs, connecting,
    signing_in_to_tools, connections, checking, agreeing, disconnecting, mappings, mapping_versions, settings, trying,
    trial, scorecard, consent, requests, signing_in, provider, me, people, keys, webhooks, trail,
)  # fmt: skip
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def add_console(app: FastAPI, installation: Installation, engine: Background | None) -> None:
    """Add the console; `engine` is the background whose troubles are shown."""
    desk = Desk(installation, engine)

    @app.get(PLACE)
    def home() -> Response:
        """The overview."""
        return RedirectResponse(f"{PLACE}/", 308, headers=HEADERS)

    app.router.routes.append(part(PLACE, lambda: _pages(desk)))


def _pages(desk: Desk) -> FastAPI:
    app, files = FastAPI(openapi_url=None), {one.name: one for one in STATIC.iterdir()}

    @app.exception_handler(Halt)
    async def halted(_: Request, halt: Halt) -> Response:
        return halt.answer

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        """A file that pages need; its address says which version it is."""
        if name not in files:
            return Response("Not found", 404, headers=HEADERS)
        return FileResponse(files[name], media_type=_KINDS[files[name].suffix], headers=_FOR_EVER)

    for page in PAGES:
        app.include_router(page.routes(desk))
    return app
