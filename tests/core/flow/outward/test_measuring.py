"""Agreement is brought up to date at the cost of what changed, and is what a look at everything would say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from core.flow.hub import Connection, Hub
from core.flow.outward import measuring
from core.flow.outward.agreement import Agreement, Blocks, Reconciled
from core.flow.outward.compare import differences
from core.flow.outward.measuring import SWEEP_EVERY, TOGETHER, measure
from core.flow.outward.reconcile import reconcile, written_kinds
from core.model.instant import SECOND
from core.store import bindings, measured, outbox, records
from core.store.codec import pack
from tests.core.store.test_statements import counted
from tests.support import Lab, hasty, people

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}
ONE_WAY = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name, direction: out}
"""


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """An installation on either store."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=hasty(url) if url else None) as made:
        yield made


def everything(lab: Lab, name: str) -> dict[str, Agreement]:
    """What a look at every record says; nothing is kept of it."""
    connection, blocks = lab.connection(name), Blocks()
    with lab.hub.store.reading() as tx:
        found = records.after(tx, 0, written_kinds(connection), 10_000)
        blocks.add(differences(lab.hub, tx, connection, {one.id: one for one in found}))
    return blocks.by_kind()


def said(lab: Lab, name: str) -> dict[str, Agreement]:
    """What is measured, kinds without a record left out."""
    return {kind: one for kind, one in measure(lab.hub, lab.connection(name)).by_kind.items() if one != Agreement()}


def looked_at(lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many records a measure compares."""
    seen: list[int] = []

    def watched(hub: object, tx: object, connection: Connection, found: dict[int, object], **more: object) -> object:
        seen.extend(found)
        return differences(hub, tx, connection, found, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "differences", watched)
    measure(lab.hub, lab.connection(name))
    return len(seen)


def test_it_is_what_a_look_at_everything_would_say(lab: Lab, rng: Random):
    for name in ("a", "b", "c"):
        lab.tool(name, policy={"deletes_in": "propagate", "deletes_out": "propagate"})
    for fields in people(90):
        lab.tools[rng.choice("abc")].create("contacts", fields)
    for step in range(40):
        tool = lab.tools[rng.choice("abc")]
        ids = list(tool.all("contacts"))
        match rng.choice(("create", "edit", "edit", "delete", "turn", "turn", "lose", "merge")):
            case "create":
                tool.create("contacts", people(1, start=100 + step)[0])
            case "edit" if ids:
                tool.edit("contacts", rng.choice(ids), job_title=f"Pilot {step}")
            case "delete" if ids:
                tool.delete("contacts", rng.choice(ids))
            case "merge" if len(ids) > 1:
                tool.merge("contacts", *rng.sample(ids, 2))
            case "turn":
                lab.turn(rng.choice("abc"))
            case "lose":
                with lab.hub.store.writing() as tx:
                    outbox.forget(tx, lab.connection(rng.choice("abc")).id)
        lab.wait(1)
        name = rng.choice("abc")
        assert said(lab, name) == everything(lab, name), (step, name)


def test_where_nothing_changed_nothing_is_compared(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    source = lab.tool("a")
    lab.tool("b")
    for fields in people(300):
        source.create("contacts", fields)
    lab.settle()
    measure(lab.hub, lab.connection("b"))
    measure(lab.hub, lab.connection("b"))
    assert looked_at(lab, "b", monkeypatch) == 0
    with counted(lab.hub.store) as statements:
        measure(lab.hub, lab.connection("b"))
    assert len(statements) < 10
    source.edit("contacts", next(iter(source.all("contacts"))), first_name="Anna")
    lab.turn("a")
    assert looked_at(lab, "b", monkeypatch) <= measured.SIZE


def test_what_no_list_tells_of_comes_round_in_slices_of_one_size(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    source = lab.tool("a")
    lab.tool("b")
    for fields in people(1_500):
        source.create("contacts", fields)
    lab.settle()
    measure(lab.hub, lab.connection("b"))
    for _ in range(3):
        lab.wait(SWEEP_EVERY / SECOND)
        assert looked_at(lab, "b", monkeypatch) <= TOGETHER * measured.SIZE
    b = lab.connection("b")
    with lab.hub.store.writing() as tx:
        ids = [one.id for one in records.after(tx, 0, {"contact"}, 2_000)]
        (bound,) = bindings.of_records(tx, ids[-1:], b.stream_ids)
        bindings.update(tx, [bound._replace(packed_expected=pack({**bound.expected, "first_name": "Somebody"}))])
    for _ in range(2):
        lab.wait(SWEEP_EVERY / SECOND)
        measure(lab.hub, b)
    assert lab.pending() == 1


def test_what_slipped_is_found_at_once_where_something_tells_of_it(lab: Lab):
    source = lab.tool("a")
    lab.tool("b")
    id_ = source.create("contacts", ANN)
    lab.settle()
    b = lab.connection("b")
    measure(lab.hub, b)
    source.edit("contacts", id_, first_name="Anna")
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        outbox.forget(tx, b.id)
    found = measure(lab.hub, b)
    assert (found.marked, found.whole.out_of_step) == (1, 1)
    assert lab.turn("b").delivered.updated == 1
    assert measure(lab.hub, b).whole.share == 1.0


def test_what_a_tool_holds_twice_and_slipped_is_marked_once(lab: Lab):
    source = lab.tool("a")
    lab.tool("b")
    first, second = (source.create("contacts", person) for person in people(2))
    lab.settle()
    lab.wait(60)
    source.merge("contacts", first, second)
    lab.settle()
    b = lab.connection("b")
    measure(lab.hub, b)
    source.edit("contacts", first, job_title="Pilot")
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        outbox.forget(tx, b.id)
    found = measure(lab.hub, b)
    assert (found.marked, found.whole.out_of_step, lab.pending()) == (1, 2, 1)


def test_a_tool_that_shows_what_it_may_not_say_is_put_right_without_waiting_for_a_slice(lab: Lab):
    source = lab.tool("a")
    other = lab.tool("b", mapping=ONE_WAY)
    source.create("contacts", ANN)
    lab.settle()
    b = lab.connection("b")
    measure(lab.hub, b)
    other.edit("contacts", lab.find("b"), last_name="Sand")
    lab.turn("b")
    assert measure(lab.hub, b).marked == 1
    lab.turn("b")
    assert lab.held("b", lab.find("b"))["last_name"] == "Shore"


def test_another_configuration_is_measured_anew(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    source = lab.tool("a")
    lab.tool("b")
    for fields in people(5):
        source.create("contacts", fields)
    lab.settle()
    before = measure(lab.hub, lab.connection("b")).whole.fields
    assert looked_at(lab, "b", monkeypatch) == 0
    lab.rules("contact: {job_title: latest}")
    seen: list[Connection] = []

    def watched(hub: Hub, connection: Connection) -> Reconciled:
        seen.append(connection)
        return reconcile(hub, connection)

    monkeypatch.setattr(measuring, "reconcile", watched)
    assert measure(lab.hub, lab.connection("b")).whole.fields == before
    assert len(seen) == 1
