"""Reviewing: whose a review is, when it is due, what becomes of it when nobody answers, and when it settles itself.

The same four elements stand on all of the hub's own work (dead letters and pauses, too): an owner, an action, a due
time, and an escalation when that time is up. What an answer does is `core.flow.reviews.answering`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.decide.rules import Rule
from core.decide.settle import Said, in_contention
from core.errors import ConfigError
from core.model.instant import DAY, HOUR, MINUTE, Instant
from core.model.values import Json, is_blank

WITHIN: Mapping[str, Instant] = {
    "connection": 4 * HOUR,
    "brake": 4 * HOUR,
    "step": 4 * HOUR,
    "schema": DAY,
    "ask": 2 * DAY,
    "frozen": 2 * DAY,
    "ambiguous": 2 * DAY,
    "delete": 2 * DAY,
    "dead_letter": 2 * DAY,
    "duplicate": 7 * DAY,
    "returned": 7 * DAY,
    "by_hand": 14 * DAY,
}
"""Kind of work → how long its owner has for it, unless an admin says otherwise."""

OTHERWISE = 2 * DAY

EXPIRES: Mapping[str, Instant] = {"ask": 14 * DAY, "frozen": 14 * DAY, "delete": 14 * DAY, "duplicate": 30 * DAY}
"""Kind of review → after how long its default is taken, where that is safe. No other kind has one.

Who may be whom is never guessed, since a wrong guess doubles a person or makes two of them one; a brake waits for
somebody's word; consent is not decided by silence; and what waits for a tool closes when the tool works again.
"""

GONE = "the record is gone"
"""The answer of a question that closed because its record is no longer there; it opens again with the record."""

_DURATION = re.compile(r"(\d+)\s*(min|h|d)")
_UNITS = {"min": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class Duties:
    """Who answers what within which time, as an admin declared it. An owner of None is whoever runs the hub."""

    owner: str | None = None
    escalate_to: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    """Kind of work → its owner."""
    due: Mapping[str, Instant] = field(default_factory=dict)
    """Kind of work → µs."""
    expires: Mapping[str, Instant | None] = field(default_factory=dict)
    """Kind of review → µs until its default is taken, None for never."""

    def owner_of(self, what: str) -> str | None:
        """Who has to see to this kind of work."""
        return self.owners.get(what, self.owner)

    def within(self, what: str) -> Instant:
        """How long the owner has, in µs."""
        return self.due.get(what, WITHIN.get(what, OTHERWISE))

    def expiry(self, what: str) -> Instant | None:
        """How long a review of this kind waits for its default, in µs; None where it has none."""
        return self.expires.get(what, EXPIRES.get(what)) if what in EXPIRES else None

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "owner": self.owner,
            "escalate_to": self.escalate_to,
            "owners": dict(self.owners),
            "due": dict(self.due),
            "expires": dict(self.expires),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Duties:
        """Read the stored form back."""
        return cls(**kept)


def duration(said: str) -> Instant:
    """`30min`, `4h` or `2d` in µs; `ValueError` for anything else."""
    found = _DURATION.fullmatch(said.strip())
    if found is None or not int(found[1]):
        raise ValueError(f"{said!r} is no length of time")
    return int(found[1]) * _UNITS[found[2]]


def pick(words: Sequence[Said], which: str, source: str | None = None) -> Said | None:
    """The `newest` or `earliest` of these words, or the newest one `from` a source; None when there is none."""
    if which == "from":
        words = [word for word in words if word.source == source]
    elif which == "earliest":
        words = [word for word in words if not is_blank(word.value)]
    if not words:
        return None
    by_time = sorted(words, key=lambda word: (word.stamp.at, word.stamp.since, word.source, str(word.value)))
    return by_time[0 if which == "earliest" else -1]


def certainly_newest(words: Sequence[Said]) -> Said | None:
    """The word that is newer than every other one whatever the clocks; None when that is not certain."""
    contenders = in_contention(words) if words else []
    newest = pick(contenders, "newest")
    if newest is None or is_blank(newest.value) or any(word.value != newest.value for word in contenders):
        return None
    return newest


def default(what: str, *, connection_id: int, consent: bool, rule: str, words: Sequence[Said]) -> str | None:
    """The word by which a review is answered when nobody did in time, or None where no answer is safe.

    Safe is what writes nothing over a newer value, deletes nothing, and doubles nobody. `words` are the contenders
    of a question about a field.
    """
    if consent:
        return None
    match what:
        case "ask" if rule == "ask" and certainly_newest(words) is not None:
            # Under any other rule it is a question just because nobody can tell which one is newer.
            return "newest"
        case "frozen" | "delete":
            # Where somebody deleted it, it is not put back unasked either.
            return "leave"
        case "duplicate" if connection_id:
            # Without a connection it keeps a record from being created elsewhere: closing it would double somebody.
            return "noted"
    return None


def settled(what: str, *, connection_id: int, field: str, is_live: bool, held: int, said: Collection[str]) -> str:
    """Why a question about a record needs no answer any more, '' while it does.

    `held` is how many bindings of the record live in the review's connection, `said` the fields about which a person
    has just had a say.
    """
    match what:
        case "frozen" if field in said:
            return "a person said it"
        case "delete" if held:
            return "it is there again"
        case "duplicate" if connection_id and held < 2:
            return "one of them is left"
        case "frozen" | "delete" if not is_live:
            return GONE
        case "ambiguous" | "duplicate" if not connection_id and not is_live:
            return GONE
    return ""


def as_rule(what: str, present: Rule, word: str, source: str | None) -> Json:
    """The line of rules that answers such questions from now on like this word does, as the rules file has it.

    `present` is the field's rule now. Raises `ConfigError` where no rule says the same.
    """
    undecided = what == "ask" and present.name in ("latest", "prefer", "system_of_record", "hold")
    match word:
        case "from" if undecided and present.name == "latest":
            # What is certainly newer still stands; only what nobody can tell is decided by the source.
            return {"latest": {"prefer": [source, *(one for one in present.prefer if one != source)]}}
        case "from":
            return {"prefer": [source]}
        case "earliest":
            return "fill"
        case "newest" if what == "ask" and not undecided:
            return "latest"
        case "newest":
            raise ConfigError(
                f"The rule is {present} already, and these questions are what it cannot decide.",
                remedy="Say whom to believe: from:CONNECTION.",
            )
    raise ConfigError(
        f"'{word}' is an answer to one question and no rule for others.",
        remedy="Answer with newest, earliest or from:CONNECTION, or leave --as-rule out.",
    )
