"""The pages of runs: the list, one run with its entries and error, and undoing it as it was shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from httpx import Response

from core.errors import Unavailable
from core.flow.leasing import take
from core.flow.running import Run
from core.flow.saying import say
from core.store import trail
from tests.api.console.conftest import Browser, words
from tests.core.flow.undo.undone import ANN, agreed, edited, everywhere, latest
from tests.core.store.test_statements import counted
from tests.support import Lab, people

Someone = Callable[..., Browser]


@pytest.fixture
def bad(lab: Lab) -> int:
    """The number of the run that took in somebody's mistake."""
    agreed(lab, "a", "b", "sheet")
    return edited(lab, "sheet", job_title="#REF!")


@pytest.fixture
def operator(lab: Lab, bad: int, someone: Someone) -> Browser:
    return someone("operator")


def mark(page: str) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', page)
    assert found
    return unescape(found[1])


def rehearsed(browser: Browser, run: int) -> Response:
    """The page of what an undo would do, after the button that asks for it."""
    answer = browser.post(f"runs/{run}/rehearse")
    return browser.follow(answer) if answer.status_code == 303 else answer


def steps(lab: Lab) -> list[str]:
    with lab.installation.store.reading() as tx:
        return [one.what for one in trail.steps(tx)]


def numbers(page: str) -> list[int]:
    """The runs that are listed."""
    return [int(one) for one in re.findall(r'<th scope="row"><a href="/console/runs/(\d+)"', page)]


# --- looking


def test_runs_are_listed_newest_first_and_filters_choose(lab: Lab, bad: int, operator: Browser) -> None:
    every = numbers(operator.open("runs").text)
    assert every == sorted(every, reverse=True)
    assert bad in every
    only = numbers(operator.open("runs", what="pull", connection="sheet", stream="contacts").text)
    assert only[0] == bad
    assert set(only) < set(every)
    assert numbers(operator.open("runs", failed="1").text) == []
    assert "No run is of that sort" in operator.read("runs", failed="1")
    assert operator.open("runs", connection="nowhere").status_code == 400


def test_pages_of_runs_join_up(operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    every = numbers(operator.open("runs").text)
    monkeypatch.setattr("api.console.pages.runs.SHOWN", 3)
    found, path = [], "runs"
    while path:
        page = operator.open(path).text
        found += numbers(page)
        more = re.search(r'rel="next" href="/console/(runs[^"]+)"', page)
        path = unescape(more[1]) if more else ""
    assert found == every


def test_what_is_rare_is_looked_for_page_by_page(lab: Lab, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    first = min(numbers(operator.open("runs").text))
    monkeypatch.setattr("core.store.runs.WINDOW", 2)
    path, found = "runs?what=pull", list[int]()
    for _ in range(40):
        page = operator.open(path).text
        found += numbers(page)
        more = re.search(r'rel="next" href="/console/(runs[^"]+)"', page)
        if more is None:
            break
        path = unescape(more[1])
    assert first in found


def test_one_run_tells_what_it_did(lab: Lab, bad: int, operator: Browser) -> None:
    page = operator.read(f"runs/{bad}")
    assert f"Run {bad}: pull contacts of sheet" in page
    assert "job_title: Baker → #REF!" in page
    assert "See what undoing it would do" in page
    assert operator.open("runs/99999").status_code == 404


def test_an_error_is_told_with_its_remedy(lab: Lab, operator: Browser, someone: Someone) -> None:
    with (
        pytest.raises(Unavailable),
        Run(lab.hub, lab.connection("a").id, "deliver", subject={"x": 1}) as run,
    ):
        raise Unavailable("Nobody answers for zoe@shore.example.", connection="a")
    page = operator.read(f"runs/{run.id}")
    assert "Nobody answers for zoe@shore.example." in page
    assert "unavailable" in page
    assert numbers(operator.open("runs", failed="1").text) == [run.id]
    assert "zoe@" not in someone("viewer").read(f"runs/{run.id}")


# --- undoing


def test_an_undo_is_shown_exactly_then_done(lab: Lab, bad: int, operator: Browser) -> None:
    say(lab.hub, lab.record(email=ANN["email"]).id, {"phone": "+447700900999"})
    page = rehearsed(operator, bad).text
    said = words(page)
    assert "1 record would change" in said
    for name in ("a", "b", "sheet"):
        assert f"{name} 0 1 0" in said
    assert everywhere(lab, "job_title") == {"#REF!"}, "looking changes nothing"
    done = operator.post(f"runs/{bad}/undo", mark=mark(page))
    assert done.status_code == 303
    after = operator.read(done.headers["location"].removeprefix("/console/"))
    assert f"Run {bad} is undone" in after
    assert f"Takes back run {bad}" in after
    assert f"Undone by run {latest(lab, 'undo')}" in operator.read(f"runs/{bad}")
    lab.settle()
    assert everywhere(lab, "job_title") == {"Baker"}
    assert steps(lab).count("undo a run") == 1


def test_what_stays_is_told_with_its_reason(lab: Lab, bad: int, operator: Browser) -> None:
    say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Chair"})
    page = words(rehearsed(operator, bad).text)
    assert "What stays: 1 value" in page
    assert "Chair" in page


def test_pressing_twice_is_safe_and_clear(lab: Lab, bad: int, operator: Browser) -> None:
    agreed_to = mark(rehearsed(operator, bad).text)
    operator.post(f"runs/{bad}/undo", mark=agreed_to)
    twice = operator.post(f"runs/{bad}/undo", mark=agreed_to)
    assert twice.status_code == 409
    assert f"Run {bad} was undone already, by run {latest(lab, 'undo')}" in words(twice.text)
    assert steps(lab).count("undo a run") == 1
    assert "was undone already" in words(rehearsed(operator, bad).text)


def test_a_plan_that_is_stale_is_shown_anew_and_nothing_is_done(lab: Lab, bad: int, operator: Browser) -> None:
    agreed_to = mark(rehearsed(operator, bad).text)
    say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Chair"})
    stale = operator.follow(operator.post(f"runs/{bad}/undo", mark=agreed_to))
    assert "has changed since you looked; nothing was undone" in words(stale.text)
    assert numbers(operator.open("runs", what="undo").text) == []
    assert operator.post(f"runs/{bad}/undo", mark=mark(stale.text)).status_code == 303


def test_one_undo_at_a_time(lab: Lab, bad: int, operator: Browser) -> None:
    agreed_to = mark(rehearsed(operator, bad).text)
    assert take(lab.hub, "undo", "somebody else")
    refused = operator.post(f"runs/{bad}/undo", mark=agreed_to)
    assert "Another undo is being carried out just now" in words(refused.text)
    assert everywhere(lab, "job_title") == {"#REF!"}
    lab.wait(3_600)
    assert operator.post(f"runs/{bad}/undo", mark=agreed_to).status_code == 303


def test_the_undo_is_undone_there_too(lab: Lab, bad: int, operator: Browser) -> None:
    operator.post(f"runs/{bad}/undo", mark=mark(rehearsed(operator, bad).text))
    lab.settle()
    number = latest(lab, "undo")
    operator.post(f"runs/{number}/undo", mark=mark(rehearsed(operator, number).text))
    lab.settle()
    assert everywhere(lab, "job_title") == {"#REF!"}


def test_why_it_cannot_be_undone_is_told(lab: Lab, operator: Browser) -> None:
    page = rehearsed(operator, latest(lab, "deliver"))
    assert page.status_code == 409
    assert "Undo what decided it: run" in words(page.text)
    assert operator.open("runs/99999/undo").status_code == 404


def test_an_applied_change_is_undone_by_admins_alone(lab: Lab, admin: Browser, someone: Someone) -> None:
    lab.rules("contact:\n  job_title: ask\n")
    for name, job in (("books", "Baker"), ("crm", "Cook")):
        lab.tool(name)
        for person in people(2):
            lab.tools[name].create("contacts", {**person, "job_title": job})
        lab.wait(60)
    lab.settle()
    plan = admin.open("reviews/plan", which="all", word="from:crm").text
    said = {
        name: unescape(re.findall(rf'name="{name}" value="([^"]*)"', plan)[-1])
        for name in ("reviews", "word", "rule_mark")
    }
    admin.post("reviews/rule", **said)
    lab.refreshed()
    run = latest(lab, "apply")
    assert lab.reviews("ask") == []
    operator = someone("operator")
    assert operator.open(f"runs/{run}/undo").status_code == 403
    assert operator.post(f"runs/{run}/undo", mark="x").status_code == 403
    page = rehearsed(admin, run).text
    assert "An earlier configuration is put in force again" in words(page)
    assert "rules as before" in words(page)
    done = admin.post(f"runs/{run}/undo", mark=mark(page))
    assert done.status_code == 303, words(done.text)
    assert f"Takes back run {run}" in admin.read(done.headers["location"].removeprefix("/console/"))
    twice = admin.post(f"runs/{run}/undo", mark=mark(page))
    assert "in force already" in words(twice.text)
    lab.refreshed()
    assert lab.hub.rules.rule("contact", "job_title").name == "ask"


# --- who may, and what it costs


def test_a_viewer_reads_masked_and_undoes_nothing(bad: int, someone: Someone, lab: Lab) -> None:
    viewer = someone("viewer")
    page = viewer.read(f"runs/{bad}")
    assert "Ann" not in page
    assert "Baker" not in page
    assert "A••• S•••" in page
    assert "job title" in page
    assert "undoing" not in page
    assert viewer.open(f"runs/{bad}/undo").status_code == 403
    assert viewer.post(f"runs/{bad}/undo", mark="x").status_code == 403
    assert everywhere(lab, "job_title") == {"#REF!"}


def test_without_its_key_nothing_is_undone(bad: int, operator: Browser, lab: Lab) -> None:
    agreed_to = mark(rehearsed(operator, bad).text)
    answer = operator.client.post(f"/console/runs/{bad}/undo", data={"mark": agreed_to})
    assert answer.status_code == 400
    lab.settle()
    assert everywhere(lab, "job_title") == {"#REF!"}


def test_the_pages_cost_the_same_however_many_there_are(lab: Lab, someone: Someone) -> None:
    operator = someone("operator")
    lab.tool("a")
    lab.tool("b")
    costs: list[list[int]] = []
    for number in (2, 80):
        for person in people(number, start=100 * len(costs)):
            lab.tools["a"].create("contacts", person)
        lab.settle()
        run: Any = latest(lab, "pull", "a")
        cost = []
        for path in ("runs", f"runs/{run}", f"runs/{run}/undo"):
            operator.open(path)
            if path.endswith("undo"):
                rehearsed(operator, run)
            with counted(lab.installation.store) as seen:
                assert operator.open(path).status_code == 200
            cost.append(len([one for one in seen if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]))
        costs.append(cost)
    assert costs[0] == costs[1]
    assert max(costs[0]) <= 25, costs
