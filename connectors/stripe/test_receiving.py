"""Webhooks: signed over the raw bytes, believed only in what they name; and the endpoints that send them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.catalogue import entry
from connectors._kit.mischief import Switch
from connectors.stripe.connector import build
from connectors.stripe.endpoints import MARK
from connectors.stripe.test_stripe import CUSTOMERS, HOOK, Trial
from connectors.stripe.words import STREAMS, VERSION
from core.errors import Forbidden, Garbled, Refused
from core.model.instant import SECOND
from core.ports import Context, Notice, Order, Request

PAYLOAD = "event.invoice.paid.synthetic.json"


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    hook = made.box.listen(HOOK)
    made.connector = made.connect(webhook_secret=hook["secret"])
    yield made
    made.close()


def heard(trial: Trial) -> list[Notice]:
    return [notice for request in trial.box.take_events() for notice in trial.connector.receive(request)]


def last(trial: Trial) -> Request:
    request: Request = trial.box.take_events()[-1]
    return request


def test_an_event_names_the_record_and_nothing_of_it_is_believed(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.edit(CUSTOMERS, id_, {"name": "New"})
    made, changed = heard(trial)
    assert (made.note, changed.note) == ("customer.created", "customer.updated")
    for notice in (made, changed):
        assert (notice.kind, notice.stream) == ("changed", CUSTOMERS)
        assert notice.remote is not None
        assert (notice.remote.id, notice.remote.fields, notice.remote.partial) == (id_, {}, True)
    assert made.event_id != changed.event_id


def test_what_happens_to_a_charge_is_told_of_its_payment(trial: Trial) -> None:
    id_ = trial.box.create("payment_intents", {"amount": 5000, "currency": "gbp"})
    trial.box.give_back(id_, 5000)
    trial.box.dispute(id_)
    notices = heard(trial)
    assert {(one.stream, one.remote.id) for one in notices if one.remote} == {("payment_intents", id_)}
    assert {"refund.created", "charge.refunded", "charge.dispute.created"} <= {one.note for one in notices}


def test_an_invoices_payment_is_told_of_the_invoice(trial: Trial) -> None:
    id_ = trial.box.bill(5000)
    trial.box.issue(id_)
    trial.box.settle(id_)
    told = {one.note: one for one in heard(trial)}
    assert told["invoice_payment.paid"].stream == "invoices"
    assert {one.remote.id for one in told.values() if one.remote and one.stream == "invoices"} == {id_}


def test_a_delete_is_final(trial: Trial) -> None:
    person, draft = trial.person(), trial.box.bill(100)
    trial.box.take_events()
    trial.box.delete(CUSTOMERS, person)
    trial.box.tear_up(draft)
    gone = heard(trial)
    assert [(one.kind, one.remote.id, one.remote.deleted) for one in gone if one.remote] == [
        ("deleted", person, True), ("deleted", draft, True),
    ]  # fmt: skip


def test_a_cancelled_subscription_is_changed_not_deleted(trial: Trial) -> None:
    trial.box.end(trial.box.subscribe("cus_1"))
    assert [(one.kind, one.note) for one in heard(trial)] == [
        ("changed", "customer.subscription.created"), ("changed", "customer.subscription.deleted"),
    ]  # fmt: skip


def test_events_come_twice_and_in_any_order(trial: Trial) -> None:
    trial.mischief.chances |= {Switch.DOUBLED: 1.0, Switch.SHUFFLED: 1.0}
    id_ = trial.person()
    trial.box.edit(CUSTOMERS, id_, {"name": "New"})
    notices = heard(trial)
    assert len(notices) > len({one.event_id for one in notices}) == 2


def test_while_a_secret_is_replaced_either_is_good(trial: Trial) -> None:
    trial.person()
    (hook,), event = trial.box.endpoints.values(), trial.box.log[-1]
    rolled = trial.box.request(hook, event, secrets=("whsec_new", hook["secret"]))
    assert trial.connector.receive(rolled)
    assert trial.connect(webhook_secret="whsec_new").receive(rolled)
    assert trial.connect(webhook_secret=f"whsec_other {hook['secret']}").receive(last(trial))


def test_an_older_scheme_alone_is_no_signature(trial: Trial) -> None:
    trial.person()
    request = last(trial)
    header = request.headers["stripe-signature"].replace("v1=", "v0=")
    with pytest.raises(Refused):
        trial.connector.receive(replace(request, headers={"stripe-signature": header}))


@pytest.mark.parametrize("header", ["", "t=1", "v1=abc", "t=x,v1=abc", "t=1,t=2,v1=abc", "t=" + "9" * 20 + ",v1=a"])
def test_a_strange_header_is_refused(trial: Trial, header: str) -> None:
    trial.person()
    with pytest.raises(Refused):
        trial.connector.receive(replace(last(trial), headers={"stripe-signature": header}))


@pytest.mark.parametrize("late", [-301, 301])
def test_age_is_by_the_clock_that_is_given(trial: Trial, late: int) -> None:
    trial.person()
    request = last(trial)
    sent = request.received_at // SECOND * SECOND
    trial.connector.receive(replace(request, received_at=sent + 300 * SECOND))
    with pytest.raises(Refused):
        trial.connector.receive(replace(request, received_at=sent + late * SECOND))


def test_without_a_secret_nothing_is_trusted(trial: Trial) -> None:
    trial.person()
    with pytest.raises(Refused):
        trial.connect(webhook_secret="").receive(last(trial))


def test_an_event_of_another_account_is_shown_and_not_taken_for_ours(trial: Trial) -> None:
    (hook,) = trial.box.endpoints.values()
    event = {**trial.box.emit("customer.created", {"id": "cus_1", "object": "customer"}), "account": "acct_other"}
    request = trial.box.request(hook, event)
    (notice,) = trial.connector.receive(request)
    assert (notice.kind, notice.remote) == ("unknown", None)
    (ours,) = trial.connect(account="acct_other", webhook_secret=hook["secret"]).receive(request)
    assert ours.kind == "changed"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"id": "evt_1"}', b"\xff"])
def test_a_signed_nonsense_is_garbled(trial: Trial, body: bytes) -> None:
    (hook,) = trial.box.endpoints.values()
    headers = trial.box.signature(body, hook["secret"])
    with pytest.raises(Garbled):
        trial.connector.receive(Request("POST", HOOK, headers, body, trial.box.now()))


def test_a_thin_event_is_shown(trial: Trial) -> None:
    (hook,) = trial.box.endpoints.values()
    body = b'{"id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered"}'
    request = Request("POST", HOOK, trial.box.signature(body, hook["secret"]), body, trial.box.now())
    assert [(one.kind, one.event_id) for one in trial.connector.receive(request)] == [("unknown", "evt_2")]


def test_a_recorded_event_leads_to_its_invoice(trial: Trial) -> None:
    body = (entry("stripe").folder / "payloads" / PAYLOAD).read_bytes()
    (hook,) = trial.box.endpoints.values()
    request = Request("POST", HOOK, trial.box.signature(body, hook["secret"]), body, trial.box.now())
    (notice,) = trial.connector.receive(request)
    said = json.loads(body)
    assert notice.remote is not None
    assert (notice.event_id, notice.stream, notice.remote.id) == (said["id"], "invoices", said["data"]["object"]["id"])


# --- endpoints


NEW = "https://hub.example.com/hooks/new"


def order(key: str = "key-1", address: str = NEW) -> Order:
    return Order(address, key, "unused")


def rows(trial: Trial) -> list[dict[str, Any]]:
    return [one for one in trial.box.endpoints.values() if one["url"] == NEW]


def test_an_endpoint_asks_for_what_is_synced_in_the_version_of_the_connection(trial: Trial) -> None:
    connector = build(Context("shop", trial.settings, clock=trial.time, streams={CUSTOMERS: {}, "invoices": {}}))
    made = connector.subscribe(order())
    (row,) = rows(trial)
    assert set(row["enabled_events"]) == {*STREAMS[CUSTOMERS].types, *STREAMS["invoices"].types}
    assert (row["api_version"], row["metadata"]) == (VERSION, {MARK: "shop"})
    assert made.secrets.told == row["secret"]
    assert fault(trial).startswith("does not tell of"), "a connection that syncs more misses something"
    connector.close()


def fault(trial: Trial) -> str:
    return next(one.fault for one in trial.connector.subscriptions() if one.address == NEW)


def test_all_endpoints_are_listed_page_by_page(trial: Trial) -> None:
    for number in range(104):
        trial.connector.subscribe(order(str(number), f"https://hub.example.com/{number}"))
    found = trial.connector.subscriptions()
    assert len({one.id for one in found}) == 104 + 1, "the one that an admin made is there, too"


def test_what_is_mended_keeps_its_secret_and_another_version_is_made_anew(trial: Trial) -> None:
    made = trial.connector.subscribe(order())
    mended = trial.connector.renew(made, order("key-2"))
    assert (mended.id, mended.secrets) == (made.id, made.secrets)
    older = trial.connect(api_version="2025-03-31.basil")
    assert next(one.fault for one in older.subscriptions() if one.id == made.id).startswith("speaks Stripe's version")
    another = older.renew(made, order("key-3"))
    assert another.id != made.id
    assert another.secrets != made.secrets


def test_one_of_which_nobody_knows_the_secret_is_made_anew(trial: Trial) -> None:
    made = trial.connector.subscribe(order())
    found = next(one for one in trial.connector.subscriptions() if one.id == made.id)
    again = trial.connector.renew(found, order("key-2"))
    assert again.id != made.id
    trial.connector.unsubscribe(found)
    assert [one["id"] for one in rows(trial)] == [again.id]


def test_an_order_that_is_repeated_makes_no_second_endpoint(trial: Trial) -> None:
    assert trial.connector.subscribe(order()) == trial.connector.subscribe(order())
    assert len(rows(trial)) == 1


def test_an_endpoint_that_may_not_be_made_is_said(trial: Trial) -> None:
    with pytest.raises(Refused):
        trial.connector.subscribe(order(address="http://hub.example.com/plain"))
    trial.box.forbidden.add("webhook_write")
    with pytest.raises(Forbidden, match="write webhook"):
        trial.connector.subscribe(order("key-2"))
