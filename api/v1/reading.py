"""What all lists and answers of the API have in common: pages with a cursor, moments, chosen fields, ETags."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from api.v1.problems import Declined, Part
from core.model.instant import Instant, iso

T = TypeVar("T")
MOST = 200
"""Items of a page at most."""

Limit = Annotated[int, Query(ge=1, le=MOST, description="Items of a page at most.")]
Cursor = Annotated[str, Query(max_length=200, description="`next` of the page before, to go on from there.")]
Fields = Annotated[str, Query(max_length=4_000, description="Only these fields of `values`, by comma.")]
Number = Annotated[int, Field(ge=1, le=2**62)]


class Told(BaseModel):
    """Anything that is answered: what it does not name is not in it."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = Field(description="Send it as `after` to go on; null at the end.")


def after_number(cursor: str) -> int:
    """The number behind which a page begins; 0 from the beginning."""
    if not cursor:
        return 0
    if not cursor.isdecimal() or len(cursor) > 18:
        raise wrong("after", "This is no cursor of ours.")
    return int(cursor)


def wrong(pointer: str, detail: str) -> Declined:
    """A part of a request is not what it is to be."""
    return Declined(
        422, "api.request", f"The request cannot be read: {pointer}: {detail}", "Mend it, and send it again.",
        errors=[Part(pointer=pointer, detail=detail)],
    )  # fmt: skip


def chosen(values: dict[str, Any], fields: str) -> dict[str, Any]:
    """Those of the values that were asked for."""
    names = {one.strip() for one in fields.split(",") if one.strip()}
    return {name: one for name, one in values.items() if name in names} if names else values


def moment(at: Instant | None) -> str | None:
    """A moment as the API writes it."""
    return iso(at) if at is not None else None
