"""The stand-in's SMTP server: aiosmtpd, with the answers that real servers give to mail they do not like.

Whatever it takes arrives in the account's Sent mailbox, as large providers do it. Trouble is by address, by queue
(`refuse_once`), or by mischief.
"""

# ruff: noqa: ARG002, D102, N802 -- names and arguments are those of aiosmtpd
from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from connectors._kit.mischief import Mischief, Switch
from connectors.smtp.sandbox_door import Door
from connectors.smtp.sandbox_mail import Post

GREYLISTED = "450 4.2.0 Greylisted, try again in five minutes"
NOBODY = "550 5.1.1 No such user here"
CLOSING = "421 4.3.2 Service shutting down"


class Sent(NamedTuple):
    """A mail that was taken."""

    sender: str
    to: tuple[str, ...]
    raw: bytes
    mail_options: tuple[str, ...]
    rcpt_options: tuple[str, ...]


@dataclass
class Manners:
    """How the server behaves; a test changes it as it likes."""

    rejected: dict[str, str] = field(default_factory=dict)
    """Recipient → the answer to RCPT."""
    greylisted: set[str] = field(default_factory=set)
    """Recipients that are put off once."""
    at_mail: list[str] = field(default_factory=list)
    """Answers to the next MAIL commands, in place of 250."""
    at_data: list[str] = field(default_factory=list)
    """Answers to the next mails when their last line has come; they are not taken."""
    hang_up_before: int = 0
    """So many mails are broken off when DATA is asked for."""
    hang_up_after: int = 0
    """So many mails are taken, and the line breaks before the answer."""
    auth: list[str] = field(default_factory=list)
    """Answers to the next sign-ins."""
    keeps_sent: bool = True


class Line(SMTP):
    """One connection. A 421 ends it; parameters of DSN (RFC 3461) are taken."""

    async def push(self, status: Any) -> None:
        await super().push(status)
        if str(status).startswith("421") and self.transport is not None:
            self.transport.close()

    async def smtp_RCPT(self, arg: str | None) -> None:
        words = (arg or "").split(" ")
        dsn = [word for word in words[1:] if word.upper().startswith(("NOTIFY=", "ORCPT="))]
        self.session_dsn = [*getattr(self, "session_dsn", []), *dsn]
        await super().smtp_RCPT(" ".join(word for word in words if word not in dsn) if arg else arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        words = (arg or "").split(" ")
        dsn = [word for word in words[1:] if word.upper().startswith(("ENVID=", "RET="))]
        self.session_dsn = dsn
        await super().smtp_MAIL(" ".join(word for word in words if word not in dsn) if arg else arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        handler: Handler = self.event_handler
        if handler.manners.hang_up_before and self.transport is not None:
            handler.manners.hang_up_before -= 1
            self.transport.close()
            return
        await super().smtp_DATA(arg)


class Handler:
    """What becomes of each command."""

    def __init__(
        self, post: Post, door: Door, mischief: Mischief, manners: Manners, faults: list[BaseException]
    ) -> None:
        self.post, self.door, self.mischief, self.manners, self.faults = post, door, mischief, manners, faults
        self.sent: list[Sent] = []
        self.commands: Counter[str] = Counter()

    async def handle_EHLO(
        self, server: Line, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.commands["EHLO"] += 1
        # Where nobody can sign in, no way to do so is offered.
        kept = [one for one in responses if self.door.password or not one.startswith("250-AUTH")]
        return [*kept[:-1], "250-DSN", "250-ENHANCEDSTATUSCODES", kept[-1]]

    async def handle_MAIL(
        self, server: Line, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands["MAIL"] += 1
        if self.door.password and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.mischief.fires(Switch.THROTTLED):
            return "421 4.7.0 Too many mails from you, slow down"
        if self.mischief.fires(Switch.UNAVAILABLE):
            return CLOSING
        if self.manners.at_mail:
            return self.manners.at_mail.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: Line, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands["RCPT"] += 1
        if address in self.manners.greylisted:
            self.manners.greylisted.discard(address)
            return GREYLISTED
        if self.mischief.fires(Switch.PARTIAL):
            return NOBODY
        if address in self.manners.rejected:
            return self.manners.rejected[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Line, session: Session, envelope: Envelope) -> str:
        self.commands["DATA"] += 1
        if self.manners.at_data:
            return self.manners.at_data.pop(0)
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        dsn = tuple(getattr(server, "session_dsn", ()))
        sent = Sent(str(envelope.mail_from), tuple(envelope.rcpt_tos), raw, tuple(envelope.mail_options), dsn)
        self.sent.append(sent)
        if self.manners.keeps_sent:
            self.post.deliver(raw, "Sent")
        if self.manners.hang_up_after or self.mischief.fires(Switch.LOST_ANSWER):
            self.manners.hang_up_after = max(0, self.manners.hang_up_after - 1)
            if isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
        return "250 2.0.0 Queued"

    async def handle_exception(self, error: BaseException) -> str:
        # A caller who does not trust us, or goes away, is no fault of ours.
        if not isinstance(error, TLSSetupException | OSError):
            self.faults.append(error)
        return "451 4.3.0 Fault of the stand-in"

    async def auth_XOAUTH2(self, server: Line, args: list[str]) -> AuthResult:
        told = await server.challenge_auth("") if len(args) == 1 else _decoded(args[1])
        wanted = f"user={self.door.username}\1auth=Bearer {self.door.token}\1\1"
        if self.door.token and told == wanted.encode():
            return AuthResult(success=True, auth_data=self.door.username)
        # A failure comes as a challenge first, which is answered by an empty line.
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, told: Any) -> AuthResult:
        """Whether name and password are right."""
        self.commands[f"AUTH {mechanism}"] += 1
        if self.manners.auth:
            return AuthResult(success=False, handled=False, message=self.manners.auth.pop(0))
        right = (self.door.username.encode(), self.door.password.encode())
        good = isinstance(told, LoginPassword) and (told.login, told.password) == right
        return AuthResult(success=good, handled=False, auth_data=told)


class MailServer(Controller):
    """The listening server; `implicit` TLS from the first byte, else STARTTLS where the door has a context."""

    def __init__(self, handler: Handler, *, size: int, port: int = 0) -> None:
        door = handler.door
        self.accepted = 0
        self._size = size
        # It warns of its own old ways at each sign-in.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        implicit: ssl.SSLContext | None = door.tls if door.implicit else None
        super().__init__(handler, hostname="127.0.0.1", port=port, ssl_context=implicit, ready_timeout=30)

    def _trigger_server(self) -> None:
        # Port 0 is any free one; aiosmtpd wants to know which before it looks at itself.
        if isinstance(self.server, asyncio.Server):
            self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]

    def factory(self) -> Line:
        """A connection's protocol."""
        door = self.handler.door
        self.accepted += 1
        return Line(
            self.handler,
            hostname="mail.example.com",
            data_size_limit=self._size,
            enable_SMTPUTF8=True,
            tls_context=None if door.implicit else door.tls,
            auth_require_tls=door.tls is not None and not door.implicit,
            authenticator=self.handler.authenticate,
            auth_exclude_mechanism=() if door.token else ("XOAUTH2",),
            loop=self.loop,
        )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
