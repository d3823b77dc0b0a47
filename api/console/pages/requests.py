"""Requests of people about their own data, as a queue: taken, the person found, done, and closed with what shows it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE, as_file
from api.console.looking import Looking
from api.console.pages.record import place_of
from api.console.people import Visitor
from api.console.veil import sees_people, sentence_for
from api.listing import moment_of
from core.decide.leads import Posted
from core.decide.requesting import GROUNDS, RIGHTS, WAYS, extended
from core.errors import ConcordError
from core.flow import requests as asked
from core.flow.asking import search
from core.store import erasures
from core.store import requests as stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.console.desk import Desk
    from core.flow.hub import Hub
    from core.store.records import Record

HERE = f"{PLACE}/requests"
_SHOWN = 10
"""People who may be meant."""
_LONGEST = 200
"""Letters of a search."""


def routes(desk: Desk) -> APIRouter:
    """The queue, one of it, and what is done about it."""
    router = APIRouter()
    _pages(router, desk)
    _forms(router, desk)
    return router


def _pages(router: APIRouter, desk: Desk) -> None:
    looking = Looking(desk)

    @router.get("/requests")
    def every(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """Those that are open, the overdue first; and those that were closed last."""
        return _every(desk, request, visitor)

    @router.get("/requests/{id_}")
    def one(request: Request, id_: int, visitor: Visitor = desk.for_viewers, q: str = "") -> Response:
        """What was asked, who it is, and what was done."""
        looking.note(visitor, "look at a request", {"request": id_})
        return _one(desk, request, visitor, id_, q=q.strip()[:_LONGEST])


def _every(
    desk: Desk, request: Request, visitor: Visitor, said: Posted | None = None, error: ConcordError | None = None
) -> Response:
    hub = desk.installation.hub()
    with hub.store.reading() as tx:
        waiting, closed = stored.waiting(tx), stored.closed(tx)
    return desk.page(
        request, visitor, "requests.html", status=200 if error is None else 400, waiting=waiting, closed=closed,
        rights=RIGHTS, ways=WAYS, days=hub.profile.deadlines, law=hub.profile.title, given=said or {},
        error=error and error.to_json(),
    )  # fmt: skip


def _one(
    desk: Desk, request: Request, visitor: Visitor, id_: int, q: str = "", error: ConcordError | None = None
) -> Response:
    hub = desk.installation.hub()
    try:
        about = asked.found(hub, id_)
    except ConcordError as unknown:
        return desk.refused(request, visitor, unknown, status=404)
    record, sees = asked.subject(hub, about), sees_people(visitor)
    wanted = q or (asked.address_in(about.who or "") or about.who or "" if record is None else "")
    may_be = search(hub, ["contact"], wanted, named=["contact"])[:_SHOWN] if sees and wanted else []
    with hub.store.reading() as tx:
        erasure = erasures.one(tx, about.erasure_id) if about.erasure_id is not None else None
        places = erasures.places_of(tx, [erasure.id]) if erasure is not None else []
        known = [about.record_id] if about.record_id is not None else []
        others = [one for one in stored.of(tx, known, about.digest) if one.id != about.id]
    return desk.page(
        request, visitor, "request.html", status=200 if error is None else 400, about=about, record=record,
        to=place_of(record) if record is not None else "", title=_named(hub, record), here_again=HERE, q=q,
        may_be=[(one, _named(hub, one)) for one in may_be], searched=bool(wanted), erasure=erasure, others=others,
        left=sum(one.state in erasures.OPEN for one in places), rights=RIGHTS, grounds=GROUNDS,
        until=extended(hub.profile.deadlines, about.right, about.due_at), law=hub.profile.title,
        done=asked.is_done(about), safe=partial(sentence_for, visitor), sees=sees, error=error and error.to_json(),
    )  # fmt: skip


def _forms(router: APIRouter, desk: Desk) -> None:
    @router.post("/requests")
    def add(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
        """Writes one down by hand."""
        hub = desk.installation.hub()
        try:
            came = moment_of(said["came"], hub.clock()) if said.get("came", "").strip() else None
            id_ = asked.ask(
                hub, said.get("right", ""), said.get("who", ""), said.get("way", ""), came_at=came,
                note=said.get("note", ""),
            )  # fmt: skip
        except ConcordError as error:
            return _every(desk, request, visitor, said, error)
        desk.note(visitor, "write a request down", {"request": id_, "right": said["right"]})
        return desk.done(f"{HERE}/{id_}", f"Request {id_} is written down.")

    @router.post("/requests/{id_}/export")
    def export(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, _: Posted = desk.from_form
    ) -> Response:
        """Everything that is held of the person, as a file."""
        try:
            body = asked.export(desk.installation.hub(), id_)
        except ConcordError as error:
            return _one(desk, request, visitor, id_, error=error)
        desk.note(visitor, "export for a request", {"request": id_})
        return as_file(body, f"request-{id_}.json")

    @router.post("/requests/{id_}/{act}")
    def act(
        request: Request, id_: int, act: str, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Takes it, names the person, takes more time or their no, closes it, or forgets who asked."""
        hub, whom = desk.installation.hub(), visitor.person.name
        why, ground = said.get("why", ""), said.get("ground", "")
        number = said.get("record", "")
        acts: dict[str, tuple[Callable[[], Any], str]] = {
            "take": (lambda: asked.take(hub, id_, whom), "It is yours."),
            "person": (
                lambda: asked.name(hub, id_, int(number) if number.isdecimal() and len(number) < 19 else 0),
                "The person is named.",
            ),
            "extend": (lambda: asked.extend(hub, id_, why), "More time is taken. Tell the person, with the reason."),
            "object": (
                lambda: asked.object_for(hub, id_),
                "They are written to no more; the tools are told before anything else.",
            ),
            "answered": (lambda: asked.answered(hub, id_, whom, why), "It is answered."),
            "refused": (lambda: asked.refused(hub, id_, whom, ground, why), "It is refused."),
            "forget": (lambda: asked.forget(hub, id_), "Who asked is forgotten."),
        }
        if act not in acts:
            return desk.done(f"{HERE}/{id_}")
        do, done = acts[act]
        try:
            do()
        except ConcordError as error:
            return _one(desk, request, visitor, id_, error=error)
        desk.installation.bell.ring()
        desk.note(visitor, _TRAIL[act], {"request": id_, **({"ground": ground} if act == "refused" else {})})
        return desk.done(f"{HERE}/{id_}", done)


_TRAIL = {
    "take": "take a request", "person": "name the person of a request", "extend": "take more time for a request",
    "object": "take a no for a request",
    "answered": "answer a request", "refused": "refuse a request", "forget": "forget who asked",
}  # fmt: skip


def _named(hub: Hub, record: Record | None) -> str:
    if record is None:
        return ""
    return hub.shapes[record.kind].name_of(record.values) or f"{record.kind} {record.id}"
