"""Whom the certificates of other servers are believed by."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities(*, trust_env: bool = True) -> ssl.SSLContext:
    """The authorities that everybody knows, or those that the environment names where it is trusted.

    Read once a process, since the list takes as long as many calls.
    """
    return httpx.create_ssl_context(trust_env=trust_env)
