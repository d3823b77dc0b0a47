"""Deciding: a person's word about what the hub cannot settle by itself after an erasure."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ConfigError, ToolError
from core.flow.erasure.keeping_out import mark_for_deletion, why_not
from core.flow.hub import Hub
from core.flow.inward.rereading import read_again
from core.flow.running import Run
from core.model.instant import Instant
from core.store import Tx, bindings, erasures, forgetting, suppression
from core.store.erasures import At, Erasure, Place
from core.store.reviews import Review


def confirm(hub: Hub, review: Review) -> None:
    """A person has seen to it in the tool."""
    with hub.store.writing() as tx:
        _, places = _asked(tx, review, At.BY_HAND)
        _close(tx, places, At.CONFIRMED, now=hub.clock())


def erase_there(hub: Hub, review: Review) -> None:
    """Whoever turned up is deleted there, too. `ConfigError` where we cannot."""
    with hub.store.writing() as tx:
        erasure, places = _asked(tx, review, At.RETURNED)
        for one in places:
            if note := why_not(hub.stream(one.stream_id)):
                raise ConfigError(f"It cannot be deleted there: {note}.", remedy="Delete it in the tool itself.")
            rows = bindings.of_remotes(tx, one.stream_id, [str(one.remote_id)]).values()
            bindings.update(tx, [row._replace(packed_told=forgetting.wish(goes=True)) for row in rows])
        now = hub.clock()
        erasures.change_places(tx, [one._replace(state=At.WAITING, at=now) for one in places])
        mark_for_deletion(tx, erasure.record_id, erasure.kind, {review.connection_id}, now)


def admit(hub: Hub, run: Run, review: Review) -> None:
    """They came back by themselves: whatever turned up anywhere is taken in, as somebody new.

    What was erased stays so; only by their addresses and numbers they are no longer kept out.
    """
    with hub.store.writing() as tx:
        erasure, _ = _asked(tx, review, At.RETURNED)
        places = [one for one in erasures.places_of(tx, [erasure.id]) if one.state == At.RETURNED]
        suppression.lift(tx, erasure.id)
        _close(tx, places, At.ADMITTED, now=hub.clock())
    for one in places:
        stream = hub.stream(one.stream_id)
        if stream is not None and one.remote_id:
            try:
                read_again(hub, stream, [one.remote_id], run_id=run.id)
            except ToolError:
                # A tool that cannot be asked now shows them at its next whole walk.
                continue


def _asked(tx: Tx, review: Review, at: At) -> tuple[Erasure, list[Place]]:
    """The erasure that a review is about, and its places in that connection that are asked about."""
    erasure = erasures.about(tx, [review.record_id]).get(review.record_id)
    if erasure is None:
        raise ConfigError("This review is about no erasure.", id=review.id)
    places = erasures.places_of(tx, [erasure.id])
    return erasure, [one for one in places if one.state == at and one.connection_id == review.connection_id]


def _close(tx: Tx, places: Sequence[Place], at: At, *, now: Instant) -> None:
    for one in places:
        if one.remote_id:
            held = bindings.of_remotes(tx, one.stream_id, [one.remote_id])
            bindings.delete(tx, [row.id for row in held.values()])
    erasures.change_places(tx, [one._replace(remote_id=None, key=None, state=at, at=now) for one in places])
