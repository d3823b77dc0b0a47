"""Connections in the console: how each stands, connecting, checking, planning, and ending one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from api.applying import apply_plan
from api.changes import changes
from api.engine import turn_crank
from api.errands import Errands
from api.planning import make_plan
from api.restoring import earlier
from connectors._kit.catalogue import refresh
from core.store import connections as stored
from core.store import runs, trail
from core.store.codec import loads
from tests.api.console.conftest import Browser, words
from tests.core.store.test_statements import counted
from tests.support import PEOPLE, Lab, people

Someone = Callable[..., Browser]
SECRET = "a-token-nobody-may-see"


def steps(lab: Lab) -> list[tuple[str, dict[str, Any]]]:
    with lab.installation.store.reading() as tx:
        return [(one.what, dict(one.about)) for one in reversed(trail.steps(tx))]


def row(lab: Lab, name: str) -> stored.ConnectionRow:
    with lab.installation.store.reading() as tx:
        return next(one for one in stored.all_connections(tx) if one.name == name)


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two tools in agreement."""
    lab.tool("shop")
    lab.tool("crm")
    for one in people(3):
        lab.tools["shop"].create("contacts", one)
    lab.settle()
    return lab


# --- looking


def test_the_list_and_the_page_tell_how_each_stands(shop: Lab, someone: Someone):
    ann = someone("viewer")
    listed = ann.read("connections")
    assert "shop Memory active contacts" in listed
    assert "Connect a tool" in listed
    page = ann.read("connections/shop")
    assert "Read whole" in page
    assert "/hooks/shop" in page
    assert "Resync" not in page, "what a viewer may not is not offered"


def test_nothing_connected_leads_to_the_catalogue(lab: Lab, someone: Someone):
    assert "There is no connection yet. Choose a tool" in someone("viewer").read("connections")


def test_a_connection_that_is_not_there_is_said(lab: Lab, admin: Browser):
    for path in ("connections/nowhere", "connections/hub", "connections/nowhere/edit", "connections/nowhere/check"):
        answer = admin.open(path)
        assert answer.status_code == 404, path
        assert "There is no connection" in words(answer.text)


def test_a_first_load_tells_how_far_it_is_and_how_long_it_takes(shop: Lab, someone: Someone):
    ann = someone("viewer")
    stream, now = shop.stream("shop"), shop.clock()
    with shop.installation.store.writing() as tx:
        begun = {"phase": "backfill", "began_at": now, "walked": 400, "total": 1_600}
        stored.change_stream(tx, stream.id, **begun)
    assert "First load: 400 of 1,600 records" in ann.read("connections/shop")
    assert "too early to say how long" in ann.read("connections/shop")
    shop.clock.sleep(600)
    assert "about 30 min more, at the pace so far" in ann.read("connections/shop")
    with shop.installation.store.writing() as tx:
        stored.change_stream(tx, stream.id, total=None)
    assert "the tool does not say how many there are" in ann.read("connections/shop")


def test_pages_ask_few_statements_however_much_is_held(shop: Lab, someone: Someone):
    ann, paths = someone("admin"), (
        "connections", "connections/new", "connections/new/hubspot",
        *(f"connections/shop{more}" for more in ("", "/edit", "/check", "/plan", "/disconnect")),
    )  # fmt: skip
    asked = {}
    for path in paths:
        ann.read(path)
        with counted(shop.installation.store) as seen:
            ann.read(path)
        asked[path] = len(seen)
    for one in people(60, start=10):
        shop.tools["shop"].create("contacts", one)
    shop.settle()
    for path in paths:
        with counted(shop.installation.store) as seen:
            ann.read(path)
        assert len(seen) == asked[path] <= 25, (path, seen)


# --- the catalogue


def test_the_catalogue_is_searched_by_what_is_said_of_a_tool(someone: Someone, admin: Browser):
    everything = admin.read("connections/new")
    for title in ("HubSpot", "Salesforce", "Stripe"):
        assert title in everything
    found = admin.read("connections/new", q="CRM deal")
    assert "HubSpot" in found
    assert "Stripe" not in found
    assert "exemplary" in found or "trusted" in found
    assert "No tool fits" in admin.read("connections/new", q="zzz")
    assert "An admin connects tools" in someone("viewer").read("connections/new")


def test_a_broken_connector_is_told_and_spoils_no_other(
    admin: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import connectors

    folder = tmp_path / "more" / "acme"
    folder.mkdir(parents=True)
    (folder / "manifest.yaml").write_text("name: acme\n", encoding="utf-8")
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(folder.parent)])
    refresh()
    try:
        page = admin.read("connections/new")
    finally:
        refresh()
    assert "HubSpot" in page
    assert "acme:" in page.partition("Cannot be used")[2]


# --- connecting


def form(lab: Lab, **more: str) -> dict[str, str]:
    return {"name": "desk", "set.world": lab.tools["shop"].name, "set.token": SECRET, "mapping": PEOPLE, **more}


def test_a_tool_is_connected_and_waits_for_its_plan(shop: Lab, admin: Browser):
    answer = admin.post("connections/new/memory", **form(shop))
    assert answer.headers["location"].startswith("/console/connections/desk?said=desk%20is%20connected")
    made = row(shop, "desk")
    assert (made.state, loads(made.settings)) == ("paused", {"world": shop.tools["shop"].name})
    assert shop.installation.vault.open(made.secrets) == {"token": SECRET}
    assert "It waits until its plan was looked at" in admin.read("connections/desk")
    assert steps(shop)[-1] == ("connect a tool", {"connection": "desk", "tool": "memory", "settings": "token, world"})


def test_one_that_begins_at_once_does(shop: Lab, admin: Browser):
    admin.post("connections/new/memory", **form(shop, begin="at once"))
    assert row(shop, "desk").state == "active"


def test_the_secret_is_nowhere_to_be_seen(shop: Lab, admin: Browser):
    turned = admin.post("connections/new/memory", **form(shop, **{"set.page_size": "many"}))
    assert turned.status_code == 400
    assert "The setting 'page_size' is not a number" in words(turned.text)
    sealed = turned.text.partition('name="sealed" value="')[2].partition('"')[0]
    pages = [turned.text]
    again = form(shop, sealed=sealed, **{"set.token": "", "set.page_size": "7"})
    assert admin.post("connections/new/memory", **again).status_code == 303
    assert shop.installation.vault.open(row(shop, "desk").secrets) == {"token": SECRET}, "typed once is enough"
    pages += [admin.open(path).text for path in ("connections/desk", "connections/desk/edit", "connections", "trail")]
    assert not any(SECRET in page for page in pages)
    kept = b"".join(file.read_bytes() for file in shop.settings.data.glob("concord.db*"))
    assert SECRET.encode() not in kept


def test_what_was_typed_comes_back_to_whoever_typed_it_alone(shop: Lab, admin: Browser, someone: Someone):
    turned = admin.post("connections/new/memory", **form(shop, **{"set.page_size": "many"}))
    sealed = turned.text.partition('name="sealed" value="')[2].partition('"')[0]
    other = someone("admin", "other@shore.example")
    other.post("connections/new/memory", **form(shop, sealed=sealed, **{"set.token": ""}))
    assert shop.installation.vault.open(row(shop, "desk").secrets) == {}
    shop.clock.sleep(3_601)
    admin.post("connections/new/memory", **form(shop, sealed=sealed, name="late", **{"set.token": ""}))
    assert shop.installation.vault.open(row(shop, "late").secrets) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "no name"}, "cannot be a connection's name"),
        ({"name": "new"}, "the address of this page"),
        ({"name": "shop"}, "There is a connection shop already"),
        ({"set.mode": "backwards"}, "cannot be 'backwards'"),
        ({"stream.contacts.only_in": "nothing: 1"}, "nothing"),
        ({"stream.contacts.only_out": "tags: [a"}, "only_out"),
        ({"stream.contacts.poll_every": "0"}, "once in one second to one week"),
    ],
)
def test_what_does_not_do_is_said_at_its_field(shop: Lab, admin: Browser, given: dict[str, str], said: str):
    answer = admin.post("connections/new/memory", **form(shop, **given))
    assert answer.status_code == 400
    assert said in words(answer.text)
    assert 'aria-invalid="true"' in answer.text or "poll-fault" in answer.text
    assert "desk" not in admin.read("connections")


def test_a_mapping_with_a_mistake_is_told_with_its_place(shop: Lab, admin: Browser):
    wrong = PEOPLE.replace("first_name: {field: first_name}", "firstname: {field: first_name}")
    answer = admin.post("connections/new/memory", **form(shop, mapping=wrong))
    assert answer.status_code == 400
    told = words(answer.text)
    assert "Error in line 9, column 5" in told
    assert "Did you mean first_name?" in told
    assert "firstname: {field: first_name}" in told


def test_a_tool_that_turns_us_away_is_not_connected(shop: Lab, admin: Browser):
    shop.tools["shop"].habits = replace(shop.tools["shop"].habits, token="another one")
    answer = admin.post("connections/new/memory", **form(shop))
    assert answer.status_code == 400
    assert "desk" not in admin.read("connections")


def test_what_is_missing_in_the_tool_is_told_and_may_be_put_up_with(shop: Lab, admin: Browser):
    shop.tools["shop"].missing.add("key_field")
    answer = admin.post("connections/new/memory", **form(shop))
    assert "has no field for our keys" in words(answer.text)
    assert "Connect all the same" in words(answer.text)
    assert admin.post("connections/new/memory", **form(shop, act="anyway")).status_code == 303
    assert row(shop, "desk").state == "paused"


def test_what_is_chosen_for_streams_is_kept(shop: Lab, admin: Browser):
    chosen = {
        "stream.contacts.way": "in", "stream.contacts.creates": "yes", "stream.contacts.deletes_in": "ask",
        "stream.contacts.only_in": "tags: {has: newsletter}", "stream.contacts.poll_every": "60",
    }  # fmt: skip
    admin.post("connections/new/memory", **form(shop, **chosen))
    expected = {"writes": False, "deletes_in": "ask", "only_in": {"tags": {"has": "newsletter"}}, "poll_every": 60}
    assert loads(row(shop, "desk").streams) == {"contacts": expected}
    page = admin.open("connections/desk/edit").text
    assert '<option value="in" selected>' in page
    assert "tags: {&#34;has&#34;: &#34;newsletter&#34;}" in page


def test_a_folder_of_files_has_its_mapping_proposed(lab: Lab, admin: Browser, tmp_path: Path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "contacts.csv").write_text("Mail,Given\nann@shore.example,Ann\n", encoding="utf-8")
    answer = admin.post("connections/new/csv", **{"name": "files", "set.folder": str(folder), "act": "propose"})
    assert answer.status_code == 200
    assert "field: Mail" in words(answer.text)
    assert "This one was proposed" in words(answer.text)
    nowhere = {"name": "files", "set.folder": str(folder / "nowhere"), "act": "propose"}
    assert "There is no folder" in words(admin.post("connections/new/csv", **nowhere).text)


# --- editing


def test_a_blank_secret_stays_and_one_may_be_forgotten(shop: Lab, admin: Browser):
    admin.post("connections/new/memory", **form(shop, begin="at once"))
    world = {"set.world": shop.tools["shop"].name}
    answer = admin.post("connections/desk/edit", **world, **{"set.page_size": "7"})
    assert "It%20is%20in%20force" in answer.headers["location"]
    made = row(shop, "desk")
    assert loads(made.settings) == {"world": shop.tools["shop"].name, "page_size": 7}
    assert shop.installation.vault.open(made.secrets) == {"token": SECRET}
    assert steps(shop)[-1] == ("change a connection", {"connection": "desk", "changed": "settings"})
    admin.post("connections/desk/edit", **world, **{"forget.token": "yes"})
    assert shop.installation.vault.open(row(shop, "desk").secrets) == {}


def test_what_a_file_has_chosen_stays_as_it_says_it(lab: Lab, admin: Browser):
    tool = lab.tool("shop", policy={"deletes_in": "ask", "poll_fastest": 1}, brake={"deletes": 0.5})
    before = row(lab, "shop")
    answer = admin.post("connections/shop/edit", **{"set.world": tool.name, "set.page_size": "7"})
    assert answer.status_code == 303
    after = row(lab, "shop")
    assert (after.streams, after.brake) == (before.streams, before.brake)
    assert loads(after.settings)["page_size"] == 7


def test_nothing_different_changes_nothing(shop: Lab, admin: Browser):
    before = row(shop, "shop")
    answer = admin.post("connections/shop/edit", **{"set.world": shop.tools["shop"].name})
    assert "Nothing%20is%20different" in answer.headers["location"]
    assert row(shop, "shop") == before


def test_another_filter_is_planned_and_put_in_force_once_agreed_to(shop: Lab, admin: Browser):
    shop.tools["shop"].create("contacts", {"email": "kim@quay.example", "first_name": "Kim", "tags": ["staff"]})
    shop.settle()
    said = {"set.world": shop.tools["crm"].name, "stream.contacts.only_out": "tags: {has: staff}",
            "stream.contacts.leaves": "archive"}  # fmt: skip
    assert admin.post("connections/crm/edit", **said).headers["location"] == "/console/connections/crm/plan"
    page = admin.open("connections/crm/plan")
    assert "What the change of crm would do" in words(page.text)
    assert "3 record s would be written" in words(page.text).replace("records", "record s")
    assert len(shop.all("crm")) == 4
    assert loads(row(shop, "crm").streams) == {"*": {}}
    agreed = page.text.partition('name="of" value="')[2].partition('"')[0]
    assert admin.post("connections/crm/apply", of="1").status_code == 400
    admin.post("connections/crm/apply", of=agreed)
    told = admin.read("connections/crm/plan")
    assert "3 of 3 planned writes are done" in told
    assert len(shop.all("crm")) == 1
    assert [what for what, _ in steps(shop)][-2:] == ["plan a change", "change a connection"]


def test_a_planned_change_is_dropped(shop: Lab, admin: Browser):
    said = {"set.world": shop.tools["crm"].name, "stream.contacts.way": "in"}
    admin.post("connections/crm/edit", **said)
    admin.post("connections/crm/leave")
    assert "No plan is there" in admin.read("connections/crm/plan")
    assert loads(row(shop, "crm").streams) == {"*": {}}


# --- the first plan


def test_before_it_begins_the_plan_says_what_it_would_write(shop: Lab, admin: Browser, someone: Someone):
    tool = shop.tool("desk")
    tool.create("contacts", {"email": "kim@quay.example", "first_name": "Kim"})
    shop.installation.pause("desk")
    calls = shop.writes()
    answer = admin.post("connections/desk/plan")
    assert answer.headers["location"] == "/console/connections/desk/plan"
    page = admin.read("connections/desk/plan")
    assert "What desk would do" in page
    assert "shop 1 0 0" in page
    assert "crm 1 0 0" in page
    assert "desk 3 0 0" in page
    assert "1 new contact record." in page
    assert "Kim" in page
    assert (shop.writes(), row(shop, "desk").state, len(shop.records())) == (calls, "paused", 3)
    viewer = someone("viewer")
    assert viewer.open("connections/desk/plan").status_code == 403
    admin.post("connections/desk/resume")
    turn_crank(shop.installation, until_quiet=True)
    assert (len(shop.all("shop")), len(shop.all("desk"))) == (4, 4)


def test_a_plan_that_fails_says_why(shop: Lab, admin: Browser):
    tool = shop.tool("desk")
    shop.installation.pause("desk")
    tool.habits = replace(tool.habits, token="another one")
    admin.post("connections/desk/plan")
    page = admin.open("connections/desk/plan")
    assert page.status_code == 200
    assert 'role="alert"' in page.text


# --- pausing and resyncing


def test_an_operator_pauses_resumes_and_resyncs(shop: Lab, someone: Someone):
    bob = someone("operator")
    bob.post("connections/shop/pause")
    assert row(shop, "shop").state == "paused"
    assert "Paused: Operator paused it" in bob.read("connections/shop")
    bob.post("connections/shop/pause", note="they move house")
    assert "they move house" in bob.read("connections")
    bob.post("connections/shop/resume")
    assert row(shop, "shop").state == "active"
    bob.post("connections/shop/pause", stream="contacts")
    assert "shop Memory active contacts is paused" in bob.read("connections")
    bob.post("connections/shop/resume", stream="contacts")
    answer = bob.post("connections/shop/resync", stream="contacts")
    assert "1%20stream%20is%20read" in answer.headers["location"]
    shop.refreshed()
    assert shop.turn("shop").intake.read == 3
    done = [(what, about) for what, about in steps(shop) if "connection" in about]
    assert done == [
        ("pause", {"connection": "shop"}),
        ("pause", {"connection": "shop"}),
        ("resume", {"connection": "shop"}),
        ("pause", {"connection": "shop", "stream": "contacts"}),
        ("resume", {"connection": "shop", "stream": "contacts"}),
        ("resync", {"connection": "shop", "stream": "contacts"}),
    ]


def test_an_unknown_stream_is_refused_and_not_on_the_trail(shop: Lab, someone: Someone):
    bob = someone("operator")
    for what in ("pause", "resume", "resync"):
        answer = bob.post(f"connections/shop/{what}", stream="contracts")
        assert answer.status_code == 400
        assert "no stream 'contracts'" in words(answer.text)
    assert not [what for what, about in steps(shop) if "connection" in about]


# --- checking


def test_a_check_tells_what_is_missing_and_an_admin_has_it_made(shop: Lab, admin: Browser, someone: Someone):
    shop.tools["shop"].missing.add("key_field")
    bob = someone("operator")
    assert "Nothing is written" in bob.read("connections/shop/check")
    told = words(bob.post("connections/shop/check").text)
    assert "missing: has no field for our keys" in told
    assert "An admin may have it made" in told
    assert bob.post("connections/shop/fix", fix="key_field").status_code == 403
    assert shop.tools["shop"].missing == {"key_field"}
    made = words(admin.post("connections/shop/fix", fix="key_field").text)
    assert "It was made" in made
    assert "Nothing stands in the way" in made
    assert shop.tools["shop"].missing == set()
    assert ("make in a tool", {"connection": "shop", "fix": "key_field"}) in steps(shop)


def test_only_what_is_asked_for_is_made(shop: Lab, admin: Browser):
    shop.tools["shop"].missing.update({"key_field", "consent_field"})
    admin.post("connections/shop/fix", fix="consent_field")
    assert shop.tools["shop"].missing == {"key_field"}
    admin.post("connections/shop/fix", fix="made_up")
    assert shop.tools["shop"].missing == {"key_field"}


# --- disconnecting


def test_disconnecting_says_first_what_happens_and_asks_for_the_name(shop: Lab, admin: Browser):
    page = admin.read("connections/shop/disconnect")
    assert "everything stays as it is" in page
    assert "goes on to count as its last word" in page
    turned = admin.post("connections/shop/disconnect", name="Shop")
    assert turned.status_code == 400
    assert "nothing was done" in words(turned.text)
    assert row(shop, "shop").state == "active"
    answer = admin.post("connections/shop/disconnect", name="shop")
    assert "can%20be%20undone" in answer.headers["location"]
    assert row(shop, "shop").state == "removed"
    assert steps(shop)[-1] == ("disconnect", {"connection": "shop"})
    assert "shop" not in admin.read("connections").replace("shore", "")
    shop.refreshed()
    shop.tools.pop("shop")
    shop.settle()
    assert len(shop.records()) == len(shop.all("crm")) == 3, "what it said goes on to count"


# --- who may


POSTS = {
    "viewer": [f"connections/shop/{what}" for what in ("pause", "resume", "resync", "check", "plan")],
    "operator": ["connections/new/memory", *(
        f"connections/shop/{what}" for what in ("edit", "fix", "apply", "leave", "disconnect")
    )],
}  # fmt: skip


@pytest.mark.parametrize("role", POSTS)
def test_who_may_not_is_refused(shop: Lab, someone: Someone, role: str):
    one, before = someone(role), row(shop, "shop")
    for path in POSTS["viewer"] if role == "viewer" else POSTS["operator"]:
        assert one.post(path, name="shop").status_code == 403, path
    for path in ("connections/new/memory", "connections/shop/edit", "connections/shop/disconnect"):
        assert one.open(path).status_code == 403, path
    assert row(shop, "shop") == before


def test_without_a_form_key_nothing_happens(shop: Lab, admin: Browser):
    before = row(shop, "shop")
    for path in (*POSTS["viewer"], *POSTS["operator"]):
        answer = admin.client.post(f"/console/{path}", data={"name": "shop", "act": "anyway"})
        assert answer.status_code == 400, path
        assert "not of this visit" in words(answer.text)
    assert row(shop, "shop") == before


def test_what_a_plan_says_of_one_that_goes_on_calls_no_tool(shop: Lab, admin: Browser):
    shop.tools["shop"].create("contacts", {"email": "kim@quay.example"})
    before = shop.tools["shop"].calls.copy()
    admin.post("connections/shop/plan")
    assert "Nothing would be written to any tool" in admin.read("connections/shop/plan")
    assert shop.tools["shop"].calls == before


def test_two_things_are_not_planned_for_one_connection_at_a_time(shop: Lab):
    errands, gate = Errands(shop.clock), Event()
    first = errands.begin("shop", "first", gate.wait)
    assert errands.begin("shop", "change", gate.wait) is first
    gate.set()
    first.waited()
    assert errands.begin("shop", "change", gate.wait) is not first


def test_what_nobody_has_foreseen_ends_an_errand_and_tells_no_more(shop: Lab):
    def fails() -> None:
        raise RuntimeError("ann@shore.example")

    errand = Errands(shop.clock).begin("shop", "first", fails)
    errand.waited()
    assert errand.error is not None
    assert "ann" not in errand.error.message


def test_an_end_can_be_undone_as_its_page_says(shop: Lab, admin: Browser):
    stream_id = shop.stream("shop").id
    admin.post("connections/shop/disconnect", name="shop")
    with shop.installation.store.reading() as tx:
        run = next(one for one in runs.recent(tx) if one.what == "apply")
    config = earlier(shop.installation, run)
    change = changes(shop.installation, config)
    apply_plan(shop.installation, config, make_plan(shop.installation, config, change), undoes=run.id)
    assert row(shop, "shop").state == "active"
    with shop.installation.store.reading() as tx:
        stream = stored.stream_row(tx, stream_id)
    assert (stream.phase, stream.place is not None) == ("poll", True), "it goes on from where it was"
    assert "shop Memory active contacts" in admin.read("connections")
