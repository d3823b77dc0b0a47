"""Making what Concord needs in an org: the custom field for our keys, and the user's access to it.

The field is made with the Tooling interface; access to it is rows of FieldPermissions in a permission set of its own,
which is given to the user who signed in. Each step looks first, so that a repeat does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors._kit.payload import Payload
from connectors.salesforce.checking import FIX, READ_ONLY, key_findings
from connectors.salesforce.client import Client
from connectors.salesforce.describing import Shapes
from connectors.salesforce.soql import quoted, select, within
from connectors.salesforce.words import row_error
from core.errors import Exists, ToolError, Unsupported
from core.ports import Finding, Verb

SET = "Concord_Key"
"""The permission set that gives access to the field."""
ACTIVITIES = frozenset({"Task", "Event"})
"""Their custom fields are made on Activity, once for both."""


class Preparer:
    """Prepares one org."""

    def __init__(self, client: Client, shapes: Shapes, streams: Sequence[str]) -> None:
        self._client = client
        self._shapes = shapes
        self._streams = [stream for stream in streams if stream not in READ_ONLY]

    def prepare(self, fix: str) -> list[Finding]:
        """Make the key field where it is missing and grant it; gives what is found afterwards."""
        if fix != FIX:
            raise Unsupported(f"There is nothing named '{fix}' to prepare in Salesforce.")
        missing = [stream for stream in self._streams if not self._shapes.anew(stream).key.visible]
        for table in dict.fromkeys("Activity" if stream in ACTIVITIES else stream for stream in missing):
            self._make_field(table)
        self._grant([stream for stream in self._streams if not self._shapes.anew(stream).key.promises])
        return key_findings(self._shapes, self._streams)

    def _make_field(self, table: str) -> None:
        """The field on one object; one that is there already, and only hidden from the user, is left as it is."""
        name = self._shapes.key_field
        where = f"TableEnumOrId = {quoted(table)} AND DeveloperName = {quoted(name.removesuffix('__c'))}"
        there = self._client.call("tooling/query", params={"q": select(("Id",), "CustomField", where=where)})
        if Payload(there, "tooling/query").many("records"):
            return
        made = {"FullName": f"{table}.{name}", "Metadata": _METADATA}
        self._client.tooling("sobjects/CustomField", made)

    def _grant(self, streams: Sequence[str]) -> None:
        """Let the user who signed in read and edit the field on these objects."""
        if not streams:
            return
        set_id = self._permission_set()
        names = {stream: f"{stream}.{self._shapes.key_field}" for stream in streams}
        where = f"ParentId = {quoted(set_id)} AND {within('Field', list(names.values()))}"
        there = {row["Field"] for row in self._rows(select(("Id", "Field"), "FieldPermissions", where=where))}
        self._add([
            {"attributes": {"type": "FieldPermissions"}, "ParentId": set_id, "SobjectType": stream, "Field": name,
             "PermissionsRead": True, "PermissionsEdit": True}
            for stream, name in names.items() if name not in there
        ])  # fmt: skip
        self._assign(set_id, self._client.user().text("user_id"))

    def _permission_set(self) -> str:
        rows = self._rows(select(("Id",), "PermissionSet", where=f"Name = {quoted(SET)}"))
        if rows:
            return str(rows[0]["Id"])
        (id_,) = self._add([{"attributes": {"type": "PermissionSet"}, "Name": SET, "Label": "Concord key"}])
        return id_

    def _assign(self, set_id: str, user_id: str) -> None:
        where = f"PermissionSetId = {quoted(set_id)} AND AssigneeId = {quoted(user_id)}"
        if not self._rows(select(("Id",), "PermissionSetAssignment", where=where)):
            assignment = {"attributes": {"type": "PermissionSetAssignment"}}
            self._add([{**assignment, "PermissionSetId": set_id, "AssigneeId": user_id}])

    def _rows(self, query: str) -> list[dict[str, Any]]:
        return self._client.query_all(query)

    def _add(self, records: Sequence[dict[str, Any]]) -> list[str]:
        """New rows; the first that Salesforce refuses is raised. Those that somebody else has just made are fine."""
        if not records:
            return []
        body = {"allOrNone": False, "records": list(records)}
        rows = self._client.call("composite/sobjects", method="POST", json=body) or []
        ids: list[str] = []
        for row, record in zip((Payload(row, "row") for row in rows), records, strict=True):
            if row.flag("success"):
                ids.append(row.text("id"))
                continue
            error: ToolError = row_error(row.many("errors", []), Verb.CREATE, stream=record["attributes"]["type"])
            if not isinstance(error, Exists):
                raise error
        return ids


_METADATA: dict[str, Any] = {
    "type": "Text", "label": "Concord Key", "length": 255, "externalId": True, "unique": True, "caseSensitive": True,
    "required": False,
    "description": "Set by Concord when it creates a record, so that none is created twice.",
}  # fmt: skip
