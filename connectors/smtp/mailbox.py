"""The mailbox by IMAP4rev1: looked into, never touched. EXAMINE and PEEK leave no trace, and nothing is moved.

One line is kept open and opened anew once when it was dropped meanwhile; reading again does no harm. Mails are asked
for with a bound on their size: what a report says stands at its beginning, the mail that it returns may be of any
length.
"""

from __future__ import annotations

import base64
import imaplib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from connectors._kit.addresses import check_host, check_socket
from connectors.smtp.imapwords import Mail, listed_name, mails_in, number_in, plain_name, reply_of, spans, text, utf7
from connectors.smtp.lines import Account, Line
from connectors.smtp.signing import Tokener, xoauth2
from connectors.smtp.trouble import imap_error, line_error
from core.errors import CursorExpired, Garbled, SchemaChanged, SignedOut, ToolError, Unsupported

T = TypeVar("T")
BOUND = 256 * 1024
"""Bytes of a mail that are looked at."""
_SERVER = "mailbox server"


class Place(NamedTuple):
    """A mailbox as it is now."""

    uidvalidity: int
    uidnext: int
    """Every UID there is, is smaller."""


class Mailbox:
    """The line to one account's mailboxes; one command at a time."""

    def __init__(self, line: Line, account: Account, tokener: Tokener | None, secrets: tuple[str, ...]) -> None:
        self._line, self._account, self._tokener, self._secrets = line, account, tokener, secrets
        self._imap: imaplib.IMAP4 | None = None
        self._open = ""
        """The mailbox that is open on the line."""
        self._validities: dict[str, int] = {}
        """Mailbox → its UIDVALIDITY when it was last examined."""
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Mailbox({self._line.host!r})"

    def close(self) -> None:
        """Take leave."""
        with self._lock:
            imap, self._imap, self._open = self._imap, None, ""
            if imap is not None:
                with suppress(imaplib.IMAP4.error, OSError):
                    imap.logout()

    # --- what is asked

    def names(self) -> list[str]:
        """The names of all mailboxes."""
        return self._asked(lambda imap: [plain_name(listed_name(line)) for line in self._done(imap.list()) if line])

    def examine(self, name: str) -> Place:
        """Open a mailbox for reading, as it is now. `SchemaChanged` when there is none of this name."""
        with self._lock:
            self._validities.pop(name, None)
            return self._asked(lambda imap: self._opened(imap, name))

    def search(self, name: str, key: str, words: str) -> list[int]:
        """The UIDs of the mails that match, ascending. `key` is one of IMAP's, with all before its text."""
        return self._asked(lambda imap: self._searched(self._ready(imap, name), key, words))

    def between(self, name: str, first: int, last: int) -> list[int]:
        """The UIDs that there are from one to another, ascending."""
        return self._asked(lambda imap: self._searched(self._ready(imap, name), f"UID {first}:{last}"))

    def headers(self, name: str, uids: Sequence[int], field: str) -> list[Mail]:
        """One header field of these mails; `raw` is the field as it stands there, blank where there is none."""
        return self._fetched(name, uids, f"BODY.PEEK[HEADER.FIELDS ({field})]")

    def mails(self, name: str, uids: Sequence[int]) -> list[Mail]:
        """These mails up to `BOUND` bytes each, ascending; those that are gone are left out."""
        return self._fetched(name, uids, f"BODY.PEEK[]<0.{BOUND}>")

    def _fetched(self, name: str, uids: Sequence[int], item: str) -> list[Mail]:
        if not uids:
            return []

        def ask(imap: imaplib.IMAP4) -> list[Mail]:
            data = self._done(self._ready(imap, name).uid("FETCH", spans(uids), f"(UID INTERNALDATE {item})"))
            found = {mail.uid: mail for mail in mails_in(data)}
            return [found[uid] for uid in sorted(set(uids) & set(found))]

        return self._asked(ask)

    # --- the line

    def _asked(self, ask: Callable[[imaplib.IMAP4], T]) -> T:
        with self._lock:
            kept = self._imap is not None
            try:
                return ask(self._standing())
            except (imaplib.IMAP4.abort, OSError) as error:
                self._drop()
                if not kept or "unexpected" in str(error):
                    raise self._broken(error) from error
            except imaplib.IMAP4.error as error:
                raise self._refused(error) from error
            # The line had idled, and the server had let it go.
            return self._asked(ask)

    def _standing(self) -> imaplib.IMAP4:
        if self._imap is None:
            self._imap = self._signed_in()
        return self._imap

    def _signed_in(self) -> imaplib.IMAP4:
        imap = _connected(self._line)
        try:
            if self._line.tls == "starttls":
                if "STARTTLS" not in imap.capabilities:
                    raise Unsupported(
                        "The mailbox server offers no encryption (STARTTLS); nothing was said in clear.",
                        remedy="Set `imap_tls: tls` with port 993.",
                    )
                imap.starttls(self._line.context)
            self._sign_in(imap)
        except BaseException:
            with suppress(imaplib.IMAP4.error, OSError):
                imap.shutdown()
            raise
        return imap

    def _sign_in(self, imap: imaplib.IMAP4) -> None:
        if self._tokener is None:
            self._show(imap, "PLAIN", f"\0{self._account.username}\0{self._account.password}")
            return
        try:
            self._show_token(imap, self._tokener)
        except SignedOut:
            # The provider may have called the token back before its time.
            if not self._tokener.renewed():
                raise
            self._show_token(imap, self._tokener)

    def _show_token(self, imap: imaplib.IMAP4, tokener: Tokener) -> None:
        shown = xoauth2(self._account.username, tokener.token())
        self._secrets = tuple({*self._secrets, *tokener.secrets})
        self._show(imap, "XOAUTH2", shown)

    def _show(self, imap: imaplib.IMAP4, mechanism: str, shown: str) -> None:
        answers = iter([shown.encode()])
        # Servers repeat lines that they do not understand; the form in which the secret goes is hidden as well.
        self._secrets = tuple({*self._secrets, base64.b64encode(shown.encode()).decode("ascii")})
        try:
            if mechanism == "PLAIN" and "AUTH=PLAIN" not in imap.capabilities:
                imap.login(text(self._account.username), self._account.password)
            else:
                # A second question is how a failed XOAUTH2 is told; it wants an empty answer.
                imap.authenticate(mechanism, lambda _: next(answers, b""))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise imap_error(reply_of(error.args), self._secrets, otherwise=SignedOut) from error
        except UnicodeError as error:
            raise SignedOut("The mailbox server takes only names and passwords in ASCII.") from error

    def _ready(self, imap: imaplib.IMAP4, name: str) -> imaplib.IMAP4:
        """The line with a mailbox open. `CursorExpired` when its UIDs became void since it was examined."""
        if self._open != name:
            place = self._opened(imap, name)
            if place.uidvalidity != self._validities[name]:
                raise CursorExpired("The UIDs of the mailbox became void while it was read.")
        return imap

    def _opened(self, imap: imaplib.IMAP4, name: str) -> Place:
        self._open = ""
        answer = imap.select(text(utf7(name)), readonly=True)
        if answer[0] != "OK":
            # Dovecot 2.3 gives no code where there is no such mailbox (2026-11).
            raise imap_error(reply_of(answer[1]), self._secrets, otherwise=SchemaChanged)
        validity, following = (number_in(imap.response(word)[1]) for word in ("UIDVALIDITY", "UIDNEXT"))
        if validity is None:
            raise Garbled("The mailbox server keeps no UIDs, so no place in a mailbox can be kept.")
        if following is None:
            following = max(self._searched(imap, "ALL"), default=0) + 1
        self._open = name
        self._validities.setdefault(name, validity)
        return Place(validity, following)

    def _searched(self, imap: imaplib.IMAP4, key: str, words: str | None = None) -> list[int]:
        if words is None:
            data = self._done(imap.uid("SEARCH", key))
        elif words.isascii():
            data = self._done(imap.uid("SEARCH", key, text(words)))
        else:
            # What is no ASCII goes as a literal.
            imap.literal = words.encode()  # type: ignore[assignment]
            data = self._done(imap.uid("SEARCH", "CHARSET", "UTF-8", key))
        return sorted({int(number) for line in data if line for number in line.split()})

    def _done(self, answer: tuple[str, list[Any]]) -> list[Any]:
        if answer[0] != "OK":
            raise imap_error(reply_of(answer[1]), self._secrets)
        return answer[1]

    def _broken(self, error: Exception) -> ToolError:
        if "unexpected" in str(error):
            return Garbled("The mailbox server's answer is none that IMAP has.")
        return line_error(error, _SERVER)

    def _refused(self, error: Exception) -> ToolError:
        return imap_error(reply_of(error.args), self._secrets)

    def _drop(self) -> None:
        imap, self._imap, self._open = self._imap, None, ""
        if imap is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                imap.shutdown()


def _connected(line: Line) -> imaplib.IMAP4:
    check_host(line.host, at_home=True)
    if line.tls == "tls":
        imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(line.host, line.port, ssl_context=line.context, timeout=line.timeout)
    else:
        imap = imaplib.IMAP4(line.host, line.port, timeout=line.timeout)
    check_socket(imap.sock, line.host, at_home=True)
    return imap
