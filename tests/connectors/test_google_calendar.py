"""A calendar in the hub: what people do there and elsewhere agrees in the end, and then writing stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.building import ConnectionSpec
from connectors._kit.catalogue import entry
from connectors.google_calendar.sandbox import Sandbox
from tests.support import Lab

STREAM = "events"
CRM = """
activities:
  as: activity
  fields:
    type: {field: type}
    subject: {field: subject}
    body: {field: body}
    due_at: {field: due_at}
    starts_at: {field: starts_at}
    ends_at: {field: ends_at}
    done: {field: done}
"""
WRITES = ("POST", "PATCH", "PUT", "DELETE")
AT = {"dateTime": "2026-12-01T10:00:00+01:00"}
UNTIL = {"dateTime": "2026-12-01T11:00:00+01:00"}
GUESTS = [{"email": "ann@shore.example"}]


class Town:
    """A CRM that people edit, and a calendar that people edit."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder)
        self.crm = self.lab.tool("crm", mapping=CRM, policy={"deletes_in": "propagate", "deletes_out": "propagate"})
        self.box: Sandbox = Sandbox(clock=self.lab.clock).__enter__()
        box, found = self.box, entry("google_calendar")
        settings = {
            "client_id": box.client_id, "client_secret": box.client_secret, "refresh_token": box.refresh_token,
            "url": box.url, "token_url": f"{box.url}/token",
        }  # fmt: skip
        policy = {"*": {"deletes_in": "propagate", "deletes_out": "propagate"}}
        mapping = found.mapping_path.read_text(encoding="utf-8")
        self.lab.installation.put_connection(
            ConnectionSpec("diary", "google_calendar", settings, mapping, found.mapping_path.name, policy, {})
        )
        self.lab._hub = None

    def close(self) -> None:
        self.lab.close()
        self.box.stop()

    def settle(self) -> None:
        """Until nothing moves; then a further round writes nothing to the calendar."""
        for _ in range(3):
            self.lab.wait(600)
            turns = self.lab.settle("crm", "diary")
        assert all(turn.quiet for turn in turns)
        before = self.written()
        self.lab.wait(600)
        self.lab.settle("crm", "diary")
        assert self.written() == before, "writing stops"
        assert self.lab.dead_letters() == []

    def written(self) -> int:
        return sum(one.call.method in WRITES and one.call.path.startswith("/calendar/") for one in self.box.journal)

    def event(self, summary: str) -> dict[str, Any]:
        """The one event of this title, as a person sees it."""
        ids = [one.id for one in self.box.calendar.events.values() if one.body.get("summary") == summary]
        found = [event for id_ in ids if (event := self.box.show(id_)) is not None]
        assert len(found) == 1, f"{len(found)} events are called {summary}"
        return found[0]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def test_a_meeting_in_the_calendar_is_one_in_the_crm_and_back(town: Town) -> None:
    id_ = town.box.create(
        {"summary": "Visit", "start": AT, "end": UNTIL, "attendees": [{"email": "ann@shore.example"}]}
    )
    town.settle()
    crm_id = town.lab.find("crm", "activities", subject="Visit")
    held = town.lab.held("crm", crm_id, "activities")
    assert (held["type"], held["starts_at"], held["ends_at"]) == (
        "meeting", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z",
    )  # fmt: skip
    assert town.written() == 0, "what was read asks for no write"
    town.crm.edit("activities", crm_id, starts_at="2026-12-01T12:00:00Z", ends_at="2026-12-01T13:00:00Z")
    town.settle()
    event = town.event("Visit")
    assert event["id"] == id_
    assert event["start"]["dateTime"] == "2026-12-01T13:00:00+01:00"
    assert [one["email"] for one in event["attendees"]] == ["ann@shore.example"]


def test_a_task_of_the_crm_stands_where_it_is_due_and_is_moved_by_hand(town: Town) -> None:
    crm_id = town.crm.create("activities", {"type": "task", "subject": "Send it", "due_at": "2026-12-24T00:00:00Z"})
    town.settle()
    event = town.event("Send it")
    assert (event["start"], event["end"]) == ({"date": "2026-12-24"}, {"date": "2026-12-25"})
    town.box.edit(event["id"], {"start": {"date": "2026-12-29"}, "end": {"date": "2026-12-30"}})
    town.settle()
    assert town.lab.held("crm", crm_id, "activities")["due_at"] == "2026-12-29T00:00:00Z"
    town.crm.edit("activities", crm_id, done=True)
    town.settle()
    assert town.event("Send it")["extendedProperties"]["private"]["concordDone"] == "true"


def test_deletes_go_both_ways(town: Town) -> None:
    first = town.box.create({"summary": "First", "start": AT, "end": UNTIL})
    town.box.create({"summary": "Second", "start": AT, "end": UNTIL})
    town.settle()
    town.box.delete(first)
    town.crm.delete("activities", town.lab.find("crm", "activities", subject="Second"))
    town.settle()
    assert town.box.count() == 0
    assert town.crm.all("activities") == {}


def test_a_lost_answer_makes_no_second_event(town: Town) -> None:
    town.settle()
    town.box.mischief.once("lost_answer")
    town.crm.create("activities", {"type": "meeting", "subject": "Once", "starts_at": "2026-12-01T09:00:00Z"})
    town.settle()
    town.event("Once")


def test_an_expired_token_walks_anew_and_deletes_nothing(town: Town) -> None:
    for number in range(5):
        town.box.create({"summary": f"Meeting {number}", "start": AT, "end": UNTIL})
    town.settle()
    town.box.expire_tokens()
    town.box.create({"summary": "Meanwhile", "start": AT, "end": UNTIL})
    town.settle()
    assert len(town.crm.all("activities")) == 6
    assert town.box.count() == 6


def test_guests_that_are_hidden_later_stay_known(town: Town) -> None:
    id_ = town.box.create({"summary": "Big", "start": AT, "end": UNTIL, "attendees": GUESTS})
    town.settle()
    town.box.edit(id_, {"attendeesOmitted": True, "attendees": [], "location": "Hall"})
    town.settle()
    record = town.lab.record(subject="Big")
    assert record.values["attendees"] == ["ann@shore.example"]
    assert record.values["location"] == "Hall"
