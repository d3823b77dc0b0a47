"""Salesforce's words: names, field types, and what its error codes mean to the hub.

Tables first; the functions below them turn one error of Salesforce (`{"errorCode" or "statusCode", "message",
"fields"}`) into one of the core's. They serve whole answers and single rows of a batch alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from connectors._kit.errors import Reply
from core.errors import (
    USED_UP,
    CursorExpired,
    Exists,
    Forbidden,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
    register,
)
from core.model.values import Json
from core.ports import Verb

KEY_FIELD = "Concord_Key__c"
"""The custom field that carries the idempotency key of our creates, unless the settings name another."""
STAMP = "SystemModstamp"
"""Moves with every change, also those that the system makes; nobody else can set it."""
ROLE = "OpportunityContactRole"
ROLES = "OpportunityContactRoles"

CONSENT, INDIVIDUAL, PURPOSE = "ContactPointTypeConsent", "Individual", "DataUsePurpose"
PARTY = "IndividualId"
"""The field by which a person points to their Individual."""
NO_INDIVIDUAL = register(
    "salesforce.no_individual",
    "The person has no Individual in Salesforce, to which consent by contact point belongs.",
    "Set `individuals: create`, so that Concord makes one, or make it in Salesforce and run `concord replay`.",
)
CONSENTS = "consents"
"""What we call a person's rows of ContactPointTypeConsent."""
"""The relationship by which an opportunity reaches its roles."""
CONTACTS = "ContactIds"
"""The field by which we show who takes part in an opportunity."""

TYPES: Mapping[str, str] = {
    "boolean": "flag", "int": "number", "double": "number", "percent": "number", "currency": "number",
    "long": "number", "date": "date", "datetime": "instant", "email": "email", "phone": "phone", "url": "url",
    "picklist": "choice", "reference": "ref",
}  # fmt: skip
"""Their field type → ours; all others are text."""
UNREADABLE = frozenset({"address", "location", "base64", "complexvalue", "anyType"})
"""Types that are left out: compounds (their parts are fields of their own) and files."""
NOISE = frozenset({"LastViewedDate", "LastReferencedDate"})
"""Fields about who looked at a record; they change although nobody changed it."""
PREFERENCES = ("UserPreferences", "UserPermissions")
"""Hundreds of switches of a user; left out because they would fill the whole query."""

QUOTA_WAIT = 300.0
"""Seconds to wait when the day's quota is used up: it frees itself bit by bit, and Salesforce does not say when."""

BUSY_WAIT = 10.0
"""The same when only too many calls run at once (25 of 20 seconds and more)."""

CODES: Mapping[str, type[ToolError]] = {
    "INVALID_SESSION_ID": SignedOut, "INVALID_AUTH_HEADER": SignedOut,
    "REQUEST_LIMIT_EXCEEDED": Throttled,
    "SERVER_UNAVAILABLE": Unavailable, "UNABLE_TO_LOCK_ROW": Unavailable, "QUERY_TIMEOUT": Unavailable,
    "REQUEST_RUNNING_TOO_LONG": Unavailable, "UNKNOWN_EXCEPTION": Unavailable,
    "ENTITY_IS_DELETED": Gone, "NOT_FOUND": Gone, "CANNOT_UPDATE_CONVERTED_LEAD": Gone,
    "DUPLICATE_VALUE": Exists, "DUPLICATES_DETECTED": Exists,
    "INVALID_FIELD": SchemaChanged, "INVALID_TYPE": SchemaChanged,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Forbidden, "API_DISABLED_FOR_ORG": Forbidden,
    "API_CURRENTLY_DISABLED": Forbidden, "STORAGE_LIMIT_EXCEEDED": Forbidden,
    "EXCEEDED_ID_LIMIT": CursorExpired, "INVALID_REPLICATION_DATE": CursorExpired,
    "INVALID_QUERY_LOCATOR": CursorExpired,
    "PRECONDITION_FAILED": Stale,
}  # fmt: skip
"""Error code → error. `INSUFFICIENT_ACCESS…` is `Forbidden`; whatever is not here is refused with Salesforce's words:
validation rules, required fields, picklists, lengths, references (facts of 2026-11-21)."""

NOWHERE = frozenset({"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED"})
"""Codes of a row that speak of its own id, or of an id in one of its fields, and seldom say which."""
BAD_TOKEN = b"Bad_OAuth_Token"
"""How `userinfo` says, with a 403 and as plain text, that a session has ended."""
TRANSIENT = frozenset({"SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "UNKNOWN_EXCEPTION"})
"""Of a whole call these leave open whether a write was done; of a row that is no success they do not."""

_SENTENCES: Mapping[type[ToolError], str] = {
    Exists: "Salesforce has this record already.",
    Forbidden: "The user may not do this in Salesforce.",
    Gone: "The record is not in Salesforce any more.",
    Refused: "Salesforce refused the record.",
    SchemaChanged: "A field or object is not in Salesforce, or the user may not see it.",
    SignedOut: "Salesforce does not accept the session.",
    Stale: "The record changed in Salesforce since it was read.",
    Throttled: "Salesforce asks for fewer calls.",
    Unavailable: "Salesforce could not do it just now.",
    CursorExpired: "Salesforce's log of deletions does not reach back that far.",
}

_NAMED_ID = re.compile(r"\bid:\s*([0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?)\b")
_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Problem(NamedTuple):
    """One error as Salesforce words it."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    raw: Mapping[str, Any] = {}

    @classmethod
    def of(cls, said: Any) -> Problem:
        """Read one error object; whatever is missing is blank."""
        data = said if isinstance(said, dict) else {}
        fields = data.get("fields")
        return cls(
            str(data.get("errorCode") or data.get("statusCode") or ""),
            str(data.get("message") or ""),
            tuple(map(str, fields)) if isinstance(fields, list) else (),
            data,
        )


def row_error(
    errors: Sequence[Any], verb: Verb, *, stream: str, id: str | None = None, sent: Mapping[str, Json] | None = None
) -> ToolError:
    """What the errors of one row of a batch mean for its edit, which `sent` these fields; the first one decides."""
    problem = Problem.of(errors[0] if errors else {})
    kind = _kind(problem)
    if problem.code in NOWHERE:
        kind = Gone if verb is not Verb.CREATE and _names_no_row(problem, sent or {}) else Refused
    if kind is Exists:
        return _exists(problem, verb, stream, id)
    words = "; ".join(dict.fromkeys(Problem.of(one).message for one in errors if Problem.of(one).message))
    return _error(kind, problem._replace(message=words), stream=stream, id=id)


def explained(reply: Reply, words: str) -> ToolError | None:
    """What a whole answer means that is no success; None to go by its status. The kit asks this of every answer."""
    problem = _problem_of(reply.body)
    if problem is None:
        ended = reply.status == 403 and reply.body.strip() == BAD_TOKEN
        return SignedOut(_SENTENCES[SignedOut], status=reply.status) if ended else None
    kind = _kind(problem)
    if kind is Refused and not 400 <= reply.status < 500:
        return None
    if problem.code in TRANSIENT and reply.status != 503 and not reply.reading:
        kind = Unknown
    if kind is Exists:
        return _exists(problem, Verb.CREATE if reply.method == "POST" else Verb.UPDATE, None, None)
    if kind is Refused and reply.status in (401, 403, 404, 412):
        return None
    return _error(kind, problem._replace(message=words or problem.message), status=reply.status)


def sign_in_error(reply: Reply, words: str) -> ToolError | None:
    """What the token endpoint means by `{"error", "error_description"}`; None to go by the status."""
    try:
        said = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("error"), str) or reply.status >= 500:
        return None
    if "rate" in said["error"] or "rate exceeded" in words.lower():
        return Throttled("Salesforce asks for fewer sign-ins.", wait=QUOTA_WAIT, said=said["error"])
    return SignedOut("Salesforce does not let this connection sign in.", said=words or said["error"])


def long_id(id_: str) -> str:
    """The 18 characters of an id; the last three tell which letters of the first 15 are capitals."""
    if len(id_) != 15:
        return id_
    chunks = (id_[place : place + 5] for place in (0, 5, 10))
    return id_ + "".join(_CASE[sum(char.isupper() << bit for bit, char in enumerate(chunk))] for chunk in chunks)


def is_id(text: object) -> bool:
    """Whether this can be an id in its long form."""
    return isinstance(text, str) and len(text) == 18 and text.isascii() and text.isalnum()


def _problem_of(body: bytes) -> Problem | None:
    try:
        said = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None
    first = said[0] if isinstance(said, list) and said else said
    problem = Problem.of(first)
    return problem if problem.code else None


def _kind(problem: Problem) -> type[ToolError]:
    if problem.code == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY":
        # Of the record that a field points to; other records are none the worse for it.
        return Refused
    if problem.code.startswith("INSUFFICIENT_ACCESS"):
        return Forbidden
    return CODES.get(problem.code, Refused)


def _names_no_row(problem: Problem, sent: Mapping[str, Json]) -> bool:
    """An id that leads nowhere, where none was sent in a field, is the row's own: there is no such row any more."""
    return not problem.fields and not any(is_id(value) for value in sent.values())


def _exists(problem: Problem, verb: Verb, stream: str | None, id_: str | None) -> ToolError:
    """A create that met a record binds to it where it is named; an update that clashes is refused."""
    met = _met(problem, stream) if verb is Verb.CREATE else None
    if verb is Verb.CREATE and (met or problem.code == "DUPLICATE_VALUE"):
        return Exists(_sentence(Exists, problem), remote_id=met, stream=stream, said=problem.code)
    return Refused(_sentence(Refused, problem), stream=stream, id=id_, said=problem.code)


def _met(problem: Problem, stream: str | None) -> str | None:
    """The id of the record that is there already: in the words, or in what a duplicate rule found."""
    named = _NAMED_ID.search(problem.message)
    if named:
        return long_id(named[1])
    found = [record for record in _records(problem.raw) if _type_of(record) in (None, stream)]
    ids = {str(record.get("Id") or record.get("id") or "") for record in found} - {""}
    # Several that are alike are for a person to sort out.
    return long_id(ids.pop()) if len(ids) == 1 else None


def _records(said: Json) -> list[dict[str, Any]]:
    """All objects under a key `record`, however deep."""
    if isinstance(said, list):
        return [record for one in said for record in _records(one)]
    if not isinstance(said, dict):
        return []
    own = [said["record"]] if isinstance(said.get("record"), dict) else []
    return own + [record for name, one in said.items() if name != "record" for record in _records(one)]


def _type_of(record: Mapping[str, Any]) -> str | None:
    attributes = record.get("attributes")
    return attributes.get("type") if isinstance(attributes, dict) else None


def _error(kind: type[ToolError], problem: Problem, **facts: Any) -> ToolError:
    facts |= {"said": problem.code or None, "field": ", ".join(problem.fields) or None}
    if kind is Throttled:
        busy = problem.message.startswith("Concurrent")
        if busy:
            return Throttled(_sentence(kind, problem), wait=BUSY_WAIT, **facts)
        return Throttled(_sentence(kind, problem), wait=QUOTA_WAIT, code=USED_UP, **facts)
    return kind(_sentence(kind, problem), **facts)


def _sentence(kind: type[ToolError], problem: Problem) -> str:
    words = " ".join(problem.message.split())[:300]
    sentence = _SENTENCES.get(kind, "Salesforce failed while it was writing.")
    return f"{sentence} It said: {words}" if words else sentence
