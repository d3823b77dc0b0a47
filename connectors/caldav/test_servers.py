"""The connector on real Radicale and Xandikos: the contract, and a life on both sides (`make servers`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from icalendar import Calendar

from connectors._kit.contract.about import AboutTests
from connectors._kit.contract.reading import ReadingTests
from connectors._kit.contract.writing import WritingTests
from connectors._kit.dav.on_servers import MAKERS, OnServers
from connectors._kit.dav.servers import Server, radicale, seed
from connectors._kit.dav.writing import uid_of
from connectors.caldav.connector import CalDav, build
from connectors.caldav.test_caldav import CalendarHarness, creation, delete, entry, meeting, update, witness
from core.errors import CursorExpired, Exists, Stale
from core.model.instant import SECOND
from core.ports import Context, Cursor, Edit, Fields, Remote, Verb

pytestmark = pytest.mark.servers

PAYLOADS = Path(__file__).parent / "payloads"
ICS = {"Content-Type": "text/calendar"}


class ServerHarness(OnServers, CalendarHarness):
    """A person with a calendar on a real server."""

    media = "text/calendar"
    suffix = ".ics"
    setting = "calendar"
    mkcol = 'xmlns:C="urn:ietf:params:xml:ns:caldav"|<C:calendar/>'

    def usual(self) -> str:
        return self.server.calendar

    def text_of(self, stream: str, fields: Fields) -> str:
        return self.person_writes(stream, fields)

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
def connector(server: Server) -> Iterator[CalDav]:
    connection = connect(server)
    yield connection
    connection.close()


def connect(server: Server) -> CalDav:
    who = {"username": server.username, "password": server.password}
    return build(Context("real", {"url": server.url, **who}, clock=lambda: int(time.time() * SECOND)))


def walk(connector: CalDav, stream: str, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
    records: list[Remote] = []
    while True:
        page = connector.read(stream, cursor)
        records += page.records
        cursor = page.next
        if not page.more:
            return records, cursor


def test_both_streams_are_read_whole_and_an_unchanged_poll_is_two_requests(server: Server, connector: CalDav) -> None:
    texts = {f"e{number:03}.ics": meeting(uid=f"e{number}") for number in range(130)}
    texts |= {f"t{number:03}.ics": entry("tasks", "SUMMARY:Do", uid=f"t{number}") for number in range(20)}
    seed(server, texts, calendar=True)
    assert connector.check().ok
    found = {stream: walk(connector, stream) for stream in ("events", "tasks")}
    assert {stream: len(records) for stream, (records, _) in found.items()} == {"events": 130, "tasks": 20}
    before = connector.requests
    assert not [one for stream, (_, cursor) in found.items() for one in walk(connector, stream, cursor)[0]]
    assert connector.requests - before == 2


def test_edits_on_both_sides_and_deletes_arrive(server: Server, connector: CalDav) -> None:
    seed(server, {f"{number}.ics": meeting(uid=f"u{number}") for number in range(4)}, calendar=True)
    records, cursor = walk(connector, "events")
    by_uid = {record.fields["uid"]: record for record in records}
    moved = update("events", by_uid["u0"], starts="2026-11-23T09:30:00Z", summary="Ours")
    receipts = connector.write("events", [moved, delete("events", by_uid["u1"]), creation("k1")])
    assert [receipt.error for receipt in receipts] == [None] * 3
    with server.client() as person:
        assert witness(person.get(by_uid["u0"].id).text)["starts"] == "2026-11-23T09:30:00Z"
        assert person.get(by_uid["u1"].id).status_code == 404
        person.put(by_uid["u2"].id, content=meeting("LOCATION:Theirs", uid="u2").encode(), headers=ICS)
        person.delete(by_uid["u3"].id)
    news = {record.id: record for record in walk(connector, "events", cursor)[0]}
    assert news[by_uid["u2"].id].fields["location"] == "Theirs"
    assert news[by_uid["u3"].id].deleted
    ours = news[by_uid["u0"].id]
    assert (ours.version, ours.fields) == (receipts[0].version, receipts[0].fields), (
        "our own write comes back as an echo"
    )


def test_what_a_server_makes_of_our_event_is_written_no_second_time(server: Server, connector: CalDav) -> None:
    fields: Fields = {
        "summary": "Talk, again", "starts": "2026-11-23T10:00:00Z", "ends": "2026-11-23T10:30:00Z",
        "time_zone": "Europe/London", "repeats": "FREQ=WEEKLY;BYDAY=MO", "attendees": ["ben@example.com"],
        "categories": ["one", "two"], "priority": "high", "status": "confirmed", "location": "Leeds",
        "url": "https://meet.example/a;b,c", "description": "A line so long that it has to be folded. " * 4 + "Done.",
    }  # fmt: skip
    (receipt,) = connector.write("events", [Edit(Verb.CREATE, "events", "k1", fields=fields)])
    assert receipt.fields is not None
    assert {name: receipt.fields.get(name) for name in fields} == fields
    records, cursor = walk(connector, "events")
    (again,) = connector.write("events", [update("events", records[0], **fields)])
    assert (again.error, again.version) == (None, receipt.version)
    assert walk(connector, "events", cursor)[0] == []


def test_a_task_done_in_the_calendar_comes_in_as_done(server: Server, connector: CalDav) -> None:
    (receipt,) = connector.write("tasks", [Edit(Verb.CREATE, "tasks", "k1", fields={"summary": "Call"})])
    assert receipt.fields is not None
    assert receipt.fields["done"] is False
    _, cursor = walk(connector, "tasks")
    with server.client() as person:
        text = person.get(str(receipt.remote_id)).text
        done = text.replace("END:VTODO", "STATUS:COMPLETED\r\nCOMPLETED:20261123T102800Z\r\nEND:VTODO")
        person.put(str(receipt.remote_id), content=done.encode(), headers=ICS).raise_for_status()
    (news,), cursor = walk(connector, "tasks", cursor)
    assert (news.fields["done"], news.fields["completed"]) == (True, "2026-11-23T10:28:00Z")
    (reopened,) = connector.write("tasks", [update("tasks", news, status="open")])
    assert reopened.fields is not None
    assert (reopened.fields["done"], "completed" in reopened.fields) == (False, False)


def test_everything_a_phone_put_into_a_series_survives_our_edit(server: Server, connector: CalDav) -> None:
    series = (PAYLOADS / "series.synthetic.ics").read_bytes()
    with server.client() as person:
        person.put(f"{server.calendar}s.ics", content=series, headers=ICS).raise_for_status()
        before = person.get(f"{server.calendar}s.ics").text
        (remote,), _ = walk(connector, "events")
        (receipt,) = connector.write("events", [update("events", remote, summary="New title")])
        assert receipt.error is None
        after = person.get(f"{server.calendar}s.ics").text
    gone, come = set(before.splitlines()) - set(after.splitlines()), set(after.splitlines()) - set(before.splitlines())
    assert {line.partition(":")[0] for line in gone} <= {"SUMMARY", "DTSTAMP", "LAST-MODIFIED"}
    assert {line.partition(":")[0] for line in come} <= {"SUMMARY", "DTSTAMP", "LAST-MODIFIED"}
    kinds = [part.name for part in Calendar.from_ical(after).walk()]
    assert (kinds.count("VEVENT"), kinds.count("VALARM"), kinds.count("VTIMEZONE")) == (2, 1, 1)


def test_an_edit_on_an_old_version_is_stale_and_writes_nothing(server: Server, connector: CalDav) -> None:
    seed(server, {"1.ics": meeting()}, calendar=True)
    (remote,), _ = walk(connector, "events")
    with server.client() as person:
        person.put(remote.id, content=meeting("LOCATION:Theirs").encode(), headers=ICS)
        (receipt,) = connector.write("events", [update("events", remote, summary="Ours")])
        assert isinstance(receipt.error, Stale)
        assert "Ours" not in person.get(remote.id).text


def test_a_second_event_with_our_uid_is_met(server: Server, connector: CalDav) -> None:
    seed(server, {"moved.ics": meeting(uid=uid_of("k1"))}, calendar=True)
    receipts = [connector.write("events", [creation("k1")])[0] for _ in range(2)]
    errors = [receipt.error for receipt in receipts]
    assert [isinstance(e, Exists) and e.remote_id for e in errors] == [f"{server.calendar}moved.ics"] * 2


def test_a_token_that_means_nothing_is_an_expired_cursor(server: Server, connector: CalDav) -> None:
    seed(server, {"1.ics": meeting()}, calendar=True)
    _, cursor = walk(connector, "events")
    with pytest.raises(CursorExpired):
        connector.read("events", {**cursor, "since": "http://example.com/ns/sync/1"})


def test_a_token_that_radicale_has_dropped_is_an_expired_cursor(tmp_path: Path) -> None:
    with radicale(tmp_path) as server:
        connector = connect(server)
        seed(server, {"1.ics": meeting()}, calendar=True)
        _, cursor = walk(connector, "events")
        tokens = [token for token in (tmp_path / "data").rglob("sync-token/*") if token.is_file()]
        assert tokens
        for token in tokens:
            # What Radicale itself does to tokens older than `max_sync_token_age` (30 days).
            token.unlink()
        with server.client() as person:
            person.put(f"{server.calendar}2.ics", content=meeting(uid="u2").encode(), headers=ICS)
        with pytest.raises(CursorExpired):
            connector.read("events", cursor)
        connector.close()
