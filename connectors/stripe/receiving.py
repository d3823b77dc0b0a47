"""Webhooks: one event in a request, signed over its time and the raw body.

Several signatures may stand in the header while one secret replaces another; any `v1` may be the right one, and `v0`
is never looked at. Events come more than once and in no order, and show an object as it was in the shapes of some
version of the API; so a notice only names the record, which is then read as it is. That something was deleted is
believed: it is final, and ids are never used again.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.payload import Payload
from connectors._kit.signatures import fresh, matches, needed, refusal
from connectors.stripe.objects import at_second
from connectors.stripe.reading import subject
from connectors.stripe.words import GONE
from core.errors import Garbled
from core.model.instant import SECOND
from core.ports import Notice, Remote, Request

SIGNATURE = "stripe-signature"
MAX_AGE = 300.0


def received(request: Request, *, secrets: Sequence[str], account: str = "") -> list[Notice]:
    """Verify a request and read its event. `Refused` for what cannot be trusted, `Garbled` for no event.

    `secrets` are those of endpoints, any of which may have sent it; `account` is the connected account that is synced,
    blank for the key's own.
    """
    if not any(secrets):
        raise refusal("The connection knows no endpoint's secret, so no webhook can be trusted.", SIGNATURE)
    _verify(request, secrets)
    event = Payload.parse(request.body, "webhook")
    if not isinstance(event.data, dict) or not event.has("id") or not event.has("type"):
        raise Garbled("The webhook holds no event.", at="webhook")
    return [_notice(event, account)]


def _verify(request: Request, secrets: Sequence[str]) -> None:
    """`t=SECONDS,v1=HEX[,v1=HEX]`, over the time, a dot and the raw body; the key is the whole `whsec_…`."""
    parts = [part.strip().partition("=") for part in needed(request.headers, SIGNATURE).split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise refusal("The webhook's time is not a number.", SIGNATURE)
    message = b".".join((stamps[0].encode(), request.body))
    given = [value for name, _, value in parts if name == "v1"]
    if not matches(given, [secret.encode() for secret in secrets], message):
        raise refusal("The webhook's signature is wrong.", SIGNATURE)
    fresh(int(stamps[0]) * SECOND, request.received_at, MAX_AGE, header=SIGNATURE)


def _notice(event: Payload, account: str) -> Notice:
    id_, kind = event.text("id"), event.text("type")
    if event.text("account", None) not in (None, account):
        return Notice("unknown", id_, note=f"Stripe event '{kind[:80]}' of another account")
    about = subject(event) if event.has("data.object") else None
    if about is None:
        return Notice("unknown", id_, note=f"Stripe event '{kind[:80]}'")
    stream, record = about
    at = at_second(event.whole("created"))
    if kind in GONE:
        return Notice("deleted", id_, stream, Remote(record, {}, modified_at=at, deleted=True), note=kind)
    return Notice("changed", id_, stream, Remote(record, {}, modified_at=at, partial=True), note=kind)
