"""Choosing: what a person says about their own consent, first hand. The only words that may widen.

It is said in the hub like an admin's edit, but as the person's own: newer than what any source says by itself, it
answers an earlier refusal. What was not touched is not said, so that a page that was left open decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.desk import load_works
from core.flow.hub import Hub
from core.flow.refold import refold
from core.flow.running import Run
from core.flow.saying import say_on
from core.model.consent import ALL, PREFIX, channel, topic
from core.model.values import Json
from core.store import records
from core.store.records import Record, State

FREQUENCY = "email_frequency"


class Choice(NamedTuple):
    """One thing a person may say yes or no to."""

    field: str
    channel: str
    topic: str | None
    doc: str
    status: Json
    """What stands: granted, denied, … or None where nobody has said anything."""

    @property
    def is_on(self) -> bool:
        """Whether the person may be written to for this."""
        return bool(self.status == "granted")


def person(hub: Hub, record_id: int) -> Record | None:
    """Whoever a record is now; None for one that is deleted or erased, or never was."""
    with hub.store.reading() as tx:
        into = records.merged_into(tx, [record_id]).get(record_id, record_id)
        found = records.load(tx, [into]).get(into)
    return found if found is not None and found.state in (State.LIVE, State.ARCHIVED) else None


def choices(hub: Hub, record: Record) -> list[Choice]:
    """What a person may decide, the channels in order and their topics below them."""
    shape, values = hub.shapes[record.kind], record.values
    found = [
        Choice(name, channel(name), topic(name), shape.fields[name].doc, values.get(name)) for name in shape.consents
    ]
    order = {one: place for place, one in enumerate(dict.fromkeys(one.channel for one in found))}
    return sorted(found, key=lambda one: (order[one.channel], one.topic or ""))


def choose(
    hub: Hub,
    record: Record,
    wanted: Mapping[str, bool],
    *,
    frequency: str | None = None,
    proof: Mapping[str, Json] | None = None,
) -> int | None:
    """Say what differs from what stands, in the person's own name; gives the run, None where nothing differs.

    `wanted` field → yes or no; a no where nothing was ever said is said all the same, since it was asked. `proof` is
    kept in the ledger: the page or mail, the version of its words. `ConfigError` for a field that is no consent.
    """
    known = {one.field: one for one in choices(hub, record)}
    unknown = wanted.keys() - known.keys()
    if unknown:
        raise ConfigError(f"'{min(unknown)}' is nothing that a {record.kind} consents to.")
    wanted = {**wanted, **_not_all(known, wanted)}
    said: dict[str, Json] = {
        name: "granted" if yes else "denied"
        for name, yes in wanted.items()
        if known[name].status != ("granted" if yes else "denied")
    }
    if frequency is not None and frequency != record.values.get(FREQUENCY):
        said[FREQUENCY] = frequency
    if not said:
        return None
    subject: dict[str, Any] = {"record": record.id, "fields": sorted(said), "by": "the person"}
    with Run(hub, hub.own_id, "choose", subject=subject) as run:
        changes = Changes(hub.clock(), run.id)
        with hub.store.writing(durable=True) as tx:
            works = load_works(hub, tx, [record.id])
            say_on(hub, tx, changes, works[record.id], said, explicit=True, proof=proof)
            refold(hub, tx, changes, list(works.values()), cause="live")
            changes.write(tx)
        run.counts = {"said": len(said)}
    return run.id


def _not_all(known: Mapping[str, Choice], wanted: Mapping[str, bool]) -> dict[str, bool]:
    """Whoever says yes to something takes a do-not-contact back, which would cover it; that alone permits nothing."""
    never = known.get(f"{PREFIX}{ALL}")
    takes_back = never is not None and never.status == "denied" and any(wanted.values())
    return {never.field: True} if takes_back and never is not None else {}
