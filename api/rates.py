"""How often somebody may knock: a bucket of tokens for each address and each form, in this process.

A bucket fills by itself up to its size; each post takes one out, and waits where there is none. Buckets that are full
again say nothing and are dropped, so that a flood of addresses costs no more than a few thousand of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from math import ceil
from typing import NamedTuple

from core.errors import ConfigError
from core.model.instant import MINUTE, SECOND, Instant

MOST = 10_000
"""So many buckets are kept; the one that was asked longest ago goes first."""

Networks = tuple[IPv4Network | IPv6Network, ...]


class Taken(NamedTuple):
    """A token that was taken, or not."""

    wait: int
    """0 where there was one, else in how many seconds there is."""
    left: int
    """How many can be taken now."""
    full_in: int
    """In how many seconds the bucket is full again."""


class Rates:
    """Buckets of one size. Safe to ask from many threads."""

    def __init__(self, a_minute: int) -> None:
        """As many at once as in a minute."""
        # A token is cut into as many drops as a minute has microseconds: whole numbers, so that none is lost.
        self._size, self._fills = a_minute * MINUTE, a_minute
        self._buckets: OrderedDict[str, tuple[int, Instant]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, who: str, now: Instant) -> int:
        """Take a token; 0 where there was one, else in how many whole seconds there is."""
        return self.take(who, now).wait

    def take(self, who: str, now: Instant) -> Taken:
        """Take a token, and tell how many are left."""
        with self._lock:
            held, at = self._buckets.pop(who, (self._size, now))
            held = min(self._size, held + max(0, now - at) * self._fills)
            enough = held >= MINUTE
            self._buckets[who] = (held - MINUTE if enough else held, now)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        wait = 0 if enough else ceil((MINUTE - held) / (self._fills * SECOND))
        left = held - MINUTE if enough else held
        return Taken(wait, left // MINUTE, ceil((self._size - left) / (self._fills * SECOND)))


def networks(said: str) -> Networks:
    """The proxies that are believed, from `10.0.0.0/8, ::1`; `ConfigError` for what is no address."""
    try:
        return tuple(ip_network(one.strip(), strict=False) for one in said.split(",") if one.strip())
    except ValueError as error:
        raise ConfigError(
            f"CONCORD_TRUSTED_PROXIES: {error}.", remedy="Write addresses or networks, e.g. 127.0.0.1, 10.0.0.0/8."
        ) from error


def asker(peer: str, forwarded: str, trusted: Networks) -> str:
    """Who asks: the peer, or whom the proxies that are believed name. What anybody else says of others is not read.

    An IPv6 address stands for its network of 64 bits, since one household has all of that.
    """
    found = peer
    for said in reversed([one.strip() for one in forwarded.split(",") if one.strip()]):
        if not _is_in(found, trusted):
            break
        found = said
    try:
        address = ip_address(found)
    except ValueError:
        return peer
    return str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def _is_in(address: str, trusted: Networks) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in one for one in trusted)
