"""A filled log, and the questions that are put to it: for the bench of its search, and for the test of what one costs.

The tables are filled by whole sets with what a hub of some years holds: four connections, of which one brings nearly
everything, one a thousandth, and one nothing since its first load; edits, writes, answers that are rare, runs, one of
them a tenth of all, and somebody about whom every hundredth entry is. Each question is asked as `concord log` and
`concord why` ask it, of others each time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Index, Table

from api.entries import Below
from api.listing import Asked, below_of, log_of
from core.decide.keys import keys_of, reach_of
from core.decide.words import words_of
from core.flow.asking import ask, find
from core.model.claim import Claims
from core.model.instant import HOUR, MINUTE, SECOND
from core.model.shapes import SHAPES
from core.model.values import Values
from core.store import database, keys, tables, words
from core.store.codec import dumps, pack
from core.store.database import allocate
from core.store.records import State
from core.store.settling import settle
from tests.support import Lab

CHUNK = 50_000
_PER_RUN, _SELDOM_EVERY = 40, 1_000
_BUSY, _SELDOM, _QUIET, _OTHER = "crm", "seldom", "quiet", "news"
_STEP = 7 * SECOND
"""Between two entries."""
_LARGE = (tables.history, tables.delivery, tables.record, tables.binding, tables.run)
_RECORD = ("id", "kind", "values", "state", "merged_into", "version", "created_at", "updated_at")
_RUN = ("connection_id", "stream", "what", "began_at", "ended_at", "counts", "code", "message")


class Log:
    """A log of so many entries."""

    def __init__(self, lab: Lab, entries: int, tell: Callable[[str], None] = lambda _words: None) -> None:
        """`tell` hears how far filling it is."""
        self.lab, self.entries, self.tell = lab, entries, tell
        self.people = max(100, entries // 10)
        # The same people are asked about in every run.
        self.chance = random.Random(7)
        self.first = 0
        self._places: dict[str | None, Below] = {}
        self.long = range(entries * 4 // 10 + _PER_RUN, entries // 2)
        """The entries of the long run."""

    # --- filling

    def fill(self) -> None:
        """People, what came in of them, and what went out; indexes are made once everything is there."""
        for one in (_BUSY, _SELDOM, _QUIET, _OTHER):
            self.lab.tool(one)
        self.streams = {one: self.lab.stream(one).id for one in (_BUSY, _SELDOM, _QUIET, _OTHER)}
        self.connections = {one: self.lab.connection(one).id for one in self.streams}
        self.began = self.lab.clock() - self.entries * _STEP
        indexes = [index for table in _LARGE for index in table.indexes]
        with self.lab.hub.store.writing() as tx:
            self.first = allocate(tx, "record", self.people)[0]
            self.first_binding = allocate(tx, "binding", self.people)[0]
            for index in indexes:
                index.drop(tx)
        for start in range(0, self.people, CHUNK):
            self.tell(f"{start:,} of {self.people:,} people")
            self._people(range(start, min(start + CHUNK, self.people)))
        deltas = [
            pack({"v": {"phone": f"+4477009{n:05d}"}, "set": {"phone": [None, f"+4477009{n:05d}"]}}) for n in range(64)
        ]
        for start in range(0, self.entries, CHUNK):
            self.tell(f"{start:,} of {self.entries:,} entries")
            self._entries(range(start, min(start + CHUNK, self.entries)), deltas)
        self._finish(indexes)

    def _finish(self, indexes: Sequence[Index]) -> None:
        self.tell("indexes")
        with self.lab.hub.store.writing() as tx:
            for index in indexes:
                index.create(tx)
        with self.lab.hub.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # PostgreSQL's own housekeeping does both in an installation.
            connection.exec_driver_sql("ANALYZE" if self.lab.hub.store.embedded else "VACUUM ANALYZE")

    def _people(self, numbers: range) -> None:
        at, hub = self.began, self.lab.hub
        rows: list[tuple[object, ...]] = []
        bound: list[tuple[object, ...]] = []
        found, called = [], []
        empty = pack(Claims().to_json())
        for number in numbers:
            values = person(number)
            id_ = self.first + number
            rows.append((id_, "contact", dumps(values), int(State.LIVE), None, 1, at, at))
            stream = self.streams[self._home(number)]
            bound.append(
                (self.first_binding + number, stream, f"con-{number}", id_, 0, 0, None, None, at, None, empty, empty)
            )
            found += [(one.digest, id_) for one in keys_of("contact", values, hub.blocks)]
            found += [(digest, id_) for digest in reach_of("contact", values, hub.blocks)]
            called += [(word, id_) for word in words_of(SHAPES["contact"], values)]
        with hub.store.writing() as tx:
            _put(tx, tables.record, _RECORD, rows)
            columns = ("id", "stream_id", "remote_id", "record_id", "state", "digest", "version", "modified_at",
                       "read_at", "wrote_at", "claims", "expected")  # fmt: skip
            _put(tx, tables.binding, columns, bound)
            keys.add(tx, found)
            keys.settle(tx)
            words.add(tx, called)
            settle(tx, tables.new_word, tables.word)

    def _home(self, number: int) -> str:
        """The connection somebody is from: nearly all from one, the first hundredth from one that is quiet since."""
        if number < self.people // 100:
            return _QUIET
        return _SELDOM if number % _SELDOM_EVERY == _SELDOM_EVERY - 1 else _BUSY

    def _entries(self, numbers: range, deltas: list[bytes]) -> None:
        early = self.people // 100
        came, went, ran = [], [], []
        for number in numbers:
            at, run = self.began + number * _STEP, self._run_of(number)
            # What came first is of those of the quiet connection, and nothing of them comes later.
            one = number % early if number < early else self._whom(number, run)
            if number % _PER_RUN == 0:
                ran.append(self._run(number, at))
            if number % 5 < 3:
                came.append((self.first + one, at, run, self.first_binding + one, "heard", deltas[number % 64]))
            else:
                went.append(self._delivery(number, at, run, one))
        with self.lab.hub.store.writing() as tx:
            _put(tx, tables.run, _RUN, ran)
            _put(tx, tables.history, ("record_id", "at", "run_id", "binding_id", "what", "delta"), came)
            columns = ("at", "run_id", "connection_id", "record_id", "remote_id", "verb", "outcome", "code", "fields")
            _put(tx, tables.delivery, columns, went)

    def _whom(self, number: int, run: int) -> int:
        """Whom an entry is about: whoever the run's connection brings."""
        if self._whose(run) == _SELDOM and self.people >= _SELDOM_EVERY:
            return self.chance.randrange(self.people // _SELDOM_EVERY) * _SELDOM_EVERY + _SELDOM_EVERY - 1
        early = self.people // 100
        return self.known if number % 100 == 50 else early + self.chance.randrange(self.people - early)

    @property
    def known(self) -> int:
        """Somebody about whom much is known."""
        return self.people // 2

    def _run_of(self, number: int) -> int:
        """The run of an entry; the runs that begin within the long one bring nothing."""
        return (self.long.start if number in self.long else number) // _PER_RUN + 1

    def _whose(self, run: int) -> str:
        """The connection that a run is of."""
        if (run - 1) * _PER_RUN < self.people // 100:
            return _QUIET
        return _SELDOM if run % _SELDOM_EVERY == 1 else _BUSY

    def _run(self, number: int, at: int) -> tuple[object, ...]:
        name = self._whose(number // _PER_RUN + 1)
        failed = ("unavailable", "The tool cannot be reached.") if number // _PER_RUN % 500 == 7 else (None, None)
        return (self.connections[name], "contacts", "pull", at, at + SECOND, '{"heard": 40}', *failed)

    def _delivery(self, number: int, at: int, run: int, one: int) -> tuple[object, ...]:
        name = _SELDOM if number % 1_000 == 3 else _QUIET if number < self.people // 100 else _OTHER
        code = "refused" if number % 100 == 4 else "forbidden" if number % 50_000 == 8 else None
        outcome = "done" if code is None else "refused"
        whose = self.connections[name]
        return (at, run, whose, self.first + one, f"con-{one}", "update", outcome, code, '["phone"]')

    # --- asking

    def questions(self) -> dict[str, Callable[[], object]]:
        """Every kind of question, by what it is called."""
        now, log = self.lab.clock(), self._log
        last = self.long.start // _PER_RUN
        middle = self.entries * 27 // 100
        """An entry of history in the midst of the long run."""
        return {
            "a person by email": lambda: log(email=str(person(self._any())["email"])),
            "a person by a tool's id": lambda: log(email=f"con-{self._any()}"),
            "a person by name": lambda: log(email=str(person(self._any())["last_name"])),
            "a person by two names": lambda: log(email="{first_name} {last_name}".format(**person(self._any()))),
            "a person by the beginnings of two names": self._beginnings,
            "a first name that many have": lambda: log(email=f"First{self._any() % 9}"),
            # Of a first word that many have, up to ten thousand are counted, which grows until there are as many.
            "a name that nobody has": lambda: log(email=f"Nowhere{self._any()} Nobody{self._any()}"),
            "nobody's address": lambda: log(email=f"nobody{self._any()}@nowhere.example"),
            "a record by number": lambda: log(record=self.first + self._any()),
            "a record of which much is known": lambda: log(record=self.first + self.known),
            "why each value of a record stands": self._why,
            "a run": lambda: log(run=1 + self.chance.randrange(last)),
            "a run of a tenth of all": lambda: log(run=self._run_of(self.long.start)),
            "what is newest": log,
            "a busy connection": lambda: log(connection=_BUSY),
            "a busy connection in the midst of a long run": lambda: log(connection=_BUSY, below=Below(middle, 1, 1)),
            "a connection of which little comes": lambda: log(connection=_SELDOM),
            "a connection that is quiet since long": lambda: log(connection=_QUIET),
            "a common code": lambda: log(code="refused"),
            "a rare code": lambda: log(code="forbidden"),
            "a code that never came": lambda: log(code="garbled"),
            "a common code of a connection that never gives it": lambda: log(connection=_QUIET, code="refused"),
            "the last hours": lambda: log(since=now - self.chance.randrange(1, 48) * HOUR),
            "the last minute": lambda: log(since=now - MINUTE),
            "a quiet connection's last hours": lambda: log(connection=_QUIET, since=now - 24 * HOUR),
            "the tenth page": self._tenth_page,
            "the tenth page of a connection of which little comes": lambda: self._tenth_page(_SELDOM),
        }  # fmt: skip

    def _any(self) -> int:
        return self.chance.randrange(self.people)

    def _log(self, **asked: Any) -> object:
        return log_of(self.lab.installation, Asked(**asked))

    def _beginnings(self) -> object:
        # Of the later half, so that there are about ten who begin alike.
        names = person(self.people - 1 - self._any() // 2)
        return self._log(email=f"{str(names['last_name'])[:-1]} {str(names['first_name'])[:-1]}")

    def _tenth_page(self, name: str | None = None) -> object:
        """As it is reached page by page; only the first time counts that way down."""
        if name not in self._places:
            below = Below()
            for _ in range(9):
                page = log_of(self.lab.installation, Asked(connection=name, below=below))
                below = below_of(page[-1]["older"]) if page else below
            self._places[name] = below
        return self._log(connection=name, below=self._places[name])

    def _why(self) -> object:
        (record,) = find(self.lab.hub, "contact", str(self.first + self._any()))
        return ask(self.lab.hub, record)


def person(number: int) -> Values:
    """Somebody; each first name is that of many, each last name of one."""
    return {
        "email": f"person{number}@shore{number % 500}.example",
        "first_name": f"First{number % 5000}",
        "last_name": f"Last{number}",
        "phone": f"+44770{number % 10_000_000:07d}",
    }


def _put(tx: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows the quickest way that each database has."""
    raw = tx.connection.dbapi_connection
    assert raw is not None
    if tx.dialect.name == "sqlite":
        database.insert(tx, table, columns, rows)
        return
    names = ", ".join(f'"{one}"' for one in columns)
    with raw.cursor().copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
