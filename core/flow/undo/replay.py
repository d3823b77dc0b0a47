"""Replay: what was given up is tried again, and history is told again, with or without some of its runs.

Told in full, history gives the present (law 5). Told without the entries of a run, it gives what would be so if that
run had never been; an undo (`core.flow.undo.undoing`) is the difference. An entry `undone` names the run that no longer
counts, as long as the undo itself is not undone.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.decide.fold import fold
from core.decide.route import Lane
from core.decide.settle import strictness
from core.flow.brake.weighing import consents
from core.flow.hub import Connection, Hub
from core.model.claim import Claim, Claims, Voice
from core.model.instant import Instant
from core.model.shapes import KIND_ORDER
from core.model.values import Json, is_blank
from core.ports import Verb
from core.store import Tx, bindings, deliveries, history, outbox, records
from core.store.deliveries import DeadLetter
from core.store.outbox import Mark
from core.store.records import State

PAGE = 1_000
"""Dead letters that are sent again in one transaction."""


def replay(
    hub: Hub,
    connection: Connection,
    *,
    code: str | None = None,
    message: str | None = None,
    record_ids: Collection[int] | None = None,
) -> int:
    """Send a connection's dead letters again, only those with `code`, `message` or of these records where given.

    Gives how many. What the tool refuses again meanwhile is not taken up a second time.
    """
    began, total = hub.clock(), 0
    while count := _replay_page(hub, connection, began, code, message, record_ids):
        total += count
        if count < PAGE:
            break
    return total


def _replay_page(
    hub: Hub,
    connection: Connection,
    began: Instant,
    code: str | None,
    message: str | None,
    record_ids: Collection[int] | None,
) -> int:
    with hub.store.writing() as tx:
        letters = deliveries.dead_letters(
            tx, connection_id=connection.id, record_ids=record_ids, code=code, message=message, until=began, limit=PAGE
        )
        ids = [letter.record_id for letter in letters]
        deliveries.unbury(tx, connection.id, ids)
        kinds = records.kinds(tx, ids)
        now = hub.clock()
        lanes = {letter.record_id: _lane(hub, letter) for letter in letters}
        outbox.mark(tx, [Mark(connection.id, id_, lanes[id_], KIND_ORDER.index(kinds[id_]), now) for id_ in kinds])
    return len(letters)


def _lane(hub: Hub, letter: DeadLetter) -> Lane:
    """A consent that was refused goes before anything else now, as it did then."""
    stream = hub.stream(letter.stream_id)
    if stream is None or letter.verb != Verb.UPDATE or consents(stream).keys().isdisjoint(letter.edit):
        return Lane.LIVE
    return Lane.CONSENT


def folded_again(hub: Hub, tx: Tx, record_ids: Collection[int]) -> dict[int, Mapping[str, Json]]:
    """Record id → the values that history alone gives, for proof that nothing else made them."""
    found = records.load(tx, record_ids)
    tales = tales_of(tx, record_ids)
    told = tell(tales, without=undone_in(tales), strict=strict_fields(hub))
    sources = {row.id: hub.sources.get(row.stream_id, "?") for row in bindings.of_records(tx, record_ids)}
    voices: dict[int, list[Voice]] = {id_: [] for id_ in found}
    for id_, spoken in told.spoken.items():
        if spoken.record_id in voices:
            voice = Voice(sources.get(id_, "?"), Claims.of(spoken.claims), spoken.retired)
            voices[spoken.record_id].append(voice)
    return {id_: fold(hub.shapes[record.kind], hub.rules, tuple(voices[id_])).values for id_, record in found.items()}


class Tale(NamedTuple):
    """A history entry, unpacked."""

    record_id: int
    at: Instant
    run_id: int | None
    binding_id: int | None
    what: str
    delta: Mapping[str, Any]


def tales_of(tx: Tx, record_ids: Collection[int]) -> list[Tale]:
    """The history of these records and of all they were merged with, oldest first; one statement a link of merges."""
    ids = set(record_ids)
    while True:
        tales = [Tale(*entry[:5], entry.delta) for entry in history.of_records(tx, ids)]
        linked = {one.delta[name] for one in tales for name in ("into", "from") if name in one.delta} - ids
        if not linked:
            return tales
        ids |= linked


def undone_in(tales: Sequence[Tale]) -> set[tuple[int, int]]:
    """(record id, run id) of what no longer counts. Read backwards, an undo is known to be undone before it is met."""
    gone: set[tuple[int, int]] = set()
    for one in reversed(tales):
        if one.what == "undone" and (one.record_id, one.run_id) not in gone:
            gone.add((one.record_id, one.delta["run"]))
    return gone


def strict_fields(hub: Hub) -> frozenset[str]:
    """The fields of consent, of every kind."""
    return frozenset(
        name for shape in hub.shapes.values() for name, one in shape.fields.items() if one.rule == "strictest"
    )


@dataclass(slots=True)
class Spoken:
    """A binding as history tells it."""

    record_id: int
    """The record it belongs to."""
    claims: dict[str, Claim] = field(default_factory=dict)
    retired: bool = False
    unseen: bool = False
    """Its first sight is left out: without that, nobody would know of it."""
    seen: bool = False
    """Its first sight counts."""
    edited_at: Instant | None = None
    """When the newest edit that counts was made."""
    left_out: dict[str, Claim] = field(default_factory=dict)
    """What it said in runs that do not count."""
    kept: set[str] = field(default_factory=set)
    """Refusals that count although their run does not: an undo never widens consent."""


@dataclass(slots=True)
class Told:
    """What history comes to."""

    spoken: dict[int, Spoken] = field(default_factory=dict)
    """Binding id → what it says."""
    states: dict[int, int] = field(default_factory=dict)
    """Record id → where it stands, for those that did not stay as they were made."""
    into: dict[int, int] = field(default_factory=dict)
    """Merged record id → the one that it went into."""

    def state(self, record_id: int) -> int:
        """Where a record stands."""
        return self.states.get(record_id, State.LIVE)


def tell(tales: Iterable[Tale], *, without: Container[tuple[int, int | None]], strict: Container[str]) -> Told:
    """Tell history, leaving out (record id, run id); `strict` are the fields of consent."""
    told = Told()
    for one in tales:
        out = (one.record_id, one.run_id) in without
        if one.binding_id is not None:
            _speak(told, one, strict, out=out)
        if not out:
            _keep(told, one)
        if not out and "state" in one.delta:
            told.states[one.record_id] = one.delta["state"][1]
            told.into.pop(one.record_id, None)
            if one.what == "merged":
                told.into[one.record_id] = one.delta["into"]
    return told


def _keep(told: Told, one: Tale) -> None:
    """What an undo left standing beside a refusal, so that it is known whose it is."""
    for binding_id, claims in one.delta.get("keeps", ()):
        spoken = told.spoken.get(binding_id)
        if spoken is not None:
            spoken.claims |= dict(Claims.from_json(claims).items())


def _speak(told: Told, one: Tale, strict: Container[str], *, out: bool) -> None:
    assert one.binding_id is not None  # noqa: S101 - seen by the caller
    came_from = one.delta.get("from")
    spoken = told.spoken.get(one.binding_id)
    if spoken is None:
        spoken = told.spoken[one.binding_id] = Spoken(one.record_id if came_from is None else came_from)
    if came_from is not None:
        # A merge moves what is there; what its claims come to is told by the entries before.
        if not out and one.what == "seen" and spoken.record_id == came_from:
            spoken.record_id = one.record_id
        spoken.retired |= one.what == "gone" and not out
    elif one.what == "gone":
        spoken.retired |= not out
    elif one.what in ("seen", "heard", "mapped"):
        _say(spoken, one, strict, out=out)


def _say(spoken: Spoken, one: Tale, strict: Container[str], *, out: bool) -> None:
    said = dict(Claims.from_json(one.delta).items())
    if one.what == "seen":
        spoken.unseen, spoken.seen = out, not out
    if out:
        spoken.left_out |= said
        refused = {name: claim for name, claim in said.items() if name in strict and _narrows(spoken, name, claim)}
        spoken.claims |= refused
        spoken.kept |= refused.keys()
        return
    said = {name: claim for name, claim in said.items() if not _goes_on(spoken.left_out.get(name), claim, one.what)}
    spoken.claims |= said
    spoken.kept -= said.keys()
    for name in one.delta.get("dropped", ()):
        spoken.claims.pop(name, None)
    if one.what != "mapped":
        spoken.retired = False
    if one.what == "heard" and said:
        spoken.edited_at = max(spoken.edited_at or 0, *(claim.stamp.at for claim in said.values()))


def _narrows(spoken: Spoken, name: str, claim: Claim) -> bool:
    """Whether leaving out a word about consent would permit more."""
    present = spoken.claims.get(name)
    wide = -1 if present is None or is_blank(present.value) else strictness(present.value)
    return not is_blank(claim.value) and strictness(claim.value) > max(0, wide)


def _goes_on(left_out: Claim | None, claim: Claim, what: str) -> bool:
    """Whether a word is only an older one in other words, and that one is left out."""
    if left_out is None or left_out.stamp != claim.stamp:
        return False
    # A new mapping reads the same word in another way; a reference is resolved when its target is bound.
    return what == "mapped" or _waits(left_out.value)


def _waits(value: Json) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))
