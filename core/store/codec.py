"""How JSON is kept: orjson, and zstd for what only the hub itself reads back.

One compressor per thread: zstandard's objects are not to be shared, and making one costs more than using it.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import xxhash
import zstandard

_local = threading.local()


def pack(value: Any) -> bytes:
    """A JSON value as compressed bytes."""
    return squeeze(orjson.dumps(value))


def squeeze(raw: bytes) -> bytes:
    """Bytes, compressed; those of JSON best."""
    try:
        compressor = _local.compressor
    except AttributeError:
        # A fast level: with the dictionary's help it packs as well as a slow one does without.
        compressor = _local.compressor = zstandard.ZstdCompressor(level=-1, dict_data=_words(), write_checksum=False)
    packed: bytes = compressor.compress(raw)
    return packed


def unpack(packed: bytes) -> Any:
    """The JSON value back from `pack`."""
    return orjson.loads(unsqueeze(packed))


def unsqueeze(packed: bytes) -> bytes:
    """The bytes back from `squeeze`."""
    try:
        decompressor = _local.decompressor
    except AttributeError:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor(dict_data=_words())
    raw: bytes = decompressor.decompress(packed)
    return raw


@cache
def _words() -> zstandard.ZstdCompressionDict:
    """Words that most payloads and claims are made of, so that even a single record packs well.

    The file is part of the stored form: a changed one could not open what is stored.
    """
    words = Path(__file__).with_name("words.bin").read_bytes()
    return zstandard.ZstdCompressionDict(words, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def dumps(value: Any) -> str:
    """JSON as text."""
    return orjson.dumps(value).decode()


def loads(raw: str | bytes) -> Any:
    """JSON text back."""
    return orjson.loads(raw)


def digest(raw: bytes) -> int:
    """A signed 64-bit fingerprint of bytes, the same on every machine."""
    value = xxhash.xxh3_64_intdigest(raw)
    return value - (1 << 64) if value >= 1 << 63 else value


UNKNOWN_DIGEST = 0
"""The fingerprint of a payload we only know in part; the next reading is compared field by field."""
