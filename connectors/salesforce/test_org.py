"""The org itself: what check finds, what prepare makes, what describe tells, and the mapping over real records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors._kit.catalogue import entry
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce.by_hand import DEAL, Org, change, creation, done, walked, with_keys
from connectors.salesforce.checking import FIX
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.words import KEY_FIELD
from core import mapping
from core.errors import Forbidden, Unsupported
from core.model.shapes import SHAPES
from core.ports import Checkup, Edit, Finding, Prepares, Verb

FILE = entry("salesforce").mapping_path


def wrong(checkup: Checkup) -> list[Finding]:
    return [finding for finding in checkup.findings if not finding.ok]


# --- check


def test_check_tells_who_where_and_how_many_calls_are_left(org: Org) -> None:
    checkup = org.connect().check()
    assert checkup.ok
    assert checkup.account.startswith(f"{org.box.username} in Concord Sandbox Ltd (00D")
    said = "\n".join(finding.what for finding in checkup.findings)
    assert "version 67.0" in said
    assert "of 15000 calls are left" in said
    assert "New Business = 012" in said, "the ids for the vocabulary of pipelines"


def test_an_old_version_is_named_with_the_newest(org: Org) -> None:
    (finding,) = wrong(org.connect(api_version="v45").check())
    assert "45.0" in finding.what
    assert "68.0" in finding.remedy


def test_any_spelling_of_a_version_is_understood(org: Org) -> None:
    for version in ("66", "v66.0", "66.0"):
        connector = org.connect(api_version=version, streams={"Contact": {}})
        assert connector.check().ok
        assert "/v66.0/" in org.box.journal[-1].call.path


def test_a_missing_right_names_object_and_permission(org: Org) -> None:
    org.box.restrict("Task")
    (finding,) = [finding for finding in wrong(org.connect().check()) if not finding.fix]
    assert "may not create or edit Task" in finding.what
    assert "Create and Edit on Task" in finding.remedy


def test_only_objects_of_the_mapping_are_looked_at(org: Org) -> None:
    org.box.restrict("Task")
    before = len(org.box.journal)
    assert org.connect(streams={"Contact": {}, "User": {}}).check().ok
    assert [one for one in org.asked(before) if "describe" in one] == [
        "GET sobjects/Contact/describe", "GET sobjects/User/describe",
    ]  # fmt: skip


def test_an_object_that_is_not_there_is_a_finding(org: Org) -> None:
    (finding,) = wrong(org.connect(streams={"Thing__c": {}}).check())
    assert "no object Thing__c" in finding.what
    assert finding.remedy


def test_a_quota_that_is_nearly_used_up_is_a_finding() -> None:
    with Org(daily=1000) as org:
        org.box.calls_today = 850
        connector = org.connect(streams={"Contact": {}}, reserve=15)
        (finding,) = wrong(connector.check())
        assert "reserve" in finding.what
        assert "which app" in finding.remedy
        org.box.calls_today = 1000
        (finding,) = wrong(org.connect(streams={"Contact": {}}).check())
        assert "TotalRequests Limit exceeded" in finding.what


# --- the key field


def test_a_key_field_that_is_not_what_it_should_be_is_a_finding() -> None:
    with Org(keys=False) as org:
        connector = org.connect(streams={"Contact": {}})
        assert isinstance(connector, Prepares)
        assert "has no field" in wrong(connector.check())[0].what
        org.box.add_field("Contact", KEY_FIELD, "string", external_id=True)
        (finding,) = wrong(connector.check())
        assert "not both External ID and Unique" in finding.what
        assert not finding.fix, "only a person can change a field that is in use"
        org.box.remove_field("Contact", KEY_FIELD)
        org.box.add_field("Contact", KEY_FIELD, "string", external_id=True, unique=True, updateable=False)
        assert "may not write" in wrong(connector.check())[0].what
        assert {finding.fix for finding in wrong(connector.check())} == {FIX}


def test_the_key_field_is_made_and_granted_once() -> None:
    with Org(keys=False) as org:
        connector = org.connect(streams={"Contact": {}, "Account": {}, "User": {}})
        found = connector.prepare(FIX)
        assert [finding.ok for finding in found] == [True, True]
        assert connector.check().ok
        before = len(org.box.journal)
        assert all(finding.ok for finding in connector.prepare(FIX))
        assert not [one for one in org.asked(before) if one.startswith("POST")]
        (call, _) = org.box.calls("POST", "/services/data/v{version}/tooling/sobjects/CustomField")
        assert call.call.json()["FullName"] == f"Contact.{KEY_FIELD}"
        assert org.box.count("PermissionSet") == 2
        done(connector, creation("Contact", {"LastName": "Shore"}))
        assert connector.find("Contact", "k1") is not None


def test_a_key_field_that_is_only_hidden_is_granted_and_not_made_again() -> None:
    with Org(keys=False) as org:
        connector = org.connect(streams={"Contact": {}})
        connector.prepare(FIX)
        for id_ in org.box.ids("FieldPermissions"):
            org.box.purge("FieldPermissions", id_)
        assert not connector.check().ok
        assert all(finding.ok for finding in connector.prepare(FIX))
        assert len(org.box.calls("POST", "/services/data/v{version}/tooling/sobjects/CustomField")) == 1
        assert org.box.count("PermissionSet") == 2


def test_who_may_not_make_fields_is_told_so() -> None:
    with Org(keys=False) as org:
        org.box.may_customise = False
        connector = org.connect(streams={"Contact": {}})
        with pytest.raises(Forbidden, match="Customize Application"):
            connector.prepare(FIX)
        with pytest.raises(Unsupported):
            connector.prepare("something else")


class WithActivity(Sandbox):
    """Fields of tasks and events are made on Activity, once for both; on Task or Event Salesforce refuses them."""

    @route("POST", "/services/data/v{version}/tooling/sobjects/CustomField")
    def make_field(self, call: Call) -> Response:
        """A field of Activity is one of both."""
        table, _, name = str(call.json()["FullName"]).partition(".")
        if table in ("Task", "Event"):
            message = f"TableEnumOrId: bad value for restricted picklist field: {table}"
            return Response(400, [{"message": message, "errorCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"}])
        if table == "Activity":
            with_keys(self, "Task", "Event")
            for sobject in ("Task", "Event"):
                self.org.veiled.add((sobject, name))
            return Response(201, {"id": "00N5g0000000001AAA", "success": True, "errors": []})
        return super().make_field(call)


def test_the_key_field_of_tasks_and_events_is_made_on_activity() -> None:
    org = Org(keys=False)
    org.box = WithActivity(clock=org.time)
    with org:
        connector = org.connect(streams={"Task": {}, "Event": {}})
        assert all(finding.ok for finding in connector.prepare(FIX))
        (call,) = org.box.calls("POST", "/services/data/v{version}/tooling/sobjects/CustomField")
        assert call.call.json()["FullName"] == f"Activity.{KEY_FIELD}"
        granted = {row.values["Field"] for row in org.box.org.tables["FieldPermissions"].rows.values()}
        assert granted == {f"Task.{KEY_FIELD}", f"Event.{KEY_FIELD}"}


# --- describe


def test_describe_tells_types_lengths_choices_and_duties(org: Org) -> None:
    org.box.add_field("Contact", "Score__c", "double")
    fields = {field.name: field for field in org.connect().describe("Contact").fields}
    assert fields["LastName"].required
    assert fields["LastName"].max_length == 80
    assert fields["Name"].read_only
    assert (fields["AccountId"].type, fields["AccountId"].refers_to) == ("ref", "Account")
    assert (fields["Email"].type, fields["Birthdate"].type, fields["DoNotCall"].type) == ("email", "date", "flag")
    assert fields["Score__c"].custom
    assert "Web" in fields["LeadSource"].choices
    assert not fields["OwnerId"].required, "Salesforce fills it in"
    assert "MailingAddress" not in fields
    assert "MailingStreet" in fields


def test_describe_tells_who_may_take_part_and_what_is_set_once(org: Org) -> None:
    connector = org.connect()
    deal = {field.name: field for field in connector.describe("Opportunity").fields}
    assert (deal["ContactIds"].type, deal["ContactIds"].refers_to) == ("tags", "Contact")
    assert "Closed Won" in deal["StageName"].choices
    task = {field.name: field for field in connector.describe("Task").fields}
    assert task["TaskSubtype"].create_only
    assert task["WhoId"].refers_to is None, "a contact or a lead"
    assert task["OwnerId"].refers_to == "User"


# --- the mapping


def translators() -> dict[str, mapping.Translator]:
    loaded = mapping.load(FILE.read_text(encoding="utf-8"), file=str(FILE))
    return {name: mapping.translator(stream, shapes=SHAPES) for name, stream in loaded.streams.items()}


def made(org: Org, stream: str, values: dict[str, Any]) -> dict[str, Any]:
    """A record as the mapping creates it there, read back by the mapping."""
    translator = translators()[stream]
    written = translator.write(values, creating=True)
    assert not written.problems
    fields = {name: value for name, value in written.fields.items() if value is not None}
    connector = org.connect()
    (receipt,) = done(connector, creation(stream, fields, key=f"k-{stream}-{sorted(values)}"))
    (remote,) = connector.fetch(stream, [receipt.remote_id or ""])
    (reading,) = translator.read([remote.fields])
    assert not reading.problems
    return {**reading.values, "there": remote.fields, "id": remote.id}


def test_the_mapping_has_neither_mistake_nor_warning(org: Org) -> None:
    loaded = mapping.load(Path(FILE).read_text(encoding="utf-8"), file=str(FILE))
    connector = org.connect()
    described = {stream: connector.describe(stream) for stream in loaded.streams}
    manifest = entry("salesforce").manifest
    assert not mapping.check(loaded, shapes=SHAPES, manifest=manifest, descriptions=described)


def test_somebody_of_whom_only_the_email_is_known_can_be_created(org: Org) -> None:
    for stream in ("Contact", "Lead"):
        read = made(org, stream, {"email": "ann@shore.example"})
        assert read["email"] == "ann@shore.example"
        assert read["there"]["LastName"] == "ann@shore.example"
        assert "last_name" not in read
    assert read["there"]["Company"] == "[not provided]"
    assert "company_name" not in read
    assert made(org, "Lead", {"last_name": "Shore", "company_name": "Shore Ltd"})["company_name"] == "Shore Ltd"


def test_leads_are_leads_and_contacts_are_the_rest() -> None:
    when = translators()["Lead"].mapping.when
    assert when == {"lifecycle_stage": ("subscriber", "lead", "marketing_qualified", "sales_qualified")}
    assert not translators()["Contact"].mapping.when


def test_a_deal_goes_there_and_back(org: Org) -> None:
    value = {"amount": "8400.00", "currency": "GBP"}
    deal = {"name": "Patio", "stage": "Proposal sent", "pipeline": "Renewals", "close_date": "2026-12-15"}
    read = made(org, "Opportunity", {**deal, "amount": value})
    assert {name: read[name] for name in deal} == deal
    assert read["amount"]["amount"] == "8400.00"
    assert (read["status"], read["there"]["StageName"]) == ("open", "Proposal/Price Quote")


def test_the_pipelines_of_the_default_mapping_are_those_of_the_stand_in(org: Org) -> None:
    types = {row.values["Name"]: id_ for id_, row in org.box.org.tables["RecordType"].rows.items()}
    words = translators()["Opportunity"].mapping.vocabularies["pipelines"].words
    assert words == {types["New Business"]: "New business", types["Renewal"]: "Renewals"}


def test_a_deal_without_a_close_date_has_none_here_either(org: Org) -> None:
    read = made(org, "Opportunity", {"name": "Patio", "stage": "New"})
    assert read["there"]["CloseDate"] == "2099-12-31"
    assert "close_date" not in read


def test_won_and_lost_are_read(org: Org) -> None:
    for stage, status in (("Closed Won", "won"), ("Closed Lost", "lost"), ("Prospecting", "open")):
        org.box.create("Opportunity", {**DEAL, "StageName": stage})
        (reading,) = translators()["Opportunity"].read([walked(org.connect(), "Opportunity")[0][-1].fields])
        assert reading.values["status"] == status


def test_activities_go_there_and_back(org: Org) -> None:
    company, deal = org.box.create("Account", {"Name": "Shore"}), org.box.create("Opportunity", DEAL)
    who = org.box.create("Contact", {"LastName": "Shore", "AccountId": company})
    call = {"type": "call", "subject": "Call", "due_at": "2026-11-30T00:00:00Z", "contacts": [who], "deal": deal}
    read = made(org, "Task", {**call, "status": "done"})
    assert {name: read[name] for name in call} == call
    assert (read["status"], read["done"]) == ("done", True)
    assert made(org, "Task", {"type": "note", "subject": "Note"})["type"] == "task"
    about = made(org, "Task", {"type": "task", "subject": "Visit", "company": company})
    assert (about["company"], "deal" in about) == (company, False)
    meeting = {"subject": "Visit", "starts_at": "2026-11-30T10:00:00Z"}
    read = made(org, "Event", {**meeting, "type": "meeting"})
    assert {name: read[name] for name in meeting} == meeting
    assert read["ends_at"] == "2026-11-30T10:00:00Z"


def test_an_event_of_whole_days_ends_behind_its_last_day_here_and_with_it_there(org: Org) -> None:
    fair = {
        "subject": "Fair", "all_day": True, "starts_at": "2026-11-30T00:00:00Z", "ends_at": "2026-12-03T00:00:00Z",
    }  # fmt: skip
    read = made(org, "Event", {**fair, "type": "meeting"})
    assert {name: read[name] for name in fair} == fair
    there = org.box.org.tables["Event"].rows[read["id"]].values
    assert there["EndDateTime"] == "2026-12-02T00:00:00.000+0000", "its last day"
    connector = org.connect()

    def moved(**fields: Any) -> str:
        (remote,) = connector.fetch("Event", [read["id"]])
        done(connector, change("Event", remote, **fields))
        (after,) = connector.fetch("Event", [read["id"]])
        return str(after.fields["EndDateTime"])[:13]

    assert moved(EndDateTime="2026-12-05T00:00:00.000+0000") == "2026-12-05T00"
    there = org.box.org.tables["Event"].rows[read["id"]].values
    assert there["DurationInMinutes"] == 5 * 1_440, "from the 30th to the 4th"
    hours = {"StartDateTime": "2026-11-30T10:00:00.000+0000", "EndDateTime": "2026-11-30T12:00:00.000+0000"}
    assert moved(IsAllDayEvent=False, **hours) == "2026-11-30T12"
    whole = {"StartDateTime": "2026-11-30T00:00:00.000+0000", "EndDateTime": "2026-12-01T00:00:00.000+0000"}
    assert moved(IsAllDayEvent=True, **whole) == "2026-12-01T00"
    there = org.box.org.tables["Event"].rows[read["id"]].values
    assert there["DurationInMinutes"] == 1_440


def test_a_tick_is_an_opt_out_and_none_is_no_grant(org: Org) -> None:
    ticked = {"LastName": "Shore", "HasOptedOutOfEmail": True}
    org.box.create("Contact", ticked)
    org.box.create("Contact", {"LastName": "Other"})
    readings = translators()["Contact"].read([remote.fields for remote in walked(org.connect(), "Contact")[0]])
    assert [reading.values.get("consent.email") for reading in readings] == ["denied", None]


@pytest.mark.parametrize("sobject", ["Contact", "Lead"])
def test_a_refusal_ticks_its_own_box_and_no_other(org: Org, sobject: str) -> None:
    made = {"LastName": "Shore", **({"Company": "Quay"} if sobject == "Lead" else {})}
    id_, connector = org.box.create(sobject, made), org.connect()
    words = translators()[sobject]

    def told(**consent: str) -> tuple[bool, bool, bool]:
        values = {"last_name": "Shore", **{f"consent.{on}": status for on, status in consent.items()}}
        flags = {name: flag for name, flag in words.write(values).fields.items() if isinstance(flag, bool)}
        (receipt,) = connector.write(sobject, [Edit(Verb.UPDATE, sobject, "u", id_, flags)])
        assert receipt.error is None
        row = org.box.show(sobject, id_) or {}
        return row["HasOptedOutOfEmail"], row["DoNotCall"], row["HasOptedOutOfFax"]

    assert told(email="denied") == (True, False, False)
    assert told(email="denied", phone="suppressed") == (True, True, False)
    assert told(email="granted", phone="denied") == (False, True, False), "a newer grant, which the hub let through"
