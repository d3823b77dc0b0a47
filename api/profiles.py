"""The jurisdiction profile in force: a file of `profiles/`, with what the installation says otherwise.

    consent: {profile: gdpr, expires_after: 24}

The facts stand in `profiles/*.yaml`; what they mean is told by `core.decide.profile`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.decide.profile import SAYABLE, Profile, load_profile
from core.errors import ConfigError
from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Node, Source

PROFILES = Path(__file__).resolve().parents[1] / "profiles"

USUAL = "gdpr"
"""What is taken where nothing is said."""

_PROFILE = "profile"


def known() -> tuple[str, ...]:
    """The names of the profiles there are."""
    return tuple(sorted(path.stem for path in PROFILES.glob("*.yaml")))


def profile_in_force(text: str, *, file: str) -> Profile:
    """The profile that a text chooses, empty for the usual one; `ConfigError` where it cannot be read."""
    source = Source(file, text)
    root = source.tree() if text.strip() else None
    said: dict[str, Any] = dict(root.plain()) if root is not None and root.is_map else {}
    name = str(said.pop(_PROFILE, USUAL))
    if name not in known():
        raise ConfigError(f"There is no profile '{name}'.", remedy=f"Choose {one_of(known())}.")
    path = PROFILES / f"{name}.yaml"
    return load_profile(path.read_text(encoding="utf-8"), file=str(path), otherwise=said)


def read_consent(root: Node, source: Source) -> None:
    """Look through `consent` of a configuration; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return
    if not root.is_map:
        expected = "`key: value` lines"
        source.problem(root.place, "`consent` is not a map.", found=root.told(), expected=expected)
        return
    words = (_PROFILE, *SAYABLE)
    for line in root.entries:
        if line.key == _PROFILE and line.node.plain() not in known():
            remedy = did_you_mean(line.node.plain(), known()) or "Choose one of these."
            what = f"There is no profile {line.node.told()}."
            source.problem(line.node.place, what, expected=one_of(known()), remedy=remedy)
        elif line.key not in words:
            remedy = did_you_mean(line.key, words) or "Leave it out."
            what = f"`{line.key}` is not a word of `consent`."
            source.problem(line.place, what, expected=one_of(words), remedy=remedy)
        elif line.key != _PROFILE:
            _fits(str(line.key), line.node, source)


def _fits(name: str, node: Node, source: Source) -> None:
    try:
        Profile.model_validate({name: node.plain()})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        source.problem(node.place, f"`{name}` has a value it cannot have: {why}.", found=node.told())
