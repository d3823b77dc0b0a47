"""Reading bounces: what stands about an address, where a walk goes on, and what a mailbox may do meanwhile."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.smtp import sandbox_search
from connectors.smtp.imapwords import mails_in, plain_name, spans, utf7
from connectors.smtp.mailbox import Mailbox
from connectors.smtp.test_reports import payload
from connectors.smtp.test_smtp import STREAM, Trial
from connectors.smtp.trouble import imap_error
from core.errors import CursorExpired, Forbidden, Garbled, SchemaChanged, SignedOut, Throttled, Unavailable


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial(page_size=4)
    yield made
    made.close()


def statuses(trial: Trial) -> dict[str, Any]:
    return {id_: remote.fields["status"] for id_, remote in trial.walk().items()}


# --- what stands


def test_a_bounce_says_when_and_why(trial: Trial) -> None:
    trial.box.bounce("Pat@Example.org", "5.1.1", "550 5.1.1 No such user")
    (remote,) = trial.page().records
    assert remote.id == "pat@example.org"
    assert remote.fields == {
        "address": "pat@example.org", "status": "hard", "code": "5.1.1", "reason": "550 5.1.1 No such user",
        "at": "2026-11-21T09:00:00Z",
    }  # fmt: skip


def test_the_newest_of_several_bounces_stands(trial: Trial) -> None:
    for reason in ("first", "second", "third"):
        trial.box.bounce("pat@example.org", "5.1.1", f"550 5.1.1 {reason}")
    (remote,) = trial.page().records
    assert remote.fields["reason"] == "550 5.1.1 third"


@pytest.mark.parametrize("between", [0, 3, 9])
def test_a_complaint_is_not_hidden_by_a_later_bounce(trial: Trial, between: int) -> None:
    trial.box.complain("pat@example.org")
    for number in range(between):
        trial.box.bounce(f"p{number}@example.org")
    trial.box.bounce("pat@example.org")
    assert statuses(trial)["pat@example.org"] == "complaint"
    assert trial.connector.fetch(STREAM, ["pat@example.org"])[0].fields["status"] == "complaint"


def test_a_later_complaint_stands_at_the_next_poll(trial: Trial) -> None:
    trial.box.bounce("pat@example.org")
    cursor = trial.page().next
    trial.box.complain("pat@example.org")
    (remote,) = trial.page(cursor).records
    assert remote.fields["status"] == "complaint"
    assert remote.fields["code"] == "abuse"


def test_soft_bounces_and_ordinary_mail_are_no_news(trial: Trial) -> None:
    trial.box.bounce("full@example.org", "5.2.2", "552 5.2.2 Mailbox full")
    trial.box.bounce("slow@example.org", "4.4.1", "451 4.4.1 No answer", action="delayed")
    trial.box.write("Stop", "Final-Recipient: rfc822; pat@example.org")
    page = trial.page()
    assert page.records == []
    assert page.problems == []
    assert not trial.page(page.next).more


def test_a_broken_report_is_a_problem_and_the_rest_is_read(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    trial.box.deliver(payload("bounce.postfix")[:900])
    trial.box.deliver(payload("complaint.nameless"))
    trial.box.bounce("two@example.org")
    page = trial.page()
    assert [remote.id for remote in page.records] == ["one@example.org", "two@example.org"]
    assert list(page.problems) == [
        "INBOX, mail 2: it calls itself a delivery-status and holds none.",
        "INBOX, mail 3: somebody complained, and the report does not name who.",
    ]


def test_only_the_beginning_of_a_large_mail_is_asked_for(trial: Trial) -> None:
    returned = b"To: pat@example.org\r\n\r\n" + b"x" * 70 + b"\r\n" * 400_000
    trial.box.bounce("pat@example.org", returned=returned)
    assert list(trial.walk()) == ["pat@example.org"]


def test_an_address_in_other_letters_is_found_again(trial: Trial) -> None:
    trial.box.deliver(payload("bounce.international"))
    found = trial.connector.fetch(STREAM, ["jürgen@bücher.example", "nobody@example.org"])
    assert [remote.deleted for remote in found] == [False, True]


def test_an_encoded_report_is_found_also_where_the_server_does_not_decode(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_search, "_decoded", lambda part: "")
    trial.box.deliver(payload("bounce.base64"))
    found = trial.connector.fetch(STREAM, ["coded@example.org", "nobody@example.org"])
    assert [remote.deleted for remote in found] == [False, True]


def test_addresses_that_hold_each_other_are_told_apart(trial: Trial) -> None:
    trial.box.bounce("anna.pat@example.org")
    (remote,) = trial.connector.fetch(STREAM, ["pat@example.org"])
    assert remote.deleted


# --- where a walk goes on


def test_a_walk_asks_only_for_what_is_new(trial: Trial) -> None:
    for number in range(9):
        trial.box.bounce(f"p{number}@example.org")
    cursor: Any = None
    sizes = []
    for _ in range(3):
        page = trial.page(cursor)
        cursor = page.next
        sizes.append((len(page.records), page.more))
    assert sizes == [(4, True), (4, True), (1, False)]
    before = len(trial.box.imap_commands)
    assert trial.page(cursor).records == []
    assert trial.box.imap_commands[before:] == ["EXAMINE"]


def test_a_void_uidvalidity_begins_anew_and_shows_everything_again(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    trial.box.bounce("two@example.org")
    first = trial.walk()
    cursor = trial.page().next
    trial.box.post.boxes["INBOX"].renumbered()
    with pytest.raises(CursorExpired):
        trial.page(cursor)
    assert trial.walk() == first


def test_mails_thrown_away_take_nothing_back(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    page = trial.page()
    trial.box.tidy("one@example.org")
    again = trial.page(page.next)
    assert again.records == []
    assert not page.complete
    assert not trial.page().complete


def test_wide_gaps_between_uids_are_crossed(trial: Trial) -> None:
    box = trial.box.post.boxes["INBOX"]
    for uid in (1, 1_500, 250_000):
        box.next_uid = uid
        trial.box.bounce(f"p{uid}@example.org")
    assert list(trial.walk()) == ["p1@example.org", "p1500@example.org", "p250000@example.org"]


def test_the_largest_uid_of_an_open_range_is_not_read_twice(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    page = trial.page()
    assert trial.page(page.next).records == []


# --- the mailbox


def test_reading_leaves_no_trace(trial: Trial) -> None:
    mail = trial.box.bounce("pat@example.org")
    trial.walk()
    trial.connector.fetch(STREAM, ["pat@example.org"])
    assert mail.flags == set()
    assert "SELECT" not in trial.box.imap_commands


def test_mailboxes_have_names_in_all_letters(trial: Trial) -> None:
    trial.box.bounce("pat@example.org", box="Bücher & Co")
    connector = trial.connect(mailbox="Bücher & Co")
    assert [remote.id for remote in connector.read(STREAM, None).records] == ["pat@example.org"]


@pytest.mark.parametrize("name", ["INBOX", "Bücher & Co", "日本語", "a&b", "Ünï/Cödé", "&", "🙂 smile"])
def test_names_go_to_and_fro(name: str) -> None:
    assert utf7(name).isascii()
    assert plain_name(utf7(name)) == name


def test_names_are_spelt_as_the_standard_says() -> None:
    assert utf7("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"


def test_a_mailbox_that_is_not_there_is_named_with_those_that_are(trial: Trial) -> None:
    connector = trial.connect(mailbox="Bonces")
    with pytest.raises(SchemaChanged):
        connector.read(STREAM, None)
    checkup = connector.check()
    assert not checkup.ok
    (bad,) = (finding for finding in checkup.findings if not finding.ok)
    assert bad.what == "There is no mailbox Bonces. There are: INBOX, Sent, Bounces, Bücher & Co."
    assert "mailbox" in bad.remedy


def test_one_line_is_kept_and_opened_anew_when_it_was_dropped(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    trial.page()
    trial.page()
    assert trial.box.imap_connections == 1
    trial.box.hang_up()
    assert [remote.id for remote in trial.page().records] == ["one@example.org"]
    assert trial.box.imap_connections == 1 + 1


def test_a_line_cut_in_the_middle_of_a_mail_is_opened_anew_once(trial: Trial) -> None:
    trial.box.bounce("one@example.org")
    trial.mischief.once(Switch.CUT)
    assert [remote.id for remote in trial.page().records] == ["one@example.org"]
    trial.mischief.chances[Switch.CUT] = 1.0
    with pytest.raises(Unavailable):
        trial.page()


def test_uids_that_became_void_in_the_middle_of_a_page_are_noticed(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.box.bounce("one@example.org")
    trial.page()
    real = Mailbox.between

    def between(mailbox: Mailbox, name: str, first: int, last: int) -> list[int]:
        found = real(mailbox, name, first, last)
        trial.box.hang_up()
        trial.box.post.boxes["INBOX"].renumbered()
        return found

    monkeypatch.setattr(Mailbox, "between", between)
    with pytest.raises(CursorExpired):
        trial.page()


def test_the_mailbox_may_have_an_account_of_its_own(trial: Trial) -> None:
    connector = trial.connect(imap_username="other@example.com", imap_password="other")
    with pytest.raises(SignedOut) as caught:
        connector.read(STREAM, None)
    assert "other" not in str(caught.value)


# --- what answers mean


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("[AUTHENTICATIONFAILED] Invalid credentials", SignedOut),
        ("[UNAVAILABLE] Temporary problem", Unavailable),
        ("[INUSE] Mailbox in use", Unavailable),
        ("[LIMIT] Too many", Throttled),
        ("[THROTTLED] Slow down", Throttled),
        ("[NONEXISTENT] Unknown Mailbox: Bonces (Failure)", SchemaChanged),
        ("[CONTACTADMIN] Ask", Forbidden),
        ("User is authenticated but not connected.", Unavailable),
        ("Some other thing", Garbled),
    ],
)
def test_what_the_mailbox_servers_no_means(reply: str, kind: type[Exception]) -> None:
    assert type(imap_error(reply.encode())) is kind


def test_a_no_without_a_code_at_the_sign_in_is_signed_out() -> None:
    assert isinstance(imap_error("LOGIN failed.", otherwise=SignedOut), SignedOut)
    assert isinstance(imap_error("[UNAVAILABLE] later", otherwise=SignedOut), Unavailable)


def test_a_no_without_a_code_to_opening_a_mailbox_means_that_there_is_none(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaplib.IMAP4, "select", lambda *_, **__: ("NO", [b"Mailbox doesn't exist: INBOX"]))
    with pytest.raises(SchemaChanged, match="doesn't exist"):
        trial.page()


def test_answers_to_fetch_are_read_in_any_order_and_form() -> None:
    data = [
        (b"1 (BODY[] {3}", b"one"), b' UID 7 INTERNALDATE " 1-Feb-2026 10:00:00 +0100")',
        b'2 (FLAGS (\\Seen))',
        b'3 (UID 9 INTERNALDATE "21-Nov-2026 09:00:00 +0000" BODY[HEADER.FIELDS (CONTENT-TYPE)] "Content-Type: a/b")',
        b'4 (UID 10 BODY[]<0> NIL INTERNALDATE "nonsense")',
        (b'5 (UID 11 INTERNALDATE "21-Nov-2026 09:00:00 +0000" X {2}', b"no"), (b" BODY[]<0> {4}", b"five"), b")",
    ]  # fmt: skip
    found = [(mail.uid, mail.raw) for mail in mails_in(data)]
    assert found == [(7, b"one"), (9, b"Content-Type: a/b"), (10, b""), (11, b"five")]
    assert next(iter(mails_in(data))).at == 1_769_936_400_000_000


def test_numbers_are_asked_for_in_runs() -> None:
    assert spans([5, 1, 2, 3, 9, 9]) == "1:3,5,9"


def test_a_server_that_sets_no_uidnext_is_asked_for_its_mails(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.box.bounce("one@example.org")
    real = imaplib.IMAP4.response

    def response(imap: imaplib.IMAP4, code: str) -> tuple[str, list[Any]]:
        return (code, [None]) if code == "UIDNEXT" else real(imap, code)

    monkeypatch.setattr(imaplib.IMAP4, "response", response)
    page = trial.page()
    assert [remote.id for remote in page.records] == ["one@example.org"]
    assert trial.page(page.next).records == []
