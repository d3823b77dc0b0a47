"""The sandbox's error bodies: one form for all of Google's services, told apart by `errors[0].reason`."""

from __future__ import annotations

from typing import Any

from connectors._kit.sandbox import Response

_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    503: "UNAVAILABLE",
}  # fmt: skip


class Problem(Exception):
    """The call is refused."""

    def __init__(
        self, code: int, reason: str, message: str, *, domain: str = "global", location: tuple[str, str] | None = None
    ) -> None:
        """`location` is the kind of place and its name: `("parameter", "syncToken")`."""
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location

    def response(self) -> Response:
        """The answer to a call."""
        inner: dict[str, Any] = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location:
            inner |= {"locationType": self.location[0], "location": self.location[1]}
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [inner]}
        if self.code in _STATUS:
            error["status"] = _STATUS[self.code]
        return Response(self.code, {"error": error}, {"Content-Type": "application/json; charset=UTF-8"})


def invalid(message: str, *, parameter: str = "") -> Problem:
    """A value is wrong."""
    return Problem(400, "invalid", message, location=("parameter", parameter) if parameter else None)


def required(message: str) -> Problem:
    """Something is missing."""
    return Problem(400, "required", message)


def not_found() -> Problem:
    """There is nothing by that name."""
    return Problem(404, "notFound", "Not Found")


def deleted() -> Problem:
    """It was there once."""
    return Problem(410, "deleted", "Resource has been deleted")


def duplicate() -> Problem:
    """The id is taken, perhaps by an event that was deleted."""
    return Problem(409, "duplicate", "The requested identifier already exists.")


def moved_on() -> Problem:
    """The ETag is not the present one."""
    return Problem(412, "conditionNotMet", "Precondition Failed", location=("header", "If-Match"))


def sync_lost() -> Problem:
    """The sync token is no longer honoured."""
    message = "Sync token is no longer valid, a full sync is required."
    return Problem(410, "fullSyncRequired", message, domain="calendar", location=("parameter", "syncToken"))


def not_organizer() -> Problem:
    """Only the organizer may change what all guests share."""
    message = "Shared properties can only be changed by the organizer of the event."
    return Problem(403, "forbiddenForNonOrganizer", message, domain="calendar")


def not_writer() -> Problem:
    """The calendar is only shared for reading."""
    message = "You need to have writer access to this calendar."
    return Problem(403, "requiredAccessLevel", message, domain="calendar")


def out_of_scope() -> Problem:
    """Nobody agreed that this app may do that."""
    return Problem(403, "insufficientPermissions", "Request had insufficient authentication scopes.")


def not_signed_in() -> Problem:
    """No token, or one that is over."""
    message = "Request had invalid authentication credentials."
    return Problem(401, "authError", message, location=("header", "Authorization"))


def not_any_more() -> Problem:
    """A deleted event is changed by nothing but being put back."""
    return Problem(403, "forbidden", "Forbidden")


def too_many() -> Problem:
    """Nothing says how long to wait."""
    return Problem(403, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")


def not_enabled() -> Problem:
    """The app's project has not switched the API on."""
    message = "Google Calendar API has not been used in project 7 before or it is disabled."
    return Problem(403, "accessNotConfigured", message, domain="usageLimits")
