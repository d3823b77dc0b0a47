"""Requests of people about their data: due by the law, closed by what shows it, and blank once the person is erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.assembly import Text
from core.errors import ConfigError
from core.flow.erasure.erasing import erase
from core.flow.erasure.gathering import gather
from core.flow.hub import Hub
from core.flow.requests import (
    answered,
    ask,
    ask_once,
    digest_of,
    export,
    extend,
    forget,
    found,
    name,
    object_for,
    refused,
)
from core.model.instant import DAY
from core.store import requests
from core.store.codec import dumps, loads
from tests.core.flow.erasure.test_erasing import ANN, BOB, MAPPING, TRACES
from tests.remains import remains
from tests.support import Lab, hasty


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = hasty(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None
    with Lab(tmp_path, tick=0, database_url=url) as made:
        crm = made.tool("crm", mapping=MAPPING)
        for one in (ANN, BOB):
            crm.create("contacts", one)
        made.settle()
        yield made


def ann(lab: Lab) -> int:
    return lab.record(email=ANN["email"]).id


def asked(lab: Lab, right: str = "access") -> int:
    id_ = ask(lab.hub, right, f"Annabella <{ANN['email']}>", "email", note="I was born as Shoreham.")
    name(lab.hub, id_, ann(lab))
    return id_


def burden(hub: Hub) -> requests.Burden:
    with hub.store.reading() as tx:
        return requests.burden(tx, hub.clock())


def test_the_law_of_the_place_says_by_when(lab: Lab):
    assert burden(lab.hub) == (0, 0, None)
    came = lab.clock() - 3 * DAY
    one = found(lab.hub, ask(lab.hub, "access", "Ann", "phone", came_at=came))
    assert (one.came_at, one.due_at) == (came, came + 30 * DAY)
    assert burden(lab.hub) == (1, 0, one.due_at)
    lab.wait(28 * 86_400)
    assert burden(lab.hub) == (1, 1, one.due_at)


def test_more_time_is_taken_once_with_a_reason_and_before_the_first_end(lab: Lab):
    late, id_ = asked(lab), asked(lab)
    first = found(lab.hub, id_).due_at
    with pytest.raises(ConfigError, match="not said why"):
        extend(lab.hub, id_, "  ")
    lab.wait(29 * 86_400)
    assert extend(lab.hub, id_, "Twelve mailboxes are to be searched.") == first + 60 * DAY
    one = found(lab.hub, id_)
    assert (one.due_at, one.extended_at) == (first + 60 * DAY, lab.clock())
    assert one.extended_why == "Twelve mailboxes are to be searched."
    with pytest.raises(ConfigError, match="taken already"):
        extend(lab.hub, id_, "And more.")
    lab.wait(2 * 86_400)
    assert burden(lab.hub) == (2, 1, found(lab.hub, late).due_at)
    with pytest.raises(ConfigError, match="overdue"):
        extend(lab.hub, late, "It was forgotten.")


def test_there_is_no_more_time_where_the_law_gives_none(lab: Lab):
    with pytest.raises(ConfigError, match="no more time"):
        extend(lab.hub, asked(lab, "objection"), "We would rather not.")
    lab.installation.change(texts={"consent": Text("profile: lgpd", "concord.yaml")})
    with pytest.raises(ConfigError, match="LGPD gives no more time"):
        extend(lab.refreshed(), asked(lab), "We would rather not.")


def test_the_reason_for_more_time_goes_with_the_person(lab: Lab):
    id_ = asked(lab)
    extend(lab.hub, id_, "Ms Shoreham has twelve mailboxes.")
    erase(lab.hub, ann(lab), reference=f"request {id_}")
    one = found(lab.hub, id_)
    assert (one.extended_why, one.who) == (None, None)
    assert one.extended_at is not None


@pytest.mark.parametrize(
    ("right", "who", "way", "said"),
    [("pony", "Ann", "email", "right"), ("access", "Ann", "owl", "way"), ("access", " ", "email", "who asks")],
)
def test_what_cannot_be_a_request_is_refused(lab: Lab, right: str, who: str, way: str, said: str):
    with pytest.raises(ConfigError, match=said):
        ask(lab.hub, right, who, way)
    with pytest.raises(ConfigError, match="future"):
        ask(lab.hub, "access", "Ann", "email", came_at=lab.clock() + DAY)
    assert burden(lab.hub).open == 0


def test_it_is_closed_by_what_was_done_or_by_words(lab: Lab):
    id_ = asked(lab)
    with pytest.raises(ConfigError, match="Nothing shows"):
        answered(lab.hub, id_, "Bob")
    told = loads(export(lab.hub, id_))
    assert told["values"]["first_name"]["value"] == "Annabella"
    assert told["requests"][0]["note"] == "I was born as Shoreham."
    answered(lab.hub, id_, "Bob")
    one = found(lab.hub, id_)
    assert (one.answer, one.closed_by, one.exported_at) == ("answered", "Bob", lab.clock())
    assert one.exported is not None
    with pytest.raises(ConfigError, match="is closed"):
        export(lab.hub, id_)
    other = ask(lab.hub, "correction", "Carl", "post")
    with pytest.raises(ConfigError, match="Nobody is named"):
        export(lab.hub, other)
    with pytest.raises(ConfigError, match="ground"):
        refused(lab.hub, other, "Bob", "mood")
    with pytest.raises(ConfigError, match="not said why"):
        refused(lab.hub, other, "Bob", "other")
    refused(lab.hub, other, "Bob", "identity")
    assert found(lab.hub, other).ground == "identity"


def test_an_objection_is_a_no_to_everything_in_the_ledger(lab: Lab):
    id_ = asked(lab, "objection")
    run = object_for(lab.hub, id_)
    assert found(lab.hub, id_).run_id == run
    values = lab.record(email=ANN["email"]).values
    assert {name for name, value in values.items() if name.startswith("consent.") and value == "denied"} >= {
        "consent.email", "consent.sms", "consent.phone",
    }  # fmt: skip
    entries = [one for one in gather(lab.hub, ann(lab))["consents"] if "request" in dumps(one)]
    assert entries
    answered(lab.hub, id_, "Bob")


def test_what_a_person_asks_twice_is_asked_once_while_it_is_open(lab: Lab):
    record = lab.record(email=ANN["email"])
    first = ask_once(lab.hub, "access", record, "page")
    assert ask_once(lab.hub, "access", record, "page") == first
    assert ask_once(lab.hub, "erasure", record, "page").id != first.id
    refused(lab.hub, first.id, "Bob", "excessive")
    assert ask_once(lab.hub, "access", record, "page").id not in (first.id, first.id + 1)


def test_an_erased_person_leaves_that_it_was_asked_and_what_was_done(lab: Lab):
    done, loose = asked(lab, "access"), ask(lab.hub, "erasure", f"somebody at {ANN['email'].upper()}", "post")
    export(lab.hub, done)
    answered(lab.hub, done, "Bob", "sent to ann@shore.example")
    denied = asked(lab, "objection")
    refused(lab.hub, denied, "Bob", "duty", "Annabella still owes us")
    others = ask(lab.hub, "access", f"Bob, {BOB['email']}", "email")
    digest = digest_of(lab.hub, ANN["email"])
    number = erase(lab.hub, ann(lab), reference=f"request {loose}")
    lab.settle()
    assert remains(lab.hub.store, TRACES) == []
    for id_, answer in ((done, "answered"), (loose, None), (denied, "refused")):
        one = found(lab.hub, id_)
        assert (one.who, one.note, one.why, one.erasure_id, one.answer) == (None, None, None, number, answer)
        assert one.digest == digest
    assert found(lab.hub, done).exported is not None
    assert found(lab.hub, denied).ground == "duty"
    assert found(lab.hub, others).who == f"Bob, {BOB['email']}"
    answered(lab.hub, loose, "Bob")
    # Whoever asks again is known, though nothing says who it was.
    with lab.hub.store.reading() as tx:
        assert {one.id for one in requests.of(tx, [], digest_of(lab.hub, ANN["email"]))} == {done, loose, denied}


def test_who_asked_is_forgotten_only_once_it_is_closed(lab: Lab):
    id_ = ask(lab.hub, "access", "nobody@else.example", "email")
    with pytest.raises(ConfigError, match="is open"):
        forget(lab.hub, id_)
    refused(lab.hub, id_, "Bob", "nothing")
    forget(lab.hub, id_)
    assert (found(lab.hub, id_).who, found(lab.hub, id_).ground) == (None, "nothing")
