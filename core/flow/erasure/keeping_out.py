"""Keeping out: what a tool holds of somebody who was erased is known by its place, and by nothing else.

What our own create made is deleted as soon as it is found. About what somebody else has put there a person is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.decide.route import Lane
from core.flow.changes import Changes
from core.flow.hub import Hub, Stream
from core.model.claim import Claims
from core.model.instant import Instant
from core.model.shapes import KIND_ORDER
from core.store import Tx, bindings, erasures, forgetting, outbox, suppression
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, pack
from core.store.database import allocate
from core.store.erasures import At, Erasure, Place
from core.store.outbox import Mark
from core.store.reviews import Question


class Found(NamedTuple):
    """A record that a tool holds of somebody who was erased."""

    remote_id: str
    erasure: Erasure
    key: str | None = None
    """The key of our own create that made it; None where somebody else did."""


def keep_out(hub: Hub, tx: Tx, changes: Changes, stream: Stream, found: Sequence[Found]) -> None:
    """Bind these to the erased record without any of their data, and see that something is done about them."""
    if not found:
        return
    assert hub.suppressor is not None  # noqa: S101 - whoever found them has asked it
    now, why = changes.now, why_not(stream)
    looking = {one.key: one for one in erasures.looking(tx, [one.key for one in found if one.key])}
    rows: list[Bound] = []
    places: list[Place] = []
    changed: list[Place] = []
    for id_, one in zip(allocate(tx, "binding", len(found)), found, strict=True):
        ours = one.key is not None
        rows.append(_row(id_, stream, one.remote_id, one.erasure.record_id, now, goes=ours and not why))
        at = At.RETURNED if not ours else At.BY_HAND if why else At.WAITING
        known = looking.get(one.key) if ours else None
        place = known or Place(0, one.erasure.id, stream.connection_id, stream.id, None, None, at, None, now)
        place = place._replace(remote_id=one.remote_id, key=None, state=at, note=why or None if ours else None, at=now)
        (changed if known else places).append(place)
        suppression.add(tx, one.erasure.id, [hub.suppressor.of_place(stream.id, one.remote_id)])
        if at is At.WAITING:
            mark_for_deletion(tx, one.erasure.record_id, one.erasure.kind, {stream.connection_id}, now)
        else:
            changes.questions.append(question(stream.source, stream.name, stream.connection_id, one.erasure, at))
    bindings.insert(tx, rows)
    erasures.put_places(tx, places)
    erasures.change_places(tx, changed)
    erasures.close_finished(tx, {one.erasure.id for one in found}, now=now)


NOT_THERE = "the connection or its mapping is no longer there"
NOT_WRITTEN = "the connection may not be written"
NOT_DELETED = "the tool lets nobody delete from outside"
OURS = (NOT_THERE, NOT_WRITTEN, NOT_DELETED)
"""Why we do not even ask a tool: what the configuration says, and another one may say otherwise."""


def left_to_a_person(place: Place) -> bool:
    """Whether a tool refused to delete it: that one may show what it likes, and only a person's word counts."""
    return place.state == At.BY_HAND and place.note not in OURS


def why_not(stream: Stream | None) -> str:
    """Why we cannot delete there, '' where we can ask for it."""
    if stream is None:
        return NOT_THERE
    if not stream.policy.writes:
        return NOT_WRITTEN
    if not (stream.manifest.deletes or stream.manifest.erases):
        return NOT_DELETED
    return ""


def mark_for_deletion(tx: Tx, record_id: int, kind: str, connection_ids: set[int], now: Instant) -> None:
    """Have an erased record deleted in these connections, in the first lane and past the brake.

    Whoever asks to be erased is served first, and no brake holds it: it is a person's own act.
    """
    rank = KIND_ORDER.index(kind)
    outbox.mark(tx, [Mark(one, record_id, Lane.CONSENT, rank, now) for one in sorted(connection_ids)])
    outbox.let_out(tx, record_id, connection_ids)


def question(
    source: str, stream: str, connection_id: int, erasure: Erasure, at: At, note: str | None = None
) -> Question:
    """What a person is asked: to see to it in the tool, or what is to become of whoever turned up again."""
    subject = {"connection": source, "stream": stream, "erasure": erasure.id} | ({"note": note} if note else {})
    return Question(str(at), subject, connection_id=connection_id, record_id=erasure.record_id)


def _row(id_: int, stream: Stream, remote_id: str, record_id: int, now: Instant, *, goes: bool) -> Bound:
    nothing, empty = bindings.packed(Claims()), pack({})
    return Bound(
        id_, stream.id, remote_id, record_id, State.ERASED, UNKNOWN_DIGEST, None, None, now, None, nothing, empty,
        forgetting.wish(goes=goes), None, None,
    )  # fmt: skip
