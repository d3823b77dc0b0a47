"""Looks around for `concord check`: whether mail can be sent, and whether bounces can be read."""

from __future__ import annotations

from connectors.smtp.lines import Line
from connectors.smtp.mailbox import Mailbox
from connectors.smtp.sending import Sending
from core.errors import SchemaChanged
from core.ports import Checkup, Finding


class Inspector:
    """Signs in at both servers and says what it found."""

    def __init__(self, sending: Sending, line: Line, mailbox: Mailbox | None, *, bounces: str, kept: str) -> None:
        self._sending, self._line, self._mailbox = sending, line, mailbox
        self._bounces, self._kept = bounces, kept

    def checkup(self) -> Checkup:
        """See `core.ports.Checks.check`. Nothing is sent."""
        return Checkup(self._sending.sender.address, (self._server(), *self._mailboxes()))

    def _server(self) -> Finding:
        try:
            size = self._sending.opened().size
        finally:
            self._sending.close()
        secure = "without encryption" if self._line.tls == "none" else "encrypted"
        upto = f", up to {size} bytes each" if size else ""
        return Finding(True, f"The mail server takes mail, {secure}{upto}.")

    def _mailboxes(self) -> list[Finding]:
        mailbox = self._mailbox
        if mailbox is None:
            return [Finding(True, "No `imap_host` is set: bounces are not read, and a lost answer stays unknown.")]
        findings = [self._look(mailbox, self._bounces, "mailbox", "Bounces are read from")]
        if self._kept:
            findings.append(self._look(mailbox, self._kept, "sent_mailbox", "Sent mail is looked for in"))
        else:
            findings.append(Finding(True, "No `sent_mailbox` is set: a lost answer stays unknown."))
        return findings

    def _look(self, mailbox: Mailbox, name: str, setting: str, what: str) -> Finding:
        try:
            place = mailbox.examine(name)
        except SchemaChanged:
            there = ", ".join(mailbox.names()[:50])
            what = f"There is no mailbox {name}. There are: {there}."
            return Finding(False, what, f"Put the name of one into `{setting}`.")
        return Finding(True, f"{what} {name}, which has seen {place.uidnext - 1} mails.")
