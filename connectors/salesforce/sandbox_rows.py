"""Calls for single rows: create, read, change, delete, by id or by an external id, with conditions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from connectors._kit.errors import to_http_date
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce.sandbox_desk import DATA, Desk, body_of, date_header, problem
from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_query import attributes, child_of
from connectors.salesforce.sandbox_schema import Field, SObject
from connectors.salesforce.sandbox_table import Row, Values
from connectors.salesforce.sandbox_values import read_stamp, refused
from core.model.instant import SECOND, Instant
from core.model.values import Json

SOBJECTS = f"{DATA}/sobjects"


class Rows(Desk):
    """One row at a time."""

    @route("GET", SOBJECTS + "/{name}/{id}")
    def get_row(self, call: Call, name: str, id: str) -> Response:
        """A row with all its fields, or those that `fields` names."""
        sobject = self.org.sobject(name)
        row = self.org.row(sobject, self.id_in_path(id))
        refusal = self._condition(call, sobject, row)
        return refusal or self._shown(call, sobject, row)

    @route("POST", SOBJECTS + "/{name}")
    def post_row(self, call: Call, name: str) -> Response:
        """A new row."""
        made = self.org.insert(self.org.sobject(name), fields_in(body_of(call)))
        where = f"/services/data/v{self.version}/sobjects/{name}/{made.id}"
        return Response(201, {"id": made.id, "success": True, "errors": []}, {"Location": where})

    @route("PATCH", SOBJECTS + "/{name}/{id}")
    def patch_row(self, call: Call, name: str, id: str) -> Response:
        """Changes to a row; with `If-Unmodified-Since` only while it has not changed."""
        sobject = self.org.sobject(name)
        row = self.org.row(sobject, self.id_in_path(id))
        refusal = self._condition(call, sobject, row)
        if refusal is None:
            self.org.update(sobject, row, fields_in(body_of(call)))
        return refusal or Response(204)

    @route("DELETE", SOBJECTS + "/{name}/{id}")
    def delete_row(self, _call: Call, name: str, id: str) -> Response:
        """Moves a row to the recycle bin."""
        sobject = self.org.sobject(name)
        self.org.delete(sobject, self.org.row(sobject, self.id_in_path(id)))
        return Response(204)

    # --- by an external id

    @route("GET", SOBJECTS + "/{name}/{field}/{value}")
    def get_row_by(self, call: Call, name: str, field: str, value: str) -> Response:
        """A row by an external id; or what a row's relationship leads to."""
        sobject = self.org.sobject(name)
        if read_id(field) and sobject.field(field) is None:
            return self._related(call, sobject, read_id(field) or "", value)
        found = self.found_by(sobject, field, value)
        if len(found) > 1:
            return self._several(sobject, found)
        if not found:
            return problem(404, "NOT_FOUND", "The requested resource does not exist")
        return self._condition(call, sobject, found[0]) or self._shown(call, sobject, found[0])

    @route("PATCH", SOBJECTS + "/{name}/{field}/{value}")
    def patch_row_by(self, call: Call, name: str, field: str, value: str) -> Response:
        """Create or change the one row with this external id; several are an answer, not a change."""
        sobject, fields = self.org.sobject(name), fields_in(body_of(call))
        by, found = self.finder(sobject, field), self.found_by(sobject, field, value)
        twice = next((one for one in fields if one.lower() in ("id", by.name.lower())), None)
        if twice:
            raise refused("INVALID_FIELD", f"The {twice} field should not be specified in the sobject data.")
        if len(found) > 1:
            return self._several(sobject, found)
        if found:
            self.org.update(sobject, found[0], fields)
            return Response(200, {"id": found[0].id, "success": True, "errors": [], "created": False})
        if by.type == "id" or call.query.get("updateOnly", "").lower() == "true":
            return problem(404, "NOT_FOUND", "The requested resource does not exist")
        made = self.org.insert(sobject, {**fields, by.name: value})
        return Response(201, {"id": made.id, "success": True, "errors": [], "created": True})

    @route("DELETE", SOBJECTS + "/{name}/{field}/{value}")
    def delete_row_by(self, _call: Call, name: str, field: str, value: str) -> Response:
        """Delete the one row with this external id."""
        sobject = self.org.sobject(name)
        found = self.found_by(sobject, field, value)
        if len(found) > 1:
            return self._several(sobject, found)
        if not found:
            return problem(404, "NOT_FOUND", "The requested resource does not exist")
        self.org.delete(sobject, found[0])
        return Response(204)

    # --- what these share

    def id_in_path(self, text: str) -> str:
        """The id an address names; a word that is none is taken for the name of an external id field."""
        read = read_id(text)
        if read is None:
            message = f"Provided external ID field does not exist or is not accessible: {text}"
            raise refused("NOT_FOUND", message, status=404)
        return read

    def finder(self, sobject: SObject, name: str) -> Field:
        """The field of this name, by which rows may be found."""
        field = sobject.field(name)
        if field is None or not field.finds or not self.org.sees(sobject, field):
            message = f"Provided external ID field does not exist or is not accessible: {name}"
            raise refused("NOT_FOUND", message, status=404)
        return field

    def found_by(self, sobject: SObject, name: str, value: Json) -> list[Row]:
        """The living rows with this value in the field of this name."""
        field = self.finder(sobject, name)
        return self.org.tables[sobject.name].found(field, read_id(value) if field.type == "id" else value)

    def row_shown(self, sobject: SObject, row: Row, names: Iterable[str]) -> dict[str, Json]:
        """A row with these fields, or all that the app's user sees."""
        fields = [self._readable(sobject, name) for name in names] or self.org.fields_of(sobject)
        shown = {field.name: self.org.shown(row, field) for field in fields}
        return {"attributes": attributes(self.version, sobject, row.id), **shown, "Id": row.id}

    def _readable(self, sobject: SObject, name: str) -> Field:
        field = sobject.field(name)
        if field is None or not self.org.sees(sobject, field):
            raise refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        return field

    def _shown(self, call: Call, sobject: SObject, row: Row) -> Response:
        names = [name for name in call.query.get("fields", "").split(",") if name]
        headers = {"Last-Modified": to_http_date(_modified(row))}
        if sobject.name == "Account":
            headers["ETag"] = etag(row)
        return Response(200, self.row_shown(sobject, row, names), headers)

    def _several(self, sobject: SObject, found: list[Row]) -> Response:
        return Response(300, [attributes(self.version, sobject, row.id)["url"] for row in found])

    def _related(self, call: Call, sobject: SObject, id_: str, name: str) -> Response:
        row = self.org.row(sobject, id_)
        up = sobject.reaching(name)
        if up is not None:
            found = self.org.any_row(row.values.get(up.name))
            if found is None:
                return problem(404, "NOT_FOUND", "The requested resource does not exist")
            return self._shown(call, *found)
        _, child, by = child_of(self.org, sobject, name)
        records = [self.row_shown(child, one, ()) for one in self.org.tables[child.name].found(by, id_)]
        return Response(200, {"done": True, "totalSize": len(records), "records": list[Json](records)})

    def _condition(self, call: Call, sobject: SObject, row: Row) -> Response | None:
        """What the conditional headers forbid; to the second, and ETags of accounts only."""
        since, until = date_header(call, "if-modified-since"), date_header(call, "if-unmodified-since")
        modified = _modified(row) // SECOND * SECOND
        if call.method == "GET" and since is not None and modified <= since:
            return Response(304)
        stale = until is not None and modified > until
        if sobject.name == "Account":
            stale |= not _matches(call.headers.get("if-match", "*"), row)
            if call.method == "GET" and _matches(call.headers.get("if-none-match", "-"), row):
                return Response(304)
        return problem(412, "PRECONDITION_FAILED", "The record has changed since") if stale else None


def fields_in(body: Mapping[str, Any]) -> Values:
    """The fields of a record as it is sent, without what it says of itself."""
    return {name: value for name, value in body.items() if name != "attributes"}


def etag(row: Row) -> str:
    """The version of an account."""
    return f'"{hashlib.sha256(repr(sorted(row.values.items())).encode()).hexdigest()[:20]}"'


def _matches(header: str, row: Row) -> bool:
    return header == "*" or etag(row) in re.split(r"\s*,\s*", header)


def _modified(row: Row) -> Instant:
    return read_stamp(str(row.values["LastModifiedDate"])) or 0
