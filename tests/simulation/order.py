"""Order: old news that comes again, and the same news heard in another order, change nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

from connectors._kit.mischief import Switch
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.sync import turn
from core.model.values import Json
from core.ports import Page, Remote
from tests.simulation.look import Look
from tests.simulation.mortal import SameThread
from tests.simulation.people import stream_of
from tests.simulation.plot import TOOLS, Plot


def retold(look: Look) -> Iterator[str]:
    """What tools said before, told again late, doubled and in any order, is no news."""
    stage = look.stage
    if not stage.plot.retold:
        return
    # The law before this one may have changed something: whether it was right to is its own question.
    look = Look(stage)
    before = {id_: (one.values, one.state) for id_, one in look.records.items()}
    for name in TOOLS:
        _tell_again(look, name)
    after = Look(stage)
    for id_, was in before.items():
        now = after.records[id_]
        if (now.values, now.state) != was:
            yield f"order: record {id_} held {was[0]}, and {now.values} after old news was told again"


def _tell_again(look: Look, name: str) -> None:
    habit, tool = look.stage.plot.habits[TOOLS.index(name)], look.lab.tools[name]
    trouble = tool.mischief.happened
    if not habit.stamps or habit.resolution > 1 or habit.names_blanks or trouble[Switch.TIED] or trouble[Switch.LATE]:
        # Nobody could tell which of two readings is the older one.
        return
    with tool.open() as world:
        states = [(id_, state) for id_ in look.held[name] for state in world.states[stream_of(id_)][id_]]
    told = [(id_, state) for id_, state in states if not state.deleted] * 2
    Random(f"{look.stage.plot.seed} {name} again").shuffle(told)
    for id_, state in told:
        trip = Trip(look.lab.hub, look.lab.stream(name, stream_of(id_)), state.committed_at, look.lab.hub.clock())
        version = state.version if habit.versions else None
        inbound(trip, Page([Remote(id_, state.fields, version=version, modified_at=state.modified_at)], {}))


def in_any_order(plot: Plot) -> Iterator[str]:
    """Whichever tool a hub reads first, it comes to the same records.

    Hubs that only read hear what people did in a plot, tools in one order and in the other, twice each. Told apart are
    orders, not moments of looking: who got another address before anybody looked cannot be recognised by the first
    one, and a tool that stamps nothing says only when it was looked at.
    """
    if plot.seed % EVERY or not all(habit.stamps for habit in plot.habits):
        return
    plain = tuple(step for step in plot.steps if step.what in _PLAIN and step.name != "email")
    # What is owed follows from what is known, and is not asked about here.
    quiet = replace(plot, follows=False, steps=tuple(step._replace(meanwhile=0) for step in plain))
    one, other = (_heard(quiet, order) for order in (TOOLS, TOOLS[::-1]))
    for who in sorted(one.keys() | other.keys()):
        if one.get(who) != other.get(who):
            yield f"order: {who} is {one.get(who)}, and {other.get(who)} were the tools read the other way round"


EVERY = 4
"""One plot in so many is heard in another order, too."""

_PLAIN = frozenset({"create", "edit", "tag", "untag", "found", "rename", "employ"})


def _heard(plot: Plot, order: Sequence[str]) -> dict[str, Mapping[str, Json]]:
    """Who → what is known of them, companies by their domain."""
    from tests.simulation.play import Stage

    with tempfile.TemporaryDirectory(prefix="concord-order-") as folder:
        stage = Stage(plot, Path(folder))
        try:
            for step in plot.steps:
                stage.people.act(step)
            stage.lab.wait(600)
            with patch("core.flow.inward.ahead.readers", SameThread):
                for name in (*order, *order):
                    turn(stage.lab.hub, stage.lab.connection(name), delivers=False)
            domains = {one.id: one.values.get("domain") for one in stage.lab.records("company")}
            found: dict[str, Mapping[str, Json]] = {}
            for one in stage.lab.records():
                values = dict(one.values)
                if "company" in values:
                    values["company"] = domains[values["company"]]
                found[str(values.get("asked"))] = values
            return found
        finally:
            stage.close()
