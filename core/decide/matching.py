"""What an admin says about matching: `match` in the configuration, read over the block lists that come with the hub.

    emails: [lab@*, "*@internal.example"]    # more that nobody is known by
    phones: ["+440000*"]
    domains: [shared-host.example]
    allow: [info@smith.example, x.com]       # what counts all the same
    cap: 10                                  # a key that more records have in common matches nothing
    tiers:                                   # join, ask or ignore; what is not named joins
      company: {named: ask, weak: ignore}

A tier that joins still asks wherever something speaks against it (`core.decide.match`).
"""

from __future__ import annotations

from typing import Any

from core.decide.blocks import Blocks, extended
from core.decide.keys import PROVING, TIERS
from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source

WORDS = ("ignore", "ask", "join")
"""What a match by a tier may do, from the least to the most."""
_LISTS = ("emails", "phones", "domains", "allow")
_TOP = (*_LISTS, "cap", "tiers")


def load_matching(text: str, blocks: Blocks, *, file: str) -> Blocks:
    """The block lists with what a text says over them; `MappingError` with everything that is wrong in it."""
    if not text.strip():
        return blocks
    source = Source(file, text)
    root = source.tree()
    said = read_matching(root, source) if root is not None else {}
    if source.problems:
        raise MappingError(source.problems)
    return extended(blocks, **said)


def read_matching(root: Node, source: Source) -> dict[str, Any]:
    """What `extended` takes; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return {}
    if not root.is_map:
        source.problem(root.place, "`match` is not a map.", found=root.told(), expected="`key: value` lines")
        return {}
    _known(root, _TOP, "`match`", source)
    said: dict[str, Any] = {}
    for line in root.entries:
        if line.key in _LISTS:
            said[str(line.key)] = _patterns(line, source)
        elif line.key == "cap":
            said["cap"] = _cap(line, source)
        elif line.key == "tiers":
            said["tiers"] = _tiers(line, source)
    return said


def _patterns(line: Entry, source: Source) -> list[str]:
    found = line.node.plain()
    texts = found if isinstance(found, list) else [found] if found is not None else []
    if line.node.value is None:
        return []
    if not line.node.is_list or not all(isinstance(one, str) and one.strip() for one in texts):
        _unfit(line, source, "a list of texts; `*` stands for anything", f"Write `{line.key}: [one, another]`.")
        return []
    return [str(one).strip().lower() for one in texts]


def _cap(line: Entry, source: Source) -> int | None:
    found = line.node.value
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        _unfit(line, source, "a whole number, at least 1", "Write `cap: 20`.")
        return None
    return found


def _tiers(line: Entry, source: Source) -> dict[tuple[str, str], str]:
    if not line.node.is_map:
        _unfit(line, source, "kinds with their tiers", "Write `tiers: {company: {named: ask}}`.")
        return {}
    _known(line.node, tuple(PROVING), "`tiers`", source)
    found = {}
    for kind in (one for one in line.node.entries if one.key in PROVING):
        if not kind.node.is_map:
            _unfit(kind, source, f"tiers: {one_of(TIERS)}", "Write `{named: ask}`.")
            continue
        _known(kind.node, TIERS, f"the tiers of {kind.key}", source)
        for one in kind.node.entries:
            word = one.node.plain()
            if word not in WORDS:
                _unfit(one, source, one_of(WORDS), did_you_mean(word, WORDS) or "Choose one of these.")
            elif one.key in TIERS:
                found[str(kind.key), str(one.key)] = str(word)
    return found


def _known(node: Node, words: tuple[str, ...], where: str, source: Source) -> None:
    for one in node.entries:
        if one.key not in words:
            remedy = did_you_mean(one.key, words) or "Leave it out."
            source.problem(one.place, f"`{one.key}` is not a word of {where}.", expected=one_of(words), remedy=remedy)


def _unfit(line: Entry, source: Source, expected: str, remedy: str) -> None:
    said = f"`{line.key}` has a value it cannot have."
    source.problem(line.node.place, said, found=line.node.told(), expected=expected, remedy=remedy)
