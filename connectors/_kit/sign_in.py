"""Signing in to a tool as its manifest says: where an admin is sent, and what is kept of the code they bring back.

    address ▶ the tool asks whether we may ▶ exchanged: code → settings of the connection

Facts about a tool are data (`Manifest.sign_in`), so that no connector has code for this; what is not sure about one
is a setting, which its addresses name in braces. Renewing what was got is `oauth.py`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from connectors._kit.authorizing import Client, authorize_url, token_request
from connectors._kit.http import Http
from core.errors import ConfigError, Unavailable, Unknown
from core.manifest import Manifest, SignIn
from core.ports import Clock


class Way(NamedTuple):
    """How an admin signs in to one tool with one app."""

    manifest: Manifest
    settings: Mapping[str, Any]
    """Of the connection, with secrets; what is blank stands at its default."""
    redirect_uri: str

    def scopes(self) -> Mapping[str, str]:
        """What is asked for, and what each is for; blank where the tool knows no scopes."""
        own = str(self.settings.get("scopes") or "").split()
        known = self.manifest.scopes
        return {one: known.get(one, "") for one in own} if own else known

    def address(self, state: str, verifier: str) -> str:
        """Where an admin is sent. `ConfigError` names the setting that is missing or cannot be meant."""
        said = _said(self.manifest)
        return authorize_url(
            self._place(said.authorize_url), self._client(said), redirect_uri=self.redirect_uri, state=state,
            scope=" ".join(self.scopes()), verifier=verifier if said.pkce else "", **said.params,
        )  # fmt: skip

    def exchanged(
        self, code: str, verifier: str, *, clock: Clock, sleep: Callable[[float], None] | None = None
    ) -> Mapping[str, str]:
        """Setting → its new value. `ConfigError`, or the tool's own error, says why there is none."""
        said = _said(self.manifest)
        client, place = self._client(said), urlsplit(self._place(said.token_url))
        asked = token_request(client, code, redirect_uri=self.redirect_uri, verifier=verifier if said.pkce else "")
        secrets = tuple(filter(None, (client.secret, code, verifier)))
        with Http(f"{place.scheme}://{place.netloc}", clock=clock, sleep=sleep, retries=0, redact=secrets) as http:
            try:
                told = http.post(place.path, data=asked.form, headers=asked.headers).payload()
            except Unknown as error:
                raise Unavailable(
                    f"{self.manifest.title} did not answer when the code was exchanged.", **error.facts
                ) from error
        found = {setting: told.text(name, None) for setting, name in said.keeps.items()}
        if missing := [name for name, value in found.items() if not value]:
            raise ConfigError(
                f"{self.manifest.title} gave no {', '.join(missing).replace('_', ' ')}.",
                remedy="Take the app's access away in the tool and sign in again, or look at the app's own settings.",
            )
        return {name: str(value) for name, value in found.items()}

    def _client(self, said: SignIn) -> Client:
        id_, secret = self._value("client_id"), self.settings.get("client_secret")
        return Client(id_, str(secret) if secret else None, said.in_header)

    def _place(self, template: str) -> str:
        """An address with the settings that it names filled in; https, or this machine."""
        named = {name: self._value(name).rstrip("/") for _, name, _, _ in Formatter().parse(template) if name}
        url = template.format_map(named)
        parts = urlsplit(url)
        loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if (parts.scheme != "https" and not loopback) or not parts.hostname:
            raise ConfigError(
                f"{url[:100]} is not an https address.", remedy="Credentials pass there: mend the setting."
            )
        return url

    def _value(self, name: str) -> str:
        setting = self.manifest.settings[name]
        value = self.settings.get(name) or setting.default
        if not value:
            raise ConfigError(f"To sign in, `{name}` is needed.", remedy=setting.doc)
        return str(value)


def refusal(title: str, said: Mapping[str, str]) -> ConfigError | None:
    """What the tool says went wrong, from the query that somebody came back with; None where nothing did."""
    if "error" not in said and said.get("code"):
        return None
    error = said.get("error", "it sent no code")
    words = " ".join(f"{error} {said.get('error_description', '')}".split())[:200]
    remedy = (
        "Nothing was changed. Sign in again, as somebody who may let an app in there."
        if error == "access_denied"
        else "Nothing was changed. Look at the app in the tool: its redirect URI, its scopes, its id."
    )
    return ConfigError(f"{title} did not let Concord in: {words}.", remedy=remedy)


def kept(manifest: Manifest, settings: Mapping[str, Any], gained: Mapping[str, str]) -> dict[str, Any]:
    """Settings with what was gained, and without what would sign in before it."""
    cleared = _said(manifest).clears
    return {**{name: value for name, value in settings.items() if name not in cleared}, **gained}


def _said(manifest: Manifest) -> SignIn:
    if manifest.sign_in is None:
        raise ConfigError(f"Nobody can be sent to {manifest.title} to sign in.", remedy="Fill in its form.")
    return manifest.sign_in
