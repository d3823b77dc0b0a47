"""`concord hooks`: the addresses to give to the tools for their webhooks, and what came there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from api.assembly import Installation

_LATEST = 5
"""Unknown events that are shown."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("hooks")(hooks)


def hooks(as_json: Json = False) -> None:
    """The address of each connection for its tool's webhooks, and what came there in the last seven days."""
    from api.cli.opening import opened

    with opened(made=True) as installation:
        told = _told(installation)
        public = installation.settings.public_url is not None
    if as_json:
        output.as_json(told)
        return
    screen = output.console()
    if not told["connections"]:
        screen.print("No connection's tool sends webhooks; all are polled.")
        return
    rows = [
        (one["name"], one["address"], output.ago(one["heard_seconds_ago"]), one["events"], one["waiting"] or "",
         one["unknown"] or "")
        for one in told["connections"]
    ]  # fmt: skip
    heads = ("connection", "address", "last came", "events", "waiting", "unknown")
    screen.print(output.table("Webhooks", heads, rows, right=heads[3:]))
    for one in told["unknown"]:
        screen.print(f"{one['connection']} told something unknown: {one['what']}", markup=False)
    if not public:
        screen.print("Nobody outside reaches these: set CONCORD_PUBLIC_URL, e.g. https://hub.shop.example.")


def _told(installation: Installation) -> dict[str, Any]:
    from api.hooks import PLACE, address
    from connectors._kit.catalogue import entry
    from core.model.instant import SECOND, iso
    from core.store import notices

    now = installation.clock()
    with installation.store.reading() as tx:
        counts, unknown = notices.counts(tx), notices.unknown(tx, limit=_LATEST)
    shown, names = [], dict[int, str]()
    for one in installation.hub().connections.values():
        if entry(one.connector).manifest.webhook is None:
            continue
        names[one.id], found = one.name, counts.get(one.id)
        shown.append(
            {
                "name": one.name,
                "address": address(installation, one.name) or f"{PLACE}/{one.name}",
                "state": one.state,
                "heard_seconds_ago": (now - found.latest) / SECOND if found else None,
                "events": found.number if found else 0,
                "waiting": found.waiting if found else 0,
                "unknown": found.unknown if found else 0,
            }
        )
    latest = [
        {"connection": names[id_], "at": iso(at), "what": what} for id_, at, what in unknown if id_ in names
    ]  # fmt: skip
    return {"connections": shown, "unknown": latest}
