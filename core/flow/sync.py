"""Sync: a connection's turn, and turns until all is quiet.

    turn = lease ▶ unsettled creates ▶ what came by webhook ▶ pull what is due, companies first ▶ deliver

Turns of different connections run side by side; two workers never take the same connection, and one that was taken
over cannot write. Nothing here decides what a value should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from core.errors import USED_UP, ConcordError, SchemaChanged, ToolError
from core.flow.beside import turn_beside
from core.flow.brake.braking import weighed
from core.flow.brake.weighing import note_away
from core.flow.consent import heads
from core.flow.drift.describing import after_reading, before_reading, explains
from core.flow.drift.resting import arrived
from core.flow.erasure.upkeep import bring_forward
from core.flow.failing import failed, failures, poll_every
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.arrivals import Intake
from core.flow.inward.hearing import hear
from core.flow.inward.pull import pull
from core.flow.leasing import leased
from core.flow.outward.booking import Delivered
from core.flow.outward.outbound import deliver, deliver_refusals, settle_intents
from core.flow.pausing import Side, end_pause, may_read, reads, stop, try_now
from core.flow.plan import canary
from core.flow.running import Run
from core.model.instant import SECOND
from core.store import connections, outbox

MANY_ROUNDS = 12
"""Agreement takes two or three rounds; more than this means that something does not settle."""

BESIDE = 5.0
"""Seconds between two looks for refusals, while some connection still reads."""
LONGEST_PAUSE = 4
"""A stream that stays quiet is polled up to this many times less often."""


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
        return not moved and not self.intake.resumed and not self.delivered.writes and not self.delivered.tied

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
    with leased(hub, connection, holder) as own:
        if own is not None:
            with own.store.writing() as tx:
                # The outbox is only worked inside a turn: what a killed worker had leased is free again.
                outbox.unlease(tx, connection.id)
            _take_turn(own, connection, done, everything=everything, pulls=pulls, delivers=delivers)
            heads.sign(own)
    return done


def _take_turn(hub: Hub, connection: Connection, done: Turn, *, everything: bool, pulls: bool, delivers: bool) -> None:
    try:
        done.stopped |= settle_intents(hub, connection)
        bring_forward(hub, connection)
        done.intake.add(hear(hub, connection))
        if pulls:
            before_reading(hub, connection, asked=everything)
            to_read = _to_read(hub, connection, everything=everything)
            for stream in to_read:
                _pull_or_pause(hub, connection, stream, done)
            after_reading(hub, connection, [stream for stream in to_read if stream.name not in done.stopped])
        if delivers:
            _deliver(hub, connection, done)
    except ToolError as error:
        done.error = error
        failed(hub, connection, error)
        if error.error_code == USED_UP:
            # What is left of the day for others is for refusals, too.
            _refuse(hub, connection, done)


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
    return [stream for stream in connection.streams if reads(stream) and stream.id in wanted]


def _pull_or_pause(hub: Hub, connection: Connection, stream: Stream, done: Turn) -> None:
    """Read a stream. One that a person must mend is paused; what concerns more than it ends the turn."""
    try:
        try:
            _pull(hub, stream, done)
        except SchemaChanged as error:
            if not explains(hub, stream, error):
                raise
            _pull(hub, stream, done)
    except ToolError as error:
        stop(hub, connection, stream, error)
        done.stopped[stream.name] = error


def _pull(hub: Hub, stream: Stream, done: Turn) -> None:
    began_at = hub.clock()
    with hub.store.reading() as tx:
        before = connections.stream_row(tx, stream.id)
        was_down = failures(tx, before) > 0
    with Run(hub, stream.connection_id, "pull", stream.name) as run:
        intake = pull(hub, stream, run_id=run.id)
        run.counts = intake.counts()
    done.intake.add(intake)
    arrived(hub, stream)
    quiet = not (intake.heard or intake.created or intake.joined or intake.gone)
    with hub.store.writing() as tx:
        row = connections.stream_row(tx, stream.id)
        polls = row.quiet_polls + 1 if quiet else 0
        wait = poll_every(stream) * min(1 + polls // 10, LONGEST_PAUSE)
        # What was told meanwhile to be polled now stays due.
        due_at = row.due_at if row.due_at > before.due_at else began_at + int(wait * SECOND)
        connections.change_stream(tx, stream.id, read_at=began_at, due_at=due_at, quiet_polls=polls)
        if row.pause_side == Side.WHOLE:
            end_pause(tx, stream, now=hub.clock())
        elif was_down:
            # The tool answers again: what waited for that goes out now, and not when its own patience ends.
            outbox.hasten(tx, stream.connection_id, now=hub.clock())
            note_away(tx, stream.connection_id, before.read_at or began_at, began_at)


def _deliver(hub: Hub, connection: Connection, done: Turn) -> None:
    connection = weighed(hub, connection)

    def between() -> Delivered:
        done.intake.add(hear(hub, connection))
        return deliver_refusals(hub, connection)

    with Run(hub, connection.id, "deliver", None) as run:
        tried = canary.sing(hub, connection, run.id)
        done.delivered = deliver(hub, connection, run_id=run.id, between=between) if tried is None else tried
        done.stopped |= done.delivered.stopped
        run.counts = done.delivered.counts()


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
