"""Heads: from time to time the ledger's root is signed, so that what it held then can be proven for good.

Whoever keeps a head elsewhere can later show that nothing before it was changed, cut off or put in.
"""

from __future__ import annotations

import orjson

from core.flow.hub import Hub
from core.model.instant import Instant
from core.store import ledger
from core.store.ledger import Head
from core.store.signing import is_signed


def sign(hub: Hub) -> Head | None:
    """Sign the ledger as it is now, unless that was done; gives its newest head, None where there is none.

    A copy without a key, made for trying something out, signs nothing.
    """
    with hub.store.reading() as tx:
        count, last = ledger.size(tx), ledger.last_head(tx)
    if count == 0 or hub.signer is None or (last is not None and last.size >= count):
        return last
    # The key is made at the first need, in a transaction of its own; so it is asked for before ours begins.
    key = hub.signer.public
    with hub.store.writing(durable=True) as tx:
        count, at = ledger.size(tx), hub.clock()
        root = ledger.tip_of(tx, count).root()
        head = Head(count, root, at, key, hub.signer.sign(message(hub.installation, count, root, at)))
        ledger.put_head(tx, head)
    return head


def message(installation: str, count: int, root: bytes, at: Instant) -> bytes:
    """The bytes that are signed (RFC 8785)."""
    told = {"at": at, "installation": installation, "root": root.hex(), "size": count}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def holds(installation: str, head: Head) -> bool:
    """Whether a head's signature is right."""
    return is_signed(message(installation, head.size, head.root, head.at), head.signature, head.key)
