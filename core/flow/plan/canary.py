"""The canary: before a change writes to thousands of records, it writes to a few, reads them back and compares.

    few written ▶ read back ▶ equal in meaning? ▶ the rest goes out | nothing more does, and a person is asked

It is asked for with a plan, kept in the store, and sung by whichever process works the connection next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from core.decide.brake import Leave
from core.errors import ConfigError
from core.flow.hub import Connection, Hub, Stream
from core.flow.inward.rereading import fetched
from core.flow.outward.booking import Delivered
from core.flow.outward.compare import Step, differences
from core.flow.outward.outbound import deliver
from core.mapping import paths
from core.model.instant import Instant
from core.model.many import many, verb
from core.model.values import Json
from core.ports import Remote, Verb
from core.store import Tx, bindings, deliveries, outbox, records, reviews, runs
from core.store.bindings import Bound
from core.store.codec import dumps, loads, squeeze
from core.store.deliveries import Delivery
from core.store.reviews import Question, Review

_FACT = "canary {}"
_SHOWN = 20
FIELD = "canary"
"""The field of the review that a canary opens: a connection has one of them at most."""


@dataclass(slots=True)
class Sung:
    """What a canary found: how many were written, and where the tool holds something else than it was told."""

    written: int = 0
    differing: list[dict[str, Any]] = field(default_factory=list)


def ask_for(tx: Tx, connection_id: int, count: int, *, run_id: int) -> None:
    """The next delivery to a connection writes only so many records before it looks."""
    runs.put_fact(tx, _FACT.format(connection_id), dumps({"count": count, "run": run_id}))


def is_open(tx: Tx, connection_id: int) -> bool:
    """Whether a change is still tried on a few records, or was stopped there."""
    return runs.fact(tx, _FACT.format(connection_id)) is not None


def is_halted(tx: Tx, connection_id: int) -> bool:
    """Whether a canary has stopped the writing of a connection."""
    kept = runs.fact(tx, _FACT.format(connection_id))
    return kept is not None and "halted" in loads(kept)


def let_go(tx: Tx, connection_id: int) -> None:
    """Nothing is stopped by a canary any more."""
    runs.drop_fact(tx, _FACT.format(connection_id))


def decide(hub: Hub, review: Review, word: str) -> None:
    """A person has looked: what a canary stopped goes out after all. The change itself is taken back by its run."""
    if word != "release":
        run_id = review.subject["runs"][0]
        raise ConfigError(
            "What was tried follows from a change of the configuration.",
            remedy=f"`concord undo {run_id}` shows what taking it back would do, asks, and does it.",
            id=review.id,
        )
    with hub.store.writing() as tx:
        let_go(tx, review.connection_id)
        outbox.look(tx, review.connection_id)
        outbox.release(tx, review.connection_id)


def supersede(tx: Tx, connection_id: int, *, now: Instant) -> None:
    """Another change is applied: what an earlier canary stopped is compared anew."""
    let_go(tx, connection_id)
    asked = [one.id for one in reviews.about(tx, [0]) if is_canary(one) and one.connection_id == connection_id]
    reviews.close_ids(tx, asked, now=now, answer="another change was applied")


def sing(hub: Hub, connection: Connection, run_id: int) -> Delivered | None:
    """What was delivered where that is all for now; None when the rest may go out."""
    name = _FACT.format(connection.id)
    with hub.store.reading() as tx:
        kept = runs.fact(tx, name)
    if kept is None:
        return None
    asked = loads(kept)
    if "halted" in asked:
        # A refusal of consent is never held back.
        return deliver(hub, replace(connection, leave=Leave.NARROWING), run_id=run_id)
    done = deliver(hub, connection, run_id=run_id, most=asked["count"])
    if done.halted or done.dead or not done.writes:
        # Not one of them may have got through: the next turn tries again, before anything else goes out.
        return done if not done.dead else _halt(hub, connection, asked, Sung(done.writes), done)
    sung = _looked_at(hub, connection, run_id)
    if sung.differing:
        return _halt(hub, connection, asked, sung, done)
    with hub.store.writing() as tx:
        let_go(tx, connection.id)
    rest = deliver(hub, connection, run_id=run_id)
    rest.join(done)
    return rest


def _looked_at(hub: Hub, connection: Connection, run_id: int) -> Sung:
    """Read back what this run has written, and compare it by meaning."""
    with hub.store.reading() as tx:
        sent = [one for one in deliveries.of_run(tx, run_id) if one.outcome == "done" and one.remote_id]
    sung = Sung(len(sent))
    by_remote = {one.remote_id: one for one in sent}
    for stream in connection.streams:
        with hub.store.reading() as tx:
            held = bindings.of_remotes(tx, stream.id, [id_ for id_ in by_remote if id_])
        if held:
            there = {remote.id: remote for remote in fetched(hub, stream, list(held))}
            sung.differing += _differing(hub, connection, stream, held, there, by_remote)
    return sung


def _differing(
    hub: Hub,
    connection: Connection,
    stream: Stream,
    held: dict[str, Bound],
    there: dict[str, Remote],
    sent: dict[str | None, Delivery],
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    shown: list[Bound] = []
    for id_, row in held.items():
        remote = there.get(id_)
        gone = remote is None or remote.deleted
        if gone != (sent[id_].verb == Verb.DELETE):
            found.append(_told(stream, row, "", "a record" if gone else "no record", None))
        elif remote is not None and not gone:
            # As the tool shows it now, whatever it said when it was written.
            shown.append(row._replace(packed_expected=squeeze(_packed(remote)), packed_told=None))
            found += _unreadable(stream, row, remote, loads(sent[id_].fields))
    with hub.store.reading() as tx:
        alive = records.load(tx, {row.record_id for row in shown})
        for one in differences(hub, tx, connection, alive, held=shown):
            if one.step is not Step.UPDATE or one.bound is None:
                continue
            written = set(loads(sent[one.bound.remote_id].fields))
            for path, wanted in (one.fields or {}).items():
                if path in written:
                    found.append(_told(stream, one.bound, path, wanted, paths.get(one.bound.expected, path)))
    return found


def _unreadable(stream: Stream, row: Bound, remote: Remote, written: Collection[str]) -> list[dict[str, Any]]:
    """What was written and comes back as something that the mapping cannot read."""
    (reading,) = stream.translator.read([remote.fields])
    lost = [line for line in stream.translator.lines if line.direction == "both" and line.field not in reading.said]
    paths_lost = sorted({path for line in lost for path in line.writes if path in written})
    return [_told(stream, row, path, "what was written", paths.get(remote.fields, path)) for path in paths_lost]


def _packed(remote: Remote) -> bytes:
    return dumps(remote.fields).encode()


def _told(stream: Stream, row: Bound, path: str, wanted: Json, there: Json) -> dict[str, Any]:
    return {
        "stream": stream.name, "id": row.remote_id, "record": row.record_id, "field": path,
        "wanted": wanted, "there": there,
    }  # fmt: skip


def _halt(hub: Hub, connection: Connection, asked: dict[str, Any], sung: Sung, done: Delivered) -> Delivered:
    """Nothing more goes out to this connection until a person has looked."""
    wrong = []
    if done.dead:
        wrong.append(f"{done.dead} of them {verb(done.dead, 'was', 'were')} refused")
    if sung.differing:
        wrong.append(f"in {many(len(sung.differing), 'field')} the tool holds something else than it was told")
    subject = {
        "connection": connection.name,
        "note": f"The trial of {many(asked['count'], 'record')} went wrong: {', and '.join(wrong)}. "
        "Nothing more is written there until a person agrees.",
        "differing": sung.differing[:_SHOWN],
        "runs": [asked["run"]],
    }
    with hub.store.writing() as tx:
        runs.put_fact(tx, _FACT.format(connection.id), dumps({**asked, "halted": hub.clock()}))
        outbox.withdraw(tx, connection.id)
        reviews.ask(tx, [Question("brake", subject, connection_id=connection.id, field=FIELD)], now=hub.clock())
    return done


def is_canary(review: Review) -> bool:
    """Whether a brake's review was opened by a canary."""
    return review.what == "brake" and review.field == FIELD
