"""Outgoing: what is posted to addresses that others have given us, and never to what stands beside the hub.

    address ▶ https? ▶ its name resolved ▶ every address of it public? ▶ connected to just that address ▶ no redirects

The name is resolved anew for each request and the connection made to the address that was looked at, so that a name
that changes its mind between the two reaches nothing. The address as a whole is a secret of whoever gave it: errors
tell its host alone.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from connectors._kit.addresses import Address, is_never_called, meant
from connectors._kit.authorities import authorities
from core.errors import ConfigError, register

TIMEOUT = 10.0
"""Seconds for each part of a request."""
LONGEST = 2_000
"""Letters of an address."""
_READ = 1_024
"""Bytes of an answer that are looked at."""

REFUSED = register(
    "hooks.address",
    "A webhook cannot be sent to this address.",
    "Give an https address that the internet reaches; for one in your own network, set CONCORD_HOOKS_PRIVATE=true.",
)


class Answer(NamedTuple):
    """What came back."""

    status: int
    text: str
    """The beginning of an answer of 400, by which some say that it is for now only; blank for all others."""
    retry_after: int | None
    """Seconds that we were asked to wait."""


class Unreached(Exception):
    """Nobody answered; the words name no address."""


def host_of(url: str, *, private: bool) -> str:
    """Its host, as it may be shown; `ConfigError` for what is no address to send to. Nothing is resolved here."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST
    if not host or not plain or parts.username is not None or parts.password is not None or "\\" in url:
        raise ConfigError("This is no address to send webhooks to.", code=REFUSED)
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise ConfigError("Webhooks are sent by https only.", code=REFUSED)
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def address_of(url: str, *, private: bool) -> Address:
    """Where it leads now; `ConfigError` where any of its addresses is not to be reached, `Unreached` where none is."""
    host_of(url, private=private)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreached("the name leads nowhere") from error
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    if not addresses:
        raise Unreached("the name leads nowhere")
    for one in addresses:
        if not _may_be_reached(one, private=private):
            raise ConfigError("This address leads into a network of its own, or to the hub itself.", code=REFUSED)
        if parts.scheme != "https" and _is_public(one):
            raise ConfigError("Webhooks are sent by https only.", code=REFUSED)
    return addresses[0]


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool) -> Answer:
    """Post to it; `ConfigError` where it is not to be reached, `Unreached` where nobody answers."""
    address, parts = address_of(url, private=private), urlsplit(url)
    host = parts.hostname or ""
    at = httpx.URL(url).copy_with(host=str(address), fragment=None)
    said = {**headers, "Host": host_of(url, private=private), "Accept-Encoding": "identity"}
    try:
        with httpx.Client(
            timeout=TIMEOUT, follow_redirects=False, trust_env=False, verify=authorities(trust_env=False)
        ) as client:
            # The certificate is looked at for the name, though the connection is made to the address.
            request = client.build_request("POST", at, content=body, headers=said, extensions={"sni_hostname": host})
            with closing(client.send(request, stream=True)) as answer:
                return Answer(answer.status_code, _beginning(answer), _seconds(answer.headers.get("retry-after", "")))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreached(type(error).__name__) from error


def _beginning(answer: httpx.Response) -> str:
    return next(answer.iter_raw(_READ), b"").decode("utf-8", "replace") if answer.status_code == 400 else ""


def _seconds(said: str) -> int | None:
    said = said.strip()
    return min(int(said), 86_400) if said.isascii() and said.isdigit() and len(said) < 10 else None


def _may_be_reached(address: Address, *, private: bool) -> bool:
    every = meant(address)
    if any(is_never_called(one) for one in every):
        return False
    return _is_public(address) or (private and all(one.is_private or one.is_loopback for one in every))


def _is_public(address: Address) -> bool:
    """Whether it, and what it may carry, is of the internet."""
    return all(one.is_global and not one.is_reserved for one in meant(address))
