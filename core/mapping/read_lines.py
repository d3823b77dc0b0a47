"""Reads one line of a stream, in its short or its long form, and sees to it that it does not contradict itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

from core.mapping import compute
from core.mapping.language import By, Direction, Line, WhenBlank
from core.mapping.problem import did_you_mean, one_of
from core.mapping.read_steps import StepReader
from core.mapping.source import Entry, Node, Source

LINE_WORDS = (
    "field",
    "steps",
    "vocabulary",
    "ref",
    "by",
    "compute",
    "direction",
    "on_create_only",
    "when_blank",
    "required",
)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
WHEN_BLANK: tuple[WhenBlank, ...] = get_args(WhenBlank)
BY: tuple[By, ...] = get_args(By)


class LineReader(StepReader):
    """Reads what stands below `fields:`; `vocabularies` are the names that the file declares."""

    def __init__(self, source: Source, vocabularies: Collection[str]) -> None:
        super().__init__(source)
        self.vocabularies = vocabularies

    def _line(self, entry: Entry, stream_direction: Any) -> Line | None:
        node, before = entry.node, len(self.source.problems)
        if isinstance(node.value, str) and node.value:
            return Line(
                str(entry.key),
                node.value,
                stream_direction or "both",
                place=entry.place,
                places={"field": node.place},
            )
        if not self._must_be_map(node, f"The line `{entry.key}`", or_else="the name of the tool's field"):
            return None
        self._known_words(node, LINE_WORDS, "a line")
        remote, parts = self._remote(node)
        by: By | None = self._choice(node, "by", BY)
        # A reference by address is only read, so it need not say so.
        default: Direction | None = "in" if by else stream_direction
        direction: Direction | None = self._choice(node, "direction", DIRECTIONS) or default
        expression = self._expression(entry, direction)
        line = Line(
            str(entry.key),
            remote or (str(entry.key) if expression and direction == "out" and not parts else None),
            direction or "both",
            parts,
            self._steps(node),
            self._vocabulary_name(node),
            self._text(node.value["ref"].node, "`ref`") if "ref" in node.value else None,
            by=by,
            compute=expression,
            on_create_only=self._flag(node, "on_create_only"),
            when_blank=self._choice(node, "when_blank", WHEN_BLANK)
            or ("ignore" if self._flag(node, "required") else "clear"),
            required=self._flag(node, "required"),
            place=entry.place,
            places={key: node.value[key].node.place for key in node.value},
        )
        self._check_shape(line, entry)
        self._check_by(line)
        self._check_ways(line)
        return line if not self._has_errors(before) else None

    def _check_shape(self, line: Line, entry: Entry) -> None:
        """A line has the tool's field, or is computed; and does not say what contradicts itself."""
        if not line.remote and not line.parts and not line.compute and "field" not in entry.node.value:
            self.source.problem(
                line.place,
                f"The line `{line.field}` does not name the tool's field.",
                remedy=f"Add `field:`, or write `{line.field}: their_field`.",
            )
        if line.on_create_only and line.direction == "in":
            self.source.problem(
                line.at("on_create_only"),
                f"The line `{line.field}` goes in only, so `on_create_only` has no meaning.",
                remedy="Leave out `on_create_only`, or the direction.",
            )
        if line.compute and line.direction == "in" and "field" in entry.node.value:
            self.source.problem(
                line.at("field"),
                "A line computed on the way in reads the fields named in its expression.",
                remedy="Leave out `field`.",
            )

    def _check_by(self, line: Line) -> None:
        """`by` is a word about a reference, and such a reference is only read."""
        if line.by and not line.ref:
            self.source.problem(
                line.at("by"),
                f"The line `{line.field}` refers to nothing, so `by` has no meaning.",
                found=f"by: {line.by}",
                expected="a line with `ref`",
                remedy="Say what it refers to: `ref: contact`. Or leave out `by`.",
            )
        if line.by and line.direction != "in":
            self.source.problem(
                line.at("direction"),
                f"The line `{line.field}` finds records by their {line.by}, which works on the way in only.",
                found=line.direction,
                expected="direction: in",
                remedy="Say `direction: in`, or leave out the direction.",
            )

    def _check_ways(self, line: Line) -> None:
        """A step without an inverse needs a line that says its direction, and the right one."""
        for use in line.steps:
            if use.step.ways == "in" and line.direction != "in":
                self.source.problem(
                    use.place,
                    f"The step `{use.name}` has no way back, so the line `{line.field}` cannot go {_way(line)}.",
                    expected="direction: in",
                    remedy="Say `direction: in` on this line.",
                )
            elif use.step.ways == "one" and line.direction == "both":
                self.source.problem(
                    use.place,
                    f"The step `{use.name}` goes one way only, and the line `{line.field}` does not say which.",
                    expected="direction: in or direction: out",
                    remedy="Say `direction: in` or `direction: out` on this line.",
                )

    def _remote(self, node: Node) -> tuple[str | None, dict[str, str]]:
        entry = node.value.get("field")
        if entry is None:
            return None, {}
        if entry.node.is_map and entry.node.value:
            parts = {str(part.key): self._text(part.node, "The tool's field") for part in entry.node.entries}
            return None, {part: path for part, path in parts.items() if path}
        return self._text(entry.node, "`field`", or_else="a map of parts to the tool's fields"), {}

    def _expression(self, entry: Entry, direction: Direction | None) -> compute.Expression | None:
        if "compute" not in entry.node.value:
            return None
        node = entry.node.value["compute"].node
        if direction not in ("in", "out"):
            self.source.problem(
                entry.node.value["compute"].place,
                f"The computed line `{entry.key}` does not say its direction.",
                expected="direction: in (from the tool's fields) or direction: out (from canonical fields)",
                remedy="Add `direction: in` or `direction: out`.",
            )
        if (text := self._text(node, "`compute`")) is None:
            return None
        try:
            return compute.parse(text)
        except ValueError as error:
            self.source.problem(
                node.place,
                f"{str(error)[0].upper()}{str(error)[1:]}.",
                found=text[:60],
                expected="an expression such as first_name + ' ' + last_name",
                remedy=f"Functions: {', '.join(compute.FUNCTIONS)}. Text stands in quotes.",
            )
            return None

    def _vocabulary_name(self, node: Node) -> str | None:
        if "vocabulary" not in node.value:
            return None
        value = node.value["vocabulary"].node
        name = self._text(value, "`vocabulary`")
        if name is not None and name not in self.vocabularies:
            self.source.problem(
                value.place,
                f"There is no vocabulary `{name}`.",
                found=value.told(),
                expected=one_of(sorted(self.vocabularies)) if self.vocabularies else "",
                remedy=did_you_mean(name, self.vocabularies) or "Declare it below `vocabularies:` at the top.",
            )
        return name


def _way(line: Line) -> str:
    return "both ways" if line.direction == "both" else "out"
