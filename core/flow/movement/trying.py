"""Trying: the time in which a policy is tried, read from what is kept. Nothing is written, and no tool is called.

    newest records ▶ their history, and that of what is about them ▶ their past ▶ `core.decide.movement.trying`

A page of records costs the same few statements, however many are in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from core.decide.movement.doing import OWNING
from core.decide.movement.past import Past, Told, past_of
from core.decide.movement.person import Person, person_of
from core.decide.movement.reality import MENDED
from core.decide.movement.trying import Gate, Taken, World
from core.decide.permission import Asked, permitted, words_of
from core.flow.hub import Hub
from core.flow.movement.gathering import SUBJECTS
from core.flow.undo.replay import Tale, strict_fields, tales_of, tell, undone_in
from core.model.claim import Claims, Voice
from core.model.instant import Instant
from core.model.many import many
from core.model.values import Values
from core.store import Tx, bindings, history, movement, records, steps
from core.store.history import Entry
from core.store.records import Record, State

PAGE = 500
NEWEST = 5_000
"""So many records are looked at where nothing else is said."""
_CHANNEL = "email"
_STAFF = 100_000
"""More people than any business has."""


class Read(NamedTuple):
    """The time in which a policy is tried."""

    world: World
    number: int
    """Contacts, deals and tickets that were looked at."""
    left_out: int
    """Older ones that were not."""
    kept_since: Instant | None
    """Where history does not go back to the begin: since when it is kept."""


def read_world(
    hub: Hub, begin: Instant, *, newest: int = NEWEST, mails: bool = True, say: Callable[[str], None] = lambda _: None
) -> Read:
    """What is known of the newest records since `begin`; `mails`: with what decides whether they may be written to."""
    with hub.store.reading() as tx:
        ids = records.newest(tx, SUBJECTS, newest)
        total = records.number(tx, SUBJECTS)
        staff = _staff(tx, begin)
        given, load = steps.last_given(tx, begin), Counter(movement.load_of(tx))
        oldest = history.oldest(tx)
    reader = _Reader(hub, begin, mails)
    for first in range(0, len(ids), PAGE):
        page = ids[first : first + PAGE]
        with hub.store.reading() as tx:
            reader.read(tx, page)
            load -= Counter(
                one.owner_id for one in movement.of_records(tx, page).values() if one.open and one.owner_id is not None
            )
        say(f"The past of {first + len(page):,} of {many(len(ids), 'record')} is read.")
    world = World(
        reader.subjects, reader.others, {id_: sorted(some) for id_, some in reader.about.items()}, staff, reader.taken,
        given, load, reader.gate(),
    )  # fmt: skip
    return Read(world, len(ids), max(0, total - len(ids)), oldest if oldest is not None and oldest > begin else None)


class _Reader:
    """Gathers page by page."""

    def __init__(self, hub: Hub, begin: Instant, mails: bool) -> None:
        self.hub, self.begin, self.mails = hub, begin, mails
        self.subjects: dict[int, Past] = {}
        self.others: dict[int, Past] = {}
        self.about: dict[int, set[int]] = {}
        self.taken: dict[int, Sequence[Taken]] = {}
        self.tales: dict[int, Sequence[Tale]] = {}
        """Person → all that was ever said of them, by which it is known what they permitted when."""
        self.streams: dict[int, int] = {}

    def read(self, tx: Tx, ids: Collection[int]) -> None:
        """A page of records, with all that is around them."""
        taken, ours = dict[int, list[Taken]](), set[tuple[int, int]]()
        for one in steps.steps_of(tx, ids):
            if one.name.startswith(MENDED):
                # A person said so, and it stays as it was.
                continue
            taken.setdefault(one.record_id, []).append(Taken(one.name, one.step, one.at, one.made_id))
            ours |= {(one.record_id, one.run_id)} if one.step in OWNING else set()
        self.taken |= taken
        mine = self._pasts(tx, ids, ours)
        self.subjects |= mine
        people = {id_ for one in mine.values() for id_ in _named(one, self.begin, ("contact", "contacts"))}
        firms = {id_ for one in mine.values() for id_ in _named(one, self.begin, ("company",))}
        about = movement.about_these(tx, {*ids, *people})
        for target, some in about.items():
            self.about.setdefault(target, set()).update(some)
        around = {*people, *firms, *(id_ for some in about.values() for id_ in some)} - self.others.keys()
        self.others |= self._pasts(tx, around, set())
        if self.mails:
            writes_to = {*people, *(id_ for id_, one in mine.items() if one.kind == "contact")} - self.tales.keys()
            self._hear(tx, writes_to)

    def _pasts(self, tx: Tx, ids: Collection[int], ours: Collection[tuple[int, int]]) -> dict[int, Past]:
        found = records.load(tx, ids)
        streams = bindings.streams_of(tx, found)
        told: dict[int, list[Told]] = {}
        for entry in history.of_records(tx, found) if found else ():
            by = self.hub.sources.get(streams.get(entry.binding_id or 0, 0), "")
            told.setdefault(entry.record_id, []).append(_told(entry, by, (entry.record_id, entry.run_id) in ours))
        return {
            id_: past_of(
                id_, one.kind, one.values, live=one.state == State.LIVE, held_since=one.created_at,
                told=told.get(id_, ()),
            )
            for id_, one in found.items()
        }  # fmt: skip

    def _hear(self, tx: Tx, people: Collection[int]) -> None:
        """What was said of these people, in the order in which it was heard."""
        if not people:
            return
        tales = tales_of(tx, people)
        links: dict[int, set[int]] = {}
        for one in tales:
            for other in (one.delta[name] for name in ("into", "from") if name in one.delta):
                links.setdefault(one.record_id, set()).add(other)
                links.setdefault(other, set()).add(one.record_id)
        by_record: dict[int, list[Tale]] = {}
        for one in tales:
            by_record.setdefault(one.record_id, []).append(one)
        for id_ in people:
            some = _linked(id_, links)
            # Of nearly everybody one record tells all.
            own = by_record.get(id_, []) if len(some) == 1 else [one for one in tales if one.record_id in some]
            self.tales[id_] = own
        self.streams |= bindings.streams_of(tx, {one.record_id for one in tales})

    def gate(self) -> Gate:
        """What the consent gate would have said at a moment, by what had been heard of the person until then."""
        strict = strict_fields(self.hub)

        def closed(person: int, topic: str | None, at: Instant) -> str:
            tales = [one for one in self.tales.get(person, ()) if one.at <= at]
            told = tell(tales, without=undone_in(tales), strict=strict)
            voices = {
                id_: Voice(
                    self.hub.sources.get(self.streams.get(id_, 0), "?"), Claims.of(spoken.claims), spoken.retired
                )
                for id_, spoken in told.spoken.items()
                if spoken.record_id == person
            }
            past = self.subjects.get(person) or self.others.get(person)
            values: Values = (past.at(at) if past is not None else None) or {}
            point, born = values.get("email"), values.get("birthday")
            asked = Asked(
                _CHANNEL, topic, str(point) if point else None, at, born if isinstance(born, str) else None
            )  # fmt: skip
            answer = permitted(words_of(voices, _CHANNEL, values), asked, self.hub.profile)
            return "" if answer.allowed else answer.why

        return closed


def _linked(id_: int, links: Mapping[int, Collection[int]]) -> set[int]:
    """A record and all it was merged with, one by one."""
    found, next_ = {id_}, {id_}
    while next_ := {other for one in next_ for other in links.get(one, ())} - found:
        found |= next_
    return found


def _told(entry: Entry, by: str, ours: bool) -> Told:
    delta = entry.delta
    moved = delta.get("state")
    return Told(entry.at, delta.get("set", {}), None if moved is None else moved[0] == State.LIVE, by, ours)


def _named(past: Past, begin: Instant, fields: Iterable[str]) -> set[int]:
    """The records to which one referred at any time since `begin`."""
    first = max(0, past.place(begin))
    found: set[int] = set()
    for state in past.states[first:]:
        for name in fields:
            value = state.values.get(name) if state.values is not None else None
            found |= {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)}
    return found


def _staff(tx: Tx, begin: Instant) -> list[tuple[Instant, Mapping[int, Person]]]:
    """Who owned records from which moment on, the begin being the first."""
    rows = records.load(tx, records.newest(tx, ("owner",), _STAFF))
    told: dict[int, list[Told]] = {}
    for entry in history.of_records(tx, rows) if rows else ():
        told.setdefault(entry.record_id, []).append(_told(entry, "", False))
    pasts = [_past(one, told.get(id_, ())) for id_, one in rows.items()]
    moments = sorted({begin, *(state.at for one in pasts for state in one.states if state.at > begin)})
    return [(at, _at_work(pasts, at)) for at in moments]


def _past(one: Record, told: Sequence[Told]) -> Past:
    live = one.state == State.LIVE
    return past_of(one.id, one.kind, one.values, live=live, held_since=one.created_at, told=told)


def _at_work(pasts: Sequence[Past], at: Instant) -> dict[int, Person]:
    there = {one.record_id: one.states[place].values for one in pasts if (place := one.place(at)) >= 0}
    chiefs = {id_: person_of(id_, values or {}, live=values is not None) for id_, values in there.items()}
    return {
        id_: person_of(id_, values or {}, live=values is not None, manager=_chief(chiefs, values))
        for id_, values in there.items()
    }


def _chief(chiefs: Mapping[int, Person], values: Values | None) -> Person | None:
    manager = values.get("manager") if values is not None else None
    return chiefs.get(manager) if isinstance(manager, int) else None
