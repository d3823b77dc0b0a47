"""The part of a movement policy's file that has a calendar: time zone, hours, holidays, absences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from core.decide.movement.hours import Hours, Stretch
from core.decide.movement.pieces import Pieces
from core.decide.movement.policy import Absence
from core.decide.movement.words import CLOSED, DAYS, EVERY_DAY
from core.mapping.problem import did_you_mean
from core.mapping.source import Entry, Node
from core.model.instant import Instant, instant

_FROM_TO = re.compile(r"(\d{1,2}):(\d\d)\s*(?:-|to)\s*(\d{1,2}):(\d\d)")
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\s+to\s+(\d{4}-\d\d-\d\d))?")
_YEARLY = re.compile(r"\d\d-\d\d")
_HOURS_REMEDY = "Write `09:00-17:30`, `[09:00-12:00, 13:00-17:30]` or `closed`."
_NO_DAY = "Name a day: `monday: 09:00-17:00`. Without `hours` it is always open."
_DAY_REMEDY = "Write `12-25` for every year, `2026-04-03` for one day, or `2026-12-24 to 2027-01-01`."
Week = dict[int, tuple[Stretch, ...]]


def read_zone(line: Entry | None, pieces: Pieces) -> str:
    """The time zone's name; UTC where nothing is said, or nothing that can be read."""
    name = pieces.text(line)
    if line is None or not name:
        return "UTC"
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        pieces.source.problem(
            line.node.place,
            f"There is no time zone `{name}`.",
            found=f"`{name}`",
            expected="a name of the IANA list, such as Europe/London",
            remedy=did_you_mean(name, sorted(available_timezones())) or "Look it up in the list of IANA time zones.",
        )
        return "UTC"


def read_hours(hours: Entry | None, holidays: Entry | None, zone: str, pieces: Pieces) -> Hours:
    """When an installation works; always, where nothing is said."""
    days, yearly = _holidays(holidays, pieces)
    if hours is None:
        return Hours(zone, holidays=days, yearly=yearly)
    week = _week(hours, pieces)
    if week and all(one.node.plain() == CLOSED for one in hours.node.entries):
        pieces.source.problem(hours.place, "No day is ever open.", remedy=_NO_DAY)
    return Hours(zone, tuple(week.get(number, ()) for number in range(7)), days, yearly)


def _week(hours: Entry, pieces: Pieces) -> Week:
    week: Week = {}
    if hours.node.value is None:
        pieces.source.problem(hours.place, "`hours` says nothing.", remedy=_NO_DAY)
    for line in pieces.entries(hours.node, "`hours`"):
        stretches = _stretches(line, pieces)
        for number in _numbers(line, pieces):
            if number in week:
                pieces.source.problem(
                    line.place, f"{DAYS[number].capitalize()} is said twice.", remedy="Keep one of the two lines."
                )
            week[number] = stretches
    return week


def _numbers(line: Entry, pieces: Pieces) -> range | list[int]:
    """The days of the week that a line speaks of, Monday being 0."""
    said = str(line.key).strip().lower()
    if said == EVERY_DAY:
        return range(7)
    names = [one.strip() for one in said.split(" to ")]
    if len(names) <= 2 and all(one in DAYS for one in names):
        first, last = DAYS.index(names[0]), DAYS.index(names[-1])
        return [number % 7 for number in range(first, last + 1 if last >= first else last + 8)]
    wrong = next((one for one in names if one not in DAYS), said)
    pieces.source.problem(
        line.place,
        f"`{line.key}` is no day of the week.",
        expected="a day, such as monday; several, such as monday to friday; or every day",
        remedy=did_you_mean(wrong, (*DAYS, EVERY_DAY)),
    )
    return []


def _stretches(line: Entry, pieces: Pieces) -> tuple[Stretch, ...]:
    nodes: list[Node] = line.node.value if line.node.is_list else [line.node]
    if len(nodes) == 1 and nodes[0].plain() == CLOSED:
        return ()
    found = sorted(one for node in nodes if (one := _stretch(node, pieces)) is not None)
    for earlier, later in pairwise(found):
        if later.opens < earlier.closes:
            pieces.source.problem(line.node.place, f"The hours of {line.key} overlap.", remedy="Make them one.")
    return tuple(found)


def _stretch(node: Node, pieces: Pieces) -> Stretch | None:
    found = _FROM_TO.fullmatch(str(node.plain()).strip())
    opens, closes = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if found is None or int(found[2]) > 59 or int(found[4]) > 59 or closes > 1440:
        pieces.source.problem(
            node.place, "These are no hours.", found=node.told(), expected="from when to when", remedy=_HOURS_REMEDY
        )
        return None
    if closes <= opens:
        pieces.source.problem(
            node.place,
            "It closes before it opens.",
            found=node.told(),
            remedy="Hours past midnight belong to two days: `22:00-24:00`, and `00:00-06:00` on the day after.",
        )
        return None
    return Stretch(opens, closes)


# Days.


def _holidays(line: Entry | None, pieces: Pieces) -> tuple[frozenset[date], frozenset[tuple[int, int]]]:
    days: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for node in _leaves(line.node) if line and line.node.value is not None else ():
        said = str(node.plain()).strip()
        if _YEARLY.fullmatch(said):
            if (day := _date(f"2024-{said}", node, pieces)) is not None:
                yearly.add((day.month, day.day))
        elif (both := _from_to(node, pieces, _DAY_REMEDY)) is not None:
            days.update(both[0] + timedelta(days=number) for number in range((both[1] - both[0]).days + 1))
    return frozenset(days), frozenset(yearly)


def _leaves(node: Node) -> Iterator[Node]:
    """Single values in a list, a map of names, or lists in such a map."""
    below = node.value if node.is_list else [one.node for one in node.entries] if node.is_map else None
    if below is None:
        yield node
    else:
        for one in below:
            yield from _leaves(one)


def _from_to(node: Node, pieces: Pieces, remedy: str) -> tuple[date, date] | None:
    """First and last day, the same where there is one."""
    found = _DAYS.fullmatch(str(node.plain()).strip())
    if found is None:
        pieces.source.problem(node.place, "This is no day.", found=node.told(), expected="a date", remedy=remedy)
        return None
    first, last = _date(found[1], node, pieces), _date(found[2] or found[1], node, pieces)
    if first is None or last is None:
        return None
    if last < first:
        pieces.source.problem(
            node.place, "It ends before it begins.", found=node.told(), remedy="Write the earlier day first."
        )
        return None
    return first, last


def _date(said: str, node: Node, pieces: Pieces) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        pieces.source.problem(
            node.place,
            "There is no such day.",
            found=node.told(),
            expected="a date",
            remedy="Look at the month and day.",
        )
        return None


def read_absences(line: Entry | None, zone: str, pieces: Pieces) -> tuple[Absence, ...]:
    """Who is away when; the last day counts to its end."""
    found = []
    for one in pieces.named(line.node, "`absences`") if line else ():
        who = pieces.address(one.key, one.place)
        for node in one.node.value if one.node.is_list else [one.node]:
            both = _from_to(node, pieces, "Write `2026-12-21 to 2027-01-02`.")
            if both is not None and who:
                since, until = _midnight(both[0], zone), _midnight(both[1] + timedelta(days=1), zone)
                found.append(Absence(who, since, until))
    return tuple(found)


def _midnight(day: date, zone: str) -> Instant:
    return instant(datetime.combine(day, time(), ZoneInfo(zone)))
