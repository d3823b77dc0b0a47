"""A real hub for `optouts` and `latency`: three tools in agreement, and `concord up` as a process of its own.

For the one, a tool is read from its beginning again while people speak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.assembly import Installation
from api.building import ConnectionSpec
from api.engine import turn_crank
from api.settings import Settings
from core.store import connections
from tests.bench.figures import Figure, at_most
from tests.bench.stage import Stage, started

MAPPINGS = {
    "hubspot": """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: firstname}
    last_name: {field: lastname}
    consent.email: {field: subscriptions.all, steps: [opt_out_flag]}
""",
    "salesforce": """
Contact:
  as: contact
  fields:
    email: {field: Email}
    first_name: {field: FirstName}
    last_name: {field: LastName}
    consent.email: {field: HasOptedOutOfEmail, steps: [opt_out_flag]}
""",
    "mailchimp": """
vocabularies:
  email_consent:
    words: {subscribed: granted, unsubscribed: denied, cleaned: suppressed, pending: pending}
    unknown: blank
members:
  as: contact
  fields:
    email: {field: email_address, required: true}
    first_name: {field: FNAME}
    last_name: {field: LNAME}
    consent.email: {field: status, vocabulary: email_consent}
""",
}
WALKED = "hubspot"
PATIENCE = 30.0
"""Seconds within which an opt-out must be in the last tool; the walk alone takes longer."""


def measure(stage: Stage) -> Iterator[Figure]:
    """p50 and p99 of opt-outs, beside those of ordinary edits, over real sockets and in real time."""
    total, words, folder = stage.size(10_000, 2_000), stage.size(120, 40), stage.fresh()
    command = [sys.executable, "-m", "tests.bench.threetools", str(total)]
    stage.tell(f"optouts: three sandboxes come to hold {total:,} people, over real sockets")
    with started(command, stdin=subprocess.PIPE) as people:
        assert people.stdout is not None
        assert people.stdin is not None
        agreed(Settings(data=folder, database_url=None), json.loads(people.stdout.readline()), anew=True)
        stage.tell("optouts: one of them is read from the beginning by a running hub, and people say things meanwhile")
        with up(folder) as hub:
            people.stdin.write(json.dumps({"hub": hub, "words": words}) + "\n")
            people.stdin.flush()
            report = json.loads(people.stdout.readline())
    told, edits = sorted(report["waits"]["opt-out"]), sorted(report["waits"]["edit"])
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    busy = f"{len(told)} opt-outs and {len(edits)} edits, {total:,} people; {load:.1f} processes a core at the time"
    p50, p99 = ("an ordinary edit", part(edits, 0.5)), ("an ordinary edit", part(edits, 0.99))
    yield Figure("optouts", "opt-out by webhook, real time, p50", part(told, 0.5), "s", *p50)
    yield at_most(
        "optouts", "opt-out by webhook, real time, p99", part(told, 0.99), "s", limit=PATIENCE, peer=p99, note=busy
    )
    yield at_most("optouts", "webhooks refused, words missing", report["refused"] + report["missing"], "", limit=0)


def part(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; they are sorted."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def agreed(settings: Settings, tools: dict[str, dict[str, Any]], *, anew: bool) -> None:
    """Bring the tools into agreement; `anew` forgets the place in the one that is walked, so that it is read again."""
    with Installation(settings) as installation:
        for name, said in tools.items():
            installation.put_connection(ConnectionSpec(name, name, said, MAPPINGS[name], f"{name}.yaml"))
        turn_crank(installation, until_quiet=True)
        if not anew:
            return
        hub = installation.hub()
        walked = next(iter(hub.connection(WALKED).streams)).id
        with installation.store.writing() as tx:
            connections.change_stream(tx, walked, cursor=None, phase="backfill", began_at=None, walked=0, due_at=0)


@contextmanager
def up(folder: Path) -> Iterator[str]:
    """`concord up` as a process of its own; gives its address."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "up", "--port", "0", "--json"]
    with started(command, env={"CONCORD_DATA": str(folder)}, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield _page(process.stdout.read)


def _page(read: Any) -> str:
    """The address, once the object that names it is complete: it may be printed over several lines."""
    text = ""
    while True:
        text += read(1)
        try:
            return str(json.loads(text)["page"])
        except ValueError:
            continue
