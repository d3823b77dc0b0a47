"""Filling: calls are few where batches are full, so what would only begin another one waits for what is claimed next.

Of what is claimed a part is in step, and of the rest a last batch is half empty each time; a tool that counts calls is
asked more often than it need be. Refusals of consent wait for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.decide.route import Lane
from core.flow.outward.compare import Difference
from core.store.outbox import Claimed


def beyond_full(found: Sequence[Difference], rows: Mapping[int, Claimed]) -> set[int]:
    """The records whose edits would be sent in a batch that is not full; a stream's only batch is sent as it is."""
    place = {id_: number for number, id_ in enumerate(rows)}
    groups: dict[int, list[Difference]] = {}
    for one in sorted(found, key=lambda one: place[one.record.id]):
        if rows[one.record.id].lane != Lane.CONSENT:
            groups.setdefault(one.stream.id, []).append(one)
    over: set[int] = set()
    for group in groups.values():
        size = group[0].stream.manifest.batch_size
        if len(group) > size and (rest := len(group) % size):
            over |= {one.record.id for one in group[-rest:]}
    return over
