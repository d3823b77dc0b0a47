"""One engine at a time on an embedded store: a lock on `<data>/engine.lock`, held as long as the process lives.

Commands that only look need no lock. With PostgreSQL there is none either; leases in the database do that work.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING

from api.engine import beside
from core.errors import StoreError
from core.store import runs

if TYPE_CHECKING:
    from api.assembly import Installation


@contextmanager
def engine_lock(installation: Installation, what: str) -> Iterator[None]:
    """Be the one process that works this store; `StoreError` (`store.busy`) names the one that does already."""
    if not installation.store.embedded:
        yield
        return
    path = installation.settings.data / "engine.lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(installation, file) from error
        _sign(file, json.dumps({"pid": os.getpid(), "what": what}))
        with installation.store.writing() as tx:
            # Whoever held these was killed, or would still have the lock.
            runs.free_leases(tx, beside(installation))
        try:
            yield
        finally:
            _sign(file, "")


def _sign(file: TextIOWrapper, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _busy(installation: Installation, file: TextIOWrapper) -> StoreError:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = f"process {holder['pid']} (`{holder['what']}`)"
        stop = f"Let it do the work and look with `concord status`, or stop it first: kill {holder['pid']}."
    except (ValueError, KeyError, TypeError):
        who, stop = "another process", "Wait for it to end, or stop it."
    return StoreError(
        f"The hub in {installation.settings.data} is being worked by {who}.",
        code="store.busy",
        remedy=f"{stop} Several at once need PostgreSQL (CONCORD_DATABASE_URL).",
    )
