"""Requests of people about their own data: written down, the person found, done, and closed with what shows it.

What is done is done by others: `gathering` tells all that is held, `erasing` erases, `choosing` takes a no. Here it is
kept that it was asked, and what was done about it; a request is closed by what was done, or by words.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import orjson

from core.decide.keys import keys_of
from core.decide.requesting import ANSWERED, GROUNDS, REFUSED, RIGHTS, WAYS, due, extended
from core.errors import ConfigError
from core.flow.consent.choosing import choices, choose, person
from core.flow.erasure.gathering import gather
from core.flow.hub import Hub
from core.model.instant import Instant
from core.model.many import many
from core.store import requests
from core.store.records import Record
from core.store.requests import Request

LONGEST = 2_000
"""Letters of what somebody wrote."""
_EMAIL = re.compile(r"[^\s@<>()\"',;:]+@[^\s@<>()\"',;:]+")


def ask(
    hub: Hub, right: str, who: str, way: str, *, came_at: Instant | None = None, note: str = "",
    record_id: int | None = None,
) -> int:  # fmt: skip
    """Write down what somebody asked; gives the number of the request. `ConfigError` for what cannot be one."""
    now, said = hub.clock(), who.strip()
    _choose("right", right, RIGHTS)
    _choose("way", way, WAYS)
    if not said:
        raise ConfigError("It is not said who asks.", remedy="Write down the name or address that they gave.")
    if len(said) > LONGEST or len(note) > LONGEST:
        raise ConfigError(f"That is longer than {many(LONGEST, 'letter')}.", remedy="Write down the gist of it.")
    came = now if came_at is None else came_at
    if came > now:
        raise ConfigError("A request cannot come in the future.", remedy="Say when it came.")
    digest = digest_of(hub, said)
    with hub.store.writing(durable=True) as tx:
        return requests.add(
            tx, came_at=came, right=right, way=way, due_at=due(hub.profile.deadlines, right, came), who=said,
            note=note.strip() or None, digest=digest, record_id=record_id,
        )  # fmt: skip


def ask_once(hub: Hub, right: str, record: Record, way: str, note: str = "") -> Request:
    """What a known person asks by themselves; where the same of theirs is open already, that one."""
    with hub.store.reading() as tx:
        known = [one for one in requests.of(tx, [record.id]) if one.closed_at is None and one.right == right]
    if known:
        return known[0]
    who = str(record.values.get("email") or hub.shapes[record.kind].name_of(record.values) or f"record {record.id}")
    return found(hub, ask(hub, right, who, way, note=note, record_id=record.id))


def digest_of(hub: Hub, who: str) -> str | None:
    """The keyed hash of the first address in what somebody is called; None where there is none."""
    address = address_in(who)
    filed = keys_of("contact", {"email": address}, hub.blocks) if address else ()
    digests = [hub.suppressor.of_key(one.digest) for one in filed] if hub.suppressor is not None else []
    return digests[0] if digests else None


def address_in(who: str) -> str:
    """The first email address in what somebody is called, '' where there is none."""
    address = _EMAIL.search(who)
    return address[0].lower() if address is not None else ""


def found(hub: Hub, id_: int) -> Request:
    """A request by its number; `ConfigError` where there is none."""
    with hub.store.reading() as tx:
        one = requests.one(tx, id_)
    if one is None:
        raise ConfigError(f"There is no request {id_}.", remedy="`concord requests list` lists them.")
    return one


def subject(hub: Hub, one: Request) -> Record | None:
    """Whose request it is, as they are now; None where nobody was found yet, or they are gone."""
    return person(hub, one.record_id) if one.record_id is not None else None


def take(hub: Hub, id_: int, by: str) -> None:
    """See to one."""
    _change(hub, id_, taken_by=by)


def name(hub: Hub, id_: int, record_id: int) -> None:
    """Say whose it is."""
    record = person(hub, record_id)
    if record is None:
        raise ConfigError(f"There is nobody under number {record_id}.", remedy="Search for the person again.")
    known = {} if _open(hub, id_).digest else {"digest": digest_of(hub, str(record.values.get("email") or ""))}
    _change(hub, id_, record_id=record.id, **known)


def extend(hub: Hub, id_: int, why: str) -> Instant:
    """Take the further time that the law gives, of which the person is told with the reason; gives the new end.

    `ConfigError` where the law gives none, where it was taken already, is too late, or nobody says why.
    """
    one, now, said = _open(hub, id_), hub.clock(), why.strip()[:LONGEST]
    until = extended(hub.profile.deadlines, one.right, one.due_at)
    if until is None:
        raise ConfigError(
            f"{hub.profile.title} gives no more time for this.", remedy="Answer it, or refuse it with the reason."
        )
    if one.extended_at is not None:
        raise ConfigError("More time was taken already, and there is none beyond.", remedy="Answer it by its end.")
    if now >= one.due_at:
        raise ConfigError(
            "It is overdue: of more time the person had to be told before.", remedy="Answer it as soon as you can."
        )
    if not said:
        raise ConfigError("It is not said why it takes longer.", remedy="Give the reason that the person is told.")
    _change(hub, id_, due_at=until, extended_at=now, extended_why=said)
    return until


def export(hub: Hub, id_: int) -> bytes:
    """Everything that is held of the person, as one JSON document; when, and its SHA-256, are kept with the request."""
    record = _whose(hub, _open(hub, id_))
    told = orjson.dumps(gather(hub, record.id), option=orjson.OPT_INDENT_2, default=str)
    _change(hub, id_, exported_at=hub.clock(), exported=sha256(told).hexdigest())
    return told


def object_for(hub: Hub, id_: int) -> int | None:
    """Take their no to everything that may be said yes or no to; gives the run, None where all was a no already."""
    record = _whose(hub, _open(hub, id_))
    wanted = {one.field: False for one in choices(hub, record)}
    run = choose(hub, record, wanted, proof={"form": "request", "request": id_})
    if run is not None:
        _change(hub, id_, run_id=run)
    return run


def answered(hub: Hub, id_: int, by: str, why: str = "") -> None:
    """Close one that was answered; `ConfigError` where nothing shows what was done, and nobody says so."""
    said = why.strip()[:LONGEST]
    if not said and not is_done(_open(hub, id_)):
        raise ConfigError(
            "Nothing shows that this was done.", remedy="Do it first, or say in words how it was answered."
        )
    _change(hub, id_, closed_at=hub.clock(), closed_by=by, answer=ANSWERED, why=said or None)


def refused(hub: Hub, id_: int, by: str, ground: str, why: str = "") -> None:
    """Close one that is refused; `ConfigError` where nobody says why."""
    said = why.strip()[:LONGEST]
    _choose("ground", ground, GROUNDS)
    if ground == "other" and not said:
        raise ConfigError("It is not said why this is refused.", remedy="Give the reason that the person is told.")
    _change(hub, id_, closed_at=hub.clock(), closed_by=by, answer=REFUSED, ground=ground, why=said or None)


def is_done(one: Request) -> bool:
    """Whether what was asked was done from here."""
    proof = {"access": one.exported_at, "erasure": one.erasure_id, "objection": one.run_id}
    return proof.get(one.right) is not None


def forget(hub: Hub, id_: int) -> None:
    """Forget who asked something that is closed; that it was asked, and what was done, stays."""
    if found(hub, id_).closed_at is None:
        raise ConfigError(f"Request {id_} is open.", remedy="Close it first.")
    with hub.store.writing() as tx:
        requests.change(tx, id_, who=None, note=None, why=None, extended_why=None)


def _open(hub: Hub, id_: int) -> Request:
    one = found(hub, id_)
    if one.closed_at is not None:
        raise ConfigError(f"Request {id_} is closed.", remedy="Write down another one if they ask again.")
    return one


def _whose(hub: Hub, one: Request) -> Record:
    record = subject(hub, one)
    if record is None:
        raise ConfigError(f"Nobody is named for request {one.id}.", remedy="Find the person first.")
    return record


def _change(hub: Hub, id_: int, **values: Any) -> None:
    _open(hub, id_)
    with hub.store.writing(durable=True) as tx:
        requests.change(tx, id_, **values)


def _choose(what: str, said: str, known: Collection[str]) -> None:
    if said not in known:
        raise ConfigError(f"'{said[:40]}' is no {what} of a request.", remedy=f"Choose one of {', '.join(known)}.")
