"""What Stripe's refusals become, by type, code, status and the headers that overrule them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from connectors._kit.errors import Reply
from connectors.stripe.trouble import LATER, explained
from core.errors import Forbidden, Gone, Reach, Refused, SignedOut, Throttled, ToolError, Unavailable, Unknown

NOT_GRANTED = (
    "The provided key 'rk_test_****3456' does not have the required permissions for this endpoint on account 'acct_1'. "
    "Having the 'rak_payment_intent_read' permission would allow this request to continue."
)


def told(
    status: int, *, reading: bool = True, headers: Mapping[str, str] | None = None, **error: str
) -> ToolError | None:
    body = json.dumps({"error": error}).encode() if error else b""
    reply = Reply("GET" if reading else "POST", status, {"request-id": "req_1", **(headers or {})}, body, reading)
    return explained(reply, str(error.get("message", "")))


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"type": "invalid_request_error", "param": "email", "message": "Invalid email"}, Refused),
        (400, {"type": "invalid_request_error", "code": "resource_missing", "message": "No such customer"}, Gone),
        (401, {"type": "invalid_request_error", "message": "Invalid API Key provided"}, SignedOut),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}, Refused),
        (403, {"type": "invalid_request_error", "message": NOT_GRANTED}, Forbidden),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, Gone),
        (409, {"type": "invalid_request_error", "code": "idempotency_key_in_use"}, Throttled),
        (429, {"type": "invalid_request_error", "code": "rate_limit"}, Throttled),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, Throttled),
        (500, {"type": "api_error"}, Unavailable),
        (502, {}, Unavailable),
    ],
)
def test_a_reading_that_fails(status: int, error: dict[str, str], kind: type[ToolError]) -> None:
    body = json.dumps({"error": error}).encode()
    assert type(explained(Reply("GET", status, {}, body), error.get("message", ""))) is kind


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_write_that_fails_on_stripes_side_may_have_happened(status: int) -> None:
    assert type(told(status, reading=False, type="api_error")) is Unknown


def test_the_header_says_whether_to_try_again() -> None:
    assert type(told(409, reading=False, headers={"stripe-should-retry": "true"})) is Unavailable
    assert type(told(409, reading=False, headers={"stripe-should-retry": "false"})) is Unknown
    calm, urgent = told(429), told(429, headers={"stripe-should-retry": "false"})
    assert isinstance(calm, Throttled)
    assert isinstance(urgent, Throttled)
    assert (calm.wait, urgent.wait) == (None, LATER)


def test_which_limit_was_met_is_told() -> None:
    error = told(429, headers={"stripe-rate-limited-reason": "endpoint-concurrency"}, code="rate_limit")
    assert error is not None
    assert error.facts["reason"] == "endpoint-concurrency"
    assert error.reach is Reach.CONNECTION
    assert error.facts["request"] == "req_1"


def test_a_busy_object_concerns_itself_alone() -> None:
    error = told(429, code="lock_timeout")
    assert error is not None
    assert error.reach is Reach.RECORD


def test_a_missing_permission_is_named_with_the_place_to_grant_it() -> None:
    error = told(403, message=NOT_GRANTED)
    assert error is not None
    assert "read payment intent" in error.message
    assert "Payment Intent to Read" in error.remedy
    assert "rk_test" not in str(error)


def test_a_refused_field_is_named() -> None:
    error = told(400, message="Invalid email address: nobody", param="email", code="email_invalid")
    assert error is not None
    assert (error.facts["field"], error.facts["code_there"]) == ("email", "email_invalid")
    assert "Invalid email address" in error.message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "text"}', b"null"])
def test_a_body_that_says_nothing_goes_by_its_status(body: bytes) -> None:
    assert isinstance(explained(Reply("GET", 400, {}, body), ""), Refused)
    assert isinstance(explained(Reply("GET", 500, {}, body), ""), Unavailable)
    assert explained(Reply("GET", 418, {}, body), "") is None
