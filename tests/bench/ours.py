"""Concord reads the pages, in a process of its own: `python -m tests.bench.ours URL FOLDER PASS…`.

The hub is the one users run: the installation that the assembly builds, a connection to the page server through the
kit, bindings, history, and a second tool that hears contacts, so that every new record is marked in its outbox. A
line of JSON a pass says how long the connection's turn took; the last one, what it cost the process and the store.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sqlite3
import time
from pathlib import Path

import httpx
import structlog

import connectors
from api.assembly import Installation
from api.building import ConnectionSpec
from api.settings import Settings
from core.flow.hub import Hub
from core.flow.sync import Turn, turn

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

connectors.__path__.append(str(HERE / "connectors"))  # where the catalogue finds the tool of the benches


def connect(installation: Installation, url: str) -> Hub:
    """The page server as `a`, and a tool `b` that hears of its contacts."""
    mapping = (HERE / "pages.yaml").read_text(encoding="utf-8")
    hears = (ROOT / "mappings" / "memory.yaml").read_text(encoding="utf-8")
    installation.put_connection(ConnectionSpec("a", "pages", {"url": url}, mapping, "pages.yaml"))
    installation.put_connection(ConnectionSpec("b", "memory", {}, hears, "memory.yaml"))
    return installation.hub()


def read(hub: Hub) -> Turn:
    """One turn of the connection `a`; what goes wrong is raised."""
    done = turn(hub, hub.connection("a"))
    if done.error is not None:
        raise done.error
    return done


def peak_bytes() -> int:
    """The most memory this process ever held, without what it had from its parent before it began."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


def store_bytes(folder: Path) -> int:
    """The size of the embedded store once everything is in its main file."""
    database = folder / "concord.db"
    if not database.exists():
        return 0
    with sqlite3.connect(database) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    link.close()
    return sum(file.stat().st_size for file in folder.glob("concord.db*"))


def main() -> None:
    """Run the passes and print what they took."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("url")
    words.add_argument("folder", type=Path)
    words.add_argument("passes", nargs="+", choices=("first", "same", "changed"))
    words.add_argument("--database", help="a PostgreSQL address instead of the embedded store")
    said = words.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    revision = 0
    with Installation(Settings(data=said.folder, database_url=said.database)) as installation:
        hub = connect(installation, said.url)
        for one in said.passes:
            revision += one == "changed"
            httpx.get(f"{said.url}/revision/{revision}").raise_for_status()
            began, worked = time.perf_counter(), time.process_time()
            counts = read(hub).counts()
            seconds, cpu = time.perf_counter() - began, time.process_time() - worked
            print(json.dumps({"pass": one, "seconds": seconds, "cpu": cpu, "counts": counts}), flush=True)
    print(json.dumps({"peak_bytes": peak_bytes(), "store_bytes": store_bytes(said.folder)}), flush=True)


if __name__ == "__main__":
    main()
