"""Running a trial: the process in which it happens is started, heard, and ended; its folder goes with it.

The process gets no setting of this installation and none of its environment but what Python needs, so that it has
neither store nor vault, and nothing that tells of them. It may be broken off at any time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import structlog

from core.errors import ConfigError, Unforeseen

if TYPE_CHECKING:
    from api.trial.asked import Asked

LIMIT = 60.0
"""Seconds after which a trial is broken off."""
_NEEDED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")
"""What of the environment the process may see."""
Told = dict[str, Any]
Tell = Callable[[str], None]
log = structlog.get_logger("concord.trial")


class Trial:
    """One trial. `run` waits for its end; `cancel` may be called meanwhile by somebody else."""

    def __init__(self, asked: Asked, *, limit: float = LIMIT) -> None:
        """`limit` is in seconds."""
        self.asked = asked
        self._limit = limit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._ended_by = ""

    def run(self, tell: Tell = lambda _: None) -> Told:
        """The report (`api.trial.telling`); `ConfigError` where it was broken off or the tool cannot be tried.

        `tell` hears what is done just now.
        """
        tell("A room of its own is opened for the trial.")
        with tempfile.TemporaryDirectory(prefix="concord-trial-", ignore_cleanup_errors=True) as folder:
            with self._room(folder) as process:
                last = _heard(process, json.dumps(self.asked.to_json()), tell)
            if self._ended_by:
                raise ConfigError(self._ended_by, remedy="Nothing is left of it. Try again whenever you like.")
            return _report(last)

    def cancel(self, why: str = "The trial was broken off.") -> None:
        """Break it off, or keep it from beginning."""
        with self._lock:
            self._ended_by = self._ended_by or why
            if self._process is not None:
                self._process.kill()

    @contextmanager
    def _room(self, folder: str) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self._ended_by:
                raise ConfigError(self._ended_by, remedy="Nothing was begun.")
            self._process = _started(folder)
        process = self._process
        clock = threading.Timer(self._limit, self.cancel, [f"The trial took longer than {self._limit:g} seconds."])
        clock.start()
        try:
            yield process
        finally:
            clock.cancel()
            process.kill()
            # Before its folder goes, so that nothing is written there any more.
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    _there(pipe).close()


def _started(folder: str) -> subprocess.Popen[str]:
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(one) for one in sys.path if one)  # noqa: PTH100
    command = [sys.executable, "-P", "-m", "api.trial.room"]
    return subprocess.Popen(  # noqa: S603 -- our own interpreter on our own module
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip


def _heard(process: subprocess.Popen[str], asked: str, tell: Tell) -> Told:
    """The last line; empty where the process ended without one."""
    last: Told = {}
    with suppress(BrokenPipeError):
        print(asked, file=_there(process.stdin), flush=True)
    for line in _there(process.stdout):
        last = json.loads(line)
        if "say" in last:
            tell(last["say"])
        else:
            return last
    return {}


def _report(last: Told) -> Told:
    if "report" in last:
        report: Told = last["report"]
        return report
    if "error" in last:
        raise ConfigError(last["error"]["message"], remedy=last["error"]["remedy"] or None)
    log.error("a trial failed", trace=last.get("crash", "its process ended without a word"))
    raise Unforeseen("The trial failed in a way that nobody has foreseen.", remedy="The log says more.")


def _there(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 -- both are pipes, see above
    return pipe
