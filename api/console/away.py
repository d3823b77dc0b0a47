"""Somebody who is sent to another site to sign in there, and comes back.

    begin ▶ the other site ▶ back, with the state and whatever it says

A state is good once, for ten minutes, and only with what the same browser has: a cookie, or its visit. What is needed
afterwards waits in the store, sealed by the vault.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple

from api.console.people import digest_of
from core.errors import ConfigError
from core.model.instant import MINUTE
from core.store import authorizations
from core.store.authorizations import AuthorizationRequest

if TYPE_CHECKING:
    from api.assembly import Installation

LASTING = 10 * MINUTE
"""So long somebody may take at the other site."""


class Leaving(NamedTuple):
    """What goes along with somebody."""

    state: str
    verifier: str
    """Shown to the other site only when the code is exchanged (PKCE)."""
    nonce: str

    @classmethod
    def new(cls) -> Leaving:
        """One that nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48), secrets.token_urlsafe(32))


def begin(installation: Installation, what: str, browser: str, leaving: Leaving, carried: Mapping[str, Any]) -> None:
    """Await somebody back; `what` is the errand, `browser` what only theirs has, `carried` what is needed then."""
    now = installation.clock()
    kept = json.dumps({"what": what, **leaving._asdict(), **carried})
    request = AuthorizationRequest(
        digest_of(leaving.state), digest_of(browser), installation.vault.seal({"kept": kept}), now + LASTING
    )
    with installation.store.writing(durable=True) as tx:
        authorizations.begin(tx, request, now=now)


def back(installation: Installation, what: str, browser: str, state: str) -> dict[str, Any]:
    """What waits for somebody who is back; `ConfigError` where nobody is awaited like that. It is used up by asking."""
    with installation.store.writing(durable=True) as tx:
        found = authorizations.take(tx, digest_of(state)) if state else None
    if found is None or found.ends_at <= installation.clock():
        raise ConfigError(
            "This way back is good once, and for ten minutes.", remedy="Nothing was done. Begin again from the console."
        )
    kept: dict[str, Any] = json.loads(installation.vault.open(found.sealed)["kept"])
    if kept["what"] != what or not compare_digest(found.browser, digest_of(browser)):
        raise ConfigError(
            "This way back belongs to another browser or visit.",
            remedy="Nothing was done. Begin again, in the browser and at the address where you use the console.",
        )
    return kept
