"""Topics as an admin says them: `topics` in the configuration.

news: Our monthly letter                                  # on every channel
offers: {doc: Reduced prices, channels: [email, sms]}
"""

from __future__ import annotations

import re

from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.shapes import Topic
from core.model.shapes.contact import CHANNELS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_WORDS = ("doc", "channels")


def load_topics(text: str, *, file: str) -> tuple[Topic, ...]:
    """The topics in a text; `MappingError` with everything that is wrong in it."""
    if not text.strip():
        return ()
    source = Source(file, text)
    root = source.tree()
    found = read_topics(root, source) if root is not None else ()
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_topics(root: Node, source: Source) -> tuple[Topic, ...]:
    """The topics in their order; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return ()
    if not root.is_map:
        source.problem(
            root.place, "`topics` is not a map.", found=root.told(), expected="`name: what it is about` lines"
        )
        return ()
    return tuple(found for line in root.entries if (found := _topic(line, source)) is not None)


def _topic(line: Entry, source: Source) -> Topic | None:
    name = str(line.key)
    if not _NAME.fullmatch(name):
        expected = "small letters, digits and underscores, a letter first"
        source.problem(line.place, f"`{name}` cannot be a topic's name.", expected=expected)
        return None
    if not line.node.is_map:
        doc = _doc(line, source)
        return Topic(name, doc) if doc else None
    for one in line.node.entries:
        if one.key not in _WORDS:
            remedy = did_you_mean(one.key, _WORDS) or "Leave it out."
            source.problem(one.place, f"`{one.key}` is not a word of a topic.", expected=one_of(_WORDS), remedy=remedy)
    said = line.node.value
    if "doc" not in said:
        source.problem(line.place, f"The topic `{name}` does not say what it is about.", remedy="Add `doc: …`.")
        return None
    doc, channels = _doc(said["doc"], source), tuple(CHANNELS)
    if "channels" in said:
        channels = _channels(said["channels"], source)
    return Topic(name, doc, channels) if doc and channels else None


def _doc(line: Entry, source: Source) -> str:
    said = line.node.value
    if isinstance(said, str) and said.strip():
        return said.strip()
    expected = "a few words on what it is about"
    source.problem(
        line.node.place, f"`{line.key}` has a value it cannot have.", found=line.node.told(), expected=expected
    )
    return ""


def _channels(line: Entry, source: Source) -> tuple[str, ...]:
    said = line.node.plain()
    found = tuple(dict.fromkeys(str(one) for one in said)) if isinstance(said, list) else ()
    if found and all(one in CHANNELS for one in found):
        return found
    wrong = next((one for one in found if one not in CHANNELS), "")
    source.problem(
        line.node.place, "`channels` has a value it cannot have.", found=line.node.told(),
        expected=f"a list of {one_of(CHANNELS)}", remedy=did_you_mean(wrong, CHANNELS) or "Write `channels: [email]`.",
    )  # fmt: skip
    return ()
