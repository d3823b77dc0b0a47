"""Which rule settles which field: the shape's own rule, a kind's default, or a field's own line.

`mappings/rules.yaml` is read here, with file, line and column in every error. `core.decide.fold` carries the
rules out; nothing here looks at a value.

    preference: [shop-crm, alice-book]      # who is believed when two edits are equally new
    contact:
      default: {latest: {prefer: [alice-book]}}
      job_title: {prefer: [shop-crm, alice-book]}
      owner: {system_of_record: shop-crm}
      note: {hold: {days: 30}}
    frozen:                                 # so often back and forth in so long, and a person is asked
      changes: 6
      hours: 24
      contact: {phone: {changes: 3}}
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from core.errors import ConfigError
from core.model.instant import HOUR
from core.model.shape import Field, Shape
from core.model.yaml_reader import yaml_reader

HUB = "hub"
"""The source that a person in the hub speaks as."""

RULES: Mapping[str, str] = {
    "latest": "the newest claim stands",
    "prefer": "the first source in the list that has a value stands",
    "system_of_record": "one source's word stands, whatever others say",
    "fill": "the first value ever given stands",
    "most_complete": "the fullest value stands",
    "union": "everything that any source has stands",
    "max": "the largest value stands",
    "min": "the smallest value stands",
    "strictest": "the narrowest consent stands",
    "hold": "a person's edit in the hub stands until released",
    "ask": "a person decides",
}
"""Every rule and what it does, in half a sentence."""

_ORDERED = frozenset({"number", "date", "instant", "money"})


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is settled.

    `prefer` is the list of `prefer`, and for every other rule the order that decides between equally new
    claims. `source` is the system of record; `days` is how long a `hold` holds (None: until released).
    """

    name: str = "latest"
    prefer: tuple[str, ...] = ()
    source: str | None = None
    days: int | None = None

    def __str__(self) -> str:
        """As in the rules file: `latest`, `prefer: a, b`, `system_of_record: a`, `hold: 30 days`."""
        if self.name == "prefer":
            return f"prefer: {', '.join(self.prefer)}"
        if self.source is not None:
            return f"{self.name}: {self.source}"
        return f"{self.name}: {self.days} days" if self.days is not None else self.name


class Flips(NamedTuple):
    """After how many changes back and forth within how many hours a field is left alone (`core.decide.flip`)."""

    changes: int = 6
    hours: int = 24

    @property
    def within(self) -> int:
        """The time in µs."""
        return self.hours * HOUR


USUAL = Flips()


@dataclass(frozen=True, slots=True)
class Plan:
    """A shape made ready for folding: each field's rule, and the few fields that need more care."""

    shape: Shape
    rules: Mapping[str, Rule]
    refs: tuple[str, ...]
    """Fields that point to records and may be unresolved."""
    sets: tuple[str, ...]
    """Fields that hold several elements in no order."""
    sides: Mapping[str, str]
    """Set field → the field beside which it keeps what did not stand."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one installation. Build with `load_rules` or `Rules.default`."""

    preference: tuple[str, ...] = ()
    """Whom to believe between equally new claims, where the rule itself names nobody."""
    kinds: Mapping[str, Rule] = field(default_factory=dict)
    """Kind → the rule of its fields that have no rule of their own."""
    fields: Mapping[str, Mapping[str, Rule]] = field(default_factory=dict)
    """Kind → field → rule, as the rules file names them."""
    flips: Flips = USUAL
    """When a field counts as going back and forth, where nothing else is said of it."""
    flips_of: Mapping[tuple[str, str], Flips] = field(default_factory=dict)
    """(kind, field) → the same for one field."""
    _plans: dict[str, Plan] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def default(cls, shapes: Mapping[str, Shape]) -> Rules:
        """Every field by the rule its shape declares."""
        return cls().prepared(shapes)

    def prepared(self, shapes: Mapping[str, Shape]) -> Rules:
        """These rules, ready for these shapes (custom fields included)."""
        for shape in shapes.values():
            self.plan(shape)
        return self

    def rule(self, kind: str, field: str) -> Rule:
        """The rule of a field; `latest` for one that no shape declares."""
        plan = self._plans.get(kind)
        return plan.rules.get(field, LATEST) if plan else self.fields.get(kind, {}).get(field, LATEST)

    def restless(self, kind: str, field: str) -> Flips:
        """When a field counts as going back and forth."""
        return self.flips_of.get((kind, field), self.flips)

    @property
    def patience(self) -> tuple[int, int]:
        """The fewest changes and the longest time in µs that any field is looked at for."""
        every = (self.flips, *self.flips_of.values())
        return min(one.changes for one in every), max(one.within for one in every)

    def order(self, rule: Rule) -> tuple[str, ...]:
        """Who decides between equally new claims under this rule."""
        return rule.prefer if rule.prefer and rule.name != "prefer" else self.preference

    def plan(self, shape: Shape) -> Plan:
        """The shape made ready for folding; made once per shape."""
        plan = self._plans.get(shape.kind)
        if plan is None or plan.shape is not shape:
            plan = self._plans[shape.kind] = self._planned(shape)
        return plan

    def _planned(self, shape: Shape) -> Plan:
        default, named = self.kinds.get(shape.kind), self.fields.get(shape.kind, {})
        rules = {}
        for name, declared in shape.fields.items():
            # A kind's default is for plain fields: consent, sets and sums keep what their shape says.
            general = default if default and declared.rule == "latest" else Rule(declared.rule)
            rules[name] = named.get(name, general)
        return Plan(
            shape,
            rules,
            refs=tuple(name for name, declared in shape.fields.items() if declared.type == "ref"),
            sets=tuple(name for name, declared in shape.fields.items() if declared.is_set),
            sides={name: declared.beside for name, declared in shape.fields.items() if declared.beside},
        )


LATEST = Rule("latest")


def load_rules(text: str, *, file: str, shapes: Mapping[str, Shape], sources: Collection[str] | None = None) -> Rules:
    """Read a rules file; `sources`, where given, are the names of connections that may be named in it.

    Raises `ConfigError` with file, line and column for anything that cannot be understood.
    """
    return _Reader(file, shapes, None if sources is None else frozenset(sources)).rules(text)


class _Reader:
    """Reads one rules file, and knows its name for the errors."""

    def __init__(self, file: str, shapes: Mapping[str, Shape], sources: frozenset[str] | None) -> None:
        self.file, self.shapes, self.sources = file, shapes, sources

    def rules(self, text: str) -> Rules:
        """The whole file; an empty one, or one of comments only, gives the defaults."""
        content = self._parsed(text)
        if content is None:
            return Rules.default(self.shapes)
        if not isinstance(content, CommentedMap):
            self._fail(1, 1, "a rules file has `preference` and kinds at its top, such as `contact:`")
        preference: tuple[str, ...] = ()
        kinds: dict[str, Rule] = {}
        fields: dict[str, dict[str, Rule]] = {}
        flips, flips_of = USUAL, dict[tuple[str, str], Flips]()
        for name, below, line, column in _entries(content):
            if name == "preference":
                preference = self._names(below, line, column)
                continue
            if name == "frozen":
                flips, flips_of = self._frozen(below, line, column)
                continue
            shape = self.shapes.get(name)
            if shape is None:
                self._fail(line, column, f"there is no kind `{name}`{_nearest(name, self.shapes)}")
            fields[name] = self._kind(shape, below, line, column)
            if "default" in fields[name] and "default" not in shape.fields:
                kinds[name] = fields[name].pop("default")
        return Rules(preference, kinds, fields, flips, flips_of).prepared(self.shapes)

    def _parsed(self, text: str) -> Any:
        try:
            return yaml_reader("rt").load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self._fail(line, column, f"this is not valid YAML: {error.problem or error.context}")
        except YAMLError as error:
            self._fail(1, 1, f"this is not valid YAML: {error}")

    def _kind(self, shape: Shape, below: Any, line: int, column: int) -> dict[str, Rule]:
        if below is None:
            return {}
        if not isinstance(below, CommentedMap):
            self._fail(line, column, f"`{shape.kind}` takes fields and their rules, such as `phone: latest`")
        rules = {}
        for name, said, row, start in _entries(below):
            declared = shape.fields.get(name)
            if declared is None and name != "default":
                self._fail(row, start, f"a {shape.kind} has no field `{name}`{_nearest(name, shape.fields)}")
            rule = self._rule(said, row, start)
            if problem := _unfit(rule, declared):
                self._fail(row, start, problem)
            rules[name] = rule
        return rules

    def _rule(self, said: Any, line: int, column: int) -> Rule:
        """One rule: a word (`latest`), or a word with what it takes (`prefer: [a, b]`)."""
        name, more = said, None
        if isinstance(said, CommentedMap):
            if len(said) != 1:
                self._fail(line, column, "a rule is one word, such as `{prefer: [a, b]}`")
            ((name, more, line, column),) = _entries(said)
        if name not in RULES:
            self._fail(line, column, f"there is no rule `{name}`{_nearest(str(name), RULES)}")
        if name == "prefer":
            return Rule("prefer", prefer=self._names(more, line, column))
        if name == "system_of_record":
            return Rule(name, source=self._names([more], line, column)[0])
        return self._with_options(str(name), more, line, column)

    def _with_options(self, name: str, more: Any, line: int, column: int) -> Rule:
        """A rule that needs nothing: `latest`, `{latest: {prefer: [a]}}`, `{hold: {days: 30}}`."""
        if more is None:
            return Rule(name)
        if not isinstance(more, CommentedMap):
            self._fail(line, column, f"`{name}` takes nothing, or `{{prefer: [a, b]}}`")
        prefer: tuple[str, ...] = ()
        days = None
        for option, value, row, start in _entries(more):
            if option == "prefer":
                prefer = self._names(value, row, start)
            elif option == "days" and name == "hold":
                days = self._days(value, row, start)
            else:
                self._fail(row, start, f"`{name}` does not take `{option}`")
        return Rule(name, prefer=prefer, days=days)

    def _frozen(self, below: Any, line: int, column: int) -> tuple[Flips, dict[tuple[str, str], Flips]]:
        """`{changes: 6, hours: 24}`, and below a kind the same for some of its fields."""
        if not isinstance(below, CommentedMap):
            self._fail(line, column, "`frozen` takes `changes`, `hours` and kinds, such as `{changes: 6, hours: 24}`")
        said = {name: (value, row, start) for name, value, row, start in _entries(below)}
        general = self._flips(USUAL, {name: one for name, one in said.items() if name in Flips._fields})
        found = {}
        for name, (value, row, start) in said.items():
            if name in Flips._fields:
                continue
            shape = self.shapes.get(name)
            if shape is None:
                self._fail(row, start, f"there is no kind `{name}`{_nearest(name, (*self.shapes, *Flips._fields))}")
            if not isinstance(value, CommentedMap):
                self._fail(row, start, f"`{name}` takes fields, such as `{{phone: {{changes: 3}}}}`")
            for field_, own, below_row, below_start in _entries(value):
                if field_ not in shape.fields:
                    nearest = _nearest(field_, shape.fields)
                    self._fail(below_row, below_start, f"a {name} has no field `{field_}`{nearest}")
                if not isinstance(own, CommentedMap):
                    self._fail(below_row, below_start, f"`{field_}` takes `{{changes: 6, hours: 24}}`")
                words = {key: (one, at, begin) for key, one, at, begin in _entries(own)}
                found[name, field_] = self._flips(general, words)
        return general, found

    def _flips(self, usual: Flips, said: Mapping[str, tuple[Any, int, int]]) -> Flips:
        for name, (value, line, column) in said.items():
            if name not in Flips._fields:
                self._fail(line, column, f"`frozen` does not take `{name}`{_nearest(name, Flips._fields)}")
            least = 2 if name == "changes" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                self._fail(line, column, f"`{name}` is a whole number, at least {least}")
        return usual._replace(**{name: value for name, (value, _, _) in said.items()})

    def _days(self, value: Any, line: int, column: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._fail(line, column, "`days` is a whole number, at least 1")
        return value

    def _names(self, value: Any, line: int, column: int) -> tuple[str, ...]:
        """Names of sources; each known, where it is known which there are."""
        if not isinstance(value, CommentedSeq | list) or not all(name and isinstance(name, str) for name in value):
            self._fail(line, column, "here stands the name of a connection, or a list of names: `[a, b]`")
        for name in value:
            # A form, a file or a person may speak without being a connection.
            if self.sources is not None and name not in self.sources and name != HUB and ":" not in name:
                self._fail(line, column, f"there is no connection `{name}`{_nearest(name, self.sources)}")
        return tuple(str(name) for name in value)

    def _fail(self, line: int, column: int, what: str) -> NoReturn:
        raise ConfigError(
            f"{self.file}:{line}:{column}: {what}",
            remedy="Mend this line; the rules in force stay as they are.",
        )


def _entries(content: CommentedMap) -> Iterator[tuple[str, Any, int, int]]:
    """Each key with its value, line and column, counted from 1."""
    for key, value in content.items():
        line, column = content.lc.key(key)
        yield str(key), value, line + 1, column + 1


def _nearest(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean `{found[0]}`?" if found else ""


def _unfit(rule: Rule, declared: Field | None) -> str | None:
    """Why this rule cannot settle this field, or None; `declared` is None for a kind's default."""
    if declared is None:
        special = rule.name in {"union", "strictest", "max", "min"}
        return f"`{rule.name}` suits single fields, not a kind's default" if special else None
    if (rule.name == "strictest") != (declared.rule == "strictest"):
        if rule.name == "strictest":
            return "`strictest` is for consent only"
        return f"`{declared.name}` is consent: it is always settled by `strictest`"
    if declared.beside and rule.name != "union":
        return f"`{declared.name}` keeps what did not stand as `{declared.beside}`: it is always a `union`"
    if rule.name == "union" and not declared.is_set:
        return f"`union` is for sets of several values, and `{declared.name}` holds one"
    if rule.name in {"max", "min"} and declared.type not in _ORDERED:
        return f"`{rule.name}` is for numbers, money and times, and `{declared.name}` is {declared.type}"
    return None
