"""Checking: may these people be contacted, on this channel, for this purpose, and why? Asked before anything is sent.

    addresses ▶ filed keys ▶ records that really have them ▶ what their voices say ▶ permission ▶ verdicts

A page of addresses costs the same few statements, however many are in it. An address that nobody here has permits
nothing. Of somebody who was erased no more is told than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from core.decide.keys import keys_of, reach_digest
from core.decide.permission import Asked, Permission, Word, needs_guardian, permitted, strictest, words_of
from core.errors import ConfigError
from core.flow.hub import Hub
from core.model.claim import Voice
from core.model.consent import POINTS, PREFIX
from core.model.shapes.contact import CHANNELS
from core.store import Tx, bindings, keys, ledger, records, suppression
from core.store.bindings import Bound
from core.store.bindings import State as Binding
from core.store.records import Record, State

KIND = "contact"
PAGE = 500
"""So many people are looked up together."""

CROWD = 200
"""An address that more people have is no way to any of them: it was typed to fill the field."""

Who = str | int
"""An email address, a phone number, `#42` or 42 for a person's number in the hub."""


class Verdict(NamedTuple):
    """Whether one person may be contacted; see `core.decide.permission.Permission` for what the words mean."""

    who: Who
    """As it was asked."""
    channel: str
    topic: str | None
    allowed: bool
    state: str
    reason: str
    why: str
    decided_by: tuple[Word, ...]
    profile: str
    """The title of the profile that was asked."""


def check(hub: Hub, who: Who, channel: str, topic: str | None = None) -> Verdict:
    """The verdict on one person; `ConfigError` where there is no such channel or topic."""
    return next(iter(check_all(hub, [who], channel, topic)))


def check_all(hub: Hub, whom: Iterable[Who], channel: str, topic: str | None = None) -> Iterator[Verdict]:
    """The verdicts in the order of the question, a page at a time; `ConfigError` where there is no such topic."""
    _there_is(hub, channel, topic)
    return _pages(hub, whom, channel, topic)


def of_person(hub: Hub, record: Record, bound: Sequence[Bound], entries: Sequence[ledger.Row]) -> list[Verdict]:
    """The verdicts on one person for every channel and topic, from what is known already: no statement.

    `bound` are the person's bindings, `entries` the ledger's about them, oldest first.
    """
    found = []
    for channel in CHANNELS:
        for topic in (None, *topics_on(hub, channel)):
            people = _People(hub, {record.id: record}, bound, channel, topic)
            people.heed(entries)
            verdict = people.answer(record, _Sought("id", record.id))
            found.append(Verdict(record.id, channel, topic, *verdict, hub.profile.title))
    return found


def topics_on(hub: Hub, channel: str) -> list[str]:
    """The topics that are declared for a channel."""
    start = f"{PREFIX}{channel}."
    return [name.removeprefix(start) for name in hub.shapes[KIND].consents if name.startswith(start)]


def _there_is(hub: Hub, channel: str, topic: str | None) -> None:
    if channel not in CHANNELS:
        raise ConfigError(f"There is no channel '{channel}'.", remedy=f"Choose one of {', '.join(CHANNELS)}.")
    # A topic that nobody declared is not one about which nobody said anything: it may be a slip of the pen.
    if topic is not None and topic not in (known := topics_on(hub, channel)):
        some = ", ".join(known) or "none yet"
        raise ConfigError(
            f"There is no topic '{topic}' on {channel}.", remedy=f"Declare it below `topics:`; there are: {some}."
        )


def _pages(hub: Hub, whom: Iterable[Who], channel: str, topic: str | None) -> Iterator[Verdict]:
    page: list[Who] = []
    for who in whom:
        page.append(who)
        if len(page) == PAGE:
            yield from _page(hub, page, channel, topic)
            page = []
    if page:
        yield from _page(hub, page, channel, topic)


def _page(hub: Hub, page: Sequence[Who], channel: str, topic: str | None) -> list[Verdict]:
    sought = [_read(hub, who) for who in page]
    with hub.store.reading() as tx:
        holders = _holders(tx, sought)
        crowded = {digest for digest, ids in holders.items() if len(ids) > CROWD}
        apart = [one._replace(digests=()) if crowded.intersection(one.digests) else one for one in sought]
        known = _known(tx, apart, holders)
        unknown = [one for one, some in zip(sought, known, strict=True) if not some]
        erased = _erased(hub, tx, unknown) if unknown else set()
        there = {one.id: one for some in known for one in some}
        people = _People(hub, there, bindings.of_records(tx, there) if there else (), channel, topic)
        people.heed(ledger.of_records(tx, young) if (young := people.young) else ())
        found = [
            _of_somebody(people, one, some) if some else _of_nobody(one, erased, crowded)
            for one, some in zip(sought, known, strict=True)
        ]
    title = hub.profile.title
    return [Verdict(who, channel, topic, *one, title) for who, one in zip(page, found, strict=True)]


# --- who is meant


class _Sought(NamedTuple):
    field: str
    """email, phone, id; '' where it is none of these."""
    value: str | int
    digests: tuple[int, ...] = ()
    wrong: str = ""


def _read(hub: Hub, who: Who) -> _Sought:
    """What was asked, in the form in which the hub keeps it."""
    if isinstance(who, int):
        return _Sought("id", who)
    word = who.strip()
    if word.startswith("#") and word[1:].isdigit():
        return _Sought("id", int(word[1:]))
    field = "email" if "@" in word else "phone"
    try:
        value = hub.shapes[KIND].fields[field].normaliser(hub.locale)(word)
    except ValueError as error:
        return _Sought("", word, wrong=f"{error}.")
    if not isinstance(value, str):
        return _Sought("", word, wrong="Nothing is no address.")
    filed = [key.digest for key in keys_of(KIND, {field: value}, hub.blocks)]
    return _Sought(field, value, (*filed, reach_digest(value)))


def _holders(tx: Tx, sought: Iterable[_Sought]) -> dict[int, list[int]]:
    """Digest → the records that are filed under it."""
    digests = {digest for one in sought for digest in one.digests}
    holders: dict[int, list[int]] = {}
    for digest, record_id in keys.find(tx, digests) if digests else ():
        if record_id > 0:
            holders.setdefault(digest, []).append(record_id)
    return holders


def _known(tx: Tx, sought: Sequence[_Sought], holders: Mapping[int, Sequence[int]]) -> list[list[Record]]:
    """For each one sought, the records that have the address; erased ones only where they were named by number."""
    filed = [
        {int(one.value)} if one.field == "id" else {id_ for at in one.digests for id_ in holders.get(at, ())}
        for one in sought
    ]
    found = records.load(tx, {id_ for ids in filed for id_ in ids})
    forward = _forwarded(tx, found)
    known = []
    for one, ids in zip(sought, filed, strict=True):
        some = [found[id_] for id_ in sorted({forward.get(id_, id_) for id_ in ids}) if id_ in found]
        known.append([each for each in some if each.kind == KIND and (one.field == "id" or _has(each, one))])
    return known


def _forwarded(tx: Tx, found: dict[int, Record]) -> dict[int, int]:
    """Where what was merged went to; the records that stand for it are put to those found."""
    merged = [id_ for id_, one in found.items() if one.state == State.MERGED]
    forward = records.merged_into(tx, merged) if merged else {}
    if more := set(forward.values()) - found.keys():
        found |= records.load(tx, more)
    return forward


def _has(record: Record, sought: _Sought) -> bool:
    """Whether a record that was found by a digest has this very address."""
    values = record.values
    return values.get(sought.field) == sought.value or sought.value in (values.get(f"other_{sought.field}s") or ())


def _erased(hub: Hub, tx: Tx, unknown: Iterable[_Sought]) -> set[int]:
    """The digests by which somebody who was erased is known again."""
    if hub.suppressor is None or not suppression.is_used(tx):
        return set()
    hashes = {hub.suppressor.of_key(digest): digest for one in unknown for digest in one.digests}
    return {hashes[hash_] for hash_ in suppression.found(tx, list(hashes))}


# --- the answers

_GONE = "Whoever had this address was erased on request."


def _of_nobody(sought: _Sought, erased: Collection[int], crowded: Collection[int]) -> Permission:
    if sought.wrong:
        return Permission(False, "unknown", "not_an_address", sought.wrong)
    if any(digest in crowded for digest in sought.digests):
        return Permission(
            False, "unknown", "crowded", f"More than {CROWD} people have this address: it is nobody's own."
        )
    if any(digest in erased for digest in sought.digests):
        return Permission(False, "unknown", "erased", _GONE)
    return Permission(False, "unknown", "nobody", "Nobody here has this address, so nobody has granted anything.")


def _of_somebody(people: _People, sought: _Sought, some: Sequence[Record]) -> Permission:
    """Where several have the address, all of them are asked, since whoever writes to it writes to each."""
    return strictest([people.answer(one, sought) for one in some])


class _People:
    """What is said of the people of one page, read at once."""

    def __init__(
        self, hub: Hub, found: Mapping[int, Record], rows: Iterable[Bound], channel: str, topic: str | None
    ) -> None:
        self.profile, self.channel, self.topic, self.now = hub.profile, channel, topic, hub.clock()
        voices: dict[int, dict[int, Voice]] = {}
        for row in rows:
            voice = Voice(hub.sources.get(row.stream_id, "?"), row.claims, row.state != Binding.BOUND)
            voices.setdefault(row.record_id, {})[row.id] = voice
        self.words = {id_: words_of(voices.get(id_, {}), channel, one.values) for id_, one in found.items()}
        young = [id_ for id_, one in found.items() if needs_guardian(self._asked(one, None), self.profile)]
        self.young = [id_ for id_ in young if any(word.stamp.explicit for word in self.words[id_])]
        """Those whose own grant counts only with a guardian's agreement, which is in the ledger."""

    def answer(self, record: Record, sought: _Sought) -> Permission:
        """May this person be contacted at the address that was asked, or at the one that stands?"""
        field = POINTS.get(self.channel)
        named = sought.field == field
        point = str(sought.value) if named else self._point(record)
        found = self._answer(record, point)
        if not found.allowed:
            return found
        if field is not None and point is None:
            return Permission(False, "unknown", "no_address", f"No {field} of the person is known.", found.decided_by)
        if record.state != State.LIVE:
            why = "The person was deleted, and nobody has spoken of them since."
            return Permission(False, "unknown", "deleted", why, found.decided_by)
        return found

    def _answer(self, record: Record, point: str | None) -> Permission:
        if record.state == State.ERASED:
            return Permission(False, "unknown", "erased", _GONE)
        return permitted(self.words[record.id], self._asked(record, point), self.profile)

    def _asked(self, record: Record, point: str | None) -> Asked:
        birthday = record.values.get("birthday")
        return Asked(self.channel, self.topic, point, self.now, birthday if isinstance(birthday, str) else None)

    def _point(self, record: Record) -> str | None:
        """The address of the channel that stands."""
        standing = record.values.get(POINTS.get(self.channel, ""))
        return standing if isinstance(standing, str) else None

    def heed(self, entries: Iterable[ledger.Row]) -> None:
        """Take the proof of the young ones' words from the ledger: it is nowhere else."""
        proven = _proven_by_guardians(entries)
        for id_ in self.young:
            self.words[id_] = [
                word._replace(guardian=(id_, word.voice, word.channel, word.topic) in proven)
                for word in self.words[id_]
            ]


_Said = tuple[int, int, str, str | None]
"""(record id, binding id, channel, topic)."""


def _proven_by_guardians(entries: Iterable[ledger.Row]) -> set[_Said]:
    """The words whose latest entry has a guardian's agreement as its proof; entries oldest first."""
    latest: dict[_Said, bool] = {}
    for row in entries:
        told = row.told
        if "channel" in told:
            proof = told.get("proof") or {}
            latest[row.record_id, told["binding"], told["channel"], told["topic"]] = bool(proof.get("guardian"))
    return {said for said, proven in latest.items() if proven}
