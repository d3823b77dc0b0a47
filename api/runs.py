"""Runs as people see them: what the hub and its people did, how long it took, what came of it, and what undid it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from api import acts
from core.errors import REGISTRY, ConfigError
from core.flow.hub import HUB
from core.model.instant import SECOND, iso
from core.store import connections, runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.assembly import Installation
    from core.store.runs import Run

Told = dict[str, Any]
WHATS = (
    "pull", "hear", "deliver", "capture", "edit", "answer", "assign", "escalate", "merge", "apply", "undo", "erase",
    "resync", "restore", "reunite", "mend", "choose", "hold", "let_go", "follow_through",
)  # fmt: skip
"""What a run may be."""


class Asked(NamedTuple):
    """Which runs are asked for; what is left out asks for all."""

    connection: str | None = None
    what: str | None = None
    stream: str | None = None
    failed: bool = False


class Page(NamedTuple):
    """A page of runs."""

    told: list[Told]
    older: int | None
    """Below which number the next page begins; None where there is none."""


def listed(installation: Installation, asked: Asked, *, below: int | None = None, limit: int = 50) -> Page:
    """Runs, newest first; three statements."""
    with installation.store.reading() as tx:
        names = {one.id: one.name for one in connections.all_connections(tx)}
        ids = {name: id_ for id_, name in names.items()}
        if asked.connection is not None and asked.connection not in ids:
            raise ConfigError(f"There is no connection '{asked.connection}'.", remedy="Choose one of the list.")
        connection_id = ids[asked.connection] if asked.connection is not None else None
        wanted = runs.Wanted(connection_id, asked.what, asked.stream, asked.failed)
        found, older = runs.listed(tx, wanted, below=below, limit=limit)
    return Page([_told(one, names, installation.clock()) for one in found], older)


def one(installation: Installation, run_id: int) -> Told | None:
    """One run with what it was about and the runs that took it back; None where there is none."""
    with installation.store.reading() as tx:
        run = runs.one(tx, run_id)
        if run is None:
            return None
        names = {one.id: one.name for one in connections.all_connections(tx)}
        undos = runs.undos_of(tx, run_id)
    entry = REGISTRY.get(run.code or "")
    return {
        **_told(run, names, installation.clock()),
        "happened": entry.happened if entry is not None else "",
        "remedy": entry.remedy if entry is not None else "",
        "undone_by": [one.id for one in undos if one.ended_at is not None and one.code is None],
        **_about(run),
    }


def _told(run: Run, names: Mapping[int, str], now: int) -> Told:
    ended = run.ended_at if run.ended_at is not None else now
    name = names.get(run.connection_id, "?")
    return {
        "id": run.id,
        "what": run.what,
        "connection": name if name != HUB else None,
        "stream": run.stream,
        "began_at": iso(run.began_at),
        "ended_at": iso(run.ended_at) if run.ended_at is not None else None,
        "seconds": round((ended - run.began_at) / SECOND, 2),
        "counts": {name: count for name, count in run.counts.items() if isinstance(count, int)},
        "code": run.code,
        "message": run.message,
    }


def _about(run: Run) -> Told:
    """What a person's act was about, in words and numbers; without the values that it was about."""
    subject = run.subject
    told: Told = {"about": "", "record": None, "undoes": subject.get("undoes"), "reviews": [], "change": []}
    told["reviews"] = list(subject.get("reviews") or ([subject["review"]] if subject.get("review") else []))
    if isinstance(subject.get("record"), int):
        told["record"] = subject["record"]
    if run.what in ("answer", "assign", "escalate") or (run.what == "apply" and "word" in subject):
        told["about"] = acts.sentence(run.what, subject, run.counts)
    elif run.what == "edit":
        told["about"] = f"edited {', '.join(subject.get('fields', []))}"
    elif run.what in ("hold", "let_go") and subject:
        told["about"] = f"{'held' if run.what == 'hold' else 'let go of'} {', '.join(subject['fields'])}"
    elif run.what == "merge" and "winner" in subject:
        told["about"] = f"record {subject['loser']} went into record {subject['winner']}"
        told["record"] = subject["winner"]
    change = subject.get("change") or {}
    told["change"] = [f"{name} added" for name in change.get("added", ())]
    told["change"] += [f"{name} removed" for name in change.get("removed", ())]
    told["change"] += [f"{name}: {', '.join(about)}" for name, about in (change.get("changed") or {}).items()]
    told["change"] += list(change.get("also", ()))
    return told
