"""Capture: a lead becomes a person or a claim on one, once, whole, and never against what the person has said."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Text
from core.decide.why import explain
from core.errors import NotTaken
from core.flow.asking import voices_of
from core.flow.capture import WINDOW, Captured, Post, capture
from core.flow.consent.checking import check_all
from core.flow.consent.choosing import choose
from core.flow.consent.verifying import verify
from core.flow.erasure.erasing import erase
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.flow.undo.undoing import undo
from core.model.instant import SECOND
from core.store import bindings, leads, ledger, runs
from core.store.records import Record, State
from tests.remains import remains
from tests.support import Lab, count, hasty

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    phone: {field: phone}
    first_name: {field: first_name}
    last_name: {field: last_name}
    asked: {field: asked}
    source: {field: source, vocabulary: capture_sources}
    lifecycle_stage: {field: stage}
    consent.email: {field: email_consent}
    consent.sms: {field: sms_consent}
activities:
  as: activity
  fields:
    subject: {field: subject}
    body: {field: body}
    contacts: {field: who, ref: contact}
"""
FORMS = """
quote:
  title: Ask for a quote
  sites: [https://shop.example]
  fields:
    first_name: First name
    last_name: Last name
    email: {label: Email, required: true}
    phone: Phone
    postal_code: Postcode
    reason: What is it about?
    asked: What do you need?
  consent:
    email: Yes, write to me. I can stop it at any time.
    sms: Yes, text me.
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}
ASK = {**ANN, "asked": "A patio, please", "page": "https://shop.example/patios?utm_source=fb&utm_campaign=autumn"}


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """One CRM, and one form."""
    url = None if request.param == "embedded" else hasty(request.getfixturevalue("postgres_url"))
    with Lab(tmp_path, database_url=url) as made:
        made.tool("crm", mapping=MAPPING)
        put_forms(made)
        made.settle()
        yield made


def put_forms(lab: Lab, text: str = FORMS) -> None:
    lab.installation.change(texts={"forms": Text(text, "forms.yaml")})
    lab.refreshed()


def under(lab: Lab, profile: str) -> None:
    lab.installation.change(texts={"consent": Text(f"profile: {profile}", "concord.yaml")})
    lab.refreshed()


def send(lab: Lab, key: str = "visit", **fields: str) -> Captured:
    return capture(lab.hub, Post("quote", fields, key))


def person(lab: Lab, email: str = ANN["email"]) -> Record:
    return lab.record(email=email)


def why(lab: Lab, record: Record, field: str) -> Any:
    with lab.hub.store.reading() as tx:
        voices = tuple(voices_of(lab.hub, bindings.of_records(tx, [record.id])))
    return explain(lab.hub.shapes["contact"], lab.hub.rules, voices, field)


def said_of_consent(lab: Lab, record: Record) -> list[dict[str, Any]]:
    with lab.hub.store.reading() as tx:
        return [row.told for row in ledger.of_records(tx, [record.id])]


def test_a_lead_becomes_a_person_with_all_that_it_brought_in_every_tool(lab: Lab):
    found = send(lab, **ASK, source="Web-Site", reason="Patios", postal_code="LS1 4AP")
    assert found.problems == ()
    assert len(found.reference) == 10
    lab.settle()
    values = person(lab).values
    assert values["asked"] == "A patio, please"
    assert values["page"].startswith("https://shop.example/patios")
    assert (values["source"], values["utm_source"], values["utm_campaign"]) == ("web", "fb", "autumn")
    assert values["lifecycle_stage"] == "lead"
    assert values["address"] == {"postal_code": "LS1 4AP"}
    assert "first_touch_at" in values
    held = lab.held("crm", lab.find("crm", email=ANN["email"]))
    assert (held["asked"], held["source"], held["stage"]) == ("A patio, please", "Web", "lead")
    note = lab.held("crm", lab.find("crm", "activities"), "activities")
    assert note["subject"] == "Ask for a quote: Patios"
    assert "What do you need? A patio, please" in note["body"]
    assert note["who"] == [lab.find("crm", email=ANN["email"])]
    assert why(lab, person(lab), "asked").winner.source == "form:quote"


def test_somebody_known_is_joined_and_the_rules_decide(lab: Lab):
    lab.tools["crm"].create("contacts", {**ANN, "phone": "+441134960000", "asked": "An oven", "stage": "customer"})
    lab.settle()
    lab.rules("contact: {phone: {prefer: [crm]}}")
    lab.wait(3_600)
    send(lab, **ASK, phone="020 7946 0011")
    lab.settle()
    (ann,) = lab.records()
    assert ann.values["phone"] == "+441134960000"
    assert ann.values["asked"] == "An oven"
    assert ann.values["lifecycle_stage"] == "customer"
    lost = {one.value for one in why(lab, ann, "phone").losers}
    assert lost == {"+442079460011"}
    assert "A patio, please" in lab.held("crm", lab.find("crm", "activities"), "activities")["body"]


def test_a_customer_stays_one_whichever_is_heard_first(lab: Lab):
    send(lab, **ASK)
    lab.settle()
    lab.tool("shop", mapping=MAPPING).create("contacts", {**ANN, "stage": "customer"})
    lab.settle()
    assert person(lab).values["lifecycle_stage"] == "customer"
    assert lab.reviews("ask") == []


def test_the_first_touch_stays_and_the_newest_words_are_kept(lab: Lab):
    send(lab, **ASK)
    first = person(lab).values
    lab.wait(86_400)
    later = {**ANN, "asked": "A shed", "page": "https://shop.example/sheds?utm_source=newsletter&utm_term=shed"}
    assert not send(lab, "another visit", **later).again
    lab.settle()
    values = person(lab).values
    for name in ("asked", "page", "utm_source", "utm_campaign", "first_touch_at"):
        assert values[name] == first[name], name
    bodies = [one.values["body"] for one in lab.records("activity")]
    assert len(bodies) == 2
    assert any("A shed" in body and "utm_source: newsletter" in body for body in bodies)


def test_a_visit_before_this_one_is_the_first_touch(lab: Lab):
    send(lab, **ASK, first_touch_at="2026-01-02T10:00:00Z")
    assert person(lab).values["first_touch_at"] == "2026-01-02T10:00:00Z"


def test_who_may_be_one_of_several_waits_for_a_person(lab: Lab):
    lab.tools["crm"].create("contacts", {**ANN, "first_name": "Bertram"})
    lab.settle()
    send(lab, **ASK)
    lab.settle()
    assert len(lab.records()) == 2
    (review,) = lab.reviews("ambiguous")
    assert lab.all("crm") == [lab.find("crm", first_name="Bertram")]
    answer(lab.hub, review, "same")
    lab.settle()
    assert len([one for one in lab.records() if one.state == State.LIVE]) == 1
    assert len(lab.all("crm", "activities")) == 1


def test_the_same_post_twice_is_one_lead(lab: Lab):
    first, second = send(lab, **ASK), send(lab, **ASK)
    assert (first.again, second.again) == (False, True)
    assert first.reference == second.reference
    assert send(lab, "a page that was loaded again", **ASK).reference == first.reference
    assert len(lab.records()) == len(lab.records("activity")) == 1
    lab.wait(WINDOW / SECOND + 1)
    assert send(lab, **ASK).again
    assert not send(lab, "a month later", **ASK).again
    lab.wait(86_401)
    assert send(lab, **ASK).again, "a key is known for good"
    assert len(lab.records()) == 1
    assert len(lab.records("activity")) == 2


def test_what_was_mended_on_the_same_page_is_another_lead(lab: Lab):
    send(lab, **ASK)
    assert not send(lab, **{**ASK, "asked": "Two patios"}).again


def test_a_programs_key_stands_for_one_lead(lab: Lab):
    capture(lab.hub, Post("quote", ASK, "key 1", strict=True))
    assert capture(lab.hub, Post("quote", ASK, "key 1", strict=True)).again
    with pytest.raises(NotTaken) as caught:
        capture(lab.hub, Post("quote", {**ASK, "email": "bob@hill.example"}, "key 1", strict=True))
    assert caught.value.error_code == "lead.key"
    assert len(lab.records()) == 1


def test_two_that_come_at_once_are_one_lead(lab: Lab):
    found: list[Captured] = []
    start = threading.Barrier(4)

    def post() -> None:
        start.wait()
        found.append(send(lab, **ASK))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.again for one in found) == [False, True, True, True]
    assert len({one.reference for one in found}) == 1
    assert len(lab.records()) == len(lab.records("activity")) == 1


@pytest.mark.parametrize("place", ["core.flow.capture._count", "core.flow.inward.inbound.refold"])
def test_a_crash_leaves_nothing_and_the_next_try_all_of_it(lab: Lab, monkeypatch: pytest.MonkeyPatch, place: str):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, killed)
    with pytest.raises(KeyboardInterrupt):
        send(lab, **ASK)
    monkeypatch.undo()
    assert lab.records() == lab.records("activity") == []
    lab.restart()
    assert not send(lab, **ASK).again
    assert len(lab.records()) == len(lab.records("activity")) == 1


def test_what_cannot_be_read_is_a_problem_and_stays_in_the_note(lab: Lab):
    found = send(lab, **ASK, phone="ask my husband")
    assert "phone" in found.problems[0]
    assert "phone" not in person(lab).values
    (note,) = lab.records("activity")
    assert "ask my husband" in note.values["body"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"first_name": "Ann"}, {"email"}),
        ({"email": "ann at shore"}, {"email"}),
        ({**ANN, "asked": "x" * 10_001}, {"asked"}),
        ({**ANN, "first_name": "x" * 501}, {"first_name"}),
        ({"email": "nobody", "phone": "12"}, {"email", "phone"}),
    ],
)
def test_who_could_not_be_answered_is_asked_again(lab: Lab, fields: dict[str, str], wrong: set[str]):
    found = send(lab, **fields)
    assert found.wrong.keys() == wrong
    assert lab.records() == []
    with lab.hub.store.reading() as tx:
        assert count(tx, "lead") == 0


def test_words_in_any_script_come_through_whole(lab: Lab):
    asked = "Ich hätte gern „Brötchen“ 🥐\nи чай, 请"
    send(lab, email="zoë@bücher.example", first_name="Zoë \u202eevil", asked=asked)
    lab.settle()
    (zoe,) = lab.records()
    assert zoe.values["asked"] == asked
    assert zoe.values["first_name"] == "Zoë evil"
    assert lab.held("crm", lab.find("crm"))["asked"] == asked


def test_a_source_that_no_vocabulary_knows_is_kept_and_counted(lab: Lab):
    send(lab, **ASK, source="Carrier Pigeon")
    send(lab, "2", email="bob@hill.example", source="FB")
    assert person(lab).values["source"] == "Carrier Pigeon"
    assert person(lab, "bob@hill.example").values["source"] == "facebook"
    with lab.hub.store.reading() as tx:
        assert leads.counts(tx, "quote") == {"leads": 2, "unknown": {"Carrier Pigeon": 1}}


def test_who_was_typed_into_a_tool_by_hand_is_captured_like_any_other(lab: Lab):
    lab.tools["crm"].create("contacts", {**ANN, "source": "web site", "asked": "A patio", "stage": "lead"})
    lab.settle()
    values = person(lab).values
    assert (values["source"], values["asked"], values["lifecycle_stage"]) == ("web", "A patio", "lead")


# --- consent


def test_a_yes_to_email_waits_for_the_persons_own_where_the_law_wants_it(lab: Lab):
    send(lab, **ASK, **{"consent.email": "yes", "consent.sms": "yes"}, phone="07700 900123")
    ann = person(lab)
    assert ann.values["consent.email"] == "pending"
    assert ann.values["consent.sms"] == "granted"
    entry = next(one for one in said_of_consent(lab, ann) if one["channel"] == "email")
    assert entry["source"] == "form:quote"
    assert entry["point"] == ANN["email"]
    assert entry["proof"]["wording"] == "Yes, write to me. I can stop it at any time."
    assert entry["proof"]["page"] == ASK["page"]
    assert entry["said"] == [entry["at"], entry["at"]]
    choose(lab.hub, ann, {"consent.email": True}, proof={"form": "double opt-in"})
    assert next(check_all(lab.hub, [ANN["email"]], "email")).allowed
    assert verify(lab.hub).holds


def test_asking_again_for_what_was_confirmed_does_not_narrow_it(lab: Lab):
    send(lab, **ASK, **{"consent.email": "yes"})
    choose(lab.hub, person(lab), {"consent.email": True})
    lab.wait(3_600)
    send(lab, "again", **{**ASK, "asked": "More"}, **{"consent.email": "yes"})
    assert person(lab).values["consent.email"] == "granted"


def test_no_tick_says_nothing_and_a_no_is_a_refusal(lab: Lab):
    send(lab, **ASK)
    assert "consent.email" not in person(lab).values
    send(lab, "2", **{**ASK, "asked": "More"}, **{"consent.email": "no"})
    assert person(lab).values["consent.email"] == "denied"


def test_a_form_opens_nothing_that_was_refused_where_it_must_be_confirmed(lab: Lab):
    lab.tools["crm"].create("contacts", {**ANN, "email_consent": "denied"})
    lab.settle()
    lab.wait(3_600)
    send(lab, **ASK, **{"consent.email": "yes"})
    lab.settle()
    assert person(lab).values["consent.email"] == "denied"
    assert lab.held("crm", lab.find("crm", email=ANN["email"]))["email_consent"] == "denied"


def test_where_a_form_is_enough_the_persons_newer_yes_answers_an_older_refusal(lab: Lab):
    under(lab, "ccpa")
    lab.tools["crm"].create("contacts", {**ANN, "email_consent": "denied"})
    lab.settle()
    lab.wait(3_600)
    send(lab, **ASK, **{"consent.email": "yes"})
    assert person(lab).values["consent.email"] == "granted"
    assert next(check_all(lab.hub, [ANN["email"]], "email")).allowed
    lab.settle()
    assert verify(lab.hub).holds


# --- erasure and undo


def test_who_is_erased_goes_with_all_that_was_sent_by_forms(lab: Lab):
    send(lab, **ASK, **{"consent.email": "yes"})
    lab.settle()
    erase(lab.hub, person(lab).id)
    lab.settle()
    assert lab.all("crm") == lab.all("crm", "activities") == []
    assert remains(lab.hub.store, ("ann@shore", "A patio", "Shore")) == []
    assert lab.reviews() == []


def test_who_was_erased_is_kept_out_until_a_person_lets_them_in(lab: Lab):
    send(lab, **ASK)
    lab.settle()
    erase(lab.hub, person(lab).id)
    lab.settle()
    lab.wait(3_600)
    assert not send(lab, "another visit", **ASK).again
    lab.settle()
    assert [one for one in lab.records() if one.state != State.ERASED] == []
    assert remains(lab.hub.store, ("ann@shore", "A patio", "Shore")) == []
    (review,) = lab.reviews("returned")
    assert review.subject["connection"] == "form:quote"
    answer(lab.hub, review, "admit")
    send(lab, "a third visit", **ASK)
    lab.settle()
    assert person(lab).state == State.LIVE
    assert len(lab.all("crm")) == 1


def test_a_lead_is_undone_with_its_note(lab: Lab):
    send(lab, **ASK)
    lab.settle()
    with lab.hub.store.reading() as tx:
        (run,) = [one for one in runs.recent(tx, connection_id=lab.hub.own_id) if one.what == "capture"]
    assert run.stream == "form:quote"
    undo(lab.hub, run.id)
    lab.settle()
    assert lab.all("crm") == lab.all("crm", "activities") == []
    assert send(lab, **ASK).again, "what was undone does not come back by itself"


def test_what_a_person_says_in_the_hub_goes_before_a_form(lab: Lab):
    send(lab, **ASK, phone="020 7946 0011")
    lab.rules("contact: {phone: hold}")
    say(lab.hub, person(lab).id, {"phone": "+441134960000"})
    lab.wait(3_600)
    send(lab, "2", **{**ASK, "asked": "More"}, phone="020 7946 0022")
    assert person(lab).values["phone"] == "+441134960000"


def test_a_form_that_is_no_more_keeps_its_words(lab: Lab):
    send(lab, **ASK)
    put_forms(lab, "")
    with pytest.raises(NotTaken):
        send(lab, **ASK)
    lab.settle()
    assert person(lab).values["asked"] == "A patio, please"
    assert why(lab, person(lab), "asked").winner.source == "form:quote"
