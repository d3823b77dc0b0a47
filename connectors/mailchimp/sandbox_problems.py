"""Mailchimp's error bodies: problem+json, and the words of a refused member in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from connectors._kit.sandbox import Response

GLOSSARY = "https://mailchimp.com/developer/marketing/docs/errors/"


_INVALID = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."


class Problem(Exception):
    """The call is refused."""

    def __init__(
        self, status: int, title: str, detail: str, errors: Sequence[tuple[str, str]] = (), *, code: str = ""
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.code = code or ("ERROR_CONTACT_EXISTS" if title == "Member Exists" else "ERROR_GENERIC")

    def response(self) -> Response:
        """The answer to a call."""
        body: dict[str, Any] = {
            "type": GLOSSARY, "title": self.title, "status": self.status, "detail": self.detail,
            "instance": str(uuid4()),
        }  # fmt: skip
        if self.errors:
            body["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return Response(self.status, body, {"Content-Type": "application/problem+json; charset=utf-8"})

    def item(self, email: str) -> dict[str, str]:
        """The entry under `errors` of members that were sent together."""
        field, message = self.errors[0] if self.errors else ("", "")
        return {
            "email_address": email, "error": self.detail, "error_code": self.code, "field": field,
            "field_message": message,
        }  # fmt: skip


def invalid(detail: str = "", *errors: tuple[str, str]) -> Problem:
    """The resource submitted could not be validated."""
    told = (
        detail or "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
    )
    return Problem(400, "Invalid Resource", told, errors)


def not_found() -> Problem:
    """There is nothing by that name."""
    return Problem(404, "Resource Not Found", "The requested resource could not be found.")


def exists(email: str) -> Problem:
    """The address is in the audience."""
    what = f"{email} is already a list member. Use PUT to insert or update list members."
    return Problem(400, "Member Exists", what)


def in_compliance(email: str) -> Problem:
    """The person, or their mail server, said no."""
    what = (
        f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed."
    )
    return Problem(400, "Member In Compliance State", what)


def forgotten(email: str) -> Problem:
    """The address was erased."""
    what = (
        f"{email} was permanently deleted and cannot be re-imported. "
        "The contact must re-subscribe to get back on the list."
    )
    return Problem(400, "Forgotten Email Not Subscribed", what)


def fake(email: str) -> Problem:
    """The address is none that anybody reads."""
    return invalid(f"{email} looks fake or invalid, please enter a real email address.")


def crowded(email: str) -> Problem:
    """The address turns up everywhere."""
    return invalid(
        f"{email} has signed up to a lot of lists very recently; we're not allowing more signups for now"
    )  # fmt: skip
