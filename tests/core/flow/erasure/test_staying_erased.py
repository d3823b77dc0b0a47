"""An erased person does not come back: each way by which somebody might, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import ConfigError
from core.flow.erasure.erasing import erase
from core.flow.filters.refilter import filter_again
from core.flow.identity.joining import join
from core.flow.outward.reconcile import reconcile
from core.flow.plan.reconsider import fold_again, translate_again
from core.flow.saying import say
from core.flow.undo.replay import replay
from core.flow.undo.undoing import undo
from core.store.records import State
from tests.remains import remains
from tests.simulation.door import SECRET, told_by_webhook
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    phone: {field: phone}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
"""
ANN = {"email": "ann@shore.example", "first_name": "Annabella", "last_name": "Shoreham", "phone": "+447700900123"}
BOB = {"email": "bob@hill.example", "first_name": "Bob", "last_name": "Hillman"}
TRACES = ("ann@shore", "annabella", "shoreham", "7700900123")


@pytest.fixture
def erased(lab: Lab) -> Lab:
    """Ann was in both tools and is erased; Bob is in both. Her runs, and her id in the shop, are remembered."""
    crm = lab.tool("crm", mapping=MAPPING, webhook_secret=SECRET)
    lab.tool("shop", mapping=MAPPING, webhook_secret=SECRET)
    for one in (ANN, BOB):
        crm.create("contacts", one)
    lab.settle()
    ann, bob = lab.record(email=ANN["email"]).id, lab.record(email=BOB["email"]).id
    said = say(lab.hub, ann, {"job_title": "Baker"})
    lab.settle()
    # Taken for one by mistake, and parted again.
    joined = join(lab.hub, bob, ann)
    lab.settle()
    undo(lab.hub, joined)
    lab.settle()
    lab.ann, lab.runs = lab.record(email=ANN["email"]).id, (said, joined)  # type: ignore[attr-defined]
    erase(lab.hub, lab.ann)  # type: ignore[attr-defined]
    lab.settle()
    lab.wait(3_600)
    assert remains(lab.hub.store, TRACES) == []
    return lab


def by_poll(lab: Lab) -> None:
    lab.tools["shop"].create("contacts", ANN)


def by_webhook(lab: Lab) -> None:
    shop = lab.tools["shop"]
    id_ = shop.create("contacts", ANN)
    told_by_webhook(lab.hub, lab.connection("shop"), [shop.webhook("contacts", id_, secret=SECRET)])


def by_an_import_in_a_new_tool(lab: Lab) -> None:
    lab.tool("sheet", mapping=MAPPING).create("contacts", {**ANN, "job_title": "Imported"})


def by_a_restored_record(lab: Lab) -> None:
    """Somebody takes it out of the tool's bin: the same id is there again."""
    crm = lab.tools["crm"]
    crm.create("contacts", ANN, id="con-1")


def by_un_merging(lab: Lab) -> None:
    *_, joined = lab.runs  # type: ignore[attr-defined]
    with pytest.raises(ConfigError):
        undo(lab.hub, joined)


def by_undo(lab: Lab) -> None:
    said, _ = lab.runs  # type: ignore[attr-defined]
    with pytest.raises(ConfigError):
        undo(lab.hub, said)


def by_replay(lab: Lab) -> None:
    for name in lab.tools:
        replay(lab.hub, lab.connection(name))


def by_rules_and_mappings_applied_again(lab: Lab) -> None:
    fold_again(lab.hub)
    for name in lab.tools:
        translate_again(lab.hub, lab.stream(name), None)


def by_filters_and_reconcile(lab: Lab) -> None:
    for name in lab.tools:
        filter_again(lab.hub, lab.connection(name))
        reconcile(lab.hub, lab.connection(name))


def by_being_told_something_in_the_hub(lab: Lab) -> None:
    with pytest.raises(ConfigError):
        say(lab.hub, lab.ann, {"first_name": "Annabella"})  # type: ignore[attr-defined]


def by_an_answer_about_somebody_else(lab: Lab) -> None:
    with pytest.raises(ConfigError):
        join(lab.hub, lab.record(email=BOB["email"]).id, lab.ann)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "way",
    [
        by_poll,
        by_webhook,
        by_an_import_in_a_new_tool,
        by_a_restored_record,
        by_un_merging,
        by_undo,
        by_replay,
        by_rules_and_mappings_applied_again,
        by_filters_and_reconcile,
        by_being_told_something_in_the_hub,
        by_an_answer_about_somebody_else,
    ],
)
def test_nobody_comes_back(erased: Lab, way: Callable[[Lab], None]) -> None:
    there = {name: set(erased.all(name)) for name in erased.tools}
    way(erased)
    erased.settle()
    assert remains(erased.hub.store, TRACES) == []
    live = [one.values.get("email") for one in erased.records() if one.state == State.LIVE]
    assert live == [BOB["email"]]
    typed = {name: set(erased.all(name, email=ANN["email"])) for name in erased.tools}
    # Only where somebody typed her in again is she there, and no other tool has heard of it.
    assert sum(map(len, typed.values())) <= 1
    for name, before in there.items():
        assert set(erased.all(name)) - typed[name] == before
