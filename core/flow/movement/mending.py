"""Mending: what does not fit together about a record is set right on a person's word, once, and can be undone.

findings now ▶ move: the person's word for its stage ▶ fold ▶ outbox
└▶ or a task for its owner, who finds out
"""

from __future__ import annotations

from core.decide.movement.doing import about
from core.decide.movement.policy import Step
from core.decide.movement.reality import MENDED, Finding, findings
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.hub import Hub
from core.flow.making import make_each
from core.flow.movement.gathering import subjects
from core.flow.running import Run
from core.flow.saying import say_in
from core.model.instant import iso
from core.model.values import Json
from core.store import records, steps
from core.store.database import serialise
from core.store.steps import Taken


def unreal(hub: Hub, record_id: int) -> list[Finding]:
    """What does not fit together about a record now; `ConfigError` where there is no such record."""
    with hub.store.reading() as tx:
        found, _ = subjects(hub, tx, [record_id])
    if not found:
        raise ConfigError(
            f"There is no open record {record_id}.", remedy="`concord audit --unreal` lists those to be mended."
        )
    return findings(hub.movement, found[0], hub.clock())


def mend(hub: Hub, record_id: int, what: str, *, by_task: bool = False) -> int | None:
    """Mend a finding (`what` is its word): move the record's stage, or give its owner a task where nothing tells which.

    `by_task` gives the task in any case. Gives the run by which it is undone, None where the task is there already;
    `ConfigError` where there is nothing like that to mend any more.
    """
    finding = next((one for one in unreal(hub, record_id) if one.what == what), None)
    if finding is None:
        raise ConfigError(f"Nothing like that is left to mend about record {record_id}.", remedy="Look again.")
    subject = {"record": record_id, "finding": what, "stage": finding.stage}
    with Run(hub, hub.own_id, "mend", subject=subject) as run:
        if finding.move and not by_task:
            say_in(hub, run, record_id, finding.move)
            return run.id
        return run.id if _set_down(hub, run, record_id, finding) else None


def _set_down(hub: Hub, run: Run, record_id: int, finding: Finding) -> bool:
    """A task for whoever owns the record; not a second one for the same finding."""
    now = hub.clock()
    with hub.store.writing(durable=True) as tx:
        serialise(tx, records.CHANGING)
        (subject,), _ = subjects(hub, tx, [record_id])
        name = f"{MENDED}{record_id} {finding.what} {finding.stage} {finding.word} by {finding.shown_by or 0}"
        if name in subject.taken:
            return False
        values: dict[str, Json] = {
            "type": "task",
            "subject": finding.task,
            "body": finding.because,
            "status": "planned",
            "done": False,
            "due_at": iso(now),
            "created_at": iso(now),
            **about(subject),
        }
        if subject.owner is not None and subject.owner.can_act:
            values["owner"] = subject.owner.record_id
        changes = Changes(now, run.id)
        (made,) = make_each(hub, tx, changes, "activity", [values])
        changes.write(tx)
        steps.take(tx, [Taken(name, record_id, str(Step.TASK), made, run.id, now)])
    return True
