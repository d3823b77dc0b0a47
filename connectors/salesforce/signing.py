"""Signing in: which grant the settings speak of, and keeping a refresh token that Salesforce renewed.

Never a name and password: Salesforce retires that way (SOAP login in Summer '27, 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors._kit.oauth import Grant, Tokens, TokensInMemory, client_credentials, jwt_bearer, refresh_token
from core.errors import ConfigError
from core.ports import Clock

LIFETIME = 150.0
"""Seconds an assertion holds; Salesforce takes at most three minutes, and clocks differ."""


def grant_of(settings: Mapping[str, Any], login_url: str, clock: Clock) -> Grant:
    """The grant: a refresh token, else our own key, else the app's secret alone. `ConfigError` when there is none."""
    client_id = str(settings.get("client_id") or "")
    secret = str(settings.get("client_secret") or "") or None
    if settings.get("refresh_token"):
        return refresh_token(client_id, secret, first=str(settings["refresh_token"]))
    if settings.get("private_key"):
        return jwt_bearer(
            issuer=client_id,
            subject=_named(settings, "username"),
            audience=login_url.rstrip("/"),
            private_key=str(settings["private_key"]),
            clock=clock,
            lifetime=LIFETIME,
        )
    if secret:
        return client_credentials(client_id, secret)
    raise ConfigError(
        "The connection says no way to sign in to Salesforce.",
        remedy="Give `client_secret` alone, or `username` and `private_key`, or `refresh_token`.",
    )


def secrets_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What must never be shown."""
    return tuple(
        str(settings[name]) for name in ("client_secret", "refresh_token", "private_key") if settings.get(name)
    )


class SavedTokens(TokensInMemory):
    """Access tokens live as long as the process; a renewed refresh token is kept before it is used."""

    def __init__(self, settings: Mapping[str, Any], save_secret: Callable[[str, str], None] | None) -> None:
        super().__init__()
        self._kept = settings.get("refresh_token")
        self._save_secret = save_secret

    def swap(self, expected: int, new: Tokens) -> bool:
        """Keep new tokens if nobody else did meanwhile."""
        if not super().swap(expected, new):
            return False
        if new.refresh and self._kept and new.refresh != self._kept:
            self._kept = new.refresh
            if self._save_secret is not None:
                self._save_secret("refresh_token", new.refresh)
        return True


def _named(settings: Mapping[str, Any], name: str) -> str:
    if not settings.get(name):
        raise ConfigError(f"Signing in with a private key needs `{name}` as well.", remedy=f"Give `{name}`.")
    return str(settings[name])
