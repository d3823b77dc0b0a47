"""The queue by the clock: due times, passing on, defaults where safe; answers to many; questions that settle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from connectors._kit.hostile.mortal import Fate, MortalStore
from core.decide.reviewing import GONE, Duties
from core.errors import ConfigError
from core.flow.asking import ask
from core.flow.reviews import answering
from core.flow.reviews.answering import answer, answers, carry_out, plan
from core.flow.reviews.reviewing import Ticked, assign, tick
from core.flow.saying import say
from core.flow.undo.replay import folded_again
from core.flow.undo.undoing import undo
from core.model.instant import DAY, HOUR
from core.store import reviews, runs
from core.store.records import State
from core.store.reviews import Review
from tests.support import Lab, people

HOURS, DAYS = 3_600.0, 86_400.0


def differing(lab: Lab, number: int = 1, *, apart: float = 60, rule: str = "ask") -> None:
    """People about whose title `a` (Baker, the earlier) and `b` (Cook) differ."""
    a, b = lab.tool("a"), lab.tool("b")
    lab.rules(f"contact: {{job_title: {rule}}}\n")
    for tool, title in ((a, "Baker"), (b, "Cook")):
        for person in people(number):
            tool.create("contacts", {**person, "job_title": title})
        lab.wait(apart)
    lab.settle()


def titles(lab: Lab, *names: str) -> list[set[Any]]:
    """The titles that each tool holds."""
    return [{one.get("job_title") for one in lab.tools[name].all("contacts").values()} for name in names or "ab"]


def closed(lab: Lab, number: int) -> Review:
    with lab.hub.store.reading() as tx:
        (found,) = reviews.by_ids(tx, [number])
    return found


def run(lab: Lab, number: int) -> runs.Run:
    with lab.hub.store.reading() as tx:
        found = runs.one(tx, number)
    assert found is not None
    return found


def later(lab: Lab, days: float) -> None:
    """Let days go by, with the engine looking in every six hours."""
    for _ in range(int(days * 4)):
        lab.wait(6 * HOURS)
        tick(lab.hub)


# --- answers


@pytest.mark.parametrize(
    ("word", "stands"), [("newest", "Cook"), ("earliest", "Baker"), ("from:a", "Baker"), ("from:b", "Cook")]
)
def test_an_answer_may_choose_among_what_is_said(lab: Lab, word: str, stands: str) -> None:
    differing(lab)
    (review,) = lab.reviews("ask")
    assert answers(review) == ("value", "newest", "earliest", "from:a", "from:b")
    number = answer(lab.hub, review, word)
    lab.settle()
    assert titles(lab) == [{stands}, {stands}]
    assert closed(lab, review.id).answer == word
    assert run(lab, number).subject == {"review": review.id, "what": "ask", "word": word, "value": None}
    record = lab.records()[0]
    with lab.hub.store.reading() as tx:
        assert folded_again(lab.hub, tx, [record.id])[record.id] == record.values
    lab.wait(60)
    lab.tools["b"].edit("contacts", lab.find("b"), {"job_title": "Pilot"})
    lab.settle()
    assert lab.reviews("ask"), "the rule asks again when somebody says something else"


def test_what_a_review_does_not_take_changes_nothing(lab: Lab) -> None:
    differing(lab)
    (review,) = lab.reviews("ask")
    for word, words in (("release", "takes value"), ("from:till", "till says nothing"), ("leave", "takes value")):
        with pytest.raises(ConfigError, match=words):
            answer(lab.hub, review, word)
    assert [one.id for one in lab.reviews()] == [review.id]


def test_many_are_answered_in_one_run_and_planned_first(lab: Lab) -> None:
    differing(lab, 30)
    found = lab.reviews("ask")
    planned = plan(lab.hub, found, "from:b")
    assert len(planned.fits) == 30
    assert set(planned.becomes.values()) == {"Cook"}
    assert len(lab.reviews("ask")) == 30, "a plan changes nothing"
    number = carry_out(lab.hub, planned)
    assert lab.reviews() == []
    subject = run(lab, number).subject
    assert subject["reviews"] == [one.id for one in found]
    assert (subject["what"], subject["word"]) == ("ask", "from:b")
    lab.settle()
    assert titles(lab) == [{"Cook"}, {"Cook"}]


def test_a_plan_names_what_it_leaves_and_why(lab: Lab) -> None:
    differing(lab, 2)
    lab.tool("c").create("contacts", {**people(1, start=7)[0], "first_name": "Zoe", "last_name": "Quint"})
    lab.tools["a"].create("contacts", {**people(1, start=7)[0]})
    lab.settle()
    planned = plan(lab.hub, lab.reviews(), "from:c")
    (ambiguous,) = lab.reviews("ambiguous")
    assert planned.fits == []
    assert planned.left.pop(ambiguous.id) == "This review takes same, different."
    assert set(planned.left.values()) == {"c says nothing about job_title."}


@contextmanager
def statements(lab: Lab) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(lab.hub.store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(lab.hub.store.engine, "before_cursor_execute", note)


def test_answering_many_costs_as_many_statements_as_answering_few(lab: Lab) -> None:
    differing(lab, 40)
    found = lab.reviews("ask")
    counts = []
    for chosen in (found[:3], found[3:]):
        with statements(lab) as seen:
            carry_out(lab.hub, plan(lab.hub, chosen, "newest"))
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_value_for_many_must_be_one(lab: Lab) -> None:
    differing(lab, 2)
    planned = plan(lab.hub, lab.reviews("ask"), "value", "Harbour master")
    carry_out(lab.hub, planned)
    lab.settle()
    assert titles(lab) == [{"Harbour master"}, {"Harbour master"}]
    lab.rules("contact: {email: ask}\n")
    with lab.hub.store.writing() as tx:
        question = reviews.Question("ask", {"contenders": []}, record_id=lab.records()[0].id, field="email")
        reviews.ask(tx, [question], now=lab.clock())
    with pytest.raises(ConfigError, match="email address"):
        plan(lab.hub, lab.reviews("ask"), "value", "nobody")


def doubtful(lab: Lab) -> Review:
    """`b` holds somebody who may be the one whom `a` has."""
    lab.tool("a").create("contacts", {**people(1)[0], "first_name": "Ann", "last_name": "Shore"})
    lab.tool("b").create("contacts", {"email": people(1)[0]["email"], "first_name": "Zebedee", "last_name": "Quint"})
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    return review


def test_the_only_candidate_need_not_be_named(lab: Lab) -> None:
    answer(lab.hub, doubtful(lab), "same")
    lab.settle()
    assert [one.state for one in lab.records()].count(State.LIVE) == 1


def test_a_candidate_that_was_merged_since_is_who_it_went_into(lab: Lab) -> None:
    lab.tool("a")
    first, second = (lab.tools["a"].create("contacts", one) for one in people(2))
    lab.tool("b").create("contacts", {"email": people(2)[1]["email"], "first_name": "Zebedee", "last_name": "Quint"})
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    (candidate,) = review.subject["candidates"]
    lab.tools["a"].merge("contacts", first, second)
    lab.settle()
    answer(lab.hub, review, "same", candidate)
    live = [one for one in lab.records() if one.state == State.LIVE]
    assert len(live) == 1


# --- owners and due times


def test_each_kind_is_due_as_an_admin_says(lab: Lab) -> None:
    lab.installation.change(reviews=Duties(owner="anna", due={"ask": 3 * HOUR}))
    differing(lab)
    (review,) = lab.reviews("ask")
    assert review.due_at - review.opened_at == 3 * HOUR
    assert review.owner is None, "it belongs to whom the configuration names, also after that changes"


def test_a_review_is_given_to_somebody_and_back(lab: Lab) -> None:
    differing(lab)
    (review,) = lab.reviews()
    number = assign(lab.hub, review, " carla ")
    assert closed(lab, review.id).owner == "carla"
    assert run(lab, number).subject == {"review": review.id, "owner": "carla", "before": None}
    assign(lab.hub, review, None)
    assert closed(lab, review.id).owner is None
    with pytest.raises(ConfigError, match="has a name"):
        assign(lab.hub, review, " ")


def test_what_is_late_is_passed_on_once_and_then_noted_daily(lab: Lab) -> None:
    lab.installation.change(reviews=Duties(owner="anna", escalate_to="bert", expires={"ask": None}))
    differing(lab)
    (review,) = lab.reviews()
    lab.wait(1.9 * DAYS)
    assert tick(lab.hub).passed_on == []
    lab.wait(0.2 * DAYS)
    assert tick(lab.hub).passed_on == [review.id]
    (passed,) = lab.reviews()
    assert (passed.owner, passed.opened_at) == ("bert", review.opened_at)
    assert passed.escalated_at is not None
    assert passed.due_at == passed.escalated_at + 2 * DAY
    noted = []
    for _ in range(40):
        lab.wait(3 * HOURS)
        done = tick(lab.hub)
        assert done.passed_on == []
        noted += done.noted
    assert noted == [review.id] * 4, "two, three, four and five days after that, once each"
    (late,) = lab.reviews()
    assert late.due_at == passed.due_at, "late stays late, in plain sight"
    with lab.hub.store.reading() as tx:
        told = [one.counts for one in runs.recent(tx, limit=100) if one.what == "escalate"]
    assert told[-1] == {"passed_on": 1, "still_late": 0}
    assert len(told) == 5


def test_who_was_given_it_keeps_it_where_nobody_else_is_named(lab: Lab) -> None:
    differing(lab)
    (review,) = lab.reviews()
    assign(lab.hub, review, "carla")
    later(lab, 2.5)
    (passed,) = lab.reviews()
    assert passed.owner == "carla"
    assert passed.escalated_at is not None


@pytest.mark.parametrize("store", ["embedded", "postgres"])
def test_the_clock_does_the_same_on_both_stores(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> None:
    url = request.getfixturevalue("postgres_url") if store == "postgres" else None
    with Lab(tmp_path, database_url=url) as lab:
        lab.installation.change(reviews=Duties(escalate_to="bert"))
        differing(lab, 12)
        lab.wait(3 * DAYS)
        assert len(tick(lab.hub).passed_on) == 12
        with lab.hub.store.reading() as tx:
            (burden,) = reviews.burdens(tx, now=lab.clock())
        assert (burden.what, burden.owner, burden.waiting, burden.late) == ("ask", "bert", 12, 12)
        lab.wait(3 * DAYS)
        assert len(tick(lab.hub).noted) == 12
        lab.wait(9 * DAYS)
        assert len(tick(lab.hub).answered) == 12
        lab.settle()
        assert titles(lab) == [{"Cook"}, {"Cook"}]
        with lab.hub.store.writing() as tx:
            reviews.reopen(tx, range(1, 13))
        assert len(lab.reviews()) == 12


def test_nothing_that_is_due_costs_one_statement(lab: Lab) -> None:
    differing(lab, 5)
    with statements(lab) as seen:
        tick(lab.hub)
    assert len([one for one in seen if not one.startswith(("PRAGMA", "BEGIN"))]) == 1


# --- defaults


def test_when_nobody_answers_the_certainly_newest_value_stands(lab: Lab) -> None:
    differing(lab, 3)
    found = lab.reviews("ask")
    later(lab, 13.5)
    lab.settle()
    assert len(lab.reviews()) == 3
    later(lab, 2)
    lab.settle()
    assert lab.reviews() == []
    assert titles(lab) == [{"Cook"}, {"Cook"}]
    assert {closed(lab, one.id).answer for one in found} == {"newest, by expiry"}
    with lab.hub.store.reading() as tx:
        (told,) = [one for one in runs.recent(tx, limit=100) if one.what == "answer"]
    assert (told.subject["actor"], told.subject["word"], len(told.subject["reviews"])) == ("expiry", "newest", 3)
    (why,) = ask(lab.hub, lab.records()[0], "job_title").why
    assert why.winner is not None
    assert why.winner.source in ("hub", "b")


def test_a_default_is_never_written_over_what_was_said_since(lab: Lab) -> None:
    differing(lab)
    lab.wait(13 * DAYS)
    lab.tools["a"].edit("contacts", lab.find("a"), {"job_title": "Pilot"})
    later(lab, 3)
    assert lab.reviews() == [], "the edit has not been read yet"
    lab.settle()
    assert titles(lab, "a") == [{"Pilot"}]
    assert len(lab.reviews("ask")) == 1, "and is asked about"


def test_a_default_is_undone_by_its_number_and_not_taken_again(lab: Lab) -> None:
    differing(lab)
    (review,) = lab.reviews()
    later(lab, 15)
    lab.settle()
    assert titles(lab) == [{"Cook"}, {"Cook"}]
    with lab.hub.store.reading() as tx:
        (told,) = [one for one in runs.recent(tx, limit=100) if one.what == "answer"]
    undo(lab.hub, told.id)
    lab.settle()
    assert [one.id for one in lab.reviews("ask")] == [review.id]
    later(lab, 40)
    assert [one.id for one in lab.reviews("ask")] == [review.id]


def test_what_nobody_can_tell_stays_a_question(lab: Lab) -> None:
    differing(lab, apart=0, rule="latest")
    (review,) = lab.reviews("ask")
    later(lab, 40)
    lab.settle()
    assert [one.id for one in lab.reviews()] == [review.id]
    assert titles(lab) == [{"Baker"}, {"Cook"}]


def test_an_admin_may_forbid_the_default(lab: Lab) -> None:
    lab.installation.change(reviews=Duties(expires={"ask": None}))
    differing(lab)
    later(lab, 40)
    assert len(lab.reviews("ask")) == 1


def test_who_may_be_whom_is_never_guessed(lab: Lab) -> None:
    doubtful(lab)
    later(lab, 60)
    lab.settle()
    assert len(lab.reviews("ambiguous")) == 1
    assert len(lab.all("a")) == 1


def test_a_double_that_is_held_back_is_never_let_out(lab: Lab) -> None:
    a, _ = lab.tool("a"), lab.tool("b")
    for title in ("Baker", "Cook"):
        a.create("contacts", {**people(1)[0], "job_title": title})
    lab.settle()
    assert len(lab.reviews("duplicate")) == 1
    later(lab, 60)
    lab.settle()
    assert len(lab.all("b")) == 1
    assert len(lab.reviews("duplicate")) == 1


def merged_elsewhere(lab: Lab) -> None:
    """Two people of whom `a` has made one, so that `b` holds that one twice."""
    lab.tool("a")
    lab.tool("b")
    first, second = (lab.tools["a"].create("contacts", one) for one in people(2))
    lab.settle()
    lab.tools["a"].merge("contacts", first, second)
    lab.settle()
    assert len(lab.reviews("duplicate")) == 1


def test_a_double_that_is_only_shown_is_noted_after_a_month(lab: Lab) -> None:
    merged_elsewhere(lab)
    (review,) = lab.reviews("duplicate")
    writes = lab.writes()
    later(lab, 32)
    lab.settle()
    assert closed(lab, review.id).answer == "noted, by expiry"
    assert lab.writes() == writes


def test_a_deletion_that_nobody_decides_deletes_nothing(lab: Lab) -> None:
    policy = {"deletes_in": "ask", "deletes_out": "propagate"}
    lab.tool("a", policy=policy).create("contacts", people(1)[0])
    lab.tool("b", policy=policy)
    lab.settle()
    lab.tools["b"].delete("contacts", lab.find("b"))
    lab.settle()
    (review,) = lab.reviews("delete")
    later(lab, 15)
    lab.settle()
    assert closed(lab, review.id).answer == "leave, by expiry"
    assert (len(lab.all("a")), len(lab.all("b"))) == (1, 0)


def test_a_brake_is_never_released_by_default(lab: Lab) -> None:
    a = lab.tool("a", mode="listing", policy={"deletes_in": "propagate", "deletes_out": "propagate"})
    lab.tool("b", policy={"deletes_out": "propagate"})
    ids = [a.create("contacts", person) for person in people(30)]
    lab.settle()
    for id_ in ids[:25]:
        a.delete("contacts", id_)
    lab.settle()
    assert len(lab.reviews("brake")) == 1
    later(lab, 40)
    lab.settle()
    assert len(lab.reviews("brake")) == 1
    assert len(lab.all("b")) == 30


def frozen(lab: Lab) -> Review:
    """A title that two tools keep turning."""
    lab.tool("a").create("contacts", people(1)[0])
    lab.tool("b")
    lab.settle()
    for turn in range(8):
        name, title = ("a", "Day shift") if turn % 2 else ("b", "Night shift")
        lab.wait(60)
        lab.tools[name].edit("contacts", lab.find(name), {"job_title": title})
        lab.settle()
        if lab.reviews("frozen"):
            break
    (review,) = lab.reviews("frozen")
    return review


@pytest.mark.parametrize(("said", "turns"), [("contact: {job_title: {changes: 3}}", 4), ("changes: 8", 9)])
def test_the_rules_say_how_often_is_too_often(lab: Lab, said: str, turns: int) -> None:
    lab.tool("a").create("contacts", people(1)[0])
    lab.tool("b")
    lab.settle()
    lab.rules(f"frozen: {{{said}}}")
    for turn in range(turns):
        assert not lab.reviews("frozen")
        name, title = ("a", "Day shift") if turn % 2 else ("b", "Night shift")
        lab.wait(60)
        lab.tools[name].edit("contacts", lab.find(name), {"job_title": title})
        lab.settle()
    assert len(lab.reviews("frozen")) == 1


def test_a_frozen_field_goes_on_by_its_rule_when_it_has_come_to_rest(lab: Lab) -> None:
    review = frozen(lab)
    assert {one[0] for one in review.subject["contenders"]} == {"a", "b"}
    stands = lab.records()[0].values["job_title"]
    later(lab, 15)
    lab.settle()
    assert closed(lab, review.id).answer == "leave, by expiry"
    assert titles(lab) == [{stands}, {stands}]


# --- questions that settle themselves


def test_a_frozen_field_is_free_after_a_persons_word(lab: Lab) -> None:
    review = frozen(lab)
    say(lab.hub, lab.records()[0].id, {"job_title": "Day shift"})
    assert closed(lab, review.id).answer == "a person said it"
    lab.settle()
    assert titles(lab) == [{"Day shift"}, {"Day shift"}]
    assert lab.reviews() == []


@pytest.mark.parametrize("word", ["from:a", "newest", "earliest", "leave"])
def test_a_frozen_field_is_answered_by_choosing_too(lab: Lab, word: str) -> None:
    review = frozen(lab)
    answer(lab.hub, review, word)
    lab.settle()
    assert lab.reviews() == []
    held = titles(lab)
    assert held[0] == held[1]
    if word == "from:a":
        assert held[0] == {"Day shift"}


def test_a_double_is_settled_when_one_of_them_is_left(lab: Lab) -> None:
    merged_elsewhere(lab)
    (review,) = lab.reviews("duplicate")
    first, second = lab.all("b")
    lab.wait(60)
    lab.tools["b"].merge("contacts", first, second)
    lab.settle()
    assert lab.reviews() == []
    assert closed(lab, review.id).answer == "one of them is left"


def test_a_doubtful_newcomer_is_settled_when_its_tool_merges_it(lab: Lab) -> None:
    review = doubtful(lab)
    lab.wait(60)
    lab.tools["b"].merge("contacts", lab.find("b", last_name="Shore"), lab.find("b", last_name="Quint"))
    lab.settle()
    assert closed(lab, review.id).answer == "merged"
    assert lab.reviews("ambiguous") == []


def test_a_doubtful_newcomer_that_is_deleted_is_no_question_until_it_comes_back(lab: Lab) -> None:
    policy = {"deletes_in": "propagate"}
    lab.tool("a").create("contacts", {**people(1)[0], "first_name": "Ann", "last_name": "Shore"})
    b = lab.tool("b", policy=policy)
    zebedee = {"email": people(1)[0]["email"], "first_name": "Zebedee", "last_name": "Quint"}
    theirs = b.create("contacts", zebedee)
    lab.settle()
    (review,) = lab.reviews("ambiguous")
    b.delete("contacts", theirs)
    lab.settle()
    assert lab.reviews() == []
    gone = lab.record(first_name="Zebedee")
    assert gone.state == State.DELETED
    assert closed(lab, review.id).answer == GONE
    lab.wait(60)
    b.create("contacts", {**zebedee, "job_title": "Cook"}, id=theirs)
    lab.settle()
    assert lab.record(first_name="Zebedee").state == State.LIVE
    assert [one.id for one in lab.reviews("ambiguous")] == [review.id]
    assert len(lab.all("a")) == 1, "it is still created nowhere"


@pytest.mark.parametrize("same_id", [True, False])
def test_a_deletion_is_no_question_once_the_record_is_there_again(lab: Lab, same_id: bool) -> None:
    lab.tool("a", policy={"deletes_in": "ask"}).create("contacts", people(1)[0])
    lab.tool("b")
    lab.settle()
    ours = lab.find("a")
    lab.tools["a"].delete("contacts", ours)
    lab.settle()
    (review,) = lab.reviews("delete")
    lab.wait(60)
    lab.tools["a"].create("contacts", people(1)[0], id=ours if same_id else None)
    lab.settle()
    assert closed(lab, review.id).answer == "it is there again"


def test_a_deletion_is_no_question_once_the_record_is_deleted_elsewhere(lab: Lab) -> None:
    lab.tool("a", policy={"deletes_in": "ask"}).create("contacts", people(1)[0])
    lab.tool("b", policy={"deletes_in": "propagate"})
    lab.settle()
    lab.tools["a"].delete("contacts", lab.find("a"))
    lab.settle()
    assert len(lab.reviews("delete")) == 1
    lab.tools["b"].delete("contacts", lab.find("b"))
    lab.settle()
    assert lab.reviews() == []


def test_a_question_about_a_deleted_record_is_put_again_when_it_comes_back(lab: Lab) -> None:
    a = lab.tool("a", policy={"deletes_in": "propagate"})
    b = lab.tool("b", policy={"deletes_out": "unlink"})
    lab.rules("contact: {job_title: ask}\n")
    ours = a.create("contacts", {**people(1)[0], "job_title": "Baker"})
    lab.wait(60)
    theirs = b.create("contacts", {**people(1)[0], "job_title": "Cook"})
    lab.settle()
    assert len(lab.reviews("ask")) == 1
    a.delete("contacts", ours)
    lab.settle()
    assert lab.records()[0].state == State.DELETED
    assert lab.reviews() == []
    lab.wait(60)
    b.edit("contacts", theirs, {"phone": "+447700900999"})
    lab.settle()
    assert lab.records()[0].state == State.LIVE
    assert [one.field for one in lab.reviews("ask")] == ["job_title"]


def test_questions_about_a_removed_connection_are_closed(lab: Lab) -> None:
    lab.tool("a", policy={"deletes_in": "ask"}).create("contacts", people(1)[0])
    lab.tool("b")
    lab.settle()
    lab.tools["a"].delete("contacts", lab.find("a"))
    lab.settle()
    (review,) = lab.reviews("delete")
    lab.installation.change(removed=["a"])
    assert closed(lab, review.id).answer == "the connection was removed"


def test_a_closed_review_is_opened_again_unless_the_question_was_put_anew(lab: Lab) -> None:
    differing(lab)
    (review,) = lab.reviews()
    answer(lab.hub, review, "newest")
    with lab.hub.store.writing() as tx:
        reviews.reopen(tx, [review.id])
    assert [one.id for one in lab.reviews()] == [review.id]
    answer(lab.hub, review, "newest")
    with lab.hub.store.writing() as tx:
        anew = reviews.Question("ask", {"contenders": []}, record_id=review.record_id, field=review.field)
        reviews.ask(tx, [anew], now=lab.clock())
        reviews.reopen(tx, [review.id])
    assert [one.id for one in lab.reviews()] != [review.id]
    assert len(lab.reviews()) == 1


def test_every_kind_of_review_says_what_each_of_its_answers_does() -> None:
    for what, ways in answering.WAYS.items():
        for word, way in ways.items():
            assert way.tells.endswith("."), (what, word)


# --- several workers


@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_two_workers_that_look_at_once_give_one_default(lab: Lab, before: int) -> None:
    differing(lab)
    (review,) = lab.reviews()
    lab.wait(15 * DAYS)
    told: list[Ticked] = []
    fate = Fate(pauses=before, paused=lambda: told.append(tick(lab.hub)))
    told.append(tick(replace(lab.hub, store=MortalStore(lab.hub.store, fate))))
    assert fate.pauses == 0, "the other one looked in"
    assert sorted(len(one.passed_on) for one in told) == [0, 1]
    assert sorted(len(one.answered) for one in told) == [0, 1]
    with lab.hub.store.reading() as tx:
        given = [one for one in runs.recent(tx, limit=100) if one.what == "answer"]
    assert [one.subject["review"] for one in given] == [review.id]
