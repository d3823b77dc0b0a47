"""Filling: calls are few where batches are full, so what would only begin another one waits for what is claimed next.

Of what is claimed a part is in step, and of the rest a last batch is half empty each time; a tool that counts calls is
asked more often than it need be. Refusals of consent wait for nobody. A tool that takes each change in a call of its
own has no batch to fill: it is given few at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from core.decide.route import Lane
from core.flow.hub import Connection
from core.flow.inward.rereading import chunks
from core.flow.outward.compare import Difference, Step
from core.store.outbox import Claimed

CHUNK = 1_000
"""Outbox rows worked at once: enough to fill the largest batches even if most turn out to be in step."""

FEW = 8
"""Changes given at once to a tool that takes them one by one: they are done within a fraction of a second."""


def at_once(connection: Connection, rank: int) -> int:
    """How many of a connection's outbox rows are worked at once: what waits for them is not to wait long."""
    taking = [one for one in connection.streams if one.rank == rank and one.policy.writes]
    return 10 * FEW if any(one.manifest.changes_singly for one in taking) else CHUNK


def batches(edits: Sequence[Difference]) -> Iterator[Sequence[Difference]]:
    """Edits of one stream as they are given to its tool, in their order."""
    manifest = edits[0].stream.manifest
    if not manifest.changes_singly:
        yield from chunks(edits, manifest.batch_size)
        return
    for created, group in groupby(edits, lambda one: one.step is Step.CREATE):
        yield from chunks(list(group), manifest.batch_size if created else min(FEW, manifest.batch_size))


def beyond_full(found: Sequence[Difference], rows: Mapping[int, Claimed]) -> set[int]:
    """The records whose edits would be sent in a batch that is not full; a stream's only batch is sent as it is."""
    place = {id_: number for number, id_ in enumerate(rows)}
    groups: dict[int, list[Difference]] = {}
    for one in sorted(found, key=lambda one: place[one.record.id]):
        if rows[one.record.id].lane != Lane.CONSENT:
            groups.setdefault(one.stream.id, []).append(one)
    over: set[int] = set()
    for group in groups.values():
        manifest = group[0].stream.manifest
        size = manifest.batch_size
        if not manifest.changes_singly and len(group) > size and (rest := len(group) % size):
            over |= {one.record.id for one in group[-rest:]}
    return over
