"""The journeys of the admin and the support person, each from sign-in, in a browser; pictures in `var/pictures`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.assembly import Text
from api.engine import turn_crank
from api.listing import Asked, log_of
from connectors.memory.tool import Tool
from connectors.memory.worlds import forget, use
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.store import connections
from tests.api.test_audit_command import POLICY
from tests.console.conftest import Opened, Server
from tests.console.shop import filled
from tests.console.test_pages import faults
from tests.support import Lab

pytestmark = pytest.mark.slow
Picture = Callable[..., None]

MAPPING = """\
vocabularies:
  fruits:
    words: {apple: A, pear: P}
contacts:
  as: contact
  fields:
    email: email
    first_name: first_name
    phone: {field: phone, steps: [phone]}
"""


def sent(page: Page, name: str, *, exact: bool = False) -> None:
    """Press a button, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=exact).first.click()


def test_connect_a_tool(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    tool = Tool("a new world", clock=lab.clock)
    use(tool)
    tool.create("contacts", {"email": "new@shore.example", "first_name": "New"})
    page = visit("admin")
    page.get_by_role("link", name="Connections").first.click()
    page.get_by_role("link", name="Connect a tool").click()
    page.get_by_role("searchbox").last.fill("memory")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Memory").first.click()
    page.get_by_label("Name of the connection").fill("third")
    page.get_by_label("World").fill("a new world")
    picture(page, "form")
    sent(page, "Check and connect")
    expect(page.get_by_role("status")).to_contain_text("third is connected")
    expect(page.locator("main")).to_contain_text("It waits until its plan was looked at")
    sent(page, "Plan", exact=True)
    expect(page.locator("main")).to_contain_text("would be written")
    picture(page, "plan")
    sent(page, "Begin")
    lab.restart()
    turn_crank(lab.installation, until_quiet=True)
    assert {one["email"] for one in tool.all("contacts").values()} >= {"new@shore.example", "ann0@shore.example"}
    forget("a new world")


def test_try_a_tool_with_its_sandbox_before_giving_credentials(lab: Lab, visit: Opened, axe: str, picture: Picture):
    filled(lab)
    page = visit("admin", width=360, dark=True)
    page.goto("connections/new?q=mailchimp")
    with page.expect_navigation():
        page.get_by_role("button", name="Try it with a sandbox (Mailchimp)").click()
    main = page.locator("main")
    expect(main).to_contain_text("Mailchimp, tried with a sandbox", timeout=60_000)
    expect(main.locator("tr", has_text="members")).to_contain_text("8")
    expect(main).to_contain_text("4 created")
    expect(main).to_contain_text("PATCH /3.0/lists/")
    expect(page.get_by_role("region", name="Sample 1")).to_contain_text("asha.brennan@larchloom.example")
    main.get_by_text("members: ").click()
    assert faults(page, "trial", axe, 360) == []
    picture(page, "narrow")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    page.reload()
    assert faults(page, "trial", axe, 1440) == []
    picture(page, "wide")
    page.get_by_role("link", name="Connect Mailchimp").click()
    expect(page.get_by_label("Api key")).to_have_value("")
    picture(page, "form")
    with lab.installation.store.reading() as tx:
        assert [one for one in connections.all_connections(tx) if one.connector == "mailchimp"] == []


def test_map_a_custom_field_with_a_vocabulary_and_activate_after_the_plan(lab: Lab, visit: Opened, picture: Picture):
    fields = "contact:\n  - {name: fruit, type: choice, choices: [A, P], doc: The fruit they like., example: A}\n"
    lab.installation.change(texts={"custom_fields": Text(fields, "fields.yaml")})
    crm, news = (lab.tool(name, mapping=MAPPING) for name in ("crm", "news"))
    crm.create("contacts", {"email": "ann@shore.example", "first_name": "Ann", "fruit": "apple"})
    crm.create("contacts", {"email": "bob@shore.example", "first_name": "Bob", "fruit": "plum"})
    lab.settle()
    page = visit("admin")
    page.get_by_role("link", name="Mappings").click()
    page.get_by_role("link", name="crm").click()
    page.get_by_label("Add a line: ours").select_option("fruit")
    page.get_by_label("the tool's", exact=True).fill("fruit")
    sent(page, "Add")
    with page.expect_navigation():
        page.get_by_role("button", name="Change the line fruit").click()
    page.get_by_label("Words").fill("fruits")
    sent(page, "Change", exact=True)
    expect(page.locator("main")).to_contain_text("plum in 1 record is a word that fruits does not have")
    page.get_by_label("What plum means").select_option("P")
    sent(page, "Add the word")
    picture(page, "draft")
    sent(page, "Plan the change")
    expect(page.locator("main")).to_contain_text("plum: P")
    picture(page, "plan")
    sent(page, "Activate")
    expect(page.get_by_role("status")).to_contain_text("In force")
    lab.restart()
    lab.settle()
    held = {one.values["first_name"]: one.values.get("fruit") for one in lab.records("contact")}
    assert held == {"Ann": "A", "Bob": "P"}
    assert len(news.all("contacts")) == 2


def test_find_why_a_phone_number_is_wrong_and_put_it_right(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    lab.tools["news"].edit("contacts", next(iter(lab.tools["news"].all("contacts"))), {"phone": "020 7946 0999"})
    lab.settle()
    page = visit("operator")
    page.get_by_label("Find a person, company or deal").fill("ann0@shore.example")
    page.keyboard.press("Enter")
    page.wait_for_url("**/records/contact/*")
    page.locator("#why-phone summary").first.click()
    expect(page.locator("#why-phone")).to_contain_text("news")
    expect(page.locator("#why-phone")).to_contain_text("+442079460018")
    picture(page, "why")
    page.locator("#why-phone").get_by_role("textbox").fill("020 7946 0018")
    with page.expect_navigation():
        page.locator("#why-phone").get_by_role("button").click()
    lab.settle()
    page.reload()
    expect(page.locator("main")).to_contain_text("+442079460018")
    phones = {one.get("phone") for tool in lab.tools.values() for one in tool.all("contacts").values()}
    assert phones <= {"020 7946 0018", "+442079460018", None}
    picture(page, "put-right")


def test_hold_a_field_that_a_tool_spoils(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("operator")
    page.goto("records?q=ann2@shore.example")
    page.wait_for_url("**/records/contact/*")
    page.locator("#why-first_name > summary").click()
    page.get_by_text("Hold first name as it is").click()
    page.locator("#hold-why-first_name").fill("the import cuts it off")
    page.locator("#hold-until-first_name").fill("3d")
    sent(page, "Hold first name", exact=True)
    lab.wait(60)
    news = lab.tools["news"]
    spoilt = next(id_ for id_, one in news.all("contacts").items() if one["email"] == "ann2@shore.example")
    news.edit("contacts", spoilt, {"first_name": "A."})
    lab.settle()
    assert news.all("contacts")[spoilt]["first_name"] == "Ann"
    page.reload()
    page.locator("#why-first_name > summary").click()
    expect(page.locator("#why-first_name")).to_contain_text("held by Operator Shore since")
    picture(page, "held")
    sent(page, "Let first name go")
    expect(page.get_by_role("status")).to_contain_text("is let go")


def test_answer_an_access_request_from_the_queue(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("operator")
    page.get_by_role("link", name="Requests").click()
    page.get_by_text("Write one down").click()
    page.get_by_label("Who asks").fill("Ann Shore, ann2@shore.example")
    page.get_by_label("By which way").select_option("phone")
    page.get_by_label("When it came").fill("3d")
    sent(page, "Write it down")
    expect(page.get_by_role("status")).to_contain_text("is written down")
    sent(page, "Take it")
    sent(page, "This is them")
    picture(page, "found")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert "ann2@shore.example" in Path(download.value.path()).read_text(encoding="utf-8")
    page.reload()
    expect(page.locator("main")).to_contain_text("SHA-256")
    sent(page, "It is answered")
    expect(page.locator("main")).to_contain_text("by Operator Shore: answered")
    picture(page, "closed")
    page.get_by_role("link", name="Requests").first.click()
    expect(page.get_by_role("region", name="Closed requests")).to_contain_text("answered")
    picture(page, "queue")


def test_answer_an_access_request_and_an_erasure(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("admin")
    page.goto("records?q=ann1@shore.example")
    page.wait_for_url("**/records/contact/*")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    told = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert "ann1@shore.example" in json.dumps(told)
    sent(page, "Erase")
    picture(page, "plan")
    page.get_by_label("To agree, type").fill("ann1@shore.example")
    sent(page, "Erase for good")
    expect(page.locator("main")).to_contain_text("erased")
    lab.settle()
    assert all(
        one.get("email") != "ann1@shore.example" for tool in lab.tools.values() for one in tool.all("contacts").values()
    )
    page.goto("consent")
    expect(page.get_by_role("region", name="Erasures")).to_be_visible()
    picture(page, "done")


def test_read_the_scorecard_and_fix_a_lead_without_an_owner(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    lab.tools["crm"].create("contacts", {"email": "lone@shore.example", "first_name": "Lone", "stage": "lead"})
    lab.settle()
    audit(lab.hub)
    page = visit("operator")
    page.get_by_role("link", name="Scorecard").first.click()
    picture(page, "card")
    page.locator(".figure", has_text="Without an owner").get_by_role("link").click()
    page.get_by_role("link", name="Lone").click()
    page.get_by_text("Set another field").click()
    page.get_by_label("Field", exact=True).select_option("owner")
    page.get_by_label("Value", exact=True).fill("1")
    sent(page, "Set")
    expect(page.locator("main")).to_contain_text("Priya Nair")
    audit(lab.hub)
    page.goto("scorecard")
    expect(page.locator(".figure", has_text="Without an owner")).to_contain_text("0")
    picture(page, "owned")


def test_switch_on_follow_through_in_dry_mode_and_read_what_it_would_do(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("admin")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Movement policy").click()
    text = page.get_by_label("The text")
    assert "remind: act" in text.input_value()
    text.fill(POLICY.replace("{remind: act}", "{remind: dry, task: dry}"))
    sent(page, "Plan the change")
    expect(page.locator("main")).to_contain_text("remind: dry")
    picture(page, "plan")
    sent(page, "Activate")
    expect(page.get_by_role("status")).to_contain_text("In force")
    hub = lab.restart()
    lab.clock.sleep(7_200)
    audit(hub)
    follow(hub)
    page.goto("scorecard/records?missing=action")
    expect(page.locator("main")).to_contain_text("dry:")
    assert not lab.tools["crm"].all("activities"), "nothing was done"
    picture(page, "would-do")


def test_try_a_stricter_policy_on_the_last_month_before_it_is_planned(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    lab.clock.sleep(3 * 86_400)
    lab.settle()
    page = visit("admin")
    page.goto("settings/movement")
    text = page.get_by_label("The text")
    text.fill(POLICY.replace("{remind: act}", "{remind: act, task: act}"))
    picture(page, "draft")
    sent(page, "Try it", exact=True)
    main = page.locator("main")
    expect(main).to_contain_text("What the draft would have done")
    expect(main).to_contain_text("This draft would have set down 4 more tasks.")
    picture(page, "tried")
    with page.expect_navigation():
        page.get_by_role("link", name="4 steps of the draft alone").click()
    expect(main).to_contain_text("Only the draft: 4 steps")
    picture(page, "steps")
    page.get_by_role("row").filter(has_text="Ann").first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ann")
    assert not lab.tools["crm"].all("activities"), "nothing was done"


def test_add_an_operator_and_see_what_they_cannot_do(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("admin")
    page.get_by_role("link", name="People").click()
    page.get_by_label("Email").fill("bob@shore.example")
    page.get_by_label("Role", exact=True).select_option("operator")
    sent(page, "Make a link")
    link = page.locator("code", has_text="/welcome/").inner_text()
    picture(page, "link")
    page.get_by_role("button", name="Sign out").click()
    page.goto(link)
    page.get_by_label("Name").fill("Bob")
    page.get_by_label("Password").fill("a sentence of his own")
    sent(page, "Begin")
    expect(page.get_by_role("link", name="Bob")).to_be_visible()
    for title in ("Mappings", "Settings", "People", "API keys", "Trail"):
        assert page.get_by_role("link", name=title, exact=True).count() == 0
    for path in ("mappings/crm", "people", "connections/crm/edit"):
        page.goto(path)
        expect(page.get_by_role("alert")).to_contain_text("This is for admins; you are an operator here.")
    picture(page, "refused")


def test_make_a_key_use_it_and_shut_it(server: Server, visit: Opened, axe: str, picture: Picture):
    page = visit("admin")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("The program").fill("reports")
    page.get_by_label("Role").select_option("viewer")
    ticked = page.locator("input[name=scope]:checked").evaluate_all("some => some.map(one => one.value)")
    assert ticked == ["records:read", "consent:read", "work:read", "hooks"]
    expect(page.get_by_role("checkbox", name="setup:read")).to_be_disabled()
    page.get_by_label("Days until").fill("30")
    picture(page, "form")
    sent(page, "Make the key")
    key = page.get_by_label("The key of reports").input_value()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
    assert not found["violations"], found["violations"]
    picture(page, "shown")

    def me() -> httpx.Response:
        return httpx.get(server.url.replace("/console/", "/v1/me"), headers={"Authorization": f"Bearer {key}"})

    assert (me().status_code, me().json()["label"], me().json()["role"]) == (200, "reports", "viewer")
    page.goto("keys")
    assert key not in page.content()
    expect(page.get_by_role("row", name="reports")).not_to_contain_text("never")
    page.get_by_role("row", name="reports").locator("summary").click()
    sent(page, "Shut it")
    expect(page.get_by_role("status")).to_contain_text("good no more")
    picture(page, "shut")
    assert me().status_code == 401


def test_resolve_a_conflict(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    page = visit("operator")
    page.get_by_role("link", name="Reviews").first.click()
    picture(page, "queue")
    page.locator("main a[href*='/reviews/1']").first.click()
    expect(page.locator("main")).to_contain_text("Baker")
    expect(page.locator("main")).to_contain_text("Cook")
    picture(page, "question")
    sent(page, "Take what crm says")
    expect(page.get_by_role("status")).to_be_visible()
    lab.settle()
    titles = {one.get("job_title") for tool in lab.tools.values() for one in tool.all("contacts").values()}
    assert titles == {"Baker", None}
    page.goto("reviews")
    picture(page, "answered")
    assert page.locator("main a[href*='/reviews/1']").count() == 0


def test_retry_a_class_of_dead_letters(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    lab.tools["news"].habits.validator = None
    page = visit("operator")
    page.get_by_role("link", name="Dead letters").first.click()
    expect(page.locator("main")).to_contain_text("No such people, please.")
    picture(page, "classes")
    page.locator("main a[href*='/letters/']").first.click()
    expect(page.locator("main")).to_contain_text("Zed")
    with page.expect_navigation():
        page.get_by_role("button", name="Try").last.click()
    lab.settle()
    expect(page.locator("main")).to_contain_text("written")
    picture(page, "tried")
    assert any(one["first_name"] == "Zed" for one in lab.tools["news"].all("contacts").values())
    page.goto("letters")
    expect(page.locator("main")).not_to_contain_text("No such people")


def test_undo_a_run(lab: Lab, visit: Opened, picture: Picture):
    filled(lab)
    crm, news = lab.tools["crm"], lab.tools["news"]
    id_ = next(iter(crm.all("contacts")))
    crm.edit("contacts", id_, {"phone": "020 7946 0111"})
    lab.settle()
    assert any(one.get("phone") == "+442079460111" for one in news.all("contacts").values())
    page = visit("operator")
    page.get_by_role("link", name="Runs").first.click()
    page.get_by_label("Connection").select_option("crm")
    sent(page, "Show")
    number = run_that_brought(lab, "+442079460111")
    page.locator(f"main a[href$='/runs/{number}']").first.click()
    picture(page, "run")
    sent(page, "See what undoing it would do")
    expect(page.locator("main")).to_contain_text("phone")
    picture(page, "plan")
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").first.click()
    lab.settle()
    assert {one.get("phone") for one in news.all("contacts").values()} == {"+442079460018"}
    picture(page, "undone")


def run_that_brought(lab: Lab, phone: str) -> int:
    """The run in which a number was first heard."""
    found = [
        entry["run"]
        for entry in log_of(lab.installation, Asked(limit=50))
        if entry["direction"] == "in" and phone in entry["sentence"]
    ]
    return int(found[-1])
