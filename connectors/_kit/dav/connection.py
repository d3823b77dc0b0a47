"""The HTTP under an address book or calendar: who signs in, how fast, and what a refusal to sign in means."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors._kit.accounts import account_of, meter
from connectors._kit.auth import Basic, NoAuth
from connectors._kit.errors import Reply
from connectors._kit.http import Http
from core.errors import SignedOut, ToolError
from core.ports import Context

_ICLOUD = "icloud.com"


def http_for(context: Context) -> Http:
    """Calls to the server that the settings `url`, `username`, `password` and `pace` name."""
    settings, url = context.settings, str(context.settings["url"])
    username = str(settings.get("username") or "")
    is_icloud = f".{urlsplit(url).hostname}".endswith(f".{_ICLOUD}")
    # iCloud does not publish its limits; one request a second is known to be let through (2026-11-21).
    pace = float(settings.get("pace") or (1 if is_icloud else 0))
    return Http(
        url,
        clock=context.clock,
        auth=Basic(username, str(settings.get("password") or "")) if username else NoAuth(),
        limits=meter(context, account_of("dav", urlsplit(url).netloc, username), pace or None),
        sleep=context.sleep,
        explain=_explained,
        # iCloud sends from contacts.icloud.com to hosts such as p42-contacts.icloud.com, which ask for the password.
        trusted=[_ICLOUD] if is_icloud else [],
        connection=context.name,
        at_home=True,
    )


def _explained(reply: Reply, _: str) -> ToolError | None:
    offered = reply.headers.get("www-authenticate", "").lower()
    if reply.status == 401 and "digest" in offered and "basic" not in offered:
        return SignedOut(
            "The server wants Digest sign-in, which Concord does not speak.",
            remedy="Switch the server to Basic over HTTPS (Baïkal: Settings, WebDAV authentication type).",
        )
    return None
