"""The stand-in itself: its calls are the published ones, and its habits are those that surprise a caller."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief, Switch
from connectors._kit.oauth import jwt
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.sandbox_forms import NOT_SERVED, published, strays
from connectors.salesforce.sandbox_ids import long_id, read_id
from connectors.salesforce.sandbox_values import Refusal
from core.model.instant import DAY, SECOND, from_iso, iso

BASE = "/services/data/v66.0"
Json = Any


class Caller:
    """A caller with a session; `at` gives the status and the body of a call."""

    def __init__(self, box: Sandbox) -> None:
        self.http = httpx.Client(base_url=box.url)
        self.http.headers["Authorization"] = f"Bearer {box.session()}"

    def at(self, method: str, path: str, body: Json = None, headers: Mapping[str, str] = {}, **query: Any) -> Json:
        answer = self.http.request(method, BASE + path, json=body, params=query or None, headers=headers)
        return answer.status_code, answer.json() if answer.content else None

    def query(self, text: str, path: str = "/query", headers: Mapping[str, str] = {}) -> Json:
        status, body = self.at("GET", path, None, headers, q=text)
        assert status == 200, body
        return body

    def code(self, method: str, path: str, body: Json = None, **query: Any) -> tuple[int, str]:
        status, said = self.at(method, path, body, **query)
        return status, said[0]["errorCode"]


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def box(time: VirtualTime) -> Iterator[Sandbox]:
    with Sandbox(clock=time, mischief=Mischief()) as box:
        yield box
        forms = published()
        assert forms is None or not list(strays(box.journal, forms))


@pytest.fixture
def api(box: Sandbox) -> Iterator[Caller]:
    caller = Caller(box)
    yield caller
    caller.http.close()


def contact(box: Sandbox, **fields: Any) -> str:
    return box.create("Contact", {"LastName": "Byron", **fields})


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind}, **fields}


# --- the published request set


def test_every_published_call_is_answered_or_left_out_for_a_reason(box: Sandbox) -> None:
    forms = published()
    if forms is None:
        pytest.skip("the published request set is not at hand")
    left = {form.path for form in forms if form.path in NOT_SERVED}
    assert left == set(NOT_SERVED)
    api = Caller(box)
    parts = iter(["66.0", "Contact", "Id", "x"])
    for form in forms:
        if form.path not in NOT_SERVED:
            path = re.sub(r"v\*", "v66.0", form.path, count=1)
            path = re.sub(r"\*", lambda _: next(parts, "Contact"), path.replace("sobjects/*", "sobjects/Contact"))
            api.http.request(form.method, path or "/")
            assert box.journal[-1].route, f"{form.name}: {form.method} {path} is not answered"
    api.http.close()


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=15, max_size=15))
def test_an_id_keeps_its_case_in_its_last_three(short: str) -> None:
    long = long_id(short)
    assert read_id(short) == read_id(long) == read_id(long.lower()) == read_id(long.upper()) == long


def test_a_known_id() -> None:
    assert long_id("001D000000IqhSL") == "001D000000IqhSLIAZ"
    assert read_id("001D000000IqhSLIA!") is None
    assert read_id("001D000000IqhSLI") is None


# --- signing in


def token(box: Sandbox, **form: str) -> tuple[int, dict[str, Any]]:
    answer = httpx.post(f"{box.url}/services/oauth2/token", data=form)
    return answer.status_code, answer.json()


def secret(box: Sandbox) -> dict[str, str]:
    return {"client_id": box.client_id, "client_secret": box.client_secret}


def test_a_session_lasts_as_long_as_it_is_used(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    for _ in range(3):
        time.sleep(7000)
        assert api.at("GET", "/limits")[0] == 200
    time.sleep(7201)
    expected = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert api.at("GET", "/limits") == (401, expected)


def test_each_grant_gives_a_session_without_a_word_of_its_end(box: Sandbox) -> None:
    grants = [
        {"grant_type": "client_credentials", **secret(box)},
        {"grant_type": "refresh_token", "refresh_token": box.refresh_token, **secret(box)},
        assertion(box),
    ]
    for form in grants:
        status, said = token(box, **form)
        assert status == 200
        assert "expires_in" not in said
        assert said["instance_url"] == box.url
        headers = {"Authorization": f"Bearer {said['access_token']}"}
        assert httpx.get(f"{box.url}/services/oauth2/userinfo", headers=headers).json()["email"] == box.username
        told = httpx.post(f"{box.url}/services/oauth2/introspect", data={"token": said["access_token"], **secret(box)})
        assert told.json()["exp"] == box.now() // SECOND + 7200


def assertion(box: Sandbox, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> dict[str, str]:
    own = load_pem_private_key(box.private_key.encode(), None)
    assert isinstance(own, rsa.RSAPrivateKey)
    claims = {"iss": box.client_id, "sub": box.username, "aud": "https://login.salesforce.com",
              "exp": box.now() // SECOND + 180, **claims}  # fmt: skip
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt(claims, key or own)}


def test_an_assertion_is_looked_at_closely(box: Sandbox) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bad = [
        (assertion(box, stranger), "invalid_grant"),
        (assertion(box, aud="https://elsewhere.example"), "invalid_grant"),
        (assertion(box, exp=box.now() // SECOND), "invalid_grant"),
        (assertion(box, iss="another"), "invalid_client_id"),
        (assertion(box, sub="nobody@example.org"), "invalid_grant"),
    ]
    for form, error in bad:
        status, said = token(box, **form)
        assert (status, said["error"]) == (400, error)


def test_the_web_flow_with_a_challenge(box: Sandbox) -> None:
    asked = {"response_type": "code", "client_id": box.client_id, "redirect_uri": box.redirect_uri, "state": "s",
             "scope": "api refresh_token", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
             "code_challenge_method": "S256", "decision": "allow"}  # fmt: skip
    back = httpx.get(f"{box.url}/services/oauth2/authorize", params=asked).headers["Location"]
    code = httpx.URL(back).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "client_id": box.client_id,
            "redirect_uri": box.redirect_uri}  # fmt: skip
    assert token(box, code_verifier="wrong", **form)[1]["error"] == "invalid_grant"
    code = httpx.URL(httpx.get(f"{box.url}/services/oauth2/authorize", params=asked).headers["Location"]).params["code"]
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    status, said = token(box, **{**form, "code": code}, code_verifier=verifier)
    assert (status, said["refresh_token"]) == (200, box.refresh_token)


def test_access_that_is_taken_away_stays_away(box: Sandbox, api: Caller) -> None:
    box.revoke()
    assert api.code("GET", "/limits") == (401, "INVALID_SESSION_ID")
    assert api.http.get("/services/oauth2/userinfo").status_code == 403
    refused = token(box, grant_type="refresh_token", refresh_token=box.refresh_token, **secret(box))
    assert (refused[0], refused[1]["error"]) == (400, "invalid_grant")
    assert token(box, grant_type="password", **secret(box))[1]["error"] == "unsupported_grant_type"


# --- rows


def test_texts_are_trimmed_emptied_and_never_cut(box: Sandbox, api: Caller) -> None:
    status, made = api.at("POST", "/sobjects/Contact", {"LastName": " Byron ", "Title": "", "Phone": None})
    shown = box.show("Contact", made["id"])
    assert status == 201
    assert shown is not None
    assert (shown["LastName"], shown["Title"]) == ("Byron", None)
    status, said = api.at("PATCH", f"/sobjects/Contact/{made['id']}", {"FirstName": "x" * 41, "Email": "none"})
    assert status == 400
    assert {(one["errorCode"], *one["fields"]) for one in said} == {
        ("STRING_TOO_LONG", "FirstName"),
        ("INVALID_EMAIL_ADDRESS", "Email"),
    }


def test_compounds_are_read_only(box: Sandbox, api: Caller) -> None:
    assert api.code("POST", "/sobjects/Contact", {"LastName": "B", "Name": "A B"}) == (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    )
    id_ = contact(box, FirstName="Ada", MailingCity="London")
    shown = api.at("GET", f"/sobjects/Contact/{id_}")[1]
    assert shown["Name"] == "Ada Byron"
    assert (shown["MailingAddress"]["city"], shown["OtherAddress"]) == ("London", None)


def test_moments_come_in_any_offset_and_go_out_in_utc(box: Sandbox, api: Caller) -> None:
    made = api.at("POST", "/sobjects/Event", {
        "Subject": "Call", "StartDateTime": "2026-11-22T09:30:00.5+02:00", "DurationInMinutes": 45,
    })[1]  # fmt: skip
    shown = api.at("GET", f"/sobjects/Event/{made['id']}")[1]
    assert shown["StartDateTime"] == "2026-11-22T07:30:00.000+0000"
    assert (shown["EndDateTime"], shown["ActivityDate"]) == ("2026-11-22T08:15:00.000+0000", "2026-11-22")
    assert api.code("POST", "/sobjects/Event", {"Subject": "When?"}) == (400, "REQUIRED_FIELD_MISSING")
    day = {"Subject": "Fair", "IsAllDayEvent": True, "ActivityDate": "2026-12-01"}
    assert api.at("POST", "/sobjects/Event", day)[0] == 201
    assert api.code("POST", "/sobjects/Contact", {"LastName": "B", "Birthdate": "1815-13-10"}) == (
        400,
        "JSON_PARSER_ERROR",
    )


def test_picklists_are_open_unless_they_are_restricted(box: Sandbox, api: Caller) -> None:
    box.add_field("Contact", "Tier__c", "picklist", picklist=("Gold", "Silver"))
    assert api.at("POST", "/sobjects/Contact", {"LastName": "B", "LeadSource": "A dream"})[0] == 201
    refused = (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert api.code("POST", "/sobjects/Contact", {"LastName": "B", "Tier__c": "Bronze"}) == refused


def test_references_are_checked(box: Sandbox, api: Caller) -> None:
    away, gone = box.add_user("Al Away", "al@example.org", active=False), contact(box)
    box.delete("Contact", gone)
    account = box.create("Account", {"Name": "A"})
    cases = {
        "MALFORMED_ID": {"AccountId": "nonsense"},
        "INVALID_CROSS_REFERENCE_KEY": {"AccountId": long_id("0015g00000zzzzz")},
        "ENTITY_IS_DELETED": {"ReportsToId": gone},
        "INACTIVE_OWNER_OR_USER": {"OwnerId": away},
    }
    for code, fields in cases.items():
        assert api.code("POST", "/sobjects/Contact", {"LastName": "B", **fields}) == (400, code)
    assert api.code("POST", "/sobjects/Contact", {"LastName": "B", "AccountId": gone}) == (400, "MALFORMED_ID")
    made = api.at("POST", "/sobjects/Contact", {"LastName": "B", "AccountId": account[:15]})[1]
    assert api.at("GET", f"/sobjects/Contact/{made['id'][:15]}")[1]["AccountId"] == account


def test_a_unique_value_names_who_has_it(box: Sandbox, api: Caller) -> None:
    box.add_field("Contact", "Key__c", "string", external_id=True, unique=True)
    first = contact(box, Key__c="k")
    status, said = api.at("POST", "/sobjects/Contact", {"LastName": "B", "Key__c": "k"})
    assert (status, said[0]["errorCode"], said[0]["fields"]) == (400, "DUPLICATE_VALUE", [])
    assert said[0]["message"].endswith(first[:15])
    assert api.at("POST", "/sobjects/Contact", {"LastName": "B", "Key__c": "K"})[0] == 201
    box.delete("Contact", first)
    assert api.at("POST", "/sobjects/Contact", {"LastName": "B", "Key__c": "k"})[0] == 201
    with pytest.raises(Refusal, match="DUPLICATE_VALUE"):
        box.undelete("Contact", first)


def test_upserts_tell_created_updated_and_several(box: Sandbox, api: Caller) -> None:
    box.add_field("Contact", "Key__c", "string", external_id=True)
    path = f"/sobjects/Contact/Key__c/{quote('a/b c', safe='')}"
    assert api.at("PATCH", path, {"LastName": "B"}, updateOnly="true")[0] == 404
    status, said = api.at("PATCH", path, {"LastName": "B"})
    assert (status, said["created"]) == (201, True)
    assert api.at("PATCH", path, {"LastName": "C"})[1]["created"] is False
    assert api.at("GET", path)[1]["Key__c"] == "a/b c"
    assert api.code("PATCH", path, {"LastName": "C", "Key__c": "a/b c"}) == (400, "INVALID_FIELD")
    second = contact(box, Key__c="a/b c")
    status, said = api.at("PATCH", path, {"LastName": "D"})
    assert status == 300
    assert f"{BASE}/sobjects/Contact/{second}" in said
    assert (box.show("Contact", second) or {})["LastName"] == "Byron"
    assert api.code("GET", "/sobjects/Contact/Title/x") == (404, "NOT_FOUND")


def test_conditions_see_whole_seconds(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    id_ = contact(box)
    date = "Sat, 21 Nov 2026 09:00:00 GMT"
    box.edit("Contact", id_, {"Title": "In the same second"})
    assert api.at("PATCH", f"/sobjects/Contact/{id_}", {"Title": "Blind"}, {"If-Unmodified-Since": date})[0] == 204
    assert api.at("GET", f"/sobjects/Contact/{id_}", None, {"If-Modified-Since": date})[0] == 304
    time.sleep(1)
    box.edit("Contact", id_, {"Title": "Later"})
    assert api.at("PATCH", f"/sobjects/Contact/{id_}", {"Title": "Late"}, {"If-Unmodified-Since": date})[0] == 412
    assert (box.show("Contact", id_) or {})["Title"] == "Later"


def test_only_accounts_have_etags(box: Sandbox, api: Caller) -> None:
    account, person = box.create("Account", {"Name": "A"}), contact(box)
    answer = api.http.get(f"{BASE}/sobjects/Account/{account}")
    box.edit("Account", account, {"Name": "B"})
    stale = {"If-Match": answer.headers["ETag"]}
    assert api.at("PATCH", f"/sobjects/Account/{account}", {"Name": "C"}, stale)[0] == 412
    assert "ETag" not in api.http.get(f"{BASE}/sobjects/Contact/{person}").headers
    assert api.at("PATCH", f"/sobjects/Contact/{person}", {"Title": "C"}, stale)[0] == 204


def test_rules_locks_and_rights(box: Sandbox, api: Caller) -> None:
    id_ = contact(box)
    box.validate("Contact", lambda row: "No titles here" if row["Title"] else None)
    assert api.code("PATCH", f"/sobjects/Contact/{id_}", {"Title": "T"}) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    box.lock(id_)
    assert api.code("PATCH", f"/sobjects/Contact/{id_}", {"Phone": "1"}) == (400, "UNABLE_TO_LOCK_ROW")
    box.unlock(id_)
    assert api.at("PATCH", f"/sobjects/Contact/{id_}", {"Phone": "1"})[0] == 204
    box.restrict("Contact", "Phone")
    assert api.code("PATCH", f"/sobjects/Contact/{id_}", {"Phone": "2"}) == (400, "INVALID_FIELD")
    assert "Phone" not in api.at("GET", f"/sobjects/Contact/{id_}")[1]
    box.restrict("Contact")
    assert api.code("DELETE", f"/sobjects/Contact/{id_}") == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    box.find_duplicates("Lead", "Email")
    lead = {"LastName": "L", "Company": "C", "Email": "l@example.org"}
    assert api.at("POST", "/sobjects/Lead", lead)[0] == 201
    assert api.code("POST", "/sobjects/Lead", lead) == (400, "DUPLICATES_DETECTED")
    assert api.at("POST", "/sobjects/Lead", lead, {"Sforce-Duplicate-Rule-Header": "allowSave=true"})[0] == 201


def test_what_follows_from_other_fields(box: Sandbox, api: Caller) -> None:
    deal = api.at("POST", "/sobjects/Opportunity", {
        "Name": "D", "StageName": "Qualification", "CloseDate": "2026-12-01", "Amount": 200,
    })[1]["id"]  # fmt: skip
    shown = box.show("Opportunity", deal) or {}
    assert (shown["Probability"], shown["ExpectedRevenue"], shown["IsClosed"]) == (10.0, 20.0, False)
    api.at("PATCH", f"/sobjects/Opportunity/{deal}", {"StageName": "Closed Won"})
    shown = box.show("Opportunity", deal) or {}
    assert (shown["IsClosed"], shown["IsWon"], shown["Probability"]) == (True, True, 100.0)
    lead = box.create("Lead", {"LastName": "L", "Company": "C"})
    task = api.at("POST", "/sobjects/Task", {"Subject": "Call", "Status": "Completed", "WhoId": lead})[1]["id"]
    assert (box.show("Task", task) or {})["IsClosed"] is True
    both = {"Subject": "Call", "WhoId": lead, "WhatId": deal}
    assert api.code("POST", "/sobjects/Task", both) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_each_record_type_offers_its_stages(box: Sandbox, api: Caller) -> None:
    types = {row["Name"]: row["Id"] for row in api.query("SELECT Id, Name FROM RecordType")["records"]}
    path = f"/ui-api/object-info/Opportunity/picklist-values/{types['Renewal']}/StageName"
    assert api.at("GET", path)[1]["values"][0]["value"] == "Renewal Due"
    stages = api.query("SELECT MasterLabel FROM OpportunityStage WHERE IsWon = true ORDER BY SortOrder")["records"]
    assert [one["MasterLabel"] for one in stages] == ["Closed Won"]


# --- deletes, merges, conversion


def test_a_deleted_row_stays_in_the_bin_for_15_days(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    id_ = contact(box)
    time.sleep(60)
    assert api.at("DELETE", f"/sobjects/Contact/{id_}")[0] == 204
    assert api.code("GET", f"/sobjects/Contact/{id_}") == (404, "ENTITY_IS_DELETED")
    assert api.query("SELECT Id FROM Contact")["totalSize"] == 0
    text = "SELECT Id, IsDeleted, SystemModstamp FROM Contact"
    [shown] = api.query(text, "/queryAll")["records"]
    assert (shown["IsDeleted"], shown["SystemModstamp"]) == (True, "2026-11-21T09:01:00.000+0000")
    box.undelete("Contact", id_)
    assert box.count("Contact") == 1
    box.delete("Contact", id_)
    time.sleep(15 * 86_400 + 60)
    api = Caller(box)
    assert api.query(text, "/queryAll")["totalSize"] == 0
    api.http.close()


def test_the_log_of_deletions_knows_what_is_gone_for_good(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    binned, purged = contact(box), contact(box)
    box.delete("Contact", binned)
    box.purge("Contact", purged)
    assert api.query("SELECT Id FROM Contact", "/queryAll")["totalSize"] == 1
    time.sleep(300)
    start, end = iso(box.now() - 600 * SECOND), iso(box.now())
    status, said = api.at("GET", "/sobjects/Contact/deleted", start=start, end=end)
    assert status == 200
    assert {one["id"] for one in said["deletedRecords"]} == {binned, purged}
    assert said["latestDateCovered"] == "2026-11-21T09:05:00.000+0000"


def test_change_lists_have_bounds(box: Sandbox, api: Caller) -> None:
    now = from_iso("2026-11-21T09:00:00Z")

    def ask(kind: str, start: int, end: int = now) -> tuple[int, Any]:
        return api.at("GET", f"/sobjects/Contact/{kind}", start=iso(start), end=iso(end))  # type: ignore[no-any-return]

    assert ask("updated", now - 29 * DAY)[0] == 200
    for kind, start in (("updated", now - 31 * DAY), ("deleted", now - 16 * DAY), ("updated", now - 30 * SECOND)):
        status, said = ask(kind, start)
        assert (status, said[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE"), kind
    assert ask("updated", now - DAY, now + DAY)[1]["latestDateCovered"] == "2026-11-21T09:00:00.000+0000"


def test_the_loser_of_a_merge_names_the_winner(box: Sandbox, api: Caller) -> None:
    winner, loser = contact(box), contact(box)
    deal = box.create("Opportunity", {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-12-01"})
    box.relate(deal, loser)
    assert box.merge("Contact", winner, loser) == winner
    text = f"SELECT IsDeleted, MasterRecordId FROM Contact WHERE Id = '{loser}'"
    [shown] = api.query(text, "/queryAll")["records"]
    assert (shown["IsDeleted"], shown["MasterRecordId"]) == (True, winner)
    assert (box.show("Opportunity", deal) or {})["ContactIds"] == [winner]


def test_a_converted_lead_stays_and_cannot_be_changed(box: Sandbox, api: Caller) -> None:
    lead = box.create("Lead", {"LastName": "Byron", "Company": "Engines", "Email": "a@example.org"})
    task = box.create("Task", {"Subject": "Call", "WhoId": lead})
    person = box.convert(lead)
    shown = box.show("Lead", lead) or {}
    assert (shown["IsConverted"], shown["ConvertedContactId"]) == (True, person)
    assert (box.show("Contact", person) or {})["Email"] == "a@example.org"
    assert (box.show("Task", task) or {})["WhoId"] == person
    assert (box.show("Opportunity", shown["ConvertedOpportunityId"]) or {})["ContactIds"] == [person]
    assert api.code("PATCH", f"/sobjects/Lead/{lead}", {"Title": "T"}) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_deleting_an_account_takes_its_people_along(box: Sandbox, api: Caller) -> None:
    account = box.create("Account", {"Name": "A"})
    person = contact(box, AccountId=account)
    api.at("DELETE", f"/sobjects/Account/{account}")
    assert box.show("Contact", person) is None
    box.undelete("Account", account)
    assert box.show("Contact", person) is not None


# --- queries and their pages


def test_pages_are_between_200_and_2000_and_their_cursor_ends(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    box.fill("Contact", ({"LastName": f"L{number}"} for number in range(2100)))
    assert len(api.query("SELECT Id FROM Contact")["records"]) == 2000
    page = api.query("SELECT Id FROM Contact", headers={"Sforce-Query-Options": "batchSize=5"})
    assert (len(page["records"]), page["totalSize"], page["done"]) == (200, 2100, False)
    ids = {row["Id"] for row in page["records"]}
    while not page["done"]:
        page = api.at("GET", page["nextRecordsUrl"].removeprefix(BASE))[1]
        ids |= {row["Id"] for row in page["records"]}
    assert len(ids) == 2100
    first = api.query("SELECT Id FROM Contact")
    for _ in range(10):
        page = api.query("SELECT Id FROM Contact")
    assert api.code("GET", first["nextRecordsUrl"].removeprefix(BASE)) == (400, "INVALID_QUERY_LOCATOR")
    assert api.at("GET", page["nextRecordsUrl"].removeprefix(BASE))[0] == 200
    box.session_seconds = 10**6
    time.sleep(2 * 86_400 + 1)
    expired = (400, "INVALID_QUERY_LOCATOR")
    assert api.code("GET", page["nextRecordsUrl"].removeprefix(BASE)) == expired
    box.mischief.once(Switch.EXPIRED)
    assert api.code("GET", api.query("SELECT Id FROM Contact")["nextRecordsUrl"].removeprefix(BASE)) == expired


def test_a_query_too_long_for_an_address(api: Caller) -> None:
    ids = ", ".join(f"'{long_id(f'0035g00000{number:05}')}'" for number in range(900))
    answer = api.http.get(f"{BASE}/query", params={"q": f"SELECT Id FROM Contact WHERE Id IN ({ids})"})
    assert answer.status_code == 414


def test_addresses_versions_and_methods_that_are_not(api: Caller) -> None:
    assert api.code("GET", "/nothing") == (404, "NOT_FOUND")
    assert api.code("GET", "/sobjects/Nothing/describe") == (404, "NOT_FOUND")
    assert api.code("PUT", "/limits") == (405, "METHOD_NOT_ALLOWED")
    assert api.http.get("/services/data/v20.0/limits").status_code == 410
    assert api.http.get("/services/data/v99.0/limits").status_code == 404
    listed = [one["version"] for one in api.http.get("/services/data").json()]
    assert listed == [f"{number}.0" for number in range(60, 69)]
    answer = api.http.post(f"{BASE}/sobjects/Contact", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


# --- many at once


def test_results_come_in_the_order_of_the_records(box: Sandbox, api: Caller) -> None:
    gone, kept = contact(box), contact(box)
    box.delete("Contact", gone)
    records = [
        typed("Contact", id=gone, Title="T"),
        typed("Contact", Id=kept, Title="T"),
        typed("Contact", Id=long_id("0035g00000zzzzz")),
        typed("Contact", Id=kept, Nope=1),
    ]
    status, said = api.at("PATCH", "/composite/sobjects", {"records": records})
    assert status == 200
    codes = [one["errors"][0]["statusCode"] if one["errors"] else "" for one in said]
    assert codes == ["ENTITY_IS_DELETED", "", "INVALID_CROSS_REFERENCE_KEY", "INVALID_FIELD"]
    shown = api.at("GET", "/composite/sobjects/Contact", ids=f"{gone},{kept}", fields="Title")[1]
    assert [one and one["Title"] for one in shown] == [None, "T"]
    assert [one["success"] for one in api.at("DELETE", "/composite/sobjects", ids=f"{kept},{gone}")[1]] == [True, False]


def test_all_or_none_takes_everything_back(box: Sandbox, api: Caller) -> None:
    account = box.create("Account", {"Name": "Before"})
    records = [typed("Account", Name="New"), typed("Account", Name="")]
    said = api.at("POST", "/composite/sobjects", {"allOrNone": True, "records": records})[1]
    codes = [one["errors"][0]["statusCode"] for one in said]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    changes = [typed("Account", Id=account, Name="After"), typed("Account", Id=account, Name="")]
    api.at("PATCH", "/composite/sobjects", {"allOrNone": True, "records": changes})
    assert (box.count("Account"), (box.show("Account", account) or {})["Name"]) == (1, "Before")
    assert api.query("SELECT Id FROM Account WHERE SystemModstamp > 2000-01-01T00:00:00Z")["totalSize"] == 1


def test_a_collection_has_its_measures(box: Sandbox, api: Caller) -> None:
    strange = {"records": [typed("Account", Name="A"), typed("Account", Name="A", Nope=1)]}
    assert [one["success"] for one in api.at("POST", "/composite/sobjects", strange)[1]] == [True, False]
    box.unknown_field_fails_all = True
    assert api.code("POST", "/composite/sobjects", strange) == (400, "INVALID_FIELD")
    many = [typed("Account", Name="A")] * 201
    assert api.code("POST", "/composite/sobjects", {"records": many}) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [typed("Account", Name="A"), typed("Contact", LastName="B")] * 6
    assert api.at("POST", "/composite/sobjects", {"records": mixed})[0] == 400
    assert api.at("POST", "/composite/sobjects", {"records": mixed[:10]})[0] == 200


def test_upserts_by_the_hundred(box: Sandbox, api: Caller) -> None:
    box.add_field("Contact", "Key__c", "string", external_id=True, unique=True)
    contact(box, Key__c="k0")
    records = [typed("Contact", LastName="B", Key__c=key) for key in ("k0", "k1", "k1")] + [
        typed("Contact", LastName="B")
    ]
    said = api.at("PATCH", "/composite/sobjects/Contact/Key__c", {"records": records})[1]
    assert [one.get("created") for one in said] == [False, True, None, None]
    assert [one["errors"][0]["statusCode"] for one in said[2:]] == ["DUPLICATE_VALUE", "MISSING_ARGUMENT"]


def test_calls_within_a_call(box: Sandbox, api: Caller) -> None:
    used = box.calls_today
    query = f"{BASE}/query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{{a.id}}'"
    subs = [
        {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {"Name": "A"}},
        {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "c",
         "body": {"LastName": "B", "AccountId": "@{a.id}"}},
        {"method": "GET", "url": query, "referenceId": "q"},
        {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "bad", "body": {}},
    ]  # fmt: skip
    said = api.at("POST", "/composite", {"compositeRequest": subs})[1]["compositeResponse"]
    assert [(one["referenceId"], one["httpStatusCode"]) for one in said] == [
        ("a", 201),
        ("c", 201),
        ("q", 200),
        ("bad", 400),
    ]
    assert said[2]["body"]["totalSize"] == 1
    assert box.calls_today == used + 1
    said = api.at("POST", "/composite", {"allOrNone": True, "compositeRequest": subs})[1]["compositeResponse"]
    assert [one["httpStatusCode"] for one in said] == [400] * 4
    assert box.count("Account") == 1
    rows = {"records": [typed("Account", Name="One"), typed("Account", Name="")]}
    inner = {"method": "POST", "url": f"{BASE}/composite/sobjects", "referenceId": "rows", "body": rows}
    api.at("POST", "/composite", {"allOrNone": True, "compositeRequest": [subs[0], inner]})
    assert box.count("Account") == 1
    batch = {"batchRequests": [{"method": "GET", "url": "v66.0/limits"}, {"method": "GET", "url": "v66.0/nothing"}]}
    used = box.calls_today
    said = api.at("POST", "/composite/batch", batch)[1]
    assert (said["hasErrors"], [one["statusCode"] for one in said["results"]]) == (True, [200, 404])
    assert box.calls_today == used + 3
    assert api.at("POST", "/composite", {"compositeRequest": subs * 7})[0] == 400


# --- jobs


def job_of(api: Caller, **said: Any) -> str:
    status, job = api.at("POST", f"/jobs/{'query' if 'query' in said else 'ingest'}", said)
    assert status == 200, job
    return str(job["id"])


def test_a_query_job_takes_its_time(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    contact(box, DoNotCall=True)
    id_ = job_of(api, operation="query", query="SELECT Id, DoNotCall, Title, SystemModstamp FROM Contact")
    assert api.code("GET", f"/jobs/query/{id_}/results") == (400, "INVALIDJOBSTATE")
    states = []
    for _ in range(3):
        states.append(api.at("GET", f"/jobs/query/{id_}")[1]["state"])
        time.sleep(1.5)
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    answer = api.http.get(f"{BASE}/jobs/query/{id_}/results")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["Id", "DoNotCall", "Title", "SystemModstamp"]
    assert rows[1][1:] == ["true", "", "2026-11-21T09:00:00.000Z"]
    assert (answer.headers["Sforce-Locator"], answer.headers["Sforce-NumberOfRecords"]) == ("null", "1")
    assert api.at("DELETE", f"/jobs/query/{id_}")[0] == 204
    assert api.code("GET", f"/jobs/query/{id_}") == (404, "NOT_FOUND")


def test_a_query_job_may_fail_or_be_stopped(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    stopped = job_of(api, operation="queryAll", query="SELECT Id FROM Contact")
    assert api.at("PATCH", f"/jobs/query/{stopped}", {"state": "Aborted"})[1]["state"] == "Aborted"
    failed = job_of(api, operation="query", query="SELECT MailingAddress FROM Contact")
    time.sleep(5)
    told = api.at("GET", f"/jobs/query/{failed}")[1]
    assert told["state"] == "Failed"
    assert told["errorMessage"].startswith("FeatureNotEnabled")
    assert api.code("POST", "/jobs/query", {"operation": "query", "query": "SELECT"}) == (400, "MALFORMED_QUERY")


def test_an_upload_says_what_became_of_each_row(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    first, second = contact(box, Title="Old"), contact(box, Title="Old")
    id_ = job_of(api, object="Contact", operation="update", lineEnding="LF")
    data = f"Id,Title,Phone\n{first},#N/A,\n{second},,1\n{long_id('0035g00000zzzzz')},T,\n"
    assert api.http.put(f"{BASE}/jobs/ingest/{id_}/batches", content=data).status_code == 201
    assert api.http.put(f"{BASE}/jobs/ingest/{id_}/batches", content=data).status_code == 400
    assert api.at("PATCH", f"/jobs/ingest/{id_}", {"state": "UploadComplete"})[1]["state"] == "UploadComplete"
    time.sleep(5)
    told = api.at("GET", f"/jobs/ingest/{id_}")[1]
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("JobComplete", 3, 1)
    titles = [(box.show("Contact", one) or {})["Title"] for one in (first, second)]
    assert titles == [None, "Old"]
    failed = list(csv.reader(io.StringIO(api.http.get(f"{BASE}/jobs/ingest/{id_}/failedResults").text)))
    assert failed[0] == ["sf__Id", "sf__Error", "Id", "Title", "Phone"]
    assert failed[1][1].startswith("INVALID_CROSS_REFERENCE_KEY:")
    wrong = job_of(api, object="Contact", operation="insert")
    api.http.put(f"{BASE}/jobs/ingest/{wrong}/batches", content="LastName,Nope\nB,1\n")
    api.at("PATCH", f"/jobs/ingest/{wrong}", {"state": "UploadComplete"})
    time.sleep(5)
    told = api.at("GET", f"/jobs/ingest/{wrong}")[1]
    assert (told["state"], told["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Nope")


# --- what the org is made of


def test_a_new_field_is_seen_by_nobody_before_a_permission_says_so(box: Sandbox, api: Caller) -> None:
    text = {"label": "Key", "type": "Text", "length": 255, "externalId": True, "unique": True, "caseSensitive": True}
    said = {"FullName": "Contact.Key__c", "Metadata": text}
    assert api.at("POST", "/tooling/sobjects/CustomField", said)[0] == 201
    assert api.code("POST", "/tooling/sobjects/CustomField", said) == (400, "DUPLICATE_DEVELOPER_NAME")
    found = api.query("SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Contact'", "/tooling/query")
    assert [one["DeveloperName"] for one in found["records"]] == ["Key"]

    def seen() -> list[Any]:
        fields = api.at("GET", "/sobjects/Contact/describe")[1]["fields"]
        return [(one["externalId"], one["updateable"]) for one in fields if one["name"] == "Key__c"]

    assert seen() == []
    assert api.code("GET", "/query", q="SELECT Key__c FROM Contact") == (400, "INVALID_FIELD")
    assert api.code("PATCH", "/sobjects/Contact/Key__c/k", {"LastName": "B"}) == (404, "NOT_FOUND")
    made = api.at("POST", "/sobjects/PermissionSet", {"Name": "Hub", "Label": "Hub"})[1]["id"]
    right = {"ParentId": made, "SobjectType": "Contact", "Field": "Contact.Key__c", "PermissionsRead": True}
    assert api.at("POST", "/sobjects/FieldPermissions", right)[0] == 201
    assert seen() == []
    assigned = {"PermissionSetId": made, "AssigneeId": box.org.me}
    assert api.at("POST", "/sobjects/PermissionSetAssignment", assigned)[0] == 201
    assert seen() == [(True, False)]
    [row] = api.query("SELECT Id FROM FieldPermissions WHERE PermissionsRead = true")["records"]
    assert api.at("PATCH", f"/sobjects/FieldPermissions/{row['Id']}", {"PermissionsEdit": True})[0] == 204
    assert seen() == [(True, True)]
    assert api.at("PATCH", "/sobjects/Contact/Key__c/k", {"LastName": "B"})[0] == 201
    assert api.at("DELETE", f"/tooling/sobjects/CustomField/{found['records'][0]['Id']}")[0] == 204
    assert seen() == []


def test_fields_of_tasks_and_events_are_made_on_activity(box: Sandbox, api: Caller) -> None:
    text = {"label": "Key", "type": "Text", "length": 255, "externalId": True, "unique": True}
    wrong = {"FullName": "Task.Key__c", "Metadata": text}
    assert api.code("POST", "/tooling/sobjects/CustomField", wrong) == (400, "FIELD_INTEGRITY_EXCEPTION")
    made = api.at("POST", "/tooling/sobjects/CustomField", {"FullName": "Activity.Key__c", "Metadata": text})[1]
    found = api.query("SELECT TableEnumOrId FROM CustomField", "/tooling/query")["records"]
    assert [one["TableEnumOrId"] for one in found] == ["Activity"]
    hub = api.at("POST", "/sobjects/PermissionSet", {"Name": "Hub", "Label": "Hub"})[1]["id"]
    api.at("POST", "/sobjects/PermissionSetAssignment", {"PermissionSetId": hub, "AssigneeId": box.org.me})
    right = {"ParentId": hub, "SobjectType": "Task", "Field": "Task.Key__c", "PermissionsRead": True}
    assert api.at("POST", "/sobjects/FieldPermissions", right)[0] == 201
    assert api.at("GET", "/query", q="SELECT Key__c FROM Task")[0] == 200
    assert api.code("GET", "/query", q="SELECT Key__c FROM Event") == (400, "INVALID_FIELD")
    assert api.at("DELETE", f"/tooling/sobjects/CustomField/{made['id']}")[0] == 204
    assert api.code("GET", "/query", q="SELECT Key__c FROM Task") == (400, "INVALID_FIELD")
    box.unique_activities = False
    again = {"FullName": "Activity.Key__c", "Metadata": text}
    assert api.code("POST", "/tooling/sobjects/CustomField", again) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_describe_is_only_told_when_it_changed(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    last = api.http.get(f"{BASE}/sobjects/Lead/describe").headers["Last-Modified"]
    assert api.at("GET", "/sobjects/Lead/describe", None, {"If-Modified-Since": last})[0] == 304
    time.sleep(60)
    box.add_field("Lead", "Score__c", "double")
    status, said = api.at("GET", "/sobjects/Lead/describe", None, {"If-Modified-Since": last})
    assert status == 200
    [field] = [one for one in said["fields"] if one["name"] == "Score__c"]
    assert (field["type"], field["custom"], field["nillable"]) == ("double", True, True)
    box.remove_field("Lead", "Score__c")
    assert api.code("GET", "/query", q="SELECT Score__c FROM Lead") == (400, "INVALID_FIELD")


def test_custom_objects_are_objects(box: Sandbox, api: Caller) -> None:
    box.add_object("Machine__c")
    box.add_field("Machine__c", "Engineer__c", "reference", picklist=("Contact",))
    person = contact(box)
    made = api.at("POST", "/sobjects/Machine__c", {"Name": "Engine", "Engineer__c": person})[1]["id"]
    assert made.startswith("a0")
    text = "SELECT Name, Engineer__r.LastName FROM Machine__c"
    [shown] = api.query(text)["records"]
    assert (shown["Name"], shown["Engineer__r"]["LastName"]) == ("Engine", "Byron")


# --- limits and trouble


def test_the_day_has_so_many_calls(time: VirtualTime) -> None:
    with Sandbox(clock=time, daily=3) as box:
        box.session_seconds = 10**6
        api = Caller(box)
        usage = [api.http.get(f"{BASE}/limits").headers["Sforce-Limit-Info"] for _ in range(3)]
        assert usage == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
        answer = api.http.get(f"{BASE}/limits")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert "Retry-After" not in answer.headers
        time.sleep(86_400)
        assert api.at("GET", "/limits")[0] == 200
        api.http.close()


def test_trouble_in_salesforces_words(box: Sandbox, api: Caller) -> None:
    box.mischief.once(Switch.THROTTLED)
    assert api.code("GET", "/limits") == (403, "REQUEST_LIMIT_EXCEEDED")
    box.mischief.once(Switch.UNAVAILABLE)
    assert api.code("GET", "/limits") == (503, "SERVER_UNAVAILABLE")
    box.mischief.once(Switch.GARBLED)
    assert "html" in api.http.get(f"{BASE}/limits").headers["Content-Type"]
    box.mischief.once(Switch.LOST_ANSWER)
    with pytest.raises(httpx.RemoteProtocolError):
        api.at("POST", "/sobjects/Account", {"Name": "A"})
    assert box.count("Account") == 1
    box.mischief.once(Switch.CUT)
    with pytest.raises(httpx.RemoteProtocolError):
        api.at("POST", "/composite/sobjects", {"records": [typed("Account", Name="A")] * 9})
    assert box.count("Account") < 10
    box.mischief.once(Switch.PARTIAL)
    said = api.at("POST", "/composite/sobjects", {"records": [typed("Account", Name="A")] * 2})[1]
    assert [one["success"] for one in said] == [False, True]
    assert said[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


def test_pages_in_trouble(box: Sandbox, api: Caller) -> None:
    ids = [contact(box) for _ in range(8)]
    box.mischief.once(Switch.DOUBLED)
    box.mischief.once(Switch.SHUFFLED)
    page = [row["Id"] for row in api.query("SELECT Id FROM Contact ORDER BY Id")["records"]]
    assert set(page) == set(ids)
    assert len(page) > 8
    assert page != sorted(page)
    box.mischief.once(Switch.EMPTY)
    assert api.query("SELECT Id FROM Contact")["totalSize"] == 0


def test_late_tied_and_lagging(box: Sandbox, api: Caller, time: VirtualTime) -> None:
    box.late = 120 * SECOND
    late = contact(box)
    assert (box.show("Contact", late) or {})["SystemModstamp"] == "2026-11-21T08:58:00.000+0000"
    box.late = 0
    time.sleep(600)
    box.mischief.once(Switch.TIED)
    tied = contact(box)
    assert (box.show("Contact", tied) or {})["SystemModstamp"] == "2026-11-21T08:58:00.000+0000"
    box.late = 3600 * SECOND
    box.edit("Contact", tied, {"Phone": "1"})
    assert (box.show("Contact", tied) or {})["SystemModstamp"] == "2026-11-21T08:58:00.000+0000"
    box.late = 0
    box.edit("Contact", late, {"Title": "New"})
    new = contact(box)
    box.mischief.once(Switch.LAGGING)
    shown = {row["Id"]: row["Title"] for row in api.query("SELECT Id, Title FROM Contact")["records"]}
    assert shown == {late: None, tied: None}
    shown = {row["Id"]: row["Title"] for row in api.query("SELECT Id, Title FROM Contact")["records"]}
    assert shown == {late: "New", tied: None, new: None}
