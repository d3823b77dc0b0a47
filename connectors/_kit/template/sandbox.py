"""A stand-in for Template: contacts over HTTP, kept in memory, in the tool's own dialect."""

from __future__ import annotations

from typing import Any

from connectors._kit.payload import plant
from connectors._kit.sandbox import Call, Response, Sandbox, route
from core.model.instant import Instant, iso
from core.ports import Fields

API_KEY = "template-key-for-tests"


class TemplateSandbox(Sandbox):
    """One account. `records` is id → fields; people edit it through `keep` and `drop`."""

    title = "Template"

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.records: dict[str, Fields] = {}
        self._stamps: dict[str, tuple[int, Instant]] = {}
        self._keys: dict[str, str] = {}
        self._revision = 0

    def keep(self, id_: str | None, fields: Fields) -> str:
        """Add a record, or change some fields of one (dotted names reach inside; None clears)."""
        self._revision += 1
        id_ = id_ or f"{self._revision:06}"
        record = self.records.setdefault(id_, {})
        for name, value in fields.items():
            plant(record, name, value)
        self._stamps[id_] = (self._revision, self.now())
        return id_

    def drop(self, id_: str) -> None:
        """Delete a record."""
        del self.records[id_]

    def authorise(self, call: Call) -> Response | None:
        """Every call carries the key."""
        signed_in = call.headers.get("x-api-key") == API_KEY
        return None if signed_in else Response(401, {"message": "Unknown API key"})

    @route("GET", "/me")
    def me(self, _call: Call) -> Response:
        """The account of the key."""
        return Response(200, {"account": "Template on loopback"})

    @route("GET", "/contacts")
    def contacts(self, call: Call) -> Response:
        """A page, or the one record that a create with this key made."""
        if "key" in call.query:
            made = self._keys.get(call.query["key"])
            return Response(200, {"records": [self._shown(made)] if made in self.records else [], "more": False})
        behind = [id_ for id_ in sorted(self.records) if id_ > call.query.get("after", "")]
        limit = int(call.query.get("limit", "100"))
        records = self.mischief.disturbed([self._shown(id_) for id_ in behind[:limit]])
        return Response(200, {"records": records, "more": len(behind) > limit})

    @route("GET", "/contacts/{id}")
    def contact(self, _call: Call, id: str) -> Response:
        """One record."""
        return Response(200, self._shown(id)) if id in self.records else _missing()

    @route("POST", "/contacts")
    def create(self, call: Call) -> Response:
        """A new record, or the one that the same key made before."""
        fields, key = dict(call.json() or {}), call.headers.get("idempotency-key", "")
        if fields.get("email") == "refused":
            return Response(422, {"message": "email is not an email address"})
        if self._keys.get(key) not in self.records:
            self._keys[key] = self.keep(None, _flat(fields))
        return Response(201, self._shown(self._keys[key]))

    @route("PATCH", "/contacts/{id}")
    def update(self, call: Call, id: str) -> Response:
        """Change the given fields, if the version is still the one in If-Match."""
        refusal = self._refusal(call, id)
        if refusal is None:
            self.keep(id, _flat(dict(call.json() or {})))
        return refusal or Response(200, self._shown(id))

    @route("DELETE", "/contacts/{id}")
    def delete(self, call: Call, id: str) -> Response:
        """Delete, if the version is still the one in If-Match."""
        refusal = self._refusal(call, id)
        if refusal is None:
            self.drop(id)
        return refusal or Response(204)

    def _refusal(self, call: Call, id_: str) -> Response | None:
        if id_ not in self.records:
            return _missing()
        wanted = call.headers.get("if-match")
        if wanted is not None and wanted != self._shown(id_)["version"]:
            return Response(412, {"message": "The record was changed meanwhile"})
        return None

    def _shown(self, id_: str | None) -> dict[str, Any]:
        revision, stamp = self._stamps[id_ or ""]
        return {
            "id": id_,
            "version": f'"{revision}"',
            "modified_at": iso(stamp),
            "fields": self.records[id_ or ""],
        }


def _missing() -> Response:
    return Response(404, {"message": "No such record"})


def _flat(fields: dict[str, Any], start: str = "") -> Fields:
    """Nested fields by dotted names, so that a part can be changed alone."""
    flat: Fields = {}
    for name, value in fields.items():
        flat |= _flat(value, f"{start}{name}.") if isinstance(value, dict) else {f"{start}{name}": value}
    return flat
