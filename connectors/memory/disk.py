"""A world on disk: one JSON file, replaced whole and under a lock, so that several processes share one tool.

Crash tests kill a process in the middle of a batch and let another look at the same tool; therefore each item
is saved by itself. This is a test tool's store: correct and plain, not fast.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson


class Disk:
    """The file of one world. `load` answers None when nobody else has changed it since our last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or changes the world meanwhile; a killed process lets go by itself."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def load(self) -> dict[str, Any] | None:
        """The world as it is in the file, or None when we know it already or there is none yet."""
        try:
            stamp = self._stamp()
        except FileNotFoundError:
            return None
        if stamp == self._seen:
            return None
        self._seen = stamp
        loaded: dict[str, Any] = orjson.loads(self.path.read_bytes())
        return loaded

    def save(self, world: dict[str, Any]) -> None:
        """Replace the file; whoever reads it sees the old world or the new one, never a part."""
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(world, default=list))  # states are named tuples
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int]:
        found = self.path.stat()
        return (found.st_mtime_ns, found.st_ino)
