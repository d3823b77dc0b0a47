"""Writing: creates as upserts by our key, updates and deletes as batches of rows, each row with its own receipt.

    versions re-read in one query ▶ consents of who is there ▶ creates ▶ updates ▶ deletes ▶ roles, consents of the new

One call changes up to 200 records. A receipt does not say what Salesforce holds now, because its answer does not; the
hub reads a batch back in one query. What was done stays done: an error of a whole call is raised while nothing has
been done, and after that it is the receipt of those that it kept from being done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from connectors._kit.errors import to_http_date
from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.consents import OUT, Consents, wanted_of
from connectors.salesforce.describing import ALWAYS, Shape, Shapes
from connectors.salesforce.roles import Roles
from connectors.salesforce.soql import by_ids, instant_of, select, within
from connectors.salesforce.whole_days import EVENTS, sent
from connectors.salesforce.words import CONSENTS, CONTACTS, STAMP, is_id, row_error
from core.errors import (
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.model.instant import SECOND
from core.ports import Edit, Fields, Receipt, Verb

BATCH = 200
"""Rows in one call, Salesforce's most."""
PEOPLE = "WhoId"
"""A task or event has one person here."""

_NOT_SHARED = "Share the record, or what it refers to, with the user of this connection in Salesforce."
_FOR_ALL = (Throttled, Unavailable, SignedOut, Forbidden, Garbled, SchemaChanged)
"""Errors of one record's call that the next one would meet too."""


class Writer:
    """Carries out the edits of one connection."""

    def __init__(self, client: Client, shapes: Shapes, consents: Consents) -> None:
        self._client = client
        self._shapes = shapes
        self._consents = consents
        self._roles = Roles(client)

    def write(self, stream: str, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt an edit, in order. Raises what concerns the whole call while nothing was done."""
        shape = self._shapes.of(stream)
        try:
            receipts = _Batch(self._client, self._roles, self._consents, shape, edits).receipts()
        except SchemaChanged:
            self._shapes.changed(stream)
            raise
        if any(isinstance(receipt.error, SchemaChanged) for receipt in receipts):
            self._shapes.changed(stream)
        return receipts


class _Batch:
    """The edits of one write on their way to receipts."""

    def __init__(self, client: Client, roles: Roles, consents: Consents, shape: Shape, edits: Sequence[Edit]) -> None:
        self._client = client
        self._roles = roles
        self._consents = consents
        self._shape = shape
        self._edits = list(edits)
        if shape.name == EVENTS:
            self._edits = [replace(edit, fields=sent(edit.fields, edit.held)) for edit in edits]
        self._told: dict[int, Receipt] = {}
        self._late: dict[int, ToolError] = {}
        """What went wrong with grants, which hold nothing else up."""

    def receipts(self) -> list[Receipt]:
        """Do it."""
        self._refuse_what_cannot_be()
        self._compare()
        self._give_consents([(place, edit.remote_id or "") for place, edit in self._open(Verb.UPDATE)])
        for verb, act in ((Verb.CREATE, self._create), (Verb.UPDATE, self._update), (Verb.DELETE, self._delete)):
            self._in_groups(verb, act)
        self._give_roles()
        creates = {place for place, edit in enumerate(self._edits) if edit.verb is Verb.CREATE}
        made = [(place, one.remote_id) for place, one in self._told.items() if place in creates and one.error is None]
        self._give_consents([(place, id_) for place, id_ in made if id_])
        for place, error in self._late.items():
            if self._told[place].error is None:
                self._told[place] = replace(self._told[place], error=error)
        return _of_its_own(self._edits, [self._told[place] for place in range(len(self._edits))])

    # --- before

    def _refuse_what_cannot_be(self) -> None:
        for place, edit in enumerate(self._edits):
            several = edit.fields.get(PEOPLE)
            if isinstance(several, str) and ";" in several:
                self._told[place] = Receipt(error=Unsupported(
                    f"A {self._shape.name.lower()} in Salesforce has one person, and this one has several.",
                    remedy="Give it one person, or map its people `direction: in`.",
                    stream=edit.stream, id=edit.remote_id, field=PEOPLE,
                ))  # fmt: skip
            elif edit.verb is not Verb.CREATE and not is_id(edit.remote_id):
                self._told[place] = Receipt(error=Gone("This is no id of Salesforce.", stream=edit.stream))

    def _compare(self) -> None:
        """Leave out what is gone, or changed since the version that the edit was made on: one query for all."""
        looked = [edit for _, edit in self._open(Verb.UPDATE, Verb.DELETE) if edit.version is not None]
        if not looked:
            return
        fields = [name for name in ALWAYS if name in self._shape.types]
        queries = by_ids(fields, self._shape.name, [edit.remote_id or "" for edit in looked])
        rows = {row["Id"]: row for one in queries for row in self._client.query_all(one, deleted=True)}
        for place, edit in self._open(Verb.UPDATE, Verb.DELETE):
            error = _moved_on(edit, rows.get(edit.remote_id)) if edit.version is not None else None
            if error is not None:
                self._told[place] = Receipt(error=error)

    def _open(self, *verbs: Verb) -> list[tuple[int, Edit]]:
        """Edits that have no receipt yet, with their places."""
        return [
            (place, edit) for place, edit in enumerate(self._edits) if edit.verb in verbs and place not in self._told
        ]

    # --- the calls

    def _in_groups(self, verb: Verb, act: Callable[[Sequence[Edit]], list[Receipt]]) -> None:
        todo = self._open(verb)
        for start in range(0, len(todo), BATCH):
            group = todo[start : start + BATCH]
            try:
                told = act([edit for _, edit in group])
            except ToolError as error:
                if not any(receipt.error is None for receipt in self._told.values()):
                    raise
                told = [Receipt(error=error)] * len(group)
            self._told.update(zip((place for place, _ in group), told, strict=True))

    def _create(self, edits: Sequence[Edit]) -> list[Receipt]:
        """Upserts by our key, so that a repeat finds what the first made; without such a field plain creates."""
        shape, key = self._shape, self._shape.key
        named = key.visible and key.writable
        records = [{**_row(shape, edit.fields), **({key.name: edit.key} if named else {})} for edit in edits]
        if key.promises:
            path, method = f"composite/sobjects/{shape.name}/{key.name}", "PATCH"
        else:
            path, method = "composite/sobjects", "POST"
        return self._traced(edits, self._sent(edits, path, method, {"allOrNone": False, "records": records}))

    def _traced(self, edits: Sequence[Edit], receipts: list[Receipt]) -> list[Receipt]:
        """Of creates that met what an earlier try made and somebody has converted since: where that went."""
        key, lost = self._shape.key.name, [
            edit.key for edit, receipt in zip(edits, receipts, strict=True) if isinstance(receipt.error, Gone)
        ]  # fmt: skip
        if not lost or not self._shape.key.visible:
            return receipts
        fields = [key, *(name for name in ALWAYS if name in self._shape.types)]
        query = select(fields, self._shape.name, where=within(key, lost))
        rows = {row[key]: row for row in self._client.query_all(query, deleted=True)}
        found = {edit.key: _moved_on(edit, rows[edit.key]) for edit in edits if edit.key in rows}
        return [
            replace(receipt, error=found.get(edit.key) or receipt.error) if isinstance(receipt.error, Gone) else receipt
            for edit, receipt in zip(edits, receipts, strict=True)
        ]

    def _update(self, edits: Sequence[Edit]) -> list[Receipt]:
        told: dict[int, Receipt] = {
            place: Receipt(edit.remote_id) for place, edit in enumerate(edits) if not _own(edit.fields)
        }
        rest = [edit for place, edit in enumerate(edits) if place not in told]
        if len(rest) == 1:
            written = [self._update_one(rest[0])]
        elif rest:
            records = [{**_row(self._shape, edit.fields), "id": edit.remote_id} for edit in rest]
            written = self._sent(rest, "composite/sobjects", "PATCH", {"allOrNone": False, "records": records})
        else:
            written = []
        more = iter(written)
        return [told.get(place) or next(more) for place in range(len(edits))]

    def _update_one(self, edit: Edit) -> Receipt:
        """One record goes by itself, on the condition that nobody changed it since: that closes the window."""
        headers = {"If-Unmodified-Since": _until(edit.version)} if edit.version else {}
        try:
            self._client.update(self._shape.name, edit.remote_id or "", _own(edit.fields), headers)
        except (*_FOR_ALL, Unknown):
            raise
        except ToolError as error:
            return Receipt(error=error)
        return Receipt(edit.remote_id)

    def _delete(self, edits: Sequence[Edit]) -> list[Receipt]:
        params = {"ids": ",".join(edit.remote_id or "" for edit in edits), "allOrNone": "false"}
        answer = self._client.call("composite/sobjects", method="DELETE", params=params)
        return self._rows(edits, answer)

    def _sent(self, edits: Sequence[Edit], path: str, method: str, body: dict[str, Any]) -> list[Receipt]:
        return self._rows(edits, self._client.call(path, method=method, json=body))

    def _rows(self, edits: Sequence[Edit], answer: Any) -> list[Receipt]:
        """The receipts in an answer, one a row and in order. `Unknown` when rows are missing."""
        rows = answer if isinstance(answer, list) else []
        if len(rows) != len(edits):
            raise Unknown(f"Salesforce answered {len(rows)} rows of {len(edits)}.", stream=self._shape.name)
        return [_receipt(Payload(row, "row"), edit) for row, edit in zip(rows, edits, strict=True)]

    # --- consents

    def _give_consents(self, people: Sequence[tuple[int, str]]) -> None:
        """Carry out what edits want of consents; one whose refusal does not arrive is not carried out further."""
        places = {id_: place for place, id_ in people if wanted_of(self._edits[place].fields)}
        wanted = {id_: wanted_of(self._edits[place].fields) for id_, place in places.items()}
        if not wanted:
            return
        for id_, error in self._consents.give(self._shape.name, wanted).items():
            place = places[id_]
            if OUT in wanted[id_].values() and place not in self._told:
                self._told[place] = Receipt(error=error)
            elif self._shape.key.visible or self._edits[place].verb is not Verb.CREATE:
                self._late[place] = error
        for place in places.values() if self._consents.ties else ():
            # A person who was given an Individual changed by that, and was compared before.
            self._edits[place] = replace(self._edits[place], version=None)

    # --- after

    def _give_roles(self) -> None:
        """Who takes part in an opportunity is rows of another object, which go last."""
        wanted: dict[str, list[str]] = {}
        places: dict[str, int] = {}
        for place, edit in enumerate(self._edits):
            receipt = self._told[place]
            if CONTACTS in edit.fields and receipt.error is None and receipt.remote_id and edit.verb is not Verb.DELETE:
                wanted[receipt.remote_id] = [str(id_) for id_ in edit.fields[CONTACTS] or ()]
                places[receipt.remote_id] = place
        for id_, error in self._roles.give(wanted).items() if wanted else ():
            place = places[id_]
            # A create that cannot be told from a second one must not be sent again: its receipt stays good.
            if self._shape.key.visible or self._edits[place].verb is not Verb.CREATE:
                self._told[place] = replace(self._told[place], error=error)


def _own(fields: Fields) -> Fields:
    """What goes into the record itself."""
    return {name: it for name, it in fields.items() if name != CONTACTS and not name.startswith(f"{CONSENTS}.")}


def _row(shape: Shape, fields: Fields) -> dict[str, Any]:
    return {"attributes": {"type": shape.name}, **_own(fields)}


def _receipt(row: Payload, edit: Edit) -> Receipt:
    if row.flag("success"):
        return Receipt(row.text("id", None) or edit.remote_id)
    errors, sent = row.many("errors", []), _own(edit.fields)
    return Receipt(error=row_error(errors, edit.verb, stream=edit.stream, id=edit.remote_id, sent=sent))


def _of_its_own(edits: Sequence[Edit], receipts: list[Receipt]) -> list[Receipt]:
    """Where others of the batch were written, a missing right is one record's own: it is not shared with the user."""
    allowed = {edit.verb for edit, receipt in zip(edits, receipts, strict=True) if receipt.error is None}
    return [
        Receipt(error=Refused(error.message, remedy=_NOT_SHARED, **error.facts))
        if isinstance(error := receipt.error, Forbidden) and edit.verb in allowed
        else receipt
        for edit, receipt in zip(edits, receipts, strict=True)
    ]


def _moved_on(edit: Edit, row: dict[str, Any] | None) -> ToolError | None:
    """Why an edit cannot be made on what is there now, or None."""
    facts = {"stream": edit.stream, "id": edit.remote_id}
    if row is None:
        return Gone("The record is not in Salesforce any more.", **facts)
    if row.get("IsDeleted"):
        return Gone("The record was deleted in Salesforce.", moved_to=row.get("MasterRecordId") or None, **facts)
    if row.get("IsConverted"):
        contact = row.get("ConvertedContactId") or None
        words = "The lead was converted in Salesforce."
        return Gone(words, moved_to=contact, moved_stream="Contact" if contact else None, **facts)
    if edit.version is not None and row[STAMP] != edit.version:
        return Stale("The record changed in Salesforce since it was read.", **facts)
    return None


def _until(version: str) -> str:
    """A stamp as the header's date, whose precision is a second: rounded up, or our own reading would be refused."""
    return to_http_date(-(-instant_of(version) // SECOND) * SECOND)
