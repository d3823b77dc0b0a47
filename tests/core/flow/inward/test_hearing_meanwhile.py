"""What came by webhook does not wait for the end of a long walk, a long delivery, or somebody else's turn."""

from __future__ import annotations

from typing import Any

import pytest

from core.flow import resyncing
from core.flow.beside import turn_beside
from core.flow.brake import weighing
from core.flow.inward import pull
from core.flow.inward.hearing import keep
from core.flow.plan import canary
from core.flow.sync import turn
from core.store import reviews
from core.store.reviews import Question
from tests.simulation.door import SECRET
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
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
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


def test_a_refusal_goes_out_between_two_looks_at_very_much_that_waits(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weighing many changes takes its time, and whoever refuses does not wait for it."""
    monkeypatch.setattr("core.flow.brake.weighing.COMPARED", 5)
    shop = lab.tools["shop"]
    for one in people(30):
        shop.create("contacts", one)
    lab.settle()
    for one in people(30):
        shop.edit("contacts", lab.find("shop", email=one["email"]), {"job_title": "Baker"})
    turn(lab.hub, lab.connection("shop"), delivers=False)
    pages: list[Any] = []
    compared = vars(weighing)["differences"]

    def differences(*args: Any) -> Any:
        pages.append(said(lab, "crm"))
        if len(pages) == 2:
            refuses(lab, "desk")
            turn_beside(lab.hub, lab.connection("desk"))
        return compared(*args)

    monkeypatch.setattr("core.flow.brake.weighing.differences", differences)
    turn(lab.hub, lab.connection("crm"), pulls=False)
    assert len(pages) > 3
    assert pages[:2] == [None, None]
    assert set(pages[2:]) == {"denied"}
    assert [lab.held("crm", id_).get("job_title") for id_ in lab.all("crm")].count("Baker") == 30


def corrected(lab: Lab, monkeypatch: pytest.MonkeyPatch, emails: list[str]) -> list[int]:
    """How many of these are called Zoe in `crm` at each page of a walk there, in whose midst `shop` says so."""
    monkeypatch.setattr("core.flow.inward.ahead.INTAKE", 2)
    shop, pages = lab.tools["shop"], list[int]()
    taken = vars(pull)["inbound"]

    def meanwhile(*args: Any, **more: Any) -> Any:
        pages.append(sum(lab.held("crm", id_)["first_name"] == "Zoe" for id_ in lab.all("crm")))
        if len(pages) == 2:
            for email in emails:
                id_ = lab.find("shop", email=email)
                shop.edit("contacts", id_, {"first_name": "Zoe"})
                keep(lab.hub, lab.connection("shop"), shop.webhook("contacts", id_, secret=SECRET))
            turn_beside(lab.hub, lab.connection("shop"))
        return taken(*args, **more)

    monkeypatch.setattr("core.flow.inward.pull.inbound", meanwhile)
    turn(lab.hub, lab.connection("crm"), delivers=False)
    return pages


def walked_anew(lab: Lab, count: int) -> list[str]:
    """So many people stand in all three, and `crm` is read from its beginning by the next turn."""
    for one in people(count):
        lab.tools["crm"].create("contacts", one)
    lab.settle()
    lab.wait(60)
    resyncing.from_the_beginning(lab.hub, lab.connection("crm").streams)
    return [ANN["email"], *(one["email"] for one in people(count))]


def test_what_is_corrected_elsewhere_is_written_in_the_midst_of_a_walk(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = walked_anew(lab, 8)
    pages = corrected(lab, monkeypatch, emails[-3:])
    assert pages[:2] == [0, 0]
    assert len(pages) > 3
    assert set(pages[2:]) == {3}


def test_more_than_the_brake_lets_pass_unweighed_waits_for_the_end_of_the_walk(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = walked_anew(lab, 24)
    few = lab.connection("crm").limits.few
    assert set(corrected(lab, monkeypatch, emails[: few + 1])) == {0}
    lab.turn("crm")
    assert sum(lab.held("crm", id_)["first_name"] == "Zoe" for id_ in lab.all("crm")) == few + 1


def test_while_a_brake_holds_nothing_is_corrected_beside_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    emails = walked_anew(lab, 8)
    with lab.hub.store.writing() as tx:
        held = Question("brake", {"limits": [], "missing": {}}, connection_id=lab.connection("crm").id)
        reviews.ask(tx, [held], now=lab.clock())
    assert set(corrected(lab, monkeypatch, emails[:2])) == {0}


def test_while_a_change_is_tried_on_a_few_nothing_is_corrected_beside_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = walked_anew(lab, 8)
    with lab.hub.store.writing() as tx:
        canary.ask_for(tx, lab.connection("crm").id, 1, run_id=1)
    assert set(corrected(lab, monkeypatch, emails[:2])) == {0}


def test_nothing_is_created_in_the_midst_of_a_walk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the walk may show that it is there."""
    walked_anew(lab, 8)
    new = lab.tools["shop"].create("contacts", {"email": "new@shore.example", "first_name": "Nia"})
    keep(lab.hub, lab.connection("shop"), lab.tools["shop"].webhook("contacts", new, secret=SECRET))
    pages = corrected(lab, monkeypatch, [ANN["email"]])
    assert set(pages[2:]) == {1}
    assert len(lab.all("crm")) == 9
