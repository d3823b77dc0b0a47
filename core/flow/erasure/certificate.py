"""The certificate: what was taken out of the hub and what each tool answered, signed by the installation.

Whoever asked can check it with the public key alone. It names nobody: the request's own number says whose it is.
"""

from __future__ import annotations

from typing import Any

import orjson

from core.errors import ConfigError
from core.flow.consent import heads
from core.flow.hub import Hub
from core.model.instant import iso
from core.store import Tx, erasures
from core.store.erasures import At, Erasure
from core.store.signing import is_signed

FORM = 1
"""The version of the certificate's form."""

WORDS = {
    At.WAITING: "to be deleted",
    At.LOOKING: "being looked for: the answer to a last create was lost",
    At.BY_HAND: "a person must delete it there",
    At.RETURNED: "turned up again, and is kept out of the hub",
    At.DELETED: "deleted",
    At.ERASED: "deleted for good",
    At.GONE: "was no longer there",
    At.CONFIRMED: "a person says that it is deleted",
    At.NEVER_MADE: "was never made there",
    At.ADMITTED: "came back by themselves, and were taken in as somebody new",
}


def certify(hub: Hub, erasure_id: int) -> dict[str, Any]:
    """The certificate of an erasure, with `key` and `signature` in hex; `ConfigError` where there is no such erasure.

    Signed are the canonical bytes (RFC 8785) of all but these two.
    """
    if hub.signer is None:
        raise ConfigError("A copy of the hub certifies nothing.", remedy="Run the command on the installation itself.")
    head = heads.sign(hub)
    with hub.store.reading() as tx:
        erasure = erasures.one(tx, erasure_id)
        if erasure is None:
            raise ConfigError(f"There is no erasure {erasure_id}.", remedy="`concord erasures` lists them.")
        told = _told(hub, tx, erasure)
    if head is not None and erasure.place is not None:
        told["ledger"] |= {"size": head.size, "root": head.root.hex()}
    return {**told, "key": hub.signer.public, "signature": hub.signer.sign(_message(told)).hex()}


def holds(certificate: dict[str, Any]) -> bool:
    """Whether a certificate is just what was signed."""
    told = {name: value for name, value in certificate.items() if name not in ("key", "signature")}
    try:
        signature = bytes.fromhex(str(certificate.get("signature")))
    except ValueError:
        return False
    return is_signed(_message(told), signature, str(certificate.get("key")))


def _told(hub: Hub, tx: Tx, erasure: Erasure) -> dict[str, Any]:
    places = erasures.places_of(tx, [erasure.id])
    tools = [
        {
            "connection": hub.sources.get(one.stream_id, "?"),
            "stream": _stream_name(hub, one.stream_id),
            "answer": one.state,
            "in_words": WORDS[At(one.state)],
            "note": one.note,
            "at": iso(one.at),
        }
        for one in places
    ]
    return {
        "form": FORM,
        "installation": hub.installation,
        "erasure": erasure.id,
        "reference": erasure.reference,
        "kind": erasure.kind,
        "erased_at": iso(erasure.at),
        "done_at": iso(erasure.done_at) if erasure.done_at is not None else None,
        "hub": erasure.counts,
        "ledger": {"entry": erasure.place},
        "tools": tools,
    }


def _stream_name(hub: Hub, stream_id: int) -> str:
    stream = hub.stream(stream_id)
    return stream.name if stream is not None else "?"


def _message(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
