"""Tools that are asked by call tell a hub on a real socket what happens: asked, tried, heard, moved and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.building import ConnectionSpec
from api.called import called
from api.checkup import check_connection
from api.engine import turn_crank
from connectors.google_calendar.sandbox import Sandbox as Calendar
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from connectors.stripe.sandbox import Sandbox as Stripe
from core.flow.inward.hearing import hear, rehear
from core.flow.inward.subscribing import subscribe
from core.model.instant import DAY, HOUR, SECOND
from core.ports import Request
from tests.api.conftest import Concord
from tests.api.hooked import MAPPINGS, served
from tests.support import Lab

HUB = "https://hub.shop.example"
NAMES = ("news", "money", "diary")
ANN = "ann@shore.example"


class Town:
    """A hub that is reached as `HUB`, and three tools that are told so by it alone; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self.lab = Lab(folder / "data", public_url=HUB)
        clock = self.lab.clock
        self.news: Mailchimp = self._stack.enter_context(Mailchimp(clock=clock))
        self.money: Stripe = self._stack.enter_context(Stripe(clock=clock))
        self.diary: Calendar = self._stack.enter_context(Calendar(clock=clock))
        self.url = self._stack.enter_context(served(self.lab.installation))
        self.news.answers = lambda request: self.send(request) == 200
        news, money, diary = self.news, self.money, self.diary
        self._connect("news", "mailchimp", api_key=news.api_key, url=news.url, audience=news.audience.id)
        self._connect("money", "stripe", api_key=money.api_key, url=money.url)
        self._connect(
            "diary", "google_calendar", client_id=diary.client_id, client_secret=diary.client_secret,
            refresh_token=diary.refresh_token, url=diary.url, token_url=f"{diary.url}/token",
        )  # fmt: skip

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.lab.close()

    def _connect(self, name: str, connector: str, **settings: Any) -> None:
        mapping = (MAPPINGS / f"{connector}.yaml").read_text(encoding="utf-8")
        self.lab.installation.put_connection(ConnectionSpec(name, connector, settings, mapping, f"{connector}.yaml"))
        self.lab.refreshed()

    def send(self, request: Request) -> int:
        """What the hub answers to a tool's request."""
        assert request.url.startswith(HUB)
        with httpx.Client() as client:
            url = request.url.replace(HUB, self.url, 1)
            return client.request(
                request.method, url, headers=dict(request.headers), content=request.body
            ).status_code  # fmt: skip

    def deliver(self) -> list[int]:
        """Send all that the tools have to tell; gives the answers."""
        return [self.send(one) for box in (self.news, self.money, self.diary) for one in box.take_events()]

    def round(self) -> int:
        return subscribe(self.lab.hub)

    def called(self) -> dict[str, list[str]]:
        """Whom the tools call, as they show it themselves."""
        return {
            "news": [one.url.partition("?")[0] for one in self.news.audience.hooks.values()],
            "money": [one["url"] for one in self.money.endpoints.values()],
            "diary": [one.address for one in self.diary.calendar.watches.values()],
        }

    def states(self) -> dict[str, str]:
        return {one.name: one.state for one in called(self.lab.installation)}

    def happens(self) -> None:
        """Somebody does something in each tool."""
        number = self.lab.clock()
        self.news.create({"email_address": f"s{number}@example.com", "FNAME": "Sam", "status": "subscribed"})
        self.money.create("customers", {"email": f"c{number}@example.com", "name": "Cora"})
        self.diary.create(
            {"summary": "Visit", "start": {"dateTime": "2026-12-01T09:00:00Z"},
             "end": {"dateTime": "2026-12-01T10:00:00Z"}}
        )  # fmt: skip

    def waiting(self) -> dict[str, int]:
        return {one.name: one.waiting for one in called(self.lab.installation)}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path) as made:
        yield made


def asked(town: Town) -> Town:
    """The tools were asked, and have nothing more to tell of that."""
    town.round()
    town.deliver()
    return town


def test_all_three_are_asked_in_one_round_and_heard(town: Town) -> None:
    assert town.states() == dict.fromkeys(NAMES, "not yet")
    assert town.round() == 3
    assert town.called() == {name: [f"{HUB}/hooks/{name}"] for name in NAMES}
    assert set(town.deliver()) == {200}, "what the tools try at once is answered"
    town.happens()
    assert set(town.deliver()) == {200}
    assert town.waiting() == dict.fromkeys(NAMES, 1)
    for name in NAMES:
        hear(town.lab.hub, town.lab.connection(name))
    assert town.waiting() == dict.fromkeys(NAMES, 0)
    assert town.round() == 0
    assert town.states() == dict.fromkeys(NAMES, "subscribed")


def test_the_engine_asks_in_its_round(town: Town) -> None:
    turn_crank(town.lab.installation, measured=False)
    assert town.called() == {name: [f"{HUB}/hooks/{name}"] for name in NAMES}


def test_a_channel_is_renewed_in_time_and_the_others_are_looked_at(town: Town) -> None:
    asked(town)
    (first,) = town.diary.calendar.watches
    for _ in range(16):
        town.lab.clock.sleep(DAY / SECOND / 2)
        town.round()
        assert {name: len(found) for name, found in town.called().items()} == dict.fromkeys(NAMES, 1)
    assert first not in town.diary.calendar.watches
    town.deliver()
    town.happens()
    assert set(town.deliver()) == {200}


def test_what_was_switched_off_or_deleted_is_mended(town: Town) -> None:
    asked(town)
    (endpoint,) = town.money.endpoints.values()
    endpoint["status"] = "disabled"
    town.news.audience.hooks.clear()
    town.lab.clock.sleep(7 * HOUR / SECOND)
    town.round()
    town.deliver()
    assert [one["status"] for one in town.money.endpoints.values()] == ["enabled"]
    town.happens()
    assert set(town.deliver()) == {200}
    assert town.waiting() == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_answer_leaves_one_that_is_heard(town: Town, name: str) -> None:
    getattr(town, name).mischief.once("lost_answer")
    town.round()
    town.lab.clock.sleep(60)
    town.round()
    town.deliver()
    assert town.called()[name] == [f"{HUB}/hooks/{name}"]
    town.happens()
    assert set(town.deliver()) == {200}
    assert town.waiting()[name] == 1


def test_a_lost_answer_to_mending_in_place_makes_nobody_deaf(town: Town) -> None:
    asked(town)
    (hook,) = town.news.audience.hooks.values()
    hook.events = {**hook.events, "cleaned": False}
    town.lab.clock.sleep(7 * HOUR / SECOND)
    town.news.mischief.once("lost_answer")
    for _ in range(30):
        town.lab.clock.sleep(600)
        town.round()
    town.deliver()
    assert town.called()["news"] == [f"{HUB}/hooks/news"]
    town.happens()
    assert set(town.deliver()) == {200}, "by the secret that stands in its address now"


def test_a_removed_connection_leaves_nothing_in_its_tool(town: Town) -> None:
    asked(town)
    town.lab.installation.change(removed=NAMES)
    town.lab.refreshed()
    assert town.states() == dict.fromkeys(NAMES, "leaving")
    town.round()
    assert town.called() == {name: [] for name in NAMES}
    assert town.states() == {}


def test_an_address_that_is_not_answered_is_told_with_what_to_do(town: Town) -> None:
    town.news.answers = lambda _request: False
    town.round()
    (news,) = [one for one in called(town.lab.installation) if one.name == "news"]
    assert news.state == "in trouble"
    assert "The URL is not valid" in news.trouble
    assert news.remedy
    checked = check_connection(town.lab.installation, "news")
    assert any("Polls alone find what is new: " in one["what"] for one in checked.findings)
    assert checked.ok, "polls find everything all the same"


def test_a_check_says_who_calls_and_who_is_only_polled(town: Town, tmp_path: Path) -> None:
    asked(town)
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "contacts.csv").write_text("id,email\n1,ann@shore.example\n", encoding="utf-8")
    mapping = "contacts:\n  as: contact\n  fields:\n    email: {field: email}\n"
    town.lab.installation.put_connection(
        ConnectionSpec("sheets", "csv", {"folder": str(tmp_path / "sheets")}, mapping, "sheets.yaml")
    )
    said = {
        name: [one["what"] for one in check_connection(town.lab.installation, name).findings]
        for name in ("money", "sheets")
    }
    assert any(one.startswith(f"The tool calls {HUB}/hooks/money, since ") for one in said["money"])
    assert any(one.startswith("Polls alone find what is new. A folder sends nothing") for one in said["sheets"])


def test_where_a_person_subscribes_they_are_told_what_to_enter(town: Town) -> None:
    with HubSpot(clock=town.lab.clock) as crm:
        town._connect("crm", "hubspot", url=crm.url, token="pat-na1-sandbox", client_secret=crm.client_secret)
        (found,) = [one for one in called(town.lab.installation) if one.name == "crm"]
    assert found.state == "by hand"
    assert f"{HUB}/hooks/crm" in found.remedy
    assert "client_secret" in found.remedy


def test_what_came_is_heard_again_from_a_moment_on(town: Town) -> None:
    asked(town)
    turn_crank(town.lab.installation, until_quiet=True, measured=False)
    town.deliver()
    connection, began = town.lab.connection("money"), town.lab.clock()
    hear(town.lab.hub, connection)
    id_ = town.money.create("customers", {"email": ANN, "name": "Ann"})
    town.deliver()
    hear(town.lab.hub, connection)
    # Changed without a word, and no poll has come by.
    town.money.customers[id_]["phone"] = "+442079460001"
    assert rehear(town.lab.hub, connection, town.lab.clock()) == 0
    assert rehear(town.lab.hub, connection, began) == 1
    hear(town.lab.hub, connection)
    assert town.lab.record(email=ANN).values["phone"] == "+442079460001"
    assert rehear(town.lab.hub, replace(connection, id=0), began) == 0


def test_the_command_hears_again_and_says_how_much(concord: Concord) -> None:
    concord("connect", "memory", "shop", "--yes")
    assert "Nothing that is kept" in concord("hooks", "replay", "2h").out
    assert concord("hooks", "replay", "2h", "shop", "--json").json == {"again": {"shop": 0}}
    assert concord("hooks", "replay", "never").code == 2
