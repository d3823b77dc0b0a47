"""The question before anything is sent, asked of whole histories: the failure stories of the field, and its cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event

from api.assembly import Text
from core.decide.keys import reach_digest
from core.decide.profile import Profile
from core.errors import ConfigError
from core.flow.consent import checking
from core.flow.consent.checking import Verdict, Who, check, check_all
from core.flow.erasure.erasing import erase
from core.flow.hub import Hub
from core.flow.identity.joining import join
from core.flow.saying import say
from core.flow.undo.undoing import undo
from core.model.claim import Claim, Evidence, Stamp
from core.store import bindings, keys, ledger
from core.store.database import Store
from tests.support import Lab, people

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    other_emails: {field: other_emails}
    phone: {field: phone}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
    birthday: {field: birthday}
    consent.email: {field: email_consent}
    consent.sms: {field: sms_consent}
    consent.all: {field: never}
"""
ADDRESS, OTHER, NUMBER = "ann@shore.example", "ann@hill.example", "+447700900123"
ANN = {"email": ADDRESS, "first_name": "Ann", "last_name": "Shore", "phone": NUMBER}
TOPICS = Text("news: Our letter\noffers: {doc: Reduced prices, channels: [email]}", "topics.yaml")


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """A hub with two tools, and nobody in them."""
    lab.tool("shop", mapping=MAPPING)
    lab.tool("crm", mapping=MAPPING)
    return lab


def ask(lab: Lab, who: Who = ADDRESS, channel: str = "email", topic: str | None = None) -> Verdict:
    return check(lab.hub, who, channel, topic)


def told(found: Verdict) -> tuple[bool, str, str]:
    return found.allowed, found.state, found.reason


def come(lab: Lab, tool: str = "shop", **more: Any) -> str:
    """Somebody comes into a tool, and all settles."""
    id_ = lab.tools[tool].create("contacts", {**ANN, **more})
    lab.settle()
    return id_


def first_hand(lab: Lab, field: str, status: str, *, at: int | None = None, **who: Any) -> None:
    """The person's own word, kept as a form would keep it."""
    record = lab.record(**(who or {"email": ADDRESS}))
    say(lab.hub, record.id, {field: status})
    now = at or lab.clock()
    with lab.hub.store.writing() as tx:
        own = next(one for one in bindings.of_records(tx, [record.id]) if one.stream_id in lab.hub.own_streams)
        claims = own.claims.renewed({field: Claim(status, Stamp(now, now, Evidence.FIELD_HISTORY, explicit=True))})
        bindings.update(tx, [own._replace(packed_claims=bindings.packed(claims))])


# --- the failure stories


def test_an_opt_out_present_when_the_record_is_first_seen(shop: Lab) -> None:
    come(shop, "crm", email_consent="granted")
    come(shop, "shop", email_consent="denied")
    found = ask(shop)
    assert told(found) == (False, "denied", "denied")
    assert [one.source for one in found.decided_by] == ["shop"]


def test_a_changed_address_keeps_the_refusal_and_loses_the_grant(shop: Lab) -> None:
    denied = come(shop, email_consent="denied")
    granted = come(shop, email="bea@shore.example", first_name="Bea", phone=None, email_consent="granted")
    assert ask(shop, "bea@shore.example").allowed
    shop.wait(60)
    shop.tools["shop"].edit("contacts", denied, {"email": OTHER})
    shop.tools["shop"].edit("contacts", granted, {"email": "bea@hill.example"})
    shop.settle()
    assert ask(shop, OTHER).state == "denied"
    assert told(ask(shop, "bea@hill.example")) == (False, "unknown", "other_address")
    assert told(ask(shop, "bea@shore.example")) == (False, "unknown", "nobody"), "it is nobody's any more"


def test_an_archived_subscriber_re_synced_stays_refused(shop: Lab) -> None:
    id_ = come(shop, email_consent="denied")
    shop.tools["shop"].delete("contacts", id_)
    shop.settle()
    come(shop, "shop", email_consent="granted")
    assert ask(shop).state == "denied"


def test_a_deleted_subscriber_is_not_written_to(shop: Lab) -> None:
    lab = shop
    lab.tool("shop", mapping=MAPPING, policy={"deletes_in": "propagate"})
    id_ = come(lab, email_consent="granted")
    assert ask(lab).allowed
    lab.tools["shop"].delete("contacts", id_)
    lab.settle()
    assert told(ask(lab)) == (False, "unknown", "deleted")


def test_a_ticked_and_un_ticked_box_stays_refused(shop: Lab) -> None:
    id_ = come(shop, email_consent="granted")
    for status in ("denied", "granted"):
        shop.wait(60)
        shop.tools["shop"].edit("contacts", id_, {"email_consent": status})
        shop.settle()
    assert ask(shop).state == "denied"


def test_a_re_created_contact_stays_refused(shop: Lab) -> None:
    come(shop, "crm")
    id_ = come(shop, "shop", email_consent="denied")
    shop.tools["shop"].delete("contacts", id_)
    shop.settle()
    come(shop, "shop", email_consent="granted", phone=None)
    assert ask(shop).state == "denied"


def test_a_merged_pair_with_differing_consent_is_refused_at_both_addresses(shop: Lab) -> None:
    one = come(shop, email_consent="denied")
    other = come(shop, email=OTHER, phone=None, email_consent="granted", last_name="Hill")
    assert ask(shop, OTHER).allowed
    shop.tools["shop"].merge("contacts", other, one)
    shop.settle()
    assert ask(shop, ADDRESS).state == "denied"
    assert ask(shop, OTHER).state == "denied"


def test_a_csv_import_with_subscribed_for_someone_who_opted_out_changes_nothing(shop: Lab) -> None:
    come(shop, "crm")
    say(shop.hub, shop.record(email=ADDRESS).id, {"consent.email": "denied"})
    come(shop, "shop", email_consent="granted")
    found = ask(shop)
    assert told(found) == (False, "denied", "denied")
    assert found.decided_by[-1].source == "hub"


def test_a_tool_that_resets_consent_on_update_opens_nothing(shop: Lab) -> None:
    id_ = come(shop, email_consent="denied")
    shop.tools["shop"].edit("contacts", id_, {"job_title": "Baker", "email_consent": None})
    shop.settle()
    assert ask(shop).state == "denied"


def test_email_opt_out_must_not_become_an_sms_opt_in(shop: Lab) -> None:
    come(shop, email_consent="denied")
    assert told(ask(shop, NUMBER, "sms")) == (False, "unknown", "unknown")
    come(shop, email=OTHER, phone="+447700900456", first_name="Bea", email_consent="granted")
    assert told(ask(shop, "+447700900456", "sms")) == (False, "unknown", "unknown")


def test_an_undone_grant_no_longer_counts(shop: Lab) -> None:
    come(shop)
    run = say(shop.hub, shop.record(email=ADDRESS).id, {"consent.email": "granted"})
    assert ask(shop).allowed
    undo(shop.hub, run)
    assert told(ask(shop)) == (False, "unknown", "unknown")


# --- whose address, and which


def test_a_person_is_found_by_address_number_and_id_and_asked_for_the_channels_own(shop: Lab) -> None:
    come(shop, email_consent="granted", sms_consent="granted", other_emails=[OTHER])
    record = shop.record(email=ADDRESS)
    for who in (ADDRESS, " Ann@Shore.example ", NUMBER, "+44 7700 900123", record.id, f"#{record.id}"):
        assert ask(shop, who).allowed, who
        assert ask(shop, who, "sms").allowed, who
    assert told(ask(shop, OTHER)) == (False, "unknown", "other_address")
    assert ask(shop, OTHER, "sms").allowed, "whoever has this address may be sent text messages, at their number"


def test_who_is_not_known_is_not_written_to(shop: Lab) -> None:
    assert told(ask(shop, "nobody@shore.example")) == (False, "unknown", "nobody")
    assert told(ask(shop, 4711)) == (False, "unknown", "nobody")
    for wrong in ("ann at shore", "", "   ", "@"):
        assert told(ask(shop, wrong)) == (False, "unknown", "not_an_address"), wrong
    come(shop, phone=None, sms_consent="granted")
    assert told(ask(shop, ADDRESS, "sms")) == (False, "unknown", "no_address")


def test_shared_inboxes_and_numbers_are_found_too(shop: Lab) -> None:
    come(shop, email="info@shore.example", email_consent="granted")
    assert ask(shop, "info@shore.example").allowed
    come(shop, email=OTHER, first_name="Bea", phone=NUMBER, other_emails=["office@hill.example"], sms_consent="denied")
    assert ask(shop, NUMBER, "sms").state == "denied", "whoever rings there rings both"
    assert told(ask(shop, "office@hill.example")) == (False, "unknown", "unknown")


def test_equal_digests_of_other_addresses_are_not_believed(shop: Lab) -> None:
    come(shop, email_consent="granted", sms_consent="granted")
    with shop.hub.store.writing() as tx:
        keys.add(tx, [(reach_digest("+447700900999"), shop.record(email=ADDRESS).id)])
    assert told(ask(shop, "+447700900999", "sms")) == (False, "unknown", "nobody")


def test_an_address_that_a_crowd_has_is_a_way_to_nobody(shop: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CROWD", 1)
    come(shop, email="none@shore.example", sms_consent="granted", email_consent="granted")
    assert ask(shop, NUMBER, "sms").allowed
    come(shop, email="none@shore.example", first_name="Bea", sms_consent="granted")
    for who in (NUMBER, "none@shore.example"):
        assert told(ask(shop, who, "sms")) == (False, "unknown", "crowded")
    assert [told(ask(shop, one.id, "sms"))[0] for one in shop.records()] == [True, True]


def test_a_merged_record_answers_under_its_old_number(shop: Lab) -> None:
    come(shop, email_consent="granted")
    come(shop, email=OTHER, phone=None, last_name="Hill", email_consent="denied")
    one, other = shop.record(email=ADDRESS).id, shop.record(email=OTHER).id
    join(shop.hub, other, one)
    assert ask(shop, other).state == "denied"
    assert ask(shop, one).state == "denied"


def test_a_do_not_contact_is_mapped_like_any_field(shop: Lab) -> None:
    come(shop, email_consent="granted", sms_consent="granted", never="denied")
    for channel in ("email", "sms", "post"):
        assert told(ask(shop, channel=channel)) == (False, "denied", "do_not_contact")


def test_only_the_persons_own_word_opens_again(shop: Lab) -> None:
    come(shop, email_consent="denied")
    shop.wait(60)
    first_hand(shop, "consent.email", "granted")
    found = ask(shop)
    assert found.allowed
    assert [one.source for one in found.decided_by] == ["hub"]


# --- the erased


def test_of_the_erased_nothing_is_told_but_that(shop: Lab) -> None:
    come(shop, email_consent="granted", sms_consent="granted", other_emails=[OTHER])
    id_ = shop.record(email=ADDRESS).id
    erase(shop.hub, id_)
    for who in (ADDRESS, OTHER, NUMBER, id_):
        for channel in ("email", "sms"):
            found = ask(shop, who, channel)
            assert told(found) == (False, "unknown", "erased"), who
            assert found.decided_by == ()
            assert ADDRESS not in found.why
    assert told(ask(shop, "bea@shore.example")) == (False, "unknown", "nobody")


# --- topics and profiles


def test_topics_are_fields_that_are_said_recorded_and_asked(shop: Lab) -> None:
    shop.installation.change(texts={"topics": TOPICS})
    shop.tool("letters", mapping=MAPPING + "    consent.email.news: {field: news}\n")
    come(shop, "letters", news="granted")
    assert ask(shop, topic="news").allowed
    assert told(ask(shop)) == (False, "unknown", "unknown"), "a topic's grant is not a general one"
    say(shop.hub, shop.record(email=ADDRESS).id, {"consent.email.news": "denied", "consent.email.offers": "granted"})
    assert ask(shop, topic="news").state == "denied"
    assert ask(shop, topic="offers").allowed
    shop.settle()
    assert shop.held("letters", shop.find("letters"))["news"] == "denied"
    with shop.hub.store.reading() as tx:
        rows = ledger.of_records(tx, [shop.record(email=ADDRESS).id])
    assert [(row.told["topic"], row.told["status"], row.told["point"]) for row in rows] == [
        ("news", "granted", ADDRESS), ("news", "denied", None), ("offers", "granted", None),
    ]  # fmt: skip


def test_what_nobody_declared_is_refused_not_guessed(shop: Lab) -> None:
    with pytest.raises(ConfigError, match="no topic 'nwes' on email"):
        ask(shop, topic="nwes")
    shop.installation.change(texts={"topics": TOPICS})
    shop.refreshed()
    with pytest.raises(ConfigError, match="no topic 'offers' on sms"):
        ask(shop, NUMBER, "sms", "offers")
    with pytest.raises(ConfigError, match="no channel 'all'"):
        ask(shop, channel="all")


def test_a_topic_that_a_mapping_needs_is_not_taken_away(shop: Lab) -> None:
    shop.installation.change(texts={"topics": TOPICS})
    shop.tool("letters", mapping=MAPPING + "    consent.email.news: {field: news}\n")
    with pytest.raises(ConfigError, match=r"consent\.email\.news"):
        shop.installation.change(texts={"topics": Text("", "topics.yaml")})
    assert shop.refreshed().shapes["contact"].fields["consent.email.news"].rule == "strictest"


def test_the_profile_that_was_chosen_is_the_one_that_is_asked(shop: Lab) -> None:
    shop.installation.change(texts={"topics": TOPICS})
    come(shop, email_consent="granted")
    assert told(ask(shop, topic="news")) == (False, "unknown", "other_purpose")
    shop.installation.change(texts={"consent": Text("{profile: ccpa}", "consent")})
    shop.refreshed()
    found = ask(shop, topic="news")
    assert (found.allowed, found.profile) == (True, "CCPA")
    shop.installation.change(texts={"consent": Text("{profile: ccpa, each_purpose: true}", "consent")})
    shop.refreshed()
    assert not ask(shop, topic="news").allowed
    with pytest.raises(ConfigError, match="no profile 'gpdr'"):
        shop.installation.change(texts={"consent": Text("{profile: gpdr}", "consent")})


def test_a_child_needs_the_word_of_a_guardian_with_its_proof(shop: Lab) -> None:
    come(shop, birthday="2020-05-09", email_consent="granted")
    assert told(ask(shop)) == (False, "pending", "under_age")
    shop.wait(60)
    first_hand(shop, "consent.email", "granted")
    assert told(ask(shop)) == (False, "pending", "under_age")
    prove(shop, {"form": "playground", "guardian": "mother"})
    assert ask(shop).allowed


def prove(lab: Lab, proof: dict[str, Any]) -> None:
    """A form's entry in the ledger, with the guardian's agreement."""
    record = lab.record(email=ADDRESS)
    with lab.hub.store.writing() as tx:
        rows = ledger.of_records(tx, [record.id])
        entry = next(row for row in rows if row.told["source"] == "hub")
        ledger.append(tx, [(record.id, orjson.dumps({**entry.told, "proof": proof}, option=orjson.OPT_SORT_KEYS))])


# --- many at once


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


@pytest.fixture(params=["embedded", "postgres"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as lab:
        tool = lab.tool("shop", mapping=MAPPING)
        for place, one in enumerate(people(300)):
            tool.create("contacts", {**one, "email_consent": "denied" if place % 3 else "granted"})
        lab.settle()
        erase(lab.hub, lab.record(email="person0@shore0.example").id)
        yield lab


def test_a_page_costs_the_same_few_statements_however_many_are_in_it(crowded: Lab) -> None:
    asked = [str(one["email"]) for one in people(400)]
    costs = {}
    for number in (2, 20, 400):
        with counted(crowded.hub.store) as seen:
            found = list(check_all(crowded.hub, asked[:number], "email"))
        costs[number] = len(seen)
        assert [one.who for one in found] == asked[:number]
    assert len(set(costs.values())) == 1, costs
    assert costs[400] <= 8
    assert sum(one.allowed for one in found) == 99
    assert [one.reason for one in found[:4]] == ["erased", "denied", "denied", "granted"]
    assert found[-1].reason == "nobody"


def test_pages_follow_each_other_in_order(crowded: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAGE", 7)
    asked: list[Who] = [*(str(one["email"]) for one in people(20)), "x", 3]
    found = list(check_all(crowded.hub, iter(asked), "email"))
    assert [one.who for one in found] == asked
    assert [told(one) for one in found] == [told(check(crowded.hub, who, "email")) for who in asked]


def test_a_hub_of_tests_holds_the_strictest_profile(shop: Lab) -> None:
    bare: Hub = replace(shop.hub, profile=Profile())
    assert bare.profile.each_purpose
    assert shop.hub.profile.title == bare.profile.title == "GDPR"


def test_every_channel_of_one_person_is_told_as_it_would_be_one_by_one(shop: Lab) -> None:
    shop.tools["shop"].create("contacts", {**ANN, "birthday": "2015-05-09", "email_consent": "granted"})
    shop.tools["crm"].create("contacts", {"email": ADDRESS, "sms_consent": "denied"})
    shop.settle()
    record = shop.record(email=ADDRESS)
    with shop.hub.store.reading() as tx:
        bound, entries = bindings.of_records(tx, [record.id]), ledger.of_records(tx, [record.id])
    told = checking.of_person(shop.hub, record, bound, entries)
    assert {one.state for one in told if one.channel == "sms"} == {"denied"}
    assert told == [check(shop.hub, record.id, one.channel, one.topic) for one in told]
