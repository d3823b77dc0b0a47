"""What the org tells of itself: its versions, its objects and their fields, and its limits."""

from __future__ import annotations

from typing import Any

from connectors._kit.errors import to_http_date
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce.sandbox_desk import DATA, VERSIONS, Desk, date_header
from connectors.salesforce.sandbox_objects import PIPELINES
from connectors.salesforce.sandbox_schema import NUMBERS, Field, SObject
from core.model.instant import SECOND
from core.model.values import Json

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "date": "xsd:date", "datetime": "xsd:dateTime",
    "currency": "xsd:double", "double": "xsd:double", "percent": "xsd:double", "int": "xsd:int",
    "address": "urn:address",
}  # fmt: skip


class Describe(Desk):
    """Metadata."""

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.pipelines: dict[str, tuple[str, ...]] = dict(PIPELINES)
        """Record type → the stages it offers."""

    @route("GET", "/services/data", spared=True)
    def versions(self, _call: Call) -> Response:
        """The versions that are spoken here."""
        return Response(200, [
            {"label": _season(version), "url": f"/services/data/v{version}", "version": version}
            for version in VERSIONS
        ])  # fmt: skip

    @route("GET", DATA)
    def resources(self, _call: Call) -> Response:
        """The resources of a version."""
        names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "tooling", "ui-api")
        return Response(200, {name: f"/services/data/v{self.version}/{name}" for name in names})

    @route("GET", DATA + "/sobjects")
    def describe_global(self, _call: Call) -> Response:
        """All objects, briefly."""
        shown = [_summary(self, one) for one in self.org.objects.values() if not one.tooling]
        return Response(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list[Json](shown)})

    @route("GET", DATA + "/sobjects/{name}")
    def basics(self, _call: Call, name: str) -> Response:
        """One object, briefly."""
        return Response(200, {"objectDescribe": _summary(self, self.org.sobject(name)), "recentItems": []})

    @route("GET", DATA + "/sobjects/{name}/describe")
    def describe(self, call: Call, name: str) -> Response:
        """One object with its fields; 304 where nothing changed since."""
        sobject = self.org.sobject(name)
        changed = self.org.schema_at[sobject.name] // SECOND * SECOND
        since = date_header(call, "if-modified-since")
        if since is not None and changed <= since:
            return Response(304)
        shown = {
            **_summary(self, sobject),
            "fields": [field_shown(self, sobject, field) for field in self.org.fields_of(sobject)],
            "childRelationships": _children(self, sobject),
            "recordTypeInfos": self._record_types(sobject),
        }
        return Response(200, shown, {"Last-Modified": to_http_date(changed)})

    def _record_types(self, sobject: SObject) -> list[Json]:
        rows = self.org.tables["RecordType"].rows.values()
        mine = [row.values for row in rows if row.values["SobjectType"] == sobject.name]
        return [
            {"recordTypeId": one["Id"], "name": one["Name"], "developerName": one["DeveloperName"],
             "active": one["IsActive"], "available": True, "master": False, "defaultRecordTypeMapping": place == 0}
            for place, one in enumerate(mine)
        ]  # fmt: skip

    # --- limits

    @route("GET", DATA + "/limits")
    def limits(self, _call: Call) -> Response:
        """What is left of today's allowances."""
        top = self.daily or 15_000
        left = {"Max": top, "Remaining": max(0, top - self.calls_today)}
        jobs = {"Max": 10_000, "Remaining": 10_000}
        return Response(200, {
            "DailyApiRequests": left, "DailyBulkV2QueryJobs": jobs, "DailyBulkApiBatches": {**jobs},
            "DailyBulkV2QueryFileStorageMB": {"Max": 1_000_000, "Remaining": 1_000_000},
            "DataStorageMB": {"Max": 5, "Remaining": 5},
        })  # fmt: skip

    @route("GET", DATA + "/limits/recordCount")
    def record_count(self, call: Call) -> Response:
        """How many rows objects have, about."""
        names = [name for name in call.query.get("sObjects", "").split(",") if name]
        asked = [self.org.sobject(name) for name in names] or [
            one for one in self.org.objects.values() if not one.tooling
        ]
        counts = [{"count": self.org.tables[one.name].live, "name": one.name} for one in asked]
        return Response(200, {"sObjects": list[Json](counts)})

    # --- picklists by record type

    @route("GET", DATA + "/ui-api/object-info/{name}/picklist-values/{record_type}")
    def picklists(self, _call: Call, name: str, record_type: str) -> Response:
        """The values of all picklists that a record type offers."""
        sobject = self.org.sobject(name)
        fields = [one for one in self.org.fields_of(sobject) if one.type in ("picklist", "multipicklist")]
        shown = {one.name: self._picklist(sobject, one, record_type) for one in fields}
        return Response(200, {"picklistFieldValues": dict[str, Json](shown)})

    @route("GET", DATA + "/ui-api/object-info/{name}/picklist-values/{record_type}/{field}")
    def picklist(self, call: Call, name: str, record_type: str, field: str) -> Response:
        """The values of one picklist that a record type offers."""
        sobject = self.org.sobject(name)
        found = sobject.field(field)
        if found is None or not self.org.sees(sobject, found):
            return self.no_such_call(call)
        return Response(200, self._picklist(sobject, found, record_type))

    def _picklist(self, sobject: SObject, field: Field, record_type: str) -> dict[str, Json]:
        chosen = self.offered(sobject, field, record_type)
        values: list[Json] = [{"label": one, "value": one, "attributes": None, "validFor": []} for one in chosen]
        return {"controllerValues": {}, "defaultValue": None, "values": values}

    def offered(self, sobject: SObject, field: Field, record_type: str) -> tuple[str, ...]:
        """The choices of a field under a record type."""
        row = self.org.tables["RecordType"].rows.get(record_type)
        if row is not None and field.name == "StageName" and str(row.values["Name"]) in self.pipelines:
            return self.pipelines[str(row.values["Name"])]
        return _choices(self, sobject, field)


def _season(version: str) -> str:
    """`Summer '26` of 67.0: three releases a year, Spring '24 was 60.0."""
    years, place = divmod(int(float(version)) - 60, 3)
    return f"{('Spring', 'Summer', 'Winter')[place]} '{24 + years + (place == 2)}"


def _summary(desk: Desk, sobject: SObject) -> dict[str, Json]:
    writes = sobject.name not in desk.org.closed
    base = f"/services/data/v{desk.version}/sobjects/{sobject.name}"
    return {
        "name": sobject.name, "label": sobject.name.removesuffix("__c"), "labelPlural": f"{sobject.name}s",
        "keyPrefix": sobject.prefix, "custom": sobject.custom, "queryable": True, "retrieveable": True,
        "createable": sobject.createable and writes, "updateable": sobject.updateable and writes,
        "deletable": sobject.deletable and writes, "undeletable": sobject.undeletable and writes,
        "replicateable": True, "searchable": True, "mergeable": sobject.name in ("Account", "Contact", "Lead"),
        "triggerable": True, "deprecatedAndHidden": False, "customSetting": False,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }  # fmt: skip


def field_shown(desk: Desk, sobject: SObject, field: Field) -> dict[str, Json]:
    """One field, as describe tells it."""
    writes = desk.org.sees(sobject, field, write=True) and sobject.name not in desk.org.closed
    text = field.type not in NUMBERS and field.type not in ("boolean", "date", "datetime")
    return {
        "name": field.name, "label": field.label, "type": field.type, "length": field.length if text else 0,
        "byteLength": field.length * 3 if text else 0, "custom": field.custom,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "createable": field.createable and writes, "updateable": field.updateable and writes,
        "nillable": not (field.required or field.type in ("boolean", "id") or field.name in _ALWAYS),
        "defaultedOnCreate": field.default is not None or field.type == "boolean" or field.name in _ALWAYS,
        "defaultValue": field.default, "calculated": field.calculated and field.name != "Name",
        "calculatedFormula": None, "autoNumber": False,
        "externalId": field.external_id, "unique": field.unique, "caseSensitive": field.case_sensitive,
        "idLookup": field.finds, "nameField": field.name == "Name",
        "namePointing": len(field.refers) > 1, "polymorphicForeignKey": len(field.refers) > 1,
        "referenceTo": list(field.refers), "relationshipName": field.relationship,
        "picklistValues": [
            {"active": True, "defaultValue": one == field.default, "label": one, "value": one, "validFor": None}
            for one in _choices(desk, sobject, field)
        ],
        "restrictedPicklist": field.restricted, "compoundFieldName": _compound(sobject, field),
        "filterable": field.filterable, "sortable": field.filterable, "groupable": text and field.filterable,
        "aggregatable": field.filterable, "permissionable": field.custom and not field.required,
        "precision": 18 if field.type in NUMBERS else 0,
        "scale": 2 if field.type in NUMBERS and field.type != "int" else 0,
        "digits": 8 if field.type == "int" else 0, "deprecatedAndHidden": False, "inlineHelpText": None,
    }  # fmt: skip


_ALWAYS = ("OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


def _choices(desk: Desk, sobject: SObject, field: Field) -> tuple[str, ...]:
    """The stages are rows, so that they are described as they are."""
    if (sobject.name, field.name) != ("Opportunity", "StageName"):
        return field.picklist
    stages = [row.values for row in desk.org.tables["OpportunityStage"].rows.values()]
    active = [one for one in stages if one.get("IsActive")]
    return tuple(str(one["MasterLabel"]) for one in sorted(active, key=lambda one: str(one["SortOrder"]).zfill(5)))


def _compound(sobject: SObject, field: Field) -> str | None:
    if field.name in ("FirstName", "LastName", "Salutation") and "FirstName" in sobject.fields:
        return "Name"
    for one in sobject.fields.values():
        prefix = one.name.removesuffix("Address")
        parts = ("Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude")
        if one.type == "address" and field.name in [prefix + part for part in parts]:
            return one.name
    return None


def _children(desk: Desk, sobject: SObject) -> list[Json]:
    return [
        {"childSObject": child.name, "field": field.name, "relationshipName": field.children or None,
         "cascadeDelete": False, "deprecatedAndHidden": False, "restrictedDelete": False}
        for child in desk.org.objects.values()
        for field in child.fields.values()
        if sobject.name in field.refers and not child.tooling
    ]  # fmt: skip
