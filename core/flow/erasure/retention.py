"""Keeping no longer than needed: which records are due by the schedule. No tool is called."""

from __future__ import annotations

from collections.abc import Iterator

from core.decide.retention import Retention, is_due
from core.flow.hub import Hub
from core.store import records
from core.store.records import Record

_PAGE = 1_000


def due(hub: Hub, rule: Retention) -> Iterator[Record]:
    """The live records of a kind that have been kept for long enough, in the order they came."""
    last, now = 0, hub.clock()
    while True:
        with hub.store.reading() as tx:
            page = records.after(tx, last, [rule.kind], _PAGE)
        if not page:
            return
        last = page[-1].id
        yield from (one for one in page if is_due(one.values, one.updated_at, rule, now))
