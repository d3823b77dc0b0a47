"""Tracing: from which runs and webhooks the edits of a call come, and what is told of the call afterwards.

The outbox holds no edits and so no origins; the history says which run changed a record last, and that is what a write
follows from. It is asked once a call, and only where somebody listens; a first load is not followed record by record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from core import signals
from core.decide.route import Lane
from core.flow.hub import Hub, Stream
from core.flow.outward.booking import Sent
from core.flow.outward.compare import Difference
from core.model.instant import DAY, SECOND
from core.signals import Origin, Span
from core.store import runs
from core.store.outbox import Claimed
from core.store.runs import Cause

_LATE = DAY
"""What is written later than this is mended by a reconcile, or was refused in between; it is no delay of the hub's."""


def causes_of(hub: Hub, chunk: Sequence[Difference], rows: Mapping[int, Claimed]) -> dict[int, Cause]:
    """Record id → what the edit of it follows from; empty where nobody listens."""
    live = [one for one in chunk if rows[one.record.id].lane != Lane.BACKFILL] if signals.heard() else []
    if not live:
        return {}
    with hub.store.reading() as tx:
        found = runs.causes(tx, {one.record.id for one in live})
    since = {one.record.id: one.bound.wrote_at or 0 for one in live if one.bound is not None}
    now = hub.clock()
    return {id_: one for id_, one in found.items() if one.at >= max(since.get(id_, 0), now - _LATE)}


def sending(stream: Stream, causes: Collection[Cause], run_id: int | None) -> Span:
    """The span of one call; it follows from everything that its edits come from."""
    after = sorted({(one.run_id, one.webhook_id) for one in causes}, key=lambda one: one[0])
    origins = [Origin(*one) for one in after]
    return signals.span("send", after=origins, connection=stream.source, stream=stream.name, run=run_id)


def tell_sent(hub: Hub, stream: Stream, span: Span, sent: Sequence[Sent], causes: Mapping[int, Cause]) -> None:
    """Tell what became of the edits, and how long it took since the webhooks that they come from."""
    if not signals.heard():
        return
    outcomes = Counter((str(one.edit.verb), _outcome(one)) for one in sent)
    for (verb, outcome), number in outcomes.items():
        signals.tell("written", connection=stream.source, verb=verb, outcome=outcome, number=number)
    span.note(edits=len(sent), refused=sum(one.receipt.error is not None for one in sent))
    now = hub.clock()
    for one in sent:
        cause = causes.get(one.row.record_id)
        if cause is not None and cause.came_at is not None and one.receipt.error is None:
            signals.tell("arrived", connection=stream.source, seconds=max(0, now - cause.came_at) / SECOND)


def _outcome(one: Sent) -> str:
    return "done" if one.receipt.error is None else one.receipt.error.error_code
