"""What people say about mail, told in one CRM and kept in both: the failure stories of the field, by name.

HubSpot and Salesforce are their sandboxes over real sockets, with the default mappings; an opt-out in either must
arrive in the other, and nothing that a machine does may take it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Text
from api.building import ConnectionSpec
from core.flow.outward.reconcile import reconcile
from core.flow.saying import say
from tests.system.crms import HUBSPOT, PROPAGATE, ROOT, SALESFORCE, Crms, shown, total, write_calls

ANN = "ann@shore.example"
POINT = "ContactPointTypeConsent"


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[Crms]:
    with Crms(tmp_path) as made:
        made.connect()
        yield made


def sync(crms: Crms, hours: float = 0.02) -> None:
    """Let some time pass, then sync until nothing moves."""
    crms.lab.wait(hours * 3600)
    total(crms.lab.sync(until_quiet=True))


def ann(crms: Crms, **properties: str) -> tuple[str, str]:
    """Ann in both tools; gives her ids there."""
    there = crms.hubspot.create("contacts", {"email": ANN, "firstname": "Ann", "lastname": "Shore", **properties})
    sync(crms)
    return there, in_salesforce(crms)


def in_salesforce(crms: Crms) -> str:
    found = [(kind, id_) for kind in ("Contact", "Lead") for id_ in crms.salesforce.ids(kind)]
    ((_, id_),) = [(kind, id_) for kind, id_ in found if email(crms, id_, kind) == ANN]
    return str(id_)


def email(crms: Crms, id_: str, kind: str = "Contact") -> Any:
    return (crms.salesforce.show(kind, id_) or {}).get("Email")


def ticked(crms: Crms, id_: str, kind: str = "Contact") -> bool:
    row: dict[str, Any] = crms.salesforce.show(kind, id_) or {}
    return bool(row["HasOptedOutOfEmail"])


def consent(crms: Crms) -> Any:
    return crms.lab.record(email=ANN).values.get("consent.email")


def test_an_opt_out_in_hubspot_ticks_the_box_in_salesforce(crms: Crms) -> None:
    _, here = ann(crms)
    assert not ticked(crms, here)
    crms.hubspot.opt_out(ANN)
    sync(crms, hours=1.5)
    assert consent(crms) == "denied"
    assert ticked(crms, here)


def test_a_ticked_box_in_salesforce_leaves_all_mail_in_hubspot(crms: Crms) -> None:
    _, here = ann(crms)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": True, "Title": "Baker"})
    sync(crms)
    assert crms.hubspot.has_left(ANN)
    assert consent(crms) == "denied"


def test_a_ticked_and_unticked_box_grants_nothing(crms: Crms) -> None:
    _, here = ann(crms)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": True})
    sync(crms)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": False})
    for _ in range(3):
        sync(crms, hours=1.5)
    assert consent(crms) == "denied"
    assert crms.hubspot.has_left(ANN)
    reconcile(crms.lab.hub, crms.lab.connection(SALESFORCE))
    sync(crms)
    assert ticked(crms, here), "at the next reconcile the box says again what the person said"


def test_a_tool_that_resets_consent_on_update_is_told_again(crms: Crms) -> None:
    """A form or an import there writes the whole row, the box with it."""
    there, here = ann(crms)
    crms.hubspot.opt_out(ANN)
    sync(crms, hours=1.5)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": False, "Title": "Baker"})
    sync(crms)
    assert ticked(crms, here)
    assert (crms.hubspot.show("contacts", there) or {})["jobtitle"] == "Baker", "its news are news all the same"
    assert consent(crms) == "denied"


def test_an_opt_out_present_when_the_record_is_first_seen_arrives_with_it(crms: Crms) -> None:
    crms.hubspot.opt_out(ANN)
    _, here = ann(crms)
    assert consent(crms) == "denied"
    assert ticked(crms, here)


def test_a_recreated_contact_is_as_opted_out_as_the_first(crms: Crms) -> None:
    """HubSpot keeps the word by address; Salesforce has it from the hub."""
    there, _ = ann(crms)
    crms.hubspot.opt_out(ANN)
    sync(crms, hours=1.5)
    crms.hubspot.archive("contacts", there)
    sync(crms, hours=1.5)
    sync(crms, hours=1.5)
    crms.hubspot.create("contacts", {"email": ANN, "firstname": "Ann", "lastname": "Shore"})
    for _ in range(3):
        sync(crms, hours=1.5)
    assert crms.hubspot.has_left(ANN)
    assert ticked(crms, in_salesforce(crms))


def test_an_archived_subscriber_who_is_synced_again_stays_opted_out(crms: Crms) -> None:
    there, here = ann(crms)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": True})
    sync(crms)
    crms.hubspot.archive("contacts", there)
    crms.hubspot.restore("contacts", there)
    for _ in range(3):
        sync(crms, hours=1.5)
    assert crms.hubspot.has_left(ANN)
    assert consent(crms) == "denied"


def test_a_changed_address_is_opted_out_too(crms: Crms) -> None:
    _, here = ann(crms)
    crms.salesforce.edit("Contact", here, {"HasOptedOutOfEmail": True})
    sync(crms)
    crms.salesforce.edit("Contact", here, {"Email": "ann.shore@quay.example"})
    sync(crms)
    assert crms.hubspot.has_left("ann.shore@quay.example")


def test_an_opt_out_of_email_says_nothing_of_the_phone(crms: Crms) -> None:
    _, here = ann(crms)
    crms.hubspot.opt_out(ANN)
    sync(crms, hours=1.5)
    row = crms.salesforce.show("Contact", here) or {}
    assert (row["HasOptedOutOfEmail"], row["DoNotCall"]) == (True, False)
    assert "consent.phone" not in crms.lab.record(email=ANN).values


def test_a_persons_word_in_the_hub_reaches_both_before_anything_else(crms: Crms) -> None:
    _, here = ann(crms)
    crms.lab.wait(60)
    crms.seen()
    say(crms.lab.hub, crms.lab.record(email=ANN).id, {"consent.email": "denied", "job_title": "Baker"})
    sync(crms)
    assert crms.hubspot.has_left(ANN)
    assert ticked(crms, here)
    written = list(write_calls(crms.seen()[HUBSPOT]))
    assert [route.rpartition("/")[2] for route in written] == ["unsubscribe-all", "update"]


def test_a_grant_that_crosses_an_opt_out_does_not_arrive(crms: Crms) -> None:
    """One type of email: the hub has not seen yet that she unsubscribed when it is told that she agreed."""
    words = (ROOT / "mappings" / "hubspot.yaml").read_text(encoding="utf-8")
    line = "{field: subscriptions.all, steps: [opt_out_flag]}"
    assert line in words
    words = words.replace(line, "{field: subscriptions.501, vocabulary: subscription}")
    table = "  subscription:\n    words: {SUBSCRIBED: granted, UNSUBSCRIBED: denied}\n    unknown: blank\n"
    words = words.replace("vocabularies:\n", f"vocabularies:\n{table}", 1)
    settings = {"url": crms.hubspot.url, "token": crms.hubspot.token}
    crms.lab.installation.put_connection(ConnectionSpec(HUBSPOT, "hubspot", settings, words, "hubspot.yaml", PROPAGATE))
    crms.lab.refreshed()
    _, here = ann(crms)
    crms.hubspot.opt_out(ANN, 501)
    say(crms.lab.hub, crms.lab.record(email=ANN).id, {"consent.email": "granted"})
    sync(crms)
    assert crms.hubspot.wish(ANN, 501) == "UNSUBSCRIBED"
    assert consent(crms) == "denied", "her contact was read anew before it was to be written"
    sync(crms)
    assert ticked(crms, here)
    assert crms.lab.dead_letters() == []


def test_a_topic_is_a_type_of_email_in_hubspot_and_a_purpose_in_salesforce(crms: Crms) -> None:
    """Opted out of the letter, in either: the other is told of the letter, and of nothing else."""
    purpose = crms.salesforce.create("DataUsePurpose", {"Name": "Newsletter"})
    with_topic(crms, purpose)
    _, here = ann(crms)
    crms.hubspot.opt_out(ANN, 501)
    sync(crms, hours=1.5)
    assert crms.lab.record(email=ANN).values["consent.email.news"] == "denied"
    (row,) = shown(crms.salesforce, POINT)
    assert (row["ContactPointType"], row["PrivacyConsentStatus"], row["DataUsePurposeId"]) == (
        "Email", "OptOut", purpose,
    )  # fmt: skip
    assert not ticked(crms, here)

    bob = "bob@quay.example"
    crms.hubspot.create("contacts", {"email": bob, "firstname": "Bob", "lastname": "Quay"})
    sync(crms)
    party = crms.salesforce.create("Individual", {"LastName": "Quay"})
    (his,) = [id_ for id_ in crms.salesforce.ids("Contact") if email(crms, id_) == bob]
    crms.salesforce.edit("Contact", his, {"IndividualId": party})
    how = {"CaptureDate": "2026-11-20T09:00:00.000+0000", "CaptureSource": "Desk", "CaptureContactPointType": "Web"}
    about = {"Name": "By hand", "PartyId": party, "ContactPointType": "Email", "DataUsePurposeId": purpose}
    crms.salesforce.create(POINT, {**about, **how, "PrivacyConsentStatus": "OptOut"})
    sync(crms)
    assert crms.hubspot.wish(bob, 501) == "UNSUBSCRIBED"
    assert not crms.hubspot.has_left(bob)
    assert (crms.lab.pending(), crms.lab.dead_letters()) == (0, [])


def with_topic(crms: Crms, purpose: str) -> None:
    """Declare the topic `news`, and put the line for it into both mappings, as their comments show it."""
    crms.lab.installation.change(texts={"topics": Text("news: Our letter", "topics.yaml")})
    app = {"client_id": crms.salesforce.client_id, "client_secret": crms.salesforce.client_secret}
    for name, tool, settings, line, table in (
        (
            HUBSPOT, "hubspot", {"url": crms.hubspot.url, "token": crms.hubspot.token},
            "{field: subscriptions.501, vocabulary: topic}", "{SUBSCRIBED: granted, UNSUBSCRIBED: denied}",
        ),
        (
            SALESFORCE, "salesforce", {"login_url": crms.salesforce.url, **app, "individuals": "create"},
            f"{{field: consents.Email_{purpose}, vocabulary: topic}}", "{OptIn: granted, OptOut: denied}",
        ),
    ):  # fmt: skip
        words = (ROOT / "mappings" / f"{tool}.yaml").read_text(encoding="utf-8")
        words = words.replace("    consent.email: ", f"    consent.email.news: {line}\n    consent.email: ")
        words = words.replace("vocabularies:\n", f"vocabularies:\n  topic: {{words: {table}, unknown: blank}}\n", 1)
        spec = ConnectionSpec(name, tool, settings, words, f"{tool}.yaml", PROPAGATE)
        crms.lab.installation.put_connection(spec)
    crms.lab.refreshed()


def test_nothing_waits_and_nobody_is_blamed_when_all_is_well(crms: Crms) -> None:
    ann(crms)
    crms.hubspot.opt_out(ANN)
    sync(crms, hours=1.5)
    assert (crms.lab.pending(), crms.lab.dead_letters()) == (0, [])
    for name in (HUBSPOT, SALESFORCE):
        assert reconcile(crms.lab.hub, crms.lab.connection(name)).whole.share == 1.0
