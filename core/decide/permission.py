"""Permission: may this person be contacted, on this channel, at this address, for this purpose, and why?

    voices ▶ words about the channel ▶ what concerns the question ▶ less what the person has answered ▶ the strictest

The cases, strictest first: a refusal follows the person to every address of its channel, a do-not-contact to every
channel; an address that bounced is closed by itself; what awaits its confirmation permits nothing yet; a grant is good
for the address it was given for, and for no other. Where nobody has said anything, nothing is permitted.

What was refused once is opened again only by the person: a newer, first-hand grant answers older words about the same
thing or a part of it. Nothing that is said of one channel ever touches another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta

from core.decide.profile import Profile
from core.decide.settle import NARROWEST, strictness
from core.model import consent
from core.model.claim import Claim, Stamp, Voice
from core.model.consent import ALL, POINTS, PREFIX
from core.model.instant import Instant, instant, iso, moment
from core.model.values import Json, Values, is_blank


class Word(NamedTuple):
    """What one voice says about one channel, or about all of them."""

    voice: int
    """The binding's id."""
    source: str
    channel: str
    """`all` for a do-not-contact."""
    topic: str | None
    """None for every topic of the channel."""
    status: Json
    stamp: Stamp
    points: frozenset[str] | None = None
    """The addresses it was said about; empty when that one is no longer known, None when nobody ever said which."""
    guardian: bool = False
    """Whether a guardian's agreement is the proof of it."""


class Asked(NamedTuple):
    """The question. `point` is None for channels that go to the person and not to an address or number."""

    channel: str
    topic: str | None
    point: str | None
    now: Instant
    birthday: str | None = None
    """ISO date, where it is known."""


class Permission(NamedTuple):
    """The answer."""

    allowed: bool
    state: str
    """granted, pending, suppressed, denied or unknown."""
    reason: str
    """One word that machines can go by; the state, or what stands against a state that would permit."""
    why: str
    decided_by: tuple[Word, ...] = ()


def words_of(voices: Mapping[int, Voice], channel: str, standing: Values) -> list[Word]:
    """What these voices (binding id → voice) say about a channel, do-not-contact included.

    `standing` are the record's values: who says something in the hub says it about the address that stands then.
    """
    addresses = _addresses(voices, channel)
    found = []
    for id_, voice in voices.items():
        for name in voice.claims:
            if not name.startswith(PREFIX) or consent.channel(name) not in (channel, ALL):
                continue
            claim = voice.claims.get(name)
            if claim is None or is_blank(claim.value):
                continue
            points = _points(claim, addresses.get(id_), addresses, standing.get(POINTS.get(channel, "")))
            word = Word(id_, voice.source, consent.channel(name), consent.topic(name), claim.value, claim.stamp)
            found.append(word._replace(points=points))
    return found


def permitted(words: Iterable[Word], asked: Asked, profile: Profile) -> Permission:
    """The effective state for a question, with the words that decide it. The order of the words is of no account."""
    every = sorted(set(words), key=_order)
    said = [word for word in every if _concerns(word, asked)]
    live = [word for word in said if not _is_answered(word, said, profile)]
    narrow = [word for word in live if strictness(word.status) > 0]
    if narrow:
        return _refused(narrow, asked)
    grants = [word for word in live if _grants(word, asked, profile)]
    if not grants:
        return _unknown(every, asked, profile)
    against = _by_proof(grants, profile) or _by_time(grants, asked, profile) or _by_age(grants, asked, profile)
    return against or _granted(grants, asked)


def needs_guardian(asked: Asked, profile: Profile) -> bool:
    """Whether this person's own grant is not enough, because of their age."""
    return _minor(asked, profile) is not None


def strictest(found: Sequence[Permission]) -> Permission:
    """Of several people who share an address, the narrowest answer; one's silence closes nothing for another."""
    return max(found, key=lambda one: _NARROWNESS[one.state] + (0.5 if not one.allowed else 0))


_NARROWNESS: Mapping[str, int] = {"unknown": 0, "granted": 1, "pending": 2, "suppressed": 3, "denied": 4}


# --- which address a word is about


def _addresses(voices: Mapping[int, Voice], channel: str) -> dict[int, Claim]:
    """Binding id → the address or number of the channel that the voice has for the person."""
    field = POINTS.get(channel)
    found = {id_: voice.claims.get(field) for id_, voice in voices.items()} if field else {}
    return {id_: claim for id_, claim in found.items() if claim is not None and not is_blank(claim.value)}


def _points(word: Claim, own: Claim | None, addresses: Mapping[int, Claim], standing: Json) -> frozenset[str] | None:
    """The addresses that a word was said about.

    A grant was given for what was there when it was given; one that may be newer than the grant is another one. What
    narrows is held to concern every address that is not certainly newer.
    """
    grants = strictness(word.value) == 0

    def was_there(one: Claim) -> bool:
        return (one.stamp.at if grants else one.stamp.since) <= word.stamp.at

    if own is not None:
        return frozenset([str(own.value)] if was_there(own) else [])
    if not addresses:
        return None
    known = frozenset(str(one.value) for one in addresses.values() if was_there(one))
    return known & {str(standing)} if grants else known


# --- which words concern a question


def _concerns(word: Word, asked: Asked) -> bool:
    if word.channel == ALL:
        return word.status in ("denied", "granted")
    if word.channel != asked.channel or word.topic not in (None, asked.topic):
        return False
    if asked.point is None or strictness(word.status) == NARROWEST:
        return True
    if word.points is None:
        # Nobody knows which address it is about: it counts where it narrows, and not where it would permit.
        return strictness(word.status) > 0
    return asked.point in word.points


def _is_answered(word: Word, said: Iterable[Word], profile: Profile) -> bool:
    """Whether the person has said yes since, about the same thing or more. `said` all concern one question."""
    return strictness(word.status) > 0 and any(
        one.status == "granted"
        and one.stamp.explicit
        and one.channel == word.channel
        and (one.topic == word.topic or (one.topic is None and not profile.each_purpose))
        and word.stamp.at < one.stamp.since
        for one in said
    )


def _grants(word: Word, asked: Asked, profile: Profile) -> bool:
    """Whether a word that concerns the question would permit it. That a do-not-contact is over permits nothing."""
    covers = word.topic == asked.topic or not profile.each_purpose
    return word.channel == asked.channel and word.status == "granted" and covers


# --- the answers, one function each


def _refused(narrow: Sequence[Word], asked: Asked) -> Permission:
    most = max(strictness(word.status) for word in narrow)
    deciding = tuple(word for word in narrow if strictness(word.status) == most)
    never = tuple(word for word in deciding if word.channel == ALL)
    last = (never or deciding)[-1]
    what, by = _what(asked, last), f"{last.source} says so since {_day(last)}"
    if never:
        return Permission(False, "denied", "do_not_contact", f"Do not contact, on any channel: {by}.", never)
    if last.status == "suppressed":
        return Permission(False, "suppressed", "suppressed", f"The address cannot be used: {by}.", deciding)
    if last.status == "pending":
        return Permission(False, "pending", "pending", f"Asked for {what}, and not confirmed yet: {by}.", deciding)
    return Permission(False, "denied", "denied", f"The person refused {what}, at every address: {by}.", deciding)


def _unknown(every: Sequence[Word], asked: Asked, profile: Profile) -> Permission:
    if asked.channel in profile.silence_permits and not any(word.channel == asked.channel for word in every):
        why = f"Nobody has said anything; under {profile.title} as it is set up here, silence permits {asked.channel}."
        minor = _by_age((), asked, profile)
        # Nothing is awaited where nobody was asked: it stays unknown.
        return minor._replace(state="unknown") if minor else Permission(True, "unknown", "silence", why)
    elsewhere = tuple(word for word in every if word.channel == asked.channel and word.status == "granted")
    general = tuple(word for word in elsewhere if word.topic is None and _concerns(word, asked))
    if general and asked.topic is not None and profile.each_purpose:
        why = f"The general grant does not cover `{asked.topic}`: under {profile.title} each purpose needs its own."
        return Permission(False, "unknown", "other_purpose", why, general)
    other = tuple(word for word in elsewhere if word.topic in (None, asked.topic))
    if other:
        return Permission(False, "unknown", "other_address", "What was granted was not for this address.", other)
    return Permission(False, "unknown", "unknown", f"Nobody has granted {_what(asked)}; silence permits nothing.")


def _by_proof(grants: Sequence[Word], profile: Profile) -> Permission | None:
    if profile.grant_needs == "word" or any(word.stamp.explicit for word in grants):
        return None
    why = f"Granted as {_sources(grants)} says; {profile.title} as it is set up here asks for the person's own act."
    return Permission(False, "pending", "unproven", why, tuple(grants))


def _by_time(grants: Sequence[Word], asked: Asked, profile: Profile) -> Permission | None:
    """A grant that has expired is renewed by the person only, and not by a machine that says it again."""
    if profile.expires_after is None:
        return None
    over = [word for word in grants if _end(word, profile.expires_after) <= asked.now]
    if not over or any(word.stamp.explicit for word in grants if word not in over):
        return None
    why = f"The grant of {_day(over[-1])} has expired: it is good for {profile.expires_after} months."
    return Permission(False, "unknown", "expired", why, tuple(over))


def _by_age(grants: Sequence[Word], asked: Asked, profile: Profile) -> Permission | None:
    minor = _minor(asked, profile)
    if minor is None or any(word.guardian and word.stamp.explicit for word in grants):
        return None
    reason, why = minor
    return Permission(False, "pending", reason, f"{why}: a guardian must agree first.", tuple(grants))


def _minor(asked: Asked, profile: Profile) -> tuple[str, str] | None:
    """Why the person may not decide alone; None where they may."""
    if profile.age is None:
        return None
    age = _age(asked.birthday, asked.now)
    if age is None:
        unknown = "age_unknown", f"The person's age is not known, and may be under {profile.age}"
        return unknown if profile.unknown_age == "child" else None
    return ("under_age", f"The person is under {profile.age}") if age < profile.age else None


def _granted(grants: Sequence[Word], asked: Asked) -> Permission:
    deciding = tuple(word for word in grants if word.topic == asked.topic) or tuple(grants)
    last = deciding[-1]
    why = f"Granted for {_what(asked, last)}: {last.source} says so since {_day(last)}."
    return Permission(True, "granted", "granted", why, deciding)


# --- words


def _order(word: Word) -> tuple[Any, ...]:
    """Older to newer, and equally new ones always the same way."""
    about = sorted(word.points) if word.points is not None else []
    return (
        *word.stamp,
        word.source,
        word.voice,
        word.channel,
        word.topic or "",
        str(word.status),
        word.guardian,
        about,
    )


def _what(asked: Asked, word: Word | None = None) -> str:
    topic = asked.topic if word is None else word.topic
    return f"{asked.channel} about `{topic}`" if topic else asked.channel


def _sources(words: Iterable[Word]) -> str:
    return ", ".join(dict.fromkeys(word.source for word in words))


def _day(word: Word) -> str:
    return iso(word.stamp.at)[:10]


def _end(word: Word, months: int) -> Instant:
    return instant(moment(word.stamp.at) + relativedelta(months=months))


def _age(birthday: str | None, now: Instant) -> int | None:
    """Whole years; None where the birthday is not known, or is no day."""
    try:
        born = date.fromisoformat(birthday or "")
    except ValueError:
        return None
    today = moment(now).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
