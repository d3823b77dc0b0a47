"""Meetings and tasks of a CRM in a calendar, and back, through the whole hub; everything comes to rest.

The calendar is the stand-in server of `connectors.caldav`, which spells what it is given in its own way; the clock is
virtual.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.building import ConnectionSpec
from connectors.caldav.sandbox import Habits, Sandbox
from core.flow.outward.reconcile import reconcile
from tests.support import Lab

CALENDAR = (Path(__file__).parents[2] / "mappings" / "caldav.yaml").read_text(encoding="utf-8")
ACTIVITIES = """
activities:
  as: activity
  fields:
    type: {field: type}
    subject: {field: subject}
    starts_at: {field: starts_at}
    ends_at: {field: ends_at}
    due_at: {field: due_at}
    all_day: {field: all_day}
    time_zone: {field: time_zone}
    status: {field: status}
    done: {field: done}
    completed_at: {field: completed_at}
    priority: {field: priority}
"""
MEETING = {
    "type": "meeting", "subject": "Talk  about drains", "starts_at": "2026-11-23T10:00:00Z", "priority": "urgent",
    "ends_at": "2026-11-23T10:30:00Z", "time_zone": "Europe/London", "status": "planned", "all_day": False,
}  # fmt: skip
TASK = {"type": "task", "subject": "Send photos", "due_at": "2026-11-24T00:00:00Z", "all_day": True, "done": False}


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(Habits(rewrites=True, etag_on_put=False)) as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path, server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab(tmp_path / "data") as lab:
        monkeypatch.setattr(time, "sleep", lab.clock.sleep)
        lab.tool("crm", mapping=ACTIVITIES)
        account = {"url": server.url, "username": server.username, "password": server.password}
        lab.installation.put_connection(ConnectionSpec("calendar", "caldav", account, CALENDAR, "caldav.yaml"))
        lab.refreshed()
        yield lab


def calm(lab: Lab) -> None:
    """A sync that goes well, and some time after it."""
    assert [turn.error for turn in lab.sync(until_quiet=True) if turn.error] == []
    lab.wait(300.0)


def puts(server: Sandbox) -> int:
    return sum(request.startswith("PUT") for request in server.requests)


def stored(server: Sandbox, word: str) -> tuple[str, str]:
    """Name and text of the one object with this word in it."""
    (found,) = [(name, one.body) for name, one in server.collections["calendar"].members.items() if word in one.body]
    return found


def at_rest(lab: Lab, server: Sandbox) -> None:
    """Both sides agree, and nothing more is written."""
    before = puts(server)
    for _ in range(3):
        calm(lab)
    assert puts(server) == before
    assert lab.dead_letters() == []
    assert lab.pending() == 0
    for name in ("crm", "calendar"):
        assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0


def test_a_meeting_and_a_task_are_written_once_and_come_to_rest(lab: Lab, server: Sandbox) -> None:
    for values in (MEETING, TASK):
        lab.tools["crm"].create("activities", dict(values))
    calm(lab)
    meeting, task = stored(server, "VEVENT")[1], stored(server, "VTODO")[1]
    assert "SUMMARY:Talk about drains" in meeting
    assert "DTSTART;TZID=Europe/London:20261123T100000" in meeting
    assert "STATUS:CONFIRMED" in meeting
    assert "DUE;VALUE=DATE:20261124" in task
    assert puts(server) == 2
    at_rest(lab, server)


def test_what_people_do_in_the_calendar_arrives(lab: Lab, server: Sandbox) -> None:
    for values in (MEETING, TASK):
        lab.tools["crm"].create("activities", dict(values))
    calm(lab)
    name, task = stored(server, "VTODO")
    done = task.replace("STATUS:NEEDS-ACTION\r\n", "").replace(
        "END:VTODO", "STATUS:COMPLETED\r\nCOMPLETED:20261123T102800Z\r\nEND:VTODO"
    )
    server.put(name, done)
    name, meeting = stored(server, "VEVENT")
    server.put(name, meeting.replace("20261123T10", "20261123T11"))
    own = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:p", "DTSTAMP:20261120T080000Z", "SUMMARY:Fair",
           "DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261226", "END:VEVENT", "END:VCALENDAR", ""]  # fmt: skip
    server.put("person.ics", "\r\n".join(own))
    calm(lab)
    lab.find("crm", "activities", subject="Send photos", done=True, completed_at="2026-11-23T10:28:00Z")
    lab.find("crm", "activities", type="meeting", starts_at="2026-11-23T11:00:00Z", ends_at="2026-11-23T11:30:00Z")
    days = {"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-26T00:00:00Z"}
    lab.find("crm", "activities", subject="Fair", type="meeting", all_day=True, **days)
    at_rest(lab, server)


def test_a_task_done_in_the_crm_and_opened_again_follows(lab: Lab, server: Sandbox) -> None:
    lab.tools["crm"].create("activities", dict(TASK))
    calm(lab)
    id_ = lab.find("crm", "activities", subject="Send photos")
    lab.tools["crm"].edit("activities", id_, {"done": True, "status": "done"})
    calm(lab)
    assert "STATUS:COMPLETED" in stored(server, "VTODO")[1]
    lab.tools["crm"].edit("activities", id_, {"done": False, "status": "planned"})
    calm(lab)
    assert "STATUS:NEEDS-ACTION" in stored(server, "VTODO")[1]
    at_rest(lab, server)
