"""Nested values as Stripe's forms and queries write them: `address[city]`, `types[0]`, `metadata[stage]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Nested values under names with brackets. None and an emptied list become blank text, which clears."""
    return dict(_flat(values))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple) and value:
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}[{place}]")
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, "" if value is None or value in ([], ()) else str(value)
