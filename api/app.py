"""The status page: one page of HTML printed on the server, without scripts; for programs there is `/v1` (`api.v1`).

It shows what `concord status` shows and changes nothing; beside it stand the scorecard (`auditing`), the people's own
page (`preferences`) and the forms (`forms`, `leads`), and the door for webhooks (`hooks`). No secret is in it. On a
loopback address it answers to loopback names only, so that no foreign page can read it through a borrowed name. There
is no sign-in: who can reach the port may ask, and what changes something has its button on a loopback address only.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import health, metrics
from api.auditing import add_audit
from api.cli.output import ago, counted, share
from api.console.app import add_console
from api.console.desk import prose
from api.forms import routes as form_routes
from api.hooks import hooks
from api.leads import routes as lead_routes
from api.outside import keep_inside
from api.parts import part
from api.patience import Patience
from api.preferences import add_preferences
from api.snapshot import snapshot
from api.v1.app import PLACE as V1
from api.v1.app import create_v1
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.background import Background
    from api.metrics import Meters

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(
    installation: Installation,
    engine: Background | None = None,
    *,
    host: str = "127.0.0.1",
    meters: Meters | None = None,
) -> FastAPI:
    """The page of an installation, and its answers to machines.

    `engine` is the background whose health is shown, `meters` what is counted in this process.
    """
    app = FastAPI(title="Concord", openapi_url=None)
    if host in _LOOPBACK:
        ours = (installation.settings.public_url, installation.settings.console_url)
        names = [urlsplit(one).hostname for one in ours if one]
        allowed = ["127.0.0.1", "localhost", "[::1]", *filter(None, names)]
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed)
    pages = Environment(
        loader=PackageLoader("api", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {"share": share, "ago": ago, "counted": counted, "prose": prose}
    template = pages.get_template("status.html")

    keep_inside(app, installation.settings.public_url)
    add_preferences(app, installation, pages)
    add_audit(app, installation, pages, mends=host in _LOOPBACK)

    # Plain functions: the framework runs them in threads, and the store is read there.
    @app.get("/", response_class=HTMLResponse)
    def page() -> Response:
        """The status page."""
        try:
            text = template.render(state=snapshot(installation), trouble=_trouble(engine))
        except ConcordError as error:
            text = template.render(state=None, trouble=error.to_json())
            return HTMLResponse(text, 503, headers=_HEADERS)
        return HTMLResponse(text, headers=_HEADERS)

    @app.get("/healthz")
    def lives() -> Response:
        """Whether this process lives; the store is not asked."""
        ok = health.alive(engine)
        told = {"ok": ok, "background": ok, "troubles": health.troubles(engine)}
        return JSONResponse(told, 200 if ok else 503, headers=_HEADERS)

    @app.get("/readyz")
    def is_ready() -> Response:
        """Whether the hub can do its work, check by check; 503 where its doors cannot take what comes."""
        told = health.ready(installation, engine)
        return JSONResponse(told, 200 if told["open"] else 503, headers=_HEADERS)

    @app.get("/metrics")
    def measured(request: Request) -> Response:
        """What Prometheus reads: for this machine, and for whoever shows the token."""
        if not _may_measure(installation, request):
            words = "Ask from the same machine, or with the token in CONCORD_METRICS_TOKEN.\n"
            return PlainTextResponse(words, 403, headers=_HEADERS)
        try:
            return Response(
                metrics.page(installation, engine, meters), media_type=CONTENT_TYPE_LATEST, headers=_HEADERS
            )
        except ConcordError as error:
            return PlainTextResponse(f"{error.error_code}\n", 503, headers=_HEADERS)

    add_console(app, installation, engine)
    for one in (form_routes, lead_routes, hooks):
        app.include_router(one(installation))
    # Last: what people post by a form needs no key, and lies below the same name.
    app.router.routes.append(part(V1, lambda: create_v1(installation)))
    # Around all of them, so that no door waits for ever.
    app.add_middleware(Patience)
    return app


def _may_measure(installation: Installation, request: Request) -> bool:
    """A proxy on this machine asks for others, who are known by what it adds."""
    peer, through = request.client, set(request.headers) & {"x-forwarded-for", "forwarded"}
    if peer is not None and peer.host in _LOOPBACK and not through:
        return True
    token = installation.settings.metrics_token
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    return token is not None and compare_digest(shown.encode(), token.get_secret_value().encode())


def _trouble(engine: Background | None) -> dict[str, Any] | None:
    """What keeps the background from going on."""
    return engine.trouble.to_json() if engine is not None and engine.trouble is not None else None
