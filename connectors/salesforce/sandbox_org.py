"""One org: its objects, its rows, and what happens when a row is saved or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from connectors.salesforce.sandbox_ids import Ids
from connectors.salesforce.sandbox_objects import standard_objects
from connectors.salesforce.sandbox_rules import address, derive
from connectors.salesforce.sandbox_saving import Saving
from connectors.salesforce.sandbox_schema import Field, SObject, read_object
from connectors.salesforce.sandbox_table import Row, Table, Undo, Values
from connectors.salesforce.sandbox_values import Refusal, Spellings, kept, refused, stamp_text
from core.model.instant import DAY, HOUR, MINUTE, SECOND, Instant
from core.model.values import Json

Validation = Callable[[Values], str | None]
"""A validation rule: the values to be kept → the message of a refusal, or None."""

CASCADES = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Contact": (("OpportunityContactRole", "ContactId"),),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"),),
}
"""Deleting one deletes these too, and restoring it restores them."""


class Org:
    """Everything that is kept. `clock` is the tool's; refusals are raised as `Refusal`."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self.clock = clock
        self.precision = SECOND
        """Stamps are whole seconds: changes of one second carry the same one."""
        self.spellings: Spellings = dict.fromkeys(("string", "textarea", "phone", "email", "url"), str.strip)
        self.ids = Ids()
        self.objects: dict[str, SObject] = {}
        self.tables: dict[str, Table] = {}
        self.duplicate_rules: dict[str, str] = {}
        """Object → the field by which two rows pass for duplicates."""
        self.allows_duplicates = False
        """The present call says that it knows and saves all the same."""
        self.validations: dict[str, list[Validation]] = {}
        self.hidden: set[tuple[str, str]] = set()
        """Fields the app's user may not see."""
        self.veiled: set[tuple[str, str]] = set()
        """Fields that nobody sees until a permission says so."""
        self.closed: set[str] = set()
        """Objects the app's user may not write."""
        self.locked: set[str] = set()
        self._swept_at: Instant = 0
        self.schema_at: dict[str, Instant] = {}
        self.me = ""
        """The user the app works as."""
        self.shift: Instant = 0
        """µs by which the next stamps are older."""
        self.tied = False
        """The next stamp is the very one of before."""
        self.last_stamp = ""
        self._undo: list[Undo] | None = None
        for one in standard_objects():
            self.add_object(one)

    # --- objects and fields

    def add_object(self, sobject: SObject) -> None:
        """One more object."""
        self.objects[sobject.name.lower()] = sobject
        self.tables[sobject.name] = Table(sobject)
        self.schema_at[sobject.name] = self.clock()

    def custom_object(self, name: str) -> SObject:
        """A new custom object with a name and an owner."""
        number = sum(one.custom for one in self.objects.values())
        lines = "Name string 80 lookup\nOwnerId reference ->User"
        made = read_object(name, f"a{number:02}", lines, custom=True)
        self.add_object(made)
        return made

    def sobject(self, name: str, *, tooling: bool = False) -> SObject:
        """The object of this name in any case; refused where there is none."""
        found = self.objects.get(name.lower())
        if found is None or (found.tooling and not tooling):
            raise refused("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def sees(self, sobject: SObject, field: Field, *, write: bool = False) -> bool:
        """Whether the app's user may read this field, or write it."""
        key = (sobject.name, field.name)
        if key in self.hidden:
            return False
        return key not in self.veiled or self._permitted(f"{sobject.name}.{field.name}", write=write)

    def fields_of(self, sobject: SObject) -> list[Field]:
        """The fields the app's user sees, in order."""
        return [field for field in sobject.fields.values() if self.sees(sobject, field)]

    def _permitted(self, name: str, *, write: bool) -> bool:
        me = self.tables["User"].rows[self.me].values
        assigned = self.tables["PermissionSetAssignment"].rows.values()
        mine = {row.values["PermissionSetId"] for row in assigned if row.values["AssigneeId"] == self.me}
        sets = self.tables["PermissionSet"].rows.values()
        mine |= {row.id for row in sets if row.values.get("ProfileId", "") == me.get("ProfileId")}
        right = "PermissionsEdit" if write else "PermissionsRead"
        granted = self.tables["FieldPermissions"].rows.values()
        return any(
            row.values["Field"] == name and row.values["ParentId"] in mine and row.values[right] for row in granted
        )

    # --- rows

    def any_row(self, id_: Json) -> tuple[SObject, Row] | None:
        """The row of this id in whichever object, a deleted one too."""
        for name, table in self.tables.items():
            if isinstance(id_, str) and id_.startswith(table.sobject.prefix) and id_ in table.rows:
                return self.objects[name.lower()], table.rows[id_]
        return None

    def row(self, sobject: SObject, id_: str) -> Row:
        """A living row; refused where there is none."""
        row = self.tables[sobject.name].rows.get(id_)
        if row is None:
            raise refused("NOT_FOUND", "The requested resource does not exist", status=404)
        if row.deleted:
            raise refused("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return row

    def shown(self, row: Row, field: Field) -> Json:
        """What one field of a row shows."""
        if field.type == "address":
            return address(field.name.removesuffix("Address"), row.values)
        return row.values.get(field.name)

    def stamp(self, old: Row | None = None) -> str:
        """The stamp of what happens now; a row's own never goes back, however late a change is committed."""
        at = self.clock() - self.shift
        text = stamp_text(at // self.precision * self.precision)
        if self.tied and self.last_stamp:
            text = self.last_stamp
        self.last_stamp = max(text, old.stamp) if old else text
        return self.last_stamp

    # --- changing them

    def insert(self, sobject: SObject, fields: Values, *, by: str | None = None) -> Row:
        """Save a new row; `by` is a user at work by hand, None is the app."""
        return self._save(sobject, None, fields, by)

    def update(self, sobject: SObject, row: Row, fields: Values, *, by: str | None = None) -> Row:
        """Save changes to a row."""
        return self._save(sobject, row, fields, by)

    def _save(self, sobject: SObject, old: Row | None, fields: Values, by: str | None) -> Row:
        saving = Saving(self, sobject, old, app=by is None)
        asked, stamp, user = saving.asked(fields), self.stamp(old), by or self.me
        values = {**(old.values if old else {}), **asked}
        if old is None:
            values |= {"CreatedDate": stamp, "CreatedById": user}
            if "IsDeleted" in sobject.fields:
                values["IsDeleted"] = False
            if "OwnerId" in sobject.fields:
                values.setdefault("OwnerId", user)
        values |= {"LastModifiedDate": stamp, "LastModifiedById": user, "SystemModstamp": stamp}
        derive(self, sobject.name, values, asked, stamp)
        for rule in self.validations.get(sobject.name, ()):
            message = rule({**dict.fromkeys(sobject.fields), **values})
            if message:
                raise refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)
        id_ = old.id if old else self.ids.next(sobject.prefix)
        return self.keep(sobject, Row(id_, values | {"Id": id_}, old))

    def touch(self, sobject: SObject, row: Row, changes: Values) -> Row:
        """Change a row as the system does, asking nobody."""
        stamp = self.stamp(row)
        values = {**row.values, **changes, "LastModifiedDate": stamp, "SystemModstamp": stamp}
        derive(self, sobject.name, values, changes, stamp)
        return self.keep(sobject, Row(row.id, values, row))

    def keep(self, sobject: SObject, row: Row) -> Row:
        """Put a row in its table; it can be taken back inside `attempt`."""
        if sobject.name in ("FieldPermissions", "PermissionSetAssignment"):
            self.schema_at = dict.fromkeys(self.schema_at, self.clock())
        if row.before is not None and row.before.stamp < stamp_text(self.clock() - MINUTE):
            row = row._replace(before=row.before._replace(before=None))
        self._did(self.tables[sobject.name].put(row))
        return row

    def delete(self, sobject: SObject, row: Row, *, by: str | None = None, **mark: Json) -> None:
        """Move a row and what hangs on it to the recycle bin, or away where the object has none."""
        if by is None:
            Saving(self, sobject, row, app=True).may_write()
        if not sobject.deletable:
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be deleted", status=403)
        for name, field in CASCADES.get(sobject.name, ()) if not mark else ():
            child = self.sobject(name)
            for hanging in self.tables[name].found(child.fields[field], row.id):
                self.delete(child, hanging, by=by or self.me)
        if sobject.undeletable:
            self.touch(sobject, row, {"IsDeleted": True, **mark})
        else:
            self.erase(sobject, row)

    def undelete(self, sobject: SObject, row: Row) -> None:
        """Bring a row back from the recycle bin, with what was deleted along with it."""
        for field in (one for one in sobject.fields.values() if one.unique and one.name in row.values):
            if self.tables[sobject.name].found(field, row.values[field.name]):
                raise refused("DUPLICATE_VALUE", f"duplicate value found: {field.name}", field.name)
        self.touch(sobject, row, {"IsDeleted": False, "MasterRecordId": None})
        for name, parent in CASCADES.get(sobject.name, ()):
            hung = [one for one in self.tables[name].rows.values() if one.values.get(parent) == row.id and one.deleted]
            for hanging in hung:
                self.undelete(self.sobject(name), hanging)

    def erase(self, sobject: SObject, row: Row) -> None:
        """Let a row go for good; only the log of deletions knows it."""
        table = self.tables[sobject.name]
        table.purged[row.id] = row.stamp if row.deleted else self.stamp()
        self._did(table.remove(row))

    def sweep(self) -> None:
        """Empty the recycle bin of what has been there for 15 days; looks once an hour."""
        if self.clock() - self._swept_at < HOUR:
            return
        self._swept_at = self.clock()
        oldest = stamp_text(self.clock() - 15 * DAY)
        for name, table in self.tables.items():
            if table.live < len(table.rows):
                for row in [one for one in table.rows.values() if one.deleted and one.stamp < oldest]:
                    self.erase(self.objects[name.lower()], row)

    # --- all or nothing

    @contextmanager
    def attempt(self) -> Iterator[Callable[[], None]]:
        """Gives what takes back everything that was done since; it also happens when something is raised."""
        outer, self._undo = self._undo, []
        done = self._undo
        try:
            yield lambda: self._take_back(done)
        except Refusal:
            self._take_back(done)
            raise
        finally:
            self._undo = outer
            if outer is not None:
                outer += done

    def _did(self, undo: Undo) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    def _take_back(self, done: list[Undo]) -> None:
        while done:
            done.pop()()

    def filled(self, sobject: SObject, rows: Iterable[Values]) -> Iterator[Row]:
        """Rows as they would be saved but for checks, stamped a thousand a second up to a second ago."""
        given = list(rows)
        last = self.clock() // self.precision * self.precision - SECOND
        base: Values = {one.name: one.default for one in sobject.fields.values() if one.default is not None}
        base |= {"CreatedById": self.me, "LastModifiedById": self.me}
        base |= {"OwnerId": self.me} if "OwnerId" in sobject.fields else {}
        for left, fields in zip(range(len(given) - 1, -1, -1), given, strict=True):
            stamp, id_ = stamp_text(last - left // 1000 * SECOND), self.ids.next(sobject.prefix)
            asked = {name: kept(sobject.fields[name], value, {}) for name, value in fields.items()}
            stamps = {"CreatedDate": stamp, "LastModifiedDate": stamp, "SystemModstamp": stamp}
            values: Values = {**base, **asked, **stamps, "Id": id_}
            derive(self, sobject.name, values, asked, stamp)
            yield Row(id_, values)
