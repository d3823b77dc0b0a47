"""Writing a batch of edits: creates, then updates, then deletes, each as one call for all of them.

HubSpot compares no version, so the last writer wins, property by property. A create carries the edit's key in a
property that must be unique: a repeat meets the first instead of making a second record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from connectors._kit.paging import batches as cut
from connectors._kit.payload import Payload, nested
from connectors.hubspot.associations import Associations
from connectors.hubspot.batches import FOR_ALL, Batches, Inputs, Outcomes, not_sent
from connectors.hubspot.client import MERGED, Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.records import BATCH, Records
from connectors.hubspot.trouble import taken
from connectors.hubspot.wishes import Fate, Wish, Wishes, holds_up, wish_of, with_fate
from connectors.hubspot.words import COUPLED, HAPPENED, HOW_TO_MAKE_THE_KEY, LIFECYCLE, LINKS, STAGE, TIME
from core.errors import Exists, Gone, SchemaChanged, ToolError, Unsupported
from core.model.instant import iso
from core.model.values import Json
from core.ports import Edit, Fields, Receipt, Verb

_NO_KEY = "HubSpot has no property '{}', which keeps creates from being doubled."


class _Task(NamedTuple):
    """One edit, taken apart."""

    trace: str
    edit: Edit
    properties: dict[str, str]
    links: dict[str, Json]
    wish: Wish | None = None
    """What the person wants of HubSpot's mail."""

    @property
    def id(self) -> str:
        """The record, where there is one."""
        return self.edit.remote_id or ""


class Writer:
    """Writes any stream but owners."""

    def __init__(
        self, client: Client, shapes: Shapes, records: Records, links: Associations, wishes: Wishes, key: str
    ) -> None:
        self._client = client
        self._shapes = shapes
        self._records = records
        self._links = links
        self._wishes = wishes
        self._key = key

    def write(self, stream: str, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt for each edit, in order. Raises when an error concerns all of them and nothing was done."""
        sender = Batches(self._client, self._key)
        tasks = [_taken_apart(stream, f"edit-{place}", edit) for place, edit in enumerate(edits)]
        receipts: dict[str, Receipt] = {}
        for verb, act in ((Verb.CREATE, self._create), (Verb.UPDATE, self._update), (Verb.DELETE, self._delete)):
            for some in cut([task for task in tasks if task.edit.verb is verb], BATCH):
                receipts |= act(sender, stream, some)
        if any(isinstance(receipt.error, SchemaChanged) for receipt in receipts.values()):
            self._shapes.forget()
        if sender.halted is not None and all(one.error is sender.halted for one in receipts.values()):
            raise sender.halted
        return [receipts[task.trace] for task in tasks]

    # --- creates

    def _create(self, sender: Batches, stream: str, tasks: Sequence[_Task]) -> dict[str, Receipt]:
        inputs = {task.trace: self._new(stream, task) for task in tasks}
        outcomes = sender.send("create", stream, inputs, known=lambda some: self._known(stream, some))
        for trace, outcome in outcomes.items():
            if isinstance(outcome, Exists) and outcome.remote_id is None:
                outcomes[trace] = self._named(stream, outcome, {trace: inputs[trace]})
        made = {task.trace: self._made(task, outcomes[task.trace]) for task in tasks}
        fates = self._wished(sender, [task for task in tasks if made[task.trace].error is None])
        return {trace: with_fate(receipt, fates.get(trace, {})) for trace, receipt in made.items()}

    def _new(self, stream: str, task: _Task) -> dict[str, Json]:
        properties = {**task.properties, self._key: task.edit.key}
        if stream in HAPPENED and not properties.get(TIME):
            properties[TIME] = iso(self._client.clock())
        made: dict[str, Json] = {"properties": properties, "objectWriteTraceId": task.trace}
        links = [
            {
                "to": {"id": other},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": link.type_id}],
            }
            for link in LINKS[stream]
            for other in _ids(task.links.get(link.field))
        ]
        return made | ({"associations": links} if links else {})

    def _made(self, task: _Task, outcome: Payload | ToolError) -> Receipt:
        if isinstance(outcome, SchemaChanged) and self._key in str(outcome.facts.get("field", "")).split(", "):
            return Receipt(error=SchemaChanged(_NO_KEY.format(self._key), remedy=HOW_TO_MAKE_THE_KEY, field=self._key))
        if isinstance(outcome, ToolError):
            return Receipt(error=outcome)
        linked = {f"associations.{name}": value for name, value in task.links.items() if value}
        return _receipt(outcome, {**_written(task, outcome), **linked})

    def _known(self, stream: str, inputs: Inputs) -> dict[str, str]:
        """Which of these creates are there already, by their key or, for contacts, by their address."""
        found: dict[str, str] = {}
        for name in (self._key, *(("email",) if stream == "contacts" else ())):
            values = {trace: str(one["properties"].get(name) or "") for trace, one in inputs.items()}
            ids = self._records.ids_by(stream, name, [value for value in values.values() if value])
            found = {trace: ids[v.lower()] for trace, v in values.items() if v.lower() in ids} | found
        return found

    def _named(self, stream: str, error: Exists, inputs: Inputs) -> ToolError:
        with suppress(ToolError):
            return next((Exists(error.message, remote_id=id_) for id_ in self._known(stream, inputs).values()), error)
        return error

    # --- updates

    def _update(self, sender: Batches, stream: str, tasks: Sequence[_Task]) -> dict[str, Receipt]:
        outcomes: Outcomes = {task.trace: _no_such(task) for task in tasks if not task.id.isdigit()}
        tasks_there = [task for task in tasks if task.trace not in outcomes]
        # A refusal goes before anything else; only for an address that is new the contact comes first.
        first = self._wished(sender, [task for task in tasks_there if "email" not in task.properties])
        tasks_there = [task for task in tasks_there if not holds_up(task.wish, first.get(task.trace))]
        back = [task for task in tasks_there if self._goes_back(stream, task)]
        cleared = sender.send("update", stream, {task.trace: _update_of(task, {STAGE: ""}) for task in back})
        outcomes |= {trace: outcome for trace, outcome in cleared.items() if isinstance(outcome, ToolError)}
        left = [task for task in tasks_there if task.trace not in outcomes]
        inputs = {
            task.trace: _update_of(task, {**_coupled(stream, task.edit), **task.properties})
            for task in left
            if task.properties
        }
        outcomes |= sender.send("update", stream, inputs)
        shown = self._linked(sender, stream, [task for task in left if task.links], outcomes)
        moved = self._moved(stream, [task.id for task in tasks if isinstance(outcomes.get(task.trace), Gone)])
        done = {task.trace: _updated(task, outcomes.get(task.trace), shown.get(task.id), moved) for task in tasks}
        then = self._wished(sender, [one for one in left if one.trace not in first and done[one.trace].error is None])
        return {trace: with_fate(receipt, {**first, **then}.get(trace, {})) for trace, receipt in done.items()}

    def _wished(self, sender: Batches, tasks: Sequence[_Task]) -> dict[str, Fate]:
        return self._wishes.carry_out(sender, {task.trace: task.wish for task in tasks if task.wish is not None})

    def _goes_back(self, stream: str, task: _Task) -> bool:
        """Whether HubSpot would ignore the new stage, because it lies before the one the record is in."""
        wanted, held = task.properties.get(STAGE), task.edit.held.get(STAGE)
        if not wanted or not held or wanted == held:
            return False
        order: Sequence[str] = LIFECYCLE
        with suppress(ToolError):
            order = self._shapes.of(stream).choices(STAGE) or LIFECYCLE
        return wanted in order and held in order and order.index(wanted) < order.index(str(held))

    def _linked(
        self, sender: Batches, stream: str, tasks: Sequence[_Task], outcomes: Outcomes
    ) -> Mapping[str, Mapping[str, Json]]:
        """Change associations of the records that are well so far; errors go into the outcomes."""
        wanted = {task.id: task.links for task in tasks if not isinstance(outcomes.get(task.trace), ToolError)}
        if not wanted:
            return {}
        errors: Mapping[str, ToolError]
        try:
            shown, errors = self._links.change(stream, wanted)
        except ToolError as error:
            shown, errors = {}, dict.fromkeys(wanted, error)
        outcomes |= {task.trace: errors[task.id] for task in tasks if task.id in errors}
        sender.halted = next((one for one in errors.values() if isinstance(one, FOR_ALL)), sender.halted)
        return shown

    def _moved(self, stream: str, ids: Sequence[str]) -> dict[str, str]:
        """Where records that are not there went, as far as they went anywhere."""
        with suppress(ToolError):
            return {one.id: one.moved_to for one in self._records.by_id(stream, ids) if one.moved_to} if ids else {}
        return {}

    # --- merges

    def merge(self, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        """Merge two records; the one that is left has a new id, to which both old ones lead."""
        if stream not in MERGED:
            raise Unsupported(f"HubSpot merges no {stream}.", stream=stream)
        body = {"primaryObjectId": survivor_id, "objectIdToMerge": loser_id}
        return _receipt(self._client.ask(stream, "merge", body).payload(), {}, version=False)

    # --- deletes

    def _delete(self, sender: Batches, stream: str, tasks: Sequence[_Task]) -> dict[str, Receipt]:
        there = [task for task in tasks if task.id.isdigit()]
        inputs = {task.trace: {"id": task.id} for task in there if not task.edit.for_good}
        outcomes = sender.send("archive", stream, inputs)
        outcomes |= {task.trace: self._purge(sender, stream, task) for task in there if task.edit.for_good}
        return {task.trace: _deleted(task, outcomes.get(task.trace, _no_such(task))) for task in tasks}

    def _purge(self, sender: Batches, stream: str, task: _Task) -> Payload | ToolError:
        """Delete one record so that it is in no bin: one call each, since there is none for many."""
        if sender.halted is not None:
            return not_sent(sender.halted)
        try:
            answer = self._client.ask(stream, "purge", {"objectId": task.id})
        except FOR_ALL as error:
            sender.halted = error
            return error
        except ToolError as error:
            return error
        return Payload({}, answer.where)


def _taken_apart(stream: str, trace: str, edit: Edit) -> _Task:
    fields = nested(edit.fields)
    links = fields.pop("associations", None) or {}
    wish = wish_of(edit, fields) if stream == "contacts" and edit.verb is not Verb.DELETE else None
    known = {link.field for link in LINKS[stream]}
    properties = {name: _text(value) for name, value in fields.items()}
    return _Task(trace, edit, properties, {name: value for name, value in links.items() if name in known}, wish)


def _text(value: Json) -> str:
    """A value as HubSpot takes it: everything is text, and blank text clears."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    return str(value)


def _ids(value: Json) -> list[str]:
    if not value:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _update_of(task: _Task, properties: Mapping[str, str]) -> dict[str, Json]:
    return {"id": task.id, "properties": dict(properties), "objectWriteTraceId": task.trace}


def _coupled(stream: str, edit: Edit) -> dict[str, str]:
    """What must be sent along with what changed, as the tool is known to hold it."""
    names = COUPLED.get(stream, ())
    if not any(name in edit.fields for name in names):
        return {}
    return {name: str(edit.held[name]) for name in names if name not in edit.fields and edit.held.get(name)}


def _written(task: _Task, told: Payload) -> Fields:
    """What HubSpot now holds of what was written, as far as it says."""
    held = told.object("properties", {})
    return {name: held[name] or None for name in task.properties if name in held}


def _receipt(told: Payload, fields: Fields, *, version: bool = True) -> Receipt:
    return Receipt(
        told.id("id"),
        told.text("updatedAt", None) if version else None,
        told.instant("updatedAt", None) if version else None,
        fields,
    )


def _updated(
    task: _Task, outcome: Payload | ToolError | None, shown: Mapping[str, Json] | None, moved: Mapping[str, str]
) -> Receipt:
    if isinstance(outcome, Gone):
        return Receipt(error=Gone(outcome.message, moved_to=moved.get(task.id), id=task.id))
    if isinstance(outcome, Exists):
        return Receipt(error=taken(outcome.remote_id))
    if isinstance(outcome, ToolError):
        return Receipt(error=outcome)
    linked = {f"associations.{name}": value for name, value in (shown or {}).items()}
    if outcome is None:
        return Receipt(task.id, fields=linked)
    if outcome.id("id") != task.id:
        return Receipt(error=Gone("The record was merged into another.", moved_to=outcome.id("id"), id=task.id))
    # Whether new associations move the record's stamp is not promised, so no version is claimed then.
    return _receipt(outcome, {**_written(task, outcome), **linked}, version=not linked)


def _deleted(task: _Task, outcome: Payload | ToolError) -> Receipt:
    return Receipt(error=outcome) if isinstance(outcome, ToolError) else Receipt(task.id)


def _no_such(task: _Task) -> Gone:
    return Gone("HubSpot has no record with this id.", id=task.id or None)
