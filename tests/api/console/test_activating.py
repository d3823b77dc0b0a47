"""The road of drafts: planned while the page waits or goes on without it, begun again after a restart, agreed to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event

from api import drafting, undoing
from api.app import create_app
from core.errors import Unavailable
from tests.api.console.conftest import Browser, words
from tests.core.flow.undo.undone import ANN, agreed, edited
from tests.support import Lab

Someone = Callable[..., Browser]
RULE = "contact:\n  job_title: {prefer: [shop]}\n"


@pytest.fixture
def shops(lab: Lab) -> Lab:
    for name, title in (("shop", "Baker"), ("crm", "Chef")):
        tool = lab.tool(name)
        tool.create("contacts", {"email": "ann@shore.example", "first_name": "Ann", "job_title": title})
        lab.clock.sleep(60)
    lab.settle()
    return lab


class Gate:
    """Holds up the real work until a test lets it go on, and tells when it has ended."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work, self.opened, self.ended = work, Event(), Event()

    def __call__(self, *given: Any, **more: Any) -> Any:
        assert self.opened.wait(60)
        try:
            return self.work(*given, **more)
        finally:
            self.ended.set()

    def let_go(self) -> None:
        self.opened.set()
        assert self.ended.wait(60)


@pytest.fixture
def slow_plan(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(drafting.planned)
    monkeypatch.setattr("api.activating.planned", gate)
    monkeypatch.setattr("api.errands.PATIENCE", 0.0)
    yield gate
    gate.opened.set()


def restarted(lab: Lab, email: str) -> Browser:
    """The same person at the pages of another process."""
    browser = Browser(lab, create_app(lab.installation), email)
    assert browser.sign_in().status_code == 303
    return browser


def until(browser: Browser, path: str, said: str) -> str:
    """The page as soon as it says so: an errand tells its result a moment after its work has ended."""
    for _ in range(1_000):
        page = browser.read(path)
        if said in page:
            return page
    raise AssertionError(page)


def test_a_plan_that_takes_longer_is_told_of_and_shown_when_it_is_there(
    shops: Lab, admin: Browser, slow_plan: Gate
) -> None:
    page = admin.follow(admin.post("settings/rules", text=RULE))
    assert "The plan is being made" in words(page.text)
    assert 'data-live="2"' in page.text
    assert '<a href="/console/settings/rules/plan">Look again</a>' in page.text
    assert "Activate" not in page.text
    refused = admin.post("settings/rules", text=RULE + "# more\n")
    assert refused.status_code == 400
    assert "Something else is under way here" in words(refused.text)
    assert "# more" in refused.text, "what was written stays"
    slow_plan.let_go()
    assert "contact job_title" in until(admin, "settings/rules/plan", "What this change of rules would do")


def test_a_restart_loses_the_plan_and_not_the_draft(shops: Lab, admin: Browser) -> None:
    admin.post("settings/rules", text=RULE)
    again = restarted(shops, admin.email)
    page = again.open("settings/rules/plan")
    assert "No plan of your draft is here" in words(page.text)
    assert "+ job_title: {prefer: [shop]}" in words(page.text)
    assert "A draft of yours is here" in again.read("settings/rules")
    text = re.search(r'name="text" value="([^"]+)"', page.text)
    assert text
    back = again.post("settings/rules", text=text[1], act="back")
    assert "prefer: [shop]" in back.text
    planned = again.follow(again.post("settings/rules", text=text[1], act="plan"))
    assert "What this change of rules would do" in words(planned.text)


def test_what_was_agreed_to_before_a_restart_is_put_in_force_after_it(shops: Lab, admin: Browser) -> None:
    page = admin.follow(admin.post("settings/rules", text=RULE))
    mark = re.search(r'name="mark" value="([^"]+)"', page.text)
    assert mark
    again = restarted(shops, admin.email)
    done = again.post("settings/rules/activate", text=RULE, mark=mark[1])
    assert "In force, by run" in words(again.follow(done).text)
    assert "No draft of yours is here" in again.read("settings/rules/plan")
    assert "A draft of yours" not in again.read("settings/rules")


def test_a_draft_is_its_writers_own(shops: Lab, admin: Browser, someone: Someone) -> None:
    admin.post("settings/rules", text=RULE)
    other = someone("admin", "zoe@shore.example")
    assert "No draft of yours is here" in other.read("settings/rules/plan")
    page = other.follow(other.post("settings/rules", text=RULE.replace("shop", "crm")))
    assert "prefer: [crm]" in words(page.text)
    assert "prefer: [shop]" in admin.read("settings/rules/plan")


def test_what_changed_between_looking_and_agreeing_shows_the_plan_again(shops: Lab, admin: Browser) -> None:
    page = admin.follow(admin.post("settings/rules", text=RULE))
    mark = re.search(r'name="mark" value="([^"]+)"', page.text)
    assert mark
    for name, title in (("shop", "Cook"), ("crm", "Waiter")):
        person = {"email": "bob@quay.example", "first_name": "Bob", "job_title": title}
        shops.tools[name].create("contacts", person)
        shops.clock.sleep(60)
    shops.settle()
    again = admin.follow(admin.post("settings/rules/activate", text=RULE, mark=mark[1]))
    assert "Something has changed since you looked" in words(again.text)
    new = re.search(r'name="mark" value="([^"]+)"', again.text)
    assert new
    assert new[1] != mark[1]
    done = admin.post("settings/rules/activate", text=RULE, mark=new[1])
    assert "In force" in words(admin.follow(done).text)


def test_a_plan_that_fails_says_so_and_keeps_the_draft(
    shops: Lab, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise Unavailable("The disk is full.")

    monkeypatch.setattr("api.planning.fill", fails)
    page = admin.follow(admin.post("settings/rules", text=RULE))
    assert "The disk is full." in words(page.text)
    assert "Plan it again" in words(page.text)
    assert "prefer: [shop]" in words(page.text)


def test_there_is_no_plan_of_what_is_not_there(admin: Browser) -> None:
    for path in ("settings/secrets", "mappings/nobody"):
        assert admin.open(f"{path}/plan").status_code == 404
        assert admin.post(f"{path}/activate", text="x", mark="y").status_code == 400


def test_a_page_of_a_plan_asks_a_few_statements(shops: Lab, admin: Browser) -> None:
    admin.post("settings/rules", text=RULE)
    asked: list[str] = []
    event.listen(shops.installation.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    admin.open("settings/rules/plan")
    assert sum(not one.startswith(("BEGIN", "SAVEPOINT")) for one in asked) <= 25


# --- undoing goes the same way


def test_a_look_at_an_undo_that_takes_longer_is_told_of(
    lab: Lab, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed(lab, "a", "b")
    bad = edited(lab, "a", job_title="#REF!")
    operator = someone("operator")
    gate = Gate(undoing.foresee)
    monkeypatch.setattr("api.undoing.foresee", gate)
    monkeypatch.setattr("api.errands.PATIENCE", 0.0)
    assert "Nobody has looked yet" in operator.read(f"runs/{bad}/undo")
    page = operator.follow(operator.post(f"runs/{bad}/rehearse"))
    assert "What undoing it would do is tried out" in words(page.text)
    early = operator.post(f"runs/{bad}/undo", mark="x")
    assert early.status_code == 409
    assert "Something else is under way here" in words(early.text)
    gate.let_go()
    assert "1 record would change" in until(operator, f"runs/{bad}/undo", f"What undoing run {bad} would do")


def test_an_undo_that_takes_longer_is_told_of_and_leads_to_its_run(
    lab: Lab, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed(lab, "a", "b")
    bad = edited(lab, "a", job_title="#REF!")
    operator = someone("operator")
    page = operator.follow(operator.post(f"runs/{bad}/rehearse"))
    mark = re.search(r'name="mark" value="([^"]+)"', page.text)
    assert mark
    gate = Gate(undoing.carry_out)
    monkeypatch.setattr("api.undoing.carry_out", gate)
    monkeypatch.setattr("api.errands.PATIENCE", 0.0)
    page = operator.follow(operator.post(f"runs/{bad}/undo", mark=mark[1]))
    assert "The undo is carried out" in words(page.text)
    gate.let_go()
    assert "which can be undone itself" in until(operator, f"runs/{bad}/undo", f"Run {bad} is undone")
    assert lab.record(email=ANN["email"]).values["job_title"] == "Baker"
