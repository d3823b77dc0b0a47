"""The hub comes into agreement with three rosters, in a process of its own.

`python -m tests.bench.agreeing FOLDER N [day]`: first everything is read and written; then, where it is asked for, a
day passes in which nobody changes anything. Time is simulated, and the processor time is the hub's own. A line of JSON
says what each took. With a FOLDER that was agreed before, only the day is lived through.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import structlog
from sqlalchemy import event, func, select

from api.assembly import Installation
from api.background import Background
from api.building import ConnectionSpec
from api.engine import measure, turn_crank
from api.settings import Settings
from connectors._kit.clock import VirtualTime
from connectors._kit.hostile.mortal import SameThread
from core.model.instant import DAY, HOUR, SECOND, Instant
from core.store.database import Store
from core.store.tables import binding, stream
from tests.bench.ours import peak_bytes, store_bytes
from tests.bench.roster import LIKES, declare
from tests.bench.rosters import BEGAN
from tests.bench.stage import started

_MAPPING = """
people:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name}
    phone: {field: phone}
    job_title: {field: job_title}
    department: {field: department}
    address: {field: {street: street, city: city, postal_code: postal_code, country: country}}
    website: {field: website}
    source: {field: source}
"""
_WRITES = re.compile(r'(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) "?(\w+)')
_TICKS = 200
"""Looks at what is due, where nothing is."""


class Ledger:
    """What a store is asked and told: statements, and rows written by table."""

    def __init__(self, store: Store) -> None:
        self.statements, self.rows = 0, Counter[str]()
        event.listen(store.engine, "after_cursor_execute", self._note)

    def _note(self, _connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        found = _WRITES.match(statement)
        self.statements += not statement.startswith(("BEGIN", "PRAGMA"))
        if found and cursor.rowcount > 0:
            self.rows[found[1]] += cursor.rowcount

    def begin(self) -> None:
        """Count from here."""
        self.statements = 0
        self.rows.clear()

    def told(self) -> dict[str, Any]:
        """What was counted."""
        return {"statements": self.statements, "rows": sum(self.rows.values()), "tables": dict(self.rows.most_common())}


class Tools:
    """The rosters, and how often they were called."""

    def __init__(self, url: str) -> None:
        self.url = url

    def tally(self) -> dict[str, dict[str, int]]:
        """Tool → calls by sort since the last time."""
        return {like.name: httpx.get(f"{self.url}/{like.name}/tally").json() for like in LIKES}


@contextmanager
def at_work(folder: Path, total: int) -> Iterator[tuple[Installation, VirtualTime, Tools]]:
    """The rosters and a hub that is connected to them."""
    declare(folder)
    names = [f"{like.name}:{like.every}" for like in LIKES]
    command = [sys.executable, "-m", "tests.bench.rosters", str(total), str(folder / "rosters"), *names]
    with started(command, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = process.stdout.readline().strip()
        kept = folder / "clock"
        clock = VirtualTime(int(kept.read_text()) if kept.exists() else BEGAN, tick=100)
        with Installation(Settings(data=folder), clock=clock, sleep=clock.sleep) as installation:
            for like in LIKES:
                spec = ConnectionSpec(like.name, like.name, {"url": url}, _MAPPING, f"{like.name}.yaml")
                installation.put_connection(spec)
            yield installation, clock, Tools(url)
        kept.write_text(str(clock()))
        process.stdin.close()
        process.wait()


def agree(installation: Installation, tools: Tools, ledger: Ledger, folder: Path, total: int) -> dict[str, Any]:
    """Read and write until all agree."""
    ledger.begin()
    began = time.process_time()
    done = turn_crank(installation, until_quiet=True, measured=False)
    cpu = time.process_time() - began
    if done.failed:
        raise next(turn.error for turn in done.failed if turn.error is not None)
    began = time.process_time()
    marked = measure(installation, done)
    measuring = time.process_time() - began
    again = turn_crank(installation, measured=False)
    return {
        "cpu": cpu, "measuring": measuring, "marked": marked, "share": done.share, "writes": done.writes,
        "writes_after": again.writes, "calls": tools.tally(), "peak_bytes": peak_bytes(),
        "store_bytes": store_bytes(folder), "bindings": _count(installation, binding), "total": total,
        **ledger.told(),
    }  # fmt: skip


def live_through(installation: Installation, clock: VirtualTime, tools: Tools, ledger: Ledger) -> dict[str, Any]:
    """A day of the background's looks, each when something is due; nobody changes anything.

    What is spent while a tool shows everybody again, as some do once a day, is counted apart.
    """
    background = Background(installation, seconds=lambda: clock() / SECOND)
    # What was written last is looked at once more, because polls look back.
    for _ in range(3):
        _do_what_is_due(background)
        clock.sleep(HOUR / SECOND)
    tools.tally()
    ledger.begin()
    until, cpu, walking, rounds = clock() + DAY, 0.0, 0.0, 0
    while clock() < until:
        rounds += 1
        before, began = _asked(installation), time.process_time()
        _do_what_is_due(background)
        spent = time.process_time() - began
        if any(_asked(installation)[name] - before.get(name, 0) > 1 for name in before):
            walking += spent
        else:
            cpu += spent
        clock.sleep(_pause(installation, clock()))
    told = ledger.told()
    assert "delivery" not in told["tables"], told
    log = (Path(installation.settings.data) / "concord.db-wal").stat().st_size
    calls = tools.tally()
    ledger.begin()
    began = time.process_time()
    for _ in range(_TICKS):
        _do_what_is_due(background)
    tick = {"cpu": (time.process_time() - began) / _TICKS}
    tick |= {word: ledger.told()[word] / _TICKS for word in ("statements", "rows")}
    return {"cpu": cpu, "walking": walking, "rounds": rounds, "tick": tick, "calls": calls, "log": log, **told}


def _do_what_is_due(background: Background) -> None:
    """One thing after the other, until nothing is due."""
    while background.look(cast("Executor", SameThread())):
        pass
    if background.trouble is not None:
        raise background.trouble


def _asked(installation: Installation) -> dict[str, int]:
    return {like.name: installation.connector(like.name).calls for like in LIKES}


def _pause(installation: Installation, now: Instant) -> float:
    """Seconds until a stream is due, or a minute has passed."""
    with installation.store.reading() as tx:
        due = tx.execute(select(func.min(stream.c.due_at)).where(stream.c.cursor.is_not(None))).scalar_one()
    return float(min(60.0, max(1.0, (due - now) / SECOND)))


def _count(installation: Installation, table: Any) -> int:
    with installation.store.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


def main() -> None:
    """Agree, unless that was done in this folder before, and live through a day."""
    folder, total = Path(sys.argv[1]), int(sys.argv[2])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    agreed = folder / "agreed"
    if not agreed.exists():
        with at_work(folder, total) as (installation, _, tools):
            report = agree(installation, tools, Ledger(installation.store), folder, total)
        agreed.write_text(json.dumps(report))
    print(agreed.read_text(), flush=True)
    if len(sys.argv) < 4:
        return
    with at_work(folder, total) as (installation, clock, tools):
        print(json.dumps(live_through(installation, clock, tools, Ledger(installation.store))), flush=True)


if __name__ == "__main__":
    main()
