"""Webhooks that the hub sends: subscribed to, tried, looked into, replayed, and ended; as REST hooks have it.

The address is a secret of whoever gave it, as is the secret that signs: both are sealed, and only the host is shown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from api import delivering, outgoing
from api.console.people import Role
from api.delivering import BOTH, Sealed
from api.listing import moment_of
from api.v1 import events
from api.v1.events import EventOut
from api.v1.fields import FieldsOut, of_make, of_zapier
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined, missing
from api.v1.reading import Cursor, Limit, Number, Page, Told, after_number, moment, wrong
from api.v1.records import Showing
from core.mapping.filter import filter_of
from core.model.instant import iso
from core.store import hooks
from core.store.hooks import Delivery, Hook

if TYPE_CHECKING:
    from api.v1.door import Door
    from api.v1.events import Event

MOST = 500
"""Subscriptions of one key."""
_URLS = AliasChoices("url", "target_url", "targetUrl", "hookUrl")


class Asked(BaseModel):
    """A subscription that is asked for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["url", "events"]})

    url: str = Field(
        min_length=1, max_length=outgoing.LONGEST, validation_alias=_URLS,
        description="Where to post to, by https; `target_url` says the same.",
    )  # fmt: skip
    events: list[Annotated[str, Field(max_length=100)]] = Field(
        min_length=1, max_length=200, description="`contact.updated`, `contact.*`, `consent.changed`, or `*` for all.",
    )  # fmt: skip
    kind: str | None = Field(default=None, max_length=100, description="With it, `updated` is enough as an event.")
    filter: dict[str, JsonValue] | None = Field(
        default=None, max_length=100, description="What a record must be like, as in docs/filters.md; for one kind."
    )
    own: bool = Field(default=False, description="Whether to tell what this very key has changed, too.")


class Since(BaseModel):
    """From when on to tell again."""

    model_config = ConfigDict(extra="forbid")

    since: str | None = Field(
        default=None, max_length=40,
        description="A moment, or how long ago: `2h`. Left out, it goes on where it stopped.",
    )  # fmt: skip


class HookOut(Told):
    """A subscription."""

    id: int
    events: list[str]
    own: bool
    host: str = Field(description="The address itself is a secret of its owner.")
    state: Literal["on", "paused", "ended"]
    why: str = Field(description="Why it is paused or ended.")
    made_at: str
    tries: int = Field(description="How often what is next was refused.")
    next_try_at: str | None
    behind: bool = Field(description="Whether something has happened that it was not looked at for.")


class Made(HookOut):
    """A new one, with the secret that signs, which is shown this once."""

    secret: str
    again: bool = Field(description="Whether this very request was answered before.")


class SecretOut(Told):
    """A new secret, shown this once."""

    id: int
    secret: str
    old_until: str = Field(description="Until then the one before signs, too.")


class DeliveryOut(Told):
    """What became of one try."""

    id: int
    at: str
    event: str
    event_id: str
    record: int | None
    status: int | None = Field(description="Null where nobody answered.")
    ok: bool
    error: str


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["hooks"])
    desk = _Desk(door)
    _subscribing(router, door, desk)
    _looking(router, door, desk)
    _trying(router, door, desk)
    _telling(router, door, desk)
    return router


def _subscribing(router: APIRouter, door: Door, desk: _Desk) -> None:
    at = door.installation

    @router.post("/hooks", status_code=201)
    def subscribe(asked: Asked, request: Request, caller: Caller = door[Scope.HOOKS]) -> Made:
        """Have events posted to an address from now on. The secret that signs them is shown this once."""
        if not caller.may(Scope.RECORDS_READ):
            raise Declined(403, "api.scope", f"This key has not the scope {Scope.RECORDS_READ}.",
                           "What is posted are records: use a key that may read them.")  # fmt: skip
        names, host = desk.names(asked), outgoing.host_of(asked.url, private=at.settings.hooks_private)
        desk.check(asked, names)

        def act() -> dict[str, int]:
            return {"hook": desk.add(caller, asked, names, host)}

        told, again = door.once(request, caller, asked.model_dump(), act)
        one = desk.find(caller, told["hook"])
        if not again:
            door.keys.note(caller, "subscribe to events", {"hook": one.id, "host": host, "events": names})
        return Made(**desk.shown(one).model_dump(), secret=Sealed.of(at, one).secret, again=again)

    @router.delete("/hooks/{id}", status_code=204)
    def unsubscribe(id: Number, caller: Caller = door[Scope.HOOKS]) -> None:
        """End a subscription; one that is gone is gone."""
        with at.store.writing(durable=True) as tx:
            one = hooks.load(tx, id)
            gone = one is not None and desk.is_of(caller, one) and hooks.remove(tx, id)
        if gone:
            door.keys.note(caller, "end a subscription", {"hook": id})

    @router.post("/hooks/{id}/secret")
    def rotate(id: Number, caller: Caller = door[Scope.HOOKS]) -> SecretOut:
        """A new secret; for a day the one before signs, too, so that nothing is refused meanwhile."""
        one = desk.find(caller, id)
        known, fresh, until = Sealed.of(at, one), delivering.new_secret(), at.clock() + BOTH
        sealed = known._replace(secret=fresh, old=known.secret).sealed(at)
        with at.store.writing(durable=True) as tx:
            hooks.change(tx, id, sealed=sealed, old_until=until)
        door.keys.note(caller, "exchange the secret of webhooks", {"hook": id})
        return SecretOut(id=id, secret=fresh, old_until=iso(until))


def _looking(router: APIRouter, door: Door, desk: _Desk) -> None:
    at = door.installation

    @router.get("/hooks")
    def list_hooks(after: Cursor = "", limit: Limit = 50, caller: Caller = door[Scope.HOOKS]) -> Page[HookOut]:
        """The subscriptions of this key; those of all keys for an admin's."""
        key_id = None if caller.role.may(Role.ADMIN) else caller.key.id
        with at.store.reading() as tx:
            found = hooks.listed(tx, key_id=key_id, after=after_number(after), limit=limit + 1)
            end = hooks.newest_place(tx)
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[desk.shown(one, end) for one in found[:limit]], next=more)

    @router.get("/hooks/{id}")
    def one_hook(id: Number, caller: Caller = door[Scope.HOOKS]) -> HookOut:
        """One of them."""
        return desk.shown(desk.find(caller, id))

    @router.get("/hooks/{id}/deliveries")
    def list_deliveries(
        id: Number, after: Cursor = "", limit: Limit = 50, caller: Caller = door[Scope.HOOKS]
    ) -> Page[DeliveryOut]:
        """What became of what was posted, newest first; kept for thirty days, and without what was in it."""
        one = desk.find(caller, id)
        with at.store.reading() as tx:
            found = hooks.deliveries(tx, one.id, below=after_number(after) or None, limit=limit + 1)
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[_delivery(one) for one in found[:limit]], next=more)


def _trying(router: APIRouter, door: Door, desk: _Desk) -> None:
    at = door.installation

    @router.post("/hooks/{id}/test")
    def test(id: Number, caller: Caller = door[Scope.HOOKS]) -> DeliveryOut:
        """Post one event now, the newest that fits or a made one, and say what was answered; nothing moves by it."""
        one = desk.find(caller, id)
        sealed = Sealed.of(at, one)
        (event, *_) = desk.samples(one.events, 1)
        outcome = delivering.send(at, one, sealed, event.id, event.shown(desk.showing, caller).model_dump())
        door.keys.note(caller, "try a webhook", {"hook": id, "status": outcome.status})
        return _delivery(delivering.note(at, one, event, outcome))

    @router.post("/hooks/{id}/replay")
    def replay(id: Number, said: Since, caller: Caller = door[Scope.HOOKS]) -> HookOut:
        """Tell again what has happened since a moment, as far as history is kept; a paused one goes on by it."""
        one, now = desk.find(caller, id), at.clock()
        start = moment_of(said.since, now) if said.since else None
        with at.store.writing(durable=True) as tx:
            place: dict[str, Any] = {"place": hooks.place_before(tx, start), "told": ""} if start is not None else {}
            hooks.change(tx, id, state=hooks.ON, why="", changed_at=now, tries=0, try_at=now, **place)
        door.keys.note(caller, "replay webhooks", {"hook": id, "since": said.since})
        at.bell.ring()
        return desk.shown(desk.find(caller, one.id))


def _telling(router: APIRouter, door: Door, desk: _Desk) -> None:
    at = door.installation

    @router.get("/events")
    def list_events(caller: Caller = door[Scope.RECORDS_READ]) -> list[str]:  # noqa: ARG001
        """The names of all events."""
        return events.names(at.hub().shapes)

    @router.get("/events/samples")
    def samples(
        event: Annotated[str, Query(max_length=100, description="A name of `GET /v1/events`.")],
        limit: Limit = 50,
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> list[EventOut]:
        """The newest events of a name, newest first, just as they are posted; a made one where there is none."""
        if event not in events.names(at.hub().shapes):
            raise wrong("event", f"There is no event '{event[:60]}'; see `GET /v1/events`.")
        return [one.shown(desk.showing, caller) for one in desk.samples([event], limit)]

    @router.get("/fields")
    def fields(
        kind: Annotated[str, Query(max_length=100)],
        form: Annotated[Literal["zapier", "make"], Query(description="For whose editor.")] = "zapier",
        caller: Caller = door[Scope.RECORDS_READ],  # noqa: ARG001
    ) -> FieldsOut:
        """The fields of a kind as inputs of a form, as the editors of Zapier and Make take them."""
        desk.showing.kinds([kind])
        shape = at.hub().shapes[kind]
        return [of_make(one) if form == "make" else of_zapier(one) for one in shape.fields.values()]


class _Desk:
    """Subscriptions as a caller may see and make them."""

    def __init__(self, door: Door) -> None:
        self._at, self.showing = door.installation, Showing(door)

    def is_of(self, caller: Caller, one: Hook) -> bool:
        return one.key_id == caller.key.id or caller.role.may(Role.ADMIN)

    def find(self, caller: Caller, id_: int) -> Hook:
        with self._at.store.reading() as tx:
            one = hooks.load(tx, id_)
        if one is None or not self.is_of(caller, one):
            raise missing(f"webhook {id_}", "See `GET /v1/hooks`.")
        return one

    def names(self, asked: Asked) -> list[str]:
        """The events that are asked for, in full."""
        known = events.names(self._at.hub().shapes)
        if asked.kind is not None:
            self.showing.kinds([asked.kind])
            known = [one for one in known if one.partition(".")[0] in (asked.kind, "consent")]
        found: set[str] = set()
        for place, said in enumerate(asked.events):
            those = [one for one in known if _is_meant(said, asked.kind, one)]
            if not those:
                raise wrong(f"/events/{place}", f"There is no event '{said[:60]}'; see `GET /v1/events`.")
            found |= set(those)
        return sorted(found)

    def check(self, asked: Asked, names: list[str]) -> None:
        """Whether its filter can be asked."""
        if asked.filter is None:
            return
        hub = self._at.hub()
        kinds = {"contact" if one == events.CONSENT else one.partition(".")[0] for one in names}
        if len(kinds) > 1:
            raise wrong("/filter", f"These events are about {', '.join(sorted(kinds))}; a filter asks one kind.")
        filter_of(asked.filter, hub.shapes[kinds.pop()], hub.locale, where="The filter")

    def add(self, caller: Caller, asked: Asked, names: list[str], host: str) -> int:
        said = json.dumps(asked.filter) if asked.filter is not None else ""
        sealed = Sealed(asked.url, delivering.new_secret(), "", said).sealed(self._at)
        now = self._at.clock()
        with self._at.store.writing(durable=True) as tx:
            if hooks.count_of(tx, caller.key.id) >= MOST:
                raise Declined(409, "hooks.many", f"This key has {MOST} webhooks, and no more are made.",
                               "Delete those that are not needed, or use another key.")  # fmt: skip
            return hooks.add(tx, Hook(
                0, caller.key.id, tuple(names), asked.own, host, sealed, now, hooks.ON, "", now,
                hooks.newest_place(tx), "", 0, now, 0,
            ))  # fmt: skip

    def shown(self, one: Hook, end: int | None = None) -> HookOut:
        if end is None:
            with self._at.store.reading() as tx:
                end = hooks.newest_place(tx)
        behind = one.place < end
        waits = one.state == hooks.ON and one.try_at > self._at.clock()
        return HookOut(
            id=one.id, events=list(one.events), own=one.own, host=one.host, state=one.state, why=one.why,  # type: ignore[arg-type]
            made_at=iso(one.made_at), tries=one.tries, next_try_at=moment(one.try_at) if waits else None, behind=behind,
        )  # fmt: skip

    def samples(self, names: list[str] | tuple[str, ...], limit: int) -> list[Event]:
        """The newest events of these names; a made one where there is none."""
        with self._at.store.reading() as tx:
            found = [one for one in events.newest(tx) if one.name in names][:limit]
        return found or [events.sample(names[0], self._at.hub().shapes, self._at.clock())]


def _is_meant(said: str, kind: str | None, name: str) -> bool:
    kind_of, _, what = name.partition(".")
    return said in ("*", name, f"{kind_of}.*") or (kind is not None and kind == kind_of and said == what)


def _delivery(one: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=one.id, at=iso(one.at), event=one.event, event_id=one.event_id, record=one.record_id, status=one.status,
        ok=not one.error, error=one.error,
    )  # fmt: skip
