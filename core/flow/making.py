"""Making: a record that the hub itself sets down, such as the task of a follow-through step.

It is the hub's word like what a person says there (`core.flow.saying`): a claim in the hub's own connection, heard by
every tool that takes such records, told in history, and undone like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.decide.fold import alone
from core.decide.keys import keys_of, reach_of
from core.decide.route import hearers, lane
from core.decide.words import words_of
from core.flow.changes import Changes
from core.flow.consent.recording import of_newcomer
from core.flow.hub import HUB, Hub
from core.model.claim import Claim, Claims, Evidence, Stamp
from core.model.consent import Occasion
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, records
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, pack
from core.store.database import allocate
from core.store.records import Record


def make_each(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    kind: str,
    many: Sequence[Mapping[str, Json]],
    *,
    ids: Sequence[int] | None = None,
) -> Sequence[int]:
    """Set records of a kind down with these values, in normal form; gives their numbers, for two statements in all.

    The caller writes the changes. `ids` are numbers that were allocated before.
    """
    if not many:
        return ()
    ids = allocate(tx, "record", len(many)) if ids is None else ids
    binding_ids = allocate(tx, "binding", len(many))
    for record_id, binding_id, values in zip(ids, binding_ids, many, strict=True):
        _make(hub, changes, kind, values, record_id, binding_id)
    return ids


def _make(hub: Hub, changes: Changes, kind: str, values: Mapping[str, Json], record_id: int, binding_id: int) -> None:
    now, shape = changes.now, hub.shapes[kind]
    stamp = Stamp(now, now, Evidence.FIELD_HISTORY)
    claims = Claims.of({name: Claim(value, stamp) for name, value in values.items()})
    standing = alone(shape, hub.rules, claims.values)
    stream_id = next(id_ for id_, own in hub.own_streams.items() if own == kind)
    changes.new_records.append(Record(record_id, kind, records.raw(standing), records.State.LIVE, None, 1, now, now))
    changes.new_bindings.append(
        Bound(
            binding_id, stream_id, str(record_id), record_id, State.BOUND, UNKNOWN_DIGEST, None, None, now, None,
            bindings.packed(claims), pack({}), None, None, None,
        )
    )  # fmt: skip
    changes.tell(record_id, "seen", pack(claims.to_json()), binding_id)
    occasion = Occasion(record_id, binding_id, HUB, "seen", now, changes.run_id)
    changes.consents.extend(of_newcomer(shape.consents, claims, occasion))
    changes.keys += [(key.digest, record_id) for key in keys_of(kind, standing, hub.blocks)]
    changes.keys += [(digest, record_id) for digest in reach_of(kind, standing, hub.blocks)]
    changes.words += [(word, record_id) for word in words_of(shape, standing)]
    heard = {one.name: one for one in hub.connections.values()}
    told = [heard[name] for name in hearers(kind, None, hub.hearers) if name in heard]
    takes = [one.id for one in told if not one.chooses(kind) or one.stream_for(kind, standing) is not None]
    changes.mark(takes, record_id, int(lane(kind, None)), KIND_ORDER.index(kind))
