"""What a viewer's key is told of what happened: no name, address or number of anybody, and no quoted word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from api.console.people import Role
from api.masking import hushed, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.v1.keys import Caller

_PLAIN = frozenset({
    "at", "older", "code", "connection", "stream", "what", "direction", "kind", "began_at", "ended_at", "newest",
    "oldest", "field", "verb", "outcome", "state", "acts",
})  # fmt: skip
"""Words that tell of nobody."""
_NAMES = frozenset({"title", "name", "owner"})


def hushed_for(caller: Caller, told: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """An entry as this caller may see it."""
    if caller.role.may(Role.OPERATOR):
        return dict(told)
    return {name: _without_people(name, one) for name, one in told.items()}


def _without_people(name: str, said: JsonValue) -> JsonValue:
    if isinstance(said, str):
        return said if name in _PLAIN else str(masked(said)) if name in _NAMES else hushed(said)
    if isinstance(said, list):
        return [_without_people(name, one) for one in said]
    if isinstance(said, dict):
        return {key: _without_people(key, one) for key, one in said.items()}
    return said
