"""Maintenance windows: when a connection is left alone; `maintenance` in the configuration. Pure.

maintenance:
shop:
- {days: [saturday, sunday], from: "22:00", to: "06:00", zone: Europe/London, hold: writes}
books: {from: "01:00", to: "02:30", hold: reads and writes, everything: true}

A window that ends before it begins ends on the day after. Refusals of consent and erasures go out all the same, unless
it holds `everything`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo, available_timezones

from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.instant import Instant, instant, moment

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Holds = Literal["writes", "reads and writes"]
_WORDS = ("days", "from", "to", "zone", "hold", "everything")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|(24:00)")


class Window(NamedTuple):
    """One window: on which days it begins, and from when to when by the clock of a zone (minutes of the day)."""

    days: frozenset[int]
    begins: int
    ends: int
    zone: str = "UTC"
    reads: bool = False
    """Whether nothing is read, either."""
    everything: bool = False
    """Whether refusals of consent wait, too."""


class Hold(NamedTuple):
    """What is held now, and until when."""

    until: Instant
    reads: bool
    everything: bool

    @property
    def what(self) -> str:
        """In words."""
        held = "reads and writes" if self.reads else "writes"
        return f"{held}, refusals of consent too" if self.everything else held


Windows = Mapping[str, tuple[Window, ...]]
"""Connection → its windows."""


def hold(windows: Iterable[Window], now: Instant) -> Hold | None:
    """What these windows hold at a moment; None where they hold nothing. Windows that touch are one."""
    found = [one for window in windows if (one := _open(window, now)) is not None]
    if not found:
        return None
    return Hold(max(one.until for one in found), any(one.reads for one in found), any(one.everything for one in found))


def _open(window: Window, now: Instant) -> Hold | None:
    zone = ZoneInfo(window.zone)
    today = moment(now).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # One that began yesterday may go on.
    for day in (today - timedelta(days=1), today):
        if day.weekday() in window.days:
            begins, ends = _at(day, window.begins, zone), _at(day, _end(window), zone)
            if begins <= now < ends:
                return Hold(ends, window.reads, window.everything)
    return None


def _end(window: Window) -> int:
    return window.ends if window.ends > window.begins else window.ends + 24 * 60


def _at(day: datetime, minutes: int, zone: ZoneInfo) -> Instant:
    """By the clock on the wall: a day with a change of the clock is longer or shorter."""
    whole = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=minutes // 1440)
    return instant(whole.replace(hour=minutes % 1440 // 60, minute=minutes % 60))


# From a text.


def load_windows(text: str, *, file: str, connections: Collection[str] | None = None) -> Windows:
    """What a text says; `MappingError` with everything that is wrong in it."""
    if not text.strip():
        return {}
    source = Source(file, text)
    root = source.tree()
    found = read_windows(root, source, connections) if root is not None else {}
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_windows(root: Node, source: Source, connections: Collection[str] | None = None) -> Windows:
    """What a node says; mistakes are noted in `source`, with their place. `connections` are those there are."""
    if root.value is None:
        return {}
    if not root.is_map:
        source.problem(root.place, "`maintenance` is not a map.", found=root.told(), expected="`connection: windows`")
        return {}
    found: dict[str, tuple[Window, ...]] = {}
    for line in root.entries:
        if connections is not None and line.key not in connections:
            remedy = did_you_mean(str(line.key), tuple(connections)) or "Name one that is declared."
            source.problem(line.place, f"There is no connection `{line.key}`.", remedy=remedy)
        nodes: Sequence[Node] = line.node.value if line.node.is_list else [line.node]
        windows = [one for node in nodes if (one := _window(node, source)) is not None]
        found[str(line.key)] = tuple(windows)
    return found


def _window(node: Node, source: Source) -> Window | None:
    if not node.is_map:
        source.problem(node.place, "This is no window.", found=node.told(), expected='`{from: "22:00", to: "06:00"}`')
        return None
    for one in node.entries:
        if one.key not in _WORDS:
            remedy = did_you_mean(one.key, _WORDS) or "Leave it out."
            source.problem(one.place, f"`{one.key}` is not a word of a window.", expected=one_of(_WORDS), remedy=remedy)
    said = {str(one.key): one for one in node.entries}
    begins, ends = _time("from", said, node, source), _time("to", said, node, source)
    days, zone, holds = _days(said, source), _zone(said, source), _holds(said, source)
    if begins is None or ends is None:
        return None
    if begins % 1440 == ends % 1440 and begins != 0:
        source.problem(node.place, "The window has no length.", remedy='Write `from: "00:00", to: "24:00"` for a day.')
        return None
    return Window(days, begins, ends, zone, holds == "reads and writes", _flag(said, source))


def _time(word: str, said: Mapping[str, Entry], node: Node, source: Source) -> int | None:
    line = said.get(word)
    text = str(line.node.plain()).strip() if line is not None else ""
    found = _TIME.fullmatch(text)
    if found is None or (word == "from" and found[3]):
        place = line.node.place if line is not None else node.place
        source.problem(
            place, f"The window does not say `{word}` when.", found=line.node.told() if line is not None else "nothing",
            expected="a time of the day", remedy=f'Write `{word}: "22:00"`, with the quotes.',
        )  # fmt: skip
        return None
    return 1440 if found[3] else int(found[1]) * 60 + int(found[2])


def _days(said: Mapping[str, Entry], source: Source) -> frozenset[int]:
    if "days" not in said:
        return frozenset(range(7))
    node = said["days"].node
    nodes = node.value if node.is_list else [node]
    found = set()
    for one in nodes:
        name = str(one.plain()).strip().lower()
        if name in DAYS:
            found.add(DAYS.index(name))
        else:
            remedy = did_you_mean(name, DAYS) or "Choose some of these."
            source.problem(one.place, f"`{name}` is no day.", expected=one_of(DAYS), remedy=remedy)
    return frozenset(found)


def _zone(said: Mapping[str, Entry], source: Source) -> str:
    if "zone" not in said:
        return "UTC"
    name = str(said["zone"].node.plain()).strip()
    zones = available_timezones()
    if name not in zones:
        remedy = did_you_mean(name, sorted(zones)) or "Look it up in the list of IANA time zones."
        source.problem(
            said["zone"].node.place, f"There is no time zone `{name}`.", expected="such as `Europe/London`",
            remedy=remedy,
        )  # fmt: skip
        return "UTC"
    return name


def _holds(said: Mapping[str, Entry], source: Source) -> Holds:
    if "hold" not in said:
        return "writes"
    word = str(said["hold"].node.plain()).strip()
    if word not in get_args(Holds):
        source.problem(
            said["hold"].node.place, f"`hold: {word}` is nothing that can be held.", expected=one_of(get_args(Holds)),
            remedy=did_you_mean(word, get_args(Holds)) or "Write `hold: writes`.",
        )  # fmt: skip
        return "writes"
    return cast("Holds", word)


def _flag(said: Mapping[str, Entry], source: Source) -> bool:
    if "everything" not in said:
        return False
    value = said["everything"].node.plain()
    if not isinstance(value, bool):
        source.problem(
            said["everything"].node.place, "`everything` is neither true nor false.", remedy="Write true or false."
        )
    return value is True
