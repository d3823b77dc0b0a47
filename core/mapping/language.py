"""The words of the mapping language: a mapping has vocabularies and streams, a stream has lines.

These are the values that `core.mapping.load` makes from a file and everything else reads: the checker, the
translator, lineage, the console. They know their places in the file, so that a problem found later still points there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.mapping.compute import Expression
from core.mapping.problem import START, Place
from core.mapping.source import Source
from core.mapping.steps import STEPS, Step
from core.mapping.vocabulary import Vocabulary
from core.model.values import Json

Direction = Literal["both", "in", "out"]
WhenBlank = Literal["ignore", "clear"]
By = Literal["email"]


class StepUse(NamedTuple):
    """A step of the palette as a line uses it."""

    name: str
    arguments: Map[str, Json]
    place: Place

    @property
    def step(self) -> Step:
        """The declaration."""
        return STEPS[self.name]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a canonical field, the tool's field, and what lies between.

    `remote` is None where the tool's side is several fields (`parts`) or the line is computed on the way in.
    """

    field: str
    remote: str | None
    direction: Direction = "both"
    parts: Map[str, str] = dataclasses.field(default_factory=dict)
    """Part of the canonical value → the tool's field, e.g. `amount`, `currency`, or the parts of an address."""
    steps: tuple[StepUse, ...] = ()
    vocabulary: str | None = None
    ref: str | None = None
    """The kind that a reference points to."""
    ref_streams: tuple[str, ...] = ()
    """The streams of this mapping that hold that kind; none where the reference is `by` something else than an id."""
    by: By | None = None
    """What the tool names the record by, where that is not its id."""
    compute: Expression | None = None
    on_create_only: bool = False
    """Goes out only when the record is created there."""
    when_blank: WhenBlank = "clear"
    """`clear`: a blank on one side clears the other. `ignore`: a blank says nothing. Lines clear unless they are
    `required`, because a tool refuses to lose a required field; lines of consent never clear."""
    required: bool = False
    place: Place = START
    places: Map[str, Place] = dataclasses.field(default_factory=dict)
    """Word of the line (`field`, `ref` …) → where its value stands."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The tool's fields that the line reads."""
        if self.direction == "out":
            return ()
        if self.compute:
            return self.compute.names
        return tuple(self.parts.values()) or ((self.remote,) if self.remote else ())

    @property
    def writes(self) -> tuple[str, ...]:
        """The tool's fields that the line writes."""
        if self.direction == "in":
            return ()
        return tuple(self.parts.values()) or ((self.remote,) if self.remote else ())

    @property
    def sources(self) -> tuple[str, ...]:
        """The canonical fields, or paths into them, that the line takes out."""
        if self.direction == "in":
            return ()
        return self.compute.names if self.compute else (self.field,)

    @property
    def is_free(self) -> bool:
        """Whether the key need not be a canonical field: the line goes out and is computed or always the same."""
        fixed = any(use.step.ways == "one" for use in self.steps)
        return self.direction == "out" and (self.compute is not None or fixed)

    def at(self, word: str) -> Place:
        """Where a word of the line stands, or the line itself."""
        return self.places.get(word, self.place)


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """All lines of one stream. `options` are the connector's business and pass through."""

    stream: str
    kind: str
    lines: tuple[Line, ...]
    options: Map[str, Json] = dataclasses.field(default_factory=dict)
    vocabularies: Map[str, Vocabulary] = dataclasses.field(default_factory=dict)
    """Those of the whole file; lines name them."""
    place: Place = START
    places: Map[str, Place] = dataclasses.field(default_factory=dict)
    """`as`, `options.NAME` for each option, `when.FIELD` and `when.FIELD.0` for its first value → where it stands."""
    file: str = ""
    when: Map[str, tuple[Json, ...]] = dataclasses.field(default_factory=dict)
    """Canonical field → the values, as the file says them, of which a record that is created here has one; None is
    blank. See `core.mapping.when`."""

    @property
    def goes_out(self) -> bool:
        """Whether anything is written to the stream at all."""
        return any(line.direction != "in" for line in self.lines)

    @property
    def reads(self) -> frozenset[str]:
        """The tool's fields that are read, by the names of the topmost objects they are in."""
        return frozenset(path.partition(".")[0] for line in self.lines for path in line.reads)

    def at(self, word: str) -> Place:
        """Where a word of the stream stands, or the stream itself."""
        return self.places.get(word, self.place)


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file."""

    file: str
    streams: Map[str, StreamMapping]
    vocabularies: Map[str, Vocabulary]
    version: Json = None
    text: str = ""
    """The file as it was read, for showing lines of it."""

    def source(self) -> Source:
        """The file again, to note further problems in."""
        return Source(self.file, self.text)

    def streams_of(self, kind: str) -> tuple[str, ...]:
        """The streams that hold a kind."""
        return tuple(name for name, stream in self.streams.items() if stream.kind == kind)
