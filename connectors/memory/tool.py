"""The tool itself: records with free fields, revisions and stamps, which people edit behind the hub's back.

`Tool` is what an account at a vendor would be; `connector.py` is how the hub talks to it. It keeps the last
states of each record, so that a lagging read can show an older one. It knows nothing of the hub.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from connectors._kit.mischief import Mischief, Spelling, Switch
from connectors._kit.payload import dig, plant
from connectors._kit.signatures import sign_standard
from connectors.memory.disk import Disk
from connectors.memory.hooks import Hook
from connectors.memory.world import State, World
from core.errors import Exists, Gone, Refused, Stale
from core.model.instant import SECOND, Instant
from core.ports import Clock, Fields, Request

STREAMS = ("owners", "companies", "contacts", "deals", "activities")
_KEPT_STATES = 16

Validator = Callable[[str, Fields], str | None]
"""(stream, fields) → the tool's words why it will not take this record, or None."""


@dataclass
class Habits:
    """How this tool is used to do things; each may be changed while it runs."""

    versions: bool = True
    """Compares the version that a write names."""
    idempotent: bool = True
    """A repeated create with the same key gives the first record back."""
    shows_keys: bool = False
    """Shows the key of a create beside the record."""
    unique: dict[str, str] = field(default_factory=dict)
    """Stream → the field that no two records may share."""
    spellings: dict[str, Spelling] = field(default_factory=dict)
    """Field → how the tool keeps it."""
    validator: Validator | None = None
    resolution: int = 1
    """Stamps are cut to whole multiples of so many µs."""
    names_changes: bool = False
    """Readings say which fields the last change touched."""
    stamps: bool = True
    """Says when a record was last modified."""
    names_blanks: bool = False
    """Readings name the known fields that are blank, too."""
    whole_batches: bool = False
    """One record that is not taken spoils its whole call, and is not named."""
    closed: bool = False
    """Describes all the fields there are, as most tools do; else others may be made up."""
    cap: int | None = None
    """So many rows a query by stamp answers at most, without a word of the rest."""
    token: str | None = None
    """The only token that signs in; None lets everybody in."""
    lists_hooks: bool = True
    """Lists who is called, and chooses the secrets; else the caller chooses, and nobody can look."""
    hook_life: Instant | None = None
    """So many µs is somebody called before they must ask anew; None: until it is taken away."""


class Tool:
    """One account in a tool, shared by whoever holds it: people, connectors and other processes (by `path`).

    `clock` is true time; the tool's own runs `skew` µs ahead of it. `lag` µs is how far all reading is
    behind. `down` and `forbidden` (streams) shut the doors for connectors, not for people.
    """

    def __init__(
        self,
        name: str = "memory",
        *,
        clock: Clock,
        skew: int = 0,
        habits: Habits | None = None,
        mischief: Mischief | None = None,
        path: Path | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.skew = skew
        self.habits = habits or Habits()
        self.mischief = mischief or Mischief()
        self.down = False
        self.out_until: Instant = 0
        """Nobody answers connectors before this moment, by true time."""
        self.spent_until: Instant = 0
        """The calls of the day are used up until this moment, by true time."""
        self.forbidden: set[str] = set()
        self.hidden: dict[str, frozenset[str]] = {}
        """Stream → fields that were removed, or are hidden from connectors; people still see them."""
        self.retyped: dict[str, frozenset[str]] = {}
        """Stream → fields that by now take whole numbers only."""
        self.missing: set[str] = set()
        """What a connection needs and nobody has made here yet; who may not use `setup` cannot make it."""
        self.lag = 0
        self.late_by = 60 * SECOND
        """How much older than now a late commit's stamp is at most."""
        self.writes_to: Counter[tuple[str, str]] = Counter()
        """Writes by connectors in this process, per stream and id."""
        self.hooks: dict[str, Hook] = {}
        """Who is called about changes; known in this process alone."""
        self.on_change: Callable[[str, str], None] | None = None
        """Told (stream, id) after each change, e.g. to send a webhook."""
        self._world = World()
        self._disk = Disk(path) if path else None
        self._lock = threading.RLock()
        self._by_hub = False

    # --- what people do

    def create(self, stream: str, fields: Mapping[str, Any], *, id: str | None = None) -> str:
        """A person adds a record; gives its id. An `id` that was used before is taken again."""
        with self.open(changing=True) as world:
            id_ = id or self.new_id(world, stream)
            self.keep(world, stream, id_, self.spelled(dict(fields)), changed=fields)
        self.tell(stream, id_)
        return id_

    def edit(self, stream: str, id: str, fields: Mapping[str, Any] | None = None, **more: Any) -> None:
        """A person changes some fields (dotted names reach inside); None clears.

        `Gone` if it is not there.
        """
        with self.open(changing=True) as world:
            self.change(world, stream, id, {**(fields or {}), **more})
        self.tell(stream, id)

    def delete(self, stream: str, id: str) -> None:
        """A person deletes a record; `Gone` if it is not there."""
        with self.open(changing=True) as world:
            self.bury(world, stream, id)
        self.tell(stream, id)

    def merge(self, stream: str, winner: str, loser: str, *, into_new: bool = False) -> str:
        """A person merges two records; the winner's values stand, its blanks are filled. Gives the surviving id.

        With `into_new` both old ids forward to a new one, as some tools do.
        """
        with self.open(changing=True) as world:
            kept, lost = self.present(world, stream, winner), self.present(world, stream, loser)
            merged = {**lost.fields, **{name: value for name, value in kept.fields.items() if value}}
            survivor = self.new_id(world, stream) if into_new else winner
            self.keep(world, stream, survivor, merged, changed=merged)
            for old in {winner, loser} - {survivor}:
                self.bury(world, stream, old, moved_to=survivor)
        self.tell(stream, survivor)
        return survivor

    def convert(self, stream: str, id: str, to: str, *, into: str | None = None) -> str:
        """A person turns a record into one of another stream, a new one or `into`; gives that one's id."""
        with self.open(changing=True) as world:
            fields = deepcopy(self.present(world, stream, id).fields)
            known = world.now(to, into) if into else None
            there = into or self.new_id(world, to)
            self.keep(world, to, there, {**fields, **(known.fields if known else {})}, changed=fields)
            self.bury(world, stream, id, moved_to=there, moved_stream=to)
        self.tell(to, there)
        return there

    def recreate(self, stream: str, id: str) -> str:
        """A person deletes a record and types it in again; gives the new id."""
        fields = self.get(stream, id) or {}
        self.delete(stream, id)
        return self.create(stream, fields)

    def get(self, stream: str, id: str) -> Fields | None:
        """What the tool truly holds now, or None."""
        with self.open() as world:
            state = world.now(stream, id)
            return None if state is None or state.deleted else deepcopy(state.fields)

    def all(self, stream: str) -> dict[str, Fields]:
        """Id → fields of everything the tool truly holds now, oldest first."""
        with self.open() as world:
            return {id_: deepcopy(state.fields) for id_, state in world.live(stream)}

    def calm(self) -> None:
        """No more trouble: what was shut opens, what was hidden is shown, and nothing new goes wrong."""
        self.mischief.calm()
        self.down, self.out_until, self.spent_until = False, 0, 0
        self.hidden.clear()
        self.retyped.clear()

    def expire_cursors(self) -> None:
        """From now on no cursor that was given out before is honoured."""
        with self.open(changing=True) as world:
            world.oldest_cursor = world.revision + 1
            world.revision += 1

    def webhook(self, stream: str, id: str, *, secret: str, partial: bool = False) -> Request:
        """The signed request that this tool sends about a record's last change; with `partial` only what changed."""
        with self.open() as world:
            state = world.now(stream, id)
        if state is None:
            raise Gone("The record never was in the tool.", stream=stream, id=id)
        fields = {name: dig(state.fields, name) for name in state.changed} if partial else state.fields
        record = {"id": id, "fields": fields, "version": state.version, "modified_at": state.modified_at}
        record["partial"] = partial
        kind = "changed" if not state.deleted else "merged" if state.moved_to else "deleted"
        event = {"id": f"evt-{state.revision}", "type": kind, "stream": stream}
        moved = {"moved_to": state.moved_to, "moved_stream": state.moved_stream}
        body = orjson.dumps({**event, "record": {**record, **moved}})
        headers = sign_standard(body, id_=event["id"], sent_at=self.clock(), secret=secret)
        url = f"https://hub.example/hooks/{self.name}"
        return Request("POST", url, {"content-type": "application/json", **headers}, body, self.clock())

    def told(self, stream: str, id: str) -> list[Request]:
        """The requests that go out about a record's last change: one to each address that is called."""
        return [
            replace(self.webhook(stream, id, secret=one.secret), url=one.address)
            for one in self.hooks.values()
            if not one.asleep and (one.ends_at is None or self.clock() < one.ends_at)
        ]

    # --- counters

    @property
    def api_calls(self) -> int:
        """How many calls connectors made, of every kind."""
        with self.open() as world:
            return sum(world.calls.values())

    @property
    def calls(self) -> Counter[str]:
        """Calls by verb: check, describe, read, fetch, write, find."""
        with self.open() as world:
            return Counter(world.calls)

    @property
    def writes(self) -> int:
        """How many items connectors changed: creates, updates and deletes that were carried out."""
        with self.open() as world:
            return world.writes

    # --- what the connector and the methods above are made of

    def now(self) -> Instant:
        """The time by the tool's own clock."""
        return self.clock() + self.skew

    @contextmanager
    def open(self, *, changing: bool = False) -> Iterator[World]:
        """The world, for one thing at a time; with `changing` it is kept durably at the end. Do not nest."""
        with self._lock:
            if self._disk is None:
                yield self._world
                return
            with self._disk.locked():
                loaded = self._disk.load()
                if loaded is not None:
                    self._world = World.from_json(loaded)
                yield self._world
                if changing:
                    self._disk.save(self._world.to_json())

    def new_id(self, world: World, stream: str) -> str:
        """An id nobody has had."""
        world.ids += 1
        return f"{stream[:3]}-{world.ids}"

    def present(self, world: World, stream: str, id_: str) -> State:
        """The record's state; `Gone` if there is none, with where it went."""
        state = world.now(stream, id_)
        if state is None or state.deleted:
            moved_to, moved_stream = (state.moved_to, state.moved_stream) if state else (None, None)
            words = "The record is not in the tool."
            raise Gone(words, moved_to=moved_to, moved_stream=moved_stream, stream=stream, id=id_)
        return state

    def spelled(self, fields: Fields) -> Fields:
        """The fields (dotted names allowed) as this tool keeps them: nested, re-spelt, blanks left out."""
        kept: Fields = {}
        for name, value in fields.items():
            if value is not None:
                plant(kept, name, deepcopy(value))
        return self._respelt(kept)

    def change(self, world: World, stream: str, id_: str, fields: Fields, *, version: str | None = None) -> State:
        """Change some fields of a record. `Gone`, `Stale` or `Refused`; then nothing is changed."""
        before = self.present(world, stream, id_)
        self.compare(before, version, stream, id_)
        kept = deepcopy(before.fields)
        for name, value in fields.items():
            plant(kept, name, deepcopy(value))
        kept = self._respelt(kept)
        self.judge(world, stream, kept, own_id=id_)
        return self.keep(world, stream, id_, kept, changed=fields)

    def compare(self, state: State, version: str | None, stream: str, id_: str) -> None:
        """`Stale` when a version is named and is not the present one, in a tool that compares."""
        if self.habits.versions and version is not None and version != state.version:
            raise Stale("The record changed since it was read.", stream=stream, id=id_)

    def judge(self, world: World, stream: str, fields: Fields, *, own_id: str | None = None) -> None:
        """`Refused` in the tool's words, or `Exists` for a create that meets a unique value."""
        words = self._by_hub and self.refuses(stream, fields)
        if words:
            raise Refused(words, stream=stream, id=own_id)
        name = self.habits.unique.get(stream)
        value = dig(fields, name) if name else None
        if value is None or not self._by_hub:
            return
        taken = next(
            (i for i, state in world.live(stream) if i != own_id and dig(state.fields, name or "") == value),
            None,
        )
        if taken and own_id:
            raise Refused(f"Another record has this {name} already.", stream=stream, id=own_id, field=name)
        if taken:
            raise Exists(f"A record with this {name} exists.", remote_id=taken, stream=stream, field=name)

    def refuses(self, stream: str, fields: Fields) -> str | None:
        """Why this tool does not take a record with these fields from a connector, in its words; None if it does."""
        return self.habits.validator(stream, fields) if self.habits.validator else None

    def mistyped(self, stream: str, fields: Fields) -> str | None:
        """Why these fields cannot be written as they are, since some changed their type; None if they can."""
        for name in sorted(self.retyped.get(stream, ())):
            value = dig(fields, name)
            if value is not None and not str(value).isdigit():
                return f"{name} takes a whole number."
        return None

    def keep(
        self, world: World, stream: str, id_: str, fields: Fields, *, changed: Mapping[str, Any] | None = None
    ) -> State:
        """Make `fields` the record's new state."""
        return self._commit(world, stream, id_, fields, changed=tuple(changed or ()))

    def bury(
        self, world: World, stream: str, id_: str, *, moved_to: str | None = None, moved_stream: str | None = None
    ) -> State:
        """Leave a tombstone; `Gone` if the record is not there."""
        self.present(world, stream, id_)
        return self._commit(world, stream, id_, {}, deleted=True, moved_to=moved_to, moved_stream=moved_stream)

    @contextmanager
    def by_hub(self) -> Iterator[World]:
        """The world while a connector changes one item: the tool's rules for outsiders hold."""
        with self.open(changing=True) as world:
            self._by_hub = True
            try:
                yield world
            finally:
                self._by_hub = False

    def _respelt(self, fields: Fields) -> Fields:
        for name, spell in self.habits.spellings.items():
            value = dig(fields, name)
            if isinstance(value, str):
                plant(fields, name, spell(value))
        return fields

    def _commit(
        self,
        world: World,
        stream: str,
        id_: str,
        fields: Fields,
        *,
        changed: tuple[str, ...] = (),
        deleted: bool = False,
        moved_to: str | None = None,
        moved_stream: str | None = None,
    ) -> State:
        world.revision += 1
        states = world.states.setdefault(stream, {}).setdefault(id_, [])
        reborn = not states or states[-1].deleted
        born = world.revision if reborn else states[-1].born
        stamp = self._stamp(world, states[-1] if states else None)
        state = State(world.revision, born, fields, stamp, self.now(), deleted, moved_to, changed, moved_stream)
        states.append(state)
        del states[:-_KEPT_STATES]
        world.log.setdefault(stream, []).append((world.revision, id_))
        return state

    def _stamp(self, world: World, before: State | None) -> Instant:
        stamp = self.now()
        if not self._by_hub and self.mischief.fires(Switch.LATE):
            stamp -= self.mischief.below(self.late_by)
        if world.last_stamp and self.mischief.fires(Switch.TIED):
            stamp = world.last_stamp
        stamp -= stamp % self.habits.resolution
        stamp = max(stamp, before.modified_at if before else 0)
        world.last_stamp = max(world.last_stamp, stamp)
        return stamp

    def tell(self, stream: str, id_: str) -> None:
        """Let whoever listens know of a change."""
        if self.on_change is not None:
            self.on_change(stream, id_)
