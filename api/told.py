"""What the doors tell in JSON, where several of them tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.model.claim import Evidence
from core.model.instant import iso

if TYPE_CHECKING:
    from core.decide.permission import Word
    from core.flow.consent.checking import Verdict


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
