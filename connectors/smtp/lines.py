"""The settings, read: to which server and how, as whom, and what must never be shown.

Both lines (SMTP and IMAP) are encrypted. Without encryption only this machine is spoken to, unless a setting says that
the admin wants it so: passwords and people's addresses would be readable on the way.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from core.errors import ConfigError

TIMEOUT = 60.0
"""Seconds without a word after which a line is given up; RFC 5321 has servers take minutes only after the last dot."""
_PORTS = {
    "smtp": {"tls": 465, "starttls": 587, "none": 25},
    "imap": {"tls": 993, "starttls": 143, "none": 143},
}


class Line(NamedTuple):
    """One server, and how it is spoken to."""

    host: str
    port: int
    tls: str
    """`tls` from the first byte, `starttls`, or `none`."""
    timeout: float
    context: ssl.SSLContext | None
    """None only without encryption."""


class Account(NamedTuple):
    """A name and what proves it. The password is blank where a token signs in, or where nobody has to."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Account({self.username!r}, •••)"


def smtp_line(settings: Mapping[str, Any]) -> Line:
    """The server that sends. `ConfigError` when it cannot be understood."""
    return _line(settings, "smtp", _text(settings, "host"), _text(settings, "tls") or "starttls", settings.get("port"))


def imap_line(settings: Mapping[str, Any]) -> Line | None:
    """The server that holds the mailbox; None where the connection has none."""
    host = _text(settings, "imap_host")
    if not host:
        return None
    return _line(settings, "imap", host, _text(settings, "imap_tls") or "tls", settings.get("imap_port"))


def smtp_account(settings: Mapping[str, Any]) -> Account:
    """Who signs in to send."""
    return _account(_text(settings, "username"), str(settings.get("password") or ""))


def imap_account(settings: Mapping[str, Any]) -> Account:
    """Who signs in to read; whoever sends, when nothing else is said."""
    username = _text(settings, "imap_username") or _text(settings, "username")
    return _account(username, str(settings.get("imap_password") or settings.get("password") or ""))


def secrets_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What must never be shown."""
    names = ("password", "imap_password", "client_secret", "refresh_token")
    return tuple(str(settings[name]) for name in names if settings.get(name))


def _line(settings: Mapping[str, Any], kind: str, host: str, tls: str, port: object) -> Line:
    name = "" if kind == "smtp" else "imap_"
    if not host or any(letter.isspace() for letter in host):
        raise ConfigError(f"Setting {name}host names no server.", remedy="Write its name, as in `mail.example.com`.")
    if tls not in _PORTS[kind]:
        raise ConfigError(f"Setting {name}tls is {tls!r}.", remedy="Write one of tls, starttls, none.")
    if tls == "none" and not _is_here(host) and not settings.get("unencrypted"):
        raise ConfigError(
            f"Setting {name}tls is none, and {host} is another machine.",
            remedy="Use tls or starttls. If the way there is safe, set `unencrypted: true`.",
        )
    number = int(str(port)) if port else _PORTS[kind][tls]
    context = None if tls == "none" else _context(_text(settings, "ca_file"))
    return Line(host, number, tls, float(settings.get("timeout") or TIMEOUT), context)


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The certificates in {ca_file} cannot be read.", remedy="Give a file with certificates in PEM."
        ) from error


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _account(username: str, password: str) -> Account:
    if any(sign in username + password for sign in "\r\n\0"):
        raise ConfigError("The name or password has a line break in it.", remedy="Give them again, without any.")
    return Account(username, password)


def _text(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or "").strip()
