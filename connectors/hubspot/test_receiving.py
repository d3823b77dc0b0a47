"""Webhooks of HubSpot: the signature over what was sent, and every event shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.hubspot.connector import HubSpot, build
from connectors.hubspot.test_hubspot import Trial
from core.errors import Garbled, Refused
from core.model.instant import MILLISECOND, SECOND
from core.ports import Context, Notice, Request

SECRET = "sand-castle"
NOW = 1_795_251_602 * SECOND
URL = "https://hub.example/hooks/hubspot"
EVENTS = (Path(__file__).parent / "payloads" / "events.synthetic.json").read_bytes()


def signed(body: bytes, *, url: str = URL, sent_as: str | None = None, at: int = NOW, secret: str = SECRET) -> Request:
    """A request as HubSpot signs it: method, address, body and time in a row."""
    stamp = str(at // MILLISECOND)
    message = b"POST" + (sent_as or url).encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    return Request("POST", url, headers, body, NOW)


@pytest.fixture
def connector() -> HubSpot:
    return build(Context("hooks", {"token": "pat-none", "client_secret": SECRET}, clock=lambda: NOW))


def told(notice: Notice) -> tuple[str, str | None, str | None, str | None]:
    remote = notice.remote
    return notice.kind, notice.stream, remote.id if remote else None, remote.moved_to if remote else None


def test_each_event_of_a_request_is_shown(connector: HubSpot) -> None:
    notices = list(connector.receive(signed(EVENTS)))
    assert [told(one) for one in notices] == [
        ("changed", "contacts", "9951", None),
        ("merged", "contacts", "9951", "9960"),
        ("merged", "contacts", "9952", "9960"),
        ("merged", "contacts", "9953", "9960"),
        ("changed", "contacts", "9960", None),
        ("deleted", "deals", "9970", None),
        ("changed", "tasks", "9980", None),
        ("changed", "contacts", "9960", None),
        ("deleted", "contacts", "9961", None),
        ("unknown", None, None, None),
        ("unknown", None, None, None),
    ]
    assert len({one.event_id for one in notices}) == len(notices)
    assert "conversation.creation" in notices[-2].note
    assert "objectId" in notices[-1].note, "an event that cannot be read says why"


def test_a_changed_property_comes_with_its_value(connector: HubSpot) -> None:
    remote = connector.receive(signed(EVENTS))[0].remote
    assert remote is not None
    assert remote.partial
    assert remote.fields == {"lifecyclestage": "customer"}
    assert remote.changed == frozenset({"lifecyclestage"})
    assert remote.modified_at == 1_795_251_600_123 * MILLISECOND


def test_tombstones_are_tombstones(connector: HubSpot) -> None:
    notices = connector.receive(signed(EVENTS))
    assert {one.kind for one in notices if one.remote and one.remote.deleted} == {"merged", "deleted"}
    assert all(one.remote.deleted for one in notices if one.remote and one.kind in ("merged", "deleted"))


def test_a_second_delivery_has_the_same_ids(connector: HubSpot) -> None:
    again = json.loads(EVENTS)
    for event in again:
        event["attemptNumber"] = 4
    first = connector.receive(signed(EVENTS))
    second = connector.receive(signed(json.dumps(again[:-1]).encode(), at=NOW - SECOND))
    assert [one.event_id for one in first][:-1] == [one.event_id for one in second]


@pytest.mark.parametrize(
    ("url", "sent_as"),
    [
        ("https://hub.example/hooks/hub%3Aspot", "https://hub.example/hooks/hub%3Aspot"),
        ("https://hub.example/hooks?at=a%3Ab%2fc", "https://hub.example/hooks?at=a:b/c"),
        ("https://hub.example/hooks?q=a%20b%26c", "https://hub.example/hooks?q=a%20b%26c"),
        (
            "https://hub.example/hooks?to=ann%40example.com&x=%28%3B%29",
            "https://hub.example/hooks?to=ann@example.com&x=(;)",
        ),
    ],
)
def test_some_escapes_of_the_query_are_undone_before_signing(connector: HubSpot, url: str, sent_as: str) -> None:
    assert connector.receive(signed(EVENTS, url=url, sent_as=sent_as))


@pytest.mark.parametrize("late", [301, -301])
def test_a_request_that_is_too_old_or_from_the_future_is_refused(connector: HubSpot, late: int) -> None:
    with pytest.raises(Refused, match="300 seconds"):
        connector.receive(signed(EVENTS, at=NOW - late * SECOND))
    assert connector.receive(signed(EVENTS, at=NOW - (late - late // 100) * SECOND))


def test_what_is_not_signed_right_is_refused(connector: HubSpot) -> None:
    right = signed(EVENTS)
    wrong = [
        replace(right, body=EVENTS + b" "),
        replace(right, url=URL + "/other"),
        replace(right, method="PUT"),
        signed(EVENTS, secret="another"),
        replace(right, headers={"x-hubspot-signature": hashlib.sha256(SECRET.encode() + EVENTS).hexdigest()}),
        replace(right, headers={**right.headers, "x-hubspot-request-timestamp": "now"}),
    ]
    for request in wrong:
        with pytest.raises(Refused) as caught:
            connector.receive(request)
        assert SECRET not in str(caught.value)


def test_without_a_secret_nothing_is_trusted() -> None:
    bare = build(Context("hooks", {"token": "pat-none"}, clock=lambda: NOW))
    with pytest.raises(Refused, match="client_secret"):
        bare.receive(signed(EVENTS, secret=""))


def test_what_is_no_list_of_events_is_garbled(connector: HubSpot) -> None:
    for body in (b"", b"{", b"null", b'{"eventId": 1}'):
        with pytest.raises(Garbled):
            connector.receive(signed(body))
    assert [one.kind for one in connector.receive(signed(b"[1, {}]"))] == ["unknown", "unknown"]


def test_the_stand_ins_own_events_are_understood() -> None:
    trial = Trial()
    try:
        for kind in ("contact.propertyChange", "contact.merge", "contact.deletion", "task.creation",
                     "contact.associationChange"):  # fmt: skip
            trial.box.subscribe(kind)
        company = trial.box.create("companies", {"name": "Example"})
        ann, ben = (trial.box.create("contacts", {"email": f"{name}@example.com"}) for name in ("ann", "ben"))
        trial.box.create("tasks", {"hs_task_subject": "Call", "hs_timestamp": "2026-11-23T10:00:00.000Z"})
        trial.box.associate("contacts", ann, "companies", company)
        survivor = trial.box.merge("contacts", ann, ben)
        trial.box.archive("contacts", survivor)
        notices = [one for request in trial.box.take_events() for one in trial.connector.receive(request)]
        assert {one.kind for one in notices} == {"changed", "merged", "deleted"}
        assert {told(one)[1:] for one in notices if one.kind == "merged"} == {
            ("contacts", ann, survivor), ("contacts", ben, survivor),
        }  # fmt: skip
        assert ("changed", "contacts", ann, None) in [told(one) for one in notices if "associated" in one.note]
    finally:
        trial.close()
