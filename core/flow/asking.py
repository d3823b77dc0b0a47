"""Asking the hub: who is this, why does that value stand, what happened? Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from core.decide.keys import keys_of, reach_digest
from core.decide.why import Why, explain
from core.decide.words import filed, holds, words_in
from core.flow.desk import Work
from core.flow.filters.left_out import LeftOut, left_out
from core.flow.hub import Hub
from core.model.claim import Voice
from core.model.hold import field_of
from core.store import Tx, bindings, deliveries, history, keys, records, reviews, words
from core.store.bindings import Bound, State
from core.store.deliveries import DeadLetter, Delivery
from core.store.history import Entry
from core.store.records import Record
from core.store.records import State as RecordState

_SHOWN, _MAY_BE = 20, 300
"""Records of a kind that are shown to whoever asks by a name, and those of each sort that are looked at for it."""
_DIGITS = 18
"""A longer number is none of a record."""
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
    """Records of a kind by their number in the hub, email, phone, domain, name or a remote id; the newest first."""
    return search(hub, [kind], key)


def search(hub: Hub, kinds: Sequence[str], key: str, *, named: Collection[str] | None = None) -> list[Record]:
    """The same over several kinds, one kind after the other; seven statements at most, whatever their number.

    By name only those that are `named` are looked for, where that is given.
    """
    with hub.store.reading() as tx:
        ids: set[int] = {int(key)} if key.isdecimal() and len(key) <= _DIGITS else set()
        digests = {digest for kind in kinds for digest in _digests(hub, kind, key)}
        keyed = {record_id for _, record_id in keys.find(tx, digests)} if digests else set()
        ids |= {*sorted(keyed, reverse=True)[:_MAY_BE], *bindings.by_remote_id(tx, key)}
        known = records.load(tx, ids).values() if ids else ()
        found = {kind: [one for one in known if one.kind == kind and one.state != RecordState.ERASED] for kind in kinds}
        # Whoever gave an address that somebody has did not mean a name.
        is_found = "@" in key and any(found.values())
        unknown = [] if is_found else [kind for kind in kinds if not found[kind] and not _is_filed(hub, kind, key)]
        unknown = [kind for kind in unknown if named is None or kind in named]
        found |= _called(hub, tx, unknown, key) if unknown else {}
    return [one for kind in kinds for one in _best(found[kind], key)]


def _best(found: list[Record], key: str) -> list[Record]:
    exact = [one for one in found if _holds(one, key)]
    return sorted(exact or found, key=lambda one: -one.id)


def _called(hub: Hub, tx: Tx, kinds: Sequence[str], name: str) -> dict[str, list[Record]]:
    """Of each kind, records with these words in their name: those with the whole words, else what begins so."""
    asked = words_in(name)
    ids = words.find(tx, [filed(kind, asked) for kind in kinds], _MAY_BE) if asked else ()
    known = records.load(tx, ids).values() if ids else ()
    ranked = [(holds(hub.shapes[one.kind], one.values, asked), one.id, one) for one in known if one.state in _TOLD]
    best = sorted((one for one in ranked if one[0]), reverse=True)
    return {kind: [record for _, _, record in best if record.kind == kind][:_SHOWN] for kind in kinds}


def _digests(hub: Hub, kind: str, key: str) -> Iterator[int]:
    """Under what somebody may be filed whom a person calls so."""
    for values in ({"email": key.lower()}, {"domain": key.lower()}, {"name": key}):
        yield from (one.digest for one in keys_of(kind, values, hub.blocks))
    if kind == "contact":
        yield reach_digest(key.lower())
        with suppress(ValueError):
            yield reach_digest(str(hub.shapes[kind].fields["phone"].normaliser(hub.locale)(key)))


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
    names = [field] if field else sorted({field_of(name) or name for voice in voices for name in voice.claims})
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
