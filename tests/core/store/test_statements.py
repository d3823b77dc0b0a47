"""The number of SQL statements of a page or a batch is a constant, not a multiple of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from core.flow.hub import Connection, Hub
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.outward.outbound import deliver
from core.model.instant import HOUR
from core.ports import Page, Remote
from core.store.database import Store
from tests.support import EVERYTHING, Lab, emptied, people

FEW, MANY = 10, 1_000


@pytest.fixture(params=["embedded", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Lab]:
    """Makes laboratories; on PostgreSQL each has the whole database for itself, one after the other."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    made = False

    def make(name: str) -> Lab:
        nonlocal made
        if url and made:
            emptied(url)
        made = True
        return Lab(tmp_path / name, database_url=url)

    return make


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that are carried out meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # A set of values is one statement, however it is spelt out.
        seen.append(" ".join(statement.partition(" VALUES")[0].split())[:80])

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def remotes(number: int, *, at: int, title: str = "", company: bool = False) -> list[Remote]:
    found = []
    for place, fields in enumerate(people(number)):
        whole: dict[str, Any] = {**fields, "job_title": title or None}
        if company:
            whole["company_id"] = f"com-{place}"
        found.append(Remote(f"con-{place}", whole, version=f"v{at}", modified_at=at))
    return found


def taken_in(lab: Lab, records: list[Remote], stream: str = "contacts", *, tool: str = "a") -> list[str]:
    began_at = lab.clock()
    lab.wait(1)
    with counted(lab.hub.store) as seen:
        inbound(Trip(lab.hub, lab.stream(tool, stream), began_at, lab.clock()), Page(records, {}))
    return seen


def visits(lab: Lab, number: int) -> dict[str, list[str]]:
    """Pages of every sort, one after the other, and the statements of each."""
    at = lab.clock()
    pages: dict[str, Callable[[], list[str]]] = {
        "new": lambda: taken_in(lab, remotes(number, at=at)),
        "unchanged": lambda: taken_in(lab, remotes(number, at=at)),
        "changed": lambda: taken_in(lab, remotes(number, at=at + HOUR, title="Head of purchasing")),
        "refs, not seen yet": lambda: taken_in(
            lab, remotes(number, at=at + 2 * HOUR, title="Head of purchasing", company=True)
        ),
        "what was referred to": lambda: taken_in(
            lab, [Remote(f"com-{one}", {"name": f"Company {one} of many"}) for one in range(number)], "companies"
        ),
        "refs, seen": lambda: taken_in(lab, remotes(number, at=at + 3 * HOUR, title="Chair", company=True)),
        "tombstones": lambda: taken_in(lab, [Remote(f"con-{one}", {}, deleted=True) for one in range(number)]),
    }
    return {name: page() for name, page in pages.items()}


def test_a_page_in_costs_the_same_statements_whatever_its_size(place: Callable[[str], Lab]):
    found = {}
    for number in (FEW, MANY):
        with place(f"in {number}") as lab:
            lab.tool("a", mapping=EVERYTHING)
            lab.tool("b", mapping=EVERYTHING)
            found[number] = visits(lab, number)
            assert len(lab.records()) == number
    for name in found[FEW]:
        assert found[FEW][name] == found[MANY][name], name
    assert len(found[FEW]["unchanged"]) <= 3  # begin, one query, and nothing written


MEETINGS = """
activities:
  as: activity
  fields:
    subject: title
    contacts: {field: guests, ref: contact, by: email}
"""


def meetings(number: int, *, at: int, title: str = "Lunch") -> list[Remote]:
    """Meetings with two guests each."""
    guests = [one["email"] for one in people(number)]
    return [
        Remote(f"act-{one}", {"title": title, "guests": [guests[one], guests[one - 1]]}, modified_at=at)
        for one in range(number)
    ]


def test_people_named_by_address_cost_the_same_statements_whatever_their_number(place: Callable[[str], Lab]):
    found = {}
    for number in (FEW, MANY):
        with place(f"addressed {number}") as lab:
            lab.tool("a", mapping=EVERYTHING)
            lab.tool("calendar", mapping=MEETINGS)
            at = lab.clock()
            found[number] = [
                taken_in(lab, meetings(number, at=at), "activities", tool="calendar"),
                taken_in(lab, remotes(number, at=at)),
                taken_in(lab, meetings(number, at=at + HOUR, title="Dinner"), "activities", tool="calendar"),
                taken_in(lab, meetings(number, at=at + HOUR, title="Dinner"), "activities", tool="calendar"),
            ]
            assert all(len(one.values["contacts"]) == 2 for one in lab.records("activity"))
    assert found[FEW] == found[MANY]
    assert len(found[FEW][-1]) <= 3, "nothing is looked up for what has not changed"


def test_where_nobody_is_named_by_address_a_page_of_people_asks_once_whether_anybody_is(place: Callable[[str], Lab]):
    with place("not addressed") as lab:
        lab.tool("a", mapping=EVERYTHING)
        new = taken_in(lab, remotes(FEW, at=lab.clock()))
        unmoved = taken_in(lab, remotes(FEW, at=lab.clock() + HOUR, title="Head of purchasing"))
    assert sum("waiting_in" in one for one in new) == 2, "the refs of its own tool, and addresses"
    assert not any("waiting_in" in one for one in unmoved)


def in_batches_of(number: int) -> Callable[[Hub], Hub]:
    """A hub whose tools take so many edits at once."""

    def widened(connection: Connection) -> Connection:
        takes = {"batch_size": number, "fetch_size": number}
        streams = [replace(one, manifest=one.manifest.model_copy(update=takes)) for one in connection.streams]
        return replace(connection, streams=tuple(streams))

    return lambda hub: replace(hub, connections={id_: widened(one) for id_, one in hub.connections.items()})


def deliveries(lab: Lab, number: int) -> dict[str, list[str]]:
    """Batches of every sort, one after the other, and the statements of each."""
    source = lab.tools["a"]
    ids = [source.create("contacts", fields) for fields in people(number)]
    lab.turn("b")
    found: dict[str, list[str]] = {}

    def delivered(name: str, what: str) -> None:
        lab.turn("a")
        with counted(lab.hub.store) as found[name]:
            done = deliver(lab.hub, lab.connection("b"))
        assert getattr(done, what) == number
        assert done.calls == (1 if what != "in_step" else 0)

    delivered("creates", "created")
    for id_ in ids:
        source.edit("contacts", id_, job_title="Chair")
    delivered("updates", "updated")
    for id_ in ids:
        source.edit("contacts", id_, job_title="Chair of the board")
    lab.tools["b"].mischief.once("unavailable")
    delivered("put back", "put_back")
    lab.wait(3_600)
    delivered("again", "updated")
    for id_ in ids:
        source.delete("contacts", id_)
    delivered("deletes", "deleted")
    return found


@pytest.mark.parametrize("answers", ["whole", "nothing"])
def test_a_batch_out_costs_the_same_statements_whatever_its_size(
    place: Callable[[str], Lab], monkeypatch: pytest.MonkeyPatch, answers: str
):
    monkeypatch.setattr("connectors.memory.connector.BATCH_SIZE", MANY)
    found = {}
    for number in (FEW, MANY):
        with place(f"out {number}") as lab:
            lab.tool("a", policy={"deletes_in": "propagate"})
            lab.tool("b", policy={"deletes_out": "propagate"}, answers=answers)
            lab.dressed = in_batches_of(MANY)
            found[number] = deliveries(lab, number)
    for name in found[FEW]:
        assert found[FEW][name] == found[MANY][name], name
