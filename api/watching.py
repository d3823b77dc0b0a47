"""Watching: what a process that does the hub's work has listening while it does: counts, traces, places of log lines.

Whatever works the hub (`concord up`, `concord sync`, a worker) does so inside `watched`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from api.logs import placed
from api.metrics import Meters, counted
from api.tracing import traced

if TYPE_CHECKING:
    from api.assembly import Installation


@contextmanager
def watched(installation: Installation) -> Iterator[Meters]:
    """Count, trace (where the environment asks for it) and place log lines while the block lasts; gives the counts."""
    hub = installation.hub()
    with counted(hub.connectors) as meters, traced(installation), placed(hub.installation):
        yield meters
