"""Applying: a plan that was agreed to is put in force and carried out, and held against what was listed.

    put in force ▶ reconsider ▶ mark ▶ deliver (a few first, with a canary) ▶ compare with the plan, line by line

Where another process works the hub, that one carries it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api.changes import put
from api.config import Config
from api.engine import holder
from api.lock import engine_lock
from api.planning import Plan, touched
from api.restoring import noted
from core.errors import StoreError
from core.flow.outward.reconcile import reconcile
from core.flow.plan import canary
from core.flow.plan.wishing_back import wish_back
from core.flow.running import Run
from core.flow.sync import Turn, turn
from core.store import deliveries, outbox, plans, reviews
from core.store.codec import loads

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

Write = tuple[str, int, str, tuple[str, ...]]
"""(connection, record, verb, the tool's fields), as both a plan and the log know a write."""


@dataclass(slots=True)
class Applied:
    """What became of a plan."""

    run_id: int
    planned: int = 0
    done: int = 0
    """Lines that were carried out as listed."""
    undone: list[Write] = field(default_factory=list)
    """Lines that were not, or not so: refused, halted, put off, or overtaken by an edit."""
    unplanned: list[Write] = field(default_factory=list)
    """Writes that were waiting before, or that an edit meanwhile has brought."""
    halted: list[str] = field(default_factory=list)
    """Connections that stopped, because the first few went wrong or because the brake holds them."""
    left_to: str = ""
    """Who carries it out, where another process works the hub."""
    turns: list[Turn] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "run": self.run_id,
            "planned": self.planned,
            "done": self.done,
            "undone": [_shown(one) for one in self.undone],
            "unplanned": [_shown(one) for one in self.unplanned],
            "halted": self.halted,
            "left_to": self.left_to,
            "errors": {one.connection: one.error.to_json() for one in self.turns if one.error is not None},
        }


def _shown(one: Write) -> dict[str, Any]:
    connection, record_id, verb, fields = one
    return {"connection": connection, "record": record_id, "verb": verb, "fields": list(fields)}


def apply_plan(
    installation: Installation, config: Config, plan: Plan, *, few: int = 0, undoes: int | None = None
) -> Applied:
    """Put the plan's change in force and carry it out; with `few`, so many records first, read back and compared.

    `undoes` is the run that this one takes back, where it is an undo.
    """
    hub = installation.hub()
    plan_id = _kept(installation, plan)
    subject = {"plan": plan_id, "change": plan.change.to_json(), "before": noted(installation, plan.change)}
    if undoes is not None:
        subject["undoes"] = undoes
    with Run(hub, hub.own_id, "apply", subject=subject) as run:
        put(installation, config, plan.change, run_id=run.id)
        names = {one.connection for one in plan.shares if one.writes}
        with installation.store.writing() as tx:
            for one in installation.hub().connections.values():
                canary.supersede(tx, one.id, now=installation.clock())
                if few and one.name in names:
                    canary.ask_for(tx, one.id, few, run_id=run.id)
        applied = Applied(run.id, planned=len(plan.lines))
        try:
            with engine_lock(installation, "concord apply"):
                _carry_out(installation, plan, applied)
        except StoreError as error:
            if error.error_code != "store.busy":
                raise
            applied.left_to = error.message
        run.counts = {"planned": applied.planned, "done": applied.done}
        if joined := plan.rematched.get("joined"):
            run.counts["joined"] = joined
    with installation.store.writing() as tx:
        plans.carried_out(tx, plan_id, state="halted" if applied.halted else "applied", run_id=run.id)
    return applied


def _kept(installation: Installation, plan: Plan) -> int:
    """What was agreed to, line by line, for whoever asks later."""
    lines = [list(line) for line in plan.lines]
    told = plan.to_json()
    with installation.store.writing() as tx:
        return plans.keep(tx, at=installation.clock(), subject=plan.change.to_json(), summary=told, lines=lines)


def _carry_out(installation: Installation, plan: Plan, applied: Applied) -> None:
    since = _newest_delivery(installation)
    installation.reconsider()
    hub = installation.hub()
    wish_back(hub, plan.undone)
    for connection in hub.connections.values():
        if connection.name in touched(plan.change):
            reconcile(hub, connection)
    _agreed(hub, plan)
    for connection in hub.connections.values():
        if connection.state == "active":
            applied.turns.append(turn(hub, connection, pulls=False, holder=holder(installation)))
    _hold_against(hub, plan, applied, since)


def _agreed(hub: Hub, plan: Plan) -> None:
    """Somebody has seen these lines and agreed to them: the brake need not ask again."""
    for connection in hub.connections.values():
        ids = {line.record_id for line in plan.lines if line.connection == connection.name}
        if ids:
            with hub.store.writing() as tx:
                outbox.look(tx, connection.id)
                outbox.release(tx, connection.id, ids)


def _hold_against(hub: Hub, plan: Plan, applied: Applied, since: int) -> None:
    """The plan's lines and the log's, counted against each other."""
    names = {one.id: one.name for one in hub.connections.values()}
    with hub.store.reading() as tx:
        log = [one for one in deliveries.after(tx, since) if one.outcome == "done"]
        braked = {one.connection_id for one in reviews.open_reviews(tx, limit=10_000) if one.what == "brake"}
    sent = Counter((names[one.connection_id], one.record_id, one.verb, tuple(loads(one.fields))) for one in log)
    lines: Iterable[Write] = (
        (one.connection, one.record_id, one.verb, tuple(sorted(one.fields))) for one in plan.lines
    )
    listed = Counter(lines)
    applied.done = (listed & sent).total()
    applied.undone = sorted((listed - sent).elements())
    applied.unplanned = sorted((sent - listed).elements())
    applied.halted = sorted(names[id_] for id_ in braked if id_ in names)


def _newest_delivery(installation: Installation) -> int:
    with installation.store.reading() as tx:
        return deliveries.newest(tx)
