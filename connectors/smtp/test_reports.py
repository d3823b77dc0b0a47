"""What mails in the bounce mailbox say about addresses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connectors.smtp.reports import NOTHING, Evidence, read_report
from connectors.smtp.sandbox_mail import bounce, complaint, ordinary

PAYLOADS = Path(__file__).parent / "payloads"
AT = 1_795_251_600_000_000


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.synthetic.eml").read_bytes()


def said(code: str, reason: str, *, action: str = "failed") -> list[str]:
    report = read_report(bounce("pat@example.org", code, reason, at=AT, action=action))
    assert report.problem is None
    return [f"{one.status} {one.code}" for one in report.evidence]


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        (
            "bounce.postfix",
            ("jane.doe@example.org", "hard", "5.1.1",
             "550 5.1.1 <Jane.Doe@example.org>: Recipient address rejected: User unknown"),
        ),
        ("bounce.exim-no-such-user", ("info@example.org", "hard", "5.1.1", "550 No Such User Here")),
        (
            "bounce.exchange",
            ("m.mueller@example.net", "hard", "5.1.10",
             "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient m.mueller@example.net not found by address lookup"),
        ),
        ("bounce.international", ("jürgen@bücher.example", "hard", "5.1.1", "550 5.1.1 Empfänger unbekannt")),
        ("bounce.base64", ("coded@example.org", "hard", "5.2.1", "550 5.2.1 The account is disabled")),
        ("complaint", ("user@example.net", "complaint", "abuse", "abuse reported by SomeGenerator/1.0")),
        ("complaint.by-returned-mail", ("pat@example.net", "complaint", "abuse", "abuse reported by Feedback/2.0")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_reports_of_many_servers_are_read(name: str, evidence: tuple[str, ...], ends: bytes) -> None:
    report = read_report(payload(name).replace(b"\n", ends))
    assert report.evidence == (Evidence(*evidence),)
    assert report.problem is None


@pytest.mark.parametrize("name", ["bounce.mailbox-full", "bounce.qmail", "feedback.authentication"])
def test_what_is_not_for_good_or_no_report_says_nothing(name: str) -> None:
    assert read_report(payload(name)) == NOTHING


def test_each_recipient_of_a_report_is_judged_by_itself() -> None:
    report = read_report(payload("bounce.several-recipients"))
    assert [(one.address, one.code) for one in report.evidence] == [
        ("arathib@vnet.example", "5.1.1"),
        # We wrote to this address; it was forwarded to the one that failed.
        ("sales@forwarded.example", "5.1.1"),
    ]


def test_a_report_inside_the_returned_mail_is_not_believed() -> None:
    report = read_report(payload("bounce.several-recipients"))
    assert "innocent@example.com" not in {one.address for one in report.evidence}


@pytest.mark.parametrize(
    "code", ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"]
)  # fmt: skip
def test_codes_about_the_address_are_hard(code: str) -> None:
    assert said(code, f"550 {code} no") == [f"hard {code}"]
    assert said(code, "550 no") == [f"hard {code}"]


@pytest.mark.parametrize(
    "code",
    ["4.2.2", "5.2.2", "4.1.1", "4.4.1", "5.4.4", "5.1.7", "5.1.8", "5.2.3", "5.3.4", "5.5.0", "5.7.1", "5.7.26"],
)
def test_codes_about_anything_else_are_not(code: str) -> None:
    assert said(code, f"550 {code} no") == []


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "delivered"])
def test_only_a_failure_counts(action: str) -> None:
    assert said("5.1.1", "550 5.1.1 no", action=action) == []


def test_the_receiving_servers_own_code_counts_more_than_the_reports() -> None:
    assert said("5.1.1", "552 5.2.2 mailbox full") == []
    assert said("5.0.0", "550-5.2.1 The account is disabled") == ["hard 5.2.1"]
    assert said("5.0.0", "550 #5.1.1 bad address") == ["hard 5.1.1"]


@pytest.mark.parametrize(
    "words",
    ["User unknown", "no such user here", "Mailbox not found", "The account pat does not exist", "unknown user"],
)
def test_without_a_code_clear_words_of_a_permanent_refusal_count(words: str) -> None:
    assert said("5.0.0", f"550 {words}") == ["hard 5.1.1"]
    assert said("5.0.0", f"450 {words}") == []
    assert said("5.7.1", f"550 {words}") == []


def test_words_about_something_else_do_not_count() -> None:
    assert said("5.0.0", "550 Message rejected, see http://example.net/5.1.1.2") == []
    assert said("5.0.0", "554 No SMTP service here") == []
    assert said("5.1.0", "550 5.1.0 sender rejected") == []


def test_a_mail_without_permission_to_read_who_complained_is_a_problem() -> None:
    report = read_report(payload("complaint.nameless"))
    assert report.evidence == ()
    assert report.problem == "somebody complained, and the report does not name who"


@pytest.mark.parametrize(("kind", "counts"), [("abuse", 1), ("fraud", 1), ("not-spam", 0), ("virus", 0), ("other", 0)])
def test_only_a_persons_no_is_a_complaint(kind: str, counts: int) -> None:
    assert len(read_report(complaint("pat@example.org", at=AT, kind=kind)).evidence) == counts


def test_an_ordinary_mail_says_nothing() -> None:
    assert read_report(ordinary("5.1.1", "Final-Recipient: rfc822; a@example.org\nStatus: 5.1.1", at=AT)) == NOTHING


def test_a_report_whose_recipient_is_no_address_is_a_problem() -> None:
    report = read_report(bounce("somebody", "5.1.1", "550 5.1.1 no", at=AT))
    assert report.evidence == ()
    assert report.problem == "1 of its recipients cannot be read as an address"


def test_a_report_without_its_part_is_a_problem() -> None:
    raw = payload("bounce.postfix").replace(b"message/delivery-status", b"text/x-nothing")
    assert read_report(raw).problem == "it calls itself a delivery-status and holds none"


def test_control_signs_of_a_stranger_are_not_passed_on() -> None:
    (evidence,) = read_report(
        bounce("pat@example.org", "5.1.1", "550 5.1.1 a\x1b[31mb\x00c " + "x" * 900, at=AT)
    ).evidence
    assert evidence.reason.isprintable()
    assert len(evidence.reason) == 300


def test_no_mail_is_so_broken_that_it_stops_a_walk() -> None:
    dice = random.Random(1)
    for path in sorted(PAYLOADS.glob("*.eml")):
        whole = path.read_bytes()
        for _ in range(60):
            raw = bytearray(whole)
            for _ in range(dice.randrange(1, 40)):
                raw[dice.randrange(len(raw))] = dice.randrange(256)
            report = read_report(bytes(raw[: dice.randrange(1, len(raw) + 1)]))
            assert all("@" in one.address for one in report.evidence)


def test_what_even_the_parser_does_not_survive_is_a_problem() -> None:
    hostile = b"Content-Type: multipart/report; report-type*0*=utf-9'x'%; boundary*=z''%ff\r\n\r\n--x"
    assert read_report(hostile).evidence == ()
