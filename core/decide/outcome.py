"""What follows from a tool's answer: done, again, look first, give up and show it.

One case for every class in `core.errors`. Nothing waits here; `wait` is what the outbox keeps. An attempt
counts when it may be the item's own fault; waiting for a tool's permission or for a person does not.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from core import errors
from core.errors import Again, Reach, ToolError
from core.ports import Verb

Action = Literal["done", "again", "reread", "bind", "gone", "dead_letter", "throttled", "look", "pause"]

ATTEMPTS = 8
"""After so many counted attempts an item is a dead letter."""

PATIENCE = 40
"""The same while the tool itself is down: a day and a half, because that is seldom the item's fault."""

FIRST_WAIT, LONGEST_WAIT = 2.0, 3600.0
"""Seconds before the second attempt, and at most before any."""


class Outcome(NamedTuple):
    """What to do with an item after an attempt.

    `again`: the same once more. `reread`: read the record, fold, compare, then write what still differs.
    `bind`: the record is there already, tie it. `gone`: the delete policy decides. `look`: find out whether
    the create happened before sending it again. `throttled`: back to the queue. `pause`: stop the reach of
    the error, a stream or a connection, and wait for a person. `wait` is in seconds, None when nothing is sent
    again by itself.
    """

    action: Action
    wait: float | None = None
    counts_attempt: bool = False
    pause: bool = False
    review: bool = False
    dead_letter: bool = False
    reach: Reach = Reach.RECORD
    error: ToolError | None = None
    """What a pause is for."""


DONE = Outcome("done")


def outcome(  # noqa: PLR0911 - one return a case is the table
    error: ToolError | None, *, attempts: int = 0, verb: Verb | None = None, spread: int = 0
) -> Outcome:
    """What follows from an error, or from None for success.

    `attempts` counts the earlier ones, `verb` is None for a read. `spread` is any number that differs between
    items (a record's id): it spreads their retries, the same way each time.
    """
    wait = back_off(attempts, spread)
    match error:
        case None:
            return DONE
        case errors.Throttled() | errors.Resting():
            return Outcome("throttled", wait if error.wait is None else error.wait, reach=error.reach)
        case errors.SignedOut() | errors.SchemaChanged() | errors.Forbidden():
            if error.reach in (Reach.FIELD, Reach.RECORD):
                return _given_up()
            return Outcome("pause", pause=True, review=True, reach=error.reach, error=error)
        case errors.Gone(moved_to=None) if verb is Verb.DELETE:
            return DONE
        case errors.Gone(moved_to=None) if verb is Verb.CREATE:
            # It was made by an earlier attempt and a person has deleted it since: not made again unasked.
            return _given_up()
        case errors.Gone() if verb is not Verb.CREATE:
            return _tried("gone", wait if attempts else 0.0, attempts)
        case errors.Exists() | errors.Gone() if verb in {None, Verb.CREATE}:
            # A create whose earlier attempt was turned into another record since has made that one.
            return Outcome("bind", 0.0, counts_attempt=True) if attempts < ATTEMPTS else _given_up()
        case errors.Unavailable():
            return _tried("again", wait, attempts, limit=PATIENCE, reach=error.reach)
        case errors.Unknown() | errors.Garbled():
            return _tried(_before_sending_again(verb), wait, attempts)
        case errors.Stale():
            # The first time at once: somebody edited it, and what they wrote is news.
            return _tried("reread", wait if attempts else 0.0, attempts)
        case errors.CursorExpired():
            return _tried("reread", wait if attempts else 0.0, attempts, reach=error.reach)
    return _tried("again", wait, attempts) if error.again is Again.LATER else _given_up()


def back_off(attempts: int, spread: int = 0) -> float:
    """Seconds to wait after `attempts` earlier ones: doubling, half to all of it, at most an hour."""
    longest = min(FIRST_WAIT * 2 ** min(attempts, 30), LONGEST_WAIT)
    # Knuth's multiplier scatters neighbouring numbers evenly.
    share = (spread * 2_654_435_761 % 2**32) / 2**32
    return float(longest * (0.5 + share / 2))


def _before_sending_again(verb: Verb | None) -> Action:
    """An unanswered create may have made a record; other writes are compared again; a read is repeated."""
    if verb is None:
        return "again"
    return "look" if verb is Verb.CREATE else "reread"


def _tried(
    action: Action, wait: float, attempts: int, *, limit: int = ATTEMPTS, reach: Reach = Reach.RECORD
) -> Outcome:
    if attempts + 1 >= limit:
        return _given_up()
    return Outcome(action, wait, counts_attempt=True, reach=reach)


def _given_up() -> Outcome:
    return Outcome("dead_letter", counts_attempt=True, dead_letter=True)
