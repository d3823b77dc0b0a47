"""Addresses that a hub must not be led to: those of clouds' own services always, private ones where that is said.

An admin types addresses of tools, hooks and providers, and a name may lead elsewhere tomorrow than it does today. So a
name is looked at before anything is called, and the address that was reached before the first byte goes out. Whether
private addresses may be called is a setting of the whole process; tools that live in one's own house are called anyway.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from core.errors import ConfigError

_NEVER = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.192/32", "100.100.100.200/32", "168.63.129.16/32", "224.0.0.0/4",
        "255.255.255.255/32", "::/128", "fe80::/10", "fd00:ec2::/32", "fd20:ce::254/128", "ff00::/8",
    )
)  # fmt: skip
"""Where a machine in a cloud gets its own credentials, and what is nobody's address."""
_NAMES = ("metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal")
_NAT64 = ip_network("64:ff9b::/96")
_policy = {"private": True}

Address = IPv4Address | IPv6Address


def allow_private(allowed: bool) -> None:
    """Say for this process whether private addresses may be called."""
    _policy["private"] = allowed


def check_url(url: str, *, at_home: bool = False) -> None:
    """`ConfigError` where the address says by itself that it must not be called; a name is not looked up."""
    check_host(urlsplit(url).hostname or "", at_home=at_home)


def check_host(host: str, *, at_home: bool = False) -> None:
    """The same for a name or an address; `at_home` is a tool that is one's own by nature."""
    name = host.strip("[]").rstrip(".").lower()
    if name in _NAMES:
        raise _refused(host, never=True)
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    found = _address(name)
    if found is not None:
        check_address(found, host, at_home=at_home)


def check_address(address: Address, host: str, *, at_home: bool = False) -> None:
    """`ConfigError` where this address, to which a name led, must not be called."""
    for one in meant(address):
        if is_never_called(one):
            raise _refused(host, never=True)
        if not one.is_global and not at_home and not _policy["private"]:
            raise _refused(host, never=False)


def check_socket(sock: socket.socket, host: str, *, at_home: bool = False) -> None:
    """The same for a line that was opened; it is closed where it must not be."""
    try:
        check_address(ip_address(sock.getpeername()[0].partition("%")[0]), host, at_home=at_home)
    except ConfigError:
        sock.close()
        raise


def watching(url: str, *, at_home: bool = False) -> dict[str, Callable[[str, dict[str, Any]], None]]:
    """Extensions for a call of httpx: looks at the address that is reached, before anything is sent there."""
    check_url(url, at_home=at_home)
    host = urlsplit(url).hostname or ""
    if _by_proxy(url, host):
        # It looks names up and is the admin's own.
        return {}

    def look(event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            stream = info["return_value"]
            try:
                reached = stream.get_extra_info("server_addr")
                check_address(ip_address(reached[0].partition("%")[0]), host, at_home=at_home)
            except ConfigError:
                stream.close()
                raise

    return {"trace": look}


def is_never_called(address: Address) -> bool:
    """Whether a machine in a cloud gets its own credentials there, or it is nobody's."""
    return any(address.version == net.version and address in net for net in _NEVER)


def meant(address: Address) -> tuple[Address, ...]:
    """An address, and the older one that it may carry."""
    if isinstance(address, IPv4Address):
        return (address,)
    inside = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inside is None and address in _NAT64:
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    if inside is None:
        return (address,)
    return (inside,) if address.ipv4_mapped else (address, inside)


@lru_cache(maxsize=256)
def _address(name: str) -> Address | None:
    """An address however it is written: 2852039166 and 0xA9FEA9FE are one too, as the C library reads it."""
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None


def _by_proxy(url: str, host: str) -> bool:
    ways = getproxies()
    return bool(ways.get(urlsplit(url).scheme) or ways.get("all")) and not proxy_bypass(host)


def _refused(host: str, *, never: bool) -> ConfigError:
    if never:
        return ConfigError(
            f"The address {host} is none of a tool: machines get their own credentials there.",
            remedy="Give the address of the tool.",
        )
    return ConfigError(
        f"The address {host} is a private one, and those are not called here.",
        remedy="Set CONCORD_ALLOW_PRIVATE=true where tools of your own network are to be reached, or mend the address.",
    )
