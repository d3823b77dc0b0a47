"""Erasing somebody: nothing of them is left in the hub, the tools are told first of all, and nobody else is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from api.building import ConnectionSpec
from core.errors import ConfigError
from core.flow.asking import find
from core.flow.consent.heads import sign
from core.flow.consent.verifying import verify
from core.flow.erasure.certificate import certify, holds
from core.flow.erasure.erasing import erase, plan
from core.flow.erasure.gathering import gather
from core.flow.hub import Hub
from core.flow.identity.joining import join
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.flow.sync import turn
from core.flow.undo.undoing import undo
from core.store import erasures, records, runs
from core.store.codec import dumps
from core.store.erasures import At
from core.store.records import State
from tests.remains import remains
from tests.simulation.mortal import Fate, Killed, MortalStore
from tests.support import Lab, hasty

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
    consent.email: {field: email_consent}
"""
DEALS = """
deals:
  as: deal
  fields:
    name: {field: name}
    contacts: {field: contact_ids, ref: contact}
"""
ANN = {
    "email": "ann@shore.example",
    "first_name": "Annabella",
    "last_name": "Shoreham",
    "phone": "+447700900123",
    "email_consent": "denied",
}
BOB = {"email": "bob@hill.example", "first_name": "Bob", "last_name": "Hillman", "email_consent": "granted"}
TRACES = ("ann@shore", "annabella", "shoreham", "7700900123", "ann@work")


def erased(lab: Lab, **values: str) -> int:
    """Erase the one record with these values; gives the number of the erasure."""
    return erase(lab.hub, lab.record(**(values or {"email": ANN["email"]})).id)


def states(lab: Lab, erasure_id: int) -> dict[str, str]:
    """Connection → how it stands there."""
    with lab.hub.store.reading() as tx:
        return {lab.hub.sources[one.stream_id]: one.state for one in erasures.places_of(tx, [erasure_id])}


def two(lab: Lab) -> None:
    """Ann and Bob in two tools, with a past."""
    crm, shop = lab.tool("crm", mapping=MAPPING), lab.tool("shop", mapping=MAPPING)
    crm.create("contacts", ANN)
    crm.create("contacts", BOB)
    lab.settle()
    lab.wait(600)
    shop.edit("contacts", lab.find("shop", email=ANN["email"]), {"other_emails": ["ann@work.example"]})
    lab.settle()


def test_nothing_of_the_person_is_left_and_everything_of_others_is(lab: Lab) -> None:
    two(lab)
    say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Friend of Annabella"})
    lab.settle()
    assert remains(lab.hub.store, TRACES)
    before = remains(lab.hub.store, ["bob@hill"])
    id_ = erased(lab)
    lab.settle()
    assert remains(lab.hub.store, TRACES) == []
    assert remains(lab.hub.store, ["bob@hill"]) == before
    assert lab.all("crm") == [lab.find("crm", email=BOB["email"])]
    assert lab.all("shop") == [lab.find("shop", email=BOB["email"])]
    assert states(lab, id_) == {"crm": At.DELETED, "shop": At.DELETED}
    with lab.hub.store.reading() as tx:
        found = erasures.one(tx, id_)
    assert found is not None
    assert found.done_at is not None


def test_the_tools_are_told_whatever_the_policy_and_the_brake_say(lab: Lab) -> None:
    policy = {"deletes_out": "ignore", "deletes_in": "ask"}
    brake = {"deletes": 0, "few": 0}
    crm = lab.tool("crm", mapping=MAPPING, policy=policy, brake=brake)
    lab.tool("shop", mapping=MAPPING, policy=policy, brake=brake)
    crm.create("contacts", ANN)
    lab.settle()
    for one in lab.reviews("brake"):
        raise AssertionError(one.subject)
    erased(lab)
    lab.settle()
    assert not lab.all("crm")
    assert not lab.all("shop")


def test_an_edit_that_was_on_its_way_does_not_save_the_record(lab: Lab) -> None:
    two(lab)
    lab.tools["crm"].edit("contacts", lab.find("crm", email=ANN["email"]), {"job_title": "Baker of Annabella"})
    erased(lab)
    lab.settle()
    assert not lab.all("crm", email=ANN["email"])
    assert not lab.all("shop", email=ANN["email"])
    assert remains(lab.hub.store, TRACES) == []


def test_who_comes_back_is_kept_out_and_asked_about(lab: Lab) -> None:
    two(lab)
    id_ = erased(lab)
    lab.settle()
    lab.wait(600)
    lab.tools["shop"].create("contacts", {**ANN, "last_name": "Other"})
    lab.settle()
    assert remains(lab.hub.store, TRACES) == []
    assert [one.values for one in lab.records() if one.state == State.LIVE] == [lab.record(email=BOB["email"]).values]
    assert not lab.all("crm", email=ANN["email"])
    (review,) = lab.reviews("returned")
    assert review.subject == {"connection": "shop", "stream": "contacts", "erasure": id_}
    assert lab.reviews() == [review]


def test_a_number_and_the_family_name_are_enough_to_be_kept_out(lab: Lab) -> None:
    two(lab)
    erased(lab)
    lab.settle()
    lab.tools["shop"].create("contacts", {"phone": ANN["phone"], "last_name": "SHOREHAM"})
    lab.settle()
    assert len(lab.reviews("returned")) == 1
    assert len(lab.all("crm")) == 1


def test_the_ledger_still_holds_and_says_that_somebody_was_erased(lab: Lab) -> None:
    two(lab)
    sign(lab.hub)
    erased(lab)
    lab.settle()
    found = verify(lab.hub)
    assert found.holds, found.wrong
    assert found.erased > 0


def test_all_that_was_merged_goes_together(lab: Lab) -> None:
    two(lab)
    lab.tools["crm"].create(
        "contacts", {"email": "ann@work2.example", "first_name": "Annabella", "last_name": "Shoreham"}
    )
    lab.settle()
    one, other = lab.record(email=ANN["email"]).id, lab.record(email="ann@work2.example").id
    join(lab.hub, one, other)
    lab.settle()
    erase(lab.hub, one)
    lab.settle()
    assert remains(lab.hub.store, (*TRACES, "ann@work2")) == []
    assert lab.all("crm") == [lab.find("crm", email=BOB["email"])]


def test_whom_they_were_mixed_up_with_is_left_without_their_words(lab: Lab) -> None:
    two(lab)
    ann, bob = lab.record(email=ANN["email"]).id, lab.record(email=BOB["email"]).id
    run_id = join(lab.hub, bob, ann)
    lab.settle()
    undo(lab.hub, run_id)
    lab.settle()
    values = lab.record(email=BOB["email"]).values
    erased(lab)
    lab.settle()
    assert remains(lab.hub.store, TRACES) == []
    assert lab.record(email=BOB["email"]).values == values


def test_an_erasure_cannot_be_undone_and_undoing_what_brought_them_brings_nobody_back(lab: Lab) -> None:
    two(lab)
    with lab.hub.store.reading() as tx:
        (first, *_) = [one.id for one in reversed(runs.recent(tx)) if one.what == "pull"]
    ann = lab.record(email=ANN["email"]).id
    run_id = say(lab.hub, ann, {"job_title": "Baker"})
    id_ = erased(lab)
    lab.settle()
    with lab.hub.store.reading() as tx:
        found = erasures.one(tx, id_)
    assert found is not None
    assert found.run_id is not None
    with pytest.raises(ConfigError, match="erased somebody"):
        undo(lab.hub, found.run_id)
    with pytest.raises(ConfigError, match="changed nothing"):
        undo(lab.hub, run_id)
    undo(lab.hub, first)
    lab.settle()
    with lab.hub.store.reading() as tx:
        assert records.load(tx, [ann])[ann].state == State.ERASED
    assert remains(lab.hub.store, TRACES) == []


def test_nobody_is_erased_twice(lab: Lab) -> None:
    two(lab)
    ann = lab.record(email=ANN["email"]).id
    erase(lab.hub, ann)
    with pytest.raises(ConfigError, match="erased already"):
        erase(lab.hub, ann)


def test_what_refers_to_them_stays_and_refers_to_nobody(lab: Lab) -> None:
    crm, shop = lab.tool("crm", mapping=MAPPING + DEALS), lab.tool("shop", mapping=MAPPING + DEALS)
    ann, bob = crm.create("contacts", ANN), crm.create("contacts", BOB)
    deal = crm.create("deals", {"name": "Patio", "contact_ids": [ann, bob]})
    lab.settle()
    there = lab.find("shop", "deals", name="Patio")
    assert len(lab.held("shop", there, "deals")["contact_ids"]) == 2
    record = lab.record(email=ANN["email"])
    assert plan(lab.hub, record.id).refer == {"deal": [lab.record(name="Patio").id]}
    erase(lab.hub, record.id)
    lab.settle()
    crm.edit("deals", deal, {"name": "Terrace"})
    lab.wait(600)
    lab.settle()
    assert lab.held("shop", there, "deals") == {
        "name": "Terrace", "contact_ids": [lab.find("shop", email=BOB["email"])],
    }  # fmt: skip
    assert lab.pending() == 0
    assert not lab.dead_letters()
    assert shop.all("contacts").keys() == {lab.find("shop", email=BOB["email"])}


def test_what_a_filter_keeps_out_is_theirs_too(lab: Lab) -> None:
    crm = lab.tool("crm", mapping=MAPPING)
    lab.tool("shop", mapping=MAPPING, policy={"only_in": {"job_title": "Friend"}})
    crm.create("contacts", BOB)
    kept_out = lab.tools["shop"].create("contacts", {**ANN, "job_title": "Baker"})
    lab.settle()
    crm.create("contacts", ANN)
    lab.settle()
    id_ = erased(lab)
    lab.settle()
    assert lab.tools["shop"].get("contacts", kept_out) is None
    assert states(lab, id_) == {"crm": At.DELETED, "shop": At.DELETED}
    assert remains(lab.hub.store, TRACES) == []


def test_a_tool_that_may_not_be_written_is_left_to_a_person(lab: Lab) -> None:
    crm = lab.tool("crm", mapping=MAPPING)
    lab.tool("shop", mapping=MAPPING, policy={"writes": False})
    crm.create("contacts", ANN)
    there = lab.tools["shop"].create("contacts", ANN)
    lab.settle()
    id_ = erased(lab)
    lab.settle()
    assert states(lab, id_) == {"crm": At.DELETED, "shop": At.BY_HAND}
    assert lab.held("shop", there)
    (review,) = lab.reviews("by_hand")
    assert review.subject["connection"] == "shop"
    lab.tools["shop"].delete("contacts", there)
    lab.settle()
    assert states(lab, id_)["shop"] == At.GONE
    assert not lab.reviews()


@pytest.mark.parametrize("place", ["before commit", "after commit", "before call", "after call"])
@pytest.mark.parametrize("at", range(1, 5))
def test_a_crash_while_the_tools_are_told_loses_nothing(lab: Lab, place: str, at: int) -> None:
    two(lab)
    erased(lab)
    fate = Fate(place, at)
    mortal = replace(lab.hub, store=MortalStore(lab.hub.store, fate))
    for name in lab.tools:
        try:
            turn(mortal, mortal.connection(name))
        except Killed:
            lab.restart()
            break
    lab.wait(3_600)
    lab.settle()
    assert not lab.all("crm", email=ANN["email"])
    assert not lab.all("shop", email=ANN["email"])


def test_what_is_sent_in_that_very_moment_is_found_and_deleted(lab: Lab) -> None:
    """The create is under way when the person is erased, and its answer is lost."""
    crm = lab.tool("crm", mapping=MAPPING)
    shop = lab.tool("shop", mapping=MAPPING)
    crm.create("contacts", ANN)
    lab.turn("crm")
    shop.mischief.once("lost_answer")

    hub: Hub = lab.hub
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.flow.outward.outbound._written", _erasing_first(lab))
        turn(hub, lab.connection("shop"))
    assert lab.all("shop", email=ANN["email"])
    lab.wait(3_600)
    lab.settle()
    assert not lab.all("shop")
    assert not lab.all("crm")
    assert remains(lab.hub.store, TRACES) == []
    assert not lab.reviews()


def _erasing_first(lab: Lab) -> object:
    from core.flow.outward import outbound

    written = outbound._written

    def erasing(*args: object) -> object:
        if found := find(lab.hub, "contact", str(ANN["email"])):
            erase(lab.hub, found[0].id)
        return written(*args)  # type: ignore[arg-type]

    return erasing


def test_whom_somebody_merged_into_them_meanwhile_is_not_deleted_unasked(lab: Lab) -> None:
    two(lab)
    crm = lab.tools["crm"]
    ann, bob = lab.find("crm", email=ANN["email"]), lab.find("crm", email=BOB["email"])
    id_ = erased(lab)
    crm.merge("contacts", ann, bob)
    lab.settle()
    assert lab.held("crm", ann)
    assert states(lab, id_) == {"crm": At.RETURNED, "shop": At.DELETED}
    (review,) = lab.reviews("returned")
    assert "merged" in review.subject["note"]
    answer(lab.hub, review, "erase")
    lab.settle()
    assert not lab.all("crm")
    assert lab.find("shop", email=BOB["email"])


def test_who_comes_back_by_themselves_is_let_in_as_somebody_new(lab: Lab) -> None:
    two(lab)
    old = lab.record(email=ANN["email"]).id
    id_ = erased(lab)
    lab.settle()
    lab.wait(600)
    lab.tools["shop"].create("contacts", {**ANN, "job_title": "Baker"})
    lab.settle()
    (review,) = lab.reviews("returned")
    answer(lab.hub, review, "admit")
    lab.settle()
    new = lab.record(email=ANN["email"])
    assert new.id != old
    assert lab.held("crm", lab.find("crm", email=ANN["email"]))["job_title"] == "Baker"
    assert At.ADMITTED in states(lab, id_).values()


def test_who_was_only_kept_for_long_enough_may_come_back(lab: Lab) -> None:
    two(lab)
    erase(lab.hub, lab.record(email=ANN["email"]).id, asked=False)
    lab.settle()
    assert remains(lab.hub.store, TRACES) == []
    lab.wait(600)
    lab.tools["shop"].create("contacts", ANN)
    lab.settle()
    assert lab.find("crm", email=ANN["email"])
    assert not lab.reviews()


def test_what_a_person_deletes_by_hand_may_be_confirmed(lab: Lab) -> None:
    lab.tool("crm", mapping=MAPPING, policy={"writes": False}).create("contacts", ANN)
    lab.settle()
    id_ = erased(lab)
    (review,) = lab.reviews("by_hand")
    answer(lab.hub, review, "done")
    assert states(lab, id_) == {"crm": At.CONFIRMED}
    told = certify(lab.hub, id_)
    assert told["done_at"]
    assert [one["answer"] for one in told["tools"]] == ["confirmed"]


def test_what_may_be_written_by_now_is_no_longer_left_to_a_person(lab: Lab) -> None:
    lab.tool("crm", mapping=MAPPING, policy={"writes": False}).create("contacts", ANN)
    lab.settle()
    id_ = erased(lab)
    world = lab.tools["crm"].name
    spec = ConnectionSpec("crm", "memory", {"world": world}, MAPPING, "crm.yaml", {"*": {"writes": True}})
    lab.installation.put_connection(spec)
    lab.refreshed()
    lab.settle()
    assert states(lab, id_) == {"crm": At.DELETED}
    assert not lab.all("crm")
    assert not lab.reviews()


def test_a_certificate_holds_until_a_word_of_it_is_changed(lab: Lab) -> None:
    two(lab)
    id_ = erase(lab.hub, lab.record(email=ANN["email"]).id, reference="2026-17")
    lab.settle()
    told = certify(lab.hub, id_)
    assert holds(told)
    assert told["reference"] == "2026-17"
    assert told["ledger"]["root"]
    assert {one["answer"] for one in told["tools"]} == {"deleted"}
    assert not holds({**told, "tools": []})
    assert not holds({**told, "signature": "?"})
    assert not any(word in dumps(told).casefold() for word in TRACES)
    with pytest.raises(ConfigError, match="no erasure"):
        certify(lab.hub, 99)


def test_an_access_request_tells_all_and_from_where(lab: Lab) -> None:
    two(lab)
    say(lab.hub, lab.record(email=ANN["email"]).id, {"job_title": "Baker"})
    lab.settle()
    told = gather(lab.hub, lab.record(email=ANN["email"]).id)
    assert told["values"]["job_title"]["value"] == "Baker"
    assert told["values"]["job_title"]["said_by"] == "hub"
    assert {one["connection"] for one in told["tools"]} == {"crm", "shop"}
    assert all(one["holds"]["email"] == ANN["email"] for one in told["tools"])
    assert any(one["status"] == "denied" for one in told["consents"])
    assert told["history"][0]["what"] == "seen"
    assert told["sent"][0]["verb"] == "create"
    assert "bob" not in dumps(told).casefold()


def test_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with Lab(tmp_path, database_url=hasty(postgres_url)) as lab:
        two(lab)
        id_ = erased(lab)
        lab.settle()
        lab.tools["shop"].create("contacts", ANN)
        lab.settle()
        assert remains(lab.hub.store, TRACES) == []
        assert states(lab, id_)["crm"] == At.DELETED
        assert len(lab.reviews("returned")) == 1
        assert verify(lab.hub).holds
