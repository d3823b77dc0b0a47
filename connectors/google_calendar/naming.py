"""The id of an event that we make, which follows from the edit's key: so a repeated create meets the first.

Google takes ids of the letters a to v and digits, unique in a calendar and never free again:
<https://developers.google.com/workspace/calendar/api/v3/reference/events/insert> (2026-11).
"""

from __future__ import annotations

import hashlib

_OURS = "concord"


def id_of(key: str) -> str:
    """The id of what the create with this key makes."""
    return f"{_OURS}{hashlib.sha256(key.encode()).hexdigest()[:48]}"
