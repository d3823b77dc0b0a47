"""What replies mean: of the SMTP server by its number and by when it came, of the IMAP server by the code in brackets.

A 4yz of one recipient puts off that mail alone (greylisting); a 421 ends the line. A 5yz to RCPT or to the mail itself
refuses that mail, one to MAIL says that we may not send as this sender. The number and the code are kept as facts.
"""

from __future__ import annotations

import re
from enum import StrEnum

from connectors._kit.errors import LONGEST_WORDS, blotted
from core.errors import (
    Forbidden,
    Garbled,
    Reach,
    Refused,
    SchemaChanged,
    SignedOut,
    Throttled,
    ToolError,
    Unavailable,
    Unsupported,
)

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_TOO_MANY = frozenset({"4.7.28", "4.4.5", "5.4.5", "5.7.28"})
"""Codes by which a provider says that this account has sent enough for now (5.4.5: Gmail's quota of a day)."""
_PAUSE = 3600.0
"""Seconds to wait then; nothing says how long."""


class Stage(StrEnum):
    """When a reply came."""

    OPENING = "opening"
    """Greeting, EHLO, STARTTLS."""
    AUTH = "auth"
    SENDER = "sender"
    RECIPIENT = "recipient"
    MAIL = "mail"
    """DATA, and the reply after the last dot."""


def smtp_error(stage: Stage, status: int, reply: bytes | str, secrets: tuple[str, ...] = ()) -> ToolError:
    """The error that a reply of 4yz or 5yz means."""
    said = words(reply, secrets)
    told = _ENHANCED.match(said)
    error = _meant(stage, status, told[1] if told else "", said)
    error.facts |= {"status": status} | ({"code": told[1]} if told else {})
    return error


def _meant(stage: Stage, status: int, code: str, said: str) -> ToolError:
    if status == 421:
        return Unavailable(f"The mail server closes the line. It said: {said}")
    if not 400 <= status < 600:
        return Garbled("The mail server's answer is none that SMTP has.")
    if stage is Stage.OPENING or (stage is Stage.AUTH and status < 500):
        return Unavailable(f"The mail server serves nobody now. It said: {said}")
    if stage is Stage.AUTH or status in (530, 535, 538):
        return SignedOut(f"The mail server does not accept the sign-in. It said: {said}")
    return _about_mail(stage, status, code, said)


def _about_mail(stage: Stage, status: int, code: str, said: str) -> ToolError:
    if code in _TOO_MANY:
        return Throttled(f"The account has sent enough for now. It said: {said}", wait=_PAUSE)
    if status < 500:
        return Throttled(f"The mail server puts this mail off. It said: {said}").reaching(Reach.RECORD)
    if stage is Stage.SENDER and status != 552:
        return Forbidden(
            f"The account may not send as this sender. It said: {said}",
            remedy="Put an address into `sender` (and `return_path`) that the account may use.",
        )
    return Refused(f"The mail server refused the mail. It said: {said}")


def line_error(error: BaseException, what: str) -> ToolError:
    """The error of a line that broke, or never stood, while certainly nothing happened. `what` is the server."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Unavailable(
            f"The certificate of the {what} is not to be trusted.",
            remedy="Check the host's name; for a certificate of your own name its authority in `ca_file`.",
        )
    return Unavailable(f"The {what} does not answer, or broke off ({type(error).__name__}).")


_IMAP: dict[str, type[ToolError]] = {
    "AUTHENTICATIONFAILED": SignedOut, "EXPIRED": SignedOut, "PRIVACYREQUIRED": SignedOut,
    "AUTHORIZATIONFAILED": SignedOut, "CONTACTADMIN": Forbidden, "NOPERM": Forbidden,
    "UNAVAILABLE": Unavailable, "INUSE": Unavailable, "SERVERBUG": Unavailable,
    "LIMIT": Throttled, "THROTTLED": Throttled, "NONEXISTENT": SchemaChanged, "TRYCREATE": SchemaChanged,
    "CANNOT": Unsupported,
}  # fmt: skip
"""Response code (RFC 5530, and what large providers add) → error."""
_IMAP_CODE = re.compile(r"\[([A-Z-]+)[^\]]*\]")


def imap_error(reply: object, secrets: tuple[str, ...] = (), *, otherwise: type[ToolError] = Garbled) -> ToolError:
    """The error that NO or BAD means; `reply` is what stood behind it, `otherwise` what it means without a code."""
    said = words(reply, secrets)
    code = _IMAP_CODE.search(said)
    kind = _IMAP.get(code[1]) if code else None
    if kind is None:
        # Microsoft 365 answers so when it has no connection left for the mailbox (2026-11).
        busy = "not connected" in said
        kind = Unavailable if busy else otherwise
    return kind(f"The mailbox server said no: {said}")


def words(reply: object, secrets: tuple[str, ...] = ()) -> str:
    """What a server said, in one short line without any secret."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in blotted(text, secrets)).split())
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"
