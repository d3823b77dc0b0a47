"""Holders: by what name a process takes leases, and whether the process behind such a name is gone.

A name is `host:namespace:pid:started`. Processes can only be looked for in one's own namespace of one's own host; of
any other nothing is known, and its leases run out by themselves. When it started tells it from another process that
was given the same number later.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """The name under which this process takes leases."""
    pid = os.getpid()
    return f"{_place()}:{pid}:{_started(pid) or 0}"


def is_gone(holder: str) -> bool:
    """Whether the process of that name has certainly ended; what is done beside its turns bears a word after it."""
    words = holder.partition(" ")[0].rsplit(":", 2)
    if len(words) != 3 or words[0] != _place() or _place().endswith(":") or not words[1].isdigit():
        return False
    return str(_started(int(words[1]))) != words[2]


@cache
def _place() -> str:
    """Host and namespace; where there are no namespaces, nobody is ever taken for gone."""
    try:
        space = (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}:{space}"


def _started(pid: int) -> int | None:
    """When a process began, in ticks since the machine did; None where it is not there, or has ended."""
    try:
        words = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # One that has ended and that nobody has asked about (Z) works no more.
    return None if words[0] in "ZX" else int(words[19])
