"""Sending many small operations: one call each, some at a time, or all together as a batch where that saves calls.

Either way each operation has an answer or an error of its own. Once an error concerns all of them, nothing more is
sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from connectors._kit.payload import Payload
from connectors._kit.receipts import ENDING
from connectors.mailchimp.client import Client
from core.errors import Garbled, ToolError, Unavailable
from core.model.values import Json

Outcome = Payload | ToolError
"""What became of an operation: the answer's body, empty where there is none, or what is wrong."""


class Operation(NamedTuple):
    """One thing to do about a member."""

    id: str
    """The same whenever it is tried."""
    method: str
    parts: tuple[str, ...]
    """Its path below the audience."""
    body: Mapping[str, Json] | None = None
    params: Mapping[str, Any] | None = None


class Batching(Protocol):
    """Carries out operations together."""

    def run(self, operations: Sequence[Operation]) -> list[Outcome]:
        """One outcome for each, in order. Raises nothing."""
        ...


class Sender:
    """Sends the operations of one `write`."""

    def __init__(self, client: Client, batches: Batching, above: int) -> None:
        """`above` so many operations a batch is made of them; 0: never."""
        self._client = client
        self._batches = batches
        self._above = above
        self.halted: ToolError | None = None
        """The error that ended it."""
        self.done = 0
        """Operations that were surely carried out, or may have been."""

    def send(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry them out; one outcome each, in order."""
        if self._above and len(operations) > self._above and self.halted is None:
            outcomes = self._batches.run(operations)
            for outcome in outcomes:
                self.note(outcome)
            return outcomes
        return self._client.side_by_side(operations, self._single)

    def together(self, act: Any) -> Outcome:
        """One call for many; its error, where it raised one, is theirs."""
        if self.halted is not None:
            raise not_sent(self.halted)
        try:
            outcome: Outcome = act()
        except ToolError as error:
            outcome = error
        self.note(outcome)
        return outcome

    def _single(self, one: Operation) -> Payload:
        outcome = self.together(lambda: self._call(one))
        if isinstance(outcome, ToolError):
            raise outcome
        return outcome

    def _call(self, one: Operation) -> Payload:
        return self._client.ask(one.method, *one.parts, json=one.body, params=one.params).payload()

    def note(self, outcome: Outcome) -> None:
        """What became of something, for whether anything more is sent and whether anything was done."""
        if isinstance(outcome, ENDING):
            self.halted = self.halted or outcome
        if not isinstance(outcome, ToolError) or not _undone(outcome):
            self.done += 1


def _undone(error: ToolError) -> bool:
    """Whether an error says that nothing was done."""
    return isinstance(error, ENDING) and not isinstance(error, Garbled)


def not_sent(halted: ToolError) -> ToolError:
    """What to say of an operation that was never sent because an earlier one went wrong."""
    return Unavailable("Not sent: an earlier call got no answer.") if isinstance(halted, Garbled) else halted
