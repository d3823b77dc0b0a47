"""Webhooks that the hub sends: subscribed to, tried, looked into, replayed, and ended; as REST hooks have it.

The address is a secret of whoever gave it, as is the secret that signs: both are sealed, and only the host is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from api import outgoing
from api.console.people import Role
from api.delivering import Sealed
from api.listing import moment_of
from api.v1 import events
from api.v1.events import EventOut
from api.v1.fields import FieldsOut, of_make, of_zapier
from api.v1.keys import Caller, Scope
from api.v1.reading import Cursor, Limit, Number, Page, Told, after_number, moment, wrong
from api.v1.subscriptions import Subscriptions, Wanted
from core.model.instant import iso
from core.store import hooks
from core.store.hooks import Delivery, Hook

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.v1.door import Door

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
    state: Literal["on", "paused", "off", "ended"]
    why: str = Field(description="Why it is paused, off or ended.")
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
    desk = Subscriptions(door)
    _subscribing(router, door, desk)
    _looking(router, door, desk)
    _trying(router, door, desk)
    _telling(router, door, desk)
    return router


def _subscribing(router: APIRouter, door: Door, desk: Subscriptions) -> None:
    at = door.installation

    @router.post("/hooks", status_code=201)
    def subscribe(asked: Asked, request: Request, caller: Caller = door[Scope.HOOKS]) -> Made:
        """Have events posted to an address from now on. The secret that signs them is shown this once."""
        wanted = Wanted(asked.url, asked.events, asked.kind, asked.filter, asked.own)
        names, host = desk.wanted(caller, wanted)

        def act() -> dict[str, int]:
            return {"hook": desk.add(caller, wanted, names, host)}

        told, again = door.once(request, caller, asked.model_dump(), act)
        one = desk.find(told["hook"], caller)
        if not again:
            door.keys.note(caller, "subscribe to events", {"hook": one.id, "host": host, "events": names})
        return Made(**shown(at, one).model_dump(), secret=Sealed.of(at, one).secret, again=again)

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
        one = desk.find(id, caller)
        fresh, until = desk.rotate(one)
        door.keys.note(caller, "exchange the secret of webhooks", {"hook": id})
        return SecretOut(id=id, secret=fresh, old_until=iso(until))


def _looking(router: APIRouter, door: Door, desk: Subscriptions) -> None:
    at = door.installation

    @router.get("/hooks")
    def list_hooks(after: Cursor = "", limit: Limit = 50, caller: Caller = door[Scope.HOOKS]) -> Page[HookOut]:
        """The subscriptions of this key; those of all keys for an admin's."""
        key_id = None if caller.role.may(Role.ADMIN) else caller.key.id
        with at.store.reading() as tx:
            found = hooks.listed(tx, key_id=key_id, after=after_number(after), limit=limit + 1)
            end = hooks.newest_place(tx)
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[shown(at, one, end) for one in found[:limit]], next=more)

    @router.get("/hooks/{id}")
    def one_hook(id: Number, caller: Caller = door[Scope.HOOKS]) -> HookOut:
        """One of them."""
        return shown(at, desk.find(id, caller))

    @router.get("/hooks/{id}/deliveries")
    def list_deliveries(
        id: Number, after: Cursor = "", limit: Limit = 50, caller: Caller = door[Scope.HOOKS]
    ) -> Page[DeliveryOut]:
        """What became of what was posted, newest first; kept for thirty days, and without what was in it."""
        one = desk.find(id, caller)
        with at.store.reading() as tx:
            found = hooks.deliveries(tx, one.id, below=after_number(after) or None, limit=limit + 1)
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[_delivery(one) for one in found[:limit]], next=more)


def _trying(router: APIRouter, door: Door, desk: Subscriptions) -> None:
    at = door.installation

    @router.post("/hooks/{id}/test")
    def test(id: Number, caller: Caller = door[Scope.HOOKS]) -> DeliveryOut:
        """Post one event now, the newest that fits or a made one, and say what was answered; nothing moves by it."""
        one = desk.find(id, caller)
        told = desk.test(one, caller)
        door.keys.note(caller, "try a webhook", {"hook": id, "status": told.status})
        return _delivery(told)

    @router.post("/hooks/{id}/replay")
    def replay(id: Number, said: Since, caller: Caller = door[Scope.HOOKS]) -> HookOut:
        """Tell again what has happened since a moment, as far as history is kept; a paused one goes on by it."""
        one = desk.find(id, caller)
        desk.replay(one, moment_of(said.since, at.clock()) if said.since else None)
        door.keys.note(caller, "replay webhooks", {"hook": id, "since": said.since})
        return shown(at, desk.find(one.id, caller))


def _telling(router: APIRouter, door: Door, desk: Subscriptions) -> None:
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


def shown(installation: Installation, one: Hook, end: int | None = None) -> HookOut:
    """A subscription as the API tells of it; `end` is where history ends, looked up where it is not given."""
    if end is None:
        with installation.store.reading() as tx:
            end = hooks.newest_place(tx)
    waits = one.state == hooks.ON and one.try_at > installation.clock()
    return HookOut(
        id=one.id, events=list(one.events), own=one.own, host=one.host, state=one.state, why=one.why,  # type: ignore[arg-type]
        made_at=iso(one.made_at), tries=one.tries, next_try_at=moment(one.try_at) if waits else None,
        behind=one.place < end,
    )  # fmt: skip


def _delivery(one: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=one.id, at=iso(one.at), event=one.event, event_id=one.event_id, record=one.record_id, status=one.status,
        ok=not one.error, error=one.error,
    )  # fmt: skip
