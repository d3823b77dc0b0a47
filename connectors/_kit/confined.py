"""A process that reaches nothing but what it is told: the walls of the room in which a tool's stand-in is tried.

`addresses.py` looks at the addresses that connectors call by the kit. Here is what lies beneath every library, theirs
included: Python itself tells of each line that is about to be opened, each name about to be looked up and each program
about to be started, and what is not on the list does not happen. It holds for the whole process and cannot be undone;
so it is for processes that are made for one thing and end with it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any

from core.errors import ConfigError

Line = tuple[str, int]
"""An address, as digits, and a port."""

_LINES = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)


def confine(lines: Collection[Line]) -> None:
    """From now on this process opens these lines and no other, looks no name up and starts no program.

    Whatever else it tries is a `ConfigError` where it is tried.
    """
    allowed = frozenset(lines)

    def look(event: str, told: tuple[Any, ...]) -> None:
        if event in _LINES:
            # Without an address the line is open already, and was looked at when it was opened.
            if told[1] is not None:
                _check_line(told[1], allowed)
        elif event in _NAMES:
            _check_name(told[0])
        elif event in _PROGRAMS:
            raise _refused("the start of another program")

    sys.addaudithook(look)


def _check_line(address: Any, allowed: Collection[Line]) -> None:
    where = tuple(address[:2]) if isinstance(address, tuple) else (str(address), 0)
    if where not in allowed:
        raise _refused(f"the address {where[0]}, port {where[1]}" if where[1] else f"the address {where[0]}")


def _check_name(name: Any) -> None:
    """An address that is written as digits is only read, and asks nobody."""
    text = name[0] if isinstance(name, tuple) else name
    text = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    try:
        ip_address(text or "127.0.0.1")
    except ValueError:
        raise _refused(f"the name {text}") from None


def _refused(what: str) -> ConfigError:
    return ConfigError(
        f"A trial reaches nothing but the sandbox of its tool; {what} was refused.",
        remedy="Look at the connector and its sandbox: no trial needs anything else.",
    )
