"""Agreed: a mark of what somebody was shown, by which it is known whether that is still what would be done.

A page shows a plan and carries its mark in the form; whoever presses the button agrees to that plan and to no other.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def mark_of(shown: Any) -> str:
    """The mark of what is shown; the same for the same."""
    told = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.sha256(told).hexdigest()[:24]
