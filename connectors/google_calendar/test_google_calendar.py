"""The connector keeps the contract on a stand-in for Google Calendar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.mischief import Mischief
from connectors.google_calendar.channels import opened
from connectors.google_calendar.connector import GoogleCalendar, build
from connectors.google_calendar.events import shown
from connectors.google_calendar.published import violations
from connectors.google_calendar.sandbox import Sandbox
from core.ports import Context, Cursor, Edit, Fields, Order, Receipt, Remote, Request, Verb

TOKEN = "a-token-of-our-own"
HOOK = "https://hub.example.com/hooks/diary"
STREAM = "events"


def order(key: str = "0" * 32, address: str = HOOK) -> Order:
    return Order(address, key, TOKEN)


def settings_for(box: Sandbox) -> dict[str, Any]:
    return {
        "client_id": box.client_id, "client_secret": box.client_secret, "refresh_token": box.refresh_token,
        "url": box.url, "token_url": f"{box.url}/token", "channel_token": TOKEN,
    }  # fmt: skip


def native(fields: Fields) -> dict[str, Any]:
    """What a person types, as Google keeps it."""
    body = dict(fields)
    for ours, theirs in (("starts_at", "start"), ("ends_at", "end")):
        if ours in body:
            body[theirs] = {"dateTime": body.pop(ours)}
    return body


class CalendarHarness(Harness):
    connector = "google_calendar"
    notices_name_records = False

    def start(self) -> None:
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.connectors: list[Any] = []

    def connect(self, settings: Mapping[str, Any] | None = None) -> Any:
        self.connectors.append(super().connect(settings))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()
        assert violations(self.box.journal) == []

    def take_down(self) -> None:
        self.box.stop()

    def settings(self) -> dict[str, Any]:
        return {**settings_for(self.box), "page_size": 3}

    def sample(self, stream: str, number: int) -> Fields:
        day = f"2026-12-{1 + number % 28:02}"
        return {
            "summary": f"Visit {number}", "description": "Bring the plans.", "location": f"{number} High Street",
            "starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T10:00:00Z",
        }  # fmt: skip

    def change(self, stream: str, number: int) -> Fields:
        return {"summary": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "description"

    def refused(self, stream: str) -> Fields | None:
        return {**self.sample(stream, 1), "invited": ["nobody at all"]}

    def create(self, stream: str, fields: Fields) -> str:
        return self.box.create(native(fields))

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.box.edit(id_, native(fields))

    def delete(self, stream: str, id_: str) -> None:
        self.box.delete(id_)

    def show(self, stream: str, id_: str) -> Fields | None:
        held = self.box.show(id_)
        return None if held is None else shown(held)

    def count(self, stream: str) -> int:
        return self.box.count()

    def webhook(self, stream: str, id_: str) -> Request:
        self._watch()
        self.box.edit(id_, {"location": "Elsewhere"})
        return self.box.take_events()[-1]

    def unknown_webhook(self) -> Request:
        self._watch()
        (watch,) = self.box.calendar.watches.values()
        return self.box.notice(self.box.calendar, watch, "paused")

    def called(self) -> list[str]:
        return [one.address for one in self.box.calendar.watches.values()]

    def sent(self) -> list[Request]:
        return self.box.take_events()

    def _watch(self) -> None:
        opened(self.connect().client, order(f"channel-{len(self.connectors)}"))
        self.box.take_events()


class TestGoogleCalendar(ContractSuite):
    harness = CalendarHarness


class SharedHarness(CalendarHarness):
    """A calendar that others share with the account, named in the settings."""

    def start(self) -> None:
        super().start()
        self.box.calendar = self.box.add_calendar("crew@group.calendar.google.com", "Crew", role="writer")

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "calendar": "crew@group.calendar.google.com"}


class TestSharedCalendar(ContractSuite):
    harness = SharedHarness


class Trial:
    """A stand-in, a connection to it, and short words for both."""

    def __init__(self, **more: Any) -> None:
        self.time = VirtualTime(tick=1000)
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.more = more
        self.saved: dict[str, str] = {}
        self.connectors: list[GoogleCalendar] = []
        self.connector = self.another()

    def another(self, **more: Any) -> GoogleCalendar:
        """Another process with the same connection."""
        context = Context(
            "trial", {**settings_for(self.box), **self.more, **more}, clock=self.time, sleep=self.time.sleep,
            save_secret=self.saved.__setitem__,
        )  # fmt: skip
        self.connectors.append(build(context))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()
        assert violations(self.box.journal) == []

    def walk(self, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor, bool]:
        """All pages from a cursor on, where the next poll begins, and whether the walk says that it was whole."""
        records: list[Remote] = []
        for _ in range(1000):
            page = self.connector.read(STREAM, cursor)
            records, cursor = [*records, *page.records], json.loads(json.dumps(dict(page.next)))
            if not page.more:
                return records, cursor or {}, page.complete
        raise AssertionError("the walk does not end")

    def write(self, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write(STREAM, edits))

    def fetch(self, *ids: str) -> list[Remote]:
        return list(self.connector.fetch(STREAM, ids))

    def update(self, id_: str, **fields: Any) -> Edit:
        """A change of an event as it stands now; `__` stands for a dot."""
        now = self.fetch(id_)[0]
        named = {name.replace("__", "."): value for name, value in fields.items()}
        return Edit(Verb.UPDATE, STREAM, f"u-{id_}-{now.version}", id_, named, now.version, now.fields)

    def meeting(self, number: int = 1, **more: Any) -> str:
        """An event that somebody made; gives its id."""
        start, end = ({"dateTime": f"2026-12-0{number}T{hour}:00:00+01:00"} for hour in (10, 11))
        return self.box.create({"summary": f"Meeting {number}", "start": start, "end": end, **more})

    def held(self, id_: str) -> dict[str, Any]:
        """An event as Google keeps it."""
        return self.box.calendar.events[id_].body


def new(number: int = 1, **fields: Any) -> Edit:
    """A create; `__` stands for a dot."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    return Edit(Verb.CREATE, STREAM, f"new-{number}", fields={"summary": f"New {number}", **times, **named})


def without_version(edit: Edit) -> Edit:
    """The same edit of somebody who never saw the event."""
    return replace(edit, version=None, held={})
