"""Upkeep: at the beginning of a connection's turn, what is open there of erasures is brought forward.

A lost outbox row does no harm; what may be written by now is no longer left to a person; and what a person has
deleted by hand is found to be gone, once a day.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import Unsupported
from core.flow.erasure.keeping_out import left_to_a_person, mark_for_deletion, why_not
from core.flow.erasure.settling import close_moot, settle
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.rereading import fetched
from core.model.instant import DAY
from core.store import Tx, bindings, erasures, forgetting, outbox, records
from core.store.erasures import At, Place


def bring_forward(hub: Hub, connection: Connection) -> None:
    """See to every place of this connection at which something is open; nothing where there is none."""
    with hub.store.reading() as tx:
        places = erasures.open_in(tx, connection.id)
        lost = _unmarked(tx, connection, places) if places else []
    if not places:
        return
    _take_over(hub, connection, [one for one in places if one.state == At.BY_HAND])
    if lost:
        with hub.store.writing() as tx:
            for id_, kind in records.kinds(tx, lost).items():
                mark_for_deletion(tx, id_, kind, {connection.id}, hub.clock())
    _look(hub, [one for one in places if one.state in (At.BY_HAND, At.RETURNED)])


def _unmarked(tx: Tx, connection: Connection, places: Sequence[Place]) -> list[int]:
    """Erased records that wait to be deleted there and have no row in the outbox."""
    waiting = {one.erasure_id for one in places if one.state == At.WAITING}
    ids = {one.record_id for id_ in waiting if (one := erasures.one(tx, id_)) is not None}
    marked = {record_id for id_, record_id in outbox.due_records(tx, ids) if id_ == connection.id}
    return sorted(ids - marked)


def _take_over(hub: Hub, connection: Connection, places: Sequence[Place]) -> None:
    """What was left to a person because it could not be written, and can be by now."""
    ours = [one for one in places if one.remote_id and not left_to_a_person(one)]
    able = [one for one in ours if not why_not(hub.stream(one.stream_id))]
    if not able:
        return
    now = hub.clock()
    with hub.store.writing() as tx:
        for one in able:
            rows = bindings.of_remotes(tx, one.stream_id, [str(one.remote_id)]).values()
            bindings.update(tx, [row._replace(packed_told=forgetting.wish(goes=True)) for row in rows])
            erasure = erasures.one(tx, one.erasure_id)
            if erasure is not None:
                mark_for_deletion(tx, erasure.record_id, erasure.kind, {connection.id}, now)
        erasures.change_places(tx, [one._replace(state=At.WAITING, note=None, at=now) for one in able])
        close_moot(tx, {one.erasure_id for one in able}, now=now)


def _look(hub: Hub, places: Sequence[Place]) -> None:
    """Whether what is left to people is still there; each is looked at once a day."""
    now = hub.clock()
    due: dict[int, tuple[Stream, list[Place]]] = {}
    for one in places:
        stream = hub.stream(one.stream_id)
        if stream is None or not stream.manifest.reads or left_to_a_person(one):
            continue
        if one.remote_id and one.at <= now - DAY:
            due.setdefault(stream.id, (stream, []))[1].append(one)
    for stream, waiting in due.values():
        try:
            seen = fetched(hub, stream, [str(one.remote_id) for one in waiting])
        except Unsupported:
            continue
        gone = {one.id for one in seen if one.deleted}
        with hub.store.writing() as tx:
            settle(tx, list(bindings.of_remotes(tx, stream.id, gone).values()), At.GONE, now=now)
            # What is still there is looked at again tomorrow.
            erasures.change_places(tx, [one._replace(at=now) for one in waiting if one.remote_id not in gone])
