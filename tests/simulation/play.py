"""Playing a plot: three memory tools, the real flow and the real store, and people who edit behind the hub's back.

`play` gives the stage as it stands when everything has come to rest, with the ledger of what people did, ready for
the laws to be held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from api.building import ConnectionSpec
from connectors._kit.mischief import Mischief, spellings
from connectors.memory.connector import forget, use
from connectors.memory.tool import Habits, Tool
from core.decide.brake import Limits
from core.decide.skew import Skew
from core.errors import ConfigError, StoreError
from core.flow.hub import Connection, Hub
from core.flow.movement import auditing, following
from core.flow.movement.following import Followed
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.reviewing import tick
from core.flow.saying import say
from core.flow.sync import Turn, turn
from core.flow.undo.undoing import undo
from core.model.instant import SECOND
from core.ports import Request
from core.store import connections, outbox, runs
from core.store.codec import dumps
from core.store.runs import Run
from tests.simulation.door import SECRET, told_by_webhook
from tests.simulation.erased import Erased
from tests.simulation.mortal import Fate, Killed, Meanwhile, MortalConnector, MortalStore, SameThread
from tests.simulation.owed import ACTIVITIES, OWNED, OWNERS, POLICY
from tests.simulation.people import Ledger, People, Place, Said
from tests.simulation.plot import TOOLS, UNWELCOME, Habit, Plot, Step, rules_of
from tests.simulation.rest import Rest, come_to_rest
from tests.simulation.watch import FEW, SHARE, Watch
from tests.support import Lab

COMPANIES = """
companies:
  as: company
  fields:
    domain: {field: domain}
    name: {field: name}
"""

CONTACTS = """
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
    tags: {field: tags}
    consent.email: {field: email_consent}
"""

EMPLOYER = "    company: {field: company_id, ref: company}\n"

FAR = 10_000
"""More runs than any plot has."""

FROZEN = 150.0
"""Seconds for which a worker is frozen: longer than a lease lasts."""


class Stage:
    """Where a plot is played."""

    def __init__(self, plot: Plot, folder: Path, database_url: str | None = None) -> None:
        self.plot, self.ledger, self.fate = plot, Ledger(), Fate()
        self.lab = Lab(folder, database_url=database_url)
        self.lab.dressed = self._dressed
        self.people = People(self.lab, plot, self.ledger)
        self.waits = any(step.what == "tick" for step in plot.steps)
        """Whether questions may fall due."""
        self.watch = Watch(self)
        self.armed: Step | None = None
        self.due: list[Step] = []
        self.posts: dict[str, list[Request]] = {name: [] for name in TOOLS}
        self.signed_out: set[str] = set()
        self.said: dict[int, list[Said]] = {}
        """Person → what was said of them in the hub and may be taken back, the latest last."""
        self.lost_rows = self.lost_any = self.retyped = False
        self.read_whole: set[str] = set()
        """Tools that have been read to their end."""
        self.undone: set[int] = set()
        """Runs of follow-through that somebody took back."""
        self.found: set[Place] = set()
        """What creates had made whose answer was lost."""
        self.rest = Rest()
        self.erased = Erased()
        self.in_writing: list[Step] = []
        """Who asks to be erased just as a tool is written."""
        self.busy = False
        """Whether the hub is at work."""
        self.specs = [self._connected(name, habit) for name, habit in zip(TOOLS, plot.habits, strict=True)]
        self.chosen = {"job_title": "ask"} if plot.asks else {}
        self.rules = rules_of(plot, self.chosen)
        self.lab.installation.change(connections=self.specs, rules=self.rules)
        self._learn_skews()

    def _connected(self, name: str, habit: Habit) -> ConnectionSpec:
        habits = Habits(
            versions=habit.versions,
            idempotent=habit.idempotent,
            spellings=spellings(habit.spellings),
            resolution=habit.resolution,
            stamps=habit.stamps,
            validator=_choosy if habit.choosy else None,
            whole_batches=habit.whole_batches,
            names_blanks=habit.names_blanks,
            closed=habit.closed,
            cap=habit.cap,
        )
        mischief = Mischief(Random(f"{self.plot.seed} {name}"))
        world = f"{name} of {id(self.lab)}"
        tool = Tool(world, clock=self.lab.clock, skew=habit.skew, habits=habits, mischief=mischief)
        self.lab.tools[name] = use(tool)
        if habit.notices:
            tool.on_change = lambda stream, id_: self._posted(name, habit, tool, stream, id_)
        settings = {"world": world, "mode": habit.mode, "answers": habit.answers, "page_size": 3}
        settings["webhook_secret"] = SECRET
        policy = {"deletes_in": habit.deletes_in, "deletes_out": habit.deletes_out}
        mapping = COMPANIES + CONTACTS + EMPLOYER if self.plot.companies else CONTACTS
        if self.plot.follows:
            mapping = OWNERS + mapping + OWNED + ACTIVITIES
        return ConnectionSpec(name, "memory", settings, mapping, f"{name}.yaml", {"*": policy})

    def _learn_skews(self) -> None:
        """Large differences of clocks are known to the hub, as it would have learnt them from answers."""
        skews = {name: habit.skew for name, habit in zip(TOOLS, self.plot.habits, strict=True)}
        with self.lab.installation.store.writing() as tx:
            for one in connections.all_connections(tx):
                if abs(skews.get(one.name, 0)) > 2 * SECOND:
                    known = Skew(skews[one.name], SECOND)
                    connections.change_connection(tx, one.id, skew=dumps(known._asdict()))

    def _posted(self, name: str, habit: Habit, tool: Tool, stream: str, id_: str) -> None:
        self.posts[name].append(tool.webhook(stream, id_, secret=SECRET, partial=habit.notices == "partial"))

    # --- the hub

    def _dressed(self, hub: Hub) -> Hub:
        self.fate = self._fate()
        return self._mortal(hub, self.fate)

    def _fate(self) -> Fate:
        return Fate(began=self._began, watch=self.watch.write, found=self.found)

    def _began(self, name: str) -> None:
        """A call that writes is on its way: what is erased now, it may bring all the same."""
        self.watch.began(name)
        now = [step for step in self.in_writing if TOOLS[step.tool] == name]
        self.in_writing = [step for step in self.in_writing if step not in now]
        for step in now:
            self._erase(step)

    def _mortal(self, hub: Hub, fate: Fate) -> Hub:
        """The hub made mortal, and told what its tools are like."""
        return replace(
            hub,
            store=MortalStore(hub.store, fate),
            open=lambda name: MortalConnector(hub.open(name), name, fate),
            connections={id_: self._honest(one) for id_, one in hub.connections.items()},
            movement=POLICY if self.plot.follows else hub.movement,
        )

    def _honest(self, connection: Connection) -> Connection:
        habit = self.plot.habits[TOOLS.index(connection.name)]
        says = {
            "versions": "opaque" if habit.versions else "none",
            "batch_size": habit.batch,
            "names_blanks": habit.names_blanks,
            "notices": "ids" if habit.notices == "ids" else "records",
        }
        streams = tuple(
            replace(stream, manifest=stream.manifest.model_copy(update=says)) for stream in connection.streams
        )
        # Plots are small: the brake's few are fewer here.
        limits = Limits(deletes=SHARE, blanks=None, changes=None, consent=None, few=FEW)
        return replace(connection, streams=streams, limits=limits)

    # --- the steps

    def play(self) -> None:
        """Carry the plot out and let everything come to rest."""
        with (
            patch("core.flow.inward.ahead.readers", SameThread),
            # What is told by numbers far larger than these plots.
            patch.multiple("core.flow.inward.ahead", INTAKE=3),
        ):
            for step in self.plot.steps:
                self.do(step)
            come_to_rest(self)

    def do(self, step: Step) -> None:
        """Let a step happen now, or wait for the call before which it happens."""
        # Where a write is answered by nothing, what is read back of a written field counts as the tool's spelling of
        # it: an edit in that very moment cannot be told from it.
        silent = self.plot.habits[step.tool].answers == "nothing" and step.what not in ("aside", "wait")
        if step.meanwhile and not silent:
            self.due.append(step)
            return
        acts: dict[str, Callable[[Step], None]] = {
            "turn": self._turn,
            "read": lambda step: self._turn(step, delivers=False),
            "write": lambda step: self._turn(step, pulls=False),
            "aside": self._aside,
            "wait": lambda step: self.lab.wait(step.value / SECOND),
            "trouble": self._trouble,
            "crash": self._arm,
            "reconcile": self._reconcile,
            "forget": self._lose_rows,
            "post": self._post,
            "say": self._say,
            "unsay": self._unsay,
            "tick": self._tick,
            "follow": self._follow,
            "undo": self._undo,
            "erase": self._erase,
            "hide": self._hide,
            "retype": self._retype,
            "restore": lambda step: self._restore(self.lab.tools[TOOLS[step.tool]]),
            "sign out": self._sign_out,
            "sign in": lambda step: self.sign_in(TOOLS[step.tool]),
        }
        acts.get(step.what, self.people.act)(step)

    def _arm(self, step: Step) -> None:
        self.armed = step

    def _trouble(self, step: Step) -> None:
        tool, habit = self.lab.tools[TOOLS[step.tool]], self.plot.habits[step.tool]
        # A tool that lies the first time it is read cannot be seen through, and without stamps nobody knows an older
        # reading. Where no version is compared, what a lagging read hides is within the window that remains
        # (`core.flow.outward.outbound.FRESH`).
        early = step.name in ("empty", "half", "lagging") and TOOLS[step.tool] not in self.read_whole
        hidden = step.name == "lagging" and not (habit.versions and habit.stamps)
        # Notices are ordered by their stamps.
        unordered = step.name in ("tied", "late") and habit.notices in ("whole", "partial")
        if not early and not hidden and not unordered:
            tool.mischief.once(step.name, step.value)

    def _turn(self, step: Step, *, pulls: bool = True, delivers: bool = True) -> None:
        self.lived(lambda hub: self.turn_of(hub, TOOLS[step.tool], pulls=pulls, delivers=delivers))

    def turn_of(self, hub: Hub, name: str, *, holder: str = "here", pulls: bool = True, delivers: bool = True) -> Turn:
        """The turn of a tool, or one half of it, unless it is paused until a person has acted."""
        connection, done = hub.connection(name), Turn(name)
        if connection.state == "active":
            try:
                done = turn(hub, connection, holder=holder, pulls=pulls, delivers=delivers)
            except StoreError:
                # Whoever was frozen for too long may not go on.
                if not self.watch.asides:
                    raise
        if done.error is None and not done.stopped and connection.state == "active":
            self.read_whole.add(name)
        if done.delivered.paused or done.error is not None:
            self.lab.installation.refresh()
            self.lab._hub = None
        return done

    def _aside(self, step: Step) -> None:
        """Another worker's turn, in a hub of its own."""
        if step.name == "frozen":
            self.lab.wait(FROZEN)
        self.watch.asides += 1
        self.turn_of(self.beside(), TOOLS[step.value], holder="there")

    def _reconcile(self, step: Step) -> None:
        self.lived(lambda hub: reconcile(hub, hub.connection(TOOLS[step.tool])))

    def _lose_rows(self, step: Step) -> None:
        with self.lab.installation.store.writing() as tx:
            outbox.forget(tx, self.lab.connection(TOOLS[step.tool]).id)
        self.lost_rows = self.lost_any = True

    def _post(self, step: Step) -> None:
        name = TOOLS[step.tool]
        told, self.posts[name] = self.posts[name], []
        if step.name == "shuffled":
            Random(len(told)).shuffle(told)
        chosen = {"twice": told + told, "the last one": told[-1:], "the first one": told[:1], "never": []}
        told = chosen.get(step.name, told)
        if told:
            self.lived(lambda hub: told_by_webhook(hub, hub.connection(name), told))

    def _say(self, step: Step) -> None:
        record = self.people.record_of(step.who)
        if record is None:
            return
        run_id = self.lived(lambda hub: say(hub, record.id, {step.name: step.value}))
        if run_id is not None:
            self.said.setdefault(step.who, []).append(self.people.said_in_hub(record, step.name, step.value, run_id))

    def _unsay(self, step: Step) -> None:
        """Take back the last word, unless somebody has taken the place of it in the hub since."""
        said = self.said.get(step.who, [])
        while said:
            word = said.pop()
            if not self.people.still_says(word):
                continue
            if self.lived(lambda hub: undo(hub, word.run_id)) is None:  # noqa: B023 - called at once
                # Killed over it: it is asked for again, and says so where it was done already.
                with suppress(ConfigError):
                    undo(self.lab.hub, word.run_id)
            self.people.took_back(word)
            return

    def _erase(self, step: Step) -> None:
        if step.name == "in writing" and not self.busy:
            self.in_writing.append(step)
            return
        record = self.people.record_of(step.who)
        if record is not None:
            self.erased.ask(self, record)

    def beside(self) -> Hub:
        """Another worker's hub."""
        return self._mortal(self.lab.installation.hub(), self._fate())

    def _tick(self, step: Step) -> None:
        """Somebody looks what is late, and another worker may look in the midst of that."""

        def beside() -> None:
            tick(self.beside())

        def look(hub: Hub) -> object:
            if step.name == "together":
                self.fate.pauses, self.fate.paused = step.value, beside
            return tick(hub)

        self.lived(look)
        self.fate.pauses = 0

    def _follow(self, step: Step) -> None:
        """The hub looks what is owed to whom and does it, and another worker may do the same in the midst of that."""
        if self.busy:
            self.follow(self.beside())
            return

        def beside() -> None:
            self.follow(self.beside())

        def look(hub: Hub) -> Followed:
            if step.name == "together":
                self.fate.pauses, self.fate.paused = step.value, beside
            return self.follow(hub)

        done = self.lived(look)
        self.fate.pauses = 0
        if done is not None and step.name != "together":
            self.watch.nobody_left_behind()

    def follow(self, hub: Hub) -> Followed:
        """What the engine does at the end of a round."""
        auditing.audit(hub)
        return following.follow(hub)

    def own_runs(self, what: str) -> list[Run]:
        """The hub's own runs of a kind, the latest first."""
        with self.lab.hub.store.reading() as tx:
            own = runs.recent(tx, connection_id=self.lab.hub.own_id, limit=FAR)
        return [one for one in own if one.what == what]

    def _undo(self, _step: Step) -> None:
        """Take back what the hub did by itself, the last time it did anything."""
        done = [one for one in self.own_runs("follow_through") if one.ended_at is not None]
        if done and done[0].id not in self.undone:
            self.undone.add(done[0].id)
            if self.lived(lambda hub: undo(hub, done[0].id)) is None:
                with suppress(ConfigError):
                    undo(self.lab.hub, done[0].id)

    def _hide(self, step: Step) -> None:
        tool = self.lab.tools[TOOLS[step.tool]]
        # Elsewhere a field that is not named is blank.
        if self.plot.habits[step.tool].names_blanks:
            tool.hidden["contacts"] = tool.hidden.get("contacts", frozenset()) | {step.name}

    def _retype(self, step: Step) -> None:
        tool = self.lab.tools[TOOLS[step.tool]]
        self.retyped = True
        tool.retyped["contacts"] = tool.retyped.get("contacts", frozenset()) | {step.name}

    def _restore(self, tool: Tool) -> None:
        tool.hidden.clear()
        tool.retyped.clear()

    def _sign_out(self, step: Step) -> None:
        self.lab.tools[TOOLS[step.tool]].habits.token = "another one"

    def sign_in(self, name: str) -> None:
        """A person makes the token good again, and takes the connection up."""
        if self.lab.tools[name].habits.token is not None:
            self.lab.tools[name].habits.token = None
            self.lab.installation.resume(name)
            self.lab.refreshed()

    def lived(self, act: Callable[[Hub], Any]) -> Any:
        """Do something with the hub; when it is killed in the middle, the next one is built."""
        hub, fate = self.lab.hub, self.fate
        fate.calls = 0
        fate.meanwhile = [
            Meanwhile(
                step.meanwhile,
                TOOLS[step.tool],
                lambda step=step: self.do(step._replace(meanwhile=0)),  # type: ignore[misc]
                after=step.name == "frozen",
            )
            for step in self.due
        ]
        self.due = []
        if self.armed is not None:
            fate.place, fate.countdown, self.armed = self.armed.name, self.armed.value, None
        self.watch.asides, self.busy = 0, True
        try:
            return act(hub)
        except Killed:
            self.lab.restart()
            return None
        finally:
            self.busy = False
            late, fate.meanwhile, fate.place = fate.meanwhile, [], ""
            for one in late:
                one.act()
            self.watch.look()

    def close(self) -> None:
        """Take everything down."""
        forget(*(tool.name for tool in self.lab.tools.values()))
        self.lab.close()


def _choosy(_stream: str, fields: dict[str, Any]) -> str | None:
    named = next((name for name, value in fields.items() if isinstance(value, str) and UNWELCOME in value), None)
    return f"The tool does not take this {named}." if named else None
