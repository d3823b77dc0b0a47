"""The jurisdiction profile in force: a file of `profiles/`, with what the installation says otherwise.

    consent: {profile: gdpr, expires_after: 24, mail: post, confirm: [shop]}

The facts stand in `profiles/*.yaml`; what they mean is told by `core.decide.profile`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from core.decide.profile import SAYABLE, Profile, load_profile
from core.errors import ConfigError
from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Node, Source

PROFILES = Path(__file__).resolve().parents[1] / "profiles"

USUAL = "gdpr"
"""What is taken where nothing is said."""

_PROFILE, _MAIL, _CONFIRM = "profile", "mail", "confirm"


class Asking(NamedTuple):
    """How sign-ups are confirmed: by mails through which connection, and of which sources."""

    mail: str | None
    sources: tuple[str, ...]


def known() -> tuple[str, ...]:
    """The names of the profiles there are."""
    return tuple(sorted(path.stem for path in PROFILES.glob("*.yaml")))


def profile_in_force(text: str, *, file: str) -> Profile:
    """The profile that a text chooses, empty for the usual one; `ConfigError` where it cannot be read."""
    source = Source(file, text)
    root = source.tree() if text.strip() else None
    said: dict[str, Any] = dict(root.plain()) if root is not None and root.is_map else {}
    name = str(said.pop(_PROFILE, USUAL))
    said.pop(_MAIL, None)
    said.pop(_CONFIRM, None)
    if name not in known():
        raise ConfigError(f"There is no profile '{name}'.", remedy=f"Choose {one_of(known())}.")
    path = PROFILES / f"{name}.yaml"
    return load_profile(path.read_text(encoding="utf-8"), file=str(path), otherwise=said)


def asking(text: str, *, file: str) -> Asking:
    """How sign-ups are confirmed, as a text says it."""
    source = Source(file, text)
    root = source.tree() if text.strip() else None
    said: dict[str, Any] = dict(root.plain()) if root is not None and root.is_map else {}
    return Asking(said.get(_MAIL), tuple(said.get(_CONFIRM) or ()))


def read_consent(root: Node, source: Source) -> None:
    """Look through `consent` of a configuration; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return
    if not root.is_map:
        expected = "`key: value` lines"
        source.problem(root.place, "`consent` is not a map.", found=root.told(), expected=expected)
        return
    words = (_PROFILE, _MAIL, _CONFIRM, *SAYABLE)
    for line in root.entries:
        if line.key == _PROFILE and line.node.plain() not in known():
            remedy = did_you_mean(line.node.plain(), known()) or "Choose one of these."
            what = f"There is no profile {line.node.told()}."
            source.problem(line.node.place, what, expected=one_of(known()), remedy=remedy)
        elif line.key not in words:
            remedy = did_you_mean(line.key, words) or "Leave it out."
            what = f"`{line.key}` is not a word of `consent`."
            source.problem(line.place, what, expected=one_of(words), remedy=remedy)
        elif line.key == _MAIL and not isinstance(line.node.plain(), str):
            source.problem(line.node.place, "`mail` names a connection.", found=line.node.told())
        elif line.key == _CONFIRM and not _is_list_of_names(line.node.plain()):
            source.problem(line.node.place, "`confirm` is a list of connections.", found=line.node.told())
        elif line.key not in (_PROFILE, _MAIL, _CONFIRM):
            _fits(str(line.key), line.node, source)


def _is_list_of_names(said: Any) -> bool:
    return isinstance(said, list) and all(isinstance(one, str) for one in said)


def _fits(name: str, node: Node, source: Source) -> None:
    try:
        Profile.model_validate({name: node.plain()})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        source.problem(node.place, f"`{name}` has a value it cannot have: {why}.", found=node.told())
