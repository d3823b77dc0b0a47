"""What Google's refusals mean, payload by payload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors._kit.errors import Reply, error_of
from connectors.google_calendar.trouble import explained
from core.errors import REGISTRY, Reach, ToolError

ERRORS: dict[str, dict[str, Any]] = orjson.loads(
    (Path(__file__).parent / "payloads" / "errors.synthetic.json").read_bytes()
)


def meant(told: dict[str, Any]) -> ToolError:
    raw = told["body"].encode() if isinstance(told["body"], str) else orjson.dumps(told["body"])
    reply = Reply("POST", told["status"], told.get("headers", {}), raw, reading=False)
    error = error_of(reply, hook=explained)
    assert error is not None
    return error


@pytest.mark.parametrize("name", ERRORS)
def test_each_refusal_becomes_the_error_it_means(name: str) -> None:
    told = ERRORS[name]
    error = meant(told)
    assert type(error).__name__ == told["means"]
    assert getattr(error, "wait", None) == told.get("wait")
    if "code" in told:
        assert error.error_code == told["code"]
    assert error.error_code in REGISTRY
    assert error.remedy


def test_what_only_one_record_meets_reaches_no_farther() -> None:
    assert meant(ERRORS["403 somebody else's event"]).reach is Reach.RECORD
    assert meant(ERRORS["403 reading only"]).reach is Reach.STREAM
    assert meant(ERRORS["403 a scope"]).reach is Reach.CONNECTION
    assert meant(ERRORS["403 the API"]).reach is Reach.CONNECTION


def test_googles_own_words_are_kept() -> None:
    assert "Invalid attendee email." in meant(ERRORS["400 a value"]).message
    assert "expired or revoked" in meant(ERRORS["400 a refresh token"]).message
