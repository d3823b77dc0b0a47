"""The pages of reviews: the queue, one question whole, answers to one and to many, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from core.model.instant import DAY, SECOND
from core.store import reviews, trail
from tests.api.console.conftest import Browser, words
from tests.core.store.test_statements import counted
from tests.support import Lab, people

Someone = Callable[..., Browser]
RULES = "contact:\n  job_title: ask\n  asked: ask\n"


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Three people whose title books (Baker, the earlier) and crm (Cook) differ about."""
    lab.rules(RULES)
    books, crm = lab.tool("books"), lab.tool("crm")
    for person in people(3):
        books.create("contacts", {**person, "job_title": "Baker"})
    lab.wait(180)
    for person in people(3):
        crm.create("contacts", {**person, "job_title": "Cook"})
    lab.settle()
    assert len(lab.reviews("ask")) == 3
    return lab


@pytest.fixture
def operator(shop: Lab, someone: Someone) -> Browser:
    return someone("operator")


def hidden(page: str, name: str, *, of: str = "") -> str:
    """What a form of a page carries under a name; `of` is the word whose form is meant."""
    start = page.index(f'name="word" value="{of}"') if of else 0
    found = re.compile(rf'name="{name}" value="([^"]*)"').search(page, start)
    assert found, name
    return unescape(found[1])


def titles(lab: Lab) -> list[set[Any]]:
    return [{one.get("job_title") for one in tool.all("contacts").values()} for tool in lab.tools.values()]


def steps(lab: Lab) -> list[str]:
    with lab.installation.store.reading() as tx:
        return [one.what for one in trail.steps(tx)]


# --- the queue


def test_the_queue_tells_what_is_asked_and_whose_it_is(operator: Browser) -> None:
    page = operator.read("reviews")
    assert "3 questions wait for a person" in page
    assert re.search(r"books says Baker, since \S+ \S+; crm says Cook, since .* Which job title stands\?", page)
    assert "First0 Last0" in page
    assert "the admin" in page


def test_one_question_is_one(shop: Lab, operator: Browser) -> None:
    one, other, _ = shop.reviews("ask")
    for review in (one, other):
        page = operator.open(f"reviews/{review.id}").text
        answer(operator, review.id, "newest", hidden(page, "mark", of="newest"))
    assert "1 question waits for a person" in operator.read("reviews")


def test_the_late_ones_come_first_and_filters_choose(shop: Lab, operator: Browser) -> None:
    last = shop.reviews("ask")[-1]
    with shop.installation.store.writing() as tx:
        reviews.escalate(
            tx, [last._replace(owner="bert@shop.example", escalated_at=shop.clock(), due_at=shop.clock() + 30 * DAY)]
        )
    page = operator.open("reviews").text
    assert re.findall(r"reviews/(\d+)", page)[0] == str(last.id)
    assert "1 of all is late" in words(page)
    for asked, count in (
        ({"owner": "bert@shop.example"}, 1), ({"owner": "the admin"}, 2), ({"late": "1"}, 1), ({"what": "ask"}, 3),
        ({"what": "brake"}, 0), ({"connection": "crm"}, 3), ({"field": "job_title"}, 3), ({"field": "phone"}, 0),
    ):  # fmt: skip
        assert len(set(re.findall(r"reviews/(\d+)", operator.open("reviews", **asked).text))) == count, asked
    assert "There is no connection" in words(operator.open("reviews", connection="nowhere").text)


def test_pages_of_the_queue_join_up(shop: Lab, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.console.pages.reviews.SHOWN", 2)
    first = operator.open("reviews").text
    more = re.search(r'rel="next" href="/console/(reviews[^"]+)"', first)
    assert more
    second = operator.open(unescape(more[1])).text
    shown = [re.findall(r"reviews/(\d+)", one) for one in (first, second)]
    assert [len(one) for one in shown] == [2, 1]
    assert {int(one) for page in shown for one in page} == {one.id for one in shop.reviews("ask")}


def test_a_place_that_is_none_is_refused(operator: Browser) -> None:
    assert "is no place in the queue" in words(operator.open("reviews", after="here").text)


def test_an_empty_queue_says_so(lab: Lab, someone: Someone) -> None:
    assert "No question waits here" in someone("viewer").read("reviews")


# --- one


def answer(operator: Browser, number: int, word: str, mark: str = "", **more: str) -> Any:
    return operator.post(f"reviews/{number}/answer", word=word, mark=mark, **more)


def test_one_is_shown_with_what_each_answer_would_do(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    page = operator.read(f"reviews/{number}")
    assert "Baker stands and is written to crm. Take what books says" in page
    assert "Cook stands and is written to books. Take the newest" in page
    assert "Value of job title Set this value" in page
    assert "What happened to the field" in page
    assert "look at a review" in steps(shop)


def test_an_answer_is_carried_out_and_closes_it(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    page = operator.open(f"reviews/{number}").text
    done = answer(operator, number, "from:books", hidden(page, "mark", of="from:books"))
    assert done.status_code == 303
    after = operator.client.get(done.headers["location"]).text
    assert f"Review {number} is closed Answered from:books" in words(after)
    assert "/console/runs/" in after
    shop.settle()
    assert "Baker" in titles(shop)[1]
    assert steps(shop).count("answer a review") == 1


def test_a_value_is_taken_as_it_is_typed(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    page = operator.open(f"reviews/{number}").text
    answer(operator, number, "value", hidden(page, "mark", of="value"), value="Head Baker")
    shop.settle()
    assert all("Head Baker" in held for held in titles(shop))


def test_an_answer_that_is_stale_or_given_twice_does_nothing(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    mark = hidden(operator.open(f"reviews/{number}").text, "mark", of="newest")
    shop.wait(60)
    shop.tools["books"].edit("contacts", shop.find("books", email="person0@shore0.example"), job_title="Chef")
    shop.settle()
    stale = answer(operator, number, "newest", mark)
    assert stale.status_code == 400
    assert "has changed since you looked; nothing was answered" in words(stale.text)
    assert number in {one.id for one in shop.reviews("ask")}
    assert answer(operator, number, "newest", hidden(stale.text, "mark", of="newest")).status_code == 303
    twice = answer(operator, number, "newest", mark)
    assert twice.status_code == 409
    assert f"Review {number} is closed" in words(twice.text)
    assert steps(shop).count("answer a review") == 1


def test_what_is_no_answer_is_told(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    assert "This review takes" in words(answer(operator, number, "erase").text)
    assert operator.open("reviews/99999").status_code == 404


def test_who_may_be_whom_is_shown_side_by_side_and_answered_with_a_record(lab: Lab, someone: Someone) -> None:
    books, crm = lab.tool("books"), lab.tool("crm")
    crm.create("contacts", {"email": "zoe@shore.example", "first_name": "Zoe", "last_name": "Quint"})
    lab.settle()
    books.create("contacts", {"email": "zoe@shore.example", "first_name": "Hugo", "last_name": "Marlow"})
    books.delete("contacts", lab.find("books", last_name="Quint"))
    lab.settle()
    review = lab.reviews("ambiguous")[0]
    operator = someone("operator")
    page = operator.open(f"reviews/{review.id}").text
    assert "Side by side" in words(page)
    assert "Quint" in words(page)
    choice = re.search(r'<select id="value-\d+" name="value" required><option value="(\d+)">contact', page)
    assert choice
    done = answer(operator, review.id, "same", hidden(page, "mark", of="same"), value=choice[1])
    assert done.status_code == 303
    assert lab.reviews("ambiguous") == []


def test_a_review_is_given_to_somebody_and_back(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    operator.post(f"reviews/{number}/assign", owner="carl@shop.example")
    assert "Whose carl@shop.example" in operator.read(f"reviews/{number}")
    operator.post(f"reviews/{number}/assign", owner="")
    assert "Whose the admin" in operator.read(f"reviews/{number}")
    assert steps(shop).count("assign a review") == 2


# --- many


def test_several_are_answered_with_one_word_after_the_plan(shop: Lab, operator: Browser) -> None:
    ids = [one.id for one in shop.reviews("ask")]
    plan = operator.open("reviews/plan", review=ids[:2], word="newest", which="ticked").text
    assert "2 reviews would be answered: newest" in words(plan)
    assert words(plan).count("Cook") == 2
    assert len(shop.reviews("ask")) == 3, "nothing is changed by looking"
    said = {name: hidden(plan, name) for name in ("reviews", "word", "value", "mark")}
    done = operator.post("reviews/answer", **said)
    assert "2 reviews are answered: newest" in operator.read(done.headers["location"].removeprefix("/console/"))
    assert [one.id for one in shop.reviews("ask")] == ids[2:]
    shop.settle()
    assert titles(shop)[0] == {"Cook", "Baker"}
    again = operator.post("reviews/answer", **said)
    assert "None of these is open any more" in words(again.text)


def test_all_that_the_filters_choose_are_answered_and_some_stay_open(shop: Lab, operator: Browser) -> None:
    plan = operator.open("reviews/plan", which="all", field="job_title", word="from:crm").text
    assert "3 reviews would be answered: from:crm" in words(plan)
    nothing = operator.read("reviews/plan", which="all", word="release")
    assert "Nothing would be answered by this word" in nothing
    assert "3 stay open" in nothing
    assert "No review is ticked" in words(operator.open("reviews/plan", word="newest").text)


def test_a_plan_that_changed_is_shown_anew(shop: Lab, operator: Browser) -> None:
    ids = [one.id for one in shop.reviews("ask")]
    plan = operator.open("reviews/plan", review=ids, word="newest", which="ticked").text
    said = {name: hidden(plan, name) for name in ("reviews", "word", "value", "mark")}
    page = operator.open(f"reviews/{ids[0]}").text
    answer(operator, ids[0], "newest", hidden(page, "mark", of="newest"))
    stale = operator.post("reviews/answer", **said)
    assert stale.status_code == 409
    assert "nothing was answered" in words(stale.text)
    assert len(shop.reviews("ask")) == 2


def test_an_admin_makes_the_answer_a_rule_and_nobody_else(shop: Lab, operator: Browser, admin: Browser) -> None:
    asked = {"which": "all", "field": "job_title", "word": "from:crm"}
    assert "An admin can make it a rule" in operator.read("reviews/plan", **asked)
    plan = admin.open("reviews/plan", **asked).text
    assert "job_title: {prefer: [crm]}" in words(plan) or "crm" in words(plan)
    said = {name: hidden(plan, name) for name in ("reviews", "word", "rule_mark")}
    assert operator.post("reviews/rule", **said).status_code == 403
    done = admin.post("reviews/rule", **said)
    assert "3 questions are settled by it" in admin.read(done.headers["location"].removeprefix("/console/"))
    assert shop.reviews("ask") == []


# --- who may, and what it costs


def test_a_viewer_reads_masked_and_answers_nothing(shop: Lab, someone: Someone) -> None:
    with shop.installation.store.writing() as tx:
        asked = reviews.Question("ask", {"contenders": [["crm", "Where is my roof?", 1]]}, 0, 1, "phone")
        reviews.ask(tx, [asked], now=shop.clock())
    viewer = someone("viewer")
    number = shop.reviews("ask")[0].id
    for page in ("reviews", f"reviews/{number}"):
        said = viewer.read(page)
        assert "First0" not in said
        assert "F••• L•••" in said
    assert "roof" not in viewer.read("reviews")
    assert "Operators and admins answer" in viewer.read(f"reviews/{number}")
    for path in (f"reviews/{number}/answer", f"reviews/{number}/assign", "reviews/answer", "reviews/rule"):
        assert viewer.post(path, word="newest").status_code == 403
    assert viewer.open("reviews/plan").status_code == 403


def test_without_its_key_nothing_is_answered(shop: Lab, operator: Browser) -> None:
    number = shop.reviews("ask")[0].id
    mark = hidden(operator.open(f"reviews/{number}").text, "mark", of="newest")
    said = {"word": "newest", "mark": mark}
    assert operator.client.post(f"/console/reviews/{number}/answer", data=said).status_code == 400
    assert len(shop.reviews("ask")) == 3


def test_the_pages_cost_the_same_however_many_there_are(shop: Lab, operator: Browser) -> None:
    first = shop.reviews("ask")[0].id
    paths = ("reviews", f"reviews/{first}", "reviews/plan?which=all&word=newest")
    costs = []
    for _ in range(2):
        cost = []
        for path in paths:
            operator.open(path)
            with counted(shop.installation.store) as seen:
                assert operator.open(path).status_code == 200
            cost.append(len([one for one in seen if not one.startswith(("BEGIN", "COMMIT"))]))
        costs.append(cost)
        for name, job in (("books", "Baker"), ("crm", "Cook")):
            shop.wait(60)
            for person in people(40, start=10):
                shop.tools[name].create("contacts", {**person, "job_title": job})
        shop.settle()
        assert len(shop.reviews("ask")) > 40
    assert costs[0] == costs[1]
    assert max(costs[0]) <= 25, costs


def test_time_makes_a_question_late(shop: Lab, operator: Browser) -> None:
    operator.open("reviews")
    shop.wait(3 * DAY / SECOND)
    operator.sign_in()
    assert "3 of all are late" in operator.read("reviews")
