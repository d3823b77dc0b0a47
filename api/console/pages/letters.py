"""Dead letters: what tools refused for good, in classes; trying one, some or a class again, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api import letters
from api.console.desk import PLACE
from api.console.people import Role, Visitor
from api.console.veil import sees_people, veil_of
from api.links import links_of
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.model.many import many, verb

if TYPE_CHECKING:
    from api.console.desk import Desk
    from api.letters import Whole

SHOWN = 50
"""Classes, or letters of a class, on a page."""
FOLLOWED = 50
"""So many of those that were tried again are shown with what became of them."""


def routes(desk: Desk) -> APIRouter:
    """The classes, each class, and trying again."""
    router = APIRouter()
    _looking(desk, router)
    _trying(desk, router)
    return router


def _looking(desk: Desk, router: APIRouter) -> None:
    @router.get("/letters")
    def classes(
        request: Request,
        visitor: Visitor = desk.for_viewers,
        connection: str = "",
        code: str = "",
        after: str = "",
    ) -> Response:
        """What tools refused, by what they said."""
        try:
            page = letters.classes(
                desk.installation, connection=connection or None, code=code or None, after=after or None, limit=SHOWN
            )
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        names = sorted(one.name for one in desk.installation.hub().connections.values())
        return desk.page(
            request, visitor, "letters.html", page=page, connection=connection, code=code, names=names,
            can=visitor.may(Role.OPERATOR), veil=veil_of(visitor),
        )  # fmt: skip

    @router.get("/letters/tried")
    def tried(
        request: Request, visitor: Visitor = desk.for_viewers, connection: str = "", since: int = 0, number: int = 0
    ) -> Response:
        """What became of those that were tried again."""
        given = request.query_params.getlist("record")
        ids = list(dict.fromkeys(int(one) for one in given if one.isdigit()))[:FOLLOWED]
        try:
            found = letters.became(desk.installation, connection, ids, since)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        return desk.page(
            request, visitor, "letters_tried.html", found=found, connection=connection, number=max(number, len(found)),
            waiting=sum(one["state"] == "waits" for one in found), veil=veil_of(visitor),
        )  # fmt: skip

    @router.get("/letters/{id_}")
    def one(request: Request, id_: int, visitor: Visitor = desk.for_viewers, below: int | None = None) -> Response:
        """A class with its letters."""
        return _show(desk, request, visitor, id_, below)


def _trying(desk: Desk, router: APIRouter) -> None:
    @router.post("/letters/{id_}/again")
    def again(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Tries one, those that are ticked, or the whole class again."""
        chosen = _chosen(said)
        if chosen is not None and not chosen:
            return _show(desk, request, visitor, id_, error=ConfigError("No letter is ticked.", remedy="Tick some."))
        found = letters.whole(desk.installation, id_, limit=FOLLOWED)
        if found is None:
            return _gone(desk, request, visitor)
        since = desk.installation.clock()
        try:
            count = letters.try_again(desk.installation, found.of, chosen)
        except ConcordError as error:
            return _show(desk, request, visitor, id_, error=error)
        if not count:
            return _gone(desk, request, visitor)
        followed = chosen if chosen is not None else [one["record"]["id"] for one in found.letters]
        _note(desk, visitor, found, count, chosen)
        return desk.done(_followed(found.told["connection"], since, count, followed), _done(count))


def _chosen(said: Posted) -> list[int] | None:
    """The records whose letters are meant; None for the whole class."""
    if said.get("one", "").isdigit():
        return [int(said["one"])]
    if said.get("which") == "all":
        return None
    return [int(one) for one in said.get("record", "").replace(" ", "").split(",") if one.isdigit()]


def _followed(connection: str, since: int, count: int, record_ids: list[int]) -> str:
    asked: list[tuple[str, Any]] = [("connection", connection), ("since", since), ("number", count)]
    return f"{PLACE}/letters/tried?{urlencode(asked + [('record', one) for one in record_ids[:FOLLOWED]])}"


def _done(count: int) -> str:
    queued = f"{many(count, 'letter')} {verb(count, 'is', 'are')} queued"
    return f"{queued}; the background writes {verb(count, 'it', 'them')}."


def _show(
    desk: Desk,
    request: Request,
    visitor: Visitor,
    number: int,
    below: int | None = None,
    error: ConcordError | None = None,
) -> Response:
    found = letters.whole(desk.installation, number, below=below, limit=SHOWN)
    if found is None:
        return _gone(desk, request, visitor)
    seen = {"connection": found.told["connection"], "code": found.told["code"]}
    with desk.installation.store.writing() as tx:
        records = [one["record"]["id"] for one in found.letters]
        links = links_of(desk.installation.hub(), tx, records, sees=sees_people(visitor))
        desk.people.note(tx, visitor, "look at dead letters", {**seen, "records": records})
    return desk.page(
        request, visitor, "letters_class.html", status=200 if error is None else 400, found=found, below=below,
        error=error.to_json() if error is not None else None, can=visitor.may(Role.OPERATOR), veil=veil_of(visitor),
        links=links,
    )  # fmt: skip


def _gone(desk: Desk, request: Request, visitor: Visitor) -> Response:
    """A letter that was tried again a moment ago, by somebody or by the hub itself."""
    error = ConfigError(
        "These letters are not there any more: they got through, or are being tried again already.",
        remedy="Open the dead letters to see what is left.",
    )
    return desk.refused(request, visitor, error, status=404)


def _note(desk: Desk, visitor: Visitor, found: Whole, count: int, chosen: list[int] | None) -> None:
    about = {"connection": found.told["connection"], "code": found.told["code"], "letters": count}
    with desk.installation.store.writing() as tx:
        desk.people.note(tx, visitor, "try again", {**about, "records": chosen if chosen is not None else "all"})
