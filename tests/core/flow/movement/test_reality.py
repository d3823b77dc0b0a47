"""A year in the life of a business, kept in four tools, with lies planted in it: all are found, and none invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from core.decide.movement.reality import CLAIM, EVIDENCE_ALONE
from core.flow.movement.auditing import audit
from core.model.instant import DAY, HOUR, iso
from core.ports import Fields
from core.store import movement, records
from tests.core.decide.movement.policies import POLICY
from tests.support import Lab, people

CONTACTS = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name}
"""
CRM = (
    CONTACTS
    + """
deals:
  as: deal
  fields:
    name: {field: name}
    stage: {field: stage}
    status: {field: status}
    contacts: {field: contact_ids, ref: contact}
"""
)
DIARY = (
    CONTACTS
    + """
activities:
  as: activity
  fields:
    type: {field: type}
    subject: {field: subject}
    starts_at: {field: starts_at}
    ends_at: {field: ends_at}
    status: {field: status}
    contacts: {field: contact_ids, ref: contact}
"""
)
PAPERS = (
    CONTACTS
    + """
documents:
  as: document
  fields:
    name: {field: name}
    type: {field: type}
    status: {field: status}
    sent_at: {field: sent_at}
    contacts: {field: contact_ids, ref: contact}
"""
)
BANK = (
    CONTACTS
    + """
payments:
  as: payment
  fields:
    number: {field: number}
    type: {field: type}
    status: {field: status}
    paid_at: {field: paid_at}
    contact: {field: customer, ref: contact}
"""
)
STAGES: tuple[tuple[str, str], ...] = (
    ("New", "open"),
    ("Booked", "open"),
    ("Quoted", "open"),
    ("", "won"),
    ("", "lost"),
)
NEW, BOOKED, QUOTED, WON, LOST = range(5)
TRUE, LIES = 400, 300


class Life:
    """Writes a deal's life into the four tools, true unless told otherwise."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab, self.random = lab, Random(seed)
        self.told: dict[str, tuple[str, str, str]] = {}
        """Deal → (what, stage, word) of the lie in it."""

    def deal(self, number: int, at: int, *, without: str = "", beside: str = "") -> str:
        """A deal at a stage: with every trace that its stages ask for, but `without` one, and with one `beside`."""
        (person,) = people(1, start=number)
        id_ = self._person("crm", person)
        stage, status = STAGES[at]
        name = f"Deal {number}"
        self._put("crm", "deals", {"name": name, "stage": stage, "status": status, "contact_ids": [id_]})
        traces: dict[str, Callable[[Fields, str], None]] = {
            "meeting": self._meeting, "document": self._document, "payment": self._payment
        }  # fmt: skip
        passed = {NEW: (), BOOKED: ("meeting",), QUOTED: ("meeting", "document"), WON: (*traces,), LOST: ()}[at]
        for word, put in traces.items():
            if (word in passed and word != without) or word == beside:
                put(person, "good")
            elif (word == without or self.random.random() < 0.3) and self.random.random() < 0.5:
                # What nearly is one: a draft, a cancelled meeting, a payment that failed; else nothing at all.
                put(person, "bad")
        return name

    def _meeting(self, person: Fields, how: str) -> None:
        starts = self.lab.clock() - self.random.randrange(1, 360) * DAY
        status = "planned" if how == "good" else self.random.choice(("cancelled", "no_show"))
        fields = {"type": "meeting", "subject": "Visit", "status": status, "starts_at": iso(starts)}
        ids = [self._person("diary", person)]
        self._put("diary", "activities", {**fields, "ends_at": iso(starts + HOUR), "contact_ids": ids})

    def _document(self, person: Fields, how: str) -> None:
        status = self.random.choice(("sent", "viewed", "accepted", "declined")) if how == "good" else "draft"
        sent = {"sent_at": iso(self.lab.clock() - self.random.randrange(1, 360) * DAY)} if how == "good" else {}
        ids = [self._person("papers", person)]
        self._put(
            "papers", "documents", {"name": "Quote", "type": "quote", "status": status, **sent, "contact_ids": ids}
        )

    def _payment(self, person: Fields, how: str) -> None:
        status = self.random.choice(("paid", "part_paid", "refunded")) if how == "good" else "failed"
        fields = {"number": f"P-{self.random.random()}", "type": "payment", "status": status}
        self._put("bank", "payments", {**fields, "customer": self._person("bank", person)})

    def _person(self, tool: str, person: Fields) -> str:
        return self._put(tool, "contacts", person)

    def _put(self, tool: str, stream: str, fields: Fields) -> str:
        return self.lab.tools[tool].create(stream, fields)


KINDS: tuple[tuple[int, dict[str, str], tuple[str, str, str]], ...] = (
    (BOOKED, {"without": "meeting"}, (CLAIM, "Booked", "meeting")),
    (QUOTED, {"without": "document"}, (CLAIM, "Proposal sent", "document")),
    (WON, {"without": "payment"}, (CLAIM, "Won", "payment")),
    (NEW, {"beside": "meeting"}, (EVIDENCE_ALONE, "Booked", "meeting")),
    (NEW, {"beside": "document"}, (EVIDENCE_ALONE, "Proposal sent", "document")),
    (BOOKED, {"beside": "document"}, (EVIDENCE_ALONE, "Proposal sent", "document")),
    (BOOKED, {"beside": "payment"}, (EVIDENCE_ALONE, "Won", "payment")),
    (QUOTED, {"beside": "payment"}, (EVIDENCE_ALONE, "Won", "payment")),
)
"""Eight kinds of lie: the stage, what is wrong with its traces, and how it must be told."""


@pytest.fixture
def year(lab: Lab, free_streams: None) -> Lab:
    lab.dressed = lambda hub: replace(hub, movement=POLICY)
    for name, mapping in (("crm", CRM), ("diary", DIARY), ("papers", PAPERS), ("bank", BANK)):
        lab.tool(name, mapping=mapping, policy={"creates": False, "writes": False}, page_size=1_000)
    return lab


def found(lab: Lab) -> dict[str, set[tuple[str, str, str]]]:
    """Deal → what does not fit together, as it is kept."""
    with lab.hub.store.reading() as tx:
        rows = {row.record_id: row for row in movement.after(tx, 0, 10_000) if row.kind == "deal" and row.unreal}
        names = {id_: one.values["name"] for id_, one in records.load(tx, rows).items()}
    return {
        names[id_]: {(one["what"], one["stage"], one["word"]) for one in row.told["unreal"]}
        for id_, row in rows.items()
    }


def test_every_lie_is_found_and_none_is_invented(year: Lab, seed: int) -> None:
    life, random = Life(year, seed), Random(seed)
    kinds = [KINDS[place % len(KINDS)] for place in range(LIES)] + [None] * TRUE
    random.shuffle(kinds)
    lies: dict[str, set[tuple[str, str, str]]] = {}
    for number, kind in enumerate(kinds):
        if kind is None:
            life.deal(number, random.randrange(5))
        else:
            at, wrong, told = kind
            lies[life.deal(number, at, **wrong)] = {told}
    assert len(lies) == LIES
    year.settle()
    audit(year.hub)
    assert found(year) == lies


def test_each_finding_names_the_act_that_mends_it_and_goes_away_with_it(year: Lab) -> None:
    life = Life(year, 1)
    paid = life.deal(1, QUOTED, beside="payment")
    year.settle()
    audit(year.hub)
    record = year.record(name=paid)
    with year.hub.store.reading() as tx:
        (one,) = movement.of_records(tx, [record.id])[record.id].told["unreal"]
    assert one["move"] == {"status": "won"}
    assert one["because"].startswith("It is Proposal sent, yet money came in")
    assert one["shown_by"] == year.records("payment")[0].id
    deal = year.find("crm", "deals", name=paid)
    year.tools["crm"].edit("deals", deal, {"stage": "", **one["move"]})
    year.settle()
    audit(year.hub)
    assert found(year) == {}


def test_a_claim_that_comes_true_is_no_finding_any_more(year: Lab) -> None:
    life = Life(year, 2)
    booked = life.deal(1, BOOKED, without="meeting")
    year.settle()
    audit(year.hub)
    assert found(year) == {booked: {(CLAIM, "Booked", "meeting")}}
    (person,) = people(1, start=1)
    starts = year.clock() + DAY
    ids = [year.tools["diary"].create("contacts", person)]
    meeting: dict[str, Any] = {"type": "meeting", "subject": "Visit", "status": "planned", "contact_ids": ids}
    year.tools["diary"].create("activities", {**meeting, "starts_at": iso(starts), "ends_at": iso(starts + HOUR)})
    year.settle()
    audit(year.hub)
    assert found(year) == {}
