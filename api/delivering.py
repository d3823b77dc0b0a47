"""Delivering: webhooks go out to whoever subscribed, signed as Standard Webhooks has it, at least once.

    subscription ▶ history behind its place ▶ events it asked for ▶ posted ▶ accepted? its place moves on : tried again

What one host is told goes out one after the other, and each subscription in its order; what is refused waits with all
that is behind it, and is tried again for more than a day. Then the subscription is paused, and an alert says so.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from api import outgoing
from api.outgoing import Unreached
from api.v1 import events
from api.v1.door import Door
from api.v1.events import Event
from api.v1.keys import Caller
from api.v1.records import Showing
from connectors._kit.signatures import sign_standard
from core import signals
from core.errors import ConcordError, ConfigError
from core.mapping.filter import filter_of
from core.model.instant import DAY, HOUR, MINUTE, SECOND
from core.store import api_keys, hooks, trail
from core.store.hooks import Delivery, Hook
from core.store.records import State

if TYPE_CHECKING:
    from api.assembly import Installation

RETRIES = (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR)
"""How long after each refusal it is tried again."""
BUSY = 5 * MINUTE
"""How long whoever is too busy is let alone at most, where it does not say itself."""
BOTH = DAY
"""So long the secret before the present one signs, too."""
PACE = 0.04
"""Seconds between two posts to one host: some refuse more than 30 a second."""
FEW = 50
"""So many events one subscription is sent before the next one of its host has a turn."""
_GONE, _TOO_MANY, _BAD = 410, 429, 400
_FULL = "queue is full"

log = structlog.get_logger("concord.delivering")


class Sealed(NamedTuple):
    """What of a subscription is secret."""

    url: str
    secret: str
    old: str = ""
    """The secret before, while it signs."""
    filter: str = ""
    """As JSON; it may name people."""

    @classmethod
    def of(cls, installation: Installation, one: Hook) -> Sealed:
        """Opened."""
        return cls(**installation.vault.open(one.sealed))

    def sealed(self, installation: Installation) -> bytes:
        """As it is kept."""
        return installation.vault.seal(self._asdict())


class Outcome(NamedTuple):
    """What became of a post."""

    status: int | None
    error: str = ""
    """Blank where it was accepted."""
    ended: bool = False
    """Whether nothing more is wanted there."""
    busy: bool = False
    """Whether it is only for now."""
    wait: int | None = None
    """Seconds that we were asked to wait."""

    @property
    def called(self) -> str:
        """What metrics call it."""
        if not self.error:
            return "accepted"
        if self.status is None:
            return "unanswered"
        return "ended" if self.ended else "busy" if self.busy else "refused"


def new_secret() -> str:
    """A secret to sign with."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def deliver(installation: Installation, host: str, gives_way: Callable[[], bool] = lambda: False) -> bool:
    """A turn of every subscription of a host that has something to tell; whether there is more for now."""
    with installation.store.reading() as tx:
        due = hooks.due(tx, host, installation.clock())
    more = False
    for one in due:
        if gives_way():
            return True
        more |= _Turn(installation, one, gives_way).go()
    return more


class _Turn:
    """One subscription is told what it has not been told."""

    def __init__(self, installation: Installation, one: Hook, gives_way: Callable[[], bool]) -> None:
        self._at, self._one, self._gives_way = installation, one, gives_way
        self._showing = Showing(Door(installation))

    def go(self) -> bool:
        """Send what waits, as far as it is accepted; whether there is more for now."""
        one = self._one
        with self._at.store.reading() as tx:
            key = api_keys.by_id(tx, one.key_id)
            found, end = events.after(tx, one.place)
        if key is None:
            return False
        try:
            sealed = Sealed.of(self._at, one)
            wanted = [event for event in _untold(one, found) if is_wanted(self._at, one, sealed, event)]
        except ConfigError as error:
            self._stop(hooks.PAUSED, error.message)
            return False
        for sent, event in enumerate(wanted):
            if sent >= FEW or self._gives_way():
                return True
            if not self._told(Caller(key), sealed, event):
                return False
            self._at.sleep(PACE)
        self._keep(place=end, told="")
        with self._at.store.reading() as tx:
            return hooks.newest_place(tx) > end

    def _told(self, caller: Caller, sealed: Sealed, event: Event) -> bool:
        """Post it, and keep what became of it; whether it was accepted."""
        body = event.shown(self._showing, caller).model_dump()
        outcome = send(self._at, self._one, sealed, event.id, body)
        note(self._at, self._one, event, outcome)
        if not outcome.error:
            return self._keep(place=event.place - 1, told=event.id, tries=0, try_at=self._at.clock())
        if outcome.ended:
            self._stop(hooks.ENDED, outcome.error)
        elif outcome.busy:
            self._keep(try_at=self._at.clock() + (outcome.wait * SECOND if outcome.wait is not None else BUSY))
        elif self._one.tries >= len(RETRIES):
            self._stop(hooks.PAUSED, outcome.error)
        else:
            wait = max(RETRIES[self._one.tries], (outcome.wait or 0) * SECOND)
            self._keep(tries=self._one.tries + 1, try_at=self._at.clock() + wait)
        return False

    def _keep(self, **values: Any) -> bool:
        """Keep where it stands; False where somebody has set it back, or deleted it, meanwhile: that counts."""
        with self._at.store.writing(durable=True) as tx:
            kept = hooks.change(tx, self._one.id, since=self._one, **values)
        self._one = self._one._replace(**values)
        return kept

    def _stop(self, state: str, why: str) -> None:
        now = self._at.clock()
        if not self._keep(state=state, why=why, changed_at=now):
            return
        about = {"hook": self._one.id, "host": self._one.host, "why": why}
        with self._at.store.writing() as tx:
            trail.add(tx, at=now, person_id=None, who="the hub", what=f"webhooks are {state}", about=about)
        log.warning("webhooks are sent no more", state=state, **about)


def _untold(one: Hook, found: list[Event]) -> list[Event]:
    """Those behind the last one that was accepted."""
    told = next((place for place, event in enumerate(found) if event.id == one.told), None)
    return found if told is None else found[told + 1 :]


def is_wanted(installation: Installation, one: Hook, sealed: Sealed, event: Event) -> bool:
    """Whether a subscription asks for this event; `ConfigError` where its filter can be asked no more."""
    if event.name not in one.events or (event.key == one.key_id and not one.own):
        return False
    if not sealed.filter or event.record.state == State.ERASED:
        return True
    hub = installation.hub()
    asked = filter_of(json.loads(sealed.filter), hub.shapes[event.record.kind], hub.locale, where="The filter")
    return asked is None or asked.holds(event.record.values)


def send(installation: Installation, one: Hook, sealed: Sealed, id_: str, told: dict[str, Any]) -> Outcome:
    """Sign and post a body."""
    now = installation.clock()
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    signing = [sealed.secret, *([sealed.old] if sealed.old and one.old_until > now else [])]
    signed = [sign_standard(body, id_=id_, sent_at=now, secret=secret) for secret in signing]
    headers = {
        **signed[0], "webhook-signature": " ".join(each["webhook-signature"] for each in signed),
        "Content-Type": "application/json", "User-Agent": "Concord-Webhooks/1",
    }  # fmt: skip
    try:
        answer = outgoing.post(sealed.url, body, headers, private=installation.settings.hooks_private)
    except Unreached as error:
        return Outcome(None, f"{one.host} does not answer: {error}.")
    except ConcordError as error:
        return Outcome(None, error.message)
    return _outcome(one.host, answer)


def _outcome(host: str, answer: outgoing.Answer) -> Outcome:
    status = answer.status
    says = f"{host} answered {status}."
    if 200 <= status < 300:
        return Outcome(status)
    if status == _GONE:
        return Outcome(status, f"{host} answered {status}: nothing more is wanted there.", ended=True)
    if 300 <= status < 400:
        return Outcome(status, f"{host} answered {status}: webhooks follow no redirect.")
    busy = status == _TOO_MANY or (status == _BAD and _FULL in answer.text.casefold())
    return Outcome(status, says, busy=busy, wait=answer.retry_after)


def note(installation: Installation, one: Hook, event: Event, outcome: Outcome) -> Delivery:
    """Keep what became of a post, and have it counted."""
    signals.tell("sent", outcome=outcome.called)
    record = event.record.id if event.place else None
    kept = Delivery(
        0, one.id, installation.clock(), event.name, event.id, record, outcome.status, outcome.error
    )  # fmt: skip
    with installation.store.writing() as tx:
        id_ = hooks.note(tx, kept)
    return kept._replace(id=id_)
