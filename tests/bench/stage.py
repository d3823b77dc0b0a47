"""The stage a bench stands on: how large to measure, a folder that goes away, and processes that end.

Everything started here belongs to a `with` block, so that it ends with the block, also on Ctrl-C. Servers and peers
are processes of their own; what they measured comes back as lines of JSON.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.bench.figures import Skipped

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ROOT / ".venv-bench" / "bin"
"""Where the peers are installed, apart from ours: they pin their own versions."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What every bench is given."""

    quick: bool
    folder: Path
    """Gone when the run ends."""
    tell: Callable[[str], None]
    """Says what is being done, in a few words."""
    minutes: float | None = None
    """How long what goes on for long goes on; None for as long as usual."""
    entries: int | None = None
    """How many entries the log is to have that is searched; None for as many as are usual."""

    def fresh(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def size(self, usual: int, quick: int) -> int:
        """How much to measure."""
        return quick if self.quick else usual


def peer(name: str) -> Path:
    """A peer's program; `Skipped` when it is not installed."""
    program = PEERS / name
    if not program.exists():
        raise Skipped(f"{name} is not in .venv-bench; `make bench` installs it.")
    return program


def version(package: str) -> str:
    """The version of a peer as installed; `Skipped` when it is not."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    python = PEERS / "python"
    command = [str(python), "-c", code] if python.exists() else ["false"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise Skipped(f"{package} is not in .venv-bench; `make bench` installs it.")
    return found.stdout.strip()


@contextmanager
def pages(total: int, *, render: int = 0) -> Iterator[str]:
    """A page server of so many contacts; gives its address. `render` revisions are made beforehand."""
    command = [sys.executable, "-m", "tests.bench.pageserver", str(total), "--render", str(render)]
    with started(command, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


def ours(stage: Stage, url: str, *passes: str, database: str | None = None) -> list[dict[str, Any]]:
    """Concord's passes over the pages in a process of its own: one report a pass, and the last one of the process."""
    folder = stage.fresh()
    more = ["--database", database] if database else []
    return reports([sys.executable, "-m", "tests.bench.ours", url, str(folder), *passes, *more])


def reports(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Run a program to its end and read the lines of JSON it prints; what went wrong is told with its last words."""
    with tempfile.TemporaryFile("w+") as words, started(command, env=env, stderr=words) as process:
        assert process.stdout is not None
        lines = [line for line in process.stdout if line.startswith("{")]
        if process.wait():
            words.seek(0)
            last = [line.strip() for line in words.read().splitlines() if line.strip()][-3:]
            raise RuntimeError(f"{Path(command[0]).name} {command[1]} failed: {' | '.join(last)[:600]}")
    return [json.loads(line) for line in lines]


@contextmanager
def started(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: int | None = None, stderr: Any = None
) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as the block lasts."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        _running.add(process)
        try:
            yield process
        finally:
            _running.discard(process)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


_running: set[subprocess.Popen[Any]] = set()


def watch(*processes: subprocess.Popen[Any]) -> None:
    """Let these processes, which somebody else started, end with an interrupt too."""
    _running.update(processes)


def interrupted(_signal: int, _frame: FrameType | None) -> None:
    """Ctrl-C: end the processes first, since a thread of ours may be waiting for one of them, then leave."""
    for process in _running:
        process.terminate()
    raise KeyboardInterrupt


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL database, dropped after the block; `Skipped` where no server answers."""
    found = os.environ.get("CONCORD_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/")
    url = make_url(found).set(drivername="postgresql")
    admin_url = url.set(database=url.database or "postgres").render_as_string(hide_password=False)
    try:
        admin = psycopg.connect(admin_url, autocommit=True, connect_timeout=3)
    except psycopg.Error as error:
        raise Skipped(
            f"No PostgreSQL answers ({str(error).splitlines()[0]}); name one in CONCORD_TEST_POSTGRES."
        ) from error
    name = f"concord_bench_{secrets.token_hex(4)}"
    with admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
