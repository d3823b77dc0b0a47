"""Consent by contact point: rows of ContactPointTypeConsent, shown as `consents.Email` and the like of a person.

An org has them where Data Protection and Privacy is on (2026-11-29). A row belongs to an Individual, to which contacts
and leads point; it has a type of contact point, a status, and perhaps a purpose (DataUsePurpose), whose id then ends
the name of the field: `consents.Email_0ZW…`. Of several rows that are in force an opt-out counts, else the one that was
captured last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.soql import by_ids, instant_of, select
from connectors.salesforce.words import CONSENT, CONSENTS, INDIVIDUAL, NO_INDIVIDUAL, PARTY, PURPOSE, row_error
from core.errors import Exists, Gone, Refused, SchemaChanged, ToolError, Unknown
from core.model.instant import Instant, moment
from core.ports import FieldInfo, Fields, Verb

PEOPLE = ("Contact", "Lead")
"""The objects whose records point to an Individual of theirs."""
OUT = "OptOut"
AT_ONCE = 200
_FIELDS = (
    "Id", "PartyId", "ContactPointType", "PrivacyConsentStatus", "DataUsePurposeId", "CaptureDate", "EffectiveFrom",
    "EffectiveTo",
)  # fmt: skip


class Manners(NamedTuple):
    """How rows are written."""

    creates: bool = False
    """Whether a person without an Individual gets one."""
    source: str = "Concord"
    point: str = "Web"
    """The type of contact point by which consent is said to have been captured."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Manners:
        """As the settings want it."""
        return cls(
            settings.get("individuals") == "create",
            str(settings.get("capture_source") or "Concord"),
            str(settings.get("capture_point") or "Web"),
        )


def fields_of(client: Client) -> tuple[FieldInfo, ...]:
    """The fields that people have in this org; none where it keeps no such consent, or the user may not see it."""
    try:
        described = {one.text("name"): one for one in client.describe(CONSENT).each("fields")}
    except Gone:
        return ()
    if not {"PartyId", "ContactPointType", "PrivacyConsentStatus"} <= described.keys():
        return ()
    statuses = _choices(described["PrivacyConsentStatus"])
    kinds = _choices(described["ContactPointType"])
    purposes = {"": "", **(_purposes(client) if "DataUsePurposeId" in described else {})}
    return tuple(
        FieldInfo(
            f"{CONSENTS}.{_key(kind, id_)}",
            "choice",
            f"Consent: {kind}{f' for {name}' if name else ''}",
            choices=statuses,
        )
        for id_, name in purposes.items()
        for kind in kinds
    )


def wanted_of(fields: Fields) -> dict[str, str]:
    """What an edit wants of a person's consents: key → status."""
    start = f"{CONSENTS}."
    return {name.removeprefix(start): str(value) for name, value in fields.items() if name.startswith(start) and value}


class Consents:
    """The consents of one connection's people."""

    def __init__(self, client: Client, manners: Manners) -> None:
        self._client = client
        self._manners = manners

    @property
    def ties(self) -> bool:
        """Whether a write may tie a person to a new Individual, which changes their own row."""
        return self._manners.creates

    def of(self, parties: Iterable[str]) -> dict[str, dict[str, str]]:
        """Individual → key → status. One query for some hundred individuals."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {}
        now = self._client.now()
        for row in self._rows(parties):
            if _in_force(row, now):
                key = _key(row["ContactPointType"], row.get("DataUsePurposeId") or "")
                found.setdefault(row["PartyId"], {}).setdefault(key, []).append(row)
        return {party: {key: _counts(rows) for key, rows in keys.items()} for party, keys in found.items()}

    def give(self, sobject: str, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, ToolError]:
        """Record → key → status, for records of one object; gives what went wrong, by record."""
        try:
            parties, wrong = self._parties(sobject, wanted)
            held: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for row in self._rows(set(parties.values())):
                key = _key(row["ContactPointType"], row.get("DataUsePurposeId") or "")
                held.setdefault((row["PartyId"], key), []).append(row)
        except ToolError as error:
            return dict.fromkeys(wanted, error)
        added: list[tuple[str, dict[str, Any]]] = []
        changed: list[tuple[str, dict[str, Any]]] = []
        for id_, party in parties.items():
            for key, status in wanted[id_].items():
                rows = held.get((party, key), [])
                added += [] if rows else [(id_, self._new(party, key, status))]
                others = [row for row in rows if row["PrivacyConsentStatus"] != status]
                changed += [(id_, {"id": row["Id"], **self._said(status)}) for row in others]
        return {**self._sent("POST", CONSENT, added)[1], **self._sent("PATCH", CONSENT, changed)[1], **wrong}

    # --- individuals

    def _parties(
        self, sobject: str, wanted: Mapping[str, Mapping[str, str]]
    ) -> tuple[dict[str, str], dict[str, ToolError]]:
        """Record → its Individual, made where the setting says so; and what is wrong with the others."""
        names = ("Id", PARTY, "FirstName", "LastName")
        queries = by_ids(names, sobject, list(wanted))
        rows = {row["Id"]: row for query in queries for row in self._client.query_all(query)}
        parties = {id_: str(row[PARTY]) for id_, row in rows.items() if row.get(PARTY)}
        lacking = [id_ for id_ in wanted if id_ not in parties]
        if not self._manners.creates:
            return parties, {id_: _no_individual(sobject, id_) for id_ in lacking}
        new = [(id_, {name: rows[id_].get(name) for name in names[2:]}) for id_ in lacking if id_ in rows]
        made, wrong = self._sent("POST", INDIVIDUAL, new)
        ties = [(id_, {"id": id_, PARTY: party}) for id_, party in made.items()]
        untied = self._sent("PATCH", sobject, ties)[1]
        made = {id_: party for id_, party in made.items() if id_ not in untied}
        return {**parties, **made}, {**wrong, **untied}

    # --- rows

    def _rows(self, parties: Iterable[str]) -> list[dict[str, Any]]:
        queries = by_ids(_FIELDS, CONSENT, sorted(parties), field="PartyId")
        return [row for query in queries for row in self._client.query_all(query)]

    def _said(self, status: str) -> dict[str, Any]:
        at = moment(self._client.now()).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"PrivacyConsentStatus": status, "CaptureDate": at, "CaptureSource": self._manners.source}

    def _new(self, party: str, key: str, status: str) -> dict[str, Any]:
        kind, _, purpose = key.partition("_")
        about = {"DataUsePurposeId": purpose} if purpose else {}
        how = {"ContactPointType": kind, "CaptureContactPointType": self._manners.point, **about}
        return {"Name": f"{kind}: {status}", "PartyId": party, **how, **self._said(status)}

    def _sent(
        self, method: str, sobject: str, records: Sequence[tuple[str, dict[str, Any]]]
    ) -> tuple[dict[str, str], dict[str, ToolError]]:
        """Write rows, each for the record that it is about: the ids of those that went well, and the errors."""
        made: dict[str, str] = {}
        wrong: dict[str, ToolError] = {}
        verb = Verb.CREATE if method == "POST" else Verb.UPDATE
        for group in batches(records, AT_ONCE):
            body = [{"attributes": {"type": sobject}, **fields} for _, fields in group]
            try:
                told = self._client.call(
                    "composite/sobjects", method=method, json={"allOrNone": False, "records": body}
                )
                if not isinstance(told, list) or len(told) != len(group):
                    raise Unknown("Salesforce's answer does not speak of every row.", stream=sobject)
            except ToolError as error:
                wrong |= dict.fromkeys((id_ for id_, _ in group), error)
                continue
            for (id_, _), row in zip(group, (Payload(one, "row") for one in told), strict=True):
                if row.flag("success"):
                    made[id_] = row.text("id", "")
                else:
                    wrong[id_] = _about(row_error(row.many("errors", []), verb, stream=sobject, id=id_))
        return made, wrong


def _about(error: ToolError) -> ToolError:
    """An error of a row as one of its person, who is neither gone nor there already."""
    return Refused(error.message, **error.facts) if isinstance(error, Gone | Exists) else error


def _no_individual(sobject: str, id_: str) -> Refused:
    return Refused(
        "The person has no Individual, to which consents belong.", code=NO_INDIVIDUAL, stream=sobject, id=id_
    )


def _purposes(client: Client) -> dict[str, str]:
    try:
        rows = client.query_all(select(("Id", "Name"), PURPOSE, order=["Id"]))
    except (SchemaChanged, Refused, Gone):
        return {}
    return {row["Id"]: str(row.get("Name") or row["Id"]) for row in rows}


def _key(kind: str, purpose: str) -> str:
    return f"{kind}_{purpose}" if purpose else kind


def _choices(field: Payload) -> tuple[str, ...]:
    return tuple(one.text("value") for one in field.each("picklistValues", []) if one.flag("active", True))


def _in_force(row: Mapping[str, Any], now: Instant) -> bool:
    begins, ends = row.get("EffectiveFrom"), row.get("EffectiveTo")
    return (not begins or instant_of(begins) <= now) and (not ends or now < instant_of(ends))


def _counts(rows: Sequence[Mapping[str, Any]]) -> str:
    """The status that counts, of rows about the same."""
    out = next((row for row in rows if row["PrivacyConsentStatus"] == OUT), None)
    newest = max(rows, key=lambda row: (str(row.get("CaptureDate") or ""), row["Id"]))
    return str((out or newest)["PrivacyConsentStatus"])
