"""Signing in: the token endpoint with its grants, and sessions that last as long as they are used."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors._kit.sandbox import Call, Response, route
from connectors._kit.sandbox_consent import ConsentPage, Refusal
from connectors.salesforce.sandbox_desk import Desk, problem, too_long
from core.model.instant import MINUTE, SECOND, Instant

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = "api refresh_token offline_access id"


class Auth(Desk):
    """The org's one app, its one user, and their sessions."""

    client_id = "3MVG9sandbox.Concord.ConsumerKey"
    client_secret = "sandbox-consumer-secret"  # noqa: S105 -- a stand-in's
    username = "integration@concord.example"
    redirect_uri = "https://hub.example/oauth/callback"

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.session_seconds = 7200
        """How long a session lasts without a call."""
        self.rotates = False
        """A refresh token is good for one use and a new one comes with the answer."""
        self.refresh_token = "5Aep861.refresh.1"  # noqa: S105 -- a stand-in's
        key = _app_key()
        self.private_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self._public = key.public_key()
        self._sessions: dict[str, Instant] = {}
        self.consent = ConsentPage("Salesforce", self.now, client_id=self.client_id, code_lasts=15 * MINUTE)
        self.consent.redirect_uris.add(self.redirect_uri)
        self._revoked = False
        self._given = 0

    def revoke(self) -> None:
        """The admin takes the app's access away: sessions end and no new one is given."""
        self._sessions.clear()
        self._revoked = True

    def end_sessions(self) -> None:
        """All sessions end; new ones may be had."""
        self._sessions.clear()

    def session(self) -> str:
        """A session for a caller that signs in by hand."""
        self._given += 1
        digest = hashlib.sha256(f"session {self._given} {self.title}".encode()).hexdigest()
        token = f"{self.org_id[:15]}!AQ{digest}"
        self._sessions[token] = self.now()
        return token

    @property
    def org_id(self) -> str:
        """The id of the org itself."""
        return next(iter(self.org.tables["Organization"].rows))

    def authorise(self, call: Call) -> Response | None:
        """Each use of a session lengthens it. The address may not be too long, and the day's calls count."""
        if not self._alive(call.headers.get("authorization", "").partition(" ")[2]):
            if not call.path.startswith("/services/data"):
                # Seen in the wild: 403 where the data interface says 401 (SalesforceMobileSDK-iOS #3398, jsforce #736).
                return Response(403, b"Bad_OAuth_Token", {"Content-Type": "text/html"})
            return problem(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if too_long(call):
            return Response(414, b"<html><body><h1>414 URI Too Long</h1></body></html>", {"Content-Type": "text/html"})
        return self.count_call() if call.path.startswith("/services/data/v") else None

    def _alive(self, token: str) -> bool:
        used = self._sessions.get(token)
        if used is None or self.now() - used > self.session_seconds * SECOND:
            self._sessions.pop(token, None)
            return False
        self._sessions[token] = self.now()
        return True

    # --- the token endpoint

    @route("POST", "/services/oauth2/token", spared=True)
    def token(self, call: Call) -> Response:
        """A session for whoever shows one of the grants."""
        form = call.form()
        grants = {
            "client_credentials": self._by_secret,
            "refresh_token": self._by_refresh,
            "authorization_code": self._by_code,
            _JWT: self._by_assertion,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            return _no("unsupported_grant_type", "grant type not supported")
        return grant(form, call)

    def _by_secret(self, form: Mapping[str, str], call: Call) -> Response:
        return self._client_refusal(form, call) or self._granted()

    def _by_refresh(self, form: Mapping[str, str], call: Call) -> Response:
        refusal = self._client_refusal(form, call, secret=False)
        if refusal is None and form.get("refresh_token") != self.refresh_token:
            refusal = _no("invalid_grant", "expired access/refresh token")
        if refusal is not None:
            return refusal
        if not self.rotates:
            return self._granted()
        stem, _, number = self.refresh_token.rpartition(".")
        self.refresh_token = f"{stem}.{int(number) + 1}"
        return self._granted(refresh_token=self.refresh_token)

    def _by_code(self, form: Mapping[str, str], call: Call) -> Response:
        found = self.consent.exchanged(form)
        if isinstance(found, Refusal):
            return _no(found.error, f"invalid or expired authorization code: {found.words}")
        was_revoked, self._revoked = self._revoked, False
        refusal = self._client_refusal(form, call, secret=not found.challenge)
        if refusal is not None:
            self._revoked = was_revoked
        elif was_revoked:
            # Whoever lets the app in anew gets another refresh token; the former one stays dead.
            self.refresh_token = f"{self.refresh_token}.1"
        more = {"refresh_token": self.refresh_token} if "refresh_token" in found.scope.split() else {}
        return refusal or self._granted(**more)

    def _by_assertion(self, form: Mapping[str, str], _call: Call) -> Response:
        claims = _claims(form.get("assertion", ""), self._public)
        if claims is None:
            return _no("invalid_grant", "invalid assertion")
        if claims.get("iss") != self.client_id:
            return _no("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in ("https://login.salesforce.com", "https://test.salesforce.com", self.url):
            return _no("invalid_grant", "audience is invalid")
        if claims.get("sub") != self.username or self._revoked:
            return _no("invalid_grant", "user hasn't approved this consumer")
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires * SECOND <= self.now():
            return _no("invalid_grant", "expired assertion")
        return self._granted()

    def _client_refusal(self, form: Mapping[str, str], call: Call, *, secret: bool = True) -> Response | None:
        basic = re.fullmatch(r"Basic (\S+)", call.headers.get("authorization", ""))
        id_, _, word = base64.b64decode(basic[1]).decode().partition(":") if basic else ("", "", "")
        if form.get("client_id", id_) != self.client_id:
            return _no("invalid_client_id", "client identifier invalid")
        given = form.get("client_secret", word)
        if (secret or given) and given != self.client_secret:
            return _no("invalid_client", "invalid client credentials")
        return _no("invalid_grant", "expired access/refresh token") if self._revoked else None

    def _granted(self, **more: str) -> Response:
        issued, identity = str(self.now() // 1000), f"{self.url}/id/{self.org_id}/{self.org.me}"
        signed = hmac.new(self.client_secret.encode(), f"{identity}{issued}".encode(), hashlib.sha256).digest()
        return Response(200, {
            "access_token": self.session(), "instance_url": self.url, "id": identity, "token_type": "Bearer",
            "issued_at": issued, "signature": base64.b64encode(signed).decode(), "scope": SCOPES, **more,
        })  # fmt: skip

    # --- around it

    @route("GET", "/services/oauth2/authorize", spared=True)
    def ask_the_user(self, call: Call) -> Response:
        """Asks the user whether the app may."""
        return self.consent.answer(call)

    @route("POST", "/services/oauth2/revoke", spared=True)
    def revoke_token(self, call: Call) -> Response:
        """Ends a session; with the refresh token, all of them and their renewal."""
        token = call.form().get("token", call.query.get("token", ""))
        if token == self.refresh_token:
            self.revoke()
            return Response(200)
        return Response(200) if self._sessions.pop(token, None) is not None else _no("unsupported_token_type", "")

    @route("POST", "/services/oauth2/introspect", spared=True)
    def introspect(self, call: Call) -> Response:
        """Whether a session lives and until when."""
        form = call.form()
        refusal = self._client_refusal(form, call)
        if refusal is not None:
            return refusal
        used = self._sessions.get(form.get("token", ""))
        if used is None or self.now() - used > self.session_seconds * SECOND:
            return Response(200, {"active": False})
        return Response(200, {
            "active": True, "scope": SCOPES, "client_id": self.client_id, "username": self.username,
            "sub": f"{self.url}/id/{self.org_id}/{self.org.me}", "token_type": "access_token",
            "exp": used // SECOND + self.session_seconds, "iat": used // SECOND, "nbf": used // SECOND,
        })  # fmt: skip

    @route("GET", "/services/oauth2/userinfo")
    def userinfo(self, _call: Call) -> Response:
        """Who the session works as."""
        me = self.org.tables["User"].rows[self.org.me].values
        return Response(200, {
            "sub": f"{self.url}/id/{self.org_id}/{self.org.me}", "user_id": self.org.me,
            "organization_id": self.org_id, "preferred_username": self.username, "name": me["Name"],
            "email": me["Email"], "email_verified": True, "given_name": me.get("FirstName"),
            "family_name": me["LastName"], "zoneinfo": me.get("TimeZoneSidKey"), "active": True,
            "user_type": "STANDARD", "language": me.get("LanguageLocaleKey"), "locale": me.get("LocaleSidKey"),
            "urls": {"rest": f"{self.url}/services/data/v{{version}}/"},
        })  # fmt: skip

    @route("GET", "/id/{org}/{user}")
    def identity(self, call: Call, org: str, user: str) -> Response:
        """The same, at the address that the token answer names."""
        known = org == self.org_id and user == self.org.me
        return self.userinfo(call) if known else problem(403, "FORBIDDEN", "Bad_Id")


def _no(error: str, description: str) -> Response:
    return Response(400, {"error": error, "error_description": description})


def _claims(assertion: str, public: rsa.RSAPublicKey) -> dict[str, Any] | None:
    """What a JWT claims, None unless the app's key signed it by RS256."""
    parts = assertion.split(".")
    try:
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        if orjson.loads(header).get("alg") != "RS256":
            return None
        public.verify(signature, ".".join(parts[:2]).encode(), padding.PKCS1v15(), hashes.SHA256())
        read = orjson.loads(claims)
    except (ValueError, InvalidSignature):
        return None
    return read if isinstance(read, dict) else None


_KEYS: list[rsa.RSAPrivateKey] = []


def _app_key() -> rsa.RSAPrivateKey:
    """One key for all stand-ins of a process; making one takes a while."""
    if not _KEYS:
        _KEYS.append(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    return _KEYS[0]
