"""Writes: what a batch costs, creates that happen once, versions, roles, and each refusal in Salesforce's words."""

from __future__ import annotations

from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.salesforce.by_hand import DEAL, Org, change, creation, done, error_of, walked, with_keys
from connectors.salesforce.words import KEY_FIELD, row_error
from core.errors import (
    Exists,
    Forbidden,
    Gone,
    Refused,
    SchemaChanged,
    Stale,
    Throttled,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.ports import Edit, Verb

UPSERT = f"PATCH composite/sobjects/Contact/{KEY_FIELD}"


def contacts(org: Org, count: int) -> list[str]:
    return [org.box.create("Contact", {"LastName": f"Shore {number}"}) for number in range(count)]


def writes(org: Org, since: int) -> list[str]:
    return [one for one in org.asked(since) if not one.startswith("GET ")]


# --- what it costs


def test_five_hundred_creates_are_three_calls(org: Org) -> None:
    connector = org.connect()
    connector.describe("Contact")
    before = len(org.box.journal)
    edits = [creation("Contact", {"LastName": f"Shore {number}"}, f"k{number}") for number in range(500)]
    receipts = done(connector, *edits)
    assert org.asked(before) == [UPSERT] * 3
    assert len({receipt.remote_id for receipt in receipts}) == 500 == org.box.count("Contact")


def test_two_hundred_updates_are_one_look_and_one_call(org: Org) -> None:
    contacts(org, 200)
    connector = org.connect()
    found, _ = walked(connector, "Contact")
    before = len(org.box.journal)
    done(connector, *(change("Contact", remote, Title="Buyer") for remote in found))
    assert org.asked(before) == ["GET queryAll/", "PATCH composite/sobjects"]
    assert {(org.box.show("Contact", remote.id) or {})["Title"] for remote in found} == {"Buyer"}


def test_a_mixed_batch_keeps_the_order_of_its_receipts(org: Org) -> None:
    first, second, third = contacts(org, 3)
    connector = org.connect()
    remotes = {remote.id: remote for remote in connector.fetch("Contact", [first, second, third])}
    org.box.delete("Contact", third)
    receipts = connector.write("Contact", [
        Edit(Verb.DELETE, "Contact", "d", first, version=remotes[first].version),
        creation("Contact", {"FirstName": "Nameless"}, "bad"),
        change("Contact", remotes[second], Title="Buyer"),
        creation("Contact", {"LastName": "New"}, "good"),
        change("Contact", remotes[third], Title="Buyer"),
    ])  # fmt: skip
    assert [type(receipt.error) for receipt in receipts] == [type(None), Refused, type(None), type(None), Gone]
    assert receipts[0].remote_id == first
    assert receipts[2].remote_id == second
    assert (org.box.show("Contact", receipts[3].remote_id or "") or {})["LastName"] == "New"


def test_only_changed_fields_are_sent(org: Org) -> None:
    contacts(org, 2)
    connector = org.connect()
    found, _ = walked(connector, "Contact")
    done(connector, *(change("Contact", remote, Title=None, Department="Buying") for remote in found))
    (call,) = org.box.calls("PATCH", "/services/data/v{version}/composite/sobjects")
    for record in call.call.json()["records"]:
        assert record.keys() == {"attributes", "id", "Title", "Department"}


# --- once


def test_a_repeated_create_finds_the_first_one_in_all_its_ways(org: Org) -> None:
    connector = org.connect()
    edit = creation("Contact", {"LastName": "Shore"}, "concord-1/ä b+c")
    org.box.mischief.once(Switch.LOST_ANSWER)
    with pytest.raises(Unknown):
        connector.write("Contact", [edit])
    found = connector.find("Contact", edit.key)
    assert found is not None
    assert found.key == edit.key
    (receipt,) = done(connector, edit)
    assert receipt.remote_id == found.id
    assert org.box.count("Contact") == 1
    assert connector.find("Contact", "concord-1/Ä b+c") is None


def test_a_create_that_was_deleted_since_is_found_in_the_recycle_bin(org: Org) -> None:
    connector = org.connect()
    (receipt,) = done(connector, creation("Contact", {"LastName": "Shore"}))
    org.box.delete("Contact", receipt.remote_id or "")
    found = connector.find("Contact", "k1")
    assert found is not None
    assert (found.id, found.deleted) == (receipt.remote_id, True)


def test_a_repeated_create_of_a_lead_that_was_converted_since_says_where_it_went(org: Org) -> None:
    connector = org.connect()
    person = {"LastName": "Shore", "Company": "Shore"}
    (receipt,) = done(connector, creation("Lead", person))
    contact = org.box.convert(receipt.remote_id or "")
    again, other = connector.write("Lead", [creation("Lead", person), creation("Lead", person, "k2")])
    assert isinstance(again.error, Gone)
    assert (again.error.moved_to, again.error.moved_stream) == (contact, "Contact")
    assert other.error is None
    assert org.box.count("Lead") == 2


def test_without_the_key_field_creates_still_work_and_nothing_is_found() -> None:
    with Org(keys=False) as org:
        connector = org.connect()
        before = len(org.box.journal)
        (receipt,) = done(connector, creation("Contact", {"LastName": "Shore"}))
        assert writes(org, before)[-1] == "POST composite/sobjects"
        assert org.box.show("Contact", receipt.remote_id or "") is not None
        assert connector.find("Contact", "k1") is None


def test_a_plain_text_field_carries_the_key_too(org: Org) -> None:
    org.box.remove_field("Contact", KEY_FIELD)
    org.box.add_field("Contact", KEY_FIELD, "string")
    connector = org.connect()
    before = len(org.box.journal)
    (receipt,) = done(connector, creation("Contact", {"LastName": "Shore"}))
    assert writes(org, before)[-1] == "POST composite/sobjects"
    found = connector.find("Contact", "k1")
    assert found is not None
    assert found.id == receipt.remote_id
    assert not connector.check().ok


def test_another_key_field_can_be_named(org: Org) -> None:
    org.box.add_field("Contact", "Hub_Id__c", "string", external_id=True, unique=True)
    connector = org.connect(key_field="Hub_Id__c", streams={"Contact": {}})
    assert connector.check().ok
    (receipt,) = done(connector, creation("Contact", {"LastName": "Shore"}))
    assert (org.box.show("Contact", receipt.remote_id or "") or {})["Hub_Id__c"] == "k1"


def test_a_value_that_another_record_has_is_met_by_a_create_and_refused_to_an_update(org: Org) -> None:
    org.box.add_field("Contact", "Number__c", "string", unique=True)
    there = org.box.create("Contact", {"LastName": "There", "Number__c": "7"})
    other = org.box.create("Contact", {"LastName": "Other"})
    connector = org.connect()
    met = error_of(connector, creation("Contact", {"LastName": "New", "Number__c": "7"}))
    assert isinstance(met, Exists)
    assert met.remote_id == there
    (remote,) = connector.fetch("Contact", [other])
    assert isinstance(error_of(connector, change("Contact", remote, Number__c="7")), Refused)


def test_what_a_duplicate_rule_found_is_met_if_it_is_one_of_the_same_object() -> None:
    def told(*records: dict[str, Any]) -> Any:
        matches = [{"matchRecords": [{"record": record} for record in records], "rule": "Standard_Contact"}]
        error = {
            "statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": [],
            "duplicateResult": {"matchResults": matches},
        }  # fmt: skip
        return row_error([error], Verb.CREATE, stream="Contact")

    contact = {"attributes": {"type": "Contact"}, "Id": "0035g0000000001AAA"}
    lead = {"attributes": {"type": "Lead"}, "Id": "00Q5g0000000001AAA"}
    found = told(contact, lead)
    assert isinstance(found, Exists)
    assert found.remote_id == contact["Id"]
    for records in ([], [lead], [contact, {**contact, "Id": "0035g0000000002AAA"}]):
        assert isinstance(told(*records), Refused)


# --- versions


def test_of_a_batch_only_what_did_not_change_is_written(org: Org) -> None:
    ids = contacts(org, 3)
    connector = org.connect()
    found = {remote.id: remote for remote in connector.fetch("Contact", ids)}
    org.time.sleep(60)
    org.box.edit("Contact", ids[1], {"Department": "Theirs"})
    receipts = connector.write("Contact", [change("Contact", found[id_], Department="Ours") for id_ in ids])
    assert [type(receipt.error) for receipt in receipts] == [type(None), Stale, type(None)]
    assert [(org.box.show("Contact", id_) or {})["Department"] for id_ in ids] == ["Ours", "Theirs", "Ours"]


def test_an_edit_that_goes_alone_has_no_window(org: Org) -> None:
    (id_,) = contacts(org, 1)
    connector = org.connect()
    (remote,) = connector.fetch("Contact", [id_])
    write = connector.client.update

    def beaten(*call: Any) -> None:
        org.time.sleep(2)
        org.box.edit("Contact", id_, {"Department": "Theirs"})
        write(*call)

    connector.client.update = beaten  # type: ignore[method-assign, assignment]
    assert isinstance(error_of(connector, change("Contact", remote, Department="Ours")), Stale)
    assert (org.box.show("Contact", id_) or {})["Department"] == "Theirs"


def test_an_edit_of_what_went_elsewhere_says_gone(org: Org) -> None:
    connector = org.connect()
    winner, loser = contacts(org, 2)
    lead = org.box.create("Lead", {"LastName": "Shore", "Company": "Shore"})
    (lost,) = connector.fetch("Contact", [loser])
    (asked,) = connector.fetch("Lead", [lead])
    org.box.merge("Contact", winner, loser)
    contact = org.box.convert(lead)
    merged = error_of(connector, change("Contact", lost, Title="Buyer"))
    assert isinstance(merged, Gone)
    assert merged.moved_to == winner
    converted = error_of(connector, change("Lead", asked, Title="Buyer"))
    assert isinstance(converted, Gone)
    assert (converted.moved_to, converted.moved_stream) == (contact, "Contact")
    unversioned = error_of(connector, change("Lead", asked._replace(version=None), Title="Buyer"))
    assert isinstance(unversioned, Gone)


def test_an_edit_of_what_never_was_is_gone(org: Org) -> None:
    connector = org.connect()
    edits = [
        Edit(Verb.UPDATE, "Contact", "a", id_, {"Title": "x"})
        for id_ in ("0035g00000zzzzzAAA", "nonsense", "0035g00000zzzzyAAA")
    ]
    assert all(isinstance(receipt.error, Gone) for receipt in connector.write("Contact", edits))
    assert isinstance(error_of(connector, edits[0]), Gone)


def test_a_wrong_reference_is_no_missing_record(org: Org) -> None:
    ids = contacts(org, 2)
    connector = org.connect()
    nowhere = {"AccountId": "0015g00000zzzzzAAA"}
    edits = [Edit(Verb.UPDATE, "Contact", id_, id_, dict(nowhere)) for id_ in ids]
    for receipt in connector.write("Contact", edits):
        assert isinstance(receipt.error, Refused)
        assert receipt.error.facts["said"] == "INVALID_CROSS_REFERENCE_KEY"


def test_a_record_that_points_at_a_deleted_one_is_not_gone_itself(org: Org) -> None:
    ids, company = contacts(org, 2), org.box.create("Account", {"Name": "Shore"})
    org.box.delete("Account", company)
    connector = org.connect()
    edits = [Edit(Verb.UPDATE, "Contact", id_, id_, {"AccountId": company}) for id_ in ids]
    edits.append(creation("Contact", {"LastName": "New", "AccountId": company}))
    for receipt in connector.write("Contact", edits):
        assert isinstance(receipt.error, Refused)
        assert receipt.error.facts["said"] == "ENTITY_IS_DELETED"


# --- refusals


def test_a_validation_rule_speaks_for_itself(org: Org) -> None:
    org.box.validate("Opportunity", lambda row: "Close dates lie ahead." if row["CloseDate"] < "2026-01-01" else None)
    connector = org.connect()
    bad, good = (creation("Opportunity", {**DEAL, "CloseDate": day}, day) for day in ("2020-01-01", "2026-12-01"))
    receipts = connector.write("Opportunity", [bad, good])
    assert isinstance(receipts[0].error, Refused)
    assert "Close dates lie ahead." in receipts[0].error.message
    assert receipts[0].error.facts["said"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert receipts[1].error is None


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"FirstName": "Ann"}, "REQUIRED_FIELD_MISSING", "LastName"),
        ({"LastName": "x" * 81}, "STRING_TOO_LONG", "LastName"),
        ({"LastName": "Shore", "Email": "no address"}, "INVALID_EMAIL_ADDRESS", "Email"),
        ({"LastName": "Shore", "Size__c": "Huge"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Size__c"),
        ({"LastName": "Shore", "AccountId": "0035g0000000001AAA"}, "MALFORMED_ID", "AccountId"),
    ],
)
def test_a_refusal_names_the_field(org: Org, fields: dict[str, Any], code: str, field: str) -> None:
    org.box.add_field("Contact", "Size__c", "picklist", picklist=("Small", "Large"))
    error = error_of(org.connect(), creation("Contact", fields))
    assert isinstance(error, Refused)
    assert (error.facts["said"], error.facts["field"]) == (code, field)


def test_a_locked_record_is_tried_again_later(org: Org) -> None:
    ids = contacts(org, 3)
    connector = org.connect()
    found = connector.fetch("Contact", ids)
    org.box.lock(ids[1])
    receipts = connector.write("Contact", [change("Contact", remote, Title="Buyer") for remote in found])
    assert [type(receipt.error) for receipt in receipts] == [type(None), Unavailable, type(None)]
    assert str(receipts[1].error.again) == "later"  # type: ignore[union-attr]
    org.box.unlock(ids[1])
    done(connector, change("Contact", found[1], Title="Buyer"))


def test_what_the_user_may_not_write_is_forbidden(org: Org) -> None:
    connector = org.connect()
    connector.describe("Contact")
    org.box.restrict("Contact")
    assert isinstance(error_of(connector, creation("Contact", {"LastName": "Shore"})), Forbidden)


def test_a_field_that_is_gone_is_a_change_of_schema_and_is_looked_at_again(org: Org) -> None:
    org.box.add_field("Contact", "Score__c", "double")
    connector = org.connect()
    connector.describe("Contact")
    org.box.remove_field("Contact", "Score__c")
    before = len(org.box.journal)
    edits = [creation("Contact", {"LastName": "Shore", "Score__c": 7}), creation("Contact", {"LastName": "Fine"}, "k2")]
    receipts = connector.write("Contact", edits)
    assert isinstance(receipts[0].error, SchemaChanged)
    assert receipts[1].error is None
    assert "GET sobjects/Contact/describe" in org.asked(before)


def test_what_was_done_before_the_tool_went_down_stays_done(org: Org) -> None:
    ids = contacts(org, 2)
    connector = org.connect()
    found = connector.fetch("Contact", ids)
    call = connector.client.call

    def down(path: str, **more: Any) -> Any:
        if more.get("method") == "DELETE":
            raise Unavailable("The tool fails on its side.")
        return call(path, **more)

    connector.client.call = down  # type: ignore[method-assign]
    receipts = connector.write("Contact", [
        Edit(Verb.DELETE, "Contact", "d", found[0].id), creation("Contact", {"LastName": "New"}),
    ])  # fmt: skip
    assert isinstance(receipts[0].error, Unavailable)
    assert receipts[1].error is None
    with pytest.raises(Unavailable):
        connector.write("Contact", [Edit(Verb.DELETE, "Contact", "d", found[0].id)])


def test_a_quota_that_ends_between_two_batches_keeps_the_first(org: Org) -> None:
    connector = org.connect(reserve=0)
    connector.describe("Contact")
    org.box.daily = org.box.calls_today + 1
    edits = [creation("Contact", {"LastName": f"Shore {number}"}, f"k{number}") for number in range(201)]
    receipts = connector.write("Contact", edits)
    assert [type(receipt.error) for receipt in receipts] == [type(None)] * 200 + [Throttled]


def test_users_are_not_written(org: Org) -> None:
    connector = org.connect()
    for verb in Verb:
        with pytest.raises(Unsupported):
            connector.write("User", [Edit(verb, "User", "k", "0055g0000000001AAA", {"LastName": "x"})])


def test_a_task_of_several_people_is_refused_with_the_reason(org: Org) -> None:
    ann, bob = contacts(org, 2)
    connector = org.connect()
    error = error_of(connector, creation("Task", {"Subject": "Call", "WhoId": f"{ann};{bob}"}))
    assert isinstance(error, Unsupported)
    done(connector, creation("Task", {"Subject": "Call", "WhoId": ann}))


# --- roles


def test_the_people_of_many_deals_take_two_calls_more(org: Org) -> None:
    people = contacts(org, 3)
    connector = org.connect()
    deals = [org.box.create("Opportunity", DEAL) for _ in range(50)]
    org.box.relate(deals[0], people[0])
    found = connector.fetch("Opportunity", deals)
    before = len(org.box.journal)
    done(connector, *(change("Opportunity", remote, ContactIds=people[1:]) for remote in found))
    assert writes(org, before) == ["POST composite/sobjects", "DELETE composite/sobjects"]
    assert all((org.box.show("Opportunity", deal) or {})["ContactIds"] == people[1:] for deal in deals)


def test_a_new_deal_gets_its_people_and_a_repeat_adds_none(org: Org) -> None:
    people = contacts(org, 2)
    connector = org.connect()
    edit = creation("Opportunity", {**DEAL, "ContactIds": people})
    (receipt,) = done(connector, edit)
    done(connector, edit)
    assert (org.box.show("Opportunity", receipt.remote_id or "") or {})["ContactIds"] == people
    assert org.box.count("OpportunityContactRole") == 2


def test_a_role_that_a_person_named_stays(org: Org) -> None:
    ann, bob = contacts(org, 2)
    deal = org.box.create("Opportunity", DEAL)
    role = {"OpportunityId": deal, "ContactId": ann, "Role": "Decision Maker", "IsPrimary": True}
    named = org.box.create("OpportunityContactRole", role)
    connector = org.connect()
    (remote,) = connector.fetch("Opportunity", [deal])
    done(connector, change("Opportunity", remote, ContactIds=[ann, bob]))
    assert (org.box.show("OpportunityContactRole", named) or {})["Role"] == "Decision Maker"
    (remote,) = connector.fetch("Opportunity", [deal])
    done(connector, change("Opportunity", remote, ContactIds=None))
    assert org.box.count("OpportunityContactRole") == 0


def test_leads_are_left_out_of_a_deal(org: Org) -> None:
    (ann,) = contacts(org, 1)
    lead = org.box.create("Lead", {"LastName": "Shore", "Company": "Shore"})
    (receipt,) = done(org.connect(), creation("Opportunity", {**DEAL, "ContactIds": [lead, ann]}))
    assert (org.box.show("Opportunity", receipt.remote_id or "") or {})["ContactIds"] == [ann]


def test_a_person_who_cannot_take_part_is_told_of_that_deal_alone(org: Org) -> None:
    ann, bob = contacts(org, 2)
    deals = [org.box.create("Opportunity", DEAL) for _ in range(2)]
    connector = org.connect()
    found = connector.fetch("Opportunity", deals)
    org.box.delete("Contact", bob)
    bad, good = connector.write("Opportunity", [
        change("Opportunity", found[0], ContactIds=[bob]), change("Opportunity", found[1], ContactIds=[ann]),
    ])  # fmt: skip
    assert isinstance(bad.error, Refused)
    assert good.error is None


def test_roles_that_failed_are_given_with_the_next_try(org: Org) -> None:
    (ann,) = contacts(org, 1)
    connector = org.connect()
    edit = creation("Opportunity", {**DEAL, "ContactIds": [ann]})
    call, down = connector.client.call, True

    def failing(path: str, **more: Any) -> Any:
        if down and more.get("method") == "POST":
            raise Unavailable("The tool fails on its side.")
        return call(path, **more)

    connector.client.call = failing  # type: ignore[method-assign]
    assert isinstance(error_of(connector, edit), Unavailable)
    down = False
    (receipt,) = done(connector, edit)
    assert org.box.count("Opportunity") == 1
    assert (org.box.show("Opportunity", receipt.remote_id or "") or {})["ContactIds"] == [ann]


def test_a_custom_object_is_written_like_any_other(org: Org) -> None:
    org.box.add_object("Thing__c")
    with_keys(org.box, "Thing__c")
    connector = org.connect()
    (receipt,) = done(connector, creation("Thing__c", {"Name": "One"}))
    (remote,) = connector.fetch("Thing__c", [receipt.remote_id or ""])
    org.time.sleep(60)
    done(connector, change("Thing__c", remote, Name="Two"))
    assert (org.box.show("Thing__c", remote.id) or {})["Name"] == "Two"
