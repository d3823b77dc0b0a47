"""Walks: what a poll costs, late commits, ties, conversions, merges, hard deletes, roles, Bulk, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.http import Answer
from connectors._kit.mischief import Switch
from connectors.salesforce.bulk import rows_in, typed
from connectors.salesforce.by_hand import DEAL, OBJECTS, Org, walked
from connectors.salesforce.connector import STREAMS
from connectors.salesforce.rows import contacts_in
from core.errors import CursorExpired, Forbidden, Garbled, SchemaChanged, Unavailable
from core.model.instant import DAY, MINUTE, SECOND

PERSON = {"LastName": "Shore", "Company": "Shore & Daughters", "Email": "ann@shore.example"}


def fill(org: Org, count: int, sobject: str = "Contact") -> None:
    org.box.fill(sobject, ({"LastName": f"Shore {number}"} for number in range(count)))


# --- what it costs


@pytest.mark.parametrize("stream", STREAMS)
def test_a_quiet_poll_is_one_call(org: Org, stream: str) -> None:
    connector = org.connect()
    if stream == "Opportunity":
        deal = org.box.create("Opportunity", DEAL)
        org.box.relate(deal, org.box.create("Contact", {"LastName": "Shore"}))
    _, cursor = walked(connector, stream)
    org.time.sleep(1200)
    _, cursor = walked(connector, stream, cursor)
    for _ in range(2):
        org.time.sleep(300)
        before, used = len(org.box.journal), org.box.calls_today
        found, cursor = walked(connector, stream, cursor)
        assert not found
        assert len(org.box.journal) - before == 1
        assert org.box.calls_today - used == 1


def test_a_backfill_takes_a_call_a_page(org: Org) -> None:
    fill(org, 4_500)
    connector = org.connect(bulk_above=0)
    before = len(org.box.journal)
    found, cursor = walked(connector, "Contact")
    assert len({remote.id for remote in found}) == 4_500
    asked = org.asked(before)
    assert asked.count("GET query/") == 3
    assert len(asked) == 6, "signing in, describing, counting"
    assert set(cursor) == {"high", "deleted"}


def test_only_the_fields_that_the_options_name_are_asked_for(org: Org) -> None:
    org.box.create("Contact", {"LastName": "Shore", "Title": "Buyer"})
    connector = org.connect(streams={"Contact": {"fields": "LastName, Email"}})
    (remote,), _ = walked(connector, "Contact")
    assert remote.fields["LastName"] == "Shore"
    assert not {"Title", "Phone"} & remote.fields.keys()
    assert {"Id", "SystemModstamp", "IsDeleted", "MasterRecordId"} <= remote.fields.keys()
    asked = org.box.calls("GET", "/services/data/v{version}/query")[-1].call.query["q"]
    assert "Title" not in asked


# --- stamps


def test_what_is_committed_late_is_seen(org: Org) -> None:
    connector = org.connect()
    org.box.create("Contact", {"LastName": "First"})
    org.time.sleep(1200)
    _, cursor = walked(connector, "Contact")
    org.time.sleep(60)
    _, cursor = walked(connector, "Contact", cursor)
    org.box.late = 8 * MINUTE
    late = org.box.create("Contact", {"LastName": "Late"})
    found, _ = walked(connector, "Contact", cursor)
    assert [remote.id for remote in found] == [late]


def test_a_clock_that_is_ahead_hides_nothing() -> None:
    for skew in (-30 * MINUTE, 30 * MINUTE):
        with Org(skew=skew) as org:
            connector = org.connect()
            org.box.create("Contact", {"LastName": "First"})
            _, cursor = walked(connector, "Contact")
            for number in range(4):
                org.time.sleep(240)
                id_ = org.box.create("Contact", {"LastName": f"Later {number}"})
                found, cursor = walked(connector, "Contact", cursor)
                assert id_ in {remote.id for remote in found}


def test_ten_thousand_records_of_one_stamp_are_all_seen(org: Org) -> None:
    connector = org.connect()
    _, cursor = walked(connector, "Contact")
    org.time.sleep(1200)
    with org.box._by_hand():
        org.box.org.tied = True
        for number in range(10_000):
            org.box.create("Contact", {"LastName": f"Shore {number}"})
    assert len({row.stamp for row in org.box.org.tables["Contact"].rows.values()}) == 1
    seen: list[str] = []
    while True:
        page = connector.read("Contact", cursor)
        cursor = json.loads(json.dumps(dict(page.next)))
        seen += [remote.id for remote in page.records]
        if not page.more:
            break
    assert len(seen) == len(set(seen)) == 10_000


# --- deletes, merges, conversions


def test_a_converted_lead_goes_on_as_its_contact(org: Org) -> None:
    connector = org.connect()
    lead = org.box.create("Lead", PERSON)
    _, cursor = walked(connector, "Lead")
    org.time.sleep(60)
    contact = org.box.convert(lead)
    found, _ = walked(connector, "Lead", cursor)
    (gone,) = [remote for remote in found if remote.deleted]
    assert (gone.id, gone.moved_to, gone.moved_stream) == (lead, contact, "Contact")
    (again,) = connector.fetch("Lead", [lead])
    assert (again.deleted, again.moved_to, again.moved_stream) == (True, contact, "Contact")


def test_a_merged_record_goes_on_as_the_other(org: Org) -> None:
    connector = org.connect()
    winner, loser = (org.box.create("Account", {"Name": name}) for name in ("Shore", "Shore Ltd"))
    _, cursor = walked(connector, "Account")
    org.time.sleep(60)
    org.box.merge("Account", winner, loser)
    found, _ = walked(connector, "Account", cursor)
    told = {remote.id: (remote.deleted, remote.moved_to, remote.moved_stream) for remote in found}
    assert told == {winner: (False, None, None), loser: (True, winner, None)}


def test_a_hard_delete_is_seen_in_the_log_once_an_hour(org: Org) -> None:
    connector = org.connect()
    gone, kept, back = (org.box.create("Contact", {"LastName": name}) for name in ("Gone", "Kept", "Back"))
    _, cursor = walked(connector, "Contact")
    org.time.sleep(1200)
    org.box.purge("Contact", gone)
    org.box.delete("Contact", back)
    org.box.undelete("Contact", back)
    found, cursor = walked(connector, "Contact", cursor)
    assert gone not in {remote.id for remote in found}, "the recycle bin does not show it"
    org.time.sleep(3600)
    before = len(org.box.journal)
    found, cursor = walked(connector, "Contact", cursor)
    (tombstone,) = [remote for remote in found if remote.deleted]
    assert tombstone.id == gone, "and the one that was brought back is not told as gone"
    assert tombstone.modified_at is not None
    assert org.asked(before) == ["GET queryAll/", "GET sobjects/Contact/deleted/", "GET queryAll/"]
    assert kept not in {remote.id for remote in found}
    org.time.sleep(300)
    assert not walked(connector, "Contact", cursor)[0]


def test_the_log_is_read_without_a_gap(org: Org) -> None:
    connector = org.connect(deleted_every=600)
    ids = [org.box.create("Contact", {"LastName": f"Shore {number}"}) for number in range(12)]
    _, cursor = walked(connector, "Contact")
    seen: set[str] = set()
    for id_ in ids:
        org.time.sleep(397)
        org.box.purge("Contact", id_)
        found, cursor = walked(connector, "Contact", cursor)
        seen |= {remote.id for remote in found if remote.deleted}
    org.time.sleep(900)
    found, _ = walked(connector, "Contact", cursor)
    assert seen | {remote.id for remote in found if remote.deleted} == set(ids)


def test_after_more_than_the_log_holds_the_walk_begins_anew(org: Org) -> None:
    connector = org.connect()
    org.box.create("Contact", {"LastName": "Shore"})
    _, cursor = walked(connector, "Contact")
    org.time.sleep(14 * DAY // SECOND)
    _, cursor = walked(connector, "Contact", cursor)
    org.time.sleep(16 * DAY // SECOND)
    with pytest.raises(CursorExpired):
        walked(connector, "Contact", cursor)


def test_ids_that_are_none_are_gone_and_asked_of_nobody(org: Org) -> None:
    connector = org.connect()
    real = org.box.create("Contact", {"LastName": "Shore"})
    found = connector.fetch("Contact", ["no id", real, "003000000000000AAA", real])
    assert [(remote.id, remote.deleted) for remote in found] == [
        ("no id", True), (real, False), ("003000000000000AAA", True),
    ]  # fmt: skip


def test_many_ids_are_fetched_in_as_few_calls_as_an_address_has_room_for(org: Org) -> None:
    fill(org, 900)
    connector = org.connect()
    ids = org.box.ids("Contact")
    connector.describe("Contact")
    before = len(org.box.journal)
    assert {remote.id for remote in connector.fetch("Contact", ids)} == set(ids)
    calls = org.box.journal[before:]
    assert len(calls) <= 4
    assert all(one.status == 200 for one in calls)


# --- users


def test_users_are_read_and_one_who_left_is_inactive(org: Org) -> None:
    connector = org.connect(page_size=2)
    priya = org.box.add_user("Priya Nair", "priya@example.com")
    found, cursor = walked(connector, "User")
    assert {remote.id for remote in found} == set(org.box.ids("User"))
    org.time.sleep(60)
    org.box.edit("User", priya, {"IsActive": False})
    found, _ = walked(connector, "User", cursor)
    assert [remote.fields["IsActive"] for remote in found if remote.id == priya][-1] is False
    assert not [name for name in found[0].fields if name.startswith("UserPermissions")]


# --- roles


def test_a_new_role_is_news_of_its_opportunity(org: Org) -> None:
    connector = org.connect()
    deal, other = org.box.create("Opportunity", DEAL), org.box.create("Opportunity", DEAL)
    ann, bob = (org.box.create("Contact", {"LastName": name}) for name in ("Ann", "Bob"))
    role = org.box.relate(deal, ann)
    found, cursor = walked(connector, "Opportunity")
    assert {remote.id: remote.fields["ContactIds"] for remote in found} == {deal: [ann], other: []}
    org.time.sleep(1200)
    _, cursor = walked(connector, "Opportunity", cursor)
    org.time.sleep(60)
    org.box.relate(deal, bob)
    found, cursor = walked(connector, "Opportunity", cursor)
    assert [(remote.id, remote.fields["ContactIds"]) for remote in found] == [(deal, sorted([ann, bob]))]
    org.time.sleep(1200)
    _, cursor = walked(connector, "Opportunity", cursor)
    org.box.delete("OpportunityContactRole", role)
    found, _ = walked(connector, "Opportunity", cursor)
    assert [remote.fields["ContactIds"] for remote in found] == [[bob]]


def test_many_deals_and_many_roles_are_walked_in_pages(org: Org) -> None:
    connector = org.connect(page_size=3)
    ann = org.box.create("Contact", {"LastName": "Ann"})
    old = [org.box.create("Opportunity", DEAL) for _ in range(5)]
    _, cursor = walked(connector, "Opportunity")
    org.time.sleep(1200)
    _, cursor = walked(connector, "Opportunity", cursor)
    new = [org.box.create("Opportunity", DEAL) for _ in range(7)]
    for deal in old:
        org.box.relate(deal, ann)
    found, _ = walked(connector, "Opportunity", cursor)
    assert {remote.id for remote in found} == {*old, *new}
    assert all(remote.fields["ContactIds"] == [ann] for remote in found if remote.id in old)


def test_roles_without_a_contact_or_deleted_do_not_count() -> None:
    roles = [{"ContactId": "b"}, {"ContactId": "a", "IsDeleted": False}, {"ContactId": "c", "IsDeleted": True}, {}]
    assert contacts_in({"records": roles + roles}) == ["a", "b"]
    assert contacts_in(None) == []


# --- Bulk


def bulk_calls(org: Org, since: int = 0) -> list[str]:
    return [one for one in org.asked(since) if "jobs/query" in one]


def test_a_large_backfill_is_one_job_and_reads_the_same_as_queries(org: Org) -> None:
    odd = {
        "LastName": 'O"Neill, Zoë', "Description": "two\nlines, and a comma", "Birthdate": "1984-05-09",
        "HasOptedOutOfEmail": True, "Email": "zoe@example.org",
    }  # fmt: skip
    first = org.box.create("Contact", odd)
    fill(org, 60)
    plainly = {remote.id: remote for remote in walked(org.connect(bulk_above=0), "Contact")[0]}
    connector = org.connect(bulk_above=50, page_size=5)
    before = len(org.box.journal)
    found, cursor = walked(connector, "Contact")
    assert {remote.id: remote for remote in found} == plainly
    assert bulk_calls(org, before)[0] == "POST jobs/query"
    assert len([one for one in bulk_calls(org, before) if one.endswith("/results")]) == 13
    assert plainly[first].fields["Description"] == "two\nlines, and a comma"
    assert set(cursor) == {"high", "deleted"}


def test_numbers_come_from_bulk_as_from_queries(org: Org) -> None:
    for number in range(12):
        org.box.create("Account", {"Name": f"Shore {number}", "AnnualRevenue": 1250000.5, "NumberOfEmployees": number})
    plainly, _ = walked(org.connect(bulk_above=0), "Account")
    in_bulk, _ = walked(org.connect(bulk_above=10, page_size=5), "Account")
    assert [json.dumps(one.fields) for one in in_bulk] == [json.dumps(one.fields) for one in plainly]


def test_a_small_backfill_and_deals_take_no_job(org: Org) -> None:
    fill(org, 20)
    for _ in range(20):
        org.box.create("Opportunity", DEAL)
    connector = org.connect(bulk_above=19)
    walked(connector, "Opportunity")
    assert not bulk_calls(org)
    walked(org.connect(), "Contact")
    assert not bulk_calls(org)


def test_a_job_is_gone_on_with_after_a_restart(org: Org) -> None:
    fill(org, 100)
    page = org.connect(bulk_above=50, page_size=4).read("Contact", None)
    assert page.more
    stored = json.loads(json.dumps(dict(page.next)))
    before = len(org.box.journal)
    rest, _ = walked(org.connect(bulk_above=50, page_size=4), "Contact", stored)
    ids = [remote.id for remote in (*page.records, *rest)]
    assert sorted(ids) == org.box.ids("Contact")
    assert len(ids) == len(set(ids))
    assert "POST jobs/query" not in org.asked(before), "the same job serves"


def test_a_job_whose_results_are_no_longer_kept_goes_on_behind_the_last_id(org: Org) -> None:
    fill(org, 100)
    connector = org.connect(bulk_above=50, page_size=4)
    page = connector.read("Contact", None)
    org.box.mischief.once(Switch.EXPIRED)
    before = len(org.box.journal)
    rest, _ = walked(connector, "Contact", dict(page.next))
    ids = [remote.id for remote in (*page.records, *rest)]
    assert sorted(ids) == org.box.ids("Contact")
    assert len(ids) == len(set(ids))
    assert "POST jobs/query" in org.asked(before), "another job, for what lies behind"


def test_a_job_that_never_ends_is_given_up_for_queries(org: Org) -> None:
    fill(org, 60)
    org.box.job_seconds = 10**6
    connector = org.connect(bulk_above=50)
    found, _ = walked(connector, "Contact")
    assert [remote.id for remote in found] == org.box.ids("Contact")
    assert org.time.slept >= 600


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5))
def test_any_text_survives_the_csv(texts: list[list[str]]) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Id", "Name", "Note"])
    writer.writerows([f"{number}", *pair] for number, pair in enumerate(texts))
    answer = Answer(200, {}, table.getvalue().encode(), "", "GET results")
    rows = rows_in(answer, {"Name": "string", "Note": "textarea"})
    assert [[row["Name"] or "", row["Note"] or ""] for row in rows] == texts


def test_a_csv_that_is_none_is_garbled() -> None:
    for text in ("<!DOCTYPE html><title>Wait</title>", "a,b\n1,2\n", "Id,Name\n1,2,3\n"):
        with pytest.raises(Garbled):
            rows_in(Answer(200, {}, text.encode(), "", "GET results"), {})
    assert rows_in(Answer(200, {}, b"", "", "GET results"), {}) == []
    with pytest.raises(Garbled):
        typed("perhaps", "boolean")
    assert typed("2026-11-21T09:00:00.000Z", "datetime") == "2026-11-21T09:00:00.000+0000"
    assert typed("", "boolean") is None
    assert (typed("12", "int"), typed("8400.0", "currency"), typed("true", "boolean")) == (12, 8400.0, True)


# --- what goes wrong


def test_a_field_that_was_removed_is_left_out_of_the_same_poll(org: Org) -> None:
    org.box.add_field("Contact", "Score__c", "double")
    id_ = org.box.create("Contact", {"LastName": "Shore", "Score__c": 7})
    connector = org.connect()
    (remote,), cursor = walked(connector, "Contact")
    assert remote.fields["Score__c"] == 7
    org.box.remove_field("Contact", "Score__c")
    org.time.sleep(60)
    org.box.edit("Contact", id_, {"Title": "Buyer"})
    before = len(org.box.journal)
    (remote,), cursor = walked(connector, "Contact", cursor)
    assert "Score__c" not in remote.fields
    assert org.asked(before) == ["GET queryAll/", "GET sobjects/Contact/describe", "GET queryAll/"]


def test_a_field_that_is_hidden_from_the_user_is_not_asked_for(org: Org) -> None:
    org.box.create("Contact", {"LastName": "Shore", "Birthdate": "1984-05-09"})
    org.box.restrict("Contact", "Birthdate")
    (remote,), _ = walked(org.connect(), "Contact")
    assert "Birthdate" not in remote.fields


def test_an_object_that_is_not_there_says_so(org: Org) -> None:
    connector = org.connect()
    with pytest.raises(SchemaChanged, match="Thing__c"):
        connector.read("Thing__c", None)
    org.box.add_object("Thing__c")
    id_ = org.box.create("Thing__c", {"Name": "One"})
    assert [remote.id for remote in walked(connector, "Thing__c")[0]] == [id_]


def test_an_object_with_more_fields_than_a_query_has_room_for_asks_for_a_choice(org: Org) -> None:
    for number in range(500):
        org.box.add_field("Account", f"A_rather_long_name_{number:03}__c", "string")
    org.box.create("Account", {"Name": "Shore"})
    with pytest.raises(SchemaChanged) as caught:
        org.connect().read("Account", None)
    assert "options" in caught.value.remedy
    found, _ = walked(org.connect(streams={"Account": {"fields": "Name,A_rather_long_name_007__c"}}), "Account")
    assert "A_rather_long_name_007__c" in found[0].fields


def test_a_walk_goes_on_after_the_tool_was_down(org: Org) -> None:
    fill(org, 10)
    connector = org.connect(page_size=4)
    page = connector.read("Contact", None)
    org.box.mischief.chances[Switch.UNAVAILABLE] = 1.0
    with pytest.raises(Unavailable):
        connector.read("Contact", page.next)
    org.box.mischief.calm()
    rest, _ = walked(connector, "Contact", dict(page.next))
    assert sorted(remote.id for remote in (*page.records, *rest)) == org.box.ids("Contact")


def test_an_org_that_may_not_be_counted_is_read_all_the_same(org: Org) -> None:
    fill(org, 5)
    connector = org.connect(bulk_above=1)
    call = connector.client.call

    def uncounted(path: str, **more: Any) -> Any:
        if path.startswith("limits/"):
            raise Forbidden("View Setup and Configuration is missing.")
        return call(path, **more)

    connector.client.call = uncounted  # type: ignore[method-assign]
    assert len(walked(connector, "Contact")[0]) == 5
    assert not bulk_calls(org)


@pytest.mark.parametrize("stream", OBJECTS)
def test_what_is_read_in_bad_weather_is_all_there(org: Org, stream: str) -> None:
    samples: dict[str, dict[str, Any]] = {
        "Account": {"Name": "x"}, "Contact": {"LastName": "x"}, "Lead": PERSON, "Opportunity": DEAL,
        "Task": {"Subject": "x"}, "Event": {"StartDateTime": "2026-11-30T10:00:00Z", "DurationInMinutes": 30},
    }  # fmt: skip
    connector = org.connect(page_size=4)
    _, cursor = walked(connector, stream)
    ids = [org.box.create(stream, samples[stream]) for _ in range(11)]
    org.box.mischief.chances |= {Switch.DOUBLED: 0.5, Switch.SHUFFLED: 0.5, Switch.UNAVAILABLE: 0.1}
    found, _ = walked(connector, stream, cursor)
    assert {remote.id for remote in found} == set(ids)
