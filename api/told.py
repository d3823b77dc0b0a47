"""What the doors tell in JSON, where several of them tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.model.claim import Evidence
from core.model.instant import iso

if TYPE_CHECKING:
    from core.decide.permission import Word
    from core.flow.consent.checking import Verdict
    from core.store.ledger import Head, Row


def permission(found: Verdict) -> dict[str, Any]:
    """Whether one person may be contacted, and why."""
    return {
        "address": found.who,
        "channel": found.channel,
        "topic": found.topic,
        "allowed": found.allowed,
        "state": found.state,
        "reason": found.reason,
        "why": found.why,
        "decided_by": [_word(one) for one in found.decided_by],
        "profile": found.profile,
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "source": word.source,
        "channel": word.channel,
        "topic": word.topic,
        "status": word.status,
        "at": iso(word.stamp.at),
        "evidence": Evidence(word.stamp.evidence).name.lower(),
        "first_hand": word.stamp.explicit,
    }


def entry(row: Row) -> dict[str, Any]:
    """An entry of the consent ledger; of an erased one only its place."""
    told = row.told
    return {**told, "place": row.place, "at": iso(told["at"]) if "at" in told else ""}


def said_in(told: dict[str, Any]) -> str:
    """What such an entry says, in words."""
    if "channel" not in told:
        return "erased"
    name = told["channel"] + (f", {told['topic']}" if told["topic"] else "")
    return f"{name}: {told['status'] or 'no word any more'}"


def head(one: Head) -> dict[str, Any]:
    """A signed head of the consent ledger."""
    return {
        "size": one.size, "root": one.root.hex(), "at": iso(one.at), "key": one.key, "signature": one.signature.hex()
    }  # fmt: skip
