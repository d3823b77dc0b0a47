"""The calls for statuses by address (communication preferences v4) as HubSpot's reference describes them (2026-11-29).

HubSpot's own client has them not, so they are in none of the contracts that were rebuilt from it. This one holds what
we say and read, by the reference's names, required members and words.
"""

from __future__ import annotations

from typing import Any

BASE = "/communication-preferences/v4/statuses"
_STATUS = {"type": "string", "enum": ["SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"]}
_CHANNEL = {"type": "string", "enum": ["EMAIL"]}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_TIME = {"type": "string", "format": "date-time"}
_BASIS = {
    "type": "string",
    "enum": [
        "CONSENT_WITH_NOTICE", "LEGITIMATE_INTEREST_CLIENT", "LEGITIMATE_INTEREST_OTHER", "LEGITIMATE_INTEREST_PQL",
        "NON_GDPR", "PERFORMANCE_OF_CONTRACT", "PROCESS_AND_STORE",
    ],
}  # fmt: skip
_REASON = {
    "type": "string",
    "enum": [
        "NO_STATUS_CHANGE", "RESUBSCRIBE_OCCURRED", "REQUESTED_CHANGE_OCCURRED", "UNSUBSCRIBE_FROM_ALL_OCCURRED",
    ],
}  # fmt: skip


def _object(needed: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with members that it must have, and others that may be missing or null."""
    optional = {name: {**schema, "nullable": True} for name, schema in (more or {}).items()}
    return {"type": "object", "required": list(needed), "properties": {**needed, **optional}}


def _many(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_KEPT = _object(
    {
        "channel": _CHANNEL, "source": _TEXT, "status": _STATUS, "subscriberIdString": _TEXT, "subscriptionId": _WHOLE,
        "timestamp": _TIME,
    },
    {
        "businessUnitId": _WHOLE, "legalBasis": _BASIS, "legalBasisExplanation": _TEXT,
        "setStatusSuccessReason": _REASON, "subscriptionName": _TEXT,
    },
)  # fmt: skip
_WIDE = _object(
    {
        "channel": _CHANNEL, "status": _STATUS, "subscriberIdString": _TEXT, "timestamp": _TIME,
        "wideStatusType": {"type": "string", "enum": ["PORTAL_WIDE", "BUSINESS_UNIT_WIDE"]},
    },
    {"businessUnitId": _WHOLE},
)  # fmt: skip
_WISH = _object(
    {"channel": _CHANNEL, "statusState": _STATUS, "subscriptionId": _WHOLE},
    {"legalBasis": _BASIS, "legalBasisExplanation": _TEXT},
)


def _call(result: dict[str, Any], body: dict[str, Any] | None = None, *, address: bool = False) -> dict[str, Any]:
    """A POST; without a channel in its body it has one in its query."""
    at = [{"name": "subscriberIdString", "in": "path", "required": True, "schema": _TEXT}] if address else []
    query: list[dict[str, Any]] = []
    if body is not _WISH:
        query = [
            {"name": "channel", "in": "query", "required": True, "schema": _CHANNEL},
            {"name": "businessUnitId", "in": "query", "schema": _WHOLE},
            {"name": "verbose", "in": "query", "schema": {"type": "boolean"}},
        ]
    state = {"type": "string", "enum": ["PENDING", "PROCESSING", "CANCELED", "COMPLETE"]}
    answer = _object({"completedAt": _TIME, "results": _many(result), "startedAt": _TIME, "status": state})
    asked = {"requestBody": {"required": True, "content": _json(body)}} if body is not None else {}
    return {
        "post": {
            "parameters": [*at, *query],
            **asked,
            "responses": {
                "200": {"description": "done", "content": _json(answer)},
                "default": {"description": "refused", "content": _json(_PROBLEM)},
            },
        }
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


_PROBLEM = _object({"category": _TEXT, "correlationId": _TEXT, "message": _TEXT})
_ADDRESSES = _object({"inputs": _many(_TEXT)})

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Statuses of subscriptions", "version": "v4"},
    "paths": {
        f"{BASE}/batch/read": _call(_object({"statuses": _many(_KEPT), "subscriberIdString": _TEXT}), _ADDRESSES),
        f"{BASE}/batch/unsubscribe-all/read": _call(
            _object({"subscriberIdString": _TEXT, "wideStatuses": _many(_WIDE)}), _ADDRESSES
        ),
        f"{BASE}/batch/unsubscribe-all": _call(
            _object({"subscriberIdString": _TEXT}, {"statuses": _many(_KEPT)}), _ADDRESSES
        ),
        f"{BASE}/{{subscriberIdString}}/unsubscribe-all": _call(_KEPT, address=True),
        f"{BASE}/{{subscriberIdString}}": _call(_KEPT, _WISH, address=True),
    },
}
