"""Money: amounts by currency without a float, statuses by what is known, and where a record leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors._kit.catalogue import entry
from connectors.stripe.test_stripe import CUSTOMERS, Trial
from core import mapping
from core.model.shapes import SHAPES
from core.ports import Fields

WORDS = mapping.load(entry("stripe").mapping_path.read_text(encoding="utf-8"), file="stripe.yaml")


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def read(stream: str, fields: Fields) -> dict[str, Any]:
    """A record as the default mapping reads it; a value that is a problem is left out."""
    (reading,) = mapping.translator(WORDS.streams[stream], shapes=SHAPES).read([fields])
    return dict(reading.values)


def seen(trial: Trial, stream: str, id_: str) -> dict[str, Any]:
    return read(stream, trial.fetch(stream, id_).fields)


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (1099, "usd", "10.99"), (-250, "eur", "-2.50"), (5, "gbp", "0.05"), (500, "jpy", "500"),
        (1250, "krw", "1250"), (999_999, "vnd", "999999"), (1250, "mga", "1250.00"), (12_340, "kwd", "12.340"),
        (12_340, "bhd", "12.340"), (12_340, "jod", "12.340"), (12_340, "omr", "12.340"), (12_340, "tnd", "12.340"),
        (125_000, "isk", "1250"), (500_000, "ugx", "5000"), (125_000, "huf", "1250.00"), (125_000, "twd", "1250.00"),
        (99_999_999_999_999, "usd", "999999999999.99"), (0, "clp", "0"),
    ],
)  # fmt: skip
def test_an_amount_is_what_a_person_would_write(minor: int, currency: str, amount: str) -> None:
    values = read("payment_intents", {"object": "payment_intent", "amount": minor, "currency": currency})
    assert values["amount"] == {"amount": amount, "currency": currency.upper()}


@pytest.mark.parametrize("currency", ["usd", "jpy", "kwd", "isk", "ugx", "mga", "xpf"])
def test_an_amount_comes_back_to_the_unit(currency: str) -> None:
    line = next(one for one in WORDS.streams["payment_intents"].lines if one.field == "amount")
    pair = line.steps[0].step.pair(dict(line.steps[0].arguments))
    for minor in (0, 100, 12_300, 999_999_999_999_900):
        assert pair.inward is not None
        assert pair.outward is not None
        there = {"amount": minor, "currency": currency}
        assert pair.outward(pair.inward(there)) == there


def test_a_payment_goes_through_its_statuses(trial: Trial) -> None:
    id_ = trial.box.begin(5000)
    statuses = [seen(trial, "payment_intents", id_)["status"]]
    acts: tuple[Callable[[], None], ...] = (
        lambda: trial.box.decline(id_), lambda: trial.box.pay(id_), lambda: trial.box.give_back(id_, 1000),
        lambda: trial.box.give_back(id_, 4000), lambda: trial.box.dispute(id_),
    )  # fmt: skip
    for act in acts:
        act()
        statuses.append(seen(trial, "payment_intents", id_)["status"])
    assert statuses == ["open", "failed", "paid", "paid", "refunded", "disputed"]
    values = seen(trial, "payment_intents", id_)
    assert values["amount_refunded"] == {"amount": "50.00", "currency": "GBP"}
    assert values["amount_paid"] == {"amount": "50.00", "currency": "GBP"}
    assert (values["type"], values["method"], values["number"]) == ("payment", "card", id_)


def test_a_payment_that_was_called_off_is_cancelled_and_never_paid(trial: Trial) -> None:
    id_ = trial.box.begin(5000)
    trial.box.call_off(id_)
    values = seen(trial, "payment_intents", id_)
    assert values["status"] == "cancelled"
    assert values["cancelled_at"]
    assert values.get("paid_at") is None


def test_a_failed_charge_says_when_it_failed_and_not_that_it_paid(trial: Trial) -> None:
    id_ = trial.box.begin(5000)
    trial.box.decline(id_)
    values = seen(trial, "payment_intents", id_)
    assert values["failed_at"]
    assert values.get("paid_at") is None


def test_an_invoice_goes_through_its_statuses(trial: Trial) -> None:
    id_ = trial.box.bill(10_000, tax=2000, customer="cus_1", customer_email="a@example.com")
    statuses = [seen(trial, "invoices", id_)["status"]]
    acts: tuple[Callable[[], object], ...] = (
        lambda: trial.box.issue(id_, due=1_796_000_000), lambda: trial.box.settle(id_, 2000),
        lambda: trial.box.settle(id_),
    )  # fmt: skip
    for act in acts:
        act()
        statuses.append(seen(trial, "invoices", id_)["status"])
    assert statuses == ["draft", "open", "part_paid", "paid"]
    values = seen(trial, "invoices", id_)
    assert values["amount"] == {"amount": "120.00", "currency": "GBP"}
    assert values["tax"] == {"amount": "20.00", "currency": "GBP"}
    assert (values["number"], values["due_on"], values["email"]) == ("BLUE-0001", "2026-11-30", "a@example.com")
    assert values["paid_at"]
    assert values["lines"][0]["amount"] == 10_000


@pytest.mark.parametrize(("there", "here"), [("void", "void"), ("uncollectible", "overdue")])
def test_an_invoice_that_comes_to_nothing(trial: Trial, there: str, here: str) -> None:
    id_ = trial.box.bill(100)
    trial.box.issue(id_)
    trial.box.turn(id_, there)
    assert seen(trial, "invoices", id_)["status"] == here


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("trialing", "trial"), ("active", "active"), ("past_due", "overdue"), ("unpaid", "failed"),
        ("incomplete", "open"), ("incomplete_expired", "void"), ("paused", "paused"), ("canceled", "cancelled"),
    ],
)  # fmt: skip
def test_a_subscriptions_status(there: str, here: str) -> None:
    assert read("subscriptions", {"object": "subscription", "status": there})["status"] == here


@pytest.mark.parametrize(
    ("interval", "every", "here"),
    [("month", 1, "month"), ("month", 3, "quarter"), ("year", 1, "year"), ("week", 2, None), ("month", 6, None)],
)
def test_a_subscriptions_rhythm(trial: Trial, interval: str, every: int, here: str | None) -> None:
    id_ = trial.box.subscribe("cus_1", 1500, interval=interval, every=every)
    assert seen(trial, "subscriptions", id_).get("interval") == here


def test_a_subscription_says_what_it_comes_to_and_until_when(trial: Trial) -> None:
    id_ = trial.box.subscribe("cus_1", 1500, 250)
    values = seen(trial, "subscriptions", id_)
    assert values["amount"] == {"amount": "17.50", "currency": "GBP"}
    assert values["period_start"] < values["period_end"]


def test_a_subscription_that_depends_on_use_has_no_amount(trial: Trial) -> None:
    id_ = trial.box.subscribe("cus_1", 1500, 250)
    trial.box.items[id_][1]["price"] |= {"billing_scheme": "tiered", "unit_amount": None}
    assert seen(trial, "subscriptions", id_).get("amount") is None


@pytest.mark.parametrize("stream", ["payment_intents", "invoices", "subscriptions"])
def test_a_word_stripe_adds_one_day_is_a_problem_and_no_crash(stream: str) -> None:
    words = mapping.translator(WORDS.streams[stream], shapes=SHAPES)
    (reading,) = words.read([{"object": stream[:-1], "status": "in_limbo", "id": "x"}])
    assert "status" not in reading.values
    assert any("in_limbo" in str(problem) for problem in reading.problems)


def test_every_payment_leads_to_its_customer(trial: Trial) -> None:
    customer = trial.person()
    intent = trial.box.begin(100, customer=customer)
    ids = {"payment_intents": intent, "invoices": trial.box.bill(100, customer=customer),
           "subscriptions": trial.box.subscribe(customer)}  # fmt: skip
    for stream, id_ in ids.items():
        assert seen(trial, stream, id_)["contact"] is not None, stream


def test_a_customers_name_is_one_field_there_and_two_here() -> None:
    customers = mapping.translator(WORDS.streams[CUSTOMERS], shapes=SHAPES)
    values = read(CUSTOMERS, {"name": "Ann Maria Shore", "email": "ANN@example.com", "created": 1_764_000_000})
    assert (values["first_name"], values["last_name"], values["email"]) == ("Ann", "Maria Shore", "ann@example.com")
    assert values["created_at"] == "2025-11-24T16:00:00Z"
    assert customers.write({"first_name": "Ann", "last_name": "Shore"}).fields["name"] == "Ann Shore"
    assert customers.write({"full_name": "Shore & Daughters"}).fields["name"] == "Shore & Daughters"
    assert "name" not in customers.write({"email": "a@example.com"}).fields
