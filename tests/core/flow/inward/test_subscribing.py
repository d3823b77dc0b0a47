"""A connection's subscription: ordered, renewed, mended and taken away, and never doubled, whatever breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from connectors._kit.mischief import Switch
from connectors.memory.hooks import LONGEST
from connectors.memory.tool import Habits
from core.decide.subscribing import GRACE, LOOK_EVERY, TRIES, State
from core.errors import Refused
from core.flow.inward.hearing import hear, keep
from core.flow.inward.subscribing import subscribe
from core.model.instant import DAY, HOUR, MINUTE, SECOND
from core.ports import Order
from core.store import subscriptions, tables
from tests.support import Lab, count

HUB = "https://hub.shop.example"
ADDRESS = f"{HUB}/hooks/shop"
ANN = {"email": "ann@shore.example", "first_name": "Annabella"}
WEEK = 7 * DAY
KINDS = {
    "listed": Habits(),
    "unlisted": Habits(lists_hooks=False, hook_life=WEEK),
}


class Shop:
    """A hub with one tool that calls it."""

    def __init__(self, lab: Lab, habits: Habits) -> None:
        self.lab = lab
        self.tool = lab.tool("shop", habits=habits)

    def round(self) -> int:
        return subscribe(self.lab.hub)

    def rounds(self, hours: float, *, every: float = 0.25) -> None:
        """The engine's rounds of so many hours."""
        for _ in range(int(hours / every)):
            self.lab.clock.sleep(every * HOUR / SECOND)
            self.round()

    def calls(self) -> int:
        return sum(self.tool.calls[verb] for verb in ("subscriptions", "subscribe", "unsubscribe"))

    def states(self) -> list[str]:
        with self.lab.hub.store.reading() as tx:
            return [str(one.held.state) for one in subscriptions.of(tx, self.lab.connection("shop").id)]

    def trouble(self) -> list[str]:
        with self.lab.hub.store.reading() as tx:
            rows = subscriptions.every(tx)
        return [one.trouble["message"] for many in rows.values() for one in many if one.trouble]

    def living(self) -> list[str]:
        """The addresses that the tool calls now."""
        now = self.lab.clock()
        hooks = self.tool.hooks.values()
        return [one.address for one in hooks if not one.asleep and (one.ends_at is None or now < one.ends_at)]

    def heard(self) -> int:
        """A person edits Ann; gives how many of the requests about it were taken."""
        id_ = self.lab.find("shop", email=ANN["email"])
        self.tool.edit("contacts", id_, job_title=f"Baker {self.lab.clock()}")
        taken = [keep(self.lab.hub, self.lab.connection("shop"), one).events for one in self.tool.told("contacts", id_)]
        hear(self.lab.hub, self.lab.connection("shop"))
        return sum(taken)

    def move(self, public_url: str | None) -> None:
        """The hub is reached elsewhere from now on."""
        self.lab.settings = self.lab.settings.model_copy(update={"public_url": public_url})
        self.lab.restart()

    def remove(self) -> None:
        self.lab.installation.change(removed=["shop"])
        self.lab.refreshed()


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A hub that is reached from outside."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url, public_url=HUB) as made:
        yield made


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, lab: Lab) -> Shop:
    """Any kind of tool."""
    return Shop(lab, Habits(**vars(KINDS[request.param])))


@pytest.fixture
def listed(lab: Lab) -> Shop:
    """A tool that tells who is called."""
    return Shop(lab, Habits())


@pytest.fixture
def unlisted(lab: Lab) -> Shop:
    """A tool that does not, and forgets everybody after a week."""
    return Shop(lab, Habits(lists_hooks=False, hook_life=WEEK))


def with_ann(shop: Shop) -> Shop:
    shop.tool.create("contacts", ANN)
    shop.lab.settle()
    return shop


def test_what_is_missing_is_ordered_once_and_heard(shop: Shop) -> None:
    with_ann(shop)
    assert shop.round() == 1
    assert shop.living() == [ADDRESS]
    assert shop.heard() == 1
    assert shop.round() == 0


def test_nothing_due_costs_two_statements_and_no_call(shop: Shop) -> None:
    shop.lab.tool("crm")
    shop.round()
    calls, statements = shop.calls(), list[str]()

    def told(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = shop.lab.hub.store.engine
    event.listen(engine, "before_cursor_execute", told)
    assert shop.round() == 0
    event.remove(engine, "before_cursor_execute", told)
    assert len([one for one in statements if not one.startswith(("BEGIN", "COMMIT"))]) == 1
    assert shop.calls() == calls


def test_without_an_address_nothing_is_ordered_and_nothing_taken_away(shop: Shop) -> None:
    shop.move(None)
    assert shop.round() == 0
    assert (shop.living(), shop.calls()) == ([], 0)
    shop.move(HUB)
    shop.round()
    shop.move(None)
    assert shop.round() == 0
    assert shop.living() == [ADDRESS], "a shell without the setting is no reason to be deaf"


def test_one_that_ends_is_renewed_before_and_is_never_missing_or_two(unlisted: Shop) -> None:
    unlisted.round()
    for _ in range(4 * 30):
        unlisted.rounds(6, every=6)
        assert unlisted.living() == [ADDRESS]
    assert unlisted.tool.calls["subscribe"] == 6, "30 days hold five renewals, each a day before the end"


def test_both_are_believed_while_one_takes_the_others_place(unlisted: Shop) -> None:
    with_ann(unlisted)
    unlisted.round()
    (first,) = unlisted.tool.hooks.values()
    id_ = unlisted.lab.find("shop", email=ANN["email"])
    (under_way,) = unlisted.tool.told("contacts", id_)
    unlisted.lab.clock.sleep((WEEK - DAY) / SECOND)
    unlisted.round()
    assert first.id not in unlisted.tool.hooks
    connection = unlisted.lab.connection("shop")
    late = replace(under_way, received_at=under_way.received_at + MINUTE)
    assert keep(unlisted.lab.hub, connection, late).events == 1
    unlisted.lab.clock.sleep((GRACE + MINUTE) / SECOND)
    unlisted.round()
    with pytest.raises(Refused):
        keep(unlisted.lab.hub, connection, unlisted.tool.webhook("contacts", id_, secret=first.secret))
    assert unlisted.heard() == 1


def test_what_the_tool_switched_off_is_switched_on_again(listed: Shop) -> None:
    with_ann(listed)
    listed.round()
    (hook,) = listed.tool.hooks.values()
    hook.asleep = True
    listed.rounds(LOOK_EVERY / HOUR + 0.5)
    assert not hook.asleep
    assert list(listed.tool.hooks) == [hook.id]
    assert listed.heard() == 1


def test_what_a_person_deleted_is_ordered_again(listed: Shop) -> None:
    listed.round()
    listed.tool.hooks.clear()
    listed.rounds(LOOK_EVERY / HOUR + 0.5)
    assert listed.living() == [ADDRESS]


def test_a_hub_that_moved_is_called_at_its_new_address_alone(shop: Shop) -> None:
    with_ann(shop)
    shop.round()
    shop.move("https://elsewhere.example/")
    shop.round()
    assert shop.living() == ["https://elsewhere.example/hooks/shop"]
    assert shop.heard() == 1


def test_a_connection_that_was_declared_anew_is_asked_for_anew(unlisted: Shop) -> None:
    unlisted.round()
    (first,) = unlisted.tool.hooks
    unlisted.lab.tools.clear()
    unlisted.lab.tool("shop", habits=unlisted.tool.habits)
    unlisted.tool = unlisted.lab.tools["shop"]
    unlisted.round()
    assert unlisted.living() == [ADDRESS]
    assert first not in unlisted.tool.hooks


def test_one_that_ends_where_the_tool_lists_it_is_renewed_in_place(lab: Lab) -> None:
    shop = Shop(lab, Habits(hook_life=WEEK))
    shop.round()
    (first,) = shop.tool.hooks
    shop.rounds(24 * 8, every=2)
    assert list(shop.tool.hooks) == [first]
    assert shop.living() == [ADDRESS]


def test_a_move_that_failed_and_was_taken_back_leaves_nothing_to_do(shop: Shop) -> None:
    shop.round()
    for trouble in (Switch.LOST_ANSWER, Switch.UNAVAILABLE):
        shop.move("https://elsewhere.example")
        shop.tool.mischief.once(trouble)
        shop.round()
        shop.move(HUB)
        shop.round()
        assert shop.living() == [ADDRESS]
        assert shop.round() == 0
    shop.rounds(1)
    assert shop.trouble() == []


def test_a_tool_that_is_down_is_not_asked_at_each_turn(shop: Shop) -> None:
    shop.round()
    shop.move("https://elsewhere.example")
    shop.tool.down = True
    calls = shop.calls()
    shop.rounds(1, every=0.01)
    assert shop.calls() - calls < 20, "of a hundred turns"
    shop.tool.down = False
    shop.rounds(1)
    assert shop.living() == ["https://elsewhere.example/hooks/shop"]


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_a_lost_answer_does_not_double(shop: Shop, lost: int) -> None:
    with_ann(shop)
    shop.tool.mischief.once(Switch.LOST_ANSWER, lost)
    shop.rounds(6)
    assert shop.living() == [ADDRESS]
    assert shop.heard() == 1
    assert shop.states().count(State.LIVE) == 1
    assert shop.trouble() == []


def test_a_lost_answer_while_renewing_does_not_double(unlisted: Shop) -> None:
    unlisted.round()
    unlisted.lab.clock.sleep((WEEK - DAY) / SECOND)
    unlisted.tool.mischief.once(Switch.LOST_ANSWER, 2)
    unlisted.rounds(3)
    assert unlisted.living() == [ADDRESS]


class Killed(BaseException):
    """The process is gone."""


def deaths(lab: Lab, at: int) -> None:
    """Kill the process at its n-th commit from now on."""
    left = [at]

    def on_commit(_connection: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    event.listen(lab.hub.store.engine, "commit", on_commit)


@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_at_any_commit_does_not_double(shop: Shop, at: int) -> None:
    with_ann(shop)
    deaths(shop.lab, at)
    with suppress(Killed):
        shop.round()
    shop.lab.restart()
    shop.rounds(1)
    assert shop.living() == [ADDRESS]
    assert shop.heard() == 1
    assert shop.states().count(State.LIVE) == 1


@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_while_it_is_renewed_does_not_double(unlisted: Shop, at: int) -> None:
    with_ann(unlisted)
    unlisted.round()
    unlisted.lab.clock.sleep((WEEK - DAY) / SECOND)
    deaths(unlisted.lab, at)
    with suppress(Killed):
        unlisted.round()
    unlisted.lab.restart()
    unlisted.rounds(1)
    assert unlisted.living() == [ADDRESS]
    assert unlisted.heard() == 1


def test_one_that_a_person_made_for_our_address_is_taken_over(listed: Shop) -> None:
    listed.lab.hub.open("shop").subscribe(Order(ADDRESS, "by-hand", "x"))
    listed.round()
    assert listed.living() == [ADDRESS]
    assert listed.states().count(State.LIVE) == 1


def test_what_another_hub_asked_for_is_left_alone(listed: Shop) -> None:
    listed.lab.hub.open("shop").subscribe(Order("https://staging.example/hooks/shop", "theirs", "x"))
    listed.round()
    assert sorted(listed.living()) == [ADDRESS, "https://staging.example/hooks/shop"]
    listed.remove()
    listed.round()
    assert listed.living() == ["https://staging.example/hooks/shop"]


def test_it_goes_with_its_connection(shop: Shop) -> None:
    shop.round()
    shop.remove()
    shop.round()
    assert shop.living() == []
    calls = shop.calls()
    shop.rounds(24)
    assert shop.calls() == calls
    with shop.lab.hub.store.reading() as tx:
        assert count(tx, "subscription") == 0


def test_it_goes_with_its_connection_although_nobody_knows_whether_it_is_there(listed: Shop) -> None:
    listed.tool.mischief.once(Switch.LOST_ANSWER)
    listed.round()
    listed.remove()
    listed.round()
    assert listed.living() == []


def test_a_tool_that_is_down_is_asked_again_and_then_left_to_a_person(listed: Shop) -> None:
    listed.round()
    listed.remove()
    listed.tool.down = True
    listed.rounds(24)
    assert listed.calls() < 2 * TRIES + 2
    assert listed.trouble() == ["The tool does not answer."]
    listed.tool.down = False
    calls = listed.calls()
    listed.rounds(24)
    assert listed.calls() == calls


def test_a_missing_permission_is_told_and_the_connection_goes_on(shop: Shop) -> None:
    shop.tool.forbidden.add("setup")
    shop.rounds(13)
    assert shop.calls() <= 3, "what a person must mend is tried a few times a day"
    assert shop.trouble() == ["The account may not use setup."]
    assert shop.states() == [State.FAILED]
    assert shop.lab.connection("shop").state == "active"
    with_ann(shop)
    shop.tool.forbidden.clear()
    shop.rounds(LOOK_EVERY / HOUR + 0.5)
    assert (shop.living(), shop.trouble()) == ([ADDRESS], [])


def test_what_the_tool_refuses_is_told_in_its_words(lab: Lab) -> None:
    shop = Shop(lab, Habits())
    shop.move(f"https://{'x' * LONGEST}.example")
    shop.rounds(1)
    assert shop.trouble() == [f"An address has {LONGEST} letters at most."]
    shop.move(HUB)
    shop.round()
    assert (shop.living(), shop.trouble()) == ([ADDRESS], [])


def test_a_connection_whose_sign_in_ended_pauses_and_is_seen_to_when_it_goes_on(listed: Shop) -> None:
    listed.tool.habits.token = "another"
    listed.round()
    listed.lab.refreshed()
    assert listed.lab.connection("shop").state == "paused"
    calls = listed.calls()
    listed.rounds(12)
    assert listed.calls() == calls
    listed.tool.habits.token = None
    listed.lab.installation.resume("shop")
    listed.lab.refreshed()
    listed.round()
    assert listed.living() == [ADDRESS]


def test_its_secret_stands_nowhere_in_clear(shop: Shop) -> None:
    shop.round()
    (hook,) = shop.tool.hooks.values()
    with shop.lab.hub.store.reading() as tx:
        rows = str([tuple(row) for row in tx.execute(tables.subscription.select())])
        held = str(subscriptions.every(tx))
    assert hook.secret
    assert hook.secret not in rows + held
