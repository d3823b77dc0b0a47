"""What is wrong in a mapping file, and where: file, line, column, the line itself with a caret, and the remedy.

Every part of the mapping language reports through `Problem`, so that one check shows all of a file's problems in one
form. Problems that occur while records are translated are plain sentences and live in `core.mapping.translator`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple

from core.errors import ConfigError

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """Where something stands in a file; both count from 1."""

    line: int
    column: int


START: Final = Place(1, 1)
"""Where a file begins."""


class Problem(NamedTuple):
    """One thing that is wrong or doubtful in a mapping file."""

    file: str
    line: int
    column: int
    what: str
    """One sentence: what is wrong."""
    found: str = ""
    expected: str = ""
    remedy: str = ""
    """One sentence: how to mend it."""
    severity: Severity = "error"
    source: str = ""
    """The line of the file, for showing it with a caret."""

    def __str__(self) -> str:
        """The place and the sentence, the line with a caret, then found, expected and the remedy."""
        mark = "" if self.severity == "error" else "warning: "
        rows = [f"{self.file}:{self.line}:{self.column}: {mark}{self.what}"]
        if self.source.strip():
            indent = "".join("\t" if sign == "\t" else " " for sign in self.source[: self.column - 1])
            rows += [f"    {self.source}", f"    {indent}^"]
        for label, text in (("found", self.found), ("expected", self.expected), ("remedy", self.remedy)):
            if text:
                rows.append(f"  {label}: {text}")
        return "\n".join(rows)


class MappingError(ConfigError):
    """A mapping file cannot be used as it is; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """`problems` has at least one error among it."""
        self.problems: tuple[Problem, ...] = tuple(sorted(problems, key=lambda p: (p.line, p.column)))
        errors = sum(problem.severity == "error" for problem in self.problems)
        head = f"{self.problems[0].file} has {errors} error{'s' if errors != 1 else ''}:"
        super().__init__("\n".join([head, *map(str, self.problems)]), remedy=self.problems[0].remedy or None)


def did_you_mean(found: object, known: Iterable[object]) -> str:
    """A remedy that names the closest known word, or all of them where there are few, or nothing."""
    words = {str(word).lower(): str(word) for word in known}
    near = get_close_matches(str(found).lower(), list(words), n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{words[near[0]]}`?"
    return f"Known here: {', '.join(words.values())}." if 0 < len(words) <= 12 else ""


def one_of(words: Iterable[object]) -> str:
    """`a, b or c`, for saying what was expected."""
    *most, last = [str(word) for word in words] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last
