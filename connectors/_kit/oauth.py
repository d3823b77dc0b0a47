"""OAuth2: access tokens that expire and are renewed, by one caller at a time and never lost.

Whoever finds the token old renews it; threads wait for each other on a lock, processes meet in a `TokenStore`
by compare-and-swap on a version. New tokens are stored before they are used, because a tool that rotates
refresh tokens honours only the newest. Grants: refresh token, client credentials, and an assertion signed
with our own key (JWT). The `fetch` that calls the token endpoint is an argument, so that the kit's `Http` (or
a test) can stand behind it.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors._kit.http import Http
from connectors._kit.payload import Payload
from core.errors import ConfigError, Refused, SignedOut, Unavailable, Unknown
from core.model.instant import SECOND, Instant
from core.model.values import Json
from core.ports import Clock

EARLY = 120.0
"""Seconds before its end at which a token is renewed."""


class Tokens(NamedTuple):
    """What signs us in. `expires_at` is None where the tool does not say; then only a 401 renews."""

    access: str
    expires_at: Instant | None = None
    refresh: str | None = None
    extra: Mapping[str, Json] = {}
    """What else the tool told, e.g. the address of this account's own host."""

    def __repr__(self) -> str:
        return f"Tokens(•••, expires_at={self.expires_at})"

    def to_json(self) -> dict[str, Json]:
        """The form in which a store seals it."""
        return {
            "access": self.access,
            "expires_at": self.expires_at,
            "refresh": self.refresh,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Tokens:
        """Read the sealed form back."""
        return cls(data["access"], data.get("expires_at"), data.get("refresh"), data.get("extra") or {})


class TokenStore(Protocol):
    """Where one connection's tokens are kept, durably and sealed."""

    def load(self) -> tuple[int, Tokens | None]:
        """The version (0 when there are none yet) and the tokens."""
        ...

    def swap(self, expected: int, new: Tokens) -> bool:
        """Keep new tokens if the version is still the expected one; durable when it returns True."""
        ...


class TokensInMemory:
    """A store that lives as long as the process; for client credentials, assertions and tests."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._version = 0 if tokens is None else 1
        self._tokens = tokens
        self._lock = threading.Lock()

    def load(self) -> tuple[int, Tokens | None]:
        """The version and the tokens."""
        with self._lock:
            return self._version, self._tokens

    def swap(self, expected: int, new: Tokens) -> bool:
        """Keep new tokens if nobody else did meanwhile."""
        with self._lock:
            if self._version != expected:
                return False
            self._version, self._tokens = self._version + 1, new
            return True


Grant = Callable[[Tokens | None], Mapping[str, str]]
"""(the tokens so far) → the form fields of a token request."""

Fetch = Callable[[Mapping[str, str]], Payload]
"""Posts form fields to the token endpoint and gives its answer."""


class KeptTokens(TokensInMemory):
    """Access tokens live in this process; a refresh token that the tool replaced is kept before it is used."""

    def __init__(self, first: str, save: Callable[[str, str], None] | None) -> None:
        """`first` is the refresh token of the settings; `save` keeps a secret of the connection under a name."""
        super().__init__()
        self._refresh = first
        self._save = save

    def swap(self, expected: int, new: Tokens) -> bool:
        """Keep new tokens if nobody else did meanwhile."""
        if new.refresh and new.refresh != self._refresh:
            if self._save is not None:
                self._save("refresh_token", new.refresh)
            self._refresh = new.refresh
        return super().swap(expected, new)


class OAuth:
    """An `Auth` with a bearer token that renews itself. Thread-safe."""

    def __init__(
        self,
        grant: Grant,
        fetch: Fetch,
        store: TokenStore,
        *,
        clock: Clock,
        early: float = EARLY,
        scheme: str = "Bearer",
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._grant = grant
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._early = int(early * SECOND)
        self._scheme = scheme
        self._secrets = secrets
        self._lock = threading.Lock()
        self._held: Tokens | None = None

    def __repr__(self) -> str:
        return "OAuth(•••)"

    def headers(self) -> Mapping[str, str]:
        """The header with a token that is good for a while. `SignedOut` when there is no way to a new one."""
        return self._header(self.tokens())

    def params(self) -> Mapping[str, str]:
        """Nothing: the token goes in a header."""
        return {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        held = self._held
        tokens = (held.access, *filter(None, [held.refresh])) if held else ()
        return (*tokens, *self._secrets)

    def tokens(self) -> Tokens:
        """Tokens that are good for a while, renewed ahead of their end."""
        held = self._held
        if held is not None and self._good(held):
            return held
        return self._renew(lambda tokens: not self._good(tokens))

    def renewed(self, headers: Mapping[str, str]) -> bool:
        """After a 401: get other tokens than those of the call, unless somebody did already."""
        used = headers.get("Authorization", "")
        return self._header(self._renew(lambda tokens: self._header(tokens)["Authorization"] == used)) != headers

    def _renew(self, old: Callable[[Tokens], bool]) -> Tokens:
        """Single flight: who comes second finds the work done. Other processes are met in the store."""
        with self._lock:
            version, tokens = self._store.load()
            if tokens is None or old(tokens):
                tokens = self._swapped(version, tokens)
            self._held = tokens
            return tokens

    def _swapped(self, version: int, before: Tokens | None) -> Tokens:
        try:
            new = self._asked(before)
        except SignedOut:
            # Another process may have used up the rotated refresh token a moment ago; then its tokens are good.
            now, theirs = self._store.load()
            if now != version and theirs is not None:
                return theirs
            raise
        if self._store.swap(version, new):
            return new
        _, theirs = self._store.load()
        return theirs or new

    def _asked(self, before: Tokens | None) -> Tokens:
        sent_at = self._clock()
        try:
            answer = self._fetch(self._grant(before))
        except Refused as error:
            raise SignedOut("The tool does not renew the sign-in.", **error.facts) from error
        lasts = answer.number("expires_in", None)
        said = dict(answer.object(""))
        for name in ("access_token", "refresh_token", "id_token", "expires_in"):
            said.pop(name, None)
        return Tokens(
            answer.text("access_token"),
            None if lasts is None else sent_at + int(lasts * SECOND),
            answer.text("refresh_token", None) or (before.refresh if before else None),
            said,
        )

    def _good(self, tokens: Tokens) -> bool:
        return tokens.expires_at is None or self._clock() < tokens.expires_at - self._early

    def _header(self, tokens: Tokens) -> dict[str, str]:
        return {"Authorization": f"{self._scheme} {tokens.access}"}


def token_endpoint(http: Http, path: str) -> Fetch:
    """Ask a token endpoint through the kit. A lost answer is `Unavailable`: no record was written."""

    def fetch(form: Mapping[str, str]) -> Payload:
        try:
            return http.post(path, data=form, headers={"Accept": "application/json"}).payload()
        except Unknown as error:
            raise Unavailable("The tool did not answer when the sign-in was renewed.", **error.facts) from error

    return fetch


def refresh_token(client_id: str, client_secret: str | None = None, *, first: str | None = None) -> Grant:
    """Renew with the newest refresh token; `first` is the one of the connection's settings."""

    def grant(before: Tokens | None) -> Mapping[str, str]:
        token = (before.refresh if before else None) or first
        if not token:
            raise SignedOut("There is no refresh token: nobody has signed in yet.")
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return form | ({"client_secret": client_secret} if client_secret else {})

    return grant


def client_credentials(client_id: str, client_secret: str, *, scope: str | None = None) -> Grant:
    """Sign in as the app itself."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    if scope:
        form["scope"] = scope
    return lambda _before: form


def jwt_bearer(
    *,
    issuer: str,
    subject: str,
    audience: str,
    private_key: str,
    clock: Clock,
    lifetime: float = 180,
    scope: str | None = None,
) -> Grant:
    """Sign in with an assertion that our RSA key (PEM) signs; `ConfigError` when the key cannot be read."""
    key = _rsa(private_key)

    def grant(_before: Tokens | None) -> Mapping[str, str]:
        now = clock() // SECOND
        claims: dict[str, Any] = {"iss": issuer, "sub": subject, "aud": audience, "iat": now}
        claims["exp"] = now + int(lifetime)
        if scope:
            claims["scope"] = scope
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt(claims, key)}

    return grant


def jwt(claims: Mapping[str, Any], key: rsa.RSAPrivateKey) -> str:
    """A JSON Web Token signed with RS256."""
    message = b".".join(_b64(orjson.dumps(part)) for part in ({"alg": "RS256", "typ": "JWT"}, dict(claims)))
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((message, _b64(signature))).decode("ascii")


def _rsa(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "The private key cannot be read.", remedy="Give an RSA key in PEM without a password."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError("The private key is no RSA key.", remedy="Give an RSA key in PEM without a password.")
    return key


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
