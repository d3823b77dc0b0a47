"""Trying a movement policy on the past, at the page and by the command: what it would have done, how drafts differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import event

from api.app import create_app
from api.assembly import Text
from api.cli import main
from api.trying import try_policy
from core.errors import ConfigError
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.model.instant import DAY
from core.store import steps, trail
from tests.api.console.conftest import Browser, words
from tests.api.test_audit_command import POLICY
from tests.support import EVERYTHING, Lab

Someone = Callable[..., Browser]
STRICTER = POLICY.replace("{remind: act}", "{remind: act, task: act}").replace("after: 1h", "after: 30min")


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two leads of whom the hub has reminded, three days ago."""
    lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
    crm = lab.tool("crm", mapping=EVERYTHING)
    owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
    for number, source in enumerate(("web", "phone")):
        lead = {"email": f"lead{number}@shore.example", "first_name": f"Lead{number}", "stage": "lead"}
        crm.create("contacts", {**lead, "source": source, "owner_id": owner, "asked": "A quote"})
    lab.settle()
    for _ in range(3):
        audit(lab.hub)
        follow(lab.hub)
        lab.clock.sleep(3_600 * 2)
    lab.clock.sleep(3 * 86_400)
    lab.settle()
    return lab


def tried(admin: Browser, text: str, **more: str) -> str:
    answer = admin.follow(admin.post("settings/movement", text=text, act="try", since="30d", **more))
    assert answer.status_code == 200
    return answer.text


def test_the_policy_in_force_is_tried_alone_and_says_what_was_done(shop: Lab, admin: Browser) -> None:
    page = words(tried(admin, POLICY))
    assert "What the policy in force would have done" in page
    assert "All 2 contacts, deals and tickets were looked at." in page
    assert "remind 2 0 0 0 0 0 2" in page, "as often as it was really done"
    assert "This draft" not in page


def test_a_draft_is_held_against_the_policy_in_force(shop: Lab, admin: Browser) -> None:
    page = tried(admin, STRICTER)
    said = words(page)
    assert "What the draft would have done" in said
    assert "This draft would have set down 2 more tasks; 2 steps would have come at another time." in said
    assert "task 2 0 0 0 0 0 0" in said
    assert "What a trial cannot know" in said
    assert "A draft of yours is here" in admin.read("settings/movement")
    assert "prefer" not in said
    with shop.installation.store.reading() as tx:
        assert [one.what for one in trail.steps(tx)].count("try a policy") == 1


def test_every_number_leads_to_its_steps(shop: Lab, admin: Browser) -> None:
    page = tried(admin, STRICTER)
    links = set(re.findall(r'href="/console/(settings/movement/tried\?[^"#]+)', page))
    assert len(links) > 5
    for link in links:
        listed = admin.open(link.replace("&amp;", "&")).text
        assert "No step is of that sort" not in words(listed) or "only_in_force" in link
    (by_source,) = [one for one in links if "source" in one and "web" in one and "task" in one and "=draft" in one]
    one = words(admin.open(by_source.replace("&amp;", "&")).text)
    assert "The draft: 1 step (task), source web" in one
    assert "Lead0" in one
    assert "Lead1" not in one
    assert "nothing, until now" in one


def test_nothing_is_written_by_trying(shop: Lab, admin: Browser) -> None:
    before = {name: tool.calls.copy() for name, tool in shop.tools.items()}
    with shop.installation.store.reading() as tx:
        taken = steps.steps_of(tx, [one.id for one in shop.records()])
    written: list[str] = []
    event.listen(shop.installation.store.engine, "before_cursor_execute", lambda *said: written.append(said[2]))
    try_policy(shop.installation, Text(STRICTER, "movement.yaml"))
    assert [one for one in written if not one.startswith(("SELECT", "BEGIN", "WITH"))] == []
    assert {name: tool.calls for name, tool in shop.tools.items()} == before
    with shop.installation.store.reading() as tx:
        assert steps.steps_of(tx, [one.id for one in shop.records()]) == taken


def test_what_is_wrong_in_a_draft_is_told_beside_the_text(shop: Lab, admin: Browser) -> None:
    answer = admin.post("settings/movement", text="stages: 7\n", act="try")
    assert answer.status_code == 400
    assert "line 1" in words(answer.text)
    assert "stages: 7" in answer.text
    assert "no length of time" in words(admin.post("settings/movement", text=POLICY, act="try", since="soon").text)


def test_steps_that_are_off_can_be_taken_for_switched_on(shop: Lab, admin: Browser) -> None:
    off = POLICY.replace("{remind: act}", "{remind: off}")
    assert "It would have done nothing." in words(tried(admin, off))
    page = words(tried(admin, off, on="yes"))
    assert "task 2" in page
    assert "remind 2" in page


def test_a_restart_loses_the_trial_and_not_the_draft(shop: Lab, admin: Browser) -> None:
    tried(admin, STRICTER)
    again = Browser(shop, create_app(shop.installation), admin.email)
    again.sign_in()
    page = again.read("settings/movement/tried")
    assert "No trial is here." in page
    assert "Your draft is kept, too." in page
    answer = again.follow(again.post("settings/movement/try", since="7d"))
    assert "What the draft would have done" in words(answer.text)


def test_it_is_for_admins_and_needs_a_policy(lab: Lab, admin: Browser, someone: Someone) -> None:
    for role in ("viewer", "operator"):
        one = someone(role)
        assert one.open("settings/movement/tried").status_code == 403
        assert one.post("settings/movement/try").status_code == 403
    answer = admin.follow(admin.post("settings/movement/try"))
    assert "No movement policy is in force." in words(answer.text)
    with pytest.raises(ConfigError):
        try_policy(lab.installation, None)


def test_the_page_asks_a_few_statements(shop: Lab, admin: Browser) -> None:
    tried(admin, STRICTER)
    asked: list[str] = []
    event.listen(shop.installation.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    admin.open("settings/movement/tried", side="draft")
    assert sum(not one.startswith(("BEGIN", "SAVEPOINT")) for one in asked) <= 25


def test_words_that_are_none_list_nothing(shop: Lab, admin: Browser) -> None:
    tried(admin, STRICTER)
    for words_ in ({"side": "moon"}, {"side": "draft", "step": "dance"}, {"side": "draft", "by": "x", "group": "y"}):
        assert admin.open("settings/movement/tried", **words_).status_code == 200


# --- the command


def test_what_is_told_as_json_is_what_the_page_tells(shop: Lab) -> None:
    told = json.loads(json.dumps(try_policy(shop.installation, Text(STRICTER, "m.yaml"), since=30 * DAY).to_json()))
    assert told["looked_at"] == 2
    assert told["really"] == {"remind": 2}
    assert told["sides"]["draft"]["counts"] == {"task": {"taken": 2}, "remind": {"taken": 2}}
    assert told["sides"]["draft"]["source"] == {"web": {"task": 1, "remind": 1}, "phone": {"task": 1, "remind": 1}}
    assert {one["really_at"] is not None for one in told["sides"]["in_force"]["steps"]} == {True}
    assert told["differs"] == "This draft would have set down 2 more tasks; 2 steps would have come at another time."


def test_the_command_says_the_same(
    shop: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop.settings.data / "stricter.yaml"
    file.write_text(STRICTER)
    shop.close()
    monkeypatch.setenv("CONCORD_DATA", str(shop.settings.data))

    def said(*arguments: str) -> tuple[int, str]:
        try:
            main(["movement", "try", *arguments])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        out = capsys.readouterr()
        return code, out.out + out.err

    # By the clock on the wall, whenever that is, the leads of this test came within ten years.
    code, told = said(str(file), "--since", "3650d")
    assert code == 0
    assert "This draft would have set down 2 more tasks; 2 steps would have come at another time." in told
    assert "Only the draft:" in told
    assert "Really done by the hub: 2 remind." in told
    assert json.loads(said("--since", "3650d", "--json")[1])["looked_at"] == 2
    assert said("--since", "soon")[0] == 2
    assert said("nowhere.yaml")[0] == 2
