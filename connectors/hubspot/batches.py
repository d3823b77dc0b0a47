"""One batch of writes: sent, and of each input said what became of it.

HubSpot's answer is not in order. An input carries a trace id; results and errors are told apart by it. Where a call
is refused as a whole, nothing was done, and each half is sent again until the bad input stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from connectors._kit.exchange import Answer
from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.trouble import item_error, locked, said
from core.errors import (
    Exists,
    Forbidden,
    Garbled,
    SchemaChanged,
    SignedOut,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
)

FOR_ALL = (SignedOut, Forbidden, Throttled, Unavailable, Unknown, Garbled)
"""Errors that another input would meet too."""

Inputs = dict[str, dict[str, Any]]
"""Trace id → input."""
Outcomes = dict[str, Payload | ToolError]
"""Trace id → the record as HubSpot gives it back, or what is wrong."""
Known = Callable[[Inputs], Mapping[str, str]]
"""Asks which of these creates are there already: trace id → record's id."""


class Batches:
    """Sends batches of one `write`. Once an error concerns all, nothing more is sent."""

    def __init__(self, client: Client, key_property: str) -> None:
        self._client = client
        self._key = key_property
        self.halted: ToolError | None = None
        """The error that ended it."""

    def send(self, operation: str, stream: str, inputs: Inputs, *, known: Known | None = None) -> Outcomes:
        """Carry out `create`, `update` or `archive`. Raises nothing."""
        if not inputs:
            return {}
        if self.halted is not None:
            return dict.fromkeys(inputs, not_sent(self.halted))
        try:
            answer = self._client.ask("batch", operation, stream, {"inputs": list(inputs.values())})
            outcomes = self._told(operation, inputs, answer)
        except FOR_ALL as error:
            self.halted = error
            return dict.fromkeys(inputs, error)
        except ToolError as error:
            return self._apart(operation, stream, inputs, error, known)
        unclear = {trace: one for trace, one in inputs.items() if trace not in outcomes}
        return outcomes | self._again(operation, stream, unclear, known)

    def _again(self, operation: str, stream: str, inputs: Inputs, known: Known | None) -> Outcomes:
        """Inputs whose error named none of them: in halves, so that the error is clear. None of them was done."""
        outcomes: Outcomes = {}
        for half in _halves(inputs):
            outcomes |= self.send(operation, stream, half, known=known)
        return outcomes

    def _apart(self, operation: str, stream: str, inputs: Inputs, error: ToolError, known: Known | None) -> Outcomes:
        """A call that was refused as a whole. Which input was meant?"""
        if len(inputs) == 1:
            return dict.fromkeys(inputs, error)
        guilty = _with_property(inputs, error)
        if not guilty and isinstance(error, Exists) and known is not None:
            with suppress(ToolError):
                guilty = {trace: _exists(id_) for trace, id_ in known(inputs).items()}
        if guilty:
            rest = {trace: one for trace, one in inputs.items() if trace not in guilty}
            return guilty | self.send(operation, stream, rest, known=known)
        return self._again(operation, stream, inputs, known)

    def _told(self, operation: str, inputs: Inputs, answer: Answer) -> Outcomes:
        """What the answer says of each input; one that it does not speak of is left out."""
        if answer.status == 423:
            return dict.fromkeys(inputs, locked(answer.json())) if len(inputs) == 1 else {}
        if operation == "archive" or not answer.content:
            return {trace: Payload({}, answer.where) for trace in inputs}
        told, outcomes = answer.payload(), Outcomes()
        places = _places(inputs, self._key)
        for one in told.each("results"):
            if (trace := self._trace(one, places)) is not None:
                outcomes[trace] = one
        errors = list(told.each("errors", []))
        for body in errors:
            names = said(body.data)
            error = item_error(body.object(""), creating=operation == "create")
            outcomes |= {places[name]: error for name in (*names.traces, *names.ids) if name in places}
        left = [trace for trace in inputs if trace not in outcomes]
        if left and not errors:
            doubt = Unknown("HubSpot's answer to a batch does not speak of this record.", at=answer.where)
            outcomes |= dict.fromkeys(left, doubt)
        elif len(left) == 1 and len(inputs) == 1:
            outcomes[left[0]] = item_error(errors[0].object(""), creating=operation == "create")
        return outcomes

    def _trace(self, told: Payload, places: Mapping[str, str]) -> str | None:
        key = told.object("properties", {}).get(self._key)
        names = (told.text("objectWriteTraceId", None), told.id("id", None), key)
        return next((places[str(name)] for name in names if str(name) in places), None)


def _places(inputs: Inputs, key: str) -> dict[str, str]:
    """Whatever may name an input in an answer (trace, id, key) → its trace."""
    places = {trace: trace for trace in inputs}
    for trace, one in inputs.items():
        for name in (one.get("id"), (one.get("properties") or {}).get(key)):
            if name:
                places[str(name)] = trace
    return places


def _halves(inputs: Inputs) -> list[Inputs]:
    traces = list(inputs)
    middle = (len(traces) + 1) // 2
    return [{trace: inputs[trace] for trace in half} for half in (traces[:middle], traces[middle:]) if half]


def _with_property(inputs: Inputs, error: ToolError) -> Outcomes:
    """The inputs that name a property which HubSpot does not have; none where that is not the trouble."""
    if not isinstance(error, SchemaChanged):
        return {}
    names = {name.strip() for name in str(error.facts.get("field", "")).split(",")}
    return {trace: error for trace, one in inputs.items() if names & (one.get("properties") or {}).keys()}


def _exists(id_: str) -> Exists:
    return Exists("HubSpot has this record already.", remote_id=id_)


def not_sent(halted: ToolError) -> ToolError:
    """What to say of an input that was never sent because an earlier call went wrong."""
    if isinstance(halted, Unknown | Garbled):
        return Unavailable("Not sent: an earlier call of the same batch got no answer.")
    return halted
