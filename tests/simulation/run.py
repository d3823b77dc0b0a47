"""Running seeds, and cutting a failing plot down to the shortest one that still fails."""

from __future__ import annotations

import tempfile
from pathlib import Path

from connectors._kit.hostile.shrinking import shrunk
from tests.simulation.drawing import plot
from tests.simulation.laws import breaches
from tests.simulation.order import in_any_order
from tests.simulation.play import Stage
from tests.simulation.plot import Plot
from tests.simulation.swift import swiftly
from tests.support import emptied

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only a faster place for folders that are made there safely


def run(one: Plot, *, database_url: str | None = None) -> list[str]:
    """Play a plot in a fresh place and give what laws it breaks; an error of the hub is a breach, too."""
    where = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    place = tempfile.TemporaryDirectory(prefix="concord-simulation-", dir=where, ignore_cleanup_errors=True)
    with place as folder, swiftly():
        return _run(one, Path(folder), database_url)


def _run(one: Plot, folder: Path, database_url: str | None) -> list[str]:
    stage = Stage(one, folder, database_url)
    try:
        stage.play()
        found = breaches(stage)
    except Exception as error:
        return [f"broke: {type(error).__name__}: {error} at {_place(error)}"]
    finally:
        stage.close()
        if database_url is not None:
            emptied(database_url)
    # Hubs of their own, one after the other: only one embedded store is open at a time.
    return found or list(in_any_order(one))


def _place(error: BaseException) -> str:
    found = ""
    trace = error.__traceback__
    while trace is not None:
        found = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def report(seed: int, *, database_url: str | None = None, seconds: float = 30.0) -> str | None:
    """None when the laws hold for a seed, else the shortest history that breaks them."""
    if not run(plot(seed), database_url=database_url):
        return None
    shortest, told = shrunk(plot(seed), lambda one: run(one, database_url=database_url), seconds=seconds)
    return "\n".join([*told, str(shortest)])
