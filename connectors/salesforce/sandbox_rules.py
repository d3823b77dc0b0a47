"""What Salesforce works out by itself when a row is saved: names, stages, closed tasks, the hours of an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from connectors.salesforce.sandbox_schema import SObject
from connectors.salesforce.sandbox_table import Row, Table, Values
from connectors.salesforce.sandbox_values import read_stamp, refused, stamp_text
from core.model.instant import MINUTE
from core.model.values import Json


class Rows(Protocol):
    """What the rules ask of the org."""

    tables: dict[str, Table]

    def any_row(self, id_: Json) -> tuple[SObject, Row] | None:
        """The row of this id in whichever object."""
        ...


Rule = Callable[[Rows, Values, Values, str], None]
"""(org, the values to be kept, what is asked for now, the stamp) → changes the values, or refuses."""


def derive(org: Rows, sobject: str, values: Values, asked: Values, stamp: str) -> None:
    """Work out the fields that follow from others."""
    if sobject in _RULES:
        _RULES[sobject](org, values, asked, stamp)
    for name in [name for name, value in values.items() if value is None]:
        del values[name]


def _name(_org: Rows, values: Values, _asked: Values, _stamp: str) -> None:
    values["Name"] = " ".join(str(values[part]) for part in ("FirstName", "LastName") if part in values)


def _lead(org: Rows, values: Values, asked: Values, stamp: str) -> None:
    if values.get("IsConverted") and asked and "IsConverted" not in asked:
        raise refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    _name(org, values, asked, stamp)


def _opportunity(org: Rows, values: Values, asked: Values, _stamp: str) -> None:
    if "RecordTypeId" not in values:
        values["RecordTypeId"] = next(iter(org.tables["RecordType"].rows), None)
    if "StageName" in asked:
        stages = (row.values for row in org.tables["OpportunityStage"].rows.values())
        stage: Mapping[str, Json] = next((one for one in stages if one["MasterLabel"] == values["StageName"]), {})
        values["IsClosed"], values["IsWon"] = bool(stage.get("IsClosed")), bool(stage.get("IsWon"))
        values["ForecastCategory"] = stage.get("ForecastCategory")
        values["ForecastCategoryName"] = asked.get("ForecastCategoryName", stage.get("ForecastCategoryName"))
        if "Probability" not in asked:
            values["Probability"] = stage.get("DefaultProbability")
    amount, probability = values.get("Amount"), values.get("Probability")
    if isinstance(amount, float) and isinstance(probability, float):
        values["ExpectedRevenue"] = round(amount * probability / 100, 2)


def _activity(org: Rows, values: Values) -> None:
    who, what = org.any_row(values.get("WhoId")), org.any_row(values.get("WhatId"))
    if who and what and who[0].name == "Lead":
        message = "Related To ID: a lead cannot be related to another record as well"
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, "WhatId")
    account = what[1].id if what and what[0].name == "Account" else None
    account = account or (what[1].values.get("AccountId") if what else None)
    values["AccountId"] = account or (who[1].values.get("AccountId") if who else None)


def _task(org: Rows, values: Values, _asked: Values, stamp: str) -> None:
    _activity(org, values)
    closed = values.get("Status") == "Completed"
    values["IsClosed"], values["IsHighPriority"] = closed, values.get("Priority") == "High"
    values["CompletedDateTime"] = values.get("CompletedDateTime", stamp) if closed else None


def _event(org: Rows, values: Values, asked: Values, _stamp: str) -> None:
    _activity(org, values)
    if values.get("IsAllDayEvent"):
        _all_day(values, asked)
        return
    start = _at(asked.get("StartDateTime") or asked.get("ActivityDateTime") or values.get("StartDateTime"))
    if start is None:
        message = "Required fields are missing: [ActivityDateTime, DurationInMinutes]"
        raise refused("REQUIRED_FIELD_MISSING", message, "ActivityDateTime", "DurationInMinutes")
    end = _end(values, asked, start)
    values["StartDateTime"] = values["ActivityDateTime"] = stamp_text(start)
    values["ActivityDate"] = stamp_text(start)[:10]
    values["EndDateTime"], values["DurationInMinutes"] = stamp_text(end), (end - start) // MINUTE


def _end(values: Values, asked: Values, start: int) -> int:
    """Whichever was given now counts; a start that moves takes the end along."""
    end, minutes = _at(asked.get("EndDateTime")), asked.get("DurationInMinutes", values.get("DurationInMinutes"))
    if end is None:
        if not isinstance(minutes, int):
            message = "Required fields are missing: [DurationInMinutes]"
            raise refused("REQUIRED_FIELD_MISSING", message, "DurationInMinutes")
        end = start + minutes * MINUTE
    if end < start:
        raise refused("FIELD_INTEGRITY_EXCEPTION", "End: an event cannot end before it starts", "EndDateTime")
    return end


def _all_day(values: Values, asked: Values) -> None:
    day = asked.get("ActivityDate") or str(asked.get("StartDateTime") or "")[:10] or values.get("ActivityDate")
    if not day:
        raise refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDate]", "ActivityDate")
    midnight = f"{day}T00:00:00.000+0000"
    last = str(asked.get("EndDateTime") or midnight)
    last = max(midnight, f"{last[:10]}T00:00:00.000+0000")
    days = ((_at(last) or 0) - (_at(midnight) or 0)) // MINUTE // 1440
    values |= {"ActivityDate": day, "StartDateTime": midnight, "EndDateTime": last,
               "DurationInMinutes": 1440 * (days + 1)}  # fmt: skip
    values.pop("ActivityDateTime", None)


def _at(text: Json) -> int | None:
    return read_stamp(text) if isinstance(text, str) else None


def _permission(org: Rows, values: Values, _asked: Values, _stamp: str) -> None:
    """Whoever may write a field may read it; one permission for a field in a set."""
    said = {name: values.get(name) for name in ("ParentId", "Field")}
    sobject, _, name = str(values["Field"]).partition(".")
    if sobject not in org.tables or org.tables[sobject].sobject.field(name) is None:
        raise refused("FIELD_INTEGRITY_EXCEPTION", f"Field Name: bad value: {values['Field']}", "Field")
    if values.get("PermissionsEdit") and not values.get("PermissionsRead"):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "Edit needs Read", "PermissionsEdit")
    others = [row for row in org.tables["FieldPermissions"].rows.values() if said.items() <= row.values.items()]
    if "Id" not in values and others:
        raise refused("DUPLICATE_VALUE", f"duplicate value found: on record with id: {others[0].id[:15]}")


_RULES: Mapping[str, Rule] = {
    "User": _name, "Contact": _name, "Individual": _name, "Lead": _lead, "Opportunity": _opportunity,
    "Task": _task, "Event": _event, "FieldPermissions": _permission,
}  # fmt: skip

_ADDRESS = ("city", "country", "latitude", "longitude", "postalCode", "state", "street")


def address(prefix: str, values: Values) -> Json:
    """A compound address, put together from its parts; None where there are none."""
    parts = {part: values.get(prefix + part[0].upper() + part[1:]) for part in _ADDRESS}
    return {**parts, "geocodeAccuracy": None} if any(parts.values()) else None
