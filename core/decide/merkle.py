"""A Merkle tree over a list that only grows, as RFC 6962 describes it: hashes, proofs, and checking them. Pure.

A leaf is `SHA-256(0x00 ‖ salt ‖ entry)`, a node `SHA-256(0x01 ‖ left ‖ right)`. The tree over n leaves is split at the
largest power of two below n, so what is complete never changes again. `Node` gives such complete nodes by level and
place; where they come from (a table, a list) is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

Node = Callable[[int, int], bytes]
"""(level, place) → hash of a complete node: the leaves `place << level` up to `(place + 1) << level`, not included."""

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""

_LEAF, _NODE = b"\x00", b"\x01"


def leaf(salt: bytes, entry: bytes) -> bytes:
    """The hash of an entry; without its salt nobody can guess the entry from it."""
    return sha256(_LEAF + salt + entry).digest()


def joined(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two."""
    return sha256(_NODE + left + right).digest()


class Tip:
    """The growing end of a tree: the roots of its complete parts, largest first."""

    def __init__(self, size: int = 0, node: Node | None = None) -> None:
        """The end of a tree of that many leaves; `node` is asked for its complete parts, `peaks(size)`."""
        self.size = size
        self._roots: list[bytes] = [node(level, place) for level, place in peaks(size)] if node else []

    def add(self, leaf_hash: bytes) -> list[tuple[int, int, bytes]]:
        """One more leaf; gives the complete nodes above it that it finished: (level, place, hash)."""
        place, level, finished = self.size, 0, []
        while place & 1:
            leaf_hash = joined(self._roots.pop(), leaf_hash)
            place, level = place >> 1, level + 1
            finished.append((level, place, leaf_hash))
        self._roots.append(leaf_hash)
        self.size += 1
        return finished

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self._roots:
            return EMPTY
        found = self._roots[-1]
        for one in reversed(self._roots[:-1]):
            found = joined(one, found)
        return found


def peaks(size: int) -> list[tuple[int, int]]:
    """(level, place) of the complete parts that make a tree of that size, largest first."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def subtree(node: Node, start: int, end: int) -> bytes:
    """The root over the leaves `start` up to `end`, not included; `start` lies where such a part may begin."""
    size = end - start
    if size == 0:
        return EMPTY
    level = size.bit_length() - 1
    if size == 1 << level:
        return node(level, start >> level)
    middle = start + _split(size)
    return joined(subtree(node, start, middle), subtree(node, middle, end))


def inclusion(node: Node, place: int, size: int) -> list[bytes]:
    """The proof that the leaf at `place` stands in the tree of `size` leaves: the hashes beside its way up."""
    return list(_inclusion(node, place, 0, size))


def _inclusion(node: Node, place: int, start: int, end: int) -> Iterator[bytes]:
    if end - start == 1:
        return
    middle = start + _split(end - start)
    if place < middle:
        yield from _inclusion(node, place, start, middle)
        yield subtree(node, middle, end)
    else:
        yield from _inclusion(node, place, middle, end)
        yield subtree(node, start, middle)


def is_included(leaf_hash: bytes, place: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the leaf to the root."""
    if not 0 <= place < size:
        return False
    rest, last, found = place, size - 1, leaf_hash
    for one in proof:
        if last == 0:
            return False
        if rest & 1 or rest == last:
            found = joined(one, found)
            while rest and not rest & 1:
                rest, last = rest >> 1, last >> 1
        else:
            found = joined(found, one)
        rest, last = rest >> 1, last >> 1
    return last == 0 and found == root


def consistency(node: Node, earlier: int, size: int) -> list[bytes]:
    """The proof that the tree of `size` leaves begins with the `earlier` ones, unchanged."""
    if not 0 < earlier < size:
        return []
    return list(_consistency(node, earlier, 0, size, whole=True))


def _consistency(node: Node, earlier: int, start: int, end: int, *, whole: bool) -> Iterator[bytes]:
    if earlier == end - start:
        if not whole:
            yield subtree(node, start, end)
        return
    half = _split(end - start)
    if earlier <= half:
        yield from _consistency(node, earlier, start, start + half, whole=whole)
        yield subtree(node, start + half, end)
    else:
        yield from _consistency(node, earlier - half, start + half, end, whole=False)
        yield subtree(node, start, start + half)


def is_consistent(earlier: int, size: int, proof: Sequence[bytes], earlier_root: bytes, root: bytes) -> bool:
    """Whether the proof shows that a tree only grew between two roots."""
    if earlier == size:
        return not proof and earlier_root == root
    if earlier == 0:
        return not proof and earlier_root == EMPTY
    if earlier > size or not proof:
        return False
    hashes = [earlier_root, *proof] if earlier & (earlier - 1) == 0 else list(proof)
    rest, last = earlier - 1, size - 1
    while rest & 1:
        rest, last = rest >> 1, last >> 1
    before = after = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return False
        if rest & 1 or rest == last:
            before, after = joined(one, before), joined(one, after)
            while rest and not rest & 1:
                rest, last = rest >> 1, last >> 1
        else:
            after = joined(after, one)
        rest, last = rest >> 1, last >> 1
    return last == 0 and before == earlier_root and after == root


def _split(size: int) -> int:
    """The largest power of two below a size above one."""
    return 1 << (size - 1).bit_length() - 1
