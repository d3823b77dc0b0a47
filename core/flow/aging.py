"""Aging: what the hub keeps of what it has done gets old, and goes by and by (`keep` in the configuration).

Small slices, one of each kind a round, so that no turn ever waits for it; how far it has come is a fact. Where nothing
is old, a round costs one statement, and each hour one a kind more. What history was told with until when is a fact,
too: the runs before that are not undone any more.
"""

from __future__ import annotations

from typing import Any

from core.decide.condensing import condense
from core.flow.hub import Hub
from core.model.instant import HOUR, Instant
from core.store import Tx, aging, authorizations, records, runs
from core.store.codec import dumps, loads
from core.store.database import serialise

SLICE = 500
"""Rows looked at together: some milliseconds."""
AGING = "aging"
"""The fact: how far each walk has come, and when the next look is due."""
EVERY = HOUR
_GOING = ("deliveries", "runs", "plans")


def age(hub: Hub) -> dict[str, int]:
    """One slice of what is due; gives how many rows went, by word of `keep`."""
    now = hub.clock()
    with hub.store.reading() as tx:
        kept = runs.fact(tx, AGING)
        told: dict[str, Any] = loads(kept) if kept else {"next": 0, "places": {}}
        if told["next"] > now:
            return {}
        look = _look(hub, tx, told["places"], now)
    if not look:
        _rest(hub, told, now)
        return {}
    gone: dict[str, int] = {}
    with hub.store.writing() as tx:
        serialise(tx, records.CHANGING)
        for word, (before, place) in look.items():
            found = aging.old(tx, aging.TABLES[word], after=place, before=before, limit=SLICE)
            if word == "history":
                # Before the first entry goes: what the promise is to be known even if this is broken off.
                told["told_until"] = max(told.get("told_until", 0), before)
                gone[word] = _condense(tx, found.ids, before)
            else:
                gone[word] = aging.drop(tx, aging.TABLES[word], found.ids)
            told["places"][word] = found.last
        runs.put_fact(tx, AGING, dumps(told))
    return {word: number for word, number in gone.items() if number}


def undoable_since(tx: Tx) -> Instant:
    """From when on runs can be undone: what is older is not told edit by edit any more."""
    kept = runs.fact(tx, AGING)
    return int(loads(kept).get("told_until", 0)) if kept else 0


def _look(hub: Hub, tx: Tx, places: dict[str, int], now: Instant) -> dict[str, tuple[Instant, int]]:
    """Word → before when it is old and how far the walk has come, of that of which something is old."""
    found: dict[str, tuple[Instant, int]] = {}
    for word in ("history", *_GOING):
        before, place = getattr(hub.keeping, word).before(now), places.get(word, 0)
        if before is not None and aging.old(tx, aging.TABLES[word], after=place, before=before, limit=1).ids:
            found[word] = (before, place)
    return found


def _condense(tx: Tx, ids: list[int], before: Instant) -> int:
    condensed = [one for entries in aging.histories(tx, ids).values() for one in condense(entries, before)]
    return aging.retell(tx, condensed)


def _rest(hub: Hub, told: dict[str, Any], now: Instant) -> None:
    """Nothing is old for a while. What waited for somebody who never came back goes, too: secrets may be in it."""
    with hub.store.writing() as tx:
        authorizations.forget(tx, now)
        runs.put_fact(tx, AGING, dumps(told | {"next": now + EVERY}))
