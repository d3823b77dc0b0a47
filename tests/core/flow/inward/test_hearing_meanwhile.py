"""What came by webhook does not wait for the end of a long walk, a long delivery, or somebody else's turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, cast

import pytest

from api.hearing import Hearing
from core.flow.beside import Mark, turn_beside
from core.flow.hub import Connection, Hub
from core.flow.inward import pull
from core.flow.inward.hearing import keep
from core.flow.leasing import LEASE
from core.flow.sync import turn
from core.store import runs
from tests.simulation.door import SECRET
from tests.simulation.mortal import SameThread
from tests.support import Lab, people

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    job_title: {field: job_title}
    consent.email: {field: email_consent}
"""
ANN = {"email": "ann@shore.example", "first_name": "Ann"}


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Three tools that hold Ann; `shop` and `crm` send webhooks."""
    for name in ("shop", "crm", "desk"):
        lab.tool(name, mapping=MAPPING, webhook_secret=SECRET, page_size=2)
    lab.tools["shop"].create("contacts", ANN)
    lab.settle()
    return lab


def refuses(lab: Lab, name: str, email: str = ANN["email"]) -> None:
    """Somebody opts out in a tool, which tells it by webhook."""
    tool, id_ = lab.tools[name], lab.find(name, email=email)
    tool.edit("contacts", id_, {"email_consent": "denied"})
    keep(lab.hub, lab.connection(name), tool.webhook("contacts", id_, secret=SECRET))


def said(lab: Lab, name: str, email: str = ANN["email"]) -> Any:
    return lab.held(name, lab.find(name, email=email)).get("email_consent")


def test_a_walk_hears_what_its_own_tool_tells_and_is_told_what_others_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in people(8):
        lab.tools["crm"].create("contacts", one)
    monkeypatch.setattr("core.flow.inward.pull.INTAKE", 2)
    pages: list[Any] = []
    taken = vars(pull)["inbound"]

    def meanwhile(*args: Any, **more: Any) -> Any:
        pages.append(lab.record(email=ANN["email"]).values.get("consent.email"))
        if len(pages) == 2:
            refuses(lab, "crm")
        return taken(*args, **more)

    monkeypatch.setattr("core.flow.inward.pull.inbound", meanwhile)
    turn(lab.hub, lab.connection("crm"), delivers=False)
    assert len(pages) > 3
    assert pages[:2] == [None, None]
    assert set(pages[2:]) == {"denied"}
    # The others are told beside the walk, with nothing else.
    for name in ("shop", "desk"):
        assert turn_beside(lab.hub, lab.connection(name))
        assert said(lab, name) == "denied"
        assert len(lab.all(name)) == 1


def test_a_refusal_goes_out_between_two_calls_of_a_long_delivery_and_before_what_was_prepared(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One edit a call; of the person who refuses meanwhile, nothing that was prepared before is sent first."""
    shop, crm = lab.tools["shop"], lab.tools["crm"]
    for one in people(6):
        shop.create("contacts", one)
    lab.settle()
    monkeypatch.setattr("connectors.memory.connector.BATCH_SIZE", 1)
    from tests.core.store.test_statements import in_batches_of

    lab.dressed = in_batches_of(1)
    lab.refreshed()
    emails = [ANN["email"], *(one["email"] for one in people(6))]
    for email in emails:
        shop.edit("contacts", lab.find("shop", email=email), {"job_title": "Baker"})
    turn(lab.hub, lab.connection("shop"), delivers=False)
    last, sent = emails[-1], list[tuple[str, dict[str, Any]]]()
    connector = lab.hub.open("crm")
    write = connector.write

    def written(stream: str, edits: Any) -> Any:
        sent.extend((crm.get("contacts", one.remote_id)["email"], dict(one.fields)) for one in edits)  # type: ignore[index]  # it is there
        if len(sent) == 2:
            refuses(lab, "desk", last)
            turn_beside(lab.hub, lab.connection("desk"))
        return write(stream, edits)

    monkeypatch.setattr(connector, "write", written)
    turn(lab.hub, lab.connection("crm"), pulls=False)
    assert sent[2] == (last, {"email_consent": "denied"})
    assert said(lab, "crm", last) == "denied"
    # The rest of it was marked after the delivery was weighed, and goes with the next one.
    turn(lab.hub, lab.connection("crm"), pulls=False)
    assert [fields for email, fields in sent if email == last][1:] == [{"job_title": "Baker"}]
    assert {email for email, _ in sent} == set(emails)


def test_the_hearing_thread_tells_everybody_who_can_be_told(lab: Lab) -> None:
    """Somebody else works `desk`; `crm` need not wait for that."""
    desk, done = lab.connection("desk"), Event()
    with lab.hub.store.writing() as tx:
        runs.take_lease(tx, f"connection {desk.id}", "somebody", now=lab.clock(), until=lab.clock() + LEASE)
    hearing = Hearing(lab.installation, lambda: done.set() if said(lab, "crm") == "denied" else None)
    hearing.start()
    try:
        refuses(lab, "shop")
        lab.installation.bell.ring()
        assert done.wait(60)
    finally:
        assert hearing.stop(30)
    assert said(lab, "desk") is None
    assert hearing.trouble is None


class Fruitless(Hearing):
    """Tries, and can do nothing."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.installation, lambda: None)
        self.tried: list[str] = []

    def _turn(self, _hub: Hub, connection: Connection, mark: Mark) -> None:
        self.tried.append(connection.name)
        self._fruitless[connection.id] = mark, float("inf")


def test_what_cannot_be_told_now_is_not_tried_without_end(lab: Lab) -> None:
    """A look that could do nothing is not repeated until something new comes or a while has passed."""
    hearing, pool = Fruitless(lab), cast("ThreadPoolExecutor", SameThread())
    refuses(lab, "shop")
    for _ in range(3):
        hearing._look(pool)
    assert hearing.tried == ["shop"]
    refuses(lab, "crm")
    hearing._look(pool)
    assert hearing.tried == ["shop", "crm"]
    bob = lab.tools["shop"].create("contacts", {"email": "bob@hill.example"})
    keep(lab.hub, lab.connection("shop"), lab.tools["shop"].webhook("contacts", bob, secret=SECRET))
    hearing._look(pool)
    assert hearing.tried == ["shop", "crm", "shop"]
