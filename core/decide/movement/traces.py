"""Traces: what activities, documents and payments say about a record, brought to one small form. Pure.

A trace is what other tools show to have happened or to be planned; the audit finds the next step among them, and
holds stages against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from core.model.instant import DAY, Instant, from_iso
from core.model.values import Json, Values

KINDS = ("activity", "document", "payment")
"""The kinds of record that are traces of others."""

POINTS: Mapping[str, tuple[str, ...]] = {
    "activity": ("contacts", "deal", "ticket"),
    "document": ("contacts", "deal"),
    "payment": ("contact", "deal"),
    "deal": ("contacts",),
    "owner": ("manager",),
}
"""Kind → the fields that say which records one of it is about."""

REMINDER = "reminder"
"""The tag of what only reminds of another step: it is none itself, or a reminder would end what it reminds of."""

ACKNOWLEDGEMENT = "acknowledgement"
"""The tag of a mail that the hub sent by itself: nobody of us has answered by it."""

_SPOKEN = ("call", "meeting", "email")
_OUT = ("sent", "viewed", "accepted", "signed", "declined", "expired")
_PAID = ("paid", "part_paid", "active", "refunded", "disputed")
_ISSUED = ("open", "part_paid", "paid", "overdue", "disputed", "refunded", "failed")


class Trace(NamedTuple):
    """One record about another."""

    record_id: int
    kind: str
    """A word of `KINDS`."""
    type: str
    status: str
    title: str
    outbound: bool | None = None
    """Whether we began it; None where nobody says."""
    at: Instant | None = None
    """When it took place or was sent, or will be."""
    ends: Instant | None = None
    due: Instant | None = None
    """By when it must be done, or until when an answer is awaited."""
    done: bool = False
    made: Instant | None = None
    """When it was set down."""
    values: Values | None = None
    """The whole record, for conditions of hand-offs."""
    source: str = ""
    """The tool from which it came; '' where no stage asks."""

    def is_ahead(self, now: Instant) -> bool:
        """Whether it is a next step: an open task, a booked meeting, a document that awaits its answer."""
        if self.kind == "document":
            return self.status in ("sent", "viewed") and (self.due is None or self.due > now)
        if self.kind != "activity" or self.done or self.status in ("cancelled", "no_show", "done"):
            return False
        if self.has_tag(REMINDER):
            return False
        if self.type == "meeting":
            return (self.ends or self.at or 0) > now
        return self.type == "task" or (self.type == "call" and self.due is not None)

    def is_free_for(self, deal_id: int) -> bool:
        """Whether what is about a person may be about this deal of theirs: it names no other."""
        return self.values is None or self.values.get("deal") in (None, deal_id)

    def has_tag(self, tag: str) -> bool:
        """Whether it is marked so."""
        tags = self.values.get("tags") if self.values is not None else None
        return isinstance(tags, list) and tag in tags

    def was_said(self, now: Instant) -> bool:
        """Whether it was spoken or written between us and them before a moment."""
        if self.kind != "activity" or self.type not in _SPOKEN or self.status in ("cancelled", "no_show"):
            return False
        if self.has_tag(ACKNOWLEDGEMENT):
            return False
        if self.type == "meeting":
            return self.at is not None and self.at <= now and (self.done or (self.ends or self.at) <= now)
        return self.at is not None and self.at <= now and (self.done or self.type == "email" or self.due is None)


def targets(kind: str, values: Values) -> set[int]:
    """Which records a record with these values is about."""
    found = set[int]()
    for name in POINTS.get(kind, ()):
        value = values.get(name)
        found |= {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)}
    return found


def trace_of(record_id: int, kind: str, values: Values, title: str, *, answered_within: Instant = 14 * DAY) -> Trace:
    """The trace that a record of one of `KINDS` is; `answered_within` µs is how long a document awaits its answer."""
    word = {name: str(values.get(name) or "") for name in ("type", "status")}
    if kind == "document":
        sent = _at(values.get("sent_at"))
        until = _day(values.get("expires_on")) or (sent + answered_within if sent is not None else None)
        return Trace(
            record_id, kind, word["type"], word["status"], title, True, sent, due=until, made=sent, values=values
        )
    if kind == "payment":
        at = _at(values.get("paid_at")) or _day(values.get("issued_on")) or _at(values.get("created_at"))
        return Trace(record_id, kind, word["type"], word["status"], title, None, at, values=values)
    direction = values.get("direction")
    outbound = None if direction is None else direction == "outbound"
    done = values.get("done") is True or word["status"] == "done"
    at = _at(values.get("starts_at")) or _at(values.get("completed_at")) or _at(values.get("created_at"))
    due = _at(values.get("due_at")) or (_at(values.get("starts_at")) if word["type"] == "meeting" else None)
    ends, made = _at(values.get("ends_at")), _at(values.get("created_at"))
    return Trace(record_id, kind, word["type"], word["status"], title, outbound, at, ends, due, done, made, values)


class Shown(NamedTuple):
    """One thing that shows a word of `policy.EVIDENCE`: a trace, or a field of the record itself."""

    trace: Trace | None = None
    field: str = ""


_CAPTURED = ("asked", "page", "utm_source", "utm_campaign")
_SINCE = {"contacted": "last_contacted_at", "replied": "last_replied_at"}
OWN_EVIDENCE = (*_CAPTURED, *_SINCE.values())
"""The fields by which a record shows something itself."""


def evidence_of(values: Values, traces: Iterable[Trace], now: Instant) -> dict[str, list[Shown]]:
    """Word of `policy.EVIDENCE` → all that shows it, the record's own fields first."""
    found: dict[str, list[Shown]] = {}
    for name in _CAPTURED:
        if values.get(name):
            found.setdefault("asked", []).append(Shown(field=name))
    for word, name in _SINCE.items():
        if (at := _at(values.get(name))) is not None and at <= now:
            found.setdefault(word, []).append(Shown(field=name))
    for trace in traces:
        for word in _words(trace, now):
            found.setdefault(word, []).append(Shown(trace))
    return found


def _words(trace: Trace, now: Instant) -> list[str]:
    words: list[str] = []
    if trace.was_said(now):
        words.append("replied" if trace.outbound is False else "contacted")
    if trace.kind == "activity" and trace.type == "meeting" and trace.status not in ("cancelled", "no_show"):
        words += ["meeting", "met"] if trace.was_said(now) else ["meeting"]
    if trace.kind == "activity" and trace.outbound is False and trace.at is not None and trace.at <= now:
        words.append("asked")
    if trace.kind == "document" and trace.status in _OUT:
        words += ["document", "contacted"]
    if trace.kind == "document" and trace.status in ("accepted", "signed"):
        words += ["accepted", "replied"]
    if trace.kind == "payment" and trace.type == "invoice" and trace.status in _ISSUED:
        words.append("invoice")
    if trace.kind == "payment" and trace.status in _PAID:
        words.append("payment")
    return words


def _at(value: Json) -> Instant | None:
    return from_iso(value) if isinstance(value, str) and value else None


def _day(value: Json) -> Instant | None:
    """The end of a calendar day, in UTC."""
    return from_iso(f"{value}T00:00:00Z") + DAY if isinstance(value, str) and value else None
