"""The sandbox's customers: forms in, objects out, and a search that is late."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.stripe.sandbox_base import Problem, api, missing, unflat
from connectors.stripe.sandbox_events import LAG, Events
from connectors.stripe.sandbox_shapes import ADDRESS, Object, customer
from core.model.instant import SECOND

LENGTHS = {
    "email": 512, "name": 256, "individual_name": 150, "business_name": 150, "phone": 20, "description": 5000,
}  # fmt: skip
TAX = ("none", "exempt", "reverse")
KEYS = 50
_CLAUSE = re.compile(r"""metadata\[(['"])(?P<key>[^'"]+)\1\]\s*:\s*'(?P<value>(?:\\.|[^'\\])*)'""")


class Customers(Events):
    """Customers by HTTP, and the rules that hold for whoever writes them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.customers: dict[str, Object] = {}
        self.gone: set[str] = set()
        """Ids of deleted customers, which stay known."""
        self.searches = True
        """Whether the account has search at all."""

    @api("GET", "/customers", "customer_read")
    def list_customers(self, call: Call) -> Response:
        """The newest first; deleted ones are in no list."""
        rows = newest(self.customers)
        if (email := call.query.get("email")) is not None:
            rows = [row for row in rows if row["email"] == email]
        return self.paged(call, rows, "customer")

    @api("POST", "/customers", "customer_write")
    def create_customer(self, call: Call) -> Response:
        """One more; nobody asks whether the address is there already."""
        form = unflat(call.form())
        made = self.add_customer(form, key=call.headers.get("idempotency-key", ""))
        return Response(200, self.expanded(made, form.get("expand")))

    @api("GET", "/customers/search", "customer_read")
    def search_customers(self, call: Call) -> Response:
        """Who has some metadata; up to ten conditions, joined by OR."""
        if not self.searches:
            raise Problem(400, "The search feature is temporarily unavailable in your region.")
        clauses = call.query.get("query", "").split(" OR ")
        found = [_CLAUSE.fullmatch(clause.strip()) for clause in clauses]
        if len(clauses) > 10 or not all(found):
            raise Problem(400, "We were unable to parse your search query.", param="query")
        wanted = {(one["key"], re.sub(r"\\(.)", r"\1", one["value"])) for one in found if one}
        newest_second = self.seconds() - (LAG // SECOND if self.mischief.fires(Switch.LAGGING) else 0)
        rows = [
            row
            for row in newest(self.customers)
            if row["created"] <= newest_second and wanted & set(row["metadata"].items())
        ]
        body = {"object": "search_result", "data": rows, "has_more": False, "url": call.path, "next_page": None}
        return Response(200, body)

    @api("GET", "/customers/{id}", "customer_read")
    def get_customer(self, call: Call, id: str) -> Response:
        """One; of a deleted one hardly anything is left."""
        if id in self.gone:
            return Response(200, {"id": id, "object": "customer", "deleted": True})
        return Response(200, self.expanded(self.of_customer(id), unflat(call.query).get("expand")))

    @api("POST", "/customers/{id}", "customer_write")
    def update_customer(self, call: Call, id: str) -> Response:
        """Change what is named; nothing else is touched."""
        self.of_customer(id)
        self.change_customer(id, unflat(call.form()), key=call.headers.get("idempotency-key", ""))
        return Response(200, self.customers[id])

    @api("DELETE", "/customers/{id}", "customer_write")
    def delete_customer(self, call: Call, id: str) -> Response:  # noqa: ARG002 -- no form
        """Delete for good; what runs for the customer ends."""
        self.of_customer(id)
        self.drop_customer(id, key="")
        return Response(200, {"id": id, "object": "customer", "deleted": True})

    # --- rules

    def of_customer(self, id: str) -> Object:
        """A customer by id."""
        if id in self.other_mode:
            what = (
                f"No such customer: '{id}'; a similar object exists in live mode, but a test mode key was used to "
                "make this request."
            )
            raise Problem(404, what, code="resource_missing", param="id")
        if id not in self.customers:
            raise missing("customer", id)
        return self.customers[id]

    def add_customer(self, form: Mapping[str, Any], *, key: str | None = None) -> Object:
        """A customer is made."""
        made = customer(self.new_id("cus"), self.seconds(), livemode=self.livemode)
        made.update(_changed(made, form))
        self.customers[made["id"]] = made
        self.emit("customer.created", made, key=key)
        return made

    def change_customer(self, id: str, form: Mapping[str, Any], *, key: str | None = None) -> None:
        """A customer is changed; what stays the same makes no event."""
        held = self.customers[id]
        changes = _changed(held, form)
        before = {name: held[name] for name, value in changes.items() if held[name] != value}
        if before:
            held.update(changes)
            self.emit("customer.updated", held, {name: _apart(was, held[name]) for name, was in before.items()}, key)

    def drop_customer(self, id: str, *, key: str | None = None) -> None:
        """A customer is deleted."""
        held = self.customers.pop(id)
        self.gone.add(id)
        self.emit("customer.deleted", held, key=key)


def newest(rows: Mapping[str, Object]) -> list[Object]:
    """Objects in Stripe's order."""
    return list(rows.values())[::-1]


def _changed(held: Object, form: Mapping[str, Any]) -> Object:
    """The fields that a form changes, as they are kept."""
    changes: Object = {}
    for name, value in form.items():
        if name in LENGTHS:
            if len(value) > LENGTHS[name]:
                raise Problem(400, f"Invalid string: must be at most {LENGTHS[name]} characters",
                              code="parameter_invalid_string_length", param=name)  # fmt: skip
            changes[name] = value or None
        elif name == "address":
            changes[name] = _address(value)
        elif name == "metadata":
            changes[name] = _metadata(held["metadata"], value)
        elif name == "preferred_locales":
            changes[name] = list(value.values()) if isinstance(value, dict) else []
        elif name == "tax_exempt":
            if value not in (*TAX, ""):
                raise Problem(400, f"Invalid tax_exempt: must be one of {', '.join(TAX)}", param=name)
            changes[name] = value or "none"
        elif name != "expand":
            raise Problem(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    email = changes.get("email")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise Problem(400, f"Invalid email address: {email}", code="email_invalid", param="email")
    return changes


def _address(value: Any) -> Object | None:
    """A whole address, whatever was there: parts that are not named are blank."""
    if not isinstance(value, dict):
        return None
    unknown = set(value) - set(ADDRESS)
    if unknown:
        raise Problem(400, f"Received unknown parameter: address[{min(unknown)}]", code="parameter_unknown",
                      param=f"address[{min(unknown)}]")  # fmt: skip
    return {part: value.get(part) or None for part in ADDRESS}


def _metadata(held: Mapping[str, str], value: Any) -> dict[str, str]:
    """Metadata are merged key by key; a blank takes a key away, and a blank for all takes all."""
    if not isinstance(value, dict):
        return {}
    merged = {**held, **value}
    for key, text in merged.items():
        if len(key) > 40 or len(text) > 500:
            raise Problem(400, "Metadata keys may have 40 letters, values 500.", param=f"metadata[{key}]")
    kept = {key: text for key, text in merged.items() if text}
    if len(kept) > KEYS:
        raise Problem(400, f"Metadata may have {KEYS} keys.", param="metadata")
    return kept


def _apart(was: Any, now: Any) -> Any:
    """Of a nested value, what was otherwise."""
    if not isinstance(was, dict) or not isinstance(now, dict):
        return was
    return {name: was.get(name) for name in {**was, **now} if was.get(name) != now.get(name)}
