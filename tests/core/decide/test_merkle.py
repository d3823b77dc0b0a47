"""The tree of the consent ledger: proofs hold for what is there, and for nothing else."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from core.decide import merkle

LEAVES = [merkle.leaf(b"salt", str(number).encode()) for number in range(300)]


def node(level: int, place: int) -> bytes:
    """From the definition, for sizes that are whole."""
    if level == 0:
        return LEAVES[place]
    return merkle.joined(node(level - 1, 2 * place), node(level - 1, 2 * place + 1))


def naive(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 §2.1 words it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


sizes = st.integers(1, 300)


def test_known_answers_of_the_rfc():
    # The test vectors that Certificate Transparency's reference code checks (no salt).
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tip = merkle.Tip()
    roots = []
    for one in inputs:
        tip.add(merkle.leaf(b"", bytes.fromhex(one)))
        roots.append(tip.root().hex())
    assert roots[0] == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert roots[1] == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert roots[7] == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(sizes)
def test_a_tip_grows_to_the_root_of_the_definition(size: int):
    tip = merkle.Tip()
    finished = [one for leaf in LEAVES[:size] for one in tip.add(leaf)]
    assert tip.root() == naive(LEAVES[:size])
    assert all(hash_ == node(level, place) for level, place, hash_ in finished)
    again = merkle.Tip(size, node)
    assert again.root() == tip.root()


@given(sizes, st.data())
def test_a_leaf_is_proven_at_its_own_place_only(size: int, data: st.DataObject):
    place = data.draw(st.integers(0, size - 1))
    root, proof = naive(LEAVES[:size]), merkle.inclusion(node, place, size)
    assert merkle.is_included(LEAVES[place], place, size, proof, root)
    other = data.draw(st.integers(0, 299).filter(lambda one: one != place))
    assert not merkle.is_included(LEAVES[other], place, size, proof, root)
    assert not merkle.is_included(LEAVES[place], other, size, proof, root)
    assert not merkle.is_included(LEAVES[place], place, size, [*proof, root], root)
    assert not merkle.is_included(LEAVES[place], place, size, proof, EDITED)
    if proof:
        assert not merkle.is_included(LEAVES[place], place, size, proof[:-1], root)


EDITED = merkle.leaf(b"salt", b"another")


@given(sizes, st.data())
def test_growth_is_proven_and_nothing_else_is(size: int, data: st.DataObject):
    earlier = data.draw(st.integers(0, size))
    before, after = naive(LEAVES[:earlier]), naive(LEAVES[:size])
    proof = merkle.consistency(node, earlier, size)
    assert merkle.is_consistent(earlier, size, proof, before, after)
    if 0 < earlier < size:
        rewritten = [EDITED, *LEAVES[1:earlier]]
        assert not merkle.is_consistent(earlier, size, proof, naive(rewritten), after)
        assert not merkle.is_consistent(earlier, size, proof, before, naive([EDITED, *LEAVES[1:size]]))
        assert not merkle.is_consistent(size, earlier, proof, after, before)
        assert not merkle.is_consistent(earlier, size, [*proof, before], before, after)
