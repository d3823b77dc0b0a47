"""Signing in: by name and password, or by a token that OAuth renews (XOAUTH2, for Gmail and Microsoft 365).

The same token opens both lines. Where neither a password nor a refresh token is set, nobody signs in; a relay inside
one's own network asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors._kit.http import Http
from connectors._kit.oauth import KeptTokens, OAuth, refresh_token, token_endpoint
from core.errors import ConfigError
from core.ports import Context

_OAUTH = ("token_url", "client_id", "refresh_token")


class Tokener:
    """Gives access tokens that are good for a while."""

    def __init__(self, oauth: OAuth, http: Http) -> None:
        self._oauth = oauth
        self._http = http
        self._given = ""

    def __repr__(self) -> str:
        return "Tokener(•••)"

    def token(self) -> str:
        """An access token. `SignedOut` when there is no way to one, `Unavailable` when nobody answers."""
        self._given = self._oauth.tokens().access
        return self._given

    def renewed(self) -> bool:
        """After a refusal: get another token than the one given last; whether there is one."""
        return self._oauth.renewed({"Authorization": f"Bearer {self._given}"})

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return self._oauth.secrets

    def close(self) -> None:
        """Let the line to the token endpoint go."""
        self._http.close()


def tokener(context: Context) -> Tokener | None:
    """How tokens are got; None where a password signs in. `ConfigError` when settings are missing."""
    settings = context.settings
    if not any(settings.get(name) for name in _OAUTH):
        return None
    missing = [name for name in _OAUTH if not settings.get(name)]
    if missing:
        raise ConfigError(
            f"To sign in with OAuth the connection lacks {', '.join(missing)}.",
            remedy="Give `token_url`, `client_id` and `refresh_token`, or a password and none of these.",
        )
    return _made(context, settings)


def _made(context: Context, settings: Mapping[str, Any]) -> Tokener:
    place = urlsplit(str(settings["token_url"]))
    http = Http(f"{place.scheme}://{place.netloc}", clock=context.clock, sleep=context.sleep, connection=context.name)
    first, secret = str(settings["refresh_token"]), str(settings.get("client_secret") or "")
    oauth = OAuth(
        refresh_token(str(settings["client_id"]), secret or None, first=first),
        token_endpoint(http, place.path.lstrip("/")),
        KeptTokens(first, context.save_secret),
        clock=context.clock,
        secrets=tuple(filter(None, (secret, first))),
    )
    return Tokener(oauth, http)


def xoauth2(username: str, token: str) -> str:
    """What a token is shown as, before it is put into base64."""
    return f"user={username}\1auth=Bearer {token}\1\1"
