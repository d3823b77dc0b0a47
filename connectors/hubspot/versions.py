"""Where HubSpot's calls live: the one place that knows about versions of its API.

HubSpot's own client speaks the paths of v3 and v4. Dated versions hold the same calls under another prefix; HubSpot
ships one each March and September and keeps it for about 18 months (2026-11-21). v1 to v3 end in September 2027.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

DATED = "2026-03"
PATH_VERSIONED = "v3"

ACCOUNT = "/account-info/v3/details"
TOKEN = "/oauth/v1/token"  # noqa: S105 -- a path
INTROSPECT = "/oauth/v3/token/introspect"
STATUSES = "/communication-preferences/v4/statuses"
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105 -- a path; it has no dated form

_DATED_PATHS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^/crm/v[34]/(objects|associations|owners|properties|pipelines)(?=/|$)"), rf"/crm/\1/{DATED}"),
    (re.compile(r"^/(account-info|oauth)/v[13](?=/)"), rf"/\1/{DATED}"),
    # Those of v3 have no dated form: what came after them asks and answers otherwise.
    (re.compile(r"^/(communication-preferences)/v4(?=/)"), rf"/\1/{DATED}"),
)


def dated(path: str) -> str:
    """A path of v3 or v4 in the dated version; one that has no dated form stays."""
    for pattern, place in _DATED_PATHS:
        moved, found = pattern.subn(place, path)
        if found:
            return moved.rstrip("/")
    return path


def as_it_is(path: str) -> str:
    """The path as HubSpot's client writes it."""
    return path


PLACES: Mapping[str, Callable[[str], str]] = {DATED: dated, PATH_VERSIONED: as_it_is}
"""Setting `api_version` → where a path of v3 or v4 is found."""
