"""Replay: what was given up is tried again, and the present is folded again from history."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.decide.fold import fold
from core.decide.route import Lane
from core.flow.hub import Connection, Hub
from core.model.claim import Claims, Voice
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, deliveries, history, outbox, records
from core.store.outbox import Mark


def replay(hub: Hub, connection: Connection, *, code: str | None = None) -> int:
    """Send a connection's dead letters again, only those with `code` where given; gives how many."""
    with hub.store.writing() as tx:
        letters = deliveries.dead_letters(tx, connection_id=connection.id, code=code)
        ids = [letter.record_id for letter in letters]
        deliveries.unbury(tx, connection.id, ids)
        kinds = records.kinds(tx, ids)
        now = hub.clock()
        outbox.mark(tx, [Mark(connection.id, id_, Lane.LIVE, KIND_ORDER.index(kinds[id_]), now) for id_ in kinds])
    return len(letters)


def folded_again(hub: Hub, tx: Tx, record_ids: Collection[int]) -> dict[int, Mapping[str, Json]]:
    """Record id → the values that its history alone gives, for proof that nothing else made them."""
    found = records.load(tx, record_ids)
    sources = {row.id: hub.sources.get(row.stream_id, "?") for row in bindings.of_records(tx, record_ids)}
    voices: dict[int, dict[int, Voice]] = {id_: {} for id_ in found}
    for entry in history.of_records(tx, record_ids):
        if entry.record_id not in voices:
            continue
        said = voices[entry.record_id]
        if entry.what == "merged":
            # Everything that was said went to the other record, whose own history begins with it.
            said.clear()
        if entry.binding_id is None:
            continue
        voice = said.get(entry.binding_id) or Voice(sources.get(entry.binding_id, "?"), Claims())
        if entry.what in ("seen", "heard"):
            claims = voice.claims.renewed(dict(Claims.from_json(entry.delta).items()))
            said[entry.binding_id] = Voice(voice.source, claims)
        elif entry.what == "mapped":
            said[entry.binding_id] = Voice(voice.source, Claims.from_json(entry.delta), voice.retired)
        elif entry.what == "gone":
            said[entry.binding_id] = Voice(voice.source, voice.claims, retired=True)
    return {
        id_: fold(hub.shapes[record.kind], hub.rules, tuple(voices[id_].values())).values
        for id_, record in found.items()
    }
