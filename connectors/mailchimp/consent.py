"""Consent as Mailchimp keeps it: what a wanted status means for a member who has another one now. Pure.

Narrowing is always carried out, as `unsubscribed`; only Mailchimp itself finds an address `cleaned`. Widening is never
done over somebody's head: who never said no is asked by mail (`pending`), or subscribed where the setting says that the
grants come with proof; who unsubscribed is asked by mail or refused; a cleaned address is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.mailchimp import trouble
from connectors.mailchimp.words import ARCHIVED, CLEANED, PENDING, SUBSCRIBED, TRANSACTIONAL, UNSUBSCRIBED
from core.errors import ConfigError, Refused

_NARROW = frozenset({UNSUBSCRIBED, CLEANED})


class Manners(NamedTuple):
    """How grants are told to Mailchimp."""

    grant: str = PENDING
    """The status of who is granted anew: `pending`, or `subscribed` without asking."""
    confirm: bool = False
    """Whether who unsubscribed is asked by mail."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Manners:
        """As the settings want it; `ConfigError` for words that they do not have."""
        grant = settings.get("grant") or PENDING
        again = settings.get("resubscribe") or "refuse"
        for name, value, known in (("grant", grant, (PENDING, SUBSCRIBED)), ("resubscribe", again, _AGAIN)):
            if value not in known:
                raise ConfigError(f"Setting {name} is {value!r}.", remedy=f"Write one of {', '.join(known)}.")
        return cls(str(grant), again == "confirm")


_AGAIN = ("refuse", "confirm")


class Step(NamedTuple):
    """What to tell Mailchimp. Neither: it is so already, or says less than what is there."""

    status: str | None = None
    refusal: Refused | None = None
    widens: bool = False


NOTHING = Step()


def on_create(wanted: Any, manners: Manners) -> str:
    """The status of a new member. Nobody's word is no consent: they are kept, and never written to."""
    if wanted in _NARROW:
        return UNSUBSCRIBED
    if wanted == SUBSCRIBED:
        return manners.grant
    return PENDING if wanted == PENDING else TRANSACTIONAL


def on_update(wanted: Any, now: str, manners: Manners) -> Step:
    """How a member who is `now` this comes to what is wanted."""
    if wanted == now or wanted in (None, ARCHIVED, TRANSACTIONAL):
        return NOTHING
    if wanted in _NARROW:
        return NOTHING if now in _NARROW else Step(UNSUBSCRIBED)
    if wanted == PENDING and now == SUBSCRIBED:
        return Step(PENDING)
    if wanted not in (SUBSCRIBED, PENDING):
        return Step(refusal=Refused(f"Mailchimp knows no status {str(wanted)[:40]!r}.", field="status"))
    return _widened(str(wanted), now, manners)


def _widened(wanted: str, now: str, manners: Manners) -> Step:
    if now == CLEANED:
        return Step(refusal=trouble.cleaned())
    if now == UNSUBSCRIBED:
        return Step(PENDING, widens=True) if manners.confirm else Step(refusal=trouble.unsubscribed())
    goal = manners.grant if wanted == SUBSCRIBED else PENDING
    # Who was asked already is not asked twice: the answer is theirs.
    return NOTHING if goal == now else Step(goal, widens=True)
