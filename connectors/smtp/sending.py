"""Sends messages in batches over one line, and answers afterwards whether one went out."""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.limits import Limits
from connectors._kit.receipts import one_by_one
from connectors.smtp.lines import Account, Line
from connectors.smtp.mailbox import Mailbox
from connectors.smtp.session import Session
from connectors.smtp.signing import Tokener
from connectors.smtp.writing import Sender, composed, message_id
from core.ports import Clock, Message, Receipt


class Sending:
    """The way out. A line is opened for a batch and closed after it; servers drop those that idle."""

    def __init__(
        self,
        line: Line,
        account: Account,
        tokener: Tokener | None,
        sender: Sender,
        *,
        clock: Clock,
        limits: Limits,
        secrets: tuple[str, ...],
    ) -> None:
        self.sender = sender
        self._line, self._account, self._tokener = line, account, tokener
        self._clock, self._limits, self._secrets = clock, limits, secrets
        self._session: Session | None = None

    def opened(self) -> Session:
        """The line that stands, or a new one."""
        if self._session is None or not self._session.alive:
            self._session = Session(self._line, self._account, self._tokener, self.sender.domain, self._secrets)
        return self._session

    def close(self) -> None:
        """Let the line go."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def send(self, messages: Sequence[Message]) -> list[Receipt]:
        """One receipt each, in order; see `core.ports.Sends`."""
        try:
            if messages:
                self.opened()
            return one_by_one(messages, self._sent_one)
        finally:
            self.close()

    def _sent_one(self, message: Message) -> Receipt:
        mail = composed(message, self.sender, self._clock())
        self._limits.take()
        self.opened().deliver(mail)
        return Receipt(mail.id)


class Lookup:
    """Where a mail that may have gone out can be found again."""

    def __init__(self, mailbox: Mailbox | None, sender: Sender, *, bounces: str, kept: str) -> None:
        self._mailbox = mailbox
        self._domain = sender.domain
        self._bounces, self._kept = bounces, kept

    def sent(self, key: str) -> bool | None:
        """Whether a mail with this key went out; None where no mailbox can tell.

        That it is not among the sent ones counts only where the server itself keeps those; that it did not come back
        says nothing.
        """
        if self._mailbox is None:
            return None
        id_ = message_id(key, self._domain)
        if self._kept and self._held(self._mailbox, self._kept, "HEADER Message-ID", id_):
            return True
        if self._held(self._mailbox, self._bounces, "TEXT", id_.strip("<>")):
            return True
        return False if self._kept else None

    @staticmethod
    def _held(mailbox: Mailbox, name: str, key: str, words: str) -> bool:
        mailbox.examine(name)
        return bool(mailbox.search(name, key, words))
