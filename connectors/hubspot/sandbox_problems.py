"""HubSpot's error bodies: of a whole call, and of one item of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from connectors._kit.sandbox import Response

SCOPES_PAGE = "https://developers.hubspot.com/scopes"


class Problem(Exception):
    """The call, or one item of a batch, is refused."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        sub: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.sub = sub
        self.errors = list(errors)
        self.context = dict(context or {})
        self.more = dict(more or {})

    def response(self, correlation: str) -> Response:
        """The answer to a call that failed as a whole."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation}
        if self.context:
            body["context"] = {name: list(values) for name, values in self.context.items()}
        if self.errors:
            body["errors"] = self.errors
        return Response(self.status, {**body, "category": self.category, **self._sub(), **self.more})

    def item(self, context: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The entry under `errors` of a batch that was done in part; live ones carry no `links` (seen 2026-08-09)."""
        told = {name: list(values) for name, values in {**self.context, **context}.items()}
        entry = {"status": "error", "category": self.category, **self._sub(), "message": self.message, "context": told}
        return {**entry, "errors": self.errors} if self.errors else entry

    def _sub(self) -> dict[str, str]:
        return {"subCategory": self.sub} if self.sub else {}


class Invalid(NamedTuple):
    """One value that a property does not take."""

    name: str
    code: str
    message: str


def not_valid(found: Sequence[Invalid], portal: int) -> Problem:
    """Values that were not valid: the message holds a list as JSON, `errors` says the same again."""
    told = [
        {
            "isValid": False, "message": one.message, "error": one.code, "name": one.name,
            "localizedErrorMessage": one.message, "portalId": portal,
        }
        for one in found
    ]  # fmt: skip
    errors = [{"message": one.message, "code": one.code, "context": {"propertyName": [one.name]}} for one in found]
    message = f"Property values were not valid: {orjson.dumps(told).decode()}"
    return Problem(400, "VALIDATION_ERROR", message, errors=errors)


def invalid(message: str, **context: Sequence[str]) -> Problem:
    """The input makes no sense."""
    return Problem(400, "VALIDATION_ERROR", message, context=context)


def not_found(message: str = "resource not found") -> Problem:
    """There is no such thing."""
    return Problem(404, "OBJECT_NOT_FOUND", message)


def missing_ids(loud: str, ids: Iterable[str]) -> Problem:
    """Some ids of a batch are not there."""
    message = f"Could not get some {loud} objects, they may be deleted or not exist. Check that ids are valid."
    return Problem(404, "OBJECT_NOT_FOUND", message, context={"ids": list(ids)})


def exists(id_: int, noun: str = "Contact") -> Problem:
    """A contact with this address is there already; its id is in the text alone."""
    return Problem(409, "CONFLICT", f"{noun} already exists. Existing ID: {id_}")


def taken(portal: int, loud: str, name: str, value: str, own: int, other: int) -> Problem:
    """Another record has this unique value."""
    place = f"portalId={portal}, objectTypeId=ObjectTypeId{{legacyObjectType={loud}}}, propertyName={name}"
    message = f"Cannot set PropertyValueCoordinates{{{place}, value={value}}} on {own}. {other} already has that value."
    return Problem(400, "VALIDATION_ERROR", message)


def missing_scopes(scopes: Iterable[str]) -> Problem:
    """The app was not granted what this call needs."""
    error = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": sorted(scopes)},
    }
    message = f"This app hasn't been granted all required scopes to make this call. Read more here: {SCOPES_PAGE}."
    return Problem(403, "MISSING_SCOPES", message, errors=[error], more={"links": {"scopes": SCOPES_PAGE}})


def too_many(policy: str) -> Problem:
    """A limit is used up; there is no Retry-After on these."""
    message = f"You have reached your {policy.lower()} limit."
    more = {"errorType": "RATE_LIMIT", "policyName": policy, "requestId": f"request-{policy.lower()}"}
    return Problem(429, "RATE_LIMITS", message, more=more)
