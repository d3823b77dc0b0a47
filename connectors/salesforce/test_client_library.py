"""The stand-in as the widespread Python client knows Salesforce: unmodified, over the socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from connectors._kit.clock import VirtualTime
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.sandbox_forms import published, strays
from core.model.instant import moment

simple_salesforce = pytest.importorskip("simple_salesforce", reason="needs the client library")

ORG = "https://concord.my.salesforce.com"


class ToSandbox(HTTPAdapter):
    """Carries what goes to the org over to the stand-in; the client's own addresses are always https."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = request.url.replace(ORG, self.url, 1)
        return super().send(request, *args, **kwargs)


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime(tick=1000)


@pytest.fixture
def box(time: VirtualTime) -> Iterator[Sandbox]:
    with Sandbox(clock=time) as box:
        yield box
        forms = published()
        assert forms is None or not list(strays(box.journal, forms))


@pytest.fixture
def client(box: Sandbox, time: VirtualTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("simple_salesforce.bulk2.sleep", time.sleep)
    with requests.Session() as session:
        session.mount(ORG, ToSandbox(box.url))
        yield simple_salesforce.Salesforce(session_id=box.session(), instance_url=ORG, version="66.0", session=session)


def test_a_row_lives_and_dies(client: Any, box: Sandbox) -> None:
    made = client.Contact.create({"LastName": "Byron", "Email": "ada@example.org"})
    assert made == {"id": box.ids("Contact")[0], "success": True, "errors": []}
    assert client.Contact.update(made["id"], {"FirstName": "Ada"}) == 204
    assert client.Contact.get(made["id"])["Name"] == "Ada Byron"
    assert client.Contact.delete(made["id"]) == 204
    with pytest.raises(simple_salesforce.SalesforceResourceNotFound) as gone:
        client.Contact.get(made["id"])
    assert gone.value.content == [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]


def test_refusals_are_malformed_requests_to_it(client: Any) -> None:
    with pytest.raises(simple_salesforce.SalesforceMalformedRequest) as refused:
        client.Contact.create({"FirstName": "Ada"})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert refused.value.content[0]["fields"] == ["LastName"]


def test_an_upsert_creates_once(client: Any, box: Sandbox) -> None:
    box.add_field("Contact", "Key__c", "string", external_id=True, unique=True)
    key = simple_salesforce.format_external_id("Key__c", "a/b@d.inc")
    assert client.Contact.upsert(key, {"LastName": "Byron"}) == 201
    assert client.Contact.upsert(key, {"LastName": "Lovelace"}) == 200
    assert client.Contact.get_by_custom_id("Key__c", "a/b@d.inc")["LastName"] == "Lovelace"
    assert box.count("Contact") == 1


def test_describe_knows_types_and_choices(client: Any) -> None:
    described = {field["name"]: field for field in client.Lead.describe()["fields"]}
    assert described["Company"]["nillable"] is False
    assert described["Email"]["type"] == "email"
    assert described["Email"]["length"] == 80
    assert "Closed - Converted" in [one["value"] for one in described["Status"]["picklistValues"]]
    assert "Contact" in [one["name"] for one in client.describe()["sobjects"]]


def test_it_walks_all_pages(client: Any, box: Sandbox) -> None:
    box.fill("Contact", ({"LastName": f"L{number}"} for number in range(4500)))
    gone = box.ids("Contact")[0]
    box.delete("Contact", gone)
    assert len(client.query_all("SELECT Id, LastName FROM Contact")["records"]) == 4499
    walked = client.query_all_iter("SELECT Id, IsDeleted FROM Contact", include_deleted=True)
    assert [row["Id"] for row in walked if row["IsDeleted"]] == [gone]
    assert client.api_usage["api-usage"].used == box.calls_today


def test_it_lists_what_changed(client: Any, box: Sandbox, time: VirtualTime) -> None:
    kept, gone = (box.create("Contact", {"LastName": name}) for name in ("Kept", "Gone"))
    time.sleep(3600)
    box.edit("Contact", kept, {"Title": "Countess"})
    box.delete("Contact", gone)
    time.sleep(1800)
    now = moment(box.now())
    span = now - timedelta(minutes=60), now
    assert client.Contact.updated(*span)["ids"] == [kept]
    assert [one["id"] for one in client.Contact.deleted(*span)["deletedRecords"]] == [gone]


def test_limits_and_counts(client: Any, box: Sandbox) -> None:
    box.create("Account", {"Name": "Analytical Engines"})
    assert client.limits()["DailyApiRequests"]["Max"] == 15_000
    counted = client.restful("limits/recordCount", params={"sObjects": "Account"})
    assert counted == {"sObjects": [{"count": 1, "name": "Account"}]}


def test_many_rows_in_one_call(client: Any, box: Sandbox) -> None:
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("One", "", "Three")]
    done = client.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})
    assert [one["success"] for one in done] == [True, False, True]
    assert done[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert box.count("Account") == 2


def test_bulk_uploads(client: Any, box: Sandbox) -> None:
    box.add_field("Contact", "Key__c", "string", external_id=True, unique=True)
    rows = [{"LastName": f"L{number}", "Key__c": f"k{number}"} for number in range(20)]
    done = client.bulk2.Contact.insert(records=rows, wait=1)
    assert [(one["numberRecordsProcessed"], one["numberRecordsFailed"]) for one in done] == [(20, 0)]
    again = [{"LastName": "Changed", "Key__c": "k3"}, {"LastName": "New", "Key__c": "k99"}, {"Key__c": "k100"}]
    done = client.bulk2.Contact.upsert(records=again, external_id_field="Key__c", wait=1)
    assert (done[0]["numberRecordsProcessed"], done[0]["numberRecordsFailed"]) == (3, 1)
    assert "REQUIRED_FIELD_MISSING" in client.bulk2.Contact.get_failed_records(done[0]["job_id"])
    assert client.bulk2.Contact.get_successful_records(done[0]["job_id"]).count('"true"') == 1
    assert box.count("Contact") == 21


def test_bulk_queries(client: Any, box: Sandbox, tmp_path: Path) -> None:
    box.fill("Contact", ({"LastName": f"L{number}"} for number in range(2500)))
    box.delete("Contact", box.ids("Contact")[0])
    query = "SELECT Id, LastName, SystemModstamp FROM Contact"
    pages = list(client.bulk2.Contact.query(query, max_records=1000, wait=1))
    assert [page.count("\n") for page in pages] == [1001, 1001, 500]
    assert pages[0].startswith('"Id","LastName","SystemModstamp"\n')
    everything = list(client.bulk2.Contact.query_all(query, wait=1))
    assert sum(page.count("\n") - 1 for page in everything) == 2500
    files = client.bulk2.Contact.download(query, path=str(tmp_path), max_records=50_000, wait=1)
    assert sum(Path(one["file"]).read_text().count("\n") - 1 for one in files) == 2499


def test_it_signs_in_by_itself(box: Sandbox) -> None:
    with requests.Session() as session:
        session.mount(ORG, ToSandbox(box.url))
        asked = session.post(f"{ORG}/services/oauth2/token", data={
            "grant_type": "client_credentials", "client_id": box.client_id, "client_secret": box.client_secret,
        }).json()  # fmt: skip
        assert asked["instance_url"] == box.url
        assert "expires_in" not in asked
        client = simple_salesforce.Salesforce(
            session_id=asked["access_token"], instance_url=ORG, version="66.0", session=session
        )
        assert client.query("SELECT COUNT() FROM User")["totalSize"] == 2
