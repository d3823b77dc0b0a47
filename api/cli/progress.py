"""Progress of a long sync, read from the checkpoints: what is counted is what is safely kept, not what was asked for.

A remaining time is shown only where the tool says how many records there are; it follows the pace of the last while.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

from api import queries
from api.engine import Round, turn_crank
from core.model.many import many
from core.store import connections

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from api.assembly import Installation

_LOOK_EVERY = 0.4
"""Seconds between two looks at the checkpoints."""


def watched(installation: Installation, names: Sequence[str] | None, *, until_quiet: bool, shown: bool) -> Round:
    """Turn the crank while showing how far it has come."""
    if not shown:
        return turn_crank(installation, names, until_quiet=until_quiet)
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from api.cli.output import console

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[told]}"))
    bars = Progress(
        *columns, TimeRemainingColumn(elapsed_when_finished=True), console=console(stderr=True), transient=True
    )
    with bars, ThreadPoolExecutor(1, thread_name_prefix="sync") as worker:
        watch = _Watch(installation, names, bars)
        work = worker.submit(turn_crank, installation, names, until_quiet=until_quiet)
        while True:
            try:
                return work.result(timeout=_LOOK_EVERY)
            except NotYet:
                watch.look()


class _Watch:
    """Bars for what is on its way: one a stream that is being walked, one an outbox that is being worked."""

    def __init__(self, installation: Installation, names: Sequence[str] | None, bars: Progress) -> None:
        self.installation, self.bars = installation, bars
        chosen = [one for one in installation.hub().connections.values() if names is None or one.name in names]
        self.sources = {one.id: one.name for one in chosen}
        self.tasks: dict[str, TaskID] = {}
        self.most: dict[int, int] = {}

    def look(self) -> None:
        """Bring the bars up to date."""
        with self.installation.store.reading() as tx:
            streams = connections.all_streams(tx)
            waits = queries.waits(tx)
        for row in streams:
            if row.connection_id in self.sources:
                self._walk(f"{self.sources[row.connection_id]} · {row.name}", row.walked, row.total, row.began_at)
        for connection_id, name in self.sources.items():
            waiting = waits[connection_id].rows if connection_id in waits else 0
            most = self.most[connection_id] = max(self.most.get(connection_id, 0), waiting)
            if most:
                told = f"{most - waiting:,} of {most:,} brought into step"
                self._set(f"{name} ◂ hub", most - waiting, most, told)

    def _walk(self, what: str, walked: int, total: int | None, began_at: int | None) -> None:
        if began_at is None:
            if what in self.tasks:
                self.bars.update(self.tasks[what], total=1, completed=1, told="read")
            return
        told = f"{walked:,} of {many(total, 'record')}" if total else many(walked, "record")
        self._set(what, walked, max(total, walked) if total else None, told)

    def _set(self, what: str, done: int, total: int | None, told: str) -> None:
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total, told=told)
        self.bars.update(self.tasks[what], completed=done, total=total, told=told)
