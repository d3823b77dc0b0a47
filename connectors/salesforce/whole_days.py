"""Events of whole days: Salesforce ends them with their last day, everybody else with the midnight behind it.

What is shown and what is sent of `EndDateTime` is moved by a day, so that the mapping and the hub know one form.
"""

from __future__ import annotations

from connectors.salesforce.soql import instant_of
from core.model.instant import DAY, Instant, moment
from core.ports import Fields

EVENTS = "Event"
ENDS, STARTS, ALL_DAY = "EndDateTime", "StartDateTime", "IsAllDayEvent"


def shown(fields: Fields) -> Fields:
    """A row as the mapping knows it: one of whole days ends at the midnight behind the last."""
    if not fields.get(ALL_DAY) or not isinstance(ends := fields.get(ENDS), str):
        return fields
    return {**fields, ENDS: _text(instant_of(ends) + DAY)}


def sent(fields: Fields, held: Fields) -> Fields:
    """An edit as Salesforce knows it; `held` is what the row was last shown to be.

    Where an event becomes one of whole days, or is one no longer, its end is another day, too, though nobody moved it.
    """
    before, after = bool(held.get(ALL_DAY)), bool(fields.get(ALL_DAY, held.get(ALL_DAY)))
    ends = fields.get(ENDS, held.get(ENDS) if before != after else None)
    if not isinstance(ends, str):
        return fields
    if not after:
        return {**fields, ENDS: ends}
    starts = fields.get(STARTS, held.get(STARTS))
    last = instant_of(ends) - DAY
    # One that lasts no time is over on the day on which it begins.
    return {**fields, ENDS: _text(max(last, instant_of(starts)) if isinstance(starts, str) else last)}


def _text(at: Instant) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
