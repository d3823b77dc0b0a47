"""Rewording: one line of a mapping's text changed, added or taken out, and all else of it left as somebody wrote it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.util import load_yaml_guess_indent

from core.errors import ConfigError
from core.model.yaml_reader import yaml_reader

_WIDTH = 4_000
"""Lines are not broken anew."""
_USUAL = {"direction": "both", "when_blank": "clear", "required": False, "on_create_only": False}
"""What a line need not say."""


def with_line(text: str, stream: str, field: str, words: dict[str, Any]) -> str:
    """The text with this line in place of the one for that field, or added at the end of the stream.

    `words` are those of the language; what is as usual is left out, and what the former line says of other words
    stays. None takes a word out.
    """

    def change(lines: CommentedMap) -> None:
        present = lines.get(field)
        line = present if isinstance(present, CommentedMap) else CommentedMap()
        if isinstance(present, str):
            line["field"] = present
        line.fa.set_flow_style()
        for word, value in words.items():
            if value is None or _USUAL.get(word) == value:
                line.pop(word, None)
            else:
                line[word] = value
        lines[field] = line["field"] if list(line) == ["field"] and isinstance(line["field"], str) else line

    return _changed(text, stream, change)


def without_line(text: str, stream: str, field: str) -> str:
    """The text without the line for a field."""

    def change(lines: CommentedMap) -> None:
        if field not in lines:
            raise ConfigError(f"The stream '{stream}' has no line for '{field}'.", remedy="Load the page again.")
        del lines[field]

    return _changed(text, stream, change)


def with_word(text: str, vocabulary: str, theirs: str, ours: str) -> str:
    """The text with one more word in a vocabulary."""

    def change(document: CommentedMap) -> None:
        table = document.get("vocabularies", {}).get(vocabulary)
        if not isinstance(table, CommentedMap) or not isinstance(table.get("words"), CommentedMap):
            raise ConfigError(
                f"The text has no vocabulary '{vocabulary}' of its own.", remedy="Add it below `vocabularies:`."
            )
        table["words"][theirs] = ours

    return _written(text, change)


def _changed(text: str, stream: str, change: Callable[[CommentedMap], None]) -> str:
    def of_stream(document: CommentedMap) -> None:
        lines = document.get(stream, {}).get("fields")
        if not isinstance(lines, CommentedMap):
            raise ConfigError(f"The text has no stream '{stream}'.", remedy="Add it by hand, with its `as:`.")
        change(lines)

    return _written(text, of_stream)


def _written(text: str, change: Callable[[CommentedMap], None]) -> str:
    yaml = yaml_reader("rt")
    yaml.width, yaml.preserve_quotes = _WIDTH, True
    try:
        _, dash, offset = load_yaml_guess_indent(text)
        document = yaml.load(text)
    except YAMLError as error:
        raise ConfigError(
            "The text cannot be read as YAML, so no single line of it can be changed.",
            remedy="Mend it in the text first; the problems say where.",
        ) from error
    if not isinstance(document, CommentedMap):
        raise ConfigError("The text is no list of streams.", remedy="Mend it in the text first.")
    if dash:
        yaml.indent(sequence=dash, offset=offset or 0)
    change(document)
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue()
