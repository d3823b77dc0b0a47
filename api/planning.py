"""Plans: exactly what a change of the configuration would do in every tool, before anybody agrees to it.

The change is made to a shadow of the store and worked off there, with ghosts for tools (`core.flow.plan.planning`);
no tool is called. What is added here is what an admin asks next: how many calls, how long, what of today's quota,
which records, and who is concerned.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.assembly import Installation
from api.capturing import FILE as CAPTURE
from api.changes import Changes, put
from api.config import Config
from api.listing import title
from api.queries import pace
from connectors._kit.catalogue import entry
from core.flow.plan.ghosts import Line
from core.flow.plan.planning import Calls, Foreseen, before, foresee
from core.flow.plan.wishing_back import wish_back
from core.flow.sync import turn
from core.ports import Verb
from core.store import records
from core.store.shadow import fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.flow.hub import Hub
    from core.manifest import Manifest
    from core.store.records import Record

SAMPLES = 5
"""Lines shown of each connection."""


@dataclass(slots=True)
class Share:
    """What a plan would do in one tool."""

    connection: str
    creates: int = 0
    updates: int = 0
    deletes: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    """The tool's field → records in which an update changes it."""
    calls: Calls = field(default_factory=Calls)
    seconds: float | None = None
    """How long it would take; None where nothing is known of the tool's pace."""
    paced_by: str = ""
    quota: float | None = None
    """The share of a day's calls; None where the tool states no such number."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    unusual: list[str] = field(default_factory=list)
    """What the brake would say, had nobody agreed."""
    waiting: int = 0
    """Records among these that were waiting to be written anyway."""
    taken_as_empty: bool = False

    @property
    def writes(self) -> int:
        """Records written."""
        return self.creates + self.updates + self.deletes


@dataclass(slots=True)
class Plan:
    """Everything a change would do."""

    change: Changes
    foreseen: Foreseen
    shares: list[Share]
    undone: Sequence[Line] = ()
    """The lines of an earlier plan that it takes back."""
    rematched: dict[str, Any] = field(default_factory=dict)
    """What changed block lists or tiers would join, ask about, and leave joined (`core.flow.identity.rematching`)."""

    @property
    def writes(self) -> int:
        """Records written when it is applied; a tool that was never read is written to by a later sync."""
        return sum(one.writes for one in self.shares if not one.taken_as_empty)

    @property
    def lines(self) -> list[Line]:
        """What is written when it is applied."""
        return [one for one in self.foreseen.lines if one.connection not in self.foreseen.unread]

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it: counts and samples; the lines are kept when the plan is applied."""
        foreseen = self.foreseen
        return {
            "change": self.change.to_json(),
            "writes": self.writes,
            "connections": {one.connection: _told(one) for one in self.shares},
            "values": {
                kind: {name: asdict(counts) for name, counts in sorted(fields.items())}
                for kind, fields in sorted(foreseen.values.items())
            },
            "consent": dict(foreseen.consent),
            "new_records": dict(foreseen.made),
            "reviews": dict(foreseen.questions),
            "matched": self.rematched,
        }


def _told(one: Share) -> dict[str, Any]:
    return {
        "creates": one.creates,
        "updates": one.updates,
        "deletes": one.deletes,
        "fields": dict(one.fields.most_common()),
        "calls": {"writes": one.calls.writes, "reads": one.calls.reads},
        "quota": one.quota,
        "seconds": one.seconds,
        "paced_by": one.paced_by,
        "unusual": one.unusual,
        "waiting": one.waiting,
        "taken_as_empty": one.taken_as_empty,
        "samples": one.samples,
    }


def make_plan(
    installation: Installation,
    config: Config | None,
    change: Changes,
    *,
    read: bool = False,
    begins: str = "",
    undone: Sequence[Line] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """What putting this configuration in force would do; without one, what the next sync would write.

    With `read` the tools are read first, so that what they hold by now, and what a new one holds, is known; they are
    not written to. `begins` is a paused connection that is taken to go on, and the only one that is read. `undone` are
    the lines of a plan that this change takes back. `tell` hears what is done just now.
    """
    tell("What is held is copied.")
    with shadowed(installation) as shadow:
        if begins:
            shadow.resume(begins)
        hub = shadow.hub()
        earlier = before(hub)
        if config is not None:
            tell("The change is made to the copy, and every record that it touches is worked out anew.")
            put(shadow, config, change)
            shadow.reconsider()
            hub = shadow.hub()
            wish_back(hub, undone)
        if read:
            tell("The tools are read.")
            _read_tools(installation, shadow, change, {begins} if begins else None)
            hub = shadow.hub()
        tell("What would be written is worked out, without calling a tool.")
        foreseen = foresee(hub, earlier, whole=touched(change))
        shares = _shares(hub, foreseen)
        rematched = shadow.rematched() if "match" in change.texts else {}
    _paced(installation, shares)
    return Plan(change, foreseen, shares, undone, rematched)


def touched(change: Changes) -> set[str]:
    """The connections of which every record is to be looked at again; what rules change is marked record by record."""
    looked_at = {"connector", "mapping", "streams"}
    every = set(change.changed) if {"locale", "custom fields", "topics"} & set(change.texts) else set()
    return every | {*change.added} | {name for name, about in change.changed.items() if looked_at & set(about)}


@contextmanager
def shadowed(installation: Installation) -> Iterator[Installation]:
    """An installation of its own on a copy of the store as of now, in a folder that nobody else may read."""
    with tempfile.TemporaryDirectory(prefix="concord-plan-") as folder:
        settings = installation.settings.model_copy(update={"data": Path(folder), "database_url": None})
        for own in (installation.settings.data / name for name in ("blocks.yaml", CAPTURE)):
            if own.exists():
                shutil.copy(own, folder)
        with Installation(
            settings, clock=installation.clock, sleep=installation.sleep, vault=installation.vault, scratch=True
        ) as shadow:
            fill(installation.store, shadow.store)
            shadow.refresh()
            yield shadow


def _read_tools(
    installation: Installation, shadow: Installation, change: Changes, names: Collection[str] | None
) -> None:
    """Take in what the tools hold, through the connectors that are open already wherever they stay as they are."""
    from dataclasses import replace

    own = set(change.added) | {name for name, about in change.changed.items() if {"connector", "settings"} & set(about)}

    def connector(name: str) -> Any:
        return shadow.connector(name) if name in own else installation.connector(name)

    hub = replace(shadow.hub(), open=connector)
    for connection in hub.connections.values():
        if connection.state != "active" or (names is not None and connection.name not in names):
            continue
        done = turn(hub, connection, delivers=False, holder="plan")
        if done.error is not None:
            raise done.error


# What is counted.


def _shares(hub: Hub, foreseen: Foreseen) -> list[Share]:
    shares = {name: Share(name, taken_as_empty=True) for name in foreseen.unread}
    shown: dict[str, list[Line]] = {}
    for line in foreseen.lines:
        one = shares.setdefault(line.connection, Share(line.connection))
        if line.verb == Verb.CREATE:
            one.creates += 1
        elif line.verb == Verb.UPDATE:
            one.updates += 1
            one.fields.update(line.fields.keys())
        else:
            one.deletes += 1
        some = shown.setdefault(line.connection, [])
        if len(some) < SAMPLES:
            some.append(line)
    named = _named(hub, [line.record_id for lines in shown.values() for line in lines])
    for name, one in shares.items():
        one.calls = foreseen.calls.get(name, Calls())
        one.waiting = foreseen.waiting[name]
        one.unusual = foreseen.unusual.get(name, [])
        one.samples = [_sample(hub, line, named.get(line.record_id)) for line in shown.get(name, ())]
    return list(shares.values())


def _named(hub: Hub, ids: Collection[int]) -> Mapping[int, Record]:
    with hub.store.reading() as tx:
        return records.load(tx, ids)


def _sample(hub: Hub, line: Line, record: Record | None) -> dict[str, Any]:
    return {
        "verb": line.verb,
        "stream": line.stream,
        "id": line.remote_id,
        "record": line.record_id,
        "title": title(hub.shapes, record) if record else "",
        "fields": {path: {"before": before, "after": after} for path, (before, after) in line.fields.items()},
    }


# How long, and what of the quota.


def _paced(installation: Installation, shares: Sequence[Share]) -> None:
    """The pace of each tool, from its latest deliveries, and no faster than its limits allow."""
    hub = installation.hub()
    ids = {one.name: one for one in hub.connections.values()}
    for share in shares:
        connection = ids.get(share.connection)
        if connection is None or not share.calls.all:
            continue
        manifest = entry(connection.connector).manifest
        with installation.store.reading() as tx:
            measured = pace(tx, connection.id)
        share.seconds, share.paced_by = _seconds(share, measured, manifest)
        if manifest.limits.daily:
            share.quota = share.calls.all / manifest.limits.daily


def _seconds(share: Share, measured: float | None, manifest: Manifest) -> tuple[float | None, str]:
    """Seconds, and by what they are known."""
    limits = manifest.limits
    least = share.calls.all * limits.per_seconds / limits.requests if limits.requests else None
    if measured is not None:
        seconds = measured * share.writes
        if least is None or seconds >= least:
            return seconds, "as fast as its latest deliveries"
    return (least, "the tool's own limit") if least is not None else (None, "")
