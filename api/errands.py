"""Errands: what takes longer than an answer may, such as a plan, done in a thread of this process meanwhile.

What an errand gives is kept in memory only, the newest of each name; whoever asks after a restart asks anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from core.errors import ConcordError, ConfigError

if TYPE_CHECKING:
    from core.model.instant import Instant

PATIENCE = 2.0
"""Seconds that a page waits for an errand to end before it shows that it is under way."""
_KEPT = 32
log = structlog.get_logger("concord.console")


@dataclass(slots=True)
class Progress:
    """How far an errand has come; its work says so, and whoever waits reads it."""

    words: str = ""

    def tell(self, words: str) -> None:
        """What is done just now."""
        self.words = words


@dataclass(slots=True)
class Errand:
    """One of them: under way until it has a result or an error."""

    what: str
    began_at: Instant
    subject: Any = None
    """What it is about, for whoever goes on from its result."""
    progress: Progress = field(default_factory=Progress)
    result: Any = None
    error: ConcordError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return not self.ended.is_set()

    def waited(self, seconds: float | None = None) -> None:
        """Give it a moment, `PATIENCE` where nothing else is said."""
        self.ended.wait(PATIENCE if seconds is None else seconds)


class Errands:
    """Those of one process, by name; of each name one at a time."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        """None yet."""
        self._clock, self._lock = clock, threading.Lock()
        self._by_name: dict[str, Errand] = {}

    def begin(
        self,
        name: str,
        what: str,
        work: Callable[[], Any],
        *,
        subject: Any = None,
        progress: Progress | None = None,
    ) -> Errand:
        """Begin one; where one of that name is under way, that one is given back."""
        with self._lock:
            known = self._by_name.pop(name, None)
            if known is not None and not known.ended.is_set():
                self._by_name[name] = known
                return known
            errand = self._by_name[name] = Errand(what, self._clock(), subject, progress or Progress())
            for old in list(self._by_name)[:-_KEPT]:
                if self._by_name[old].ended.is_set():
                    del self._by_name[old]
        threading.Thread(target=_run, args=(errand, work), name=f"errand {name}", daemon=True).start()
        return errand

    def begin_mine(
        self,
        name: str,
        what: str,
        work: Callable[[], Any],
        *,
        subject: Any = None,
        progress: Progress | None = None,
    ) -> Errand:
        """Begin one; `ConfigError` where another one of that name is under way."""
        mine = progress or Progress()
        errand = self.begin(name, what, work, subject=subject, progress=mine)
        if errand.progress is not mine:
            raise ConfigError(
                "Something else is under way here; nothing was begun.", remedy="Wait until it has ended, then repeat."
            )
        return errand

    def of(self, name: str) -> Errand | None:
        """The newest of a name."""
        return self._by_name.get(name)

    def forget(self, name: str) -> None:
        """Drop what one has given; one under way goes on."""
        with self._lock:
            known = self._by_name.get(name)
            if known is not None and known.ended.is_set():
                del self._by_name[name]


def _run(errand: Errand, work: Callable[[], Any]) -> None:
    try:
        errand.result = work()
    except ConcordError as error:
        errand.error = error
    except Exception:
        log.exception("an errand failed", what=errand.what)
        errand.error = ConcordError("This failed in a way that nobody has foreseen.", remedy="The log says more.")
    finally:
        errand.ended.set()
