"""A connection in a maintenance window: what waits, what goes out all the same, and what follows when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.decide.maintenance import Windows, load_windows
from core.flow.beside import pressing
from core.flow.holding import held
from tests.support import Lab, people

CONSENT = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    job_title: {field: job_title}
    consent.email: {field: opted_out, steps: [opt_out_flag]}
"""


def windows(hold: str, more: str = "") -> Windows:
    return load_windows(f'b: {{from: "09:00", to: "11:00", hold: {hold}{more}}}', file="f")


def ready(lab: Lab) -> str:
    """Two tools in agreement; gives the address that is edited."""
    for name in ("a", "b"):
        lab.tool(name, mapping=CONSENT)
    for person in people(3):
        one = {key: person[key] for key in ("email", "first_name")}
        lab.tools["a"].create("contacts", {**one, "opted_out": False})
    lab.settle()
    return str(people(1)[0]["email"])


def during(lab: Lab, said: Windows) -> None:
    lab.dressed = lambda hub: replace(hub, maintenance=said)
    lab.refreshed()


def test_writes_wait_and_go_out_when_it_ends(lab: Lab):
    email = ready(lab)
    during(lab, windows("writes"))
    lab.tools["a"].edit("contacts", lab.find("a", email=email), job_title="Head")
    lab.tools["b"].edit("contacts", lab.find("b", email=str(people(1, start=1)[0]["email"])), job_title="Buyer")
    lab.settle()
    assert lab.held("b", lab.find("b", email=email)).get("job_title") is None
    # What is said there is heard.
    assert lab.held("a", lab.find("a", email=str(people(1, start=1)[0]["email"])))["job_title"] == "Buyer"
    assert lab.pending() == 1
    assert held(lab.hub, lab.connection("b")) is not None
    lab.wait(2 * 3600)
    assert held(lab.hub, lab.connection("b")) is None
    lab.sync(everything=False)
    assert lab.held("b", lab.find("b", email=email))["job_title"] == "Head"
    assert lab.pending() == 0


def test_reads_wait_too_where_that_is_said(lab: Lab):
    ready(lab)
    during(lab, windows("reads and writes"))
    lab.tools["b"].edit("contacts", lab.find("b", email=str(people(1)[0]["email"])), job_title="Buyer")
    calls = lab.tools["b"].calls
    lab.settle()
    assert lab.tools["b"].calls == calls
    lab.wait(2 * 3600)
    lab.sync(everything=False)
    lab.sync(everything=False)
    assert lab.held("a", lab.find("a", email=str(people(1)[0]["email"])))["job_title"] == "Buyer"


@pytest.mark.parametrize(("more", "goes_out"), [("", True), (", everything: true", False)])
def test_a_refusal_goes_out_all_the_same_unless_everything_is_held(lab: Lab, more: str, goes_out: bool):
    email = ready(lab)
    during(lab, windows("reads and writes", more))
    lab.tools["a"].edit("contacts", lab.find("a", email=email), opted_out=True, job_title="Head")
    lab.turn("a")
    lab.turn("b")
    there = lab.held("b", lab.find("b", email=email))
    assert there["opted_out"] is goes_out
    assert there.get("job_title") is None
    # The correction waits as the window says.
    assert lab.connection("b").id not in pressing(lab.hub)
    lab.wait(2 * 3600)
    lab.settle()
    there = lab.held("b", lab.find("b", email=email))
    assert (there["opted_out"], there["job_title"]) == (True, "Head")
