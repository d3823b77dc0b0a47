"""Checking: who we are, live or test, and each permission that is missing, with its remedy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.stripe.test_stripe import CUSTOMERS, Trial
from core.errors import ConfigError, Forbidden, SignedOut
from core.ports import Finding


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def found(trial: Trial, words: str) -> Finding:
    return next(one for one in trial.connector.check().findings if words in one.what)


def test_the_account_and_its_mode_are_named(trial: Trial) -> None:
    checkup = trial.connector.check()
    assert checkup.ok
    assert checkup.account == "Bluebird Supplies"
    assert "test: a sandbox" in checkup.findings[0].what


def test_a_live_key_is_said_to_be_one(trial: Trial) -> None:
    trial.box.api_key, trial.box.livemode = "rk_live_0123456789", True
    trial.connector = trial.connect(api_key=trial.box.api_key)
    trial.person()
    checkup = trial.connector.check()
    assert checkup.ok
    assert "live: real customers" in checkup.findings[0].what


def test_objects_of_the_other_mode_are_noticed(trial: Trial) -> None:
    trial.box.livemode = True
    trial.person()
    assert "other mode" in next(one.what for one in trial.connector.check().findings if not one.ok)


@pytest.mark.parametrize(
    ("permission", "what", "remedy"),
    [
        ("customer_read", "may not read customers", "Customers, Read"),
        ("payment_intent_read", "may not read payment_intents", "PaymentIntents"),
        ("charge_read", "may not read payment_intents", "Charges"),
        ("invoice_read", "may not read invoices", "Invoices, Read"),
        ("subscription_read", "may not read subscriptions", "Subscriptions, Read"),
        ("event_read", "may not read events", "Events"),
        ("customer_write", "may not change customers", "Customers, Write"),
    ],
)
def test_each_missing_permission_is_named_with_its_remedy(
    trial: Trial, permission: str, what: str, remedy: str
) -> None:  # fmt: skip
    trial.box.create("payment_intents", {"amount": 100, "currency": "gbp"})
    trial.box.forbidden.add(permission)
    finding = found(trial, what)
    assert not finding.ok
    assert remedy in finding.remedy


def test_looking_around_changes_nothing(trial: Trial) -> None:
    id_ = trial.person()
    log = len(trial.box.log)
    trial.connector.check()
    assert (list(trial.box.customers), len(trial.box.log)) == ([id_], log)


def test_an_account_that_may_not_be_named_is_no_obstacle(trial: Trial) -> None:
    trial.box.forbidden.add("accounts_kyc_basic_read")
    checkup = trial.connector.check()
    assert checkup.ok
    assert checkup.account


def test_another_version_is_mentioned(trial: Trial) -> None:
    trial.connector = trial.connect(api_version="2025-03-31.basil")
    assert "2025-03-31.basil" in found(trial, "spoken to in its version").what
    assert trial.box.journal[-1].call.headers["stripe-version"] == "2025-03-31.basil"


def test_a_connected_account_is_named_in_every_call(trial: Trial) -> None:
    trial.connector = trial.connect(account=trial.box.account)
    assert trial.connector.check().ok
    assert {one.call.headers.get("stripe-account") for one in trial.box.journal} == {trial.box.account}
    with pytest.raises(Forbidden):
        trial.connect(account="acct_other").read(CUSTOMERS, None)


def test_a_publishable_key_is_refused_at_once(trial: Trial) -> None:
    with pytest.raises(ConfigError, match="publishable"):
        trial.connect(api_key="pk_test_0123456789")


def test_metadata_of_the_account_are_custom_fields(trial: Trial) -> None:
    trial.person(1, metadata__stage="lead", metadata__concord_key="k")
    trial.person(2, metadata__score="7")
    custom = {one.name for one in trial.connector.describe(CUSTOMERS).fields if one.custom}
    assert custom == {"metadata", "metadata.score", "metadata.stage"}


def test_what_is_in_the_other_mode_is_not_taken_for_deleted(trial: Trial) -> None:
    trial.box.other_mode.add("cus_live")
    with pytest.raises(SignedOut, match="other mode"):
        trial.connector.fetch(CUSTOMERS, ["cus_live"])
