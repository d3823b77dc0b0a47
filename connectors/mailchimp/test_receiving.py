"""Webhooks: known by the secret in their address, signed where they are, and never believed further than that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.mailchimp.members import hash_of
from connectors.mailchimp.sandbox_store import Hook
from connectors.mailchimp.test_mailchimp import HOOK, SECRET, SIGNING, STREAM, Trial
from core.errors import Garbled, Refused
from core.model.instant import SECOND
from core.ports import Notice, Request


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    made.box.subscribe(HOOK)
    yield made
    made.close()


@pytest.fixture
def signed() -> Iterator[Trial]:
    made = Trial(signing_secret=SIGNING)
    made.box.subscribe(HOOK, signing_secret=SIGNING)
    yield made
    made.close()


def heard(trial: Trial) -> list[Notice]:
    return [notice for request in trial.box.take_events() for notice in trial.connector.receive(request)]


def last(trial: Trial) -> Request:
    request: Request = trial.box.take_events()[-1]
    return request


@pytest.mark.parametrize(
    ("act", "note"),
    [
        (lambda box, id_: box.confirm(id_), "subscribed"),
        (lambda box, id_: box.unsubscribe(id_), "unsubscribed, manual"),
        (lambda box, id_: box.bounce(id_), "cleaned, hard"),
        (lambda box, id_: box.edit(id_, {"FNAME": "New"}), "changed"),
        (lambda box, id_: box.archive(id_), "unsubscribed, manual"),
    ],
)
def test_whatever_happens_to_somebody_leads_to_them(trial: Trial, act: Any, note: str) -> None:
    id_ = trial.person()
    trial.box.take_events()
    act(trial.box, id_)
    (notice,) = heard(trial)
    assert (notice.kind, notice.stream, notice.note) == ("changed", STREAM, note)
    assert notice.remote is not None
    assert notice.remote.partial
    found = {one.id: one for one in trial.fetch(notice.remote.id)}
    assert found[notice.remote.id].moved_to == id_
    assert found[id_].deleted == (trial.box.show(id_) is None)


def test_another_address_leads_to_the_same_member(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.take_events()
    trial.box.edit(id_, {"email_address": "other@example.com"})
    moved = heard(trial)[0]
    assert moved.note == "has another address"
    assert moved.remote is not None
    assert moved.remote.id == hash_of("other@example.com")
    assert id_ in {one.id for one in trial.fetch(moved.remote.id)}


def test_a_campaign_is_shown_though_it_is_about_nobody(trial: Trial) -> None:
    trial.box.announce("Spring")
    (notice,) = heard(trial)
    assert (notice.kind, notice.remote, notice.note) == ("unknown", None, "campaign 'Spring' is sent")


def test_our_own_writes_are_not_told_back(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.take_events()
    trial.write(trial.update(id_, FNAME="Ours", status="unsubscribed"))
    assert trial.box.take_events() == []


def test_the_probe_is_answered_without_an_event(trial: Trial) -> None:
    """Mailchimp tries an address by GET before it takes it."""
    events = dict.fromkeys(("subscribe", "unsubscribe", "profile", "cleaned", "upemail"), True)
    body = {"url": HOOK, "events": events, "sources": {"user": True, "admin": True, "api": False}}
    trial.connector._client.ask("POST", "webhooks", json=body)
    probe = last(trial)
    assert probe.method == "GET"
    assert trial.connector.receive(probe) == []
    with pytest.raises(Refused):
        trial.connector.receive(replace(probe, url="https://hub.example.com/hooks/news"))


def test_without_the_secret_in_the_address_nothing_is_believed(trial: Trial) -> None:
    trial.person()
    request = last(trial)
    for url in ("https://hub.example.com/hooks/news", HOOK + "x", HOOK.replace(SECRET, ""), HOOK.upper()):
        with pytest.raises(Refused):
            trial.connector.receive(replace(request, url=url))
    with pytest.raises(Refused):
        trial.connect(webhook_secret="").receive(request)
    assert len(trial.connector.receive(request)) == 1


def test_an_event_of_another_audience_is_shown_and_not_followed(trial: Trial) -> None:
    trial.person()
    request = last(trial)
    body = request.body.replace(trial.box.audience.id.encode(), b"ffffffffff")
    (notice,) = trial.connector.receive(replace(request, body=body))
    assert (notice.kind, notice.remote) == ("unknown", None)
    assert "another audience" in notice.note


def test_a_repeated_delivery_is_the_same_event_and_a_later_one_another(trial: Trial) -> None:
    id_ = trial.person()
    first = last(trial)
    trial.time.sleep(5)
    trial.box.edit(id_, {"FNAME": "B"})
    second = last(trial)
    ids = [trial.connector.receive(one)[0].event_id for one in (first, first, second)]
    assert ids[0] == ids[1] != ids[2]
    assert "p1@example.com" not in ids[0]


def test_what_is_no_form_is_garbled(trial: Trial) -> None:
    trial.person()
    request = last(trial)
    for body in (b"", b"{", b"[]", b'{"type": "subscribe"}', b"\xff\xfe", b"type="):
        with pytest.raises(Garbled):
            trial.connector.receive(replace(request, body=body))
    (unknown,) = trial.connector.receive(replace(request, body=b"type=sms_subscribe"))
    assert unknown.kind == "unknown"
    (bare,) = trial.connector.receive(replace(request, body=b"type=subscribe"))
    assert bare.kind == "unknown"


# --- signatures


def test_a_signature_is_over_the_raw_body_and_its_time(signed: Trial) -> None:
    signed.person()
    request = last(signed)
    assert len(signed.connector.receive(request)) == 1
    header = request.headers["x-mailchimp-signature"]
    wrong = [
        replace(request, body=request.body + b"&x=1"),
        replace(request, received_at=request.received_at + 301 * SECOND),
        replace(request, received_at=request.received_at - 301 * SECOND),
    ]
    for value in ("", "t=1", header.replace("v1=", "v0="), header.replace("t=", "t=x"), f"t=1,{header}", header[:-1]):
        wrong.append(replace(request, headers={"x-mailchimp-signature": value}))
    for one in wrong:
        with pytest.raises(Refused):
            signed.connector.receive(one)
    two = f"{header},v1={'0' * 64}"
    assert len(signed.connector.receive(replace(request, headers={"x-mailchimp-signature": two}))) == 1


def test_where_a_signature_was_agreed_on_it_may_not_be_left_out(signed: Trial) -> None:
    signed.person()
    request = last(signed)
    with pytest.raises(Refused):
        signed.connector.receive(replace(request, headers={}))


def test_a_signature_that_was_never_agreed_on_does_no_harm(trial: Trial) -> None:
    """Whether Mailchimp signs is told in two ways; the secret in the address holds in both."""
    hook: Hook = trial.box.subscribe(HOOK, signing_secret="not ours")
    request = trial.box.request(hook, "profile", {"email": "p1@example.com", "list_id": trial.box.audience.id})
    assert "x-mailchimp-signature" in request.headers
    assert len(trial.connector.receive(request)) == 1
