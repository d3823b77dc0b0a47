"""Every webhook's door under noise: nothing crashes it, and nothing comes in that is not signed as agreed.

What is signed is stored once; what is refused is counted. `make test` tries a few of each; `make fuzz` goes on with
other seeds for as long as one likes.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.watching import watched
from core.model.instant import MINUTE
from core.ports import Request
from tests.api.hooked import CRM, MAPPINGS, NEWS, SECRET, SIGNING, Street
from tests.fuzz import signing
from tests.fuzz.signing import Signing

KEY = "whsec_a-secret-of-the-sender"
BOOKS, MONEY, CALENDAR = "books", "money", "calendar"
FEW = int(os.environ.get("CONCORD_FUZZ_EXAMPLES", "15"))
FUZZ = settings(
    max_examples=FEW, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)

LINE = httpx.Client()


class Door(NamedTuple):
    """A tool's door, and how its tool signs."""

    signs: Signing
    secret: str = KEY
    query: str = ""
    covers_body: bool = True
    ages: bool = True


DOORS = {
    CRM: Door(signing.hubspot, ""), NEWS: Door(signing.mailchimp, SIGNING, f"?secret={SECRET}"),
    MONEY: Door(signing.stripe), BOOKS: Door(signing.memory),
    CALENDAR: Door(signing.google, covers_body=False, ages=False),
}  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["id", "eventId", "type", "object", "data", "record", "fields", "subscriptionType", "objectId", "portalId",
     "created", "propertyName", "propertyValue", "occurredAt", "mergedObjectIds", "list_id", "email",
     "previous_attributes"]
)  # fmt: skip
LIKELY = st.dictionaries(WORDS, JSON | st.dictionaries(WORDS, JSON, max_size=5), max_size=8)
BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda one: json.dumps(one).encode()),
    st.lists(LIKELY, max_size=3).map(lambda one: json.dumps(one).encode()),
    LIKELY.map(lambda one: json.dumps(one).encode()),
    LIKELY.map(lambda one: httpx.QueryParams({name: str(value) for name, value in one.items()}).__str__().encode()),
)
HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60).map(str.strip)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Street(tmp_path_factory.mktemp("doors")) as made:
        made._connect(MONEY, "stripe", {"api_key": "sk_test_1", "webhook_secret": KEY, "url": made.crm.url})
        made._connect(BOOKS, "memory", {"world": "fuzzed", "webhook_secret": KEY})
        google = {
            "client_id": "c",
            "client_secret": "s",
            "refresh_token": "r",
            "channel_token": KEY,
            "url": made.crm.url,
        }
        made._connect(CALENDAR, "google_calendar", google)
        assert MAPPINGS.exists()
        yield made
    LINE.close()


def sent(street: Street, name: str, body: bytes, *, at: int | None = None) -> Request:
    """What a tool sends that signs this body as agreed."""
    now, door = street.lab.clock(), DOORS[name]
    url = f"{street.url}/hooks/{name}{door.query}"
    headers = door.signs(url, door.secret or street.crm.client_secret, body, at or now)
    return Request("POST", url, headers, body, now)


def took(street: Street, request: Request) -> tuple[int, int]:
    """The answer's status, and how many webhooks it stored."""
    before = street.rows("webhook")
    headers = dict(request.headers)
    status = LINE.request(request.method, request.url, headers=headers, content=request.body).status_code
    return status, street.rows("webhook") - before


@pytest.mark.parametrize("name", DOORS)
@FUZZ
@given(body=BODIES)
def test_what_is_signed_is_stored_once_or_refused_in_words(street: Street, name: str, body: bytes) -> None:
    request = sent(street, name, body)
    status, stored = took(street, request)
    assert status in (200, 400, 401)
    assert stored <= 1
    assert status == 200 or not stored
    assert took(street, request) == (status, 0), "a replay is known or refused again"


@pytest.mark.parametrize("name", DOORS)
@FUZZ
@given(body=BODIES, headers=st.dictionaries(st.sampled_from(
    ["x-hubspot-request-timestamp", "x-hubspot-signature-v3", "x-mailchimp-signature", "stripe-signature", "webhook-id",
     "webhook-timestamp", "webhook-signature", "x-goog-channel-token", "x-goog-message-number", "content-type",
     "content-encoding"]), HEADER, max_size=6))  # fmt: skip
def test_noise_is_refused_and_leaves_nothing(street: Street, name: str, body: bytes, headers: dict[str, str]) -> None:
    request = Request("POST", f"{street.url}/hooks/{name}?secret=a-guess", headers, body, 0)
    status, stored = took(street, request)
    assert (status, stored) in ((400, 0), (401, 0))


@pytest.mark.parametrize("name", [name for name, one in DOORS.items() if one.covers_body])
@FUZZ
@given(data=st.data())
def test_what_was_changed_after_it_was_signed_is_refused(street: Street, name: str, data: st.DataObject) -> None:
    body = data.draw(LIKELY.map(lambda one: json.dumps([one]).encode()))
    request = sent(street, name, body)
    changed = data.draw(st.sampled_from(list(CHANGES.values())))(body, data)
    if changed == body:
        return
    status, stored = took(street, replace(request, body=changed))
    assert (status, stored) == (401, 0)


CHANGES: dict[str, Callable[[bytes, st.DataObject], bytes]] = {
    "truncated": lambda body, data: body[: data.draw(st.integers(0, len(body) - 1))],
    "one bit": lambda body, data: _flipped(body, data.draw(st.integers(0, len(body) * 8 - 1))),
    "more": lambda body, data: body + data.draw(st.binary(min_size=1, max_size=5)),
    "the same in other letters": lambda body, _: json.dumps(json.loads(body), indent=1).encode(),
    "utf-16": lambda body, _: body.decode().encode("utf-16"),
    "with a mark before it": lambda body, _: b"\xef\xbb\xbf" + body,
    "gzip": lambda body, _: gzip.compress(body),
    "base64": lambda body, _: base64.b64encode(body),
    "form": lambda body, _: str(httpx.QueryParams({"payload": body.decode()})).encode(),
}


def _flipped(body: bytes, bit: int) -> bytes:
    return body[: bit // 8] + bytes([body[bit // 8] ^ 1 << bit % 8]) + body[bit // 8 + 1 :]


@pytest.mark.parametrize("name", [name for name, one in DOORS.items() if one.ages])
@FUZZ
@given(minutes=st.integers(6, 10_000), late=st.booleans())
def test_what_is_too_old_or_too_new_is_refused(street: Street, name: str, minutes: int, late: bool) -> None:
    at = street.lab.clock() + (-minutes if late else minutes) * MINUTE
    assert took(street, sent(street, name, b"[]", at=at)) == (401, 0)


@pytest.mark.parametrize("name", DOORS)
def test_what_was_refused_is_counted(street: Street, name: str) -> None:
    with watched(street.lab.installation) as meters:
        before = _refused(meters, name)
        street.send(Request("POST", f"{street.url}/hooks/{name}?secret=a-guess", {}, b"[]", 0))
        assert _refused(meters, name) == before + 1


def _refused(meters: Any, name: str) -> float:
    found = meters.registry.get_sample_value("concord_webhooks_total", {"connection": name, "outcome": "refused"})
    return float(found or 0)


def test_all_that_was_taken_in_is_heard_in_the_end(street: Street) -> None:
    """Whatever was signed and stored above is taken in by turns that come to their end."""
    for name in (CRM, NEWS, BOOKS):
        street.hear(name)
