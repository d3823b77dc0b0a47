"""The part of the tooling interface that makes custom fields, which nobody sees before a permission says so."""

from __future__ import annotations

import re
from typing import Any

from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce import sandbox_setup as setup
from connectors.salesforce.sandbox_desk import DATA, body_of
from connectors.salesforce.sandbox_rows import Rows, fields_in
from connectors.salesforce.sandbox_schema import Field
from connectors.salesforce.sandbox_values import refused
from core.model.values import Json

CUSTOM_FIELDS = f"{DATA}/tooling/sobjects/CustomField"

_TYPES = {
    "Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Checkbox": "boolean", "Number": "double",
    "Currency": "currency", "Percent": "percent", "Date": "date", "DateTime": "datetime", "Email": "email",
    "Phone": "phone", "Url": "url", "Picklist": "picklist", "MultiselectPicklist": "multipicklist",
}  # fmt: skip


class Tooling(Rows):
    """Custom fields."""

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.may_customise = True
        """The app's user may change what the org is made of."""
        self.unique_activities = True
        """Custom fields of tasks and events may be unique. Unconfirmed."""
        self.veils_new_fields = True
        """A field made here is seen by nobody until FieldPermissions say so, the admin not excepted. Unconfirmed."""

    @route("POST", CUSTOM_FIELDS)
    def make_field(self, call: Call) -> Response:
        """A new custom field."""
        self._may_customise()
        said = body_of(call)
        full, metadata = str(said.get("FullName", "")), said.get("Metadata") or {}
        named = re.fullmatch(r"(\w+)\.([A-Za-z](?:_?[A-Za-z0-9])*)__c", full)
        sobjects = setup.made_on(self.org, named[1]) if named else []
        if named is None or not sobjects:
            raise refused("FIELD_INTEGRITY_EXCEPTION", f"Full name must name an object and a custom field: {full}")
        made = _field(f"{named[2]}__c", metadata)
        if sobjects[0].field(made.name):
            message = f"There is already a field named {named[2]} on {named[1]}."
            raise refused("DUPLICATE_DEVELOPER_NAME", message)
        if made.unique and named[1] == setup.ACTIVITY and not self.unique_activities:
            raise refused("FIELD_INTEGRITY_EXCEPTION", "Fields of activities cannot be unique", "unique")
        setup.add_field(self.org, sobjects[0], made)
        if self.veils_new_fields and not made.required:
            self.org.veiled |= {(one.name, made.name) for one in sobjects}
        row = next(one for one in self._rows() if str(one["FullName"]).lower() == full.lower())
        return Response(201, {"id": row["Id"], "success": True, "errors": [], "warnings": [], "infos": []})

    @route("GET", CUSTOM_FIELDS + "/{id}")
    def get_field(self, call: Call, id: str) -> Response:
        """One custom field."""
        sobject = self.org.sobject("CustomField", tooling=True)
        row = self.org.row(sobject, self.id_in_path(id))
        return Response(
            200, self.row_shown(sobject, row, [one for one in call.query.get("fields", "").split(",") if one])
        )

    @route("DELETE", CUSTOM_FIELDS + "/{id}")
    def drop_field(self, _call: Call, id: str) -> Response:
        """A custom field less."""
        self._may_customise()
        row = self.org.row(self.org.sobject("CustomField", tooling=True), self.id_in_path(id))
        home, _, name = str(row.values["FullName"]).partition(".")
        setup.drop_field(self.org, setup.made_on(self.org, home)[0], name)
        return Response(204)

    @route("POST", DATA + "/tooling/sobjects/{name}")
    def make_other(self, call: Call, name: str) -> Response:
        """Permissions may be made here too."""
        made = self.org.insert(self.org.sobject(name), fields_in(body_of(call)))
        return Response(201, {"id": made.id, "success": True, "errors": [], "warnings": [], "infos": []})

    def _may_customise(self) -> None:
        if not self.may_customise:
            message = "You need the permission Customize Application to do this"
            raise refused("INSUFFICIENT_ACCESS", message, status=403)

    def _rows(self) -> list[dict[str, Json]]:
        return [row.values for row in self.org.tables["CustomField"].rows.values()]


def _field(name: str, said: dict[str, Any]) -> Field:
    kind = said.get("type")
    if kind not in _TYPES or not said.get("label"):
        raise refused("FIELD_INTEGRITY_EXCEPTION", f"A field needs a label and a known type, not {kind}")
    length = int(said.get("length") or (255 if kind == "TextArea" else 80 if kind == "Email" else 40))
    if kind == "Text" and not (1 <= length <= 255 and said.get("length")):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "The length of a Text field must be 1 to 255", "length")
    if said.get("externalId") and kind not in ("Text", "Number", "Email"):
        raise refused("FIELD_INTEGRITY_EXCEPTION", f"A {kind} field cannot be an external id", "externalId")
    values = ((said.get("valueSet") or {}).get("valueSetDefinition") or {}).get("value") or []
    return Field(
        name, _TYPES[kind], length, required=bool(said.get("required")), external_id=bool(said.get("externalId")),
        unique=bool(said.get("unique")), case_sensitive=bool(said.get("caseSensitive")), custom=True,
        default=False if kind == "Checkbox" else None, picklist=tuple(one["fullName"] for one in values),
        restricted=bool((said.get("valueSet") or {}).get("restricted")),
    )  # fmt: skip
