"""What stands, what is due and what is to go, as values alone."""

from __future__ import annotations

from typing import Any

import pytest

from core.decide.subscribing import (
    EARLY,
    LOOK_EVERY,
    Held,
    State,
    due_next,
    is_due,
    patience,
    renewed_at,
    surveyed,
)
from core.errors import Forbidden, Refused, Throttled, Unavailable, Unknown
from core.model.instant import DAY, HOUR, SECOND
from core.ports import Secrets, Subscription

HERE, THERE = "https://hub.example/hooks/shop", "https://old.example/hooks/shop"
NOW = 100 * DAY


def held(id_: int = 1, state: State = State.LIVE, **more: Any) -> Held:
    values: dict[str, Any] = {
        "id": id_, "key": f"key-{id_}", "state": state, "address": HERE, "kept": {}, "since": NOW - HOUR,
        "remote_id": None if state in (State.ORDERED, State.FAILED) else f"hook-{id_}",
        "ends_at": None, "due_at": NOW + HOUR, "renew": False, "attempts": 0,
    }  # fmt: skip
    return Held(**(values | more))


@pytest.mark.parametrize(
    ("orders", "due"),
    [
        ([], True),
        ([held()], False),
        ([held(due_at=None)], False),
        ([held(due_at=NOW)], True),
        ([held(address=THERE)], True),
        ([held(address=THERE, attempts=1)], False),
        ([held(address=THERE, attempts=1, due_at=NOW)], True),
        ([held(state=State.FAILED, attempts=3)], False),
        ([held(state=State.FAILED, attempts=3, address=THERE)], True),
        ([held(state=State.ORDERED)], False),
        ([held(), held(2, State.LEAVING, due_at=NOW)], True),
        ([held(), held(2, State.LEAVING, due_at=None)], False),
        ([held(), held(2, State.ENDED, due_at=NOW)], False),
        ([held(state=State.ENDED)], True),
    ],
)
def test_what_is_due(orders: list[Held], due: bool) -> None:
    assert is_due(orders, HERE, NOW) == due


def shown(id_: str, address: str = HERE, **more: Any) -> Subscription:
    return Subscription(id_, address, **more)


def test_what_is_known_stands_with_its_secrets_and_what_was_kept() -> None:
    secrets = Secrets(told="s")
    seen = surveyed([held(secrets=secrets, kept={"a": 1})], [shown("other", "x"), shown("hook-1")], HERE, NOW)
    assert seen.stands is not None
    assert (seen.stands.id, seen.stands.secrets, seen.stands.kept) == ("hook-1", secrets, {"a": 1})
    assert (seen.sound, seen.unknown, seen.gone) == (True, [], [])


@pytest.mark.parametrize(
    "listed", [shown("hook-1", fault="is switched off"), shown("hook-1", THERE), shown("hook-1", ends_at=NOW + 1)]
)
def test_what_is_not_as_wanted_stands_and_is_not_sound(listed: Subscription) -> None:
    seen = surveyed([held()], [listed], HERE, NOW)
    assert seen.stands is not None
    assert not seen.sound


def test_one_that_is_to_be_ordered_anew_is_not_sound() -> None:
    assert not surveyed([held(renew=True)], [shown("hook-1")], HERE, NOW).sound


def test_one_that_is_gone_from_the_list_does_not_stand() -> None:
    seen = surveyed([held()], [shown("other", "x")], HERE, NOW)
    assert (seen.stands, list(seen.gone)) == (None, [1])


@pytest.mark.parametrize("address", [HERE, THERE])
def test_a_lost_order_is_found_by_its_address(address: str) -> None:
    seen = surveyed([held(state=State.ORDERED, address=address)], [shown("made", address)], HERE, NOW)
    assert seen.stands is not None
    assert (seen.stands.id, seen.sound) == ("made", False)


def test_what_is_known_is_kept_rather_than_what_was_found() -> None:
    seen = surveyed([held()], [shown("lost"), shown("hook-1")], HERE, NOW)
    assert seen.stands is not None
    assert (seen.stands.id, seen.sound) == ("hook-1", True)
    assert [one.id for one in seen.unknown] == ["lost"]


@pytest.mark.parametrize("listed", [None, [shown("hook-1")]])
def test_beside_an_order_without_an_answer_nothing_is_sound(listed: list[Subscription] | None) -> None:
    seen = surveyed([held(), held(2, State.ORDERED)], listed, HERE, NOW)
    assert seen.stands is not None
    assert not seen.sound, "it may have been mended in place, and have another secret now"


def test_another_hubs_is_not_ours() -> None:
    assert surveyed([], [shown("theirs", "https://staging.example/hooks/shop")], HERE, NOW).stands is None


def test_where_nothing_is_listed_our_own_word_counts_until_its_end() -> None:
    assert surveyed([held(ends_at=NOW + 7 * DAY)], None, HERE, NOW).sound
    over = surveyed([held(ends_at=NOW)], None, HERE, NOW)
    assert (over.stands, list(over.gone)) == (None, [1])
    lost = surveyed([held(state=State.ORDERED)], None, HERE, NOW)
    assert (lost.stands, list(lost.gone)) == (None, []), "it may be there, and is taken away later"


def test_without_an_address_nothing_stands() -> None:
    seen = surveyed([held()], [shown("hook-1"), shown("lost", HERE)], None, NOW)
    assert (seen.stands, list(seen.gone)) == (None, [])
    found = surveyed([held(state=State.ORDERED)], [shown("lost", HERE)], None, NOW)
    assert [one.id for one in found.unknown] == ["lost"]


def test_a_lost_one_goes_by_its_key_and_is_kept_like_the_one_in_its_place() -> None:
    lost = held(state=State.ORDERED).subscription(shown("new", kept={"resource": "r"}))
    assert (lost.id, lost.kept) == ("key-1", {"resource": "r"})


def test_times() -> None:
    assert renewed_at(NOW, None) is None
    assert renewed_at(NOW, NOW + 7 * DAY) == NOW + 7 * DAY - EARLY
    assert renewed_at(NOW, NOW + 2 * HOUR) == NOW + 2 * HOUR - HOUR // 2
    assert due_next(NOW, None, NOW, listed=False) is None
    assert due_next(NOW, None, NOW, listed=True) == NOW + LOOK_EVERY
    assert due_next(NOW, NOW + 7 * DAY, NOW, listed=True) == NOW + LOOK_EVERY


def test_patience() -> None:
    assert patience(Throttled("wait", wait=30), 5) == 30 * SECOND
    assert patience(Unavailable("down"), 0) < patience(Unavailable("down"), 5) <= HOUR
    assert patience(Unknown("lost"), 0) <= 2 * SECOND
    assert patience(Forbidden("no"), 0) == patience(Refused("no"), 7) == LOOK_EVERY
