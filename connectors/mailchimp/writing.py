"""Writing a batch of edits: creates, then changes, then deletes.

A change is up to four calls, taken in rounds over all edits: a look, where tags or consent are meant; the plain fields,
with a narrower consent among them; the tags; and last a wider consent, alone, so that its refusal holds nothing else
up. Mailchimp compares no version: the last writer wins, field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors._kit.payload import Payload, dig
from connectors.mailchimp.client import Client
from connectors.mailchimp.consent import NOTHING, Manners, Step, on_update
from connectors.mailchimp.creating import Creator, New
from connectors.mailchimp.describing import Shapes
from connectors.mailchimp.members import Members, flat
from connectors.mailchimp.preparing import Wanted, prepared
from connectors.mailchimp.sending import Batching, Operation, Outcome, Sender
from connectors.mailchimp.trouble import moved
from connectors.mailchimp.words import ARCHIVED, STATUS, TAGS
from core.errors import Gone, SchemaChanged, ToolError, Unsupported
from core.model.values import Json
from core.ports import Edit, Receipt, Verb


@dataclass(slots=True)
class _Change:
    """One edit of a member that is there, on its way through the rounds."""

    edit: Edit
    wanted: Wanted
    path: str
    told: Payload | None = None
    """The member as Mailchimp showed it last."""
    step: Step = NOTHING
    tagged: bool = False
    error: ToolError | None = None

    @property
    def looks(self) -> bool:
        """Whether it must be seen first, how the member stands."""
        return self.wanted.status is not None or self.wanted.tags is not None or not self.wanted.body()

    def operation(self, word: str, method: str, *parts: str, **call: Any) -> Operation:
        """One of its calls."""
        return Operation(f"{self.edit.key}:{word}", method, ("members", *parts), **call)


class Writer:
    """Writes members."""

    def __init__(
        self, client: Client, shapes: Shapes, members: Members, batches: Batching, settings: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._shapes = shapes
        self._members = members
        self._batches = batches
        self._manners = Manners.of(settings)
        self._above = int(settings.get("batch_above") or 0)
        self._params = {"skip_merge_validation": True} if settings.get("skip_required") else None
        self._creator = Creator(client, members, self._manners, self._params)
        self.addresses: dict[str, str] = {}
        """Key of a create → the address it was for, of all that this process tried."""

    def write(self, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt for each edit, in order. Raises when an error concerns all of them and nothing was done."""
        sender = Sender(self._client, self._batches, self._above)
        receipts: dict[int, Receipt] = {}
        news: dict[int, New] = {}
        changes: dict[int, _Change] = {}
        merges = self._shapes.merges() if any(edit.verb is not Verb.DELETE for edit in edits) else {}
        for place, edit in enumerate(edits):
            wanted = prepared(edit, merges)
            if isinstance(wanted, ToolError):
                receipts[place] = Receipt(error=wanted)
            elif edit.verb is Verb.CREATE:
                news[place] = New(edit, wanted)
            elif edit.verb is Verb.UPDATE:
                changes[place] = _Change(edit, wanted, edit.remote_id or "")
        receipts |= self._create(sender, news)
        receipts |= self._change(sender, changes)
        gone = {place: edit for place, edit in enumerate(edits) if edit.verb is Verb.DELETE}
        receipts |= self._delete(sender, {place: edit for place, edit in gone.items() if not edit.for_good})
        receipts |= self._erase({place: edit for place, edit in gone.items() if edit.for_good})
        if any(isinstance(receipt.error, SchemaChanged) for receipt in receipts.values()):
            self._shapes.forget()
        if sender.halted is not None and not sender.done and all(one.error for one in receipts.values()):
            raise sender.halted
        return [receipts[place] for place in range(len(edits))]

    # --- creates

    def _create(self, sender: Sender, news: Mapping[int, New]) -> dict[int, Receipt]:
        if not news:
            return {}
        self.addresses |= {new.edit.key: new.wanted.address for new in news.values()}
        outcomes = self._creator.create(sender, list(news.values()))
        return {place: _made(news[place], outcome) for place, outcome in zip(news, outcomes, strict=True)}

    # --- changes

    def _change(self, sender: Sender, changes: Mapping[int, _Change]) -> dict[int, Receipt]:
        found = list(changes.values())
        for one, place in zip(found, self._places(sender, [one.path for one in found]), strict=True):
            one.error, one.path = (place, "") if isinstance(place, ToolError) else (None, place)
        self._round(sender, found, self._look, _seen)
        for one in found:
            if one.error is None and one.told is not None and one.wanted.status is not None:
                one.step = on_update(one.wanted.status, one.told.text(STATUS), self._manners)
        self._round(sender, found, self._plain, _seen)
        self._round(sender, found, self._tag, _tagged)
        self._round(sender, found, self._widen, _seen)
        if any(isinstance(one.error, Gone) for one in found):
            self._members.prove()
        return {place: _changed(one) for place, one in changes.items()}

    def _round(
        self,
        sender: Sender,
        changes: Iterable[_Change],
        make: Callable[[_Change], Operation | None],
        take: Callable[[_Change, Payload], None],
    ) -> None:
        """One call of all that need it and are well so far."""
        found: list[tuple[_Change, Operation]] = []
        for one in changes:
            try:
                operation = make(one) if one.error is None else None
            except ToolError as error:
                one.error = error
                continue
            if operation is not None:
                found.append((one, operation))
        outcomes = sender.send([operation for _, operation in found])
        for (one, _), outcome in zip(found, outcomes, strict=True):
            if isinstance(outcome, ToolError):
                one.error = outcome
            else:
                take(one, outcome)

    def _look(self, one: _Change) -> Operation | None:
        return one.operation("look", "GET", one.path) if one.looks else None

    def _plain(self, one: _Change) -> Operation | None:
        narrowed = None if one.step.widens else one.step.status
        body = one.wanted.body(status=narrowed)
        return one.operation("change", "PATCH", one.path, body=body, params=self._params) if body else None

    def _tag(self, one: _Change) -> Operation | None:
        if one.wanted.tags is None or one.told is None:
            return None
        held, wanted = self._members.tags_of(one.told), one.wanted.tags
        turned = [{"name": name, "status": "active"} for name in wanted if name not in held]
        turned += [{"name": name, "status": "inactive"} for name in held if name not in wanted]
        # By the hash, which is the only name that this call is documented with.
        return one.operation("tags", "POST", one.told.id("id"), "tags", body={"tags": turned}) if turned else None

    def _widen(self, one: _Change) -> Operation | None:
        if one.step.refusal is not None:
            one.error = one.step.refusal
            return None
        if not one.step.widens:
            return None
        return one.operation("ask", "PATCH", one.path, body={STATUS: one.step.status}, params=self._params)

    def _places(self, sender: Sender, ids: Sequence[str]) -> Sequence[str | ToolError]:
        """How members are named in paths; the same error for all where that cannot be found out."""
        try:
            return self._members.places(ids)
        except ToolError as error:
            sender.note(error)
            return [error] * len(ids)

    # --- deletes

    def _delete(self, sender: Sender, edits: Mapping[int, Edit]) -> dict[int, Receipt]:
        places = self._places(sender, [edit.remote_id or "" for edit in edits.values()])
        named = {place: path for place, path in zip(edits, places, strict=True) if isinstance(path, str)}
        receipts = {
            place: Receipt(error=path) for place, path in zip(edits, places, strict=True) if not isinstance(path, str)
        }
        operations = [Operation(f"{edits[p].key}:archive", "DELETE", ("members", path)) for p, path in named.items()]
        for place, outcome in zip(named, sender.send(operations), strict=True):
            receipts[place] = _archived(edits[place], outcome)
        if any(isinstance(receipt.error, Gone) for receipt in receipts.values()):
            self._members.prove()
        return receipts

    def _erase(self, edits: Mapping[int, Edit]) -> dict[int, Receipt]:
        """Delete for good. Their addresses can never be brought back by any interface; nothing undoes it."""
        outcomes = self._client.side_by_side([edit.remote_id or "" for edit in edits.values()], self._erased)
        return {
            place: Receipt(error=one) if isinstance(one, ToolError) else one
            for place, one in zip(edits, outcomes, strict=True)
        }

    def _erased(self, id_: str) -> Receipt:
        try:
            told = self._members.one(id_)
        except Gone:
            return Receipt(id_)
        # By the hash, which is the only name that this call is documented with.
        self._client.ask("POST", "members", told.id("id"), "actions", "delete-permanent")
        return Receipt(id_)


def _seen(one: _Change, told: Payload) -> None:
    one.told = told
    if told.text(STATUS, "") == ARCHIVED:
        one.error = Gone("The member is archived.", id=one.edit.remote_id)


def _tagged(one: _Change, _told: Payload) -> None:
    one.tagged = True


def _made(new: New, outcome: Outcome) -> Receipt:
    if isinstance(outcome, ToolError):
        return Receipt(error=outcome)
    return _receipt(new.edit, new.wanted, outcome, version=not new.wanted.tags)


def _changed(one: _Change) -> Receipt:
    if one.error is not None:
        return Receipt(error=moved(one.error))
    if one.told is None:
        return Receipt(one.edit.remote_id)
    # Whether tags move the record's stamp is not promised, so no version is claimed then.
    return _receipt(one.edit, one.wanted, one.told, version=not one.tagged)


def _receipt(edit: Edit, wanted: Wanted, told: Payload, *, version: bool) -> Receipt:
    """What Mailchimp now holds of what was written."""
    held: dict[str, Json] = {**flat(told)}
    if wanted.tags is not None:
        held[TAGS] = wanted.tags
    written = {path: dig(held, path) for path in edit.fields if path.partition(".")[0] in held}
    stamp = told.text("last_changed", "") if version else ""
    return Receipt(
        told.id("contact_id"), stamp or None, told.instant("last_changed") if stamp else None, written
    )  # fmt: skip


def _archived(edit: Edit, outcome: Outcome) -> Receipt:
    if isinstance(outcome, Unsupported):
        # What is archived already cannot be archived again.
        return Receipt(error=Gone("The member is archived already.", id=edit.remote_id))
    return Receipt(error=outcome) if isinstance(outcome, ToolError) else Receipt(edit.remote_id)
