"""The person: everything the hub holds of one record, and by what it would be known if it came again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from core.decide.keys import Key, keys_of, reach_of
from core.errors import ConfigError
from core.flow.filters.doors import held_by_the_tool
from core.flow.hub import Hub
from core.flow.undo.replay import tales_of
from core.model.values import Values
from core.store import Tx, bindings, keys, records, steps
from core.store.bindings import Bound
from core.store.records import Record, State

_SHORTEST = 6
"""A word of fewer letters may be part of any other; it is not looked for in sentences."""
_NAMES = ("full_name", "name", "last_name", "first_name")
_POINTS = ("email", "phone")
_MORE_POINTS = ("other_emails", "other_phones")


@dataclass(slots=True)
class Person:
    """A record with all that were merged into it."""

    record: Record
    record_ids: list[int]
    """Ascending; the record's own among them, and the notes of what the person sent by a form,
    and the tasks that follow-through set down about them."""
    linked: list[int] = field(default_factory=list)
    """Records that were made one with it and parted again: somebody else, with its words in their history."""
    bound: list[Bound] = field(default_factory=list)
    """Where the tools hold it, or held it; what is said of it in the hub; and what filters keep out of the hub."""
    leads: frozenset[int] = frozenset()
    """Digests of the keys by which it is known again."""
    reach: frozenset[int] = frozenset()
    """Digests under which it was filed beside these; nobody is stopped by them."""
    words: frozenset[str] = frozenset()
    """What can only mean this person in a sentence: addresses and numbers."""
    names: frozenset[str] = frozenset()
    """What may mean somebody else as well."""


def person_of(hub: Hub, tx: Tx, record_id: int) -> Person:
    """Who a record is. `ConfigError` where there is no such record, or it was erased already."""
    record_id = records.merged_into(tx, [record_id]).get(record_id, record_id)
    record = records.load(tx, [record_id], to_change=True).get(record_id)
    if record is None:
        raise ConfigError(f"There is no record {record_id}.", remedy="Look it up with `concord why KIND KEY`.")
    if record.state == State.ERASED:
        raise ConfigError(
            f"Record {record_id} was erased already.", remedy="`concord erasures` shows what became of it."
        )
    ids = _all_that_it_is(tx, record_id)
    ids |= _sent_by_forms(hub, tx, ids) | steps.made_about(tx, ids)
    person = Person(record, sorted(ids))
    person.linked = sorted({one.record_id for one in tales_of(tx, ids)} - ids)
    person.bound = bindings.of_records(tx, ids)
    said = list(_said(hub, tx, person))
    leads = {key for values in said for key in keys_of(record.kind, values, hub.blocks) if is_lead(key)}
    person.leads = frozenset(key.digest for key in leads)
    person.reach = frozenset(one for values in said for one in reach_of(record.kind, values, hub.blocks))
    person.bound += _kept_out(tx, person)
    person.words = frozenset(word for word in _words(said, person.bound) if len(word) >= _SHORTEST)
    person.names = frozenset(word for word in _names(said) if len(word) >= _SHORTEST)
    return person


def _all_that_it_is(tx: Tx, record_id: int) -> set[int]:
    ids = {record_id}
    while more := records.parts(tx, ids) - ids:
        ids |= more
    return ids


def _sent_by_forms(hub: Hub, tx: Tx, ids: set[int]) -> set[int]:
    """The notes of what the person posted: every word in them is the person's own."""
    posts: dict[int, list[str]] = {}
    for row in bindings.of_records(tx, ids, hub.form_streams) if hub.form_streams else ():
        posts.setdefault(hub.form_streams[row.stream_id], []).append(row.remote_id)
    notes = (row for stream_id, keys in posts.items() for row in bindings.of_remotes(tx, stream_id, keys).values())
    return {row.record_id for row in notes if row.record_id}


def is_lead(key: Key) -> bool:
    """Whether somebody is known again by it alone: an address of one's own, or a number with the family name."""
    return key.tier == "verified" or key.name == "phone"


def _said(hub: Hub, tx: Tx, person: Person) -> Iterator[Values]:
    """What stands and what anybody ever said of it that counts, as far as its source is still connected."""
    for one in records.load(tx, person.record_ids).values():
        yield one.values
    for row in person.bound:
        yield row.claims.values
        stream = hub.stream(row.stream_id)
        if stream is not None:
            (reading,) = stream.translator.read([held_by_the_tool(row)])
            yield reading.values


def _kept_out(tx: Tx, person: Person) -> list[Bound]:
    """What a filter keeps out of the hub and has the person's address: filed under its binding's id below zero."""
    found = {-id_ for _, id_ in keys.find(tx, person.leads) if id_ < 0} if person.leads else set()
    return [row for row in bindings.of_ids(tx, found) if not row.record_id] if found else []


def _words(said: Iterable[Values], bound: Sequence[Bound]) -> Iterator[str]:
    for values in said:
        yield from (str(values[name]) for name in _POINTS if values.get(name))
        for name in _MORE_POINTS:
            yield from (str(one) for one in values.get(name) or ())
    yield from (row.remote_id for row in bound if "@" in row.remote_id)


def _names(said: Iterable[Values]) -> Iterator[str]:
    for values in said:
        yield from (str(values[name]) for name in _NAMES if values.get(name))
        if values.get("first_name") and values.get("last_name"):
            yield f"{values['first_name']} {values['last_name']}"
