"""Every word about consent is in the ledger, whoever brought it; and whoever meddles with the ledger is found."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import text

from core.decide import merkle
from core.flow.consent import heads
from core.flow.consent.verifying import Verified, verify
from core.flow.saying import say
from core.flow.undo.undoing import undo
from core.store import ledger, tables
from tests.support import Lab, people

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    phone: {field: phone}
    consent.email: {field: email_consent}
    consent.sms: {field: sms_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann", "phone": "+447700900123"}


def told(lab: Lab, *names: str) -> list[tuple[object, ...]]:
    """What the ledger tells, entry by entry."""
    with lab.hub.store.reading() as tx:
        rows = [ledger.Row(*row) for page in ledger.pages(tx) for row in page]
    return [tuple(row.told[name] for name in names) for row in rows]


def holds(lab: Lab) -> Verified:
    found = verify(lab.hub)
    assert found.holds, found.wrong
    return found


def test_what_stands_at_first_sight_is_entered_with_its_point(lab: Lab) -> None:
    lab.tool("shop", mapping=MAPPING).create("contacts", {**ANN, "email_consent": "denied", "sms_consent": "granted"})
    lab.tool("crm", mapping=MAPPING).create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    assert told(lab, "source", "channel", "status", "point", "cause") == [
        ("shop", "email", "denied", "ann@shore.example", "seen"),
        ("shop", "sms", "granted", "+447700900123", "seen"),
        ("crm", "email", "granted", "ann@shore.example", "seen"),
    ]
    assert holds(lab).claims == 3
    # What the hub itself then wrote into the tools is no word of theirs.
    assert lab.held("crm", lab.find("crm"))["email_consent"] == "denied"


def test_edits_words_in_the_hub_and_their_undo_are_entered(lab: Lab) -> None:
    tool = lab.tool("shop", mapping=MAPPING)
    id_ = tool.create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    tool.edit("contacts", id_, {"email_consent": "denied"})
    lab.settle()
    record = lab.record(email=ANN["email"])
    run = say(lab.hub, record.id, {"consent.sms": "granted"})
    undo(lab.hub, run)
    assert told(lab, "source", "channel", "status", "cause") == [
        ("shop", "email", "granted", "seen"),
        ("shop", "email", "denied", "heard"),
        ("hub", "sms", "granted", "heard"),
        ("hub", "sms", None, "undone"),
    ]
    holds(lab)


def test_an_edit_of_something_else_enters_nothing(lab: Lab) -> None:
    tool = lab.tool("shop", mapping=MAPPING)
    id_ = tool.create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    tool.edit("contacts", id_, {"first_name": "Anna"})
    lab.settle()
    assert len(told(lab, "status")) == 1


def test_another_address_makes_it_another_word(lab: Lab) -> None:
    tool = lab.tool("shop", mapping=MAPPING)
    id_ = tool.create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    tool.edit("contacts", id_, {"email": "ann@hill.example"})
    lab.settle()
    assert told(lab, "status", "point") == [("granted", "ann@shore.example"), ("granted", "ann@hill.example")]
    holds(lab)


def test_a_merged_pair_keeps_both_words(lab: Lab) -> None:
    tool = lab.tool("shop", mapping=MAPPING)
    one = tool.create("contacts", {**ANN, "email_consent": "denied"})
    other = tool.create("contacts", {**ANN, "email": "ann@hill.example", "phone": None, "email_consent": "granted"})
    lab.settle()
    tool.merge("contacts", other, one)
    lab.settle()
    (record,) = [one for one in lab.records() if one.state == 0]
    assert record.values["consent.email"] == "denied"
    holds(lab)


def test_a_turn_ends_with_a_signed_head(lab: Lab) -> None:
    lab.tool("shop", mapping=MAPPING).create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    with lab.hub.store.reading() as tx:
        (head,) = ledger.heads(tx)
    assert head.size == 1
    assert heads.holds(lab.hub.installation, head)
    assert not heads.holds("another", head)
    assert heads.sign(lab.hub) == head, "nothing was added since"


def filled(lab: Lab, number: int) -> None:
    """A ledger of that many entries, with heads between them."""
    tool = lab.tool("shop", mapping=MAPPING)
    for start in range(0, number, 150):
        for one in people(min(150, number - start), start=start):
            tool.create("contacts", {**one, "email_consent": "granted"})
        lab.turn("shop")


def sql(lab: Lab, *statements: str) -> None:
    with lab.hub.store.writing() as tx:
        for one in statements:
            tx.execute(text(one))


Meddle = Callable[[Lab], None]


def _edited(lab: Lab) -> None:
    with lab.hub.store.writing() as tx:
        row = ledger.at(tx, 7)
        assert row is not None
        body = orjson.dumps({**row.told, "status": "denied"}, option=orjson.OPT_SORT_KEYS)
        entry = tables.consent_entry
        tx.execute(entry.update().where(entry.c.place == 7).values(body=body))


def _edited_with_its_leaf(lab: Lab) -> None:
    _edited(lab)
    with lab.hub.store.writing() as tx:
        row = ledger.at(tx, 7)
        assert row is not None
        assert row.salt is not None
        assert row.body is not None
        entry = tables.consent_entry
        tx.execute(entry.update().where(entry.c.place == 7).values(leaf=merkle.leaf(row.salt, row.body)))


MEDDLING: dict[str, tuple[Meddle, str]] = {
    "edited": (_edited, "entry 7 is not what was entered"),
    "edited with its leaf": (_edited_with_its_leaf, "are not those that were signed"),
    "deleted": (lambda lab: sql(lab, "DELETE FROM consent_entry WHERE place = 40"), "entry 40 is missing"),
    "deleted, and the rest moved up": (
        lambda lab: sql(
            lab,
            "DELETE FROM consent_entry WHERE place = 40",
            "UPDATE consent_entry SET place = place - 1000 WHERE place > 40",
            "UPDATE consent_entry SET place = place + 999 WHERE place < 0",
        ),
        "are not those that were signed",
    ),
    "reordered": (
        lambda lab: sql(
            lab,
            "UPDATE consent_entry SET place = -1 WHERE place = 3",
            "UPDATE consent_entry SET place = 3 WHERE place = 4",
            "UPDATE consent_entry SET place = 4 WHERE place = -1",
        ),
        "are not those that were signed",
    ),
    "truncated": (lambda lab: sql(lab, "DELETE FROM consent_entry WHERE place >= 290"), "the end was cut off"),
    "truncated with its heads": (
        lambda lab: sql(
            lab, "DELETE FROM consent_entry WHERE place >= 150", "DELETE FROM consent_head WHERE size > 150"
        ),
        "which is not in the ledger",
    ),
    "blanked": (
        lambda lab: sql(lab, "UPDATE consent_entry SET body = NULL, salt = NULL WHERE place = 12"),
        "no erasure says so",
    ),
    "filed under somebody else": (
        lambda lab: sql(lab, "UPDATE consent_entry SET record_id = 9999 WHERE place = 12"),
        "is filed under record 9999",
    ),
    "a head edited": (
        lambda lab: sql(lab, "UPDATE consent_head SET size = 100 WHERE size = 150"),
        "is not signed with this installation's key",
    ),
}


@pytest.mark.parametrize("how", MEDDLING)
def test_meddling_is_found(lab: Lab, how: str) -> None:
    filled(lab, 300)
    holds(lab)
    meddle, words = MEDDLING[how]
    meddle(lab)
    found = verify(lab.hub)
    assert any(words in one for one in found.wrong), found.wrong


def test_a_head_that_was_kept_elsewhere_shows_that_the_past_was_written_anew(lab: Lab) -> None:
    filled(lab, 150)
    with lab.hub.store.reading() as tx:
        kept = ledger.heads(tx)
    _edited_with_its_leaf(lab)
    sql(lab, "DELETE FROM consent_head")
    heads.sign(lab.hub)
    assert verify(lab.hub, claims=False).holds, "it is all of one piece again"
    assert any("different roots" in one for one in verify(lab.hub, kept=kept).wrong)


def test_stored_nodes_prove_every_place_and_every_growth(lab: Lab) -> None:
    filled(lab, 700)
    with lab.hub.store.reading() as tx:
        count, node = ledger.size(tx), ledger.Nodes(tx)
        leaves = [row[4] for page in ledger.pages(tx) for row in page]
        root = ledger.tip_of(tx, count).root()
        for place in (0, 1, 255, 256, 511, 512, 650, count - 1):
            proof = merkle.inclusion(node, place, count)
            assert merkle.is_included(leaves[place], place, count, proof, root)
        for head in ledger.heads(tx):
            proof = merkle.consistency(node, head.size, count)
            assert merkle.is_consistent(head.size, count, proof, head.root, root)
    assert count == 700
    holds(lab)
