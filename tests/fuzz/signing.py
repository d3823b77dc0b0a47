"""How each tool signs what it sends, so that what lies behind a signature is reached, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors._kit.signatures import sign, sign_standard
from core.model.instant import MILLISECOND, SECOND, Instant

Signing = Callable[[str, str, bytes, Instant], Mapping[str, str]]
"""Address, secret, body and when → headers."""


def hubspot(url: str, secret: str, body: bytes, at: Instant) -> Mapping[str, str]:
    """Method, address, body and time in a row."""
    stamp = str(at // MILLISECOND)
    signed = sign(secret.encode(), b"POST" + url.encode() + body + stamp.encode(), encoding="base64")
    return {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": signed}


def mailchimp(_url: str, secret: str, body: bytes, at: Instant) -> Mapping[str, str]:
    """Time and body."""
    return {"x-mailchimp-signature": _stamped(secret, body, at)}


def stripe(_url: str, secret: str, body: bytes, at: Instant) -> Mapping[str, str]:
    """Time and body."""
    return {"stripe-signature": _stamped(secret, body, at)}


def memory(_url: str, secret: str, body: bytes, at: Instant) -> Mapping[str, str]:
    """As the Standard Webhooks specification has it."""
    return sign_standard(body, id_="msg_1", sent_at=at, secret=secret)


def google(_url: str, secret: str, _body: bytes, at: Instant) -> Mapping[str, str]:
    """Google signs nothing: a token in a header."""
    return {
        "x-goog-channel-token": secret, "x-goog-channel-id": "c1", "x-goog-resource-id": "r1",
        "x-goog-resource-state": "exists", "x-goog-message-number": str(at % 1_000_000 + 2),
    }  # fmt: skip


def _stamped(secret: str, body: bytes, at: Instant) -> str:
    stamp = str(at // SECOND)
    return f"t={stamp},v1={sign(secret.encode(), stamp.encode() + b'.' + body)}"
