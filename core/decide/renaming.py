"""Renaming: of fields that went from a tool, and of those that came, which may be the same under another name?

A guess for people, with its reason; nothing is done because of it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from core.ports import FieldInfo

ALIKE = 0.75
"""Names that share so much of their letters are alike."""

_SAME_LABEL = 2.0


def renamed(gone: Sequence[FieldInfo], come: Sequence[FieldInfo]) -> dict[str, tuple[FieldInfo, str]]:
    """Old name → the new field and why it looks the same; each field once, the likeliest pairs first."""
    pairs = [(*_likeness(old, new), old, new) for old in gone for new in come if old.type == new.type]
    found: dict[str, tuple[FieldInfo, str]] = {}
    taken: set[str] = set()
    for rank, reason, old, new in sorted(pairs, key=lambda pair: -pair[0]):
        if rank and old.name not in found and new.name not in taken:
            found[old.name] = (new, reason)
            taken.add(new.name)
    return found


def _likeness(old: FieldInfo, new: FieldInfo) -> tuple[float, str]:
    """How much two fields of one type look the same, 0 for not at all, and in what."""
    if old.label and old.label.casefold() == new.label.casefold():
        return _SAME_LABEL, f"both are labelled “{new.label}” and of the type {new.type}"
    ours, theirs = (re.findall(r"[a-z]{2,}|\d+", one.name.lower()) for one in (old, new))
    if not ours or not theirs:
        return 0.0, ""
    ratio = difflib.SequenceMatcher(None, "".join(ours), "".join(theirs)).ratio()
    if set(ours) <= set(theirs) or set(theirs) <= set(ours) or ratio >= ALIKE:
        return ratio, f"their names are alike, and both are of the type {new.type}"
    return 0.0, ""
