"""The door of the API: whose key it is, whether it may, how often, and whether it has asked just this before.

    request ▶ a good key? ▶ not too often? ▶ has it the scope? ▶ the operation's own function ▶ JSON

An operation names its scope by the default of its `caller`:

    def one_run(id: Number, caller: Caller = door[Scope.WORK_READ]) -> Row:
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.console.people import Role
from api.masking import is_personal, masked
from api.rates import Rates, Taken, asker, networks
from api.v1.keys import Caller, Keys, Scope
from api.v1.problems import Declined
from core.model.instant import DAY, MINUTE
from core.store import api_keys
from core.store.codec import dumps

if TYPE_CHECKING:
    from api.assembly import Installation

REMEMBERED = 2 * DAY
"""So long a request that is sent again is known to be the same."""
BROKEN_OFF = 5 * MINUTE
"""What was begun before and never answered is done again."""
_TRIES = 30
"""So many requests a minute without a good key are answered to whoever asks."""
_LONGEST = 255
_BEARER = HTTPBearer(auto_error=False, description="A key of the API: `concord keys add NAME`.")
_AGAIN = {"WWW-Authenticate": 'Bearer realm="concord"'}


class Door:
    """Lets programs of one installation in."""

    def __init__(self, installation: Installation) -> None:
        """Nobody has asked yet."""
        self.installation, self.keys = installation, Keys(installation)
        self._each = installation.settings.api_per_minute
        self._rates, self._tries = Rates(self._each), Rates(_TRIES)
        self._trusted = networks(installation.settings.trusted_proxies)
        self.anybody: Any = self._lets_in(None)
        """Whoever has a key."""

    def __getitem__(self, scope: Scope) -> Any:
        """Whoever has a key with this scope."""
        return self._lets_in(scope)

    def _lets_in(self, scope: Scope | None) -> Any:

        def let_in(
            request: Request,
            shown: HTTPAuthorizationCredentials | None = Security(_BEARER),  # noqa: B008
        ) -> Caller:
            caller = self._caller(request, shown.credentials if shown is not None else "")
            if scope is not None and not caller.may(scope):
                raise Declined(
                    403, "api.scope", f"This key has not the scope {scope}.",
                    f"Use a key that has it: `concord keys add NAME --scope {scope}`.",
                )  # fmt: skip
            return caller

        # Read by whoever prints which scope an operation takes, and by the test of every route against every role.
        let_in.scope = scope  # type: ignore[attr-defined]
        return Depends(let_in)

    def _caller(self, request: Request, token: str) -> Caller:
        now = self.installation.clock()
        caller = self.keys.caller(token) if token else None
        if caller is None:
            self._slow_down(request)
            words = "This key is not good: it was shut, has ended, or never was." if token else "A key is missing."
            raise Declined(401, "api.key", words, "Send `Authorization: Bearer KEY`; see `concord keys add`.",
                           headers=_AGAIN)  # fmt: skip
        taken = self._rates.take(str(caller.key.id), now)
        request.state.limits = self._limits(taken)
        if taken.wait:
            raise Declined(
                429, "api.too_often", f"This key may ask {self._each} times a minute.",
                f"Wait {taken.wait} s.", headers={"Retry-After": str(taken.wait)},
            )  # fmt: skip
        return caller

    def _slow_down(self, request: Request) -> None:
        peer = request.client.host if request.client else "nowhere"
        who = asker(peer, request.headers.get("x-forwarded-for", ""), self._trusted)
        if wait := self._tries.wait(who, self.installation.clock()):
            raise Declined(
                429, "api.too_often", "Too many requests came without a good key.", f"Wait {wait} s.",
                headers={"Retry-After": str(wait)},
            )  # fmt: skip

    def _limits(self, taken: Taken) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"key";q={self._each};w=60', "RateLimit": f'"key";r={taken.left};t={taken.full_in}'
        }  # fmt: skip

    # --- what is shown, and what is done

    def shown(self, caller: Caller, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as this caller may see them."""
        if caller.role.may(Role.OPERATOR):
            return dict(values)
        shape = self.installation.hub().shapes.get(kind)
        return {name: masked(one) if is_personal(shape, name) else one for name, one in values.items()}

    def once(
        self, request: Request, caller: Caller, asks: object, act: Callable[[], dict[str, int]]
    ) -> tuple[dict[str, int], bool]:
        """Do it, once for each `Idempotency-Key`; gives the numbers of what came of it, and whether that was before."""
        named = request.headers.get("idempotency-key", "").strip()
        if not named:
            return act(), False
        if len(named) > _LONGEST:
            raise Declined(400, "api.idempotency", "An Idempotency-Key has 255 letters at most.", "Send a shorter one.")
        store, now = self.installation.store, self.installation.clock()
        mark, about = _digest(named), _digest(dumps([request.method, request.url.path, asks]))
        with store.writing(durable=True) as tx:
            api_keys.forget(tx, now - REMEMBERED)
            known = api_keys.begin(tx, caller.key.id, mark, about, at=now, stale=now - BROKEN_OFF)
        if known is not None:
            return _same(known, about), True
        try:
            told = act()
        except BaseException:
            with store.writing() as tx:
                api_keys.not_done(tx, caller.key.id, mark)
            raise
        with store.writing(durable=True) as tx:
            api_keys.answered(tx, caller.key.id, mark, told)
        return told, False


def _same(known: api_keys.Answer, about: str) -> dict[str, int]:
    if known.asks != about:
        raise Declined(
            422, "api.idempotency", "This Idempotency-Key was used for another request.", "Use a new one for each."
        )
    if known.told is None:
        raise Declined(
            409, "api.idempotency", "The same request is being done just now.", "Wait a moment, then send it again.",
            headers={"Retry-After": "2"},
        )  # fmt: skip
    return dict(known.told)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
