"""Undoable: which runs can be undone, and for those that cannot, why not and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.errors import ConfigError
from core.flow.aging import undoable_since
from core.flow.hub import Hub
from core.model.instant import HOUR
from core.model.many import many
from core.store import Tx, deliveries, history, reviews, runs
from core.store.reviews import Review
from core.store.runs import Run

_TOOLS_OWN = ("brake", "connection", "schema", "by_hand", "returned")
"""Questions whose answer lets something go on; what then went on has runs of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """A run that can be undone."""

    run: Run
    root: Run
    """What it comes down to: for the undo of an undo, the run that was undone first."""
    again: bool
    """Whether what the root did comes back."""
    record_ids: list[int]
    """The records it said something about, ascending."""
    reviews: dict[int, Review] = field(default_factory=dict)
    """The reviews that the root answered."""


def undoable(hub: Hub, run_id: int) -> Target:
    """The run, ready to be undone; `ConfigError` says why it cannot be."""
    with hub.store.reading() as tx:
        run = runs.one(tx, run_id)
        if run is None:
            raise ConfigError(
                f"There is no run {run_id}.", remedy="`concord status` and `concord log` show their numbers."
            )
        _refuse(hub, tx, run)
        if run.began_at < undoable_since(tx):
            raise ConfigError(
                f"Run {run_id} is too old to be undone: its edits are not told one by one any more.",
                remedy="`keep: {history: …}` says how long they are. Set right what must be with `concord edit`.",
            )
        root, depth = run, 0
        while root.what == "undo":
            earlier = runs.one(tx, root.subject["undoes"])
            if earlier is None:
                raise ConfigError(
                    f"What run {run_id} has undone is too old to be done again: it is not in the log any more.",
                    remedy="`keep: {runs: …}` says how long it is. Set right what must be with `concord edit`.",
                )
            root, depth = earlier, depth + 1
        target = Target(run, root, depth % 2 == 1, history.records_of_run(tx, run.id), _answered(tx, root))
    if not target.record_ids and not target.reviews:
        raise ConfigError(
            f"Run {run_id} changed nothing in the hub.", remedy=f"`concord log --run {run_id}` shows what it did."
        )
    return target


def _refuse(hub: Hub, tx: Tx, run: Run) -> None:
    if _is_running(hub, tx, run):
        raise ConfigError(f"Run {run.id} is still running.", remedy="Wait until it has ended, then undo it.")
    if run.what == "deliver":
        raise _carried(hub, tx, run)
    if run.what == "let_go" and not run.subject:
        raise ConfigError(
            f"Run {run.id} let go what was held for long enough.", remedy="Hold the field again: `concord hold`."
        )
    if run.what == "apply":
        raise _configured(hub, run)
    if run.what == "erase":
        raise ConfigError(
            f"Run {run.id} erased somebody, and nothing of them is left.",
            remedy="Who comes back by themselves is let in by answering the review about it: `concord reviews`.",
        )
    undo = next((one for one in runs.undos_of(tx, run.id) if _counts(tx, one)), None)
    if undo is not None:
        raise ConfigError(
            f"Run {run.id} was undone already, by run {undo.id}.", remedy=f"`concord undo {undo.id}` takes that back."
        )


def _counts(tx: Tx, undo: Run) -> bool:
    """Whether an undo was carried out to its end, and not undone itself."""
    if undo.ended_at is None or undo.code is not None:
        return False
    return not any(_counts(tx, one) for one in runs.undos_of(tx, undo.id))


def _is_running(hub: Hub, tx: Tx, run: Run) -> bool:
    if run.ended_at is not None:
        return False
    if run.connection_id == hub.own_id:
        # Acts hold no lease. One that ended with its process says nothing any more after a while.
        return run.began_at > hub.clock() - HOUR
    newest = next(iter(runs.recent(tx, connection_id=run.connection_id, limit=1)), run)
    return newest.id == run.id and runs.is_leased(tx, f"connection {run.connection_id}", now=hub.clock())


def _carried(hub: Hub, tx: Tx, run: Run) -> ConfigError:
    """A delivery decided nothing: name the runs whose claims it carried out."""
    sent = deliveries.of_run(tx, run.id)
    behind = history.runs_behind(tx, {one.record_id for one in sent}, max(one.at for one in sent)) if sent else {}
    names = {one.id: one.name for one in hub.connections.values()}
    told = []
    for id_, count in list(behind.items())[:5]:
        one = runs.one(tx, id_)
        if one is not None:
            whose = f" of {names[one.connection_id]}" if one.connection_id in names else ""
            what = " ".join(filter(None, (one.what, one.stream)))
            told.append(f"run {id_} ({what}{whose}, {many(count, 'record')})")
    return ConfigError(
        f"Run {run.id} only wrote to {names.get(run.connection_id, 'a tool')} what was decided elsewhere.",
        remedy=f"Undo what decided it: {', '.join(told)}."
        if told
        else "Undo the run that decided it; see `concord log`.",
    )


def _configured(hub: Hub, run: Run) -> ConfigError:
    names = {str(one.id): one.name for one in hub.connections.values()}
    earlier = [
        f"version {versions[0]} of the mapping of {names.get(str(id_), f'connection {id_}')}"
        for id_, versions in run.subject.get("mappings", {}).items()
    ]
    if run.subject.get("rules"):
        earlier.append("the earlier rules")
    return ConfigError(
        f"Run {run.id} put a configuration in force, and that is not undone by its number.",
        remedy=f"Put {' and '.join(earlier) or 'the earlier configuration'} in force again: `concord plan FILE` shows "
        "what that would do, `concord apply FILE` does it.",
    )


def _answered(tx: Tx, root: Run) -> dict[int, Review]:
    if root.what != "answer":
        return {}
    subject = root.subject
    found = reviews.by_ids(tx, subject.get("reviews") or [subject["review"]])
    if any(one.what in _TOOLS_OWN for one in found):
        raise ConfigError(
            f"Run {root.id} let something go on, and what then went on has runs of its own.",
            remedy="Undo those: `concord status` shows the latest runs, `concord log` all of them.",
        )
    return {one.id: one for one in found}


def answer_of(root: Run) -> str:
    """The answer as the closed reviews carry it."""
    word, actor = str(root.subject.get("word", "")), root.subject.get("actor")
    return word if actor is None else f"{word}, by {actor}"
