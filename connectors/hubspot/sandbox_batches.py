"""The calls about many records: read, create, update, upsert, archive, a hundred at most.

What goes wrong with one input is told apart by its `objectWriteTraceId`; without one, the first bad input fails the
whole call and nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import Cut, body_of, crm, flag, text_of
from connectors.hubspot.sandbox_objects import Objects, properties_of
from connectors.hubspot.sandbox_problems import Problem, invalid, missing_ids
from connectors.hubspot.sandbox_store import Record
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import Kind

Input = Mapping[str, Any]
MOST = 100


class Batches(Objects):
    """`/crm/objects/{type}/batch/…`."""

    @crm("POST", "objects", "/{type}/batch/read", reading=True)
    def batch_read(self, call: Call, type: str) -> Response:
        """Records by id or unique value, each once; 207 when some are missing."""
        kind, data = self.readable(type), body_of(call)
        archived, name = flag(call, "archived"), data.get("idProperty")
        names = self.asked(kind, data.get("properties") or [])
        found: dict[int, dict[str, Any]] = {}
        missing: list[str] = []
        for one in inputs_of(data):
            record = self._sought(kind, text_of(one, "id"), name, archived)
            if record is None:
                missing.append(text_of(one, "id"))
            else:
                found[record.id] = self.shown(kind, record, record.state, names)
        errors = [missing_ids(kind.loud, missing).item({})] if missing else []
        return self.batch(200, self.mischief.disturbed(list(found.values())), errors)

    @crm("POST", "objects", "/{type}/batch/create")
    def batch_create(self, call: Call, type: str) -> Response:
        """New records with what they belong to."""
        kind = self.writable(type)
        inputs = inputs_of(body_of(call))

        def create(one: Input, trial: bool) -> dict[str, Any]:
            links = self.links_of(kind, one.get("associations"))
            properties = properties_of(one)
            if trial:
                self.world.checks.create(kind.plural, properties, 0, self.world.erased, by_app=True)
                return {}
            record = self.world.create(kind.plural, properties, links, by_app=True)
            return self.written(kind, record, properties)

        return self._each(kind, 201, inputs, create)

    @crm("POST", "objects", "/{type}/batch/update")
    def batch_update(self, call: Call, type: str) -> Response:
        """Changes by id or unique value; each record may be named once."""
        kind = self.writable(type)
        inputs = inputs_of(body_of(call))
        _no_doubles(inputs)
        self._unlocked(kind, inputs)

        def update(one: Input, trial: bool) -> dict[str, Any]:
            properties = properties_of(one)
            record = self._there(kind, one)
            if trial:
                self.world.checks.edit(kind.plural, record, properties, self.world.erased, by_app=True)
                return {}
            self.world.edit(kind.plural, record, properties, by_app=True)
            return self.written(kind, record, properties)

        return self._each(kind, 200, inputs, update)

    @crm("POST", "objects", "/{type}/batch/upsert")
    def batch_upsert(self, call: Call, type: str) -> Response:
        """Change what a unique value names, or make it."""
        kind = self.writable(type)
        inputs = inputs_of(body_of(call))
        _no_doubles(inputs)
        self._unlocked(kind, inputs)

        def upsert(one: Input, trial: bool) -> dict[str, Any]:
            name, value = one.get("idProperty") or "hs_object_id", text_of(one, "id")
            properties = properties_of(one)
            record = self.world.by_value(kind.plural, name, value)
            is_new = record is None
            if name != "hs_object_id" and is_new:
                properties = {**properties, name: value}
            if is_new and name == "hs_object_id":
                raise missing_ids(kind.loud, [value])
            if trial:
                if record is None:
                    self.world.checks.create(kind.plural, properties, 0, self.world.erased, by_app=True)
                else:
                    self.world.checks.edit(kind.plural, record, properties, self.world.erased, by_app=True)
                return {}
            if record is None:
                record = self.world.create(kind.plural, properties, by_app=True)
            else:
                self.world.edit(kind.plural, record, properties, by_app=True)
            return {**self.written(kind, record, properties), "new": is_new}

        return self._each(kind, 200, inputs, upsert)

    @crm("POST", "objects", "/{type}/batch/archive")
    def batch_archive(self, call: Call, type: str) -> Response:
        """Archived; ids that are not there are passed over."""
        kind = self.writable(type)
        inputs = inputs_of(body_of(call))
        self._unlocked(kind, inputs)
        cut = self._cut(inputs)
        table = self.world.tables[kind.plural]
        for one in inputs[:cut]:
            id_ = text_of(one, "id")
            record = table.find(int(id_)) if id_.isdigit() else None
            if record is not None and record.state.live:
                self.world.archive(kind.plural, record, by_app=True)
        if cut is not None:
            raise Cut
        return Response(204)

    # --- the shape of a batch

    def batch(self, status: int, results: Sequence[Any], errors: Sequence[Any] = ()) -> Response:
        """The frame around results, 207 with errors."""
        now = spelt(self.now())
        body = {"status": "COMPLETE", "results": list(results), "startedAt": now, "completedAt": now}
        if errors:
            return Response(207, {**body, "numErrors": len(errors), "errors": list(errors)})
        return Response(status, body)

    def _each(
        self, kind: Kind, status: int, inputs: Sequence[Input], do: Callable[[Input, bool], dict[str, Any]]
    ) -> Response:
        """Do one after the other; where trace ids are missing, try all first and do nothing if one fails."""
        traced = _traced(inputs)
        refused = [self.mischief.fires(Switch.PARTIAL) for _ in inputs]
        if not traced:
            self._no_twins(kind, inputs)
            for one, out in zip(inputs, refused, strict=True):
                _turned_away(out)
                do(one, True)
        cut = self._cut(inputs)
        results, errors = [], []
        with self.world.at_once():
            for one, out in zip(inputs[:cut], refused, strict=False):
                trace = one.get("objectWriteTraceId")
                try:
                    _turned_away(out)
                    results.append({**do(one, False), **({"objectWriteTraceId": trace} if trace else {})})
                except Problem as problem:
                    if not traced:
                        raise
                    errors.append(problem.item({"objectWriteTraceId": [str(trace)]}))
        if cut is not None:
            raise Cut
        return self.batch(status, results, errors)

    def _cut(self, inputs: Sequence[Input]) -> int | None:
        return self.mischief.below(len(inputs)) if self.mischief.fires(Switch.CUT) else None

    def _no_twins(self, kind: Kind, inputs: Sequence[Input]) -> None:
        """Two inputs with one unique value fail the call; with trace ids only the second one would."""
        for name in self.world.tables[kind.plural].unique:
            values = [str(value).lower() for one in inputs if (value := properties_of(one).get(name))]
            twin = next((value for value in values if values.count(value) > 1), None)
            if twin is not None:
                raise invalid(f"Two inputs have the same {name}: {twin}")

    def _unlocked(self, kind: Kind, inputs: Sequence[Input]) -> None:
        """One locked record locks the whole batch out, before anything is done."""
        if not any(plural == kind.plural for plural, _ in self.world.locked):
            return
        for one in inputs:
            record = self._sought(kind, text_of(one, "id"), one.get("idProperty"), archived=False)
            if record is not None:
                self.world.unlocked(kind.plural, record)

    def _there(self, kind: Kind, one: Input) -> Record:
        try:
            return self.wanted(kind, text_of(one, "id"), one.get("idProperty"))
        except Problem as problem:
            if problem.status != 404:
                raise
            raise missing_ids(kind.loud, [text_of(one, "id")]) from None

    def _sought(self, kind: Kind, id_: str, name: str | None, archived: bool) -> Record | None:
        try:
            return self.wanted(kind, id_, name, archived=archived)
        except Problem as problem:
            if problem.status != 404:
                raise
            return None


def inputs_of(data: Mapping[str, Any], most: int = MOST) -> list[Input]:
    """The inputs of a batch; a `Problem` for none or too many."""
    inputs = data.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("Invalid input JSON: `inputs` must not be empty")
    if not all(isinstance(one, dict) for one in inputs):
        raise invalid("Invalid input JSON: each of `inputs` is an object")
    if len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request is {most}, received {len(inputs)}")
    return inputs


def _no_doubles(inputs: Sequence[Input]) -> None:
    ids = [str(one.get("id", "")) for one in inputs]
    doubled = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if doubled:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(doubled)}]. IDs must be unique")


def _traced(inputs: Sequence[Input]) -> bool:
    """Whether each input has a trace id of its own."""
    traces = [str(one.get("objectWriteTraceId") or "") for one in inputs]
    return all(traces) and len(set(traces)) == len(traces)


def _turned_away(out: bool) -> None:
    if out:
        raise Problem(400, "VALIDATION_ERROR", "The record could not be written.")
