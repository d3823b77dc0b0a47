"""A stand-in for a mail provider: one account that sends by SMTP and is read by IMAP, over real loopback sockets.

A person's side is in methods (`bounce`, `complain`, `deliver`, `tidy`); how the SMTP server behaves is in `manners`,
how both fail in `mischief`. SMTP is spoken by aiosmtpd, IMAP by `sandbox_imap`.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any

from connectors._kit.mischief import Mischief
from connectors.smtp import sandbox_mail
from connectors.smtp.sandbox_door import Door, Server
from connectors.smtp.sandbox_imap import Session
from connectors.smtp.sandbox_mail import Mail, Post
from connectors.smtp.sandbox_smtp import Handler, MailServer, Manners, Sent
from core.ports import Clock


class Sandbox:
    """`with Sandbox(clock=clock) as box: …`; a fault of the stand-in itself is raised when it stops."""

    title = "Mail server"

    def __init__(
        self,
        *,
        clock: Clock,
        mischief: Mischief | None = None,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        token: str = "",
        size: int = 1_000_000,
    ) -> None:
        self.clock = clock
        self.mischief = mischief or Mischief()
        self.post = Post(clock)
        self.door = Door("shop@example.com", "sandbox-pässword", token, tls, implicit)
        self.manners = Manners()
        self._size = size
        self._faults: list[BaseException] = []
        self._handler = Handler(self.post, self.door, self.mischief, self.manners, self._faults)
        self._smtp: MailServer | None = None
        self._imap: Server | None = None

    # --- what was sent, what arrives

    @property
    def sent(self) -> list[Sent]:
        """The mails that were taken, in order."""
        return self._handler.sent

    @property
    def commands(self) -> Any:
        """SMTP command → how often it was given."""
        return self._handler.commands

    def bounce(self, address: str, code: str = "5.1.1", reason: str = "550 5.1.1 No such user", **more: Any) -> Mail:
        """A mail to this address comes back."""
        box = more.pop("box", "INBOX")
        return self.post.deliver(sandbox_mail.bounce(address, code, reason, at=self.clock(), **more), box)

    def complain(self, address: str | None, **more: Any) -> Mail:
        """Whoever has this address calls a mail spam."""
        return self.post.deliver(sandbox_mail.complaint(address, at=self.clock(), **more))

    def write(self, subject: str, text: str) -> Mail:
        """Somebody writes an ordinary mail."""
        return self.post.deliver(sandbox_mail.ordinary(subject, text, at=self.clock()))

    def deliver(self, raw: bytes) -> Mail:
        """This mail arrives as it is."""
        return self.post.deliver(raw)

    def tidy(self, words: str) -> int:
        """A person throws away all mails that hold these words; gives how many."""
        return self.post.remove(words)

    def hang_up(self) -> None:
        """Drop the IMAP lines that stand, as servers do with those that idle."""
        if self._imap is not None:
            self._imap.hang_up()

    # --- the servers

    def settings(self) -> dict[str, Any]:
        """Settings of a connection to this stand-in, by password."""
        tls = "none" if self.door.tls is None else "tls" if self.door.implicit else "starttls"
        return {
            "host": "127.0.0.1", "port": self.smtp_port, "tls": tls, "sender": self.door.username,
            "username": self.door.username, "password": self.door.password,
            "imap_host": "127.0.0.1", "imap_port": self.imap_port, "imap_tls": tls,
            "mailbox": "INBOX", "sent_mailbox": "Sent" if self.manners.keeps_sent else "",
        }  # fmt: skip

    @property
    def smtp_port(self) -> int:
        """Where SMTP is spoken."""
        if self._smtp is None:
            raise RuntimeError(f"{self.title} is not started")
        return int(self._smtp.port)

    @property
    def imap_port(self) -> int:
        """Where IMAP is spoken."""
        if self._imap is None:
            raise RuntimeError(f"{self.title} is not started")
        return int(self._imap.server_address[1])

    @property
    def smtp_connections(self) -> int:
        """How many SMTP connections were made so far."""
        return self._smtp.accepted - self._at_start if self._smtp else 0

    @property
    def imap_connections(self) -> int:
        """How many IMAP connections were made so far."""
        return self._imap.accepted if self._imap else 0

    @property
    def imap_commands(self) -> list[str]:
        """The IMAP commands so far, without their arguments."""
        return self._imap.journal if self._imap else []

    def start(self) -> None:
        """Listen on loopback."""
        self._smtp = MailServer(self._handler, size=self._size)
        self._smtp.start()
        # aiosmtpd looks at itself once when it starts.
        self._at_start = self._smtp.accepted
        self._imap = Server(self.post, self.door, self.mischief, self._faults, Session)
        threading.Thread(target=self._imap.serve_forever, args=(0.02,), name=self.title, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and drop all connections; raises the first fault of the stand-in itself."""
        smtp, self._smtp = self._smtp, None
        imap, self._imap = self._imap, None
        if smtp is not None:
            smtp.stop()
        if imap is not None:
            imap.stop()
        if self._faults:
            raise self._faults.pop(0)

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
