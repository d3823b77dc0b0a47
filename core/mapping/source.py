"""Reads YAML into nodes that know their place, because every message about a mapping shows where it points.

`Source` is one file: its name, its lines and the problems found in it so far. `Node` is a value with its place.
Broken YAML, a key said twice and aliases are problems like any other. What the words mean is told by
`core.mapping.load`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from core.mapping.problem import Place, Problem, Severity
from core.model.values import Json
from core.model.yaml_reader import yaml_reader

LARGEST = 1_000_000
"""A mapping file has at most this many characters."""


class Entry(NamedTuple):
    """One key of a map with the place of the key and its value."""

    key: Json
    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place: `value` is a scalar, a list of nodes, or a dict of key → `Entry`."""

    value: Any
    place: Place

    @property
    def is_map(self) -> bool:
        """Whether this is a map."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether this is a list."""
        return isinstance(self.value, list)

    @property
    def entries(self) -> Iterator[Entry]:
        """The entries of a map, in the order of the file; none for anything else."""
        return iter(self.value.values() if isinstance(self.value, dict) else ())

    def plain(self) -> Json:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def told(self) -> str:
        """What this is, for `found:` in a message."""
        if isinstance(self.value, dict):
            return "a map (`key: value` lines)"
        if isinstance(self.value, list):
            return "a list"
        return "nothing" if self.value is None else f"`{self.value}`"


@dataclass(slots=True)
class Source:
    """One mapping file while it is read and checked; problems gather in `problems`."""

    file: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()

    def problem(
        self,
        place: Place,
        what: str,
        *,
        found: str = "",
        expected: str = "",
        remedy: str = "",
        severity: Severity = "error",
    ) -> None:
        """Note a problem at a place; the same sentence at the same place is noted once."""
        line = self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else ""
        problem = Problem(self.file, *place, what, found, expected, remedy, severity, line)
        if problem not in self.problems:
            self.problems.append(problem)

    def tree(self) -> Node | None:
        """The file as nodes, or None where it is empty or no YAML; either is noted as a problem."""
        if len(self.text) > LARGEST:
            self.problem(Place(1, 1), f"The file is larger than {LARGEST:,} characters.")
            return None
        try:
            root = _composed(self.text)
        except MarkedYAMLError as error:
            self._broken(error)
            return None
        except (YAMLError, RecursionError) as error:
            self.problem(Place(1, 1), f"The file is not valid YAML: {_first_line(error)}.")
            return None
        if root is None:
            self.problem(Place(1, 1), "The file is empty.", remedy="Give at least one stream.")
            return None
        return self._node(root, set())

    def _broken(self, error: MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        self.problem(
            place,
            f"This is not valid YAML: {error.problem or error.context}.",
            remedy="Look at the indentation, quotes and brackets of this line and the one above; indent with spaces.",
        )

    def _node(self, node: YamlNode, seen: set[int]) -> Node:
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in seen:
            self.problem(place, "An alias (`*name`) cannot be used in a mapping.", remedy="Write the value out.")
            return Node(None, place)
        if isinstance(node, MappingNode):
            seen.add(id(node))
            return Node(self._entries(node.value, seen), place)
        if isinstance(node, SequenceNode):
            seen.add(id(node))
            return Node([self._node(item, seen) for item in node.value], place)
        return Node(_scalar(node), place)

    def _entries(self, pairs: Iterable[tuple[YamlNode, YamlNode]], seen: set[int]) -> dict[Json, Entry]:
        entries: dict[Json, Entry] = {}
        for key_node, value_node in pairs:
            place = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self.problem(place, "A key must be a word, not a list or a map.")
                continue
            key = _scalar(key_node)
            if key in entries:
                first = entries[key].place.line
                self.problem(
                    place,
                    f"`{key}` is said twice in the same map.",
                    found=f"`{key}` on line {first} too",
                    remedy="Keep one of the two lines.",
                )
            else:
                value = self._node(value_node, seen)
                # A value that was left out has no place of its own.
                entries[key] = Entry(key, place, Node(None, place) if value.value is None else value)
        return entries


@lru_cache(maxsize=32)
def _composed(text: str) -> YamlNode | None:
    """The parser's own nodes, which nobody changes; the same text is asked for by each check and each reading of it."""
    root: YamlNode | None = yaml_reader(pure=True).compose(text)
    return root


def _scalar(node: Any) -> Json:
    """The plain value by YAML 1.2: `Yes` and dates stay text, `true`, numbers and null are what they are."""
    tag, text = str(node.tag).rpartition(":")[2], str(node.value)
    try:
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return int(text.replace("_", ""), 0)
        if tag == "float":
            return float(text.replace("_", ""))
    except ValueError:
        return text
    return text


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
