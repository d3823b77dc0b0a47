"""The default mapping: meetings, tasks, whole days, and what Google has no word for, there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors._kit.catalogue import entry
from connectors._kit.payload import Payload, dig, nested
from connectors.google_calendar.events import remote_of
from connectors.google_calendar.test_google_calendar import STREAM, Trial, new
from core import mapping
from core.model.shapes import SHAPES

EVENT = orjson.loads((Path(__file__).parent / "payloads" / "event.synthetic.json").read_bytes())


@pytest.fixture(scope="module")
def events() -> Any:
    words = mapping.load(entry("google_calendar").mapping_path.read_text(encoding="utf-8"), file="google_calendar.yaml")
    return mapping.translator(words.streams[STREAM], shapes=SHAPES)


def there_and_back(trial: Trial, events: Any, **values: Any) -> dict[str, Any]:
    """What becomes of an activity that the hub makes in the calendar, as it is read from there."""
    (receipt,) = trial.write(replace(new(), fields=events.write(values, creating=True).fields))
    assert receipt.error is None, receipt.error
    held = trial.fetch(receipt.remote_id or "")[0].fields
    (reading,) = events.read([held])
    assert not reading.problems
    again = {path: value for path, value in events.write(reading.values).fields.items() if dig(held, path) != value}
    # A day that is due has no end of its own, and Google's is the day behind it.
    assert set(again) <= ({"ends_at"} if values["type"] == "task" else set()), "what was read asks for no write"
    return dict(reading.values)


def test_an_event_of_google_is_a_meeting(events: Any) -> None:
    remote = remote_of(Payload(EVENT))
    assert remote is not None
    (reading,) = events.read([remote.fields])
    assert not reading.problems
    assert reading.values == {
        "type": "meeting", "subject": "Survey at Shore & Daughters",
        "body": "<b>Bring the plans.</b><br>Two options for the drainage.", "location": "1 High Street, Leeds",
        "url": "https://meet.google.com/abc-defg-hij", "all_day": False, "starts_at": "2026-12-01T09:00:00Z",
        "ends_at": "2026-12-01T10:30:00Z", "time_zone": "Europe/London", "repeats": "FREQ=WEEKLY;COUNT=4",
        "attendees": ["ann@shore.example"], "status": "planned", "done": False,
        "created_at": "2026-11-20T08:59:40Z",
    }  # fmt: skip


def test_what_was_read_is_written_as_it_stands(events: Any) -> None:
    remote = remote_of(Payload(EVENT))
    assert remote is not None
    (reading,) = events.read([remote.fields])
    written = nested(events.write(reading.values).fields)
    for name in ("summary", "description", "location", "starts_at", "ends_at", "all_day", "time_zone", "repeats",
                 "invited", "status"):  # fmt: skip
        assert written[name] == remote.fields[name], name


def test_a_meeting_comes_back_as_it_went(trial: Trial, events: Any) -> None:
    meeting = {
        "type": "meeting", "subject": "Visit", "starts_at": "2026-07-01T08:00:00Z", "ends_at": "2026-07-01T09:00:00Z",
        "time_zone": "Europe/London", "repeats": "FREQ=MONTHLY;BYDAY=1WE", "attendees": ["ann@shore.example"],
        "status": "tentative",
    }  # fmt: skip
    back = there_and_back(trial, events, **meeting)
    assert {name: back[name] for name in meeting} == meeting


@pytest.mark.parametrize(("due", "all_day"), [("2026-12-24T00:00:00Z", True), ("2026-12-24T15:30:00Z", False)])
def test_a_task_stands_where_it_is_due(trial: Trial, events: Any, due: str, all_day: bool) -> None:
    back = there_and_back(trial, events, type="task", subject="Send the estimate", due_at=due, done=False)
    assert (back["type"], back["due_at"], back["all_day"], back["done"]) == ("task", due, all_day, False)
    (held,) = (one.body for one in trial.box.calendar.events.values())
    assert held["transparency"] == "transparent", "a task takes up nobody's time"
    assert "starts_at" not in back
    assert "ends_at" not in back


def test_a_day_is_that_day_and_no_other(trial: Trial, events: Any) -> None:
    day = {"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-25T00:00:00Z", "all_day": True}
    back = there_and_back(trial, events, type="meeting", subject="Closed", **day)
    assert {name: back[name] for name in day} == day
    (held,) = (one.body for one in trial.box.calendar.events.values())
    assert (held["start"], held["end"]) == ({"date": "2026-12-24"}, {"date": "2026-12-25"})


@pytest.mark.parametrize("status", ["done", "no_show", "cancelled", "tentative", "planned"])
def test_every_status_comes_back_and_none_deletes(trial: Trial, events: Any, status: str) -> None:
    start = "2026-12-24T15:30:00Z"
    assert there_and_back(trial, events, type="meeting", starts_at=start, status=status)["status"] == status
    assert trial.box.count() == 1


def test_a_status_that_google_knows_again_takes_the_mark_off(events: Any) -> None:
    assert events.write({"status": "planned"}).fields["extendedProperties.private.concordStatus"] is None
    assert events.write({"status": "done"}).fields["status"] == "confirmed"
