"""Freeing: an address that one record gives up in a tool is there for the record that waits for it.

Many tools let no two of their records share an email or a domain. Whoever is written first is then refused what the
other has not given up yet, although a moment later nothing stands in the way; it is tried again at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.decide.keys import PROVING
from core.decide.route import Lane
from core.flow.hub import Connection, Stream
from core.mapping import paths
from core.model.instant import Instant
from core.model.values import Json, is_blank
from core.ports import Edit, Verb
from core.store import Tx, deliveries, outbox
from core.store.outbox import Mark


def try_freed(tx: Tx, connection: Connection, stream: Stream, done: Sequence[Edit], *, now: Instant) -> None:
    """Mark the records again that were refused what these edits have just given up; nothing where they gave up none."""
    freed = set(_freed(stream, done))
    if not freed:
        return
    letters = deliveries.dead_letters(tx, connection_id=connection.id)
    ids = [
        one.record_id
        for one in letters
        if one.stream_id == stream.id and any(one.edit.get(path) == value for path, value in freed)
    ]
    deliveries.unbury(tx, connection.id, ids)
    outbox.mark(tx, [Mark(connection.id, id_, Lane.LIVE, stream.rank, now) for id_ in ids])


def _freed(stream: Stream, done: Sequence[Edit]) -> Iterator[tuple[str, Json]]:
    fields = PROVING.get(stream.kind, ())
    proving = [path for line in stream.translator.lines if line.field in fields for path in line.writes]
    for edit in done:
        for path in proving:
            held = paths.get(edit.held, path)
            gives_up = edit.verb is Verb.DELETE or (path in edit.fields and edit.fields[path] != held)
            if gives_up and edit.verb is not Verb.CREATE and not is_blank(held):
                yield path, held
