"""For sandboxes: the page where a person lets an app in, and the codes that they bring back to it.

Strict on what the standards leave no choice about (RFC 6749, 7636, 9700): the redirect URI is compared letter by letter
and never followed where it is not registered, a code is good once, for minutes, for one app and one verifier. How a
refusal is worded is the tool's own business; here it is a word of RFC 6749 with a few of explanation.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from connectors._kit.loopback import Call, Response
from core.model.instant import MINUTE, Instant
from core.ports import Clock

_PAGE = """<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1>
<p>An app asks for: {scope}.</p><p><a href="?{allow}">Allow</a> <a href="?{deny}">Deny</a></p></html>"""


class Agreed(NamedTuple):
    """What a person agreed to, until it is exchanged."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    ends_at: Instant
    asked: Mapping[str, str]
    """The whole of what was asked for."""


class Refusal(NamedTuple):
    """Why not: a word of RFC 6749, and a few of explanation."""

    error: str
    words: str


class ConsentPage:
    """The page and the codes of one app."""

    def __init__(
        self,
        title: str,
        clock: Clock,
        *,
        client_id: str,
        pkce: bool = True,
        scopes: Collection[str] | None = None,
        code_lasts: Instant = 10 * MINUTE,
    ) -> None:
        """`pkce` says whether challenges are known here; `scopes` are those that may be asked for, None for any."""
        self.redirect_uris: set[str] = set()
        """Those that the app's owner has registered."""
        self.requires_pkce = False
        self.asked: list[Mapping[str, str]] = []
        """What people were sent here with, so far."""
        self._title, self._clock, self._client_id, self._pkce = title, clock, client_id, pkce
        self._scopes, self._lasts = scopes, code_lasts
        self._codes: dict[str, Agreed] = {}
        self._given = 0

    def answer(self, call: Call) -> Response:
        """The page; with `decision=allow` or `deny` in the query, the way back to the app."""
        asked = {name: value for name, value in call.query.items() if name != "decision"}
        if asked.get("client_id") != self._client_id:
            return _html(400, "There is no such app.")
        if asked.get("redirect_uri") not in self.redirect_uris:
            return _html(400, "The redirect URI is not one of those that the app registered.")
        refusal = self._refusal(asked)
        if refusal is not None:
            return _back(asked, error=refusal.error, error_description=refusal.words)
        if "decision" not in call.query:
            self.asked.append(asked)
            return self._page(asked)
        if call.query["decision"] != "allow":
            return _back(asked, error="access_denied", error_description="The user denied the request")
        return _back(asked, code=self._code(asked))

    def exchanged(self, form: Mapping[str, str]) -> Agreed | Refusal:
        """What the code of a token request stands for. It is used up, whatever comes of it."""
        found = self._codes.pop(form.get("code", ""), None)
        if found is None or found.ends_at <= self._clock():
            return Refusal("invalid_grant", "The code is unknown, was used, or is too old")
        if form.get("redirect_uri") != found.redirect_uri:
            return Refusal("invalid_grant", "The redirect URI is not the one that the code was given for")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if found.challenge and urlsafe_b64encode(digest).decode().rstrip("=") != found.challenge:
            return Refusal("invalid_grant", "The code verifier does not fit the challenge")
        return found

    def _refusal(self, asked: Mapping[str, str]) -> Refusal | None:
        if asked.get("response_type") != "code":
            return Refusal("unsupported_response_type", "Only code is known here")
        challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method", "plain")
        if self._pkce and challenge and method != "S256":
            return Refusal("invalid_request", "The code challenge must be of S256")
        if self.requires_pkce and not challenge:
            return Refusal("invalid_request", "A code challenge is required")
        unknown = set(asked.get("scope", "").split()) - set(self._scopes) if self._scopes is not None else set()
        if unknown:
            return Refusal("invalid_scope", f"The app may not ask for {', '.join(sorted(unknown))}")
        return None

    def _code(self, asked: Mapping[str, str]) -> str:
        self._given += 1
        code = f"code/{self._given}+{self._title}"
        self._codes[code] = Agreed(
            asked["client_id"], asked["redirect_uri"], asked.get("scope", ""),
            asked.get("code_challenge", "") if self._pkce else "", self._clock() + self._lasts, asked,
        )  # fmt: skip
        return code

    def _page(self, asked: Mapping[str, str]) -> Response:
        allow, deny = (escape(urlencode({**asked, "decision": word})) for word in ("allow", "deny"))
        scope = escape(asked.get("scope") or "all that you may")
        return _html(
            200, "", _PAGE.format(title=escape(self._title), app="Concord", scope=scope, allow=allow, deny=deny)
        )


def _back(asked: Mapping[str, str], **said: str) -> Response:
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return Response(302, None, {"Location": f"{asked['redirect_uri']}{joint}{urlencode({**said, **state})}"})


def _html(status: int, words: str, page: str = "") -> Response:
    return Response(status, (page or f"<h1>{words}</h1>").encode(), {"Content-Type": "text/html; charset=utf-8"})
