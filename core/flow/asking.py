"""Asking the hub: who is this, why does that value stand, what happened? Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from core.decide.keys import keys_of, reach_digest
from core.decide.why import Why, explain
from core.decide.words import filed, holds, words_in
from core.flow.desk import Work
from core.flow.filters.left_out import LeftOut, left_out
from core.flow.hub import Hub
from core.model.claim import Voice
from core.store import Tx, bindings, deliveries, history, keys, records, reviews, words
from core.store.bindings import Bound, State
from core.store.deliveries import DeadLetter, Delivery
from core.store.history import Entry
from core.store.records import Record
from core.store.records import State as RecordState

_SHOWN, _MAY_BE = 20, 300
"""Records that are shown to whoever asks by a name, and those of each sort that are looked at for it."""
_TOLD = (RecordState.LIVE, RecordState.DELETED, RecordState.ARCHIVED)


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known of one record."""

    record: Record
    bound: list[Bound]
    why: list[Why]
    history: list[Entry]
    deliveries: list[Delivery]
    dead_letters: list[DeadLetter]
    undecided: set[str]
    left_out: list[LeftOut]
    """Where a filter keeps it out."""


def find(hub: Hub, kind: str, key: str) -> list[Record]:
    """Records of a kind by their number in the hub, email, domain, name or a remote id; the newest first."""
    with hub.store.reading() as tx:
        ids: set[int] = {int(key)} if key.isdigit() else set()
        digests = {one.digest for values in _readings(kind, key) for one in keys_of(kind, values, hub.blocks)}
        digests |= {reach_digest(key.lower())} if kind == "contact" else set()
        ids |= {record_id for _, record_id in keys.find(tx, digests)} if digests else set()
        ids |= set(bindings.by_remote_id(tx, key))
        known = records.load(tx, ids).values() if ids else ()
        found = [one for one in known if one.kind == kind and one.state != RecordState.ERASED]
        if not found and not _is_filed(hub, kind, key):
            found = _called(hub, tx, kind, key)
    exact = [one for one in found if _holds(one, key)]
    return sorted(exact or found, key=lambda one: -one.id)


def _called(hub: Hub, tx: Tx, kind: str, name: str) -> list[Record]:
    """Records with these words in their name: those with the whole words, else what begins so; the newest."""
    shape, asked = hub.shapes[kind], words_in(name)
    ids = words.find(tx, filed(kind, asked), _MAY_BE) if asked else ()
    known = records.load(tx, ids).values() if ids else ()
    ranked = [(holds(shape, one.values, asked), one.id, one) for one in known if one.state in _TOLD]
    best = sorted((one for one in ranked if one[0]), reverse=True)[:_SHOWN]
    return [record for _, _, record in best]


def _readings(kind: str, key: str) -> list[dict[str, str]]:
    """What a person may have meant by a word."""
    return [{"email": key.lower()}, {"domain": key.lower()}, {"name": key}] if kind else []


def _is_filed(hub: Hub, kind: str, key: str) -> bool:
    """Whether somebody with this would have been found by now: an address, unless it is one that many share."""
    return kind == "contact" and "@" in key and not hub.blocks.blocks_email(key.lower())


def _holds(record: Record, key: str) -> bool:
    wanted = key.casefold()
    return any(isinstance(value, str) and value.casefold() == wanted for value in record.values.values())


def ask(hub: Hub, record: Record, field: str | None = None) -> Answer:
    """Why each value of a record stands (one field where given), and what happened to it."""
    with hub.store.reading() as tx:
        bound = bindings.of_records(tx, [record.id])
        entries = history.of_records(tx, [record.id])
        sent = deliveries.deliveries(tx, record_id=record.id)
        dead = deliveries.dead_letters(tx, record_ids=[record.id])
        undecided = reviews.undecided(tx, [record.id]).get(record.id, set())
        out = left_out(hub, tx, record, bound)
    voices = tuple(voices_of(hub, bound))
    names = [field] if field else sorted({name for voice in voices for name in voice.claims})
    shape = hub.shapes[record.kind]
    return Answer(
        record,
        bound,
        [explain(shape, hub.rules, voices, name) for name in names],
        entries,
        sent,
        dead,
        undecided,
        out,
    )


def voices_of(hub: Hub, bound: list[Bound]) -> list[Voice]:
    """Who speaks about a record."""
    work = Work(Record(0, "", "{}", 0, None, 0, 0, 0))
    for one in bound:
        work.say(one, hub.sources.get(one.stream_id, "?"), one.claims, retired=one.state != State.BOUND)
    return list(work.voices.values())
