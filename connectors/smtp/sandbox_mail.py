"""The stand-in's mail: mailboxes with UIDs that only rise, and the reports that mail servers write about addresses."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from core.model.instant import Instant, moment
from core.ports import Clock


@dataclass
class Mail:
    """One mail in one mailbox. `raw` ends its lines with CRLF."""

    uid: int
    at: Instant
    raw: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class Box:
    """One mailbox."""

    name: str
    uidvalidity: int
    attributes: tuple[str, ...] = ()
    next_uid: int = 1
    mails: list[Mail] = field(default_factory=list)

    def append(self, raw: bytes, at: Instant) -> Mail:
        """Take a mail in, with the next UID."""
        mail = Mail(self.next_uid, at, raw)
        self.next_uid += 1
        self.mails.append(mail)
        return mail

    def renumbered(self) -> None:
        """What a restored or rebuilt server does: every UID is void."""
        self.uidvalidity += 1
        for number, mail in enumerate(self.mails, 1):
            mail.uid = number
        self.next_uid = len(self.mails) + 1


class Post:
    """All mailboxes of one account; `lock` guards them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.boxes: dict[str, Box] = {}
        for name, attributes in (("INBOX", ()), ("Sent", ("\\Sent",)), ("Bounces", ()), ("Bücher & Co", ())):
            self.boxes[name] = Box(name, uidvalidity=1_700_000_000 + len(self.boxes), attributes=attributes)

    def box(self, name: str) -> Box | None:
        """A mailbox by its name; INBOX is spelt in any way."""
        return self.boxes.get("INBOX" if name.upper() == "INBOX" else name)

    def deliver(self, raw: bytes, box: str = "INBOX") -> Mail:
        """A mail arrives."""
        with self.lock:
            return self.boxes[box].append(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), self.clock())

    def remove(self, words: str, box: str = "INBOX") -> int:
        """Somebody tidies up: all mails that hold these words go; gives how many."""
        with self.lock:
            held = self.boxes[box]
            before = len(held.mails)
            held.mails = [mail for mail in held.mails if words.encode() not in mail.raw]
            return before - len(held.mails)


RETURNED = b"From: shop@example.com\r\nTo: %s\r\nSubject: Your order\r\nMessage-ID: <1@example.com>\r\n"


def bounce(
    address: str,
    code: str,
    reason: str,
    *,
    at: Instant,
    action: str = "failed",
    original: str | None = None,
    returned: bytes | None = None,
) -> bytes:
    """A delivery report as RFC 3464 has it. `reason` stands behind `smtp;`, folded where it is long."""
    status = ["Reporting-MTA: dns; mx.example.net", f"Arrival-Date: {format_datetime(moment(at))}", ""]
    status += [f"Original-Recipient: rfc822;{original}"] if original else []
    status += [f"Final-Recipient: rfc822; {address}", f"Action: {action}", f"Status: {code}"]
    status += ["Remote-MTA: dns; mail.example.org", f"Diagnostic-Code: smtp; {reason}", ""]
    text = f"This is the mail system.\n\nYour mail to <{address}> could not be delivered.\n"
    body = "\r\n".join(status).encode()
    returned = returned or RETURNED % address.encode()
    return _report("delivery-status", text, "message/delivery-status", body, returned, at)


def complaint(address: str | None, *, at: Instant, kind: str = "abuse", to: str = "") -> bytes:
    """A complaint as RFC 5965 has it; without an address where the provider keeps it to itself."""
    fields = [f"Feedback-Type: {kind}", "User-Agent: ExampleLoop/1.0", "Version: 1"]
    fields += [f"Original-Rcpt-To: <{address}>"] if address else []
    text = "This is an email abuse report for a mail received from your server.\n"
    body = "\r\n".join([*fields, ""]).encode()
    returned = RETURNED % (to or address or "undisclosed-recipients:;").encode()
    return _report("feedback-report", text, "message/feedback-report", body, returned, at)


def ordinary(subject: str, text: str, *, at: Instant) -> bytes:
    """A mail that somebody wrote."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "pat@example.org", "shop@example.com", subject
    mail["Date"] = format_datetime(moment(at))
    mail.set_content(text)
    return mail.as_bytes()


def _report(kind: str, text: str, part: str, body: bytes, returned: bytes, at: Instant) -> bytes:
    head = (
        "From: MAILER-DAEMON@example.net\r\nTo: bounces@example.com\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {format_datetime(moment(at))}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="=_limit"\r\n\r\n'
    )
    parts = (
        (b"text/plain; charset=utf-8", text.replace("\n", "\r\n").encode()),
        (part.encode(), body),
        (b"text/rfc822-headers", returned),
    )
    pieces = [b"--=_limit\r\nContent-Type: %s\r\n\r\n%s\r\n" % one for one in parts]
    return head.encode() + b"".join(pieces) + b"--=_limit--\r\n"
