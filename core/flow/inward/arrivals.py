"""What a trip inwards carries: how the page came, what is news in it, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.decide.route import Cause
from core.flow.hub import Hub, Stream
from core.mapping import Reading
from core.model.claim import Stamp
from core.model.instant import Instant
from core.model.values import Json
from core.ports import Fields, Remote
from core.store.codec import dumps


@dataclass(frozen=True, slots=True)
class Trip:
    """How a page came: through which stream, when, and as part of what."""

    hub: Hub
    stream: Stream
    began_at: Instant
    """When the call that brought the page was sent, by the hub's clock."""
    now: Instant
    last_read_at: Instant | None = None
    """When the stream was last known whole: an undated change happened after that."""
    backfill: bool = False
    run_id: int | None = None
    trusted: bool = False
    """These are direct reads, newer than any listing: their stamps need not have moved to be believed."""
    told: bool = False
    """These came by notices, which may be late: what nobody knows yet may be gone since, and is read first."""
    first_hand: bool = False
    """The persons concerned say it themselves, now."""
    proof: Mapping[str, Json] | None = None
    """What the consent ledger keeps as evidence of what is said."""
    assumed: Collection[str] = ()
    """Fields that are only taken for granted: whatever is said of them anywhere goes before."""
    sent: Fields | None = None
    """What we made the one record of this page with, where a create of ours is found whose answer was lost."""

    def record_of_key(self, key: str | None) -> int | None:
        """The record that a key of our own creates names: `concord-<installation>-<record id>-<connection id>.<n>`."""
        parts = key.split("-") if key is not None else []
        ours = len(parts) == 4 and parts[0] == "concord" and parts[1] == self.hub.installation
        return int(parts[2]) if ours and parts[2].isdigit() else None

    @property
    def cause(self) -> Cause:
        """What the lanes go by."""
        return "backfill" if self.backfill else "live"


class Arrival(NamedTuple):
    """One record of a page that is news, as bytes and as translated."""

    remote: Remote
    raw: bytes
    """Without the fields whose lines rest."""
    digest: int
    reading: Reading
    stamp: Stamp

    @property
    def problems(self) -> str | None:
        """What could not be read of it, in the stored form."""
        found = [*self.reading.problems, *([self.remote.problem] if self.remote.problem else [])]
        return dumps(found) if found else None


@dataclass(slots=True)
class Intake:
    """What became of a page, in numbers, and what must be read again."""

    read: int = 0
    unchanged: int = 0
    echoes: int = 0
    heard: int = 0
    created: int = 0
    joined: int = 0
    gone: int = 0
    left_out: int = 0
    """New to the hub or changed, and kept out by a filter."""
    problems: int = 0
    told: int = 0
    """Refusals that were written there while the walk went on."""
    again: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    """Ids of the bindings this page showed, for a walk that looks for what is missing."""
    resumed: bool = False
    """A whole walk was broken off, and has come to its end now: what is missing is seen by the next one only."""

    gave_way: bool = False
    """A first load lets others go before it; the next turn goes on with it."""

    def counts(self) -> dict[str, int]:
        """The numbers that are not zero."""
        names = ("read", "unchanged", "echoes", "heard", "created", "joined", "gone", "left_out", "problems", "told")
        return {name: value for name in names if (value := getattr(self, name))}

    def add(self, other: Intake) -> None:
        """Count another page's numbers in."""
        for name, value in other.counts().items():
            setattr(self, name, getattr(self, name) + value)
        self.resumed |= other.resumed
        self.gave_way |= other.gave_way
