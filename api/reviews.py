"""The queue of reviews as people see it: what is asked about which record, how to answer, whose it is and until when.

Reads only. `queue` tells many in few words, `whole` one of them with everything that helps to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from api import elements
from core.decide.why import text
from core.errors import ConfigError
from core.flow.identity.contrast import contrasts
from core.flow.reviews.answering import answers, sources, ways
from core.flow.reviews.choosing import CHOICES, choices, contenders, looked_at
from core.model.instant import Instant, iso
from core.store import connections, history, records, reviews
from core.store.reviews import Review

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.decide.settle import Said
    from core.flow.desk import Work
    from core.flow.hub import Hub
    from core.store import Tx
    from core.store.history import Entry

Told = dict[str, Any]
_NEEDS_MORE = {"value": "VALUE", "same": "RECORD", "merge": "ID"}
"""Words that take something beside them."""


class Asked(NamedTuple):
    """Which reviews are wanted; what is left out asks for all."""

    what: str | None = None
    connection: str | None = None
    owner: str | None = None
    field: str | None = None
    late: bool = False
    ids: Sequence[int] = ()


class Veil(NamedTuple):
    """What hides personal data in sentences from whoever may not see it."""

    value: Callable[[Any], Any]
    """A value or a name, in the form in which it is shown."""
    words: Callable[[str], str]
    """A sentence in which some may stand."""


OPEN = Veil(lambda value: value, lambda words: words)
"""Hides nothing."""


def queue(installation: Installation, asked: Asked, *, limit: int | None = None) -> list[Told]:
    """Open reviews, the late ones first, then by due time."""
    return page(installation, asked, limit=limit).told


class Page(NamedTuple):
    """A page of the queue."""

    told: list[Told]
    older: str | None
    """The place where the next page begins; None where there is none."""


def page(
    installation: Installation, asked: Asked, *, limit: int | None, after: str | None = None, veil: Veil = OPEN
) -> Page:
    """Open reviews in the order of the queue; what is not quite meant by a connection's name makes a page shorter."""
    place = _place_of(after) if after else None
    now = place.now if place is not None else installation.clock()
    with installation.store.reading() as tx:
        wanted = _wanted(installation, tx, asked)
        found = _queue(tx, wanted, now, place, limit)
        kept = [one for one, _ in found if _is_meant(one, wanted)]
        telling = _Telling(installation, tx, kept, veil)
        told = [telling.told(one) for one in kept]
    full = limit is not None and len(found) == limit
    return Page(told, ".".join(str(one) for one in found[-1][1]) if full else None)


def briefly(installation: Installation, tx: Tx, found: Sequence[Review]) -> list[Told]:
    """Some open reviews without their sides; three statements, none where there are no reviews."""
    telling = _Telling(installation, tx, found, sides=False) if found else None
    return [telling.told(one) for one in found] if telling is not None else []


def _place_of(said: str) -> reviews.Place:
    try:
        return reviews.Place(*(int(one) for one in said.split(".")))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"'{said[:60]}' is no place in the queue.", remedy="Open the queue from its top.") from error


def find(installation: Installation, asked: Asked, *, limit: int | None = None) -> list[Review]:
    """The open reviews that are asked for, in the order of the queue; `ConfigError` for a number that is none."""
    now = installation.clock()
    with installation.store.reading() as tx:
        wanted = _wanted(installation, tx, asked)
        found = [one for one, _ in _queue(tx, wanted, now, None, limit)]
        known = {one.id for one in found}
        lacking = [number for number in asked.ids if number not in known]
        known |= {one.id for one in reviews.by_ids(tx, lacking) if one.closed_at is None} if lacking else set()
    for number in lacking:
        if number not in known:
            raise ConfigError(f"No open review has the number {number}.", remedy="See `concord reviews`.")
    return [one for one in found if _is_meant(one, wanted)]


def count(installation: Installation, asked: Asked) -> int:
    """How many are asked for; by a connection's name a few too many, where a value is spelt as its name is."""
    with installation.store.reading() as tx:
        wanted, now = _wanted(installation, tx, asked), installation.clock()
        return reviews.count(tx, wanted, reviews.duties(tx), now=now, otherwise=elements.ADMIN)


def _wanted(installation: Installation, tx: Tx, asked: Asked) -> reviews.Wanted:
    named = None
    if asked.connection is not None:
        ids = {one.name: one.id for one in connections.all_connections(tx)}
        if asked.connection not in ids:
            there = ", ".join(one.name for one in installation.hub().connections.values()) or "none yet"
            raise ConfigError(f"There is no connection '{asked.connection}'; there are: {there}.")
        named = ids[asked.connection], asked.connection
    return reviews.Wanted(asked.ids or None, asked.what, asked.field, asked.owner, named, asked.late)


def _queue(
    tx: Tx, wanted: reviews.Wanted, now: Instant, after: reviews.Place | None, limit: int | None
) -> list[tuple[Review, reviews.Place]]:
    whose = reviews.duties(tx)
    return reviews.queue(tx, wanted, whose, now=now, otherwise=elements.ADMIN, after=after, limit=limit)


def _is_meant(review: Review, wanted: reviews.Wanted) -> bool:
    return wanted.connection is None or _concerns(review, wanted.connection[1], wanted.connection[0])


def _concerns(review: Review, name: str, connection_id: int) -> bool:
    return review.connection_id == connection_id or review.subject.get("connection") == name or name in sources(review)


def whole(installation: Installation, number: int, *, veil: Veil = OPEN) -> Told:
    """One review with everything: who says what, what each answer would do, and what happened to the field."""
    from core.flow.identity.duplicates import proposed, side_by_side

    hub = installation.hub()
    (review,) = find(installation, Asked(ids=[number]))
    compared = side_by_side(hub, review)
    with installation.store.reading() as tx:
        told = _Telling(installation, tx, [review], veil).told(review)
        works = looked_at(hub, tx, [review.record_id] if review.record_id else [])
        entries = history.of_records(tx, [review.record_id]) if review.field and works else []
    work = works.get(review.record_id)
    told["effects"] = [_effect(hub, review, word, work) for word in told["answers"]]
    if work is not None and review.field:
        told["says"] = [_said(one) for one in contenders(hub, work, review.field)]
        told["history"] = [
            _happened(hub, work, entry, review.field)
            for entry in entries
            if review.field in {**entry.delta.get("v", {}), **entry.delta.get("set", {})}
        ]
    if compared is not None:
        told["side_by_side"] = compared
    double = proposed(hub, review) if "merge" in told["answers"] else None
    told["choices"] = {
        "same": told["candidates"],
        "merge": [one.bound.remote_id for one in double.copies] if double is not None else [],
    }
    return told


def effect(installation: Installation, review: Review, word: str) -> Told:
    """What an answer would do now."""
    hub = installation.hub()
    with installation.store.reading() as tx:
        works = looked_at(hub, tx, [review.record_id] if review.record_id else [])
    return _effect(hub, review, word, works.get(review.record_id))


def _effect(hub: Hub, review: Review, word: str, work: Work | None) -> Told:
    """What an answer would do: in general, and for a question about a field which tools would get which value."""
    name = word.partition(":")[0]
    told: Told = {"word": word, "command": command(review, word), "does": ways(review)[name].tells}
    if name not in CHOICES or work is None:
        return told
    chosen = choices(hub, {review.record_id: work}, [review], name, word.partition(":")[2])
    said = next((one.said for one in chosen if one.said is not None), None)
    if said is not None:
        value = said.value
        held = {one.source: one.claims.get(review.field) for one in work.voices.values() if not one.retired}
        told["value"] = value
        told["goes_to"] = sorted(
            one.name
            for one in hub.connections.values()
            if one.name in held and one.writes(work.record.kind)
            if (claim := held[one.name]) is None or claim.value != value
        )
    return told


def _said(one: Said) -> Told:
    return {"source": one.source, "value": one.value, "at": iso(one.stamp.at), "since": iso(one.stamp.since)}


def _happened(hub: Hub, work: Work, entry: Entry, field: str) -> Told:
    delta = entry.delta
    before, after = delta.get("set", {}).get(field, [None, None])
    stream_id = work.streams.get(entry.binding_id or 0)
    return {
        "at": iso(entry.at),
        "what": entry.what,
        "run": entry.run_id,
        "source": hub.sources.get(stream_id) if stream_id is not None else None,
        "said": delta.get("v", {}).get(field),
        "changed": field in delta.get("set", {}),
        "before": before,
        "after": after,
    }


def command(review: Review, word: str) -> str:
    """The command that gives this answer."""
    more = f" {_NEEDS_MORE[word]}" if word in _NEEDS_MORE else ""
    return f"concord answer {review.id} {word}{more}"


class _Telling:
    """What several reviews need to be told, looked up once."""

    def __init__(
        self,
        installation: Installation,
        tx: Tx,
        found: Sequence[Review],
        veil: Veil = OPEN,
        *,
        sides: bool = True,
    ) -> None:
        self.veil = veil
        self.hub, self.now, self.duties = installation.hub(), installation.clock(), reviews.duties(tx)
        subjects = {one.id: one.subject for one in found}
        wanted = {one.record_id for one in found} | {id_ for one in subjects.values() for id_ in _others(one)}
        self.subjects, self.records = subjects, records.load(tx, wanted - {0}) if wanted - {0} else {}
        self.names = {one.id: one.name for one in connections.all_connections(tx)}
        self.contrasts = contrasts(self.hub, tx, found) if sides else {}

    def told(self, review: Review) -> Told:
        """One review."""
        subject, words = self.subjects[review.id], answers(review)
        connection = self.names.get(review.connection_id) or subject.get("connection")
        record = self._named(review.record_id) if review.record_id else None
        about = [record["kind"], str(record["id"]), record["title"]] if record else [str(connection or "")]
        action = f"Answer with {', '.join(words)}."
        contrast = self.contrasts.get(review.id)
        return {
            "id": review.id,
            "what": review.what,
            "about": " ".join(filter(None, (*about, review.field))),
            "record": record,
            "connection": connection,
            "field": review.field or None,
            "personal": self.is_personal(review),
            "question": self._question(review, subject, connection),
            "contenders": [
                {"source": one[0], "value": one[1], "at": iso(one[2])} for one in subject.get("contenders", ())
            ],
            "sides": [one.to_json() for one in contrast.sides] if contrast else [],
            "alike": list(contrast.alike) if contrast else [],
            "candidates": [self._named(id_) for id_ in _others(subject)],
            "evidence": list(subject.get("evidence", ())),
            "subject": subject,
            "answers": list(words),
            "commands": [command(review, word) for word in words],
            "opened_at": iso(review.opened_at),
            **elements.of_review(self.duties, review, action, now=self.now),
        }

    def _named(self, record_id: int) -> Told:
        record = self.records.get(record_id)
        if record is None:
            return {"kind": "record", "id": record_id, "title": ""}
        title = self.hub.shapes[record.kind].name_of(record.values)
        return {"kind": record.kind, "id": record_id, "title": self.veil.value(title)}

    def _question(self, review: Review, subject: Mapping[str, Any], connection: str | None) -> str:
        field = review.field.replace("_", " ")
        match review.what:
            case "ask":
                return f"{self._says(review, subject)}. Which {field} stands?"
            case "frozen":
                said = f" {self._says(review, subject)}." if subject.get("contenders") else ""
                return f"The {field} keeps going back and forth.{said} Which one stands, and what keeps changing it?"
            case "ambiguous":
                evidence = ", ".join(subject.get("evidence", ()))
                return f"Is it {self._choice(subject)}, or somebody else?" + (f" ({evidence})" if evidence else "")
            case "duplicate" if "of" in subject:
                return f"{connection} holds it beside {self._choice(subject)}, and the two look the same."
            case "duplicate":
                return f"{connection} holds it twice. Merge the two there."
            case "delete":
                return f"It was deleted in {connection}. Is it to be deleted everywhere, or put back there?"
            case "step":
                to = f", to {self.veil.value(subject['to'])}" if subject.get("to") else ""
                said = f": {self.veil.words(subject['say'])}" if subject.get("say") else ""
                return f"The policy has the hub {subject['step']}{to}{said}. Is it to be done?"
        words = [self.veil.words(str(subject[name])) for name in ("note", "message", "remedy") if subject.get(name)]
        return " ".join(one if one.endswith((".", "?")) else f"{one}." for one in words)

    def is_personal(self, review: Review) -> bool:
        """Whether the field is about somebody; one that is not known is taken to be."""
        record = self.records.get(review.record_id)
        shape = self.hub.shapes[record.kind].fields.get(review.field) if record is not None else None
        return shape is None or shape.personal

    def _says(self, review: Review, subject: Mapping[str, Any]) -> str:
        hide = self.veil.value if self.is_personal(review) else OPEN.value
        said = [
            f"{source} says {hide(text(value))}, since {elements.when(at, self.now)}"
            for source, value, at in subject.get("contenders", ())
        ]
        return "; ".join(said) or self.veil.words(str(subject.get("note", "")))

    def _choice(self, subject: Mapping[str, Any]) -> str:
        named = [self._named(id_) for id_ in _others(subject)]
        return " or ".join(f"{one['kind']} {one['id']} {one['title']}".strip() for one in named) or "somebody known"


def _others(subject: Mapping[str, Any]) -> list[int]:
    """The records beside its own that a review speaks of."""
    of = [subject["of"]] if subject.get("of") else []
    return [id_ for id_ in (*subject.get("candidates", ()), *of) if isinstance(id_, int)]
