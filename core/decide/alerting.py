"""Alerting: who is told when something is wrong, told again while it lasts, and told when it is over. Pure.

alerts:
mail: mail                        # a connection that sends
to: [anna@shop.example]
after: 2min                       # what is over sooner is not told at all
again: 4h
lag: 15min
queue: 10000
agreement: 99 %
dead_letters: 1
quota: 90 %

troubles now, what stands from before ▶ news: first, again, over ▶ what stands from now on
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from core.decide.reviewing import duration
from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.contact_points import email
from core.model.instant import HOUR, MINUTE, Instant
from core.model.values import Json

WORDS: Mapping[str, str] = {
    "mail": "The connection that sends the mails; its connector is one that sends.",
    "to": "Addresses that hear.",
    "after": "Only what has lasted for so long is told, and only what stays away for so long is over; `2min`.",
    "again": "What lasts is told again after so long; `4h`.",
    "lag": "A change has waited for its way into a tool for longer than this; `15min`.",
    "queue": "More changes than this wait for one tool; `10000`.",
    "agreement": "Less than this part of what a tool holds agrees with the hub; `99 %`.",
    "dead_letters": "So many writes, or more, were refused by a tool for good; `1`.",
    "quota": "More than this part of what we may use of a tool's calls of the day is used; `90 %`.",
}
"""Word of `alerts` → what it says."""

KINDS: Mapping[str, str] = {
    "hub": "the hub itself cannot go on",
    "workers": "nobody does a part of the work, where several processes share it",
    "connection": "a connection, or one of its streams, rests until somebody sees to it",
    "brake": "writing to a tool is stopped until somebody agrees",
    "lag": "changes wait too long",
    "queue": "too many changes wait",
    "dead_letters": "a tool refuses writes",
    "agreement": "a tool and the hub drift apart",
    "quota": "a tool's calls of the day are nearly or wholly used up",
    "reviews": "questions are late",
    "hooks": "webhooks of the API are paused, or were ended by whoever was told, within the last day",
    "requests": "people asked about their data, and the law's time is over",
}
"""Kind of trouble → what it is."""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class Alerting(NamedTuple):
    """Who is told of what."""

    mail: str | None = None
    to: tuple[str, ...] = ()
    after: Instant = 2 * MINUTE
    again: Instant = 4 * HOUR
    lag: Instant = 15 * MINUTE
    queue: int = 10_000
    agreement: float = 0.99
    dead_letters: int = 1
    quota: float = 0.9


class Trouble(NamedTuple):
    """One thing that is wrong now."""

    kind: str
    """A word of `KINDS`."""
    where: str
    """The connection, '' for the hub."""
    says: str
    remedy: str = ""


class Standing(NamedTuple):
    """A trouble as it is known from one look to the next."""

    kind: str
    where: str
    since: Instant
    told_at: Instant | None
    """When it was last told; None before the first time."""
    gone_at: Instant | None
    """Since when it is not there any more; None while it is."""
    says: str
    remedy: str
    quiet_until: Instant | None = None
    """Until when somebody put it off; nothing is told of it before."""
    quiet_by: str | None = None
    quiet_why: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """By what it is the same."""
        return self.kind, self.where


class News(NamedTuple):
    """What is to be told."""

    what: str
    """`first`, `again` or `over`."""
    about: Standing


def compare(
    alerting: Alerting, before: Iterable[Standing], troubles: Iterable[Trouble], now: Instant
) -> tuple[list[News], list[Standing]]:
    """What is to be told now, and what stands from now on, as if all of it were told."""
    known = {one.key: one for one in before}
    present = {(one.kind, one.where): one for one in troubles}
    news: list[News] = []
    stands: list[Standing] = []
    for key, trouble in present.items():
        old = known.get(key)
        new = Standing(*key, now, None, None, trouble.says, trouble.remedy)
        one = old._replace(gone_at=None, says=trouble.says, remedy=trouble.remedy) if old is not None else new
        if next_told(alerting, one) <= now:
            news.append(News("first" if one.told_at is None else "again", one))
        stands.append(one._replace(told_at=now) if news and news[-1].about is one else one)
    for key, old in known.items():
        if key in present:
            continue
        gone_at = old.gone_at if old.gone_at is not None else now
        if (old.told_at is not None or _is_quiet(old, now)) and gone_at + alerting.after > now:
            stands.append(old._replace(gone_at=gone_at))
        elif old.told_at is not None:
            news.append(News("over", old._replace(gone_at=gone_at)))
    return news, stands


def next_told(alerting: Alerting, one: Standing) -> Instant:
    """When a trouble that lasts is told, for the first time or again."""
    due = one.since + alerting.after if one.told_at is None else one.told_at + alerting.again
    return max(due, one.quiet_until or due)


def _is_quiet(one: Standing, now: Instant) -> bool:
    return one.quiet_until is not None and one.quiet_until > now


# From a text.


def load_alerting(text: str, *, file: str) -> Alerting:
    """What a text says; `MappingError` with everything that is wrong in it. No text says what holds by default."""
    if not text.strip():
        return Alerting()
    source = Source(file, text)
    root = source.tree()
    found = read_alerting(root, source) if root is not None else Alerting()
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_alerting(root: Node, source: Source) -> Alerting:
    """What a node says; mistakes are noted in `source`, with their place."""
    said: dict[str, Any] = {}
    if root.value is not None and not root.is_map:
        source.problem(root.place, "`alerts` is not a map.", found=root.told(), expected="`key: value` lines")
    for line in root.entries if root.is_map else ():
        word = str(line.key)
        if word not in WORDS:
            remedy = did_you_mean(word, WORDS) or "Leave it out."
            source.problem(line.place, f"`{word}` is not a word of `alerts`.", expected=one_of(WORDS), remedy=remedy)
            continue
        try:
            said[word] = _read(word, line)
        except ValueError as error:
            source.problem(
                line.node.place, f"`{word}` has a value it cannot have.", found=line.node.told(), expected=str(error)
            )
    return Alerting(**said)


def _read(word: str, line: Entry) -> object:
    """The value of a word; `ValueError` says what would be one."""
    said = line.node.plain()
    if word == "mail":
        if not isinstance(said, str) or not said.strip():
            raise ValueError("the name of a connection")
        return said.strip()
    if word == "to":
        return tuple(_address(one) for one in (said if isinstance(said, list) else [said]))
    if word in ("after", "again", "lag"):
        try:
            return duration(str(said))
        except ValueError:
            raise ValueError("a length of time, such as 30min, 4h or 2d") from None
    if word in ("agreement", "quota"):
        share = _PERCENT.fullmatch(str(said).strip())
        if share is None or not 0 < float(share[1]) <= 100:
            raise ValueError("a part of the whole, such as 99 %")
        return float(share[1]) / 100
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise ValueError("a whole number, at least 1")
    return said


def _address(said: Json) -> str:
    try:
        found = email(said)
    except ValueError:
        found = None
    if not found:
        raise ValueError("email addresses, written in full")
    return found
