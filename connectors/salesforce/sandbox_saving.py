"""The questions Salesforce asks before it saves a row, each with the words of its refusal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from connectors.salesforce.sandbox_schema import Field, SObject
from connectors.salesforce.sandbox_table import Row, Values
from connectors.salesforce.sandbox_values import gathered, kept, refused
from core.model.values import Json

if TYPE_CHECKING:
    from connectors.salesforce.sandbox_org import Org


class Saving:
    """One row about to be saved. `app` says that the interface asks, within the rights of its user."""

    def __init__(self, org: Org, sobject: SObject, old: Row | None, *, app: bool) -> None:
        self.org, self.sobject, self.old, self.app = org, sobject, old, app
        self.table = org.tables[sobject.name]

    def asked(self, fields: Mapping[str, Json]) -> Values:
        """The values as they will be kept, defaults of a new row included; None clears."""
        self.may_write()
        if self.app and not (self.sobject.createable if self.old is None else self.sobject.updateable):
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be inserted or updated", status=403)
        named = self._named(fields)
        values: Values = {}
        gathered(partial(self._keep, values, field, value) for field, value in named)
        if self.old is None:
            for field in self.sobject.fields.values():
                if field.default is not None:
                    values.setdefault(field.name, field.default)
        self._required(values)
        gathered(partial(self._refers, self.sobject.fields[name], value) for name, value in values.items())
        gathered(partial(self._unique, self.sobject.fields[name], value) for name, value in values.items())
        if self.app and self.old is None and not self.org.allows_duplicates:
            self._duplicate(values)
        return values

    def may_write(self) -> None:
        """Refused where the app's user may not, or the row is held by another's work."""
        if not self.app:
            return
        if self.sobject.name in self.org.closed:
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
        if self.old is not None and self.old.id in self.org.locked:
            message = f"unable to obtain exclusive access to this record or 1 records: {self.old.id}"
            raise refused("UNABLE_TO_LOCK_ROW", message)

    def _named(self, fields: Mapping[str, Json]) -> list[tuple[Field, Json]]:
        """The fields by their names in any case; a relationship's name with an external id means its field."""
        named: dict[str, tuple[Field, Json]] = {}
        for name, given in fields.items():
            value, field = given, self.sobject.field(name)
            if field is None and isinstance(value, dict):
                field, value = self._foreign(name, value)
            if field is None or (self.app and not self.org.sees(self.sobject, field)):
                raise refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {self.sobject.name}")
            named[field.name] = (field, value)
        if self.app:
            self._writeable([field for field, _ in named.values()])
        return list(named.values())

    def _writeable(self, fields: list[Field]) -> None:
        barred = [field.name for field in fields if not self._may_set(field)]
        if barred:
            message = (
                f"Unable to create/update fields: {', '.join(barred)}. Check that your profile and permission sets"
                " let you write them."
            )
            raise refused("INVALID_FIELD_FOR_INSERT_UPDATE", message, *barred)

    def _may_set(self, field: Field) -> bool:
        allowed = field.createable if self.old is None else field.updateable
        return allowed and self.org.sees(self.sobject, field, write=True)

    def _foreign(self, name: str, value: Mapping[str, Json]) -> tuple[Field | None, Json]:
        """`"Account": {"Key__c": "x"}` means the account with that key."""
        field, inner = self.sobject.reaching(name), [pair for pair in value.items() if pair[0] != "attributes"]
        if field is None or len(inner) != 1:
            return None, None
        key, wanted = inner[0]
        for parent in map(self.org.sobject, field.refers):
            by = parent.field(key)
            found = self.org.tables[parent.name].found(by, wanted) if by and by.finds else []
            if len(found) == 1:
                return field, found[0].id
        message = f"Foreign key external ID: {wanted} not found for field {key} in entity {'/'.join(field.refers)}"
        raise refused("INVALID_FIELD", message)

    def _keep(self, values: Values, field: Field, value: Json) -> None:
        values[field.name] = kept(field, value, self.org.spellings)

    def _required(self, values: Values) -> None:
        fields = self.sobject.fields.values()
        missing = [
            field.name
            for field in fields
            if field.required and values.get(field.name) is None and (self.old is None or field.name in values)
        ]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise refused("REQUIRED_FIELD_MISSING", message, *missing)

    def _refers(self, field: Field, value: Json) -> None:
        if field.type != "reference" or value is None:
            return
        prefixes = [self.org.sobject(name).prefix for name in field.refers]
        if str(value)[:3] not in prefixes:
            raise refused("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name)
        found = self.org.any_row(value)
        if found is None:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if found[1].deleted:
            raise refused("ENTITY_IS_DELETED", "entity is deleted")
        if field.name == "OwnerId" and not found[1].values.get("IsActive"):
            owned = self.sobject.name.lower()
            message = f"operation performed with inactive user [{str(value)[:15]}] as owner of {owned}"
            raise refused("INACTIVE_OWNER_OR_USER", message)

    def _duplicate(self, values: Values) -> None:
        """What a duplicate rule that blocks or alerts says to the interface."""
        name = self.org.duplicate_rules.get(self.sobject.name, "")
        if name and values.get(name) is not None:
            same = [row for row in self.table.rows.values() if row.values.get(name) == values[name] and not row.deleted]
            if same:
                raise refused("DUPLICATES_DETECTED", "Use one of these records?")

    def _unique(self, field: Field, value: Json) -> None:
        if not field.unique or value is None:
            return
        others = [row for row in self.table.found(field, value) if self.old is None or row.id != self.old.id]
        if others:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {others[0].id[:15]}"
            raise refused("DUPLICATE_VALUE", message)
