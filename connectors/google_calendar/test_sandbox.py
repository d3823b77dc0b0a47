"""What may surprise a client of Google Calendar, and that the sandbox does it: by bare calls, without the connector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief, Switch
from connectors.google_calendar.published import specification, violations
from connectors.google_calendar.sandbox import Sandbox
from connectors.google_calendar.sandbox_base import LISTS

EVENTS = "/calendars/primary/events"
DAY = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}
HOUR = {"start": {"dateTime": "2026-12-01T10:00:00Z"}, "end": {"dateTime": "2026-12-01T11:00:00Z"}}


class Client:
    """A bare client: gives status and body, retries nothing."""

    def __init__(self) -> None:
        self.time = VirtualTime(tick=1000)
        self.box: Sandbox = Sandbox(clock=self.time, mischief=Mischief()).__enter__()
        self.http = httpx.Client(base_url=f"{self.box.url}/calendar/v3")
        form = {
            "grant_type": "refresh_token", "refresh_token": self.box.refresh_token, "client_id": self.box.client_id,
            "client_secret": self.box.client_secret,
        }  # fmt: skip
        told = httpx.post(f"{self.box.url}/token", data=form).json()
        self.http.headers["Authorization"] = f"Bearer {told['access_token']}"

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, **more)

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, params=query).json()

    def add(self, **body: Any) -> Any:
        answer = self.ask("POST", EVENTS, {"summary": "One", **DAY, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, body, **more)
        return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.http.close()
    made.box.stop()
    assert violations(made.box.journal) == []


def test_the_contract_is_heard_where_it_is_at_hand() -> None:
    """A stand-in that is held against nothing proves nothing."""
    contract = specification()
    if contract is None:
        pytest.skip("Google's published contract is not at hand")
    client = Client()
    client.ask("POST", EVENTS, {"summary": "No times", "shoeSize": 44})
    client.get(EVENTS, maxresults="3")
    client.box.calendar.events.clear()
    client.box.add(client.box.calendar, {"id": "abcde", **DAY, "mood": "good"})
    client.get(f"{EVENTS}/abcde")
    client.http.close()
    client.box.stop()
    wrong = "\n".join(violations(client.box.journal))
    for what in ("'start' is a required", "shoeSize", "query maxresults: is not documented", "mood"):
        assert what in wrong
    assert len(contract.covers(client.box.journal)) == 3


def test_times_get_the_offset_of_the_calendar(client: Client) -> None:
    told = client.add(**HOUR)
    assert told["start"] == {"dateTime": "2026-12-01T11:00:00+01:00", "timeZone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"end": None}, "required"),
        ({"end": HOUR["end"]}, "invalid"),
        ({"end": DAY["start"]}, "timeRangeEmpty"),
        ({"start": {"dateTime": "2026-12-01T10:00:00"}, "end": HOUR["end"]}, "required"),
        ({**HOUR, "recurrence": ["RRULE:FREQ=DAILY"]}, "required"),
        ({"recurrence": ["DTSTART:20261201"]}, "invalid"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"start": {"dateTime": "2026-12-01T10:00:00", "timeZone": "Moon/Sea"}, "end": HOUR["end"]}, "invalid"),
        ({"id": "UPPER-case"}, "invalid"),
    ],
)
def test_events_that_are_not_taken(client: Client, body: dict[str, Any], reason: str) -> None:
    given = {name: value for name, value in {**DAY, **body}.items() if value is not None}
    assert client.refusal("POST", EVENTS, given) == (400, reason)
    assert client.box.count() == 0
    if "end" not in given:
        client.box.journal.clear()  # the contract asks for it, too


def test_an_id_stays_taken_when_its_event_is_deleted(client: Client) -> None:
    client.add(id="concord123")
    assert client.refusal("POST", EVENTS, {**DAY, "id": "concord123"}) == (409, "duplicate")
    assert client.ask("DELETE", f"{EVENTS}/concord123").status_code == 204
    assert client.refusal("DELETE", f"{EVENTS}/concord123") == (410, "deleted")
    assert client.refusal("POST", EVENTS, {**DAY, "id": "concord123"}) == (409, "duplicate")
    assert client.get(f"{EVENTS}/concord123")["status"] == "cancelled"
    assert client.refusal("PATCH", f"{EVENTS}/concord123", {"summary": "Back"}) == (403, "forbidden")
    assert client.ask("PATCH", f"{EVENTS}/concord123", {"status": "confirmed"}).json()["status"] == "confirmed"
    assert client.refusal("GET", f"{EVENTS}/never1") == (404, "notFound")


def test_a_patch_merges_objects_and_replaces_lists(client: Client) -> None:
    own = {"private": {"a": "1", "b": "2"}}
    event = client.add(attendees=[{"email": "a@x.example"}, {"email": "b@x.example"}], extendedProperties=own)
    change = {"extendedProperties": {"private": {"a": None, "c": "3"}}, "attendees": [{"email": "c@x.example"}]}
    told = client.ask("PATCH", f"{EVENTS}/{event['id']}", change).json()
    assert told["extendedProperties"]["private"] == {"b": "2", "c": "3"}
    assert [one["email"] for one in told["attendees"]] == ["c@x.example"]
    assert told["etag"] != event["etag"]
    # A day cannot stand beside a moment: whoever changes the kind takes the other away.
    assert client.refusal("PATCH", f"{EVENTS}/{event['id']}", HOUR) == (400, "invalid")


def test_a_put_drops_what_it_does_not_name(client: Client) -> None:
    event = client.add(location="Here", extendedProperties={"private": {"a": "1"}})
    told = client.ask("PUT", f"{EVENTS}/{event['id']}", {"summary": "Two", **DAY}).json()
    assert (told["summary"], told["id"]) == ("Two", event["id"])
    assert "location" not in told
    assert "extendedProperties" not in told


def test_properties_that_are_too_long_are_cut_or_dropped_without_a_word(client: Client) -> None:
    own = {"n" * 45: "dropped", "long": "x" * 2000}
    told = client.add(extendedProperties={"private": own})
    assert told["extendedProperties"]["private"] == {"long": "x" * 1024}


def test_an_older_etag_is_a_condition_that_is_not_met(client: Client) -> None:
    event = client.add()
    path, old = f"{EVENTS}/{event['id']}", {"If-Match": event["etag"]}
    assert client.ask("PATCH", path, {"summary": "Two"}, headers=old).status_code == 200
    assert client.refusal("PATCH", path, {"summary": "Three"}, headers=old) == (412, "conditionNotMet")
    assert client.refusal("DELETE", path, headers=old) == (412, "conditionNotMet")


def test_lists_have_pages_and_only_the_last_a_sync_token(client: Client) -> None:
    client.box.fill(300)
    first = client.get(EVENTS)
    assert (len(first["items"]), "nextSyncToken" in first) == (250, False)
    rest = client.get(EVENTS, pageToken=first["nextPageToken"])
    assert (len(rest["items"]), "nextPageToken" in rest) == (50, False)
    news = client.get(EVENTS, syncToken=rest["nextSyncToken"])
    assert news["items"] == []


def test_a_sync_token_bears_no_filter_and_no_other_parameters(client: Client) -> None:
    token = client.get(EVENTS, singleEvents="false")["nextSyncToken"]
    for name, value in (("timeMin", "2026-12-01T00:00:00Z"), ("q", "x"), ("privateExtendedProperty", "a=b")):
        query = {"syncToken": token, "singleEvents": "false", name: value}
        assert client.refusal("GET", EVENTS, params=query) == (400, "invalid")
    query = {"syncToken": token, "singleEvents": "true"}
    assert client.refusal("GET", EVENTS, params=query) == (400, "invalid")
    client.box.expire_tokens()
    query = {"syncToken": token, "singleEvents": "false"}
    assert client.refusal("GET", EVENTS, params=query) == (410, "fullSyncRequired")


def test_of_a_deleted_event_a_list_tells_the_id_alone(client: Client) -> None:
    token = client.get(EVENTS)["nextSyncToken"]
    event = client.add(summary="Secret")
    client.ask("DELETE", f"{EVENTS}/{event['id']}")
    (told,) = client.get(EVENTS, syncToken=token)["items"]
    assert set(told) == {"kind", "etag", "id", "status"}


def test_mails_only_for_who_asks(client: Client) -> None:
    guests = [{"email": "ann@shore.example"}]
    client.add(attendees=guests)
    assert client.box.mails == []
    client.ask("POST", EVENTS, {**DAY, "attendees": guests}, params={"sendUpdates": "all"})
    assert client.box.mails == [("invited", "ann@shore.example")]


def test_a_guest_changes_their_own_copy_alone(client: Client) -> None:
    id_ = client.box.invite("boss@other.example", {"summary": "All hands", **DAY})
    assert client.refusal("PATCH", f"{EVENTS}/{id_}", {"summary": "No"}) == (403, "forbiddenForNonOrganizer")
    assert client.ask("PATCH", f"{EVENTS}/{id_}", {"colorId": "7"}).status_code == 200
    client.box.edit(id_, {"guestsCanModify": True})
    assert client.ask("PATCH", f"{EVENTS}/{id_}", {"summary": "Yes"}).status_code == 200


def test_sign_in_scopes_and_roles(client: Client) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "1//wrong", "client_id": client.box.client_id,
            "client_secret": client.box.client_secret}  # fmt: skip
    answer = httpx.post(f"{client.box.url}/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    client.box.calendar.role = "reader"
    assert client.refusal("POST", EVENTS, DAY) == (403, "requiredAccessLevel")
    client.box.scopes = {LISTS}
    assert client.refusal("GET", EVENTS) == (403, "insufficientPermissions")
    client.time.sleep(3600)
    assert client.refusal("GET", EVENTS) == (401, "authError")


def test_throttles_are_told_by_reason_and_say_no_wait(client: Client) -> None:
    client.box.mischief.once(Switch.THROTTLED)
    answer = client.ask("GET", EVENTS)
    assert answer.status_code == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
    assert "retry-after" not in answer.headers


def test_a_channel_has_an_id_of_its_own_and_lives_a_week(client: Client) -> None:
    body = {"id": "channel-1", "type": "web_hook", "address": "https://hub.example.com/hooks/diary", "token": "t"}
    told = client.ask("POST", f"{EVENTS}/watch", body).json()
    assert int(told["expiration"]) // 1000 - client.time() // 1_000_000 == pytest.approx(604_800, abs=2)
    assert client.refusal("POST", f"{EVENTS}/watch", body) == (400, "channelIdNotUnique")
    assert client.refusal("POST", f"{EVENTS}/watch", {**body, "id": "x" * 65}) == (400, "invalid")
    client.add()
    states = [(one.headers["x-goog-resource-state"], one.body) for one in client.box.take_events()]
    assert states == [("sync", b""), ("exists", b"")]
    stop = {"id": "channel-1", "resourceId": "another"}
    assert client.refusal("POST", "/channels/stop", stop) == (404, "notFound")
    assert client.ask("POST", "/channels/stop", {**stop, "resourceId": told["resourceId"]}).status_code == 204


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_an_envelope_of_more_than_a_thousand_is_refused(client: Client, end: str) -> None:
    lines = ("--b", "Content-Type: application/http", "", "GET /calendar/v3/calendars/primary/events/abcde", "", "")
    part = end.join(lines)
    answer = client.http.post(
        f"{client.box.url}/batch/calendar/v3", content=part * 1001 + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )  # fmt: skip
    assert answer.status_code == 400
    answer = client.http.post(
        f"{client.box.url}/batch/calendar/v3", content=part + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert b"HTTP/1.1 404 Not Found" in answer.content
