"""A database that is set back while the tools have moved on: nothing is lost, and nothing is there twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.memory.tool import Habits
from core.flow.identity.joining import join
from core.flow.outward.reconcile import reconcile
from core.flow.restored.setting_back import set_back
from core.store import messages, restores
from core.store.copying import copy_to
from core.store.messages import Booked, State
from tests.support import EVERYTHING, Lab, people

DEALS = """
deals:
  as: deal
  fields:
    name: {field: name}
    amount: {field: amount}
    stage: {field: stage}
"""


def set_aside(lab: Lab) -> Path:
    """A copy of the database as it is now."""
    file = lab.settings.data / "copy.db"
    copy_to(lab.installation.store, file)
    return file


def bring_back(lab: Lab, file: Path) -> None:
    """Put the copy in the place of the database."""
    lab.installation.close()
    file.replace(lab.settings.data / "concord.db")
    for end in ("-wal", "-shm"):
        (lab.settings.data / f"concord.db{end}").unlink(missing_ok=True)
    set_back(lab.restart(), {"by": "test"})


def agree(lab: Lab) -> None:
    for name in lab.tools:
        assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0


def until_quiet(lab: Lab) -> None:
    lab.sync(until_quiet=True)
    assert lab.pending() == 0


def test_what_the_tools_did_since_stands_and_nobody_is_there_twice(lab: Lab):
    for name in ("a", "b", "c"):
        lab.tool(name, policy={"deletes_in": "propagate", "deletes_out": "propagate"}, brake={"deletes": "off"})
    for person in people(20):
        lab.tools["a"].create("contacts", person)
    until_quiet(lab)
    file = set_aside(lab)
    lab.wait(3600)
    # All of this is synced, and then forgotten.
    for person in people(10, start=20):
        lab.tools["b"].create("contacts", person)
    lab.tools["a"].edit("contacts", lab.find("a", email=people(1)[0]["email"]), job_title="Head")
    lab.tools["c"].delete("contacts", lab.find("c", email=people(1, start=5)[0]["email"]))
    until_quiet(lab)
    before = {name: {one["email"]: one for one in tool.all("contacts").values()} for name, tool in lab.tools.items()}
    # And this nobody has heard of yet.
    lab.tools["b"].edit("contacts", lab.find("b", email=people(1, start=3)[0]["email"]), job_title="Buyer")
    bring_back(lab, file)
    until_quiet(lab)
    agree(lab)
    for name, tool in lab.tools.items():
        held = [one["email"] for one in tool.all("contacts").values()]
        assert len(held) == len(set(held)) == 29
        assert set(held) == set(before[name])
        assert lab.held(name, lab.find(name, email=people(1)[0]["email"]))["job_title"] == "Head"
        assert lab.held(name, lab.find(name, email=people(1, start=3)[0]["email"]))["job_title"] == "Buyer"


def deal(name: str, amount: str) -> dict[str, Any]:
    return {"name": name, "amount": {"amount": amount, "currency": "GBP"}}


def names(lab: Lab, tool: str) -> list[str]:
    return sorted(str(one["name"]) for one in lab.tools[tool].all("deals").values())


def test_a_deal_that_was_copied_since_is_known_again_by_our_key(lab: Lab):
    for name in ("a", "b", "c"):
        lab.tool(name, mapping=DEALS, habits=Habits(shows_keys=True))
    lab.tools["a"].create("deals", deal("Roof", "100.00"))
    until_quiet(lab)
    file = set_aside(lab)
    lab.wait(3600)
    lab.tools["b"].create("deals", deal("Kitchen", "900.00"))
    lab.tools["a"].create("deals", deal("Garden", "40.00"))
    until_quiet(lab)
    bring_back(lab, file)
    until_quiet(lab)
    assert {name: names(lab, name) for name in lab.tools} == {name: ["Garden", "Kitchen", "Roof"] for name in lab.tools}
    agree(lab)
    assert not lab.reviews()
    with lab.hub.store.reading() as tx:
        restored = restores.latest(tx)
        assert restored is not None
        assert restored.stream_ids == ()
    lab.tools["b"].edit("deals", lab.find("b", "deals", name="Garden"), stage="won")
    lab.tools["c"].create("deals", deal("Garden", "40.00"))
    until_quiet(lab)
    # What is made later is somebody's second deal of that name.
    assert {name: names(lab, name).count("Garden") for name in lab.tools} == dict.fromkeys(lab.tools, 2)


@pytest.mark.parametrize("shown", [True, False])
def test_a_deal_that_cannot_be_told_for_certain_is_asked_about_and_not_doubled(lab: Lab, shown: bool):
    for name in ("a", "b"):
        lab.tool(name, mapping=DEALS, habits=Habits(shows_keys=shown))
    file = set_aside(lab)
    lab.wait(3600)
    lab.tools["a"].create("deals", deal("Garden", "40.00"))
    until_quiet(lab)
    if shown:
        # Somebody changes it before the hub hears of it.
        lab.tools["a"].edit("deals", lab.find("a", "deals"), amount=deal("", "55.00")["amount"])
    bring_back(lab, file)
    lab.sync(until_quiet=True)
    assert names(lab, "a") == names(lab, "b") == ["Garden"]
    asked = lab.reviews("ambiguous")
    assert len(asked) == len(lab.records("deal")) == 2
    join(lab.hub, *sorted(one.record_id for one in asked))
    until_quiet(lab)
    assert names(lab, "a") == names(lab, "b") == ["Garden"]
    assert not lab.reviews()
    agree(lab)


def test_numbers_that_keys_in_the_tools_still_name_are_not_given_again(lab: Lab):
    for name in ("a", "b"):
        lab.tool(name, mapping=DEALS, habits=Habits(shows_keys=True))
    file = set_aside(lab)
    lab.wait(3600)
    lab.tools["a"].create("deals", deal("Garden", "40.00"))
    until_quiet(lab)
    lab.tools["a"].delete("deals", lab.find("a", "deals", name="Garden"))
    lab.tools["a"].create("deals", deal("Roof", "70.00"))
    bring_back(lab, file)
    lab.sync(until_quiet=True)
    # The copy of what is deleted is not taken for the deal that came next.
    assert "Roof" in {one["name"] for one in lab.tools["b"].all("deals").values()}
    assert lab.held("b", lab.find("b", "deals", name="Garden"), "deals")["amount"] == deal("", "40.00")["amount"]


def test_nothing_is_written_before_everything_is_read(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING)
    lab.tools["a"].create("contacts", people(1)[0])
    until_quiet(lab)
    lab.tools["a"].edit("contacts", lab.find("a"), job_title="Waits")
    lab.turn("a")
    file = set_aside(lab)
    lab.tools["b"].down = True
    bring_back(lab, file)
    writes = lab.tools["b"].writes
    lab.sync()
    assert lab.tools["b"].writes == writes
    with lab.hub.store.reading() as tx:
        restored = restores.latest(tx)
        assert restored is not None
        assert restores.unread(tx, restored)
    lab.tools["b"].down = False
    until_quiet(lab)
    assert lab.held("b", lab.find("b"))["job_title"] == "Waits"


def test_a_mail_that_waited_is_looked_for_and_not_sent(lab: Lab):
    with lab.hub.store.writing() as tx:
        messages.book(tx, [Booked("ack 1", 1, "thanks", lab.clock(), lab.clock() + 10**12)])
    set_back(lab.hub, {"by": "test"})
    with lab.hub.store.reading() as tx:
        (found,) = messages.on_their_way(tx, after="", limit=10)
    assert found.state == State.SENDING
