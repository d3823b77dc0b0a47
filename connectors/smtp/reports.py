"""What a mail in the bounce mailbox says about addresses: delivery reports (RFC 3464) and complaints (RFC 5965). Pure.

Only what is permanent and about the address itself counts; a full mailbox, a server that is down, a refused content
and a bad sender say nothing about the person's address. A mail that is no report says nothing and is no problem; a
report that cannot be read is one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses
from typing import NamedTuple

HARD = "hard"
COMPLAINT = "complaint"

_PERMANENT = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"})
"""Codes about the recipient's address (RFC 3463, RFC 7505). 5.1.7 and 5.1.8 are about the sender's, 5.2.2 is full."""
_NOBODY = re.compile(
    r"user unknown|unknown (user|recipient|mailbox|local part)|no such (user|recipient|mailbox|person|address)"
    r"|(user|recipient|mailbox|account|address)\b.{0,80}\b(not found|does not exist|doesn't exist|no longer exists)"
    r"|no mailbox (here )?by that name",
    re.IGNORECASE,
)
"""What servers say that give no code of their own (RFC 3463), only 550 and a sentence; wordings seen in many logs."""
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
"""Kinds of feedback by which a person says no; `not-spam` and `auth-failure` (RFC 6591) are something else."""
_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_SAID = re.compile(r"\b[245]\d\d[ -](?:#?)([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.])(55[0-4])\b")
_ADDRESS = re.compile(r"[^\s@<>()\",;:]+@[^\s@<>()\",;:]+")
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_LONGEST = 300


class Evidence(NamedTuple):
    """What a report says about one address."""

    address: str
    """In small letters."""
    status: str
    """`hard` or `complaint`."""
    code: str
    """The enhanced status code (`5.1.1`), or the kind of feedback (`abuse`)."""
    reason: str
    """The receiving server's words, in one short line."""


class Report(NamedTuple):
    """A mail, read. Neither evidence nor a problem: it is no report, or says nothing permanent."""

    evidence: tuple[Evidence, ...] = ()
    problem: str | None = None
    """Why a report could not be read, in plain words."""


NOTHING = Report()
Block = dict[str, list[str]]
"""Field names in small letters → values, in order."""


def is_report(content_type: str) -> bool:
    """Whether a mail with this `Content-Type` (perhaps with its name, perhaps folded) may hold a report."""
    return "report" in content_type.lower()


def read_report(raw: bytes) -> Report:
    """Read one mail as it came; never raises."""
    try:
        return _read(BytesParser(policy=compat32).parsebytes(raw))
    except Exception as error:
        # The parser of the standard library fails in many ways on what strangers send; none may stop a walk.
        return Report(problem=f"it is too broken to be read ({type(error).__name__})")


def _read(mail: Message) -> Report:
    # Only the mail itself: what it returns may hold a report of its own, which anybody may have written.
    if mail.get_content_type() != "multipart/report":
        return NOTHING
    parts = _children(mail)
    for part in parts:
        if part.get_content_type() in _STATUS_PARTS:
            return _delivery(_blocks(part), parts)
        if part.get_content_type() == "message/feedback-report":
            return _feedback(_blocks(part), parts)
    kind = str(mail.get_param("report-type", "")).lower()
    if kind in ("delivery-status", "feedback-report"):
        return Report(problem=f"it calls itself a {kind} and holds none")
    return NOTHING


# --- delivery reports


def _delivery(blocks: list[Block], parts: Sequence[Message]) -> Report:
    about = [block for block in blocks if "final-recipient" in block or "original-recipient" in block]
    if not about:
        return Report(problem="its delivery status names no recipient")
    found: list[Evidence] = []
    unread = 0
    for block in about:
        # The address that we wrote to counts, not where somebody had it forwarded.
        address = _recipient(block, "original-recipient") or _recipient(block, "final-recipient")
        code = _permanent(block)
        if code and not address:
            unread += 1
        elif code and address:
            diagnosis = _first(block, "diagnostic-code").removeprefix("smtp;")
            found.append(Evidence(address, HARD, code, _line(diagnosis) or _human(parts)))
    problem = f"{unread} of its recipients cannot be read as an address" if unread else None
    return Report(tuple(found), problem)


def _permanent(block: Block) -> str | None:
    """The code by which the address is unusable for good; None where it is not, or not for good."""
    action = _first(block, "action").split("(")[0].strip().lower()
    if action and action != "failed":
        return None
    told = _CODE.search(_first(block, "status"))
    diagnosis = _first(block, "diagnostic-code")
    said = _SAID.search(diagnosis)
    # The receiving server's own code is more exact than that of the server which wrote the report.
    code = said[1] if said else told[1] if told else ""
    if code == "5.1.0" and "sender" in diagnosis.lower():
        return None
    if code in _PERMANENT:
        return code
    if code in ("", "5.0.0") and _REPLY.search(diagnosis) and _NOBODY.search(diagnosis):
        return "5.1.1"
    return None


def _recipient(block: Block, name: str) -> str | None:
    kind, semicolon, rest = _first(block, name).partition(";")
    if semicolon and kind.strip().lower() not in ("rfc822", "utf-8", "smtp"):
        return None
    return _address(rest if semicolon else kind)


# --- complaints


def _feedback(blocks: list[Block], parts: Sequence[Message]) -> Report:
    block: Block = {name: values for one in reversed(blocks) for name, values in one.items()}
    kind = _first(block, "feedback-type").lower()
    if not kind:
        return Report(problem="its feedback report does not say of which kind it is")
    if kind not in _COMPLAINTS:
        return NOTHING
    named = [*block.get("original-rcpt-to", ()), *block.get("removal-recipient", ())]
    addresses = [found for value in named if (found := _address(value))] or _written_to(parts)
    if not addresses:
        return Report(problem="somebody complained, and the report does not name who")
    reason = _line(f"{kind} reported by {_first(block, 'user-agent') or 'a mailbox provider'}")
    return Report(tuple(Evidence(one, COMPLAINT, kind, reason) for one in dict.fromkeys(addresses)))


def _written_to(parts: Sequence[Message]) -> list[str]:
    """The one recipient of the mail that is returned; nobody where there were several."""
    for part in parts:
        if part.get_content_type() in _RETURNED:
            headers = {name: values for block in reversed(_blocks(part)) for name, values in block.items()}
            written = [address for _, address in getaddresses(headers.get("to", []))]
            found = [one for text in written if (one := _address(text))]
            return found if len(found) == 1 else []
    return []


# --- the parts of a mail


def _children(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _blocks(part: Message) -> list[Block]:
    """The fields of a part in blocks, whether the parser took it apart, took half of it apart, or left it encoded."""
    pieces = _children(part)
    text = "\n\n".join(_source(piece) for piece in pieces) if pieces else _payload(part)
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64" and pieces:
        text = base64.b64decode(text, validate=False).decode("utf-8", "replace")
    text = re.sub(r"\r?\n[ \t]+", " ", text.replace("\r\n", "\n"))
    return [fields for block in re.split(r"\n[ \t]*\n", text) if (fields := _fields(block))]


def _source(piece: Message) -> str:
    headers = "\n".join(f"{name}: {_clean(value)}" for name, value in piece.raw_items())
    return f"{headers}\n\n{_payload(piece)}"


def _payload(part: Message) -> str:
    decoded = part.get_payload(decode=True)
    return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else ""


def _fields(block: str) -> Block:
    fields: Block = {}
    for line in block.splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[!-9;-~]+", name.strip()):
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return fields


def _first(block: Block, name: str) -> str:
    return next(iter(block.get(name, ())), "")


def _address(text: str) -> str | None:
    found = _ADDRESS.search(_clean(text))
    return found[0].strip(".'").lower() if found and len(found[0]) <= 320 else None


def _human(parts: Sequence[Message]) -> str:
    """The first words of the text for people, for reports without a diagnosis."""
    text = next((_payload(part) for part in parts if part.get_content_type() == "text/plain"), "")
    return _line(text)


def _line(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in _clean(text)).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _clean(text: object) -> str:
    """Text without the marks that the parser puts for bytes which are no ASCII."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
