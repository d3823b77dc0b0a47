"""The smallest parts of reading a mapping file: maps, texts, choices and flags, each mistake at its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Entry, Node, Source


class WordReader:
    """Reads values of one file and notes in `source` what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def _must_be_map(self, node: Node, what: str, or_else: str = "") -> bool:
        if not node.is_map:
            expected = " or ".join(filter(None, ("a map (`key: value` lines)", or_else)))
            self.source.problem(node.place, f"{what} must be {expected}.", found=node.told(), expected=expected)
        return node.is_map

    def _known_words(self, node: Node, known: Iterable[str], what: str) -> None:
        for entry in node.entries:
            if entry.key not in known:
                self._unknown_word(entry, known, what)

    def _unknown_word(self, entry: Entry, known: Iterable[str], what: str) -> None:
        self.source.problem(
            entry.place,
            f"`{entry.key}` is not a word of {what}.",
            found=str(entry.key),
            expected=one_of(known),
            remedy=did_you_mean(entry.key, known) or "Leave it out.",
        )

    def _text(self, node: Node, what: str, or_else: str = "") -> str | None:
        if isinstance(node.value, str) and node.value:
            return node.value
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return str(node.value)
        expected = " or ".join(filter(None, ("text", or_else)))
        remedy = "Put it in quotes." if isinstance(node.value, bool) else ""
        self.source.problem(
            node.place, f"{what} must be {expected}.", found=node.told(), expected=expected, remedy=remedy
        )
        return None

    def _choice(self, node: Node, word: str, choices: tuple[Any, ...]) -> Any:
        if word not in node.value:
            return None
        value = node.value[word].node
        if value.value in choices:
            return value.value
        remedy = did_you_mean(value.value, choices)
        expected = one_of(choices)
        self.source.problem(
            value.place, f"`{word}` is {expected}.", found=value.told(), expected=expected, remedy=remedy
        )
        return None

    def _flag(self, node: Node, word: str) -> bool:
        if word not in node.value:
            return False
        value = node.value[word].node
        if not isinstance(value.value, bool):
            self.source.problem(
                value.place, f"`{word}` is true or false.", found=value.told(), expected="true or false"
            )
        return value.value is True

    def _has_errors(self, since: int) -> bool:
        return any(problem.severity == "error" for problem in self.source.problems[since:])
