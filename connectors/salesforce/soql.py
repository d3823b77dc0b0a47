"""Queries as text: SELECT with its conditions, moments, lists of ids, and how long a query may be.

Quoting is simple-salesforce's. Everything else is put together here from names that `describe` gave.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote_plus

from connectors.salesforce.words import CONSENT, CONTACTS, PARTY, ROLE, ROLES, STAMP
from core.errors import Unsupported
from core.model.instant import MILLISECOND, SECOND, Instant, from_iso, moment

LONGEST = 14_000
"""Bytes of a query in an address: Salesforce takes 16 KB of address and headers together (2026-11-21)."""
IDS = 400
"""Ids asked for at once; longer lists are split, and so are those beside very many fields."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def named(name: str) -> str:
    """The name of an object or field, which may go into a query as it is; `Unsupported` for anything else."""
    if not _NAME.fullmatch(name):
        raise Unsupported(f"Salesforce has no object or field named {name[:60]!r}.")
    return name


def select(
    fields: Sequence[str], source: str, *, where: str = "", order: Sequence[str] = (), limit: int | None = None
) -> str:
    """A query; `ContactIds` among the fields becomes the query of the roles."""
    inside = f"({select(('ContactId', 'IsDeleted'), ROLES)})" if CONTACTS in fields else ""
    parts = ["SELECT", ", ".join(inside if name == CONTACTS else named(name) for name in fields), "FROM", named(source)]
    parts += [f"WHERE {where}"] if where else []
    parts += [f"ORDER BY {', '.join(order)}"] if order else []
    parts += [f"LIMIT {limit}"] if limit is not None else []
    return " ".join(parts)


def quoted(value: str | Sequence[str]) -> str:
    """Text, or a list of texts in brackets, as a query spells it."""
    from simple_salesforce.format import quote_soql_value  # late: it takes a third of a second

    return str(quote_soql_value(value))


def within(field: str, values: Sequence[str]) -> str:
    """The condition that a field has one of these values."""
    return f"{field} IN {quoted(list(values))}"


def literal(at: Instant) -> str:
    """A moment to the millisecond, `2026-11-21T09:00:00.000Z`."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % SECOND // MILLISECOND:03}Z"


def since(stamp: Instant, after: str = "") -> str:
    """What changed at a moment or later; with `after`, of that very moment only ids behind it."""
    if not after:
        return f"{STAMP} >= {literal(stamp)}"
    return f"(({STAMP} = {literal(stamp)} AND Id > {quoted(after)}) OR {STAMP} > {literal(stamp)})"


def instant_of(text: str) -> Instant:
    """The moment of `2024-01-02T03:04:05.000+0000`, to the microsecond."""
    return from_iso(text)


class Side(NamedTuple):
    """An object whose rows belong to a stream's records, and are shown as a field of theirs."""

    name: str
    owner: str
    """Its field that says to whom a row belongs."""
    by: str = "Id"
    """The records' field with the same value."""

    def changed(self, stamp: Instant, after: str, limit: int) -> str:
        """Which rows were added, changed or taken away."""
        fields = ("Id", self.owner, STAMP)
        return select(fields, self.name, where=since(stamp, after), order=(STAMP, "Id"), limit=limit)


ROLES_SIDE, CONSENTS_SIDE = Side(ROLE, "OpportunityId"), Side(CONSENT, "PartyId", PARTY)


def length(query: str) -> int:
    """Bytes a query takes in an address."""
    return len(quote_plus(query))


def by_ids(fields: Sequence[str], source: str, ids: Sequence[str], *, field: str = "Id") -> list[str]:
    """Queries for the rows that have one of these ids in a field, as few as an address has room for."""
    if not ids:
        return []
    query = select(fields, source, where=within(field, ids))
    if len(ids) == 1 or (len(ids) <= IDS and length(query) <= LONGEST):
        return [query]
    middle = len(ids) // 2 if len(ids) <= IDS else IDS
    return by_ids(fields, source, ids[:middle], field=field) + by_ids(fields, source, ids[middle:], field=field)
