"""Erasing: a person goes out of the hub in one transaction, and out of the tools by way of the outbox.

    person ▶ known again by keyed hashes ▶ where the tools hold it ▶ forgotten ▶ the ledger says so ▶ first lane

After the commit there is nothing in the hub to be sent any more, so whatever is under way meets an erased record and
stops. What a tool then answers is `core.flow.erasure.settling`'s business, and who turns up again `guarding`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import NamedTuple

import orjson

from core.decide.route import Lane
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.erasure.keeping_out import mark_for_deletion, question, why_not
from core.flow.erasure.person import Person, person_of
from core.flow.hub import Hub
from core.flow.refold import refold
from core.flow.refs import ref_fields
from core.flow.running import Run
from core.model.claim import Claims
from core.model.instant import Instant
from core.model.shapes import KIND_ORDER
from core.store import (
    Tx,
    bindings,
    erasures,
    forgetting,
    history,
    holds,
    keys,
    ledger,
    notices,
    outbox,
    records,
    requests,
    reviews,
    suppression,
)  # fmt: skip
from core.store.bindings import Bound, State
from core.store.codec import pack
from core.store.database import serialise
from core.store.erasures import At, Place
from core.store.forgetting_addresses import forget_addresses
from core.store.history import Entry
from core.store.outbox import Mark
from core.store.suppression import Suppressor

HELD = (State.BOUND, State.FILTERED, State.UNLINKED, State.RETRACTED, State.ERASED)
"""The states in which the tool may hold the record, whatever the hub makes of it."""


class Held(NamedTuple):
    """One record of the person in one tool, and what will become of it."""

    connection: str
    stream: str
    remote_id: str
    becomes: At
    note: str = ""


@dataclass(slots=True)
class Planned:
    """What an erasure would do, before anybody has agreed to it."""

    person: Person
    held: list[Held] = field(default_factory=list)
    entries: int = 0
    """Entries of the consent ledger that will be blanked."""
    told: int = 0
    """Entries of history that will be taken out."""
    refer: dict[str, list[int]] = field(default_factory=dict)
    """Kind → records that refer to the person; they stay."""


def plan(hub: Hub, record_id: int) -> Planned:
    """What erasing this record would do; nothing is changed. `ConfigError` where there is nobody to erase."""
    with hub.store.reading() as tx:
        person = person_of(hub, tx, record_id)
        planned = Planned(person, entries=len(_entries(tx, person)))
        planned.told = len(history.of_records(tx, person.record_ids))
        for row, at, note in _fates(hub, person):
            stream = hub.stream(row.stream_id)
            name = stream.name if stream else "?"
            planned.held.append(Held(hub.sources.get(row.stream_id, "?"), name, row.remote_id, at, note))
        planned.refer = refers_to(hub, tx, person)
    return planned


def erase(
    hub: Hub,
    record_id: int,
    *,
    reference: str | None = None,
    asked: bool = True,
    token: str | None = None,
    known: Collection[str] = (),
) -> int:
    """Erase whoever this record is; gives the number of the erasure. `ConfigError` where there is nobody to erase.

    `reference` is the admin's own number for the request; it should not name the person. Where nobody `asked` and it
    was only kept for long enough, whoever has the address may come back as somebody new. An erasure that is made again
    (`core.flow.erasure.again`) has the `token` it had, and hashes by which the person is `known` already.
    """
    if hub.suppressor is None:
        raise ConfigError("A copy of the hub erases nobody.", remedy="Run the command on the installation itself.")
    # The key is made at the first need, in a transaction of its own; so it is asked for before ours begins.
    hub.suppressor.of_key(0)
    with Run(hub, hub.own_id, "erase", subject={"record": record_id}) as run:
        with hub.store.writing(durable=True) as tx:
            serialise(tx, records.CHANGING)
            person = person_of(hub, tx, record_id)
            now = hub.clock()
            id_ = erasures.begin(
                tx, at=now, kind=person.record.kind, record_id=person.record.id, records=person.record_ids,
                run_id=run.id, token=token or token_hex(16), reference=reference,
            )  # fmt: skip
            suppression.add(tx, id_, [*_known_again(hub.suppressor, person, asked=asked), *known])
            counts = _forget(hub, tx, person, id_, now)
            counts["waiting_in"] = _forget_addresses(hub, tx, person, run.id, now)
            place = _enter(tx, person, id_, now)
            counts["consent_entry"] = len(place[1])
            history.append(tx, [Entry(person.record.id, now, run.id, None, "erased", pack(Claims().to_json()))])
            _mark(hub, tx, person, id_, now)
            erasures.note(tx, id_, counts={name: count for name, count in counts.items() if count}, place=place[0])
            erasures.close_finished(tx, [id_], now=now)
        run.counts = {"erased": len(person.record_ids)}
    return id_


def _known_again(suppressor: Suppressor, person: Person, *, asked: bool) -> Iterator[str]:
    if asked:
        yield from (suppressor.of_key(digest) for digest in person.leads | person.reach)
    yield from (suppressor.of_place(row.stream_id, row.remote_id) for row in person.bound)


def _fates(hub: Hub, person: Person) -> Iterator[tuple[Bound, At, str]]:
    """What becomes of each record in a tool; what was said in the hub itself, or by a form, goes without a word."""
    for row in person.bound:
        if hub.is_own(row.stream_id):
            continue
        if row.state not in HELD:
            yield row, At.GONE, ""
            continue
        stream = hub.stream(row.stream_id)
        note = why_not(stream)
        yield row, At.BY_HAND if note else At.WAITING, note


def _forget(hub: Hub, tx: Tx, person: Person, id_: int, now: Instant) -> dict[str, int]:
    """Take the person out, and write down where the tools still hold it; gives table → rows."""
    fates = list(_fates(hub, person))
    kept = {row.id: row for row, at, _ in fates if at in (At.WAITING, At.BY_HAND)}
    rows = [Place(0, id_, _connection_id(hub, row), row.stream_id, None, None, at, note or None, now)
            ._replace(remote_id=row.remote_id if row.id in kept else None) for row, at, note in fates]  # fmt: skip
    creates = forgetting.forget_sent(tx, person.record_ids)
    rows += [Place(0, id_, connection, stream, None, key, At.LOOKING, None, now) for key, connection, stream in creates]
    erasures.put_places(tx, rows)
    counts = forgetting.forget_records(tx, person.record_ids, now=now)
    counts["key"] += forgetting.forget_bindings(tx, person.bound)
    going = {row.id for row, at, _ in fates if at is At.WAITING}
    forgetting.blank_bindings(tx, list(kept.values()), person.record.id, going)
    bindings.delete(tx, [row.id for row in person.bound if row.id not in kept])
    counts["binding"] = len(person.bound)
    counts["hold"] = holds.forget(tx, person.record_ids)
    counts["request"] = requests.forget(tx, person.record_ids, person.words, id_)
    counts["webhook"] = notices.forget(tx, {(row.stream_id, row.remote_id) for row in person.bound}, person.words)
    for name, count in forgetting.forget_words(tx, person.record_ids, person.words).items():
        counts[name] = counts.get(name, 0) + count
    _let_go_on(hub, tx, forgetting.forget_questions(tx, person.record_ids, person.words, now=now), now)
    if person.linked:
        spoke = [row.id for row in person.bound]
        words = person.words | person.names
        counts["history"] += forgetting.forget_in_history(tx, person.linked, spoke, words)
    return counts


def _forget_addresses(hub: Hub, tx: Tx, person: Person, run_id: int, now: Instant) -> int:
    """Nobody waits for the person any more; an address that somebody living shares with them is that one's now."""
    shared = {digest for digest, _ in keys.live_holders(tx, person.leads)} if person.leads else set()
    referring = [id_ for ids in refers_to(hub, tx, person).values() for id_ in ids]
    count = forget_addresses(tx, person.leads - shared, referring)
    changes = Changes(now, run_id, stirred=shared)
    refold(hub, tx, changes, [], cause="live")
    changes.write(tx)
    return count


def _let_go_on(hub: Hub, tx: Tx, record_ids: Collection[int], now: Instant) -> None:
    """Whoever waited for an answer about the person waits no longer."""
    kinds = records.kinds(tx, record_ids) if record_ids else {}
    outbox.mark(
        tx,
        [
            Mark(one.id, id_, Lane.LIVE, KIND_ORDER.index(kind), now)
            for id_, kind in kinds.items()
            for one in hub.connections.values()
            if one.writes(kind)
        ],
    )


def _connection_id(hub: Hub, row: Bound) -> int:
    stream = hub.stream(row.stream_id)
    return stream.connection_id if stream else 0


def _enter(tx: Tx, person: Person, id_: int, now: Instant) -> tuple[int | None, list[int]]:
    """Blank what the ledger says of the person, and enter that this was an erasure; gives its place, and theirs."""
    places = ledger.forget(tx, _entries(tx, person))
    if not places:
        return None, places
    told = {"at": now, "cause": "erased", "erased": places, "erasure": id_, "form": 1, "record": person.record.id}
    place = ledger.size(tx)
    ledger.append(tx, [(person.record.id, orjson.dumps(told, option=orjson.OPT_SORT_KEYS))])
    return place, places


def _entries(tx: Tx, person: Person) -> list[int]:
    """The places of what was said about the person's consent, also while it was taken for somebody else's."""
    own = [row.place for row in ledger.of_records(tx, person.record_ids)]
    spoke = {row.id for row in person.bound}
    words = person.words | person.names
    for row in ledger.of_records(tx, person.linked) if person.linked else ():
        told = row.told
        if told.get("binding") in spoke or forgetting.names(told, words):
            own.append(row.place)
    return own


def _mark(hub: Hub, tx: Tx, person: Person, id_: int, now: Instant) -> None:
    """Have the tools delete it that can; about the others a person is asked."""
    places = erasures.places_of(tx, [id_])
    waiting = {one.connection_id for one in places if one.state == At.WAITING}
    mark_for_deletion(tx, person.record.id, person.record.kind, waiting, now)
    erasure = erasures.one(tx, id_)
    assert erasure is not None  # noqa: S101 - it was just written down
    left = {(one.connection_id, one.stream_id) for one in places if one.state == At.BY_HAND}
    asked = [
        question(hub.sources.get(stream_id, "?"), stream.name if (stream := hub.stream(stream_id)) else "?", id_,
                 erasure, At.BY_HAND)
        for id_, stream_id in sorted(left)
    ]  # fmt: skip
    reviews.ask(tx, asked, now=now)


def refers_to(hub: Hub, tx: Tx, person: Person) -> dict[str, list[int]]:
    """The records of other kinds that refer to the person: a scan, since hardly anybody asks."""
    found: dict[str, list[int]] = {}
    ids = set(person.record_ids)
    for kind, shape in hub.shapes.items():
        names = [name for name in ref_fields(hub, kind) if shape.fields[name].of == person.record.kind]
        if not names:
            continue
        mine = [id_ for id_, values in records.referring(tx, kind, ids) if _refers(values, names, ids)]
        if mine:
            found[kind] = mine
    return found


def _refers(values: dict[str, object], names: list[str], ids: set[int]) -> bool:
    for name in names:
        value = values.get(name)
        if not ids.isdisjoint(value if isinstance(value, list) else [value]):
            return True
    return False
