"""Undoing as a door shows it: exactly what taking a run back would do, and then that and nothing else.

    look ▶ a plan with its mark ▶ somebody agrees ▶ the plan is made again ▶ the same mark? ▶ it is carried out

The run of an `apply` put a configuration in force; undoing it is a change like any other. One undo at a time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from api.agreed import mark_of
from api.listing import title
from core.errors import ConfigError
from core.flow.holders import this_process
from core.flow.leasing import held, take
from core.flow.undo import undoing
from core.store import runs

if TYPE_CHECKING:
    from api.applying import Applied
    from api.assembly import Installation
    from api.changes import Changes
    from api.config import Config
    from api.planning import Plan
    from core.flow.hub import Hub
    from core.flow.undo.undoing import Undoing
    from core.store.records import Record
    from core.store.runs import Run

Told = dict[str, Any]
STALE = "undo.stale"
_LEASE = "undo"


class Change(NamedTuple):
    """What undoing an `apply` comes to: the earlier configuration, how it differs, and what that would do."""

    config: Config
    change: Changes
    plan: Plan


@dataclass(slots=True)
class Foreseen:
    """What an undo would do, as a page tells it."""

    run: Run
    mark: str
    records: int = 0
    tools: list[Told] = field(default_factory=list)
    """What each tool would be sent."""
    kept: list[Told] = field(default_factory=list)
    """What stays in the hub, and why."""
    left: list[Told] = field(default_factory=list)
    """What stays in the tools, and why."""
    reviews: list[int] = field(default_factory=list)
    """What would be asked again."""
    configuration: list[str] = field(default_factory=list)
    """What would be in force again, where a change of the configuration is undone."""
    change: Change | None = None

    @property
    def writes(self) -> int:
        """Records that tools would be sent."""
        return sum(one["creates"] + one["updates"] + one["deletes"] for one in self.tools)


def foresee(installation: Installation, run_id: int) -> Foreseen:
    """What undoing a run would do; nothing is changed. `ConfigError` says why it cannot be."""
    with installation.store.reading() as tx:
        run = runs.one(tx, run_id)
    if run is not None and run.what == "apply":
        return _of_change(run, plan_change(installation, run))
    hub = installation.hub()
    return _of_run(hub, undoing.plan_undo(hub, run_id))


def carry_out(installation: Installation, run_id: int, mark: str) -> int:
    """Undo a run as it was shown; gives the number of the undo.

    `ConfigError` where it cannot be undone, where another undo is under way, and (`undo.stale`) where it would do
    something else by now than what was agreed to: then nothing is changed.
    """
    hub = installation.hub()
    lease = take(hub, _LEASE, f"{this_process()} {secrets.token_hex(8)}")
    if lease is None:
        raise ConfigError(
            "Another undo is being carried out just now; nothing was changed.",
            remedy="Wait until it has ended, as the list of runs tells, then look again.",
        )
    with held(hub, _LEASE, lease):
        found = foresee(installation, run_id)
        if found.mark != mark:
            raise ConfigError(
                "What this undo would do has changed since you looked; nothing was undone.",
                code=STALE, remedy="Here is how it is now. Look, then press the button again.",
            )  # fmt: skip
        if found.change is None:
            return undoing.undo(hub, run_id)
        return apply_change(installation, run_id, found.change).run_id
    raise ConfigError("The undo was broken off.", remedy="Look at the list of runs, then do it again: it goes on.")


def plan_change(installation: Installation, run: Run) -> Change:
    """What putting in force again what an `apply` replaced would do."""
    from api.changes import changes, verify
    from api.planning import make_plan
    from api.restoring import earlier, lines_of

    config = earlier(installation, run)
    change = changes(installation, config)
    if not change.any:
        raise ConfigError(
            f"What run {run.id} replaced is in force already.", remedy="See `concord log` for who put it in force."
        )
    verify(installation, config)
    return Change(config, change, make_plan(installation, config, change, undone=lines_of(installation, run)))


def apply_change(installation: Installation, run_id: int, found: Change) -> Applied:
    """Put the earlier configuration in force, and carry out what its plan lists."""
    from api.applying import apply_plan

    return apply_plan(installation, found.config, found.plan, undoes=run_id)


def _of_run(hub: Hub, planned: Undoing) -> Foreseen:
    tools = [
        {
            "name": name, "creates": one.creates, "updates": one.updates, "deletes": one.deletes,
            "fields": one.fields.most_common(), "samples": [], "unusual": [],
        }
        for name, one in planned.tools.items()
    ]  # fmt: skip
    kept = [
        {"record": _named(hub, one.record), "field": one.field, "value": one.value, "by": one.source, "at": one.at,
         "why": one.why}
        for one in planned.kept
    ]  # fmt: skip
    left = [{"record": _named(hub, one.record), "connection": one.connection, "why": one.why} for one in planned.left]
    return Foreseen(planned.run, mark_of(planned.to_json()), planned.records, tools, kept, left, sorted(planned.opened))


def _named(hub: Hub, record: Record) -> Told:
    return {"kind": record.kind, "id": record.id, "title": title(hub.shapes, record)}


def _of_change(run: Run, found: Change) -> Foreseen:
    plan, change = found.plan, found.change
    lines = sorted([one.connection, one.record_id, str(one.verb), sorted(one.fields)] for one in plan.lines)
    tools = [
        {
            "name": one.connection, "creates": one.creates, "updates": one.updates, "deletes": one.deletes,
            "fields": one.fields.most_common(), "samples": one.samples, "unusual": one.unusual,
        }
        for one in plan.shares if one.writes
    ]  # fmt: skip
    told = [f"{name} is taken away" for name in change.removed] + [f"{name} is there again" for name in change.added]
    told += [f"{name}: {', '.join(about)} as before" for name, about in change.changed.items()]
    told += [f"{what} as before" for what in change.texts]
    records = len({one.record_id for one in plan.lines})
    mark = mark_of([change.to_json(), lines])
    return Foreseen(run, mark, records, tools, configuration=told, change=found)
