"""The stand-in speaks SMTP and IMAP as the standards have them; asked with the clients of the standard library."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Mischief, Switch
from connectors.smtp.sandbox import Sandbox
from connectors.smtp.sandbox_certificate import Certificate


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(clock=VirtualTime(tick=1000), mischief=Mischief()) as made:
        made.door.password = "sandbox-password"
        yield made


@pytest.fixture
def imap(box: Sandbox) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4("127.0.0.1", box.imap_port) as line:
        line.login("shop@example.com", "sandbox-password")
        yield line


@pytest.fixture
def smtp(box: Sandbox) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", box.smtp_port, "client.example.com") as line:
        line.ehlo()
        yield line


class Raw:
    """An IMAP line without a library, for what no library says."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.greeting = self.file.readline()

    def say(self, *lines: bytes) -> list[bytes]:
        """The answers up to the tagged one, or to a continuation."""
        for line in lines:
            self.socket.sendall(line + b"\r\n")
        told = []
        while answer := self.file.readline():
            told.append(answer.rstrip(b"\r\n"))
            if answer[:1] in b"a+":
                break
        return told

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def raw(box: Sandbox) -> Iterator[Raw]:
    line = Raw(box.imap_port)
    yield line
    line.close()


# --- IMAP: states and sign-in


def test_the_greeting_and_capabilities_say_imap4rev1(imap: imaplib.IMAP4) -> None:
    assert "IMAP4REV1" in imap.capabilities
    assert imap.capability()[1] == [b"IMAP4rev1 AUTH=PLAIN SASL-IR"]


def test_nothing_is_shown_without_a_sign_in(raw: Raw) -> None:
    assert raw.greeting.startswith(b"* OK ")
    assert raw.say(b"a1 EXAMINE INBOX") == [b"a1 BAD Not authenticated"]
    assert raw.say(b'a2 LIST "" "*"') == [b"a2 BAD Not authenticated"]
    assert raw.say(b"a3 LOGIN shop@example.com wrong")[0].startswith(b"a3 NO [AUTHENTICATIONFAILED]")
    assert raw.say(b"a4 UID FETCH 1 (UID)") == [b"a4 BAD Not authenticated"]


def test_a_password_may_be_quoted_or_a_literal(raw: Raw) -> None:
    assert raw.say(b"a1 LOGIN {16}") == [b"+ Ready for 16 bytes"]
    assert raw.say(b"shop@example.com {16}") == [b"+ Ready for 16 bytes"]
    assert raw.say(b"sandbox-password") == [b"a1 OK Logged in"]
    assert raw.say(b"a2 LOGIN a b") == [b"a2 BAD Already authenticated"]


def test_broken_commands_are_bad_and_the_line_goes_on(raw: Raw) -> None:
    raw.say(b'a0 LOGIN "shop@example.com" "sandbox-password"')
    raw.say(b"a1 EXAMINE INBOX")
    for number, line in enumerate((
        b"FETCH 1", b"UID FETCH x (UID)", b"UID FETCH 1 (NONSENSE)", b"UID FETCH 1 (UID", b"SEARCH", b"SEARCH NOT",
        b"UID SEARCH FOO", b"STORE 1 +FLAGS (x)", b"UID EXPUNGE 1", b"IDLE", b"", b"SEARCH SINCE yesterday",
    )):  # fmt: skip
        (answer,) = raw.say(b"a%d %s" % (number + 10, line))
        assert answer.startswith(b"a%d BAD" % (number + 10)), line
    assert raw.say(b"a99 NOOP") == [b"a99 OK NOOP completed"]


def test_logout_says_goodbye_and_closes(raw: Raw) -> None:
    assert raw.say(b"a1 LOGOUT") == [b"* BYE stand-in signing off", b"a1 OK LOGOUT completed"]
    assert raw.file.readline() == b""


# --- IMAP: mailboxes and mails


def test_list_names_the_mailboxes_in_modified_utf7(imap: imaplib.IMAP4) -> None:
    assert imap.list()[1] == [
        b'(\\HasNoChildren) "/" "INBOX"', b'(\\HasNoChildren \\Sent) "/" "Sent"', b'(\\HasNoChildren) "/" "Bounces"',
        b'(\\HasNoChildren) "/" "B&APw-cher &- Co"',
    ]  # fmt: skip


def test_a_mailbox_that_is_not_there_cannot_be_opened(imap: imaplib.IMAP4) -> None:
    assert imap.select("Nowhere", readonly=True) == ("NO", [b"[NONEXISTENT] Mailbox does not exist"])
    with pytest.raises(imaplib.IMAP4.error):
        imap.search(None, "ALL")


def test_opening_tells_how_many_there_are_and_what_uids_mean(box: Sandbox, imap: imaplib.IMAP4) -> None:
    box.write("one", "text")
    box.write("two", "text")
    assert imap.select("inbox", readonly=True) == ("OK", [b"2"])
    assert imap.response("UIDVALIDITY")[1] == [b"1700000000"]
    assert imap.response("UIDNEXT")[1] == [b"3"]


def test_examine_and_peek_leave_mails_unseen_and_select_does_not(box: Sandbox, imap: imaplib.IMAP4) -> None:
    mail = box.write("one", "text")
    imap.select("INBOX", readonly=True)
    imap.fetch("1", "(BODY[])")
    assert mail.flags == set()
    imap.select("INBOX")
    imap.fetch("1", "(BODY.PEEK[])")
    assert mail.flags == set()
    imap.fetch("1", "(BODY[])")
    assert mail.flags == {"\\Seen"}
    assert imap.search(None, "UNSEEN") == ("OK", [b""])


def test_a_mail_is_shown_whole_in_parts_and_by_fields(box: Sandbox, imap: imaplib.IMAP4) -> None:
    mail = box.write("Grüße", "text of the mail")
    imap.select("INBOX", readonly=True)

    def shown(item: str) -> Any:
        return imap.uid("FETCH", "1", f"({item})")[1][0]

    assert shown("BODY.PEEK[]") == (b"1 (UID 1 BODY[] {%d}" % len(mail.raw), mail.raw)
    assert shown("BODY.PEEK[]<5.10>") == (b"1 (UID 1 BODY[]<5> {10}", mail.raw[5:15])
    assert shown(f"BODY.PEEK[]<{len(mail.raw)}.10>")[1] == b""
    assert shown("BODY.PEEK[HEADER]")[1] + shown("BODY.PEEK[TEXT]")[1] == mail.raw
    assert shown("BODY.PEEK[HEADER.FIELDS (subject X-None)]")[1] == b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n"
    assert b"Subject" not in shown("BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]")[1]
    assert shown("RFC822.SIZE INTERNALDATE FLAGS") == (
        b'1 (UID 1 RFC822.SIZE %d INTERNALDATE "21-Nov-2026 09:00:00 +0000" FLAGS ())' % len(mail.raw)
    )


def test_sets_mean_what_the_standard_says(box: Sandbox, imap: imaplib.IMAP4) -> None:
    inbox = box.post.boxes["INBOX"]
    for uid in (3, 7, 8, 20):
        inbox.next_uid = uid
        box.write(f"mail {uid}", "text")
    imap.select("INBOX", readonly=True)

    def found(numbers: str) -> bytes:
        return bytes(imap.uid("SEARCH", f"UID {numbers}")[1][0])

    assert found("1:*") == b"3 7 8 20"
    assert found("7:8,20") == b"7 8 20"
    assert found("8:3") == b"3 7 8"
    # `*` is the largest there is, so a range that begins behind it still holds it.
    assert found("21:*") == b"20"
    assert found("21:30") == b""
    assert imap.search(None, "2:3") == ("OK", [b"2 3"])
    assert imap.uid("FETCH", "99", "(FLAGS)") == ("OK", [None])


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("ALL", b"1 2 3"), ('HEADER Content-Type "feedback-report"', b"2"), ('HEADER Content-Type ""', b"1 2 3"),
        ('HEADER X-None ""', b""), ('TEXT "ONE@example.org"', b"1"), ('BODY "one@example.org"', b"1"),
        ('BODY "MAILER-DAEMON"', b""), ('TEXT "mailer-daemon"', b"1 2"), ("NOT 1", b"2 3"), ("OR 1 3", b"1 3"),
        ('SUBJECT "grüße"', b"3"), ('FROM "pat" UNSEEN', b"3"), ("(OR 1 2) NOT 2", b"1"),
        ("SINCE 21-Nov-2026", b"1 2 3"), ("BEFORE 21-Nov-2026", b""), ("LARGER 600", b"1 2"), ("SEEN", b""),
        ('TEXT "äöü"', b"3"),
    ],
)  # fmt: skip
def test_search_finds_what_is_asked(box: Sandbox, imap: imaplib.IMAP4, criteria: str, found: bytes) -> None:
    box.bounce("one@example.org")
    box.complain("two@example.org")
    box.write("Grüße", "äöü")
    imap.select("INBOX", readonly=True)
    if criteria.isascii():
        assert imap.uid("SEARCH", criteria) == ("OK", [found])
        return
    key, words = criteria.split(" ")
    imap.literal = words.strip('"').encode()  # type: ignore[assignment]
    assert imap.uid("SEARCH", "CHARSET", "UTF-8", key) == ("OK", [found])


def test_what_arrives_shows_after_a_noop(box: Sandbox, imap: imaplib.IMAP4) -> None:
    box.write("one", "text")
    box.write("two", "text")
    imap.select("INBOX", readonly=True)
    box.tidy("Subject: one")
    box.write("three", "text")
    box.write("four", "text")
    assert imap.fetch("1", "(UID)") == ("OK", [None])
    imap.noop()
    assert imap.search(None, "ALL") == ("OK", [b"1 2 3"])
    assert imap.fetch("1:*", "(UID)") == ("OK", [b"1 (UID 2)", b"2 (UID 3)", b"3 (UID 4)"])


def test_a_renumbered_mailbox_has_another_uidvalidity(box: Sandbox, imap: imaplib.IMAP4) -> None:
    imap.select("INBOX", readonly=True)
    box.mischief.once(Switch.EXPIRED)
    imap.select("INBOX", readonly=True)
    assert imap.response("UIDVALIDITY")[1] == [b"1700000001"]


# --- SMTP


def test_a_mail_is_taken_only_from_who_signed_in(box: Sandbox, smtp: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        smtp.sendmail("shop@example.com", ["pat@example.org"], "Subject: hi\r\n\r\nhi\r\n")
    assert caught.value.smtp_code == 530
    smtp.login("shop@example.com", "sandbox-password")
    smtp.sendmail("shop@example.com", ["pat@example.org"], "Subject: hi\r\n\r\n..hi\r\n")
    assert box.sent[0].raw == b"Subject: hi\r\n\r\n..hi\r\n"
    assert [mail.raw for mail in box.post.boxes["Sent"].mails] == [box.sent[0].raw]


def test_trouble_is_told_as_servers_tell_it(box: Sandbox, smtp: smtplib.SMTP) -> None:
    smtp.login("shop@example.com", "sandbox-password")
    box.manners.greylisted.add("grey@example.org")
    box.manners.rejected["gone@example.org"] = "550 5.1.1 No such user"
    smtp.mail("shop@example.com")
    assert smtp.rcpt("grey@example.org")[0] == 450
    assert smtp.rcpt("grey@example.org")[0] == 250
    assert smtp.rcpt("gone@example.org") == (550, b"5.1.1 No such user")
    smtp.rset()
    box.mischief.once(Switch.UNAVAILABLE)
    assert smtp.mail("shop@example.com")[0] == 421
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.noop()


def test_a_line_that_breaks_after_data_has_kept_the_mail(box: Sandbox, smtp: smtplib.SMTP) -> None:
    smtp.login("shop@example.com", "sandbox-password")
    box.manners.hang_up_after = 1
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.sendmail("shop@example.com", ["pat@example.org"], "Subject: hi\r\n\r\nhi\r\n")
    assert len(box.sent) == 1


def test_parameters_of_delivery_reports_are_taken(box: Sandbox, smtp: smtplib.SMTP) -> None:
    smtp.login("shop@example.com", "sandbox-password")
    assert smtp.has_extn("dsn")
    smtp.mail("shop@example.com", ["RET=HDRS", "ENVID=x"])
    assert smtp.rcpt("pat@example.org", ["NOTIFY=FAILURE", "ORCPT=rfc822;pat@example.org"])[0] == 250
    assert smtp.rcpt("pat@example.org", ["NONSENSE=1"])[0] == 555


@pytest.mark.parametrize("implicit", [True, False])
def test_both_servers_are_encrypted(certificate: Certificate, implicit: bool) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate.file))
    with Sandbox(clock=VirtualTime(), tls=certificate.server, implicit=implicit) as box:
        box.door.password = "sandbox-password"
        if implicit:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", box.smtp_port, "me", context=trusted)
            imap: imaplib.IMAP4 = imaplib.IMAP4_SSL("127.0.0.1", box.imap_port, ssl_context=trusted)
        else:
            smtp, imap = smtplib.SMTP("127.0.0.1", box.smtp_port, "me"), imaplib.IMAP4("127.0.0.1", box.imap_port)
            smtp.ehlo()
            assert not smtp.has_extn("auth"), "no password is asked for in clear"
            assert "LOGINDISABLED" in imap.capabilities
            smtp.starttls(context=trusted)
            imap.starttls(trusted)
        smtp.login("shop@example.com", "sandbox-password")
        imap.login("shop@example.com", "sandbox-password")
        smtp.quit()
        imap.logout()
