"""The laws, held against a stage that has come to rest.

Each gives the breaches it finds, in words. They look at what the tools truly hold and at what people truly did,
and take the hub's own word only for what it gives as a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from connectors._kit.mischief import Switch
from core.flow.asking import ask
from core.flow.replay import folded_again
from core.model.instant import SECOND
from core.model.values import Json, is_blank
from core.store import bindings, reviews
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.simulation.play import ROUNDS, Stage, Word
from tests.simulation.plot import TOOLS


class Look:
    """The hub and the tools as they stand, loaded once."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.lab = stage, stage.lab
        self.records = {one.id: one for one in self.lab.records()}
        with self.lab.hub.store.reading() as tx:
            self.bound = bindings.of_records(tx, list(self.records))
            self.undecided = reviews.undecided(tx, list(self.records))
            self.folded = folded_again(self.lab.hub, tx, list(self.records))
        self.doubtful = {
            id_
            for one in self.lab.reviews()
            if one.what in ("ambiguous", "duplicate")
            for id_ in (one.record_id, one.subject.get("of"), *one.subject.get("candidates", ()))
        }
        self.refused = {(one.connection_id, one.record_id) for one in self.lab.dead_letters()}
        self.held = {name: tool.all("contacts") for name, tool in self.lab.tools.items()}

    def bindings_of(self, record: Record, name: str) -> list[Bound]:
        """The bindings of a record in a tool."""
        stream = self.lab.stream(name).id
        return [one for one in self.bound if one.record_id == record.id and one.stream_id == stream]

    def binding(self, name: str, remote_id: str) -> Bound | None:
        """The binding of a tool's record."""
        stream = self.lab.stream(name).id
        return next((one for one in self.bound if (one.stream_id, one.remote_id) == (stream, remote_id)), None)

    def person(self, record: Record) -> str:
        """Who it is."""
        return str(record.values.get("asked"))


def breaches(stage: Stage) -> list[str]:
    """Every breach of every law."""
    if stage.rounds >= ROUNDS:
        return [f"restless: {stage.lab.pending()} rows wait after {stage.rounds} rounds"]
    look = Look(stage)
    found = [*agreement(look), *nothing_lost(look), *nothing_doubled(look), *explained(look)]
    return [*found, *writes_stop(stage)]


def agreement(look: Look) -> Iterator[str]:
    """All sides are equal in what is mapped, but for what waits for a person."""
    for name in TOOLS:
        for remote_id in look.held[name]:
            bound = look.binding(name, remote_id)
            if bound is None or bound.state != BindingState.BOUND:
                state = None if bound is None else BindingState(bound.state).name
                yield f"agreement: {name} holds {remote_id}, which the hub does not ({state})"
    for record in look.records.values():
        if record.state == State.LIVE and record.id not in look.doubtful:
            for name in TOOLS:
                yield from _agrees(look, record, name)


def _agrees(look: Look, record: Record, name: str) -> Iterator[str]:
    bound = look.bindings_of(record, name)
    live = [one for one in bound if one.state == BindingState.BOUND]
    connection = look.lab.connection(name)
    if (connection.id, record.id) in look.refused:
        return
    if not live:
        if not any(one.state in (BindingState.GONE, BindingState.UNLINKED, BindingState.MOVED) for one in bound):
            yield f"agreement: {name} has nothing of record {record.id} ({look.person(record)})"
        return
    held = look.held[name].get(live[0].remote_id)
    if held is None:
        yield f"agreement: {name} no longer holds {live[0].remote_id} of record {record.id}"
        return
    translator, tool = look.lab.stream(name).translator, look.lab.tools[name]
    written = translator.write(record.values)
    spelt = tool.spelled({path: value for path, value in written.fields.items() if value is not None})
    (meant,) = translator.read([held])
    for path in written.fields:
        field = written.source[path]
        if field in look.undecided.get(record.id, ()):
            continue
        there, wanted = held.get(path), spelt.get(path)
        same = there == wanted or (is_blank(there) and is_blank(wanted))
        if not same and meant.values.get(field) != record.values.get(field):
            yield f"agreement: {name} holds {there!r} as {path} of record {record.id}, not {wanted!r}"


def nothing_lost(look: Look) -> Iterator[str]:
    """Every word of a person stands, was overruled by a named rule, or waits in a review."""
    for (name, remote_id, field), word in look.stage.ledger.words.items():
        bound = look.binding(name, remote_id)
        if bound is None:
            yield f"lost: {name} {remote_id} was never taken in"
            continue
        record = look.records[bound.record_id]
        if record.state != State.LIVE:
            if not _was_deleted(look, record, word):
                yield f"lost: record {record.id} is {State(record.state).name}, {name} {remote_id} was edited since"
            continue
        if not _accounted(look, record, name, field, word):
            stands = record.values.get(field)
            yield f"lost: {field} {word.value!r} of {name} {remote_id}: record {record.id} has {stands!r}"


def _was_deleted(look: Look, record: Record, word: Word) -> bool:
    deleted = look.stage.ledger.deleted
    ours = {(name, one.remote_id) for name in TOOLS for one in look.bindings_of(record, name)}
    return any(at >= word.at for place, at in deleted.items() if place in ours)


def _accounted(look: Look, record: Record, name: str, field: str, word: Word) -> bool:
    (reading,) = look.lab.stream(name).translator.read([{field: word.value}])
    meant: Json = reading.values.get(field)
    stands = record.values.get(field)
    if stands == meant or (is_blank(stands) and is_blank(meant)):
        return True
    (why,) = ask(look.lab.hub, record, field).why
    if any(lost.source == name and lost.reason and _same(lost.value, meant) for lost in why.losers):
        return True
    # A field that was set and cleared between two looks was never seen to be set: there was nothing to clear.
    return word.cleared or _answered(look, record, name, field, word)


def _answered(look: Look, record: Record, name: str, field: str, word: Word) -> bool:
    """Whether a newer word of somebody else went into a tool that spells it its own way, and the answer was lost.

    What stands there then looks like a word of that tool's own, and takes the place of the older one.
    """
    spells = field in look.stage.plot.habits[TOOLS.index(name)].spellings
    ours = {(one, bound.remote_id) for one in TOOLS for bound in look.bindings_of(record, one)}
    words = look.stage.ledger.words
    return spells and any(
        (*place, field) in words and words[(*place, field)].at > word.at - 5 * SECOND
        for place in ours
        if place[0] != name
    )


def _same(one: Json, other: Json) -> bool:
    return one == other or (is_blank(one) and is_blank(other))


def nothing_doubled(look: Look) -> Iterator[str]:
    """One person has at most one record in a tool, unless people themselves made several there."""
    ledger = look.stage.ledger
    for name in TOOLS:
        made = Counter(
            str(held.get("asked")) for id_, held in look.held[name].items() if (name, id_) not in ledger.made
        )
        by_people = Counter(
            str(held.get("asked")) for id_, held in look.held[name].items() if (name, id_) in ledger.made
        )
        for person, number in made.items():
            strangers = person in ledger.readdressed or person in ledger.merged
            if number > 1 and not strangers:
                yield f"doubled: the hub made {person} {number} times in {name}"
            if by_people[person] and not strangers and not _raced(look, name, person):
                yield f"doubled: the hub made {person} in {name}, who was there already"
    for record in look.records.values():
        for name in TOOLS:
            live = [one for one in look.bindings_of(record, name) if one.state == BindingState.BOUND]
            if len(live) > 1 and record.id not in look.doubtful:
                yield f"doubled: record {record.id} is bound to {len(live)} records in {name}"


def _raced(look: Look, name: str, person: str) -> bool:
    """Whether both were made so close together that a lagging tool showed neither to the other side."""
    tool = look.lab.tools[name]
    with tool.open() as world:
        moments = [
            min(state.committed_at for state in world.states["contacts"][id_])
            for id_, held in look.held[name].items()
            if held.get("asked") == person
        ]
    return max(moments) - min(moments) < 120_000_000 or tool.mischief.happened[Switch.LAGGING] > 0


def explained(look: Look) -> Iterator[str]:
    """Folding the history gives the present values."""
    for id_, record in look.records.items():
        again = dict(look.folded[id_])
        if again != record.values:
            yield f"explained: record {id_} holds {record.values}, its history gives {again}"


def writes_stop(stage: Stage) -> Iterator[str]:
    """When all agree, another round writes nothing."""
    if stage.late_writes:
        yield f"agreement: {stage.late_writes} writes after everything was quiet"
