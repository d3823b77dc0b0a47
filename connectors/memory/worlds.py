"""The named worlds of this process.

Which tool a connection's setting `world` means, made at its first use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from connectors._kit.mischief import spellings
from connectors.memory.tool import Habits, Tool, Validator
from core.model.instant import SECOND
from core.ports import Context, Fields

_WORLDS: dict[str, Tool] = {}
_WORLDS_LOCK = threading.Lock()


def world(name: str, make: Callable[[], Tool]) -> Tool:
    """The tool of this name in this process, made at its first use."""
    with _WORLDS_LOCK:
        if name not in _WORLDS:
            _WORLDS[name] = make()
        return _WORLDS[name]


def use(tool: Tool, name: str | None = None) -> Tool:
    """Let connections whose setting `world` is this name (or the tool's own) use this very tool."""
    with _WORLDS_LOCK:
        _WORLDS[name or tool.name] = tool
    return tool


def forget(*names: str) -> None:
    """Drop these worlds from this process, or all when none is named."""
    with _WORLDS_LOCK:
        for name in names or tuple(_WORLDS):
            _WORLDS.pop(name, None)


def tool_of(context: Context) -> Tool:
    """The tool that a connection's settings name; its habits are set by whoever comes first."""
    name = context.settings.get("world") or "memory"
    return world(name, lambda: _tool(name, context))


def _tool(name: str, context: Context) -> Tool:
    settings = context.settings
    refuse = settings.get("refuse")
    habits = Habits(
        versions=settings.get("versions", True),
        idempotent=settings.get("idempotent", True),
        unique=dict(part.strip().split(".", 1) for part in (settings.get("unique") or "").split(",") if part.strip()),
        spellings=spellings(settings.get("spellings") or ""),
        validator=_refusing(refuse) if refuse else None,
        token=settings.get("required_token"),
    )
    path = Path(settings["path"]) if settings.get("path") else None
    skew = int(float(settings.get("skew") or 0) * SECOND)
    return Tool(name, clock=context.clock, skew=skew, habits=habits, path=path)


def _refusing(words: str) -> Validator:
    def judge(_stream: str, fields: Fields) -> str | None:
        named = next((name for name, value in fields.items() if isinstance(value, str) and words in value), None)
        return f"The tool does not take this {named}." if named else None

    return judge
