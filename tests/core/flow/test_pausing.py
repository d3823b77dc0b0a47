"""A missing permission or a changed schema stops one stream, or its writing alone; the rest of the tool goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from api.snapshot import snapshot
from connectors.memory.connector import MemoryConnector
from core.errors import Forbidden, Reach, SchemaChanged, SignedOut, Stale, ToolError
from core.flow.pausing import TRY_EVERY
from core.flow.reviews.answering import answer
from core.flow.sync import Turn, sync
from core.model.instant import MINUTE, SECOND
from core.ports import Edit, Receipt
from core.store import connections, tables
from core.store.connections import StreamRow
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, Lab, people

HOUR = TRY_EVERY / SECOND
DENIED = "The account may not use contacts."


@pytest.fixture
def both(lab: Lab) -> Lab:
    """Two tools with every stream; three people and a company in `a`, which `b` has not heard of yet."""
    lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING)
    lab.tools["a"].create("companies", {"name": "Shore Ltd", "domain": "shore.example"})
    for fields in people(3):
        lab.tools["a"].create("contacts", fields)
    return lab


def row(lab: Lab, stream: str = "contacts") -> StreamRow:
    with lab.hub.store.reading() as tx:
        return connections.stream_row(tx, lab.stream("b", stream).id)


def waiting(lab: Lab) -> list[Any]:
    """(due at, attempts) of what waits."""
    box = tables.outbox
    with lab.hub.store.reading() as tx:
        return list(tx.execute(box.select().with_only_columns(box.c.due_at, box.c.attempts)))


def told(lab: Lab, stream: str = "contacts") -> Any:
    """What the status says about a stream's pause."""
    state = snapshot(lab.installation)
    (one,) = [one for one in state["connections"] if one["name"] == "b"]
    (found,) = [one for one in one["streams"] if one["name"] == stream]
    assert (found["pause"] is not None) == any(f"{stream}, " in one["what"] for one in state["troubles"])
    return found["pause"]


def last(turns: Sequence[Turn]) -> Turn:
    return [turn for turn in turns if turn.connection == "b"][-1]


def agreed(lab: Lab, number: int) -> None:
    """Both tools hold the same people once, and nothing waits, is asked or was given up."""
    lab.wait(10)
    lab.sync(until_quiet=True)
    emails = [sorted(lab.held(name, id_)["email"] for id_ in lab.all(name)) for name in ("a", "b")]
    assert emails[0] == emails[1]
    assert len(set(emails[0])) == len(emails[0]) == number
    assert (lab.pending(), lab.dead_letters(), lab.reviews(), told(lab)) == (0, [], [], None)


Refuses = Callable[[str, Sequence[Edit]], dict[int, ToolError]]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Refuses]:
    """Under `write`: which edits a tool refuses, with what."""
    rules: dict[str, Refuses] = {}
    write = MemoryConnector.write

    def wrapped(self: MemoryConnector, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        refused = rules["write"](stream, edits) if "write" in rules else {}
        let_through = iter(write(self, stream, [one for at, one in enumerate(edits) if at not in refused]))
        return [Receipt(error=refused[at]) if at in refused else next(let_through) for at in range(len(edits))]

    monkeypatch.setattr(MemoryConnector, "write", wrapped)
    return rules


def no_contacts(stream: str, edits: Sequence[Edit]) -> dict[int, ToolError]:
    return {at: Forbidden(DENIED) for at in range(len(edits))} if stream == "contacts" else {}


# --- reading


def test_a_stream_that_may_not_be_read_stops_alone_and_says_so(both: Lab):
    both.tools["b"].forbidden.add("contacts")
    done = last(both.sync(until_quiet=True))
    assert done.error is None
    both.tools["b"].create("companies", {"name": "Tide", "domain": "tide.example"})
    both.sync(until_quiet=True)
    assert len(both.all("b", "companies")) == len(both.all("a", "companies")) == 2, "the others go on"
    assert both.refreshed().connection("b").state == "active"
    pause = told(both)
    assert (pause["code"], pause["note"], pause["side"], pause["acts"]) == (
        "forbidden",
        DENIED,
        "whole",
        "tool's admin",
    )
    assert "Ask the tool's admin" in pause["remedy"]
    (review,) = both.reviews("connection")
    assert (review.field, review.subject["stream"], review.subject["code"]) == ("contacts", "contacts", "forbidden")
    assert [attempts for _, attempts in waiting(both)] == [0, 0, 0]


def test_it_is_tried_about_once_an_hour_and_goes_on_by_itself(both: Lab):
    both.sync(until_quiet=True)
    both.tools["b"].forbidden.add("contacts")
    both.tools["a"].create("contacts", {"email": "new@shore.example"})
    both.tools["b"].create("contacts", {"email": "there@shore.example"})
    both.wait(HOUR)
    tries = []
    for _ in range(20 * 4):
        both.wait(180)
        if last(sync(both.hub, everything=False)).stopped:
            tries.append(both.clock())
    assert 4 <= len(tries) <= 5
    assert all(0 <= after - before - TRY_EVERY <= 4 * MINUTE for before, after in pairwise(tries))
    assert [attempts for _, attempts in waiting(both)] == [0]

    both.tools["b"].forbidden.clear()
    for _ in range(22):
        both.wait(180)
        sync(both.hub, everything=False)
    assert told(both) is None
    with both.hub.store.reading() as tx:
        answers = [one.answer for one in tx.execute(tables.review.select())]
    assert answers == ["works again"]
    agreed(both, 5)


def test_a_sync_that_a_person_asks_for_tries_at_once_and_once(both: Lab):
    both.tools["b"].forbidden.add("contacts")
    both.sync(until_quiet=True)
    assert last(both.sync(until_quiet=True)).stopped == {}, "it was tried a moment ago"
    both.wait(10)
    both.tools["a"].create("companies", {"name": "Foam", "domain": "foam.example"})
    turns = [one for one in both.sync(until_quiet=True) if one.connection == "b"]
    assert len(turns) > 1
    assert [list(one.stopped) for one in turns] == [["contacts"], *[[]] * (len(turns) - 1)]
    both.tools["b"].forbidden.clear()
    agreed(both, 3)


# --- writing


def test_where_reading_is_allowed_only_writing_stops_and_reading_does_not_end_that(
    both: Lab, refusing: dict[str, Refuses]
):
    both.sync(until_quiet=True)
    refusing["write"] = lambda stream, edits: no_contacts(stream, edits) if edits[0].fields.get("email") else {}
    both.tools["a"].create("contacts", {"email": "new@shore.example"})
    done = last(both.sync(until_quiet=True))
    assert done.error is None
    assert told(both)["side"] == "writing"
    opened = both.reviews("connection")[0].opened_at
    asked = row(both).try_at
    for number in range(3):
        both.tools["b"].create("contacts", {"email": f"theirs{number}@shore.example"})
        both.wait(400)
        done = last(sync(both.hub, everything=False))
        assert done.intake.created == 1
        assert (done.stopped, done.delivered.calls) == ({}, 0), "it does not flip"
    assert (told(both)["side"], row(both).try_at) == ("writing", asked)
    assert len(both.all("a")) == 3 + 1
    assert both.reviews("connection")[0].opened_at == opened
    assert {attempts for _, attempts in waiting(both)} == {0}

    both.wait(HOUR)
    assert list(last(sync(both.hub, everything=False)).stopped) == ["contacts"], "the hourly try"
    refusing.clear()
    both.wait(HOUR)
    sync(both.hub, everything=False)
    assert told(both) is None
    agreed(both, 7)


def test_other_streams_of_the_same_delivery_are_written(both: Lab, refusing: dict[str, Refuses]):
    both.sync(until_quiet=True)
    refusing["write"] = lambda stream, edits: (
        {at: SchemaChanged("The field 'name' is gone.") for at in range(len(edits))} if stream == "companies" else {}
    )
    both.tools["a"].create("companies", {"name": "Foam", "domain": "foam.example"})
    both.tools["a"].create("contacts", {"email": "new@shore.example"})
    both.sync(until_quiet=True)
    assert len(both.all("b")) == 4
    assert (told(both, "companies")["code"], told(both)) == ("schema_changed", None)
    assert told(both, "companies")["acts"] == "admin"
    refusing.clear()
    both.wait(10)
    both.sync(until_quiet=True)
    assert len(both.all("b", "companies")) == 2
    agreed(both, 4)


def test_one_record_that_may_not_be_written_stops_nobody_else(both: Lab, refusing: dict[str, Refuses]):
    both.sync(until_quiet=True)
    for number in range(4):
        both.tools["a"].create("contacts", {"email": f"{number}@new.example"})
    refusing["write"] = lambda _, edits: {
        at: Forbidden(DENIED) for at, one in enumerate(edits) if one.fields.get("email") == "2@new.example"
    }
    both.sync(until_quiet=True)
    assert len(both.all("b")) == 3 + 3
    (letter,) = both.dead_letters()
    assert (letter.code, letter.acts) == ("forbidden", "tool's admin")
    assert told(both) is None


def test_an_error_that_says_it_is_one_records_own_pauses_nothing(both: Lab, refusing: dict[str, Refuses]):
    refusing["write"] = lambda stream, edits: (
        {at: Forbidden(DENIED).reaching(Reach.RECORD) for at in range(len(edits))} if stream == "contacts" else {}
    )
    both.sync(until_quiet=True)
    assert told(both) is None
    assert [one.code for one in both.dead_letters()] == ["forbidden"] * 3


def test_a_permission_that_is_taken_while_we_look_again_is_what_the_pause_is_for(
    both: Lab, refusing: dict[str, Refuses]
):
    both.sync(until_quiet=True)

    def moved(stream: str, edits: Sequence[Edit]) -> dict[int, ToolError]:
        both.tools["b"].forbidden.add("contacts")
        return {at: Stale("It changed.") for at in range(len(edits))}

    refusing["write"] = moved
    both.tools["a"].edit("contacts", both.all("a")[0], {"job_title": "Chair"})
    both.sync(until_quiet=True)
    assert (told(both)["code"], told(both)["side"]) == ("forbidden", "whole")
    both.tools["b"].forbidden.clear()
    refusing.clear()
    agreed(both, 3)
    assert len(both.all("b", job_title="Chair")) == 1


def test_a_paused_stream_keeps_its_unsettled_creates(both: Lab):
    """The answer to a create was lost, and then the permission: it is looked for later, and not made twice."""
    both.sync(until_quiet=True)
    both.tools["a"].create("contacts", {"email": "new@shore.example"})
    both.turn("a")
    both.tools["b"].mischief.once("lost_answer")
    both.turn("b")
    both.tools["b"].forbidden.add("contacts")
    both.wait(HOUR)
    assert both.turn("b").error is None
    assert told(both)["side"] == "whole"
    both.tools["b"].forbidden.clear()
    agreed(both, 4)


# --- ends


def test_resuming_ends_every_pause_at_once(both: Lab, refusing: dict[str, Refuses]):
    both.tools["b"].forbidden.add("contacts")
    refusing["write"] = lambda stream, edits: (
        {at: Forbidden(DENIED) for at in range(len(edits))} if stream == "companies" else {}
    )
    both.sync(until_quiet=True)
    assert {one.field for one in both.reviews("connection")} == {"contacts", "companies"}
    both.tools["b"].forbidden.clear()
    refusing.clear()
    both.installation.resume("b")
    both.refreshed()
    assert (both.reviews(), told(both), told(both, "companies")) == ([], None, None)
    assert row(both).due_at <= both.clock()
    for _ in range(4):
        both.wait(10)
        sync(both.hub, everything=False)
    agreed(both, 3)
    assert len(both.all("b", "companies")) == 1


def test_the_answer_of_a_review_ends_the_pause(both: Lab):
    both.tools["b"].forbidden.add("contacts")
    both.sync(until_quiet=True)
    both.tools["b"].forbidden.clear()
    (review,) = both.reviews("connection")
    answer(both.hub, review, "resume")
    assert told(both) is None
    agreed(both, 3)


def test_a_sign_in_that_ends_stops_the_whole_connection(both: Lab):
    both.tools["b"].habits.token = "another"
    assert isinstance(last(both.sync()).error, SignedOut)
    assert both.refreshed().connection("b").state == "paused"
    assert [told(both, stream) for stream in ("companies", "contacts")] == [None, None]


def test_a_paused_stream_costs_the_same_statements_however_much_waits(lab: Lab, refusing: dict[str, Refuses]):
    lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING)
    lab.sync(until_quiet=True)
    refusing["write"] = no_contacts
    costs = []
    for number, start in ((5, 0), (50, 100)):
        for fields in people(number, start=start):
            lab.tools["a"].create("contacts", fields)
        lab.turn("a")
        lab.wait(HOUR + 60)
        with counted(lab.hub.store) as trying:
            lab.turn("b")
        with counted(lab.hub.store) as paused:
            lab.turn("b")
        costs.append((len(trying), len(paused)))
    assert costs[0] == costs[1], costs
    assert lab.pending() == 55
