"""Serving: the doors and pages of `concord up`, `concord serve` and the demo, until a signal ends them.

All end within seconds of Ctrl-C or SIGTERM: what a broken-off step had not yet kept is read again next time, which does
no harm.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import uvicorn

from api.app import create_app
from api.background import TICK, Background
from api.console.desk import PLACE
from api.console.people import People
from api.ending import ended_by_signals
from api.engine import beside, holder
from api.lines import lines
from api.watching import watched
from core.errors import ConfigError
from core.store import runs

if TYPE_CHECKING:
    from api.assembly import Installation


Announce = Callable[[str, str | None], None]
"""Told the address, and the link that makes the first admin of the console, as long as there is nobody."""


def serve(installation: Installation, *, host: str, port: int | None, announce: Announce, tick: float = TICK) -> bool:
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
    announce: Announce,
    engine: Background | None = None,
) -> None:
    """Answer at the doors until a signal ends it; the `engine`, if there is one, is started with them."""
    listener = listen(host, installation.settings.port if port is None else port)
    watching = ExitStack()
    meters = watching.enter_context(watched(installation))
    app = create_app(installation, engine, host=host, meters=meters)
    # Whose word about the asker counts is said by `trusted_proxies`; the server itself believes nobody.
    config = uvicorn.Config(
        app, http=lines(), log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="off",
        proxy_headers=False,
    )  # fmt: skip
    try:
        with ended_by_signals():
            if engine is not None:
                engine.start()
            address = _address(host, listener.getsockname()[1])
            announce(address, _welcome(installation, address))
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        # The server ends by itself on a signal, and passes it on afterwards.
        pass
    finally:
        listener.close()
        watching.close()


def _welcome(installation: Installation, address: str) -> str | None:
    """A link that makes the first admin of the console; None once there is somebody."""
    token = People(installation).first_link()
    return f"{address}{PLACE[1:]}/welcome/{token}" if token is not None else None


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def _release(installation: Installation) -> None:
    """Let go of our leases, so that whoever goes on need not wait until they run out."""
    with installation.store.writing() as tx:
        for who in (holder(installation), beside(installation)):
            runs.free_leases(tx, who)


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
