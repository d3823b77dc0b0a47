"""What a canonical value may be: plain JSON, so that it can be stored, compared, hashed and shown anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Any
"""A plain JSON value: None, bool, int, float, str, list or dict with string keys. Never a set, date or Decimal."""

Values = Mapping[str, Json]
"""Canonical field name → canonical value. A missing field and one that is None mean the same: blank."""


def is_blank(value: Json) -> bool:
    """Whether a value says nothing: None, empty text, empty list or empty object. 0 and False say something."""
    return value is None or (not value and isinstance(value, str | list | dict))
