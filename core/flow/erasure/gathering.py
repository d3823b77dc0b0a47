"""Gathering: everything the hub holds of a person, with where it is from. What an access request is answered with."""

from __future__ import annotations

from typing import Any

from core.decide.why import explain
from core.flow.asking import voices_of
from core.flow.erasure.erasing import refers_to
from core.flow.erasure.person import Person, person_of
from core.flow.filters.doors import held_by_the_tool
from core.flow.hub import Hub
from core.model.instant import iso
from core.store import Tx, bindings, deliveries, history, ledger, notices, requests, reviews
from core.store.bindings import Bound
from core.store.codec import loads


def gather(hub: Hub, record_id: int) -> dict[str, Any]:
    """All that is held, as one JSON document; `ConfigError` where there is nobody.

    `values` with who said each and when; `tools` with what each holds, in its own words; `history`, `consents`, `sent`,
    `webhooks` (as far as they are kept), `questions` and `requests`, oldest first; `referred_to_by` kind → numbers of
    records.
    """
    with hub.store.reading() as tx:
        person = person_of(hub, tx, record_id)
        return {
            "kind": person.record.kind,
            "records": person.record_ids,
            "gathered_at": iso(hub.clock()),
            "values": _values(hub, person),
            "tools": [_tool(hub, row) for row in person.bound if row.stream_id not in hub.own_streams],
            "history": _history(hub, tx, person),
            "consents": [row.told for row in ledger.of_records(tx, person.record_ids) if row.told],
            "sent": _sent(hub, tx, person),
            "webhooks": _webhooks(hub, tx, person),
            "questions": [
                {"what": one.what, "field": one.field, "about": one.subject, "opened_at": iso(one.opened_at)}
                for one in reviews.about(tx, person.record_ids)
            ],
            "requests": [
                {
                    "asked_for": one.right,
                    "by": one.way,
                    "came_at": iso(one.came_at),
                    "who": one.who,
                    "note": one.note,
                    "answer": one.answer,
                    "ground": one.ground,
                    "why": one.why,
                }
                for one in requests.of(tx, person.record_ids)
            ],
            "referred_to_by": refers_to(hub, tx, person),
        }


def _values(hub: Hub, person: Person) -> dict[str, Any]:
    record, shape = person.record, hub.shapes[person.record.kind]
    voices = tuple(voices_of(hub, [row for row in person.bound if row.record_id == record.id]))
    found = {}
    for name, value in record.values.items():
        winner = explain(shape, hub.rules, voices, name).winner
        said = {"said_by": winner.source, "at": winner.stamp.said_at} if winner is not None else {}
        found[name] = {"value": value, **said}
    return found


def _tool(hub: Hub, row: Bound) -> dict[str, Any]:
    stream = hub.stream(row.stream_id)
    return {
        "connection": hub.sources.get(row.stream_id, "?"),
        "stream": stream.name if stream is not None else "?",
        "id": row.remote_id,
        "state": bindings.State(row.state).name.lower(),
        "read_at": iso(row.read_at),
        "holds": held_by_the_tool(row),
        "said": dict(row.claims.values),
    }


def _history(hub: Hub, tx: Tx, person: Person) -> list[dict[str, Any]]:
    sources = {row.id: hub.sources.get(row.stream_id, "?") for row in person.bound}
    return [
        {
            "at": iso(entry.at),
            "what": entry.what,
            "source": sources.get(entry.binding_id or 0),
            "said": entry.delta.get("v", {}),
            "changed": entry.delta.get("set", {}),
        }
        for entry in history.of_records(tx, person.record_ids)
    ]


def _sent(hub: Hub, tx: Tx, person: Person) -> list[dict[str, Any]]:
    names = {one.id: one.name for one in hub.connections.values()}
    sent = [one for id_ in person.record_ids for one in deliveries.deliveries(tx, record_id=id_, limit=10_000)]
    return [
        {
            "at": iso(one.at),
            "connection": names.get(one.connection_id, "?"),
            "verb": one.verb,
            "outcome": one.outcome,
            "fields": loads(one.fields),
        }
        for one in sorted(sent)
    ]


def _webhooks(hub: Hub, tx: Tx, person: Person) -> list[dict[str, Any]]:
    """What tools told of the person by webhook, as it came."""
    names = {one.id: one.name for one in hub.connections.values()}
    places = {(row.stream_id, row.remote_id) for row in person.bound}
    return [
        {
            "at": iso(one.at),
            "connection": names.get(one.connection_id, "?"),
            "body": one.body.decode("utf-8", "replace"),
        }
        for one in notices.about(tx, places, person.words)
    ]
