"""Sending an admin to a tool to let Concord in there, and what is gained when they are back.

    form ▶ a page with a link ▶ the tool asks ▶ back ▶ settings of the connection

The page between is there because no form may go on to another site (`form-action` of all pages); it shows the redirect
URI that the tool must know, and what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from api.console import away
from api.console.away import Leaving
from api.console.desk import PLACE
from connectors._kit.sign_in import Way, refusal

if TYPE_CHECKING:
    from fastapi import Request, Response

    from api.console.desk import Desk
    from api.console.people import Visitor
    from connectors._kit.catalogue import Entry

BACK = f"{PLACE}/connect/back"
"""Where tools send people back to."""
_WHAT = "tool"


def redirect_uri(desk: Desk, request: Request) -> str:
    """What an admin registers at the tool."""
    return f"{desk.origin(request)}{BACK}"


def offer(
    desk: Desk,
    request: Request,
    visitor: Visitor,
    tool: Entry,
    settings: Mapping[str, Any],
    *,
    name: str,
    said: Mapping[str, str] | None,
) -> Response:
    """The page that leads to the tool. `name` is a connection that is there, else blank; `said` a form to go on with.

    `ConfigError` where a setting is missing. Only this visit may come back.
    """
    leaving, way = Leaving.new(), Way(tool.manifest, settings, redirect_uri(desk, request))
    place = way.address(leaving.state, leaving.verifier)
    form = None if said is None else {key: value for key, value in said.items() if key not in ("form_key", "act")}
    away.begin(
        desk.installation, _WHAT, visitor.digest, leaving, {"connector": tool.name, "name": name, "said": form}
    )  # fmt: skip
    return desk.page(
        request, visitor, "tool_sign_in.html", tool=tool.manifest, to=place, host=urlsplit(place).hostname,
        redirect_uri=way.redirect_uri, scopes=way.scopes(), name=name,
    )  # fmt: skip


def awaited(desk: Desk, request: Request, visitor: Visitor) -> dict[str, Any]:
    """What `offer` put aside for whoever is back; `ConfigError` where nobody is awaited like that."""
    return away.back(desk.installation, _WHAT, visitor.digest, request.query_params.get("state", ""))


def gained(
    desk: Desk, request: Request, tool: Entry, settings: Mapping[str, Any], carried: Mapping[str, Any]
) -> Mapping[str, str]:
    """Setting → what the tool gave; `ConfigError`, or the tool's own error, says why nothing."""
    said = dict(request.query_params)
    if (error := refusal(tool.manifest.title, said)) is not None:
        raise error
    way = Way(tool.manifest, settings, redirect_uri(desk, request))
    return way.exchanged(said["code"], carried["verifier"], clock=desk.installation.clock)
