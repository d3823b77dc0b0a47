"""A small policy for the tests of the four elements, and quick ways to say what there is."""

from __future__ import annotations

from datetime import date
from typing import Any

from core.decide.movement.hours import Hours, Span, Stretch
from core.decide.movement.person import Person
from core.decide.movement.policy import FirstAction, HandOff, Ladder, Mode, Policy, Rung, Stage, Step, Touch
from core.decide.movement.subject import Subject
from core.decide.movement.traces import Trace, trace_of
from core.mapping.filter import Filter, filter_of
from core.model.instant import DAY, HOUR, Instant, from_iso
from core.model.locale import Locale
from core.model.shapes import SHAPES

DAYTIME = (Stretch(9 * 60, 17 * 60),)
HOURS = Hours(
    "Europe/London", (DAYTIME,) * 5 + ((), ()), holidays=frozenset({date(2026, 5, 4)}), yearly=frozenset({(12, 25)})
)
ON = dict.fromkeys(Step, Mode.ACT)


def fits(kind: str, **said: Any) -> Filter:
    """A condition."""
    found = filter_of(said, SHAPES[kind], Locale(), where="test")
    assert found is not None
    return found


def step(say: str, minutes: int = 0, days: int = 0, type_: str = "task") -> FirstAction:
    """A first action."""
    return FirstAction(say, Span(minutes, days), type_)


LADDER = Ladder(
    "usual",
    (
        Rung(Span(minutes=60), Step.REMIND, "owner", "Still to do: {name}"),
        Rung(Span(minutes=240), Step.ESCALATE, "manager"),
        Rung(Span(days=1), Step.REASSIGN, "manager"),
    ),
)
POLICY = Policy(
    hours=HOURS,
    mark="test",
    stages=(
        Stage("captured", "contact", fits("contact", lifecycle_stage="lead"), "They asked.", "captured",
              first=step("Call {name}: {asked}", minutes=15), oldest=2 * DAY),
        Stage("New", "deal", fits("deal", status="open", stage="New"), "It is new.", "captured",
              first=step("Call {name}", days=1)),
        Stage("Booked", "deal", fits("deal", status="open", stage="Booked"), "A visit is booked.", "scheduled",
              evidence=("meeting",), first=step("Confirm", days=1)),
        Stage("Proposal sent", "deal", fits("deal", status="open", stage=["Proposal sent", "Quoted"]), "Sent.",
              "qualified", evidence=("document",), first=step("Ask {name}", days=2), oldest=30 * DAY),
        Stage("Won", "deal", fits("deal", status="won"), "They bought.", "delivered", evidence=("payment",),
              open=False),
        Stage("Lost", "deal", fits("deal", status="lost"), "They did not.", "delivered", open=False),
    ),
    ladders={"usual": LADDER},
    ladder="usual",
    hand_offs=(
        HandOff("missed call", "activity", fits("activity", type="call", outcome="missed"), None,
                step("Call {name} back", minutes=60, type_="call")),
        HandOff("estimate without an answer", "document", fits("document", type="estimate", status=["sent", "viewed"]),
                3 * DAY, step("Ask {name} about the estimate", days=1)),
        HandOff("no-show", "activity", fits("activity", type="meeting", status="no_show"), None,
                step("Offer {name} another time", minutes=30)),
    ),
    after_sale=(Touch("review", "deal", fits("deal", status="won"), 3 * DAY, step("Ask for a review", days=2)),),
    reactivate=(
        Touch("quiet customer", "contact", fits("contact", lifecycle_stage="customer"), 365 * DAY,
              step("Say hello to {name}", days=5)),
    ),
    modes=ON,
    escalate_to="boss@shop.example",
)  # fmt: skip

BOSS = Person(2, "bob@shop.example", "Bob Boss")
PRIYA = Person(3, "priya@shop.example", "Priya Nair", manager=BOSS)


def at(text: str) -> Instant:
    """`2026-05-01 16:58` in London's summer time."""
    return from_iso(f"{text.replace(' ', 'T')}:00Z") - HOUR


def iso_at(text: str) -> str:
    """The same as a canonical value."""
    from core.model.instant import iso

    return iso(at(text))


def trace(id_: int, kind: str = "activity", **values: Any) -> Trace:
    """A trace of a record with these values."""
    return trace_of(id_, kind, values, str(values.get("subject") or values.get("name") or ""))


def lead(*traces: Trace, since: str = "2026-05-01 10:00", owner: Person | None = PRIYA, **values: Any) -> Subject:
    """A lead with what is about them."""
    said = {"lifecycle_stage": "lead", "first_name": "Ann", "created_at": iso_at(since), **values}
    return Subject(7, "contact", said, at(since), owner, traces)


def deal(*traces: Trace, since: str = "2026-05-01 10:00", owner: Person | None = PRIYA, **values: Any) -> Subject:
    """A deal with what is about it."""
    said = {"name": "Patio", "status": "open", "stage_entered_at": iso_at(since), **values}
    return Subject(21, "deal", said, at(since), owner, traces)
