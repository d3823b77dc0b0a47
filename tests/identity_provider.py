"""An OpenID provider on loopback that looks closely at what it gets, and misbehaves where a test wants it to.

Its keys rotate, its tokens are signed with RS256 by joserfc; who signs in is `user`, and says so on the consent page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, ClassVar
from urllib.parse import unquote

import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey

from connectors._kit.sandbox import Call, Response, Sandbox, route
from connectors._kit.sandbox_consent import Agreed, ConsentPage, Refusal
from core.model.instant import SECOND

CLIENT, SECRET = "concord", "a secret/of+the client"
SCOPES = ("openid", "email", "profile", "groups")


class IdentityProvider(Sandbox):
    """One provider with one user at a time."""

    title: ClassVar[str] = "Shore Login"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.page = ConsentPage(self.title, self.now, client_id=CLIENT, scopes=SCOPES)
        self.page.requires_pkce = True
        self.user: dict[str, Any] = {
            "sub": "user-1", "email": "Ann@Shore.example", "email_verified": True, "name": "Ann Shore", "groups": []
        }  # fmt: skip
        self.in_id_token = True
        """Whether the id token says all of it; else the userinfo endpoint does."""
        self.down: set[str] = set()
        """Paths that answer 503."""
        self.changes: dict[str, Any] = {}
        """Claims that the id token gets wrong; None for one that it leaves out."""
        self.signs = "RS256"
        """Or `none`, `HS256` with the client's secret, `foreign` for a key that it does not publish."""
        self.calls_itself: str | None = None
        self.secret: str | None = SECRET
        self.in_form = False
        """Takes the client's secret in the form only."""
        self._keys = [_key("key-1")]
        self._access: dict[str, Agreed] = {}

    def rotate(self) -> None:
        """Sign with another key from now on; the former one is published no longer."""
        self._keys = [_key(f"key-{len(self.journal)}")]

    @route("GET", "/.well-known/openid-configuration", spared=True)
    def document(self, call: Call) -> Response:
        """What it is."""
        way = "client_secret_post" if self.in_form else "client_secret_basic"
        return self._if_up(call) or Response(200, {
            "issuer": self.calls_itself or self.url, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys", "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": [way], "code_challenge_methods_supported": ["S256"],
        })  # fmt: skip

    @route("GET", "/keys", spared=True)
    def keys(self, call: Call) -> Response:
        """Its public keys, and some that are of no use to us."""
        odd = [{"kty": "XYZ", "kid": "odd"}, {"kty": "RSA", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB"}]
        return self._if_up(call) or Response(200, {"keys": [*odd, *(one.as_dict(private=False) for one in self._keys)]})

    @route("GET", "/authorize", spared=True)
    def authorize(self, call: Call) -> Response:
        """Asks the user."""
        if "openid" not in call.query.get("scope", "").split() or not call.query.get("nonce"):
            return Response(400, b"no scope openid, or no nonce", {"Content-Type": "text/plain"})
        return self.page.answer(call)

    @route("POST", "/token", spared=True)
    def token(self, call: Call) -> Response:
        """Tokens for a code."""
        form = call.form()
        if down := self._if_up(call):
            return down
        if not self._is_client(call, form):
            return Response(401, {"error": "invalid_client", "error_description": "Wrong secret"})
        if form.get("grant_type") != "authorization_code":
            return Response(400, {"error": "unsupported_grant_type"})
        found = self.page.exchanged(form)
        if isinstance(found, Refusal):
            return Response(400, {"error": found.error, "error_description": found.words})
        access = f"access-{len(self._access)}"
        self._access[access] = found
        return Response(200, {
            "access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": self._signed(found, access)
        })  # fmt: skip

    @route("GET", "/userinfo", spared=True)
    def userinfo(self, call: Call) -> Response:
        """Who it is, by an access token."""
        kind, _, access = call.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or access not in self._access:
            return Response(401, {"error": "invalid_token"})
        return self._if_up(call) or Response(200, self._claims())

    def _claims(self) -> dict[str, Any]:
        return {name: value for name, value in self.user.items() if value is not None}

    def _signed(self, found: Agreed, access: str) -> str:
        now = self.now() // SECOND
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": found.asked["nonce"],
            "at_hash": _packed(half),
            **(self._claims() if self.in_id_token else {"sub": self.user["sub"]}), **self.changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.signs in ("none", "HS256"):
            # The confusion of algorithms: a public key is known to everybody, and so is what it signs as a secret.
            key = self._keys[0].as_pem(private=False) if self.signs == "HS256" else b""
            return _by_hand(self.signs, claims, key)
        signer = _key("foreign") if self.signs == "foreign" else self._keys[0]
        return jwt.encode({"alg": "RS256", "kid": signer.kid}, claims, signer)

    def _is_client(self, call: Call, form: dict[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT and "client_secret" not in form
        if self.in_form:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        kind, _, packed = call.headers.get("authorization", "").partition(" ")
        given = base64.b64decode(packed).decode() if kind == "Basic" else ""
        return unquote(given) == f"{CLIENT}:{self.secret}" and "client_secret" not in form

    def _if_up(self, call: Call) -> Response | None:
        return Response(503, b"down", {"Content-Type": "text/plain"}) if call.path in self.down else None


def _by_hand(alg: str, claims: dict[str, Any], secret: bytes) -> str:
    """A token as no library makes it."""
    parts = [_packed(orjson.dumps(one)) for one in ({"alg": alg, "kid": "key-1"}, claims)]
    signature = hmac.digest(secret, ".".join(parts).encode(), "sha256") if secret else b""
    return ".".join([*parts, _packed(signature)])


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_MADE: dict[str, RSAKey] = {}


def _key(kid: str) -> RSAKey:
    """One key for each name of a process; making one takes a while."""
    if kid not in _MADE:
        _MADE[kid] = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)
    return _MADE[kid]
