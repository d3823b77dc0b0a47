"""`console`: how long the server takes for each page of the console, with a million records and ten million entries."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator

from fastapi.testclient import TestClient

from api.app import create_app
from api.console.desk import COOKIE, PLACE
from api.console.people import People, Role
from tests.bench.figures import Figure, at_most
from tests.bench.loglab import Log, person
from tests.bench.stage import Stage, postgres
from tests.support import Lab

LIMIT = 100.0
"""Milliseconds that nineteen of twenty may take."""
_ASKED, _PATIENCE = 60, 10.0
"""So often each page is asked for, or as often as that many seconds allow."""
_MS = 1e3
PAGES = {
    "overview": "", "records by email": "records?q={email}", "a record": "records/contact/{id}", "log": "log",
    "log of a person": "log?who={email}", "log of a connection": "log?connection=crm", "reviews": "reviews",
    "dead letters": "letters", "problems": "problems", "runs": "runs", "a run": "runs/{run}",
    "connections": "connections", "a connection": "connections/crm", "catalogue": "connections/new",
    "consent": "consent?who={email}", "mappings": "mappings", "a mapping": "mappings/crm", "settings": "settings",
    "people": "people", "trail": "trail", "alerts": "alerts", "requests": "requests",
    "API keys": "keys", "webhooks": "webhooks",
}  # fmt: skip


def measure(stage: Stage) -> Iterator[Figure]:
    """p95 of each page, on PostgreSQL."""
    entries = stage.entries or stage.size(10_000_000, 20_000)
    with postgres() as url, Lab(stage.fresh(), tick=0, database_url=url) as lab:
        log = Log(lab, entries, lambda words: stage.tell(f"console: {words}"))
        log.fill()
        gc.collect()
        gc.freeze()
        with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as client:
            client.cookies.set(COOKIE, _signed_in(lab), domain="127.0.0.1", path=PLACE)
            for name, path in PAGES.items():
                stage.tell(f"console: {name}")
                taken = _timed(client, log, path)
                p95 = sorted(taken)[int(len(taken) * 0.95)]
                note = f"median {statistics.median(taken):.1f} ms, the first {taken[0]:.1f} ms, {len(taken)} asked"
                held = f"{log.people:,} people, {entries:,} entries"
                yield at_most("console", f"{name}, {held}, p95", p95, "ms", LIMIT, note=note)


def _signed_in(lab: Lab) -> str:
    people = People(lab.installation)
    token = people.invite("admin@shore.example", Role.ADMIN, by=None)
    return people.accept(token, email="", name="Ann", password="a sentence of five words")


def _timed(client: TestClient, log: Log, path: str) -> list[float]:
    """Milliseconds of each request, of others each time."""
    taken: list[float] = []
    until = time.perf_counter() + _PATIENCE
    while len(taken) < _ASKED and (len(taken) < 5 or time.perf_counter() < until):
        number = log.chance.randrange(log.people)
        asked = path.format(email=person(number)["email"], id=log.first + number, run=1 + number % (log.entries // 100))
        began = time.perf_counter()
        answer = client.get(f"{PLACE}/{asked}")
        taken.append((time.perf_counter() - began) * _MS)
        assert answer.status_code == 200, (asked, answer.status_code)
    return taken
