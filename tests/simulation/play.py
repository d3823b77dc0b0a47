"""Playing a plot: three memory tools, the real flow and the real store, and people who edit behind the hub's back.

`play` gives the stage as it stands when everything has come to rest, with the ledger of what people did, ready for
the laws to be held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from connectors._kit.mischief import Mischief, spellings
from connectors.memory.tool import Habits
from core.decide.skew import Skew
from core.flow.hub import Connection, Hub
from core.flow.reconcile import reconcile
from core.flow.sync import Turn, turn
from core.model.instant import HOUR, MINUTE, SECOND, Instant
from core.model.values import Json
from core.store import connections
from core.store.codec import dumps
from tests.simulation.mortal import Fate, Killed, MortalConnector, MortalStore, SameThread
from tests.simulation.plot import TOOLS, Plot, Step
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    other_emails: {field: other_emails}
    phone: {field: phone}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
    asked: {field: asked}
"""

ROUNDS = 24
"""Rounds in which everything must have come to rest."""


@dataclass
class Word:
    """A person's last word about one field of one record in one tool."""

    value: Json
    """As the tool kept it."""
    at: Instant
    cleared: bool = False


@dataclass
class Ledger:
    """What people did, as they would tell it."""

    words: dict[tuple[str, str, str], Word] = field(default_factory=dict)
    """(tool, id, field) → the last word."""
    deleted: dict[tuple[str, str], Instant] = field(default_factory=dict)
    made: set[tuple[str, str]] = field(default_factory=set)
    """(tool, id) of the records that people made."""
    readdressed: set[str] = field(default_factory=set)
    """Who got another email somewhere: by that they may not be recognised elsewhere."""
    merged: set[str] = field(default_factory=set)


class Stage:
    """Where a plot is played."""

    def __init__(self, plot: Plot, folder: Path, database_url: str | None = None) -> None:
        self.plot, self.ledger, self.fate = plot, Ledger(), Fate()
        self.lab = Lab(folder, database_url=database_url)
        self.lab.dressed = self._dressed
        self.armed: Step | None = None
        self.due: list[Step] = []
        self.rounds = 0
        self.late_writes = 0
        """Writes in the round in which the hub said that nothing moved."""
        for name, habit in zip(TOOLS, plot.habits, strict=True):
            tool = self.lab.tool(
                name,
                mapping=MAPPING,
                mischief=Mischief(Random(f"{plot.seed} {name}")),
                habits=Habits(
                    versions=habit.versions,
                    idempotent=habit.idempotent,
                    spellings=spellings(habit.spellings),
                    resolution=habit.resolution,
                ),
                skew=habit.skew,
                policy={"deletes_in": habit.deletes_in, "deletes_out": habit.deletes_out},
                mode=habit.mode,
                answers=habit.answers,
                page_size=3,
            )
            self._learn_skew(name, habit.skew)
            tool.lag = 0
        if plot.preference:
            self.lab.rules("preference: [birch, amber, coral]")

    def _learn_skew(self, name: str, skew: int) -> None:
        """Large differences of clocks are known to the hub, as it would have learnt them from answers."""
        if abs(skew) > 2 * SECOND:
            with self.lab.installation.store.writing() as tx:
                id_ = next(one.id for one in connections.all_connections(tx) if one.name == name)
                connections.change_connection(tx, id_, skew=dumps(Skew(skew, SECOND)._asdict()))

    def _dressed(self, hub: Hub) -> Hub:
        """The hub made mortal, and told which tools compare versions."""
        fate = self.fate = Fate()
        dressed = {id_: self._honest(one) for id_, one in hub.connections.items()}
        return replace(
            hub,
            store=MortalStore(hub.store, fate),
            open=lambda name: MortalConnector(hub.open(name), name, fate),
            connections=dressed,
        )

    def _honest(self, connection: Connection) -> Connection:
        habit = self.plot.habits[TOOLS.index(connection.name)]
        says = {"versions": "opaque" if habit.versions else "none"}
        streams = tuple(
            replace(stream, manifest=stream.manifest.model_copy(update=says)) for stream in connection.streams
        )
        return replace(connection, streams=streams)

    # --- the steps

    def play(self) -> None:
        """Carry the plot out and let everything come to rest."""
        with patch("core.flow.pull.ThreadPoolExecutor", SameThread), patch("core.flow.pull.INTAKE", 4):
            for step in self.plot.steps:
                self._do(step)
            self._rest()

    def _do(self, step: Step) -> None:
        # Where a write is answered by nothing, what is read back of a written field counts as the tool's spelling of
        # it: an edit in that very moment cannot be told from it.
        if step.meanwhile and self.plot.habits[step.tool].answers != "nothing":
            self.due.append(step)
            return
        acts: dict[str, Callable[[Step], None]] = {
            "turn": self._turn,
            "wait": lambda step: self.lab.wait(step.value / SECOND),
            "trouble": self._trouble,
            "crash": self._arm,
            "reconcile": self._reconcile,
        }
        acts.get(step.what, self._person)(step)

    def _arm(self, step: Step) -> None:
        self.armed = step

    def _trouble(self, step: Step) -> None:
        tool, habit = self.lab.tools[TOOLS[step.tool]], self.plot.habits[step.tool]
        # A tool that lies the first time it is read cannot be seen through, and where no version is compared, what a
        # lagging read hides is within the window that remains (`core.flow.outbound.FRESH`).
        early = step.name in ("empty", "lagging") and tool.calls["read"] <= 6
        hidden = step.name == "lagging" and not habit.versions
        if not early and not hidden:
            tool.mischief.once(step.name, step.value)

    def _turn(self, step: Step) -> None:
        self.lived(lambda hub: turn(hub, hub.connection(TOOLS[step.tool])))

    def _reconcile(self, step: Step) -> None:
        self.lived(lambda hub: reconcile(hub, hub.connection(TOOLS[step.tool])))

    def lived(self, act: Callable[[Hub], Any]) -> Any:
        """Do something with the hub; when it is killed in the middle, the next one is built."""
        hub, fate = self.lab.hub, self.fate
        fate.calls = 0
        fate.meanwhile = [
            (step.meanwhile, TOOLS[step.tool], lambda step=step: self._person(step))  # type: ignore[misc]
            for step in self.due
        ]
        self.due = []
        if self.armed is not None:
            fate.place, fate.countdown, self.armed = self.armed.name, self.armed.value, None
        try:
            return act(hub)
        except Killed:
            self.lab.restart()
            return None
        finally:
            for _, _, late in fate.meanwhile:
                late()
            fate.meanwhile, fate.place = [], ""

    # --- people

    def _person(self, step: Step) -> None:
        tool = self.lab.tools[TOOLS[step.tool]]
        here = [id_ for id_, held in tool.all("contacts").items() if held.get("asked") == f"person {step.who}"]
        if step.what == "create":
            if not here:
                self._wrote(step.tool, tool.create("contacts", step.value), step.value, fresh=True)
        elif not here:
            return
        elif step.what == "edit":
            self._edit(step, here[0])
        elif step.what == "delete":
            self._deletes(step, here[0])
        elif step.what == "recreate":
            if self.plot.habits[step.tool].mode == "listing":
                # The new record is shown before the old one is missed: a person is asked about the two.
                return
            fields = tool.get("contacts", here[0]) or {}
            self._deletes(step, here[0])
            self._wrote(step.tool, tool.create("contacts", fields), fields, fresh=True)
        elif step.what == "merge":
            self._merge(step, here[0])

    def _edit(self, step: Step, id_: str) -> None:
        tool = self.lab.tools[TOOLS[step.tool]]
        before = (tool.get("contacts", id_) or {}).get(step.name)
        if before == step.value:
            return
        tool.edit("contacts", id_, {step.name: step.value})
        self._wrote(step.tool, id_, {step.name: step.value})
        if step.name == "email":
            self.ledger.readdressed.add(f"person {step.who}")

    def _wrote(self, place: int, id_: str, fields: dict[str, Any], *, fresh: bool = False) -> None:
        name = TOOLS[place]
        kept = self.lab.tools[name].get("contacts", id_) or {}
        if fresh:
            self.ledger.made.add((name, id_))
        for one in fields:
            self.ledger.words[name, id_, one] = Word(kept.get(one), self.lab.clock(), kept.get(one) is None)

    def _deletes(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        self.lab.tools[name].delete("contacts", id_)
        self._forget(name, id_)

    def _forget(self, name: str, id_: str) -> None:
        self.ledger.deleted[name, id_] = self.lab.clock()
        self.ledger.words = {key: word for key, word in self.ledger.words.items() if key[:2] != (name, id_)}

    def _merge(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        tool = self.lab.tools[name]
        others = [one for one, held in tool.all("contacts").items() if held.get("asked") == f"person {step.value}"]
        if others:
            tool.merge("contacts", id_, others[0])
            self._forget(name, others[0])
            self.ledger.merged |= {f"person {step.who}", f"person {step.value}"}

    # --- the end

    def _rest(self) -> None:
        """No more edits, no more mischief: turns until nothing moves and nothing waits."""
        self.armed, self.fate.place = None, ""
        for tool in self.lab.tools.values():
            tool.mischief.calm()
        for step in self.due:
            self._person(step._replace(meanwhile=0))
        self.due = []
        self.rounds = 0
        while self.rounds < ROUNDS:
            self.rounds += 1
            self.lab.wait(40 * MINUTE / SECOND if self.rounds < 3 else HOUR / SECOND)
            before = self.lab.writes()
            if self.round() and not self.lab.pending():
                self.late_writes = self.lab.writes() - before
                return

    def round(self) -> bool:
        """One turn of each tool; whether nothing moved."""
        turns: list[Turn] = [turn(self.lab.hub, self.lab.connection(name)) for name in TOOLS]
        return all(one.quiet and one.error is None for one in turns)

    def close(self) -> None:
        """Take everything down."""
        self.lab.close()
