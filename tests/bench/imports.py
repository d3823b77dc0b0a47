"""`imports`: what it takes to load each connector, and the vendor's library where it has one, each in a new process.

A connector is loaded when one of its connections is opened, its library when the first call is made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from connectors._kit.catalogue import catalogue
from tests.bench.figures import Figure
from tests.bench.stage import Stage, reports

LIBRARIES = {"hubspot": "hubspot", "salesforce": "simple_salesforce"}

_SCRIPT = """
import json, sys, time
import connectors._kit.http, connectors._kit.catalogue
def held():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024
before, began = held(), time.perf_counter()
__import__(sys.argv[1])
took, more = time.perf_counter() - began, held() - before
print(json.dumps({"ms": took * 1e3, "mb": more, "loaded": [one for one in sys.argv[2:] if one in sys.modules]}))
"""


def measure(stage: Stage) -> Iterator[Figure]:
    """Milliseconds and memory of every connector in the catalogue."""
    for name, found in sorted(catalogue().items()):
        stage.tell(f"imports: {name}")
        if found.folder.parent.name != "connectors":
            continue
        loaded = _loaded(f"connectors.{name}.connector")
        note = f"and loads {', '.join(loaded['loaded'])}" if loaded["loaded"] else "loads no vendor's library"
        yield Figure("imports", f"connector {name}", loaded["ms"], "ms", note=f"{loaded['mb']:.1f} MB; {note}")
        if name in LIBRARIES:
            library = _loaded(LIBRARIES[name])
            words = f"{library['mb']:.1f} MB; at the first call"
            yield Figure("imports", f"{LIBRARIES[name]}, the library of {name}", library["ms"], "ms", note=words)


def _loaded(module: str) -> dict[str, Any]:
    (report,) = reports([sys.executable, "-c", _SCRIPT, module, *LIBRARIES.values()])
    return report
