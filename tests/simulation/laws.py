"""The laws, held against a stage that has come to rest.

Each gives the breaches it finds, in words. They look at what the tools truly hold and at what people truly did,
and take the hub's own word only for what it gives as a reason. What must hold at every moment stands in `watch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from core.decide.fold import fold
from core.decide.keys import PROVING
from core.errors import Refused
from core.flow.asking import voices_of
from core.model.values import Json
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.deliveries import DeadLetter
from core.store.records import Record, State
from tests.simulation.admin import changed_and_undone
from tests.simulation.erased import erased_stays_erased
from tests.simulation.followed import erased_with_them, given_once, helped, set_down_once
from tests.simulation.look import Look, same, stands, who_is
from tests.simulation.once import answered_once, taken_back, told_once
from tests.simulation.order import retold
from tests.simulation.people import stream_of
from tests.simulation.plot import TOOLS, UNWELCOME
from tests.simulation.rest import most
from tests.simulation.words import dated, edits_survive, newest_stands, nothing_lost, parroted

if TYPE_CHECKING:
    from tests.simulation.play import Stage

RACE = 120_000_000
"""µs within which two that are made on both sides may not have seen each other."""


def breaches(stage: Stage) -> list[str]:
    """Every breach of every law."""
    if stage.rest.rounds >= most(stage):
        return [f"restless: {stage.lab.pending()} rows wait after {stage.rest.rounds} rounds"]
    look = Look(stage)
    return [*stage.watch.breaches, *(found for law in LAWS for found in law(look))]


def agreement(look: Look) -> Iterator[str]:
    """All sides are equal in what is mapped, but for what waits for a person."""
    for name in TOOLS:
        for remote_id in look.held[name]:
            bound = look.binding(name, remote_id)
            if bound is not None and bound.state == BindingState.ERASED:
                # Of somebody who was erased; whether that is right, `erased` asks.
                continue
            if bound is None or bound.state != BindingState.BOUND:
                state = None if bound is None else BindingState(bound.state).name
                yield f"agreement: {name} holds {remote_id}, which the hub does not ({state})"
    for record in look.records.values():
        if stands(record) and record.id not in look.doubtful:
            for name in TOOLS:
                # While the brake holds, a tool is told nothing.
                if name not in look.braked and (look.lab.connection(name).id, record.id) not in look.letters:
                    yield from _agrees(look, record, name)


def _agrees(look: Look, record: Record, name: str) -> Iterator[str]:
    live = look.live(record, name)
    if not live:
        yield from _put_back(look, record, name)
        return
    held = look.held[name].get(live[0].remote_id)
    if held is None:
        yield f"agreement: {name} no longer holds {live[0].remote_id} of record {record.id}"
        return
    translator, tool = look.stream(name, record.kind).translator, look.lab.tools[name]
    values = _with_refs(look, record, name)
    written = translator.write(values)
    spelt = tool.spelled({path: value for path, value in written.fields.items() if value is not None})
    (meant,) = translator.read([held])
    for path in written.fields:
        field = written.source[path]
        if field in look.undecided.get(record.id, ()) or (field in translator.refs and field not in values):
            continue
        there, wanted = held.get(path), spelt.get(path)
        if field in PROVING.get(record.kind, ()) and _copy_has_it(look, name, live, path, wanted):
            continue
        if field in translator.refs and _leads_nowhere(look, name, there):
            # It points to what is no longer there; a reconcile finds that.
            continue
        if field in translator.refs and _leads_to(look, name, record, field, there):
            continue
        if field in PROVING.get(record.kind, ()) and any(
            same(look.held[name].get(other.remote_id, {}).get(path), wanted) for other in live[1:]
        ):
            # Of several that are one here, the address that stands is at one.
            continue
        if not same(there, wanted) and not same(meant.values.get(field), values.get(field)):
            yield f"agreement: {name} holds {there!r} as {path} of record {record.id}, not {wanted!r}"


def _copy_has_it(look: Look, name: str, live: Sequence[Bound], path: str, wanted: Json) -> bool:
    """Whether another copy, that a person has still to merge, has the address already: no two may share one."""
    return any(same((look.held[name].get(one.remote_id) or {}).get(path), wanted) for one in live[1:])


def _leads_nowhere(look: Look, name: str, there: Json) -> bool:
    return any((name, one) in look.ledger.deleted for one in (there if isinstance(there, list) else [there]))


def _leads_to(look: Look, name: str, record: Record, field: str, there: Json) -> bool:
    """Whether a tool's ids lead to what is meant, of which it may hold several copies."""
    meant, ids = (one if isinstance(one, list) else [one] for one in (record.values.get(field), there))
    bound = [look.binding(name, one) for one in ids if isinstance(one, str)]
    found = {look.end(one.record_id).id for one in bound if one is not None}
    return len(bound) == len(ids) and found == {look.end(one).id for one in meant if isinstance(one, int)}


def _with_refs(look: Look, record: Record, name: str) -> dict[str, Json]:
    """The values with the tool's own ids of what they point to; a tool that does not hold that cannot be told it."""
    values = dict(record.values)
    for field in look.stream(name, record.kind).translator.refs:
        meant = values.get(field)
        ours = [one for one in (meant if isinstance(meant, list) else [meant]) if isinstance(one, int)]
        if ours:
            del values[field]
            ids: list[Json] = [live[0].remote_id for one in ours if (live := look.live(look.end(one), name))]
            values |= {field: ids if isinstance(meant, list) else ids[0]} if ids else {}
    return values


def _put_back(look: Look, record: Record, name: str) -> Iterator[str]:
    """A tool that does not hold a record was told to by somebody, and by nobody since."""
    bound = look.bindings_of(record, name)
    states = {one.state for one in bound}
    if not states - {BindingState.RELEASED}:
        yield f"agreement: {name} has nothing of record {record.id} ({look.person(record)})"
    # An edit outlives a deletion; but what was deleted before the hub knew its id is not made again unasked.
    policy = look.stream(name, record.kind).policy.deletes_in
    gone = [one for one in bound if one.state == BindingState.GONE and one.claims.values]
    if gone and policy in ("archive", "propagate") and BindingState.MOVED not in states:
        yield f"agreement: record {record.id} lives on and was not put back into {name}"


def nothing_doubled(look: Look) -> Iterator[str]:
    """One person has at most one record in a tool, unless people themselves made several there."""
    ledger = look.ledger
    for name in TOOLS:
        ours, theirs = Counter[str](), Counter[str]()
        for id_, held in look.held[name].items():
            count = theirs if (name, id_) in ledger.made else ours
            if (who := who_is(held)) is not None:
                count[who] += 1
        for person, number in ours.items():
            if person in look.stage.erased.people:
                continue
            if person in ledger.readdressed | ledger.merged | ledger.nameless:
                continue
            if number > 1:
                yield f"doubled: the hub made {person} {number} times in {name}"
            if theirs[person] and not _raced(look, name, person):
                yield f"doubled: the hub made {person} in {name}, who was there already"
    for record in look.records.values():
        for name in TOOLS:
            live = look.live(record, name)
            if len(live) > 1 and record.id not in look.doubtful and not look.was_merged(record):
                yield f"doubled: record {record.id} is bound to {len(live)} records in {name}"


def _raced(look: Look, name: str, person: str) -> bool:
    """Whether both were made so close together that a lagging tool showed neither to the other side."""
    tool = look.lab.tools[name]
    with tool.open() as world:
        moments = [
            min(state.committed_at for state in world.states[stream_of(id_)][id_])
            for id_, held in look.held[name].items()
            if who_is(held) == person
        ]
    return max(moments) - min(moments) < RACE or look.lied(name)


def nobody_mixed_up(look: Look) -> Iterator[str]:
    """Whoever was typed in is still who they are, and one record is one person."""
    ledger = look.ledger
    for (name, id_), who in ledger.made.items():
        held = look.held[name].get(id_)
        if held is not None and "asked" in held and who not in ledger.merged and held["asked"] != who:
            yield f"mixed up: {name} {id_} was {who}, and is {held['asked']} now"
    for (name, id_), record_id in ledger.known.items():
        bound = look.binding(name, id_)
        who = ledger.made[name, id_]
        if bound is None or record_id in look.doubtful or bound.record_id in look.doubtful or who in ledger.merged:
            continue
        # An address that was given up before the hub heard who had typed it leads to nobody any more.
        address = (look.held[name].get(id_) or {}).get("email")
        if address is not None and address != look.end(record_id).values.get("email"):
            continue
        if look.end(bound.record_id).id != look.end(record_id).id and not look.lied(name):
            yield f"mixed up: {name} {id_} was typed in by the address of record {record_id}, and is not known by it"


def given_up(look: Look) -> Iterator[str]:
    """What is a dead letter would be refused again."""
    for (connection_id, record_id), letter in look.letters.items():
        connection = look.lab.hub.connections[connection_id]
        record = look.records[record_id]
        # While the brake holds, a tool is told nothing, and so refuses nothing.
        held = connection.name in look.braked or letter.code != Refused.code
        if stands(record) and not held and not _refused(look, connection.name, record, letter):
            yield f"given up: {connection.name} would take record {record_id} ({letter.message})"


def _refused(look: Look, name: str, record: Record, letter: DeadLetter) -> bool:
    """Whether a tool would refuse what the record is now: what it was when it was refused is of no account."""
    stream, tool = look.stream(name, record.kind), look.lab.tools[name]
    live = look.live(record, name)
    held = look.held[name].get(live[0].remote_id, {}) if live else {}
    # What people typed there themselves may have been in the way of everything else.
    typed = any(place == name and UNWELCOME in value for place, _, value in look.ledger.typed)
    written = stream.translator.write(_with_refs(look, record, name))
    # About what a person is asked by now, nothing is sent.
    asked = {written.source.get(path, path) for path in letter.edit} & look.undecided.get(record.id, set())
    wanted = {path: value for path, value in written.fields.items() if value is not None}
    return typed or bool(asked) or tool.refuses(stream.name, {**held, **wanted}) is not None


def explained(look: Look) -> Iterator[str]:
    """Folding the history gives the present values."""
    for id_, record in look.records.items():
        again = dict(look.folded[id_])
        if again != record.values:
            yield f"explained: record {id_} holds {record.values}, its history gives {again}"


def order_of_voices(look: Look) -> Iterator[str]:
    """Who spoke first makes no difference."""
    hub = look.lab.hub
    for id_, record in look.records.items():
        if record.state == State.MERGED:
            continue
        voices = tuple(reversed(voices_of(hub, look.by_record.get(id_, []))))
        values = fold(hub.shapes[record.kind], hub.rules, voices).values
        if values != record.values:
            yield f"order: record {id_} holds {record.values}, and {values} were it heard in another order"


def brake_held(look: Look) -> Iterator[str]:
    """While the brake asks whether so much is gone, nothing of it is deleted elsewhere."""
    gone = {place: look.binding(*place) for place in look.ledger.deleted}
    elsewhere = {(name, bound.record_id) for (name, _), bound in gone.items() if bound is not None}
    for (name, _), bound in gone.items():
        if bound is None or name not in look.braked & look.ledger.purged or bound.state != BindingState.BOUND:
            continue
        others = any((one, bound.record_id) in elsewhere for one in TOOLS if one != name)
        if look.records[bound.record_id].state == State.DELETED and not others:
            yield f"brake: record {bound.record_id} was deleted although nobody has let it go"


def writes_stop(look: Look) -> Iterator[str]:
    """When all agree, another round writes nothing."""
    if look.stage.rest.late_writes:
        yield f"agreement: {look.stage.rest.late_writes} writes after everything was quiet"


LAWS: tuple[Callable[[Look], Iterator[str]], ...] = (
    agreement,
    nothing_lost,
    edits_survive,
    newest_stands,
    dated,
    parroted,
    nothing_doubled,
    nobody_mixed_up,
    given_up,
    explained,
    order_of_voices,
    brake_held,
    writes_stop,
    told_once,
    answered_once,
    set_down_once,
    given_once,
    helped,
    taken_back,
    erased_stays_erased,
    erased_with_them,
    changed_and_undone,
    # The last one, since it goes on with the history.
    retold,
)
"""Undoing, planning and braking add theirs here, as functions of what stands at rest (`Look`)."""
