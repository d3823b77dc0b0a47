"""Reading: lists newest first, then events as signals, with nothing missed between the two and nothing undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors._kit.mischief import Switch
from connectors.stripe.reading import KEPT, MOST_KNOWN
from connectors.stripe.test_stripe import CUSTOMERS, Trial
from connectors.stripe.words import MOST_TYPES, STREAMS
from core.errors import CursorExpired
from core.model.instant import DAY, HOUR, SECOND


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial(page_size=3)
    yield made
    made.close()


def test_no_stream_listens_to_more_types_than_a_call_can_name() -> None:
    assert max(len(words.types) for words in STREAMS.values()) <= MOST_TYPES


def test_who_comes_and_changes_during_the_walk_shows_at_the_poll(trial: Trial) -> None:
    ids = [trial.person(number) for number in range(7)]
    first = trial.connector.read(CUSTOMERS, None)
    late = trial.person(8)
    trial.box.edit(CUSTOMERS, ids[-1], {"name": "Changed behind the reader"})
    rest, cursor = trial.walk(CUSTOMERS, first.next)
    assert late not in {one.id for one in [*first.records, *rest]}, "lists run newest first"
    poll, _ = trial.walk(CUSTOMERS, cursor)
    assert {one.id: one.fields["name"] for one in poll} == {late: "Pat", ids[-1]: "Changed behind the reader"}


def test_a_walk_goes_on_when_the_last_one_it_showed_is_deleted(trial: Trial) -> None:
    ids = [trial.person(number) for number in range(7)]
    first = trial.connector.read(CUSTOMERS, None)
    trial.box.delete(CUSTOMERS, first.records[-1].id)
    rest, cursor = trial.walk(CUSTOMERS, first.next)
    assert {one.id for one in [*first.records, *rest]} == set(ids)
    poll, _ = trial.walk(CUSTOMERS, cursor)
    assert [(one.id, one.deleted) for one in poll] == [(first.records[-1].id, True)]


def test_a_poll_without_news_is_one_call_and_shows_nothing(trial: Trial) -> None:
    for number in range(4):
        trial.person(number)
    _, cursor = trial.walk()
    assert trial.calls_of(lambda: trial.walk(cursor=cursor)) == ["GET /v1/events"]
    again, cursor = trial.walk(cursor=cursor)
    assert (again, trial.walk(cursor=cursor)[0]) == ([], [])


def test_an_event_of_the_second_of_the_last_poll_is_seen_once(trial: Trial) -> None:
    id_ = trial.person()
    _, cursor = trial.walk()
    trial.box.edit(CUSTOMERS, id_, {"name": "One"})
    one, cursor = trial.walk(cursor=cursor)
    trial.box.edit(CUSTOMERS, id_, {"name": "Two"})
    two, cursor = trial.walk(cursor=cursor)
    assert [one[0].fields["name"], two[0].fields["name"]] == ["One", "Two"]
    assert trial.walk(cursor=cursor)[0] == []


def test_an_event_that_shows_late_is_within_the_look_back(trial: Trial) -> None:
    id_ = trial.person()
    trial.time.sleep(300)
    _, cursor = trial.walk()
    trial.time.sleep(60)
    trial.box.edit(CUSTOMERS, id_, {"name": "Late"})
    trial.time.sleep(30)
    trial.mischief.chances[Switch.LAGGING] = 1.0
    nothing, cursor = trial.walk(cursor=cursor)
    trial.mischief.calm()
    trial.time.sleep(60)
    found, _ = trial.walk(cursor=cursor)
    assert (nothing, [one.fields["name"] for one in found]) == ([], ["Late"])


def test_a_change_is_dated_and_named_by_its_event(trial: Trial) -> None:
    id_ = trial.person(metadata__stage="lead")
    _, cursor = trial.walk()
    trial.time.sleep(600)
    trial.box.edit(CUSTOMERS, id_, {"metadata.stage": "customer", "phone": "+441614960000"})
    (found,), _ = trial.walk(cursor=cursor)
    assert found.changed == frozenset({"metadata.stage", "phone"})
    assert found.modified_at == trial.box.now() // SECOND * SECOND


def test_many_new_ones_are_read_from_the_list_and_changed_ones_singly(trial: Trial) -> None:
    old = trial.person()
    trial.time.sleep(3600)
    _, cursor = trial.walk()
    trial.time.sleep(600)
    ids = [trial.person(number) for number in range(2, 60)]
    trial.box.delete(CUSTOMERS, ids[0])
    trial.box.edit(CUSTOMERS, old, {"name": "Old"})
    calls = trial.calls_of(lambda: trial.walk(cursor=cursor))
    assert calls == ["GET /v1/events", "GET /v1/customers", "GET /v1/customers/{id}"]
    found, _ = trial.walk(cursor=cursor)
    assert {one.id for one in found if not one.deleted} == {old, *ids[1:]}
    assert [one.id for one in found if one.deleted] == [ids[0]]


def test_very_many_events_are_walked_in_pages(trial: Trial) -> None:
    ids = [trial.person(number) for number in range(3)]
    _, cursor = trial.walk()
    trial.time.sleep(600)
    for number in range(130):
        trial.box.edit(CUSTOMERS, ids[number % 3], {"name": f"Name {number}"})
    page = trial.connector.read(CUSTOMERS, cursor)
    assert page.more
    found, last = trial.walk(CUSTOMERS, page.next)
    assert {one.fields["name"] for one in [*page.records, *found]} == {"Name 129", "Name 128", "Name 127"}
    assert len(last["known"]) <= MOST_KNOWN


def test_the_snapshot_of_an_event_is_not_believed(trial: Trial) -> None:
    """The log shows a subscription without its items' periods, as it was before 2025."""
    _, cursor = trial.walk("subscriptions")
    trial.box.subscribe("cus_somebody", 1500, 500)
    (found,), _ = trial.walk("subscriptions", cursor)
    (event,) = trial.box.log
    assert found.fields["totals"] == {
        "amount": 2000, "period_start": event["created"], "period_end": event["created"] + 30 * 86_400,
    }  # fmt: skip
    assert "current_period_end" not in found.fields


def test_a_paid_invoice_is_never_open_again_by_events_of_one_second(trial: Trial) -> None:
    id_ = trial.box.bill(5000)
    trial.box.issue(id_)
    _, cursor = trial.walk("invoices")
    trial.box.settle(id_)
    assert trial.box.log[-1]["data"]["object"]["status"] == "open", "the newest event shows the older state"
    assert len({event["created"] for event in trial.box.log[-3:]}) == 1
    (found,), cursor = trial.walk("invoices", cursor)
    assert (found.fields["status"], found.fields["amount_remaining"]) == ("paid", 0)
    assert trial.walk("invoices", cursor)[0] == []


def test_a_refund_and_a_dispute_show_at_their_payment(trial: Trial) -> None:
    id_ = trial.box.create("payment_intents", {"amount": 5000, "currency": "gbp"})
    _, cursor = trial.walk("payment_intents")
    trial.time.sleep(600)
    trial.box.give_back(id_, 2000)
    (part,), cursor = trial.walk("payment_intents", cursor)
    trial.box.give_back(id_, 3000)
    (whole,), cursor = trial.walk("payment_intents", cursor)
    trial.box.dispute(id_)
    (lost,), _ = trial.walk("payment_intents", cursor)
    told = [
        (one.fields["latest_charge"]["amount_refunded"], one.fields["latest_charge"]["refunded"])
        for one in (part, whole)
    ]
    assert (told, lost.fields["latest_charge"]["disputed"]) == ([(2000, False), (5000, True)], True)


def test_what_would_let_somebody_pay_is_not_read(trial: Trial) -> None:
    trial.box.create("payment_intents", {"amount": 5000, "currency": "gbp"})
    (found,), _ = trial.walk("payment_intents")
    assert "client_secret" not in found.fields


def test_an_invoice_names_its_payments_its_subscription_and_all_its_lines(trial: Trial) -> None:
    id_ = trial.box.bill(*range(100, 125), tax=400, subscription="sub_1")
    trial.box.issue(id_)
    intent = trial.box.settle(id_)
    ((found,), _), read = trial.walk("invoices"), trial.fetch("invoices", id_)
    assert found.fields == read.fields
    assert [one["amount"] for one in found.fields["lines"]["data"]] == list(range(100, 125))
    assert found.fields["payments"]["data"][0]["payment"]["payment_intent"] == intent
    assert found.fields["parent"]["subscription_details"]["subscription"] == "sub_1"
    assert found.fields["totals"] == {"tax": 400}


def test_cancelled_subscriptions_are_listed_and_long_ones_whole(trial: Trial) -> None:
    ended, long_ = trial.box.subscribe("cus_1"), trial.box.subscribe("cus_2", *range(1, 13))
    trial.box.end(ended)
    found = {one.id: one.fields for one in trial.walk("subscriptions")[0]}
    assert found[ended]["status"] == "canceled"
    assert (len(found[long_]["items"]["data"]), found[long_]["totals"]["amount"]) == (12, 78)


def test_what_is_deleted_is_a_tombstone_and_a_draft_leaves_nothing(trial: Trial) -> None:
    person, draft = trial.person(), trial.box.bill(100)
    (_, people), (_, invoices) = trial.walk(), trial.walk("invoices")
    trial.box.delete(CUSTOMERS, person)
    trial.box.tear_up(draft)
    assert [one.deleted for one in trial.walk(cursor=people)[0]] == [True]
    assert [one.deleted for one in trial.walk("invoices", invoices)[0]] == [True]
    assert (trial.fetch(CUSTOMERS, person).deleted, trial.fetch("invoices", draft).deleted) == (True, True)


def test_who_was_away_for_longer_than_events_are_kept_begins_anew(trial: Trial) -> None:
    id_ = trial.person()
    _, cursor = trial.walk()
    trial.time.sleep(KEPT - 600)
    assert trial.walk(cursor=cursor)[0] == []
    trial.box.edit(CUSTOMERS, id_, {"name": "Unseen"})
    trial.time.sleep(1200)
    with pytest.raises(CursorExpired):
        trial.connector.read(CUSTOMERS, cursor)
    assert [one.fields["name"] for one in trial.walk()[0]] == ["Unseen"]


def test_a_page_that_ended_at_an_event_that_is_forgotten_begins_anew(trial: Trial) -> None:
    ids = [trial.person(number) for number in range(3)]
    _, cursor = trial.walk()
    trial.time.sleep(600)
    for number in range(130):
        trial.box.edit(CUSTOMERS, ids[number % 3], {"name": f"Name {number}"})
    page = trial.connector.read(CUSTOMERS, cursor)
    del trial.box.log[-101:]
    with pytest.raises(CursorExpired):
        trial.connector.read(CUSTOMERS, page.next)


@pytest.mark.parametrize("cursor", [{"elsewhere": 1}, {"high": None, "known": []}, {"mark": 1}])
def test_a_foreign_cursor_begins_anew(trial: Trial, cursor: dict[str, object]) -> None:
    with pytest.raises(CursorExpired):
        trial.connector.read(CUSTOMERS, cursor)


@pytest.mark.parametrize("skew", [-2 * HOUR, 2 * HOUR])
def test_the_place_is_by_stripes_clock(skew: int) -> None:
    trial = Trial()
    trial.box.skew = skew
    trial.person(1)
    _, cursor = trial.walk()
    trial.time.sleep(10)
    second = trial.person(2)
    assert second in {one.id for one in trial.connect().read(CUSTOMERS, cursor).records}
    assert abs(cursor["high"] * SECOND - trial.box.now()) < DAY // 24
    trial.close()
