"""Where a history is played: the connector's own stand-in, the tool beside it, a hub that may be killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Protocol

from connectors._kit.clock import VirtualTime
from connectors._kit.hostile.history import History, Step
from connectors._kit.hostile.mortal import Fate, Killed, MortalConnector, MortalStore
from connectors._kit.hostile.people import People
from connectors._kit.hostile.witness import Witness, Witnessed
from core.flow.hub import Hub
from core.flow.reviews.answering import answer
from core.flow.sync import Turn, turn
from core.model.instant import Instant
from core.store import outbox, records, reviews, tables

NAMES = ("tried", "beside")
"""The two connections' names."""
ROUNDS = 24
"""Rounds in which everything must have come to rest."""
WAIT = 3_600.0
"""Seconds between rounds: longer than any wait between attempts that matters."""


class Wanted(NamedTuple):
    """A connection that the stage wants declared."""

    name: str
    connector: str
    settings: Mapping[str, Any]
    mapping: str
    mapping_file: str
    streams: Mapping[str, Mapping[str, Any]]


class Installs(Protocol):
    """As much of an installation as is needed here."""

    def hub(self) -> Hub:
        """The hub as it is configured now."""

    def refresh(self, name: str | None = None) -> None:
        """Forget what was built."""

    def resume(self, name: str) -> None:
        """Take a paused connection up again."""

    def close(self) -> None:
        """Let everything go."""


Opens = Callable[[Path, Callable[[], Instant], Callable[[float], None], Sequence[Wanted]], Installs]
"""Opens an installation in a folder; nothing is wanted where one was there before."""


class Place:
    """One tool: its harness, its people and the witness of what the hub heard."""

    def __init__(self, harness: Any, name: str) -> None:
        self.harness, self.name = harness, name
        self.people: People = harness.people
        self.witness = Witness()
        self.ids: dict[int, set[str]] = {}
        """Person → ids of what people themselves added."""

    @property
    def stream(self) -> str:
        """The stream people work in."""
        return self.people.stream

    def wanted(self, deletes: str) -> Wanted:
        """The connection, with the default mapping; only the stream of people is read and written."""
        entry = self.harness.entry
        off: dict[str, Any] = {"reads": False, "writes": False}
        on: dict[str, Any] = {"reads": True, "writes": True, "deletes_in": deletes, "deletes_out": deletes}
        mapping = self.people.mapping(entry.mapping_path.read_text(encoding="utf-8"))
        policies = {"*": off, self.stream: on}
        return Wanted(self.name, entry.name, self.harness.settings(), mapping, entry.mapping_path.name, policies)

    def all(self) -> dict[str, Any]:
        """What a person sees of every record that anybody has made or been shown."""
        made = {id_ for ids in self.ids.values() for id_ in ids}
        found = {id_: self.harness.show(self.stream, id_) for id_ in sorted(made | self.witness.ids)}
        return {id_: fields for id_, fields in found.items() if fields is not None}


class Word(NamedTuple):
    """What a person typed since everything agreed last."""

    value: str
    id: str


class Stage:
    """A history's stage; close it when done."""

    def __init__(self, history: History, tried: type, beside: type, opens: Opens, folder: Path) -> None:
        self.history, self.opens, self.folder = history, opens, folder
        self.clock, self.fate = VirtualTime(tick=1000), Fate()
        self.places = [Place(self._harness(kind, at), NAMES[at]) for at, kind in enumerate((tried, beside))]
        self.words: dict[tuple[int, str], dict[int, Word]] = {}
        """(person, field) → place → the last word there since the last rest."""
        self.agreed: dict[tuple[int, str], str] = {}
        self.known: set[int] = set()
        self.deleted: set[int] = set()
        self.merged: set[int] = set()
        self.denied: set[int] = set()
        self.rested = False
        self.restless = False
        self.told = ""
        """What the last turns said."""
        self.late_writes = 0
        self.installation: Installs | None = None
        deletes = "propagate" if history.seed % 2 else "unlink"
        self.data = folder / "hub"
        self.data.mkdir(exist_ok=True)
        self.installation = opens(self.data, self.clock, self.clock.sleep, [one.wanted(deletes) for one in self.places])

    def _harness(self, kind: type, at: int) -> Any:
        place = self.folder / NAMES[at]
        place.mkdir()
        made = kind(place, self.clock)
        made.start()
        if made.mischief is not None:
            made.mischief.random = Random(f"{self.history.seed} {at}")  # noqa: S311 -- trouble must be repeatable
        return made

    def close(self) -> None:
        """Take everything down."""
        if self.installation is not None:
            self.installation.close()
        for place in self.places:
            place.harness.close()

    # --- the hub

    @property
    def hub(self) -> Hub:
        """The hub of this life, mortal and watched."""
        assert self.installation is not None  # noqa: S101 -- opened in the constructor
        hub = self.installation.hub()
        return replace(hub, store=MortalStore(hub.store, self.fate), open=lambda name: self._opened(hub, name))

    def _opened(self, hub: Hub, name: str) -> Any:
        place = self.places[NAMES.index(name)]
        paths = tuple(place.people.fields.values())
        return MortalConnector(Witnessed(hub.open(name), place.witness, place.stream, paths), name, self.fate)

    def sync(self) -> list[Turn]:
        """A turn of both; a hub that is killed in the middle is followed by the next one."""
        done: list[Turn] = []
        try:
            for name in NAMES:
                hub = self.hub
                connection = hub.connection(name)
                if connection.state == "active":
                    one = turn(hub, connection)
                    done.append(one)
                    if one.delivered.paused or one.stopped or one.error is not None:
                        self._refresh()
        except Killed:
            self._restart()
        self.fate.place = ""
        return done

    def _refresh(self) -> None:
        assert self.installation is not None  # noqa: S101 -- opened in the constructor
        self.installation.refresh()

    def _restart(self) -> None:
        assert self.installation is not None  # noqa: S101 -- opened in the constructor
        self.installation.close()
        self.fate = Fate()
        self.installation = self.opens(self.data, self.clock, self.clock.sleep, ())

    # --- the steps

    def play(self) -> None:
        """Carry the history out and let everything come to rest."""
        for step in self.history.steps:
            self.do(step)
        self.rest()

    def do(self, step: Step) -> None:
        """Let a step happen; people who are not there are not touched."""
        self.clock.sleep(60)
        place = self.places[step.place]
        match step.what:
            case "create":
                self._create(step, place)
            case "edit":
                self._edit(step, place)
            case "race":
                place.witness.before_write = lambda: self._race(step, place)
            case "deny":
                self._deny(step, place)
            case "delete":
                self._delete(step, place)
            case "merge":
                self._merge(step, place)
            case "trouble" | "lie":
                if place.harness.mischief is not None and (step.what == "trouble" or self.rested):
                    place.harness.mischief.once(step.name, step.number)
            case "kill":
                self.fate.place, self.fate.countdown = step.name, step.number
            case "rest":
                self.rest()
            case _:
                self.sync()

    def here(self, place: Place, who: int) -> list[str]:
        """The ids of a person in a tool."""
        email = place.people.fields["email"]
        return [id_ for id_, fields in place.all().items() if text(fields, email) == address(who)]

    def _create(self, step: Step, place: Place) -> None:
        if step.who in self.deleted | self.merged or self.here(place, step.who):
            return
        values = {"email": address(step.who), **{name: f"{_first(name)} {step.who}" for name in place.people.editable}}
        values = {name: _sample(name, step.who, value) for name, value in values.items()}
        typed = {**place.people.always, **place.people.typed(values)}
        id_ = place.harness.create(place.stream, typed)
        self.known.add(step.who)
        place.ids.setdefault(step.who, set()).add(id_)
        for name in place.people.editable:
            self.words.setdefault((step.who, name), {})[step.place] = Word(values[name], id_)

    def _edit(self, step: Step, place: Place) -> None:
        if step.name not in place.people.editable:
            return
        value = _sample(step.name, len(step.value) + int(step.value[5:]), step.value)
        for id_ in self.here(place, step.who)[:1]:
            place.harness.edit(place.stream, id_, {place.people.fields[step.name]: value})
            self.words.setdefault((step.who, step.name), {})[step.place] = Word(value, id_)

    def _race(self, step: Step, place: Place) -> None:
        place.witness.before_write = lambda: None
        self._edit(step, place)

    def _deny(self, step: Step, place: Place) -> None:
        path = place.people.fields.get("consent.email")
        for id_ in self.here(place, step.who)[:1] if path else ():
            place.harness.edit(place.stream, id_, {path: "denied"})
            self.denied.add(step.who)

    def _delete(self, step: Step, place: Place) -> None:
        for id_ in self.here(place, step.who):
            place.harness.delete(place.stream, id_)
            self.deleted.add(step.who)

    def _merge(self, step: Step, place: Place) -> None:
        winners, losers = self.here(place, step.who), self.here(place, step.number)
        if winners and losers:
            place.harness.merge(place.stream, winners[0], losers[0])
            self.merged |= {step.who, step.number}

    # --- the end

    def rest(self) -> None:
        """No more trouble; turns until nothing moves and nothing waits, and people answer what they are asked."""
        for place in self.places:
            if place.harness.mischief is not None:
                place.harness.mischief.calm()
        self.fate.place, answered = "", False
        for _ in range(ROUNDS):
            self.clock.sleep(WAIT)
            before = sum(place.witness.writes for place in self.places)
            turns = self.sync()
            if not all(one.quiet and one.error is None for one in turns) or self._pending():
                self.told = "; ".join(str(one.error or one.counts()) for one in turns)
                self._take_up()
                continue
            self.late_writes += sum(place.witness.writes for place in self.places) - before
            if answered:
                self.rested = True
                self._agree()
                return
            answered = True
            for place in self.places:
                # Nothing was written before which it could have happened.
                place.witness.before_write()
            self._answer()
        self.restless = True

    def _pending(self) -> bool:
        with self.hub.store.reading() as tx:
            return bool(outbox.pending(tx)) and not any(one.what == "brake" for one in reviews.open_reviews(tx))

    def _take_up(self) -> None:
        assert self.installation is not None  # noqa: S101 -- opened in the constructor
        for name in NAMES:
            if self.hub.connection(name).state != "active":
                self.installation.resume(name)

    def _answer(self) -> None:
        self._take_up()
        with self.hub.store.reading() as tx:
            asked = list(reviews.open_reviews(tx, limit=1000))
        for review in asked:
            contenders = review.subject.get("contenders") or []
            words: dict[str, tuple[str, Any]] = {
                "ask": ("value", contenders[-1][1] if contenders else None),
                "frozen": ("value", contenders[-1][1] if contenders else None),
                "brake": ("release", None),
                "delete": ("keep", None),
                "ambiguous": ("different", None),
                "connection": ("resume", None),
            }
            answer(self.hub, review, *words.get(review.what, ("noted", None)))
        self._refresh()

    def _agree(self) -> None:
        """What stands now is what later words are held against."""
        from connectors._kit.hostile.laws import breaches

        if self.breaches:
            return
        self.breaches = breaches(self)
        for record in self.records():
            who = number(record.values.get("email"))
            for name in self.places[0].people.editable:
                self.agreed[who, name] = str(record.values.get(name) or "")
        self.words.clear()

    breaches: Sequence[str] = ()
    """What the laws said at the first rest that broke one."""

    def records(self) -> list[records.Record]:
        """The hub's live contacts."""
        with self.hub.store.reading() as tx:
            ids = tx.execute(tables.record.select().where(tables.record.c.kind == "contact")).scalars().all()
            found = records.load(tx, ids).values()
        return [one for one in found if one.state == records.State.LIVE]


def address(who: int) -> str:
    """By which a person is known everywhere."""
    return f"person{who}@shore.example"


def number(email: Any) -> int:
    """Which person has this address."""
    return int(str(email).removeprefix("person").partition("@")[0])


def _first(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _sample(name: str, at: int, value: str) -> str:
    """Words that tools take in fields which are no free text."""
    if name == "phone":
        return f"+44113496{at:04}"
    return "granted" if name == "consent.email" else value


def text(fields: Any, path: str) -> Any:
    for part in path.split("."):
        fields = fields.get(part) if isinstance(fields, dict) else None
    return fields
