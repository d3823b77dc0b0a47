"""The play: people edit, processes are killed at random, and in the end nothing is lost or doubled.

Whatever is killed is started again at once, as a supervisor would; a turn that is under way is the favourite victim.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from redis import Redis
from sqlalchemy import select

from api import engine
from api.assembly import Installation
from api.settings import Settings
from core.store import Tx, connections, deliveries, outbox, reviews
from core.store.tables import lease
from tests.production.postgres import Cluster
from tests.production.stack import Stack, until
from tests.production.town import Town

WORKERS = ("worker1", "worker2")
PATIENCE = 150.0
"""Seconds within which all must have arrived after the last mischief, on a machine that has other things to do."""
NEWCOMERS = 2
"""So many come between two kills."""
OF_TURNS, LONGEST_WAIT = ("child", "worker", "postgres", "network"), 6.0
"""What ends turns that are under way: it comes by preference when a tool has made something and has not said so yet,
which is waited for so many seconds."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What happened, in numbers."""

    kills: Counter[str] = field(default_factory=Counter)
    creates: Counter[str] = field(default_factory=Counter)
    """What was killed → creates of it that were in flight: nobody had written down what became of them."""
    taken: int = 0
    """So many calls of them the tool had taken, and nobody was told."""
    words: int = 0
    newcomers: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    agreement: float | None = None
    waits: int = 0
    """Rows that are left in the outbox."""
    dead_letters: int = 0
    reviews: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    """What ended by itself and was started again."""
    settled: float = 0.0
    """Seconds from the last mischief until all had arrived."""
    memory: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether everything is where it belongs, once."""
        left = self.missing or self.wrong or self.reviews or self.dead_letters or self.waits
        return not left and self.agreement == 1.0

    def lines(self) -> list[str]:
        """As it is printed."""
        kills = ", ".join(f"{what} {count}" for what, count in sorted(self.kills.items()))
        memory = ", ".join(f"{name} {size:.0f}" for name, size in self.memory.items())
        creates = ", ".join(f"{what} {count}" for what, count in sorted(self.creates.items()) if count)
        return [
            f"killed: {kills}",
            f"creates in flight at a kill: {sum(self.creates.values())} ({creates or 'none'}); "
            f"calls of them that the tool had taken already: {self.taken}",
            f"said: {self.words} words, {self.newcomers} newcomers; "
            f"all had arrived {self.settled:.0f} s after the last kill",
            f"lost: {len(self.missing)}; doubled or gone: {len(self.wrong)}; dead letters: {self.dead_letters}",
            f"agreement: {self.agreement}; waiting: {self.waits}; questions: {self.reviews or 'none'}",
            f"ended by themselves: {', '.join(self.revived) or 'none'}",
            f"memory at rest: {sum(self.memory.values()):.0f} MiB ({memory})",
        ]


def _settings(stack: Stack) -> Settings:
    return Settings(
        data=stack.folder / "data", database_url=stack.environment["CONCORD_DATABASE_URL"], allow_private=True
    )


class Play:
    """One play with a stack and a town around it."""

    def __init__(
        self, stack: Stack, town: Town, rng: Random, tell: Tell = lambda _line: None, server: Cluster | None = None
    ) -> None:
        """Nothing has happened yet. `server` is the database's own, where it may be broken off."""
        self.stack, self.town, self._rng, self._tell, self._server = stack, town, rng, tell, server
        self._hub = Installation(_settings(stack))
        self.report = Report()

    def close(self) -> None:
        """Let go of the store."""
        self._hub.close()

    def begin(self) -> None:
        """Connect the tools, start everything, and wait for the first agreement."""
        self.town.connect(self._hub)
        self.stack.start(*WORKERS, "beat", "serve")
        until(self._agreed, PATIENCE, "the tools never came into agreement")
        self.town.listen_at(self.stack.url)

    def _agreed(self) -> bool:
        with self._hub.store.reading() as tx:
            read = [one for one in self._hub.hub().connections.values() if self._is_read(tx, one.id)]
            return len(read) == 3 and not outbox.pending(tx)

    @staticmethod
    def _is_read(tx: Tx, connection_id: int) -> bool:
        return all(row.phase == "poll" for row in connections.streams_of(tx, connection_id))

    def go(self, times: Mapping[str, int]) -> Report:
        """Do mischief so many times each, in any order, among people who go on; then look what has become of it."""
        acts = [what for what, count in times.items() for _ in range(count)]
        self._rng.shuffle(acts)
        for number, what in enumerate(acts, 1):
            for _ in range(2):
                self.town.speak()
            for _ in range(NEWCOMERS):
                self.town.come()
            self.town.send()
            time.sleep(self._rng.uniform(0.0, 1.5))
            with self.town.creating(LONGEST_WAIT if what in OF_TURNS else 0.0):
                getattr(self, f"_{what}")()
            self.report.kills[what] += 1
            self._tell(f"{number} of {len(acts)}: {what}")
            self._supervise()
        return self._end()

    def _end(self) -> Report:
        report, began = self.report, time.monotonic()
        report.words, report.newcomers = len(self.town.said), len(self.town.newcomers)
        # What waited for a tool that was cut off is tried again after a while of its own.
        with suppress(AssertionError):
            until(lambda: not self._supervise() and not self.town.missing(), PATIENCE, "not all arrived")
        with suppress(AssertionError):
            until(self._agreed, 30.0, "the outbox is not empty")
        report.settled = time.monotonic() - began
        report.missing, report.wrong = self.town.missing(), self.town.wrong()
        report.memory = self.stack.memory() | ({"postgres": self._server.memory()} if self._server else {})
        self._hub.renew()
        done = engine.Round()
        engine.measure(self._hub, done)
        report.agreement = done.share
        with self._hub.store.reading() as tx:
            report.waits = sum(outbox.pending(tx).values())
            report.dead_letters = len(deliveries.dead_letters(tx))
            report.reviews = [f"{one.what}: {one.subject}" for one in reviews.open_reviews(tx, limit=50)]
        return report

    def doom(self, name: str) -> str:
        """Kill whoever works a connection until it is paused, and see that nobody else waits; gives the question.

        Then a person takes it up again, and what was said meanwhile arrives there, too.
        """
        # Its turns take a while, so that they can be met.
        self.town.wire.delay = 0.5
        until(lambda: self._is_paused_or_killed(name), PATIENCE, f"{name} was never paused")
        self.town.wire.delay = 0.0
        # Of two that follow each other, one is said in a tool that is not paused; it goes to another that is not.
        words = [self.town.speak() for _ in range(2)]
        until(
            lambda: any(one.shown[0](one.person, one.name) for one in words),
            PATIENCE,
            "others wait for a connection that is paused",
        )
        with self._hub.store.reading() as tx:
            asked = [one.subject["code"] for one in reviews.open_reviews(tx, limit=50)]
        self._hub.resume(name)
        self._end()
        return " ".join(asked)

    def _is_paused_or_killed(self, name: str) -> bool:
        connection = self._hub.hub().connection(name)
        with self._hub.store.reading() as tx:
            held = tx.execute(select(lease.c.holder).where(lease.c.name == f"connection {connection.id}")).scalar()
            row = next(one for one in connections.all_connections(tx) if one.id == connection.id)
        if row.state != "paused" and held and held.count(":") >= 3:
            pid = int(held.partition(" ")[0].split(":")[2])
            if any(pid in self.stack.children(one) for one in WORKERS):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return row.state == "paused"

    def _supervise(self) -> bool:
        """Start again what has ended by itself: nothing else than a start without a database may do so."""
        for one in self.stack.revive():
            self.report.revived.append(one)
            self._tell(f"started again: {one}")
        return False

    # --- mischief

    def _child(self) -> None:
        """The process in the midst of a turn, by preference one that creates something, or any other of a worker's."""
        children = [pid for name in WORKERS for pid in self.stack.children(name)]
        if children:
            working = self._working()
            victim = max(children, key=lambda pid: (self._weight(working.get(pid, ())), self._rng.random()))
            self._note("child", working.get(victim, ()))
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def _worker(self) -> None:
        """A worker and its children, by the same preference."""
        working = self._working()
        works = {name: {one for pid in self.stack.children(name) for one in working.get(pid, ())} for name in WORKERS}
        name = max(WORKERS, key=lambda one: (self._weight(works[one]), self._rng.random()))
        self._note("worker", works[name])
        self._again(name)

    def _weight(self, names: Collection[str]) -> tuple[int, int, int]:
        """How much would be met by killing who works these connections."""
        untold = self.town.untold()
        return sum(untold[name] for name in names), self._open(names).total(), len(names)

    def _working(self) -> dict[int, set[str]]:
        """Number of a process → the connections that it works."""
        names = {f"connection {one.id}": one.name for one in self._hub.hub().connections.values()}
        with self._hub.store.reading() as tx:
            rows = list(tx.execute(select(lease.c.name, lease.c.holder).where(lease.c.holder != "")))
        found: dict[int, set[str]] = {}
        for name, holder in rows:
            if holder.count(":") >= 3:
                found.setdefault(int(holder.partition(" ")[0].split(":")[2]), set()).update(
                    {names[name]} if name in names else ()
                )
        return found

    def _open(self, names: Collection[str]) -> Counter[str]:
        """Of these connections, creates of which nobody has written down what became of them."""
        ids = {one.id: one.name for one in self._hub.hub().connections.values() if one.name in names}
        with self._hub.store.reading() as tx:
            return Counter({name: len(deliveries.intents_of(tx, id_)) for id_, name in ids.items()})

    def _note(self, what: str, names: Collection[str] = ("hubspot", "salesforce", "mailchimp")) -> None:
        """Count what was in flight in these connections when something was killed."""
        self.report.creates[what] += self._open(names).total()
        self.report.taken += sum(count for name, count in self.town.untold().items() if name in names)

    def _beat(self) -> None:
        self._again("beat")

    def _serve(self) -> None:
        self._again("serve")

    def _again(self, name: str) -> None:
        self.stack.kill(name)
        self.stack.start(name)

    def _redis(self) -> None:
        """It comes back empty."""
        self._again("redis")

    def _flush(self) -> None:
        """It is emptied while everybody listens."""
        with Redis(port=self.stack.redis_port) as client:
            client.flushall()

    def _network(self) -> None:
        self._note("network", ["hubspot"])
        self.town.wire.cut()
        self.town.speak()
        time.sleep(self._rng.uniform(1.0, 4.0))
        self.town.wire.mend()

    def _postgres(self) -> None:
        """It ends as if the power had failed."""
        assert self._server is not None
        self._note("postgres")
        self._server.break_off()
