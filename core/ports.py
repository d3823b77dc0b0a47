"""What the core asks of the outside: a connector's small protocols, and the clock.

Connectors implement `Checks` and any of `Reads`, `Writes`, `Receives`; what one does not implement it does not
declare in its manifest. One that can set the tool up for us implements `Prepares`, one that can have the tool send us
webhooks implements `Subscribes`, one that can have two of the tool's records made one implements `Merges`, and one that
carries messages to people implements `Sends`. All calls are synchronous; the engine runs many in threads, but one
connection's calls to `read` and `write` never overlap. Errors are those of `core.errors`; a connector raises nothing
else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from core.errors import ToolError
from core.model.instant import Instant
from core.model.values import Json

Clock = Callable[[], Instant]
"""Gives the present moment. The only way anything in core learns what time it is."""

Fields = dict[str, Json]
"""A record in the tool's own form, as decoded JSON; nested values are reached by dotted paths."""

Cursor = Mapping[str, Json]
"""A connector's place in a stream: small, JSON-able, opaque to the core. None means from the start."""


class Remote(NamedTuple):
    """One record as a tool shows it.

    `version` changes whenever the record does (ETag, revision, stamp); compared for equality only. `modified_at` is
    the tool's own stamp, uncorrected for skew; a reading whose stamp is older than the kept one is not news.
    `changed` names remote fields known to have changed at `modified_at` (an event or history said so).
    `deleted` is a tombstone, its `fields` may be empty; with `moved_to` the record lives on under that id, because
    it was merged into it or turned into it.
    """

    id: str
    fields: Fields
    version: str | None = None
    modified_at: Instant | None = None
    deleted: bool = False
    moved_to: str | None = None
    changed: frozenset[str] | None = None
    problem: str | None = None
    """Why this record could not be read whole, in plain words with its place (`contacts.csv line 17: …`)."""
    partial: bool = False
    """`fields` holds only some of the record's fields (an event); what it does not name is unchanged."""
    key: str | None = None
    """The idempotency key of our own create, where the tool shows it (a UID, a stamped field)."""
    moved_stream: str | None = None
    """The stream of this connection in which `moved_to` is an id; None: the same stream."""


class Page(NamedTuple):
    """One page of a stream.

    `next` is where to go on, now (`more`) or at the next poll. `complete` says that the walk which ends with this
    page began at the start and showed every record there is, unfiltered, so that what it did not show is gone.
    `problems` are things that could not be read at all and have no id.
    """

    records: Sequence[Remote]
    next: Cursor
    more: bool = False
    complete: bool = False
    total: int | None = None
    """How many records the whole walk will show, where the tool says so (for progress)."""
    problems: Sequence[str] = ()


class Verb(StrEnum):
    """What an edit does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Edit:
    """One record's write: only the changed remote fields, in the tool's own form.

    `key` makes a repeat harmless: the same create with the same key must not make a second record, in tools that
    can promise it. `version` is the one last seen; a tool that can compare refuses with `Stale` when it moved.
    `held` is what the tool was last known to hold (whole), for tools that can only replace a record.
    A field set to None is to be cleared. A delete `for_good` must leave nothing that could be restored; it is only
    asked of streams whose manifest says `erases`.
    """

    verb: Verb
    stream: str
    key: str
    remote_id: str | None = None
    fields: Fields = field(default_factory=dict)
    version: str | None = None
    held: Fields = field(default_factory=dict)
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The tool's answer to one edit, in the order of the edits.

    On success `remote_id` is set; `fields` is what the tool now holds (whole when `whole`, else only some fields),
    None when it did not say. On failure `error` is set and nothing else counts. `unsure` fields are never guessed.
    """

    remote_id: str | None = None
    version: str | None = None
    modified_at: Instant | None = None
    fields: Fields | None = None
    whole: bool = False
    error: ToolError | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one person. Whether they may be written to was asked before.

    `key` is the idempotency key: the message's own id is made from it, so that a repeat is known for one. `to` is one
    address; `text` is always there, `html` says the same for those who can show it. `unsubscribe` is an https address
    at which one call takes the person off (RFC 8058), or a `mailto:`.
    """

    key: str
    to: str
    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    unsubscribe: str | None = None


class FieldInfo(NamedTuple):
    """One remote field as `describe` finds it. `type` is one of `core.model.types.TYPES` or `json` for anything."""

    name: str
    type: str = "text"
    label: str = ""
    read_only: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    custom: bool = False
    max_length: int | None = None
    create_only: bool = False
    refers_to: str | None = None
    """The stream whose ids this field holds."""


@dataclass(frozen=True, slots=True)
class Description:
    """A stream as the tool describes it now. `open` means that fields not listed may exist too (free-form tools)."""

    stream: str
    fields: tuple[FieldInfo, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `check` found: fine, or what is missing and how to grant it."""

    ok: bool
    what: str
    remedy: str = ""
    fix: str = ""
    """The word with which `Prepares.prepare` makes what is missing; empty where only a person can."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """Who we are in the tool, what we may do there, and what is missing."""

    account: str
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of syncing."""
        return all(finding.ok for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the notices of one subscription are known by: the secret we chose, the one the tool told; blank for none."""

    chosen: str = field(default="", repr=False)
    told: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What a subscription is to be.

    `address` is where the tool shall call, without a query. `key` is new for each order, 32 letters and digits: for
    tools that let us choose the id, or make a repeat harmless. `secret` is new, too, 43 letters that may stand in an
    address: for tools that let us choose what their notices are known by.
    """

    address: str
    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A standing order in a tool: to call this address (without its query) when something happens.

    `ends_at` is by our clock; None where it stays until it is taken away. `fault` says why it does not do what one
    that is ordered now would (`is switched off`); blank where it does. `kept` is what the connector needs to find it
    again, small and JSON-able. `secrets` are blank for one that was only listed.
    """

    id: str
    address: str
    ends_at: Instant | None = None
    fault: str = ""
    kept: Fields = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook request as it came: raw bytes, header names in lower case.

    `secrets` are those of the connection's subscriptions, several while one takes another's place. They are beside
    what the settings say, where a person has subscribed by hand.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: Instant
    secrets: Sequence[Secrets] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """News from a webhook: a record changed (`remote` may hold it), or something `unknown` that is shown, not lost.

    `changed` without `remote` says that something in the stream did (without `stream`: in any); it is polled at once.
    Where the tool names the record otherwise than its streams do (by an address, say), so does `remote.id`; `fetch` of
    that id then gives a tombstone with `moved_to`, and the record itself beside it. A change without a `remote` says
    that its stream has news and not which: look there again.
    """

    kind: str
    """`changed`, `deleted`, `merged`, `unknown`."""
    event_id: str
    stream: str | None = None
    remote: Remote | None = None
    note: str = ""


@runtime_checkable
class Checks(Protocol):
    """Every connector: who am I, what may I do, what do the streams look like."""

    def check(self) -> Checkup:
        """Sign in and look around. Raises `SignedOut` for bad credentials, `Unavailable` when nobody answers."""
        ...

    def describe(self, stream: str) -> Description:
        """The fields of a stream as they are now."""
        ...

    def close(self) -> None:
        """Let go of sockets and files. May be called more than once."""
        ...


@runtime_checkable
class Reads(Protocol):
    """Gives a stream page by page."""

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page from `cursor`; None starts a full walk. Raises `CursorExpired` when the place is lost."""
        ...

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These records as they are now, in any order; a missing one comes as a tombstone. In the largest batches."""
        ...


@runtime_checkable
class Writes(Protocol):
    """Takes edits and says what became of each."""

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits, at most the manifest's batch size of them; one receipt each, in order.

        A problem of one item is that item's receipt. A problem of the whole call is raised: `Throttled`,
        `Unavailable` (certainly nothing happened), `Unknown` (may have happened), `SignedOut`, `Refused` (the tool
        names no item: the engine bisects).
        """
        ...

    def find(self, stream: str, key: str) -> Remote | None:
        """The record that an earlier create with this idempotency key made, or None if none did."""
        ...


@runtime_checkable
class Receives(Protocol):
    """Turns a webhook request into notices. Pure: no network, no state."""

    def receive(self, request: Request) -> Sequence[Notice]:
        """Verify the raw bytes and read the events. Raises `Refused` for a bad or stale signature."""
        ...


@runtime_checkable
class Subscribes(Protocol):
    """Has the tool call us; for manifests whose webhook `subscribes`. A connection has one subscription.

    The hub looks after it (`core.flow.inward.subscribing`): it orders, renews, looks, and takes away what another one
    has taken the place of. Each call here is one thing in the tool. Errors are those of `write`.
    """

    def subscriptions(self) -> Sequence[Subscription] | None:
        """All there are in the tool that this connection might have made; None where the tool does not list them."""
        ...

    def subscribe(self, order: Order) -> Subscription:
        """Make one, and give it with its secrets. `Unknown` when it may have been made.

        One whose answer was lost is looked for in the list, by its address. Where there is no list, the hub orders
        another one, and has the first one taken away by the key of its order.
        """
        ...

    def renew(self, old: Subscription, order: Order) -> Subscription:
        """One that does in the place of `old` what is ordered: the same one (same id), mended, or another one.

        `old` may be gone, may be at another address, or may be one of which nobody knows the secrets.
        """
        ...

    def unsubscribe(self, old: Subscription) -> None:
        """Take one away; one that is gone is no error.

        Where there is no list it may be one whose answer was lost: its `id` is the key of its order, and `kept` that of
        the one in its place.
        """
        ...


@runtime_checkable
class Prepares(Protocol):
    """Makes in the tool what `check` found missing there (a field for our keys, say)."""

    def prepare(self, fix: str) -> Sequence[Finding]:
        """Make what the findings with this `fix` miss, and give what is found afterwards; a repeat does no harm.

        Called only after the admin agreed. Raises `Forbidden` when we may not.
        """
        ...


@runtime_checkable
class Merges(Protocol):
    """Makes two records of a tool one, by the tool's own means; for streams with `native_merge`."""

    def merge(self, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        """Merge the loser into the survivor, whose values stand where both have one; it cannot be taken back.

        The receipt names the record that is left, which may have a new id; its fields are read anew. Errors are those
        of `write`, in the receipt or raised; `Unknown` when it may have happened. Two that are one already are an
        error; whoever asks looks first.
        """
        ...


@runtime_checkable
class Sends(Protocol):
    """Carries messages to people; they cannot be taken back."""

    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        """Hand messages over; one receipt each, in order. `remote_id` is the message's id, the same for the same key.

        A good receipt says that the message was taken, not that it arrived. Errors are those of `write`: of one
        message in its receipt, of all raised. `Unknown` is never tried again here; ask `sent` first.
        """
        ...

    def sent(self, key: str) -> bool | None:
        """Whether a message with this key went out; None when that cannot be known. Ask a while after an `Unknown`."""
        ...


class Context(NamedTuple):
    """What a connector is built from: `build(context) -> connector`, found in `connectors/<tool>/connector.py`."""

    name: str
    """The connection's name, e.g. `shop-contacts`."""
    settings: Mapping[str, Any]
    """Validated against the manifest; secrets are in clear here and nowhere else."""
    clock: Clock
    streams: Mapping[str, Mapping[str, Any]] = {}
    """Stream → the options its mapping declares (`options:`), e.g. a file name or date order."""
    sleep: Callable[[float], None] | None = None
    """How to wait, in seconds; tests give one that does not."""
    save_secret: Callable[[str, str], None] | None = None
    """Keep a renewed secret (a rotated token) before it is used."""
    on_date: Callable[[Instant, Instant, Instant], None] | None = None
    """Told (sent at, received at, the tool's own date) of every answer that carries a date: clock skew is learnt."""
    reads: Mapping[str, frozenset[str]] = {}
    """Stream → the tool's fields that its mapping reads, by the names of the topmost objects they are in."""
    accounts: Any = None
    """What all who call the same remote account share of its limits; the connectors' kit knows what it is. Without it
    the connector keeps them for itself."""
