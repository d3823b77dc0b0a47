"""Webhook signatures: what the tool signed passes, everything else is refused, whoever's fault it is."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from connectors._kit import signatures
from connectors._kit.signatures import (
    matches,
    request_message,
    sign,
    sign_standard,
    verify,
    verify_request,
    verify_standard,
)
from core.errors import Refused
from core.model.instant import SECOND
from core.ports import Request

NOW = 1_790_000_000 * SECOND
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def standard(body: bytes = BODY, *, sent_at: int = NOW, secret: str = SECRET) -> Request:
    headers = sign_standard(body, id_="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=sent_at, secret=secret)
    return Request("POST", "https://hub.example/hooks/x", headers, body, NOW)


def test_the_published_example_of_standard_webhooks() -> None:
    """The example of the specification's reference libraries."""
    headers = sign_standard(BODY, id_="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=1_614_265_330 * SECOND, secret=SECRET)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_standard_webhook_passes() -> None:
    verify_standard(standard(), secret=SECRET)


def test_an_old_secret_passes_while_it_is_replaced() -> None:
    verify_standard(standard(), secret=f"whsec_bmV3LXNlY3JldA== {SECRET}")


def test_every_pair_is_compared_in_constant_time_whatever_matches_first(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return hmac.compare_digest(given, wanted)

    monkeypatch.setattr(signatures, "hmac", SimpleNamespace(new=hmac.new, compare_digest=compare))
    right = sign(b"old", BODY)
    assert matches([right, "0" * len(right)], [b"old", b"new"], BODY)
    wanted = [one.encode() for one in (right, sign(b"new", BODY))]
    assert compared == [(given, one) for one in wanted for given in (right.encode(), b"0" * len(right))]


def test_one_good_signature_among_several_passes() -> None:
    request = standard()
    several = f"v1a,xyz {request.headers['webhook-signature']} v1,AAAA"
    verify_standard(replace(request, headers={**request.headers, "webhook-signature": several}), secret=SECRET)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, body=request.body + b" "),
        lambda request: replace(request, headers={**request.headers, "webhook-id": "other"}),
        lambda request: replace(request, headers={**request.headers, "webhook-timestamp": str(NOW // SECOND + 1)}),
        lambda request: replace(request, headers={**request.headers, "webhook-timestamp": "soon"}),
        lambda request: replace(request, headers={**request.headers, "webhook-timestamp": "²"}),
        lambda request: replace(request, headers={**request.headers, "webhook-signature": "v1,é\udcff"}),
        lambda request: replace(request, headers={}),
        lambda request: replace(request, received_at=NOW + 301 * SECOND),
        lambda request: replace(request, received_at=NOW - 301 * SECOND),
    ],
)
def test_a_spoilt_webhook_is_refused(spoil: Callable[[Request], Request]) -> None:
    with pytest.raises(Refused) as caught:
        verify_standard(spoil(standard()), secret=SECRET)
    assert caught.value.error_code == signatures.SIGNATURE
    assert caught.value.remedy


def test_a_missing_secret_lets_nobody_in() -> None:
    with pytest.raises(Refused):
        verify_standard(standard(secret="x"), secret="")
    assert not matches(sign(b"", BODY), [b""], BODY)


@pytest.mark.parametrize(("encoding", "prefix"), [("hex", "sha256="), ("base64", ""), ("hex", "")])
def test_a_plain_body_signature(encoding: signatures.Encoding, prefix: str) -> None:
    given = prefix + sign(b"key", BODY, encoding=encoding)
    request = Request("POST", "/", {"x-sign": given}, BODY, NOW)
    verify(request, header="X-Sign", secret="key", encoding=encoding, prefix=prefix)
    for wrong in (replace(request, body=b""), replace(request, headers={"x-sign": given.swapcase()})):
        with pytest.raises(Refused):
            verify(wrong, header="X-Sign", secret="key", encoding=encoding, prefix=prefix)


def test_the_digest_is_free() -> None:
    assert sign(b"k", b"m", digest="sha1") == hmac.new(b"k", b"m", hashlib.sha1).hexdigest()


def signed_request(url: str, body: bytes = b"[]", *, stamp: str = str(NOW // 1000)) -> Request:
    decoded = url.replace("%3A", ":").replace("%2F", "/")
    given = sign(b"key", b"POST" + decoded.encode() + body + stamp.encode(), encoding="base64")
    return Request("POST", url, {"x-signature": given, "x-time": stamp}, body, NOW)


def check(request: Request) -> None:
    verify_request(
        request, secret="key", signature_header="X-Signature", stamp_header="X-Time",
        decode={"%3A": ":", "%2F": "/"},
    )  # fmt: skip


def test_a_whole_request_is_signed() -> None:
    check(signed_request("https://hub.example/hooks/x?to=a%3Ab%2Fc"))
    request = signed_request("https://hub.example/hooks/x")
    for wrong in (
        replace(request, method="PUT"),
        replace(request, url="https://hub.example/hooks/y"),
        replace(request, body=b"[ ]"),
        replace(request, received_at=NOW + 301 * SECOND),
        replace(request, received_at=NOW - 301 * SECOND),
        replace(request, headers={"x-signature": request.headers["x-signature"]}),
    ):
        with pytest.raises(Refused):
            check(wrong)


def test_escapes_are_undone_in_either_case() -> None:
    message = request_message("post", "https://hub.example?a=%3a", b"b", "1", decode={"%3A": ":"})
    assert message == b"POSThttps://hub.example/?a=:b1"


@pytest.mark.parametrize("place", [0, 1, 2, None])
def test_every_pair_is_compared_wherever_the_right_one_stands(place: int | None, monkeypatch: pytest.MonkeyPatch):
    """How long it takes tells nothing of which secret or signature fits, or whether one does."""
    asked: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def counted(given: bytes, wanted: bytes) -> bool:
        asked.append((given, wanted))
        return compare(given, wanted)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    given = ["0" * 64] * 3
    if place is not None:
        given[place] = signatures.sign(b"second", b"body")
    assert signatures.matches(given, [b"first", b"second"], b"body") is (place is not None)
    assert len(asked) == 6
