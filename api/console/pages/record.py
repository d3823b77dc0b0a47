"""A record: what stands and why, where it is held, what is asked, and what happened. `changing` has its forms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE, Halt
from api.console.looking import Looking
from api.console.people import Visitor
from api.console.veil import sees_people, sentence_for, veil_for
from api.masking import is_personal
from api.record import found, whole
from api.typed import as_typed
from core.errors import ConcordError, ConfigError
from core.store import records
from core.store.records import Record, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.console.desk import Desk

ONE = "/records/{kind}/{number}"


def routes(desk: Desk) -> APIRouter:
    """The page."""
    router, looking, showing = APIRouter(), Looking(desk), Showing(desk)

    @router.get(ONE)
    def page(request: Request, number: str, kind: str, visitor: Visitor = desk.for_viewers) -> Response:
        """All that is known of a record."""
        record = showing.record(request, visitor, number)
        if record.state == State.MERGED or record.kind != kind:
            return showing.onward(record)
        looking.note(visitor, "look at a record", named(record))
        return showing.page(request, visitor, record)

    return router


class Showing:
    """How a record is found and shown."""

    def __init__(self, desk: Desk) -> None:
        """For the pages of one desk."""
        self.desk = desk

    def record(self, request: Request, visitor: Visitor, number: str) -> Record:
        """The record of an address."""
        try:
            if not number.isdecimal() or len(number) > 18:
                raise ConfigError(
                    f"'{number[:40]}' is no number of a record.", remedy="Search for it by email or name."
                )
            return found(self.desk.installation, int(number))
        except ConfigError as error:
            raise Halt(self.desk.refused(request, visitor, error, status=404)) from error

    def onward(self, record: Record) -> Response:
        """To where a record is: it may be another one's part, or be of another kind."""
        with self.desk.installation.store.reading() as tx:
            into = records.merged_into(tx, [record.id]).get(record.id, record.id)
        said = f"Record {record.id} is part of this one." if into != record.id else ""
        return self.desk.done(f"{PLACE}/records/{record.kind}/{into}", said)

    def page(
        self,
        request: Request,
        visitor: Visitor,
        record: Record,
        *,
        error: ConcordError | None = None,
        failed: Mapping[str, str] | None = None,
    ) -> Response:
        """The page, with what went wrong beside the field that it is about."""
        desk, shape = self.desk, self.desk.installation.hub().shapes[record.kind]
        made = whole(desk.installation, record, veil=veil_for(desk, visitor), sees=sees_people(visitor))
        hidden = frozenset() if sees_people(visitor) else frozenset(n for n in shape.fields if is_personal(shape, n))
        beside = failed if failed is not None and failed["field"] in shape.fields else None
        return desk.page(
            request, visitor, "record.html", status=200 if error is None else 400, made=made, record=record,
            shape=shape, to=place_of(record), hidden=hidden, called=called, as_typed=as_typed,
            safe=partial(sentence_for, visitor), states=State, sees=sees_people(visitor),
            error=error.to_json() if error is not None and beside is None else None,
            failed={**beside, **error.to_json()} if error is not None and beside is not None else None,
        )  # fmt: skip


def named(record: Record) -> dict[str, Any]:
    """A record on the trail: by its number, since the trail outlives an erasure."""
    return {"kind": record.kind, "record": record.id}


def place_of(record: Record) -> str:
    """Where a record's page is."""
    return f"{PLACE}/records/{record.kind}/{record.id}"


def called(name: str) -> str:
    """A field's name as people say it."""
    return name.replace("_", " ").replace(".", " ")
