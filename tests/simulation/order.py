"""Order: old news that comes again, and the same news heard in another order, change nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from connectors._kit.mischief import Switch
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.sync import turn
from core.model.values import Json
from core.ports import Page, Remote
from tests.simulation.look import Look
from tests.simulation.people import stream_of
from tests.simulation.plot import TOOLS, Plot

if TYPE_CHECKING:
    pass


def retold(look: Look) -> Iterator[str]:
    """What tools said before, told again late, doubled and in any order, is no news."""
    stage = look.stage
    if not stage.plot.retold:
        return
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


def in_every_order(plot: Plot, orders: Sequence[Sequence[str]]) -> list[Mapping[str, Json]]:
    """What is known of each person when the tools are read in these orders, twice each, by hubs that do not write."""
    return [_heard(plot, order) for order in orders]


def _heard(plot: Plot, order: Sequence[str]) -> Mapping[str, Json]:
    from tests.simulation.play import Stage

    with tempfile.TemporaryDirectory(prefix="concord-order-") as folder:
        stage = Stage(plot, Path(folder))
        try:
            for step in plot.steps:
                stage.people.act(step)
            stage.lab.wait(600)
            for name in (*order, *order):
                turn(stage.lab.hub, stage.lab.connection(name), delivers=False)
            return {str(one.values.get("asked")): one.values for one in stage.lab.records()}
        finally:
            stage.close()
