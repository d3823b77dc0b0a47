"""The connector keeps the contract on a server of every habit, and answers the oddities of address books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import vobject

from connectors._kit.catalogue import entry
from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.dav.protocol import path_of
from connectors._kit.dav.writing import uid_of
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief, Switch
from connectors.carddav.connector import CardDav, build
from connectors.carddav.sandbox import Habits, Sandbox
from core.errors import (
    CursorExpired,
    Exists,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Stale,
    Throttled,
    Unavailable,
    Unknown,
)
from core.ports import Context, Cursor, Edit, Fields, Receipt, Remote, Verb

PAYLOADS = Path(__file__).parent / "payloads"


def card(number: int, *lines: str, uid: str | None = None) -> str:
    """A card as a phone would write it."""
    own = [
        f"UID:{uid or f'uid-{number}'}",
        f"FN:Person {number}",
        f"N:{number};Person;;;",
        f"EMAIL:p{number}@example.com",
    ]
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *own, *lines, "END:VCARD", ""])


def witness(text: str) -> Fields:
    """What an independent library reads in a card, in the connector's words."""
    read = vobject.readOne(text)
    first = {name: found[0].value for name, found in read.contents.items()}
    name, address = first["n"], first.get("adr")
    fields = {
        "n": {"given": name.given, "family": name.family},
        "title": first.get("title"),
        "email": first.get("email"),
        "adr": {"city": address.city} if address else {},
    }
    return {name: value for name, value in fields.items() if value}


class AddressBookHarness(Harness):
    """What sandbox and real servers have in common: people who write cards."""

    connector = "carddav"
    largest_batch = 12
    people = People(
        "contacts",
        {"email": "email", "first_name": "n.given", "last_name": "n.family", "job_title": "title"},
        always={"adr.city": "Leeds"},
    )

    def sample(self, stream: str, number: int) -> Fields:
        name = {"n.given": f"Given {number}", "n.family": "Sample, Jr"}
        return {**name, "email": f"s{number}@example.com", "title": f"Title {number}", "adr.city": "Leeds"}

    def change(self, stream: str, number: int) -> Fields:
        return {"title": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "adr.city"

    def refused(self, stream: str) -> Fields | None:
        return {"n.given": "Bell", "note": "rings \x07 here"}

    def person_writes(self, fields: Fields) -> str:
        """A card as a person's phone makes it."""
        made = vobject.vCard()
        made.add("uid").value = str(uuid4())
        made.add("fn").value = f"{fields['n.given']} {fields['n.family']}"
        made.add("n").value = vobject.vcard.Name(given=fields["n.given"], family=fields["n.family"])
        made.add("email").value = fields["email"]
        made.add("title").value = fields["title"]
        made.add("adr").value = vobject.vcard.Address(city=fields["adr.city"])
        return str(made.serialize())

    def person_changes(self, text: str, fields: Fields) -> str:
        """The same card with another name or title."""
        made = vobject.readOne(text)
        for path, value in fields.items():
            if path == "title":
                made.contents.pop("title", None)
                made.add("title").value = value
            else:
                setattr(made.n.value, path.removeprefix("n."), value)
        return str(made.serialize())


class SandboxHarness(AddressBookHarness):
    habits = Habits()

    def start(self) -> None:
        self.mischief = Mischief()
        self.sandbox = Sandbox(self.habits, self.mischief).__enter__()

    def close(self) -> None:
        self.sandbox.stop()

    def take_down(self) -> None:
        self.sandbox.stop()

    def settings(self) -> dict[str, Any]:
        who = {"username": Sandbox.username, "password": Sandbox.password}
        return {"url": self.sandbox.url, **who, "page_size": 3, "concurrent": 2}

    def create(self, stream: str, fields: Fields) -> str:
        name = f"{uuid4()}.vcf"
        self.sandbox.put(name, self.person_writes(fields))
        return self.sandbox.path(name)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        name = id_.rpartition("/")[2]
        self.sandbox.put(name, self.person_changes(self.sandbox.collections["contacts"].members[name].body, fields))

    def delete(self, stream: str, id_: str) -> None:
        self.sandbox.drop(id_.rpartition("/")[2])

    def show(self, stream: str, id_: str) -> Fields | None:
        there = self.sandbox.collections["contacts"].members.get(id_.rpartition("/")[2])
        return witness(there.body) if there else None

    def count(self, stream: str) -> int:
        return len(self.sandbox.collections["contacts"].members)


class TestCardDav(ContractSuite):
    harness = SandboxHarness


class RewritingHarness(SandboxHarness):
    habits = Habits(rewrites=True, etag_on_put=False, shouts_hrefs=True, deaf_multiget=True)


class TestServerThatSpellsEverythingItsOwnWay(ContractSuite):
    harness = RewritingHarness


# --- beyond the contract


class Trial:
    """A sandbox, a connection to it, and short words for both."""

    def __init__(self, habits: Habits | None = None, **settings: Any) -> None:
        self.mischief = Mischief()
        self.sandbox = Sandbox(habits, self.mischief).__enter__()
        self.settings = {
            "url": self.sandbox.url, "username": Sandbox.username, "password": Sandbox.password, **settings,
        }  # fmt: skip
        self.time = VirtualTime()
        self.connector = self.connect()

    def connect(self, **settings: Any) -> CardDav:
        context = Context("trial", {**self.settings, **settings}, clock=self.time, sleep=self.time.sleep)
        return build(context)

    def close(self) -> None:
        self.connector.close()
        self.sandbox.stop()

    def walk(self, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
        records: list[Remote] = []
        while True:
            page = self.connector.read("contacts", cursor)
            records += page.records
            cursor = page.next
            if not page.more:
                return records, cursor

    def requests_of(self, cursor: Cursor) -> int:
        before = len(self.sandbox.requests)
        assert not self.walk(cursor)[0]
        return len(self.sandbox.requests) - before

    def write(self, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write("contacts", edits))

    def fetch(self, name: str) -> Remote:
        (found,) = self.connector.fetch("contacts", [self.sandbox.path(name)])
        return found

    def stored(self, name: str) -> str:
        return self.sandbox.collections["contacts"].members[name].body


def update(remote: Remote, **fields: Any) -> Edit:
    return Edit(Verb.UPDATE, "contacts", f"u-{remote.id}", remote.id, fields, remote.version, remote.fields)


def creation(key: str = "k1", **fields: Any) -> Edit:
    return Edit(Verb.CREATE, "contacts", key, fields=fields or {"fn": "Anna Berg"})


@pytest.fixture
def make() -> Iterator[Any]:
    """Make a trial with a server of these habits; all are stopped in the end."""
    made: list[Trial] = []

    def one(habits: Habits | None = None, **settings: Any) -> Trial:
        made.append(Trial(habits, **settings))
        return made[-1]

    yield one
    for trial in made:
        trial.close()


WAYS = {
    "token": Habits(),
    "ctag": Habits(syncs=False),
    "digest": Habits(syncs=False, ctag=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_unchanged_poll_costs_one_request_however_many_cards(make: Any, way: str) -> None:
    trial = make(WAYS[way])
    for number in range(250):
        trial.sandbox.put(f"{number}.vcf", card(number))
    records, cursor = trial.walk()
    assert len({record.id for record in records}) == 250
    assert trial.requests_of(cursor) == 1
    trial.connector = trial.connect()
    assert trial.requests_of(cursor) == 1, "nor does a fresh process look for the book again"


@pytest.mark.parametrize("way", ["ctag", "digest"])
def test_without_sync_a_change_shows_the_whole_book(make: Any, way: str) -> None:
    trial = make(WAYS[way])
    for number in range(3):
        trial.sandbox.put(f"{number}.vcf", card(number))
    _, cursor = trial.walk()
    assert not trial.connector.read("contacts", cursor).complete
    trial.sandbox.drop("0.vcf")
    page = trial.connector.read("contacts", cursor)
    assert page.complete
    assert [record.id for record in page.records] == [trial.sandbox.path(f"{number}.vcf") for number in (1, 2)]


def test_cards_are_asked_for_a_hundred_at_a_time_and_never_with_a_limit(make: Any) -> None:
    trial = make()
    for number in range(205):
        trial.sandbox.put(f"{number}.vcf", card(number))
    page = trial.connector.read("contacts", None)
    assert (len(page.records), page.more, page.complete, page.total) == (100, True, False, 205)
    before = len(trial.sandbox.requests)
    trial.walk(page.next)
    assert len(trial.sandbox.requests) - before == 2


def test_a_walk_resumed_elsewhere_misses_nothing_that_happened_meanwhile(make: Any) -> None:
    trial = make(page_size=2)
    for number in range(6):
        trial.sandbox.put(f"{number}.vcf", card(number))
    first = trial.connector.read("contacts", None)
    trial.sandbox.put("0.vcf", card(0, "NOTE:changed behind us"))
    trial.sandbox.put("01.vcf", card(10))
    trial.sandbox.drop("5.vcf")
    trial.connector = trial.connect()
    rest, cursor = trial.walk(json.loads(json.dumps(dict(first.next))))
    news, _ = trial.walk(cursor)
    last = {record.id: record for record in [*first.records, *rest, *news]}
    assert {id_ for id_, record in last.items() if not record.deleted} == {
        trial.sandbox.path(f"{name}.vcf") for name in ("0", "01", "1", "2", "3", "4")
    }
    assert last[trial.sandbox.path("0.vcf")].fields["note"] == "changed behind us"


def test_a_change_during_a_resumed_delta_is_not_lost(make: Any) -> None:
    trial = make(page_size=2)
    trial.sandbox.put("0.vcf", card(0))
    _, cursor = trial.walk()
    for number in range(4):
        trial.sandbox.put(f"{number}.vcf", card(number, "NOTE:one"))
    first = trial.connector.read("contacts", cursor)
    trial.sandbox.put("0.vcf", card(0, "NOTE:two"))
    trial.connector = trial.connect()
    rest, cursor = trial.walk(first.next)
    news, _ = trial.walk(cursor)
    assert [record.fields["note"] for record in [*rest, *news] if record.id.endswith("/0.vcf")][-1] == "two"


@pytest.mark.parametrize("status", [403, 409, 412, 418, 507])
def test_every_way_to_refuse_a_token_is_an_expired_cursor(make: Any, status: int) -> None:
    trial = make(Habits(expired_status=status))
    trial.sandbox.put("0.vcf", card(0))
    _, cursor = trial.walk()
    trial.mischief.once(Switch.EXPIRED)
    with pytest.raises(CursorExpired):
        trial.connector.read("contacts", cursor)
    assert len(trial.walk()[0]) == 1


def test_a_list_of_changes_that_is_cut_short_is_followed_to_its_end(make: Any) -> None:
    trial = make(Habits(cuts_at=3))
    for number in range(10):
        trial.sandbox.put(f"{number}.vcf", card(number))
    records, cursor = trial.walk()
    assert len(records) == 10
    assert trial.requests_of(cursor) == 1


def test_a_cursor_of_other_settings_is_expired(make: Any) -> None:
    trial = make()
    _, cursor = trial.walk()
    other = trial.connect(book="contacts")
    with pytest.raises(CursorExpired):
        other.read("contacts", cursor)
    other.close()


def test_one_address_is_one_id_however_it_is_encoded() -> None:
    for spelling in (
        "/a/Anna%20B%c3%b6g%40x.vcf",
        "/a/%41nna%20B%C3%B6g@x.vcf",
        "http://h:1/a/Anna%20B%C3%B6g%40x.vcf",
    ):
        assert path_of(spelling) == "/a/Anna%20B%C3%B6g@x.vcf"
    assert path_of("/a%2Fb/c") != path_of("/a/b/c")


def test_a_card_that_cannot_be_read_stops_nothing(make: Any) -> None:
    trial = make()
    trial.sandbox.put("bad.vcf", "BEGIN:VCARD\nFN:cut off")
    trial.sandbox.put("bell.vcf", card(1, "NOTE:rings \x07"))
    trial.sandbox.put("good.vcf", card(2))
    trial.sandbox.put("photo.jpg", "JPEG", kind="image/jpeg")
    trial.sandbox.put(
        "group.vcf", card(3, "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:uid-1")
    )
    found = {record.id.rpartition("/")[2]: record for record in trial.walk()[0]}
    assert set(found) == {"bad.vcf", "bell.vcf", "good.vcf"}
    assert found["bad.vcf"].problem == "bad.vcf: the card is cut off: END:VCARD is missing."
    assert found["bell.vcf"].fields["note"] == "rings"
    assert found["good.vcf"].problem is None


def test_an_update_leaves_everything_else_in_the_card_as_it_was(make: Any) -> None:
    trial = make()
    apple = (PAYLOADS / "apple.vcf").read_bytes().decode()
    trial.sandbox.put("zoe.vcf", apple)
    (receipt,) = trial.write(update(trial.fetch("zoe.vcf"), title="Chair"))
    assert receipt.error is None
    before, after = apple.split("\r\n"), trial.stored("zoe.vcf").split("\r\n")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [
        ("REV:2026-03-01T08:30:00Z", "REV:20261121T090000Z"), ("TITLE:Head of Sales", "TITLE:Chair"),
    ]  # fmt: skip


def test_a_batch_is_looked_back_at_in_one_request(make: Any) -> None:
    trial = make()
    trial.walk()
    before = len(trial.sandbox.requests)
    receipts = trial.write(*(creation(f"k{number}") for number in range(20)))
    assert all(receipt.whole and receipt.version for receipt in receipts)
    sent = [request.split()[0] for request in trial.sandbox.requests[before:]]
    assert (sent.count("PUT"), sent.count("REPORT"), len(sent)) == (20, 1, 21)


def test_what_the_server_makes_of_a_card_is_what_the_receipt_says(make: Any) -> None:
    trial = make(Habits(rewrites=True, etag_on_put=False))
    (receipt,) = trial.write(creation(phone="+442079460000"))
    assert receipt.fields is not None
    assert receipt.fields["phone"] == "+4420 7946 0000"
    (again,) = trial.write(update(Remote(receipt.remote_id or "", receipt.fields, receipt.version), title="Chair"))
    assert again.error is None


def test_somebody_elses_edit_right_after_ours_stays_news(make: Any) -> None:
    trial = make()
    trial.sandbox.put("0.vcf", card(0))
    (remote,), cursor = trial.walk()
    other = card(0, "NOTE:theirs")
    trial.sandbox.meanwhile = lambda _, name: trial.sandbox.put(name, other)
    (receipt,) = trial.write(update(remote, title="ours"))
    assert receipt.fields is not None
    assert receipt.fields["title"] == "ours"
    assert "note" not in receipt.fields
    (news,), _ = trial.walk(cursor)
    assert (news.version != receipt.version, news.fields["note"]) == (True, "theirs")


def test_an_edit_that_changes_nothing_sends_nothing(make: Any) -> None:
    trial = make()
    trial.sandbox.put("0.vcf", card(0))
    remote = trial.fetch("0.vcf")
    before = len(trial.sandbox.requests)
    (receipt,) = trial.write(update(remote, email="p0@example.com"))
    assert (receipt.version, receipt.fields) == (remote.version, remote.fields)
    assert not [one for one in trial.sandbox.requests[before:] if one.startswith("PUT")]
    trial.sandbox.put("0.vcf", card(0, "NOTE:moved on"))
    (receipt,) = trial.write(update(remote, email="p0@example.com"))
    assert isinstance(receipt.error, Stale)


def test_an_edit_without_the_held_card_reads_it_first(make: Any) -> None:
    trial = make()
    trial.sandbox.put("0.vcf", card(0, "X-OWN:kept"))
    remote = trial.fetch("0.vcf")
    (receipt,) = trial.write(update(remote._replace(fields={}), title="Chair"))
    assert receipt.error is None
    assert "X-OWN:kept" in trial.stored("0.vcf")
    (receipt,) = trial.write(update(remote._replace(fields={}), title="Chief"))
    assert isinstance(receipt.error, Stale)
    trial.sandbox.drop("0.vcf")
    (receipt,) = trial.write(update(remote._replace(fields={}), title="Chief"))
    assert isinstance(receipt.error, Gone)


def test_a_card_of_ours_that_moved_is_met_by_its_uid(make: Any) -> None:
    trial = make()
    trial.sandbox.put("moved.vcf", card(1, uid=uid_of("k1")))
    (receipt,) = trial.write(creation("k1"))
    assert isinstance(receipt.error, Exists)
    assert receipt.error.remote_id == trial.sandbox.path("moved.vcf")
    found = trial.connector.find("contacts", "k1")
    assert found is not None
    assert found.id == trial.sandbox.path("moved.vcf")


@pytest.mark.parametrize("way", WAYS)
def test_a_card_that_a_person_moved_is_gone_there_and_has_its_uid_elsewhere(make: Any, way: str) -> None:
    """The hub knows it again by the field that the manifest names as its identity."""
    trial = make(WAYS[way])
    trial.sandbox.put("old.vcf", card(1, uid="stays"))
    records, cursor = trial.walk()
    (identity,) = {stream.identity for stream in entry("carddav").manifest.streams.values()}
    assert records[0].fields[identity] == "stays"
    trial.sandbox.drop("old.vcf")
    trial.sandbox.put("new.vcf", card(1, uid="stays"))
    told = {one.id: one for one in trial.walk(cursor)[0]}
    came = told[trial.sandbox.path("new.vcf")]
    assert (came.deleted, came.fields[identity]) == (False, "stays")
    gone = told.get(trial.sandbox.path("old.vcf"))
    assert (gone is not None and gone.deleted) == (way == "token"), "a listing does not name what is gone"
    assert trial.fetch("old.vcf").deleted


def test_two_cards_that_a_person_joined_are_one_edited_and_one_deleted(make: Any) -> None:
    trial = make()
    for number in (1, 2):
        trial.sandbox.put(f"{number}.vcf", card(number))
    _, cursor = trial.walk()
    trial.sandbox.put("1.vcf", card(1, "EMAIL:p2@example.com"))
    trial.sandbox.drop("2.vcf")
    told = {one.id: one for one in trial.walk(cursor)[0]}
    assert told[trial.sandbox.path("2.vcf")].deleted
    kept = told[trial.sandbox.path("1.vcf")].fields
    assert (kept["email"], kept["other_emails"]) == ("p1@example.com", ["p2@example.com"])


def test_a_card_of_ours_that_was_given_another_uid_is_bound_and_not_made_again(make: Any) -> None:
    trial = make()
    path = trial.sandbox.path(f"{uid_of('k1')}.vcf")
    trial.sandbox.put(f"{uid_of('k1')}.vcf", card(1, uid="another"))
    (receipt,) = trial.write(creation("k1"))
    assert isinstance(receipt.error, Exists)
    assert receipt.error.remote_id == path
    assert trial.connector.find("contacts", "k1").id == path


def test_a_book_that_is_gone_is_no_proof_that_its_cards_are(make: Any) -> None:
    trial = make(Habits(collections=("contacts", "other")), book="contacts")
    trial.sandbox.put("0.vcf", card(0))
    (remote,), cursor = trial.walk()
    del trial.sandbox.collections["contacts"]
    with pytest.raises(SchemaChanged):
        trial.connector.fetch("contacts", [remote.id])
    with pytest.raises(CursorExpired):
        trial.connector.read("contacts", cursor)
    with pytest.raises(SchemaChanged):
        trial.connector.read("contacts", None)
    (receipt,) = trial.write(creation())
    assert isinstance(receipt.error, SchemaChanged)


def test_a_book_that_may_only_be_read_says_so(make: Any) -> None:
    trial = make(Habits(read_only=True))
    checkup = trial.connector.check()
    assert not checkup.ok
    assert [finding.what for finding in checkup.findings if not finding.ok] == [
        f"The account may not {what} in 'Contacts'." for what in ("change cards", "add cards", "delete cards")
    ]
    (receipt,) = trial.write(creation())
    assert isinstance(receipt.error, Forbidden)


def test_a_card_the_server_will_not_take_is_refused_alone(make: Any) -> None:
    trial = make(concurrent=1)
    trial.mischief.once(Switch.PARTIAL)
    bad, good = trial.write(creation("k1"), creation("k2"))
    assert isinstance(bad.error, Refused)
    assert "valid-address-data" in bad.error.message
    assert good.error is None


def test_a_web_page_in_answer_to_a_write_is_no_success(make: Any) -> None:
    trial = make()
    trial.walk()
    trial.mischief.once(Switch.GARBLED)
    (receipt,) = trial.write(creation())
    assert isinstance(receipt.error, Unknown)
    assert not trial.sandbox.collections["contacts"].members


def test_after_a_no_that_is_for_all_nothing_more_is_sent(make: Any) -> None:
    trial = make(concurrent=1)
    trial.walk()
    before = len(trial.sandbox.requests)
    trial.mischief.chances[Switch.UNAVAILABLE] = 1.0
    with pytest.raises(Unavailable):
        trial.write(*(creation(f"k{number}") for number in range(10)))
    assert len(trial.sandbox.requests) - before == 4, "one card, with the kit's three retries"


def test_receipts_of_a_batch_that_was_cut_off_tell_what_was_done(make: Any) -> None:
    trial = make(concurrent=1)
    trial.walk()

    def throttle_from_now(_method: str, _name: str) -> None:
        trial.mischief.once(Switch.THROTTLED, times=4)

    trial.sandbox.meanwhile = throttle_from_now
    first, second = trial.write(creation("k1"), creation("k2"))
    assert first.remote_id == trial.sandbox.path(f"{uid_of('k1')}.vcf")
    assert isinstance(second.error, Throttled)


# --- finding the book


def test_any_address_leads_to_the_book(make: Any) -> None:
    trial = make()
    base = trial.sandbox.url.rstrip("/")
    for path in ("", "/", "/dav/", "/dav/principals/anna/", "/dav/home/anna/", "/dav/home/anna/contacts/"):
        connector = trial.connect(url=f"{base}{path}")
        checkup = connector.check()
        assert checkup.ok, path
        assert "'Contacts' at /dav/home/anna/contacts/" in checkup.findings[0].what
        connector.close()


def test_several_books_ask_for_a_name(make: Any) -> None:
    trial = make(Habits(collections=("contacts", "customers")))
    (finding,) = trial.connector.check().findings
    assert not finding.ok
    assert "'Customers' (/dav/home/anna/customers/)" in finding.what
    assert "`book`" in finding.remedy
    with pytest.raises(SchemaChanged):
        trial.connector.read("contacts", None)
    for name in ("customers", "Customers", "/dav/home/anna/customers/"):
        connector = trial.connect(book=name)
        assert connector.check().ok
        connector.close()


def test_an_address_without_address_books_says_so(make: Any) -> None:
    trial = make(Habits(well_known=False))
    (finding,) = trial.connector.check().findings
    assert (finding.ok, finding.what) == (False, "No address book was found there.")


def test_a_wrong_password_is_signed_out_and_never_shown(make: Any) -> None:
    trial = make()
    connector = trial.connect(password="wrong-password-9")
    with pytest.raises(SignedOut) as caught:
        connector.check()
    assert "wrong-password-9" not in f"{caught.value!r} {caught.value} {caught.value.facts} {connector!r}"
    connector.close()


def test_a_web_page_instead_of_a_book_is_garbled(make: Any) -> None:
    trial = make()
    _, cursor = trial.walk()
    trial.mischief.chances[Switch.GARBLED] = 1.0
    with pytest.raises(Garbled):
        trial.connector.read("contacts", cursor)
