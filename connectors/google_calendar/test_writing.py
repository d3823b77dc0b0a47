"""Writing: once, never over anybody's edit, and nothing of an event lost that the edit does not name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.google_calendar.naming import id_of
from connectors.google_calendar.sandbox_rules import ID
from connectors.google_calendar.test_google_calendar import STREAM, Trial, new, without_version
from connectors.google_calendar.trouble import GUESTS_HIDDEN, NO_START, NOT_ORGANIZER
from core.errors import Exists, Gone, Refused, Stale, Unavailable, Unsupported
from core.ports import Edit, Receipt, Verb

MEET = {"conferenceId": "abc-defg-hij", "notes": "Dial in"}
RICH: dict[str, Any] = {
    "conferenceData": MEET, "attachments": [{"fileUrl": "https://drive.example/plan"}], "colorId": "7",
    "extendedProperties": {"private": {"theirs": "kept"}, "shared": {"for": "all"}},
    "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
}  # fmt: skip


def error_of(receipt: Receipt) -> Any:
    assert receipt.error is not None
    return receipt.error


# --- creating


def test_the_id_follows_from_the_key_and_google_takes_it() -> None:
    assert id_of("a") == id_of("a") != id_of("b")
    assert ID.fullmatch(id_of("any key, even ünlike this")) is not None


def test_a_create_carries_its_key_and_writes_to_nobody(trial: Trial) -> None:
    (receipt,) = trial.write(new(invited=["Ann@Shore.example"]))
    assert receipt.remote_id == id_of("new-1")
    assert receipt.whole
    held = trial.held(id_of("new-1"))
    assert held["extendedProperties"]["private"] == {"concordKey": "new-1"}
    assert held["attendees"] == [{"email": "ann@shore.example", "responseStatus": "needsAction"}]
    assert trial.box.mails == []


def test_guests_are_written_to_where_the_admin_says_so() -> None:
    trial = Trial(send_updates="externalOnly")
    (receipt,) = trial.write(new(invited=["ann@shore.example", "bo@gmail.com"]))
    trial.write(trial.update(receipt.remote_id or "", location="Elsewhere"))
    assert trial.box.mails == [("invited", "ann@shore.example"), ("updated", "ann@shore.example")]
    trial.close()


def test_a_repeated_create_meets_the_first_and_leaves_what_people_made_of_it(trial: Trial) -> None:
    (first,) = trial.write(new())
    trial.box.edit(first.remote_id or "", {"summary": "By hand"})
    (again,) = trial.write(new())
    assert isinstance(again.error, Exists)
    assert again.error.remote_id == first.remote_id
    assert trial.held(id_of("new-1"))["summary"] == "By hand"


def test_what_was_created_and_then_deleted_by_hand_is_not_made_again(trial: Trial) -> None:
    (first,) = trial.write(new())
    trial.box.delete(first.remote_id or "")
    assert trial.connector.find(STREAM, "new-1") is None
    (again,) = trial.write(new())
    assert isinstance(again.error, Gone)
    assert trial.box.count() == 0


# --- changing


def test_a_change_leaves_everything_else_as_it_is(trial: Trial) -> None:
    id_ = trial.meeting(attendees=[{"email": "ann@shore.example", "comment": "Late"}], **RICH)
    before = dict(trial.held(id_))
    change = trial.update(
        id_, summary="New", description=None, starts_at="2026-12-01T08:00:00Z",
        extendedProperties__private__concordDone="true",
    )  # fmt: skip
    (receipt,) = trial.write(change)
    after = trial.held(id_)
    assert receipt.error is None
    assert after["summary"] == "New"
    assert after["start"]["dateTime"] == "2026-12-01T09:00:00+01:00"
    assert after["extendedProperties"]["private"] == {"theirs": "kept", "concordDone": "true"}
    touched = {"summary", "start", "extendedProperties", "sequence"}
    assert {n: v for n, v in after.items() if n not in touched} == {
        n: v for n, v in before.items() if n not in touched
    }  # fmt: skip


def test_clearing_takes_a_property_away(trial: Trial) -> None:
    id_ = trial.meeting(location="Here", **RICH)
    trial.write(trial.update(id_, location=None, extendedProperties__private__theirs=None))
    assert "location" not in trial.held(id_)
    assert trial.held(id_)["extendedProperties"] == {"shared": {"for": "all"}}


def test_an_older_version_writes_nothing_over_a_newer_one(trial: Trial) -> None:
    id_ = trial.meeting()
    edit = trial.update(id_, summary="Ours")
    trial.box.edit(id_, {"summary": "Theirs"})
    (receipt,) = trial.write(edit)
    assert isinstance(receipt.error, Stale)
    assert trial.held(id_)["summary"] == "Theirs"


def test_whoever_does_not_know_the_event_looks_first(trial: Trial) -> None:
    id_ = trial.meeting(attendees=[{"email": "ann@shore.example", "responseStatus": "accepted"}])
    edit = without_version(trial.update(id_, invited=["ann@shore.example", "bo@shore.example"]))
    (receipt,) = trial.write(edit)
    assert receipt.error is None
    assert [(one["email"], one["responseStatus"]) for one in trial.held(id_)["attendees"]] == [
        ("ann@shore.example", "accepted"), ("bo@shore.example", "needsAction"),
    ]  # fmt: skip
    sent = trial.box.journal[-1].call
    assert (sent.method, "if-match" in sent.headers) == ("PATCH", True)


def test_a_change_of_what_is_gone_is_gone_however_it_is_found_out(trial: Trial) -> None:
    edits = []
    for number in (1, 2, 3):
        id_ = trial.meeting(number)
        edits.append(trial.update(id_, starts_at="2026-12-05T08:00:00Z"))
        trial.box.delete(id_)
    known, looked, blind = edits
    blind = replace(without_version(blind), fields={"summary": "Blind"})
    receipts = trial.write(known, without_version(looked), blind)
    assert [type(one.error) for one in receipts] == [Gone, Gone, Gone]


def test_only_the_organizer_changes_what_all_guests_share(trial: Trial) -> None:
    times = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}
    id_ = trial.box.invite("boss@other.example", {"summary": "All hands", **times})
    (receipt,) = trial.write(trial.update(id_, summary="Mine now"))
    assert isinstance(receipt.error, Refused)
    assert receipt.error.error_code == NOT_ORGANIZER
    (receipt,) = trial.write(trial.update(id_, extendedProperties__private__concordDone="true"))
    assert receipt.error is None


# --- guests


def test_who_stays_keeps_their_answer_and_rooms_stay(trial: Trial) -> None:
    room = {"email": "room-1@resource.example", "resource": True, "responseStatus": "accepted"}
    me = {"email": trial.box.user, "responseStatus": "accepted"}
    id_ = trial.meeting(attendees=[me, {"email": "Ann@Shore.example", "responseStatus": "declined"},
                                   {"email": "out@shore.example"}, room])  # fmt: skip
    trial.write(trial.update(id_, invited=["ann@shore.example", "new@shore.example"]))
    guests = {one["email"]: one["responseStatus"] for one in trial.held(id_)["attendees"]}
    assert guests == {
        trial.box.user: "accepted", "Ann@Shore.example": "declined", "room-1@resource.example": "accepted",
        "new@shore.example": "needsAction",
    }  # fmt: skip


def test_a_list_that_is_not_seen_whole_is_never_replaced(trial: Trial) -> None:
    id_ = trial.meeting(attendees=[{"email": "ann@shore.example"}], attendeesOmitted=True)
    (receipt,) = trial.write(trial.update(id_, invited=["bo@shore.example"], summary="With Bo"))
    assert error_of(receipt).error_code == GUESTS_HIDDEN
    (receipt,) = trial.write(trial.update(id_, summary="Without"))
    assert receipt.error is None
    assert len(trial.held(id_)["attendees"]) == 1


# --- series


def test_another_rule_keeps_the_days_that_were_taken_out(trial: Trial) -> None:
    out = "EXDATE;TZID=Europe/Berlin:20261208T100000"
    start = {"dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin"}
    id_ = trial.box.create({"summary": "S", "start": start, "end": start, "recurrence": ["RRULE:FREQ=DAILY", out]})
    trial.write(trial.update(id_, repeats="FREQ=WEEKLY"))
    assert trial.held(id_)["recurrence"] == ["RRULE:FREQ=WEEKLY", out]
    trial.write(trial.update(id_, repeats=None))
    assert "recurrence" not in trial.held(id_)


def test_a_series_without_a_time_zone_goes_by_the_calendars(trial: Trial) -> None:
    (receipt,) = trial.write(new(repeats="FREQ=WEEKLY"))
    assert receipt.error is None
    assert trial.held(id_of("new-1"))["start"] == {
        "dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin",
    }  # fmt: skip


# --- times


@pytest.mark.parametrize(
    ("start", "end", "zone", "days"),
    [
        ("2026-12-24T00:00:00Z", None, None, ("2026-12-24", "2026-12-25")),
        ("2026-12-24T00:00:00Z", "2026-12-24T00:00:00Z", None, ("2026-12-24", "2026-12-25")),
        ("2026-12-24T00:00:00Z", "2026-12-27T00:00:00Z", "Pacific/Auckland", ("2026-12-24", "2026-12-27")),
        # Midnight in Berlin, as tools write it that know no whole days.
        ("2026-12-23T23:00:00Z", "2026-12-24T23:00:00Z", "Europe/Berlin", ("2026-12-24", "2026-12-25")),
        ("2026-12-24T09:00:00Z", "2026-12-24T17:00:00Z", "Moon/Sea", ("2026-12-24", "2026-12-25")),
    ],
)
def test_whole_days_end_behind_the_last(trial: Trial, start: str, end: str, zone: str, days: tuple[str, str]) -> None:
    (receipt,) = trial.write(new(all_day=True, starts_at=start, ends_at=end, time_zone=zone))
    held = trial.held(receipt.remote_id or "")
    assert (held["start"]["date"], held["end"]["date"]) == days
    (read,) = trial.fetch(receipt.remote_id or "")
    (again,) = trial.write(replace(trial.update(read.id), fields={"starts_at": read.fields["starts_at"]}))
    assert again.error is None
    assert trial.held(read.id)["end"] == held["end"]


def test_an_event_becomes_whole_days_and_back_again(trial: Trial) -> None:
    id_ = trial.meeting()
    trial.write(trial.update(id_, all_day=True))
    assert (trial.held(id_)["start"], trial.held(id_)["end"]) == ({"date": "2026-12-01"}, {"date": "2026-12-02"})
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z", "time_zone": "America/New_York"}
    trial.write(trial.update(id_, all_day=False, **times))
    assert trial.held(id_)["start"] == {"dateTime": "2026-12-01T04:00:00-05:00", "timeZone": "America/New_York"}


def test_without_an_end_it_lasts_no_time(trial: Trial) -> None:
    trial.write(new(ends_at=None))
    held = trial.held(id_of("new-1"))
    assert held["end"] == held["start"]


def test_a_start_that_moves_past_the_end_takes_it_along(trial: Trial) -> None:
    id_ = trial.meeting()
    (receipt,) = trial.write(trial.update(id_, starts_at="2026-12-01T15:00:00Z"))
    assert receipt.error is None
    assert trial.held(id_)["end"] == trial.held(id_)["start"]


# --- what cannot be written


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"starts_at": None}, "starts_at", Refused),
        ({"starts_at": "tomorrow"}, "starts_at", Refused),
        ({"extendedProperties.private.note": "x" * 1025}, "extendedProperties.private.note", Refused),
        ({"extendedProperties.private." + "n" * 45: "x"}, "extendedProperties.private." + "n" * 45, Refused),
        ({"extendedProperties": {"private": {"count": 3}}}, "extendedProperties.private.count", Refused),
        ({"status": "cancelled"}, "status", Refused),
        ({"invited": "ann@shore.example"}, "invited", Refused),
        ({"htmlLink": "https://example.com"}, "htmlLink", Unsupported),
        ({"organizer.email": "me@example.com"}, "organizer.email", Unsupported),
    ],
)
def test_what_google_cannot_hold_is_refused_alone_and_never_cut(
    trial: Trial, fields: dict[str, Any], field: str, kind: type[Exception]
) -> None:
    bad = replace(new(1), fields={**new(1).fields, **fields})
    receipts = trial.write(bad, new(2))
    assert type(receipts[0].error) is kind
    assert error_of(receipts[0]).facts["field"] == field
    assert receipts[1].error is None
    assert trial.box.count() == 1


def test_a_task_without_a_time_says_what_is_missing(trial: Trial) -> None:
    (receipt,) = trial.write(Edit(Verb.CREATE, STREAM, "task", fields={"summary": "Some day"}))
    assert error_of(receipt).error_code == NO_START
    assert "due" in error_of(receipt).remedy


# --- deleting


def test_a_delete_of_what_is_gone_is_done(trial: Trial) -> None:
    gone, moved = trial.meeting(1), trial.meeting(2)
    edits = [Edit(Verb.DELETE, STREAM, f"d-{id_}", id_, version=trial.fetch(id_)[0].version) for id_ in (gone, moved)]
    trial.box.delete(gone)
    trial.box.edit(moved, {"summary": "Still wanted"})
    never = Edit(Verb.DELETE, STREAM, "d-never", "neverwas")
    receipts = trial.write(*edits, never)
    assert [type(one.error) for one in receipts] == [type(None), Stale, type(None)]
    assert trial.box.count() == 1


# --- trouble


def test_a_look_that_fails_afterwards_hides_no_receipt(trial: Trial) -> None:
    id_ = trial.meeting()
    stale = trial.update(id_, summary="Ours")
    trial.box.edit(id_, {"summary": "Theirs"})
    wrote = _after(trial, trial.box.batch, lambda: trial.mischief.chances.update({Switch.UNAVAILABLE: 1.0}))
    receipts = trial.write(new(), stale)
    assert wrote
    assert receipts[0].error is None
    assert isinstance(receipts[1].error, Stale)


def test_a_look_that_fails_before_writes_nothing(trial: Trial) -> None:
    edits = [without_version(trial.update(trial.meeting(n), invited=["a@b.example"])) for n in (1, 2)]
    trial.mischief.chances[Switch.UNAVAILABLE] = 1.0
    with pytest.raises(Unavailable):
        trial.write(*edits)


def _after(trial: Trial, handler: Any, act: Callable[[], object]) -> list[int]:
    """Let something happen once a call was answered."""
    answered: list[int] = []

    def wrapped(call: Any, **parts: str) -> Any:
        response = handler(call, **parts)
        answered.append(response.status)
        act()
        return response

    trial.box._routes = [(made, wrapped if old == handler else old) for made, old in trial.box._routes]
    return answered
