"""Listings for people: what is wrong, and the log of what came in, was decided, went out and was answered."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from api import acts, elements, entries, queries
from core.decide.why import text
from core.errors import ConfigError
from core.flow.asking import find
from core.flow.reviews.answering import answers
from core.model.hold import field_of
from core.model.instant import DAY, HOUR, MINUTE, SECOND, Instant, from_iso, instant, iso
from core.model.shape import Shape
from core.store import bindings, connections, deliveries, records, reviews
from core.store.records import Record

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Connection, Hub

Told = dict[str, Any]
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\b\d[\d.,:/-]*\b")
_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}


def title(shapes: Mapping[str, Shape], record: Record) -> str:
    """A record's name for people."""
    values = record.values
    shape = shapes.get(record.kind)
    named = " ".join(text(values[name]) for name in shape.title if values.get(name)) if shape else ""
    return named or str(values.get("email") or values.get("name") or "")


def connection_of(hub: Hub, name: str) -> Connection:
    """A connection by the name that somebody gave; `ConfigError` where there is none."""
    for one in hub.connections.values():
        if one.name == name:
            return one
    there = ", ".join(sorted(one.name for one in hub.connections.values())) or "none yet"
    raise ConfigError(f"There is no connection '{name[:80]}'.", remedy=f"Choose one of these: {there}.")


def moment_of(said: str, now: Instant) -> Instant:
    """`2h`, `30min`, `3d` before now, or an ISO date and time; `ConfigError` for anything else."""
    if found := re.fullmatch(r"(\d+)\s*(s|min|h|d)", said.strip()):
        return now - int(found[1]) * _UNITS[found[2]]
    for form in (said, f"{said}T00:00:00Z", f"{said}Z"):
        try:
            return from_iso(form)
        except ValueError:
            continue
    raise ConfigError(f"'{said}' is no moment.", remedy="Say 30min, 2h, 3d, 2026-11-21 or 2026-11-21T09:00:00Z.")


def until_of(said: str, now: Instant, zone: tzinfo = UTC) -> Instant:
    """`2h` or `3d` from now, or a date and time, by a zone's clock where it names none; `ConfigError` otherwise."""
    if found := re.fullmatch(r"(\d{1,6})\s*(s|min|h|d)", said.strip()):
        return now + int(found[1]) * _UNITS[found[2]]
    try:
        read = datetime.fromisoformat(said.strip())
        at = instant(read if read.tzinfo is not None else read.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ConfigError(
            f"'{said[:40]}' is no moment.", remedy="Say 4h, 3d, 2026-12-01 or 2026-12-01 09:00."
        ) from None
    if at <= now:
        raise ConfigError(f"'{said[:40]}' is over.", remedy="Say a moment that is still to come, such as 4h or 3d.")
    return at


# What is wrong.


def problems_of(installation: Installation, name: str | None, *, limit: int) -> Told:
    """Counts, the most common kinds of problem, and a listing of at most `limit` of each sort."""
    hub, duties, now = installation.hub(), installation.duties(), installation.clock()
    streams = {stream.id: (one.name, stream.name) for one in hub.connections.values() for stream in one.streams}
    chosen = {id_: names for id_, names in streams.items() if name in (None, names[0])}
    ids = {one.id: one.name for one in hub.connections.values() if name in (None, one.name)}
    with installation.store.reading() as tx:
        counted, unread = queries.problems_by_stream(tx), queries.unread_by_stream(tx)
        with_problems = bindings.problems_of(tx, list(chosen), limit=max(limit, 10_000))
        places = [one for one in connections.unread_places(tx, limit=max(limit, 10_000)) if one[0] in chosen]
        dead = [one for one in deliveries.dead_letters(tx, limit=max(limit, 10_000)) if one.connection_id in ids]
        asked = [one for one in reviews.open_reviews(tx, limit=max(limit, 10_000)) if _concerns(one, name, ids)]
        listed = with_problems[:limit]
        wanted = {one[2] for one in listed} | {one.record_id for one in dead} | {one.record_id for one in asked}
        found = records.load(tx, wanted) if wanted else {}
    known = _Known(hub, found)
    kinds = Counter((stream_id, _kind(one)) for stream_id, _, _, said in with_problems for one in set(said))
    return {
        "counts": {
            "records": sum(count for id_, count in counted.items() if id_ in chosen),
            "unread": sum(count for id_, count in unread.items() if id_ in chosen),
            "dead_letters": len(dead),
            "reviews": len(asked),
        },
        "kinds": [
            {"count": count, "connection": chosen[stream_id][0], "stream": chosen[stream_id][1], "what": what}
            for (stream_id, what), count in kinds.most_common(12)
        ],
        "records": [
            {
                "connection": chosen[stream_id][0],
                "stream": chosen[stream_id][1],
                "id": remote_id,
                "record": known.told(record_id),
                "problems": said,
            }
            for stream_id, remote_id, record_id, said in listed
        ],
        "unread": [
            {"connection": chosen[stream_id][0], "stream": chosen[stream_id][1], "at": iso(at), "place": place}
            for stream_id, at, place in places[:limit]
        ],
        "dead_letters": [
            {
                "connection": ids[one.connection_id],
                "record": known.told(one.record_id),
                "at": iso(one.at),
                "verb": one.verb,
                "code": one.code,
                "message": one.message,
                "acts": one.acts,
                "remedy": one.remedy,
                "fields": sorted(one.edit),
                **elements.of_age(duties, "dead_letter", one.at, one.remedy, now=now),
            }
            for one in dead[:limit]
        ],
        "reviews": [
            {
                "id": one.id,
                "what": one.what,
                "record": known.told(one.record_id) if one.record_id else None,
                "field": one.field,
                "note": _note(one.subject),
                "subject": one.subject,
                "opened_at": iso(one.opened_at),
                **elements.of_review(duties, one, f"concord answer {one.id} {' | '.join(answers(one))}", now=now),
            }
            for one in asked[:limit]
        ],
    }


SAMPLE = 1_000
"""Records among which the most common problems of a page are counted."""


def problems_page(installation: Installation, name: str | None, *, after: str | None = None, limit: int = 50) -> Told:
    """What could not be read or translated, a page of it: counts, the most common kinds, records, places."""
    hub = installation.hub()
    chosen = {
        stream.id: (one.name, stream.name)
        for one in hub.connections.values()
        if name in (None, one.name)
        for stream in one.streams
    }
    if name is not None:
        connection_of(hub, name)
    with installation.store.reading() as tx:
        counted, unread = queries.problems_by_stream(tx), queries.unread_by_stream(tx)
        sample = queries.doubtful(tx, list(chosen), limit=SAMPLE)
        found = queries.doubtful(tx, list(chosen), after=_doubtful_place(after), limit=limit)
        places = connections.unread_places(tx, limit, stream_ids=list(chosen))
        there = records.load(tx, {one.record_id for one in found}) if found else {}
    known = _Known(hub, there)
    kinds = Counter((one.stream_id, _kind(said)) for one in sample for said in set(one.problems))
    return {
        "counts": {
            "records": sum(count for id_, count in counted.items() if id_ in chosen),
            "unread": sum(count for id_, count in unread.items() if id_ in chosen),
        },
        "looked_at": len(sample),
        "kinds": [
            {"count": count, "connection": chosen[stream_id][0], "stream": chosen[stream_id][1], "what": what}
            for (stream_id, what), count in kinds.most_common(12)
        ],
        "records": [
            {
                "connection": chosen[one.stream_id][0],
                "stream": chosen[one.stream_id][1],
                "id": one.remote_id,
                "record": known.told(one.record_id),
                "problems": one.problems,
            }
            for one in found
        ],
        "unread": [
            {"connection": chosen[stream_id][0], "stream": chosen[stream_id][1], "at": iso(at), "place": place}
            for stream_id, at, place in places
        ],
        "older": f"{found[-1].stream_id}.{found[-1].id}" if len(found) == limit else None,
    }


def _doubtful_place(said: str | None) -> tuple[int, int] | None:
    if said is None:
        return None
    stream_id, _, number = said.partition(".")
    if not (stream_id.isdigit() and number.isdigit()):
        raise ConfigError(f"'{said[:60]}' is no place in the list.", remedy="Open the list from its top.")
    return int(stream_id), int(number)


def _concerns(review: reviews.Review, name: str | None, ids: Mapping[int, str]) -> bool:
    return name is None or review.connection_id in ids or review.subject.get("connection") == name


def _kind(problem: str) -> str:
    """A problem without its values, so that the same kind of problem is counted together."""
    return _QUOTED.sub("…", problem)


def _note(subject: Mapping[str, Any]) -> str:
    if "contenders" in subject:
        said = "; ".join(" says ".join(text(part) for part in one[:2]) for one in subject["contenders"])
        return f"{subject.get('note', '')} ({said})".strip()
    for name in ("note", "message"):
        if subject.get(name):
            return str(subject[name])
    if "candidates" in subject:
        numbers = ", ".join(str(one) for one in subject["candidates"])
        return f"may be record {numbers}: {', '.join(subject.get('evidence', []))}"
    if "of" in subject:
        return f"the same as record {subject['of']} in {subject.get('connection', '')}"
    return ""


class _Known(NamedTuple):
    """Records that a listing speaks of."""

    hub: Hub
    found: Mapping[int, Record]

    def told(self, record_id: int) -> Told:
        """Kind, number and name."""
        record = self.found.get(record_id)
        if record is None:
            return {"kind": "record", "id": record_id, "title": ""}
        return {"kind": record.kind, "id": record.id, "title": title(self.hub.shapes, record)}


# The log.


class Asked(NamedTuple):
    """What the log is asked for."""

    connection: str | None = None
    record: int | None = None
    run: int | None = None
    code: str | None = None
    email: str | None = None
    since: Instant | None = None
    limit: int = 50
    below: entries.Below = entries.Below()
    """Where to go on: `older` of the last entry that was shown."""
    records: Collection[int] | None = None
    """Any of these records."""


Veil = Callable[[str, str, Any], Any]
"""Kind, field and value → the value as somebody may see it."""


def log_of(installation: Installation, asked: Asked, *, veil: Veil = lambda _kind, _field, value: value) -> list[Told]:
    """Entries of all sorts in one order, newest first; `older` of one says where a page below it begins."""
    hub = installation.hub()
    search = _search(hub, asked)
    about_records = search.record_ids is not None
    with installation.store.reading() as tx:
        came, went = entries.came_in(tx, search), entries.went_out(tx, search)
        failed = [] if about_records else entries.failed_runs(tx, search)
        acted = acts.acts(tx, search)
        silent = acts.by_default(tx, {one.run_id for one in came if one.run_id is not None})
        ids = {one.record_id for one in came} | {one.record_id for one in went}
        known = _Known(hub, records.load(tx, ids) if ids else {})
        names = {one.id: one.name for one in connections.all_connections(tx)}
    ran = heapq.merge(_runs(names, failed), acted, key=lambda one: one["_id"], reverse=True)
    sorts = (_ins(known, came, veil), _outs(known, names, went), ran)
    # Each sort stays in the order of its numbers, so that what was shown of it is all above a number.
    merged = heapq.merge(*sorts, key=lambda one: one["_at"], reverse=True)
    page, below = [], asked.below
    for one in islice(merged, asked.limit):
        below = below._replace(**{_SORTS.get(one["direction"], "run"): one["_id"]})
        shown = {name: value for name, value in one.items() if name[0] != "_"}
        if one["direction"] == "in" and one["run"] in silent:
            shown["sentence"] += " (by default: nobody answered in time)"
        page.append({**shown, "older": place_of(below)})
    return page


_SORTS = {"in": "came_in", "out": "went_out"}
_PLACE = re.compile(r"i(\d*)o(\d*)r(\d*)")


def place_of(below: entries.Below) -> str:
    """A place in the log as one word."""
    return "i{}o{}r{}".format(*("" if one is None else one for one in below))


def below_of(said: str) -> entries.Below:
    """The place that a word names; `ConfigError` for what is none."""
    found = _PLACE.fullmatch(said)
    if found is None:
        raise ConfigError(f"'{said}' is no place in the log.", remedy="Give the word that the last page ended with.")
    return entries.Below(*(int(one) if one else None for one in found.groups()))


def _search(hub: Hub, asked: Asked) -> entries.Search:
    record_ids = {asked.record} if asked.record is not None else None
    if asked.records is not None:
        record_ids = {*asked.records, *(record_ids or ())}
    if asked.email is not None:
        record_ids = {one.id for one in find(hub, "contact", asked.email)} | (record_ids or set())
    stream_ids = connection_id = None
    if asked.connection is not None:
        connection = connection_of(hub, asked.connection)
        stream_ids, connection_id = connection.stream_ids, connection.id
    return entries.Search(
        stream_ids, connection_id, record_ids, asked.run, asked.code, asked.since, asked.limit, asked.below, hub.own_id
    )


def _ins(known: _Known, came: Iterable[entries.In], veil: Veil) -> Iterable[Told]:
    for one in came:
        delta = one.delta
        claimed, changed = delta.get("v", {}), delta.get("set", {})
        source = known.hub.sources.get(one.stream_id) if one.stream_id is not None else None
        decided = {name: _decided(known, one, name, claimed, changed) for name in {**claimed, **changed}}
        kind = known.told(one.record_id)["kind"]
        claimed = {name: veil(kind, name, value) for name, value in claimed.items()}
        for name, told in decided.items():
            told |= {side: veil(kind, name, told[side]) for side in ("before", "after")}
        yield {
            "_at": one.at,
            "_id": one.id,
            "at": iso(one.at),
            "direction": "in",
            "what": one.what,
            "connection": source,
            "record": known.told(one.record_id),
            "remote_id": one.remote_id,
            "run": one.run_id,
            "claimed": claimed,
            "decided": decided,
            "sentence": _in_sentence(one.what, claimed, decided),
        }


def _decided(known: _Known, one: entries.In, name: str, claimed: Mapping[str, Any], changed: Mapping[str, Any]) -> Told:
    record = known.found.get(one.record_id)
    rule = str(known.hub.rules.rule(record.kind, name)) if record is not None else ""
    before, after = changed.get(name, [None, None])
    if name in changed:
        outcome = "stands" if name not in claimed or claimed[name] == after else "decided with other sources"
    elif one.what == "seen":
        outcome = "first seen"
    else:
        outcome = "changes nothing"
    return {"rule": rule, "outcome": outcome, "before": before, "after": after}


def _held(name: str, word: Any) -> str:
    """What became of a field that somebody holds."""
    return f"{field_of(name)} is let go" if not word else f"{field_of(name)} is held"


def _in_sentence(what: str, claimed: Mapping[str, Any], decided: Mapping[str, Told]) -> str:
    if still := [_held(name, word) for name, word in claimed.items() if field_of(name)]:
        changed = [f"{name} is now {text(one['after'])}" for name, one in decided.items() if not field_of(name)]
        return "; ".join(still + changed)
    if what == "gone":
        return "gone there; its last words still count"
    if what == "seen":
        named = ", ".join(f"{name} {text(value)}" for name, value in claimed.items())
        shifted = [f"{name} is now {text(one['after'])}" for name, one in decided.items() if one["outcome"] == "stands"]
        return f"first seen: {named}" + (f" → {', '.join(shifted)}" if shifted else "")
    if not decided:
        return what
    said = []
    for name, one in decided.items():
        if one["outcome"] == "changes nothing":
            said.append(f"{name} {text(claimed.get(name))}: changes nothing (rule {one['rule']})")
        else:
            said.append(f"{name}: {text(one['before'])} → {text(one['after'])} (rule {one['rule']})")
    return f"{what}: " + "; ".join(said)


def _outs(known: _Known, names: Mapping[int, str], went: Iterable[entries.Out]) -> Iterable[Told]:
    for one in went:
        fields = ", ".join(one.fields) or "the record"
        answer = one.outcome if one.note is None else f"{one.outcome}: {one.note}"
        yield {
            "_at": one.at,
            "_id": one.id,
            "at": iso(one.at),
            "direction": "out",
            "what": one.verb,
            "connection": names.get(one.connection_id),
            "record": known.told(one.record_id),
            "remote_id": one.remote_id,
            "run": one.run_id,
            "fields": one.fields,
            "outcome": one.outcome,
            "code": one.code,
            "note": one.note,
            "sentence": f"{one.verb} {fields} → {answer}",
        }


def _runs(names: Mapping[int, str], failed: Iterable[tuple[Any, ...]]) -> Iterable[Told]:
    for id_, at, connection_id, stream, what, code, message in failed:
        doing = " ".join(filter(None, (what, stream)))
        yield {
            "_at": at,
            "_id": id_,
            "at": iso(at),
            "direction": "run",
            "what": what,
            "connection": names.get(connection_id),
            "record": None,
            "run": id_,
            "code": code,
            "note": message,
            "sentence": f"{doing} ended with {code}: {message}",
        }
