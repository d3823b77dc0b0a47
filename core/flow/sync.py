"""Sync: a connection's turn, and turns until all is quiet.

    turn = lease ▶ unsettled creates ▶ what came by webhook ▶ pull what is due, companies first ▶ deliver

Turns of different connections run side by side; two workers never take the same connection, and one that was taken
over cannot write. Nothing here decides what a value should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from core import signals
from core.decide.scheduling import pause, streak
from core.errors import USED_UP, ConcordError, SchemaChanged, ToolError
from core.flow.beside import turn_beside
from core.flow.brake.braking import weighed
from core.flow.brake.weighing import note_away
from core.flow.consent import heads
from core.flow.drift.describing import after_reading, before_reading, explains
from core.flow.drift.resting import arrived
from core.flow.erasure.upkeep import bring_forward
from core.flow.failing import failed, failures, pace
from core.flow.holding import held
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.arrivals import Intake
from core.flow.inward.hearing import hear
from core.flow.inward.pull import never, pull
from core.flow.leasing import leased
from core.flow.outward.booking import Delivered
from core.flow.outward.live import deliver_live
from core.flow.outward.outbound import deliver, deliver_refusals, settle_intents
from core.flow.pausing import Side, end_pause, may_read, reads, stop, try_now
from core.flow.plan import canary
from core.flow.restored.reuniting import reunite
from core.flow.resyncing import begin_anew
from core.flow.running import Run
from core.model.instant import DAY, MINUTE, SECOND, Instant
from core.store import Tx, connections, notices, outbox
from core.store.connections import StreamRow

MANY_ROUNDS = 12
"""Agreement takes two or three rounds; more than this means that something does not settle."""

PART = 2 * MINUTE
"""So much of a first load is read in one turn of the background: then others have their turn."""
BESIDE = 5.0
"""Seconds between two looks for refusals, while some connection still reads."""


@dataclass(slots=True)
class Turn:
    """What a connection's turn did."""

    connection: str
    intake: Intake = field(default_factory=Intake)
    delivered: Delivered = field(default_factory=Delivered)
    error: ConcordError | None = None
    """What ended the turn."""
    stopped: dict[str, ToolError] = field(default_factory=dict)
    """Stream → why it was paused in this turn; the others went on."""

    @property
    def quiet(self) -> bool:
        """Whether nothing new came in and nothing went out, and nothing is left to be looked at."""
        moved = self.intake.heard + self.intake.created + self.intake.joined + self.intake.gone + self.intake.told
        return (
            not moved
            and not self.intake.resumed
            and not self.intake.gave_way
            and not self.delivered.writes
            and not self.delivered.tied
        )

    @property
    def gave_way(self) -> bool:
        """Whether it was broken off so that others have their turn; what is left is due."""
        return self.intake.gave_way or self.delivered.gave_way

    def counts(self) -> dict[str, int]:
        """What it did, in numbers."""
        return {**self.intake.counts(), **self.delivered.counts()}


Tell = Callable[[Turn], None]
"""Called after each turn, for progress."""


def turn(
    hub: Hub,
    connection: Connection,
    *,
    everything: bool = True,
    holder: str = "here",
    pulls: bool = True,
    delivers: bool = True,
) -> Turn:
    """One connection's turn, or one half of it. `everything` polls all streams, else only those that are due.

    A tool's failure ends the turn and is told in its result; a failure of the store is raised.
    """
    done = Turn(connection.name)
    with leased(hub, connection, holder, writes=True) as own:
        if own is not None:
            part = "whole" if pulls and delivers else "reading" if pulls else "writing"
            with signals.span("turn", connection=connection.name, part=part) as span:
                _take_turn(own, connection, done, everything=everything, pulls=pulls, delivers=delivers)
                span.quiet, span.code = done.quiet, done.error.error_code if done.error is not None else None
            heads.sign(own)
    return done


def _take_turn(hub: Hub, connection: Connection, done: Turn, *, everything: bool, pulls: bool, delivers: bool) -> None:
    hold = held(hub, connection)
    try:
        if hold is None or not hold.reads:
            done.stopped |= settle_intents(hub, connection)
            bring_forward(hub, connection)
            done.intake.add(hear(hub, connection))
        if pulls and (hold is None or not hold.reads):
            _read(hub, connection, done, everything=everything)
        if delivers and hold is not None:
            if not hold.everything:
                done.delivered = deliver_refusals(hub, connection)
        elif delivers:
            reunite(hub)
            _deliver(hub, connection, done)
    except ToolError as error:
        done.error = error
        failed(hub, connection, error)
        if error.error_code == USED_UP:
            # What is left of the day for others is for refusals, too.
            _refuse(hub, connection, done)


def _read(hub: Hub, connection: Connection, done: Turn, *, everything: bool) -> None:
    """Read what is to be read now; where nothing is, the turn only writes, and nobody asks what streams look like."""
    chosen = _to_read(hub, connection, everything=everything)
    if not chosen and any(reads(stream) for stream in connection.streams):
        return
    begin_anew(hub, connection)
    before_reading(hub, connection, asked=everything)
    read = []
    for stream in chosen:
        _pull_or_pause(hub, connection, stream, done, everything=everything)
        if done.intake.gave_way:
            break
        read.append(stream)
    after_reading(hub, connection, [stream for stream in read if stream.name not in done.stopped])


def _refuse(hub: Hub, connection: Connection, done: Turn) -> None:
    try:
        done.delivered.join(deliver_refusals(hub, connection))
    except ToolError as error:
        failed(hub, connection, error)


def _to_read(hub: Hub, connection: Connection, *, everything: bool) -> list[Stream]:
    """Streams that are read now: all or those that are due, and of paused ones those whose next try is due."""
    with hub.store.reading() as tx:
        known = {row.id: row for row in connections.streams_of(tx, connection.id)}
    now = hub.clock()
    wanted = {id_ for id_, row in known.items() if (everything or row.due_at <= now) and may_read(row, now)}
    found = [stream for stream in connection.streams if reads(stream) and stream.id in wanted]
    # Live changes first: a first load may take hours.
    return sorted(found, key=lambda stream: known[stream.id].phase == "backfill")


def _pull_or_pause(hub: Hub, connection: Connection, stream: Stream, done: Turn, *, everything: bool) -> None:
    """Read a stream. One that a person must mend is paused; what concerns more than it ends the turn."""
    try:
        try:
            _pull(hub, stream, done, everything=everything)
        except SchemaChanged as error:
            if not explains(hub, stream, error):
                raise
            _pull(hub, stream, done, everything=everything)
    except ToolError as error:
        stop(hub, connection, stream, error)
        done.stopped[stream.name] = error


def _pull(hub: Hub, stream: Stream, done: Turn, *, everything: bool) -> None:
    began_at = hub.clock()
    with hub.store.reading() as tx:
        before = connections.stream_row(tx, stream.id)
        was_down = failures(tx, before) > 0
    with Run(hub, stream.connection_id, "pull", stream.name) as run:
        intake = pull(hub, stream, run_id=run.id, gives_way=_gives_way(hub, everything=everything))
        run.counts = intake.counts()
    done.intake.add(intake)
    # What gave way goes on in the next turn; it is due as it was.
    whole = not intake.gave_way
    if whole:
        arrived(hub, stream)
    with hub.store.writing() as tx:
        row = connections.stream_row(tx, stream.id)
        if whole:
            _schedule(tx, stream, intake, before, row, began_at)
        if row.pause_side == Side.WHOLE:
            end_pause(tx, stream, now=hub.clock())
        elif was_down:
            # The tool answers again: what waited for that goes out now, and not when its own patience ends.
            outbox.hasten(tx, stream.connection_id, now=hub.clock())
            note_away(tx, stream.connection_id, before.read_at or began_at, began_at)


def _gives_way(hub: Hub, *, everything: bool) -> Callable[[], bool]:
    """Whoever asks for all of it waits for all of it; else what is live goes out between two parts of a first load."""
    if everything:
        return never
    over = hub.clock() + PART
    return hub.gives_way or (lambda: hub.clock() >= over)


def _schedule(tx: Tx, stream: Stream, intake: Intake, before: StreamRow, row: StreamRow, began_at: Instant) -> None:
    """When a stream that was read is polled again."""
    quiet = not (intake.heard or intake.created or intake.joined or intake.gone)
    polls = streak(row.quiet_polls, quiet=quiet)
    told = notices.any_since(tx, stream.connection_id, began_at - DAY)
    wait = pause(pace(stream), polls, told=told)
    # What was told meanwhile to be polled now stays due.
    due_at = row.due_at if row.due_at > before.due_at else began_at + int(wait * SECOND)
    connections.change_stream(tx, stream.id, read_at=began_at, due_at=due_at, quiet_polls=polls)


def _deliver(hub: Hub, connection: Connection, done: Turn) -> None:
    def between() -> Delivered:
        hub.attends()
        hold = held(hub, connection)
        if hold is None or not hold.reads:
            done.intake.add(hear(hub, connection))
        told = Delivered() if hold is not None and hold.everything else deliver_refusals(hub, connection)
        if hold is None:
            told.interrupt(deliver_live(hub, connection))
        # A window that begins meanwhile: what is left waits in the outbox until it ends.
        told.halted |= hold is not None
        return told

    connection = weighed(hub, connection, lambda: done.delivered.interrupt(between()))
    done.stopped |= done.delivered.stopped
    if done.delivered.halted or _is_idle(hub, connection):
        return
    with Run(hub, connection.id, "deliver", None) as run:
        tried = canary.sing(hub, connection, run.id)
        sent = deliver(hub, connection, run_id=run.id, between=between) if tried is None else tried
        run.counts = sent.counts()
    sent.join(done.delivered)
    done.delivered = sent
    done.stopped |= sent.stopped


def _is_idle(hub: Hub, connection: Connection) -> bool:
    """Whether nothing is due there: most turns find that, and need no run for it."""
    with hub.store.reading() as tx:
        return not outbox.is_due(tx, connection.id, hub.clock()) and not canary.is_open(tx, connection.id)


def sync(
    hub: Hub,
    names: Sequence[str] | None = None,
    *,
    until_quiet: bool = False,
    everything: bool = True,
    tell: Tell | None = None,
    holder: str = "here",
) -> list[Turn]:
    """A round of turns side by side; with `until_quiet`, rounds until nothing moves any more. Gives every turn."""
    chosen = [one for one in hub.connections.values() if _takes_part(one, names)]
    if everything and chosen:
        with hub.store.writing() as tx:
            try_now(tx, [one.id for one in chosen], now=hub.clock())
    turns: list[Turn] = []
    for _ in range(MANY_ROUNDS if until_quiet else 1):
        this_round = _round(hub, chosen, everything=everything, tell=tell, holder=holder)
        turns += this_round
        failed = {one.connection for one in this_round if one.error is not None or one.delivered.paused}
        chosen = [one for one in chosen if one.name not in failed]
        if all(one.quiet for one in this_round) or not chosen:
            break
    return turns


def _takes_part(connection: Connection, names: Sequence[str] | None) -> bool:
    return connection.state == "active" and bool(connection.streams) and (names is None or connection.name in names)


def _round(hub: Hub, chosen: Sequence[Connection], *, everything: bool, tell: Tell | None, holder: str) -> list[Turn]:
    """Read everywhere, then write everywhere: so every tool is written as late, and as seldom, as can be."""

    def reads(connection: Connection) -> Turn:
        return turn(hub, connection, everything=everything, holder=holder, delivers=False)

    def writes(connection: Connection, done: Turn) -> Turn:
        if done.error is None:
            written = turn(hub, connection, holder=holder, pulls=False)
            done.delivered, done.error = written.delivered, written.error
            done.stopped |= written.stopped
        if tell is not None:
            tell(done)
        return done

    with ThreadPoolExecutor(max(1, len(chosen)), thread_name_prefix="turn") as pool:
        reading = [pool.submit(reads, connection) for connection in chosen]
        _tell_refusals(hub, dict(zip(reading, chosen, strict=True)), holder)
        return list(pool.map(writes, chosen, [one.result() for one in reading]))


def _tell_refusals(hub: Hub, reading: Mapping[Future[Turn], Connection], holder: str) -> None:
    """While some still read, whoever has done is told the refusals that come in; a first load may take hours."""
    left = set(reading)
    while left:
        _, left = wait(left, timeout=BESIDE)
        for one in reading.keys() - left if left else ():
            if one.exception() is None and one.result().error is None:
                turn_beside(hub, reading[one], holder=holder)
