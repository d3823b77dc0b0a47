"""Writes that go wrong: creates are never repeated, refusals spoil nobody else, and every outcome has its answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.memory.connector import MemoryConnector
from core.decide.route import Lane
from core.errors import Refused, SignedOut
from core.flow.outward import outbound
from core.flow.outward.outbound import deliver
from core.flow.sync import turn
from core.flow.undo.replay import replay
from core.ports import Edit, Receipt
from core.store import deliveries, reviews, tables
from core.store.reviews import Question
from tests.simulation.mortal import Fate, Killed, MortalStore
from tests.support import EVERYTHING, PEOPLE, Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann"}


def ready(lab: Lab, number: int = 1, **settings: Any) -> None:
    """People in `a`, taken in; `b` is read and empty."""
    source = lab.tool("a")
    lab.tool("b", **settings)
    for fields in people(number):
        source.create("contacts", fields)
    lab.turn("a")


@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize("answers", ["whole", "nothing"])
@pytest.mark.parametrize("trouble", ["lost_answer", "cut"])
def test_a_create_whose_answer_was_lost_is_looked_for_and_not_repeated(
    lab: Lab, idempotent: bool, answers: str, trouble: str
):
    ready(lab, 12, answers=answers)
    lab.tools["b"].habits.idempotent = idempotent
    lab.tools["b"].mischief.once(trouble)
    lab.turn("b")
    lab.wait(600)
    lab.settle()
    assert len(lab.all("b")) == 12
    assert lab.tools["b"].writes == 12
    assert len(lab.records()) == 12


@pytest.mark.parametrize("place", ["before commit", "after commit"])
@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_crash_between_write_and_receipt_repeats_nothing_and_loses_nothing(
    lab: Lab, place: str, at: int, idempotent: bool
):
    ready(lab, 3)
    lab.tools["b"].habits.idempotent = idempotent
    fate = Fate(place, at)
    mortal = replace(lab.hub, store=MortalStore(lab.hub.store, fate))
    try:
        turn(mortal, mortal.connection("b"))
    except Killed:
        lab.restart()
    lab.wait(3_600)
    lab.settle()
    assert len(lab.all("b")) == lab.tools["b"].writes == 3
    with lab.hub.store.reading() as tx:
        assert deliveries.intents_of(tx, lab.connection("b").id) == []


def test_our_own_update_is_no_edit_of_the_tool_s_when_its_answer_was_lost(lab: Lab):
    ready(lab)
    lab.settle()
    lab.wait(60)
    theirs = lab.find("b", first_name="First0")
    lab.tools["b"].edit("contacts", theirs, job_title="Clerk")
    lab.settle()
    lab.wait(60)
    lab.tools["a"].edit("contacts", lab.find("a", first_name="First0"), job_title="Chair")
    lab.turn("a")
    lab.tools["b"].mischief.once("lost_answer")
    lab.turn("b")
    lab.wait(60)
    lab.settle()
    (bound,) = lab.bound(lab.record(first_name="First0"), "b")
    assert bound.claims.values["job_title"] == "Clerk", "the tool itself never said Chair"
    assert bound.sent == {}
    assert lab.record(first_name="First0").values["job_title"] == "Chair"


def test_a_create_of_ours_that_somebody_deleted_before_we_heard_of_it_is_not_made_again(lab: Lab):
    ready(lab)
    lab.tools["b"].mischief.once("lost_answer")
    lab.turn("b")
    (made,) = lab.all("b")
    lab.tools["b"].delete("contacts", made)
    lab.wait(600)
    lab.settle()
    assert lab.all("b") == []
    assert lab.pending() == 0


def test_a_create_that_meets_a_record_is_tied_to_it(lab: Lab):
    source = lab.tool("a")
    target = lab.tool("b")
    target.habits.unique = {"contacts": "email"}
    lab.turn("b")
    source.create("contacts", ANN)
    lab.turn("a")
    target.lag = 120_000_000
    met = target.create("contacts", {**ANN, "job_title": "Chair"})
    lab.turn("b")
    target.lag = 0
    lab.settle()
    assert lab.all("b") == [met]
    assert [one.remote_id for one in lab.bound(lab.record(first_name="Ann"), "b")] == [met]
    assert lab.record(first_name="Ann").values["job_title"] == "Chair"


def test_a_version_that_moved_is_read_again_and_both_edits_are_kept(lab: Lab):
    ready(lab)
    lab.settle()
    lab.wait(60)
    ours, theirs = lab.find("a", first_name="First0"), lab.find("b", first_name="First0")
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.turn("a")
    # Somebody edits behind the poll of the turn and before its write.
    lab.tools["b"].edit("contacts", theirs, phone="+447700900999")
    assert deliver(lab.hub, lab.connection("b")).updated == 1
    lab.settle()
    for name, id_ in (("a", ours), ("b", theirs)):
        held = lab.held(name, id_)
        assert (held["job_title"], held["phone"]) == ("Chair", "+447700900999")


def test_an_edit_between_our_write_and_its_reading_back_is_heard(lab: Lab):
    ready(lab, answers="nothing")
    connector = lab.installation.connector("b")
    fetch = connector.fetch

    def edited_first(stream: str, ids: list[str]) -> object:
        connector.fetch = fetch
        lab.tools["b"].edit("contacts", ids[0], job_title="Chair")
        return fetch(stream, ids)

    connector.fetch = edited_first
    lab.turn("b")
    lab.wait(60)
    lab.settle()
    assert lab.record(first_name="First0").values["job_title"] == "Chair"
    assert lab.held("a", lab.find("a", first_name="First0"))["job_title"] == "Chair"


def test_one_refused_record_holds_nobody_else_up(lab: Lab):
    ready(lab, 30)
    lab.tools["b"].habits.validator = lambda _, fields: "no thirteens" if fields["first_name"] == "First13" else None
    lab.turn("b")
    assert len(lab.all("b")) == 29
    (letter,) = lab.dead_letters()
    assert (letter.code, letter.record_id) == ("refused", lab.record(first_name="First13").id)
    assert "no thirteens" in letter.message


def test_a_call_that_is_refused_as_a_whole_is_halved_until_the_bad_one_stands_alone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    ready(lab, 16)
    write = MemoryConnector.write

    def fussy(self: MemoryConnector, stream: str, edits: list[Edit]) -> list[Receipt]:
        if any(edit.fields.get("first_name") == "First7" for edit in edits):
            raise Refused("There is something wrong with this request.", stream=stream)
        return list(write(self, stream, edits))

    monkeypatch.setattr(MemoryConnector, "write", fussy)
    done = lab.turn("b").delivered
    assert (done.created, done.dead, done.calls) == (15, 1, 9)
    assert [one.record_id for one in lab.dead_letters()] == [lab.record(first_name="First7").id]


def test_a_dead_letter_waits_until_the_value_changes_or_somebody_replays_it(lab: Lab):
    ready(lab)
    target = lab.tools["b"]
    target.habits.validator = lambda _, fields: "no clerks" if fields.get("job_title") == "Clerk" else None
    ours = lab.find("a", first_name="First0")
    lab.tools["a"].edit("contacts", ours, job_title="Clerk")
    lab.settle()
    calls = target.calls["write"]
    lab.wait(3_600)
    lab.tools["a"].edit("contacts", ours, asked="something this connection carries too")
    lab.tools["a"].edit("contacts", ours, asked=None)
    lab.settle()
    assert target.calls["write"] == calls, "the same again would be refused again"
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, job_title="Chair")
    lab.settle()
    assert lab.held("b", lab.find("b", first_name="First0"))["job_title"] == "Chair"
    assert lab.dead_letters() == []


def test_replay_sends_what_was_given_up(lab: Lab):
    ready(lab, 3)
    lab.tools["b"].habits.validator = lambda *_: "closed for today"
    lab.turn("b")
    assert len(lab.dead_letters()) == 3
    lab.tools["b"].habits.validator = None
    lab.turn("b")
    assert lab.all("b") == []
    assert replay(lab.hub, lab.connection("b"), code="unknown") == 0
    assert replay(lab.hub, lab.connection("b"), code="refused") == 3
    lab.turn("b")
    assert (len(lab.all("b")), lab.dead_letters()) == (3, [])


def test_a_refused_opt_out_is_sent_again_before_anything_else(lab: Lab):
    for name in ("a", "b"):
        lab.tool(name, mapping=EVERYTHING)
    ids = [lab.tools["a"].create("contacts", one) for one in people(3)]
    lab.settle()
    lab.wait(60)
    lab.tools["b"].habits.validator = lambda *_: "closed for today"
    lab.tools["a"].edit("contacts", ids[0], job_title="Chair")
    lab.tools["a"].edit("contacts", ids[2], email_consent="denied")
    lab.turn("a")
    lab.turn("b")
    assert len(lab.dead_letters()) == 2
    lab.tools["b"].habits.validator = None
    assert replay(lab.hub, lab.connection("b")) == 2
    with lab.hub.store.reading() as tx:
        waits = tx.execute(tables.outbox.select().order_by(tables.outbox.c.record_id)).all()
    assert [row.lane for row in waits] == [Lane.LIVE, Lane.CONSENT]


@pytest.mark.parametrize("trouble", ["throttled", "unavailable", "partial"])
def test_what_the_tool_cannot_take_now_goes_out_later(lab: Lab, trouble: str):
    ready(lab, 5)
    lab.turn("b")
    lab.wait(60)
    for id_ in lab.all("a"):
        lab.tools["a"].edit("contacts", id_, job_title="Chair")
    lab.turn("a")
    lab.tools["b"].mischief.once(trouble)
    deliver(lab.hub, lab.connection("b"))
    assert lab.pending() > 0
    assert deliver(lab.hub, lab.connection("b")).calls == 0, "it waits for its time"
    lab.wait(120)
    deliver(lab.hub, lab.connection("b"))
    assert (lab.pending(), lab.dead_letters()) == (0, [])
    assert len(lab.all("b", job_title="Chair")) == 5


def test_a_tool_that_is_down_for_an_hour_costs_nothing(lab: Lab):
    ready(lab, 5)
    lab.tools["b"].down = True
    for _ in range(12):
        turn = lab.turn("b")
        assert turn.error is not None
        lab.wait(300)
    lab.tools["b"].down = False
    lab.settle()
    assert (len(lab.all("b")), lab.dead_letters(), lab.reviews()) == (5, [], [])


def test_signed_out_pauses_the_connection_and_asks_for_a_person(lab: Lab):
    ready(lab, 2, token="old")
    lab.tools["b"].habits.token = "new"
    assert isinstance(lab.turn("b").error, SignedOut)
    (review,) = lab.reviews("connection")
    assert review.subject["connection"] == "b"
    assert lab.refreshed().connection("b").state == "paused"
    calls = lab.tools["b"].api_calls
    lab.sync(until_quiet=True)
    assert lab.tools["b"].api_calls == calls
    lab.tools["b"].habits.token = None
    lab.installation.resume("b")
    lab.refreshed()
    lab.settle()
    assert len(lab.all("b")) == 2


def test_a_line_made_of_a_field_in_question_is_not_written_either(tmp_path: Path) -> None:
    made_of_it = PEOPLE.replace(
        "    last_name: {field: last_name}\n", "    shown: {field: last_name, compute: last_name, direction: out}\n"
    )
    with Lab(tmp_path) as lab:
        a, b = lab.tool("a"), lab.tool("b")
        c = lab.tool("c", mapping=made_of_it)
        a.create("contacts", {"email": "ann@shore.example", "last_name": "Shore"})
        lab.settle()
        lab.rules("contact:\n  last_name: ask\n")
        lab.settle()
        held = {name: next(iter(lab.tools[name].all("contacts"))) for name in ("a", "b")}
        lab.wait(60)
        a.edit("contacts", held["a"], {"last_name": "Quay"})
        b.edit("contacts", held["b"], {"last_name": "Pier"})
        lab.settle()
        assert [(one.what, one.field) for one in lab.reviews()] == [("ask", "last_name")]
        (told,) = c.all("contacts").values()
        assert told["last_name"] == "Shore"


def test_one_tools_answer_does_not_settle_what_another_one_owes(lab: Lab):
    lab.tool("a").create("contacts", {"email": "ann@shore.example", "first_name": "Ann"})
    lost, fine = lab.tool("b"), lab.tool("c")
    lab.turn("b")
    lab.turn("c")
    lab.turn("a")
    lost.mischief.once("lost_answer", 1)
    lab.turn("b")
    lab.turn("c")
    assert len(fine.all("contacts")) == 1
    with lab.hub.store.reading() as tx:
        assert len(deliveries.intents_of(tx, lab.connection("b").id)) == 1
    lab.settle()
    (bound,) = lab.bound(lab.record(first_name="Ann"), "b")
    # What was found again is what we made: it says nothing of its own.
    assert dict(bound.claims.items()) == {}
    assert len(lost.all("contacts")) == 1


def test_a_refused_create_that_is_taken_at_last_is_no_dead_letter_though_its_answer_was_lost(lab: Lab):
    source, other = lab.tool("a"), lab.tool("b")
    other.habits.validator = lambda _stream, fields: "not so" if fields.get("job_title") == "Boss" else None
    id_ = source.create("contacts", {**ANN, "job_title": "Boss"})
    lab.settle()
    assert len(lab.dead_letters()) == 1
    source.edit("contacts", id_, {"job_title": "Chair"})
    lab.turn("a")
    other.mischief.once("lost_answer")
    lab.turn("b")
    lab.wait(600)
    lab.settle()
    assert lab.held("b", lab.find("b"))["job_title"] == "Chair"
    assert not lab.dead_letters()


def test_a_refused_update_that_is_taken_at_last_is_no_dead_letter_though_its_answer_was_lost(lab: Lab):
    source, other = lab.tool("a"), lab.tool("b")
    id_ = source.create("contacts", ANN)
    lab.settle()
    other.habits.validator = lambda _stream, fields: "not so" if fields.get("job_title") == "Boss" else None
    for title in ("Boss", "Chair"):
        source.edit("contacts", id_, {"job_title": title})
        lab.turn("a")
        assert len(lab.dead_letters()) == (title == "Chair")
        other.mischief.once("lost_answer", 0 if title == "Boss" else 1)
        lab.turn("b")
    lab.wait(600)
    lab.settle()
    assert lab.held("b", lab.find("b"))["job_title"] == "Chair"
    assert not lab.dead_letters()


def test_what_has_become_a_question_since_it_was_prepared_is_not_sent(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    source = lab.tool("a")
    lab.tool("b")
    id_ = source.create("contacts", ANN)
    lab.settle()
    source.edit("contacts", id_, {"job_title": "Boss", "first_name": "Anna"})
    lab.turn("a")
    record = lab.record(email=ANN["email"])
    put_aside = vars(outbound)["put_aside"]

    def asked_just_then(tx: Any, *args: Any) -> None:
        put_aside(tx, *args)
        reviews.ask(tx, [Question("ask", {}, record_id=record.id, field="job_title")], now=lab.clock())

    monkeypatch.setattr("core.flow.outward.outbound.put_aside", asked_just_then)
    lab.turn("b")
    held = lab.held("b", lab.find("b"))
    assert held["first_name"] == "Anna"
    assert "job_title" not in held
