"""One SMTP line: opened, encrypted, signed in, and one mail after the other over it.

When a line breaks, all depends on where: before the last dot has gone out the server must not deliver (RFC 5321,
4.1.1.4), so certainly nothing happened; after it, only the server knows. The dot is therefore sent by itself.
"""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from connectors._kit.addresses import check_host, check_socket
from connectors.smtp.lines import Account, Line
from connectors.smtp.signing import Tokener, xoauth2
from connectors.smtp.trouble import Stage, line_error, smtp_error
from connectors.smtp.writing import Mail
from core.errors import Refused, SignedOut, Unknown, Unsupported

_SERVER = "mail server"
_BROKEN = (smtplib.SMTPException, OSError, UnicodeError)


class Session:
    """A line that stands. `opened` makes one; after an error that broke it, `alive` is false."""

    def __init__(
        self, line: Line, account: Account, tokener: Tokener | None, name: str, secrets: tuple[str, ...]
    ) -> None:
        self._line, self._account, self._tokener, self._secrets = line, account, tokener, secrets
        with _before("greet"):
            self._smtp = _connected(line, name)
        try:
            self._greet()
            self._sign_in()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the line still stands, as far as we know."""
        return self._smtp.sock is not None

    @property
    def size(self) -> int | None:
        """The largest mail in bytes, where the server says so."""
        told = self._smtp.esmtp_features.get("size", "")
        return int(told) if told.isdigit() and int(told) else None

    def offers(self, extension: str) -> bool:
        """Whether the server has this extension."""
        return bool(self._smtp.has_extn(extension))

    def close(self) -> None:
        """Take leave; a line that is broken is only dropped."""
        with suppress(*_BROKEN):
            if self.alive:
                self._smtp.quit()
        self._smtp.close()

    # --- opening

    def _greet(self) -> None:
        self._said(Stage.OPENING, self._ehlo())
        if self._line.tls == "starttls":
            self._encrypt()

    def _ehlo(self) -> tuple[int, bytes]:
        with _before("greet"):
            code, reply = self._smtp.ehlo()
            return self._smtp.helo() if code >= 500 else (code, reply)

    def _encrypt(self) -> None:
        if not self.offers("starttls"):
            raise Unsupported(
                "The mail server offers no encryption (STARTTLS); nothing was said in clear.",
                remedy="Set `tls: tls` with port 465; or `tls: none` where the way to the server is safe.",
            )
        with _before("encrypt"):
            self._said(Stage.OPENING, self._smtp.starttls(context=self._line.context))
        self._said(Stage.OPENING, self._ehlo())

    # --- signing in

    def _sign_in(self) -> None:
        if self._tokener is not None:
            self._show_token(self._tokener)
        elif self._account.username:
            self._show_password()

    def _show_token(self, tokener: Tokener) -> None:
        try:
            self._said(Stage.AUTH, self._xoauth2(tokener))
        except SignedOut:
            # The provider may have called the token back before its time.
            if not tokener.renewed():
                raise
            self._said(Stage.AUTH, self._xoauth2(tokener))

    def _xoauth2(self, tokener: Tokener) -> tuple[int, bytes]:
        shown = self._hidden(xoauth2(self._account.username, tokener.token()))
        self._secrets = (*self._secrets, *tokener.secrets)
        with _before("sign in"):
            code, reply = self._smtp.docmd("AUTH", f"XOAUTH2 {shown}")
            # A failure is told in a challenge, which wants an empty line before the server says no.
            return self._smtp.docmd("") if code == 334 else (code, reply)

    def _show_password(self) -> None:
        offered = self._smtp.esmtp_features.get("auth", "").upper().split()
        name, password = self._account
        with _before("sign in"):
            if "PLAIN" in offered:
                answer = self._smtp.docmd("AUTH", "PLAIN " + self._hidden(f"\0{name}\0{password}"))
            elif "LOGIN" in offered:
                answer = self._smtp.docmd("AUTH", f"LOGIN {_encoded(name)}")
                answer = self._smtp.docmd(self._hidden(password)) if answer[0] == 334 else answer
            else:
                raise Unsupported(
                    "The mail server offers no sign-in by password.",
                    remedy="Check host and port; leave `username` out where nobody has to sign in.",
                )
        self._said(Stage.AUTH, answer)

    def _hidden(self, text: str) -> str:
        """A secret in base64; servers repeat lines that they do not understand, and that form is hidden as well."""
        encoded = _encoded(text)
        self._secrets = (*self._secrets, encoded)
        return encoded

    # --- one mail

    def deliver(self, mail: Mail) -> None:
        """Hand a mail over. Raises what `core.ports.Sends.send` says; the line stands if it can."""
        self._fits(mail)
        try:
            self._envelope(mail)
            self._content(mail)
        except BaseException:
            self._reset()
            raise

    def _fits(self, mail: Mail) -> None:
        if self.size is not None and len(mail.raw) > self.size:
            raise Refused(f"The mail has {len(mail.raw)} bytes, and the mail server takes {self.size}.", status=552)
        if mail.utf8 and not self.offers("smtputf8"):
            raise Refused("The mail server takes only addresses in ASCII.", field="to")

    def _envelope(self, mail: Mail) -> None:
        options = [f"SIZE={len(mail.raw)}"] if self.offers("size") else []
        options += ["SMTPUTF8"] if mail.utf8 else []
        to = []
        if self.offers("dsn"):
            # So that a bounce says to whom we wrote, wherever it was forwarded, and returns no whole mail (RFC 3461).
            options += ["RET=HDRS", f"ENVID={_xtext(mail.id.strip('<>'))}"]
            to = [] if mail.utf8 else ["NOTIFY=FAILURE", f"ORCPT=rfc822;{_xtext(mail.to)}"]
        with _before("take the mail"):
            self._said(Stage.SENDER, self._smtp.mail(mail.sender, options))
            self._said(Stage.RECIPIENT, self._smtp.rcpt(mail.to, to))

    def _content(self, mail: Mail) -> None:
        with _before("take the mail"):
            code, reply = self._smtp.docmd("DATA")
            if code != 354:
                raise smtp_error(Stage.MAIL, code, reply, self._secrets)
            self._smtp.send(re.sub(rb"(?m)^\.", b"..", mail.raw))
        try:
            self._smtp.send(b".\r\n")
            code, reply = self._smtp.getreply()
        except _BROKEN as error:
            self._smtp.close()
            raise Unknown("The mail server had the whole mail when the line broke.", id=mail.id) from error
        if code < 0:
            self._smtp.close()
            raise Unknown("The mail server had the whole mail, and its answer is none.", id=mail.id)
        self._said(Stage.MAIL, (code, reply))

    def _reset(self) -> None:
        """Make the line ready for the next mail, or drop it."""
        try:
            if self.alive and self._smtp.rset()[0] != 250:
                self._smtp.close()
        except _BROKEN:
            self._smtp.close()

    def _said(self, stage: Stage, answer: tuple[int, bytes]) -> None:
        """Go on after a 2yz; a line that the server closes is dropped."""
        code, reply = answer
        if 200 <= code < 300:
            return
        if code in (421, -1):
            self._smtp.close()
        raise smtp_error(stage, code, reply, self._secrets)


def _connected(line: Line, name: str) -> smtplib.SMTP:
    smtp: smtplib.SMTP
    check_host(line.host, at_home=True)
    if line.tls == "tls":
        context = line.context or ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(line.host, line.port, name, timeout=line.timeout, context=context)
    else:
        smtp = smtplib.SMTP(line.host, line.port, name, timeout=line.timeout)
    if smtp.sock is not None:
        check_socket(smtp.sock, line.host, at_home=True)
        # The last dot goes by itself; it shall not wait until the mail before it is confirmed.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return smtp


@contextmanager
def _before(what: str) -> Iterator[None]:
    """A line that breaks here has done nothing."""
    try:
        yield
    except smtplib.SMTPConnectError as error:
        raise smtp_error(Stage.OPENING, error.smtp_code, error.smtp_error) from error
    except _BROKEN as error:
        raise line_error(error, f"{_SERVER} that was to {what}") from error


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _xtext(text: str) -> str:
    """As RFC 3461 writes values: `+` and `=` in hexadecimal."""
    return re.sub(r"[^!-*,-<>-~]", lambda found: f"+{ord(found[0]):02X}", text)
