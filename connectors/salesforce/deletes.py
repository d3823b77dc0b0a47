"""Hard deletes: what the recycle bin does not show any more, by Salesforce's log of deletions (`getDeleted`).

Rows in the recycle bin come with the polls already. The log names these too, and those that were brought back since;
so each id is looked at before it is told as gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.salesforce.client import Client
from connectors.salesforce.soql import instant_of
from connectors.salesforce.words import is_id
from core.errors import CursorExpired
from core.model.instant import DAY, MINUTE, Instant, moment
from core.ports import Remote

REACH = 15 * DAY
"""The log goes back so far at most (2026-11-21)."""

Fetch = Callable[[Sequence[str]], Sequence[Remote]]


class Deletions:
    """The log of one connection. `every` is how often it is read, in µs."""

    def __init__(self, client: Client, every: int) -> None:
        self._client = client
        self._every = max(every, 2 * MINUTE)

    def due(self, since: Instant, now: Instant) -> bool:
        """Whether the log is to be read again."""
        return now - since >= self._every

    def read(self, stream: str, since: Instant, now: Instant, fetch: Fetch) -> tuple[list[Remote], Instant]:
        """What is gone since, and until when the log was read. `CursorExpired` when it does not reach back so far."""
        # Whole minutes count: a minute more at the start, and what is not over yet is for the next time.
        start, end = since // MINUTE * MINUTE - MINUTE, now // MINUTE * MINUTE
        if start < now - REACH + MINUTE:
            raise CursorExpired(
                "Deletions of more than 15 days ago cannot be asked for; the stream is walked anew.", stream=stream
            )
        log = self._client.deleted(stream, moment(start), moment(end))
        gone = {one.text("id"): instant_of(one.text("deletedDate")) for one in log.each("deletedRecords", [])}
        covered = log.text("latestDateCovered", None)
        until = min(end, instant_of(covered)) if covered else end
        found = [remote for remote in fetch([id_ for id_ in gone if is_id(id_)]) if remote.deleted]
        told = [remote._replace(modified_at=remote.modified_at or gone[remote.id]) for remote in found]
        return told, max(since, until)
