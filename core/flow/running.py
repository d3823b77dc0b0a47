"""Running: every trip of the hub and every act of a person is a run with a number, by which it can be found and undone.

with Run(hub, hub.own_id, "answer", subject={"review": 12}) as run:
changes = Changes(hub.clock(), run.id)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core import signals
from core.errors import ConcordError, StoreError
from core.flow.hub import HUB, Hub
from core.signals import Origin
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
        webhooks: Collection[int] = (),
    ) -> None:
        """Begin the run and give it its number. `webhooks` are those that it takes in, by number."""
        self.hub, self.counts = hub, dict[str, Any]()
        self.subject = dict(subject) if subject is not None else None
        alone = next(iter(webhooks)) if len(webhooks) == 1 else None
        with hub.store.writing() as tx:
            at = hub.clock()
            self.id = runs.begin(tx, connection_id, what, stream=stream, at=at, subject=subject, webhook_id=alone)
        connection = hub.connections.get(connection_id)
        self._span = signals.span(
            "run", Origin(self.id, alone), [Origin(webhook_id=one) for one in sorted(webhooks)], what=what, run=self.id,
            connection=connection.name if connection is not None else HUB, stream=stream,
        )  # fmt: skip

    def __enter__(self) -> Run:
        """Itself."""
        self._span.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Write down what it did, or the error that ended it."""
        try:
            self._end(error)
        finally:
            self._span.__exit__(kind, error, trace)

    def _end(self, error: BaseException | None) -> None:
        self._span.quiet = error is None and not set(self.counts) - _LOOKING
        self._span.note(**{name: count for name, count in self.counts.items() if isinstance(count, int)})
        if isinstance(error, StoreError):
            return
        with self.hub.store.writing() as tx:
            if error is None and self.subject is None and not set(self.counts) - _LOOKING:
                runs.forget(tx, self.id)
                return
            code = error.error_code if isinstance(error, ConcordError) else ("interrupted" if error else None)
            message = str(error) if error else None
            runs.end(tx, self.id, at=self.hub.clock(), counts=self.counts, code=code, message=message)
