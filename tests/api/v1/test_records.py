"""Records by the API: found, listed, explained, followed; made and changed once, never over another's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.console.people import Role
from core.flow.erasure.erasing import erase
from core.store import runs, trail
from tests.api.v1.conftest import ANN, Program
from tests.support import Lab, people

Made = Callable[..., Program]
EMAIL = ANN["email"]


def ann(one: Program) -> dict[str, Any]:
    (found,) = one.get("/records", params={"q": EMAIL}).json()["items"]
    return dict(found)


# --- reading


@pytest.mark.parametrize("q", [EMAIL, "020 7946 0018", "Ann Shore", "ann"])
def test_somebody_is_found_by_what_they_are_known_by(program: Made, q: str) -> None:
    page = program().get("/records", params={"q": q, "kind": "contact"}).json()
    assert [one["values"]["email"] for one in page["items"]] == [EMAIL]
    assert page["next"] is None


def test_a_list_is_walked_by_its_cursor_and_each_comes_once(lab: Lab, program: Made) -> None:
    for one in people(7):
        lab.tools["crm"].create("contacts", one)
    lab.settle()
    reader, after, seen = program(), "", list[int]()
    while after is not None:
        page = reader.get("/records", params={"kind": "contact", "limit": 3, "after": after}).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 8
    assert seen == sorted(seen)


def test_only_the_fields_that_are_asked_for_are_answered(program: Made) -> None:
    (found,) = program().get("/records", params={"q": EMAIL, "fields": "email, phone"}).json()["items"]
    assert found["values"] == {"email": EMAIL, "phone": "+442079460018"}


def test_a_record_that_is_known_is_not_sent_again(program: Made) -> None:
    reader = program()
    whole = reader.get(f"/records/{ann(reader)['id']}")
    tag = whole.headers["etag"]
    assert tag == f'"{whole.json()["version"]}"'
    again = reader.get(f"/records/{whole.json()['id']}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert reader.get(f"/records/{whole.json()['id']}", headers={"If-None-Match": '"0"'}).status_code == 200


def test_why_where_and_what_happened(lab: Lab, program: Made) -> None:
    reader = program()
    id_ = ann(reader)["id"]
    (why,) = reader.get(f"/records/{id_}/why", params={"field": "first_name"}).json()
    assert (why["value"], why["winner"]) == ("Ann", "crm")
    assert "crm" in why["sentence"]
    places = reader.get(f"/records/{id_}/places").json()
    assert {one["connection"]: one["state"] for one in places} == {"crm": "bound", "shop": "bound"}
    happened = reader.get(f"/records/{id_}/history", params={"limit": 1}).json()
    older = reader.get(f"/records/{id_}/history", params={"after": happened["next"]}).json()
    assert len(happened["items"]) == 1
    assert happened["items"][0] not in older["items"]


def test_a_viewer_s_key_sees_nobody(program: Made) -> None:
    viewer, operator = program(Role.VIEWER), program()
    id_ = ann(operator)["id"]
    for path in (f"/records/{id_}", f"/records/{id_}/why", f"/records/{id_}/history", "/changes", "/log", "/runs"):
        seen, told = operator.get(path).text, viewer.get(path).text
        assert EMAIL not in told, path
        assert "Shore" not in told, path
        assert path in ("/runs", "/log") or EMAIL in seen, path


def test_what_is_not_there_is_a_problem(program: Made) -> None:
    reader = program()
    unknown = reader.get("/records/999")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "application/problem+json")
    assert unknown.json()["detail"] == "There is no record 999."
    wrong = reader.get("/records", params={"kind": "planet"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "kind")
    for path in (
        "/records?limit=0",
        "/records?after=-1",
        "/records?limit=x",
        "/records/x",
        "/records/0",
        "/nowhere",
        "/connections/a%0Ab",
    ):
        answer = reader.get(path)
        assert answer.status_code in (404, 422), path
        assert answer.json()["remedy"], path


# --- following


def test_the_feed_tells_each_change_once(lab: Lab, program: Made) -> None:
    reader = program()
    first = reader.get("/changes").json()
    assert [(one["event"], one["record"]["values"]["email"]) for one in first["items"]] == [("created", EMAIL)]
    assert reader.get("/changes", params={"after": first["next"]}).json() == {"items": [], "next": first["next"]}
    for title in ("Baker", "Head"):
        lab.tools["crm"].edit("contacts", lab.find("crm", email=EMAIL), job_title=title)
        lab.settle()
    second = reader.get("/changes", params={"after": first["next"]}).json()
    assert [(one["event"], one["record"]["values"]["job_title"]) for one in second["items"]] == [("updated", "Head")]
    assert int(second["next"]) > int(first["next"])
    newest = reader.get("/changes/newest", params={"kind": "contact"}).json()
    assert newest == second["items"]


def test_the_feed_tells_of_an_erasure_without_a_word_of_whom(lab: Lab, program: Made) -> None:
    reader = program()
    place, id_ = reader.get("/changes").json()["next"], ann(reader)["id"]
    erase(lab.hub, id_)
    told = reader.get("/changes", params={"after": place})
    assert EMAIL not in told.text
    assert all(one["event"] == "erased" and not one["record"]["values"] for one in told.json()["items"])
    assert reader.get(f"/records/{id_}").json()["values"] == {}


# --- writing


def test_a_value_is_said_like_a_person_says_it(lab: Lab, program: Made) -> None:
    writer = program()
    told = writer.patch(f"/records/{ann(writer)['id']}", {"values": {"job_title": "Baker"}})
    assert told.status_code == 200
    assert told.json()["record"]["values"]["job_title"] == "Baker"
    lab.settle()
    assert {lab.held(name, lab.find(name, email=EMAIL))["job_title"] for name in ("crm", "shop")} == {"Baker"}
    with lab.hub.store.reading() as tx:
        assert runs.one(tx, told.json()["run"]).what == "edit"  # type: ignore[union-attr]  # it is there
        (step,) = trail.steps(tx, limit=1)
    assert (step.who, step.what, step.about["run"]) == ("key a operator", "change values", told.json()["run"])
    assert "Baker" not in str(step.about)


def test_whoever_has_not_seen_the_newest_changes_nothing(lab: Lab, program: Made) -> None:
    writer = program()
    before = ann(writer)
    lab.tools["crm"].edit("contacts", lab.find("crm", email=EMAIL), job_title="Head")
    lab.settle()
    stale = writer.patch(
        f"/records/{before['id']}", {"values": {"job_title": "Baker"}}, headers={"If-Match": f'"{before["version"]}"'}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "record.changed")
    now = ann(writer)
    assert now["values"]["job_title"] == "Head"
    fresh = writer.patch(
        f"/records/{now['id']}", {"values": {"job_title": None}}, headers={"If-Match": f'"{now["version"]}"'}
    )
    assert fresh.status_code == 200
    assert "job_title" not in fresh.json()["record"]["values"]


def test_a_change_that_is_sent_again_is_not_taken_for_a_stale_one(program: Made) -> None:
    writer = program()
    before = ann(writer)
    said = {"If-Match": f'"{before["version"]}"', "Idempotency-Key": "a-1"}
    first, second = (
        writer.patch(f"/records/{before['id']}", {"values": {"job_title": "Baker"}}, headers=said) for _ in range(2)
    )
    assert [one.status_code for one in (first, second)] == [200, 200]
    assert [one.json()["again"] for one in (first, second)] == [False, True]
    assert first.json()["run"] == second.json()["run"]


def test_the_same_request_is_done_once(lab: Lab, program: Made) -> None:
    writer, key = program(), {"Idempotency-Key": "a-1"}
    new = {"kind": "contact", "values": {"email": "ben@shore.example", "first_name": "Ben"}}
    first, second = writer.post("/records", new, headers=key), writer.post("/records", new, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.json()["again"], second.json()["again"]) == (False, True)
    assert first.json()["record"]["id"] == second.json()["record"]["id"]
    assert first.headers["location"] == f"/v1/records/{first.json()['record']['id']}"
    other = writer.post("/records", {**new, "values": {"email": "cy@shore.example"}}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "api.idempotency")
    # Somebody else's key is another one.
    assert program().post("/records", {**new, "values": {"email": "cy@shore.example"}}, headers=key).status_code == 201
    lab.settle()
    assert len(lab.all("crm")) == 3


def test_a_request_that_failed_may_be_sent_again_with_its_key(program: Made) -> None:
    writer, key = program(), {"Idempotency-Key": "a-1"}
    new = {"kind": "contact", "values": {"email": "no address"}}
    assert writer.post("/records", new, headers=key).status_code == 400
    assert writer.post("/records", new, headers=key).status_code == 400


def test_whoever_is_known_is_not_made_twice(lab: Lab, program: Made) -> None:
    writer = program()
    new = {"kind": "contact", "values": {"email": EMAIL.upper(), "job_title": "Baker"}}
    refused = writer.post("/records", new)
    assert (refused.status_code, refused.json()["code"]) == (409, "record.known")
    assert str(ann(writer)["id"]) in refused.json()["detail"]
    told = writer.post("/records", {**new, "known": "update"})
    assert (told.status_code, told.json()["record"]["values"]["job_title"]) == (200, "Baker")
    lab.settle()
    assert len(lab.all("crm")) == 1


def test_whoever_was_erased_is_not_made_again(lab: Lab, program: Made) -> None:
    writer = program()
    erase(lab.hub, ann(writer)["id"])
    refused = writer.post("/records", {"kind": "contact", "values": {"email": EMAIL}})
    assert (refused.status_code, refused.json()["code"]) == (409, "record.erased")


def test_a_consent_that_comes_with_a_new_record_is_in_the_ledger(lab: Lab, program: Made) -> None:
    writer = program()
    new = {"kind": "contact", "values": {"email": "ben@shore.example", "consent.email": "granted"}}
    assert writer.post("/records", new).status_code == 201
    (entry,) = writer.get("/consent/entries", params={"who": "ben@shore.example"}).json()
    assert (entry["status"], entry["source"]) == ("granted", "hub")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"values": {"email": "no address"}}, 400),
        ({"values": {"planet": "Earth"}}, 400),
        ({"values": {}}, 422),
        ({}, 422),
        ({"values": {"job_title": "Baker"}, "more": 1}, 422),
        ([], 422),
    ],
)
def test_bad_values_change_nothing_and_are_told_by_place(lab: Lab, program: Made, body: Any, code: int) -> None:
    writer = program()
    before = ann(writer)
    answer = writer.patch(f"/records/{before['id']}", body)
    assert answer.status_code == code
    assert answer.json()["remedy"]
    assert ann(writer) == before


def test_too_much_is_not_read(program: Made) -> None:
    huge = {"kind": "contact", "values": {"email": EMAIL, "notes": "x" * 3_000_000}}
    answer = program().post("/records", huge)
    assert (answer.status_code, answer.json()["code"]) == (413, "api.too_large")
