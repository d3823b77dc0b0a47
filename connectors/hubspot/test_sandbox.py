"""What may surprise a client of HubSpot, and that the sandbox does it: each of these broke somebody once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief, Switch
from connectors._kit.signatures import verify_request
from connectors.hubspot.sandbox import Quotas, Sandbox
from connectors.hubspot.sandbox_problems import Problem
from connectors.hubspot.sandbox_query import Filter, Query, reader, run
from connectors.hubspot.sandbox_query import test as matches
from connectors.hubspot.sandbox_store import State, Table
from connectors.hubspot.sandbox_webhooks import DECODED
from core.errors import Refused
from core.model.instant import MILLISECOND, SECOND, from_iso

OBJECTS = "/crm/objects/2026-03"
ASSOCIATIONS = "/crm/associations/2026-03"


class Client:
    """A bare client: gives status and body, counts nothing, retries nothing."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.token = box.token
        self.http = httpx.Client(base_url=box.url)

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, path, json=body, headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path: str) -> Any:
        return self.ask("GET", path).json()

    def post(self, path: str, body: Any) -> Any:
        return self.ask("POST", path, body).json()

    def status(self, method: str, path: str, body: Any = None) -> int:
        return self.ask(method, path, body).status_code

    def search(self, plural: str, *filters: dict[str, Any], **more: Any) -> Any:
        return self.post(f"{OBJECTS}/{plural}/search", {"filterGroups": [{"filters": list(filters)}], **more})


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime(tick=1000)


@pytest.fixture
def box(time: VirtualTime) -> Iterator[Sandbox]:
    with Sandbox(clock=time) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    client = Client(box)
    yield client
    client.http.close()


def inputs(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": list(rows)}


def traced(*rows: dict[str, str]) -> dict[str, Any]:
    return inputs(*({"properties": row, "objectWriteTraceId": f"t{place}"} for place, row in enumerate(rows)))


def ask(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}


# --- signing in


def test_both_generations_and_all_names_of_a_type_are_one(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    paths = [
        f"{prefix}/{word}/{id_}" for prefix in ("/crm/v3/objects", OBJECTS) for word in ("contacts", "contact", "0-1")
    ]
    assert len({orjson.dumps(client.get(path)) for path in paths}) == 1
    assert client.status("GET", f"{OBJECTS}/unicorns") == 400


def test_a_wrong_token_and_a_revoked_one_are_401(box: Sandbox, client: Client) -> None:
    client.token = "wrong"
    assert client.get(f"{OBJECTS}/contacts")["category"] == "INVALID_AUTHENTICATION"
    client.token = box.token
    assert client.status("GET", f"{OBJECTS}/contacts") == 200
    box.revoke()
    assert client.status("GET", f"{OBJECTS}/contacts") == 401


def test_access_tokens_die_after_half_an_hour(box: Sandbox, client: Client, time: VirtualTime) -> None:
    form = {"grant_type": "refresh_token", "client_id": box.client_id, "client_secret": box.client_secret,
            "refresh_token": box.refresh_token}  # fmt: skip
    told = client.http.post("/oauth/2026-03/token", data=form).json()
    client.token = told["access_token"]
    assert client.status("GET", f"{OBJECTS}/contacts") == 200
    time.sleep(1801)
    expired = client.ask("GET", f"{OBJECTS}/contacts")
    assert (expired.status_code, expired.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert client.http.post("/oauth/v1/token", data={**form, "client_secret": "x"}).status_code == 400
    client.token = client.http.post("/oauth/v1/token", data=form).json()["access_token"]
    assert client.status("GET", f"{OBJECTS}/contacts") == 200
    box.revoke()
    assert client.http.post("/oauth/v1/token", data=form).json()["status"] == "BAD_REFRESH_TOKEN"


def test_a_missing_scope_is_named(box: Sandbox, client: Client) -> None:
    id_ = box.create("deals", {"dealname": "Big"})
    box.scopes -= {"crm.objects.deals.write", "crm.objects.owners.read"}
    assert client.status("GET", f"{OBJECTS}/deals/{id_}") == 200
    refused = client.ask("PATCH", f"{OBJECTS}/deals/{id_}", {"properties": {"dealname": "x"}})
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    (error,) = refused.json()["errors"]
    assert error["context"]["requiredGranularScopes"] == ["crm.objects.deals.write"]
    assert client.status("GET", "/crm/owners/2026-03") == 403


def test_the_text_of_an_email_needs_a_scope_of_its_own(box: Sandbox, client: Client) -> None:
    id_ = box.create("emails", {"hs_email_subject": "Hello", "hs_email_text": "secret"})
    path = f"{OBJECTS}/emails/{id_}?properties=hs_email_subject,hs_email_text"
    assert client.get(path)["properties"]["hs_email_text"] == "secret"
    box.scopes.discard("sales-email-read")
    shown = client.get(path)["properties"]
    assert (shown["hs_email_subject"], shown["hs_email_text"]) == ("Hello", None)


def test_who_am_i(box: Sandbox, client: Client) -> None:
    details = client.get("/account-info/v3/details")
    info = client.get(f"/oauth/v1/access-tokens/{box.token}")
    assert details["portalId"] == info["hub_id"]
    assert set(info["scopes"]) == box.scopes
    assert client.status("GET", "/oauth/v1/access-tokens/nobodys") == 404


# --- values


def test_everything_is_text_and_what_is_unset_is_null(box: Sandbox, client: Client) -> None:
    made = client.post(f"{OBJECTS}/companies", {"properties": {"name": " Acme ", "numberofemployees": 12, "city": ""}})
    shown = client.get(f"{OBJECTS}/companies/{made['id']}?properties=name,numberofemployees,city,nosuchthing")
    always = {"createdate", "hs_lastmodifieddate", "hs_object_id"}
    values = {name: value for name, value in shown["properties"].items() if name not in always}
    assert values == {"name": "Acme", "numberofemployees": "12", "city": None}
    assert set(shown["properties"]) > always


def test_few_properties_are_shown_unasked(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com", "phone": "1", "city": "Leeds"})
    assert set(client.get(f"{OBJECTS}/contacts/{id_}")["properties"]) == {
        "createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname",
    }  # fmt: skip


def test_lists_in_the_query_may_be_repeated(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"phone": "1", "city": "Leeds"})
    shown = client.get(f"{OBJECTS}/contacts/{id_}?properties=phone&properties=city&archived=false")
    assert (shown["properties"]["phone"], shown["properties"]["city"]) == ("1", "Leeds")


@pytest.mark.parametrize(
    ("plural", "name", "value", "code"),
    [
        ("contacts", "nosuchthing", "1", "PROPERTY_DOESNT_EXIST"),
        ("contacts", "lifecyclestage", "King", "INVALID_OPTION"),
        ("contacts", "email", "no address", "INVALID_EMAIL"),
        ("contacts", "createdate", "2026-01-01", "READ_ONLY_VALUE"),
        ("contacts", "hubspot_owner_id", "404", "INVALID_OWNER_ID"),
        ("contacts", "born", "2026-01-01T10:00:00Z", "INVALID_DATE"),
        ("contacts", "city", ["a"], "INVALID_VALUE"),
        ("contacts", "city", "x" * 65_537, "VALUE_TOO_LONG"),
        ("deals", "amount", "much", "INVALID_INTEGER"),
        ("deals", "closedate", "soon", "INVALID_DATE"),
        ("deals", "dealstage", "nosuchstage", "INVALID_OPTION"),
        ("deals", "pipeline", "nosuchpipeline", "INVALID_OPTION"),
    ],
)
def test_wrong_values_are_refused_by_name(
    box: Sandbox, client: Client, plural: str, name: str, value: Any, code: str
) -> None:
    box.add_property("contacts", "born", kind="date", field_type="date")
    refused = client.ask("POST", f"{OBJECTS}/{plural}", {"properties": {name: value}})
    assert refused.status_code == 400
    body = refused.json()
    assert body["category"] == "VALIDATION_ERROR"
    assert [(error["code"], error["context"]["propertyName"]) for error in body["errors"]] == [(code, [name])]
    assert orjson.loads(body["message"].removeprefix("Property values were not valid: "))[0]["error"] == code
    assert box.count(plural) == 0


def test_moments_and_choices_are_kept_in_its_own_spelling(box: Sandbox, client: Client) -> None:
    box.add_property("contacts", "born", kind="date", field_type="date")
    box.add_property("contacts", "likes", kind="enumeration", field_type="checkbox", options=("tea", "milk", "rum"))
    values = {"born": "1988150400000", "likes": "tea;milk", "email": " ANN@Example.com "}
    id_ = client.post(f"{OBJECTS}/contacts", {"properties": values})["id"]
    client.ask("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"likes": ";rum"}})
    shown = box.show("contacts", id_) or {}
    assert (shown["born"], shown["likes"], shown["email"]) == ("2033-01-01", "tea;milk;rum", "ann@example.com")
    box.respell["contacts", "city"] = str.upper
    box.edit("contacts", id_, {"city": "leeds"})
    assert (box.show("contacts", id_) or {})["city"] == "LEEDS"


def test_a_stage_moves_back_only_after_it_was_cleared(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"lifecyclestage": "customer"})

    def patch(value: str) -> str:
        told = client.ask("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"lifecyclestage": value}})
        assert told.status_code == 200, "it is not even refused"
        return str(told.json()["properties"]["lifecyclestage"])

    assert patch("lead") == "customer"
    assert patch("evangelist") == "evangelist"
    assert (patch(""), patch("lead")) == ("", "lead")


def test_one_batch_cannot_clear_and_set(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"lifecyclestage": "customer"})
    twice = inputs(*({"id": id_, "properties": {"lifecyclestage": stage}} for stage in ("", "lead")))
    refused = client.ask("POST", f"{OBJECTS}/contacts/batch/update", twice)
    assert refused.status_code == 400
    assert "Duplicate IDs" in refused.json()["message"]


def test_a_stage_belongs_to_its_pipeline(box: Sandbox, client: Client) -> None:
    box.add_pipeline("deals", "renewals", "Renewals", [("due", "Due", False, 0.5), ("done", "Done", True, 1.0)])
    id_ = box.create("deals", {"dealname": "Big", "dealstage": "contractsent"})
    path = f"{OBJECTS}/deals/{id_}"
    assert client.status("PATCH", path, {"properties": {"dealstage": "due"}}) == 400
    assert client.status("PATCH", path, {"properties": {"pipeline": "renewals"}}) == 400
    assert client.status("PATCH", path, {"properties": {"dealstage": "done", "pipeline": "renewals"}}) == 200
    assert (box.show("deals", id_) or {})["hs_is_closed_won"] == "true"


def test_activities_need_their_moment(client: Client) -> None:
    for plural in ("tasks", "calls", "meetings", "notes", "emails"):
        refused = client.ask("POST", f"{OBJECTS}/{plural}", {"properties": {}})
        assert (refused.status_code, refused.json()["context"]) == (400, {"properties": ["hs_timestamp"]})


def test_admins_make_rules_of_their_own(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"firstname": "Ann"})
    box.require("contacts", "jobtitle")
    box.validate("contacts", "phone", lambda value: value.startswith("+"), "Phone numbers begin with +")
    assert client.status("POST", f"{OBJECTS}/contacts", {"properties": {"firstname": "x"}}) == 400
    assert client.status("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"jobtitle": ""}}) == 400
    refused = client.ask("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"phone": "0113"}})
    assert refused.status_code == 400
    assert "begin with +" in refused.text
    assert client.status("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"phone": "+44113"}}) == 200


def test_a_locked_record_is_423_and_nothing_of_its_batch_is_done(box: Sandbox, client: Client) -> None:
    locked, free = (box.create("contacts", {"firstname": name}) for name in "ab")
    box.lock("contacts", locked)
    change = {"properties": {"city": "Leeds"}}
    assert client.status("PATCH", f"{OBJECTS}/contacts/{locked}", change) == 423
    both = inputs({"id": free, **change}, {"id": locked, **change})
    assert client.status("POST", f"{OBJECTS}/contacts/batch/update", both) == 423
    assert "city" not in (box.show("contacts", free) or {})
    box.unlock("contacts", locked)
    assert client.status("POST", f"{OBJECTS}/contacts/batch/update", both) == 200


# --- creating once


def test_an_address_is_one_contact_whatever_its_case(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    clash = client.ask("POST", f"{OBJECTS}/contacts", {"properties": {"email": "A@EXAMPLE.com"}})
    assert (clash.status_code, clash.json()["category"]) == (409, "CONFLICT")
    assert clash.json()["message"] == f"Contact already exists. Existing ID: {id_}"
    other = box.create("contacts", {"email": "b@example.com"})
    assert client.status("PATCH", f"{OBJECTS}/contacts/{other}", {"properties": {"email": "a@example.com"}}) == 409
    assert client.status("PATCH", f"{OBJECTS}/contacts/{id_}", {"properties": {"email": "a@example.com"}}) == 200


def test_without_trace_ids_one_bad_row_fails_the_batch(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    rows = inputs(*({"properties": {"email": f"{name}@example.com"}} for name in "xay"))
    clash = client.ask("POST", f"{OBJECTS}/contacts/batch/create", rows)
    assert clash.status_code == 409
    assert clash.json()["message"].endswith(f"ID: {id_}")
    assert box.count("contacts") == 1
    twins = inputs(*({"properties": {"email": "x@example.com"}} for _ in "ab"))
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", twins) == 400
    assert box.count("contacts") == 1
    same = [{"objectWriteTraceId": "same", **row} for row in rows["inputs"]]
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", inputs(*same)) == 409


def test_with_trace_ids_only_the_bad_rows_fail(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    rows = traced({"email": "x@example.com"}, {"email": "a@example.com"}, {"nope": "1"}, {"email": "x@example.com"})
    told = client.ask("POST", f"{OBJECTS}/contacts/batch/create", rows)
    assert told.status_code == 207
    body = told.json()
    assert [one["objectWriteTraceId"] for one in body["results"]] == ["t0"]
    failed = {error["context"]["objectWriteTraceId"][0]: error["category"] for error in body["errors"]}
    assert failed == {"t1": "CONFLICT", "t2": "VALIDATION_ERROR", "t3": "CONFLICT"}
    assert body["numErrors"] == 3
    assert f"Existing ID: {id_}" in body["errors"][0]["message"]
    assert box.count("contacts") == 2


def test_a_unique_property_makes_a_repeated_create_clash(box: Sandbox, client: Client) -> None:
    for plural in ("companies", "notes"):
        box.add_property(plural, "hub_key", unique=True)
    rows = traced({"name": "Acme", "hub_key": "k-1"})
    (made,) = client.post(f"{OBJECTS}/companies/batch/create", rows)["results"]
    again = client.post(f"{OBJECTS}/companies/batch/create", rows)
    (error,) = again["errors"]
    assert error["message"].endswith(f"{made['id']} already has that value.")
    assert "propertyName=hub_key, value=k-1" in error["message"]
    assert client.get(f"{OBJECTS}/companies/k-1?idProperty=hub_key")["id"] == made["id"]
    assert client.status("GET", f"{OBJECTS}/companies/k-2?idProperty=hub_key") == 404
    assert client.status("GET", f"{OBJECTS}/companies/Acme?idProperty=name") == 400
    assert client.status("GET", f"{OBJECTS}/deals/k-1?idProperty=hub_key") == 400
    box.archive("companies", made["id"])
    assert client.status("POST", f"{OBJECTS}/companies/batch/create", rows) == 201


def test_a_property_can_become_findable_later(box: Sandbox, client: Client) -> None:
    definition = {"name": "hub_key", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True,
                  "groupName": "contactinformation"}  # fmt: skip
    assert client.status("POST", "/crm/properties/2026-03/contacts", definition) == 201
    assert client.status("POST", "/crm/properties/2026-03/contacts", definition) == 409
    box.create("contacts", {"hub_key": "k"})
    assert client.status("GET", f"{OBJECTS}/contacts/k?idProperty=hub_key") == 200
    box.remove_property("contacts", "hub_key")
    assert client.status("GET", f"{OBJECTS}/contacts/k?idProperty=hub_key") == 400
    for number in range(10):
        client.post("/crm/properties/2026-03/contacts", {**definition, "name": f"key_{number}"})
    assert client.status("POST", "/crm/properties/2026-03/contacts", {**definition, "name": "key_11"}) == 400


def test_upsert_finds_by_its_unique_property(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    rows = [
        {"id": email, "idProperty": "email", "properties": {"city": "York"}, "objectWriteTraceId": email}
        for email in ("A@example.com", "new@example.com")
    ]
    results = client.post(f"{OBJECTS}/contacts/batch/upsert", inputs(*rows))["results"]
    assert [(one["new"], one["objectWriteTraceId"]) for one in results] == [
        (False, "A@example.com"), (True, "new@example.com"),
    ]  # fmt: skip
    assert results[0]["id"] == id_
    assert (box.show("contacts", results[1]["id"]) or {})["email"] == "new@example.com"


def test_a_batch_has_a_hundred_rows_at_most(client: Client) -> None:
    rows = [{"properties": {"city": "x"}} for _ in range(101)]
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", inputs(*rows)) == 400
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", inputs(*rows[:100])) == 201
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", inputs()) == 400


def test_a_batch_has_one_stamp(box: Sandbox, client: Client) -> None:
    made = client.post(f"{OBJECTS}/contacts/batch/create", traced(*({"city": f"{n}"} for n in range(20))))["results"]
    assert len({one["updatedAt"] for one in made}) == 1
    assert len({one["id"] for one in made}) == 20


def test_updating_what_is_not_there_is_told_by_id(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {})
    rows = inputs(*({"id": one, "properties": {"city": "x"}, "objectWriteTraceId": one} for one in (id_, "404")))
    body = client.post(f"{OBJECTS}/contacts/batch/update", rows)
    assert [one["id"] for one in body["results"]] == [id_]
    assert body["errors"][0]["context"] == {"ids": ["404"], "objectWriteTraceId": ["404"]}
    assert client.status("PATCH", f"{OBJECTS}/contacts/404", {"properties": {}}) == 404


# --- deletes and merges


def test_what_is_archived_is_in_the_archived_list_alone(box: Sandbox, client: Client) -> None:
    kept, gone = (box.create("contacts", {"email": f"{name}@example.com"}) for name in "ab")
    assert client.status("DELETE", f"{OBJECTS}/contacts/{gone}") == 204
    assert client.status("DELETE", f"{OBJECTS}/contacts/{gone}") == 204
    assert client.status("GET", f"{OBJECTS}/contacts/{gone}") == 404
    (shown,) = client.get(f"{OBJECTS}/contacts?archived=true")["results"]
    assert (shown["id"], shown["archived"], "archivedAt" in shown) == (gone, True, True)
    assert [one["id"] for one in client.get(f"{OBJECTS}/contacts")["results"]] == [kept]
    assert [one["id"] for one in client.search("contacts")["results"]] == [kept]
    archived = client.post(f"{OBJECTS}/contacts/batch/read?archived=true", {**inputs({"id": gone}, {"id": kept}),
                                                                            "properties": []})  # fmt: skip
    assert [one["id"] for one in archived["results"]] == [gone]
    assert client.status("POST", f"{OBJECTS}/contacts", {"properties": {"email": "b@example.com"}}) == 201
    box.restore("contacts", gone)
    assert client.status("GET", f"{OBJECTS}/contacts/{gone}") == 200


def test_a_merge_makes_a_new_record_and_both_old_ids_lead_to_it(box: Sandbox, client: Client) -> None:
    acme = box.create("companies", {"name": "Acme"})
    first = box.create("contacts", {"email": "a@example.com", "city": "Leeds"})
    second = box.create("contacts", {"email": "b@example.com", "city": "York", "phone": "1"}, {"companies": [acme]})
    new = box.merge("contacts", first, second)
    assert new not in (first, second)
    for old in (first, second):
        assert client.get(f"{OBJECTS}/contacts/{old}")["id"] == new
    shown = box.show("contacts", new) or {}
    assert (shown["email"], shown["city"], shown["phone"]) == ("a@example.com", "Leeds", "1")
    assert shown["associations"] == {"company": acme}
    assert client.get(f"{OBJECTS}/contacts/b@example.com?idProperty=email")["id"] == new
    assert client.status("POST", f"{OBJECTS}/contacts", {"properties": {"email": "b@example.com"}}) == 409
    body = client.post(f"{OBJECTS}/contacts/batch/read", {**inputs({"id": first}, {"id": second}), "properties": []})
    assert [one["id"] for one in body["results"]] == [new]
    assert [one["id"] for one in client.get(f"{OBJECTS}/contacts")["results"]] == [new]
    assert client.get(f"{OBJECTS}/contacts?archived=true")["results"] == []
    third = box.create("contacts", {"email": "c@example.com"})
    last = box.merge("contacts", third, new)
    assert client.get(f"{OBJECTS}/contacts/{first}")["id"] == last
    merged = set((box.show("contacts", last) or {})["hs_merged_object_ids"].split(";"))
    assert merged == {first, second, third, new}
    assert box.show("contacts", first) is None


# --- listing and searching


def test_a_list_goes_to_its_end(box: Sandbox, client: Client) -> None:
    ids = box.fill("companies", ({"name": f"c{n}"} for n in range(250)))
    found, after = [], "0"
    while after:
        page = client.get(f"{OBJECTS}/companies?limit=100&after={after}")
        found += [one["id"] for one in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
    assert found == ids
    assert len(min(ids, key=len)) < len(max(ids, key=len)), "ids compared as text would be out of order"
    assert client.status("GET", f"{OBJECTS}/companies?limit=101") == 400


def test_search_stops_at_ten_thousand(box: Sandbox, client: Client) -> None:
    box.fill("contacts", ({"city": "Leeds"} for _ in range(10_100)))
    body = client.search("contacts", limit=100, after="9900")
    assert (body["total"], len(body["results"]), body["paging"]["next"]["after"]) == (10_100, 100, "10000")
    beyond = client.ask("POST", f"{OBJECTS}/contacts/search", {"limit": 100, "after": "10000"})
    assert beyond.status_code == 400


def test_ids_as_a_floor_walk_past_the_cap_through_a_flood_of_one_stamp(box: Sandbox, client: Client) -> None:
    ids = box.fill("contacts", ({"city": "Leeds"} for _ in range(10_500)))
    found: list[str] = []
    while True:
        page = client.search(
            "contacts", ask("lastmodifieddate", "GTE", "0"), ask("hs_object_id", "GT", found[-1] if found else "0"),
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}], limit=200,
        )  # fmt: skip
        if not page["results"]:
            break
        assert page["total"] == 10_500 - len(found)
        found += [one["id"] for one in page["results"]]
    assert found == ids


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [ask("city", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [ask("city", "HAS_PROPERTY")] * 5}] * 4},
        {"filterGroups": [{"filters": [ask("nosuchthing", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [ask("city", "LIKES", "1")]}]},
        {"filterGroups": [{"filters": [ask("city", "EQ")]}]},
        {"filterGroups": [{"filters": [ask("city", "IN", "x")]}]},
        {"filterGroups": [{"filters": [ask("createdate", "GT", "soon")]}]},
        {"filterGroups": [{"filters": [ask("createdate", "BETWEEN", "1")]}]},
        {"sorts": ["city", "email"]},
        {"limit": 201},
        {"after": "one"},
        {"query": "x" * 3000},
    ],
)
def test_searches_that_are_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.status("POST", f"{OBJECTS}/contacts/search", body) == 400


def test_what_filters_mean(box: Sandbox, client: Client) -> None:
    leeds = box.create("contacts", {"email": "ann.lee@leeds.example", "city": "Leeds", "firstname": "Ann"})
    york = box.create("contacts", {"email": "bob@york.example", "city": "York"})
    nowhere = box.create("contacts", {"email": "cid@example.com"})

    def found(*filters: dict[str, Any], **more: Any) -> list[str]:
        return [one["id"] for one in client.search("contacts", *filters, **more)["results"]]

    assert found(ask("city", "EQ", "leeds")) == [leeds]
    assert found(ask("city", "NEQ", "Leeds")) == [york, nowhere]
    assert found(ask("city", "IN", values=["leeds", "york"])) == [leeds, york]
    assert found(ask("city", "IN", values=["Leeds"])) == [], "texts in lists must be lower case"
    assert found(ask("city", "NOT_IN", values=["leeds"])) == [york, nowhere]
    assert found(ask("city", "HAS_PROPERTY")) == [leeds, york]
    assert found(ask("city", "NOT_HAS_PROPERTY")) == [nowhere]
    assert found(ask("email", "CONTAINS_TOKEN", "*.example")) == [leeds, york]
    assert found(ask("email", "EQ", "BOB@york.example")) == [york]
    assert found(ask("hs_object_id", "IN", values=[york, leeds, "404"])) == [leeds, york]
    assert found(sorts=["-hs_object_id"]) == [nowhere, york, leeds]
    assert found(sorts=[{"propertyName": "city", "direction": "DESCENDING"}])[:2] == [york, leeds]
    assert found(query="ann") == [leeds]
    two = [{"filters": [ask("city", "EQ", one)]} for one in ("leeds", "york")]
    assert client.post(f"{OBJECTS}/contacts/search", {"filterGroups": two})["total"] == 2


def test_the_index_is_late_and_the_record_is_not(box: Sandbox, client: Client, time: VirtualTime) -> None:
    old = box.create("contacts", {"city": "Leeds"})
    time.sleep(60)
    box.lag = 20 * SECOND
    new = box.create("contacts", {"city": "Leeds"})
    box.edit("contacts", old, {"city": "York"})
    assert [one["id"] for one in client.search("contacts", ask("city", "EQ", "leeds"))["results"]] == [old]
    assert client.search("contacts", properties=["city"])["results"][0]["properties"]["city"] == "Leeds"
    assert client.get(f"{OBJECTS}/contacts/{old}?properties=city")["properties"]["city"] == "York"
    assert len(client.get(f"{OBJECTS}/contacts")["results"]) == 2
    time.sleep(21)
    assert [one["id"] for one in client.search("contacts", ask("city", "EQ", "leeds"))["results"]] == [new]
    box.archive("contacts", new)
    assert client.search("contacts")["total"] == 2, "what is archived leaves the index late too"
    time.sleep(21)
    assert client.search("contacts")["total"] == 1


VALUES = st.sampled_from(["", "Leeds", "leeds", "York", "3", "12"])
FILTERS = st.builds(
    Filter,
    st.sampled_from(["lastmodifieddate", "lastmodifieddate", "hs_object_id", "city"]),
    st.just("number"),
    st.sampled_from(["EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"]),
    st.integers(0, 8).map(str),
    st.integers(0, 8).map(str),
).map(lambda one: one._replace(value="", high="") if one.operator.endswith("HAS_PROPERTY") else one)


@given(
    st.lists(st.tuples(st.integers(0, 8), VALUES, st.booleans()), max_size=8),
    st.lists(st.lists(FILTERS, max_size=3).map(tuple), max_size=2).map(tuple),
    st.sampled_from(["hs_object_id", "lastmodifieddate", "city"]),
    st.sampled_from([None, None, 2]),
)
def test_the_quick_ways_find_what_looking_at_each_would(
    rows: list[tuple[int, str, bool]], groups: tuple[tuple[Filter, ...], ...], sort: str, until: int | None
) -> None:
    table = Table(())
    for number, (stamp, city, live) in enumerate(rows):
        at = stamp * MILLISECOND
        table.put(number + 1, at, State({"city": city} if city else {}, at, number, None if live else at))
    query = Query(groups, sort, "number", False)
    seen = [(record, state) for record in table.records.values() if (state := record.at(until)) and state.live]
    wanted = {
        record.id
        for record, state in seen
        if any(all(matches(one)(record, state) for one in group) for group in groups or ((),))
    }
    found = run(query, table, until)
    assert set(found) == wanted
    states = {record.id: (record, state) for record, state in seen}
    keys = [reader(sort, "number")(*states[id_]) for id_ in found]
    told = [key for key in keys if key is not None]
    assert keys == sorted(told) + [None] * (len(keys) - len(told)), "in order, and what has no value last"


# --- associations


def test_the_second_primary_takes_the_firsts_place(box: Sandbox, client: Client) -> None:
    person = box.create("contacts", {"email": "a@example.com"})
    first, second = (box.create("companies", {"name": name}) for name in ("First", "Second"))
    box.associate("contacts", person, "companies", first, primary=True)
    box.associate("contacts", person, "companies", second, primary=True)
    rows = client.get(f"{OBJECTS}/contacts/{person}/associations/companies")["results"]
    assert {row["toObjectId"]: {one["typeId"] for one in row["associationTypes"]} for row in rows} == {
        int(first): {279}, int(second): {1, 279},
    }  # fmt: skip
    shown = client.get(f"{OBJECTS}/contacts/{person}?properties=associatedcompanyid")
    assert shown["properties"]["associatedcompanyid"] == second
    backwards = client.get(f"{OBJECTS}/companies/{second}/associations/contacts")["results"]
    assert {one["typeId"] for one in backwards[0]["associationTypes"]} == {2, 280}


def test_who_belongs_to_nobody_is_an_error_in_a_good_answer(box: Sandbox, client: Client) -> None:
    acme = box.create("companies", {"name": "Acme"})
    person = box.create("contacts", {}, {"companies": [acme]})
    lonely = box.create("contacts", {})
    told = client.ask("POST", f"{ASSOCIATIONS}/contacts/companies/batch/read", inputs({"id": lonely}, {"id": person}))
    assert told.status_code == 207
    (row,) = told.json()["results"]
    assert (row["from"]["id"], row["to"][0]["toObjectId"]) == (person, int(acme)), "one is text, the other a number"
    (error,) = told.json()["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [lonely]


def test_many_neighbours_come_in_pages(box: Sandbox, client: Client) -> None:
    acme = box.create("companies", {"name": "Acme"})
    people = [box.create("contacts", {}, {"companies": [acme]}) for _ in range(501)]
    read = f"{ASSOCIATIONS}/companies/contacts/batch/read"
    (row,) = client.post(read, inputs({"id": acme}))["results"]
    assert len(row["to"]) == 500
    (rest,) = client.post(read, inputs({"id": acme, "after": row["paging"]["next"]["after"]}))["results"]
    assert [str(one["toObjectId"]) for one in rest["to"]] == people[500:]
    assert client.status("POST", read, inputs(*({"id": str(n)} for n in range(1001)))) == 400


def test_what_deals_and_activities_belong_to(box: Sandbox) -> None:
    acme = box.create("companies", {"name": "Acme"})
    parent = box.create("companies", {"name": "Holding"})
    ann, bob = (box.create("contacts", {"email": f"{name}@example.com"}) for name in ("ann", "bob"))
    deal = box.create("deals", {"dealname": "Big"}, {"companies": [acme], "contacts": [bob, ann]})
    note = box.create("notes", {"hs_note_body": "Hm"}, {"contacts": [ann], "deals": [deal], "companies": [acme]})
    box.set_parent(acme, parent)
    assert (box.show("deals", deal) or {})["associations"] == {"company": acme, "contacts": [ann, bob]}
    assert (box.show("notes", note) or {})["associations"] == {"contacts": [ann], "company": acme, "deal": deal}
    assert (box.show("companies", acme) or {})["associations"] == {"parent": parent}
    assert (box.show("companies", parent) or {})["associations"] == {"parent": None}
    box.dissociate("deals", deal, "contacts", bob)
    box.archive("companies", acme)
    assert (box.show("deals", deal) or {})["associations"] == {"company": None, "contacts": [ann]}


def test_logging_an_activity_stamps_who_it_is_about_and_tying_does_not(
    box: Sandbox, client: Client, time: VirtualTime
) -> None:
    ann = box.create("contacts", {"email": "ann@example.com"})
    deal = box.create("deals", {"dealname": "Big"})

    def stamp() -> str:
        time.sleep(1)
        return str(client.get(f"{OBJECTS}/contacts/{ann}")["updatedAt"])

    before = stamp()
    box.associate("deals", deal, "contacts", ann)
    assert stamp() == before
    box.create("notes", {"hs_note_body": "Hm"}, {"contacts": [ann]})
    assert stamp() > before


def test_tying_to_what_is_not_there_is_told_by_pair(box: Sandbox, client: Client) -> None:
    ann, acme = box.create("contacts", {}), box.create("companies", {"name": "Acme"})
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    pairs = [{"from": {"id": ann}, "to": {"id": other}, "types": spec} for other in (acme, "404")]
    told = client.ask("POST", f"{ASSOCIATIONS}/contacts/companies/batch/create", inputs(*pairs))
    assert told.status_code == 207
    assert told.json()["errors"][0]["context"]["toObjectId"] == ["404"]
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 341}]
    assert client.status("PUT", f"{OBJECTS}/contacts/{ann}/associations/companies/{acme}", wrong) == 400
    create = {"properties": {}, "associations": [{"to": {"id": "404"}, "types": spec}]}
    assert client.status("POST", f"{OBJECTS}/contacts", create) == 400
    assert box.count("contacts") == 1


def test_an_account_has_labels_of_its_own(box: Sandbox, client: Client) -> None:
    path = f"{ASSOCIATIONS}/deals/contacts/labels"
    (there, back) = client.post(path, {"label": "Pays", "inverseLabel": "Is paid by", "name": "pays"})["results"]
    assert {one["label"] for one in client.get(path)["results"]} == {None, "Pays"}
    ann, deal = box.create("contacts", {}), box.create("deals", {"dealname": "Big"})
    spec = [{"associationCategory": "USER_DEFINED", "associationTypeId": there["typeId"]}]
    assert client.status("PUT", f"{OBJECTS}/deals/{deal}/associations/contacts/{ann}", spec) == 201
    (row,) = client.get(f"{OBJECTS}/contacts/{ann}/associations/deals")["results"]
    assert {one["label"] for one in row["associationTypes"]} == {None, back["label"]}


# --- limits


def test_limits_are_told_and_kept(time: VirtualTime) -> None:
    with Sandbox(clock=time, limits=Quotas(per_ten_seconds=3, search_per_second=2, daily=5)) as box:
        client = Client(box)
        headers = [client.ask("GET", f"{OBJECTS}/contacts").headers for _ in range(3)]
        assert [one["X-HubSpot-RateLimit-Remaining"] for one in headers] == ["2", "1", "0"]
        assert headers[0]["X-HubSpot-RateLimit-Daily-Remaining"] == "4"
        refused = client.ask("GET", f"{OBJECTS}/contacts")
        assert (refused.status_code, refused.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
        assert refused.json()["errorType"] == "RATE_LIMIT"
        assert "Retry-After" not in refused.headers
        searches = [client.ask("POST", f"{OBJECTS}/contacts/search", {}) for _ in range(3)]
        assert [one.status_code for one in searches] == [200, 200, 429]
        assert searches[2].json()["policyName"] == "SECONDLY"
        assert not any(name.lower().startswith("x-hubspot-ratelimit") for name in searches[0].headers)
        time.sleep(10)
        assert [client.status("GET", f"{OBJECTS}/contacts") for _ in range(2)] == [200, 200]
        assert client.get(f"{OBJECTS}/contacts")["policyName"] == "DAILY"
        time.sleep(86_400)
        assert client.status("GET", f"{OBJECTS}/contacts") == 200
        client.http.close()


# --- webhooks


def test_events_are_signed(box: Sandbox, time: VirtualTime) -> None:
    box.subscribe("contact.propertyChange", property="city")
    box.target = "https://hub.example/hooks?to=a%3Ab"
    id_ = box.create("contacts", {"city": "Leeds", "phone": "1"})
    (request,) = box.take_events()
    (event,) = orjson.loads(request.body)
    assert (event["objectId"], event["propertyName"], event["propertyValue"]) == (int(id_), "city", "Leeds")
    assert (event["subscriptionType"], event["changeSource"]) == ("contact.propertyChange", "CRM_UI")

    def verified(secret: str) -> None:
        verify_request(
            request, secret=secret, signature_header="x-hubspot-signature-v3",
            stamp_header="x-hubspot-request-timestamp", decode=DECODED,
        )  # fmt: skip

    verified(box.client_secret)
    with pytest.raises(Refused):
        verified("another")
    assert box.take_events() == []


def test_what_events_tell(box: Sandbox, client: Client) -> None:
    names = ["creation", "deletion", "restore", "merge", "associationChange", "privacyDeletion"]
    for name in [*(f"contact.{one}" for one in names), "task.creation", "company.creation"]:
        box.subscribe(name)
    one, two = (box.create("contacts", {"email": f"{name}@example.com"}) for name in "ab")
    acme = client.post(f"{OBJECTS}/companies", {"properties": {"name": "Acme"}})["id"]
    box.associate("contacts", one, "companies", acme, primary=True)
    box.archive("contacts", two)
    box.restore("contacts", two)
    new = box.merge("contacts", one, two)
    assert client.status("POST", f"{OBJECTS}/contacts/gdpr-delete", {"objectId": new}) == 204
    box.create("tasks", {"hs_task_subject": "Call"})
    events = [event for request in box.take_events() for event in orjson.loads(request.body)]
    told = [(event["subscriptionType"], event.get("objectId")) for event in events]
    assert told == [
        ("contact.creation", int(one)), ("contact.creation", int(two)), ("company.creation", int(acme)),
        ("contact.associationChange", None), ("contact.deletion", int(two)), ("contact.restore", int(two)),
        ("contact.merge", int(new)), ("contact.privacyDeletion", int(new)), ("object.creation", int(new) + 1),
    ]  # fmt: skip
    assert events[2]["changeSource"] == "INTEGRATION"
    tied = events[3]
    assert (tied["fromObjectId"], tied["toObjectId"]) == (int(one), int(acme))
    assert (tied["associationType"], tied["associationRemoved"]) == ("CONTACT_TO_COMPANY", False)
    merged = events[6]
    assert (merged["primaryObjectId"], merged["mergedObjectIds"], merged["newObjectId"]) == (
        int(one), [int(two)], int(new),
    )  # fmt: skip
    assert events[8]["objectTypeId"] == "0-27"


def test_a_flood_of_events_comes_in_hundreds_and_not_in_order(box: Sandbox) -> None:
    box.subscribe("contact.creation")
    for _ in range(150):
        box.create("contacts", {})
    box.mischief.chances = {Switch.DOUBLED: 1.0, Switch.SHUFFLED: 1.0}
    bodies = [orjson.loads(request.body) for request in box.take_events()]
    assert max(map(len, bodies)) == 100
    ids = [event["eventId"] for body in bodies for event in body]
    assert set(ids) == set(range(1, 151))
    assert len(ids) > 150
    assert ids != sorted(ids)


# --- consent


def test_an_opt_out_is_taken_back_by_the_person_alone(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    path = "/communication-preferences/v4/statuses/a@example.com"
    wish = {"subscriptionId": 501, "statusState": "SUBSCRIBED", "channel": "EMAIL"}
    assert client.post(path, wish)["results"][0]["status"] == "SUBSCRIBED"
    box.opt_out("A@example.com", 501)
    assert client.status("POST", path, wish) == 400
    statuses = {one["subscriptionId"]: one for one in client.get(f"{path}?channel=EMAIL")["results"]}
    assert (statuses[501]["status"], statuses[502]["status"]) == ("UNSUBSCRIBED", "NOT_SPECIFIED")
    assert statuses[501]["source"] == "Subscriber"
    assert (box.show("contacts", id_) or {})["hs_email_optout_501"] == "true"
    box.archive("contacts", id_)
    assert client.get("/communication-preferences/v3/status/email/a@example.com")["subscriptionStatuses"][0][
        "status"
    ] == "NOT_SUBSCRIBED", "it outlives the contact"  # fmt: skip
    box.opt_in("a@example.com", 501)
    assert client.status("POST", path, wish) == 200
    assert client.status("POST", path, {**wish, "channel": "SMS"}) == 400
    assert client.status("POST", path, {**wish, "legalBasis": "BECAUSE"}) == 400


def test_leaving_all_lists_is_seen_on_the_contact(box: Sandbox, client: Client) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    everything = "/communication-preferences/2026-09/statuses/a@example.com/unsubscribe-all?channel=EMAIL"
    assert client.status("POST", everything) == 200
    assert (box.show("contacts", id_) or {})["hs_email_optout"] == "true"
    body = {"inputs": ["a@example.com", "b@example.com"]}
    read = client.post("/communication-preferences/v4/statuses/batch/read?channel=EMAIL", body)
    assert [{one["status"] for one in row["statuses"]} for row in read["results"]] == [
        {"UNSUBSCRIBED"}, {"NOT_SPECIFIED"},
    ]  # fmt: skip


# --- trouble


def create_three(client: Client) -> httpx.Response:
    return client.ask("POST", f"{OBJECTS}/contacts/batch/create", traced(*({"city": city} for city in "abc")))


def test_turned_away_means_nothing_was_done(box: Sandbox, client: Client) -> None:
    for switch, status in ((Switch.THROTTLED, 429), (Switch.UNAVAILABLE, 503)):
        box.mischief.once(switch)
        refused = create_three(client)
        assert (refused.status_code, refused.json()["status"]) == (status, "error")
    assert box.count("contacts") == 0


def test_a_lost_answer_was_done_and_a_cut_one_in_part(time: VirtualTime) -> None:
    done = []
    for seed_steps in range(6):
        mischief = Mischief()
        for _ in range(seed_steps):
            mischief.below(3)
        with Sandbox(clock=time, mischief=mischief) as box:
            client = Client(box)
            for switch in (Switch.LOST_ANSWER, Switch.CUT):
                before = box.count("contacts")
                box.mischief.once(switch)
                with pytest.raises(httpx.RemoteProtocolError):
                    create_three(client)
                done.append((switch, box.count("contacts") - before))
            client.http.close()
    assert {count for switch, count in done if switch is Switch.LOST_ANSWER} == {3}
    assert {count for switch, count in done if switch is Switch.CUT} == {0, 1, 2}


def test_one_item_is_refused(box: Sandbox, client: Client) -> None:
    box.mischief.once(Switch.PARTIAL)
    told = create_three(client)
    assert told.status_code == 207
    assert [error["context"]["objectWriteTraceId"] for error in told.json()["errors"]] == [["t0"]]
    assert box.count("contacts") == 2
    box.mischief.once(Switch.PARTIAL)
    rows = inputs(*({"properties": {"city": city}} for city in "abc"))
    assert client.status("POST", f"{OBJECTS}/contacts/batch/create", rows) == 400
    assert box.count("contacts") == 2


def test_readings_may_be_old_or_web_pages(box: Sandbox, client: Client, time: VirtualTime) -> None:
    id_ = box.create("contacts", {"city": "Leeds"})
    time.sleep(60)
    box.edit("contacts", id_, {"city": "York"})
    time.sleep(0.1)
    box.mischief.chances[Switch.LAGGING] = 1.0
    seen = {client.get(f"{OBJECTS}/contacts?properties=city")["results"][0]["properties"]["city"] for _ in range(30)}
    assert "Leeds" in seen
    found = {client.search("contacts", properties=["city"])["results"][0]["properties"]["city"] for _ in range(30)}
    assert "Leeds" in found
    box.mischief.calm()
    box.mischief.once(Switch.GARBLED)
    assert "<html>" in client.ask("GET", f"{OBJECTS}/contacts").text


def test_a_person_may_be_late_and_two_changes_one_stamp(box: Sandbox, client: Client, time: VirtualTime) -> None:
    def stamp(id_: str) -> int:
        return from_iso(client.get(f"{OBJECTS}/contacts/{id_}")["updatedAt"])

    box.mischief.chances[Switch.LATE] = 1.0
    ages = [box.now() - stamp(box.create("contacts", {})) for _ in range(10)]
    assert max(ages) > SECOND
    box.mischief.calm()
    first = box.create("contacts", {})
    time.sleep(60)
    box.mischief.once(Switch.TIED)
    assert stamp(box.create("contacts", {})) == stamp(first)


def test_pages_may_be_doubled_shuffled_and_blank(box: Sandbox, client: Client) -> None:
    ids = box.fill("contacts", ({"city": "Leeds"} for _ in range(30)))
    box.mischief.chances = {Switch.DOUBLED: 1.0, Switch.SHUFFLED: 1.0}
    for page in (client.get(f"{OBJECTS}/contacts?limit=100"), client.search("contacts", limit=100)):
        found = [one["id"] for one in page["results"]]
        assert (set(found), len(found) > 30, found == sorted(found)) == (set(ids), True, False)
    box.mischief.calm()
    box.mischief.once(Switch.EMPTY, 2)
    for blank in (True, False):
        pages = client.get(f"{OBJECTS}/contacts"), client.search("contacts")
        assert [page["results"] == [] for page in pages] == [blank, blank]


# --- nonsense


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{OBJECTS}/contacts", []),
        ("POST", f"{OBJECTS}/contacts", {}),
        ("POST", f"{OBJECTS}/contacts", {"properties": {}, "associations": [{"types": [{}]}]}),
        ("POST", f"{OBJECTS}/contacts", {"properties": {}, "associations": [{"to": {"id": "1"}, "types": [{}]}]}),
        ("PATCH", f"{OBJECTS}/contacts/1", None),
        ("POST", f"{OBJECTS}/contacts/batch/read", {"inputs": [{}]}),
        ("POST", f"{OBJECTS}/contacts/batch/read", {"inputs": ["1"]}),
        ("POST", f"{OBJECTS}/contacts/batch/update", {"inputs": [{"properties": {}}]}),
        ("POST", f"{OBJECTS}/contacts/batch/upsert", {"inputs": [{"id": "1"}]}),
        ("POST", f"{OBJECTS}/contacts/batch/archive", {"inputs": [{}]}),
        ("POST", f"{OBJECTS}/contacts/merge", {"primaryObjectId": "1"}),
        ("POST", f"{OBJECTS}/contacts/gdpr-delete", {}),
        ("POST", f"{OBJECTS}/contacts/search", {"filterGroups": [1]}),
        ("POST", f"{OBJECTS}/contacts/search", {"filterGroups": [{"filters": [1]}]}),
        ("POST", f"{OBJECTS}/contacts/search", {"sorts": "x"}),
        ("POST", f"{OBJECTS}/contacts/search", {"sorts": [1]}),
        ("POST", f"{ASSOCIATIONS}/contacts/companies/batch/create", {"inputs": [{"from": "1"}]}),
        ("POST", f"{ASSOCIATIONS}/contacts/companies/batch/archive", {"inputs": [{"from": {"id": "1"}, "to": "2"}]}),
        ("PUT", f"{OBJECTS}/contacts/1/associations/companies/2", {}),
        ("POST", "/crm/properties/2026-03/contacts", {"name": "Bad Name"}),
        ("POST", "/crm/pipelines/2026-03/deals", {"label": "x", "stages": [{}]}),
        ("GET", f"{OBJECTS}/contacts?limit=many", None),
        ("GET", f"{OBJECTS}/contacts?after=-1", None),
    ],
)
def test_nonsense_is_the_callers_fault(client: Client, method: str, path: str, body: Any) -> None:
    assert client.status(method, path, body) in (400, 404)


def test_people_hear_of_their_mistakes_too(box: Sandbox) -> None:
    mistakes: list[Callable[[], Any]] = [
        lambda: box.create("contacts", {"nosuchthing": "1"}),
        lambda: box.edit("contacts", "404", {"city": "x"}),
        lambda: box.archive("contacts", "404"),
    ]
    for mistake in mistakes:
        with pytest.raises(Problem):
            mistake()
    assert re.fullmatch(r"\d+", box.create("contacts", {"hs_analytics_source": "OFFLINE"})), "people see more"
