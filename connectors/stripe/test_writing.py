"""Writing customers: made once whatever happens, changed in what is named, never deleted with what still runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Response
from connectors.stripe.forms import flat
from connectors.stripe.sandbox_base import Problem
from connectors.stripe.test_stripe import CUSTOMERS, Trial, new
from connectors.stripe.trouble import REUSED, SUBSCRIBED
from core.errors import Exists, Gone, Refused, Throttled, Unknown, Unsupported
from core.ports import Edit, Verb

DAY = 86_400.0
FAILED = Response(500, {"error": {"type": "api_error", "message": "Sorry."}})


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def sent(trial: Trial) -> dict[str, str]:
    """The form that was sent last."""
    return trial.box.journal[-1].call.form()


def test_nested_values_are_written_with_brackets() -> None:
    address, locales = {"city": "Leeds", "line2": None}, ["en-GB", "fr"]
    values = {"address": address, "preferred_locales": locales, "types": [], "on": True}
    assert flat(values) == {
        "address[city]": "Leeds", "address[line2]": "", "preferred_locales[0]": "en-GB", "preferred_locales[1]": "fr",
        "types": "", "on": "true",
    }  # fmt: skip


def test_a_create_carries_its_key_twice(trial: Trial) -> None:
    edit = new(metadata__stage="lead", address__city="Leeds")
    (receipt,) = trial.write(edit)
    call = trial.box.journal[-1].call
    assert call.headers["idempotency-key"] == edit.key
    assert call.form()["metadata[concord_key]"] == edit.key
    assert call.form()["metadata[stage]"] == "lead"
    assert receipt.fields == trial.fetch(CUSTOMERS, receipt.remote_id or "").fields
    assert trial.fetch(CUSTOMERS, receipt.remote_id or "").key == edit.key


def test_creates_are_looked_up_ten_at_a_time(trial: Trial) -> None:
    calls = trial.calls_of(lambda: trial.write(*(new(number) for number in range(25))))
    assert calls.count("GET /v1/customers/search") == 3
    assert calls.count("POST /v1/customers") == 25


@pytest.mark.parametrize("after", [1.0, DAY / 2, 2 * DAY])
def test_a_create_is_never_doubled_however_late_it_is_repeated(trial: Trial, after: float) -> None:
    (first,) = trial.write(new())
    trial.box.edit(CUSTOMERS, first.remote_id or "", {"name": "Changed meanwhile"})
    trial.time.sleep(after)
    (again,) = trial.connect().write(CUSTOMERS, [new()])
    assert isinstance(again.error, Exists)
    assert again.error.remote_id == first.remote_id
    assert len(trial.box.customers) == 1


def test_within_searchs_lag_the_idempotency_key_keeps_a_create_single(trial: Trial) -> None:
    (first,) = trial.write(new())
    trial.box.edit(CUSTOMERS, first.remote_id or "", {"name": "Changed meanwhile"})
    trial.mischief.chances[Switch.LAGGING] = 1.0
    (again,) = trial.write(new())
    assert again.remote_id == first.remote_id
    assert again.fields is not None
    assert again.fields["name"] == "Changed meanwhile", "a replayed answer is old; the receipt is not"
    assert len(trial.box.customers) == 1


def test_find_knows_what_search_does_not_know_yet(trial: Trial) -> None:
    (made,) = trial.write(new())
    trial.mischief.chances[Switch.LAGGING] = 1.0
    found = trial.connect().find(CUSTOMERS, new().key)
    assert found is not None
    assert found.id == made.remote_id
    trial.mischief.calm()
    trial.time.sleep(2 * DAY)
    assert trial.connect().find(CUSTOMERS, new().key) == found
    assert trial.connect().find(CUSTOMERS, "it's another \\ key") is None


def test_without_search_creates_and_finds_go_on(trial: Trial) -> None:
    trial.box.searches = False
    (made,) = trial.write(new())
    found = trial.connector.find(CUSTOMERS, new().key)
    assert found is not None
    assert found.id == made.remote_id


def test_a_kept_failure_does_not_stand_in_the_way_for_a_day(trial: Trial) -> None:
    """Stripe keeps a 500 under the key as well, and would give it again and again."""
    trial.box.troubled = [FAILED]
    (lost,) = trial.write(new())
    assert isinstance(lost.error, Unknown)
    assert trial.connector.find(CUSTOMERS, new().key) is None
    (made,) = trial.write(new())
    assert made.error is None
    (again,) = trial.write(new())
    assert isinstance(again.error, Exists)
    assert len(trial.box.customers) == 1


def test_who_was_deleted_since_is_made_anew(trial: Trial) -> None:
    (first,) = trial.write(new())
    trial.box.delete(CUSTOMERS, first.remote_id or "")
    (second,) = trial.write(new())
    assert second.error is None
    assert second.remote_id != first.remote_id


def test_a_key_that_was_used_for_other_values_leads_to_who_has_it(trial: Trial) -> None:
    (first,) = trial.write(new(name="One"))
    trial.mischief.chances[Switch.LAGGING] = 1.0
    (again,) = trial.write(new(name="Other"))
    assert again.remote_id == first.remote_id
    trial.box.customers[first.remote_id or ""]["metadata"] = {}
    (spoilt,) = trial.write(new(name="Other"))
    assert isinstance(spoilt.error, Refused)
    assert spoilt.error.error_code == REUSED


def test_a_refused_create_is_not_kept_under_its_key(trial: Trial) -> None:
    (bad,) = trial.write(new(email="nobody"))
    assert isinstance(bad.error, Refused)
    assert bad.error.facts["field"] == "email"
    (good,) = trial.write(new())
    assert good.error is None


def test_a_change_back_is_carried_out(trial: Trial) -> None:
    """The hub gives every change of a record one key; with it Stripe would answer the third by the first."""
    id_ = trial.person()
    for name in ("One", "Two", "One"):
        (receipt,) = trial.write(trial.update(id_, name=name))
        assert receipt.error is None
        assert trial.box.customers[id_]["name"] == name
    assert "idempotency-key" not in trial.box.journal[-2].call.headers


def test_metadata_are_merged_and_cleared_key_by_key(trial: Trial) -> None:
    id_ = trial.person(metadata__a="1", metadata__b="2")
    trial.write(trial.update(id_, metadata__a=None, metadata__c="3"))
    assert trial.box.customers[id_]["metadata"] == {"b": "2", "c": "3"}
    (receipt,) = trial.write(trial.update(id_, metadata=None))
    assert isinstance(receipt.error, Unsupported)


def test_an_address_goes_out_whole_and_is_cleared_whole(trial: Trial) -> None:
    id_ = trial.person(address__line1="1 High Street", address__line2="Flat 2", address__city="Leeds")
    trial.write(trial.update(id_, address__city="York"))
    held = trial.box.customers[id_]["address"]
    assert (held["line1"], held["line2"], held["city"]) == ("1 High Street", "Flat 2", "York")
    trial.write(trial.update(id_, address__line1=None, address__line2=None, address__city=None))
    assert trial.box.customers[id_]["address"] is None


def test_languages_are_a_list_that_cannot_be_emptied(trial: Trial) -> None:
    id_ = trial.person()
    trial.write(trial.update(id_, preferred_locales=["en-GB", "fr"]))
    assert trial.box.customers[id_]["preferred_locales"] == ["en-GB", "fr"]
    (receipt,) = trial.write(trial.update(id_, preferred_locales=None))
    assert isinstance(receipt.error, Unsupported)


@pytest.mark.parametrize("field", ["balance", "invoice_settings.footer", "shipping.name", "created"])
def test_what_is_nobodys_to_write_is_said(trial: Trial, field: str) -> None:
    id_ = trial.person()
    (receipt,) = trial.write(Edit(Verb.UPDATE, CUSTOMERS, "k", id_, {field: "1"}))
    assert isinstance(receipt.error, Unsupported)
    assert field.partition(".")[0] in receipt.error.facts["field"]


def test_an_empty_change_says_what_is_there(trial: Trial) -> None:
    id_ = trial.person()
    assert trial.write(trial.update(id_))[0].fields == trial.fetch(CUSTOMERS, id_).fields
    trial.box.delete(CUSTOMERS, id_)
    assert isinstance(trial.write(Edit(Verb.UPDATE, CUSTOMERS, "k", id_))[0].error, Gone)


def test_a_customer_with_a_running_subscription_is_not_deleted(trial: Trial) -> None:
    id_ = trial.person()
    running = trial.box.subscribe(id_)
    for for_good in (False, True):
        (receipt,) = trial.write(trial.delete(id_, for_good=for_good))
        assert isinstance(receipt.error, Refused)
        assert receipt.error.error_code == SUBSCRIBED
    trial.box.end(running)
    assert trial.write(trial.delete(id_))[0].error is None
    assert trial.fetch(CUSTOMERS, id_).deleted


def test_with_the_setting_the_subscription_ends_with_its_customer(trial: Trial) -> None:
    id_ = trial.person()
    running = trial.box.subscribe(id_)
    (receipt,) = trial.connect(delete_subscribers=True).write(CUSTOMERS, [trial.delete(id_)])
    assert receipt.error is None
    assert trial.box.subscriptions[running]["status"] == "canceled"


@pytest.mark.parametrize(("status", "code"), [(409, "idempotency_key_in_use"), (429, "lock_timeout")])
def test_a_busy_customer_holds_up_no_other(trial: Trial, status: int, code: str) -> None:
    one, other = trial.person(1), trial.person(2)
    edits = [trial.update(one, name="One"), trial.update(other, name="Two")]
    trial.box.troubled = [Problem(status, "This object cannot be accessed right now.", code=code)] * 4
    busy, done = trial.write(*edits)
    assert isinstance(busy.error, Throttled)
    assert done.error is None
    assert trial.write(edits[0])[0].error is None


def test_a_busy_moment_is_waited_out(trial: Trial) -> None:
    edit = trial.update(trial.person(), name="One")
    trial.box.troubled = [Problem(429, "Busy.", code="lock_timeout")]
    assert trial.write(edit)[0].error is None


def test_money_is_not_moved(trial: Trial) -> None:
    for stream in ("payment_intents", "invoices", "subscriptions"):
        with pytest.raises(Unsupported):
            trial.connector.write(stream, [Edit(Verb.UPDATE, stream, "k", "x", {"description": "y"})])
        assert trial.connector.find(stream, "k") is None
    with pytest.raises(Unsupported):
        trial.connector.read("payouts", None)
