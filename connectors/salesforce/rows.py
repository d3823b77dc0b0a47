"""A row of Salesforce as the hub's `Remote`: living, deleted, merged into another, or a lead that was converted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors._kit.payload import Payload
from connectors.salesforce.describing import Shape
from connectors.salesforce.soql import instant_of
from connectors.salesforce.whole_days import EVENTS, shown
from connectors.salesforce.words import CONTACTS, ROLES, STAMP
from core.errors import Garbled
from core.model.instant import Instant
from core.ports import Fields, Remote


def remotes(rows: Iterable[Mapping[str, Any]], shape: Shape) -> dict[str, Remote]:
    """Rows by id; one that is told twice is there once."""
    return {remote.id: remote for remote in (remote_of(row, shape) for row in rows)}


def remote_of(row: Mapping[str, Any], shape: Shape) -> Remote:
    """One row. `Garbled` without an id or stamp."""
    payload = Payload(dict(row), shape.name)
    id_, stamp = payload.text("Id"), payload.text(STAMP)
    at = _at(stamp, shape.name)
    if row.get("IsDeleted"):
        return Remote(id_, {}, stamp, at, deleted=True, moved_to=row.get("MasterRecordId") or None)
    if row.get("IsConverted"):
        contact = row.get("ConvertedContactId") or None
        return Remote(
            id_, {}, stamp, at, deleted=True, moved_to=contact, moved_stream="Contact" if contact else None
        )  # fmt: skip
    fields: Fields = {name: row.get(name) for name in shape.plain}
    if CONTACTS in shape.select:
        fields[CONTACTS] = contacts_in(row.get(ROLES))
    if shape.name == EVENTS:
        fields = shown(fields)
    return Remote(id_, fields, stamp, at, key=row.get(shape.key.name) or None)


def contacts_in(roles: Any) -> list[str]:
    """The contacts in an opportunity's roles, each once, in order; deleted roles do not count."""
    records = roles.get("records") if isinstance(roles, dict) else None
    living = [role for role in records or () if not role.get("IsDeleted")]
    return sorted({str(role["ContactId"]) for role in living if role.get("ContactId")})


def _at(stamp: str, where: str) -> Instant:
    try:
        return instant_of(stamp)
    except ValueError as error:
        raise Garbled("A row's SystemModstamp is no date and time.", at=where) from error
