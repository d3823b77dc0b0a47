"""Changing what the org is made of: custom fields come and go, those of tasks and events together."""

from __future__ import annotations

from connectors.salesforce.sandbox_org import Org
from connectors.salesforce.sandbox_schema import Field, SObject
from connectors.salesforce.sandbox_table import Values

ACTIVITY = "Activity"
SHARING = ("Task", "Event")
"""Objects whose custom fields belong to Activity: each field is on both, each has permissions of its own."""


def home_of(sobject: SObject) -> str:
    """The object that custom fields of this one are made on."""
    return ACTIVITY if sobject.name in SHARING else sobject.name


def made_on(org: Org, home: str) -> list[SObject]:
    """The objects that get a custom field made on this one; none where no field can be made on it."""
    if home == ACTIVITY:
        return [org.sobject(name) for name in SHARING]
    found = org.objects.get(home.lower())
    return [] if found is None or found.tooling or found.name in SHARING else [found]


def add_field(org: Org, sobject: SObject, field: Field) -> None:
    """A field on an object, or another in its place; custom ones are rows of CustomField too."""
    if not field.custom:
        _put(org, sobject, field)
        return
    home, custom = home_of(sobject), org.objects["customfield"]
    for one in made_on(org, home):
        _put(org, one, field)
    said: Values = {"DeveloperName": field.name.removesuffix("__c"), "TableEnumOrId": home,
                    "ManageableState": "unmanaged", "FullName": f"{home}.{field.name}"}  # fmt: skip
    if not any(row.values["FullName"] == said["FullName"] for row in org.tables[custom.name].rows.values()):
        org.tables[custom.name].fill(org.filled(custom, [said]))


def drop_field(org: Org, sobject: SObject, name: str) -> None:
    """A field less, and what it held."""
    home, custom = home_of(sobject), org.tables["CustomField"]
    for one in made_on(org, home) or [sobject]:
        if name in one.fields:
            _take(org, one, name)
    for row in [row for row in custom.rows.values() if row.values["FullName"] == f"{home}.{name}"]:
        custom.remove(row)


def _put(org: Org, sobject: SObject, field: Field) -> None:
    sobject.add(field)
    for row in org.tables[sobject.name].rows.values() if field.default is not None else ():
        row.values.setdefault(field.name, field.default)
    _changed(org, sobject)


def _take(org: Org, sobject: SObject, name: str) -> None:
    sobject.drop(name)
    for row in org.tables[sobject.name].rows.values():
        row.values.pop(name, None)
    _changed(org, sobject)


def _changed(org: Org, sobject: SObject) -> None:
    org.tables[sobject.name].index_again()
    org.schema_at[sobject.name] = org.clock()
