"""Dead letters as people see them: in classes of what the tool said, each letter whole, and what became of a retry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from api import elements
from api.listing import connection_of, title
from core.errors import REGISTRY, ConfigError
from core.flow.undo.replay import replay
from core.model.instant import Instant, iso
from core.store import connections, deliveries, outbox, records, reviews
from core.store.deliveries import Numbered, Refusals

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.decide.reviewing import Duties
    from core.flow.hub import Hub
    from core.store import Tx

Told = dict[str, Any]


class Classes(NamedTuple):
    """A page of classes."""

    told: list[Told]
    older: str | None
    """The place where the next page begins; None where there is none."""


def classes(
    installation: Installation,
    *,
    connection: str | None = None,
    code: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Classes:
    """What tools refused, by what they said, the largest class first; two or three statements."""
    hub, now = installation.hub(), installation.clock()
    id_ = connection_of(hub, connection).id if connection is not None else None
    place = _place_of(after) if after else None
    with installation.store.reading() as tx:
        found = deliveries.refusals(tx, connection_id=id_, code=code, after=place, limit=limit)
        duties, names = reviews.duties(tx), _names(tx)
    last = found[-1] if len(found) == limit else None
    return Classes([_class(one, names, duties, now) for one in found], f"{last.letters}.{last.id}" if last else None)


def _place_of(said: str) -> tuple[int, int]:
    size, _, number = said.partition(".")
    if not (size.isdigit() and number.isdigit()):
        raise ConfigError(f"'{said[:60]}' is no place in the list.", remedy="Open the list from its top.")
    return int(size), int(number)


def _names(tx: Tx) -> dict[int, str]:
    return {one.id: one.name for one in connections.all_connections(tx)}


def _class(one: Refusals, names: dict[int, str], duties: Duties, now: Instant) -> Told:
    entry = REGISTRY.get(one.code)
    return {
        "id": one.id,
        "connection": names.get(one.connection_id, "?"),
        "code": one.code,
        "cause": entry.happened if entry is not None else "",
        "message": one.message,
        "letters": one.letters,
        "acts": one.acts,
        "remedy": one.remedy,
        "oldest": iso(one.oldest),
        "newest": iso(one.newest),
        **elements.of_age(duties, "dead_letter", one.oldest, one.remedy, now=now),
    }


class Whole(NamedTuple):
    """A class with a page of its letters."""

    of: Refusals
    told: Told
    letters: list[Told]
    older: int | None


def whole(installation: Installation, number: int, *, below: int | None = None, limit: int = 50) -> Whole | None:
    """The class of a letter, opened; None where that letter is not there any more."""
    hub, now = installation.hub(), installation.clock()
    with installation.store.reading() as tx:
        of = deliveries.refusals_of(tx, number)
        if of is None:
            return None
        found = deliveries.letters_of(tx, of, below=below, limit=limit)
        there = records.load(tx, {one.letter.record_id for one in found}) if found else {}
        told = _class(of, _names(tx), reviews.duties(tx), now)
    shown = [_letter(hub, one, there) for one in found]
    return Whole(of, told, shown, found[-1].id if len(found) == limit else None)


def _letter(hub: Hub, one: Numbered, there: dict[int, records.Record]) -> Told:
    letter, record = one.letter, there.get(one.letter.record_id)
    stream = hub.stream(letter.stream_id)
    return {
        "id": one.id,
        "at": iso(letter.at),
        "record": {
            "kind": record.kind if record is not None else "record",
            "id": letter.record_id,
            "title": title(hub.shapes, record) if record is not None else "",
        },
        "stream": stream.name if stream is not None else "",
        "verb": letter.verb,
        "edit": letter.edit,
    }


def try_again(installation: Installation, of: Refusals, record_ids: Collection[int] | None = None) -> int:
    """Try a class again, or only these records of it; gives how many wait to be written now."""
    hub = installation.hub()
    connection = hub.connections.get(of.connection_id)
    if connection is None:
        raise ConfigError("This connection is not there any more.", remedy="Nothing is written to it.")
    return replay(hub, connection, code=of.code, message=of.message, record_ids=record_ids)


def became(installation: Installation, name: str, record_ids: Sequence[int], since: Instant) -> list[Told]:
    """What became of records since they were tried again: written, refused anew, or still waiting."""
    hub = installation.hub()
    connection = connection_of(hub, name)
    with installation.store.reading() as tx:
        waiting = {id_ for at, id_ in outbox.due_records(tx, record_ids) if at == connection.id}
        dead = {one.record_id: one for one in deliveries.dead_letters(
            tx, connection_id=connection.id, record_ids=record_ids)}  # fmt: skip
        sent = deliveries.latest(tx, connection.id, record_ids, since)
        there = records.load(tx, record_ids)
    return [
        {
            "record": {
                "kind": there[id_].kind if id_ in there else "record",
                "id": id_,
                "title": title(hub.shapes, there[id_]) if id_ in there else "",
            },
            "state": _state(id_, waiting, dead, sent),
            "words": dead[id_].message if id_ in dead else "",
        }
        for id_ in record_ids
    ]


def _state(id_: int, waiting: Collection[int], dead: Collection[int], sent: dict[int, deliveries.Delivery]) -> str:
    if id_ in dead:
        return "refused again"
    if id_ in waiting:
        return "waits"
    return "written" if id_ in sent and sent[id_].outcome == "done" else "in step"
