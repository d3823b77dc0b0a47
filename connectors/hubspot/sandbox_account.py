"""Tokens and who they belong to."""

from __future__ import annotations

from typing import Any

from connectors._kit.sandbox import Call, Response, route
from connectors._kit.sandbox_consent import ConsentPage, Refusal
from connectors.hubspot.sandbox_base import APP, PORTAL, Base, body_of, crm
from connectors.hubspot.sandbox_problems import Problem, not_found
from core.model.instant import SECOND

_LIFE = 1_800
_USER = 7_001
_DOMAIN = "sandbox.example"


class Account(Base):
    """`/oauth/…` and `/account-info/…`."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.client_id = "sandbox-client"
        self.client_secret = "sand-castle-7"  # noqa: S105 -- a stand-in's
        self.refresh_token = "na1-refresh-sandbox"  # noqa: S105 -- a stand-in's
        self.consent = ConsentPage("HubSpot", self.now, client_id=self.client_id, pkce=False, scopes=self.scopes)

    def revoke(self) -> None:
        """The app is removed from the account: all its tokens are dead."""
        self.revoked = True

    @route("GET", "/oauth/authorize", spared=True)
    def authorize(self, call: Call) -> Response:
        """Asks a user of the account whether the app may (at app.hubspot.com)."""
        return self.consent.answer(call)

    @crm("POST", "oauth", "/token", spared=True)
    def token_call(self, call: Call) -> Response:
        """A new access token for half an hour; the refresh token stays the same."""
        form = call.form()
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return self._token_error("BAD_CLIENT_ID", "missing or unknown client id or secret")
        grant = form.get("grant_type")
        if grant == "refresh_token" and (form.get("refresh_token") != self.refresh_token or self.revoked):
            return self._token_error("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        if grant == "authorization_code" and isinstance(found := self.consent.exchanged(form), Refusal):
            return self._token_error("BAD_AUTH_CODE", f"missing or unknown auth code: {found.words}")
        if grant == "authorization_code" and self.revoked:
            # Installed anew; what was given before stays dead.
            self.revoked, self.refresh_token = False, f"{self.refresh_token}-again"
            self.granted.clear()
        if grant not in ("refresh_token", "authorization_code"):
            return self._token_error("BAD_GRANT_TYPE", "missing or unknown grant type")
        token = f"access-{len(self.granted) + 1}"
        self.granted[token] = self.now() + _LIFE * SECOND
        body = {"access_token": token, "refresh_token": self.refresh_token, "expires_in": _LIFE, "token_type": "bearer"}
        return Response(200, body)

    @route("GET", "/oauth/v1/access-tokens/{token}", spared=True)
    def token_info(self, call: Call, token: str) -> Response:  # noqa: ARG002 -- has no body
        """Whose token it is and what it may do."""
        if self.revoked or (token != self.token and token not in self.granted):
            raise not_found("Token not found")
        left = (self.granted.get(token, self.now() + _LIFE * SECOND) - self.now()) // SECOND
        return Response(200, {**self._owner(token), "app_id": APP, "expires_in": left, "token_type": "access"})

    @route("POST", "/oauth/v2/private-apps/get/access-token-info", spared=True)
    def private_token_info(self, call: Call) -> Response:
        """The same of a private app's token."""
        if self.revoked or body_of(call).get("tokenKey") != self.token:
            raise not_found("Token not found")
        body = {"userId": _USER, "hubId": PORTAL, "appId": APP, "scopes": sorted(self.scopes)}
        return Response(200, body)

    @route("GET", "/oauth/v1/refresh-tokens/{token}", spared=True)
    def refresh_token_info(self, call: Call, token: str) -> Response:  # noqa: ARG002 -- has no body
        """Whose refresh token it is."""
        if self.revoked or token != self.refresh_token:
            raise not_found("Token not found")
        return Response(200, {**self._owner(token), "client_id": self.client_id, "token_type": "refresh"})

    @route("DELETE", "/oauth/v1/refresh-tokens/{token}", spared=True)
    def drop_refresh_token(self, call: Call, token: str) -> Response:  # noqa: ARG002 -- has no body
        """The connection is given up; access tokens live on to their end."""
        if token != self.refresh_token:
            raise not_found("Token not found")
        self.refresh_token = ""
        return Response(204)

    @crm("GET", "account", "/details")
    def details(self, call: Call) -> Response:  # noqa: ARG002 -- has no body
        """Which account this is."""
        body = {
            "portalId": PORTAL, "accountType": "SANDBOX", "timeZone": "UTC", "companyCurrency": "EUR",
            "additionalCurrencies": ["USD"], "utcOffset": "+00:00", "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        }  # fmt: skip
        return Response(200, body)

    def _owner(self, token: str) -> dict[str, Any]:
        return {
            "token": token, "user": f"admin@{_DOMAIN}", "hub_domain": _DOMAIN, "scopes": sorted(self.scopes),
            "hub_id": PORTAL, "user_id": _USER,
        }  # fmt: skip

    def _token_error(self, word: str, message: str) -> Response:
        return self._told(Problem(400, word, message, more={"status": word}))
