"""Running: every trip of the hub and every act of a person is a run with a number, by which it can be found and undone.

with Run(hub, hub.own_id, "answer", subject={"review": 12}) as run:
changes = Changes(hub.clock(), run.id)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import ConcordError, StoreError
from core.flow.hub import Hub
from core.store import runs

_LOOKING = frozenset({"read", "unchanged", "looked", "in_step"})
"""Counts of what changes nothing."""


class Run:
    """A run in the log; one that did nothing and met no error leaves no trace.

    `counts` is what it did, filled by whoever opened it; `subject` is what a person's act is about. An act is kept
    whatever it did.
    """

    def __init__(
        self,
        hub: Hub,
        connection_id: int,
        what: str,
        stream: str | None = None,
        *,
        subject: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin the run and give it its number."""
        self.hub, self.counts = hub, dict[str, Any]()
        self.subject = dict(subject) if subject is not None else None
        with hub.store.writing() as tx:
            self.id = runs.begin(tx, connection_id, what, stream=stream, at=hub.clock(), subject=subject)

    def __enter__(self) -> Run:
        """Itself."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Write down what it did, or the error that ended it."""
        if isinstance(error, StoreError):
            return
        with self.hub.store.writing() as tx:
            if error is None and self.subject is None and not set(self.counts) - _LOOKING:
                runs.forget(tx, self.id)
                return
            code = error.error_code if isinstance(error, ConcordError) else ("interrupted" if error else None)
            message = str(error) if error else None
            runs.end(tx, self.id, at=self.hub.clock(), counts=self.counts, code=code, message=message)
