"""`logsearch`: each kind of question that a support person asks of the log, on both databases.

The tables are filled by whole sets with what a hub of some years holds: four connections, of which one brings nearly
everything, one a thousandth, and one nothing since its first load; edits, writes, answers that are rare, runs. Each
question is asked as `concord log` and `concord why` ask it, of others each time.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from api.listing import Asked, below_of, log_of
from api.queries import Below
from core.decide.keys import keys_of
from core.flow.asking import ask, find
from core.model.claim import Claims
from core.model.instant import HOUR, MINUTE, SECOND
from core.model.values import Values
from core.store import database, deliveries, history, keys, records, tables
from core.store.codec import dumps, pack
from core.store.database import allocate
from core.store.deliveries import Delivery
from core.store.history import Entry
from core.store.records import Record, State
from tests.bench.figures import Figure, at_most
from tests.bench.stage import Stage, postgres
from tests.support import Lab

LIMIT = 100.0
"""Milliseconds that the slowest of a hundred may take."""
_CHUNK = 20_000
_ASKED = 200
_PER_RUN = 40
_MS = 1e3
_BUSY, _SELDOM, _QUIET, _OTHER = "crm", "seldom", "quiet", "news"
_STEP = 7 * SECOND
"""Between two entries."""


def measure(stage: Stage) -> Iterator[Figure]:
    """A million entries in the embedded database, ten in PostgreSQL, or as many as are said."""
    for name, usual in (("embedded", 1_000_000), ("PostgreSQL", 10_000_000)):
        entries = stage.entries or stage.size(usual, 20_000)
        with postgres() if name == "PostgreSQL" else nullcontext() as url:
            lab = Lab(stage.fresh(), tick=0, database_url=url)
            with lab:
                log = _Log(stage, lab, entries)
                log.fill(name)
                yield from log.questions(name)


class _Log:
    """A filled log and the questions that are put to it."""

    def __init__(self, stage: Stage, lab: Lab, entries: int) -> None:
        self.stage, self.lab, self.entries = stage, lab, entries
        self.people = max(100, entries // 10)
        # The same people are asked about in every run.
        self.chance = random.Random(7)
        self.first = 0
        self._places: dict[str | None, Below] = {}

    # --- filling

    def fill(self, name: str) -> None:
        """People, what came in of them, and what went out."""
        for one in (_BUSY, _SELDOM, _QUIET, _OTHER):
            self.lab.tool(one)
        self.streams = {one: self.lab.stream(one).id for one in (_BUSY, _SELDOM, _QUIET, _OTHER)}
        self.began = self.lab.clock() - self.entries * _STEP
        with self.lab.hub.store.writing() as tx:
            self.first = allocate(tx, "record", self.people)[0]
            self.first_binding = allocate(tx, "binding", self.people)[0]
        for start in range(0, self.people, _CHUNK):
            self._people(range(start, min(start + _CHUNK, self.people)))
        deltas = [
            pack({"v": {"phone": f"+4477009{n:05d}"}, "set": {"phone": [None, f"+4477009{n:05d}"]}}) for n in range(64)
        ]
        for start in range(0, self.entries, _CHUNK):
            self.stage.tell(f"logsearch: {name}, {start:,} of {self.entries:,} entries")
            self._entries(range(start, min(start + _CHUNK, self.entries)), deltas)
        with self.lab.hub.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")

    def _people(self, numbers: range) -> None:
        at, hub = self.began, self.lab.hub
        rows, bound, found = [], [], []
        for number in numbers:
            values = _person(number)
            id_ = self.first + number
            rows.append(Record(id_, "contact", dumps(values), State.LIVE, None, 1, at, at))
            stream = self.streams[self._home(number)]
            empty = pack(Claims().to_json())
            bound.append(
                (self.first_binding + number, stream, f"con-{number}", id_, 0, 0, None, None, at, None, empty, empty)
            )
            found += [(one.digest, id_) for one in keys_of("contact", values, hub.blocks)]
        with hub.store.writing() as tx:
            records.insert(tx, rows)
            columns = ("id", "stream_id", "remote_id", "record_id", "state", "digest", "version", "modified_at",
                       "read_at", "wrote_at", "claims", "expected")  # fmt: skip
            database.insert(tx, tables.binding, columns, bound)
            keys.add(tx, found)

    def _home(self, number: int) -> str:
        """The connection somebody is from: nearly all from one, the first hundredth from one that is quiet since."""
        if number < self.people // 100:
            return _QUIET
        return _SELDOM if number % 1_000 == 999 else _BUSY

    def _entries(self, numbers: range, deltas: list[bytes]) -> None:
        hub, early = self.lab.hub, self.people // 100
        came, went, ran = [], [], []
        for number in numbers:
            # What came first is of those of the quiet connection, and nothing of them comes later.
            person = number % early if number < early else early + self.chance.randrange(self.people - early)
            at, run = self.began + number * _STEP, number // _PER_RUN + 1
            if number % _PER_RUN == 0:
                ran.append(self._run(number, at))
            if number % 5 < 3:
                came.append(
                    Entry(self.first + person, at, run, self.first_binding + person, "heard", deltas[number % 64])
                )
            else:
                went.append(self._delivery(number, at, run, self.first + person, person))
        with hub.store.writing() as tx:
            columns = (
                "connection_id",
                "stream",
                "what",
                "began_at",
                "ended_at",
                "counts",
                "code",
                "message",
                "subject",
            )
            database.insert(tx, tables.run, columns, ran)
            history.append(tx, came)
            deliveries.log(tx, went)

    def _run(self, number: int, at: int) -> tuple[object, ...]:
        name = _QUIET if number < self.people // 100 else _SELDOM if number // _PER_RUN % 1_000 == 0 else _BUSY
        failed = ("unavailable", "The tool cannot be reached.") if number // _PER_RUN % 500 == 7 else (None, None)
        id_ = self.lab.connection(name).id
        return (id_, "contacts", "pull", at, at + SECOND, '{"heard": 40}', *failed, None)

    def _delivery(self, number: int, at: int, run: int, record_id: int, person: int) -> Delivery:
        name = _SELDOM if number % 1_000 == 3 else _QUIET if number < self.people // 100 else _OTHER
        code = "refused" if number % 100 == 4 else "forbidden" if number % 50_000 == 8 else None
        outcome = "done" if code is None else "refused"
        connection = self.lab.connection(name).id
        return Delivery(at, run, connection, record_id, f"con-{person}", "update", outcome, code, '["phone"]', None)

    # --- asking

    def questions(self, name: str) -> Iterator[Figure]:
        """How long each kind of question takes."""
        now = self.lab.clock()
        last = self.entries // _PER_RUN
        asked: dict[str, Callable[[], object]] = {
            "a person by email": lambda: self._log(Asked(email=str(_person(self._any())["email"]))),
            "a person by a tool's id": lambda: self._log(Asked(email=f"con-{self._any()}")),
            "a person by name": lambda: self._log(Asked(email=str(_person(self._any())["last_name"]))),
            "nobody's address": lambda: self._log(Asked(email=f"nobody{self._any()}@nowhere.example")),
            "a record by number": lambda: self._log(Asked(record=self.first + self._any())),
            "why each value of a record stands": self._why,
            "a run": lambda: self._log(Asked(run=1 + self.chance.randrange(last))),
            "what is newest": lambda: self._log(Asked()),
            "a busy connection": lambda: self._log(Asked(connection=_BUSY)),
            "a connection of which little comes": lambda: self._log(Asked(connection=_SELDOM)),
            "a connection that is quiet since long": lambda: self._log(Asked(connection=_QUIET)),
            "a common code": lambda: self._log(Asked(code="refused")),
            "a rare code": lambda: self._log(Asked(code="forbidden")),
            "a code that never came": lambda: self._log(Asked(code="garbled")),
            "the last hours": lambda: self._log(Asked(since=now - self.chance.randrange(1, 48) * HOUR)),
            "the last minute": lambda: self._log(Asked(since=now - MINUTE)),
            "a quiet connection's last hours": lambda: self._log(Asked(connection=_QUIET, since=now - 24 * HOUR)),
            "the tenth page": self._tenth_page,
            "the tenth page of a connection of which little comes": lambda: self._tenth_page(_SELDOM),
        }  # fmt: skip
        for words, question in asked.items():
            self.stage.tell(f"logsearch: {name}, {words}")
            taken, worked = _timed(question)
            p99 = _p99(taken)
            note = f"median {statistics.median(taken):.1f} ms, {len(taken)} asked; our own processor time, "
            note += f"median {statistics.median(worked):.1f} ms, p99 {_p99(worked):.1f} ms"
            yield at_most("logsearch", f"{words}, {name}, {self.entries:,} entries", p99, "ms", LIMIT, note=note)

    def _any(self) -> int:
        return self.chance.randrange(self.people)

    def _log(self, asked: Asked) -> object:
        return log_of(self.lab.installation, asked)

    def _tenth_page(self, name: str | None = None) -> object:
        """As it is reached page by page; only the first time counts that way down."""
        if name not in self._places:
            below = Below()
            for _ in range(9):
                page = log_of(self.lab.installation, Asked(connection=name, below=below))
                below = below_of(page[-1]["older"]) if page else below
            self._places[name] = below
        return self._log(Asked(connection=name, below=self._places[name]))

    def _why(self) -> object:
        (record,) = find(self.lab.hub, "contact", str(self.first + self._any()))
        return ask(self.lab.hub, record)


def _timed(question: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Milliseconds of each asking, by the clock and of the processor; what is far too slow is not asked so often."""
    question()
    taken: list[float] = []
    worked: list[float] = []
    until = time.perf_counter() + 15
    while len(taken) < _ASKED and (len(taken) < 5 or time.perf_counter() < until):
        busy, began = time.thread_time(), time.perf_counter()
        question()
        taken.append((time.perf_counter() - began) * _MS)
        worked.append((time.thread_time() - busy) * _MS)
    return taken, worked


def _p99(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]


def _person(number: int) -> Values:
    return {
        "email": f"person{number}@shore{number % 500}.example",
        "first_name": f"First{number % 5000}",
        "last_name": f"Last{number}",
        "phone": f"+44770{number % 10_000_000:07d}",
    }
