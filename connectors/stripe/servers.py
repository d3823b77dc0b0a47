"""localstripe on loopback, for tests: somebody else's stand-in for Stripe, a witness that never saw ours.

It is under the GPL, so it is no part of Concord and of none of its requirements: it is installed into an environment of
its own, and spoken to over its socket alone. It keeps to an API of 2017; `test_servers.py` names what it lacks.
"""

from __future__ import annotations

import socket
import subprocess
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

REQUIREMENT = "localstripe==1.15.10"
HOUSE = Path(__file__).parents[2] / ".venv-localstripe"
KEY = "sk_test_localstripe"
_START = "from aiohttp import web; from localstripe.server import app; web.run_app(app, host='127.0.0.1', port={port})"
_PATIENCE = 30.0
"""Seconds the server may take to answer for the first time, and to end."""


class Missing(RuntimeError):
    """It cannot be installed here."""


class Server(NamedTuple):
    """A running server."""

    url: str

    def client(self) -> httpx.Client:
        """Signed in, for a person who works past Concord."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)

    def forget(self) -> None:
        """Empty it."""
        with self.client() as client:
            client.delete("/_config/data").raise_for_status()


@contextmanager
def localstripe(folder: Path, house: Path = HOUSE) -> Iterator[Server]:
    """The server, with its log and its data in a folder; `Missing` where it cannot be installed."""
    python, port = _installed(house), _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - an interpreter that we made, on an installed package
            [str(python), "-c", _START.format(port=port)],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder,
            # Its data are kept in the folder for temporary files; there they would outlive the test.
            env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        try:
            _wait_for(port, process, folder / "server.log")
            yield Server(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _installed(house: Path) -> Path:
    """The interpreter of an environment with localstripe in it, made at the first call."""
    python, stamp = house / "bin" / "python", house / REQUIREMENT
    if not stamp.exists():
        venv.create(house, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)  # noqa: S603 - as above
        if ran.returncode:
            raise Missing(f"{REQUIREMENT} cannot be installed: {ran.stderr.strip()[-300:]}")
        stamp.touch()
    return python


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8', errors='replace')[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
