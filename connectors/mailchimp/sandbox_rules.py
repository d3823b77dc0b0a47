"""What the sandbox takes: addresses, merge fields, and above all which status may follow which.

What a person said, or their mail server, is not undone by anybody else: who unsubscribed may be asked again (pending),
who bounced may not even be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.mailchimp.sandbox_problems import crowded, fake, forgotten, in_compliance, invalid
from connectors.mailchimp.sandbox_store import Audience, MergeField, State, hash_of

CREATED = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
CHANGED = ("subscribed", "unsubscribed", "cleaned", "pending")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_NEEDED = ("addr1", "city", "state", "zip")
_US_PHONE = re.compile(r"\(?\d{3}\)?[-. ]?\d{3}[-. ]?\d{4}")


def check_address(audience: Audience, email: Any) -> str:
    """An address that may come into the audience."""
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise invalid("Please provide a valid email address.", ("email_address", "This value should be a valid email."))
    if hash_of(email) in audience.forgotten:
        raise forgotten(email)
    if email.lower().endswith((".invalid", "@fake.example")):
        raise fake(email)
    if hash_of(email) in audience.crowded:
        raise crowded(email)
    return email


def check_status(state: State | None, wanted: Any, allowed: tuple[str, ...]) -> str:
    """A status that may follow the one a member has."""
    if wanted not in allowed:
        raise invalid("", ("status", f"Value must be one of: {', '.join(allowed)}"))
    if state is not None:
        now = state.before if state.status == "archived" else state.status
        said_no = now == "cleaned" or (now == "unsubscribed" and wanted == "subscribed")
        if said_no and wanted in ("subscribed", "pending"):
            raise in_compliance(state.email)
    return str(wanted)


def merged(
    audience: Audience, given: Any, held: Mapping[str, Any], *, whole: bool, lax: bool = False
) -> dict[str, Any]:
    """The merge fields after a call. `whole`: required ones must be there in the end; `lax`: they need not."""
    if not isinstance(given, Mapping):
        raise invalid("", ("merge_fields", "Schema describes object, string found instead"))
    values = dict(held)
    errors: list[tuple[str, str]] = []
    for tag, value in given.items():
        # A tag that the audience does not have is ignored without a word.
        if tag in audience.merges:
            errors += [(tag, what) for what in _wrong(audience.merges[tag], value)]
            values[tag] = _kept(audience.merges[tag], value)
    if not lax:
        wanted = audience.merges if whole else given.keys() & audience.merges.keys()
        missing = (tag for tag in wanted if audience.merges[tag].required and values.get(tag) in (None, ""))
        errors += [(tag, "This merge field is required.") for tag in missing]
    if errors:
        raise invalid("Your merge fields were invalid.", *errors)
    return values


def _wrong(field: MergeField, value: Any) -> Iterator[str]:
    if value in ("", None):
        return
    if field.type == "address":
        if not isinstance(value, Mapping) or not all(value.get(part) for part in _NEEDED):
            yield "Please enter a complete address"
        return
    if isinstance(value, Mapping | list):
        yield "Please enter a value"
        return
    text = str(value)
    if field.type == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        yield "Please enter a number"
    elif field.type in ("radio", "dropdown") and text not in field.options.get("choices", ()):
        yield f"Value must be one of: {', '.join(field.options.get('choices', ()))}"
    elif field.type == "birthday" and not re.fullmatch(r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])", text):
        yield "Please enter a month (01-12) and a day (01-31)"
    elif field.type == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4}", text):
        yield "Please enter the date"
    elif field.type == "phone" and field.options.get("phone_format") == "US" and not _US_PHONE.fullmatch(text):
        yield "Please enter a valid phone number (###) ### - ####"
    elif field.type in ("url", "imageurl") and not text.startswith(("http://", "https://")):
        yield "Please enter a valid URL"
    elif len(text.encode()) > 255:
        yield "This value is too long. It should have 255 bytes or less."


def _kept(field: MergeField, value: Any) -> Any:
    """A value as it is given back."""
    if value in ("", None):
        return ""
    if field.type == "address" and isinstance(value, Mapping):
        return {"addr2": "", "country": "US", **{part: str(word or "") for part, word in value.items()}}
    if field.type == "number" and isinstance(value, str):
        number = float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else 0.0
        return int(number) if number.is_integer() else number
    if field.type == "date" and isinstance(value, str) and (found := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", value)):
        return f"{found[3]}-{found[1]}-{found[2]}"
    return value if field.type == "number" else str(value).strip()
