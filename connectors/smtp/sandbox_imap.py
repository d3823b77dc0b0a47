"""The stand-in's IMAP4rev1 server (RFC 3501): sign-in, LIST, SELECT and EXAMINE, SEARCH and FETCH by UID or number.

It answers what the protocol says, whoever asks; what it does not speak (STORE, APPEND, IDLE and all extensions) it
refuses with BAD. A session sees the mailbox as it was when it was opened, until NOOP. What is in a mail is
`sandbox_fetch`'s business, what is looked for `sandbox_search`'s, words on the line `sandbox_words`'.
"""

# ruff: noqa: D102 -- `do_…` is the command of that name
from __future__ import annotations

import base64
import binascii
import socketserver
import ssl
from collections.abc import Callable

from connectors._kit.mischief import Switch
from connectors.smtp.sandbox_door import Server
from connectors.smtp.sandbox_fetch import fetched, items
from connectors.smtp.sandbox_mail import Box, Mail
from connectors.smtp.sandbox_search import NotUnderstood, chosen, criteria
from connectors.smtp.sandbox_words import Words, quoted, read_words, utf7, utf7_read

LAG = 60
"""Seconds of which a lagging session knows nothing."""


class _Over(Exception):
    """The connection ends."""


class Session(socketserver.StreamRequestHandler):
    """One connection. `view` is the mailbox as it was opened: numbers are places in it."""

    server: Server
    timeout = 30
    disable_nagle_algorithm = True

    def setup(self) -> None:
        door = self.server.door
        if door.tls is not None and door.implicit:
            self.request = door.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.secure = door.implicit
        self.signed_in = False
        self.box: Box | None = None
        self.view: list[Mail] = []
        self.read_only = True

    def handle(self) -> None:
        try:
            self.say(f"* OK [CAPABILITY {self.capabilities()}] stand-in ready")
            while words := read_words(self.rfile, self.say):
                self.answer(words)
        except (_Over, OSError, ValueError):
            # ValueError: the files of a connection that was dropped meanwhile.
            return
        except Exception as error:
            self.server.faults.append(error)
        finally:
            if isinstance(self.request, ssl.SSLSocket):
                self.request.close()

    # --- one command

    def answer(self, words: Words) -> None:
        """Carry out one command and say how it ended."""
        tag, name = str(words[0]), str(words[1]).upper() if len(words) > 1 else ""
        by_uid = name == "UID" and len(words) > 2
        verb = str(words[2]).upper() if by_uid else name
        rest = words[3:] if by_uid else words[2:]
        self.server.journal.append(f"UID {verb}" if by_uid else verb)
        command: Callable[..., str] | None = getattr(self, f"do_{verb.lower()}", None)
        if command is None or (by_uid and verb not in ("FETCH", "SEARCH")):
            self.say(f"{tag} BAD Unknown command")
            return
        refusal = self.state_refusal(verb) or self.trouble(verb)
        if refusal is None:
            try:
                with self.server.post.lock:
                    refusal = command(rest, by_uid=by_uid) if verb in ("FETCH", "SEARCH") else command(rest)
            except NotUnderstood as error:
                refusal = f"BAD {error}"
        self.say(f"{tag} {refusal}")
        if verb == "STARTTLS" and refusal.startswith("OK"):
            self.secured()
        if verb == "LOGOUT":
            raise _Over

    def state_refusal(self, verb: str) -> str | None:
        """What may not be asked in the present state."""
        if verb in ("CAPABILITY", "NOOP", "LOGOUT", "STARTTLS"):
            return None
        if verb in ("LOGIN", "AUTHENTICATE"):
            return "BAD Already authenticated" if self.signed_in else None
        if not self.signed_in:
            return "BAD Not authenticated"
        return "BAD No mailbox selected" if verb in ("FETCH", "SEARCH", "CLOSE") and self.box is None else None

    def trouble(self, verb: str) -> str | None:
        """What goes wrong instead, where something shall."""
        if verb not in ("SELECT", "EXAMINE", "FETCH", "SEARCH"):
            return None
        mischief = self.server.mischief
        if mischief.fires(Switch.THROTTLED):
            return "NO [LIMIT] Too many commands, slow down"
        if mischief.fires(Switch.UNAVAILABLE):
            return "NO [UNAVAILABLE] Backend down"
        if mischief.fires(Switch.GARBLED):
            self.say("<!DOCTYPE html><html><head><title>Please wait</title></head></html>")
            raise _Over
        return None

    # --- any state

    def do_capability(self, _: Words) -> str:
        self.say(f"* CAPABILITY {self.capabilities()}")
        return "OK CAPABILITY completed"

    def capabilities(self) -> str:
        door = self.server.door
        if door.tls is not None and not self.secure:
            return "IMAP4rev1 STARTTLS LOGINDISABLED"
        return "IMAP4rev1 AUTH=PLAIN SASL-IR" + (" AUTH=XOAUTH2" if door.token else "")

    def do_noop(self, _: Words) -> str:
        if self.box is not None:
            self.refreshed(self.box)
        return "OK NOOP completed"

    def do_logout(self, _: Words) -> str:
        self.say("* BYE stand-in signing off")
        return "OK LOGOUT completed"

    def do_starttls(self, _: Words) -> str:
        door = self.server.door
        return "BAD Not offered" if door.tls is None or self.secure else "OK Begin TLS negotiation now"

    def secured(self) -> None:
        context = self.server.door.tls
        assert context is not None  # noqa: S101 -- STARTTLS was answered with OK
        self.request = context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb", -1), self.request.makefile("wb", 0)
        self.secure = True

    # --- signing in

    def do_login(self, words: Words) -> str:
        if len(words) != 2:
            return "BAD LOGIN takes a name and a password"
        if self.server.door.tls is not None and not self.secure:
            return "NO [PRIVACYREQUIRED] Only over TLS"
        return self.admitted(str(words[0]), str(words[1]))

    def do_authenticate(self, words: Words) -> str:
        mechanism = str(words[0]).upper() if words else ""
        if mechanism not in ("PLAIN", "XOAUTH2") or (mechanism == "XOAUTH2" and not self.server.door.token):
            return "NO [CANNOT] Unsupported mechanism"
        try:
            told = base64.b64decode(str(words[1]) if len(words) > 1 else self.ask("+ "), validate=True)
        except (ValueError, binascii.Error):
            return "BAD Not base64"
        if mechanism == "PLAIN":
            _, name, password = [*told.decode().split("\0"), "", "", ""][:3]
            return self.admitted(name, password)
        door = self.server.door
        if told.decode() == f"user={door.username}\1auth=Bearer {door.token}\1\1":
            self.signed_in = True
            return "OK Success"
        # A failure comes as a challenge first, which is answered by an empty line.
        self.ask("+ " + base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode())
        return "NO [AUTHENTICATIONFAILED] Invalid credentials"

    def admitted(self, name: str, password: str) -> str:
        door = self.server.door
        self.signed_in = bool(door.password) and (name, password) == (door.username, door.password)
        return "OK Logged in" if self.signed_in else "NO [AUTHENTICATIONFAILED] Authentication failed."

    # --- mailboxes

    def do_list(self, words: Words) -> str:
        if len(words) != 2:
            return "BAD LIST takes a reference and a pattern"
        pattern = str(words[1])
        for box in self.server.post.boxes.values():
            if pattern in ("*", "%") or utf7_read(pattern) == box.name:
                attributes = " ".join((r"\HasNoChildren", *box.attributes))
                self.say(f'* LIST ({attributes}) "/" {quoted(utf7(box.name))}')
        return "OK LIST completed"

    def do_select(self, words: Words) -> str:
        return self.opened(words, read_only=False)

    def do_examine(self, words: Words) -> str:
        return self.opened(words, read_only=True)

    def opened(self, words: Words, *, read_only: bool) -> str:
        self.box, self.view = None, []
        box = self.server.post.box(utf7_read(str(words[0]))) if words else None
        if box is None:
            return "NO [NONEXISTENT] Mailbox does not exist"
        if self.server.mischief.fires(Switch.EXPIRED):
            box.renumbered()
        self.box, self.read_only = box, read_only
        self.view = self.shown(box)
        hidden = [mail.uid for mail in box.mails if mail not in self.view]
        self.say(r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)")
        self.say(f"* {len(self.view)} EXISTS")
        self.say("* 0 RECENT")
        self.say(f"* OK [UIDVALIDITY {box.uidvalidity}] UIDs valid")
        self.say(f"* OK [UIDNEXT {min([box.next_uid, *hidden])}] Predicted next UID")
        return f"OK [{'READ-ONLY' if read_only else 'READ-WRITE'}] done"

    def shown(self, box: Box) -> list[Mail]:
        if not self.server.mischief.fires(Switch.LAGGING):
            return list(box.mails)
        until = self.server.post.clock() - LAG * 1_000_000
        return [mail for mail in box.mails if mail.at <= until]

    def refreshed(self, box: Box) -> None:
        for number in range(len(self.view), 0, -1):
            if self.view[number - 1] not in box.mails:
                del self.view[number - 1]
                self.say(f"* {number} EXPUNGE")
        if len(box.mails) != len(self.view):
            self.view = list(box.mails)
            self.say(f"* {len(self.view)} EXISTS")

    def do_close(self, _: Words) -> str:
        self.box, self.view = None, []
        return "OK CLOSE completed"

    # --- mails

    def do_search(self, words: Words, *, by_uid: bool) -> str:
        wanted = criteria(words)
        found = [(n, mail) for n, mail in enumerate(self.view, 1) if wanted(n, mail, self.view)]
        self.say(" ".join(["* SEARCH", *(str(mail.uid if by_uid else number) for number, mail in found)]))
        return "OK SEARCH completed"

    def do_fetch(self, words: Words, *, by_uid: bool) -> str:
        if len(words) != 2:
            return "BAD FETCH takes a set and items"
        wanted = items(words[1])
        if by_uid and "UID" not in wanted:
            wanted = ["UID", *wanted]
        numbers = chosen(str(words[0]), [mail.uid for mail in self.view] if by_uid else range(1, len(self.view) + 1))
        held = self.box.mails if self.box else []
        mails = [
            (number, mail)
            for number, mail in enumerate(self.view, 1)
            if (mail.uid if by_uid else number) in numbers and mail in held
        ]
        for number, mail in self.server.mischief.disturbed(mails):
            answer = b"* %d FETCH (%s)\r\n" % (number, fetched(mail, wanted, keep_unseen=self.read_only))
            if self.server.mischief.fires(Switch.CUT):
                self.wfile.write(answer[: len(answer) // 2])
                raise _Over
            self.wfile.write(answer)
        return "OK FETCH completed"

    # --- the line

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def ask(self, line: str) -> str:
        """A continuation; gives the answering line."""
        self.say(line)
        return self.rfile.readline(65_536).decode().rstrip("\r\n")
