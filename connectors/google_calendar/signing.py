"""Signing in: OAuth with a refresh token, which Google gives once and does not replace.

Google says with each access token which scopes it holds; what the user did not agree to is known before a call fails.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors._kit.http import Http
from connectors._kit.oauth import KeptTokens, OAuth, Tokens, refresh_token, token_endpoint
from connectors.google_calendar.trouble import explained
from core.errors import ConfigError
from core.ports import Context

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 -- an address
_NEEDED = ("client_id", "client_secret", "refresh_token")


def door_of(context: Context) -> tuple[Http, str]:
    """The line to the token endpoint, and the endpoint's path."""
    place = urlsplit(str(context.settings.get("token_url") or TOKEN_URL))
    http = Http(
        f"{place.scheme}://{place.netloc}", clock=context.clock, sleep=context.sleep, explain=explained,
        connection=context.name,
    )  # fmt: skip
    return http, place.path.lstrip("/")


def signed(context: Context, door: Http, path: str) -> OAuth:
    """How this connection signs in; `ConfigError` when settings are missing."""
    settings = context.settings
    missing = [name for name in _NEEDED if not settings.get(name)]
    if missing:
        raise ConfigError(
            f"To sign in to Google the connection lacks {', '.join(missing)}.",
            remedy="Give `client_id`, `client_secret` and `refresh_token`; the connector's guide says how to get them.",
        )
    client_id, secret, first = (str(settings[name]) for name in _NEEDED)
    return OAuth(
        refresh_token(client_id, secret, first=first),
        token_endpoint(door, path),
        KeptTokens(first, context.save_secret),
        clock=context.clock,
        secrets=(secret, first),
    )


def scopes_of(tokens: Tokens) -> frozenset[str] | None:
    """The scopes that the user agreed to; None where Google did not say."""
    told = tokens.extra.get("scope")
    return frozenset(told.split()) if isinstance(told, str) and told else None
