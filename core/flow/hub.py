"""What every trip needs at hand: the store, the clock, the rules, and the connections with their streams.

Built once by the assembly (or a test) and shared by all threads; nothing in it changes while a trip runs, except
that the assembly may put a fresh `Hub` in its place when the configuration changes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import manifest
from core.decide.blocks import Blocks
from core.decide.brake import Leave, Limits
from core.decide.filtering import Leaves, LeavesIn
from core.decide.keeping import Keeping
from core.decide.maintenance import Windows
from core.decide.movement.policy import Policy as Movement
from core.decide.profile import Profile
from core.decide.route import Hearer
from core.decide.rules import Rules
from core.decide.skew import Skew
from core.manifest import Deletes
from core.mapping import Translator, taker
from core.mapping.filter import Filter
from core.model.form import Form
from core.model.shape import Shape
from core.model.shapes import KIND_ORDER
from core.model.types import Locale
from core.model.values import Json, Values
from core.ports import Clock
from core.store.database import Store
from core.store.signing import Signer
from core.store.suppression import Suppressor
from core.store.vault import Vault

HUB = "hub"
"""The source of what a person says in the hub itself; stored as a connection like any other."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an admin chose for one stream of a connection."""

    reads: bool = True
    writes: bool = True
    creates: bool = True
    deletes_in: Deletes = "unlink"
    deletes_out: Deletes = "unlink"
    poll_every: float | None = None
    """Seconds; None takes the manifest's."""
    poll_fastest: float | None = None
    """However busy, not more often than this (seconds); None takes half of `poll_every`."""
    poll_slowest: float | None = None
    """However quiet, not less often than this (seconds); None takes four times `poll_every`."""
    only_in: Mapping[str, Json] | None = None
    """Which of the tool's records come into the hub, as the admin said it; None for all."""
    only_out: Mapping[str, Json] | None = None
    """Which of the hub's records the tool gets, as the admin said it; None for all."""
    leaves_in: LeavesIn = "keep"
    leaves: Leaves = "keep"
    page: str = ""
    """The address of a record in the tool's own web interface, in place of the manifest's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one connection, ready to be translated."""

    id: int
    name: str
    kind: str
    connection_id: int
    source: str
    """The connection's name, as claims and rules know it."""
    shape: Shape
    translator: Translator
    manifest: manifest.Stream
    policy: Policy
    siblings: Mapping[str, int]
    """Stream name → id for all streams of the connection, to resolve refs."""
    only_in: Filter | None = None
    only_out: Filter | None = None
    held: frozenset[str] = frozenset()
    """The tool's fields whose lines rest (`core.flow.drift.lines`): what is known of them stays, whatever is read."""
    returning: frozenset[str] = frozenset()
    """Lines that rested and are read again; a blank in their fields is none, as at first sight."""
    page: str = ""
    """The address of a record in the tool's own web interface, with `{id}` for its id; '' for none."""

    @property
    def rank(self) -> int:
        """Companies go before contacts, contacts before deals."""
        return KIND_ORDER.index(self.kind)

    @property
    def creates(self) -> bool:
        """Whether records that the tool does not hold are created here."""
        creates = self.policy.writes and self.policy.creates and self.manifest.creates
        return creates and self.translator.goes_out

    def gets(self, values: Values) -> bool:
        """Whether a record fits what is written here."""
        return self.only_out is None or self.only_out.holds(values)


@dataclass(frozen=True, slots=True)
class Connection:
    """One customer's account in a tool."""

    id: int
    name: str
    connector: str
    streams: tuple[Stream, ...]
    """In kind order."""
    state: str = "active"
    skew: Skew = field(default_factory=Skew)
    limits: Limits = field(default_factory=Limits)
    """Up to where the brake lets it be written without asking."""
    leave: Leave = Leave.ALL
    """What of its outbox may go out now, as `core.flow.brake.braking` found it."""
    subscribes: bool = False
    """Whether its connector has the tool call us (`Subscribes`)."""

    def stream_for(self, kind: str, values: Values) -> Stream | None:
        """Where a record that this connection does not hold is created, or None when it does not take it."""
        stream = self.home(kind, values)
        return stream if stream is None or stream.gets(values) else None

    def home(self, kind: str, values: Values) -> Stream | None:
        """The stream in which such a record has its place, whether or not its filter lets it in."""
        streams = (stream for stream in self.streams if stream.kind == kind)
        return taker(((stream, stream.translator.when, stream.creates) for stream in streams), values)

    def chooses(self, kind: str, by: Container[str] | None = None) -> bool:
        """Whether a filter decides which records of a kind this connection gets, and asks one of these fields."""
        filters = [one.only_out for one in self.streams if one.kind == kind and one.only_out is not None]
        return any(by is None or any(name in by for name in one.fields) for one in filters)

    def writes(self, kind: str) -> bool:
        """Whether records of a kind are written here at all."""
        return any(stream.kind == kind and stream.policy.writes for stream in self.streams)

    def concerns(self, kind: str, values: Values, held: Container[int]) -> bool:
        """Whether a record may have to be written: a stream of those that hold it is ours, or we would take it."""
        if any(stream.id in held and stream.policy.writes for stream in self.streams):
            return True
        return self.stream_for(kind, values) is not None

    def kin(self, kind: str) -> frozenset[int]:
        """The ids of the streams that hold a kind: a record bound in one of them is held by all."""
        return frozenset(stream.id for stream in self.streams if stream.kind == kind)

    @property
    def stream_ids(self) -> frozenset[int]:
        """The ids of all streams."""
        return frozenset(stream.id for stream in self.streams)


@dataclass(frozen=True, slots=True)
class FormSource:
    """A form as a source: what is posted becomes a person in one stream, and a note beside them in the other."""

    form: Form
    people: Stream
    notes: Stream


def _nobody() -> None:
    """Nobody waits to be woken."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything a trip stands on."""

    store: Store
    clock: Clock
    installation: str
    shapes: Mapping[str, Shape]
    rules: Rules
    connections: Mapping[int, Connection]
    sources: Mapping[int, str]
    """Stream id → source name, for every stream there ever was, the hub's own and removed ones included."""
    own_id: int
    """The id of the hub's own connection, in which people speak and act."""
    own_streams: Mapping[int, str]
    """Stream id → kind, of what people say in the hub itself."""
    open: Callable[[str], Any]
    """Connection name → its connector, built on first use and kept; closed by whoever built the hub."""
    forms: Mapping[str, FormSource] = field(default_factory=dict)
    """The forms by which people ask, by name."""
    form_streams: Mapping[int, int] = field(default_factory=dict)
    """Stream of people → stream of their notes, of every form there ever was; both in the hub's own connection."""
    blocks: Blocks = field(default_factory=Blocks)
    locale: Locale = field(default_factory=Locale)
    hearers: tuple[Hearer, ...] = ()
    """Who must hear about which fields of which kind."""
    profile: Profile = field(default_factory=Profile)
    """What the law of the place asks of a consent."""
    movement: Movement = field(default_factory=Movement)
    """What is asked of open records; without stages, nothing is."""
    signer: Signer | None = None
    """Signs the heads of the consent ledger; None on a copy that is only for trying something out."""
    suppressor: Suppressor | None = None
    """Knows again who was erased; None where nobody can have been."""
    vault: Vault | None = None
    """Seals what tools and we agreed on; None on a copy that is only for trying something out."""
    maintenance: Windows = field(default_factory=dict)
    """Connection → when it is left alone."""
    keeping: Keeping = field(default_factory=Keeping)
    """How long what the hub has done is kept."""
    configured: str | None = None
    """Which configuration this is, as the store counts them."""
    gives_way: Callable[[], bool] | None = None
    """Asked between two pages of a first load, and between two calls of a delivery: whether the rest is to wait for the
    next turn. Where it is None, a first load asks the clock (`core.flow.sync`), and a delivery comes to its end."""
    attends: Callable[[], None] = _nobody
    """Called at the same places: does here what cannot wait elsewhere, where nobody is free for it."""
    ring: Callable[[], None] = _nobody
    """Called in the middle of a turn when a word was taken in: who is to hear of it is woken at once."""
    hooks: str | None = None
    """Below which address tools reach the connections, by name; None where nobody outside reaches this hub."""

    def is_own(self, stream_id: int) -> bool:
        """Whether a stream is no tool's: what people say in the hub, or by a form."""
        return stream_id in self.own_streams or stream_id in self.form_streams or stream_id in self.form_notes

    @property
    def form_notes(self) -> frozenset[int]:
        """The streams of notes of all forms."""
        return frozenset(self.form_streams.values())

    @property
    def own_sources(self) -> frozenset[str]:
        """The sources that are no tools."""
        return frozenset((HUB, *(self.sources[id_] for id_ in self.form_streams)))

    def hook(self, connection: Connection) -> str | None:
        """Where a connection's tool reaches us; None where it cannot."""
        return f"{self.hooks}/{connection.name}" if self.hooks else None

    @property
    def connectors(self) -> dict[str, str]:
        """Connection name → the name of its tool's connector."""
        return {one.name: one.connector for one in self.connections.values()}

    def connection(self, name: str) -> Connection:
        """A connection by name; `KeyError` when there is none."""
        for connection in self.connections.values():
            if connection.name == name:
                return connection
        raise KeyError(name)

    def stream(self, stream_id: int) -> Stream | None:
        """A stream by id, None for one that is no longer connected."""
        for connection in self.connections.values():
            for stream in connection.streams:
                if stream.id == stream_id:
                    return stream
        return None
