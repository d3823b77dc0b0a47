"""Drawing plots from seeds. Each has a few themes only, so that what belongs together meets often.

Every value that is invented is new, so that it can be told apart later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from connectors._kit.mischief import Switch
from core.model.instant import HOUR, SECOND
from tests.simulation.later import Later
from tests.simulation.owed import Owed
from tests.simulation.plot import PERSONAL, TOOLS, UNWELCOME, Habit, Plot, Step

LENGTHS = (5, 8, 11, 15)
"""Scenes. Most that goes wrong does so in a handful of steps; some needs more."""

THEMES = (
    "trouble",
    "long trouble",
    "crashes",
    "deletes",
    "merges",
    "consent",
    "tags",
    "companies",
    "strangers",
    "hub",
    "choosy",
    "notices",
    "asides",
    "purge",
    "slips",
)

TROUBLE = (
    Switch.THROTTLED,
    Switch.UNAVAILABLE,
    Switch.LOST_ANSWER,
    Switch.LOST_ANSWER,
    Switch.CUT,
    Switch.PARTIAL,
    Switch.GARBLED,
    Switch.LAGGING,
    Switch.LATE,
    Switch.TIED,
    Switch.DOUBLED,
    Switch.SHUFFLED,
    Switch.EXPIRED,
    Switch.EMPTY,
    Switch.HALF,
)

Scene = list[Step]

CONSENTS = ("denied", "denied", "suppressed", "pending", "granted", "granted")
HIDEABLE = ("job_title", "phone")


def plot(seed: int) -> Plot:
    """The plot of a seed."""
    random = Random(seed)
    themes = frozenset(random.sample(THEMES, random.choice((2, 3, 4, 5))))
    length = random.choice(LENGTHS)
    habits = tuple(_habit(random, themes) for _ in TOOLS)
    writer = _Writer(random, themes, habits)
    opening = writer.opening()
    scenes = [writer.scene() for _ in range(length)]
    later, owed = Later(seed, themes, writer), Owed(seed, writer.people)
    scenes = owed.among(later.among(scenes))
    steps = (*owed.opening(opening), *(step for scene in scenes for step in scene))
    return Plot(
        seed,
        tuple(map(later.habit, habits)),
        preference=random.random() < 0.5,
        companies="companies" in themes,
        answered="hub" in themes or random.random() < 0.3,
        retold=random.random() < 0.25,
        asks=later.asks,
        follows=owed.follows,
        steps=steps,
    )


def _habit(random: Random, themes: frozenset[str]) -> Habit:
    mode = random.choice(("token", "token", "stamp", "listing"))
    resolution = random.choice((1, 1, SECOND))
    listens = "notices" in themes and random.random() < 0.7
    stamps = mode == "stamp" or random.random() < 0.85
    ordered = resolution == 1 and stamps
    return Habit(
        mode=mode,
        answers=random.choice(("whole", "whole", "written", "nothing")),
        versions=random.random() < 0.8,
        idempotent=random.random() < 0.6,
        spellings=random.choice(("", "", "phone: phone", "last_name: upper", "job_title: truncate 6")),
        skew=random.choice((0, 0, SECOND, -SECOND, 2 * HOUR, -HOUR, 5 * HOUR)),
        resolution=resolution,
        stamps=stamps,
        deletes_in=random.choice(("unlink", "propagate", "propagate", "ignore", "archive", "ask")),
        deletes_out=random.choice(("unlink", "propagate", "propagate")),
        batch=random.choice((100, 100, 2, 1)),
        cap=random.choice((None, 2, 4)) if mode == "stamp" else None,
        choosy="choosy" in themes and random.random() < 0.6,
        whole_batches="choosy" in themes and random.random() < 0.5,
        names_blanks="long trouble" in themes and random.random() < 0.6,
        # Of two readings with the same stamp nobody knows which is older: such a tool's notices are only looked up.
        notices=random.choice(("whole", "partial", "ids") if ordered else ("ids",)) if listens else "",
    )


class _Writer:
    """Draws scenes: a step, or a few that have to do with each other."""

    def __init__(self, random: Random, themes: frozenset[str], habits: Sequence[Habit]) -> None:
        self.random, self.themes, self.habits = random, themes, habits
        self.people = random.randint(5, 8) if "purge" in themes else random.randint(3, 6)
        self.companies = random.randint(2, 3)
        self.number = 0
        self.chances = self._chances()

    def _chances(self) -> dict[Callable[[], Scene], int]:
        of_theme: dict[str, dict[Callable[[], Scene], int]] = {
            "trouble": {self._trouble: 14},
            "long trouble": {self._long_trouble: 5, self._schema: 5, self._sign: 5},
            "crashes": {self._crash: 12},
            "deletes": {self._delete: 4, self._deleted_and_edited: 8, self._recreate: 3},
            "merges": {self._merge: 6},
            "consent": {self._consent: 12},
            "tags": {self._tag: 8, self._untag: 6},
            "companies": {self._found: 4, self._rename: 4, self._employ: 10, self._dissolve: 2},
            "strangers": {self._copy: 8, self._alias: 5},
            "hub": {self._say: 8},
            "choosy": {self._unwelcome: 10},
            "notices": {self._post: 14},
            "asides": {self._aside: 12},
            "purge": {self._purge: 5},
            "slips": {self._forget: 5, self._reconcile: 5},
        }
        chances = {self._turn: 30, self._edit: 18, self._clash: 6, self._wait: 10, self._newcomer: 3}
        for theme in THEMES:
            chances |= of_theme[theme] if theme in self.themes else {}
        return chances

    def opening(self) -> Scene:
        """What is there before the hub comes: some in several tools, with differing values."""
        steps = [
            self._create(tool, who)
            for who in range(self.people)
            for tool in self.random.sample(range(len(TOOLS)), self.random.choice((1, 1, 2, 3)))
        ]
        if "companies" in self.themes:
            steps += [step for _ in range(self.companies) for step in self._found()] + self._employ()
        return steps

    def scene(self) -> Scene:
        """What happens next."""
        (draw,) = self.random.choices(list(self.chances), weights=list(self.chances.values()))
        return draw()

    # --- what steps are made of

    def _new(self) -> int:
        self.number += 1
        return self.number

    def _tool(self) -> int:
        return self.random.randrange(len(TOOLS))

    def _two(self) -> list[int]:
        return self.random.sample(range(len(TOOLS)), 2)

    def _who(self) -> int:
        return self.random.randrange(self.people)

    def _firm(self) -> int:
        return self.random.randrange(self.companies)

    def _meanwhile(self, chance: float) -> int:
        return self.random.randint(1, 6) if self.random.random() < chance else 0

    def _value(self, name: str, who: int) -> str:
        number = self._new()
        if name == "phone":
            return f"+44 7700 9{number:05d}"
        if name == "email":
            return f"person{who}.{number}@shore.example"
        return f"{'abcdefgh'[number % 8]}{number:03d} {name.partition('_')[0]}".title()

    def _fields(self, who: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"asked": f"person {who}", "email": f"person{who}@shore.example"}
        for name in ("first_name", "phone", "job_title"):
            if self.random.random() < 0.6:
                fields[name] = self._value(name, who)
        if self.random.random() < 0.6:
            fields["last_name"] = f"Shore{who}"
        if "consent" in self.themes and self.random.random() < 0.4:
            fields["email_consent"] = self.random.choice(CONSENTS)
        if "tags" in self.themes and self.random.random() < 0.6:
            fields["tags"] = [f"tag{self._new():03d}"]
        return fields

    def _create(self, tool: int, who: int) -> Step:
        return Step("create", tool, who, value=self._fields(who))

    def _set(self, tool: int, who: int, name: str, meanwhile: int = 0) -> Step:
        return Step("edit", tool, who, name, self._value(name, who), meanwhile)

    def _field(self) -> str:
        return self.random.choices(PERSONAL, weights=(5, 5, 5, 5, 1))[0]

    # --- scenes of every plot

    def _turn(self) -> Scene:
        return [Step("turn", self._tool())]

    def _edit(self) -> Scene:
        name = self._field()
        clears = name != "email" and self.random.random() < 0.1
        step = self._set(self._tool(), self._who(), name, self._meanwhile(0.2))
        return [step._replace(value=None) if clears else step]

    def _clash(self) -> Scene:
        """Somebody edits in one tool, and somebody in the other just before that is written there."""
        (one, other), who, name = self._two(), self._who(), self._field()
        second = self._set(other, who, name if self.random.random() < 0.6 else self._field())
        scene = [self._set(one, who, name), Step("turn", one)]
        if self.random.random() < 0.4:
            return [*scene, second._replace(meanwhile=self.random.randint(1, 4)), Step("turn", other)]
        scene += [Step("read", other), second]
        if self.random.random() < 0.5:
            scene.append(Step("wait", value=10 * SECOND))
        return [*scene, Step("write", other)]

    def _wait(self) -> Scene:
        times = (0.5, 1, 3, 10, 60, 600, 2_000) + ((20_000, 90_000) if "long trouble" in self.themes else ())
        if self.random.random() < 0.15:
            # Between the reading of a page and what is written then.
            return [Step("wait", self._tool(), value=10 * SECOND, meanwhile=self.random.randint(1, 6))]
        return [Step("wait", value=int(self.random.choice(times) * SECOND))]

    def _newcomer(self) -> Scene:
        self.people += 1
        return [self._create(self._tool(), self.people - 1)]

    # --- scenes of themes

    def _unwelcome(self) -> Scene:
        (one, other), who = self._two(), self._who()
        scene = [Step("edit", one, who, "job_title", f"{UNWELCOME} {self._new():03d}")]
        if self.random.random() < 0.5:
            scene += [Step("turn", one), Step("turn", other), self._set(one, who, "job_title")]
        return scene

    def _consent(self) -> Scene:
        value, tool, who = self.random.choice(CONSENTS), self._tool(), self._who()
        said = Step("edit", tool, who, "email_consent", value, self._meanwhile(0.2))
        if self.random.random() < 0.3:
            # Refused, heard, and typed wider again beside something else.
            wider = said._replace(value="granted", meanwhile=0)
            return [
                said._replace(value="denied", meanwhile=0),
                Step("turn", tool),
                wider,
                self._set(tool, who, self._field()),
            ]
        return [said]

    def _tag(self) -> Scene:
        tag = f"tag{self._new():03d}"
        (one, other), who = self._two(), self._who()
        scene = [Step("tag", one, who, value=tag, meanwhile=self._meanwhile(0.1))]
        if self.random.random() < 0.4:
            scene += [Step("turn", one), Step("turn", other), Step("wait", value=60 * SECOND)]
            scene += [Step("untag", other, who, value=tag)]
        return scene

    def _untag(self) -> Scene:
        return [Step("untag", self._tool(), self._who())]

    def _trouble(self) -> Scene:
        tool = self._tool()
        more = (Switch.EMPTY, Switch.HALF, Switch.HALF, Switch.HALF) if self.habits[tool].mode == "listing" else ()
        switch = self.random.choice(TROUBLE + more)
        return [Step("trouble", tool, name=str(switch), value=self.random.choice((1, 1, 2)))]

    def _long_trouble(self) -> Scene:
        return [Step("trouble", self._tool(), name=str(self.random.choice((Switch.QUOTA, Switch.OUTAGE))), value=1)]

    def _schema(self) -> Scene:
        what = self.random.choice(("hide", "retype", "restore"))
        return [Step(what, self._tool(), name=self.random.choice(HIDEABLE))]

    def _sign(self) -> Scene:
        return [Step(self.random.choice(("sign out", "sign in")), self._tool())]

    def _crash(self) -> Scene:
        place = self.random.choice(("before commit", "after commit", "after commit", "before call", "after call"))
        tool, crash = self._tool(), Step("crash", name=place, value=self.random.randint(1, 9))
        if self.random.random() < 0.3:
            return [crash]
        # The hub is killed while it takes in some news.
        news = [self._set(tool, self._who(), self._field())] if self.random.random() < 0.7 else self._newcomer()
        turn = Step("turn", tool)
        return [news[0]._replace(tool=tool), crash._replace(value=self.random.randint(1, 5)), turn, turn]

    def _delete(self) -> Scene:
        return [Step("delete", self._tool(), self._who(), meanwhile=self.random.choice((0, 0, 3)))]

    def _deleted_and_edited(self) -> Scene:
        (one, other), who = self._two(), self._who()
        edited = [self._set(one, who, self._field()), Step("turn", one)]
        deleted = [Step("delete", other, who), Step("turn", other)]
        return edited + deleted if self.random.random() < 0.5 else deleted + edited

    def _recreate(self) -> Scene:
        return [Step("recreate", self._tool(), self._who(), value=self.random.random() < 0.5)]

    def _merge(self) -> Scene:
        who, other = self.random.sample(range(self.people), 2)
        return [Step("merge", self._tool(), who, value=other)]

    def _copy(self) -> Scene:
        """Somebody new gets another address, and is typed in by it elsewhere."""
        one, other = self._two()
        (newcomer,) = self._newcomer()
        copy = Step("copy", other, newcomer.who, value=self._value("job_title", 0))
        readdressed = self._set(one, newcomer.who, "email")
        scene = [newcomer._replace(tool=one), Step("turn", one), readdressed, Step("turn", one), copy]
        return scene if self.random.random() < 0.7 else [copy._replace(who=self._who())]

    def _alias(self) -> Scene:
        """Somebody new, and somebody else of that name and number in a tool that does not hold the first yet."""
        (newcomer,) = self._newcomer()
        like, tool = newcomer.who, newcomer.tool
        known = {**newcomer.value, "phone": self._value("phone", like), "last_name": f"Shore{like}"}
        self.people += 1
        alias = Step("alias", tool, self.people - 1, value=like)
        return [newcomer._replace(value=known), alias, Step("turn", tool), Step("turn", (tool + 1) % len(TOOLS))]

    def _found(self) -> Scene:
        who = self._firm()
        return [Step("found", self._tool(), who, value={"domain": f"works{who}.example", "name": self._works()})]

    def _works(self) -> str:
        return f"Works {self._new():03d}"

    def _rename(self) -> Scene:
        return [Step("rename", self._tool(), self._firm(), value=self._works())]

    def _employ(self) -> Scene:
        tool = self._tool()
        if self.random.random() < 0.5:
            return [Step("employ", tool, self._who(), self._works(), self._firm())]
        # By a company that is new, after companies were read and before contacts are.
        self.companies += 1
        step = Step("employ", tool, self._who(), self._works(), self.companies - 1, meanwhile=2)
        return [step, Step("turn", tool)]

    def _dissolve(self) -> Scene:
        return [Step("dissolve", self._tool(), self._firm())]

    def _purge(self) -> Scene:
        return [Step("purge", self._tool())]

    def _say(self) -> Scene:
        name = self.random.choice(("first_name", "last_name", "phone", "job_title"))
        return [Step("say", who=self._who(), name=name, value=self._value(name, 0))]

    def _post(self) -> Scene:
        how = ("in order", "in order", "shuffled", "twice", "the last one", "the first one", "never")
        post = Step("post", self._tool(), name=self.random.choice(how))
        if self.random.random() < 0.4:
            return [post]
        who, name = self._who(), self._field()
        scene = [self._set(post.tool, who, name), self._set(post.tool, who, name)]
        if self.random.random() < 0.6:
            # What is told is known by then.
            scene.append(Step("turn", post.tool))
        return [*scene, post]

    def _aside(self) -> Scene:
        """In the middle of a turn, another worker has a turn of the same tool or of another one."""
        (tool, source), who = self._two(), self._who()
        other = tool if self.random.random() < 0.5 else source
        frozen = other == tool and self.random.random() < 0.5
        when = self.random.choice((1, 2, 2, 3, 3, 4, 5))
        aside = Step("aside", tool, name="frozen" if frozen else "", value=other, meanwhile=when)
        if self.random.random() < 0.4:
            return [aside]
        scene = [self._set(source, who, self._field())]
        if self.random.random() < 0.6:
            scene = [*self._newcomer(), *scene]
            scene[0] = scene[0]._replace(tool=source)
        scene.append(Step("turn", source))
        if other == source:
            scene.append(self._set(source, who, self._field()))
        return [*scene, aside, Step("turn", tool)]

    def _forget(self) -> Scene:
        return [Step("forget", self._tool())]

    def _reconcile(self) -> Scene:
        return [Step("reconcile", self._tool())]
