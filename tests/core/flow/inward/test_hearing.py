"""What came by webhook is taken in from the store: once, whatever came late, twice or out of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors._kit.signatures import sign_standard
from core.flow.erasure.erasing import erase
from core.flow.erasure.gathering import gather
from core.flow.inward.hearing import LONGEST, hear, keep, sweep
from core.model.instant import DAY, SECOND
from core.ports import Request
from core.store import connections, due, notices, tables
from tests.remains import remains
from tests.simulation.door import SECRET
from tests.support import Lab, count, people

ANN = {"email": "ann@shore.example", "first_name": "Annabella", "last_name": "Shoreham"}
BOB = {"email": "bob@hill.example", "first_name": "Bob"}


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Two tools that hold Ann and Bob; `shop` sends webhooks."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as made:
        shop = made.tool("shop", webhook_secret=SECRET)
        made.tool("crm")
        for one in (ANN, BOB):
            shop.create("contacts", one)
        made.settle()
        yield made


def ids_only(lab: Lab) -> None:
    """From now on nothing is believed of a notice but what it is about."""
    from dataclasses import replace

    from core.flow.hub import Connection, Hub

    def asked(one: Connection) -> Connection:
        streams = [replace(it, manifest=it.manifest.model_copy(update={"notices": "ids"})) for it in one.streams]
        return replace(one, streams=tuple(streams))

    def dressed(hub: Hub) -> Hub:
        return replace(hub, connections={id_: asked(one) for id_, one in hub.connections.items()})

    lab.dressed = dressed
    lab.refreshed()


def told(lab: Lab, id_: str, **more: Any) -> Request:
    return lab.tools["shop"].webhook("contacts", id_, secret=SECRET, **more)


def event(lab: Lab, name: str, **said: Any) -> Request:
    """A signed event of our own making."""
    body = orjson.dumps({"id": name, "type": "changed", **said})
    headers = sign_standard(body, id_=name, sent_at=lab.clock(), secret=SECRET)
    return Request("POST", "https://hub.example/hooks/shop", headers, body, lab.clock())


def kept(lab: Lab, *requests: Request) -> list[int]:
    """How many events of each were new."""
    return [keep(lab.hub, lab.connection("shop"), one).fresh for one in requests]


def heard(lab: Lab) -> dict[str, int]:
    return hear(lab.hub, lab.connection("shop")).counts()


def calls(lab: Lab, verb: str) -> int:
    return lab.tools["shop"].calls[verb]


def ann(lab: Lab) -> str:
    return lab.find("shop", email=ANN["email"])


def test_what_may_be_believed_costs_no_call(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    fetched = calls(lab, "fetch")
    assert kept(lab, told(lab, ann(lab))) == [1]
    assert heard(lab) == {"read": 1, "heard": 1}
    assert lab.record(email=ANN["email"]).values["job_title"] == "Baker"
    assert calls(lab, "fetch") == fetched


def test_what_may_not_be_believed_is_read_in_one_call(lab: Lab) -> None:
    ids_only(lab)
    shop = lab.tools["shop"]
    for id_ in shop.all("contacts"):
        shop.edit("contacts", id_, job_title="Baker")
    requests = [told(lab, id_) for id_ in shop.all("contacts")]
    # What was told is old by the time it is heard.
    for id_ in shop.all("contacts"):
        shop.edit("contacts", id_, job_title="Chair")
    fetched = calls(lab, "fetch")
    kept(lab, *requests)
    heard(lab)
    assert [one.values["job_title"] for one in lab.records()] == ["Chair", "Chair"]
    assert calls(lab, "fetch") == fetched + 1


def test_words_in_the_wrong_order_are_settled_by_a_look(lab: Lab) -> None:
    shop, id_ = lab.tools["shop"], ann(lab)
    shop.edit("contacts", id_, job_title="Baker")
    first = told(lab, id_, partial=True)
    shop.edit("contacts", id_, last_name="Hill")
    second = told(lab, id_, partial=True)
    kept(lab, second, first)
    heard(lab)
    values = lab.record(email=ANN["email"]).values
    assert (values["job_title"], values["last_name"]) == ("Baker", "Hill")


def test_an_event_is_heard_once(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    request = told(lab, ann(lab))
    assert kept(lab, request, request) == [1, 0]
    heard(lab)
    assert kept(lab, request) == [0]
    assert heard(lab) == {}


def test_a_late_word_changes_nothing(lab: Lab) -> None:
    shop, id_ = lab.tools["shop"], ann(lab)
    shop.edit("contacts", id_, job_title="Baker")
    late = told(lab, id_)
    lab.wait(1)
    shop.edit("contacts", id_, job_title="Chair")
    lab.settle()
    kept(lab, late)
    heard(lab)
    lab.settle()
    assert lab.record(email=ANN["email"]).values["job_title"] == "Chair"
    assert lab.held("crm", lab.find("crm", email=ANN["email"]))["job_title"] == "Chair"


def test_a_deletion_and_a_merge_are_followed(lab: Lab) -> None:
    shop = lab.tools["shop"]
    doubled = shop.create("contacts", {"email": "annie@shore.example", "first_name": "Annie"})
    lab.settle()
    shop.merge("contacts", ann(lab), doubled)
    kept(lab, told(lab, doubled))
    heard(lab)
    gone = lab.find("shop", email=BOB["email"])
    shop.delete("contacts", gone)
    kept(lab, told(lab, gone))
    assert heard(lab)["gone"] == 1


def test_a_word_about_the_whole_stream_makes_its_poll_due(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    with lab.hub.store.writing() as tx:
        connections.change_stream(tx, lab.stream("shop").id, due_at=lab.clock() + 3600 * SECOND)
    assert lab.sync(everything=False)[0].intake.read == 0
    row = notices.Told("evt-9", "changed", lab.stream("shop").id, None, "", None)
    with lab.hub.store.writing() as tx:
        notices.keep(tx, lab.connection("shop").id, b"{}", [row], at=lab.clock())
    heard(lab)
    lab.sync(everything=False)
    assert lab.record(email=ANN["email"]).values["job_title"] == "Baker"


def test_a_tool_that_does_not_answer_puts_it_off_and_nothing_is_lost(lab: Lab) -> None:
    ids_only(lab)
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    kept(lab, told(lab, ann(lab)))
    lab.tools["shop"].down = True
    assert heard(lab) == {}
    lab.tools["shop"].down = False
    asked = calls(lab, "fetch")
    assert heard(lab) == {}
    assert calls(lab, "fetch") == asked
    lab.wait(10)
    assert heard(lab)["heard"] == 1


def test_a_turn_hears_what_a_dead_process_had_acknowledged(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    kept(lab, told(lab, ann(lab)))
    lab.restart()
    with lab.hub.store.reading() as tx:
        assert due.pressing(tx, lab.clock()) == {lab.connection("shop").id}
    lab.sync(everything=False)
    assert lab.record(email=ANN["email"]).values["job_title"] == "Baker"


def test_a_refused_request_leaves_nothing(lab: Lab) -> None:
    from dataclasses import replace

    from core.errors import Refused

    request = told(lab, ann(lab))
    with pytest.raises(Refused):
        kept(lab, replace(request, body=request.body + b" "))
    with lab.hub.store.reading() as tx:
        assert (count(tx, "webhook"), count(tx, "notice")) == (0, 0)


def test_what_was_heard_goes_after_a_while_and_what_was_not_stays_longer(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    kept(lab, told(lab, ann(lab)))
    heard(lab)
    lab.wait(7 * DAY / SECOND - 60)
    kept(lab, event(lab, "evt-own", stream="contacts", record={"id": "nobody", "fields": {}}))
    assert sweep(lab.hub) == 0
    lab.wait(120)
    assert sweep(lab.hub) == 1
    lab.wait(7 * DAY / SECOND)
    assert sweep(lab.hub) == 0
    lab.wait(LONGEST / SECOND)
    assert sweep(lab.hub) == 1
    with lab.hub.store.reading() as tx:
        assert count(tx, "notice") == 0
    assert sweep(lab.hub) == 0


# --- who is erased


TRACES = ("ann@shore", "annabella", "shoreham")


def test_the_stored_webhooks_of_somebody_who_is_erased_go_and_the_others_stay(lab: Lab) -> None:
    shop, bob = lab.tools["shop"], lab.find("shop", email=BOB["email"])
    shop.edit("contacts", ann(lab), job_title="Baker")
    shop.edit("contacts", bob, job_title="Smith")
    kept(lab, told(lab, ann(lab)))
    heard(lab)
    # One that nobody has heard yet, of both at once.
    records = [{"id": id_, "fields": shop.get("contacts", id_), "partial": True} for id_ in (ann(lab), bob)]
    both = [
        {"id": f"evt-{at}", "type": "changed", "stream": "contacts", "record": one} for at, one in enumerate(records)
    ]
    body = orjson.dumps(both)
    headers = sign_standard(body, id_="batch", sent_at=lab.clock(), secret=SECRET)
    kept(lab, Request("POST", "https://hub.example/hooks/shop", headers, body, lab.clock()))
    record = lab.record(email=ANN["email"]).id
    told_of = gather(lab.hub, record)["webhooks"]
    assert len(told_of) == 2
    assert all("ann@shore.example" in one["body"] for one in told_of)
    erase(lab.hub, record)
    assert remains(lab.hub.store, TRACES) == []
    heard(lab)
    lab.settle()
    assert lab.record(email=BOB["email"]).values["job_title"] == "Smith"
    assert remains(lab.hub.store, TRACES) == []


def test_what_is_told_of_somebody_after_they_were_erased_is_not_kept_either(lab: Lab) -> None:
    shop = lab.tools["shop"]
    erase(lab.hub, lab.record(email=ANN["email"]).id)
    lab.settle()
    again = shop.create("contacts", ANN)
    kept(lab, told(lab, again))
    heard(lab)
    assert len(lab.records()) == 2
    assert remains(lab.hub.store, TRACES) == []


def test_an_address_in_a_form_is_found_too(lab: Lab) -> None:
    row = notices.Told("evt-9", "changed", lab.stream("shop").id, "a-hash-of-it", "", None)
    with lab.hub.store.writing() as tx:
        body = b"type=unsubscribe&data%5Bemail%5D=ANN%40shore.example"
        notices.keep(tx, lab.connection("shop").id, body, [row], at=lab.clock())
    erase(lab.hub, lab.record(email=ANN["email"]).id)
    with lab.hub.store.reading() as tx:
        assert (count(tx, "webhook"), count(tx, "notice")) == (0, 0)


# --- statements


def test_storing_and_hearing_cost_the_same_statements_whatever_their_number(lab: Lab) -> None:
    from tests.core.store.test_statements import counted

    shop = lab.tools["shop"]
    for one in people(320):
        shop.create("contacts", one)
    lab.settle()
    ids, found = sorted(lab.tools["shop"].all("contacts")), {}
    for turn, number in enumerate((10, 300)):
        told_now = []
        for id_ in ids[:number]:
            shop.edit("contacts", id_, job_title=f"Title {turn}")
            told_now.append(orjson.loads(told(lab, id_).body))
        body = orjson.dumps(told_now)
        headers = sign_standard(body, id_=f"batch-{number}", sent_at=lab.clock(), secret=SECRET)
        request = Request("POST", "https://hub.example/hooks/shop", headers, body, lab.clock())
        with counted(lab.hub.store) as storing:
            assert kept(lab, request) == [number]
        with counted(lab.hub.store) as hearing:
            assert heard(lab)["heard"] == number
        found[number] = (storing, hearing)
    assert found[10] == found[300]


def test_a_row_that_was_heard_holds_nothing_of_what_was_told(lab: Lab) -> None:
    lab.tools["shop"].edit("contacts", ann(lab), job_title="Baker")
    kept(lab, told(lab, ann(lab)))
    heard(lab)
    with lab.hub.store.reading() as tx:
        assert tx.execute(tables.notice.select().with_only_columns(tables.notice.c.told)).scalars().all() == [None]
