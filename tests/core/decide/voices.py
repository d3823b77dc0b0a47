"""Short ways to say who claims what, for the tests of the decisions."""

from __future__ import annotations

from core.decide.rules import Rule, Rules
from core.model.claim import Claim, Claims, Stamp, Voice
from core.model.shapes import SHAPES
from core.model.values import Json

CONTACT = SHAPES["contact"]


def voice(
    source: str,
    at: int = 1,
    *,
    since: int | None = None,
    explicit: bool = False,
    retired: bool = False,
    without: dict[str, list[Json]] | None = None,
    **fields: Json,
):
    """A source that claimed these fields at one moment; `__` in a name stands for a dot."""
    stamp = Stamp(at, at if since is None else since, explicit=explicit)
    without = without or {}
    claims = {
        name.replace("__", "."): Claim(value, stamp, tuple(without.get(name, ()))) for name, value in fields.items()
    }
    return Voice(source, Claims.of(claims), retired)


def rules_with(*, preference: tuple[str, ...] = (), **rules: Rule | str):
    """The contact's default rules but for these fields."""
    named = {name.replace("__", "."): Rule(rule) if isinstance(rule, str) else rule for name, rule in rules.items()}
    return Rules(preference, {}, {"contact": named}).prepared(SHAPES)
