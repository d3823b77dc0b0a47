"""Webhooks: a form, one event in a request; secret by their address, and signed where Mailchimp signs them.

An event names a person by address, never by contact id, so a notice names the address's hash, and a direct read leads
from there to the member as it is now. Nothing else of the event is believed: its time has no zone, and its merge
fields are printed in another form than those that are read.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from connectors._kit.signatures import fingerprint, fresh, matches, needed, refusal
from connectors.mailchimp.members import hash_of
from connectors.mailchimp.words import STREAM
from core.errors import Garbled
from core.model.instant import SECOND
from core.ports import Notice, Remote, Request, Secrets

SIGNATURE = "x-mailchimp-signature"
MAX_AGE = 300.0
PARAMETER = "secret"
"""The name of the secret in the address."""

_TOLD: Mapping[str, str] = {
    "subscribe": "subscribed", "unsubscribe": "unsubscribed", "profile": "changed", "cleaned": "cleaned",
    "upemail": "has another address",
}  # fmt: skip


def received(request: Request, *, known: Sequence[Secrets], audience: str) -> list[Notice]:
    """Verify a request and read its event; the probe by GET has none. `Refused` for what cannot be trusted.

    `known` are the secrets of webhooks that may have sent it: in the address, and the one they sign with if they do.
    """
    theirs = [one for one in known if one.chosen]
    if not theirs:
        raise refusal("The connection knows no webhook's secret, so none can be trusted.", "")
    given = dict(parse_qsl(urlsplit(request.url).query)).get(PARAMETER, "").encode()
    sender = [one for one in theirs if hmac.compare_digest(given, one.chosen.encode())]
    if not sender:
        raise refusal("The webhook's address does not hold the secret.", "")
    if request.method.upper() in ("GET", "HEAD"):
        return []
    if signing := [one.told for one in sender if one.told]:
        # Whoever knows the address could leave the header out, so it is missed where it was once agreed on.
        _verify(request, signing)
    return [_notice(_form(request.body), request.body, audience)]


def _verify(request: Request, secrets: Sequence[str]) -> None:
    """`t=SECONDS,v1=HEX[,v1=HEX]`, over the time, a dot and the raw body."""
    parts = [part.strip().partition("=") for part in needed(request.headers, SIGNATURE).split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise refusal("The webhook's time is not a number.", SIGNATURE)
    fresh(int(stamps[0]) * SECOND, request.received_at, MAX_AGE, header=SIGNATURE)
    message = b".".join((stamps[0].encode(), request.body))
    if not matches([value for name, _, value in parts if name == "v1"], [one.encode() for one in secrets], message):
        raise refusal("The webhook's signature is wrong.", SIGNATURE)


def _form(body: bytes) -> dict[str, str]:
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except (UnicodeDecodeError, ValueError) as error:
        raise Garbled("The webhook holds no form.", at="webhook") from error
    if not form.get("type"):
        raise Garbled("The webhook does not say what happened.", at="webhook")
    return form


def _notice(form: Mapping[str, str], body: bytes, audience: str) -> Notice:
    kind = form["type"]
    event_id = _event_id(form, body)
    if audience and form.get("data[list_id]") not in (None, audience):
        return Notice("unknown", event_id, STREAM, note=f"Mailchimp event '{kind[:80]}' of another audience")
    address = form.get("data[new_email]") or form.get("data[email]") or ""
    if kind in _TOLD and address:
        # A deleted member is archived, or gone for good; the direct read tells which.
        note = form.get("data[reason]") if kind in ("unsubscribe", "cleaned") else None
        told = f"{_TOLD[kind]}{f', {note[:80]}' if note else ''}"
        return Notice("changed", event_id, STREAM, Remote(hash_of(address), {}, partial=True), note=told)
    if kind == "campaign":
        what = f"campaign '{form.get('data[subject]', '')[:80]}' is {form.get('data[status]', '')[:40]}"
        return Notice("unknown", event_id, note=what)
    return Notice("unknown", event_id, STREAM, note=f"Mailchimp event '{kind[:80]}'")


def _event_id(form: Mapping[str, str], body: bytes) -> str:
    """The same for each delivery: Mailchimp gives none, but type, subject and moment tell events apart."""
    what = form.get("data[id]") or form.get("data[new_id]")
    if not what or not form.get("fired_at"):
        return fingerprint(body)
    more = form.get("data[action]", ""), hash_of(form.get("data[email]") or form.get("data[new_email]") or "")
    return "-".join((form["type"], form.get("data[list_id]", ""), what, form["fired_at"], *more))
