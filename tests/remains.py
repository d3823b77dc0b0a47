"""Remains: where in a store something of a person is still to be found, whatever table, column or packing it is in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote_plus

import zstandard

from core.store.codec import dumps, unpack, unsqueeze
from core.store.database import Store
from core.store.tables import metadata


def remains(store: Store, words: Collection[str]) -> list[str]:
    """`table.column` of every value that holds one of these words, with the word; sorted."""
    found = set()
    with store.reading() as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(table.select()).mappings():
                for column, value in row.items():
                    text = _readable(value).casefold()
                    found |= {f"{table.name}.{column}: {word}" for word in words if word.casefold() in text}
    return sorted(found)


def _readable(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(_forms(bytes(value))) if _is_bytes(value) else ""


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)


def _forms(value: bytes) -> Iterator[str]:
    yield value.decode("utf-8", "replace")
    try:
        raw = unsqueeze(value).decode("utf-8", "replace")
        yield from (raw, unquote_plus(raw))
        yield dumps(unpack(value))
    except (zstandard.ZstdError, ValueError):
        return
