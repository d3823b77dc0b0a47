"""Walks through HubSpot: caps, equal stamps, a late index, merges, deleted records, and what a quiet poll costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors._kit.mischief import Switch
from connectors.hubspot.reading import pace
from connectors.hubspot.sandbox import Call, Quotas, Response, Sandbox
from connectors.hubspot.test_hubspot import AT, KEY, SAMPLES, Trial
from connectors.hubspot.words import OBJECTS
from core.errors import CursorExpired, Garbled
from core.model.instant import SECOND
from core.ports import Cursor, Remote


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def live(records: list[Remote]) -> dict[str, Remote]:
    return {one.id: one for one in records if not one.deleted}


def gone(records: list[Remote]) -> dict[str, str | None]:
    return {one.id: one.moved_to for one in records if one.deleted}


def settled(trial: Trial, stream: str) -> tuple[list[Remote], Cursor]:
    """A walk, and the first poll behind it, which looks back on what was just shown."""
    trial.time.sleep(180)
    records, cursor = trial.walk(stream)
    trial.time.sleep(180)
    return records, trial.walk(stream, cursor)[1]


# --- polls


@pytest.mark.parametrize("stream", ["owners", *OBJECTS])
def test_a_quiet_poll_is_one_call(trial: Trial, stream: str) -> None:
    if stream == "owners":
        trial.box.add_owner("ann@example.com", "Ann")
    else:
        trial.box.create(stream, {name: value.format(n=1) for name, value in SAMPLES[stream].items()})
    _, cursor = settled(trial, stream)
    calls = trial.calls_of(lambda: trial.walk(stream, cursor))
    assert len(calls) == 1, calls
    trial.connector = trial.connect()
    trial.time.sleep(180)
    assert len(trial.calls_of(lambda: trial.walk(stream, cursor))) == 1, "in a fresh process too"


def test_thousands_of_equal_stamps_are_walked_past_the_cap() -> None:
    trial = Trial(limits=Quotas())
    try:
        _, cursor = trial.walk("companies")
        trial.time.sleep(180)
        ids = trial.box.fill("companies", ({"name": f"Company {n}"} for n in range(10_400)))
        before = len(trial.box.journal)
        records, after = trial.walk("companies", cursor)
        assert sorted(live(records)) == sorted(ids)
        assert len(records) == len(ids), "each of them once"
        journal = trial.box.journal[before:]
        assert {one.status for one in journal} <= {200, 207}, "no cap was met and no limit overstepped"
        assert len([one for one in journal if one.call.path.endswith("/search")]) == 52
        assert json.loads(json.dumps(after)) == after
        assert len(json.dumps(after)) < 200, "the place is small, however much was walked"
    finally:
        trial.close()


def test_a_walk_over_equal_stamps_goes_on_in_another_process(trial: Trial) -> None:
    _, cursor = trial.walk("notes")
    trial.time.sleep(180)
    ids = trial.box.fill("notes", ({"hs_note_body": f"Note {n}", "hs_timestamp": AT} for n in range(450)))
    page = trial.connector.read("notes", cursor)
    assert page.more
    trial.connector = trial.connect()
    rest, _ = trial.walk("notes", dict(page.next))
    assert sorted(one.id for one in [*page.records, *rest]) == sorted(ids)


def test_what_a_late_index_hides_shows_within_the_look_back(trial: Trial) -> None:
    id_ = trial.box.create("contacts", {"email": "ann@example.com"})
    _, cursor = settled(trial, "contacts")
    trial.box.lag = 40 * SECOND
    trial.box.edit("contacts", id_, {"firstname": "Ann"})
    hidden, cursor = trial.walk("contacts", cursor)
    assert not hidden
    trial.time.sleep(45)
    shown, _ = trial.walk("contacts", cursor)
    assert live(shown)[id_].fields["firstname"] == "Ann"


def test_what_the_index_shows_late_is_read_as_it_is_now(trial: Trial) -> None:
    id_ = trial.box.create("contacts", {"email": "ann@example.com"})
    _, cursor = trial.walk("contacts")
    trial.time.sleep(300)
    trial.box.edit("contacts", id_, {"firstname": "Ann"})
    trial.time.sleep(20)
    trial.box.lag = 10 * SECOND
    trial.box.edit("contacts", id_, {"firstname": "Anna"})
    (found,) = trial.walk("contacts", cursor)[0]
    assert found.fields["firstname"] == "Anna"


@pytest.mark.parametrize("skew", [-300, 300])
def test_a_clock_that_differs_loses_nothing(skew: int) -> None:
    trial = Trial(skew=skew * SECOND)
    try:
        id_ = trial.box.create("contacts", {"email": "ann@example.com"})
        _, cursor = trial.walk("contacts")
        for number in range(4):
            trial.time.sleep(100)
            trial.connector = trial.connect()
            _, cursor = trial.walk("contacts", cursor)
            trial.time.sleep(5)
            trial.box.edit("contacts", id_, {"firstname": f"Ann {number}"})
            trial.time.sleep(100)
            found, cursor = trial.walk("contacts", cursor)
            assert live(found)[id_].fields["firstname"] == f"Ann {number}"
    finally:
        trial.close()


def test_late_stamps_and_a_late_index_together_lose_nothing(trial: Trial) -> None:
    ids = [trial.box.create("deals", {"dealname": f"Deal {n}"}) for n in range(5)]
    _, cursor = trial.walk("deals")
    for number in range(20):
        trial.time.sleep(30)
        trial.mischief.chances |= {Switch.LATE: 0.5, Switch.LAGGING: 0.5, Switch.SHUFFLED: 0.5, Switch.DOUBLED: 0.5}
        trial.box.edit("deals", ids[number % 5], {"dealname": f"Deal {number} changed"})
        first, cursor = trial.walk("deals", cursor)
        trial.mischief.calm()
        trial.time.sleep(40)
        second, cursor = trial.walk("deals", cursor)
        shown = {**live(first), **live(second)}
        assert shown[ids[number % 5]].fields["dealname"] == f"Deal {number} changed"


# --- what was deleted


def test_deleted_records_are_looked_through_once_in_an_interval(trial: Trial) -> None:
    ids = [trial.box.create("companies", {"name": f"Company {n}"}) for n in range(4)]
    _, cursor = settled(trial, "companies")
    trial.box.archive("companies", ids[0])
    found: list[Remote] = []
    calls = trial.calls_of(lambda: found.extend(trial.walk("companies", cursor)[0]))
    assert len(calls) == 1
    assert not found, "a search never shows it, and it is not time to look"
    trial.time.sleep(3600)
    records, cursor = trial.walk("companies", cursor)
    assert gone(records) == {ids[0]: None}
    trial.box.archive("companies", ids[1])
    trial.time.sleep(1800)
    calls = trial.calls_of(lambda: trial.walk("companies", cursor))
    assert len(calls) == 1
    trial.time.sleep(1801)
    records, cursor = trial.walk("companies", cursor)
    assert gone(records) == {ids[1]: None}, "the one before is not told again"
    assert sorted(live(trial.walk("companies")[0])) == sorted(ids[2:])


def test_the_look_at_deleted_records_goes_on_in_another_process() -> None:
    trial = Trial(page_size=2, archived_every=60)
    try:
        ids = [trial.box.create("companies", {"name": f"Company {n}"}) for n in range(7)]
        _, cursor = trial.walk("companies")
        trial.time.sleep(300)
        for id_ in ids[:5]:
            trial.box.archive("companies", id_)
        found: list[Remote] = []
        more = True
        while more:
            trial.connector = trial.connect()
            page = trial.connector.read("companies", cursor)
            found, cursor, more = [*found, *page.records], dict(page.next), page.more
        assert sorted(gone(found)) == sorted(ids[:5])
    finally:
        trial.close()


def test_a_restored_record_shows_again(trial: Trial) -> None:
    id_ = trial.box.create("contacts", {"email": "ann@example.com"})
    _, cursor = trial.walk("contacts")
    trial.time.sleep(200)
    trial.box.archive("contacts", id_)
    trial.time.sleep(3700)
    records, cursor = trial.walk("contacts", cursor)
    assert gone(records) == {id_: None}
    trial.time.sleep(200)
    trial.box.restore("contacts", id_)
    assert id_ in live(trial.walk("contacts", cursor)[0])


# --- merges


def test_a_chain_of_merges_leads_to_the_last(trial: Trial) -> None:
    ann, ben, cem = (trial.box.create("contacts", {"email": f"{name}@example.com"}) for name in ("ann", "ben", "cem"))
    _, cursor = trial.walk("contacts")
    trial.time.sleep(180)
    middle = trial.box.merge("contacts", ann, ben)
    last = trial.box.merge("contacts", middle, cem)
    records, _ = trial.walk("contacts", cursor)
    assert gone(records) == dict.fromkeys([ann, ben, cem, middle], last)
    assert {one.id: one.moved_to for one in trial.fetch("contacts", ann, middle, cem)} == dict.fromkeys(
        [ann, middle, cem], last
    )
    assert live(trial.walk("contacts")[0])[last].fields["email"] == "ann@example.com"


class Strict(Sandbox):
    """HubSpot whose batch reads do not lead on from an id of before a merge; a read of one record still does."""

    def answer(self, call: Call) -> Response | None:
        response = super().answer(call)
        if response is None or not call.path.endswith("/batch/read") or not isinstance(response.body, dict):
            return response
        asked = {one["id"] for one in orjson.loads(call.body)["inputs"]}
        results = [one for one in response.body["results"] if one.get("id", "") in asked or "from" in one]
        return response._replace(body={**response.body, "results": results})


def test_an_old_id_leads_on_where_a_batch_does_not_follow_it() -> None:
    trial = Trial(Strict)
    try:
        ann, ben, cem = (trial.box.create("contacts", {"email": f"{n}@example.com"}) for n in ("ann", "ben", "cem"))
        survivor = trial.box.merge("contacts", ann, ben)
        trial.box.archive("contacts", cem)
        assert gone(trial.fetch("contacts", ann, cem)) == {ann: survivor, cem: None}
    finally:
        trial.close()


def test_fetch_answers_each_id_once_whatever_became_of_it(trial: Trial) -> None:
    ids = [trial.box.create("deals", {"dealname": f"Deal {n}"}) for n in range(5)]
    trial.box.archive("deals", ids[0])
    survivor = trial.box.merge("deals", ids[1], ids[2])
    asked = [*ids, survivor, "999999", "no-id", ids[3]]
    found = trial.fetch("deals", *asked)
    assert [one.id for one in found] == [*ids, survivor, "999999", "no-id"]
    assert gone(found) == {ids[0]: None, ids[1]: survivor, ids[2]: survivor, "999999": None, "no-id": None}
    assert set(live(found)) == {ids[3], ids[4], survivor}


def test_many_are_fetched_in_hundreds(trial: Trial) -> None:
    ids = trial.box.fill("contacts", ({"email": f"p{n}@example.com"} for n in range(250)))
    trial.connector.describe("contacts")
    calls = trial.calls_of(lambda: trial.fetch("contacts", *ids))
    assert len(calls) == 3 + 1, "three batches, and one reading of associations"
    assert not trial.calls_of(lambda: trial.fetch("contacts"))


# --- records


def test_a_record_is_whole(trial: Trial) -> None:
    trial.box.add_property("contacts", "shoe_size", kind="number", field_type="number")
    company = trial.box.create("companies", {"name": "Example"})
    other = trial.box.create("companies", {"name": "Other"})
    fields = {"email": "ann@example.com", "shoe_size": "39", KEY: "k-1"}
    id_ = trial.box.create("contacts", fields, {"companies": [other]})
    trial.box.associate("contacts", id_, "companies", company, primary=True)
    (found,) = trial.walk("contacts")[0]
    assert found.fields["shoe_size"] == "39"
    assert found.fields["associations"] == {"company": company}
    assert found.key == "k-1"
    assert found.version
    assert found.modified_at
    assert not [name for name, value in found.fields.items() if value in (None, "")], "what is blank is left out"


def test_parents_contacts_and_activities_are_tied(trial: Trial) -> None:
    parent, child = (trial.box.create("companies", {"name": name}) for name in ("Parent", "Child"))
    trial.box.set_parent(child, parent)
    people = [trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(12)]
    deal = trial.box.create("deals", {"dealname": "Deal"}, {"companies": [child], "contacts": people})
    call = trial.box.create("calls", {"hs_call_title": "Call", "hs_timestamp": AT}, {"deals": [deal]})
    assert live(trial.walk("companies")[0])[child].fields["associations"] == {"parent": parent}
    assert live(trial.walk("companies")[0])[parent].fields["associations"] == {}
    (found,) = trial.walk("deals")[0]
    assert found.fields["associations"] == {"company": child, "contacts": sorted(people, key=int)}
    assert live(trial.walk("calls")[0])[call].fields["associations"] == {"deal": deal}


def test_more_properties_than_an_address_holds_are_read_in_a_batch(trial: Trial) -> None:
    for number in range(400):
        trial.box.add_property("companies", f"a_property_with_quite_a_long_name_{number:03}")
    ids = [trial.box.create("companies", {"a_property_with_quite_a_long_name_399": f"v{n}"}) for n in range(3)]
    calls = trial.calls_of(lambda: trial.walk("companies"))
    assert "POST /crm/objects/2026-03/companies/batch/read" in calls
    assert max(len("&".join(one.call.query.values())) for one in trial.box.journal) < 12_000
    assert [live(trial.walk("companies")[0])[id_].fields["a_property_with_quite_a_long_name_399"] for id_ in ids] == [
        "v0", "v1", "v2",
    ]  # fmt: skip


def test_a_property_made_later_shows_in_time(trial: Trial) -> None:
    id_ = trial.box.create("contacts", {"email": "ann@example.com"})
    _, cursor = trial.walk("contacts")
    trial.time.sleep(660)
    trial.box.add_property("contacts", "team")
    trial.box.edit("contacts", id_, {"team": "north"})
    assert live(trial.walk("contacts", cursor)[0])[id_].fields["team"] == "north"


# --- owners


def test_owners_who_left_stay_known(trial: Trial) -> None:
    ann = trial.box.add_owner("ann@example.com", "Ann", "Acre", teams=(("5", "North", True),))
    ben = trial.box.add_owner("ben@example.com", "Ben", "Bold")
    records, cursor = trial.walk("owners")
    assert {one.id: one.fields["archived"] for one in records} == {ann: False, ben: False}
    assert live(records)[ann].fields["teams"] == [{"id": "5", "name": "North", "primary": True}]
    trial.time.sleep(60)
    trial.box.archive_owner(ben)
    records, cursor = trial.walk("owners", cursor)
    assert {one.id: one.fields["archived"] for one in records} == {ann: False, ben: True}, "seen at the next poll"
    assert not gone(records)
    assert trial.fetch("owners", ben)[0].fields["archived"] is True
    assert trial.fetch("owners", "1")[0].deleted
    assert len(trial.calls_of(lambda: trial.walk("owners", cursor))) == 1
    trial.time.sleep(3700)
    assert len(trial.calls_of(lambda: trial.walk("owners", cursor))) == 2, "looked through once in a while"


# --- cursors and settings


@pytest.mark.parametrize("cursor", [{"token": "x"}, {"high": "yesterday"}, {"page": "7"}])
def test_a_place_of_somebody_elses_making_is_expired(trial: Trial, cursor: dict[str, Any]) -> None:
    for stream in ("contacts", "owners"):
        with pytest.raises(CursorExpired):
            trial.connector.read(stream, cursor)


def test_an_answer_that_is_no_record_is_garbled(trial: Trial) -> None:
    trial.mischief.once(Switch.GARBLED, 8)
    with pytest.raises(Garbled, match="Please wait"):
        trial.walk("contacts")


def test_settings_stay_within_what_hubspot_allows() -> None:
    assert pace({"page_size": 1000}).page_size == 100
    assert pace({"page_size": 0}).page_size == 1
    assert pace({}).look_back == 60 * SECOND
    assert pace({"look_back": "", "archived_every": 0}).archived_every == 0
