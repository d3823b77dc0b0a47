"""An installation that several processes work, on this machine: a door, workers, beat, and a Redis of its own.

Every process can be killed and started again; Redis can be emptied by starting it anew, since it keeps nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

REDIS = shutil.which("redis-server")
START = 180.0
"""Seconds within which a process must have begun, on a machine that has other things to do."""


_QUEUES = {"worker": ("--queues", "consent,live"), "loader": ("--queues", "upkeep,backfill")}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(seen: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so; `AssertionError` when it is not in time."""
    ends = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < ends, f"after {seconds:.0f} s: {what}"
        time.sleep(0.1)


class Stack:
    """The processes of one installation, by name."""

    def __init__(self, folder: Path, database_url: str, *, redis_url: str | None = None) -> None:
        """Nothing runs yet. `redis_url` is used where there is no `redis-server` to start one of our own."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.redis_port, self.port = folder, free_port(), free_port()
        self.owns_redis = redis_url is None
        self.environment = {
            **os.environ,
            "CONCORD_DATA": str(folder / "data"),
            "CONCORD_DATABASE_URL": database_url,
            # The sandboxes are on this machine.
            "CONCORD_ALLOW_PRIVATE": "true",
            "CONCORD_REDIS_URL": redis_url or f"redis://127.0.0.1:{self.redis_port}/0",
            # Where a process hangs, it says in its log at what (`_await_door`).
            "PYTHONFAULTHANDLER": "1",
            "CONCORD_LOG": os.environ.get("CONCORD_LOG", "warning"),
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, IO[bytes]] = {}

    @property
    def url(self) -> str:
        """Where the door is."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Stack:
        """Redis, where it is our own."""
        if self.owns_redis:
            self.start("redis")
        return self

    def __exit__(self, *_: object) -> None:
        """Everything ends, the children of what was killed as well."""
        for name in [one for one in self.running if one != "redis"]:
            self.end(name)
        for name in list(self.running):
            self.end(name)
        for log in self._logs.values():
            log.close()

    def start(self, *names: str) -> None:
        """Start processes, each in a group of its own: `redis`, `serve`, `beat`, or any name for a worker.

        `worker` and `loader` share the lanes as they do in docker-compose.yml; one of another name works all of them.
        """
        for name in names:
            if name not in self._logs:
                self._logs[name] = (self.folder / f"{name}.log").open("ab")
            log = self._logs[name]
            self.running[name] = subprocess.Popen(
                self._command(name), env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        if "redis" in names:
            until(self._redis_answers, START, "Redis does not answer")
        if "serve" in names:
            self._await_door()

    def _await_door(self) -> None:
        try:
            until(self._door_answers, START, "the door does not answer")
        except AssertionError as error:
            process = self.running["serve"]
            process.send_signal(signal.SIGABRT)
            process.wait(20)
            raise AssertionError(f"{error}: {self.log('serve')}") from error

    def _command(self, name: str) -> list[str]:
        concord = [sys.executable, "-c", "from api.cli import main; main()"]
        match name:
            case "redis":
                assert REDIS is not None
                return [
                    REDIS,
                    "--port",
                    str(self.redis_port),
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--bind",
                    "127.0.0.1",
                ]
            case "serve":
                return [*concord, "serve", "--port", str(self.port)]
            case "beat":
                return [*concord, "beat"]
        queues = _QUEUES.get(name, ())
        return [*concord, "worker", "--concurrency", "2", *queues]

    def kill(self, name: str) -> None:
        """End a process at once, without a word to it or to its children."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def revive(self) -> list[str]:
        """Start again what has ended by itself, as a supervisor would; gives what that was and how it ended."""
        ended = {name: code for name, one in self.running.items() if (code := one.poll()) is not None}
        for name in ended:
            self.kill(name)
            self.start(name)
        return [f"{name} ({code})" for name, code in ended.items()]

    def end(self, name: str) -> None:
        """Have a process end, and see to it that it does."""
        process = self.running.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def children(self, name: str) -> list[int]:
        """The numbers of a process's children."""
        return children(self.running[name].pid)

    def memory(self) -> dict[str, float]:
        """Process → MiB that it and its children take up; what several share is shared out among them."""
        return {
            name: sum(resident(pid) for pid in (process.pid, *children(process.pid)))
            for name, process in self.running.items()
        }

    def log(self, name: str) -> str:
        """What a process has said, the end of it."""
        return (self.folder / f"{name}.log").read_text("utf-8", errors="replace")[-3000:]

    def concord(self, *words: str) -> str:
        """A command of the hub; its output."""
        command = [sys.executable, "-c", "from api.cli import main; main()", *words]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def _redis_answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.redis_port), 1) as wire:
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _door_answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def children(pid: int) -> list[int]:
    """The numbers of a process's children; none where it is not there."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return []


def resident(pid: int) -> float:
    """MiB of a process's own, with its part of what it shares."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0
