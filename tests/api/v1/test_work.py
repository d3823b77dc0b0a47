"""The hub's work by the API: seen as the commands print it, and acted on once, on the trail."""

from __future__ import annotations

from collections.abc import Callable

from api.console.people import Role
from core.store import reviews, trail
from core.store.reviews import Question
from tests.api.v1.conftest import ANN, Program
from tests.support import Lab

Made = Callable[..., Program]
EMAIL = ANN["email"]


def done_by(lab: Lab) -> list[str]:
    with lab.hub.store.reading() as tx:
        return [one.what for one in trail.steps(tx) if one.who.startswith("key ")]


def test_status_connections_and_runs_are_what_the_commands_print(program: Made) -> None:
    reader = program(Role.VIEWER)
    assert {one["name"] for one in reader.get("/connections").json()} == {"crm", "shop"}
    assert reader.get("/connections/crm").json()["connector"] == "memory"
    assert reader.get("/connections/none").status_code == 404
    assert reader.get("/status").json()["records"]["contact"] == 1
    page = reader.get("/runs", params={"limit": 1}).json()
    (newest,) = page["items"]
    assert reader.get(f"/runs/{newest['id']}").json().items() >= newest.items()
    older = reader.get("/runs", params={"after": page["next"]}).json()["items"]
    assert all(one["id"] < newest["id"] for one in older)
    assert reader.get("/runs/9999").status_code == 404


def test_the_log_is_asked_and_walked(program: Made) -> None:
    reader = program()
    mine = reader.get("/log", params={"email": EMAIL, "limit": 1}).json()
    older = reader.get("/log", params={"email": EMAIL, "after": mine["next"]}).json()["items"]
    assert mine["items"][0] not in older
    assert {one["record"]["title"] for one in [*mine["items"], *older]} == {"Ann Shore"}
    assert reader.get("/log", params={"connection": "none"}).status_code == 400
    assert reader.get("/log", params={"since": "yesterday"}).json()["remedy"]


def test_dead_letters_are_tried_again_once(lab: Lab, program: Made) -> None:
    actor, habits = program(), lab.tools["shop"].habits
    habits.validator = lambda _stream, fields: "Too odd." if fields.get("first_name") == "Odd" else None
    lab.tools["crm"].edit("contacts", lab.find("crm", email=EMAIL), first_name="Odd")
    lab.settle()
    (found,) = actor.get("/letters").json()["items"]
    assert (found["connection"], found["letters"]) == ("shop", 1)
    assert "Too odd" not in program(Role.VIEWER).get("/letters").text or "Odd" not in found["message"]
    habits.validator = None
    key = {"Idempotency-Key": "again"}
    first = actor.post("/letters/retry", {"connection": "shop"}, headers=key).json()
    second = actor.post("/letters/retry", {"connection": "shop"}, headers=key).json()
    assert (first["count"], first["again"], second["count"], second["again"]) == (1, False, 1, True)
    lab.settle()
    assert lab.dead_letters() == []
    assert lab.held("shop", lab.find("shop", email=EMAIL))["first_name"] == "Odd"
    assert done_by(lab) == ["try letters again"]
    assert actor.post("/letters/retry", {"connection": "none"}).status_code == 400


def test_a_review_is_answered_as_a_person_does(lab: Lab, program: Made) -> None:
    actor = program()
    with lab.hub.store.writing() as tx:
        id_ = lab.record(email=EMAIL).id
        sides = {"contenders": [["crm", "Baker", 1], ["shop", "Cook", 2]]}
        reviews.ask(tx, [Question("ask", sides, 0, id_, "job_title")], now=lab.clock())
    (review,) = actor.get("/reviews").json()["items"]
    assert "Baker" not in program(Role.VIEWER).get(f"/reviews/{review['id']}").text
    whole = actor.get(f"/reviews/{review['id']}").json()
    assert "value" in whole["answers"]
    wrong = actor.post(f"/reviews/{review['id']}/answer", {"word": "perhaps"})
    assert (wrong.status_code, lab.reviews()[0].id) == (400, review["id"])
    told = actor.post(f"/reviews/{review['id']}/answer", {"word": "value", "value": "Chair"})
    assert told.status_code == 200
    assert told.json()["run"] > 0
    lab.settle()
    assert lab.record(email=EMAIL).values["job_title"] == "Chair"
    assert lab.reviews() == []
    assert actor.post(f"/reviews/{review['id']}/answer", {"word": "leave"}).status_code == 400
    assert done_by(lab) == ["answer reviews"]


def test_a_connection_is_paused_and_taken_up_again(lab: Lab, program: Made) -> None:
    actor = program()
    paused = actor.post("/connections/shop/pause", {"note": "moving house"})
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert "moving house" in str(paused.json()["pause"])
    assert actor.post("/connections/shop/resume", {}).json()["state"] == "active"
    assert actor.post("/connections/shop/resync", {"stream": "contacts"}).status_code == 200
    assert actor.post("/connections/shop/resync", {"stream": "planets"}).status_code == 422
    assert actor.post("/connections/none/pause", {}).json()["remedy"]
    assert done_by(lab) == ["resync", "resume", "pause"]


def test_a_word_about_consent_is_entered_and_proved(lab: Lab, program: Made) -> None:
    actor, id_ = program(), lab.record(email=EMAIL).id
    told = actor.post("/consent", {"record": id_, "channel": "email", "status": "denied"})
    assert (told.status_code, told.json()["verdict"]["allowed"]) == (200, False)
    lab.settle()
    entries = actor.get("/consent/entries", params={"who": EMAIL}).json()
    assert [one["status"] for one in entries] == ["denied"]
    proof = actor.get(f"/consent/entries/{entries[0]['place']}/proof").json()
    assert proof["entry"]["status"] == "denied"
    assert len(proof["leaf"]) == 64
    assert actor.get("/consent/entries", params={"who": "nobody@shore.example"}).status_code == 404
    assert actor.post("/consent", {"record": id_, "channel": "fax", "status": "denied"}).status_code == 400
    viewer = program(Role.VIEWER).get("/consent/check", params={"address": EMAIL}).json()
    assert (viewer["allowed"], viewer["why"], viewer["decided_by"]) == (False, "", [])


def test_mappings_are_for_admins_and_as_they_were_written(lab: Lab, program: Made) -> None:
    admin = program(Role.ADMIN)
    text = admin.get("/mappings/crm")
    assert text.headers["content-type"].startswith("text/yaml")
    assert "contacts:" in text.text
    (version,) = admin.get("/mappings/crm/versions").json()
    assert version["active"] is True
    assert admin.get(f"/mappings/crm/versions/{version['id']}").text == text.text
    assert admin.get("/mappings/crm/versions/99").status_code == 404
    assert set(admin.get("/settings").json()) >= {"rules", "movement"}


def test_a_key_is_told_whose_it_is_and_what_fields_there_are(program: Made) -> None:
    me = program(Role.VIEWER, "records:read").get("/me").json()
    assert (me["label"], me["role"], me["scopes"]) == ("a viewer", "viewer", ["records:read"])
    kinds = {one["name"]: {field["key"]: field for field in one["fields"]} for one in program().get("/kinds").json()}
    assert kinds["contact"]["email"]["type"] == "email"
    assert "granted" in str(kinds["contact"]["consent.email"]["choices"])
