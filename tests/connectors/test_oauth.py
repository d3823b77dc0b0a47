"""OAuth2: one renewal whoever asks, stored before use, and no rotated refresh token ever lost."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from connectors._kit.clock import VirtualTime
from connectors._kit.http import Http
from connectors._kit.oauth import (
    OAuth,
    Tokens,
    TokensInMemory,
    client_credentials,
    jwt_bearer,
    refresh_token,
    token_endpoint,
)
from connectors._kit.payload import Payload
from connectors._kit.sandbox import Call, Response, Sandbox, route
from core.errors import ConfigError, SignedOut, Unavailable
from core.model.instant import SECOND


class Door:
    """A token endpoint that rotates: each refresh token is good once."""

    def __init__(self, *, lasts: float | None = 1800, rotates: bool = True) -> None:
        self.asked: list[Mapping[str, str]] = []
        self.lasts = lasts
        self.rotates = rotates
        self.good = "refresh-0"
        self._lock = threading.Lock()

    def __call__(self, form: Mapping[str, str]) -> Payload:
        with self._lock:
            self.asked.append(form)
            if form.get("refresh_token", self.good) != self.good:
                raise SignedOut("The refresh token was used already.")
            number = len(self.asked)
            answer: dict[str, Any] = {"access_token": f"access-{number}", "instance_url": "https://eu.example"}
            if self.lasts is not None:
                answer["expires_in"] = self.lasts
            if self.rotates:
                self.good = answer["refresh_token"] = f"refresh-{number}"
            return Payload(answer)


def oauth(door: Door, store: Any, time: VirtualTime) -> OAuth:
    return OAuth(refresh_token("hub", "s3cret", first="refresh-0"), door, store, clock=time, secrets=("s3cret",))


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    door, time = Door(), VirtualTime()
    auth = oauth(door, TokensInMemory(), time)
    assert auth.headers() == {"Authorization": "Bearer access-1"}
    time.sleep(1800 - 121)
    assert auth.headers() == {"Authorization": "Bearer access-1"}
    time.sleep(2)
    assert auth.headers() == {"Authorization": "Bearer access-2"}
    assert [form["refresh_token"] for form in door.asked] == ["refresh-0", "refresh-1"]


def test_a_rotated_refresh_token_is_stored_before_use() -> None:
    door, store = Door(), TokensInMemory()
    oauth(door, store, VirtualTime()).headers()
    version, tokens = store.load()
    assert (version, tokens and tokens.refresh) == (1, "refresh-1")


def test_a_refresh_token_that_is_not_rotated_is_used_again() -> None:
    door, store, time = Door(rotates=False), TokensInMemory(), VirtualTime()
    auth = oauth(door, store, time)
    auth.headers()
    time.sleep(1800)
    auth.headers()
    assert [form["refresh_token"] for form in door.asked] == ["refresh-0", "refresh-0"]


def test_what_else_the_tool_tells_is_kept() -> None:
    tokens = oauth(Door(), TokensInMemory(), VirtualTime()).tokens()
    assert tokens.extra == {"instance_url": "https://eu.example"}


def test_a_stored_refresh_token_survives_an_answer_without_one() -> None:
    store = TokensInMemory(Tokens("old", expires_at=0, refresh="refresh-0"))
    oauth(Door(rotates=False), store, VirtualTime()).headers()
    tokens = store.load()[1]
    assert tokens is not None
    assert tokens.refresh == "refresh-0"


def test_many_threads_make_one_renewal() -> None:
    door, time = Door(), VirtualTime()
    auth = oauth(door, TokensInMemory(), time)
    threads = [threading.Thread(target=auth.headers) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(door.asked) == 1


def test_many_rejected_calls_make_one_renewal() -> None:
    door = Door()
    auth = oauth(door, TokensInMemory(), VirtualTime())
    used = auth.headers()
    assert auth.renewed(used)
    assert auth.renewed(used)
    assert len(door.asked) == 2
    assert auth.headers() == {"Authorization": "Bearer access-2"}


def test_another_processs_tokens_are_used() -> None:
    door, store, time = Door(), TokensInMemory(), VirtualTime()
    one, other = oauth(door, store, time), oauth(door, store, time)
    one.headers()
    assert other.headers() == one.headers()
    assert len(door.asked) == 1


class Overtaken(TokensInMemory):
    """Another process renews between our look and our swap."""

    def __init__(self, tokens: Tokens, theirs: Tokens) -> None:
        super().__init__(tokens)
        self.theirs: Tokens | None = theirs

    def load(self) -> tuple[int, Tokens | None]:
        seen = super().load()
        theirs, self.theirs = self.theirs, None
        if theirs is not None:
            super().swap(seen[0], theirs)
        return seen


def test_a_refresh_token_used_up_by_another_process_is_no_sign_out() -> None:
    time, door = VirtualTime(), Door()
    door.good = "refresh-9"
    theirs = Tokens("theirs", time() + 3600 * SECOND, "refresh-9")
    store = Overtaken(Tokens("old", 0, "refresh-8"), theirs)
    assert oauth(door, store, time).headers() == {"Authorization": "Bearer theirs"}


def test_who_loses_the_swap_uses_the_winners_tokens() -> None:
    time, door = VirtualTime(), Door(rotates=False)
    theirs = Tokens("theirs", time() + 3600 * SECOND, "refresh-0")
    store = Overtaken(Tokens("old", 0, "refresh-0"), theirs)
    assert oauth(door, store, time).headers() == {"Authorization": "Bearer theirs"}
    assert store.load()[1] == theirs


def test_a_refresh_token_that_is_no_good_is_a_sign_out() -> None:
    door = Door()
    door.good = "another"
    with pytest.raises(SignedOut):
        oauth(door, TokensInMemory(), VirtualTime()).headers()


def test_nobody_signed_in_yet_is_a_sign_out() -> None:
    auth = OAuth(refresh_token("hub"), Door(), TokensInMemory(), clock=VirtualTime())
    with pytest.raises(SignedOut):
        auth.headers()


def test_a_token_without_end_is_kept_until_it_is_rejected() -> None:
    door, time = Door(lasts=None), VirtualTime()
    auth = oauth(door, TokensInMemory(), time)
    auth.headers()
    time.sleep(1e6)
    auth.headers()
    assert len(door.asked) == 1


def test_nothing_shows_a_token() -> None:
    auth = oauth(Door(), TokensInMemory(), VirtualTime())
    auth.headers()
    shown = f"{auth!r} {auth.tokens()!r}"
    assert auth.secrets == ("access-1", "refresh-1", "s3cret")
    assert not [secret for secret in auth.secrets if secret in shown]


def test_tokens_survive_their_sealed_form() -> None:
    tokens = Tokens("a", 5, "r", {"instance_url": "https://x"})
    assert Tokens.from_json(json.loads(json.dumps(tokens.to_json()))) == tokens


def test_client_credentials() -> None:
    assert client_credentials("hub", "s", scope="api")(None) == {
        "grant_type": "client_credentials",
        "client_id": "hub",
        "client_secret": "s",
        "scope": "api",
    }


def test_an_assertion_is_signed_with_our_key() -> None:
    key, time = rsa.generate_private_key(65537, 2048), VirtualTime()
    grant = jwt_bearer(issuer="hub", subject="ada", audience="https://login.example", private_key=_pem(key), clock=time)
    head, claims, signature = grant(None)["assertion"].split(".")
    key.public_key().verify(_unpacked(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    said = json.loads(_unpacked(claims))
    assert (said["iss"], said["sub"], said["aud"]) == ("hub", "ada", "https://login.example")
    assert said["exp"] - said["iat"] == 180
    assert said["iat"] == time() // SECOND


@pytest.mark.parametrize("pem", ["", "not a key", "ec"])
def test_a_key_that_cannot_sign_is_a_clear_error(pem: str) -> None:
    given = _pem(ec.generate_private_key(ec.SECP256R1())) if pem == "ec" else pem
    with pytest.raises(ConfigError) as caught:
        jwt_bearer(issuer="a", subject="b", audience="c", private_key=given, clock=VirtualTime())
    assert "PEM" in caught.value.remedy


class Shop(Sandbox):
    """A tool whose access tokens can be revoked at any time."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.good = ""
        self.given = 0
        self.refuses = False

    def authorise(self, call: Call) -> Response | None:
        if call.headers.get("authorization") == f"Bearer {self.good}":
            return None
        return Response(401, {"message": "Session expired or invalid"})

    @route("POST", "/token", spared=True)
    def token(self, call: Call) -> Response:
        if self.refuses or call.form()["grant_type"] != "client_credentials":
            return Response(400, {"error": "invalid_grant"})
        self.given += 1
        self.good = f"token-{self.given}"
        return Response(200, {"access_token": self.good})

    @route("POST", "/things")
    def make(self, _call: Call) -> Response:
        return Response(201, {})


def test_a_revoked_token_is_renewed_once_even_for_a_write() -> None:
    time = VirtualTime()
    with Shop(clock=time) as shop, Http(shop.url, clock=time, sleep=time.sleep) as door:
        auth = OAuth(client_credentials("a", "b"), token_endpoint(door, "token"), TokensInMemory(), clock=time)
        with Http(shop.url, clock=time, auth=auth, sleep=time.sleep) as http:
            http.post("things", json={})
            shop.good = "revoked"
            http.post("things", json={})
            assert shop.given == 2
            assert [exchange.status for exchange in shop.calls("POST", "/things")] == [201, 401, 201]
            shop.good, shop.refuses = "revoked again", True
            with pytest.raises(SignedOut):
                http.post("things", json={})


def test_a_silent_token_endpoint_is_unavailable_not_unknown() -> None:
    time = VirtualTime()
    with Shop(clock=time) as shop:
        shop.token = lambda _call: None
        shop._routes = [(made, shop.token if made.path == "/token" else h) for made, h in shop._routes]
        with Http(shop.url, clock=time, sleep=time.sleep) as door, pytest.raises(Unavailable):
            token_endpoint(door, "token")({"grant_type": "client_credentials"})


def _pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
