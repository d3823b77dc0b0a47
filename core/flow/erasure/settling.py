"""Settling: what a tool answers to an erasure is noted, and the last that the hub knew of the place is dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.model.instant import Instant
from core.store import Tx, bindings, erasures, reviews
from core.store.bindings import Bound
from core.store.erasures import At, Place


def settle(tx: Tx, rows: Sequence[Bound], at: At, *, now: Instant, note: str | None = None) -> None:
    """These bindings of erased records are seen to; may be repeated."""
    by_stream: dict[int, list[str]] = {}
    for row in rows:
        by_stream.setdefault(row.stream_id, []).append(row.remote_id)
    found = [one for id_, ids in by_stream.items() for one in erasures.at_remotes(tx, id_, ids).values()]
    _close(tx, found, at, now=now, note=note)
    bindings.delete(tx, [row.id for row in rows])


def looked_for(tx: Tx, keys: Collection[str], at: At, *, now: Instant, note: str | None = None) -> None:
    """It is known what became of these creates of ours, whose answer was lost when the person was erased."""
    found = erasures.looking(tx, keys)
    _close(tx, found, at, now=now, note=note)


def _close(tx: Tx, places: Sequence[Place], at: At, *, now: Instant, note: str | None) -> None:
    rows = [one._replace(remote_id=None, key=None, state=at, note=note, at=now) for one in places]
    erasures.change_places(tx, rows)
    asked = [one for one in places if one.state in (At.BY_HAND, At.RETURNED)]
    if asked:
        close_moot(tx, {one.erasure_id for one in asked}, now=now)


def close_moot(tx: Tx, erasure_ids: Collection[int], *, now: Instant) -> None:
    """Nobody need be asked any more where nothing is left of what was asked about."""
    left = {(one.connection_id, one.state) for one in erasures.places_of(tx, erasure_ids)}
    found = [one for id_ in erasure_ids if (one := erasures.one(tx, id_)) is not None]
    about = reviews.about(tx, [one.record_id for one in found])
    moot = [one.id for one in about if (one.connection_id, one.what) not in left]
    reviews.close_ids(tx, moot, now=now, answer="nothing is left there")
