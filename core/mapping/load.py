"""From the text of a mapping file to a `Mapping`: the grammar of the language, with every mistake at its place.

What can be seen in the file alone is found here: broken YAML, unknown words, steps and vocabularies, arguments that
make no sense, one-way steps without a direction. Whether the fields exist, and whether the lines keep the laws, is
asked by `core.mapping.check`.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import replace
from functools import lru_cache

from core.mapping.language import Direction, Line, Mapping, StreamMapping
from core.mapping.problem import START, MappingError, Place, one_of
from core.mapping.read_lines import DIRECTIONS, LineReader
from core.mapping.source import Entry, Node, Source
from core.mapping.vocabulary import HANDLINGS, SPELLINGS, Vocabulary
from core.model.values import Json

TOP_WORDS = ("version", "vocabularies")
STREAM_WORDS = ("as", "when", "direction", "options", "fields")


@lru_cache(maxsize=64)
def load(text: str, *, file: str, common: str = "") -> Mapping:
    """Read a mapping file; raises `MappingError` with all of its mistakes. A text is read once.

    `common` is the text of the vocabularies that every mapping may use; one of its own of that name goes before.
    """
    mapping, source = load_leniently(text, file=file, common=common)
    if any(problem.severity == "error" for problem in source.problems):
        raise MappingError(source.problems)
    return mapping


def load_leniently(text: str, *, file: str, common: str = "") -> tuple[Mapping, Source]:
    """Read what can be read of a mapping file; `source.problems` tells what could not."""
    source = Source(file, text)
    root = source.tree()
    if root is None:
        return Mapping(file, {}, {}, text=text), source
    shared = load_vocabularies(common, file="vocabularies") if common else {}
    return _FileReader(source, set(shared)).mapping(root, shared), source


@lru_cache(maxsize=8)
def load_vocabularies(text: str, *, file: str) -> dict[str, Vocabulary]:
    """The vocabularies that every mapping may use, from a file that holds nothing else; raises `MappingError`."""
    source = Source(file, text)
    root = source.tree()
    found = _FileReader(source, set()).shared(root) if root is not None else {}
    if source.problems:
        raise MappingError(source.problems)
    return found


class _FileReader(LineReader):
    """Reads one file from the top down; a part that cannot be read is noted and left out."""

    tables: dict[str, Vocabulary]

    def shared(self, root: Node) -> dict[str, Vocabulary]:
        """What a file of vocabularies holds; their places mean nothing in the files that use them."""
        declared = root.value.get("vocabularies") if root.is_map else None
        if declared is None:
            self.source.problem(root.place, "The file has no `vocabularies`.", found=root.told())
            return {}
        self._known_words(root, ("vocabularies",), "a file of vocabularies")
        read = self._vocabularies(declared.node)
        return {name: replace(one, common=True, place=START, places={}) for name, one in read.items()}

    def mapping(self, root: Node, shared: Map[str, Vocabulary]) -> Mapping:
        if not root.is_map:
            self.source.problem(root.place, "A mapping is a map of streams.", found=root.told())
            return Mapping(self.source.file, {}, {}, text=self.source.text)
        declared = root.value.get("vocabularies")
        self.tables = {**shared, **(self._vocabularies(declared.node) if declared else {})}
        streams = {
            str(entry.key): stream
            for entry in root.entries
            if entry.key not in TOP_WORDS and (stream := self._stream(entry))
        }
        if not any(entry.key not in TOP_WORDS for entry in root.entries):
            self.source.problem(root.place, "The mapping has no streams.", remedy="Give at least one stream.")
        version = root.value["version"].node.plain() if "version" in root.value else None
        whole = Mapping(self.source.file, streams, self.tables, version, self.source.text)
        return replace(whole, streams={name: _with_refs(stream, whole) for name, stream in streams.items()})

    # Vocabularies.

    def _vocabularies(self, node: Node) -> dict[str, Vocabulary]:
        if not self._must_be_map(node, "`vocabularies`"):
            return {}
        self.vocabularies = {*self.vocabularies, *(str(entry.key) for entry in node.entries)}
        read = [self._vocabulary(entry) for entry in node.entries]
        return {vocabulary.name: vocabulary for vocabulary in read if vocabulary}

    def _vocabulary(self, entry: Entry) -> Vocabulary | None:
        name = str(entry.key)
        if not self._must_be_map(entry.node, f"The vocabulary `{name}`"):
            return None
        self._known_words(entry.node, ("words", "unknown", "spelling"), "a vocabulary")
        words = entry.node.value.get("words")
        if words is None or not words.node.is_map or not words.node.value:
            self.source.problem(
                entry.place if words is None else words.place,
                f"The vocabulary `{name}` has no words.",
                remedy="Say `words:` and below it one line a word: the tool's word, a colon, ours.",
            )
            return None
        pairs = {pair.key: self._text(pair.node, "Our word") for pair in words.node.entries}
        return Vocabulary(
            name,
            {theirs: ours for theirs, ours in pairs.items() if ours is not None},
            self._unknown(entry.node),
            entry.place,
            {pair.key: pair.place for pair in words.node.entries},
            self._choice(entry.node, "spelling", SPELLINGS) or "exact",
        )

    def _unknown(self, node: Node) -> str:
        entry = node.value.get("unknown")
        if entry is None:
            return "refuse"
        text = self._text(entry.node, "`unknown`")
        if text is None:
            self.source.problem(
                entry.node.place, "`unknown` says nothing.", expected=one_of([*HANDLINGS, "a canonical word"])
            )
        return text or "refuse"

    # Streams.

    def _stream(self, entry: Entry) -> StreamMapping | None:
        name, node = str(entry.key), entry.node
        if not self._must_be_map(node, f"The stream `{name}`"):
            return None
        self._known_words(node, STREAM_WORDS, "a stream")
        kind = self._text(node.value["as"].node, "`as`") if "as" in node.value else None
        if kind is None:
            self.source.problem(
                entry.place,
                f"The stream `{name}` does not say what it holds.",
                remedy="Add a line `as: contact`.",
            )
        direction = self._choice(node, "direction", DIRECTIONS)
        lines = self._lines(entry, direction)
        options = node.value.get("options")
        if kind is None or (options and not self._must_be_map(options.node, "`options`")):
            return None
        places = {key: node.value[key].node.place for key in node.value}
        if options:
            places |= {f"options.{option.key}": option.place for option in options.node.entries}
        when = self._when(node, places)
        return StreamMapping(
            name,
            kind,
            lines,
            options.node.plain() if options else {},
            self.tables,
            entry.place,
            places,
            self.source.file,
            when,
        )

    def _when(self, stream: Node, places: dict[str, Place]) -> dict[str, tuple[Json, ...]]:
        """Canonical field → its values; where each stands goes into `places`."""
        entry = stream.value.get("when")
        if entry is None or not self._must_be_map(entry.node, "`when`"):
            return {}
        if not entry.node.value:
            self.source.problem(
                entry.node.place, "`when` names no field.", remedy="Name one: `when: {type: task}`, or leave it out."
            )
        return {str(one.key): values for one in entry.node.entries if (values := self._values(one, places))}

    def _values(self, entry: Entry, places: dict[str, Place]) -> tuple[Json, ...]:
        name, node = str(entry.key), entry.node
        found = node.value if node.is_list else [node]
        # A null by itself is more often a value that was forgotten; in a list it is meant.
        if not found or node.value is None or any(one.is_map or one.is_list for one in found):
            self.source.problem(
                node.place,
                f"`when` must say which values `{name}` may have.",
                found=node.told() if found else "an empty list",
                expected="a value, or a list of values",
                remedy=f"Write `{name}: value` or `{name}: [one, another]`; `[null]` stands for a blank field.",
            )
            return ()
        places[f"when.{name}"] = entry.place
        places |= {f"when.{name}.{place}": one.place for place, one in enumerate(found)}
        return tuple(one.value for one in found)

    def _lines(self, stream: Entry, direction: Direction | None) -> tuple[Line, ...]:
        fields = stream.node.value.get("fields")
        if fields is None or not fields.node.value:
            self.source.problem(
                fields.place if fields else stream.place,
                f"The stream `{stream.key}` has no fields.",
                remedy="Say `fields:` and below it one line a field: `email: their_field`.",
            )
            return ()
        if not self._must_be_map(fields.node, "`fields`"):
            return ()
        lines = (self._line(entry, direction) for entry in fields.node.entries)
        # A line whose vocabulary could not be read waits until that is mended.
        return tuple(line for line in lines if line and (line.vocabulary is None or line.vocabulary in self.tables))


def _with_refs(stream: StreamMapping, mapping: Mapping) -> StreamMapping:
    lines = (
        replace(line, ref_streams=mapping.streams_of(line.ref)) if line.ref and not line.by else line
        for line in stream.lines
    )
    return replace(stream, lines=tuple(lines))
