"""A new mapping or new rules reach what is known already, from what is kept and without a call to any tool."""

from __future__ import annotations

from pathlib import Path

from api.building import ConnectionSpec
from core.flow.outward.reconcile import reconcile
from core.flow.undo.replay import folded_again
from core.store import runs
from tests.support import PEOPLE, Lab, people

NARROW = PEOPLE.replace("    job_title: {field: job_title}\n", "")


def remapped(lab: Lab, name: str, mapping: str) -> None:
    """Put another mapping of a connection in force, as `concord apply` does."""
    lab.installation.put_connection(
        ConnectionSpec(name, "memory", {"world": lab.tools[name].name}, mapping, f"{name}.yaml", {"*": {}})
    )
    lab.installation.reconsider()
    lab.refreshed()


def test_a_newly_mapped_field_comes_from_the_kept_payloads(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a", mapping=NARROW)
        lab.tool("b")
        for person in people(20):
            a.create("contacts", {**person, "job_title": "Baker"})
        lab.settle()
        assert not any("job_title" in record.values for record in lab.records())
        calls = a.api_calls
        remapped(lab, "a", PEOPLE)
        assert a.api_calls == calls
        assert {record.values["job_title"] for record in lab.records()} == {"Baker"}
        lab.settle()
        assert {one.get("job_title") for one in lab.tools["b"].all("contacts").values()} == {"Baker"}
        with lab.hub.store.reading() as tx:
            found = {record.id: record.values for record in lab.records()}
            assert folded_again(lab.hub, tx, list(found)) == found


def test_a_field_read_in_another_way_keeps_the_time_of_the_word(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a")
        a.create("contacts", {**people(1)[0], "job_title": "baker"})
        lab.settle()
        (record,) = lab.records()
        (before,) = lab.bound(record, "a")
        remapped(lab, "a", PEOPLE.replace("{field: job_title}", "{field: job_title, steps: [upper], direction: in}"))
        (after,) = lab.bound(record, "a")
        claim, earlier = after.claims.get("job_title"), before.claims.get("job_title")
        assert claim is not None
        assert earlier is not None
        assert (claim.value, claim.stamp) == ("BAKER", earlier.stamp)


def test_a_field_that_is_no_longer_mapped_is_no_longer_claimed(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a")
        a.create("contacts", {**people(1)[0], "job_title": "Baker"})
        lab.settle()
        remapped(lab, "a", NARROW)
        (record,) = lab.records()
        assert "job_title" not in record.values


def test_new_rules_fold_every_record_again(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a, b = lab.tool("a"), lab.tool("b")
        lab.rules("contact: {job_title: {prefer: [a, b]}}\n")
        for tool, title in ((a, "Baker"), (b, "Cook")):
            tool.create("contacts", {**people(1)[0], "job_title": title})
        lab.settle()
        assert [record.values["job_title"] for record in lab.records()] == ["Baker"]
        lab.rules("contact: {job_title: {prefer: [b, a]}}\n")
        lab.installation.reconsider()
        lab.refreshed()
        assert [record.values["job_title"] for record in lab.records()] == ["Cook"]
        lab.settle()
        assert {one["job_title"] for name in "ab" for one in lab.tools[name].all("contacts").values()} == {"Cook"}
        assert reconcile(lab.hub, lab.connection("a")).whole.share == 1.0


def test_what_a_crash_left_undone_is_done_at_the_next_start(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        a = lab.tool("a")
        a.create("contacts", {**people(1)[0], "job_title": "Baker"})
        lab.settle()
        lab.rules("contact: {job_title: hold}\n")
        lab.restart()
        lab.installation.reconsider()
        with lab.hub.store.reading() as tx:
            assert runs.fact(tx, "fold again") is None
