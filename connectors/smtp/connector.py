"""The `smtp` connector: sends mail through any SMTP server, and learns from bounces which addresses are dead.

This is the door. `lines.py` reads the settings, `signing.py` signs in; `writing.py` makes a mail of a message,
`session.py` is one SMTP line, `sending.py` sends batches; `mailbox.py` is the IMAP line, `reports.py` reads what a
bounce says, `reading.py` walks the mailbox; `trouble.py` knows what replies mean, `checking.py` looks around.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.accounts import account_of, meter
from connectors.smtp.checking import Inspector
from connectors.smtp.lines import imap_account, imap_line, secrets_of, smtp_account, smtp_line
from connectors.smtp.mailbox import Mailbox
from connectors.smtp.reading import Bounces
from connectors.smtp.reports import COMPLAINT, HARD
from connectors.smtp.sending import Lookup, Sending
from connectors.smtp.signing import tokener
from connectors.smtp.writing import Sender
from core.errors import Unsupported
from core.ports import Checkup, Context, Cursor, Description, FieldInfo, Message, Page, Receipt, Remote

STREAM = "bounces"
PACE = 10.0
"""Mails in a second, unless the settings say otherwise."""
PAGE = 50
_FIELDS = (
    FieldInfo("address", "email", "Address", read_only=True, required=True),
    FieldInfo("status", "choice", "What stands", read_only=True, required=True, choices=(HARD, COMPLAINT)),
    FieldInfo("code", "text", "Status code, or kind of complaint", read_only=True),
    FieldInfo("reason", "text", "The receiving server's words", read_only=True),
    FieldInfo("at", "instant", "When the report arrived", read_only=True),
)


def build(context: Context) -> Mail:
    """The connector for one connection."""
    return Mail(context)


class Mail:
    """One account of a mail provider. Checks, sends, and reads bounces; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        line, imap, secrets = smtp_line(settings), imap_line(settings), secrets_of(settings)
        sender = Sender.of(settings)
        names = {
            "bounces": str(settings.get("mailbox") or "INBOX").strip(),
            "kept": str(settings.get("sent_mailbox") or "").strip(),
        }
        self._tokener = tokener(context)
        self._mailbox = Mailbox(imap, imap_account(settings), self._tokener, secrets) if imap else None
        pace = float(settings.get("pace") or PACE)
        known_by = (settings.get(name) for name in ("host", "username"))
        limits = meter(context, account_of("smtp", *known_by), pace)
        self._sending = Sending(
            line, smtp_account(settings), self._tokener, sender, clock=context.clock, limits=limits, secrets=secrets
        )
        self._lookup = Lookup(self._mailbox, sender, **names)
        self._inspector = Inspector(self._sending, line, self._mailbox, **names)
        size = int(settings.get("page_size") or PAGE)
        self._bounces = Bounces(self._mailbox, names["bounces"], size) if self._mailbox else None

    # --- checks

    def check(self) -> Checkup:
        """Sign in at both servers and see what is missing; nothing is sent."""
        return self._inspector.checkup()

    def describe(self, stream: str) -> Description:
        """The fields of a bounce; they are always the same."""
        _known(stream)
        return Description(stream, _FIELDS)

    def close(self) -> None:
        """Let the lines go."""
        self._sending.close()
        if self._mailbox is not None:
            self._mailbox.close()
        if self._tokener is not None:
            self._tokener.close()

    # --- sends

    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        """Hand messages to the mail server, over one line; one receipt each, in order."""
        return self._sending.send(messages)

    def sent(self, key: str) -> bool | None:
        """Whether a mail with this key went out, by the mailboxes of the settings; None when they cannot tell."""
        return self._lookup.sent(key)

    # --- reads

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page of addresses that bounced or complained."""
        return self._read(stream).read(cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """What stands about these addresses now."""
        return self._read(stream).fetch(ids)

    def _read(self, stream: str) -> Bounces:
        _known(stream)
        if self._bounces is None:
            raise Unsupported("The connection has no mailbox to read.", remedy="Set `imap_host`.", stream=stream)
        return self._bounces


def _known(stream: str) -> None:
    if stream != STREAM:
        raise Unsupported(f"There is no stream {stream}; there is {STREAM}.", stream=stream)
