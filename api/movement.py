"""The movement policy on its way into force: checked where it stands, in `concord.yaml` or in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from api.assembly import Text
from core.decide.movement.policy import DONE, Policy, Step
from core.decide.movement.reading import load_leniently, read_policy
from core.errors import ConfigError
from core.mapping.problem import MappingError, Problem, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.locale import Locale
from core.model.shape import Shape


def check_movement(
    said: Text,
    line: Entry | None,
    whole: Source | None,
    connections: Sequence[str],
    *,
    shapes: Mapping[str, Shape],
    locale: Locale,
) -> list[Problem]:
    """What is doubtful in a policy; raises `MappingError` with everything that is wrong in it.

    `line` is its line in the configuration file `whole`, where it is said there and not in a file of its own.
    """
    if line is None or whole is None:
        policy, source = load_leniently(said.text, file=said.file, shapes=shapes, locale=locale)
        root = source.tree() if said.text.strip() else None
    else:
        source, root = Source(whole.file, whole.text), line.node
        policy = read_policy(root, source, shapes=shapes, locale=locale)
    if root is not None:
        _mail_is_there(policy, root, source, connections)
    if any(one.severity == "error" for one in source.problems):
        raise MappingError(source.problems)
    return source.problems


def _mail_is_there(policy: Policy, root: Node, source: Source, connections: Sequence[str]) -> None:
    """Mails that are to be sent need a connection that is configured, too."""
    if policy.mode(Step.ACKNOWLEDGE) in DONE and policy.mail is not None and policy.mail not in connections:
        source.problem(
            root.value["mail"].node.place,
            f"There is no connection `{policy.mail}`.",
            found=f"`{policy.mail}`",
            expected=one_of(connections),
            remedy=did_you_mean(policy.mail, connections) or "Name one of `smtp` that stands below `connections`.",
        )


def problems_of(path: Path, *, shapes: Mapping[str, Shape], locale: Locale) -> list[Problem]:
    """Everything that is wrong or doubtful in a movement policy's file; `ConfigError` where it cannot be read."""
    said = read_text(path, remedy="Name a connection, or the file of a movement policy.")
    return load_leniently(said.text, file=said.file, shapes=shapes, locale=locale)[1].problems


def read_text(path: Path, *, remedy: str = "Name the file of a movement policy.") -> Text:
    """The text of a policy's file; `ConfigError` where it cannot be read."""
    try:
        return Text(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {why}.", remedy=remedy) from error
