"""Writing a batch of edits in three rounds: a look, where one is needed; the writes; a look at what was in the way.

Every change and delete says which version it was decided on (`If-Match`), so that nobody's edit is written over. A
create has an id that follows from its key, so that a repeat meets the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors._kit.payload import Payload
from connectors.google_calendar.batches import Operation, Outcome, Sender
from connectors.google_calendar.client import Client
from connectors.google_calendar.events import remote_of
from connectors.google_calendar.naming import id_of
from connectors.google_calendar.preparing import body_of, needs_look
from connectors.google_calendar.reading import Walker, there
from core.errors import Exists, Forbidden, Gone, Refused, Stale, ToolError, Unsupported
from core.model.values import Json
from core.ports import Edit, Receipt, Remote, Verb


@dataclass(slots=True)
class _Task:
    """One edit on its way through the rounds."""

    edit: Edit
    held: Mapping[str, Json]
    version: str | None
    receipt: Receipt | None = field(default=None)

    @property
    def id(self) -> str:
        """The event it is about."""
        return id_of(self.edit.key) if self.edit.verb is Verb.CREATE else self.edit.remote_id or ""


class Writer:
    """Writes events."""

    def __init__(self, client: Client, sender: Sender, walker: Walker, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._sender = sender
        self._walker = walker
        self._params = {"sendUpdates": str(settings.get("send_updates") or "none")}

    def write(self, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt for each edit, in order. Raises what concerns all of them."""
        tasks = [_Task(edit, edit.held, edit.version) for edit in edits]
        self._look([task for task in tasks if task.edit.verb is Verb.UPDATE and needs_look(task.edit)])
        sent = [(task, operation) for task in tasks if (operation := self._operation(task)) is not None]
        outcomes = self._sender.send([operation for _, operation in sent])
        for (task, _), outcome in zip(sent, outcomes, strict=True):
            task.receipt = _receipt(task, outcome)
        self._look_again([task for task in tasks if _is_in_doubt(task.receipt)])
        return [task.receipt or Receipt(error=Gone("The event is not there.", id=task.id)) for task in tasks]

    # --- the first round

    def _look(self, tasks: Sequence[_Task]) -> None:
        """See what is there; a version that the edit names still has to be the present one."""
        for task, remote in self._seen(tasks):
            if remote is None:
                task.receipt = Receipt(error=Gone("The event is not there any more.", id=task.id))
            else:
                task.held, task.version = remote.fields, task.version or remote.version

    # --- the second

    def _operation(self, task: _Task) -> Operation | None:
        if task.receipt is not None:
            return None
        try:
            return self._made(task)
        except (Refused, Unsupported) as error:
            task.receipt = Receipt(error=error)
            return None

    def _made(self, task: _Task) -> Operation:
        edit, path = task.edit, self._client.path("events", task.id)
        compared = {"If-Match": task.version} if task.version else {}
        if edit.verb is Verb.DELETE:
            return Operation("DELETE", path, self._params, headers=compared)
        body = body_of(edit, task.held, self._zone)
        if edit.verb is Verb.CREATE:
            return Operation("POST", self._client.path("events"), self._params, body)
        return Operation("PATCH", path, self._params, body, compared)

    @property
    def _zone(self) -> Callable[[], str]:
        return lambda: self._client.calendar.zone

    # --- the third

    def _look_again(self, tasks: Sequence[_Task]) -> None:
        """Tell what moved on from what is gone, and a create that happened before from one whose event was deleted."""
        try:
            seen = self._seen(tasks)
        except ToolError:
            # The writes are done; what was in the way is told as Google put it.
            return
        for task, remote in seen:
            if remote is None:
                gone = Receipt(error=Gone("The event was deleted in Google Calendar.", id=task.id))
                task.receipt = Receipt(task.id) if task.edit.verb is Verb.DELETE else gone

    def _seen(self, tasks: Sequence[_Task]) -> list[tuple[_Task, Remote | None]]:
        """Each with the event as it is now, None where there is none; without those whose look failed."""
        seen = []
        for task, outcome in zip(tasks, self._walker.look([task.id for task in tasks]), strict=True):
            try:
                seen.append((task, there(outcome)))
            except ToolError as error:
                task.receipt = task.receipt or Receipt(error=error)
        return seen


def _receipt(task: _Task, outcome: Outcome) -> Receipt:
    verb = task.edit.verb
    if isinstance(outcome, Exists) and verb is Verb.CREATE:
        return Receipt(error=Exists(outcome.message, remote_id=task.id))
    if isinstance(outcome, Gone) and verb is Verb.DELETE:
        return Receipt(task.id)
    if isinstance(outcome, ToolError):
        return Receipt(error=outcome)
    return Receipt(task.id) if verb is Verb.DELETE else _held(task, outcome)


def _held(task: _Task, told: Payload) -> Receipt:
    remote = remote_of(told)
    if remote is None or remote.deleted:
        return Receipt(error=Gone("The event was deleted in Google Calendar.", id=task.id))
    return Receipt(remote.id, remote.version, remote.modified_at, remote.fields, whole=True)


def _is_in_doubt(receipt: Receipt | None) -> bool:
    """Whether the event may be gone: a 403 without any reason of its own is how a deleted one is answered, too."""
    error = receipt.error if receipt is not None else None
    plainly_forbidden = isinstance(error, Forbidden) and error.error_code == Forbidden.code
    return plainly_forbidden or isinstance(error, Stale | Exists)
