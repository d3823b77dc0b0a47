"""What is reached from outside: by the public name only people's own page, forms, webhooks, and the API by a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from api.forms import PLACE as FORMS
from api.preferences import HEADERS
from api.preferences import PLACE as PREFERENCES
from api.settings import HOOKS
from api.v1.app import PLACE as V1

PUBLIC = (f"{PREFERENCES}/", f"{FORMS}/", f"{HOOKS}/", f"{V1}/")
"""What is answered under the public name."""


def keep_inside(app: FastAPI, public_url: str | None) -> None:
    """Let the public name reach nothing but what is public."""
    public = urlsplit(public_url or "").hostname

    @app.middleware("http")
    async def only_what_is_public(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        if public and request.url.hostname == public and not request.url.path.startswith(PUBLIC):
            return PlainTextResponse("Not found", 404, headers=HEADERS)
        return await go_on(request)
