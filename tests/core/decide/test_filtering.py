"""What follows from a filter: the table of policies, what passes all the same, and who has left at all."""

from __future__ import annotations

from typing import Any

import pytest

from core.decide.existence import tidied
from core.decide.filtering import Past, Verdict, has_left, outward, refusals, stays_inside
from core.model.values import Values


@pytest.mark.parametrize(
    ("policy", "fits", "cut", "can_delete", "verdict"),
    [
        ("keep", True, False, True, None),
        ("keep", False, False, True, Verdict("leave")),
        ("unlink", True, False, True, None),
        ("unlink", False, False, True, Verdict("cut")),
        ("unlink", False, True, True, Verdict("leave")),
        ("unlink", True, True, True, Verdict("tie")),
        ("archive", False, False, True, Verdict("delete")),
        ("archive", False, False, False, Verdict("cut", ask=True)),
        ("archive", False, True, False, Verdict("leave")),
        ("archive", True, True, False, Verdict("tie")),
        # The policy was changed after the record had been cut off.
        ("keep", False, True, True, Verdict("tie")),
        ("archive", False, True, True, Verdict("delete")),
    ],
)
def test_what_follows_for_a_record_that_a_tool_holds(
    policy: Any, fits: bool, cut: bool, can_delete: bool, verdict: Verdict | None
):
    assert outward(policy, fits=fits, cut=cut, can_delete=can_delete) == verdict


@pytest.mark.parametrize(
    ("policy", "fits", "ours", "inside"),
    [
        ("keep", True, False, True),
        ("keep", False, False, False),
        ("keep", False, True, True),
        ("unlink", True, True, True),
        ("unlink", False, True, False),
        ("unlink", False, False, False),
    ],
)
def test_who_may_speak(policy: Any, fits: bool, ours: bool, inside: bool):
    assert stays_inside(policy, fits=fits, ours=ours) is inside


@pytest.mark.parametrize(
    ("wanted", "held", "told"),
    [
        ("denied", "granted", True),
        ("denied", None, True),
        ("suppressed", "granted", True),
        ("denied", "denied", False),
        ("granted", "denied", False),
        ("granted", None, False),
        (None, "granted", False),
    ],
)
def test_only_what_is_narrower_passes(wanted: str | None, held: str | None, told: bool):
    values = {"consent.email": wanted, "first_name": "Ann"}
    assert refusals(values, {"consent.email": held, "first_name": "Anna"}) == (["consent.email"] if told else [])


def vip(values: Values) -> bool:
    return bool(values.get("job_title") == "Chair")


SEEN, TITLE = Past({}, first=True), "job_title"


@pytest.mark.parametrize(
    ("past", "left"),
    [
        # The tool held it by itself, and it never fitted.
        ([SEEN], False),
        ([Past({TITLE: ["Cook", "Clerk"]}, first=False), SEEN], False),
        # It fitted once, or when it was first seen.
        ([Past({TITLE: ["Chair", "Clerk"]}, first=False), SEEN], True),
        ([Past({TITLE: ["Cook", "Clerk"]}, False), Past({TITLE: ["Chair", "Cook"]}, False), SEEN], True),
        # It did so before the tool held it, which is nothing that it left.
        ([SEEN, Past({TITLE: ["Chair", "Clerk"]}, first=False)], False),
        # Nobody showed it to us: we made it there.
        ([], True),
        ([Past({"first_name": [None, "Ann"]}, first=False)], True),
    ],
)
def test_what_never_fitted_has_not_left(past: list[Past], left: bool):
    assert has_left(vip, {TITLE: "Clerk"}, past) is left


def test_who_tidies_up_what_is_left_out_deletes_nobody():
    assert tidied(fits=False)[:2] == ("stays", "released")
    assert tidied(fits=True)[:2] == ("stays", "kept")
