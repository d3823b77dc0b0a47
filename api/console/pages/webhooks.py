"""Webhooks that the hub sends: who is told what, how that goes, and one more; tried, told again, switched off, removed.

What the API does for programs, for admins: a subscription stands on a key, and sends what that key may see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.people import Visitor
from api.delivering import Sealed
from api.listing import moment_of
from api.v1 import events
from api.v1.door import Door
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined
from api.v1.subscriptions import Subscriptions, Wanted
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.store import api_keys, hooks

if TYPE_CHECKING:
    from api.console.desk import Desk
    from core.store.api_keys import Key
    from core.store.hooks import Hook

HERE = f"{PLACE}/webhooks"
SHOWN = 100
"""Subscriptions, and tries, of a page."""
_HIGHEST = 2**62
"""No number is higher; the store takes none that is."""
ENOUGH = (Scope.HOOKS, Scope.RECORDS_READ)
"""What a key must have on which one stands."""


def routes(desk: Desk) -> APIRouter:
    """The list, one of them, and what is done about it; all for admins."""
    router = APIRouter()
    board = _Board(desk)
    _all(router, desk, board)
    _one(router, desk, board)
    return router


def _all(router: APIRouter, desk: Desk, board: _Board) -> None:
    @router.get("/webhooks")
    def every(request: Request, visitor: Visitor = desk.for_admins, after: int = 0) -> Response:
        """All subscriptions, each with what became of its newest try."""
        return board.every(request, visitor, after=after)

    @router.post("/webhooks")
    def add(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:
        """One more; its secret stands on this answer alone."""
        try:
            one = board.add(visitor, said)
        except (ConcordError, Declined) as error:
            return board.every(request, visitor, error=error, tried=said)
        return board.one(request, visitor, one, secret=Sealed.of(desk.installation, one).secret)


def _one(router: APIRouter, desk: Desk, board: _Board) -> None:
    @router.get("/webhooks/{id_}")
    def one(request: Request, id_: int, visitor: Visitor = desk.for_admins, below: int = 0) -> Response:
        """One of them, with what became of what was sent."""
        try:
            return board.one(request, visitor, board.find(id_), below=min(below, _HIGHEST) or None)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)

    def acting(path: str, act: Callable[[Visitor, Hook, Posted], str]) -> None:
        @router.post(f"/webhooks/{{id_}}/{path}", name=path)
        def done(
            request: Request, id_: int, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form
        ) -> Response:
            """Does it, and shows the subscription again."""
            try:
                found = board.find(id_)
            except ConcordError as error:
                return desk.refused(request, visitor, error, status=404)
            try:
                words = act(visitor, found, said)
            except (ConcordError, Declined) as error:
                return board.one(request, visitor, found, error=error)
            return desk.done(HERE if path == "remove" else f"{HERE}/{id_}", words)

    acting("test", board.test)
    acting("replay", board.replay)
    acting("off", board.switch_off)
    acting("remove", board.remove)

    @router.post("/webhooks/{id_}/secret")
    def rotate(request: Request, id_: int, visitor: Visitor = desk.for_admins, _: Posted = desk.from_form) -> Response:
        """A new secret, which stands on this answer alone."""
        try:
            found = board.find(id_)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        secret, _until = board.subscriptions.rotate(found)
        board.note(visitor, "exchange the secret of webhooks", hook=id_)
        return board.one(request, visitor, board.find(id_), secret=secret)


class _Board:
    """The pages of subscriptions, and what is done about them."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._at = desk, desk.installation
        self.subscriptions = Subscriptions(Door(desk.installation))

    def find(self, id_: int) -> Hook:
        """One by its number."""
        try:
            return self.subscriptions.find(min(id_, _HIGHEST))
        except Declined:
            raise ConfigError(f"There is no webhook {id_}.", remedy="Open the list of webhooks again.") from None

    def every(
        self, request: Request, visitor: Visitor, *, after: int = 0, error: Exception | None = None,
        tried: Posted | None = None,
    ) -> Response:  # fmt: skip
        """The list."""
        with self._at.store.reading() as tx:
            found = hooks.listed(tx, key_id=None, after=min(after, _HIGHEST), limit=SHOWN + 1)
            latest = hooks.latest(tx, [one.id for one in found])
            end, keys = hooks.newest_place(tx), {one.id: one for one in api_keys.every(tx)}
        return self._desk.page(
            request, visitor, "webhooks.html", status=200 if error is None else 400, found=found[:SHOWN], latest=latest,
            end=end, keys=keys, fitting=self._fitting(keys.values()), names=events.names(self._at.hub().shapes),
            more=found[SHOWN - 1].id if len(found) > SHOWN else None, tried=tried or {}, error=_told(error),
        )  # fmt: skip

    def one(
        self, request: Request, visitor: Visitor, one: Hook, *, below: int | None = None, secret: str = "",
        error: Exception | None = None,
    ) -> Response:  # fmt: skip
        """One of them."""
        with self._at.store.reading() as tx:
            sent = hooks.deliveries(tx, one.id, below=below, limit=SHOWN + 1)
            key, end = api_keys.by_id(tx, one.key_id), hooks.newest_place(tx)
        return self._desk.page(
            request, visitor, "webhook.html", status=200 if error is None else 400, one=one, key_of=key, end=end,
            sent=sent[:SHOWN], older=sent[SHOWN - 1].id if len(sent) > SHOWN else None, secret=secret,
            error=_told(error),
        )  # fmt: skip

    def add(self, visitor: Visitor, said: Posted) -> Hook:
        """Subscribe as a form says."""
        keys = {str(one.id): one for one in self._fitting(self._every_key())}
        key = keys.get(said.get("for", ""))
        if key is None:
            raise ConfigError("A webhook stands on a key that is good.", remedy="Choose one, or make one first.")
        named = said.get("events", "").replace(",", " ").split()
        if not named or not said.get("url", "").strip():
            raise ConfigError(
                "A webhook needs an address and events.", remedy="Fill in both; `*` stands for all events."
            )
        caller, asked = Caller(key), Wanted(said["url"].strip(), named)
        names, host = self.subscriptions.wanted(caller, asked)
        one = self.subscriptions.find(self.subscriptions.add(caller, asked, names, host))
        self.note(visitor, "subscribe to events", hook=one.id, host=host, events=names)
        return one

    def test(self, visitor: Visitor, one: Hook, _: Posted) -> str:
        """Post one event now."""
        with self._at.store.reading() as tx:
            key = api_keys.by_id(tx, one.key_id)
        if key is None or not key.is_good(self._at.clock()):
            raise ConfigError("Its key is good no more, so nothing is sent.", remedy="Add it anew, with a good key.")
        told = self.subscriptions.test(one, Caller(key))
        self.note(visitor, "try a webhook", hook=one.id, status=told.status)
        return f"{one.host} answered {told.status}." if not told.error else f"It was not taken: {told.error}"

    def replay(self, visitor: Visitor, one: Hook, said: Posted) -> str:
        """Tell again since a moment, or go on."""
        since = said.get("since", "").strip()
        self.subscriptions.replay(one, moment_of(since, self._at.clock()) if since else None)
        self.note(visitor, "replay webhooks", hook=one.id, since=since)
        return "What has happened since then is told again." if since else "It goes on where it stopped."

    def switch_off(self, visitor: Visitor, one: Hook, _: Posted) -> str:
        """Send nothing more until somebody has it go on."""
        self.subscriptions.switch_off(one, "Somebody switched it off.")
        self.note(visitor, "switch off a webhook", hook=one.id)
        return "It is off; what happens meanwhile is told once it goes on."

    def remove(self, visitor: Visitor, one: Hook, _: Posted) -> str:
        """End it."""
        self.subscriptions.remove(one)
        self.note(visitor, "end a subscription", hook=one.id)
        return "The webhook is removed."

    def note(self, visitor: Visitor, what: str, **about: Any) -> None:
        """Put on the trail what somebody did."""
        with self._at.store.writing() as tx:
            self._desk.people.note(tx, visitor, what, about)

    def _every_key(self) -> list[Key]:
        with self._at.store.reading() as tx:
            return api_keys.every(tx)

    def _fitting(self, keys: Any) -> list[Key]:
        now = self._at.clock()
        return [one for one in keys if one.is_good(now) and set(ENOUGH) <= set(one.scopes)]


def _told(error: Exception | None) -> dict[str, Any] | None:
    """What went wrong, as pages show it."""
    if isinstance(error, Declined):
        error = ConfigError(error.told.detail, remedy=error.told.remedy)
    return error.to_json() if isinstance(error, ConcordError) else None
