"""Subscriptions to webhooks as a key may see and make them, for the API and for the console's page.

Whatever is sent is as the key of its subscription may see it; an admin's key, and an admin of the console, sees all
subscriptions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from api import delivering, outgoing
from api.console.people import Role
from api.delivering import BOTH, Sealed
from api.v1 import events
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined, missing
from api.v1.reading import wrong
from api.v1.records import Showing
from core.mapping.filter import filter_of
from core.store import hooks
from core.store.hooks import Delivery, Hook

if TYPE_CHECKING:
    from api.v1.door import Door
    from api.v1.events import Event
    from core.model.instant import Instant

MOST = 500
"""Subscriptions of one key."""


class Wanted(NamedTuple):
    """A subscription that is asked for."""

    url: str
    events: Sequence[str]
    """As they were said: `contact.*` stands for several, and with a kind `updated` is enough."""
    kind: str | None = None
    filter: Mapping[str, Any] | None = None
    own: bool = False


class Subscriptions:
    """Those of one installation."""

    def __init__(self, door: Door) -> None:
        """`door` says what each caller may see."""
        self._at, self.showing = door.installation, Showing(door)

    def is_of(self, caller: Caller, one: Hook) -> bool:
        """Whether it is a caller's own, or one that an admin's key looks after."""
        return one.key_id == caller.key.id or caller.role.may(Role.ADMIN)

    def find(self, id_: int, caller: Caller | None = None) -> Hook:
        """One of them; a problem where there is none, or none of this caller."""
        with self._at.store.reading() as tx:
            one = hooks.load(tx, id_)
        if one is None or (caller is not None and not self.is_of(caller, one)):
            raise missing(f"webhook {id_}", "See `GET /v1/hooks`.")
        return one

    def add(self, caller: Caller, asked: Wanted, names: Sequence[str], host: str) -> int:
        """Subscribe; gives its number."""
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

    def wanted(self, caller: Caller, asked: Wanted) -> tuple[list[str], str]:
        """The events in full and the host of what is asked for; raises what stands in its way."""
        if not caller.may(Scope.RECORDS_READ):
            raise Declined(403, "api.scope", f"This key has not the scope {Scope.RECORDS_READ}.",
                           "What is posted are records: use a key that may read them.")  # fmt: skip
        names, host = self._names(asked), outgoing.host_of(asked.url, private=self._at.settings.hooks_private)
        self._check(asked, names)
        return names, host

    def remove(self, one: Hook) -> bool:
        """End a subscription; False where it was gone."""
        with self._at.store.writing(durable=True) as tx:
            return hooks.remove(tx, one.id)

    def rotate(self, one: Hook) -> tuple[str, Instant]:
        """A new secret, and until when the one before signs, too."""
        known, fresh, until = Sealed.of(self._at, one), delivering.new_secret(), self._at.clock() + BOTH
        sealed = known._replace(secret=fresh, old=known.secret).sealed(self._at)
        with self._at.store.writing(durable=True) as tx:
            hooks.change(tx, one.id, sealed=sealed, old_until=until)
        return fresh, until

    def replay(self, one: Hook, start: Instant | None) -> None:
        """Tell again what has happened since a moment, or go on where it stopped."""
        now = self._at.clock()
        with self._at.store.writing(durable=True) as tx:
            place: dict[str, Any] = {"place": hooks.place_before(tx, start), "told": ""} if start is not None else {}
            hooks.change(tx, one.id, state=hooks.ON, why="", changed_at=now, tries=0, try_at=now, **place)
        self._at.bell.ring()

    def switch_off(self, one: Hook, why: str) -> None:
        """Send nothing more until somebody has it go on; what happens meanwhile is told then."""
        with self._at.store.writing(durable=True) as tx:
            hooks.change(tx, one.id, state=hooks.OFF, why=why, changed_at=self._at.clock())

    def test(self, one: Hook, caller: Caller) -> Delivery:
        """Post one event now, the newest that fits or a made one; nothing moves by it."""
        sealed = Sealed.of(self._at, one)
        (event, *_) = self.samples(one.events, 1)
        outcome = delivering.send(self._at, one, sealed, event.id, event.shown(self.showing, caller).model_dump())
        return delivering.note(self._at, one, event, outcome)

    def samples(self, names: Sequence[str], limit: int) -> list[Event]:
        """The newest events of these names; a made one where there is none."""
        with self._at.store.reading() as tx:
            found = [one for one in events.newest(tx) if one.name in names][:limit]
        return found or [events.sample(names[0], self._at.hub().shapes, self._at.clock())]

    def _names(self, asked: Wanted) -> list[str]:
        """The events that are asked for, in full."""
        known = events.names(self._at.hub().shapes)
        if asked.kind is not None:
            self.showing.kinds([asked.kind])
            known = [one for one in known if events.about(one) == asked.kind]
        found: set[str] = set()
        for place, said in enumerate(asked.events):
            those = [one for one in known if _is_meant(said, asked.kind, one)]
            if not those:
                raise wrong(f"/events/{place}", f"There is no event '{said[:60]}'; see `GET /v1/events`.")
            found |= set(those)
        return sorted(found)

    def _check(self, asked: Wanted, names: Sequence[str]) -> None:
        """Whether its filter can be asked."""
        if asked.filter is None:
            return
        hub = self._at.hub()
        kinds = {events.about(one) for one in names}
        if len(kinds) > 1:
            raise wrong("/filter", f"These events are about {', '.join(sorted(kinds))}; a filter asks one kind.")
        filter_of(asked.filter, hub.shapes[kinds.pop()], hub.locale, where="The filter")


def _is_meant(said: str, kind: str | None, name: str) -> bool:
    kind_of, _, what = name.partition(".")
    return said in ("*", name, f"{kind_of}.*") or (kind is not None and kind == kind_of and said == what)
