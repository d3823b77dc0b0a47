"""Connections: how each stands, and what stops one, takes it up again, or has it read from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.called import called
from api.connecting import known
from api.console.desk import PLACE
from api.console.people import Visitor
from api.pace import seconds_left
from api.snapshot import snapshot
from connectors._kit.catalogue import catalogue, entry
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.hub import HUB
from core.flow.resyncing import from_the_beginning
from core.store import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.console.desk import Desk
    from core.model.instant import Instant
    from core.store.connections import ConnectionRow, StreamRow

Told = dict[str, Any]


def routes(desk: Desk) -> APIRouter:
    """The pages and their forms."""
    router = APIRouter()
    at = desk.installation

    @router.get("/connections")
    def every(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """All of them."""
        try:
            state = snapshot(at, counted=False)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        titles = {name: one.manifest.title for name, one in catalogue().items()}
        return desk.page(request, visitor, "connections.html", connections=state["connections"], titles=titles)

    @router.get("/connections/{name}")
    def one(request: Request, name: str, visitor: Visitor = desk.for_viewers) -> Response:
        """One of them."""
        try:
            row = row_of(desk, name)
            told = told_of(desk, row)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        return desk.page(request, visitor, "connection.html", row=row, **told)

    def done(request: Request, visitor: Visitor, name: str, what: str, about: Told, act: Callable[[], str]) -> Response:
        """Do something about a connection, put it on the trail, and go back to its page."""
        try:
            row_of(desk, name)
            said = act()
            with at.store.writing() as tx:
                desk.people.note(tx, visitor, what, {"connection": name, **about})
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        at.bell.ring()
        return desk.done(f"{PLACE}/connections/{name}", said)

    @router.post("/connections/{name}/pause")
    def pause(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_operators,
        said: Posted = desk.from_form,
    ) -> Response:
        """Stops it, or a stream of it."""
        stream, note = said.get("stream") or None, said.get("note", "").strip()[:200]

        def act() -> str:
            at.pause(name, stream, note=note or f"{visitor.person.name} paused it")
            return f"{stream or name} is paused; what changes waits."

        return done(request, visitor, name, "pause", _of(stream), act)

    @router.post("/connections/{name}/resume")
    def resume(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_operators,
        said: Posted = desk.from_form,
    ) -> Response:
        """Takes it up again, or a stream of it."""
        stream = said.get("stream") or None

        def act() -> str:
            at.resume(name, stream)
            desk.errands.forget(name)
            return f"{stream or name} takes part again."

        return done(request, visitor, name, "resume", _of(stream), act)

    @router.post("/connections/{name}/resync")
    def resync(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_operators,
        said: Posted = desk.from_form,
    ) -> Response:
        """Has it read from the beginning, or a stream of it."""
        stream = said.get("stream") or None
        return done(request, visitor, name, "resync", _of(stream), lambda: _resynced(desk, name, stream))

    return router


def _of(stream: str | None) -> Told:
    return {"stream": stream} if stream else {}


def row_of(desk: Desk, name: str) -> ConnectionRow:
    """A connection that is there; `ConfigError` for any other name."""
    row = known(desk.installation, name)
    if row is None or row.name == HUB or row.state == "removed":
        raise ConfigError(f"There is no connection '{name}'.", remedy="Choose one from the list of connections.")
    return row


def told_of(desk: Desk, row: ConnectionRow) -> Told:
    """Everything the page of a connection shows."""
    at, now = desk.installation, desk.installation.clock()
    state = next((one for one in snapshot(at, counted=False)["connections"] if one["name"] == row.name), None)
    if state is None:
        raise ConfigError(f"{row.name} was disconnected a moment ago.", remedy="Choose another connection.")
    hooks = next((one.to_json(now) for one in called(at) if one.name == row.name), None)
    with at.store.reading() as tx:
        rows = {one.name: one for one in connections.streams_of(tx, row.id)}
    walks = {stream: _walk(one, now) for stream, one in rows.items()}
    fresh = any(one.phase == "backfill" for one in rows.values())
    tool = entry(state["connector"])
    return {
        "state": state,
        "hooks": hooks,
        "walks": walks,
        "fresh": fresh,
        "tool": tool.manifest,
        "has_trial": tool.has_trial,
        "errand": desk.errands.of(row.name),
    }


def _walk(row: StreamRow, now: Instant) -> Told | None:
    """How far a walk has come; None between walks."""
    if row.began_at is None:
        return None
    left = seconds_left(row.walked, row.total, row.began_at, now)
    return {"walked": row.walked, "total": row.total, "began_at": row.began_at, "left": left}


def _resynced(desk: Desk, name: str, stream: str | None) -> str:
    hub = desk.installation.hub()
    streams = [one for one in hub.connection(name).streams if stream in (None, one.name)]
    if not streams:
        raise ConfigError(f"{name} has no stream '{stream}'.", remedy="Choose one of those on its page.")
    count = from_the_beginning(hub, streams)
    if not count:
        raise ConfigError(
            f"Nothing is read from {stream or name}.", remedy="Let it be read first; edit the connection."
        )
    return f"{'1 stream is' if count == 1 else f'{count} streams are'} read from the beginning by the next turn."
