"""Pull: backfill, poll and resume are one walk from different checkpoints.

    checkpoint ▶ connector.read ▶ inbound (data and checkpoint in one transaction) ▶ … ▶ what is missing is gone

Small remote pages are gathered into intake pages, and the next one is fetched while the present one is kept. A whole
walk is a *generation*; only a completed one that passes its count check may conclude that something is gone, and a
direct read confirms it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from core.calling import calling
from core.decide.route import Lane
from core.errors import CursorExpired
from core.flow.brake.missing import conclude
from core.flow.hub import Hub, Stream
from core.flow.inward.ahead import read_ahead
from core.flow.inward.arrivals import Intake, Trip
from core.flow.inward.hearing import meanwhile
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import read_again, see_whole
from core.model.instant import Instant
from core.ports import Page
from core.store import Tx, bindings, connections
from core.store.connections import StreamRow


@dataclass(slots=True)
class _Seen:
    """Which bindings a walk has shown: one bit each, since their ids are dense."""

    bits: bytearray = field(default_factory=bytearray)

    def add(self, ids: list[int]) -> None:
        """Note that these were shown."""
        if ids and max(ids) >> 3 >= len(self.bits):
            self.bits.extend(bytes((max(ids) >> 3) + 1 - len(self.bits)))
        for id_ in ids:
            self.bits[id_ >> 3] |= 1 << (id_ & 7)

    def __contains__(self, id_: object) -> bool:
        """Whether this binding was shown."""
        return isinstance(id_, int) and id_ >> 3 < len(self.bits) and bool(self.bits[id_ >> 3] >> (id_ & 7) & 1)


def never() -> bool:
    """A walk that gives way to nobody."""
    return False


def pull(hub: Hub, stream: Stream, *, run_id: int | None = None, gives_way: Callable[[], bool] = never) -> Intake:
    """Walk a stream from its checkpoint to its present end; a first load that gives way goes on where it was, later."""
    with hub.store.reading() as tx:
        row = connections.stream_row(tx, stream.id)
    with calling(Lane.BACKFILL if row.phase == "backfill" else Lane.LIVE):
        try:
            return _walk(hub, stream, row, run_id, gives_way)
        except CursorExpired:
            row = _new_generation(hub, stream, row)
            return _walk(hub, stream, row, run_id, never)


def _walk(hub: Hub, stream: Stream, row: StreamRow, run_id: int | None, gives_way: Callable[[], bool]) -> Intake:
    total, seen = Intake(), _Seen()
    backfill, began_at = row.phase == "backfill", row.began_at or hub.clock()
    # A walk that was broken off has lost what it had seen, and may not conclude that anything is gone.
    whole_view, walked = row.began_at is None, row.walked
    # A poll that finds nothing writes nothing. Once a place inside of a walk is kept, the end of it must be kept too,
    # even where that is the place at which it began.
    moved = backfill or not whole_view
    with hub.store.reading() as tx:
        newest = bindings.newest(tx)
    connection = hub.connections[stream.connection_id]

    def look_aside() -> None:
        total.add(meanwhile(hub, connection))
        hub.attends()

    with closing(read_ahead(hub, stream, row.place, look_aside)) as pages:
        for gathered in pages:
            page = gathered.page
            see_whole(hub, stream, page.records)
            walked += len(page.records)
            trip = Trip(
                hub,
                stream,
                gathered.began_at,
                hub.clock(),
                last_read_at=row.read_at,
                backfill=backfill,
                run_id=run_id,
            )
            place = _Place(stream, page, walked, began_at, hub.clock(), backfill=backfill)
            moved = moved or page.next != row.place or bool(page.records)
            intake = inbound(trip, page, keep=place.keep if moved else None)
            seen.add(intake.seen)
            if intake.again:
                intake.add(read_again(hub, stream, intake.again, run_id=run_id))
            total.add(intake)
            if page.more:
                look_aside()
                if backfill and row.generation == 1 and gives_way():
                    # Only a first load: it concludes nothing anyway, whereas a later walk would have to begin again.
                    total.gave_way = True
                    break
            if page.complete and whole_view:
                total.gone += _conclude(hub, stream, seen, newest, run_id)
            elif page.complete:
                total.resumed = True
                if not (backfill and row.generation == 1):
                    _walk_again(hub, stream)
    return total


@dataclass(frozen=True, slots=True)
class _Place:
    """A checkpoint: how far the walk has come with this page."""

    stream: Stream
    page: Page
    walked: int
    began_at: Instant
    now: Instant
    backfill: bool

    def keep(self, tx: Tx) -> None:
        """Write it down, in the page's own transaction."""
        values: dict[str, Any] = {"cursor": self.page.next, "walked": self.walked, "began_at": self.began_at}
        if self.page.total is not None:
            values["total"] = self.page.total
        if not self.page.more:
            values |= {"phase": "poll", "read_at": self.began_at, "began_at": None, "walked": 0}
            if self.backfill or self.page.complete:
                row = connections.stream_row(tx, self.stream.id)
                connections.forget_unread(tx, self.stream.id, before=self.began_at)
                values["generation"] = row.generation + 1
        connections.change_stream(tx, self.stream.id, **values)


def _new_generation(hub: Hub, stream: Stream, row: StreamRow) -> StreamRow:
    """The tool has forgotten our place: read everything again, as a generation of its own."""
    with hub.store.writing() as tx:
        connections.change_stream(
            tx,
            stream.id,
            cursor=None,
            phase="backfill",
            generation=row.generation + 1,
            walked=0,
            began_at=None,
        )
        return connections.stream_row(tx, stream.id)


def _walk_again(hub: Hub, stream: Stream) -> None:
    """This generation was resumed and so concludes nothing; the next poll begins a whole one."""
    with hub.store.writing() as tx:
        connections.change_stream(tx, stream.id, cursor=None)


def _conclude(hub: Hub, stream: Stream, seen: _Seen, newest: int, run_id: int | None) -> int:
    """What a completed generation did not show is gone, if a direct read agrees and it is not suspiciously much."""
    with hub.store.reading() as tx:
        count, missing = bindings.missing(tx, stream.id, seen, newest)
    return conclude(hub, stream, count, missing, run_id)
