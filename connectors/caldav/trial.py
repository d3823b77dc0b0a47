"""What is tried of a calendar: a few visits, and tasks, one of them done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE, Person
from connectors._kit.stand_in import StandIn, line_of
from connectors.caldav.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:  # noqa: ARG001 -- a calendar's entries bring their own stamps
    """The stand-in while it runs."""
    with Sandbox() as box:
        for one in HERE[:5]:
            box.put(f"visit-{one.number}.ics", _visit(one))
        for one in HERE[5:7]:
            box.put(f"task-{one.number}.ics", _task(one))
        settings = {"url": box.url, "username": box.username, "password": box.password}
        yield StandIn(settings, (line_of(box.url),), lambda: box.written)


def _visit(one: Person) -> str:
    hour = f"202612{one.number + 1:02}T{9 + one.number:02}"
    return _object("VEVENT", f"visit-{one.number}", [
        f"SUMMARY:Visit {one.company.name}", f"LOCATION:{one.company.city}", f"DESCRIPTION:{one.first} shows us round.",
        f"DTSTART:{hour}0000Z", f"DTEND:{hour}4500Z", f"ATTENDEE:mailto:{one.email}",
    ])  # fmt: skip


def _task(one: Person) -> str:
    done = ["STATUS:COMPLETED", "COMPLETED:20261120T090000Z"] if one.number % 2 else ["STATUS:NEEDS-ACTION"]
    return _object("VTODO", f"task-{one.number}", [f"SUMMARY:Call {one.first}", "DUE:20261203T120000Z", *done])


def _object(kind: str, uid: str, lines: list[str]) -> str:
    own = [f"UID:{uid}", "DTSTAMP:20261120T080000Z", *lines]
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Sample//EN", f"BEGIN:{kind}", *own, f"END:{kind}"]
    return "\r\n".join([*whole, "END:VCALENDAR", ""])
