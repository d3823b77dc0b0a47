"""Signing in by an identity provider: OpenID Connect's authorization code flow, with PKCE, state and nonce.

    address ▶ the provider asks who they are ▶ identity: code → tokens → who they are

Authlib words the requests and checks what the id token claims, joserfc its signature. Who of these is one of the people
is `people`'s business; who was sent away and is back, `away`'s. Settings are `CONCORD_OIDC_*`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from api.console.people import Role, address_of
from connectors._kit.addresses import watching
from connectors._kit.authorities import authorities
from connectors._kit.authorizing import Client, authorize_url, token_request
from core.errors import ConfigError, Unavailable
from core.model.instant import HOUR, SECOND, Instant

if TYPE_CHECKING:
    from api.console.away import Leaving
    from api.settings import Settings
    from core.ports import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Of signatures that are taken: those that the provider alone can make."""
_LEEWAY = 60
"""Seconds by which the clocks may differ."""
_KEPT = HOUR
"""So long the provider's document and keys are believed to be the same."""
_TIMEOUT = 10.0
_WORKS_OUT = "Ask whoever runs the provider; an admin can come in meanwhile by `concord people invite`."


class Identity(NamedTuple):
    """Somebody, as the provider tells."""

    issuer: str
    subject: str
    """What the provider calls them for ever."""
    email: str | None
    """In small letters; None unless the provider has verified it."""
    name: str
    role: Role | None
    """What their groups make them; None where nothing does."""


class Provider:
    """One identity provider. Safe to ask from many threads."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Nothing is asked yet; `ConfigError` where a setting is missing or cannot be meant."""
        self.issuer = str(settings.oidc_issuer).rstrip("/")
        self.name = settings.oidc_name or urlsplit(self.issuer).hostname or self.issuer
        self._set, self._clock, self._roles = settings, clock, _roles(settings.oidc_roles)
        if not settings.oidc_client_id:
            raise ConfigError(
                "CONCORD_OIDC_ISSUER is set, and CONCORD_OIDC_CLIENT_ID is not.",
                remedy="Register Concord at the provider, and set the client id that it gives.",
            )
        _encrypted(self.issuer, "CONCORD_OIDC_ISSUER")
        self._known: tuple[Instant, Mapping[str, Any]] | None = None
        self._keys: tuple[Instant, KeySet] | None = None

    def address(self, redirect_uri: str, leaving: Leaving) -> str:
        """Where somebody is sent to sign in. `Unavailable` when the provider does not tell."""
        return authorize_url(
            self._place("authorization_endpoint"), self._client(), redirect_uri=redirect_uri, state=leaving.state,
            scope=self._set.oidc_scopes, verifier=leaving.verifier, nonce=leaving.nonce,
        )  # fmt: skip

    def identity(self, redirect_uri: str, said: Mapping[str, str], *, verifier: str, nonce: str) -> Identity:
        """Who came back; `said` is the query they came with. `ConfigError` or `Unavailable` says why not."""
        if "error" in said:
            raise _refused(self.name, said["error"], said.get("error_description", ""))
        # RFC 9207: a provider that names itself must be the one that was asked.
        if not said.get("code") or said.get("iss", self.issuer).rstrip("/") != self.issuer:
            raise _doubtful("the answer is not of the provider that was asked")
        tokens = self._tokens(redirect_uri, said["code"], verifier)
        claims = self._claims(tokens, nonce)
        return self._identity({**self._more(claims, str(tokens.get("access_token", ""))), **claims})

    # --- what the provider says

    def _tokens(self, redirect_uri: str, code: str, verifier: str) -> Mapping[str, Any]:
        asked = token_request(self._client(), code, redirect_uri=redirect_uri, verifier=verifier)
        place = self._place("token_endpoint")
        try:
            with httpx.Client(timeout=_TIMEOUT, verify=authorities()) as client:
                answer = client.post(
                    place, data=dict(asked.form), headers=dict(asked.headers), extensions=watching(place, at_home=True)
                )
            told = answer.json() if answer.status_code < 500 else None
        except (httpx.HTTPError, ValueError) as error:
            raise self._silent() from error
        if not isinstance(told, dict):
            raise self._silent()
        if not answer.is_success:
            what, words = told.get("error", answer.status_code), told.get("error_description")
            raise _refused(self.name, str(what), str(words or ""))
        return told

    def _claims(self, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """What the id token says, once it is known to be the provider's, for us, of now, and for this sign-in."""
        try:
            found = self._decoded(str(tokens.get("id_token") or ""))
            known = CodeIDToken(
                found.claims,
                found.header,
                options={
                    "iss": {"essential": True, "value": self._document()["issuer"]},
                    "aud": {"essential": True, "value": self._set.oidc_client_id},
                    "sub": {"essential": True},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._set.oidc_client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            known.validate(now=self._clock() // SECOND, leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise _doubtful(_why(error)) from error
        return dict(known)

    def _decoded(self, token: str) -> jwt.Token:
        """A token with its signature checked; keys are asked for again where its own is not among those known."""
        keys, fresh = self._key_set()
        try:
            return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            if fresh:
                raise
            self._keys = None
            return jwt.decode(token, self._key_set()[0], algorithms=list(ALGORITHMS))

    def _more(self, claims: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """What the id token leaves out and the provider tells when it is asked."""
        wanted = {self._set.oidc_email, "email_verified", *([self._set.oidc_groups] if self._roles else ())}
        place = self._document().get("userinfo_endpoint")
        if wanted <= set(claims) or not place or not access_token:
            return {}
        found = self._asked(self._place("userinfo_endpoint"), {"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != claims["sub"]:
            raise _doubtful("it tells of somebody else than who signed in")
        return found

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email, verified = claims.get(self._set.oidc_email), claims.get("email_verified")
        try:
            # Some providers write booleans as text.
            address = address_of(str(email)) if verified is True or verified == "true" else None
        except ConfigError:
            address = None
        return Identity(
            self.issuer, str(claims["sub"]), address, str(claims.get("name") or ""),
            self._role(claims.get(self._set.oidc_groups)),
        )  # fmt: skip

    def _role(self, groups: Any) -> Role | None:
        """The highest of the roles that their groups give."""
        held = {str(one) for one in groups} if isinstance(groups, list) else {str(groups)}
        given = [role for group, role in self._roles.items() if group in held]
        return max(given, key=list(Role).index, default=None)

    # --- the provider's own document and keys

    def _document(self) -> Mapping[str, Any]:
        known, now = self._known, self._clock()
        if known is not None and now - known[0] < _KEPT:
            return known[1]
        found = self._asked(f"{self.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            raise _doubtful("it calls itself by another name than CONCORD_OIDC_ISSUER")
        self._known = (now, found)
        return found

    def _key_set(self) -> tuple[KeySet, bool]:
        """The keys, and whether they were asked for just now."""
        known, now = self._keys, self._clock()
        if known is not None and now - known[0] < _KEPT:
            return known[1], False
        keys = _keys(self._asked(self._place("jwks_uri")).get("keys"))
        self._keys = (now, keys)
        return keys, True

    def _place(self, name: str) -> str:
        place = self._document().get(name)
        if not isinstance(place, str):
            raise _doubtful(f"its document names no {name}")
        return _encrypted(place, f"The provider's {name}")

    def _asked(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            with httpx.Client(timeout=_TIMEOUT, verify=authorities()) as client:
                got = client.get(url, headers=dict(headers or {}), extensions=watching(url, at_home=True))
            answer = got.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._silent() from error
        if not isinstance(answer, dict):
            raise self._silent()
        return answer

    def _client(self) -> Client:
        secret, taken = self._set.oidc_client_secret, self._document().get("token_endpoint_auth_methods_supported")
        # What a provider takes that does not say so (OpenID Connect Discovery 1.0, section 3).
        in_header = "client_secret_basic" in (taken or ["client_secret_basic"])
        return Client(str(self._set.oidc_client_id), secret.get_secret_value() if secret else None, in_header)

    def _silent(self) -> Unavailable:
        return Unavailable(f"{self.name} does not answer as it should.", remedy=f"Try again in a minute. {_WORKS_OUT}")


def provider_of(settings: Settings, clock: Clock) -> Provider | None:
    """The provider that the settings name; None where they name none. `ConfigError` for what cannot be meant."""
    if settings.oidc_issuer:
        return Provider(settings, clock)
    if not settings.passwords:
        raise ConfigError(
            "CONCORD_PASSWORDS switches passwords off, and no identity provider is set.",
            remedy="Set CONCORD_OIDC_ISSUER, or leave passwords on.",
        )
    return None


def _keys(said: Any) -> KeySet:
    """Those keys that can be read; a provider may have others, for other ends."""
    found = []
    for one in said if isinstance(said, list) else []:
        with suppress(JoseError, ValueError, TypeError, KeyError):
            if one.get("use", "sig") == "sig":
                found.append(JWKRegistry.import_key(one))
    return KeySet(found)


def _roles(said: str) -> Mapping[str, Role]:
    """Group → role, from `hub-admins: admin, support: operator`."""
    found = {}
    for one in filter(None, (part.strip() for part in said.split(","))):
        group, _, role = (word.strip() for word in one.rpartition(":"))
        if not group or role not in set(Role):
            raise ConfigError(
                f"CONCORD_OIDC_ROLES: '{one[:80]}' is no group with a role.",
                remedy=f"Write hub-admins: admin, support: operator; roles are {', '.join(Role)}.",
            )
        found[group] = Role(role)
    return found


def _encrypted(url: str, what: str) -> str:
    """An address whose line nobody else reads: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise ConfigError(f"{what} is not an https address.", remedy="Passwords and keys pass there: it must be https.")
    return url


def _refused(name: str, error: str, description: str | None) -> ConfigError:
    """The provider said no."""
    words = " ".join(f"{error} {description or ''}".split())[:200]
    if error == "access_denied":
        return ConfigError(f"{name} did not let you in: {words}.", remedy="Try again, or ask whoever runs it.")
    return ConfigError(
        f"{name} refused: {words}.",
        remedy=f"An admin has to look at CONCORD_OIDC_* and at how Concord is registered there. {_WORKS_OUT}",
    )


def _doubtful(why: str) -> ConfigError:
    """What the provider says cannot be believed."""
    return ConfigError(
        f"The identity provider's answer does not hold: {why}.",
        remedy=f"Nobody was let in. Try again; if it stays, an admin has to look at CONCORD_OIDC_*. {_WORKS_OUT}",
    )


_WHY: Mapping[str, str] = {
    "iss": "it names another issuer", "aud": "it is for somebody else", "azp": "it is for somebody else",
    "nonce": "it is not for this sign-in", "exp": "it is out of date", "iat": "it is of another time",
    "nbf": "it is not good yet", "at_hash": "its tokens do not belong together",
}  # fmt: skip


def _why(error: Exception) -> str:
    """In few words; never what the token holds."""
    claim = getattr(error, "claim", None)
    if getattr(error, "error", "") == "expired_token":
        return _WHY["exp"]
    return _WHY.get(str(claim), "the id token is not signed as it must be" if claim is None else f"{claim} is wrong")
