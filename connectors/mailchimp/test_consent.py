"""Consent with Mailchimp's own meaning: refusals always arrive, and nobody is subscribed over their head."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.mailchimp.consent import Manners, on_create, on_update
from connectors.mailchimp.sandbox_rules import CREATED
from connectors.mailchimp.test_mailchimp import Trial, new
from connectors.mailchimp.trouble import CLEANED, COMPLIANCE, FORGOTTEN
from core.errors import Acts, Again, ConfigError, Gone, Refused
from core.ports import Edit, Receipt, Verb


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


@pytest.fixture
def asking() -> Iterator[Trial]:
    made = Trial(resubscribe="confirm")
    yield made
    made.close()


def sent(trial: Trial) -> list[dict[str, Any]]:
    """Bodies of all calls that changed members."""
    return [json.loads(one.call.body) for one in trial.box.journal if one.call.method in ("PATCH", "PUT")]


def status(trial: Trial, id_: str) -> str:
    found: str = trial.box.of_id(id_).state.status
    return found


def refused(receipt: Receipt) -> Refused:
    assert isinstance(receipt.error, Refused)
    return receipt.error


# --- what a status may become


@pytest.mark.parametrize("grant", ["pending", "subscribed"])
@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("now", CREATED)
@pytest.mark.parametrize("wanted", [*CREATED, "archived", None])
def test_no_step_subscribes_who_said_no(wanted: str | None, now: str, confirm: bool, grant: str) -> None:
    step = on_update(wanted, now, Manners(grant, confirm))
    if now in ("unsubscribed", "cleaned"):
        assert step.status in (None, "pending"), "at most they are asked"
        assert step.status is None or (confirm and now == "unsubscribed")
    if wanted in ("unsubscribed", "cleaned"):
        assert step.refusal is None, "a refusal always arrives"
        assert (step.status == "unsubscribed") == (now not in ("unsubscribed", "cleaned"))
        assert not step.widens
    if step.status == "subscribed":
        assert grant == "subscribed"
    if wanted in (None, now):
        assert step == on_update(None, now, Manners())


@pytest.mark.parametrize(
    ("wanted", "grant", "made"),
    [
        ("subscribed", "pending", "pending"), ("subscribed", "subscribed", "subscribed"),
        ("pending", "subscribed", "pending"), ("unsubscribed", "subscribed", "unsubscribed"),
        ("cleaned", "subscribed", "unsubscribed"), (None, "subscribed", "transactional"),
    ],
)  # fmt: skip
def test_who_is_new_is_what_they_said(wanted: str | None, grant: str, made: str) -> None:
    assert on_create(wanted, Manners(grant)) == made
    trial = Trial(grant=grant)
    (receipt,) = trial.write(new(1, **({} if wanted is None else {"status": wanted})))
    assert receipt.remote_id is not None
    assert status(trial, receipt.remote_id) == made
    assert trial.box.mails == ([("confirm", "n1@example.com")] if made == "pending" else [])
    trial.close()


def test_settings_that_are_no_words_are_refused() -> None:
    for settings in ({"grant": "always"}, {"resubscribe": "yes"}):
        with pytest.raises(ConfigError):
            Manners.of(settings)


# --- on the line


def test_an_update_without_a_change_of_consent_never_says_a_status(trial: Trial) -> None:
    for number, now in enumerate(CREATED):
        id_ = trial.person(number, status=now)
        (receipt,) = trial.write(trial.update(id_, FNAME="Changed", tags=["t"]))
        assert receipt.error is None
        assert status(trial, id_) == now
    assert len(sent(trial)) == len(CREATED)
    assert not [body for body in sent(trial) if "status" in body or "status_if_new" in body]


def test_a_refusal_goes_along_with_what_else_changed(trial: Trial) -> None:
    id_ = trial.person()
    (receipt,) = trial.write(trial.update(id_, FNAME="Changed", status="unsubscribed"))
    assert receipt.fields == {"FNAME": "Changed", "status": "unsubscribed"}
    assert sent(trial) == [{"merge_fields": {"FNAME": "Changed"}, "status": "unsubscribed"}]


def test_a_suppressed_address_is_unsubscribed_and_says_so(trial: Trial) -> None:
    """Only Mailchimp itself finds an address cleaned; what it holds is told, so that the hub knows its spelling."""
    id_ = trial.person()
    (receipt,) = trial.write(trial.update(id_, status="cleaned"))
    assert receipt.fields == {"status": "unsubscribed"}
    (again,) = trial.write(trial.update(id_, status="cleaned"))
    assert again.fields == {"status": "unsubscribed"}
    assert len(sent(trial)) == 1, "and it is not said twice"


def test_a_grant_to_who_unsubscribed_is_refused_with_who_acts_and_what_to_do(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.unsubscribe(id_)
    (receipt,) = trial.write(trial.update(id_, status="subscribed", FNAME="Changed"))
    error = refused(receipt)
    assert (error.error_code, error.acts, error.again) == (COMPLIANCE, Acts.PERSON, Again.NEVER)
    assert "sign-up form" in error.remedy
    assert "confirm" in error.remedy
    assert status(trial, id_) == "unsubscribed"
    assert trial.box.mails == []
    assert trial.box.of_id(id_).state.merges["FNAME"] == "Changed", "the refusal holds nothing else up"


def test_asked_by_mail_and_only_their_answer_subscribes(asking: Trial) -> None:
    id_ = asking.person()
    asking.box.unsubscribe(id_)
    (receipt,) = asking.write(asking.update(id_, status="subscribed"))
    assert receipt.error is None
    assert receipt.fields == {"status": "pending"}
    assert asking.box.mails == [("confirm", "p1@example.com")]
    (again,) = asking.write(asking.update(id_, status="subscribed"))
    assert again.fields == {"status": "pending"}
    assert len(asking.box.mails) == 1, "who was asked is not asked again"
    asking.box.confirm(id_)
    assert asking.fetch(id_)[0].fields["status"] == "subscribed"


def test_a_cleaned_address_is_never_asked_either(asking: Trial) -> None:
    id_ = asking.person()
    asking.box.bounce(id_)
    (receipt,) = asking.write(asking.update(id_, status="subscribed"))
    assert refused(receipt).error_code == CLEANED
    assert sent(asking) == []


def test_who_was_never_asked_is_asked_by_mail_unless_the_setting_says_otherwise(trial: Trial) -> None:
    id_ = trial.person(status="transactional")
    (receipt,) = trial.write(trial.update(id_, status="subscribed"))
    assert receipt.fields == {"status": "pending"}
    other = trial.person(2, status="transactional")
    edit = trial.update(other, status="subscribed")
    (receipt,) = trial.connect(grant="subscribed").write("members", [edit])
    assert receipt.fields == {"status": "subscribed"}


def test_who_unsubscribes_between_look_and_write_is_not_subscribed() -> None:
    """The tool's own 400 says the same as ours."""
    trial = Trial(grant="subscribed")
    id_ = trial.person(status="transactional")
    edit = trial.update(id_, status="subscribed")
    shown = trial.box.shown

    def shown_before_leaving(audience: Any, member: Any, state: Any) -> dict[str, Any]:
        told: dict[str, Any] = shown(audience, member, state)
        if trial.box.of_id(id_).state.status == "transactional":
            trial.box.unsubscribe(id_)
        return told

    trial.box.shown = shown_before_leaving
    (receipt,) = trial.write(edit)
    assert refused(receipt).error_code == COMPLIANCE
    assert status(trial, id_) == "unsubscribed"
    trial.close()


def test_a_create_brings_nobody_back_against_their_will(trial: Trial) -> None:
    """Who unsubscribed and was archived, and who was erased; alone and among many."""
    left, erased = trial.person(1), trial.person(2)
    trial.box.unsubscribe(left)
    trial.box.archive(left)
    trial.box.erase(erased)
    sure = trial.connect(grant="subscribed")
    for more in ([], [new(7), new(8)]):
        edits = [
            new(1, email_address="p1@example.com", status="subscribed"),
            new(2, email_address="p2@example.com", status="subscribed"),
            *more,
        ]
        first, second, *others = sure.write("members", edits)
        assert refused(first).error_code == COMPLIANCE
        assert refused(second).error_code == FORGOTTEN
        assert refused(second).acts is Acts.PERSON
        assert all(one.error is None for one in others)
    assert trial.box.by_address("p2@example.com") is None


def test_a_status_is_not_told_to_who_is_archived(trial: Trial) -> None:
    """It would bring them back."""
    id_ = trial.person()
    edit = trial.update(id_, status="unsubscribed")
    trial.box.archive(id_)
    (receipt,) = trial.write(edit)
    assert isinstance(receipt.error, Gone)
    assert status(trial, id_) == "archived"


def test_text_messages_are_read_and_never_written(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.text(id_, "+447700900123", "subscribed")
    (shown,) = trial.fetch(id_)
    assert shown.fields["sms_subscription_status"] == "subscribed"
    assert shown.fields["sms_phone_number"] == "+447700900123"
    edit = Edit(Verb.UPDATE, "members", "u", id_, {"sms_subscription_status": "unsubscribed"})
    (receipt,) = trial.write(edit)
    assert refused(receipt).facts["field"] == "sms_subscription_status"
