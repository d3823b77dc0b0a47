"""What forms brought lately, and what they are counted by: a post that comes twice is one lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, or_, select

from core.model.instant import DAY, Instant
from core.store import runs
from core.store.codec import dumps, loads
from core.store.database import among, serialise
from core.store.tables import binding, history, lead

KEPT = DAY
"""After that long a post is known by its record alone."""

_COUNTS = "counts of form {}"


class Known(NamedTuple):
    """A post that was taken in."""

    key: str
    fingerprint: int
    at: Instant


class Shown(NamedTuple):
    """A record that a run saw for the first time."""

    run_id: int
    stream_id: int
    remote_id: str
    record_id: int


def shown(tx: Connection, run_ids: Collection[int]) -> list[Shown]:
    """What these runs brought: of a lead the person, by its key, and the note; one statement."""
    c = history.c
    query = select(c.run_id, binding.c.stream_id, binding.c.remote_id, binding.c.record_id)
    query = query.join(binding, binding.c.id == c.binding_id).where(among(tx, c.run_id, run_ids), c.what == "seen")
    return [Shown(*row) for row in tx.execute(query)]


def known(tx: Connection, stream_id: int, key: str, fingerprint: int, *, since: Instant) -> Known | None:
    """The post with this key, else the newest with the same words that came `since` then; one statement."""
    c = lead.c
    same = (c.fingerprint == fingerprint) & (c.at >= since)
    query = select(c.key, c.fingerprint, c.at).where(c.stream_id == stream_id, or_(c.key == key, same))
    found = [Known(*row) for row in tx.execute(query.order_by(c.at))]
    return next((one for one in found if one.key == key), found[-1] if found else None)


def note(tx: Connection, stream_id: int, one: Known) -> None:
    """Keep a post, and forget those that are old."""
    tx.execute(delete(lead).where(lead.c.at < one.at - KEPT))
    tx.execute(lead.insert().values(stream_id=stream_id, **one._asdict()))


def counts(tx: Connection, form: str) -> dict[str, Any]:
    """What was counted of a form: numbers by name, and below `unknown` the words that no vocabulary knows."""
    kept = runs.fact(tx, _COUNTS.format(form))
    return loads(kept) if kept else {}


def count(tx: Connection, form: str, *, more: Mapping[str, int], word: str | None = None) -> None:
    """Count these, and perhaps an unknown word. Only so many different words are kept apart."""
    serialise(tx, _COUNTS.format(form))
    told = counts(tx, form)
    for name, number in more.items():
        told[name] = told.get(name, 0) + number
    if word is not None:
        unknown = told.setdefault("unknown", {})
        place = word if word in unknown or len(unknown) < _WORDS else "…"
        unknown[place] = unknown.get(place, 0) + 1
    runs.put_fact(tx, _COUNTS.format(form), dumps(told))


_WORDS = 100
