"""The queue of reviews as people see it: what is asked about which record, how to answer, whose it is and until when.

Reads only. `queue` tells many in few words, `whole` one of them with everything that helps to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from api import elements
from core.decide.why import text
from core.errors import ConfigError
from core.flow.asking import ask
from core.flow.identity.contrast import contrasts
from core.flow.reviews.answering import answers, plan, sources, ways
from core.flow.reviews.choosing import contenders, looked_at
from core.model.instant import Instant, iso
from core.store import connections, records, reviews
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


def queue(installation: Installation, asked: Asked, *, limit: int | None = None) -> list[Told]:
    """Open reviews, the late ones first, then by due time."""
    found = find(installation, asked)
    with installation.store.reading() as tx:
        telling = _Telling(installation, tx, found[:limit])
        return [telling.told(one) for one in found[:limit]]


def briefly(installation: Installation, tx: Tx, found: Sequence[Review]) -> list[Told]:
    """Some open reviews without their sides; three statements, none where there are no reviews."""
    telling = _Telling(installation, tx, found, sides=False) if found else None
    return [telling.told(one) for one in found] if telling is not None else []


def find(installation: Installation, asked: Asked) -> list[Review]:
    """The open reviews that are asked for, in the order of the queue; `ConfigError` for a number that is none."""
    hub, duties, now = installation.hub(), installation.duties(), installation.clock()
    with installation.store.reading() as tx:
        found = reviews.open_reviews(tx, limit=None, what=asked.what)
        ids = {one.name: one.id for one in connections.all_connections(tx)}
    known = {one.id for one in found}
    for number in asked.ids:
        if number not in known:
            raise ConfigError(f"No open review has the number {number}.", remedy="See `concord reviews`.")
    if asked.connection is not None and asked.connection not in ids:
        there = ", ".join(one.name for one in hub.connections.values()) or "none yet"
        raise ConfigError(f"There is no connection '{asked.connection}'; there are: {there}.")
    chosen = [
        one
        for one in found
        if (not asked.ids or one.id in asked.ids)
        and (asked.field is None or one.field == asked.field)
        and (asked.owner is None or (one.owner or duties.owner_of(one.what) or elements.ADMIN) == asked.owner)
        and (not asked.late or _is_late(one, now))
        and (asked.connection is None or _concerns(one, asked.connection, ids[asked.connection]))
    ]
    return sorted(chosen, key=lambda one: (not _is_late(one, now), one.due_at, one.id))


def _is_late(review: Review, now: Instant) -> bool:
    return review.due_at <= now or review.escalated_at is not None


def _concerns(review: Review, name: str, connection_id: int) -> bool:
    return review.connection_id == connection_id or review.subject.get("connection") == name or name in sources(review)


def whole(installation: Installation, number: int) -> Told:
    """One review with everything: who says what, what each answer would do, and what happened to the field."""
    from core.flow.identity.duplicates import side_by_side

    hub = installation.hub()
    (review,) = find(installation, Asked(ids=[number]))
    compared = side_by_side(hub, review)
    with installation.store.reading() as tx:
        told = _Telling(installation, tx, [review]).told(review)
        works = looked_at(hub, tx, [review.record_id] if review.record_id else [])
    work = works.get(review.record_id)
    told["effects"] = [_effect(hub, review, word, work) for word in told["answers"]]
    if work is not None and review.field:
        told["says"] = [_said(one) for one in contenders(hub, work, review.field)]
        told["history"] = [
            _happened(hub, work, entry, review.field)
            for entry in ask(hub, work.record, review.field).history
            if review.field in {**entry.delta.get("v", {}), **entry.delta.get("set", {})}
        ]
    if compared is not None:
        told["side_by_side"] = compared
    return told


def _effect(hub: Hub, review: Review, word: str, work: Work | None) -> Told:
    """What an answer would do: in general, and for a question about a field which tools would get which value."""
    name = word.partition(":")[0]
    told: Told = {"word": word, "command": command(review, word), "does": ways(review)[name].tells}
    if name not in ("newest", "earliest", "from") or work is None:
        return told
    becomes = plan(hub, [review], word).becomes
    if review.id in becomes:
        value = becomes[review.id]
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

    def __init__(self, installation: Installation, tx: Tx, found: Sequence[Review], *, sides: bool = True) -> None:
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
        return {"kind": record.kind, "id": record_id, "title": self.hub.shapes[record.kind].name_of(record.values)}

    def _question(self, review: Review, subject: Mapping[str, Any], connection: str | None) -> str:
        field = review.field.replace("_", " ")
        match review.what:
            case "ask":
                return f"{self._says(subject)}. Which {field} stands?"
            case "frozen":
                said = f" {self._says(subject)}." if subject.get("contenders") else ""
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
                to = f", to {subject['to']}" if subject.get("to") else ""
                said = f": {subject['say']}" if subject.get("say") else ""
                return f"The policy has the hub {subject['step']}{to}{said}. Is it to be done?"
        words = [str(subject[name]) for name in ("note", "message", "remedy") if subject.get(name)]
        return " ".join(one if one.endswith((".", "?")) else f"{one}." for one in words)

    def _says(self, subject: Mapping[str, Any]) -> str:
        said = [
            f"{source} says {text(value)}, since {elements.when(at, self.now)}"
            for source, value, at in subject.get("contenders", ())
        ]
        return "; ".join(said) or str(subject.get("note", ""))

    def _choice(self, subject: Mapping[str, Any]) -> str:
        named = [self._named(id_) for id_ in _others(subject)]
        return " or ".join(f"{one['kind']} {one['id']} {one['title']}".strip() for one in named) or "somebody known"


def _others(subject: Mapping[str, Any]) -> list[int]:
    """The records beside its own that a review speaks of."""
    of = [subject["of"]] if subject.get("of") else []
    return [id_ for id_ in (*subject.get("candidates", ()), *of) if isinstance(id_, int)]
