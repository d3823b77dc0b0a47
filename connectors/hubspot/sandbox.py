"""A stand-in for a HubSpot account, on loopback: for tests, the demo and trying out.

It speaks the dialect of HubSpot's API, `/crm/v3/…` and `/crm/objects/2026-03/…` alike, with its caps and oddities,
and knows nothing of the hub. Here is what a person working in that account can do; the calls are in `sandbox_*.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connectors._kit.sandbox import Call, Exchange, Response
from connectors.hubspot.sandbox_associations import Associations
from connectors.hubspot.sandbox_base import Quotas
from connectors.hubspot.sandbox_checks import Respell
from connectors.hubspot.sandbox_consent import Consent
from connectors.hubspot.sandbox_definitions import Pipelines, Properties
from connectors.hubspot.sandbox_links import Label
from connectors.hubspot.sandbox_owners import Owners
from connectors.hubspot.sandbox_problems import Problem
from connectors.hubspot.sandbox_schema import Property
from connectors.hubspot.sandbox_search import Search
from connectors.hubspot.sandbox_store import Record
from connectors.hubspot.sandbox_webhooks import Webhooks
from connectors.hubspot.sandbox_words import KINDS, PARENT, PRIMARY
from connectors.hubspot.sandbox_world import Link

__all__ = ["Call", "Exchange", "Quotas", "Response", "Sandbox"]


class Sandbox(Associations, Search, Properties, Pipelines, Owners, Consent, Webhooks):
    """One account. Types are named by their plural word; without `limits` none are enforced."""

    # --- a person's work

    def create(
        self, type: str, properties: Mapping[str, Any], associations: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """A person adds a record that belongs to others (`{"companies": [id]}`); gives its id."""
        with self._lock:
            links = [
                Link(label, int(other))
                for end, others in (associations or {}).items()
                for place, other in enumerate(others)
                for label in [self._label(type, end, primary=place == 0)]
            ]
            return str(self.world.create(type, properties, links).id)

    def edit(self, type: str, id: str, properties: Mapping[str, Any]) -> None:
        """A person changes some properties; "" or None clears. A `Problem` if it is not there."""
        with self._lock:
            given = {name: "" if value is None else value for name, value in properties.items()}
            self.world.edit(type, self.world.record(type, int(id)), given)

    def archive(self, type: str, id: str) -> None:
        """A person deletes a record."""
        with self._lock:
            self.world.archive(type, self.world.record(type, int(id)))

    def restore(self, type: str, id: str) -> None:
        """A person takes a deleted record back."""
        with self._lock:
            self.world.restore(type, self.world.tables[type].records[int(id)])

    def merge(self, type: str, winner: str, loser: str) -> str:
        """A person merges two records; gives the new id."""
        with self._lock:
            first, second = (self.world.record(type, int(id_)) for id_ in (winner, loser))
            return str(self.world.merge(type, first, second).id)

    def associate(self, from_type: str, id: str, to_type: str, to_id: str, primary: bool = False) -> None:
        """A person ties two records, companies as the primary one if so asked."""
        with self._lock:
            self.world.tie(from_type, int(id), self._label(from_type, to_type, primary=primary), int(to_id))

    def dissociate(self, from_type: str, id: str, to_type: str, to_id: str) -> None:
        """A person unties two records."""
        with self._lock:
            self.world.untie(from_type, int(id), to_type, int(to_id))

    def set_parent(self, id: str, parent: str) -> None:
        """A person says which company a company belongs to."""
        with self._lock:
            label = self.world.links.labels["companies", "companies"][PARENT]
            self.world.tie("companies", int(id), label, int(parent))

    def fill(self, type: str, rows: Iterable[Mapping[str, str]], *, spread: int = 0) -> list[str]:
        """Many records at once, unchecked, all with one stamp or `spread` µs apart; gives their ids."""
        with self._lock:
            return [str(id_) for id_ in self.world.fill(type, rows, spread)]

    # --- what a person sees

    def show(self, type: str, id: str) -> dict[str, Any] | None:
        """A record as a person sees it: properties, and what it belongs to; None if it is not there."""
        with self._lock:
            record = self.world.tables[type].records.get(int(id)) if str(id).isdigit() else None
            if record is None or not record.state.live:
                return None
            names = [*record.state.properties, *KINDS[type].shown]
            values = self.values(KINDS[type], record, record.state, names)
            return {**values, "associations": self._around(type, record)}

    def count(self, type: str) -> int:
        """How many live records there are."""
        return len(self.world.tables[type].ids[False])

    def ids(self, type: str) -> list[str]:
        """The ids of the live records, oldest first."""
        return [str(id_) for id_ in self.world.tables[type].ids[False]]

    # --- an admin's work

    def add_property(
        self,
        type: str,
        name: str,
        *,
        kind: str = "string",
        field_type: str = "text",
        options: Sequence[str | tuple[str, str]] = (),
        unique: bool = False,
        read_only: bool = False,
        label: str | None = None,
    ) -> None:
        """An admin makes a property; options are values or (value, label)."""
        pairs = tuple((one, one) if isinstance(one, str) else one for one in options)
        with self._lock:
            self.world.schema.properties[type][name] = Property(
                name, kind, field_type, label or name, f"{KINDS[type].singular}information", options=pairs,
                unique=unique, read_only=read_only, made_at=self.now(),
            )  # fmt: skip
            if unique:
                self.world.tables[type].make_unique(name)

    def remove_property(self, type: str, name: str) -> None:
        """An admin archives a property; its values are not shown any more."""
        with self._lock:
            self.world.schema.properties[type][name].archived = True
            self.world.tables[type].unique.pop(name, None)

    def add_pipeline(self, type: str, id: str, label: str, stages: Iterable[Sequence[Any]]) -> None:
        """An admin makes a pipeline with stages (id, label, is closed, probability)."""
        with self._lock:
            self.world.schema.add_pipeline(type, id, label, stages, self.now())

    def require(self, type: str, property: str) -> None:
        """An admin makes a property required: writes without it are refused."""
        self.world.schema.required[type].add(property)

    def validate(self, type: str, property: str, rule: Callable[[str], bool], message: str) -> None:
        """An admin sets a validation rule: values that break it are refused with the message."""
        self.world.schema.rules[type, property] = (rule, message)

    def lock(self, type: str, id: str) -> None:
        """Something holds the record: writes are 423 until `unlock`."""
        self.world.locked.add((type, int(id)))

    def unlock(self, type: str, id: str) -> None:
        """The record may be written again."""
        self.world.locked.discard((type, int(id)))

    @property
    def respell(self) -> Respell:
        """(type, property) → how the tool keeps a value in its own spelling."""
        return self.world.checks.respell

    # --- parts of the above

    def _label(self, start: str, end: str, *, primary: bool = False) -> Label:
        wanted = PRIMARY.get((start, end)) if primary else None
        back = PRIMARY.get((end, start)) if primary else None
        for label in self.world.links.labels[start, end].values():
            if (wanted and label.type_id == wanted) or (back and label.back == back):
                return label
        found = self.world.links.plain(start, end)
        if found is None:
            raise Problem(400, "VALIDATION_ERROR", f"{start} and {end} are never associated")
        return found

    def _around(self, type: str, record: Record) -> dict[str, Any]:
        company = self.world.links.primary(type, record.id)
        if type == "contacts":
            return {"company": self._living("companies", company)}
        if type == "companies":
            parents = self.world.neighbours(type, record.id, "companies")
            found = [id_ for id_, labels in parents.items() if any(label.type_id == PARENT for label in labels)]
            return {"parent": str(found[0]) if found else None}
        contacts = [str(id_) for id_ in self.world.neighbours(type, record.id, "contacts")]
        if type == "deals":
            return {"company": self._living("companies", company), "contacts": contacts}
        first = {end: next(iter(self.world.neighbours(type, record.id, end)), None) for end in ("companies", "deals")}
        return {
            "contacts": contacts,
            "company": self._living("companies", first["companies"]),
            "deal": self._living("deals", first["deals"]),
        }

    def _living(self, plural: str, id_: int | None) -> str | None:
        return str(id_) if id_ is not None and self.world.tables[plural].records[id_].state.live else None
