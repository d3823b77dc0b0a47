"""Mappings as this installation reads them: with the vocabularies that come with the hub."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from core.mapping import check_text as _check_text
from core.mapping import load as _load
from core.mapping.load import load_vocabularies
from core.mapping.vocabulary import Vocabulary

MAPPINGS = Path(__file__).resolve().parents[1] / "mappings"
"""What an admin reads and edits: the default mappings, rules, block lists and common vocabularies."""

_COMMON = MAPPINGS / "vocabularies.yaml"
_WORDS = _COMMON.read_text(encoding="utf-8")

load = partial(_load, common=_WORDS)
"""Read a mapping's text; see `core.mapping.load`."""

check_text = partial(_check_text, common=_WORDS)
"""All that is wrong in a mapping's text; see `core.mapping.check_text`."""


@cache
def common_vocabularies() -> dict[str, Vocabulary]:
    """The vocabularies that every mapping may use, by name."""
    return load_vocabularies(_WORDS, file=str(_COMMON))
