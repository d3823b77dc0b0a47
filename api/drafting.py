"""Drafts: a connection's mapping while somebody changes it, held against what is known and tried on kept records.

    text ▶ lines, each as a sentence ▶ problems beside them ▶ an example, in and out ▶ words it does not know
    text ▶ plan ▶ agreed to ▶ in force

No tool is called: what a stream looks like is as it was last described, and records are those that are kept. The text
is what an admin could have written by hand; forms change single lines of it and leave the rest, comments too, as it is.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from api import queries
from api.agreed import mark_of
from api.assembly import OWN_TEXTS, Text
from api.building import ConnectionSpec
from api.changes import Changes, changes, verify
from api.config import Config
from api.mappings import check_text, load
from api.planning import Plan, make_plan
from connectors._kit.catalogue import entry
from core.decide.known import Known
from core.decide.why import text as text_of
from core.errors import ConfigError
from core.flow.hub import HUB
from core.mapping import paths
from core.mapping.language import Line, StreamMapping
from core.mapping.problem import MappingError, Problem
from core.mapping.translator import Translator, translator
from core.mapping.vocabulary import Vocabulary
from core.ports import Description, FieldInfo
from core.store import bindings, connections, descriptions, records, runs
from core.store.codec import loads

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.model.shape import Shape
    from core.store import Tx
    from core.store.connections import ConnectionRow, MappingRow

TEXTS = ("rules", *OWN_TEXTS, "match")
"""What else is said of a hub in words of its own."""
SAMPLES = 200
"""Kept records of a stream on which a draft is tried."""
EXAMPLES = 20
"""Of these, so many can be chosen as the example."""
_ALIKE = 0.84
"""Names so much alike are suggested as a pair."""
_LETTERS = re.compile(r"[\W_]+")


class Tried(NamedTuple):
    """What a line does to the example."""

    there: str
    """What the tool holds."""
    becomes: str
    """What it is for us; blank where the line is not read."""
    back: str
    """What would be written of the record as it stands; blank where the line is not written."""
    wrong: str = ""


class DraftLine(NamedTuple):
    """One line of a draft."""

    field: str
    line: Line
    sentence: str
    rule: str
    problems: list[Problem]
    tried: Tried | None
    unknown: list[tuple[str, int]]
    """Words of the tool that the line's vocabulary does not have, and in how many of the samples."""
    choices: Sequence[str]
    """What such a word may mean."""

    @property
    def theirs(self) -> str:
        """The tool's fields, or what is worked out instead."""
        return (
            " + ".join(self.line.parts.values())
            or self.line.remote
            or (self.line.compute.text if self.line.compute else "")
        )

    @property
    def steps(self) -> str:
        """Steps and vocabulary, in the order of the way in."""
        named = [use.name for use in self.line.steps]
        return ", ".join([*named, *([f"words of {self.line.vocabulary}"] if self.line.vocabulary else [])])


class DraftStream(NamedTuple):
    """One stream of a draft."""

    stream: str
    kind: str
    lines: list[DraftLine]
    free: list[FieldInfo]
    """The tool's fields that no line names."""
    open: list[str]
    """Our fields that no line names."""
    suggestions: list[tuple[str, str]]
    """Our field and the tool's, where their names are alike."""
    samples: int
    examples: list[str]
    example: str | None
    """The tool's id of the record on which the lines were tried."""


class Draft(NamedTuple):
    """A mapping as somebody is changing it."""

    name: str
    connector: str
    text: str
    version: MappingRow
    """The one in force."""
    streams: list[DraftStream]
    problems: list[Problem]
    """All of them, in the order of the file."""

    @property
    def changed(self) -> bool:
        """Whether it is another one than is in force."""
        return self.text != self.version.text

    @property
    def ok(self) -> bool:
        """Whether it could be put in force."""
        return not any(one.severity == "error" for one in self.problems)

    @property
    def others(self) -> list[Problem]:
        """Problems that stand beside no line."""
        beside = {id(one) for stream in self.streams for line in stream.lines for one in line.problems}
        return [one for one in self.problems if id(one) not in beside]


def drafted(
    installation: Installation, name: str, text: str | None = None, *, examples: Mapping[str, str] | None = None
) -> Draft:
    """A connection's mapping, or a changed text of it. `examples` names the record that is tried, by stream."""
    with installation.store.reading() as tx:
        row, version = _of(tx, name)
        known = _Kept(tx, row)
    text = version.text if text is None else text
    problems = check_text(
        text, file=version.file, shapes=installation.shapes(), manifest=entry(row.connector).manifest,
        descriptions=known.described, samples=known.samples, locale=installation.locale(),
    )  # fmt: skip
    try:
        mapping = load(text, file=version.file)
    except MappingError:
        return Draft(name, row.connector, text, version, [], problems)
    drawer = _Drawer(installation, row.connector, known, _beside(mapping.streams.values(), problems), examples or {})
    streams = [drawer.stream(one, mapping.vocabularies) for one in mapping.streams.values()]
    return Draft(name, row.connector, text, version, streams, problems)


def in_force(installation: Installation, name: str) -> str:
    """The text of a connection's mapping."""
    with installation.store.reading() as tx:
        return _of(tx, name)[1].text


def versions(installation: Installation, name: str) -> list[MappingRow]:
    """Every mapping that was ever in force for a connection, newest first."""
    with installation.store.reading() as tx:
        row, _ = _of(tx, name)
        return connections.mapping_versions(tx, row.id)[::-1]


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """What differs between two texts, as lines: `+`, `-`, or ` ` for what stands around them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    told = [one for one in lines if not one.startswith(("---", "+++"))]
    return [("@", "") if one.startswith("@@") else (one[:1], one[1:]) for one in told]


# --- putting in force


def changed(installation: Installation, config: Config) -> Changes:
    """What a draft changes; `MappingError` or `ConfigError` with what stands in the way of it."""
    change = changes(installation, config)
    if not change.any:
        raise ConfigError("This is in force already.", remedy="Change something first.")
    verify(installation, config)
    return change


def planned(installation: Installation, config: Config, *, tell: Callable[[str], None] = lambda _: None) -> Plan:
    """What putting a draft in force would do; errors as of `changed`. `tell` hears how far it has come."""
    return make_plan(installation, config, changed(installation, config), tell=tell)


def texts(installation: Installation) -> dict[str, Text]:
    """The texts of the configuration beside the mappings, by what they are about; blank for what was never said."""
    with installation.store.reading() as tx:
        kept = runs.facts(tx, [*TEXTS, *(f"{name}_file" for name in TEXTS)])
    return {name: Text(kept.get(name) or "", kept.get(f"{name}_file") or f"{name}.yaml") for name in TEXTS}


def with_text(installation: Installation, what: str, text: str) -> Config:
    """A configuration in which one of those texts is another one."""
    config = Config("the console")
    setattr(config, what, Text(text, texts(installation)[what].file))
    return config


def fingerprint(plan: Plan, text: str) -> str:
    """The mark of a plan: another one for another text, and after anything that would change what is written."""
    told = plan.to_json()
    lasting = ("change", "writes", "values", "consent", "new_records", "reviews")
    return mark_of([text, *(told[key] for key in lasting)])


def with_mapping(installation: Installation, name: str, text: str) -> Config:
    """A configuration in which a connection's mapping is another one."""
    with installation.store.reading() as tx:
        row, version = _of(tx, name)
    settings = {**loads(row.settings), **installation.vault.open(row.secrets)}
    brake = loads(row.brake) if row.brake else {}
    spec = ConnectionSpec(name, row.connector, settings, text, version.file, loads(row.streams), brake=brake)
    return Config("the console", connections={name: spec})


# --- drawing


class _Kept:
    """What is known of a connection's streams without asking its tool."""

    def __init__(self, tx: Tx, row: ConnectionRow) -> None:
        streams = [one for one in connections.all_streams(tx) if one.connection_id == row.id]
        rows = descriptions.kept(tx, [one.id for one in streams])
        said = {one.name: rows[one.id].text for one in streams if one.id in rows and rows[one.id].text}
        self.described: dict[str, Description] = {name: Known.from_json(loads(text)).now for name, text in said.items()}
        self.ids = {one.name: one.id for one in streams}
        self.records = {one.name: queries.examples(tx, one.id, SAMPLES) for one in streams}
        self.samples = {name: list(some.values()) for name, some in self.records.items()}


class _Drawer:
    """Draws the streams of one draft."""

    def __init__(
        self,
        installation: Installation,
        connector: str,
        known: _Kept,
        problems: Mapping[str, Mapping[str, list[Problem]]],
        examples: Mapping[str, str],
    ) -> None:
        """`problems` are those that stand beside a line, by stream and field."""
        self._at, self._known, self._problems, self._examples = installation, known, problems, examples
        self._title = entry(connector).manifest.title
        self._shapes, self._rules = installation.shapes(), installation.hub().rules

    def stream(self, mapping: StreamMapping, vocabularies: Mapping[str, Vocabulary]) -> DraftStream:
        shape = self._shapes.get(mapping.kind)
        kept = self._known.records.get(mapping.stream, {})
        example = self._examples.get(mapping.stream) or next(iter(kept), None)
        tried = self._try(mapping, vocabularies, example) if shape is not None else {}
        problems = self._problems.get(mapping.stream, {})
        lines = [
            DraftLine(
                one.field, one, self._sentence(one), self._rule(mapping.kind, one), problems.get(one.field, []),
                tried.get(one.field), self._unknown(one, vocabularies, list(kept.values())),
                shape.fields[one.field].choices if shape is not None and one.field in shape.fields else (),
            )
            for one in mapping.lines
        ]  # fmt: skip
        free, unmapped = self._free(mapping), _unmapped(mapping, shape)
        return DraftStream(
            mapping.stream, mapping.kind, lines, free, unmapped, list(_alike(unmapped, free)), len(kept),
            list(kept)[:EXAMPLES], example,
        )  # fmt: skip

    def _sentence(self, line: Line) -> str:
        theirs = " and ".join(f"`{one}`" for one in line.parts.values()) or (f"`{line.remote}`" if line.remote else "")
        through = [f"the step `{use.name}`" for use in line.steps]
        through += [f"the words of `{line.vocabulary}`"] if line.vocabulary else []
        by = f", through {', then '.join(through)}" if through else ""
        if line.compute is not None:
            where = f" and written to {theirs}" if line.direction == "out" else ""
            return f"`{line.field}` is worked out as `{line.compute.text}`{where}."
        words = {
            "both": f"`{line.field}` and {self._title}'s {theirs} follow each other{by}.",
            "in": f"`{line.field}` is read from {self._title}'s {theirs}{by}, and never written there.",
            "out": f"`{line.field}` is written to {self._title}'s {theirs}{by}, and never read there.",
        }
        told = [words[line.direction]]
        if line.ref:
            told.append(f"It names a {line.ref}{' by address' if line.by else ''}.")
        if line.required:
            told.append(f"{self._title} takes no record without it.")
        if line.on_create_only:
            told.append("It is written only when a record is created there.")
        if line.direction != "out":
            told.append("A blank there says nothing." if line.when_blank == "ignore" else "A blank there clears ours.")
        return " ".join(told)

    def _rule(self, kind: str, line: Line) -> str:
        return "" if line.direction == "out" else str(self._rules.rule(kind, line.field))

    def _try(
        self, mapping: StreamMapping, vocabularies: Mapping[str, Vocabulary], example: str | None
    ) -> dict[str, Tried]:
        fields, values = self._example(mapping.stream, example)
        if fields is None:
            return {}
        try:
            ready = translator(mapping, shapes=self._shapes, vocabularies=vocabularies, locale=self._at.locale())
        except MappingError:
            return {}
        (reading,) = ready.read([fields])
        written = _written(ready, values)
        wrong = dict(one.partition(": ")[::2] for one in reading.problems)
        return {
            line.field: Tried(
                "; ".join(_shown(paths.get(fields, path)) for path in line.reads or line.writes),
                _shown(reading.values.get(line.field)) if line.direction != "out" else "",
                "; ".join(_shown(written.get(path)) for path in line.writes) if values is not None else "",
                wrong.get(line.field, ""),
            )
            for line in mapping.lines
        }

    def _example(self, stream: str, remote_id: str | None) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What the tool holds of the example, and the values of its record."""
        stream_id = self._known.ids.get(stream)
        if stream_id is None or not remote_id:
            return None, None
        with self._at.store.reading() as tx:
            bound = bindings.of_remotes(tx, stream_id, [remote_id]).get(remote_id)
            record = records.load(tx, [bound.record_id]).get(bound.record_id) if bound is not None else None
        return (bound.expected, dict(record.values) if record is not None else None) if bound else (None, None)

    def _unknown(
        self, line: Line, vocabularies: Mapping[str, Vocabulary], samples: Sequence[Mapping[str, Any]]
    ) -> list[tuple[str, int]]:
        """Words of the samples that the line's own vocabulary does not have."""
        table = vocabularies.get(line.vocabulary or "")
        if table is None or table.common or line.remote is None or line.steps:
            return []
        counted = Counter(str(value) for one in samples if (value := paths.get(one, line.remote)) not in (None, ""))
        known = {str(word) for word in table.words}
        return [(word, count) for word, count in counted.most_common() if word not in known]

    def _free(self, mapping: StreamMapping) -> list[FieldInfo]:
        described = self._known.described.get(mapping.stream)
        used = {path for line in mapping.lines for path in (*line.reads, *line.writes)}
        return [one for one in described.fields if one.name not in used] if described is not None else []


def _beside(streams: Iterable[StreamMapping], problems: Sequence[Problem]) -> dict[str, dict[str, list[Problem]]]:
    """Stream → field → the problems that stand in its line; the others are the whole text's."""
    starts = [(one.place.line, one.stream, "") for one in streams]
    starts += [(line.place.line, one.stream, line.field) for one in streams for line in one.lines]
    starts.sort()
    found: dict[str, dict[str, list[Problem]]] = {}
    for one in problems:
        _, stream, field = max((each for each in starts if each[0] <= one.line), default=(0, "", ""))
        if field:
            found.setdefault(stream, {}).setdefault(field, []).append(one)
    return found


def _shown(value: Any) -> str:
    return "" if value is None else text_of(value)


def _written(ready: Translator, values: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return ready.write(values, creating=True).fields if values is not None else {}


def _unmapped(mapping: StreamMapping, shape: Shape | None) -> list[str]:
    used = {line.field for line in mapping.lines}
    return [name for name in shape.fields if name not in used] if shape is not None else []


def _alike(ours: Sequence[str], theirs: Sequence[FieldInfo]) -> Iterator[tuple[str, str]]:
    """Fields whose names say the same, spelt otherwise; each of the tool's once."""
    taken: set[str] = set()
    for name in ours:
        words = _LETTERS.sub("", name).lower()
        rated = [(max(_likeness(words, one.name), _likeness(words, one.label)), one.name) for one in theirs]
        best = max((one for one in rated if one[1] not in taken), default=(0.0, ""))
        if best[0] >= _ALIKE:
            taken.add(best[1])
            yield name, best[1]


def _likeness(words: str, name: str) -> float:
    other = _LETTERS.sub("", name.rpartition(".")[2]).lower()
    return difflib.SequenceMatcher(None, words, other).ratio() if other else 0.0


def _of(tx: Tx, name: str) -> tuple[ConnectionRow, MappingRow]:
    row = next((one for one in connections.all_connections(tx) if one.name == name and name != HUB), None)
    version = connections.active_mapping(tx, row.id) if row is not None else None
    if row is None or version is None:
        raise ConfigError(f"There is no connection '{name}' with a mapping.", remedy="Open the list of mappings again.")
    return row, version
