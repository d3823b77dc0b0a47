"""What may surprise a client of Mailchimp, and that the sandbox does it: by bare calls, without the connector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief, Switch
from connectors.mailchimp.published import specification, violations
from connectors.mailchimp.sandbox import Sandbox
from connectors.mailchimp.sandbox_store import hash_of

LIST = "/lists/a1b2c3d4e5"
ANN = "Ann@Shore.example"
HER = f"{LIST}/members/{hash_of(ANN)}"


class Client:
    """A bare client: gives status and body, retries nothing."""

    def __init__(self) -> None:
        self.time = VirtualTime(tick=1000)
        self.box: Sandbox = Sandbox(clock=self.time, mischief=Mischief()).__enter__()
        self.http = httpx.Client(base_url=f"{self.box.url}/3.0", auth=("anybody", self.box.api_key))

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, params=query)

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, **query).json()

    def refusal(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str]:
        answer = self.ask(method, path, body, **query)
        assert answer.headers["content-type"].startswith("application/problem+json")
        return answer.status_code, answer.json()["title"]

    def add(self, email: str = ANN, status: str = "subscribed", **more: Any) -> Any:
        answer = self.ask("POST", f"{LIST}/members", {"email_address": email, "status": status, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()


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
        pytest.skip("Mailchimp's published contract is not at hand")
    client = Client()
    client.add()
    client.ask("PATCH", HER, {"vip": "yes"})
    client.get(f"{LIST}/members", sort_field="shoe_size")
    client.http.close()
    client.box.stop()
    wrong = violations(client.box.journal)
    assert any("request.vip" in what for what in wrong)
    assert any("sort_field" in what for what in wrong)
    assert len(contract.covers(client.box.journal)) == 3


def test_keys_by_basic_or_bearer_and_every_way_to_be_wrong(client: Client) -> None:
    def status(**headers: str) -> tuple[int, str]:
        answer = httpx.get(f"{client.box.url}/3.0/ping", headers=headers)
        return answer.status_code, answer.json().get("title", "")

    assert status(authorization=f"Bearer {client.box.api_key}")[0] == 200
    assert status(authorization=f"Bearer {client.box.token}")[0] == 200
    assert status() == (401, "API Key Missing")
    assert status(authorization="Bearer nonsense-us19") == (401, "API Key Invalid")
    assert status(authorization="Bearer nonsense-us1") == (403, "Wrong Datacenter")


def test_a_list_shows_ten_and_at_most_a_thousand(client: Client) -> None:
    client.box.fill(1200)
    told = client.get(f"{LIST}/members")
    assert (len(told["members"]), told["total_items"]) == (10, 1200)
    assert len(client.get(f"{LIST}/members", count=1000, offset=1100)["members"]) == 100
    client.box.journal.clear()
    assert client.refusal("GET", f"{LIST}/members", count=1001) == (400, "Invalid Resource")
    client.box.journal.clear()


def test_filters_by_change_confirmation_and_status(client: Client) -> None:
    client.add("a@example.com")
    client.time.sleep(60)
    middle = client.add("b@example.com", "transactional")["last_changed"]
    client.time.sleep(60)
    client.add("c@example.com", "unsubscribed")

    def found(**query: str) -> str:
        told = client.get(f"{LIST}/members", sort_field="last_changed", sort_dir="ASC", **query)
        return "".join(one["email_address"][0] for one in told["members"])

    assert found() == "abc"
    assert found(since_last_changed=middle) == "c"
    assert found(before_last_changed=middle) == "a"
    assert found(since_timestamp_opt="2026-01-01T00:00:00+00:00") == "a"
    assert found(status="unsubscribed", unsubscribed_since=middle) == "c"
    assert client.refusal("GET", f"{LIST}/members", unsubscribed_since=middle)[0] == 400
    assert client.refusal("GET", f"{LIST}/members", since_last_changed="yesterday")[0] == 400


def test_fields_and_exclude_fields_reach_inside(client: Client) -> None:
    client.add(merge_fields={"FNAME": "Ann"})
    told = client.get(f"{LIST}/members", fields="members.id,members.merge_fields.FNAME,total_items")
    assert told == {"members": [{"id": hash_of(ANN), "merge_fields": {"FNAME": "Ann"}}], "total_items": 1}
    told = client.get(HER, exclude_fields="merge_fields.FNAME,tags")
    assert "tags" not in told
    assert "FNAME" not in told["merge_fields"]


def test_three_names_lead_to_a_member_and_only_the_hash_to_its_tags(client: Client) -> None:
    member = client.add()
    for name in (member["id"], member["contact_id"], ANN.lower()):
        assert client.get(f"{LIST}/members/{name}")["contact_id"] == member["contact_id"]
    body = {"tags": [{"name": "vip", "status": "active"}]}
    assert client.refusal("POST", f"{LIST}/members/{member['contact_id']}/tags", body)[0] == 404
    assert client.ask("POST", f"{HER}/tags", body).status_code == 204
    client.box.paths_by_hash = True
    assert client.refusal("GET", f"{LIST}/members/{member['contact_id']}")[0] == 404


def test_tags_in_a_change_are_ignored_and_move_no_stamp(client: Client) -> None:
    member = client.add(tags=["first"])
    client.time.sleep(60)
    client.ask("PATCH", HER, {"tags": ["second"]})
    client.ask("POST", f"{HER}/tags", {"tags": [{"name": "third", "status": "active"}]})
    now = client.get(HER)
    assert [one["name"] for one in now["tags"]] == ["first", "third"]
    assert now["last_changed"] == member["last_changed"]


def test_put_makes_or_changes_and_leaves_the_status_alone(client: Client) -> None:
    body = {"email_address": ANN, "status_if_new": "unsubscribed", "merge_fields": {"FNAME": "A"}}
    assert client.ask("PUT", HER, body).json()["status"] == "unsubscribed"
    again = client.ask("PUT", HER, {**body, "status_if_new": "subscribed", "merge_fields": {"FNAME": "B"}}).json()
    assert (again["status"], again["merge_fields"]["FNAME"]) == ("unsubscribed", "B")


def test_who_said_no_comes_back_by_their_own_act_alone(client: Client) -> None:
    id_ = client.add()["contact_id"]
    client.box.unsubscribe(id_)
    compliance = (400, "Member In Compliance State")
    assert client.refusal("PATCH", HER, {"status": "subscribed"}) == compliance
    assert client.refusal("PUT", HER, {"email_address": ANN, "status_if_new": "pending", "status": "subscribed"}) == (
        compliance
    )
    assert client.ask("DELETE", HER).status_code == 204
    assert client.refusal("POST", f"{LIST}/members", {"email_address": ANN, "status": "subscribed"}) == compliance
    assert client.add(status="pending")["status"] == "pending"
    assert client.box.mails == [("confirm", ANN)]
    client.box.confirm(id_)
    assert client.get(HER)["status"] == "subscribed"
    client.box.bounce(id_)
    assert client.refusal("PATCH", HER, {"status": "pending"}) == compliance
    assert client.ask("PATCH", HER, {"merge_fields": {"FNAME": "Still"}}).status_code == 200


def test_archived_once_and_forgotten_for_good(client: Client) -> None:
    client.add()
    assert client.ask("DELETE", HER).status_code == 204
    assert client.get(HER)["status"] == "archived"
    assert client.refusal("DELETE", HER)[0] == 405
    assert client.ask("POST", f"{HER}/actions/delete-permanent").status_code == 204
    assert client.refusal("GET", HER)[0] == 404
    again = {"email_address": ANN, "status": "subscribed"}
    assert client.refusal("POST", f"{LIST}/members", again) == (400, "Forgotten Email Not Subscribed")


def test_a_new_address_is_a_new_hash_and_may_not_be_taken(client: Client) -> None:
    member, _ = client.add(), client.add("other@example.com")
    assert client.refusal("PATCH", HER, {"email_address": "OTHER@example.com"}) == (400, "Member Exists")
    moved = client.ask("PATCH", HER, {"email_address": "new@example.com"}).json()
    assert moved["id"] == hash_of("new@example.com")
    assert moved["contact_id"] == member["contact_id"]
    assert client.refusal("GET", HER)[0] == 404


def test_many_at_once_fail_one_by_one_and_answer_200(client: Client) -> None:
    client.add()
    rows = [
        {"email_address": email, "status": "subscribed"} for email in (ANN, "new@example.com", "NEW@example.com", "bad")
    ]
    told = client.ask("POST", LIST, {"members": rows, "update_existing": False}).json()
    assert (told["total_created"], told["error_count"]) == (1, 3)
    assert told["errors"][0]["error_code"] == "ERROR_CONTACT_EXISTS"
    assert "contact_id" not in told["new_members"][0]
    changed = client.ask("POST", LIST, {"members": rows[:1], "update_existing": True}).json()
    assert changed["total_updated"] == 1
    crowd = [{"email_address": f"x{number}@example.com", "status": "subscribed"} for number in range(501)]
    assert client.refusal("POST", LIST, {"members": crowd})[0] == 400


def test_a_batch_is_worked_while_it_is_looked_at_and_its_link_ends(client: Client) -> None:
    client.add()
    operation = {"method": "PATCH", "path": HER, "body": '{"vip": true}', "operation_id": "mine"}
    batch = client.ask("POST", "/batches", {"operations": [operation, {"method": "GET", "path": "/nowhere"}]}).json()
    assert batch["status"] == "pending"
    assert client.get(HER)["vip"] is False
    client.get(f"/batches/{batch['id']}")
    done = client.get(f"/batches/{batch['id']}")
    assert (done["status"], done["errored_operations"]) == ("finished", 1)
    assert client.get(HER)["vip"] is True
    assert httpx.get(done["response_body_url"]).status_code == 200
    client.time.sleep(660)
    assert httpx.get(done["response_body_url"]).status_code == 403
    fresh = client.get(f"/batches/{batch['id']}")["response_body_url"]
    assert httpx.get(fresh).content[:2] == b"\x1f\x8b"
    crowd = [operation] * 1001
    assert client.refusal("POST", "/batches", {"operations": crowd})[0] == 400


def test_an_eleventh_open_call_is_turned_away(client: Client) -> None:
    with client.box._lock:
        waiting = [threading.Thread(target=client.get, args=("/ping",)) for _ in range(10)]
        for one in waiting:
            one.start()
        while client.box.most_open < 10:
            threading.Event().wait(0.001)
        other = httpx.Client(base_url=f"{client.box.url}/3.0", auth=("x", client.box.api_key))
        answer = other.get("/ping")
        other.close()
    for one in waiting:
        one.join()
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")
    assert "retry-after" not in answer.headers


def test_a_list_may_lag_and_a_throttle_be_wordless(client: Client) -> None:
    client.add()
    client.box.mischief.once(Switch.LAGGING)
    assert client.get(f"{LIST}/members")["members"] == []
    client.box.terse = True
    client.box.mischief.once(Switch.THROTTLED)
    answer = client.ask("GET", "/ping")
    assert (answer.status_code, answer.content) == (403, b"")
