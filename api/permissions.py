"""`/v1/consent/check`: may somebody be contacted, and why? For one address, or for a list about to be mailed.

Answered from the store alone; nothing is changed. The same words are printed by `concord consent check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.told import permission
from core.errors import ConcordError, ConfigError
from core.flow.consent.checking import Who, check_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.assembly import Installation

MOST = 10_000
"""So many addresses are answered at once."""

_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class ManyAsked(BaseModel):
    """The body of the question about a list."""

    model_config = ConfigDict(extra="forbid")

    addresses: Annotated[list[str | int], Field(max_length=MOST)]
    """Email addresses, phone numbers, or numbers of people in the hub."""
    channel: str = "email"
    topic: str | None = None


def routes(installation: Installation) -> APIRouter:
    """The question in both its forms."""
    router = APIRouter(prefix="/v1/consent")

    @router.get("/check")
    def check_one(
        address: Annotated[str, Query(min_length=1, max_length=500)], channel: str = "email", topic: str | None = None
    ) -> JSONResponse:
        """The verdict on one address."""
        return _answer(installation, [address], channel, topic, one=True)

    @router.post("/check")
    def check_many(asked: ManyAsked) -> JSONResponse:
        """The verdicts on a list, in its order."""
        return _answer(installation, asked.addresses, asked.channel, asked.topic, one=False)

    return router


def _answer(
    installation: Installation, whom: Sequence[Who], channel: str, topic: str | None, *, one: bool
) -> JSONResponse:
    try:
        found = [permission(verdict) for verdict in check_all(installation.hub(), whom, channel, topic)]
    except ConcordError as error:
        status = 400 if isinstance(error, ConfigError) else 503
        return JSONResponse({"error": error.to_json()}, status, headers=_HEADERS)
    told: dict[str, Any] = found[0] if one else {"allowed": sum(each["allowed"] for each in found), "answers": found}
    return JSONResponse(told, headers=_HEADERS)
