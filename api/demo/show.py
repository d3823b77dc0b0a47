"""Runs the demo: syncs until all sides agree, shows it in a live table, then keeps running or prints the figures.

A field under an open question is neither agreed nor out of step: it waits for a person, and is counted apart.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from api import serving
from api.cli import output
from api.cli.opening import settings
from api.demo import hubspot, salesforce
from api.demo.stage import Journal, Stage, staged
from api.demo.tour import tour
from api.ending import ended_by_signals, leave_now
from api.engine import Round, api_calls, turn_crank
from api.lock import engine_lock
from api.snapshot import snapshot
from core.store import deliveries

if TYPE_CHECKING:
    from rich.table import Table

    from api.settings import Settings

_LOOK_EVERY = 0.3
"""Seconds between two pictures of the table."""


def run(*, once: bool, as_json: bool, host: str, port: int | None) -> None:
    """The whole show."""
    chosen = _settings()
    began = time.monotonic()
    if not as_json:
        output.say(f"Setting up Bluebird Bakery Supplies in {chosen.data} …")
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        stage = stack.enter_context(staged(chosen))
        stack.enter_context(engine_lock(stage.installation, "concord demo"))
        first = _until_agreed(stage, shown=not as_json)
        if once:
            # A full round more: whoever is in agreement writes nothing.
            again = turn_crank(stage.installation)
            _tell(_figures(stage, first, again, time.monotonic() - began), as_json=as_json)
            return
        output.say(tour(stage, time.monotonic() - began))
        ended = serving.serve(
            stage.installation, host=host, port=port, announce=output.announcer("The demo goes on, with its servers.")
        )
    if not ended:
        leave_now()


def _settings() -> Settings:
    """The demo's own data folder, unless CONCORD_DATA names one; never the database of a real installation."""
    from api.settings import Settings

    here = settings()
    folder = here.data if "CONCORD_DATA" in os.environ else here.data / "demo"
    return Settings(data=folder.resolve(), database_url=None, port=here.port)


def _until_agreed(stage: Stage, *, shown: bool) -> Round:
    if not shown:
        return turn_crank(stage.installation, until_quiet=True)
    from rich.live import Live

    with Live(_table(stage), console=output.console(), refresh_per_second=8) as live, ThreadPoolExecutor(1) as worker:
        work = worker.submit(turn_crank, stage.installation, until_quiet=True)
        while True:
            try:
                done = work.result(timeout=_LOOK_EVERY)
            except NotYet:
                live.update(_table(stage))
                continue
            live.update(_table(stage))
            return done


def _table(stage: Stage) -> Table:
    state = snapshot(stage.installation)
    writes = _writes(stage)
    rows = [
        (
            one["name"],
            one["connector"],
            f"{one['records']:,}",
            output.share(_decided([one])),
            _undecided([one]),
            one["outbox"],
            _calls(stage, one["name"]),
            writes.get(one["name"], 0),
        )
        for one in state["connections"]
    ]
    heads = ("tool", "connector", "records", "agreement", "waits for you", "in flight", "API calls", "writes")
    table: Table = output.table("", heads, rows, right=heads[2:])
    return table


def _decided(connections: Sequence[Mapping[str, Any]]) -> float | None:
    """The agreed share of the fields on which something is decided; None before anything was measured."""
    kinds = [kind for one in connections for kind in one["kinds"]]
    decided = sum(kind["fields"] - kind["in_conflict"] for kind in kinds)
    agreed = decided - sum(kind["out_of_step"] for kind in kinds)
    return (agreed / decided if decided else 1.0) if kinds else None


def _undecided(connections: Sequence[Mapping[str, Any]]) -> int:
    """How many fields wait for a person's answer, over all tools."""
    return sum(kind["in_conflict"] for one in connections for kind in one["kinds"])


def _calls(stage: Stage, name: str) -> int:
    """How many calls a tool got: a sandbox counts its own, of the others the connector knows."""
    boxes = {hubspot.NAME: stage.hubspot, salesforce.NAME: stage.salesforce}
    journal = boxes[name].journal if name in boxes else None
    return journal.calls if isinstance(journal, Journal) else api_calls(stage.installation, name)


def _writes(stage: Stage) -> dict[str, int]:
    names = {one.id: one.name for one in stage.installation.hub().connections.values()}
    counts: dict[str, int] = {}
    with stage.installation.store.reading() as tx:
        for (connection_id, _verb, outcome), count in deliveries.delivery_counts(tx).items():
            if outcome == "done":
                counts[names[connection_id]] = counts.get(names[connection_id], 0) + count
    return counts


def _figures(stage: Stage, first: Round, again: Round, seconds: float) -> dict[str, Any]:
    state = snapshot(stage.installation)
    names = [one["name"] for one in state["connections"]]
    return {
        "agreement": _decided(state["connections"]),
        "undecided": _undecided(state["connections"]),
        "records": sum(state["records"].values()),
        "by_kind": state["records"],
        "reviews": state["reviews"]["open"],
        "problems": state["problems"],
        "dead_letters": state["dead_letters"],
        "api_calls": sum(_calls(stage, name) for name in names),
        "writes": first.writes,
        "writes_after_quiet": again.writes,
        "seconds": round(seconds, 2),
        "tools": {
            one["name"]: {
                "connector": one["connector"],
                "records": one["records"],
                "agreement": _decided([one]),
                "undecided": _undecided([one]),
                "api_calls": _calls(stage, one["name"]),
                "writes": _writes(stage).get(one["name"], 0),
            }
            for one in state["connections"]
        },
        "data": str(stage.folder),
    }


def _tell(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(figures)
        return
    output.say(
        f"Agreement {output.share(figures['agreement'])} over {figures['records']} records after "
        f"{figures['seconds']} s: {figures['writes']} writes, {figures['api_calls']} API calls. "
        f"Questions that wait for a person: {figures['reviews']}. "
        f"A further round wrote {figures['writes_after_quiet']}."
    )
