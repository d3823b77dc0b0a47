"""The state of the hub at one moment, as plain data: what `concord status`, the status page and the demo show.

Reads only, and only from the store: no tool is asked. No secret is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from api import elements, queries
from api.assembly import CALLS
from core.decide.maintenance import Windows, hold
from core.errors import REGISTRY, USED_UP, Resting
from core.flow.hub import HUB
from core.flow.outward.agreement import Agreement
from core.model.instant import DAY, SECOND, Instant, iso
from core.model.many import many, verb
from core.model.shapes import KIND_ORDER
from core.store import connections, descriptions, records, requests, reviews, runs
from core.store.codec import loads
from core.store.connections import ConnectionRow, StreamRow
from core.store.descriptions import PausedLine
from core.store.reviews import Review

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.store import Tx

Told = dict[str, Any]
CALLS_OF = CALLS.format("")
"""How the facts begin that tell of a connection's limits."""
_MOMENTS = ("used_up_until", "quiet_until", "resting_until", "refused_at")
_SOON = 7 * DAY
"""So long before it is due a request needs a person."""
RUNS = 12
"""How many recent runs are shown."""
_REVIEWS = {
    "ask": "Tools differ on a field and no rule decides; see `concord reviews`, or name a rule in the rules file.",
    "ambiguous": "A new record may be one of several; see `concord reviews` and say which.",
    "duplicate": "One tool holds the same thing twice; see `concord reviews`, and merge the two there.",
    "frozen": "A field flips back and forth; see `concord reviews`, and find what keeps changing it.",
    "left": "Something no longer fits a tool's filter and cannot be deleted by interface; delete it there by hand.",
    "delete": "Something was deleted in one tool; see `concord reviews` and say whether it goes everywhere.",
    "schema": "A tool's fields are not what the mapping needs; see `concord reviews`, and mend one of the two.",
}
_BRAKE = "`concord reviews {0}` shows it; then `concord answer {0} release` lets it out once, `reject` takes it back."
_LETTERS = "See `concord problems {0}`, mend, then `concord replay {0}`."


def snapshot(installation: Installation, *, counted: bool = True) -> Told:
    """Everything worth knowing at a glance; see `docs/commands.md` for `concord status --json`.

    Without `counted` the numbers of what is simply there are left at 0: counting costs as much as there is, and whoever
    looks for what is wrong, each minute, does not ask for it.
    """
    now = installation.clock()
    with installation.store.reading() as tx:
        every = connections.all_connections(tx)
        rows = [one for one in every if one.name != HUB and one.state != "removed"]
        streams = connections.all_streams(tx)
        told = _Telling(tx, now, installation.maintenance(), counted=counted)
        shown = [told.connection(row, [one for one in streams if one.connection_id == row.id]) for row in rows]
        names = {row.id: row.name for row in every}
        recent = [_run(one, names, now) for one in runs.recent(tx, limit=RUNS)]
        open_reviews = told.care.waiting()
        asked = requests.burden(tx, now)
        counts = records.counts(tx) if counted else {}
    measured = [one for connection in told.measured.values() for one in connection]
    return {
        "at": iso(now),
        "agreement": _share(measured),
        "records": {kind: counts[kind] for kind in KIND_ORDER if kind in counts},
        "connections": shown,
        "outbox": sum(one["outbox"] for one in shown),
        "reviews": {"open": sum(open_reviews.values()), "by_kind": open_reviews, "late": told.care.late()},
        "requests": {**asked._asdict(), "due_at": iso(asked.due_at) if asked.due_at is not None else None},
        "dead_letters": sum(one["dead_letters"] for one in shown),
        "problems": sum(one["problems"] for one in shown),
        "unread": sum(one["unread"] for one in shown),
        "runs": recent,
        "troubles": [*_of_work(installation), *_of_requests(asked, now), *_troubles(shown, open_reviews, told.care)],
    }


class _Telling:
    """The counts of one moment, looked up once and told connection by connection."""

    def __init__(self, tx: Tx, now: Instant, windows: Windows, *, counted: bool) -> None:
        self.windows = windows
        self.now, self.care = now, elements.Care(tx, now)
        self.bound = queries.bound_by_stream(tx) if counted else {}
        self.problems = queries.problems_by_stream(tx)
        self.filtered = queries.filtered_by_stream(tx) if counted else {}
        self.unread = queries.unread_by_stream(tx)
        self.dead = self.care.buried
        self.waits = queries.waits(tx)
        self.echoes = queries.echoes(tx, now - DAY) if counted else {}
        self.brakes: dict[int, list[Review]] = {}
        for asked in reviews.open_reviews(tx, limit=None, what="brake"):
            self.brakes.setdefault(asked.connection_id, []).append(asked)
        self.resting: dict[int, list[PausedLine]] = {}
        for line in descriptions.paused(tx):
            self.resting.setdefault(line.stream_id, []).append(line)
        self.calls = {name: loads(kept) for name, kept in runs.facts_from(tx, CALLS_OF).items()}
        self.measured: dict[int, list[Agreement]] = {}
        self.by_kind: dict[int, dict[str, tuple[Instant, Agreement]]] = {}
        for connection_id, kind, at, counts in runs.agreements(tx):
            self.by_kind.setdefault(connection_id, {})[kind] = (at, Agreement(**counts))

    def connection(self, row: ConnectionRow, streams: Sequence[StreamRow]) -> Told:
        """One connection."""
        kinds = self.by_kind.get(row.id, {})
        self.measured[row.id] = [one for _, one in kinds.values()]
        wait = self.waits.get(row.id, queries.Wait(0, None, 0))
        overdue = wait.oldest is not None and wait.oldest < self.now
        read = [one.read_at for one in streams if one.read_at is not None]
        return {
            "name": row.name,
            "connector": row.connector,
            "state": row.state,
            "pause": self.care.of_pause(_pause(row), row.id),
            "hold": self._hold(row.name),
            "brakes": [self._brake(one) for one in self.brakes.get(row.id, ())],
            "agreement": _share(self.measured[row.id]),
            "measured_at": iso(max(at for at, _ in kinds.values())) if kinds else None,
            "kinds": [
                {"kind": kind, "agreement": one.share, **one.counts()}
                for kind in KIND_ORDER
                if kind in kinds
                for one in [kinds[kind][1]]
            ],
            "records": sum(self.bound.get(one.id, 0) for one in streams),
            "streams": [self._stream(one) for one in streams],
            "read_seconds_ago": (self.now - min(read)) / SECOND if read else None,
            "near_misses": self.echoes.get(row.id, 0),
            "calls": _calls(self.calls.get(row.name, {}), self.now),
            "outbox": wait.rows,
            "lag_seconds": (self.now - wait.oldest) / SECOND if overdue and wait.oldest is not None else 0.0,
            "outbox_tried": wait.tried,
            "dead_letters": self.dead.get(row.id, 0),
            "oldest_dead_letter": self.care.of_dead_letters(row.id, _LETTERS.format(row.name)),
            "problems": sum(self.problems.get(one.id, 0) for one in streams),
            "unread": sum(self.unread.get(one.id, 0) for one in streams),
        }

    def _hold(self, name: str) -> Told | None:
        """What a maintenance window holds now, and until when."""
        found = hold(self.windows.get(name, ()), self.now)
        return None if found is None else {"what": found.what, "until": iso(found.until)}

    def _brake(self, review: Review) -> Told:
        """Why nothing is written to a connection, and how a person answers."""
        remedy = _BRAKE.format(review.id)
        owned = elements.of_review(self.care.duties, review, remedy, now=self.now)
        return {"review": review.id, "note": review.subject.get("note", ""), **owned}

    def _stream(self, row: StreamRow) -> Told:
        kept_out, cut_off = self.filtered.get(row.id, (0, 0))
        return {
            "name": row.name,
            "kind": row.kind,
            "phase": row.phase,
            "records": self.bound.get(row.id, 0),
            "kept_out": kept_out,
            "cut_off": cut_off,
            "walked": row.walked,
            "total": row.total,
            "read_at": iso(row.read_at) if row.read_at is not None else None,
            "due_at": iso(row.due_at),
            "problems": self.problems.get(row.id, 0),
            "unread": self.unread.get(row.id, 0),
            "pause": self.care.of_pause(_stream_pause(row), row.connection_id, row.name),
            "lines": [_line(one) for one in self.resting.get(row.id, ())],
        }


def _calls(accounts: Mapping[str, Told], now: Instant) -> Told | None:
    """What is known of the tool's limits: calls of the day, what waits until when, and the last refusal for too many.

    None where nothing is known. Where a connection falls under several limits, the one of the day tells its numbers.
    """
    if not accounts:
        return None
    main = max(accounts.values(), key=lambda one: (one["allowed"], one["calls"]))
    latest = {name: max(one[name] or 0 for one in accounts.values()) for name in _MOMENTS}
    ahead = {name: iso(at) if at > now else None for name, at in latest.items() if name != "refused_at"}
    has_day, is_over = main["allowed"] > 0, bool(main["resets_at"]) and main["resets_at"] <= now
    left = int(main["allowed"] if is_over else max(0, main["left"])) if has_day else None
    return {
        "as_of": iso(main["at"]),
        "per_second": round(main["rate"], 2) or None,
        "allowed": int(main["allowed"]) if has_day else None,
        "left": left,
        "used": int(main["allowed"]) - left if left is not None else None,
        "reserve": int(main["allowed"] * main["reserve"]) if has_day else None,
        "resets_at": iso(main["resets_at"]) if main["resets_at"] and not is_over else None,
        **ahead,
        "refused_at": iso(latest["refused_at"]) if latest["refused_at"] else None,
        "refusals": sum(one["refusals"] for one in accounts.values()),
    }


def _pause(row: ConnectionRow) -> Told | None:
    if row.pause_code is None:
        return None
    entry = REGISTRY.get(row.pause_code)
    mend = entry.remedy if entry else "See the note."
    return {
        "code": row.pause_code,
        "note": row.pause_note,
        "remedy": f"{mend} Then run `concord resume {row.name}`.",
    }


def _stream_pause(row: StreamRow) -> Told | None:
    """Why a stream is paused, `whole` or only the `writing` of it, who must act, and when the hub tries it again."""
    if row.pause_code is None:
        return None
    return {
        "code": row.pause_code,
        "note": row.pause_note,
        "side": row.pause_side,
        "acts": row.pause_acts,
        "remedy": row.pause_remedy,
        "try_at": iso(row.try_at) if row.try_at is not None else None,
    }


def _line(line: PausedLine) -> Told:
    """A line of the mapping that rests: on `both` sides, only in `writing`, or `returning` while it is read again."""
    return {
        "field": line.field,
        "side": line.side,
        "since": iso(line.at),
        "code": line.code or None,
        "note": line.note,
        "acts": line.acts,
        "remedy": line.remedy,
    }


def _share(measured: Sequence[Agreement]) -> float | None:
    whole = Agreement()
    for one in measured:
        whole.join(one)
    return whole.share if measured else None


def _run(one: runs.Run, names: Mapping[int, str], now: Instant) -> Told:
    ended = one.ended_at if one.ended_at is not None else now
    return {
        "id": one.id,
        "connection": names.get(one.connection_id, "?"),
        "what": one.what,
        "stream": one.stream,
        "began_at": iso(one.began_at),
        "seconds": round((ended - one.began_at) / SECOND, 2),
        "running": one.ended_at is None,
        "counts": one.counts,
        "code": one.code,
        "message": one.message,
    }


def _troubles(shown: Sequence[Told], open_reviews: Mapping[str, int], care: elements.Care) -> list[Told]:
    """What stands in the way of agreement, each with what to do."""
    found: list[Told] = []
    for one in shown:
        name = one["name"]
        if one["pause"]:
            what, remedy = f"paused: {one['pause']['note']}", one["pause"]["remedy"]
            found.append(_owned(care, name, what, remedy, one["pause"]))
        found += [_owned(care, name, f"the brake holds: {it['note']}", it["action"], it) for it in one["brakes"]]
        for stream in one["streams"]:
            if (pause := stream["pause"]) is not None:
                paused = "writing is paused" if pause["side"] == "writing" else "paused"
                again = f"The hub tries every hour; `concord sync {name}` tries at once."
                remedy = f"For the {pause['acts']}: {pause['remedy']} {again}"
                found.append(_owned(care, name, f"{stream['name']}, {paused}: {pause['note']}", remedy, pause))
            found += [_of_line(name, stream["name"], line) for line in stream["lines"]]
        if (calls := one["calls"]) is not None:
            found += _of_calls(name, calls)
        if one["dead_letters"]:
            what = f"{one['dead_letters']:,} refused by the tool"
            found.append(_owned(care, name, what, _LETTERS.format(name), one["oldest_dead_letter"]))
        if one["problems"]:
            what = f"{one['problems']:,} with a problem: kept and listed, not dropped"
            found.append(_trouble(name, what, f"See `concord problems {name}`; mend the value there, or the mapping."))
        if one["unread"]:
            what = f"{many(one['unread'], 'place')} that cannot be read"
            found.append(_trouble(name, what, f"See `concord problems {name}`; mend them in the tool."))
        if one["outbox_tried"]:
            waits = verb(one["outbox"], "waits", "wait")
            what = f"{many(one['outbox'], 'change')} {waits} in the outbox after failed tries"
            found.append(_trouble(name, what, "Nothing to do: they are tried again; `concord log` tells the answers."))
    for what, count in open_reviews.items():
        if what not in ("connection", "brake"):
            late = f", {care.late(what):,} late" if care.late(what) else ""
            remedy = _REVIEWS.get(what, "See `concord reviews`.")
            told = care.of_reviews(what, remedy)
            found.append(_owned(care, "", f"{many(count, 'review')}: {what}{late}", remedy, told))
    return found


def _of_work(installation: Installation) -> Iterator[Told]:
    """Whoever does the work and is missing, where others than this process do it."""
    if installation.presence is not None:
        yield from (_trouble("", one.says.removesuffix("."), one.remedy) for one in installation.presence.absences())


def _of_requests(asked: requests.Burden, now: Instant) -> Iterator[Told]:
    """What people asked about their own data, and must be answered soon."""
    if asked.due_at is None or asked.due_at > now + _SOON:
        return
    late = f", {asked.late:,} overdue" if asked.late else f", the first due {iso(asked.due_at)[:10]}"
    what = f"{many(asked.open, 'request')} of people about their data{late}"
    yield _trouble("", what, "See `concord requests list`: find the person, do what they ask, and close it.")


def _owned(care: elements.Care, connection: str, what: str, remedy: str, told: Told | None) -> Told:
    """A trouble that somebody has to see to, and by when."""
    if told is None or "due_at" not in told:
        return _trouble(connection, what, remedy)
    whose = {name: told[name] for name in ("owner", "action", "due_at", "late", "escalated_at")}
    return {**_trouble(connection, what, f"{elements.whose(told, care.now)}: {remedy}"), **whose}


def _of_calls(name: str, calls: Told) -> Iterator[Told]:
    """What waits for the tool's limits, and when it goes on."""
    if calls["used_up_until"]:
        what = f"the day's calls are used up to the reserve; reading and writing go on at {calls['used_up_until']}"
        yield _trouble(name, what, REGISTRY[USED_UP].remedy)
    if calls["resting_until"]:
        what = f"the tool fails; it is not called until {calls['resting_until']}"
        yield _trouble(name, what, REGISTRY[Resting.code].remedy)


def _of_line(name: str, stream: str, line: Told) -> Told:
    if line["side"] == "returning":
        what = f"{stream}: the line {line['field']} is being taken up"
        return _trouble(name, what, "Nothing to do: it is written once the stream was read whole.")
    how = "is not written" if line["side"] == "writing" else "is neither read nor written"
    again = f"The hub looks every hour; `concord sync {name}` looks at once."
    return _trouble(name, f"{stream}: the line {line['field']} {how}: {line['note']}", f"{line['remedy']} {again}")


def _trouble(connection: str, what: str, remedy: str) -> Told:
    return {"connection": connection, "what": what, "remedy": remedy}
