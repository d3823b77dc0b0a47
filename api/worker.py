"""The workers: every task is one line into `api.duties`; a message says who is to be looked at, and nothing else.

A message is acknowledged when its work is done (late), and comes again when its worker was killed; none is fetched
before somebody has time for it. Both are for speed alone: what is due stands in the store, and beat wakes it again.
Queues are reached without exchanges, so that an emptied Redis has nothing to lose that a worker would miss.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, bootsteps, signals
from celery.beat import Scheduler, Service
from kombu.entity import Exchange, Queue
from redis import Redis

from api import duties
from api.assembly import Installation
from api.ending import ended_by_signals
from api.lanes import LANE_OF, Lane
from api.presence import BEAT, EVERY, Presence, prefix
from api.settings import Settings
from api.waking import RESTS, DistantBell, Waking, try_to_look
from api.watching import watched
from core.errors import ConcordError, ConfigError

VISIBILITY = 180
"""Seconds after which a message that nobody has acknowledged is given to somebody else."""
GIVES_WAY = 30 * 60.0
"""Seconds after which a long turn lets another one have its place."""
SOON = 20.0
"""The same, where something more urgent than a first load waits for this very worker."""
LONGEST = 6 * 60 * 60
"""Seconds after which a task is taken to hang, and its process is ended."""
TICK = 1.0
"""Seconds between two looks of beat."""
_MEMORY = 512 * 1024
"""KiB above which a process is replaced when its task is done."""
_CONNECT, _ANSWER = 2.0, 10.0

log = structlog.get_logger("concord.worker")
app = Celery("concord", set_as_current=False)
ending = multiprocessing.Event()
"""Set when this worker is to end: what may be broken off is."""


class Desk:
    """What a worker process works with; opened when its first message comes, and never before a fork."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self.settings: Settings | None = None
        self.lanes: Collection[str] = tuple(Lane)
        self._open: tuple[Installation, Waking] | None = None
        self._watching = ExitStack()

    def at(self) -> tuple[Installation, Waking]:
        """The installation, and how others are woken."""
        if self._open is None:
            installation = Installation(self.settings or Settings())
            self._open = installation, (wakes := waking(installation))
            installation.bell = DistantBell(wakes)
            self._watching.enter_context(watched(installation))
        return self._open

    def close(self) -> None:
        """Let go of the installation."""
        self._watching.close()
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def does(self, task: str, about: int, duty: Callable[[Installation], bool | None]) -> None:
        """A duty by the configuration in force, and afterwards what it has made due. It says whether it is to go on."""
        began, (installation, wakes) = time.monotonic(), self.at()
        wakes.begun(task, about)
        try:
            installation.renew()
            if duty(installation):
                wakes.again(task, about)
        except ConcordError as error:
            log.warning("this is tried again", task=task, about=about, code=error.error_code, error=error.message)
        if rests := RESTS.get(task):
            wakes.rest(task, about, rests * (time.monotonic() - began))
        try_to_look(wakes, installation)

    def gives_way(self) -> Callable[[], bool]:
        """Whether a turn that begins now is to be broken off."""
        began, wakes = time.monotonic(), self.at()[1]
        urgent = [lane for lane in self.lanes if lane != Lane.BACKFILL]

        def asked() -> bool:
            took = time.monotonic() - began
            return ending.is_set() or took > GIVES_WAY or (took > SOON and wakes.crowded(urgent))

        return asked

    def attend(self) -> None:
        """In the midst of a long turn: do here what cannot wait, as long as nobody of this worker is free for it."""
        installation, wakes = self.at()
        if wakes.crowded([lane for lane in _PRESSING if lane in self.lanes]):
            duties.attend(installation)


_PRESSING = (Lane.CONSENT, Lane.LIVE)
desk = Desk()


@app.task(name="wake")
def wake(about: int = 0) -> None:
    """See what is due, and wake it."""
    desk.does("wake", about, lambda _at: None)


@app.task(name="hear")
def hear(about: int) -> None:
    """What cannot wait, of a connection."""
    desk.does("hear", about, lambda at: duties.hear(at, about))


@app.task(name="turn")
def turn(about: int) -> None:
    """A connection's turn."""
    desk.does("turn", about, lambda at: duties.turn(at, about, desk.gives_way(), desk.attend))


@app.task(name="load")
def load(about: int) -> None:
    """A connection's turn in which something is read for the first time."""
    desk.does("load", about, lambda at: duties.turn(at, about, desk.gives_way(), desk.attend))


@app.task(name="tend")
def tend(about: int = 0) -> None:
    """The hub's own work."""
    desk.does("tend", about, duties.tend)


@app.task(name="measure")
def measure(about: int = 0) -> None:
    """Agreement."""
    desk.does("measure", about, duties.measure)


@app.task(name="alert")
def alert(about: int = 0) -> None:
    """What is wrong is told."""
    desk.does("alert", about, duties.alert)


@app.task(name="deliver")
def deliver(about: int) -> None:
    """Webhooks are sent to a host."""
    desk.does("deliver", about, lambda at: duties.deliver(at, about, desk.gives_way()))


# --- setting up


def redis_url(settings: Settings) -> str:
    """Where Redis is; `ConfigError` where this installation cannot be worked by several processes."""
    if settings.redis_url is None:
        raise ConfigError(
            "Several processes need Redis to wake each other, and CONCORD_REDIS_URL is not set.",
            remedy="Set CONCORD_REDIS_URL, e.g. redis://127.0.0.1:6379/0, or run one process: `concord up`.",
        )
    if settings.database_url is None or settings.url.startswith("sqlite"):
        raise ConfigError(
            "Several processes need PostgreSQL, and this installation is on SQLite, which one process works.",
            remedy="Set CONCORD_DATABASE_URL to postgresql://user:password@host/database, or run `concord up`.",
        )
    return settings.redis_url.get_secret_value()


def configure(installation: Installation) -> None:
    """Tell the queue where Redis is. Several installations may share one: each has a prefix of its own."""
    app.conf.update(
        broker_url=redis_url(installation.settings),
        broker_transport_options={
            "visibility_timeout": VISIBILITY,
            "global_keyprefix": prefix(installation.hub().installation),
            "queue_order_strategy": "priority",
            "priority_steps": [0],
            "socket_connect_timeout": _CONNECT,
            "socket_timeout": _ANSWER,
            "socket_keepalive": True,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_queues=[Queue(lane, Exchange(""), routing_key=lane) for lane in Lane],
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_time_limit=LONGEST,
        task_publish_retry=False,
        result_backend="disabled://",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_max_memory_per_child=_MEMORY,
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )


def waking(installation: Installation) -> Waking:
    """What wakes the workers of an installation; the queue is set up for it."""
    configure(installation)
    installation.presence = Presence.at(redis_url(installation.settings), prefix(installation.hub().installation))
    client = Redis.from_url(redis_url(installation.settings), socket_connect_timeout=_CONNECT, socket_timeout=_ANSWER)
    return Waking(client, prefix(installation.hub().installation), _send)


def _send(task: str, about: int) -> None:
    app.send_task(task, [about], queue=LANE_OF[task])


# --- running


def work(settings: Settings, lanes: Sequence[str], *, concurrency: int, alive: Path | None = None) -> None:
    """Work these lanes until a signal ends it: what has begun is done, a first load is broken off at its next page.

    The queue must be set up (`configure`), and nothing be open any more, since processes are forked from this one.
    `SystemExit` where it ends without having been told to.
    `alive` is a file that is touched from time to time, for whoever watches.
    """
    desk.settings, desk.lanes = settings, lanes
    app.steps["worker"].add(_Here)
    if alive is not None:
        _Alive.file = alive
        app.steps["worker"].add(_Alive)
    # What is loaded by now is shared with the processes to come, as long as nobody writes to it.
    gc.collect()
    gc.freeze()
    worker: Any = app.Worker(
        queues=",".join(lanes),
        concurrency=concurrency,
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    if worker.exitcode:
        # It ended of itself, such as where a child died in the moment in which Redis came back; a supervisor that only
        # starts again what has failed must see that.
        raise SystemExit(worker.exitcode)


def beat(installation: Installation, *, alive: Path | None = None, tick: float = TICK) -> None:
    """Look what is due, and wake it, until a signal ends it. Two that do so do no harm."""
    wakes = waking(installation)

    class Due(Scheduler):
        """Has no timetable: what is due stands in the store."""

        def tick(self, *_: Any, **__: Any) -> float:
            """A look; gives the seconds until the next one."""
            try_to_look(wakes, installation)
            if installation.presence is not None:
                installation.presence.tell([BEAT])
            if alive is not None:
                alive.touch()
            return tick

    try:
        with ended_by_signals():
            Service(app, scheduler_cls=Due).start()
    except KeyboardInterrupt:
        pass


class _Here(bootsteps.StartStopStep):
    """Says as long as the worker's loop goes round that its lanes are worked."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Begin."""
        presence = Presence.at(app.conf.broker_url, app.conf.broker_transport_options["global_keyprefix"])
        presence.tell(desk.lanes)
        worker.timer.call_repeatedly(EVERY, presence.tell, (desk.lanes,))


class _Alive(bootsteps.StartStopStep):
    """Touches a file as long as the worker's loop goes round."""

    requires = ("celery.worker.components:Timer",)
    file = Path("/dev/null")

    def start(self, worker: Any) -> None:
        """Begin."""
        worker.timer.call_repeatedly(10.0, self.file.touch)


@signals.setup_logging.connect(weak=False)
def _logs(**_: Any) -> None:
    """Logs are Concord's own, set up by the command; what the queue itself has to say stands beside them."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s [%(levelname)s] %(message)s")


@signals.worker_shutting_down.connect(weak=False)
def _ends(**_: Any) -> None:
    ending.set()


@signals.worker_process_shutdown.connect(weak=False)
def _closes(**_: Any) -> None:
    desk.close()
