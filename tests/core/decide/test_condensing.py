"""Condensed history comes to the same: whoever folds it finds the same claims, and the same before and after."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.decide.condensing import Told, condense
from core.flow.undo.replay import Tale, tell
from core.model.claim import Claim, Claims, Evidence, Stamp

FIELDS = ("phone", "job_title", "tags")
WHATS = ("heard", "heard", "heard", "heard", "seen", "gone", "mapped", "merged", "undone")


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """A record's history, as the trips write it: each entry says what stood before and after."""
    stands: dict[str, Any] = {}
    entries = []
    for id_ in range(1, draw(st.integers(0, 12)) + 1):
        what = draw(st.sampled_from(WHATS if draw(st.booleans()) else ("heard",)))
        names = draw(st.lists(st.sampled_from(FIELDS), unique=True, max_size=3))
        stamp = Stamp(id_, id_, Evidence.MODIFIED, False)
        claims = {name: Claim(draw(st.integers(0, 3)), stamp) for name in names}
        delta: dict[str, Any] = Claims.of(claims).to_json()
        changed = {name: [stands.get(name), one.value] for name, one in claims.items() if stands.get(name) != one.value}
        stands |= {name: one.value for name, one in claims.items()}
        if changed:
            delta["set"] = changed
        if what == "undone":
            delta = {"run": 1}
        if what == "merged":
            delta["into"], delta["state"] = 9, [0, 2]
        binding = draw(st.sampled_from((7, 8))) if what not in ("merged", "undone") else None
        entries.append(Told(id_, 1, id_ * 10, binding, what, delta))
    return entries


def condensed(entries: list[Told], before: int) -> list[Told]:
    found = {one.id: one for one in condense(entries, before)}
    gone = {id_ for one in found.values() for id_ in one.gone}
    return [
        one._replace(delta=found[one.id].delta) if one.id in found else one for one in entries if one.id not in gone
    ]


def spoken(entries: list[Told]) -> dict[int, Any]:
    tales = [Tale(one.record_id, one.at, 1, one.binding_id, one.what, one.delta) for one in entries]
    told = tell(tales, without=set(), strict=frozenset())
    return {id_: (dict(one.claims), one.retired, one.record_id) for id_, one in told.spoken.items()}


def walked_back(entries: list[Told]) -> dict[str, Any]:
    """What stood at the beginning, by what each entry says was before."""
    stands: dict[str, Any] = {}
    for one in reversed(entries):
        stands |= {name: pair[0] for name, pair in one.delta.get("set", {}).items()}
    return stands


@given(histories(), st.integers(0, 140))
def test_it_comes_to_the_same(entries: list[Told], before: int):
    after = condensed(entries, before)
    assert spoken(after) == spoken(entries)
    was, now = walked_back(entries), walked_back(after)
    assert {name: value for name, value in was.items() if name in now} == now
    assert [one for one in after if one.at >= before] == [one for one in entries if one.at >= before]


@given(histories(), st.integers(0, 140))
def test_twice_is_once(entries: list[Told], before: int):
    after = condensed(entries, before)
    assert condense(after, before) == []


@given(histories(), st.integers(0, 140))
def test_only_plain_edits_go(entries: list[Told], before: int):
    kept = {one.id for one in condensed(entries, before)}
    assert all(one.what == "heard" and one.at < before for one in entries if one.id not in kept)
    if any(one.what == "undone" for one in entries):
        assert len(kept) == len(entries)


def test_edits_in_a_row_are_one_and_others_between_them_keep_them_apart():
    def edit(id_: int, binding: int, before: str, after: str) -> Told:
        claims = Claims.of({"phone": Claim(after, Stamp(id_, id_, Evidence.MODIFIED, False))})
        return Told(id_, 1, id_, binding, "heard", {**claims.to_json(), "set": {"phone": [before, after]}})

    row = [edit(1, 7, "a", "b"), edit(2, 7, "b", "c"), edit(3, 8, "c", "d"), edit(4, 7, "d", "e")]
    (one,) = condense(row, 100)
    assert (one.id, one.gone, one.delta["set"]) == (2, (1,), {"phone": ["a", "c"]})
