"""The laws of reading and editing events and tasks, on random objects and on one as a phone writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from connectors._kit.dav.contentline import split
from connectors._kit.dav.dialect import MemberError
from connectors.caldav.component import CalendarError
from connectors.caldav.editing import edit, new
from connectors.caldav.entry import EVENT, TASK, read
from core.model.instant import from_iso, iso
from core.ports import Fields

SERIES = (Path(__file__).parent / "payloads" / "series.synthetic.ics").read_bytes().decode()
AT = from_iso("2026-11-21T09:00:00Z")


def entry(name: str, *lines: str, before: tuple[str, ...] = ()) -> str:
    own = ["UID:u", "DTSTAMP:20261120T080000Z", *lines]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *before, f"BEGIN:{name}", *own, f"END:{name}",
                        "END:VCALENDAR", ""])  # fmt: skip


def event(*lines: str, before: tuple[str, ...] = ()) -> str:
    return entry(EVENT, *lines, before=before)


def fields(text: str, name: str = EVENT, zone: str = "UTC") -> Fields:
    content = read(text, name, zone)
    assert content is not None
    return content.fields


def edited(text: str, name: str = EVENT, *, zone: str = "UTC", **changes: object) -> str:
    return edit(text, name, dict(changes), AT, zone=zone)


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that differ, where none came or went."""
    return [(old, new) for old, new in zip(before.split("\r\n"), after.split("\r\n"), strict=True) if old != new]


STAMPS = [
    ("LAST-MODIFIED:20260301T083000Z", "LAST-MODIFIED:20261121T090000Z"),
    ("DTSTAMP:20260301T083000Z", "DTSTAMP:20261121T090000Z"),
]


def test_an_edit_leaves_alarms_zones_overrides_and_unknown_lines_as_they_were() -> None:
    after = edited(SERIES, location="Room 5")
    assert changed(SERIES, after) == [*STAMPS, ("LOCATION:Room 4\\, second floor", "LOCATION:Room 5")]


def test_an_edit_of_nothing_and_an_edit_to_what_stands_are_the_same_object() -> None:
    held = {name: value for name, value in fields(SERIES).items() if name not in ("uid", "object", "created")}
    assert edited(SERIES) == edited(SERIES, **held) == SERIES


def test_a_series_is_read_as_its_master() -> None:
    found = fields(SERIES)
    assert (found["starts"], found["ends"]) == ("2026-11-02T09:00:00Z", "2026-11-02T10:00:00Z")
    assert (found["time_zone"], found["all_day"]) == ("Europe/Berlin", False)
    assert found["repeats"] == "FREQ=WEEKLY;UNTIL=20261231T090000Z;BYDAY=MO"
    content = read(SERIES, EVENT, "UTC")
    assert content is not None
    assert content.modified_at is not None
    assert iso(content.modified_at) == "2026-03-01T08:30:00Z"


def test_a_series_that_moves_takes_its_exceptions_along() -> None:
    after = edited(SERIES, starts="2026-11-02T08:30:00Z", ends="2026-11-02T09:30:00Z")
    lines = {old: new for old, new in changed(SERIES, after) if (old, new) not in STAMPS}
    assert lines == {
        "EXDATE;TZID=Europe/Berlin:20261116T100000": "EXDATE;TZID=Europe/Berlin:20261116T093000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261123T100000": "RECURRENCE-ID;TZID=Europe/Berlin:20261123T093000",
        "DTSTART;TZID=Europe/Berlin:20261102T100000": "DTSTART;TZID=Europe/Berlin:20261102T093000",
        "DTEND;TZID=Europe/Berlin:20261102T110000": "DTEND;TZID=Europe/Berlin:20261102T103000",
        "SEQUENCE:2": "SEQUENCE:3",
    }


def test_exceptions_named_in_utc_move_on_the_clock_of_the_series() -> None:
    text = event("DTSTART;TZID=Europe/Berlin:20261019T100000", "RRULE:FREQ=WEEKLY",
                 "EXDATE:20261019T080000Z,20261026T090000Z")  # fmt: skip
    after = edited(text, starts="2026-10-19T09:00:00Z")
    assert "EXDATE:20261019T090000Z,20261026T100000Z" in after


def test_a_series_with_exceptions_changes_neither_zone_nor_days() -> None:
    for change in ({"time_zone": "Europe/London"}, {"all_day": True}):
        with pytest.raises(CalendarError, match="instances of its own"):
            edited(SERIES, **change)


def test_a_series_that_ends_to_be_one_loses_its_exceptions_and_nothing_else() -> None:
    after = edited(SERIES, repeats=None)
    inside = after[after.index("BEGIN:VEVENT") :]
    assert not {"RRULE", "EXDATE", "RECURRENCE-ID"} & {line.name for line in split(inside)}
    (one,) = Calendar.from_ical(after).walk("VEVENT")
    assert str(one["SUMMARY"]) == "Jour fixe"
    assert len(one.walk("VALARM")) == 1


# --- days


def test_an_event_of_whole_days_ends_at_midnight_after_the_last() -> None:
    found = fields(event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"))
    assert (found["all_day"], found["starts"], found["ends"]) == (True, "2026-12-24T00:00:00Z", "2026-12-27T00:00:00Z")
    made = new(EVENT, "u", {name: found[name] for name in ("all_day", "starts", "ends")}, AT, zone="America/New_York")
    assert "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227" in made


def test_one_whole_day_without_an_end_lasts_one_day_and_stays_as_it_is() -> None:
    text = event("DTSTART;VALUE=DATE:20261224")
    assert fields(text)["ends"] == "2026-12-25T00:00:00Z"
    assert edited(text, ends="2026-12-25T00:00:00Z") == text
    after = edited(text, starts="2026-12-26T00:00:00Z")
    assert (fields(after)["ends"], "DTEND" in after) == ("2026-12-27T00:00:00Z", False)


def test_a_moment_becomes_the_day_it_is_where_the_event_is() -> None:
    text = event("DTSTART;TZID=Europe/Berlin:20261224T003000", "DTEND;TZID=Europe/Berlin:20261224T013000")
    after = edited(text, all_day=True)
    assert fields(after)["starts"] == "2026-12-24T00:00:00Z"
    assert "DTSTART;VALUE=DATE:20261224" in after
    assert "DTEND" not in after, "one day"


def test_whole_days_become_times() -> None:
    text = event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261225", "RRULE:FREQ=DAILY;UNTIL=20261230")
    after = edited(text, all_day=False, starts="2026-12-24T10:00:00Z", ends="2026-12-24T11:00:00Z")
    assert "DTSTART:20261224T100000Z\r\nDTEND:20261224T110000Z\r\nRRULE:FREQ=DAILY;UNTIL=20261230T235959Z" in after


# --- ends


@pytest.mark.parametrize(
    ("length", "ends"),
    [("PT30M", "2026-10-24T08:30:00Z"), ("P1D", "2026-10-25T09:00:00Z"), ("PT24H", "2026-10-25T08:00:00Z"),
     ("P1W", "2026-10-31T09:00:00Z"), ("P1DT1H", "2026-10-25T10:00:00Z")],
)  # fmt: skip
def test_a_duration_counts_days_on_the_calendar_and_hours_on_the_clock(length: str, ends: str) -> None:
    """Clocks go back in Berlin on 2026-10-25."""
    text = event("DTSTART;TZID=Europe/Berlin:20261024T100000", f"DURATION:{length}")
    assert fields(text)["ends"] == ends


def test_a_duration_stays_one_and_stays_as_it_is_where_it_fits() -> None:
    text = event("DTSTART:20261123T100000Z", "DURATION:PT60M")
    moved = edited(text, starts="2026-11-23T12:00:00Z", ends="2026-11-23T13:00:00Z")
    assert "DURATION:PT60M" in moved
    longer = edited(text, ends="2026-11-23T11:30:00Z")
    assert ("DURATION:PT1H30M" in longer, "DTEND" in longer) == (True, False)
    later = edited(text, starts="2026-11-23T10:15:00Z")
    assert (fields(later)["ends"], "DURATION:PT45M" in later) == ("2026-11-23T11:00:00Z", True)


def test_nothing_ends_before_it_begins() -> None:
    with pytest.raises(CalendarError, match="end before it begins"):
        edited(event("DTSTART:20261123T100000Z", "DTEND:20261123T110000Z"), starts="2026-11-23T12:00:00Z")
    with pytest.raises(CalendarError, match="needs a beginning"):
        edited(event("DTSTART:20261123T100000Z"), starts=None)
    with pytest.raises(CalendarError, match="needs a beginning"):
        new(EVENT, "u", {"summary": "Whenever"}, AT, zone="UTC")


# --- zones


OWN_RULES = (
    "BEGIN:VTIMEZONE", "TZID:Our Office", "X-VENDOR:kept", "BEGIN:DAYLIGHT", "DTSTART:20070311T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "TZOFFSETFROM:-0500", "TZOFFSETTO:-0400", "END:DAYLIGHT",
    "BEGIN:STANDARD", "DTSTART:20071104T020000", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "TZOFFSETFROM:-0400",
    "TZOFFSETTO:-0500", "END:STANDARD", "END:VTIMEZONE",
)  # fmt: skip


@pytest.mark.parametrize(
    ("tzid", "name"),
    [("Europe/London", "Europe/London"), ("GMT Standard Time", "Europe/London"),
     ("/freeassociation.sourceforge.net/Europe/London", "Europe/London"),
     ('"/mozilla.org/20050126_1/America/Argentina/Ushuaia"', "America/Argentina/Ushuaia")],
)  # fmt: skip
def test_a_zone_is_known_by_any_of_its_names(tzid: str, name: str) -> None:
    assert fields(event(f"DTSTART;TZID={tzid}:20260701T100000"))["time_zone"] == name


def test_a_zone_of_its_own_is_worked_out_from_its_rules() -> None:
    summer = event("DTSTART;TZID=Our Office:20260701T100000", before=OWN_RULES)
    winter = event("DTSTART;TZID=Our Office:20261201T100000", before=OWN_RULES)
    assert [fields(text)["starts"] for text in (summer, winter)] == ["2026-07-01T14:00:00Z", "2026-12-01T15:00:00Z"]
    assert "time_zone" not in fields(summer)
    after = edited(summer, starts="2026-12-01T15:30:00Z")
    assert "DTSTART;TZID=Our Office:20261201T103000" in after


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=YEARLY;BYSECOND=1,2,3", "FREQ=YEARLY;X"])
def test_rules_that_could_take_for_ever_are_no_rules(rule: str) -> None:
    rules = tuple(f"RRULE:{rule}" if line.startswith("RRULE") else line for line in OWN_RULES)
    with pytest.raises(CalendarError, match="neither a known one nor described"):
        read(event("DTSTART;TZID=Our Office:20260701T100000", before=rules), EVENT, "UTC")


def test_times_without_a_zone_are_those_of_the_setting() -> None:
    text = event("DTSTART:20260701T100000")
    assert fields(text, zone="Europe/London")["starts"] == "2026-07-01T09:00:00Z"
    assert "DTSTART:20260701T110000" in edited(text, zone="Europe/London", starts="2026-07-01T10:00:00Z")


def test_another_zone_moves_no_moment_and_is_described() -> None:
    text = event("DTSTART:20260701T100000Z", "DTEND:20260701T110000Z")
    after = edited(text, time_zone="Europe/London")
    assert {**fields(text), "time_zone": "Europe/London", "object": ""} == {**fields(after), "object": ""}
    assert "DTSTART;TZID=Europe/London:20260701T110000" in after
    whole = Calendar.from_ical(after)
    assert [str(zone["TZID"]) for zone in whole.walk("VTIMEZONE")] == ["Europe/London"]
    assert edited(after, time_zone="UTC").count("DTSTART:20260701T100000Z") == 1


# --- tasks


def test_done_and_open_again() -> None:
    text = entry(TASK, "SUMMARY:Call", "STATUS:IN-PROCESS", "PERCENT-COMPLETE:50")
    assert edited(text, TASK, status="open") == text, "in process is open"
    done = edited(text, TASK, status="done", completed="2026-11-20T10:00:00Z")
    assert {"done": True, "percent": 100, "completed": "2026-11-20T10:00:00Z"}.items() <= fields(done, TASK).items()
    again = edited(done, TASK, status="open")
    assert "STATUS:NEEDS-ACTION" in again
    assert not {"COMPLETED", "PERCENT-COMPLETE"} & {line.name for line in split(again)}


@pytest.mark.parametrize(
    ("lines", "status"),
    [((), "open"), (("COMPLETED:20261120T100000Z",), "done"), (("PERCENT-COMPLETE:100",), "done"),
     (("STATUS:COMPLETED",), "done"), (("STATUS:CANCELLED",), "cancelled"), (("STATUS:X-ODD",), "open")],
)  # fmt: skip
def test_a_task_stands_where_it_says(lines: tuple[str, ...], status: str) -> None:
    found = fields(entry(TASK, *lines), TASK)
    assert (found["status"], found["done"]) == (status, status == "done")


def test_a_task_due_on_a_day_stays_so() -> None:
    text = entry(TASK, "DUE;VALUE=DATE:20261224")
    assert fields(text, TASK)["due"] == "2026-12-24T00:00:00Z"
    assert "DUE;VALUE=DATE:20261226" in edited(text, TASK, due="2026-12-26T00:00:00Z")


@pytest.mark.parametrize(
    ("number", "word"), [(0, None), (1, "high"), (4, "high"), (5, "medium"), (6, "low"), (9, "low")]
)
def test_priorities_are_three_words(number: int, word: str | None) -> None:
    text = entry(TASK, f"PRIORITY:{number}")
    assert fields(text, TASK).get("priority") == word
    assert edited(text, TASK, priority=word) == text


# --- people and words


def test_people_keep_their_line_and_their_answer() -> None:
    ann = 'ATTENDEE;CN="Shore, Ann";PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:Ann@shore.example'
    room = "ATTENDEE;CUTYPE=ROOM:mailto:room4@example.com"
    apple = "ATTENDEE;EMAIL=ben@example.com;PARTSTAT=DECLINED:/aMTIz/principal/"
    text = event("DTSTART:20261123T100000Z", ann, room, apple)
    assert fields(text)["attendees"] == ["Ann@shore.example", "ben@example.com"]
    after = edited(text, attendees=["ann@shore.example", "cleo@example.com"])
    assert ann in after
    assert room in after
    assert apple not in after
    added = split(after)[-3]
    assert added.value == "mailto:cleo@example.com"
    assert added.tokens == ("PARTSTAT=NEEDS-ACTION", "SCHEDULE-AGENT=CLIENT")


def test_what_says_the_same_elsewhere_does_not_go_on_saying_the_old() -> None:
    text = event("DTSTART:20261123T100000Z", "DESCRIPTION:Old", "X-ALT-DESC;FMTTYPE=text/html:<b>Old</b>", "GEO:1;2")
    after = edited(text, description="New")
    assert ("X-ALT-DESC" in after, "GEO:1;2" in after) == (False, True)
    assert "GEO" not in edited(text, location="Leeds")


def test_a_number_follows_what_people_must_know_of_and_nothing_else() -> None:
    text = event("DTSTART:20261123T100000Z", "SEQUENCE:4")
    assert "SEQUENCE:4" in edited(text, summary="Title")
    assert "SEQUENCE:5" in edited(text, status="cancelled")
    assert "SEQUENCE:1" in edited(event("DTSTART:20261123T100000Z"), starts="2026-11-23T11:00:00Z")


@pytest.mark.parametrize(
    "change",
    [{"summary": "rings \x07"}, {"starts": "tomorrow"}, {"time_zone": "Mars/Base"}, {"repeats": "every monday"},
     {"status": "postponed"}, {"priority": "1"}, {"attendees": "ann"}, {"due": "2026-11-23T10:00:00Z"},
     {"uid": "x"}, {"summary": {"a": 1}}],
)  # fmt: skip
def test_what_cannot_stand_in_an_event_is_refused(change: Fields) -> None:
    with pytest.raises(MemberError):
        edited(event("DTSTART:20261123T100000Z"), **change)


TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Co"]), max_size=120)
MOMENTS = st.datetimes().map(lambda one: one.replace(microsecond=0).isoformat() + "Z")
LINE = st.sampled_from([
    "DTSTART:20261123T100000Z", "DTSTART;TZID=Europe/Berlin:20261102T100000", "DTSTART;VALUE=DATE:20261224",
    "DTEND;VALUE=DATE:20261225", "DTEND:20261123T110000Z", "DURATION:PT1H", "DURATION:-P1W", "RRULE:FREQ=DAILY",
    "DUE:20261123T100000Z", "STATUS:COMPLETED", "BEGIN:VALARM", "END:VALARM", "END:VEVENT",
    "ATTENDEE:mailto:a@b.example",
    "EXDATE:20261123T100000Z", "RECURRENCE-ID:99999999T999999Z", "X-Q=\"", " folded", "PRIORITY:²", "SEQUENCE:-",
    "DTSTART:00010101T000000Z", "DURATION:P999999W", "DTSTART;TZID=Asia/Tokyo:00010101T000000", "PERCENT-COMPLETE:³",
])  # fmt: skip


@given(st.text() | st.lists(LINE, max_size=8).map("\r\n".join))
def test_reading_never_fails_but_in_one_way(text: str) -> None:
    for whole in (text, event(text), entry(TASK, text)):
        for name in (EVENT, TASK):
            try:
                content = read(whole, name, "Europe/London")
            except CalendarError:
                continue
            assert content is None or content.fields["object"] == whole


@settings(deadline=None)  # the first use of a zone works its rules out
@given(TEXT, TEXT, MOMENTS, st.lists(TEXT, max_size=4), st.sampled_from(["Europe/London", "Asia/Tokyo", ""]))
def test_what_was_written_reads_back_and_another_library_agrees(
    title: str, text: str, starts: str, words: list[str], zone: str
) -> None:
    wanted = {"summary": title.strip(), "description": text.strip(), "time_zone": zone}
    wanted = {name: value for name, value in wanted.items() if value}
    words = sorted({word.strip() for word in words} - {""})
    made = new(EVENT, "u", {**wanted, "starts": starts, "categories": list(words)}, AT, zone="UTC")
    found = fields(made)
    assert {name: found.get(name) for name in wanted} == wanted
    assert (found["starts"], sorted(found.get("categories", []))) == (starts, words)
    (other,) = Calendar.from_ical(made).walk("VEVENT")
    assert str(other.get("SUMMARY", "")) == title.strip()
    assert edited(made, **wanted, starts=starts, categories=list(words)) == made
