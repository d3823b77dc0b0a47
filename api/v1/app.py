"""The API as an application of its own below `/v1`: its operations, its problems, and its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from api.v1 import about, consent, hooks, leads, movement, plans, problems, records, work
from api.v1.bounds import Bounded
from api.v1.door import Door
from api.v1.problems import Declined, Problem
from api.v1.records import NotModified
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.assembly import Installation

PLACE = "/v1"
RESOURCES = (about, records, consent, work, movement, leads, plans, hooks)
"""Each has the operations of its subject."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {problems.MEDIA: {}}}
    for status, words in (
        (400, "What was asked makes no sense here."), (401, "The key is missing, or not good."),
        (403, "The key has not the scope."), (404, "There is no such thing."),
        (409, "It stands against what is known."),
        (412, "It has been changed meanwhile."), (413, "It is too large."),
        (422, "The request cannot be read."), (429, "Too often; wait."),
        (503, "The hub's database does not answer."),
    )
}  # fmt: skip
DESCRIPTION = (
    "Concord for programs. Every request shows a key: `Authorization: Bearer KEY`; make one with `concord keys add "
    "NAME`. Errors are problems as RFC 9457 has them. Lists go on by `after`. Requests that write may be sent again "
    "with the same `Idempotency-Key`; whoever changes a record may say with `If-Match` which version they have seen."
)


def create_v1(installation: Installation) -> FastAPI:
    """The API of an installation."""
    app = FastAPI(
        title="Concord", version="1", description=DESCRIPTION, openapi_url="/openapi.json", docs_url=None,
        redoc_url=None, separate_input_output_schemas=False, servers=[{"url": PLACE}],
    )  # fmt: skip
    door = Door(installation)
    for one in RESOURCES:
        app.include_router(one.routes(door), responses=_RESPONSES)

    app.add_middleware(Bounded)

    @app.middleware("http")
    async def headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        for name, value in {**_HEADERS, **getattr(request.state, "limits", {})}.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(Declined)
    def declined(_: Request, one: Declined) -> Response:
        return problems.answer(one.told, one.headers)

    @app.exception_handler(ConcordError)
    def failed(_: Request, error: ConcordError) -> Response:
        return problems.answer(problems.of_error(error))

    @app.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> Response:
        return problems.answer(problems.of_request(error.errors()))

    @app.exception_handler(NotModified)
    def unchanged(_: Request, one: NotModified) -> Response:
        return Response(status_code=304, headers={"ETag": one.tag})

    @app.exception_handler(HTTPException)
    def elsewhere(request: Request, error: HTTPException) -> Response:
        words = f"{request.method} {request.url.path[:100]}: {error.detail}."
        large = error.status_code == 413
        remedy = "Send it in parts." if large else f"{PLACE}/openapi.json says what there is."
        code = "api.too_large" if large else "api.operation"
        return problems.answer(problems.told(error.status_code, code, words, remedy), error.headers)

    return app
