"""The connector on real Radicale and Xandikos: the contract, and what was measured about each (`make servers`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors._kit.contract.about import AboutTests
from connectors._kit.contract.reading import ReadingTests
from connectors._kit.contract.writing import WritingTests
from connectors._kit.dav.on_servers import MAKERS, OnServers
from connectors._kit.dav.servers import Server, radicale, seed
from connectors._kit.dav.writing import uid_of
from connectors.carddav.connector import CardDav, build
from connectors.carddav.editing import new
from connectors.carddav.test_carddav import AddressBookHarness, card, update, witness
from core.errors import CursorExpired, Exists, Stale
from core.model.instant import SECOND
from core.ports import Context, Cursor, Edit, Fields, Remote, Verb

pytestmark = pytest.mark.servers

PAYLOADS = Path(__file__).parent / "payloads"


class ServerHarness(OnServers, AddressBookHarness):
    """A person with an address book on a real server."""

    media = "text/vcard"
    suffix = ".vcf"
    setting = "book"
    mkcol = 'xmlns:C="urn:ietf:params:xml:ns:carddav"|<C:addressbook/>'

    def usual(self) -> str:
        return self.server.book

    def text_of(self, stream: str, fields: Fields) -> str:
        return self.person_writes(fields)

    def changed(self, text: str, fields: Fields) -> str:
        return self.person_changes(text, fields)

    def seen(self, text: str) -> Fields:
        return witness(text)


@pytest.fixture(scope="module", autouse=True)
def _stop_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    ServerHarness.folders = tmp_path_factory.mktemp("servers")
    yield
    ServerHarness.stop_all()


class RadicaleHarness(ServerHarness):
    kind = "radicale"


class XandikosHarness(ServerHarness):
    kind = "xandikos"


class RealServerSuite(AboutTests, ReadingTests, WritingTests):
    """The contract but for mischief, which a real server does not make at our word."""


class TestRadicale(RealServerSuite):
    harness = RadicaleHarness


class TestXandikos(RealServerSuite):
    harness = XandikosHarness

    @pytest.fixture(autouse=True)
    def _without_sign_in(self, request: pytest.FixtureRequest) -> None:
        if "auth" in getattr(request.function, "needs", ()):
            pytest.skip("Xandikos asks nobody to sign in on loopback")


@pytest.fixture(params=MAKERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with MAKERS[request.param](tmp_path) as running:
        yield running


@pytest.fixture
def connector(server: Server) -> Iterator[CardDav]:
    connection = connect(server)
    yield connection
    connection.close()


def connect(server: Server, **settings: Any) -> CardDav:
    who = {"username": server.username, "password": server.password}
    context = Context("real", {"url": server.url, **who, **settings}, clock=lambda: int(time.time() * SECOND))
    return build(context)


def walk(connector: CardDav, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
    records: list[Remote] = []
    while True:
        page = connector.read("contacts", cursor)
        records += page.records
        cursor = page.next
        if not page.more:
            return records, cursor


def test_a_book_is_read_whole_and_an_unchanged_poll_is_one_request(server: Server, connector: CardDav) -> None:
    seed(server, {f"c{number:04}.vcf": new(f"uid-{number}", {"fn": f"P {number}"}) for number in range(250)})
    assert connector.check().ok
    records, cursor = walk(connector)
    assert len({record.id for record in records}) == 250
    before = connector.requests
    assert walk(connector, cursor)[0] == []
    assert connector.requests - before == 1


def test_everything_a_phone_put_into_a_card_survives_our_edit(server: Server, connector: CardDav) -> None:
    apple = (PAYLOADS / "apple.vcf").read_bytes().decode()
    with server.client() as person:
        person.put(f"{server.book}zoe.vcf", content=apple.encode(), headers={"Content-Type": "text/vcard"})
        before = person.get(f"{server.book}zoe.vcf").text
        (remote,), _ = walk(connector)
        (receipt,) = connector.write("contacts", [update(remote, title="Chair", email="zoe@home.example")])
        assert receipt.error is None
        after = person.get(f"{server.book}zoe.vcf").text
    kept = set(before.splitlines()) & set(after.splitlines())
    changed = {line.partition(":")[0].partition(";")[0].upper() for line in set(before.splitlines()) - kept}
    assert changed == {"EMAIL", "ITEM1.EMAIL", "REV", "TITLE"}
    assert len(after.splitlines()) == len(before.splitlines())


def test_what_changed_between_two_polls_is_all_that_is_read(server: Server, connector: CardDav) -> None:
    seed(server, {f"{number}.vcf": card(number) for number in range(20)})
    records, cursor = walk(connector)
    by_name = {record.id.rpartition("/")[2]: record for record in records}
    with server.client() as person:
        person.put(f"{server.book}3.vcf", content=card(3, "NOTE:new").encode(), headers={"Content-Type": "text/vcard"})
        person.delete(f"{server.book}4.vcf")
        person.put(
            f"{server.book}Anna%20B%c3%b6g%40x.vcf", content=card(99).encode(), headers={"Content-Type": "text/vcard"}
        )
    news, _ = walk(connector, cursor)
    assert {(record.id, record.deleted) for record in news} == {
        (by_name["3.vcf"].id, False),
        (by_name["4.vcf"].id, True),
        (f"{server.book}Anna%20B%C3%B6g@x.vcf", False),
    }


def test_a_token_that_means_nothing_is_an_expired_cursor(server: Server, connector: CardDav) -> None:
    seed(server, {"1.vcf": card(1)})
    _, cursor = walk(connector)
    with pytest.raises(CursorExpired):
        connector.read("contacts", {**cursor, "since": "http://example.com/ns/sync/1"})


def test_a_token_that_radicale_has_dropped_is_an_expired_cursor(tmp_path: Path) -> None:
    with radicale(tmp_path) as server:
        connector = connect(server)
        seed(server, {"1.vcf": card(1)})
        _, cursor = walk(connector)
        tokens = [token for token in (tmp_path / "data").rglob("sync-token/*") if token.is_file()]
        assert tokens
        for token in tokens:
            # What Radicale itself does to tokens older than `max_sync_token_age` (30 days).
            token.unlink()
        with server.client() as person:
            person.put(f"{server.book}2.vcf", content=card(2).encode(), headers={"Content-Type": "text/vcard"})
        with pytest.raises(CursorExpired):
            connector.read("contacts", cursor)
        assert len(walk(connector)[0]) == 2
        connector.close()


def test_an_edit_on_an_old_version_is_stale_and_writes_nothing(server: Server, connector: CardDav) -> None:
    seed(server, {"1.vcf": card(1)})
    (remote,), _ = walk(connector)
    with server.client() as person:
        person.put(remote.id, content=card(1, "NOTE:theirs").encode(), headers={"Content-Type": "text/vcard"})
        (receipt,) = connector.write("contacts", [update(remote, title="ours")])
        assert isinstance(receipt.error, Stale)
        assert "ours" not in person.get(remote.id).text


def test_a_second_card_with_our_uid_is_met_or_made_once(server: Server, connector: CardDav) -> None:
    seed(server, {"moved.vcf": card(1, uid=uid_of("k1"))})
    edit = Edit(Verb.CREATE, "contacts", "k1", fields={"fn": "Anna Berg"})
    receipts = [connector.write("contacts", [edit])[0] for _ in range(2)]
    if server.kind == "radicale":
        errors = [receipt.error for receipt in receipts]
        assert [isinstance(e, Exists) and e.remote_id for e in errors] == [f"{server.book}moved.vcf"] * 2
    else:
        assert [receipt.remote_id for receipt in receipts] == [f"{server.book}{uid_of('k1')}.vcf"] * 2


def test_a_batch_written_side_by_side_is_whole(server: Server) -> None:
    connector = connect(server, concurrent=8)
    edits = [Edit(Verb.CREATE, "contacts", f"k{number}", fields={"fn": f"P {number}"}) for number in range(16)]
    receipts = connector.write("contacts", edits)
    assert [receipt.error for receipt in receipts] == [None] * 16
    assert [receipt.fields["fn"] for receipt in receipts if receipt.fields] == [f"P {number}" for number in range(16)]
    changes = [
        Edit(Verb.UPDATE, "contacts", "u", one.remote_id, {"title": "T"}, one.version, one.fields or {})
        for one in receipts
    ]
    assert [receipt.error for receipt in connector.write("contacts", changes)] == [None] * 16
    connector.close()


def test_the_server_ends_with_its_block(tmp_path: Path) -> None:
    for name, make in MAKERS.items():
        with make(tmp_path / name) as running:
            assert running.process.poll() is None
        assert running.process.poll() is not None
