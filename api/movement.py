"""The movement policy on its way into force: checked where it stands, in `concord.yaml` or in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from api.assembly import Text
from core.decide.movement.reading import load_leniently, read_policy
from core.errors import ConfigError
from core.mapping.problem import MappingError, Problem
from core.mapping.source import Entry, Source
from core.model.locale import Locale
from core.model.shape import Shape


def check_movement(
    said: Text, line: Entry | None, whole: Source | None, *, shapes: Mapping[str, Shape], locale: Locale
) -> list[Problem]:
    """What is doubtful in a policy; raises `MappingError` with everything that is wrong in it.

    `line` is its line in the configuration file `whole`, where it is said there and not in a file of its own.
    """
    if line is None or whole is None:
        source = load_leniently(said.text, file=said.file, shapes=shapes, locale=locale)[1]
    else:
        source = Source(whole.file, whole.text)
        read_policy(line.node, source, shapes=shapes, locale=locale)
    if any(one.severity == "error" for one in source.problems):
        raise MappingError(source.problems)
    return source.problems


def problems_of(path: Path, *, shapes: Mapping[str, Shape], locale: Locale) -> list[Problem]:
    """Everything that is wrong or doubtful in a movement policy's file; `ConfigError` where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        remedy = "Name a connection, or the file of a movement policy."
        raise ConfigError(f"{path} cannot be read: {why}.", remedy=remedy) from error
    return load_leniently(text, file=str(path), shapes=shapes, locale=locale)[1].problems
