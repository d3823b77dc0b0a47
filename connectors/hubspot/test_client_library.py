"""The sandbox under HubSpot's own client library, unmodified, and what was said held against HubSpot's contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import hubspot.communication_preferences as consent
import hubspot.crm.associations.v4 as associations
import pytest
from hubspot import HubSpot, webhooks
from hubspot.crm import companies, contacts, deals, pipelines, properties
from hubspot.crm.objects import notes, tasks

from connectors._kit.clock import VirtualTime
from connectors.hubspot.published import specification, violations
from connectors.hubspot.sandbox import Sandbox

APP = 3_141_592
KEY = "sandbox-developer-key"


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime(tick=1000)


@pytest.fixture
def box(time: VirtualTime) -> Iterator[Sandbox]:
    """The sandbox; after the test its journal must keep the contract, where that is at hand."""
    with Sandbox(clock=time) as box:
        yield box
    assert box.journal, "nothing was said"
    assert violations(box.journal) == []


@pytest.fixture
def client(box: Sandbox) -> Iterator[HubSpot]:
    """The client, against loopback. Each API of it has sockets of its own, which must be closed."""
    made: list[Any] = []

    def factory(package: Any, name: str, config: dict[str, Any]) -> Any:
        from hubspot.discovery.discovery_base import DiscoveryBase

        api = DiscoveryBase._default_api_factory(package, name, config)
        made.append(api)
        return api

    yield HubSpot(access_token=box.token, api_key=KEY, host=box.url, api_factory=factory)
    for api in made:
        api.api_client.rest_client.pool_manager.clear()
        api.api_client.close()


def contact(**values: str) -> contacts.SimplePublicObjectInputForCreate:
    return contacts.SimplePublicObjectInputForCreate(properties=values, associations=[])


def row(trace: str | None = None, **values: str) -> contacts.SimplePublicObjectBatchInputForCreate:
    return contacts.SimplePublicObjectBatchInputForCreate(
        properties=values, associations=[], object_write_trace_id=trace
    )


def test_the_contracts_are_at_hand() -> None:
    if specification() is None:
        pytest.skip("HubSpot's contracts are not here, so nothing is held against them: say where with CONCORD_SPECS")
    with Sandbox(clock=VirtualTime()) as box:
        httpx.get(f"{box.url}/crm/v3/objects/contacts?colour=red")
    assert violations(box.journal) == ["GET /crm/v3/objects/contacts: query colour: is not documented"]


def test_a_contact_lives_and_dies(box: Sandbox, client: HubSpot) -> None:
    api = client.crm.contacts.basic_api
    made = api.create(simple_public_object_input_for_create=contact(email="Ann@Example.com", firstname="Ann"))
    assert made.properties["email"] == "ann@example.com"
    read = api.get_by_id(made.id, properties=["email", "phone"], associations=["companies"])
    assert (read.properties["email"], read.properties["phone"]) == ("ann@example.com", None)
    assert read.created_at.tzinfo is not None
    change = contacts.SimplePublicObjectInput(properties={"firstname": "", "lastname": "Lee"})
    changed = api.update(made.id, simple_public_object_input=change)
    assert changed.properties["lastname"] == "Lee"
    assert changed.updated_at > made.updated_at
    assert "firstname" not in (box.show("contacts", made.id) or {})
    by_email = api.get_by_id("ANN@example.com", id_property="email")
    assert by_email.id == made.id
    api.archive(made.id)
    with pytest.raises(contacts.ApiException) as gone:
        api.get_by_id(made.id)
    assert gone.value.status == 404
    archived = api.get_page(archived=True, limit=10)
    assert [(one.id, one.archived) for one in archived.results] == [(made.id, True)]
    assert archived.results[0].archived_at is not None


def test_pages_join_up(box: Sandbox, client: HubSpot) -> None:
    ids = box.fill("contacts", ({"email": f"c{n}@example.com"} for n in range(230)))
    everyone = client.crm.contacts.get_all(properties=["email"])
    assert [one.id for one in everyone] == ids
    page = client.crm.contacts.basic_api.get_page(limit=100, after=ids[199])
    assert [one.id for one in page.results] == ids[200:]
    assert page.paging is None


def test_batches_of_contacts(box: Sandbox, client: HubSpot) -> None:
    api = client.crm.contacts.batch_api
    made = api.create(
        contacts.BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[row("a", email="a@example.com"), row("b", email="b@example.com")]
        )
    )
    assert made.status == "COMPLETE"
    assert {one.object_write_trace_id: one.properties["email"] for one in made.results} == {
        "a": "a@example.com", "b": "b@example.com",
    }  # fmt: skip
    again = api.create(
        contacts.BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[row("c", email="c@example.com"), row("d", email="a@example.com")]
        )
    )
    assert isinstance(again, contacts.BatchResponseSimplePublicObjectWithErrors)
    (error,) = again.errors
    assert (error.category, error.context["objectWriteTraceId"]) == ("CONFLICT", ["d"])
    ids = [one.id for one in made.results]
    read = api.read(
        contacts.BatchReadInputSimplePublicObjectId(
            properties=["email"], properties_with_history=[], inputs=[{"id": ids[0]}, {"id": "404"}]
        )
    )
    assert isinstance(read, contacts.BatchResponseSimplePublicObjectWithErrors)
    assert read.errors[0].context == {"ids": ["404"]}
    update = contacts.SimplePublicObjectBatchInput(id=ids[0], properties={"city": "Leeds"})
    api.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs=[update]))
    upsert = [
        contacts.SimplePublicObjectBatchInputUpsert(id_property="email", id=email, properties={"city": "York"})
        for email in ("a@example.com", "new@example.com")
    ]
    upserted = api.upsert(contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=upsert))
    assert [one.new for one in upserted.results] == [False, True]
    assert box.show("contacts", ids[0]) is not None
    api.archive(contacts.BatchInputSimplePublicObjectId(inputs=[{"id": ids[0]}, {"id": "404"}]))
    assert box.show("contacts", ids[0]) is None


def test_a_clash_names_the_contact_only_in_its_text(box: Sandbox, client: HubSpot) -> None:
    id_ = box.create("contacts", {"email": "a@example.com"})
    with pytest.raises(contacts.ApiException) as clash:
        client.crm.contacts.basic_api.create(contact(email="a@example.com"))
    assert clash.value.status == 409
    assert f"Existing ID: {id_}" in clash.value.body
    with pytest.raises(contacts.ApiException) as wrong:
        client.crm.contacts.basic_api.create(contact(nope="1", lifecyclestage="king"))
    assert wrong.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in wrong.value.body
    assert "INVALID_OPTION" in wrong.value.body


def test_search(box: Sandbox, client: HubSpot) -> None:
    ids = [box.create("contacts", {"email": f"c{n}@example.com", "city": "Leeds" if n % 2 else ""}) for n in range(7)]
    found = client.crm.contacts.search_api.do_search(
        contacts.PublicObjectSearchRequest(
            filter_groups=[{"filters": [{"propertyName": "city", "operator": "EQ", "value": "leeds"}]}],
            properties=["city"], limit=2, after="0", sorts=["-hs_object_id"],
        )
    )  # fmt: skip
    assert found.total == 3
    assert [one.id for one in found.results] == [ids[5], ids[3]]
    assert found.paging.next.after == "2"


def test_merging_makes_a_new_contact(box: Sandbox, client: HubSpot) -> None:
    first = box.create("contacts", {"email": "a@example.com", "firstname": "A"})
    second = box.create("contacts", {"email": "b@example.com", "lastname": "B"})
    api = client.crm.contacts.basic_api
    made = api.merge(contacts.PublicMergeInput(primary_object_id=first, object_id_to_merge=second))
    assert made.id not in (first, second)
    asked = ["email", "lastname", "hs_merged_object_ids", "hs_calculated_merged_vids", "hs_additional_emails"]
    read = api.get_by_id(second, properties=asked)
    assert read.id == made.id
    assert read.properties["email"] == "a@example.com"
    assert read.properties["lastname"] == "B"
    assert read.properties["hs_merged_object_ids"] == f"{first};{second}"
    assert re.fullmatch(rf"{first}:\d{{13}};{second}:\d{{13}}", read.properties["hs_calculated_merged_vids"])
    assert read.properties["hs_additional_emails"] == "b@example.com"
    assert [one.id for one in api.get_page().results] == [made.id]
    assert api.get_page(archived=True).results == []


def test_erasing_a_contact(box: Sandbox, client: HubSpot) -> None:
    box.create("contacts", {"email": "a@example.com"})
    api = client.crm.contacts.basic_api
    for email in ("a@example.com", "unknown@example.com"):
        api.purge(contacts.PublicGdprDeleteInput(object_id=email, id_property="email"))
        with pytest.raises(contacts.ApiException) as refused:
            api.create(contact(email=email))
        assert refused.value.status == 400
    assert api.get_page(archived=True).results == []


def test_companies_and_deals(box: Sandbox, client: HubSpot) -> None:
    company = client.crm.companies.basic_api.create(
        companies.SimplePublicObjectInputForCreate(
            properties={"name": "Acme", "domain": "ACME.example"}, associations=[]
        )
    )
    primary = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}
    deal = client.crm.deals.basic_api.create(
        deals.SimplePublicObjectInputForCreate(
            properties={"dealname": "Big", "amount": "12.50", "dealstage": "closedwon", "closedate": "2026-12-01"},
            associations=[{"to": {"id": company.id}, "types": [primary]}],
        )
    )
    read = client.crm.deals.basic_api.get_by_id(
        deal.id, properties=["closedate", "pipeline", "hs_is_closed_won"], associations=["companies"]
    )
    assert read.properties["closedate"] == "2026-12-01T00:00:00.000Z"
    assert read.properties["pipeline"] == "default"
    assert read.properties["hs_is_closed_won"] == "true"
    results = read.associations["companies"].results
    assert {(one.id, one.type) for one in results} == {
        (company.id, "deal_to_company"), (company.id, "deal_to_company_unlabeled"),
    }  # fmt: skip
    assert (box.show("deals", deal.id) or {})["associations"] == {"company": company.id, "contacts": []}
    page = client.crm.companies.basic_api.get_page(properties=["name"])
    assert [one.properties["name"] for one in page.results] == ["Acme"]


def test_activities(box: Sandbox, client: HubSpot) -> None:
    person = box.create("contacts", {"email": "a@example.com"})
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}
    with pytest.raises(tasks.ApiException) as refused:
        client.crm.objects.tasks.basic_api.create(
            tasks.SimplePublicObjectInputForCreate(properties={"hs_task_subject": "Call"}, associations=[])
        )
    assert refused.value.status == 400
    assert "hs_timestamp" in refused.value.body
    task = client.crm.objects.tasks.basic_api.create(
        tasks.SimplePublicObjectInputForCreate(
            properties={"hs_task_subject": "Call", "hs_timestamp": "1798000000000", "hs_task_status": "NOT_STARTED"},
            associations=[{"to": {"id": person}, "types": [spec]}],
        )
    )
    assert task.properties["hs_timestamp"] == "2026-12-23T04:26:40.000Z"
    assert (box.show("tasks", task.id) or {})["associations"]["contacts"] == [person]
    note = client.crm.objects.notes.batch_api.create(
        notes.BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[{"properties": {"hs_note_body": "<p>Hm</p>", "hs_timestamp": "2026-11-21T08:00:00Z"},
                     "associations": []}]
        )
    )  # fmt: skip
    found = client.crm.objects.notes.search_api.do_search(notes.PublicObjectSearchRequest(limit=10))
    assert [one.id for one in found.results] == [note.results[0].id]


def test_owners(box: Sandbox, client: HubSpot) -> None:
    ann = box.add_owner("ann@example.com", "Ann", "Lee", teams=(("1", "Sales", True),))
    bob = box.add_owner("bob@example.com", "Bob", "Ray")
    box.archive_owner(bob)
    api = client.crm.owners.owners_api
    (owner,) = api.get_page(limit=100, archived=False).results
    assert (owner.id, owner.teams[0].name) == (ann, "Sales")
    assert str(owner.user_id) != owner.id
    assert [one.id for one in api.get_page(archived=True).results] == [bob]
    assert api.get_page(email="ANN@example.com").results[0].first_name == "Ann"
    assert api.get_by_id(owner.user_id, id_property="userId").id == ann


def test_properties(client: HubSpot) -> None:
    api = client.crm.properties.core_api
    made = api.create(
        "contacts",
        properties.PropertyCreate(
            name="hub_key", label="Key of the hub", type="string", field_type="text", has_unique_value=True,
            group_name="contactinformation",
        ),
    )  # fmt: skip
    assert made.has_unique_value
    assert not made.hubspot_defined
    everything = {one.name: one for one in api.get_all("contacts").results}
    assert everything["hub_key"].type == "string"
    assert [one.value for one in everything["lifecyclestage"].options][:2] == ["subscriber", "lead"]
    assert everything["createdate"].modification_metadata.read_only_value
    assert everything["hubspot_owner_id"].external_options
    assert api.get_by_name("0-1", "email").field_type == "text"
    with pytest.raises(properties.ApiException) as missing:
        api.get_by_name("contacts", "nope")
    assert missing.value.status == 404
    groups = client.crm.properties.groups_api.get_all("contacts").results
    assert [one.name for one in groups] == ["contactinformation"]
    api.archive("contacts", "hub_key")
    assert "hub_key" not in {one.name for one in api.get_all("contacts").results}


def test_pipelines(box: Sandbox, client: HubSpot) -> None:
    box.add_pipeline("deals", "renewals", "Renewals", [("r1", "Due", False, 0.5), ("r2", "Renewed", True, 1)])
    api = client.crm.pipelines.pipelines_api
    found = {one.id: [stage.id for stage in one.stages] for one in api.get_all("deals").results}
    assert found["renewals"] == ["r1", "r2"]
    assert "closedwon" in found["default"]
    stage = client.crm.pipelines.pipeline_stages_api.get_by_id("deals", "renewals", "r2")
    assert stage.metadata["isClosed"] == "true"
    made = api.create(
        "deals",
        pipelines.PipelineInput(
            label="More", display_order=2,
            stages=[{"label": "One", "displayOrder": 0, "metadata": {"probability": "0.1"}}],
        ),
    )  # fmt: skip
    assert api.get_by_id("deals", made.id).stages[0].label == "One"


def test_associations(box: Sandbox, client: HubSpot) -> None:
    person, lonely = (box.create("contacts", {"email": f"{name}@example.com"}) for name in "ab")
    first, second = (box.create("companies", {"name": name}) for name in ("First", "Second"))
    api, batch = client.crm.associations.v4.basic_api, client.crm.associations.v4.batch_api
    api.create_default("contacts", person, "companies", first)
    primary = associations.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)
    made = api.create("contacts", person, "companies", second, [primary])
    assert (str(made.to_object_id), made.labels) == (second, ["Primary"])
    rows = {str(one.to_object_id): one.association_types for one in api.get_page("contacts", person, "company").results}
    assert {one.type_id for one in rows[first]} == {279}
    assert {one.type_id for one in rows[second]} == {279, 1}
    read = batch.get_page(
        "contacts", "companies",
        associations.BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": person}, {"id": lonely}]),
    )  # fmt: skip
    assert isinstance(read, associations.BatchResponsePublicAssociationMultiWithLabelWithErrors)
    assert read.errors[0].context["fromObjectId"] == [lonely]
    pair = {"from": {"id": lonely}, "to": {"id": first}}
    batch.create_default(
        "contacts", "companies", associations.BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
    )
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
    posts = associations.BatchInputPublicAssociationMultiPost(inputs=[{**pair, "types": [spec]}])
    assert batch.create("contacts", "companies", posts).status == "COMPLETE"
    assert (box.show("contacts", lonely) or {})["associations"] == {"company": first}
    batch.archive_labels("contacts", "companies", posts)
    assert (box.show("contacts", lonely) or {})["associations"] == {"company": None}
    gone = {"from": {"id": lonely}, "to": [{"id": first}]}
    batch.archive("contacts", "companies", associations.BatchInputPublicAssociationMultiArchive(inputs=[gone]))
    api.archive("contacts", person, "companies", second)
    left = api.get_page("companies", first, "contacts").results
    assert [str(one.to_object_id) for one in left] == [person]
    labels = client.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies").results
    assert {one.type_id: one.label for one in labels} == {279: None, 1: "Primary"}


def test_signing_in(box: Sandbox, client: HubSpot) -> None:
    tokens = client.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=box.client_id, client_secret=box.client_secret,
        refresh_token=box.refresh_token,
    )  # fmt: skip
    assert (tokens.expires_in, tokens.refresh_token) == (1800, box.refresh_token)
    info = client.oauth.access_tokens_api.get(tokens.access_token)
    assert "crm.objects.contacts.read" in info.scopes
    assert client.oauth.refresh_tokens_api.get(box.refresh_token).hub_id == info.hub_id


def test_consent(box: Sandbox, client: HubSpot) -> None:
    box.create("contacts", {"email": "a@example.com"})
    definitions = client.communication_preferences.definition_api.get_page().subscription_definitions
    news = next(one.id for one in definitions if one.name == "Newsletter")
    api = client.communication_preferences.status_api
    wish = consent.PublicUpdateSubscriptionStatusRequest(
        email_address="a@example.com", subscription_id=news, legal_basis="CONSENT_WITH_NOTICE",
        legal_basis_explanation="asked on the phone",
    )  # fmt: skip
    assert api.subscribe(wish).status == "SUBSCRIBED"
    assert api.unsubscribe(wish).status == "NOT_SUBSCRIBED"
    with pytest.raises(consent.ApiException) as refused:
        api.subscribe(wish)
    assert refused.value.status == 400
    status = api.get_email_status("a@example.com")
    assert {one.id: one.status for one in status.subscription_statuses}[news] == "NOT_SUBSCRIBED"


def test_webhook_settings(client: HubSpot) -> None:
    settings = client.webhooks.settings_api
    settings.configure(
        APP,
        webhooks.SettingsChangeRequest(
            target_url="https://hub.example/hooks/a", throttling={"maxConcurrentRequests": 5}
        ),
    )
    assert settings.get_all(APP).target_url == "https://hub.example/hooks/a"
    api = client.webhooks.subscriptions_api
    made = api.create(
        APP,
        webhooks.SubscriptionCreateRequest(event_type="contact.propertyChange", property_name="email", active=True),
    )
    assert [one.id for one in api.get_all(APP).results] == [made.id]
    asleep = api.update(made.id, APP, webhooks.SubscriptionPatchRequest(active=False))
    assert not asleep.active
    api.archive(made.id, APP)
    assert api.get_all(APP).results == []


def test_the_dated_paths_keep_the_same_contract(box: Sandbox) -> None:
    with httpx.Client(base_url=box.url, headers={"Authorization": f"Bearer {box.token}"}) as http:

        def said(method: str, path: str, body: Any = None) -> Any:
            answer = http.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json() if answer.content else None

        objects, links = "/crm/objects/2026-03", "/crm/associations/2026-03"
        box.add_owner("ann@example.com")
        acme = said("POST", f"{objects}/companies", {"properties": {"name": "Acme"}})["id"]
        inputs = [{"properties": {"email": f"{name}@example.com"}, "objectWriteTraceId": name} for name in "ab"]
        made = said("POST", f"{objects}/0-1/batch/create", {"inputs": inputs})["results"]
        one, two = (result["id"] for result in made)
        said("PATCH", f"{objects}/contacts/{one}", {"properties": {"city": "Leeds"}})
        said("PUT", f"{objects}/contacts/{one}/associations/default/companies/{acme}")
        said("GET", f"{objects}/contacts/{one}/associations/companies")
        said("POST", f"{links}/contacts/companies/batch/read", {"inputs": [{"id": one}, {"id": two}]})
        said("GET", f"{links}/contacts/companies/labels")
        said("GET", f"{objects}/contacts?limit=1&properties=email,phone&associations=companies&archived=false")
        said("POST", f"{objects}/contacts/search", {"filterGroups": [], "sorts": [{"propertyName": "email"}]})
        said("POST", f"{objects}/contacts/merge", {"primaryObjectId": one, "objectIdToMerge": two})
        for path in ("/crm/owners/2026-03", "/crm/properties/2026-03/contacts", "/crm/pipelines/2026-03/deals"):
            assert said("GET", path)["results"]
