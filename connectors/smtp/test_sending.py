"""Sending: what goes over the line, what each reply means, and what is certain when a line breaks."""

from __future__ import annotations

import base64
import smtplib
import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.mischief import Switch
from connectors.smtp.sandbox_certificate import Certificate
from connectors.smtp.sandbox_tokens import TokenDesk
from connectors.smtp.test_smtp import Trial, header, to
from connectors.smtp.trouble import Stage, smtp_error
from connectors.smtp.writing import Sender, composed
from core.errors import (
    ConfigError,
    Forbidden,
    Garbled,
    Reach,
    Refused,
    SignedOut,
    Throttled,
    Unavailable,
    Unknown,
    Unsupported,
)


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial(sender_name="Example Shop", return_path="bounces@example.com")
    yield made
    made.close()


# --- the mail itself


def test_a_mail_has_all_that_a_mail_needs(trial: Trial) -> None:
    trial.send(to(html="<p>It is on its way.</p>", reply_to="help@example.com", unsubscribe="https://example.com/u/1"))
    (sent,) = trial.box.sent
    mail = message_from_bytes(sent.raw, policy=default)
    assert (sent.sender, sent.to) == ("bounces@example.com", ("pat@example.org",))
    assert mail["From"] == "Example Shop <shop@example.com>"
    assert mail["To"] == "pat@example.org"
    assert mail["Reply-To"] == "help@example.com"
    assert mail["Date"] == "Sat, 21 Nov 2026 09:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://example.com/u/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().split() == ["It", "is", "on", "its", "way."]
    assert html.get_content().strip() == "<p>It is on its way.</p>"


def test_letters_of_all_scripts_arrive(trial: Trial) -> None:
    subject = "Überraschung für Zoë: 注文 " + "sehr lang " * 30
    trial.send(to(subject=subject.strip(), text="Grüße\n.\n..zwei Punkte\n" + "z" * 3000))
    (sent,) = trial.box.sent
    mail = message_from_bytes(sent.raw, policy=default)
    assert mail["Subject"] == subject.strip()
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Grüße", ".", "..zwei Punkte", "z" * 3000]
    assert sent.raw.isascii()
    assert max(len(line) for line in sent.raw.splitlines()) <= 998


def test_a_line_of_one_dot_does_not_end_the_mail(trial: Trial) -> None:
    receipts = trial.send(to("one", text="first\n.\nlast"), to("two"))
    assert [receipt.error for receipt in receipts] == [None, None]
    assert b"\r\nlast" in trial.box.sent[0].raw
    assert len(trial.box.sent) == 2


def test_a_long_address_to_unsubscribe_stays_as_it_is(trial: Trial) -> None:
    url = "https://example.com/unsubscribe?" + "&".join(f"part{n}=0123456789abcdef" for n in range(20))
    trial.send(to(unsubscribe=url))
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in trial.box.sent[0].raw


def test_a_mailto_is_no_one_click(trial: Trial) -> None:
    trial.send(to(unsubscribe="mailto:leave@example.com?subject=leave"))
    raw = trial.box.sent[0].raw
    assert header(raw, "List-Unsubscribe") == "<mailto:leave@example.com?subject=leave>"
    assert header(raw, "List-Unsubscribe-Post") == ""


@pytest.mark.parametrize(
    "url", ["http://example.com/u", "javascript:alert(1)", "https://example.com/> <b", "https://e.com/" + "x" * 900]
)
def test_other_addresses_to_unsubscribe_are_refused(trial: Trial, url: str) -> None:
    assert isinstance(trial.failure(to(unsubscribe=url)), Refused)
    assert trial.box.sent == []


@pytest.mark.parametrize(
    "address", ["", "pat", "a@example.org, b@example.org", "Pat <pat@example.org>", "pat@example.org>", "@example.org"]
)
def test_what_is_not_one_address_is_refused(trial: Trial, address: str) -> None:
    error = trial.failure(to(to=address))
    assert isinstance(error, Refused)
    assert error.facts["field"] == "to"
    assert trial.box.commands["MAIL"] == 0


@pytest.mark.parametrize("name", ["subject", "text", "html"])
def test_half_of_a_letter_is_refused_and_the_others_go(trial: Trial, name: str) -> None:
    receipts = trial.send(to("one", **{name: "broken \ud83d"}), to("two"))
    assert isinstance(receipts[0].error, Refused)
    assert receipts[1].error is None


@given(subject=st.text(max_size=200), text=st.text(max_size=300))
def test_whatever_stands_in_a_message_is_one_mail_that_says_it(subject: str, text: str) -> None:
    sender = Sender("shop@example.com", 'Exämple "Shop"', "bounces@example.com")
    try:
        raw = composed(to(subject=subject, text=text), sender, 0).raw
    except Refused:
        return
    mail = message_from_bytes(raw, policy=default)
    assert set(mail.keys()) == {
        "Message-ID", "From", "To", "Subject", "Date", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
        "MIME-Version",
    }  # fmt: skip
    assert str(mail["Subject"]).split() == subject.split()
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in raw.split(b"\r\n"))


def test_the_message_id_tells_nothing_of_its_key(trial: Trial) -> None:
    (receipt,) = trial.send(to(key="ack/contact-17/2026"))
    assert receipt.remote_id == header(trial.box.sent[0].raw, "Message-ID")
    assert receipt.remote_id is not None
    assert receipt.remote_id.endswith("@example.com>")
    assert "contact" not in receipt.remote_id


def test_addresses_in_other_scripts_go_where_the_server_takes_them(trial: Trial) -> None:
    (receipt,) = trial.send(to(to="jürgen@bücher.example"))
    assert receipt.error is None
    assert trial.box.sent[0].to == ("jürgen@xn--bcher-kva.example",)
    assert "SMTPUTF8" in trial.box.sent[0].mail_options


def test_a_domain_in_other_letters_needs_no_special_server(trial: Trial) -> None:
    trial.send(to(to="pat@bücher.example"))
    assert trial.box.sent[0].to == ("pat@xn--bcher-kva.example",)
    assert "SMTPUTF8" not in trial.box.sent[0].mail_options


def test_a_bounce_is_asked_to_name_whom_we_wrote_to(trial: Trial) -> None:
    trial.send(to("pat+news"))
    assert "ORCPT=rfc822;pat+2Bnews@example.org" in trial.box.sent[0].rcpt_options
    assert "RET=HDRS" in trial.box.sent[0].rcpt_options


# --- the line


def test_a_batch_goes_over_one_line(trial: Trial) -> None:
    trial.send(*(to(f"p{number}") for number in range(20)))
    assert trial.box.smtp_connections == 1
    assert trial.box.commands["EHLO"] == 1
    trial.send(to("later"))
    assert trial.box.smtp_connections == 2


def test_mails_go_at_the_pace_of_the_settings() -> None:
    trial = Trial(pace=2)
    trial.send(*(to(f"p{number}") for number in range(12)))
    assert 4.5 <= trial.time.slept <= 5.7
    trial.close()


def test_a_mail_that_is_too_large_is_refused_before_it_is_sent() -> None:
    trial = Trial(box={"size": 2000})
    receipts = trial.send(to("large", text="x" * 3000), to("small"))
    assert isinstance(receipts[0].error, Refused)
    assert receipts[1].error is None
    assert trial.box.commands["DATA"] == 1
    trial.close()


# --- replies


def test_greylisting_puts_off_one_mail_alone(trial: Trial) -> None:
    trial.box.manners.greylisted.add("grey@example.org")
    receipts = trial.send(to("grey"), to("white"))
    assert isinstance(receipts[0].error, Throttled)
    assert receipts[0].error.reach is Reach.RECORD
    assert receipts[0].error.facts == {"status": 450, "code": "4.2.0"}
    assert receipts[1].error is None
    (again,) = trial.send(to("grey"))
    assert again.error is None
    assert [one.to for one in trial.box.sent] == [("white@example.org",), ("grey@example.org",)]


def test_a_refusal_keeps_the_servers_number_code_and_words(trial: Trial) -> None:
    trial.box.manners.rejected["pat@example.org"] = "550 5.1.1 The account does not exist"
    error = trial.failure(to())
    assert isinstance(error, Refused)
    assert error.facts == {"status": 550, "code": "5.1.1"}
    assert "The account does not exist" in str(error)


def test_a_mail_whose_content_is_refused_fails_alone(trial: Trial) -> None:
    trial.box.manners.at_data.append("554 5.7.1 Looks like spam")
    receipts = trial.send(to("one"), to("two"))
    assert isinstance(receipts[0].error, Refused)
    assert receipts[1].error is None
    assert [one.to for one in trial.box.sent] == [("two@example.org",)]


def test_a_sender_that_is_not_ours_ends_the_batch(trial: Trial) -> None:
    trial.box.manners.at_mail.append("553 5.7.1 Sender address rejected: not owned by user")
    error = trial.failure(to("one"), to("two"))
    assert isinstance(error, Forbidden)
    assert "sender" in error.remedy
    assert trial.box.sent == []


def test_a_used_up_quota_waits_with_all(trial: Trial) -> None:
    trial.box.manners.at_data.append("550 5.4.5 Daily user sending limit exceeded")
    error = trial.failure(to("one"), to("two"))
    assert isinstance(error, Throttled)
    assert error.reach is Reach.CONNECTION
    assert error.wait == 3600


def test_a_421_in_the_middle_keeps_what_was_done(trial: Trial) -> None:
    trial.send(to("zero"))
    trial.box.manners.rejected["two@example.org"] = "421 4.3.2 Shutting down"
    receipts = trial.send(to("one"), to("two"), to("three"))
    assert receipts[0].error is None
    assert [type(receipt.error) for receipt in receipts[1:]] == [Unavailable, Unavailable]
    assert [one.to for one in trial.box.sent] == [("zero@example.org",), ("one@example.org",)]


@pytest.mark.parametrize(
    ("stage", "status", "reply", "kind"),
    [
        (Stage.OPENING, 554, "No service here", Unavailable),
        (Stage.AUTH, 454, "4.7.0 Temporary authentication failure", Unavailable),
        (Stage.AUTH, 534, "5.7.9 Application-specific password required", SignedOut),
        (Stage.AUTH, 550, "5.7.30 Basic authentication is not supported for Client Submission", SignedOut),
        (Stage.SENDER, 530, "5.7.0 Authentication required", SignedOut),
        (Stage.SENDER, 552, "5.3.4 Too large", Refused),
        (Stage.SENDER, 452, "4.3.1 Insufficient storage", Throttled),
        (Stage.RECIPIENT, 451, "4.7.1 Try again later", Throttled),
        (Stage.RECIPIENT, 553, "5.1.3 Bad address", Refused),
        (Stage.RECIPIENT, 421, "4.7.28 Unusual rate", Unavailable),
        (Stage.MAIL, 450, "4.7.28 Unusual rate of mail", Throttled),
        (Stage.MAIL, 250, "what?", Garbled),
    ],
)
def test_what_replies_mean(stage: Stage, status: int, reply: str, kind: type[Exception]) -> None:
    error = smtp_error(stage, status, reply.encode())
    assert type(error) is kind
    assert error.facts["status"] == status


# --- broken lines


def test_a_line_that_breaks_before_the_mail_has_sent_nothing(trial: Trial) -> None:
    trial.box.manners.hang_up_before = 1
    assert isinstance(trial.failure(to("one"), to("two")), Unavailable)
    assert trial.box.sent == []


def test_a_line_that_breaks_after_the_mail_is_unknown_and_the_next_goes_over_another(trial: Trial) -> None:
    trial.box.manners.hang_up_after = 1
    receipts = trial.send(to("one"), to("two"))
    assert isinstance(receipts[0].error, Unknown)
    assert receipts[0].error.facts["id"] == header(trial.box.sent[0].raw, "Message-ID")
    assert receipts[1].error is None
    assert trial.box.smtp_connections == 2


class Deaf(smtplib.SMTP):
    """A line over which nothing is heard once a mail has ended."""

    ended = False

    def send(self, s: Any) -> None:
        super().send(s)
        self.ended = self.ended or s == b".\r\n"

    def getreply(self) -> tuple[int, bytes]:
        answer = super().getreply()
        if self.ended:
            raise TimeoutError
        return answer


def test_silence_after_the_last_dot_is_unknown(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib, "SMTP", Deaf)
    assert isinstance(trial.failure(to()), Unknown)
    assert len(trial.box.sent) == 1


class Mute(smtplib.SMTP):
    """A line that breaks while the mail itself goes out."""

    def send(self, s: Any) -> None:
        if b"It is on its way" in (s if isinstance(s, bytes) else s.encode()):
            super().send(s[: len(s) // 2])
            self.close()
            raise smtplib.SMTPServerDisconnected("broken pipe")
        super().send(s)


def test_half_a_mail_is_no_mail(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib, "SMTP", Mute)
    assert isinstance(trial.failure(to()), Unavailable)
    assert trial.box.sent == []


def test_a_port_where_nobody_listens_is_unavailable(trial: Trial) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable):
        trial.connect(port=port).send([to()])


# --- was it sent?


def test_the_sent_mailbox_answers_whether_a_mail_went_out(trial: Trial) -> None:
    trial.box.manners.hang_up_after = 1
    trial.box.manners.hang_up_before = 0
    assert isinstance(trial.failure(to("one")), Unknown)
    assert trial.connector.sent("key-one") is True
    assert trial.connector.sent("key-two") is False


def test_without_a_sent_mailbox_only_a_bounce_tells(trial: Trial) -> None:
    connector = trial.connect(sent_mailbox="")
    connector.send([to("one")])
    assert connector.sent("key-one") is None
    id_ = header(trial.box.sent[0].raw, "Message-ID")
    trial.box.bounce("one@example.org", returned=f"Message-ID: {id_}\r\nTo: one@example.org\r\n".encode())
    assert connector.sent("key-one") is True
    assert connector.sent("key-two") is None


def test_without_a_mailbox_nobody_can_tell(trial: Trial) -> None:
    connector = trial.connect(imap_host="")
    connector.send([to("one")])
    assert connector.sent("key-one") is None
    with pytest.raises(Unsupported):
        connector.read("bounces", None)
    assert connector.check().ok


# --- signing in and encryption


def test_a_wrong_password_says_so_and_shows_nothing(trial: Trial) -> None:
    error = _failed(trial, password="wrong-wörd")
    assert isinstance(error, SignedOut)
    assert error.facts == {"status": 535, "code": "5.7.8"}
    assert "wrong" not in repr(error) + str(error) + str(error.facts)


def test_a_server_that_repeats_the_password_is_blotted(trial: Trial) -> None:
    trial.box.manners.auth.append(f"535 5.7.8 Not {trial.box.door.password}!")
    error = trial.failure(to())
    assert isinstance(error, SignedOut)
    assert trial.box.door.password not in str(error)


def test_a_server_that_repeats_the_line_is_blotted(trial: Trial) -> None:
    line = base64.b64encode(f"\0shop@example.com\0{trial.box.door.password}".encode()).decode()
    trial.box.manners.auth.append(f"500 5.5.2 Unknown command AUTH PLAIN {line}")
    assert line not in str(trial.failure(to()))


def test_login_is_used_where_plain_is_not_offered(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    real = smtplib.SMTP.ehlo

    def ehlo(line: smtplib.SMTP, name: str = "") -> tuple[int, bytes]:
        answer = real(line, name)
        line.esmtp_features["auth"] = "LOGIN"
        return answer

    monkeypatch.setattr(smtplib.SMTP, "ehlo", ehlo)
    (receipt,) = trial.send(to())
    assert receipt.error is None
    assert trial.box.commands["AUTH LOGIN"] == 1


def test_a_server_that_offers_no_sign_in_is_not_shown_the_password(trial: Trial) -> None:
    trial.box.door.password = ""
    with pytest.raises(Unsupported):
        trial.connect().send([to()])
    (receipt,) = trial.connect(username="", imap_username="shop@example.com").send([to()])
    assert receipt.error is None


@pytest.mark.parametrize("implicit", [True, False])
def test_an_encrypted_line_carries_mail(certificate: Certificate, implicit: bool) -> None:
    trial = Trial(box={"tls": certificate.server, "implicit": implicit}, ca_file=str(certificate.file))
    assert trial.settings["tls"] == trial.settings["imap_tls"] == ("tls" if implicit else "starttls")
    (receipt,) = trial.send(to())
    assert receipt.error is None
    trial.box.bounce("pat@example.org")
    assert list(trial.walk()) == ["pat@example.org"]
    assert trial.connector.check().ok
    trial.close()


@pytest.mark.parametrize("implicit", [True, False])
def test_a_certificate_nobody_vouches_for_is_not_trusted(certificate: Certificate, implicit: bool) -> None:
    trial = Trial(box={"tls": certificate.server, "implicit": implicit})
    error = trial.failure(to())
    assert isinstance(error, Unavailable)
    assert "ca_file" in error.remedy
    with pytest.raises(Unavailable, match="certificate"):
        trial.page()
    trial.close()


def test_a_server_without_encryption_is_told_nothing(trial: Trial) -> None:
    error = _failed(trial, tls="starttls")
    assert isinstance(error, Unsupported)
    assert not [command for command in trial.box.commands if command.startswith("AUTH")]
    with pytest.raises(Unsupported):
        trial.connect(imap_tls="starttls").read("bounces", None)
    assert "LOGIN" not in trial.box.imap_commands
    assert "AUTHENTICATE" not in trial.box.imap_commands


@pytest.mark.parametrize("name", ["tls", "imap_tls"])
def test_other_machines_are_spoken_to_only_encrypted(trial: Trial, name: str) -> None:
    host = "host" if name == "tls" else "imap_host"
    with pytest.raises(ConfigError, match="another machine"):
        trial.connect(**{name: "none", host: "mail.example.com"})
    trial.connect(**{name: "none", host: "mail.example.com"}, unencrypted=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""}, {"tls": "ssl"}, {"sender": "nobody"}, {"sender_name": "A\r\nBcc: x@example.org"},
        {"return_path": "no address"}, {"ca_file": "/nowhere/at/all.pem", "tls": "tls"}, {"password": "a\r\nb"},
        {"client_id": "only this"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_understood_are_named(trial: Trial, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        trial.connect(**wrong)
    assert next(iter(wrong)) in str(caught.value) or "name or password" in str(caught.value) or caught.value.remedy


# --- tokens


def test_a_token_that_was_called_back_is_renewed_once(trial: Trial) -> None:
    trial.box.door.token = "not-yet"
    with TokenDesk(trial.box.door, clock=trial.time, rotates=True) as desk:
        connector = trial.connect(password=None, **desk.settings())
        assert connector.send([to("one")])[0].error is None
        trial.box.door.token = "called-back"
        assert connector.send([to("two")])[0].error is None
        assert desk.given == 2
        trial.box.bounce("pat@example.org")
        trial.box.door.token = "called-back-again"
        assert [one.id for one in connector.read("bounces", None).records] == ["pat@example.org"]
        assert desk.given == 3
        connector.close()
    assert trial.saved == [("refresh_token", f"refresh-token-{number}") for number in (2, 3, 4)]


def test_a_refresh_token_that_ended_is_signed_out(trial: Trial) -> None:
    with TokenDesk(trial.box.door, clock=trial.time) as desk:
        connector = trial.connect(password=None, **{**desk.settings(), "refresh_token": "ended-long-ago"})
        with pytest.raises(SignedOut) as caught:
            connector.send([to()])
        assert "ended-long-ago" not in str(caught.value)
        connector.close()


# --- odds and ends


def test_trouble_by_chance_is_never_silent(trial: Trial) -> None:
    trial.mischief.chances |= {Switch.UNAVAILABLE: 0.2, Switch.PARTIAL: 0.2, Switch.LOST_ANSWER: 0.2}
    waiting = {f"p{number}": to(f"p{number}") for number in range(30)}
    unsure: set[str] = set()
    for _ in range(100):
        batch = [replace(message) for message in waiting.values()]
        if not batch:
            break
        try:
            receipts = trial.send(*batch)
        except Unavailable:
            continue
        for message, receipt in zip(batch, receipts, strict=True):
            name = message.to.partition("@")[0]
            if receipt.error is None:
                del waiting[name]
            elif isinstance(receipt.error, Unknown):
                unsure.add(name)
                assert trial.connector.sent(message.key) is True
                del waiting[name]
    arrived = [one.to[0].partition("@")[0] for one in trial.box.sent]
    assert not waiting
    assert sorted(arrived) == sorted({*arrived}), "nobody got a mail twice"
    assert len(arrived) == 30
    assert unsure


def _failed(trial: Trial, **more: Any) -> Exception:
    try:
        receipts = trial.connect(**more).send([to()])
    except Exception as error:
        return error
    assert receipts[0].error is not None
    return receipts[0].error
