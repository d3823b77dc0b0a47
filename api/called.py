"""How each connection's tool calls us: subscribed by Concord, by hand, or not at all; since when, and what is wrong.

Read from the store alone; `concord hooks` and `concord check` say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.hooks import address
from api.settings import HOOKS
from connectors._kit.catalogue import entry
from core.decide.subscribing import State
from core.model.instant import SECOND, Instant, iso
from core.store import connections, notices, subscriptions

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.manifest import Webhook
    from core.store.notices import Heard
    from core.store.subscriptions import Row

NO_ADDRESS = "Set CONCORD_PUBLIC_URL to where tools reach this hub, e.g. https://hub.shop.example."
_WAITS = "Nothing to do: it is asked in the next round."


@dataclass(frozen=True, slots=True)
class Called:
    """How it stands with one connection; moments are instants, None where there is none."""

    name: str
    address: str
    state: str
    """`subscribed`, `in trouble`, `not yet`, `by hand`, `no address`, `paused`, `left behind`, `leaving`."""
    since: Instant | None = None
    until: Instant | None = None
    heard_at: Instant | None = None
    """When the last notice came, of those that are kept."""
    events: int = 0
    waiting: int = 0
    unknown: int = 0
    trouble: str = ""
    trouble_at: Instant | None = None
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """For whoever asks whether the tool tells by itself, or polls alone find what is new."""
        if self.state == "subscribed":
            return f"The tool calls {self.address}, since {_day(self.since)}."
        if self.state == "by hand":
            heard = "has told something lately" if self.heard_at is not None else "has told nothing lately"
            return f"Whether the tool calls is set in the tool; it {heard}. {self.remedy}"
        why = self.trouble or {"not yet": "the tool is asked in the next round"}.get(self.state, "")
        return " ".join(filter(None, (f"Polls alone find what is new{f': {why}' if why else '.'}", self.remedy)))

    def to_json(self, now: Instant) -> dict[str, Any]:
        """As `--json` shows it."""
        moments = {"since": self.since, "until": self.until, "trouble_at": self.trouble_at}
        return {
            "name": self.name,
            "address": self.address,
            "state": self.state,
            **{name: None if at is None else iso(at) for name, at in moments.items()},
            "heard_seconds_ago": None if self.heard_at is None else (now - self.heard_at) / SECOND,
            "events": self.events,
            "waiting": self.waiting,
            "unknown": self.unknown,
            "trouble": self.trouble,
            "remedy": self.remedy,
        }


def called(installation: Installation) -> list[Called]:
    """Every connection whose tool can call, and removed ones of which something is still in their tools."""
    with installation.store.reading() as tx:
        rows = [one for one in connections.all_connections(tx) if one.state in ("active", "paused", "removed")]
        heard, ordered = notices.counts(tx), subscriptions.every(tx)
    found = []
    for row in rows:
        webhook = entry(row.connector).manifest.webhook
        mine = ordered.get(row.id, [])
        if webhook is None or (row.state == "removed" and not _still_there(mine)):
            continue
        at = address(installation, row.name)
        place = at or f"{HOOKS}/{row.name}"
        said = _left(mine) if row.state == "removed" else _said(webhook, mine, at, paused=row.state == "paused")
        found.append(Called(row.name, place, **{**_heard(heard.get(row.id)), **said}))
    return found


def _said(webhook: Webhook, rows: Sequence[Row], address: str | None, *, paused: bool) -> Mapping[str, Any]:
    """The state, and what it is made of."""
    live = next((one for one in rows if one.held.state == State.LIVE), None)
    troubled = next((one for one in reversed(rows) if one.trouble), None)
    term = {"since": live.held.since, "until": live.held.ends_at} if live is not None else {}
    if not webhook.subscribes:
        by_hand = webhook.by_hand.replace("{address}", address or "the address of this connection")
        return {"state": "by hand", "remedy": by_hand if address else f"{NO_ADDRESS} {by_hand}"}
    if address is None:
        return {"state": "no address", "remedy": NO_ADDRESS, **term}
    if paused:
        return {"state": "paused", "remedy": "It is seen to when the connection goes on.", **term}
    if troubled is not None:
        return {"state": "in trouble", **term, **_words(troubled)}
    return {"state": "subscribed", **term} if live is not None else {"state": "not yet", "remedy": _WAITS}


def _still_there(rows: Sequence[Row]) -> bool:
    return any(one.held.state in (State.LIVE, State.ORDERED, State.LEAVING) for one in rows)


def _left(rows: Sequence[Row]) -> Mapping[str, Any]:
    """Of a removed connection: what could not be taken away."""
    if any(one.held.due_at is not None for one in rows if one.held.state != State.ENDED):
        return {"state": "leaving", "remedy": "Nothing to do: it is taken away in one of the next rounds."}
    troubled = next((one for one in reversed(rows) if one.trouble), None)
    told = _words(troubled) if troubled is not None else {}
    return {
        "state": "left behind",
        **told,
        "remedy": "Delete the webhook in the tool by hand; it is answered with 410.",
    }


def _words(row: Row) -> Mapping[str, Any]:
    told = row.trouble or {}
    return {"trouble": told.get("message", ""), "trouble_at": told.get("at"), "remedy": told.get("remedy", "")}


def _heard(counted: Heard | None) -> Mapping[str, Any]:
    if counted is None:
        return {}
    return {
        "heard_at": counted.latest,
        "events": counted.number,
        "waiting": counted.waiting,
        "unknown": counted.unknown,
    }


def _day(at: Instant | None) -> str:
    return iso(at)[:10] if at is not None else "a while"
