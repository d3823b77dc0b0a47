"""One HubSpot account: what it holds, and what may be done to it, by people and by apps.

Here are the rules of the tool itself; paths, tokens and limits are `sandbox_base.py`'s business. Everything refused
is a `Problem`, before anything is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from connectors._kit.mischief import Mischief, Switch
from connectors.hubspot.sandbox_checks import Checks
from connectors.hubspot.sandbox_links import Label, Links
from connectors.hubspot.sandbox_problems import Problem, invalid, not_found
from connectors.hubspot.sandbox_schema import Schema
from connectors.hubspot.sandbox_store import Record, State, Table
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import KINDS, PRIMARY
from core.model.instant import MILLISECOND, SECOND, Instant

_FIRST_ID = 9_951
"""So that ids soon get one digit more: whoever compares them as text is found out."""
_LATE_BY = 60 * SECOND
_MOST_MERGES = 250


class Happening(NamedTuple):
    """Something webhooks may tell of."""

    what: str
    """creation, deletion, restore, merge, privacyDeletion, propertyChange or associationChange."""
    plural: str
    id: int
    at: Instant
    by_app: bool
    facts: Mapping[str, Any]


class Link(NamedTuple):
    """An association that a create brings along."""

    label: Label
    other: int


class World:
    """The account. `by_app` says whether an app (an API call) or a person does it."""

    def __init__(self, now: Callable[[], Instant], mischief: Mischief, portal: int) -> None:
        self.now = now
        self.mischief = mischief
        self.schema = Schema(now())
        self.links = Links()
        self.tables = {plural: Table(self.schema.unique(plural)) for plural in KINDS}
        self.checks = Checks(self.schema, self.tables, portal)
        self.locked: set[tuple[str, int]] = set()
        self.erased: set[str] = set()
        """Addresses that were erased and cannot be used again."""
        self.tell: Callable[[Happening], None] = lambda _: None
        self.links_bump = False
        """Whether a change of associations stamps both records; HubSpot does not promise it."""
        self._ids = _FIRST_ID - 1
        self._last_stamp: Instant = 0
        self._moment: Instant | None = None

    # --- looking

    def record(self, plural: str, id_: int) -> Record:
        """A live record, also by an id from before a merge; a `Problem` if there is none."""
        record = self.tables[plural].find(id_)
        if record is None or not record.state.live:
            raise not_found()
        return record

    def by_value(self, plural: str, name: str, value: str) -> Record | None:
        """The live record with this value of a unique property; a `Problem` for any other property."""
        if name == "hs_object_id":
            found = self.tables[plural].find(int(value)) if value.isdigit() else None
            return found if found is not None and found.state.live else None
        if name not in self.tables[plural].unique:
            raise invalid(f"'{name}' is not a unique identifier property of {KINDS[plural].loud}.")
        return self.tables[plural].by_value(name, value)

    def neighbours(self, plural: str, id_: int, end: str) -> dict[int, list[Label]]:
        """The live records of another type that belong to this one, with their labels."""
        found = self.links.of(plural, id_, end)
        records = self.tables[end].records
        return {other: labels for other, labels in found.items() if records[other].state.live}

    def unlocked(self, plural: str, record: Record) -> None:
        """A `Problem` while somebody holds the record."""
        if (plural, record.id) in self.locked:
            raise Problem(423, "LOCKED", f"The record {record.id} is locked; wait and try again.")

    # --- changing

    def create(
        self, plural: str, properties: Mapping[str, Any], links: Sequence[Link] = (), *, by_app: bool = False
    ) -> Record:
        """Make a record."""
        clean = self.checks.create(plural, properties, self._ids + 1, self.erased, by_app=by_app)
        self._ids += 1
        stamp = self._stamp(by_app)
        record = self.tables[plural].put(self._ids, stamp, State(clean, stamp, self.now()))
        self._say("creation", plural, record, by_app)
        self._say_changes(plural, record, clean, by_app)
        for link in links:
            self._tie(plural, record.id, link.label, link.other, by_app, is_new=True)
        if KINDS[plural].is_activity:
            self._log_activity(plural, record, by_app)
        return record

    def edit(self, plural: str, record: Record, properties: Mapping[str, Any], *, by_app: bool = False) -> Record:
        """Change properties; the stamp moves even if the values do not."""
        if by_app:
            self.unlocked(plural, record)
        before = record.state.properties
        changed = self.checks.edit(plural, record, properties, self.erased, by_app=by_app)
        after = {name: value for name, value in {**before, **changed}.items() if value != ""}
        self._put(plural, record, after, by_app)
        news = {name: value for name, value in changed.items() if value != before.get(name, "")}
        self._say_changes(plural, record, news, by_app)
        return record

    def mirror(self, plural: str, record: Record, properties: Mapping[str, str], *, stamps: bool) -> None:
        """The tool itself repeats on a record what it keeps elsewhere; the stamp need not move."""
        held = record.state.properties
        news = {name: value for name, value in properties.items() if value != held.get(name, "")}
        if news:
            state = record.state._replace(properties={**held, **news}, seen_at=self.now())
            if stamps:
                state = state._replace(modified_at=max(self._stamp(False), state.modified_at))
            self.tables[plural].put(record.id, record.created_at, state)
            self._say_changes(plural, record, news, False)

    def archive(self, plural: str, record: Record, *, by_app: bool = False) -> None:
        """Delete, as HubSpot does: it can be restored."""
        if by_app:
            self.unlocked(plural, record)
        now = self.now()
        stamp = now - now % MILLISECOND
        self.tables[plural].put(record.id, record.created_at, record.state._replace(archived_at=stamp, seen_at=now))
        self._say("deletion", plural, record, by_app)

    def restore(self, plural: str, record: Record) -> None:
        """A person takes a record out of the bin."""
        state = record.state._replace(archived_at=None, modified_at=self._stamp(False), seen_at=self.now())
        self.tables[plural].put(record.id, record.created_at, state)
        self._say("restore", plural, record, False)

    def erase(self, plural: str, record: Record | None, email: str, *, by_app: bool = False) -> None:
        """Delete for good; the address can never be used again."""
        addresses = [email] if record is None else [record.state.properties.get("email", "")]
        self.erased.update(address.lower() for address in addresses if address)
        if record is not None:
            gone = State({}, record.state.modified_at, self.now(), gone=True)
            self.tables[plural].put(record.id, record.created_at, gone)
            record.past = ()
            self._say("privacyDeletion", plural, record, by_app)

    def merge(self, plural: str, winner: Record, loser: Record, *, by_app: bool = False) -> Record:
        """Two records become a new one; both old ids lead to it (since 2025-01-14)."""
        if winner.id == loser.id:
            raise invalid("A record cannot be merged with itself.")
        first, second = winner.state.properties, loser.state.properties
        merged = {**second, **first, **self._merge_notes(plural, winner, loser)}
        if merged["hs_merged_object_ids"].count(";") >= _MOST_MERGES:
            raise Problem(414, "VALIDATION_ERROR", f"A record can be merged {_MOST_MERGES} times at most.")
        table, now = self.tables[plural], self.now()
        for old in (winner, loser):
            table.put(old.id, old.created_at, old.state._replace(seen_at=now, gone=True))
        self._ids += 1
        stamp = self._stamp(by_app)
        made = table.put(self._ids, min(winner.created_at, loser.created_at), State(merged, stamp, now))
        for old in (winner, loser):
            table.moved[old.id] = made.id
            self.links.move(plural, old.id, made.id)
        moved = sum(name not in first for name in second)
        self._say(
            "merge", plural, made, by_app, primaryObjectId=winner.id, mergedObjectIds=[loser.id], newObjectId=made.id,
            numberOfPropertiesMoved=moved,
        )  # fmt: skip
        return made

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What happens in here gets one stamp, as the rows of one batch do."""
        self._moment = self.now()
        try:
            yield
        finally:
            self._moment = None

    def tie(self, start: str, id_: int, label: Label, other: int, *, by_app: bool = False) -> None:
        """Associate two live records."""
        first, second = self.record(start, id_), self.record(label.end, other)
        self._tie(start, first.id, label, second.id, by_app)

    def untie(
        self, start: str, id_: int, end: str, other: int, type_id: int | None = None, *, by_app: bool = False
    ) -> None:
        """Take an association or one of its labels away; nothing happens where there is none."""
        labels = [one for one in self.links.of(start, id_, end).get(other, ()) if type_id in (None, one.type_id)]
        if labels and self.links.remove(start, id_, end, other, type_id):
            for label in labels:
                self._tied(start, id_, label, other, by_app, removed=True)

    def fill(self, plural: str, rows: Iterable[Mapping[str, str]], spread: int = 0) -> list[int]:
        """Many records at once with one stamp, as a bulk import leaves them, or `spread` µs apart; values unchecked."""
        table, now = self.tables[plural], self.now()
        stamp = now - now % MILLISECOND
        first = self._ids + 1
        for number, row in enumerate(rows):
            self._ids += 1
            at = stamp + number * spread
            table.put(self._ids, at, State({name: value for name, value in row.items() if value}, at, now))
        return list(range(first, self._ids + 1))

    # --- parts of the above

    def _put(self, plural: str, record: Record, properties: Mapping[str, str], by_app: bool) -> None:
        stamp = max(self._stamp(by_app), record.state.modified_at)
        state = State(properties, stamp, self.now(), record.state.archived_at)
        self.tables[plural].put(record.id, record.created_at, state)

    def _stamp(self, by_app: bool) -> Instant:
        stamp = self.now() if self._moment is None else self._moment
        if not by_app and self.mischief.fires(Switch.LATE):
            stamp -= self.mischief.below(_LATE_BY)
        if self._last_stamp and self.mischief.fires(Switch.TIED):
            stamp = self._last_stamp
        stamp -= stamp % MILLISECOND
        self._last_stamp = max(self._last_stamp, stamp)
        return stamp

    def _merge_notes(self, plural: str, winner: Record, loser: Record) -> dict[str, str]:
        first, second = winner.state.properties, loser.state.properties
        notes = {"hs_merged_object_ids": _joined(first.get("hs_merged_object_ids"), second.get("hs_merged_object_ids"),
                                                 winner.id, loser.id)}  # fmt: skip
        if plural == "contacts":
            at = self.now() // MILLISECOND
            notes["hs_calculated_merged_vids"] = _joined(
                first.get("hs_calculated_merged_vids"), f"{winner.id}:{at}", f"{loser.id}:{at}"
            )
            more = _joined(first.get("hs_additional_emails"), second.get("email") if first.get("email") else None,
                           second.get("hs_additional_emails"))  # fmt: skip
            notes |= {"hs_additional_emails": more} if more else {}
        return notes

    def _tie(self, start: str, id_: int, label: Label, other: int, by_app: bool, *, is_new: bool = False) -> None:
        if self.links.add(start, id_, label.end, other, label.type_id):
            self._tied(start, id_, label, other, by_app, is_new=is_new)

    def _tied(
        self, start: str, id_: int, label: Label, other: int, by_app: bool, *, removed: bool = False,
        is_new: bool = False,
    ) -> None:  # fmt: skip
        for plural, own, end, far in ((start, id_, label.end, other), (label.end, other, start, id_)):
            record = self.tables[plural].records[own]
            if plural == "contacts" and end == "companies" and {label.type_id, label.back} & set(PRIMARY.values()):
                company = self.links.primary("contacts", own)
                held = {**record.state.properties, "associatedcompanyid": str(company or "")}
                self._put(plural, record, {name: value for name, value in held.items() if value}, by_app)
            elif self.links_bump and not (is_new and plural == start):
                self._put(plural, record, record.state.properties, by_app)
            noun = f"{KINDS[plural].loud}_TO_{KINDS[end].loud}"
            self._say(
                "associationChange", plural, record, by_app, fromObjectId=own, toObjectId=far, associationType=noun,
                associationRemoved=removed, isPrimaryAssociation=label.name == "Primary",
            )  # fmt: skip

    def _log_activity(self, plural: str, record: Record, by_app: bool) -> None:
        """Logging an activity stamps the records it is about."""
        at = spelt(record.created_at)
        for end in ("contacts", "companies", "deals"):
            for other in self.links.of(plural, record.id, end):
                about = self.tables[end].records[other]
                self._put(end, about, {**about.state.properties, "notes_last_updated": at}, by_app)

    def _say(self, what: str, plural: str, record: Record, by_app: bool, **facts: Any) -> None:
        self.tell(Happening(what, plural, record.id, self.now(), by_app, facts))

    def _say_changes(self, plural: str, record: Record, news: Mapping[str, str], by_app: bool) -> None:
        for name, value in news.items():
            self._say("propertyChange", plural, record, by_app, propertyName=name, propertyValue=value)


def _joined(*parts: Any) -> str:
    return ";".join(dict.fromkeys(piece for part in parts if part for piece in str(part).split(";")))
