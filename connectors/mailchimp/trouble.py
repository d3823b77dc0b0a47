"""What Mailchimp's refusals mean: of a whole call (problem+json), and of one member of a list that was sent together.

A problem is known by its title; the HTTP status says little, since nearly all are 400. What a person once said about
their consent cannot be overruled by anybody but them: such a refusal names them as the one who acts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import orjson

from connectors._kit.errors import LONGEST_WORDS, Reply
from core.errors import Acts, Exists, Forbidden, Gone, Refused, SignedOut, Throttled, ToolError, Unsupported, register

COMPLIANCE = register(
    "mailchimp.compliance",
    "The person unsubscribed, so Mailchimp subscribes them again only by their own act.",
    "Ask them to use the audience's sign-up form; or set `resubscribe: confirm`, and Mailchimp asks them by mail.",
)
CLEANED = register(
    "mailchimp.cleaned",
    "Mailchimp found the address unusable (hard bounces or an abuse report) and never writes to it again.",
    "Get another address from the person; nothing brings this one back.",
)
FORGOTTEN = register(
    "mailchimp.forgotten",
    "The address was permanently deleted from the audience, and no interface may bring it back.",
    "Ask the person to sign up again with the audience's own form.",
)
CROWDED = register(
    "mailchimp.crowded",
    "The address has signed up to many lists lately, and Mailchimp takes no more of it for now.",
    "Wait some days, then `concord replay`.",
)


class PersonActs(Refused):
    """Refused because of what the person said; only they can change it."""

    acts: ClassVar[Acts] = Acts.PERSON


class Said(NamedTuple):
    """A problem, read."""

    title: str = ""
    detail: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    """(field, what is wrong with it)."""

    @property
    def words(self) -> str:
        """All of it in one short line."""
        inner = (f"{field}: {message}" if field else message for field, message in self.errors)
        line = " ".join(" ".join(filter(None, (self.title and f"{self.title}.", self.detail, *inner))).split())
        return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def said(body: bytes) -> Said:
    """Read a problem, whatever of it there is."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Said()
    if not isinstance(data, dict):
        return Said()
    errors = data.get("errors")
    inner = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    pairs = tuple((str(one.get("field") or ""), str(one.get("message") or "")) for one in inner)
    return Said(str(data.get("title") or ""), str(data.get("detail") or ""), pairs)


def explained(reply: Reply, words: str) -> ToolError | None:
    """The error Mailchimp means by an answer, or None to go by the status."""
    if reply.status == 429 or (reply.status == 403 and not reply.body.strip()):
        # Nothing says how long to wait, and a 403 without any word is how very many calls are turned away.
        return Throttled("Mailchimp asks for fewer calls.", status=reply.status)
    told = said(reply.body)
    facts: dict[str, Any] = {"status": reply.status}
    if reply.status == 401:
        return SignedOut(f"Mailchimp does not accept the credentials. It said: {told.words}", **facts)
    if reply.status == 403 and told.title in ("Wrong Datacenter", "WrongDatacenter"):
        return SignedOut(f"The key belongs to another data centre. It said: {told.words}", **facts)
    if reply.status == 403:
        return Forbidden(f"The user behind the key may not do this. It said: {told.words or words}", **facts)
    if reply.status == 404:
        return Gone("Mailchimp does not have what was asked for.", **facts)
    if reply.status == 405:
        return Unsupported(f"Mailchimp does not do this here. It said: {told.words}", **facts)
    return _refusal(told) if reply.status in (400, 414, 422, 426) else None


def _refusal(told: Said) -> ToolError:
    if told.title == "Member Exists":
        return Exists("Mailchimp has this address in the audience already.")
    known = _of_a_person(told.title, f"{told.detail} {told.words}")
    if known is not None:
        return known
    fields = ", ".join(dict.fromkeys(field for field, _ in told.errors if field)) or None
    return Refused(f"Mailchimp refused the record. It said: {told.words or 'nothing more'}", field=fields)


def item_error(told: Mapping[str, Any]) -> ToolError:
    """The error of one member that was sent together with others."""
    words, code = str(told.get("error") or ""), told.get("error_code")
    field = str(told.get("field") or "") or None
    known = _of_a_person("", words)
    if known is not None:
        return known
    if code == "ERROR_CONTACT_EXISTS" or re.search(r"already a list member", words):
        return Exists("Mailchimp has this address in the audience already.")
    more = str(told.get("field_message") or "")
    line = " ".join(f"{words} {more}".split())[:LONGEST_WORDS]
    return Refused(f"Mailchimp refused the record. It said: {line or 'nothing more'}", field=field)


def _of_a_person(title: str, words: str) -> ToolError | None:
    """A refusal that comes of what the person said, or of what became of their address."""
    if title == "Member In Compliance State" or "compliance state" in words:
        return unsubscribed()
    if title == "Forgotten Email Not Subscribed" or "permanently deleted" in words:
        return PersonActs("The address was permanently deleted from the audience.", code=FORGOTTEN)
    if "a lot of lists" in words:
        return Refused("The address has signed up to a lot of lists lately.", code=CROWDED)
    return None


def unsubscribed() -> Refused:
    """The error of a grant to somebody who unsubscribed."""
    return PersonActs("Mailchimp does not subscribe again who unsubscribed.", code=COMPLIANCE, field="status")


def cleaned() -> Refused:
    """The error of a grant to an address that bounced."""
    return PersonActs("Mailchimp has cleaned this address and never writes to it again.", code=CLEANED, field="status")


def moved(error: ToolError) -> ToolError:
    """The error of a change: an address that somebody else has is no record to bind to."""
    if isinstance(error, Exists):
        return Refused("Another member of the audience has this address.", field="email_address")
    return error
