"""A laboratory: a real installation on a virtual clock, with memory tools around it that people edit.

Shared by the tests of the flow and the store, by the simulation and by the crash tests. The embedded database is
made once a process and copied, because making one takes longer than most tests; PostgreSQL is emptied instead.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from api.assembly import Installation
from api.building import ConnectionSpec
from api.settings import Settings
from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief
from connectors.memory.connector import forget, use
from connectors.memory.tool import Habits, Tool
from core.flow.hub import Connection, Hub, Stream
from core.flow.sync import Turn, sync, turn
from core.ports import Fields
from core.store import Tx, bindings, deliveries, records, reviews, tables
from core.store.bindings import Bound
from core.store.database import embedded_url
from core.store.records import Record

PEOPLE = """
contacts:
  as: contact
  fields:
    email: {field: email}
    other_emails: {field: other_emails}
    phone: {field: phone}
    other_phones: {field: other_phones}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
    asked: {field: asked}
    tags: {field: tags}
"""

EVERYTHING = (Path(__file__).parents[1] / "mappings" / "memory.yaml").read_text(encoding="utf-8")


def part(mapping: str, *streams: str) -> str:
    """The part of a mapping that is about these streams; each stream that a tool has is read in each of its turns."""
    parts = {one.partition(":")[0]: one for one in re.split(r"^(?=\w)", mapping, flags=re.MULTILINE)}
    return "".join(parts[one] for one in streams)


CONSENTING = part(EVERYTHING, "contacts")
"""People, and what they have agreed to."""

_NUMBERS = itertools.count()


class Lab:
    """An installation, a clock and tools by name. A context manager; leaves nothing behind."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        tick: int = 1_000,
        vault: str | None = None,
        start: str = "2026-11-21T09:00:00Z",
        public_url: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """`tick` µs pass at each look at the clock; `more` are other settings."""
        self.clock = VirtualTime(start, tick=tick)
        self.tools: dict[str, Tool] = {}
        self.settings = Settings(data=folder, database_url=database_url, public_url=public_url, **(more or {}))
        self._number = next(_NUMBERS)
        self.dressed: Callable[[Hub], Hub] = lambda hub: hub
        """What a test changes on each hub that is built, e.g. a declaration in a manifest."""
        folder.mkdir(parents=True, exist_ok=True)
        if database_url is None and not (folder / "concord.db").exists():
            (folder / "concord.db").write_bytes(_empty_database())
        self.installation = Installation(self.settings, clock=self.clock, sleep=self.clock.sleep)
        self._hub: Hub | None = None

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the installation and forget its tools."""
        self.installation.close()
        if self.tools:
            forget(*(self._world(name) for name in self.tools))

    def restart(self) -> Hub:
        """Throw the hub away and build a new one on the same store, as a new process would."""
        self.installation.close()
        self.installation = Installation(self.settings, clock=self.clock, sleep=self.clock.sleep)
        self._hub = None
        return self.hub

    def _world(self, name: str) -> str:
        return f"{name} of laboratory {self._number}"

    # --- making

    def tool(
        self,
        name: str,
        *,
        mapping: str = PEOPLE,
        habits: Habits | None = None,
        mischief: Mischief | None = None,
        skew: int = 0,
        policy: Mapping[str, Any] | None = None,
        streams: Mapping[str, Mapping[str, Any]] | None = None,
        brake: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Tool:
        """Add a tool and connect it; `policy` speaks for all its streams."""
        tool = Tool(self._world(name), clock=self.clock, skew=skew, habits=habits, mischief=mischief)
        self.tools[name] = use(tool)
        chosen = {"*": dict(policy or {}), **(streams or {})}
        self.installation.put_connection(
            ConnectionSpec(
                name, "memory", {"world": tool.name, **settings}, mapping, f"{name}.yaml", chosen, brake or {}
            )
        )
        self._hub = None
        return tool

    def rules(self, words: str) -> None:
        """Put conflict rules in force."""
        self.installation.put_rules(words, file="rules.yaml")
        self._hub = None

    # --- running

    @property
    def hub(self) -> Hub:
        """The hub as it is configured now."""
        if self._hub is None:
            self._hub = self.dressed(self.installation.hub())
        return self._hub

    def refreshed(self) -> Hub:
        """The hub after a pause or a resumption."""
        self.installation.refresh()
        self._hub = None
        return self.hub

    def connection(self, name: str) -> Connection:
        """A connection by name."""
        return self.hub.connection(name)

    def stream(self, name: str, stream: str = "contacts") -> Stream:
        """A stream of a connection."""
        return next(one for one in self.connection(name).streams if one.name == stream)

    def turn(self, name: str) -> Turn:
        """One connection's turn."""
        return turn(self.hub, self.connection(name))

    def settle(self, *names: str) -> list[Turn]:
        """Rounds of turns, one connection after the other, until nothing moves; gives the last round."""
        chosen = names or tuple(self.tools)
        for _ in range(12):
            done = [self.turn(name) for name in chosen]
            if all(one.quiet for one in done):
                break
        return done

    def sync(self, **options: Any) -> list[Turn]:
        """Turns side by side, in threads, as the command does it."""
        return sync(self.hub, **options)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.sleep(seconds)

    # --- looking

    def records(self, kind: str = "contact") -> list[Record]:
        """Every record of a kind, in the order they were made."""
        with self.hub.store.reading() as tx:
            ids = tx.execute(tables.record.select().where(tables.record.c.kind == kind)).scalars().all()
            return list(records.load(tx, ids).values())

    def record(self, **values: Any) -> Record:
        """The one record with these values."""
        kinds = [one for kind in self.hub.shapes for one in self.records(kind)]
        found = [one for one in kinds if all(one.values.get(name) == value for name, value in values.items())]
        assert len(found) == 1, f"{len(found)} records with {values}"
        return found[0]

    def bound(self, record: Record, name: str) -> list[Bound]:
        """The bindings of a record in a connection."""
        with self.hub.store.reading() as tx:
            return bindings.of_records(tx, [record.id], self.connection(name).stream_ids)

    def reviews(self, what: str | None = None) -> list[reviews.Review]:
        """Open reviews."""
        with self.hub.store.reading() as tx:
            return [one for one in reviews.open_reviews(tx, limit=10_000) if what in (None, one.what)]

    def dead_letters(self) -> list[deliveries.DeadLetter]:
        """Dead letters."""
        with self.hub.store.reading() as tx:
            return deliveries.dead_letters(tx)

    def pending(self) -> int:
        """Rows in the outbox."""
        with self.hub.store.reading() as tx:
            return count(tx, "outbox")

    def find(self, name: str, stream: str = "contacts", /, **fields: Any) -> str:
        """The id of the one record that a tool holds with these fields."""
        found = self.all(name, stream, **fields)
        assert len(found) == 1, f"{len(found)} {stream} in {name} with {fields}"
        return found[0]

    def all(self, name: str, stream: str = "contacts", /, **fields: Any) -> list[str]:
        """The ids of all records that a tool holds with these fields."""
        return [
            id_
            for id_, held in self.tools[name].all(stream).items()
            if all(held.get(field) == value for field, value in fields.items())
        ]

    def held(self, name: str, id_: str, stream: str = "contacts") -> Fields:
        """What a tool holds under an id."""
        fields = self.tools[name].get(stream, id_)
        assert fields is not None, f"{name} holds no {id_}"
        return fields

    def writes(self) -> int:
        """Items that connectors changed in all tools."""
        return sum(tool.writes for tool in self.tools.values())


def count(tx: Tx, table: str) -> int:
    """How many rows a table has."""
    return int(tx.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one())


def people(number: int, *, start: int = 0) -> list[dict[str, Any]]:
    """Contacts in the memory tool's form."""
    return [
        {
            "email": f"person{at}@shore{at % 50}.example",
            "first_name": f"First{at}",
            "last_name": f"Last{at}",
            "phone": f"+4477009{at:05d}",
        }
        for at in range(start, start + number)
    ]


def hasty(database_url: str) -> str:
    """The same PostgreSQL database with commits that do not wait for the disk: no power cut is tested here."""
    sign = "&" if "?" in database_url else "?"
    return f"{database_url}{sign}options=-csynchronous_commit%3Doff"


def emptied(store_url: str) -> None:
    """Empty a PostgreSQL database that holds an installation, so that the next test has a fresh one."""
    engine = create_engine(store_url)
    with engine.begin() as tx:
        # Quicker than TRUNCATE for tables as small as these.
        for table in tables.metadata.sorted_tables:
            tx.execute(table.delete())
        for name in ("record", "binding"):
            tx.execute(text(f"ALTER SEQUENCE {name}_ids RESTART"))
    engine.dispose()


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        Installation(Settings(data=place), clock=VirtualTime()).close()
        assert embedded_url(place).endswith("concord.db")
        return (place / "concord.db").read_bytes()
