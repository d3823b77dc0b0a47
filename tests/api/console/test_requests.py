"""The queue of people's requests: written down, the person found, done, closed, and seen when it is overdue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from api import alerting
from api.snapshot import snapshot
from core.store import requests as stored
from tests.api.console.conftest import Browser
from tests.support import Lab, people

ADDRESS = "ann0@shore.example"


@pytest.fixture
def shop(lab: Lab) -> Lab:
    lab.tool("crm")
    for number, one in enumerate(people(2)):
        lab.tools["crm"].create("contacts", {**one, "email": f"ann{number}@shore.example", "first_name": "Annabella"})
    lab.settle()
    return lab


def written(browser: Browser, right: str = "access", **more: str) -> str:
    said = {"who": f"Annabella, {ADDRESS}", "right": right, "way": "phone", **more}
    done = browser.post("requests", **said)
    assert done.status_code == 303, done.text
    return str(done.headers["location"]).removeprefix("/console/").partition("?")[0]


def test_an_access_request_is_answered_with_a_file_whose_sum_is_kept(shop: Lab, someone: Callable[[str], Browser]):
    operator = someone("operator")
    page = written(operator, came="2d", note="What do you have on me?")
    said = operator.read(page)
    assert "What do you have on me?" in said
    assert "by phone" in said
    record = shop.record(email=ADDRESS).id
    assert f'name="record" value="{record}"' in operator.open(page).text, "found by the address that they gave"
    assert operator.post(f"{page}/answered").status_code == 400
    assert operator.post(f"{page}/person", record=str(record)).status_code == 303
    file = operator.post(f"{page}/export")
    assert file.headers["content-disposition"] == 'attachment; filename="request-1.json"'
    assert ADDRESS in file.text
    assert operator.post(f"{page}/take").status_code == 303
    assert operator.post(f"{page}/answered").status_code == 303
    said = operator.read(page)
    assert "answered" in said
    assert hashlib.sha256(file.content).hexdigest() in said
    trail = someone("admin").read("trail")
    for what in ("write a request down", "export for a request", "answer a request", "name the person of a request"):
        assert what in trail
    assert ADDRESS not in trail


def test_who_is_hidden_from_viewers_and_nothing_is_theirs_to_do(shop: Lab, someone: Callable[[str], Browser]):
    page, viewer = written(someone("operator"), note="I am Annabella"), someone("viewer")
    for where in ("requests", page):
        text = viewer.open(where).text
        assert ADDRESS not in text
        assert "Annabella" not in text
    for act in ("take", "person", "extend", "export", "object", "answered", "refused", "forget"):
        assert viewer.post(f"{page}/{act}").status_code == 403


def test_what_is_wrong_in_a_form_is_said_and_the_rest_is_kept(shop: Lab, admin: Browser):
    for said in ({"right": "pony"}, {"way": "owl"}, {"who": " "}, {"came": "2031-01-01"}, {"came": "soon"}):
        form = {"who": "Ann", "right": "access", "way": "email", "note": "as I said", **said}
        refused = admin.post("requests", **form)
        assert refused.status_code == 400
        assert "as I said" in refused.text
    assert admin.open("requests/77").status_code == 404
    page = written(admin)
    assert admin.post(f"{page}/person", record="x").status_code == 400
    assert admin.post(f"{page}/refused", ground="mood").status_code == 400
    assert admin.post(f"{page}/refused", ground="identity").status_code == 303
    assert "they did not show who they are" in admin.read(page)
    assert admin.post(f"{page}/forget").status_code == 303
    assert "forgotten" in admin.read("requests")


def test_an_erasure_comes_back_to_its_request(shop: Lab, admin: Browser):
    page = written(admin, "erasure")
    record = shop.record(email=ADDRESS)
    admin.post(f"{page}/person", record=str(record.id))
    form = {"reference": "request 1", "back": f"/console/{page}"}
    plan = admin.post(f"records/contact/{record.id}/erase", **form)
    assert "request 1" in plan.text
    done = admin.post(f"records/contact/{record.id}/erase", typed=ADDRESS, **form)
    assert done.headers["location"].startswith(f"/console/{page}?said=Erased")
    shop.settle()
    said = admin.read(page)
    assert "done in every tool" in said
    assert "concord erasures 1 --certificate" in said
    assert ADDRESS not in admin.open(page).text
    assert admin.post(f"{page}/answered").status_code == 303
    elsewhere = admin.post("records/contact/1/erase", back="https://evil.example/")
    assert "evil.example" not in elsewhere.headers.get("location", "")


def test_an_objection_is_taken_and_shown(shop: Lab, admin: Browser):
    page = written(admin, "objection")
    admin.post(f"{page}/person", record=str(shop.record(email=ADDRESS).id))
    assert admin.post(f"{page}/object").status_code == 303
    assert shop.record(email=ADDRESS).values["consent.email"] == "denied"
    assert admin.post(f"{page}/answered").status_code == 303


def test_more_time_is_offered_once_and_the_reason_is_kept(shop: Lab, admin: Browser):
    assert "Take more time" not in admin.read(written(admin, "objection"))
    page = written(admin)
    assert "It takes longer" in admin.read(page)
    assert admin.post(f"{page}/extend").status_code == 400
    assert admin.post(f"{page}/extend", why="There are twelve mailboxes.").status_code == 303
    said = admin.read(page)
    assert "There are twelve mailboxes." in said
    assert "It takes longer" not in said
    assert "take more time for a request" in admin.read("trail")


def test_what_is_overdue_needs_a_person_today_and_is_an_alert(shop: Lab, admin: Browser):
    written(admin)
    assert "of people about their data" not in admin.read("")
    shop.wait(25 * 86_400)
    admin.sign_in()
    assert "1 request of people about their data, the first due" in admin.read("")
    shop.wait(6 * 86_400)
    admin.sign_in()
    assert "1 request of people about their data, 1 overdue" in admin.read("")
    assert "overdue" in admin.read("requests")
    alerting.look(shop.installation)
    assert "1 request of people about their data is overdue" in admin.read("alerts")
    assert snapshot(shop.installation)["requests"]["late"] == 1
    with shop.installation.store.reading() as tx:
        assert len(stored.waiting(tx)) == 1
