"""A message becomes a mail: headers, both bodies, and the id that is the same for the same key. Pure.

Nothing that comes from a record may become a header of its own, so line breaks and other control signs are refused
everywhere but in the bodies. All is sent in seven bits, which every server on the way understands. Message-ID and
List-Unsubscribe are put before the rest as they are: the library would fold long ones into something else.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Any, NamedTuple

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from core.errors import ConfigError, Refused
from core.model.instant import Instant, moment
from core.ports import Message

_URL = re.compile(r"(https://|mailto:)[!#-;=?-~]+")
"""No space, quote or angle bracket: the address stands between two of those."""
_LONGEST_URL = 900
"""Letters; a line of a mail has 998 at most."""


class Sender(NamedTuple):
    """Whose mails these are."""

    address: str
    name: str
    return_path: str
    """Where bounces go; in the envelope, not in the mail."""

    @property
    def domain(self) -> str:
        """Behind the @."""
        return self.address.rpartition("@")[2]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Sender:
        """As the settings have it; `ConfigError` where an address is none."""
        found = []
        for name in ("sender", "return_path"):
            given = str(settings.get(name) or settings.get("sender") or "").strip()
            try:
                read = _checked(given)
            except EmailNotValidError as error:
                raise ConfigError(f"Setting {name} is no email address: {error}") from error
            found.append(f"{read.ascii_local_part or read.local_part}@{read.ascii_domain}")
        name = str(settings.get("sender_name") or "").strip()
        if _signs(name):
            raise ConfigError("Setting sender_name has a line break or another control sign in it.")
        return cls(found[0], name, found[1])


class Mail(NamedTuple):
    """A mail ready to go."""

    id: str
    """The Message-ID, with its angle brackets."""
    sender: str
    to: str
    raw: bytes
    """Lines end with CRLF; dots are not doubled yet."""
    utf8: bool
    """Whether the address needs a server with SMTPUTF8."""


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a key; the key cannot be read from it."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<concord.{digest[:40]}@{domain}>"


def composed(message: Message, sender: Sender, at: Instant) -> Mail:
    """The mail of a message. `Refused` where something in it cannot be sent."""
    for name in ("to", "subject", "reply_to", "unsubscribe"):
        if _signs(getattr(message, name) or ""):
            raise Refused("A line break or another control sign stands where a header would be.", field=name)
    for name in ("to", "subject", "text", "html"):
        if any("\ud800" <= letter <= "\udfff" for letter in getattr(message, name) or ""):
            raise Refused("Half of a letter cannot be sent.", field=name)
    to = _recipient(message.to, "to")
    utf8 = not to.username.isascii()
    mail = EmailMessage(policy=(SMTPUTF8 if utf8 else SMTP).clone(cte_type="7bit"))
    username, _, domain = sender.address.rpartition("@")
    mail["From"] = Address(sender.name, username, domain)
    mail["To"] = to
    if message.reply_to:
        mail["Reply-To"] = _recipient(message.reply_to, "reply_to")
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(moment(at))
    # No auto-reply shall answer it (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    id_ = message_id(message.key, sender.domain)
    head = [f"Message-ID: {id_}", *_unsubscribing(message.unsubscribe)]
    raw = "".join(f"{line}\r\n" for line in head).encode() + mail.as_bytes()
    return Mail(id_, sender.return_path, to.addr_spec, raw, utf8)


def _unsubscribing(url: str | None) -> list[str]:
    """The headers by which a mailbox offers to unsubscribe (RFC 2369); in one click only by https (RFC 8058)."""
    if not url:
        return []
    if not _URL.fullmatch(url) or len(url) > _LONGEST_URL:
        raise Refused("This is no https or mailto address to unsubscribe at.", field="unsubscribe")
    one_click = ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] if url.startswith("https") else []
    return [f"List-Unsubscribe: <{url}>", *one_click]


def _recipient(text: str, name: str) -> Address:
    try:
        read = _checked(text)
    except EmailNotValidError as error:
        raise Refused(f"This is not one email address: {error}", field=name) from error
    return Address(username=read.local_part, domain=str(read.ascii_domain))


def _checked(text: str) -> ValidatedEmail:
    # Whether a domain exists, or is one's own, the server knows better.
    return validate_email(text, check_deliverability=False, globally_deliverable=False)


def _signs(text: str) -> bool:
    return len(text.splitlines()) > 1 or any(unicodedata.category(letter) == "Cc" for letter in text)
