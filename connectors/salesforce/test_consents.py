"""Consent by contact point: rows of ContactPointTypeConsent beside the person they are about, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.salesforce.by_hand import Org, change, creation, done, error_of, walked
from connectors.salesforce.connector import Salesforce
from connectors.salesforce.words import CONSENT, CONSENTS, INDIVIDUAL, NO_INDIVIDUAL, PARTY
from core.errors import Refused
from core.ports import Fields, Remote

READS = {"Contact": frozenset({CONSENTS, "Email"}), "Lead": frozenset({CONSENTS, "Email"})}
KINDS = ("Email", "Phone", "MailingAddress", "Social", "Web")


@pytest.fixture
def org() -> Iterator[Org]:
    with Org() as made:
        yield made


def connected(org: Org, **settings: Any) -> Salesforce:
    return org.connect(reads=READS, **settings)


def individual(org: Org, name: str = "Shore") -> str:
    id_: str = org.box.create(INDIVIDUAL, {"LastName": name})
    return id_


def person(org: Org, party: str | None = None, sobject: str = "Contact", **fields: Any) -> str:
    company = {"Company": "Quay"} if sobject == "Lead" else {}
    id_: str = org.box.create(sobject, {"LastName": "Shore", PARTY: party, **company, **fields})
    return id_


def says(org: Org, party: str, status: str, kind: str = "Email", at: str = "2026-11-20", **fields: Any) -> str:
    row = {"Name": "By hand", "PartyId": party, "ContactPointType": kind, "PrivacyConsentStatus": status}
    how = {"CaptureDate": f"{at}T09:00:00.000+0000", "CaptureSource": "Desk", "CaptureContactPointType": "Web"}
    id_: str = org.box.create(CONSENT, {**row, **how, **fields})
    return id_


def one(connector: Salesforce, id_: str, sobject: str = "Contact") -> Remote:
    (found,) = connector.fetch(sobject, [id_])
    return found


def consents(connector: Salesforce, id_: str, sobject: str = "Contact") -> Fields:
    found: Fields = one(connector, id_, sobject).fields[CONSENTS]
    return {name: status for name, status in found.items() if status is not None}


def rows(org: Org) -> list[dict[str, Any]]:
    return [org.box.show(CONSENT, id_) or {} for id_ in org.box.ids(CONSENT)]


# --- reading


@pytest.mark.parametrize("sobject", ["Contact", "Lead"])
def test_rows_are_shown_as_fields_of_the_person(org: Org, sobject: str) -> None:
    party = individual(org)
    id_, lonely = person(org, party, sobject), person(org, None, sobject)
    says(org, party, "OptIn")
    says(org, party, "OptOut", "Phone")
    connector = connected(org)
    assert one(connector, id_, sobject).fields[CONSENTS] == {
        "Email": "OptIn", "Phone": "OptOut", "MailingAddress": None, "Social": None, "Web": None,
    }  # fmt: skip
    assert consents(connector, lonely, sobject) == {}


def test_of_several_rows_an_opt_out_counts_else_the_newest_of_those_in_force(org: Org) -> None:
    party = individual(org)
    id_, connector = person(org, party), connected(org)
    says(org, party, "OptIn", at="2026-11-10")
    says(org, party, "Seen", at="2026-11-15")
    assert consents(connector, id_) == {"Email": "Seen"}
    says(org, party, "OptOut", at="2026-11-01", EffectiveTo="2026-11-05T00:00:00.000+0000")
    assert consents(connector, id_) == {"Email": "Seen"}, "it is in force no more"
    says(org, party, "OptOut", at="2026-11-02")
    assert consents(connector, id_) == {"Email": "OptOut"}


def test_a_purpose_is_a_field_of_its_own(org: Org) -> None:
    purpose = org.box.create("DataUsePurpose", {"Name": "Newsletter"})
    party = individual(org)
    id_, connector = person(org, party), connected(org)
    says(org, party, "OptOut", DataUsePurposeId=purpose)
    named = {field.name: field.label for field in connector.describe("Contact").fields}
    assert named[f"consents.Email_{purpose}"] == "Consent: Email for Newsletter"
    assert consents(connector, id_) == {f"Email_{purpose}": "OptOut"}, "and says nothing of all mail"


def test_describe_tells_what_there_is(org: Org) -> None:
    fields = {field.name: field for field in connected(org).describe("Contact").fields}
    assert fields["consents.Email"].choices == ("OptIn", "OptOut", "Seen", "NotSeen")
    assert {f"consents.{kind}" for kind in KINDS} <= fields.keys()


def test_an_org_without_them_has_no_such_fields_and_is_read_all_the_same(org: Org) -> None:
    id_ = person(org)
    del org.box.org.objects[CONSENT.lower()]
    connector = connected(org)
    assert not [field for field in connector.describe("Contact").fields if field.name.startswith(CONSENTS)]
    assert CONSENTS not in one(connector, id_).fields


def test_a_page_asks_once_however_many_people_it_holds_and_not_at_all_where_nobody_reads_them(org: Org) -> None:
    for number in range(120):
        party = individual(org, f"N{number}")
        person(org, party, Email=f"n{number}@example.com")
        says(org, party, "OptIn")
    connector = connected(org)
    connector.describe("Contact")
    before = len(org.box.journal)
    found, _ = walked(connector, "Contact")
    assert {remote.fields[CONSENTS]["Email"] for remote in found} == {"OptIn"}
    assert sum(CONSENT in one.call.query.get("q", "") for one in org.box.journal[before:]) == 1
    plain = org.connect()
    before = len(org.box.journal)
    found, _ = walked(plain, "Contact")
    assert CONSENTS not in found[0].fields
    assert not [one for one in org.box.journal[before:] if CONSENT in one.call.query.get("q", "")]


def test_a_poll_sees_a_row_that_changed_though_the_person_did_not_and_costs_one_call_without_news(org: Org) -> None:
    party = individual(org)
    id_, connector = person(org, party), connected(org)
    row = says(org, party, "OptIn")
    _, cursor = walked(connector, "Contact")
    org.time.sleep(1200)
    _, cursor = walked(connector, "Contact", cursor)
    before = len(org.box.journal)
    found, cursor = walked(connector, "Contact", cursor)
    assert (found, len(org.box.journal) - before) == ([], 1)
    org.time.sleep(1200)
    org.box.edit(CONSENT, row, {"PrivacyConsentStatus": "OptOut"})
    found, cursor = walked(connector, "Contact", cursor)
    assert [(remote.id, remote.fields[CONSENTS]["Email"]) for remote in found] == [(id_, "OptOut")]
    org.time.sleep(1200)
    org.box.delete(CONSENT, row)
    found, cursor = walked(connector, "Contact", cursor)
    assert [(remote.id, remote.fields[CONSENTS]["Email"]) for remote in found] == [(id_, None)]


# --- writing


def test_a_refusal_is_a_row_of_its_own_and_a_repeat_makes_no_second(org: Org) -> None:
    party = individual(org)
    id_, connector = person(org, party), connected(org, capture_source="Preference page")
    edit = change("Contact", one(connector, id_), **{"consents.Email": "OptOut", "Title": "Baker"})
    done(connector, edit)
    done(connector, change("Contact", one(connector, id_), **{"consents.Email": "OptOut"}))
    (row,) = rows(org)
    assert (row["PartyId"], row["ContactPointType"], row["PrivacyConsentStatus"]) == (party, "Email", "OptOut")
    assert row["CaptureSource"] == "Preference page"
    assert (org.box.show("Contact", id_) or {})["Title"] == "Baker"
    assert consents(connector, id_) == {"Email": "OptOut"}


def test_all_rows_about_it_are_changed_and_no_others(org: Org) -> None:
    purpose = org.box.create("DataUsePurpose", {"Name": "Newsletter"})
    party = individual(org)
    id_, connector = person(org, party), connected(org)
    says(org, party, "OptOut")
    says(org, party, "Seen")
    says(org, party, "OptOut", "Phone")
    says(org, party, "OptOut", DataUsePurposeId=purpose)
    done(connector, change("Contact", one(connector, id_), **{"consents.Email": "OptIn"}))
    assert consents(connector, id_) == {"Email": "OptIn", "Phone": "OptOut", f"Email_{purpose}": "OptOut"}
    done(connector, change("Contact", one(connector, id_), **{f"consents.Email_{purpose}": "OptIn"}))
    assert len(rows(org)) == 4
    assert consents(connector, id_)[f"Email_{purpose}"] == "OptIn"


def test_many_share_the_calls(org: Org) -> None:
    people = [person(org, individual(org, f"N{number}")) for number in range(60)]
    connector = connected(org)
    edits = [change("Contact", remote, **{"consents.Email": "OptOut"}) for remote in connector.fetch("Contact", people)]
    before = len(org.box.journal)
    done(connector, *edits)
    assert len(org.box.journal) - before == 4, "compared, looked up, held against what there is, written"
    assert {consents(connector, id_)["Email"] for id_ in people} == {"OptOut"}


def test_without_an_individual_a_refusal_is_refused_and_holds_everything_else_up(org: Org) -> None:
    id_, connector = person(org), connected(org)
    edit = change("Contact", one(connector, id_), **{"consents.Email": "OptOut", "Title": "Baker"})
    error = error_of(connector, edit)
    assert isinstance(error, Refused)
    assert error.error_code == NO_INDIVIDUAL
    assert "individuals: create" in error.remedy
    assert (org.box.show("Contact", id_) or {})["Title"] is None
    assert org.box.ids(INDIVIDUAL) == []


def test_without_an_individual_a_grant_is_refused_and_holds_nothing_up(org: Org) -> None:
    id_, connector = person(org), connected(org)
    edit = change("Contact", one(connector, id_), **{"consents.Email": "OptIn", "Title": "Baker"})
    error = error_of(connector, edit)
    assert error.error_code == NO_INDIVIDUAL
    assert (org.box.show("Contact", id_) or {})["Title"] == "Baker"


def test_a_setting_has_the_individual_made_and_tied(org: Org) -> None:
    id_, connector = person(org, FirstName="Ann"), connected(org, individuals="create")
    done(connector, change("Contact", one(connector, id_), **{"consents.Email": "OptOut", "Title": "Baker"}))
    (made,) = org.box.ids(INDIVIDUAL)
    shown = org.box.show("Contact", id_) or {}
    assert (shown[PARTY], shown["Title"]) == (made, "Baker")
    assert (org.box.show(INDIVIDUAL, made) or {})["FirstName"] == "Ann"
    done(connector, change("Contact", one(connector, id_), **{"consents.Phone": "OptOut"}))
    assert len(org.box.ids(INDIVIDUAL)) == 1


def test_a_new_person_comes_with_their_consents(org: Org) -> None:
    connector = connected(org, individuals="create")
    (receipt,) = done(connector, creation("Contact", {"LastName": "Shore", "consents.Email": "OptOut"}))
    assert consents(connector, str(receipt.remote_id)) == {"Email": "OptOut"}
    (again,) = done(connector, creation("Contact", {"LastName": "Shore", "consents.Email": "OptOut"}))
    assert again.remote_id == receipt.remote_id
    assert len(rows(org)) == len(org.box.ids(INDIVIDUAL)) == 1


def test_a_status_that_salesforce_does_not_know_is_that_persons_error_alone(org: Org) -> None:
    first, second = (person(org, individual(org, name)) for name in ("Shore", "Quay"))
    connector = connected(org)
    edits = [
        change("Contact", one(connector, first), **{"consents.Email": "Perhaps"}),
        change("Contact", one(connector, second), **{"consents.Email": "OptOut"}),
    ]
    wrong, fine = connector.write("Contact", edits)
    assert isinstance(wrong.error, Refused)
    assert fine.error is None
    assert consents(connector, second) == {"Email": "OptOut"}


def test_check_names_them_once_the_mapping_reads_one(org: Org) -> None:
    purpose = org.box.create("DataUsePurpose", {"Name": "Newsletter"})
    streams: dict[str, Any] = {"Contact": {}}
    told = [one.what for one in connected(org, streams=streams).check().findings]
    assert any(f"consents.Email_{purpose} (Consent: Email for Newsletter)" in what for what in told)
    assert not [what for one in org.connect(streams=streams).check().findings if CONSENTS in (what := one.what)]
