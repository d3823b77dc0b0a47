"""What a connector's test gives to the contract: a fresh tool, ways into it, and a person who works there.

A harness is made anew for each test. Everything it does goes around the connector: it is the other witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from connectors._kit.catalogue import Entry, entry
from connectors._kit.clock import VirtualTime
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief
from core.manifest import Manifest
from core.ports import Context, Fields, Message, Remote, Request


class Harness:
    """Fill in the methods that raise; the rest may be overridden where a tool is odd.

    `folder` is empty and the test's own. `time` is the clock of hub and tool; nothing may really wait.
    """

    connector: ClassVar[str]
    """The connector's name in the catalogue."""
    streams: ClassVar[tuple[str, ...] | None] = None
    """The streams to test; None for all that the manifest declares."""
    several_pages: ClassVar[int | None] = 7
    """So many records need more than one page under `settings()`; None where a page has no end."""
    largest_batch: ClassVar[int | None] = None
    """Try batches of this size where the manifest's is too large to try."""
    notices_name_records: ClassVar[bool] = True
    """Whether a webhook says which record it is about; where not, it only says that its stream has news."""
    people: ClassVar[People | None] = None
    """How people type in this tool, for `concord connector test NAME --hostile`; None where nobody can."""

    def __init__(self, folder: Path, time: VirtualTime) -> None:
        self.folder = folder
        self.time = time
        self.mischief: Mischief | None = None
        """The tool's mischief, where it has any."""

    # --- the tool

    def start(self) -> None:
        """Start the tool, empty."""

    def close(self) -> None:
        """Stop it and leave nothing behind."""

    def take_down(self) -> None:
        """From now on nobody answers."""
        raise NotImplementedError

    # --- the connection

    def settings(self) -> dict[str, Any]:
        """Settings that work."""
        raise NotImplementedError

    def wrong_settings(self) -> dict[str, Any]:
        """Settings with credentials that do not work."""
        secrets = self.entry.manifest.secrets
        return {name: "wrong-" + value if name in secrets else value for name, value in self.settings().items()}

    def unprepared(self) -> dict[str, Any] | None:
        """Settings of a connection where something is missing that `prepare` makes; None where there is no such."""
        return None

    def options(self) -> Mapping[str, Mapping[str, Any]]:
        """Stream → the options its mapping would set."""
        return {}

    # --- samples, in the tool's own form (dotted names reach inside)

    def sample(self, stream: str, number: int) -> Fields:
        """The fields of a record to create, different for each number, with text in at least two fields."""
        raise NotImplementedError

    def change(self, stream: str, number: int) -> Fields:
        """One field of the sample, with another value for each number."""
        raise NotImplementedError

    def clearable(self, stream: str) -> str | None:
        """A field of the sample that may be cleared; None where there is none."""
        raise NotImplementedError

    def refused(self, stream: str) -> Fields | None:  # noqa: ARG002 -- for subclasses
        """Fields of a record that the tool will not take; None where it takes everything."""
        return None

    def same(self, path: str, wanted: Any, found: Any) -> bool:  # noqa: ARG002 -- for subclasses
        """Whether the tool holds what was wanted; override for tools that re-spell."""
        return bool(wanted == found)

    # --- a person in the tool

    def create(self, stream: str, fields: Fields) -> str:
        """A person adds a record; gives the id that the connector will show."""
        raise NotImplementedError

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        """A person changes some fields."""
        raise NotImplementedError

    def delete(self, stream: str, id_: str) -> None:
        """A person deletes a record."""
        raise NotImplementedError

    def merge(self, stream: str, winner: str, loser: str) -> str:
        """A person merges two records; gives the surviving id. Only for tools with `native_merge`."""
        raise NotImplementedError

    def show(self, stream: str, id_: str) -> Fields | None:
        """What a person sees in the tool, in the form of `Remote.fields`; None if there is nothing."""
        raise NotImplementedError

    def count(self, stream: str) -> int:
        """How many records a person sees."""
        raise NotImplementedError

    # --- messages to people, for tools that send

    def message(self, number: int) -> Message:
        """A message that the tool takes, to another person and with another key for each number."""
        return Message(f"message-{number}", f"m{number}@example.com", f"Message {number}", f"Hello number {number}.")

    def refused_message(self) -> Message | None:
        """A message to somebody whom the tool refuses; None where it takes every one."""
        return None

    def arrived(self) -> list[tuple[str, str]]:
        """(address, message id) of everything that the tool took, in order."""
        raise NotImplementedError

    # --- webhooks

    def webhook(self, stream: str, id_: str) -> Request:
        """The tool's request about a change of this record, rightly signed and just received."""
        raise NotImplementedError

    def unknown_webhook(self) -> Request:
        """A rightly signed request about something no connector has heard of."""
        raise NotImplementedError

    # --- subscriptions, for tools where they are made by call

    def called(self) -> list[str]:
        """The addresses, without their queries, that the tool calls by now."""
        raise NotImplementedError

    def sent(self) -> list[Request]:
        """The webhooks that the tool has sent since last time, whatever their address."""
        raise NotImplementedError

    def switch_off(self) -> bool:
        """The tool ceases to call, since nobody answered; False for tools that never do so or do not tell."""
        return False

    # --- what the suite makes of it

    @property
    def entry(self) -> Entry:
        """The connector in the catalogue."""
        return entry(self.connector)

    @property
    def manifest(self) -> Manifest:
        """What the connector declares."""
        return self.entry.manifest

    @property
    def harness_streams(self) -> tuple[str, ...]:
        """The streams under test."""
        return self.streams or tuple(self.manifest.streams)

    def connect(self, settings: Mapping[str, Any] | None = None) -> Any:
        """A new connector on the tool; `Any` because which protocols it has is what the suite finds out."""
        context = Context(
            name=f"{self.connector}-contract",
            settings=self.settings() if settings is None else settings,
            clock=self.time,
            streams=self.options(),
            sleep=self.time.sleep,
        )
        return self.entry.build(context)

    def read_all(self, connector: Any, stream: str, cursor: Any = None) -> Walk:
        """Walk a stream from a cursor to its end for now."""
        walk = Walk([], cursor)
        for _ in range(1000):
            page = connector.read(stream, walk.cursor)
            walk.pages.append(page)
            walk.cursor = page.next
            if not page.more:
                return walk
        raise AssertionError(f"{stream}: a walk of a thousand pages does not end")


class Walk:
    """A finished walk: its pages, and the cursor for the next poll."""

    def __init__(self, pages: list[Any], cursor: Any) -> None:
        self.pages = pages
        self.cursor = cursor

    @property
    def records(self) -> list[Remote]:
        """All records in the order they came."""
        return [record for page in self.pages for record in page.records]

    @property
    def live(self) -> dict[str, Remote]:
        """Id → record, without tombstones; the last word counts."""
        last = {record.id: record for record in self.records}
        return {id_: record for id_, record in last.items() if not record.deleted}

    @property
    def complete(self) -> bool:
        """Whether the walk says that it showed everything there is."""
        return bool(self.pages[-1].complete)
