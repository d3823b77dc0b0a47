"""Who takes part in an opportunity: `ContactIds` as rows of OpportunityContactRole.

What is there is read first and only the difference is written, so that a repeat does no harm and a role that a person
gave a name to stays. All opportunities of a batch share the calls: one to read, one to add, one to take away, for
each 200 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.soql import LONGEST, length, select, within
from connectors.salesforce.words import ROLE, row_error
from core.errors import Exists, Gone, Refused, ToolError, Unknown
from core.ports import Verb

AT_ONCE = 200
LEAD = "00Q"
"""How ids of leads begin. A lead cannot take part in an opportunity before it is converted."""


class Role(NamedTuple):
    """One row that says that a contact takes part."""

    id: str
    opportunity: str
    contact: str


class Roles:
    """The roles of one connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def give(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, ToolError]:
        """Make these contacts, and no others, take part in each opportunity; gives what went wrong by opportunity."""
        try:
            there = self.of(list(wanted))
        except ToolError as error:
            return dict.fromkeys(wanted, error)
        held = {(role.opportunity, role.contact) for role in there}
        pairs = {(id_, contact) for id_, ids in wanted.items() for contact in ids if not contact.startswith(LEAD)}
        added, ended = sorted(pairs - held), [role for role in there if (role.opportunity, role.contact) not in pairs]
        wrong: dict[str, ToolError] = {}
        for group in batches(added, AT_ONCE):
            wrong |= self._tried(group, [id_ for id_, _ in group], self._add, Verb.CREATE)
        for group_ in batches(ended, AT_ONCE):
            wrong |= self._tried(group_, [role.opportunity for role in group_], self._end, Verb.DELETE)
        return wrong

    def of(self, opportunities: Sequence[str]) -> list[Role]:
        """All roles of these opportunities."""
        fields = ("Id", "OpportunityId", "ContactId")
        query = select(fields, ROLE, where=within("OpportunityId", opportunities))
        if len(opportunities) > 1 and length(query) > LONGEST:
            middle = len(opportunities) // 2
            return self.of(opportunities[:middle]) + self.of(opportunities[middle:])
        return [Role(row["Id"], row["OpportunityId"], row["ContactId"]) for row in self._client.query_all(query)]

    def _add(self, pairs: Sequence[tuple[str, str]]) -> Any:
        records = [{"attributes": {"type": ROLE}, "OpportunityId": id_, "ContactId": contact} for id_, contact in pairs]
        return self._client.call("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})

    def _end(self, roles: Sequence[Role]) -> Any:
        params = {"ids": ",".join(role.id for role in roles), "allOrNone": "false"}
        return self._client.call("composite/sobjects", method="DELETE", params=params)

    def _tried(
        self, group: Sequence[Any], ids: Sequence[str], act: Callable[[Sequence[Any]], Any], verb: Verb
    ) -> dict[str, ToolError]:
        try:
            rows = act(group) or []
            if len(rows) != len(group):
                raise Unknown(f"Salesforce answered {len(rows)} rows of {len(group)}.", stream=ROLE)
        except ToolError as error:
            return dict.fromkeys(ids, error)
        failed = [
            (id_, row_error(row.many("errors", []), verb, stream=ROLE, id=id_))
            for id_, row in zip(ids, (Payload(row, "row") for row in rows), strict=True)
            if not row.flag("success")
        ]
        return {id_: _about(error) for id_, error in failed if not (verb is Verb.DELETE and isinstance(error, Gone))}


def _about(error: ToolError) -> ToolError:
    """An error of a role as one of its opportunity, which is neither gone nor there already."""
    return Refused(error.message, **error.facts) if isinstance(error, Gone | Exists) else error
