"""The authorization code flow, without any I/O: where a person is sent to sign in, and how the code is exchanged.

Authlib puts both together by RFC 6749 and 7636. Tools (`sign_in.py`) and identity providers (`api.console.oidc`) share
it; who sends it, and what becomes of the tokens, is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from authlib.common.urls import url_decode
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge


class Client(NamedTuple):
    """An app, as the other side knows it."""

    id: str
    secret: str | None = None
    in_header: bool = False
    """Whether it shows its secret as HTTP Basic, and not in the form."""


class TokenRequest(NamedTuple):
    """What is posted to a token endpoint."""

    headers: Mapping[str, str]
    form: Mapping[str, str]


def authorize_url(
    place: str, client: Client, *, redirect_uri: str, state: str, scope: str = "", verifier: str = "", **more: str
) -> str:
    """Where a person is sent; a `verifier` of PKCE goes along as its S256 challenge."""
    if verifier:
        more |= {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
    return str(prepare_grant_uri(place, client.id, "code", redirect_uri, scope or None, state, **more))


def token_request(client: Client, code: str, *, redirect_uri: str, verifier: str = "") -> TokenRequest:
    """How the code that a person brought back is exchanged."""
    body = prepare_token_request("authorization_code", "", redirect_uri, code=code, code_verifier=verifier)
    way = "none" if client.secret is None else "client_secret_basic" if client.in_header else "client_secret_post"
    _, headers, body = ClientAuth(client.id, client.secret, way).prepare("POST", "", {}, body)
    return TokenRequest({"Accept": "application/json", **headers}, dict(url_decode(body)))
