"""The stand-in's token endpoint (RFC 6749, section 6): a refresh token for an access token, which opens both doors."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors._kit.sandbox import Call, Response, Sandbox, route
from connectors.smtp.sandbox_door import Door


class TokenDesk(Sandbox):
    """Gives access tokens for an hour; with `rotates` each refresh token is good for once."""

    title: ClassVar[str] = "Token endpoint"

    def __init__(self, door: Door, *, rotates: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.door = door
        self.rotates = rotates
        self.refresh_token = "refresh-token-1"  # noqa: S105 -- a stand-in's
        self.given = 0

    @route("POST", "/oauth2/token", spared=True)
    def token(self, call: Call) -> Response:
        """A new access token; the one before no longer opens anything."""
        form = call.form()
        wanted = ("refresh_token", "the-app", "the-apps-secret", self.refresh_token)
        if tuple(form.get(name) for name in ("grant_type", "client_id", "client_secret", "refresh_token")) != wanted:
            return Response(400, {"error": "invalid_grant", "error_description": "Bad Request"})
        self.given += 1
        self.door.token = f"access-token-{self.given}"
        body: dict[str, Any] = {"access_token": self.door.token, "expires_in": 3599, "token_type": "Bearer"}
        if self.rotates:
            self.refresh_token = f"refresh-token-{self.given + 1}"
            body["refresh_token"] = self.refresh_token
        return Response(200, body)

    def settings(self) -> dict[str, Any]:
        """The settings of a connection that signs in by token."""
        return {
            "token_url": f"{self.url}/oauth2/token", "client_id": "the-app", "client_secret": "the-apps-secret",
            "refresh_token": self.refresh_token,
        }  # fmt: skip
