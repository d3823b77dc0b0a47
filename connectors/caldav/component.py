"""The components of a calendar object: which lines belong to the event or task itself, to its overrides, to its alarms.

One series with all its changed instances is one object; the component without RECURRENCE-ID is the series itself and
gives the record. Nothing here knows what a property means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors._kit.dav.contentline import Line
from connectors._kit.dav.dialect import MemberError


class CalendarError(MemberError):
    """This text is no calendar object, or this change cannot stand in one; the message is one plain sentence."""


class Component(NamedTuple):
    """One component, e.g. VEVENT: its own lines, and those of the components inside it, each with its place in them."""

    name: str
    first: Line
    """Its BEGIN line."""
    lines: tuple[Line, ...]
    """Its own properties, without those of components inside."""
    inner: tuple[Component, ...]

    def named(self, name: str) -> list[Line]:
        """Its own lines of this name."""
        return [line for line in self.lines if line.name == name]

    def text(self, name: str) -> str:
        """The raw value of the first line of this name that says something; blank for none."""
        return next((line.value.strip() for line in self.named(name) if line.value.strip()), "")


def calendar(lines: Iterable[Line]) -> Component:
    """The whole calendar object. Raises `CalendarError` for what is none, or is cut off."""
    stack: list[tuple[Line, list[Line], list[Component]]] = []
    for line in lines:
        if line.name == "BEGIN":
            stack.append((line, [], []))
        elif line.name == "END" and stack:
            first, own, inner = stack.pop()
            done = Component(first.value.strip().upper(), first, tuple(own), tuple(inner))
            if not stack:
                return _checked(done)
            stack[-1][2].append(done)
        elif stack:
            stack[-1][1].append(line)
        elif line.raw.strip("\ufeff \t\r\n"):
            raise CalendarError("the text does not begin with BEGIN:VCALENDAR")
    raise CalendarError("the calendar is cut off: END:VCALENDAR is missing" if stack else "the text is empty")


def main_of(whole: Component, name: str) -> Component | None:
    """The component of this name that gives the record: the series itself, else its first instance."""
    found = [one for one in whole.inner if one.name == name]
    return next((one for one in found if not one.named("RECURRENCE-ID")), found[0] if found else None)


def _checked(whole: Component) -> Component:
    if whole.name != "VCALENDAR":
        raise CalendarError("the text is not a calendar but something else")
    return whole
