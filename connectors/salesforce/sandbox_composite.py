"""Collections of up to 200 records, and several calls in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response, route
from connectors.salesforce.sandbox_desk import DATA, CutOff, body_of, row_errors
from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_rows import Rows, fields_in
from connectors.salesforce.sandbox_schema import SObject
from connectors.salesforce.sandbox_values import Refusal, refused
from core.model.values import Json

COLLECTIONS = f"{DATA}/composite/sobjects"
MOST, CHUNKS, SUBREQUESTS, QUERIES = 200, 10, 25, 5

Work = Callable[[], dict[str, Json]]
"""Does one row and gives what its success says."""


class Composite(Rows):
    """Many rows, or many calls, at once."""

    unknown_field_fails_all = False
    """An unknown field in one record refuses the whole collection, not its row. Unconfirmed either way."""

    # --- collections

    @route("POST", COLLECTIONS)
    def create_many(self, call: Call) -> Response:
        """New rows, each with its own result."""
        body, records = self._records(call)
        return self._each([lambda one=one: self._create(one) for one in records], all_or_none=_flag(body))  # type: ignore[misc]

    @route("PATCH", COLLECTIONS)
    def update_many(self, call: Call) -> Response:
        """Changes to rows, each with its own result."""
        body, records = self._records(call)
        return self._each([lambda one=one: self._update(one) for one in records], all_or_none=_flag(body))  # type: ignore[misc]

    @route("PATCH", COLLECTIONS + "/{name}")
    def update_many_of(self, call: Call, name: str) -> Response:
        """The same, as the published request set spells it."""
        self.org.sobject(name)
        return self.update_many(call)

    @route("PATCH", COLLECTIONS + "/{name}/{field}")
    def upsert_many(self, call: Call, name: str, field: str) -> Response:
        """Create or change rows by an external id that each carries."""
        sobject = self.org.sobject(name)
        by = self.finder(sobject, field)
        body, records = self._records(call)
        keys = [by.key(one.get(by.name, "")) for one in records]
        twice = [key in keys[:place] for place, key in enumerate(keys)]
        works: list[Work] = [
            lambda one=one, again=again: self.upsert_one(sobject, by.name, one, again=again)  # type: ignore[misc]
            for one, again in zip(records, twice, strict=True)
        ]
        return self._each(works, all_or_none=_flag(body))

    @route("DELETE", COLLECTIONS)
    def delete_many(self, call: Call) -> Response:
        """Rows of the ids in the address."""
        ids = _ids(call.query.get("ids", "").split(","))
        works: list[Work] = [lambda id_=id_: self._delete(id_) for id_ in ids]  # type: ignore[misc]
        return self._each(works, all_or_none=call.query.get("allOrNone", "").lower() == "true")

    @route("DELETE", COLLECTIONS + "/{name}")
    def delete_many_of(self, call: Call, name: str) -> Response:
        """The same, as the published request set spells it."""
        self.org.sobject(name)
        return self.delete_many(call)

    @route("GET", COLLECTIONS + "/{name}")
    def retrieve_many(self, call: Call, name: str) -> Response:
        """Rows by id, in the order asked for; null for those there are not."""
        return self._retrieve(name, call.query.get("ids", "").split(","), call.query.get("fields", "").split(","))

    @route("POST", COLLECTIONS + "/{name}", reading=True)
    def retrieve_more(self, call: Call, name: str) -> Response:
        """The same with ids and fields in the body, where an address would be too long."""
        body = body_of(call)
        return self._retrieve(name, body.get("ids", []), body.get("fields", []), most=2000)

    def _retrieve(self, name: str, ids: list[str], fields: list[str], most: int = MOST) -> Response:
        sobject = self.org.sobject(name)
        rows = [self.org.tables[sobject.name].rows.get(read_id(id_) or "") for id_ in _ids(ids, most)]
        names = [field for field in fields if field]
        shown = [None if row is None or row.deleted else self.row_shown(sobject, row, names) for row in rows]
        return Response(200, list[Json](shown))

    def _records(self, call: Call) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        body, records = _records(call)
        for record in records if self.unknown_field_fails_all else ():
            sobject = self._typed(record)
            strange = next((name for name in fields_in(record) if not self._knows(sobject, name)), None)
            if strange is not None:
                raise refused("INVALID_FIELD", f"No such column '{strange}' on sobject of type {sobject.name}")
        return body, records

    def _knows(self, sobject: SObject, name: str) -> bool:
        field = sobject.field(name) or sobject.reaching(name)
        return field is not None and self.org.sees(sobject, field)

    # --- one row of a collection

    def _create(self, record: Mapping[str, Any]) -> dict[str, Json]:
        return {"id": self.org.insert(self._typed(record), fields_in(record)).id, "success": True, "errors": []}

    def _update(self, record: Mapping[str, Any]) -> dict[str, Json]:
        sobject, fields = self._typed(record), fields_in(record)
        id_ = next((fields.pop(name) for name in list(fields) if name.lower() == "id"), None)
        row = self.org.row(sobject, self.row_id(id_))
        return {"id": self.org.update(sobject, row, fields).id, "success": True, "errors": []}

    def upsert_one(
        self, sobject: SObject, by: str, record: Mapping[str, Any], *, again: bool = False
    ) -> dict[str, Json]:
        """Create or change the row whose external id the record carries; `again` says that another row did too."""
        fields = fields_in(record)
        key = next((fields[name] for name in fields if name.lower() == by.lower()), None)
        if key in (None, ""):
            raise refused("MISSING_ARGUMENT", f"{by} not specified", by)
        if again:
            raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", by)
        found = self.found_by(sobject, by, key)
        if len(found) > 1:
            raise refused("DUPLICATE_EXTERNAL_ID", f"{by}: more than one record found for external id field: {key}", by)
        if by == "Id":
            fields = {name: value for name, value in fields.items() if name.lower() != "id"}
            if not found:
                raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        row = self.org.update(sobject, found[0], fields) if found else self.org.insert(sobject, fields)
        return {"id": row.id, "success": True, "errors": [], "created": not found}

    def _delete(self, id_: str) -> dict[str, Json]:
        found = self.org.any_row(self.row_id(id_))
        if found is None:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        self.org.delete(found[0], self.org.row(found[0], found[1].id))
        return {"id": found[1].id, "success": True, "errors": []}

    def row_id(self, id_: object) -> str:
        """The id of a row there is, or was."""
        read = read_id(id_)
        if read is None:
            raise refused("MALFORMED_ID", f"malformed id {id_}", "Id")
        if self.org.any_row(read) is None:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return read

    def _typed(self, record: Mapping[str, Any]) -> SObject:
        said = record.get("attributes")
        name = said.get("type") if isinstance(said, Mapping) else None
        found = self.org.objects.get(str(name).lower())
        if found is None or found.tooling:
            raise refused("INVALID_TYPE", f"sObject type '{name}' is not supported")
        return found

    # --- all of them

    def _each(self, works: list[Work], *, all_or_none: bool) -> Response:
        """Results in the order of the records; HTTP says 200 even if all failed."""
        cut = not all_or_none and len(works) > 1 and self.mischief.fires(Switch.CUT)
        if cut:
            for work in works[: self.mischief.below(len(works))]:
                self._result(work)
            raise CutOff
        with self.org.attempt() as take_back:
            results = [self._result(work) for work in works]
            if all_or_none and not all(one["success"] for one in results):
                take_back()
                results = [_rolled_back() if one["success"] else one for one in results]
        return Response(200, list[Json](results))

    def _result(self, work: Work) -> dict[str, Json]:
        try:
            if self.mischief.fires(Switch.PARTIAL):
                raise refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records")
            return work()
        except Refusal as error:
            return {"success": False, "errors": row_errors(error)}

    # --- several calls in one

    @route("POST", f"{DATA}/composite")
    def composite(self, call: Call) -> Response:
        """Up to 25 calls, where later ones may name the answers of earlier ones; one call of the day."""
        body = body_of(call)
        subs = [_sub(one) for one in body.get("compositeRequest", [])]
        _bearable(subs)
        with self.org.attempt() as take_back:
            done = self._in_turn(call, subs, all_or_none=_flag(body))
            if _flag(body) and any(map(_failed, done)):
                take_back()
                done = [one if _failed(one) else _halted() for one in done]
        answers = [
            {"body": content, "httpHeaders": headers, "httpStatusCode": status, "referenceId": sub.reference}
            for sub, (status, content, headers) in zip(subs, done, strict=True)
        ]
        return Response(200, {"compositeResponse": list[Json](answers)})

    def _in_turn(self, call: Call, subs: list[Sub], *, all_or_none: bool) -> list[Answered]:
        said: dict[str, Json] = {}
        done: list[Answered] = []
        for sub in subs:
            if all_or_none and any(map(_failed, done)):
                done.append(_halted())
                continue
            if all_or_none and isinstance(sub.body, dict) and "/composite/sobjects" in sub.url:
                sub = sub._replace(body={**sub.body, "allOrNone": True})  # noqa: PLW2901 -- the outer word counts
            done.append(self._one(call, sub, said))
            if done[-1][0] < 400:
                said[sub.reference] = done[-1][1]
        return done

    def _one(self, call: Call, sub: Sub, said: Mapping[str, Json]) -> Answered:
        try:
            url = str(_filled(sub.url, said))
            content = _filled(sub.body, said)
        except LookupError as error:
            message = f"Invalid reference specified. No value for {error.args[0]} found"
            return 400, [{"errorCode": "PROCESSING_HALTED", "message": message}], {}
        answered = self.within(_call(call, sub.method, url, content, sub.headers))
        where = answered.headers.get("Location")
        return answered.status, _read(answered), {"Location": where} if where else {}

    @route("POST", f"{DATA}/composite/batch")
    def batch(self, call: Call) -> Response:
        """Up to 25 calls that know nothing of each other; each is a call of the day."""
        body = body_of(call)
        subs = [_sub(one, "richInput") for one in body.get("batchRequests", [])]
        if len(subs) > SUBREQUESTS:
            raise refused("INVALID_BATCH_SIZE", f"Cannot have more than {SUBREQUESTS} subrequests")
        results: list[dict[str, Json]] = []
        for sub in subs:
            failed = any(int(str(one["statusCode"])) >= 400 for one in results)
            if failed and body.get("haltOnError") is True:
                halted: Json = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted"}]
                results.append({"statusCode": 412, "result": halted})
                continue
            answered = self.count_call() or self.within(_call(call, sub.method, sub.url, sub.body, sub.headers))
            results.append({"statusCode": answered.status, "result": _read(answered)})
        failed = any(int(str(one["statusCode"])) >= 400 for one in results)
        return Response(200, {"hasErrors": failed, "results": list[Json](results)})


Answered = tuple[int, Json, dict[str, Json]]


class Sub(NamedTuple):
    """One call inside another."""

    method: str
    url: str
    reference: str
    body: Json
    headers: Mapping[str, str]


def _sub(one: Mapping[str, Any], content: str = "body") -> Sub:
    headers = {name.lower(): value for name, value in one.get("httpHeaders", {}).items()}
    return Sub(one.get("method", ""), one.get("url", ""), one.get("referenceId", ""), one.get(content), headers)


def _bearable(subs: list[Sub]) -> None:
    if len(subs) > SUBREQUESTS:
        raise refused("LIMIT_EXCEEDED", f"Cannot have more than {SUBREQUESTS} subrequests")
    heavy = sum("/query" in sub.url or "/composite/sobjects" in sub.url for sub in subs)
    if heavy > QUERIES:
        raise refused("LIMIT_EXCEEDED", f"Cannot have more than {QUERIES} queries and collections")
    names = [sub.reference for sub in subs]
    bad = next((name for name in names if not re.fullmatch(r"[A-Za-z]\w*", name) or names.count(name) > 1), None)
    if bad is not None:
        raise refused("INVALID_INPUT", f"Provided referenceId '{bad}' must start with a letter and be unique")


def _call(call: Call, method: str, url: str, body: Json, headers: Mapping[str, str]) -> Call:
    parts = urlsplit(url if url.startswith("/") else f"/services/data/{url}")
    kept = {name: value for name, value in call.headers.items() if not name.startswith(("if-", "sforce-"))}
    raw = b"" if body is None else orjson.dumps(body)
    return Call(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), {**kept, **headers}, raw)


def _read(answered: Response) -> Json:
    raw = answered.raw()
    return orjson.loads(raw) if raw else None


def _failed(answered: Answered) -> bool:
    """A collection answers 200 even where rows failed."""
    status, body, _ = answered
    rows = body if isinstance(body, list) else []
    return status >= 400 or any(isinstance(row, dict) and row.get("success") is False for row in rows)


def _halted() -> Answered:
    message = "The transaction was rolled back since another operation in the same transaction failed."
    return 400, [{"errorCode": "PROCESSING_HALTED", "message": message}], {}


def _filled(value: Json, said: Mapping[str, Json]) -> Json:
    """With `@{reference.path}` in texts replaced by what that answer said."""
    if isinstance(value, dict):
        return {name: _filled(inner, said) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, said) for inner in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"@\{([^}]+)\}", lambda match: str(_looked_up(match[1], said)), value)


def _looked_up(path: str, said: Mapping[str, Json]) -> Json:
    found: Any = said
    for part in re.findall(r"[^.\[\]]+", path):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise LookupError(path) from None
    return found


# --- collections, as they are sent


def _flag(body: Mapping[str, Any]) -> bool:
    return body.get("allOrNone") is True


def _records(call: Call) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body = body_of(call)
    records = body.get("records", [])
    if len(records) > MOST:
        raise refused(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST} records into this call"
        )
    types = [str((one.get("attributes") or {}).get("type")).lower() for one in records]
    chunks = sum(one != before for one, before in zip(types, [None, *types], strict=False))
    if chunks > CHUNKS:
        raise refused("INVALID_INPUT", f"Cannot have more than {CHUNKS} chunks in a single operation")
    return body, records


def _ids(ids: list[str], most: int = MOST) -> list[str]:
    given = [id_.strip() for id_ in ids if id_.strip()]
    if len(given) > most:
        raise refused(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records into this call"
        )
    return given


def _rolled_back() -> dict[str, Json]:
    message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    error = {"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": message, "fields": []}
    return {"success": False, "errors": [error]}
