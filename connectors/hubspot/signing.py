"""Signing in: a token that stays (private app, service key), or OAuth with one that is renewed.

An access token of OAuth is renewed ahead of the end it was given; HubSpot asks not to take a 401 for that signal
(2026-11-21). Should one expire early all the same, the kit renews it once.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors._kit.auth import Auth, Bearer
from connectors._kit.http import Http
from connectors._kit.oauth import KeptTokens, OAuth, refresh_token, token_endpoint
from connectors.hubspot.versions import TOKEN
from core.errors import ConfigError
from core.ports import Context

_OAUTH = ("client_id", "client_secret", "refresh_token")


def signed(context: Context, door: Http, placed: Callable[[str], str]) -> Auth:
    """How this connection signs in; `door` leads to the token endpoint. `ConfigError` when settings are missing."""
    settings = context.settings
    if settings.get("token"):
        return Bearer(str(settings["token"]))
    missing = [name for name in _OAUTH if not settings.get(name)]
    if missing:
        raise ConfigError(
            f"The connection has no token, and for OAuth it lacks {', '.join(missing)}.",
            remedy="Give `token`, or `client_id`, `client_secret` and `refresh_token`.",
        )
    client_id, secret, first = (str(settings[name]) for name in _OAUTH)
    return OAuth(
        refresh_token(client_id, secret, first=first),
        token_endpoint(door, placed(TOKEN)),
        KeptTokens(first, context.save_secret),
        clock=context.clock,
        secrets=(secret, first),
    )
