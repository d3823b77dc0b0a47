"""The engine's round: reviews, subscriptions, sync, audit and follow-through, the tools' clocks, agreement, mending.

`concord sync` and the demo turn this crank; workers and the background do its parts when they are due (`api.duties`).
What a trip does is `core.flow`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.acknowledging import send_acknowledgements
from api.confirming import ask_sign_ups
from core.flow.aging import age
from core.flow.holders import this_process
from core.flow.holding_fields import let_go_due
from core.flow.inward.arrivals import Intake
from core.flow.inward.hearing import sweep
from core.flow.inward.subscribing import subscribe
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.flow.movement.scoring import keep_day
from core.flow.outward import measuring
from core.flow.outward.agreement import Agreement
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.reviewing import tick
from core.flow.sync import Tell, Turn, sync

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

_MENDS = 3
"""A reconcile may mark something, which is then delivered and measured again; more often means it does not settle."""


@dataclass(slots=True)
class Round:
    """What a round did: every turn, and the agreement measured at its end."""

    turns: list[Turn] = field(default_factory=list)
    agreement: dict[str, Agreement] = field(default_factory=dict)
    """Connection → all its kinds together; empty when nothing was measured."""

    @property
    def writes(self) -> int:
        """Items that tools took."""
        return sum(turn.delivered.writes for turn in self.turns)

    @property
    def failed(self) -> list[Turn]:
        """Turns that ended in a tool's error."""
        return [turn for turn in self.turns if turn.error is not None]

    @property
    def moved(self) -> bool:
        """Whether anything came in or went out."""
        return not all(turn.quiet for turn in self.turns)

    @property
    def quiet(self) -> bool:
        """Whether each connection's last turn found nothing to do."""
        return all({turn.connection: turn.quiet for turn in self.turns}.values())

    @property
    def share(self) -> float | None:
        """The agreed share over all connections that were measured."""
        whole = Agreement()
        for one in self.agreement.values():
            whole.join(one)
        return whole.share if self.agreement else None

    def counts(self, name: str) -> dict[str, dict[str, int]]:
        """What all turns of a connection did: `in` and `out`, counts of mere looking left out."""
        came_in, went_out = Intake(), dict[str, int]()
        for turn in self.turns:
            if turn.connection == name:
                came_in.add(turn.intake)
                for what, count in turn.delivered.counts().items():
                    went_out[what] = went_out.get(what, 0) + count
        return {"in": came_in.counts(), "out": {k: v for k, v in went_out.items() if k not in ("looked", "in_step")}}


def holder(installation: Installation) -> str:
    """Who takes leases: on an embedded store there is one engine, and a restarted one goes on at once."""
    return "here" if installation.store.embedded else this_process()


def beside(installation: Installation) -> str:
    """Who takes leases for what is done beside the engine's rounds."""
    return f"{holder(installation)} beside"


def turn_crank(
    installation: Installation,
    names: Sequence[str] | None = None,
    *,
    until_quiet: bool = False,
    everything: bool = True,
    measured: bool = True,
    tell: Tell | None = None,
) -> Round:
    """One round (or rounds until all is quiet), then measure. A tool's failure is told in its turn."""
    done, who = Round(), holder(installation)

    def go() -> None:
        hub = installation.hub()
        catch_up(installation, hub, names, holder=who)
        done.turns += sync(hub, names, until_quiet=until_quiet, everything=everything, tell=tell, holder=who)

        def send() -> None:
            done.turns.extend(sync(hub, names, until_quiet=until_quiet, everything=False, tell=tell, holder=who))

        move_on(installation, hub, holder=who, send=send)

    go()
    for _ in range(_MENDS if measured else 0):
        if not measure(installation, done, names, everything=everything) or not until_quiet or done.failed:
            break
        go()
    return done


def catch_up(installation: Installation, hub: Hub, names: Sequence[str] | None = None, *, holder: str) -> None:
    """What goes before the turns and belongs to no connection."""
    installation.reconsider(hub)
    tick(hub)
    let_go_due(hub)
    sweep(hub)
    age(hub)
    subscribe(hub, names, holder=holder)


def move_on(installation: Installation, hub: Hub, *, holder: str, send: Callable[[], None]) -> None:
    """What follows from the turns: the audit and its steps, mails, and what was learnt of the tools' clocks.

    What the steps set down goes out at once, by `send`; what it leads to is judged in the next round.
    """
    audit(hub)
    keep_day(hub)
    if follow(hub).counts():
        send()
    send_acknowledgements(hub, holder)
    ask_sign_ups(installation, hub, holder=holder)
    installation.learn_clocks()


def measure(
    installation: Installation,
    done: Round,
    names: Sequence[str] | None = None,
    hub: Hub | None = None,
    *,
    everything: bool = False,
) -> int:
    """Measure agreement of the connections and mark what slipped; gives how many records were marked.

    `everything` compares every record, else those that may have changed and a slice of the others.
    """
    hub, marked = hub or installation.hub(), 0
    compare = reconcile if everything else measuring.measure
    for connection in hub.connections.values():
        if (names is None or connection.name in names) and connection.state == "active":
            found = compare(hub, connection)
            done.agreement[connection.name] = found.whole
            marked += found.marked
    return marked


def api_calls(installation: Installation, name: str) -> int:
    """How many calls this process made to a tool over the network; 0 for tools that need none."""
    connector = installation.connector(name)
    for told in ("api_calls", "requests"):
        if isinstance(count := getattr(connector, told, None), int):
            return count
    return int(getattr(getattr(connector, "tool", None), "api_calls", 0))
