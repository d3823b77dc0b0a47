"""Saying: what a person says in the hub is a claim like any tool's, and an answer to a review is such a word.

The hub is a connection of its own (`core.flow.hub.HUB`), so a person's words stand in the same history, are folded
by the same rules, and can be explained and taken back like all others.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.decide.route import Lane
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.hub import HUB, Hub
from core.flow.merging import merge
from core.flow.pausing import take_up
from core.flow.pull import release
from core.flow.refold import Heard, Work, load_works, refold
from core.model.claim import Claim, Claims, Evidence, Stamp
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, records, reviews
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, pack
from core.store.database import allocate
from core.store.records import State as RecordState
from core.store.reviews import Review


def say(hub: Hub, record_id: int, values: Mapping[str, Json]) -> None:
    """A person's word for some fields of a record; None clears. `ConfigError` for what is no value of its field."""
    changes = Changes(hub.clock())
    with hub.store.writing(durable=True) as tx:
        works = load_works(hub, tx, [record_id])
        if record_id not in works:
            raise ConfigError(f"There is no record {record_id}.", remedy="Look it up with `concord why KIND KEY`.")
        _said(hub, tx, changes, works[record_id], values)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)


def _said(hub: Hub, tx: Tx, changes: Changes, work: Work, values: Mapping[str, Json]) -> None:
    stamp = Stamp(changes.now, changes.now, Evidence.FIELD_HISTORY)
    claims = {name: Claim(value, stamp) for name, value in _normal(hub, work, values).items()}
    stream_id = next(id_ for id_, kind in hub.own_streams.items() if kind == work.record.kind)
    own = bindings.of_remotes(tx, stream_id, [str(work.record.id)]).get(str(work.record.id))
    present = own.claims if own else Claims()
    renewed = present.renewed(claims)
    packed = bindings.packed(renewed)
    if own:
        row = own._replace(packed_claims=packed, read_at=changes.now)
        changes.bindings[row.id] = row
    else:
        (id_,) = allocate(tx, "binding", 1)
        row = Bound(
            id_, stream_id, str(work.record.id), work.record.id, State.BOUND, UNKNOWN_DIGEST, None, None, changes.now,
            None, packed, pack({}), None, None, None,
        )  # fmt: skip
        changes.new_bindings.append(row)
    work.say(row, HUB, renewed)
    work.heard.append(Heard("heard", Claims.of(claims), row.id))


def _normal(hub: Hub, work: Work, values: Mapping[str, Json]) -> dict[str, Json]:
    fields = hub.shapes[work.record.kind].fields
    normal: dict[str, Json] = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(f"A {work.record.kind} has no field '{name}'.", remedy=f"It has {', '.join(fields)}.")
        try:
            normal[name] = fields[name].normaliser(hub.locale)(value)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}.") from error
    return normal


def answer(hub: Hub, review: Review, word: str, value: Json = None) -> None:
    """Answer a review; `answers` lists the words it takes. Raises `ConfigError` for any other."""
    if word not in answers(review):
        raise ConfigError(f"This review takes {', '.join(answers(review))}.", id=review.id)
    match review.what, word:
        case (("ask" | "frozen"), "value"):
            say(hub, review.record_id, {review.field: value})
        case "ambiguous", "same":
            _join(hub, review, value)
        case "brake", "release":
            release(hub, review)
        case "delete", ("delete" | "keep"):
            _decide_deletion(hub, review, word)
        case "connection", "resume":
            with hub.store.writing() as tx:
                take_up(tx, review.connection_id, now=hub.clock())
    with hub.store.writing() as tx:
        reviews.close_ids(tx, [review.id], now=hub.clock(), answer=word)
        if review.record_id:
            _look_everywhere(hub, tx, review.record_id)


def _look_everywhere(hub: Hub, tx: Tx, record_id: int) -> None:
    """What was held back for a question may go out now."""
    kinds = records.kinds(tx, [record_id])
    changes = Changes(hub.clock())
    for kind in kinds.values():
        ids = [one.id for one in hub.connections.values() if one.writes(kind)]
        changes.mark(ids, record_id, Lane.LIVE, KIND_ORDER.index(kind))
    changes.write(tx)


def answers(review: Review) -> tuple[str, ...]:
    """The words a review takes."""
    return {
        "ask": ("value",),
        "frozen": ("value", "leave"),
        "ambiguous": ("same", "different"),
        "duplicate": ("noted",),
        "brake": ("release", "reject"),
        "delete": ("delete", "keep"),
        "connection": ("resume",),
    }.get(review.what, ("noted",))


def _join(hub: Hub, review: Review, into: Json) -> None:
    """The newcomer is one of the candidates after all."""
    candidates = review.subject.get("candidates", [])
    if into not in candidates:
        raise ConfigError(f"Say which record it is: {', '.join(str(one) for one in candidates)}.", id=review.id)
    changes = Changes(hub.clock())
    with hub.store.writing(durable=True) as tx:
        works: dict[int, Work] = {}
        merge(hub, tx, changes, [(review.record_id, into)], works)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)


def _decide_deletion(hub: Hub, review: Review, word: str) -> None:
    """A record went from one tool: follow it everywhere, or put it back there."""
    changes = Changes(hub.clock())
    connection = hub.connections[review.connection_id]
    with hub.store.writing(durable=True) as tx:
        works = load_works(hub, tx, [review.record_id])
        work = works[review.record_id]
        if word == "delete":
            work.state = RecordState.DELETED
        for row in bindings.of_records(tx, [review.record_id], connection.stream_ids):
            if word == "keep" and row.state == State.GONE:
                changes.bindings[row.id] = row._replace(state=State.RELEASED)
        work.touched.add(connection.name)
        refold(hub, tx, changes, [work], cause="live")
        changes.write(tx)
