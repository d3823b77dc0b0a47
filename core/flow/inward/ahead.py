"""Reading ahead: the next pages of a tool are fetched while the present ones are kept.

    place ▶ small remote pages gathered into an intake page ▶ the caller keeps it ┊ meanwhile the next one is gathered

The threads that fetch are the process's own and are used again: a poll that finds nothing would spend a good part of
its time on starting and ending one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache

from core.calling import carried
from core.flow.hub import Hub, Stream
from core.model.instant import Instant
from core.ports import Cursor, Page, Reads

INTAKE = 1_000
"""Records that are taken in together; smaller pages of a tool are gathered up to this."""
LOOK = 0.25
"""Seconds between two looks at what cannot wait, while the tool is asked for the next page."""
_MOST = 64
"""Streams that are fetched from at the same time; those beyond wait for one another."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Remote pages joined into one, with when the first was asked for."""

    page: Page
    began_at: Instant


@cache
def readers() -> Executor:
    """The threads that fetch."""
    return ThreadPoolExecutor(_MOST, thread_name_prefix="read")


# A process that was forked off has none of them.
os.register_at_fork(after_in_child=readers.cache_clear)


def read_ahead(hub: Hub, stream: Stream, cursor: Cursor | None, meantime: Callable[[], None]) -> Generator[Gathered]:
    """Gathered pages, the next one being fetched while the caller keeps the present one, or sees to the `meantime`.

    Whoever stops asking waits until what is being fetched has come, so that nobody reads on after a turn.
    """
    connector: Reads = hub.open(stream.source)
    gather, threads = carried(_gather), readers()
    coming: Future[Gathered] | None = threads.submit(gather, hub, connector, stream, cursor)
    try:
        while coming is not None:
            while not coming.done():
                wait([coming], LOOK)
                if not coming.done():
                    meantime()
            gathered = coming.result()
            page = gathered.page
            coming = threads.submit(gather, hub, connector, stream, page.next) if page.more else None
            yield gathered
    finally:
        if coming is not None and not coming.cancel():
            wait([coming])


def _gather(hub: Hub, connector: Reads, stream: Stream, cursor: Cursor | None) -> Gathered:
    began_at = hub.clock()
    page = connector.read(stream.name, cursor)
    records, problems = list(page.records), list(page.problems)
    while page.more and len(records) < INTAKE:
        page = connector.read(stream.name, page.next)
        records.extend(page.records)
        problems.extend(page.problems)
    return Gathered(page._replace(records=records, problems=problems), began_at)
