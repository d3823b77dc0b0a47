"""Webhook signatures: over the raw bytes, in constant time, inside a window of age that shuts both ways.

`matches` is the one comparison; around it are the two compositions that most tools use or vary: Standard
Webhooks (id, time and body) and a request signature over method, address, body and time. All failures are
`Refused` with the code `signature` and say which part was wrong, never what would have been right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from core.errors import Refused, register
from core.model.instant import MILLISECOND, SECOND, Instant
from core.ports import Request

Encoding = Literal["hex", "base64"]

SIGNATURE = register(
    "signature",
    "A webhook was not signed as agreed, or is too old.",
    "Compare the webhook secret in the tool with the connection's setting, and the hub's clock with the real time.",
)


def sign(secret: bytes, message: bytes, *, encoding: Encoding = "hex", digest: str = "sha256") -> str:
    """The HMAC of a message as text."""
    raw = hmac.new(secret, message, digest).digest()
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode("ascii")


def matches(
    given: str | Iterable[str],
    secrets: Iterable[bytes],
    message: bytes,
    *,
    encoding: Encoding = "hex",
    prefix: str = "",
    digest: str = "sha256",
) -> bool:
    """Whether any given signature (with `prefix`, e.g. `sha256=`) was made with any of the secrets.

    Several secrets allow rotation. An empty secret never matches. Every pair is compared in constant time.
    """
    signatures = [given] if isinstance(given, str) else list(given)
    right = False
    for secret in filter(None, secrets):
        wanted = (prefix + sign(secret, message, encoding=encoding, digest=digest)).encode()
        for signature in signatures:
            right |= hmac.compare_digest(signature.strip().encode("utf-8", "surrogateescape"), wanted)
    return right


def verify(
    request: Request,
    *,
    header: str,
    secret: str,
    encoding: Encoding = "hex",
    prefix: str = "",
    digest: str = "sha256",
) -> None:
    """The plain kind: one header with the HMAC of the body. `Refused` when it is missing or wrong."""
    given = needed(request.headers, header)
    if not matches(given, [secret.encode()], request.body, encoding=encoding, prefix=prefix, digest=digest):
        raise refusal("The webhook's signature is wrong.", header)


def fresh(sent_at: Instant, received_at: Instant, max_age: float, *, header: str = "") -> None:
    """`Refused` when the two moments (µs) are further apart than `max_age` seconds, in either direction."""
    if abs(received_at - sent_at) > max_age * SECOND:
        age = "older" if sent_at < received_at else "further in the future"
        raise refusal(f"The webhook is {age} than {max_age:g} seconds.", header)


def verify_standard(request: Request, *, secret: str, max_age: float = 300) -> None:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature` (`v1,BASE64`, several).

    `secret` as given by the sender, with or without `whsec_`, base64; other text is taken as it is. Several
    secrets may be given with spaces between them, while one replaces the other.
    """
    id_ = needed(request.headers, "webhook-id")
    stamp = needed(request.headers, "webhook-timestamp")
    given = needed(request.headers, "webhook-signature").split()
    fresh(_stamp(stamp, SECOND, "webhook-timestamp"), request.received_at, max_age, header="webhook-timestamp")
    message = b".".join((id_.encode(), stamp.encode(), request.body))
    if not matches(given, map(_standard_key, secret.split()), message, encoding="base64", prefix="v1,"):
        raise refusal("The webhook's signature is wrong.", "webhook-signature")


def sign_standard(body: bytes, *, id_: str, sent_at: Instant, secret: str) -> dict[str, str]:
    """The three headers of Standard Webhooks for a body, as stand-ins send them."""
    stamp = str(sent_at // SECOND)
    message = b".".join((id_.encode(), stamp.encode(), body))
    signature = "v1," + sign(_standard_key(secret.split(maxsplit=1)[0]), message, encoding="base64")
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}


def request_message(
    method: str, url: str, body: bytes, stamp: str, *, decode: Mapping[str, str] | None = None
) -> bytes:
    """Method, address, body and time in a row, as tools sign that cover the whole request.

    `decode` names escapes (`%3A` → `:`) that the sender undoes in the address before signing.
    """
    parts = urlsplit(url)
    if not parts.path:
        url = urlunsplit(parts._replace(path="/")) if parts.netloc else url
    for escape, sign_ in (decode or {}).items():
        url = url.replace(escape, sign_).replace(escape.lower(), sign_)
    return method.upper().encode() + url.encode() + body + stamp.encode()


def verify_request(
    request: Request,
    *,
    secret: str,
    signature_header: str,
    stamp_header: str,
    max_age: float = 300,
    decode: Mapping[str, str] | None = None,
) -> None:
    """Base64 HMAC-SHA256 over `request_message`, with a header of milliseconds as the time."""
    given = needed(request.headers, signature_header)
    stamp = needed(request.headers, stamp_header)
    fresh(_stamp(stamp, MILLISECOND, stamp_header), request.received_at, max_age, header=stamp_header)
    message = request_message(request.method, request.url, request.body, stamp, decode=decode)
    if not matches(given, [secret.encode()], message, encoding="base64"):
        raise refusal("The webhook's signature is wrong.", signature_header)


def needed(headers: Mapping[str, str], name: str) -> str:
    """A header's value; `Refused` when it is missing or blank. Names of `Request.headers` are lower case."""
    value = headers.get(name.lower(), "").strip()
    if not value:
        raise refusal("The webhook is not signed.", name)
    return value


def refusal(message: str, header: str) -> Refused:
    """The error of a webhook that cannot be trusted."""
    return Refused(message, code=SIGNATURE, header=header or None)


def fingerprint(body: bytes) -> str:
    """A stable event id for tools that give none: the same bytes are the same event."""
    return hashlib.sha256(body).hexdigest()[:32]


def _stamp(text: str, unit: int, header: str) -> Instant:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise refusal("The webhook's time is not a number.", header)
    return int(text) * unit


def _standard_key(secret: str) -> bytes:
    bare = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        return bare.encode()
