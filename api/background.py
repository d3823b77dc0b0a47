"""The background sync of `concord up` and the demo: one thread that turns the crank for whatever is due.

Beside it a second one hears what comes by webhook (`hearing`), and the status page runs. All end within seconds of
Ctrl-C or SIGTERM: what a broken-off step had not yet kept is read again next time, which does no harm.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from api import alerting
from api.engine import Round, beside, holder, measure, turn_crank
from api.hearing import Hearing
from core.errors import ConcordError, ConfigError
from core.model.instant import MINUTE, Instant
from core.store import runs

if TYPE_CHECKING:
    from api.assembly import Installation

TICK = 1.0
"""Seconds between two looks at what is due."""
MEASURE_EVERY = 10 * MINUTE
"""Agreement is measured at least this often, and after every tick that moved something."""
_GRACE = 3.0
"""Seconds that a running step is given to end by itself."""


class Background:
    """Syncs what is due until it is stopped. A failure is kept in `trouble` and the next tick tries again."""

    def __init__(self, installation: Installation, *, tick: float = TICK) -> None:
        self.installation, self.tick = installation, tick
        self.trouble: ConcordError | None = None
        self.ticked_at: Instant | None = None
        self.started_at: Instant = installation.clock()
        self._measured_at: Instant = 0
        self._alerted_at: Instant = 0
        self._stopped, self._woken = threading.Event(), threading.Event()
        self._hearing = Hearing(installation, self._woken.set)
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._hearing.start()

    def stop(self, patience: float = _GRACE) -> bool:
        """End after the present step; False when it did not end in time (seconds)."""
        self._stopped.set()
        self._woken.set()
        heard = self._hearing.stop(patience)
        if self._thread.ident is not None:
            self._thread.join(patience)
        return heard and not self._thread.is_alive()

    def once(self) -> Round:
        """One tick: what is due, and a measure where it is time for one."""
        now = self.installation.clock()
        self.installation.renew()
        done = turn_crank(self.installation, everything=False, measured=False)
        if done.moved or now - self._measured_at >= MEASURE_EVERY:
            measure(self.installation, done)
            self._measured_at = now
        self.ticked_at = now
        return done

    def tell(self) -> None:
        """Tell of what is wrong, where it is time to look."""
        now = self.installation.clock()
        if now - self._alerted_at >= alerting.EVERY:
            self._alerted_at = now
            with suppress(ConcordError):
                # Where not even the store answers, the page says so.
                alerting.look(self.installation, self.trouble)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.once()
                self.trouble = None
            except ConcordError as error:
                self.trouble = error
            self.trouble = self.trouble or self._hearing.trouble
            self.tell()
            self._woken.wait(self.tick)
            self._woken.clear()


def serve(
    installation: Installation, *, host: str, port: int | None, announce: Callable[[str], None], tick: float = TICK
) -> bool:
    """Run background and status page until a signal ends them; False when a step was still running at the end."""
    engine = Background(installation, tick=tick)
    try:
        answer(installation, host=host, port=port, announce=announce, engine=engine)
    finally:
        ended = engine.stop()
        if not ended:
            _release(installation)
    return ended


def answer(
    installation: Installation,
    *,
    host: str,
    port: int | None,
    announce: Callable[[str], None],
    engine: Background | None = None,
) -> None:
    """Answer at the doors until a signal ends it; the `engine`, if there is one, is started with them."""
    import uvicorn

    from api.app import create_app
    from api.watching import watched

    listener = listen(host, installation.settings.port if port is None else port)
    watching = ExitStack()
    meters = watching.enter_context(watched(installation))
    app = create_app(installation, engine, host=host, meters=meters)
    # Whose word about the asker counts is said by `trusted_proxies`; the server itself believes nobody.
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="off", proxy_headers=False
    )
    try:
        with ended_by_signals():
            if engine is not None:
                engine.start()
            announce(_address(host, listener.getsockname()[1]))
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        # The server ends by itself on a signal, and passes it on afterwards.
        pass
    finally:
        listener.close()
        watching.close()


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def _release(installation: Installation) -> None:
    """Let go of our leases, so that whoever goes on need not wait until they run out."""
    with installation.store.writing() as tx:
        for who in (holder(installation), beside(installation)):
            runs.free_leases(tx, who)


def leave_now() -> NoReturn:
    """End the process without waiting for threads; what they had not kept is read again next time."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that everything in it is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `ConfigError` when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"The status page cannot listen on {host} port {port}: {error.strerror}.",
            remedy="Choose another one with --port, e.g. --port 8001, or set CONCORD_PORT; 0 takes any free one.",
        ) from error
    return listener
