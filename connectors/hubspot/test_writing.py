"""Writing to HubSpot: creates that happen once, stages that go back, pipelines, associations, whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors._kit.mischief import Switch
from connectors.hubspot.sandbox import Call, Response, Sandbox
from connectors.hubspot.test_hubspot import AT, KEY, Trial, new
from core import mapping
from core.errors import Exists, Gone, Refused, Throttled, ToolError, Unavailable, Unknown, Unsupported
from core.model.shapes import SHAPES
from core.ports import Edit, Receipt, Verb


class Blunt(Sandbox):
    """HubSpot where trace ids tell nothing: one bad input fails the whole batch, and nothing is done."""

    def answer(self, call: Call) -> Response | None:
        if "/batch/" in call.path and call.body:
            body = orjson.loads(call.body)
            for one in body.get("inputs", ()):
                one.pop("objectWriteTraceId", None)
            call = call._replace(body=orjson.dumps(body))
        return super().answer(call)


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


@pytest.fixture
def blunt() -> Iterator[Trial]:
    made = Trial(Blunt)
    yield made
    made.close()


def ids(receipts: list[Receipt]) -> list[str]:
    assert not [str(one.error) for one in receipts if one.error]
    return [str(one.remote_id) for one in receipts]


def errors(receipts: list[Receipt]) -> list[type[ToolError] | None]:
    return [type(one.error) if one.error else None for one in receipts]


def sent(trial: Trial, ending: str) -> list[Any]:
    """The bodies of the calls whose path ends so."""
    return [orjson.loads(one.call.body) for one in trial.box.journal if one.call.path.endswith(ending)]


# --- creates


def test_a_hundred_creates_are_one_call(trial: Trial) -> None:
    edits = [new("contacts", f"k-{n}", email=f"p{n}@example.com") for n in range(100)]
    calls = trial.calls_of(lambda: ids(trial.write("contacts", *edits)))
    assert calls == ["POST /crm/objects/2026-03/contacts/batch/create"]
    assert trial.box.count("contacts") == 100


def test_a_create_brings_its_associations_and_its_key(trial: Trial) -> None:
    company = trial.box.create("companies", {"name": "Example"})
    people = [trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(2)]
    links = {"associations__company": company, "associations__contacts": people}
    (receipt,) = trial.write("deals", new("deals", "k-1", dealname="Deal", **links))
    shown = trial.box.show("deals", str(receipt.remote_id)) or {}
    assert shown["associations"] == {"company": company, "contacts": people}
    assert receipt.fields == {
        "dealname": "Deal", "associations.company": company, "associations.contacts": people,
    }  # fmt: skip
    found = trial.connector.find("deals", "k-1")
    assert found is not None
    assert (found.id, found.key) == (receipt.remote_id, "k-1")
    assert found.fields[KEY] == "k-1"


@pytest.mark.parametrize("kind", ["trial", "blunt"])
def test_contacts_that_are_there_already_are_met_and_the_others_made(kind: str, request: pytest.FixtureRequest) -> None:
    trial: Trial = request.getfixturevalue(kind)
    there = {n: trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in (2, 5, 7)}
    edits = [new("contacts", f"k-{n}", email=f"P{n}@example.com", firstname=f"Pat {n}") for n in range(10)]
    receipts: list[Receipt] = []
    calls = trial.calls_of(lambda: receipts.extend(trial.write("contacts", *edits)))
    met = {n: one.error.remote_id for n, one in enumerate(receipts) if isinstance(one.error, Exists)}
    assert met == there
    assert len([one for one in receipts if one.error is None]) == 7
    assert trial.box.count("contacts") == 10
    assert len(calls) == (1 if kind == "trial" else 4), "refused, looked up by key and by address, sent again"
    assert not (trial.box.show("contacts", there[2]) or {}).get("firstname"), "what was there is not written over"


@pytest.mark.parametrize("kind", ["trial", "blunt"])
@pytest.mark.parametrize("stream", ["companies", "notes"])
def test_a_repeated_create_meets_the_first(kind: str, stream: str, request: pytest.FixtureRequest) -> None:
    trial: Trial = request.getfixturevalue(kind)
    edits = [new(stream, f"k-{n}", **({"name": f"C{n}"} if stream == "companies" else {"hs_note_body": f"N{n}"}))
             for n in range(6)]  # fmt: skip
    first = ids(trial.write(stream, *edits[:4]))
    again = trial.write(stream, *edits)
    met = [one.error.remote_id for one in again[:4] if isinstance(one.error, Exists)]
    assert met == first
    assert errors(again[4:]) == [None, None]
    assert trial.box.count(stream) == 6


def test_a_lost_answer_is_found_by_its_key(trial: Trial) -> None:
    trial.mischief.once(Switch.LOST_ANSWER)
    edit = new("companies", "k-1", name="Example")
    with pytest.raises(Unknown):
        trial.write("companies", edit)
    found = trial.connector.find("companies", "k-1")
    assert found is not None
    (again,) = trial.write("companies", edit)
    assert isinstance(again.error, Exists)
    assert again.error.remote_id == found.id
    assert trial.box.count("companies") == 1
    assert trial.connector.find("companies", "k-2") is None


def test_what_comes_after_a_lost_answer_is_not_sent(trial: Trial) -> None:
    id_ = trial.box.create("companies", {"name": "There"})
    change = trial.update("companies", id_, name="Changed")
    trial.mischief.once(Switch.LOST_ANSWER)
    made, changed = trial.write("companies", new("companies", "k-1", name="New"), change)
    assert isinstance(made.error, Unknown)
    assert isinstance(changed.error, Unavailable)
    assert (trial.box.show("companies", id_) or {})["name"] == "There"


def test_an_activity_without_a_time_gets_one_and_a_task_does_not(trial: Trial) -> None:
    (note,) = trial.write("notes", new("notes", "k-1", hs_note_body="Asked for a quote"))
    shown = trial.box.show("notes", ids([note])[0]) or {}
    assert shown["hs_timestamp"].startswith("2026-11-21T09:00")
    (task,) = trial.write("tasks", new("tasks", "k-2", hs_task_subject="Call back"))
    assert isinstance(task.error, Refused)
    assert "hs_timestamp" in str(task.error)


# --- updates


def test_none_clears_and_values_are_text(trial: Trial) -> None:
    trial.box.add_property("contacts", "vip", kind="bool", field_type="booleancheckbox")
    trial.box.add_property("contacts", "likes", kind="enumeration", field_type="checkbox", options=["tea", "wine"])
    trial.box.add_property("contacts", "age", kind="number", field_type="number")
    id_ = trial.box.create("contacts", {"email": "ann@example.com", "lastname": "Acre"})
    edit = trial.update("contacts", id_, vip=True, likes=["tea", "wine"], age=39, lastname=None)
    (receipt,) = trial.write("contacts", edit)
    assert receipt.fields == {"vip": "true", "likes": "tea;wine", "age": "39", "lastname": None}
    assert sent(trial, "/batch/update")[0]["inputs"][0]["properties"] == {
        "vip": "true", "likes": "tea;wine", "age": "39", "lastname": "",
    }  # fmt: skip
    assert "lastname" not in trial.fetch("contacts", id_)[0].fields


def test_a_receipt_says_what_hubspot_made_of_a_value(trial: Trial) -> None:
    id_ = trial.box.create("contacts", {"email": "ann@example.com"})
    (receipt,) = trial.write("contacts", trial.update("contacts", id_, email="ANN.ACRE@example.com", firstname=" Ann "))
    assert receipt.fields == {"email": "ann.acre@example.com", "firstname": "Ann"}
    assert receipt.version == trial.fetch("contacts", id_)[0].version


@pytest.mark.parametrize(
    ("held", "wanted", "calls"),
    [("customer", "lead", 2), ("lead", "customer", 1), ("customer", "customer", 1), ("", "lead", 1), ("lead", None, 1)],
)
@pytest.mark.parametrize("stream", ["contacts", "companies"])
def test_a_stage_goes_back_in_two_steps(trial: Trial, stream: str, held: str, wanted: str | None, calls: int) -> None:
    trial.connector.describe(stream)
    one, other = (trial.box.create(stream, {"lifecyclestage": held}) for _ in range(2))
    edits = [
        trial.update(stream, one, lifecyclestage=wanted, website="https://example.com"),
        trial.update(stream, other, website="https://example.org"),
    ]
    made = trial.calls_of(lambda: ids(trial.write(stream, *edits)))
    assert len(made) == calls
    assert (trial.box.show(stream, one) or {}).get("lifecyclestage") == wanted
    assert (trial.box.show(stream, other) or {}).get("lifecyclestage") == (held or None)
    if calls == 2:
        first, second = sent(trial, "/batch/update")
        assert [(row["id"], row["properties"]) for row in first["inputs"]] == [(one, {"lifecyclestage": ""})]
        assert len(second["inputs"]) == 2


def test_the_order_of_stages_is_the_accounts_own(trial: Trial) -> None:
    stages = ["visitor", "buyer", "friend"]
    trial.box.remove_property("contacts", "lifecyclestage")
    trial.box.add_property(
        "contacts", "lifecyclestage", kind="enumeration", field_type="radio", options=stages, label="Stage"
    )
    id_ = trial.box.create("contacts", {"lifecyclestage": "friend"})
    edit = trial.update("contacts", id_, lifecyclestage="visitor")
    assert len(trial.calls_of(lambda: trial.write("contacts", edit))) == 2


def test_a_stage_and_its_pipeline_go_together(trial: Trial) -> None:
    stages = [("renewal_due", "Due", False, 0.5), ("renewal_won", "Won", True, 1.0)]
    trial.box.add_pipeline("deals", "renewals", "Renewals", stages)
    (made,) = trial.write("deals", new("deals", "k-1", dealname="Deal", pipeline="renewals", dealstage="renewal_due"))
    id_ = ids([made])[0]
    ids(trial.write("deals", trial.update("deals", id_, dealstage="renewal_won")))
    assert sent(trial, "/batch/update")[-1]["inputs"][0]["properties"] == {
        "dealstage": "renewal_won", "pipeline": "renewals",
    }  # fmt: skip
    ids(trial.write("deals", trial.update("deals", id_, pipeline="default", dealstage="closedwon")))
    shown = trial.box.show("deals", id_) or {}
    assert (shown["pipeline"], shown["dealstage"]) == ("default", "closedwon")
    (wrong,) = trial.write("deals", trial.update("deals", id_, dealstage="renewal_due"))
    assert isinstance(wrong.error, Refused)
    assert wrong.error.facts["field"] == "dealstage"
    ids(trial.write("deals", trial.update("deals", id_, dealname="Other")))
    assert sent(trial, "/batch/update")[-1]["inputs"][0]["properties"] == {"dealname": "Other"}


def test_two_pipelines_are_told_apart_by_the_mapping(trial: Trial) -> None:
    """The lines that the default mapping shows for a second pipeline, switched on."""
    from connectors._kit.catalogue import entry

    text = entry("hubspot").mapping_path.read_text(encoding="utf-8").replace("# renewal", "renewal")
    trial.box.add_pipeline(
        "deals", "renewals", "Renewals",
        [("renewal_due", "Due", False, 0.5), ("renewal_sent", "Sent", False, 0.7), ("renewal_won", "Won", True, 1.0),
         ("renewal_lost", "Lost", True, 0.0)],
    )  # fmt: skip
    stream = mapping.load(text, file="hubspot.yaml").streams["deals"]
    deals = mapping.translator(stream, shapes=SHAPES)
    problems = mapping.check(
        mapping.load(text, file="hubspot.yaml"), shapes=SHAPES, manifest=entry("hubspot").manifest,
        descriptions={"deals": trial.connector.describe("deals")},
    )  # fmt: skip
    assert not [str(one) for one in problems if one.severity == "error"]
    records = [
        {"name": "Patio", "pipeline": "Sales", "stage": "Won"},
        {"name": "Patio, second year", "pipeline": "Renewals", "stage": "Renewals: won"},
    ]
    made = trial.write("deals", *[
        new("deals", f"k-{n}", **{name: value for name, value in one.items() if value})
        for n, one in enumerate(deals.write(record, creating=True).fields for record in records)
    ])  # fmt: skip
    readings = deals.read([one.fields for one in trial.fetch("deals", *ids(made))])
    for wanted, reading in zip(records, readings, strict=True):
        assert {name: reading.values[name] for name in wanted} == wanted
        assert reading.values["status"] == "won"


def test_an_update_of_a_merged_record_says_where_it_went(trial: Trial) -> None:
    one, other, fine = (trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(3))
    edits = [trial.update("contacts", id_, firstname="Changed") for id_ in (one, fine)]
    survivor = trial.box.merge("contacts", other, one)
    gone, good = trial.write("contacts", *edits)
    assert isinstance(gone.error, Gone)
    assert gone.error.moved_to == survivor
    assert good.error is None


def test_an_update_that_takes_anothers_address_is_refused(trial: Trial) -> None:
    one, other = (trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(2))
    (receipt,) = trial.write("contacts", trial.update("contacts", one, email="p1@example.com"))
    assert isinstance(receipt.error, Refused)
    assert receipt.error.facts["other"] == other


@pytest.mark.parametrize("kind", ["trial", "blunt"])
def test_one_bad_update_among_many_stands_alone(kind: str, request: pytest.FixtureRequest) -> None:
    trial: Trial = request.getfixturevalue(kind)
    there = [trial.box.create("companies", {"name": f"C{n}"}) for n in range(16)]
    edits = [trial.update("companies", id_, name="Changed") for id_ in there]
    edits[5] = trial.update("companies", there[5], lifecyclestage="nowhere")
    trial.box.archive("companies", there[9])
    found = trial.write("companies", *edits)
    assert errors(found) == [Refused if n == 5 else Gone if n == 9 else None for n in range(16)]
    assert "lifecyclestage" in str(found[5].error)


def test_a_locked_record_waits_alone(trial: Trial) -> None:
    there = [trial.box.create("companies", {"name": f"C{n}"}) for n in range(8)]
    edits = [trial.update("companies", id_, name="Changed") for id_ in there]
    trial.box.lock("companies", there[3])
    found = trial.write("companies", *edits)
    assert errors(found) == [Throttled if n == 3 else None for n in range(8)]
    assert found[3].error is not None
    assert isinstance(found[3].error, Throttled)
    assert (found[3].error.wait or 0) >= 2
    assert trial.time.slept < 2, "nobody waits for it"
    trial.box.unlock("companies", there[3])
    assert errors(trial.write("companies", edits[3])) == [None]


# --- deletes


def test_deletes_are_one_call_and_a_repeat_is_harmless(trial: Trial) -> None:
    there = [trial.box.create("notes", {"hs_note_body": f"N{n}", "hs_timestamp": AT}) for n in range(3)]
    edits = [Edit(Verb.DELETE, "notes", f"d-{id_}", id_) for id_ in there]
    assert len(trial.calls_of(lambda: ids(trial.write("notes", *edits)))) == 1
    assert trial.box.count("notes") == 0
    assert ids(trial.write("notes", *edits)) == there
    assert errors(trial.write("notes", Edit(Verb.DELETE, "notes", "d", "not-an-id"))) == [Gone]


# --- associations


def tied(trial: Trial, stream: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = trial.fetch(stream, id_)[0].fields["associations"]
    return found


def test_only_what_differs_is_tied_and_untied(trial: Trial) -> None:
    people = [trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(4)]
    deal = trial.box.create("deals", {"dealname": "Deal"}, {"contacts": people[:3]})
    edit = trial.update("deals", deal, associations__contacts=[people[0], people[2], people[3]])
    (receipt,) = trial.write("deals", edit)
    assert receipt.fields == {"associations.contacts": [people[0], people[2], people[3]]}
    assert tied(trial, "deals", deal) == {"contacts": [people[0], people[2], people[3]]}
    made, gone = sent(trial, "contacts/batch/create"), sent(trial, "contacts/batch/archive")
    assert [(row["from"]["id"], row["to"]["id"]) for row in made[0]["inputs"]] == [(deal, people[3])]
    assert gone[0]["inputs"] == [{"from": {"id": deal}, "to": [{"id": people[1]}]}]
    same = trial.update("deals", deal, associations__contacts=[people[0], people[2], people[3]])
    calls = trial.calls_of(lambda: ids(trial.write("deals", same)))
    assert calls == ["POST /crm/associations/2026-03/deals/contacts/batch/read"]


def test_another_primary_company_leaves_the_first_one_tied(trial: Trial) -> None:
    one, other = (trial.box.create("companies", {"name": name}) for name in ("One", "Other"))
    ann = trial.box.create("contacts", {"email": "ann@example.com"}, {"companies": [one]})
    (receipt,) = trial.write("contacts", trial.update("contacts", ann, associations__company=other, firstname="Ann"))
    assert receipt.fields == {"firstname": "Ann", "associations.company": other}
    assert tied(trial, "contacts", ann) == {"company": other}
    (receipt,) = trial.write("contacts", trial.update("contacts", ann, associations__company=None))
    assert receipt.fields == {"associations.company": one}, "what was behind it comes to light"
    assert tied(trial, "contacts", ann) == {"company": one}
    (receipt,) = trial.write("contacts", trial.update("contacts", ann, associations__company=None))
    assert receipt.fields == {"associations.company": None}
    assert tied(trial, "contacts", ann) == {}


def test_a_parent_company_is_a_label_of_its_own(trial: Trial) -> None:
    child, one, other = (trial.box.create("companies", {"name": name}) for name in ("Child", "One", "Other"))
    trial.box.associate("companies", child, "companies", one)
    assert tied(trial, "companies", child) == {}, "tied, and yet no parent"
    ids(trial.write("companies", trial.update("companies", child, associations__parent=one)))
    assert tied(trial, "companies", child) == {"parent": one}
    ids(trial.write("companies", trial.update("companies", child, associations__parent=other)))
    assert tied(trial, "companies", child) == {"parent": other}
    ids(trial.write("companies", trial.update("companies", child, associations__parent=None)))
    assert tied(trial, "companies", child) == {}
    assert one in [str(id_) for id_ in trial.box.world.neighbours("companies", int(child), "companies")]


def test_an_activity_moves_to_another_company_and_deal(trial: Trial) -> None:
    one, other = (trial.box.create("companies", {"name": name}) for name in ("One", "Other"))
    deal = trial.box.create("deals", {"dealname": "Deal"})
    task = trial.box.create("tasks", {"hs_task_subject": "Call", "hs_timestamp": AT}, {"companies": [one]})
    edit = trial.update("tasks", task, associations__company=other, associations__deal=deal)
    (receipt,) = trial.write("tasks", edit)
    assert receipt.fields == {"associations.company": other, "associations.deal": deal}
    assert tied(trial, "tasks", task) == {"company": other, "deal": deal}


def test_an_association_with_what_is_not_there_is_that_records_error(trial: Trial) -> None:
    company = trial.box.create("companies", {"name": "Example"})
    people = [trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(3)]
    edits = [
        trial.update("contacts", id_, associations__company="99999" if n == 1 else company, firstname="Pat")
        for n, id_ in enumerate(people)
    ]
    found = trial.write("contacts", *edits)
    assert [one is not None for one in errors(found)] == [False, True, False]
    assert tied(trial, "contacts", people[2]) == {"company": company}
    (receipt,) = trial.write("contacts", new("contacts", "k-9", email="n@example.com", associations__company="99999"))
    assert isinstance(receipt.error, Refused | Gone)
    assert trial.connector.find("contacts", "k-9") is None


# --- merges


@pytest.mark.parametrize("stream", ["companies", "contacts", "deals"])
def test_a_merge_of_ours_gives_the_new_record_and_both_lead_to_it(trial: Trial, stream: str) -> None:
    name = {"companies": "name", "contacts": "firstname", "deals": "dealname"}[stream]
    keep, lose = (trial.box.create(stream, {name: f"P{n}"}) for n in range(2))
    receipts: list[Receipt] = []
    calls = trial.calls_of(lambda: receipts.append(trial.connector.merge(stream, keep, lose)))
    assert calls == [f"POST /crm/objects/2026-03/{stream}/merge"]
    (receipt,) = receipts
    assert receipt.remote_id not in (keep, lose)
    assert sent(trial, "/merge") == [{"primaryObjectId": keep, "objectIdToMerge": lose}]
    assert [one.moved_to for one in trial.fetch(stream, keep, lose)] == [receipt.remote_id] * 2
    assert (trial.box.show(stream, str(receipt.remote_id)) or {})[name] == "P0"


def test_what_hubspot_does_not_merge_is_said(trial: Trial) -> None:
    for stream in ("tasks", "owners"):
        with pytest.raises(Unsupported):
            trial.connector.merge(stream, "1", "2")
    assert sent(trial, "/merge") == []


def test_a_merge_with_what_is_not_there_is_gone_and_one_with_itself_refused(trial: Trial) -> None:
    one = trial.box.create("contacts", {"email": "p@example.com"})
    with pytest.raises(Gone):
        trial.connector.merge("contacts", one, "99999")
    with pytest.raises(Refused):
        trial.connector.merge("contacts", one, one)
    assert trial.box.count("contacts") == 1


def test_a_merge_without_an_answer_is_unknown_and_not_sent_again(trial: Trial) -> None:
    one, two = (trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(2))
    trial.mischief.once(Switch.LOST_ANSWER)
    with pytest.raises(Unknown):
        trial.connector.merge("contacts", one, two)
    assert len(sent(trial, "/merge")) == 1
    assert trial.fetch("contacts", two)[0].moved_to is not None
