"""Reading again because a person wants it: a stream from its beginning, one record everywhere; and a pause by hand."""

from __future__ import annotations

from core.flow.beside import pressing
from core.flow.resyncing import everywhere, from_the_beginning
from core.flow.sync import sync
from core.store import connections, notices
from tests.support import Lab, people


def ready(lab: Lab) -> str:
    for name in ("a", "b"):
        lab.tool(name, policy={"deletes_in": "ignore"})
    for person in people(5):
        lab.tools["a"].create("contacts", person)
    lab.settle()
    return str(people(1)[0]["email"])


def test_a_stream_is_read_from_its_beginning_once(lab: Lab):
    ready(lab)
    stream = lab.stream("a")
    with lab.hub.store.reading() as tx:
        before = connections.stream_row(tx, stream.id)
    assert from_the_beginning(lab.hub, [stream]) == 1
    assert from_the_beginning(lab.hub, [lab.stream("b")]) == 1
    found = sync(lab.hub, ["a"], everything=False)
    assert found[0].intake.read == 5
    with lab.hub.store.reading() as tx:
        assert connections.stream_row(tx, stream.id).generation == before.generation + 1
    assert sync(lab.hub, ["a"])[0].intake.read < 5
    assert sync(lab.hub, ["b"])[0].intake.read == 5


def test_a_record_is_read_in_every_tool_that_holds_it(lab: Lab):
    email = ready(lab)
    # A slip of the tool: it changed, and no listing ever showed it.
    for name, title in (("a", "Head"),):
        tool, id_ = lab.tools[name], lab.find(name, email=email)
        tool.edit("contacts", id_, job_title=title)
        lab.hub.open(name).read("contacts", None)
    record = lab.record(email=email)
    held = everywhere(lab.hub, record.id)
    assert held == {name: [lab.find(name, email=email)] for name in ("a", "b")}
    assert pressing(lab.hub) == {lab.connection(name).id for name in ("a", "b")}
    for name in ("a", "b"):
        lab.turn(name)
    assert lab.record(email=email).values["job_title"] == "Head"
    with lab.hub.store.reading() as tx:
        # It counts for nothing that the tool has told.
        assert not notices.any_since(tx, lab.connection("a").id, 0)
        assert notices.counts(tx) == {}


def test_what_a_person_paused_stays_so_until_a_person_takes_it_up(lab: Lab):
    email = ready(lab)
    lab.installation.pause("b", "contacts", note="moving house")
    lab.refreshed()
    lab.tools["a"].edit("contacts", lab.find("a", email=email), job_title="Head")
    writes = lab.tools["b"].writes
    for _ in range(3):
        lab.sync()
        lab.wait(7200)
    assert lab.tools["b"].writes == writes
    lab.installation.resume("b", "contacts")
    lab.refreshed()
    lab.settle()
    assert lab.held("b", lab.find("b", email=email))["job_title"] == "Head"
    lab.installation.pause("b")
    lab.refreshed()
    lab.tools["a"].edit("contacts", lab.find("a", email=email), job_title="Boss")
    lab.sync(until_quiet=True)
    assert lab.held("b", lab.find("b", email=email))["job_title"] == "Head"
    # Declaring it anew does not take it up.
    assert lab.hub.connection("b").state == "paused"
    lab.installation.resume("b")
    lab.refreshed()
    lab.sync(until_quiet=True)
    assert lab.held("b", lab.find("b", email=email))["job_title"] == "Boss"
    assert not lab.reviews()
