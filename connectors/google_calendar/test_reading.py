"""Reading: sync tokens, series and their exceptions, whole days, time zones, and guests that are not all shown."""

from __future__ import annotations

import pytest

from connectors._kit.mischief import Switch
from connectors._kit.payload import Payload
from connectors.google_calendar.events import remote_of
from connectors.google_calendar.test_google_calendar import STREAM, Trial, new
from core.errors import CursorExpired, Garbled, SchemaChanged

WEEKLY = {
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU"],
    "start": {"dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-12-01T11:00:00+01:00", "timeZone": "Europe/Berlin"},
}


def test_a_walk_then_only_what_changed(trial: Trial) -> None:
    ids = [trial.meeting(number) for number in (1, 2, 3)]
    records, cursor, complete = trial.walk()
    assert {one.id for one in records} == set(ids)
    assert complete
    assert cursor["calendar"] == trial.box.user
    trial.box.edit(ids[0], {"summary": "Moved"})
    trial.box.delete(ids[1])
    news, cursor, complete = trial.walk(cursor)
    assert {(one.id, one.deleted) for one in news} == {(ids[0], False), (ids[1], True)}
    assert not complete
    assert trial.walk(cursor)[0] == []


def test_what_changes_during_a_walk_is_in_the_next_poll() -> None:
    trial = Trial(page_size=2)
    ids = sorted(trial.meeting(number) for number in (1, 2, 3))
    first = trial.connector.read(STREAM, None)
    trial.box.edit(ids[0], {"summary": "Changed behind us"})
    late = trial.meeting(4)
    rest, cursor, complete = trial.walk(first.next)
    assert complete
    news = {one.id: one for one in trial.walk(cursor)[0]}
    assert news[ids[0]].fields["summary"] == "Changed behind us"
    assert late in {one.id for one in rest} | set(news)
    trial.close()


def test_pages_of_a_poll_keep_the_sync_token() -> None:
    trial = Trial(page_size=2)
    _, cursor, _ = trial.walk()
    ids = {trial.meeting(number) for number in range(1, 6)}
    trial.box.journal.clear()
    news, _, complete = trial.walk(cursor)
    assert {one.id for one in news} == ids
    assert not complete
    queries = [one.call.query for one in trial.box.calls("GET", "/calendar/v3/calendars/{calendar_id}/events")]
    assert len(queries) == 3
    assert {query["syncToken"] for query in queries} == {cursor["token"]}
    assert {query["singleEvents"] for query in queries} == {"false"}
    trial.close()


def test_a_token_that_expired_begins_a_whole_walk(trial: Trial) -> None:
    id_ = trial.meeting()
    _, cursor, _ = trial.walk()
    trial.box.expire_tokens()
    with pytest.raises(CursorExpired):
        trial.connector.read(STREAM, cursor)
    records, _, complete = trial.walk()
    assert [one.id for one in records] == [id_]
    assert complete


@pytest.mark.parametrize("place", [{"token": "nonsense"}, {"page": "nonsense"}])
def test_a_place_that_google_never_gave_is_lost(trial: Trial, place: dict[str, str]) -> None:
    with pytest.raises(CursorExpired):
        trial.connector.read(STREAM, {"calendar": trial.box.user, **place})


def test_the_place_in_another_calendar_is_none_in_this_one(trial: Trial) -> None:
    trial.box.add_calendar("crew@group.calendar.google.com", "Crew")
    _, cursor, _ = trial.walk()
    with pytest.raises(CursorExpired):
        trial.another(calendar="crew@group.calendar.google.com").read(STREAM, cursor)
    # Whoever else signs in has another calendar of their own.
    trial.box.calendar = trial.box.calendars["crew@group.calendar.google.com"]
    with pytest.raises(CursorExpired):
        trial.another().read(STREAM, cursor)


def test_a_calendar_that_is_not_there_says_so(trial: Trial) -> None:
    with pytest.raises(SchemaChanged):
        trial.another(calendar="gone@group.calendar.google.com").read(STREAM, None)


def test_a_series_and_its_exceptions_are_records_of_their_own(trial: Trial) -> None:
    series = trial.box.create({"summary": "Weekly", **WEEKLY})
    later = {"start": {"dateTime": "2026-12-08T14:00:00+01:00"}, "end": {"dateTime": "2026-12-08T15:00:00+01:00"}}
    moved = trial.box.except_day(series, "2026-12-08T10:00:00+01:00", later)
    missing = trial.box.cancel_day(series, "2026-12-15T10:00:00+01:00")
    found = {one.id: one for one in trial.walk()[0]}
    assert found[series].fields["repeats"] == "FREQ=WEEKLY;BYDAY=TU"
    assert found[moved].fields["recurringEventId"] == series
    assert found[moved].fields["originalStartTime"]["dateTime"] == "2026-12-08T10:00:00+01:00"
    assert found[moved].fields["starts_at"] == "2026-12-08T13:00:00Z"
    assert "repeats" not in found[moved].fields
    assert found[missing].deleted


def test_a_deleted_series_takes_its_exceptions_along(trial: Trial) -> None:
    series = trial.box.create({"summary": "Weekly", **WEEKLY})
    moved = trial.box.except_day(series, "2026-12-08T10:00:00+01:00", {"summary": "At Jo's"})
    _, cursor, _ = trial.walk()
    trial.box.delete(series)
    assert {one.id for one in trial.walk(cursor)[0] if one.deleted} == {series, moved}


def test_what_people_did_not_make_is_left_out(trial: Trial) -> None:
    kept = trial.meeting()
    for number, kind in enumerate(("outOfOffice", "focusTime", "workingLocation", "birthday", "fromGmail"), 2):
        other = trial.meeting(number, eventType=kind)
    assert [one.id for one in trial.walk()[0]] == [kept]
    assert trial.fetch(other)[0].deleted


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles"])
def test_whole_days_are_the_same_days_everywhere(trial: Trial, zone: str) -> None:
    trial.box.calendar.zone = zone
    id_ = trial.box.create({"summary": "Fair", "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-27"}})
    fields = trial.fetch(id_)[0].fields
    assert (fields["starts_at"], fields["ends_at"]) == ("2026-12-24T00:00:00Z", "2026-12-27T00:00:00Z")
    assert fields["all_day"] is True


def test_times_are_moments_and_their_zone_is_kept(trial: Trial) -> None:
    there = {"dateTime": "2026-07-01T10:00:00-04:00", "timeZone": "America/New_York"}
    id_ = trial.box.create({"summary": "Call", "start": there, "end": there})
    fields = trial.fetch(id_)[0].fields
    assert fields["starts_at"] == "2026-07-01T14:00:00Z"
    assert fields["time_zone"] == "America/New_York"
    assert fields["all_day"] is False


def test_a_moment_without_an_offset_is_read_by_its_zone() -> None:
    event = {
        "id": "a", "etag": '"1"', "start": {"dateTime": "2026-07-01T10:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-07-01T10:00:00", "timeZone": "Moon/Sea"},
    }  # fmt: skip
    remote = remote_of(Payload(event))
    assert remote is not None
    assert remote.fields["starts_at"] == "2026-07-01T08:00:00Z"
    assert remote.problem == "event a: its end cannot be read"


def test_guests_are_people_other_than_the_calendar(trial: Trial) -> None:
    guests = [
        {"email": "Zoe@Shore.example"}, {"email": "ann@shore.example", "responseStatus": "accepted"},
        {"email": trial.box.user, "responseStatus": "accepted"}, {"email": "room-1@resource.example", "resource": True},
    ]  # fmt: skip
    assert trial.fetch(trial.meeting(attendees=guests))[0].fields["invited"] == [
        "ann@shore.example", "zoe@shore.example",
    ]  # fmt: skip


def test_a_list_of_guests_that_is_not_seen_whole_is_not_shown(trial: Trial) -> None:
    guests = [{"email": "ann@shore.example"}]
    crowd = trial.meeting(1, attendees=guests, attendeesOmitted=True)
    hidden = trial.box.invite("boss@other.example", {**WEEKLY, "guestsCanSeeOtherGuests": False})
    mine = trial.meeting(2, attendees=guests, guestsCanSeeOtherGuests=False)
    found = {one.id: one.fields for one in trial.walk()[0]}
    assert "invited" not in found[crowd]
    assert "invited" not in found[hidden]
    assert found[mine]["invited"] == ["ann@shore.example"]


def test_somebody_elses_event_is_read_as_the_guests_copy_it_is(trial: Trial) -> None:
    fields = trial.fetch(trial.box.invite("boss@other.example", {**WEEKLY, "summary": "All hands"}))[0].fields
    assert fields["organizer"] == {"email": "boss@other.example"}
    assert fields["invited"] == ["boss@other.example"]


def test_only_our_own_create_shows_its_key(trial: Trial) -> None:
    (receipt,) = trial.write(new(repeats="FREQ=WEEKLY", time_zone="Europe/Berlin"))
    series = receipt.remote_id or ""
    # Occurrences inherit the properties of their series, and so do copies that people make.
    trial.box.except_day(series, "2026-12-08T10:00:00+01:00", {"summary": "Another"})
    copy = {name: trial.held(series)[name] for name in ("start", "end", "extendedProperties")}
    trial.box.create(copy)
    assert {one.id: one.key for one in trial.walk()[0] if one.key} == {series: "new-1"}


def test_many_are_fetched_in_one_envelope(trial: Trial) -> None:
    ids = trial.box.fill(30)
    trial.box.delete(ids[0])
    trial.walk()
    trial.box.journal.clear()
    found = trial.fetch(*ids, "neverwas")
    assert [one.id for one in found] == [*ids, "neverwas"]
    assert [one.deleted for one in found] == [True, *[False] * 29, True]
    assert len(trial.box.calls("POST", "/batch/calendar/v3")) == 1


def test_a_list_without_a_way_on_is_garbled(trial: Trial) -> None:
    trial.box._routes = [
        (made, trial.box.get_calendar if made.path.endswith("/events") and made.method == "GET" else handler)
        for made, handler in trial.box._routes
    ]
    with pytest.raises(Garbled):
        trial.connector.read(STREAM, None)
    trial.box.journal.clear()


def test_a_poll_that_lags_shows_later_what_it_hid(trial: Trial) -> None:
    trial.meeting()
    trial.time.sleep(3600)
    _, cursor, _ = trial.walk()
    id_ = trial.meeting(2)
    trial.mischief.once(Switch.LAGGING)
    hidden, cursor, _ = trial.walk(cursor)
    assert hidden == []
    assert [one.id for one in trial.walk(cursor)[0]] == [id_]
