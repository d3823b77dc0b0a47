"""Statements compiled once for all the stores of a test process, as they are in a hub that runs for days.

SQLAlchemy keeps what it compiled with the engine and knows it by its dialect. Each test opens a store of its own, so
most of its time would go into compiling the same few hundred statements again. Engines here share nothing else: each
keeps its own connections, events and address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, create_engine, event

_STATEMENTS = 4_000
"""More than there are, so that none is compiled twice."""
_READY: dict[str, Engine] = {}
"""Dialect → the first engine that was connected: its dialect knows what the server can do."""


@contextmanager
def compiled_once() -> Iterator[None]:
    """Stores that are opened meanwhile share what they compile."""
    with patch("core.store.database.create_engine", _sharing):
        yield


def _sharing(url: str, **how: Any) -> Engine:
    engine = create_engine(url, query_cache_size=_STATEMENTS, **how)
    name = engine.dialect.name
    if name in _READY:
        engine.dialect, engine._compiled_cache = _READY[name].dialect, _READY[name]._compiled_cache
    else:
        event.listen(engine, "connect", lambda *_: _READY.setdefault(name, engine))
    return engine
