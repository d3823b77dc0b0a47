"""Changing when something is: beginning, end, whole days, time zone and the rule of a series, as one thought.

A line whose moment and form stay is not touched. A changed one keeps its own form (its zone, UTC, a day) unless the
zone or `all_day` itself was changed. An end told by DURATION stays a DURATION.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors._kit.dav.draft import Draft, plain
from connectors.caldav.component import CalendarError, Component, calendar, main_of
from connectors.caldav.entry import END, END_FIELD, EVENT, Timing, timing
from connectors.caldav.series import dissolve, fitted, move
from connectors.caldav.times import DAY, IN_UTC, Form, When, after, moment_of, span, when
from connectors.caldav.zones import Zones, described, iana, is_utc
from core.model.values import Json
from core.ports import Fields

_ONE_DAY = timedelta(days=1)
NAMES = ("starts", "ends", "due", "all_day", "time_zone")
_RULE = re.compile(r"(?i)FREQ=[A-Z]+(;[A-Z-]+=[^;:]+)*|[A-Z-]+=[^;:]+;(.*;)?FREQ=[A-Z]+(;.*)?")


class _Scene(NamedTuple):
    """What a change of times stands on."""

    draft: Draft
    whole: Component
    main: Component
    zones: Zones
    before: Timing

    @property
    def end_field(self) -> str:
        return END_FIELD[self.main.name]


def put_times(draft: Draft, name: str, zone: str, changes: Fields) -> None:
    """Change beginning, end, whole days and time zone. `zone` is that of times which name none."""
    scene, before = _scene(draft, name, zone), draft.text
    all_day = _flag(changes["all_day"]) if "all_day" in changes else scene.before.all_day
    named = _zone_named(scene, changes)
    starts = _wanted(scene, "starts", changes, scene.before.starts, all_day=all_day, named=named)
    ends = _wanted(scene, scene.end_field, changes, scene.before.ends, all_day=all_day, named=named)
    _hold_together(scene, starts, ends)
    if starts and scene.before.starts:
        move(draft, scene.whole, scene.main, scene.zones, scene.before.starts, starts)
    _put(draft, "DTSTART", starts, scene.zones)
    _put_end(scene, starts, ends, changes)
    if draft.text != before:
        _describe_zones(draft, scene, [starts, ends])


def put_rule(draft: Draft, name: str, zone: str, value: Json) -> None:
    """Make it a series by this rule, or none any more."""
    scene, rule = _scene(draft, name, zone), plain("repeats", value).removeprefix("RRULE:")
    held = scene.main.named("RRULE")
    if rule and not _RULE.fullmatch(rule):
        raise CalendarError(f"'repeats' takes a rule like FREQ=WEEKLY;BYDAY=MO, not '{rule[:40]}'")
    if not rule:
        if held:
            dissolve(draft, scene.whole, scene.main)
        return
    rule = fitted(rule, scene.before.starts)
    if held and held[0].value.strip() != rule:
        draft.swap(held[0], rule)
    elif not held:
        draft.add("RRULE", rule)


def fit_rule(draft: Draft, name: str, zone: str) -> None:
    """Let the end of a series have the form that its beginning has now."""
    scene = _scene(draft, name, zone)
    for line in scene.main.named("RRULE"):
        if (rule := fitted(line.value, scene.before.starts)) != line.value:
            draft.swap(line, rule)


def _scene(draft: Draft, name: str, zone: str) -> _Scene:
    whole = calendar(draft.lines)
    main = main_of(whole, name)
    if main is None:
        raise CalendarError("there is no such entry in it any more")
    zones = Zones(whole, zone)
    return _Scene(draft, whole, main, zones, timing(main, zones))


def _zone_named(scene: _Scene, changes: Fields) -> Form | None:
    """The form of times in the zone that a change names; None when none is named or it is the one that stands."""
    if "time_zone" not in changes:
        return None
    name = plain("time_zone", changes["time_zone"])
    if name == scene.before.zone:
        return None
    if not name or is_utc(name):
        return IN_UTC
    known = iana(name)
    if not known:
        raise CalendarError(f"'time_zone' takes a name like Europe/London, not '{name[:40]}'")
    return Form(is_day=False, zone=ZoneInfo(known), tzid=known)


def _wanted(
    scene: _Scene, field: str, changes: Fields, held: When | None, *, all_day: bool, named: Form | None
) -> When | None:
    """A point in time as it is to be after the change."""
    moment = moment_of(field, changes[field]) if field in changes else held and held.moment
    if moment is None:
        return None
    if all_day:
        return When(_midnight(moment, scene, named), DAY)
    others = [one.form for one in (held, scene.before.starts, scene.before.ends) if one and not one.form.is_day]
    return When(moment, named or next(iter(others), IN_UTC))


def _midnight(moment: datetime, scene: _Scene, named: Form | None) -> datetime:
    """The day of a moment: a midnight in UTC names its day itself, another moment is looked at in the zone."""
    if moment.time() != time():
        points = (scene.before.starts, scene.before.ends)
        held = next((one.form.zone for one in points if one and not one.form.is_day), scene.zones.default)
        moment = moment.astimezone(named.zone if named else held)
    return datetime.combine(moment.date(), time(), UTC)


def _hold_together(scene: _Scene, starts: When | None, ends: When | None) -> None:
    if starts is None and scene.main.name == EVENT:
        raise CalendarError("an event needs a beginning")
    if starts and ends and ends.moment < starts.moment and scene.before.by:
        raise CalendarError("it would end before it begins")


def _put_end(scene: _Scene, starts: When | None, ends: When | None, changes: Fields) -> None:
    """The end as it is told: by its own property or by DURATION; whole days of an event end after the last one."""
    draft, name = scene.draft, END[scene.main.name]
    length = ends.moment - starts.moment if starts and ends and ends.form.is_day and scene.main.name == EVENT else None
    if not scene.before.by and (length == _ONE_DAY or changes.get(scene.end_field) is None):
        return
    lengths = scene.main.named("DURATION")
    if ends and starts and ends.moment < starts.moment:
        raise CalendarError("it would end before it begins")
    if ends is None or (length is not None and not length):
        draft.remove([*lengths, *scene.main.named(name)])
    elif lengths and scene.before.by == "DURATION" and starts:
        if after(starts, lengths[0].value) != ends.moment:
            draft.swap(lengths[0], span(starts.moment, ends.moment, is_day=ends.form.is_day))
    else:
        draft.remove(lengths)
        _put(draft, name, ends, scene.zones)


def _put(draft: Draft, name: str, wanted: When | None, zones: Zones) -> None:
    held = draft.named(name)[:1]
    if wanted is None:
        draft.remove(held)
        return
    if held and when(held[0], zones) == wanted:
        return
    tokens, value = wanted.form.spelled(wanted.moment)
    if held:
        draft.swap(held[0], value, [*held[0].without("VALUE", "TZID"), *tokens])
    else:
        draft.add(name, value, tokens)


def _describe_zones(draft: Draft, scene: _Scene, points: list[When | None]) -> None:
    """An object holds the rules of every zone that it names."""
    for tzid in dict.fromkeys(one.form.tzid for one in points if one and one.form.tzid):
        if not scene.zones.describes(tzid) and iana(tzid) == tzid:
            place = draft.place_of(scene.whole.inner[0].first)
            draft.lines[place:place] = described(tzid, draft.end)


def _flag(value: Json) -> bool:
    if value not in (True, False, None, ""):
        raise CalendarError("'all_day' takes yes or no")
    return bool(value)
