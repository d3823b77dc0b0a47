"""Answered: what a tool said to something that was sent about somebody who was erased, before or because of that."""

from __future__ import annotations

from collections.abc import Collection

from core.errors import Gone, ToolError
from core.flow.changes import Changes
from core.flow.erasure.keeping_out import Found, keep_out, question
from core.flow.erasure.settling import looked_for, settle
from core.flow.hub import Hub, Stream
from core.model.instant import Instant
from core.ports import Edit
from core.store import Tx, bindings, erasures, forgetting, reviews
from core.store.bindings import Bound
from core.store.deliveries import Delivery
from core.store.erasures import At


def deleted(tx: Tx, bound: Bound | None, edit: Edit, error: ToolError | None, *, now: Instant) -> None:
    """It is deleted there, or was gone already."""
    if bound is not None:
        settle(tx, [bound], At.GONE if isinstance(error, Gone) else At.ERASED if edit.for_good else At.DELETED, now=now)


def refused(tx: Tx, changes: Changes, stream: Stream, bound: Bound | None, error: ToolError | None) -> None:
    """The tool does not let us: a person must do it there."""
    if bound is None:
        return
    bindings.update(tx, [bound._replace(packed_told=forgetting.wish(goes=False))])
    places = erasures.at_remotes(tx, stream.id, [bound.remote_id]).values()
    note = f"the tool refused: {error}"
    erasures.change_places(tx, [one._replace(state=At.BY_HAND, note=note, at=changes.now) for one in places])
    for erasure in [one for place in places if (one := erasures.one(tx, place.erasure_id)) is not None]:
        changes.questions.append(
            question(stream.source, stream.name, stream.connection_id, erasure, At.BY_HAND, str(error))
        )


def created(hub: Hub, tx: Tx, changes: Changes, stream: Stream, record_id: int, remote_id: str, key: str) -> None:
    """What was sent just before the erasure was made there: it is deleted next."""
    erasure = erasures.about(tx, [record_id]).get(record_id)
    if erasure is not None and not bindings.of_remotes(tx, stream.id, [remote_id]):
        keep_out(hub, tx, changes, stream, [Found(remote_id, erasure, key)])


def not_created(tx: Tx, keys: Collection[str], *, now: Instant) -> None:
    """What was sent just before the erasure was not made."""
    looked_for(tx, keys, At.NEVER_MADE, now=now)


def untold(tx: Tx, stream: Stream, key: str, *, now: Instant) -> None:
    """Whether it was made the tool lets nobody find out."""
    note = "a last create may have been made, and the tool lets nobody look for it"
    places = erasures.looking(tx, [key])
    looked_for(tx, [key], At.BY_HAND, now=now, note=note)
    whose = [one for place in places if (one := erasures.one(tx, place.erasure_id)) is not None]
    asked = [question(stream.source, stream.name, stream.connection_id, one, At.BY_HAND) for one in whose]
    reviews.ask(tx, asked, now=now)


def nameless(one: Delivery) -> Delivery:
    """The log of it, without what could name the person."""
    return one._replace(remote_id=None, before=None, note=None)
