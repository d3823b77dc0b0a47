"""The connector keeps the contract on calendar servers of every habit, and answers their oddities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from icalendar import Calendar, Event, Todo, vCalAddress

from connectors._kit.catalogue import entry as catalogued
from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.dav.writing import uid_of
from connectors._kit.mischief import Mischief, Switch
from connectors.caldav.connector import CalDav, build
from connectors.caldav.sandbox import Habits, Sandbox
from core import mapping
from core.errors import ConfigError, CursorExpired, Exists, Forbidden, Refused, SchemaChanged, SignedOut, Stale
from core.model.shapes import SHAPES
from core.ports import Context, Cursor, Edit, Fields, Receipt, Remote, Verb

COMPONENTS = {"events": "VEVENT", "tasks": "VTODO"}
STAMP = "20261120T080000Z"


def entry(stream: str, *lines: str, uid: str = "uid-1", inside: tuple[str, ...] = ()) -> str:
    """An object as a phone would write it."""
    name = COMPONENTS[stream]
    own = [f"UID:{uid}", f"DTSTAMP:{STAMP}", *lines]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Phone//EN", f"BEGIN:{name}", *own, *inside,
                        f"END:{name}", "END:VCALENDAR", ""])  # fmt: skip


def meeting(*lines: str, uid: str = "uid-1") -> str:
    return entry("events", "SUMMARY:Talk", "DTSTART:20261123T100000Z", "DTEND:20261123T110000Z", *lines, uid=uid)


def witness(text: str) -> Fields:
    """What an independent library reads in an object, in the connector's words."""
    found: Any
    (found,) = [one for one in Calendar.from_ical(text).walk() if one.name in COMPONENTS.values()]
    texts = {field: found.get(field.upper()) for field in ("summary", "description", "location")}
    fields: Fields = {field: str(text) for field, text in texts.items() if text}
    for field, name in (("starts", "DTSTART"), ("ends", "DTEND"), ("due", "DUE")):
        if name in found:
            fields[field] = found[name].dt.isoformat().replace("+00:00", "Z")
    return fields


class CalendarHarness(Harness):
    """What sandbox and real servers have in common: people who write events and tasks."""

    connector = "caldav"
    largest_batch = 12

    def sample(self, stream: str, number: int) -> Fields:
        fields = {"summary": f"Sample {number}, with; signs", "description": f"Line one\nline {number}"}
        times = {"starts": "2026-11-23T10:00:00Z", "ends": "2026-11-23T10:30:00Z"}
        return {**fields, "location": "Leeds", **(times if stream == "events" else {"due": "2026-11-23T10:00:00Z"})}

    def change(self, stream: str, number: int) -> Fields:
        return {"summary": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "location"

    def refused(self, stream: str) -> Fields | None:
        return {**self.sample(stream, 99), "description": "rings \x07 here"}

    def person_writes(self, stream: str, fields: Fields) -> str:
        """An object as a person's calendar makes it."""
        made: Any = Event() if stream == "events" else Todo()
        made.add("uid", str(uuid4()))
        made["DTSTAMP"] = STAMP
        for field, value in fields.items():
            name = {"starts": "DTSTART", "ends": "DTEND", "due": "DUE"}.get(field)
            if name:
                made[name] = value.replace("-", "").replace(":", "")
            else:
                made.add(field, value)
        whole = Calendar()
        whole.add("prodid", "-//Person//EN")
        whole.add("version", "2.0")
        whole.add_component(made)
        return str(whole.to_ical(), "utf-8")

    def person_changes(self, text: str, fields: Fields) -> str:
        """The same object with another title."""
        whole = Calendar.from_ical(text)
        (found,) = [one for one in whole.walk() if one.name in COMPONENTS.values()]
        for field, value in fields.items():
            del found[field]
            found.add(field, value)
        return str(whole.to_ical(), "utf-8")


class SandboxHarness(CalendarHarness):
    habits = Habits()

    def start(self) -> None:
        self.mischief = Mischief()
        self.sandbox = Sandbox(self.habits, self.mischief).__enter__()
        self.members = next(iter(self.sandbox.collections.values())).members

    def close(self) -> None:
        self.sandbox.stop()

    def take_down(self) -> None:
        self.sandbox.stop()

    def settings(self) -> dict[str, Any]:
        who = {"username": Sandbox.username, "password": Sandbox.password}
        return {"url": self.sandbox.url, **who, "page_size": 3, "concurrent": 2}

    def create(self, stream: str, fields: Fields) -> str:
        name = f"{uuid4()}.ics"
        self.sandbox.put(name, self.person_writes(stream, fields))
        return self.sandbox.path(name)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        name = id_.rpartition("/")[2]
        self.sandbox.put(name, self.person_changes(self.members[name].body, fields))

    def delete(self, stream: str, id_: str) -> None:
        self.sandbox.drop(id_.rpartition("/")[2])

    def show(self, stream: str, id_: str) -> Fields | None:
        there = self.members.get(id_.rpartition("/")[2])
        return witness(there.body) if there else None

    def count(self, stream: str) -> int:
        return sum(f"BEGIN:{COMPONENTS[stream]}" in one.body for one in self.members.values())


class TestCalDav(ContractSuite):
    harness = SandboxHarness


class RewritingHarness(SandboxHarness):
    habits = Habits(rewrites=True, etag_on_put=False, shouts_hrefs=True, deaf_multiget=True, tells_components=False)


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

    def connect(self, streams: tuple[str, ...] = (), **settings: Any) -> CalDav:
        options: dict[str, Any] = {stream: {} for stream in streams}
        return build(Context("trial", {**self.settings, **settings}, clock=self.time, streams=options,
                             sleep=self.time.sleep))  # fmt: skip

    def close(self) -> None:
        self.connector.close()
        self.sandbox.stop()

    def walk(self, stream: str, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
        records: list[Remote] = []
        while True:
            page = self.connector.read(stream, cursor)
            records += page.records
            cursor = page.next
            if not page.more:
                return records, cursor

    def write(self, stream: str, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write(stream, edits))

    def fetch(self, stream: str, name: str) -> Remote:
        (found,) = self.connector.fetch(stream, [self.sandbox.path(name)])
        return found

    def stored(self, name: str) -> str:
        return next(iter(self.sandbox.collections.values())).members[name].body


def update(stream: str, remote: Remote, **fields: Any) -> Edit:
    return Edit(Verb.UPDATE, stream, f"u-{remote.id}", remote.id, fields, remote.version, remote.fields)


def delete(stream: str, remote: Remote) -> Edit:
    return Edit(Verb.DELETE, stream, f"d-{remote.id}", remote.id, {}, remote.version, remote.fields)


def creation(key: str = "k1", **fields: Any) -> Edit:
    return Edit(Verb.CREATE, "events", key, fields={"summary": "Talk", "starts": "2026-11-23T10:00:00Z", **fields})


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


WAYS = {"token": Habits(), "ctag": Habits(syncs=False), "digest": Habits(syncs=False, ctag=False)}


@pytest.mark.parametrize("way", WAYS)
def test_an_unchanged_poll_of_both_streams_costs_two_requests(make: Any, way: str) -> None:
    trial = make(WAYS[way])
    for number in range(120):
        trial.sandbox.put(f"e{number}.ics", meeting(uid=f"e{number}"))
        trial.sandbox.put(f"t{number}.ics", entry("tasks", "SUMMARY:Do", uid=f"t{number}"))
    cursors = {}
    for stream in COMPONENTS:
        records, cursors[stream] = trial.walk(stream)
        assert {record.fields["uid"][0] for record in records} == {stream[0]}
        assert len(records) == 120
    before = len(trial.sandbox.requests)
    assert not [record for stream, cursor in cursors.items() for record in trial.walk(stream, cursor)[0]]
    assert len(trial.sandbox.requests) - before == 2


@pytest.mark.parametrize("tells", [True, False])
def test_tasks_are_no_events_even_where_the_listing_does_not_tell(make: Any, tells: bool) -> None:
    trial = make(Habits(tells_components=tells))
    cursors = {stream: trial.walk(stream)[1] for stream in COMPONENTS}
    trial.sandbox.put("e.ics", meeting(uid="e"))
    trial.sandbox.put("t.ics", entry("tasks", "SUMMARY:Do", uid="t"))
    news = {stream: trial.walk(stream, cursor)[0] for stream, cursor in cursors.items()}
    assert {stream: [one.fields["uid"] for one in found] for stream, found in news.items()} == {
        "events": ["e"], "tasks": ["t"],
    }  # fmt: skip
    fetched = [request for request in trial.sandbox.requests if request.startswith("REPORT")]
    assert len(fetched) == 6, "two walks, two polls, and each its own multiget"


@pytest.mark.parametrize("status", [403, 409, 412, 418, 507])
def test_every_way_to_refuse_a_token_is_an_expired_cursor(make: Any, status: int) -> None:
    trial = make(Habits(expired_status=status))
    trial.sandbox.put("0.ics", meeting())
    _, cursor = trial.walk("events")
    trial.mischief.once(Switch.EXPIRED)
    with pytest.raises(CursorExpired):
        trial.connector.read("events", cursor)
    assert len(trial.walk("events")[0]) == 1


def test_a_cursor_of_the_other_stream_is_not_ours(make: Any) -> None:
    trial = make()
    _, cursor = trial.walk("events")
    with pytest.raises(CursorExpired):
        trial.connector.read("tasks", cursor)


def test_a_task_done_in_the_calendar_comes_in_as_done(make: Any) -> None:
    trial = make()
    trial.sandbox.put("t.ics", entry("tasks", "SUMMARY:Call", "STATUS:IN-PROCESS", "DUE;VALUE=DATE:20261124"))
    (before,), cursor = trial.walk("tasks")
    done = ("STATUS:COMPLETED", "COMPLETED:20261123T102800Z", "PERCENT-COMPLETE:100", "DUE;VALUE=DATE:20261124")
    trial.sandbox.put("t.ics", entry("tasks", "SUMMARY:Call", *done))
    (after,), _ = trial.walk("tasks", cursor)
    first, second = read_by_mapping("tasks", before), read_by_mapping("tasks", after)
    assert (first["done"], first["status"]) == (False, "planned")
    assert (second["done"], second["status"], second["completed_at"]) == (True, "done", "2026-11-23T10:28:00Z")
    assert (second["type"], second["due_at"], second["all_day"]) == ("task", "2026-11-24T00:00:00Z", True)


def read_by_mapping(stream: str, remote: Remote) -> Fields:
    """What the default mapping makes of a record."""
    (reading,) = translator(stream).read([remote.fields])
    assert not reading.problems
    return dict(reading.values)


def translator(stream: str) -> Any:
    path = catalogued("caldav").mapping_path
    loaded = mapping.load(path.read_text(encoding="utf-8"), file=str(path))
    return mapping.translator(loaded.streams[stream], shapes=SHAPES)


def test_a_server_that_rewrites_causes_no_second_write(make: Any) -> None:
    trial = make(Habits(rewrites=True, etag_on_put=False))
    values = {
        "type": "meeting", "subject": "Two  spaces", "starts_at": "2026-11-23T10:00:00Z", "status": "done",
        "ends_at": "2026-11-23T10:30:00Z", "time_zone": "Europe/London", "priority": "urgent", "all_day": False,
    }  # fmt: skip
    wanted = dict(translator("events").write(values, creating=True).fields)
    (receipt,) = trial.write("events", Edit(Verb.CREATE, "events", "k1", fields=wanted))
    assert receipt.fields is not None
    (again,) = trial.walk("events")[0]
    assert (again.version, again.fields) == (receipt.version, receipt.fields), "what the receipt says is what is read"
    held = Remote(str(receipt.remote_id), receipt.fields, receipt.version)
    same = {name: receipt.fields[name] for name in wanted if receipt.fields.get(name)}
    trial.write("events", update("events", held, **same))
    assert sum(request.startswith("PUT") for request in trial.sandbox.requests) == 1


def test_an_edit_on_an_old_version_is_stale(make: Any) -> None:
    trial = make()
    trial.sandbox.put("0.ics", meeting())
    remote = trial.fetch("events", "0.ics")
    trial.sandbox.put("0.ics", meeting("LOCATION:Theirs"))
    (receipt,) = trial.write("events", update("events", remote, summary="Ours"))
    assert isinstance(receipt.error, Stale)
    assert "Ours" not in trial.stored("0.ics")


@pytest.mark.parametrize("status", [409, 412])
def test_an_event_of_ours_that_moved_is_met_by_its_uid(make: Any, status: int) -> None:
    trial = make(Habits(uid_status=status))
    trial.sandbox.put("moved.ics", meeting(uid=uid_of("k1")))
    (receipt,) = trial.write("events", creation("k1"))
    assert isinstance(receipt.error, Exists)
    assert receipt.error.remote_id == trial.sandbox.path("moved.ics")
    assert trial.connector.find("events", "k1").id == trial.sandbox.path("moved.ics")


def test_deleting_twice_is_deleting_once(make: Any) -> None:
    trial = make()
    trial.sandbox.put("0.ics", meeting())
    remote = trial.fetch("events", "0.ics")
    receipts = [trial.write("events", delete("events", remote))[0] for _ in range(2)]
    assert [receipt.error for receipt in receipts] == [None, None]
    assert trial.fetch("events", "0.ics").deleted


# --- calendars and lists


def test_events_and_tasks_may_live_in_two_collections(make: Any) -> None:
    trial = make(Habits(collections=("work", "todo"), components={"work": ("VEVENT",), "todo": ("VTODO",)}))
    told = [finding.what for finding in trial.connector.check().findings if " for " in finding.what]
    assert [words.partition(" at ")[0] for words in told] == ["Calendar 'Work'", "Calendar 'Todo'"]
    (receipt,) = trial.write("tasks", Edit(Verb.CREATE, "tasks", "k", fields={"summary": "Do"}))
    assert str(receipt.remote_id).startswith(trial.sandbox.path("", "todo"))


def test_several_lists_ask_for_the_name_of_one(make: Any) -> None:
    trial = make(Habits(collections=("work", "one", "two"), components={"work": ("VEVENT",), "one": ("VTODO",),
                                                                         "two": ("VTODO",)}))  # fmt: skip
    (finding,) = [one for one in trial.connector.check().findings if not one.ok]
    assert "There are several lists: 'One'" in finding.what
    assert "`task_list`" in finding.remedy
    chosen = trial.connect(task_list="Two")
    assert chosen.check().ok
    chosen.close()


def test_a_server_without_tasks_says_how_to_go_on_without_them(make: Any) -> None:
    trial = make(Habits(components={"calendar": ("VEVENT",)}))
    (finding,) = [one for one in trial.connector.check().findings if not one.ok]
    assert finding.what == "No calendar there takes tasks."
    assert "take `tasks` out of the mapping" in finding.remedy
    only_events = trial.connect(streams=("events",))
    assert only_events.check().ok
    only_events.close()
    with pytest.raises(SchemaChanged):
        trial.connector.read("tasks", None)


def test_a_calendar_that_may_only_be_read_says_so(make: Any) -> None:
    trial = make(Habits(read_only=True))
    whats = [finding.what for finding in trial.connector.check().findings if not finding.ok]
    assert "The account may not change events in 'Calendar'." in whats
    (receipt,) = trial.write("events", creation())
    assert isinstance(receipt.error, Forbidden)


def test_any_address_leads_to_the_calendar(make: Any) -> None:
    trial = make()
    base = trial.sandbox.url.rstrip("/")
    for path in ("", "/", "/dav/", "/dav/principals/anna/", "/dav/home/anna/", "/dav/home/anna/calendar/"):
        connector = trial.connect(url=f"{base}{path}")
        assert connector.check().ok, path
        connector.close()


def test_a_wrong_password_is_signed_out(make: Any) -> None:
    trial = make()
    connector = trial.connect(password="wrong-password-9")
    with pytest.raises(SignedOut):
        connector.check()
    connector.close()


def test_a_time_zone_that_is_none_is_told_at_once(make: Any) -> None:
    with pytest.raises(ConfigError, match="takes a name like Europe/London"):
        make().connect(time_zone="Europe/Nowhere")


def test_a_calendar_that_is_gone_is_no_proof_that_its_events_are(make: Any) -> None:
    trial = make(Habits(collections=("work", "other")), calendar="work")
    trial.sandbox.put("0.ics", meeting())
    (remote,), cursor = trial.walk("events")
    del trial.sandbox.collections["work"]
    with pytest.raises(SchemaChanged):
        trial.connector.fetch("events", [remote.id])
    with pytest.raises(CursorExpired):
        trial.connector.read("events", cursor)


def test_an_event_that_cannot_be_read_stops_nothing(make: Any) -> None:
    trial = make()
    trial.sandbox.put("bad.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:cut")
    unknown = meeting(uid="z").replace("DTSTART:20261123T100000Z", "DTSTART;TZID=Mars/Base:20261123T100000")
    trial.sandbox.put("zone.ics", unknown)
    trial.sandbox.put("good.ics", meeting(uid="g"))
    found = {record.id.rpartition("/")[2]: record.problem for record in trial.walk("events")[0]}
    assert found["good.ics"] is None
    assert found["bad.ics"] == "bad.ics: the calendar is cut off: END:VCALENDAR is missing."
    assert "Mars/Base" in str(found["zone.ics"])


# --- invitations


INVITATION = ("ORGANIZER:mailto:anna@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.com")


def invited_person(text: str) -> list[vCalAddress]:
    (found,) = Calendar.from_ical(text).walk("VEVENT")
    people = found.get("ATTENDEE", [])
    return people if isinstance(people, list) else [people]


def test_whoever_we_add_is_not_written_to_by_the_server(make: Any) -> None:
    trial = make(Habits(schedules=True))
    trial.sandbox.put("0.ics", meeting(*INVITATION))
    edit = update("events", trial.fetch("events", "0.ics"), attendees=["Ben@example.com", "cleo@example.com"])
    (receipt,) = trial.write("events", edit)
    assert receipt.error is None
    ben, cleo = invited_person(trial.stored("0.ics"))
    assert (ben, ben.params["PARTSTAT"]) == ("mailto:ben@example.com", "ACCEPTED")
    assert cleo.params["SCHEDULE-AGENT"] == "CLIENT"


def test_an_edit_over_which_the_server_would_write_to_people_is_refused(make: Any) -> None:
    trial = make(Habits(schedules=True))
    trial.sandbox.put("0.ics", meeting(*INVITATION))
    remote = trial.fetch("events", "0.ics")
    changes: tuple[Fields, ...] = ({"starts": "2026-11-23T09:00:00Z"}, {"status": "cancelled"}, {"attendees": []})
    for change in changes:
        (receipt,) = trial.write("events", update("events", remote, **change))
        assert isinstance(receipt.error, Refused)
        assert "ben@example.com" not in receipt.error.message
    gone, fine = trial.write("events", delete("events", remote), creation())
    assert isinstance(gone.error, Refused)
    assert fine.error is None
    assert trial.stored("0.ics") == meeting(*INVITATION)
    (receipt,) = trial.write("events", update("events", remote, description="No news for anybody"))
    assert receipt.error is None


def test_where_the_admin_says_so_people_are_written_to(make: Any) -> None:
    trial = make(Habits(schedules=True), invited="write")
    trial.sandbox.put("0.ics", meeting(*INVITATION))
    (receipt,) = trial.write("events", update("events", trial.fetch("events", "0.ics"), status="cancelled"))
    assert receipt.error is None
    assert trial.write("events", delete("events", trial.fetch("events", "0.ics")))[0].error is None
