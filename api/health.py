"""Health: `/healthz` says that the process lives, `/readyz` that it can do its work, check by check.

The first asks nothing of the store: a process is not to be started anew because its database is away. The second says
in plain words which check fails and what to do; no secret and nothing of a record is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.errors import ConcordError, Unforeseen
from core.model.instant import MINUTE, SECOND
from core.store import connections, runs, schema

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.background import Background

FRESH = 5 * MINUTE
"""A background that has ended no round for so long, and works no connection meanwhile, stands still."""


class Check(NamedTuple):
    """One check: what it found, and where it failed what to do."""

    name: str
    ok: bool
    says: str
    remedy: str = ""
    shuts: bool = True
    """Whether the doors cannot take what comes while it fails; else they go on, and only the work waits."""

    def to_json(self) -> dict[str, Any]:
        """As the door tells it."""
        told = {"check": self.name, "ok": self.ok, "says": self.says}
        return {**told, "remedy": self.remedy} if self.remedy else told


def alive(engine: Background | None) -> bool:
    """Whether this process does what it was started for, as far as it can tell by itself."""
    return engine is None or engine.alive


def troubles(engine: Background | None) -> list[dict[str, Any]]:
    """What fails in this process: who acts and what to do, without words that may be a tool's."""
    failed = engine.troubles if engine is not None else []
    return [
        {"code": one.error_code, "connection": one.facts.get("connection"), "acts": str(one.acts), "remedy": one.remedy}
        for one in failed
    ]


def checks(installation: Installation, engine: Background | None = None) -> list[Check]:
    """All checks. Those that need the store are left out where it does not answer."""
    first = _store(installation)
    if not first.ok:
        return [first, *_thread(engine)]
    asked: list[Callable[[Installation], Check]] = [_schema, _vault]
    found = [first, *(check(installation) for check in asked)]
    if engine is None:
        return [*found, *_work(installation)]
    return [*found, *(_thread(engine) or [_background(installation, engine)])]


def _store(installation: Installation) -> Check:
    try:
        with installation.store.reading() as tx:
            tx.execute(text("SELECT 1"))
    except (ConcordError, SQLAlchemyError) as error:
        # The driver's own words may hold the database's address.
        code = error.error_code if isinstance(error, ConcordError) else type(error).__name__
        return Check("store", False, f"The database does not answer ({code}).",
                     "See that it runs, and that CONCORD_DATABASE_URL leads to it.")  # fmt: skip
    return Check("store", True, "The database answers.")


def _schema(installation: Installation) -> Check:
    with installation.store.reading() as tx:
        present, wanted = schema.version(tx), schema.head()
    if present == wanted:
        return Check("schema", True, f"The database has version {wanted}.")
    return Check("schema", False, f"The database has version {present}, and this program works with {wanted}.",
                 "Run one version of Concord everywhere; starting it brings the database to its version.")  # fmt: skip


def _vault(installation: Installation) -> Check:
    """Opens something that is sealed in the store: a key that fits nothing there is as good as none."""
    with installation.store.reading() as tx:
        sealed = [one.secrets for one in connections.all_connections(tx) if one.secrets]
    try:
        installation.vault.open(sealed[0] if sealed else installation.vault.seal({}))
    except ConcordError as error:
        return Check("vault", False, error.message, error.remedy)
    return Check("vault", True, "The key opens what is sealed.")


def _thread(engine: Background | None) -> list[Check]:
    if engine is None or engine.alive:
        return []
    return [Check("background", False, "The background sync has ended.", "Start `concord up` again.")]


def _background(installation: Installation, engine: Background | None) -> Check:
    if engine is not None and engine.trouble is not None:
        # What the program itself does wrong in one place keeps nobody's post from being taken.
        shuts = not isinstance(engine.trouble, Unforeseen)
        return Check("background", False, f"The background sync fails ({engine.trouble.error_code}).",
                     engine.trouble.remedy, shuts=shuts)  # fmt: skip
    now = installation.clock()
    since = (engine.ticked_at or engine.started_at) if engine is not None else None
    ago = (now - since) // SECOND if since is not None else 0
    if ago * SECOND <= FRESH:
        return Check("background", True, f"The background sync ended its latest round {ago} s ago.")
    with installation.store.reading() as tx:
        working = runs.any_lease(tx, now=now)
    if working:
        return Check("background", True, f"The background sync has worked on one round for {ago} s.")
    return Check("background", False, f"The background sync has not moved for {ago} s.",
                 "Start `concord up` again, and see its log.")  # fmt: skip


def _work(installation: Installation) -> list[Check]:
    """Whether others do the work, where that is theirs. The doors stay open without: what comes is kept for them."""
    if installation.presence is None:
        return []
    missing = [Check(one.what, False, one.says, one.remedy, shuts=False) for one in installation.presence.absences()]
    return missing or [Check("workers", True, "Workers and beat do the work.")]


def ready(installation: Installation, engine: Background | None = None) -> dict[str, Any]:
    """What `/readyz` tells: whether all is well, whether the doors take what comes (`open`), and each check."""
    found = checks(installation, engine)
    return {
        "ok": all(one.ok for one in found),
        "open": all(one.ok or not one.shuts for one in found),
        "checks": [one.to_json() for one in found],
    }
