"""Writing: one record's trouble is its own, nothing is doubled, and calls are saved where that is possible."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.mailchimp.members import hash_of
from connectors.mailchimp.published import specification, violations
from connectors.mailchimp.test_mailchimp import STREAM, Trial, new
from connectors.mailchimp.trouble import CROWDED
from core.errors import (
    Exists,
    Gone,
    Refused,
    SchemaChanged,
    Unsupported,
)
from core.ports import Edit, Receipt, Verb

MANY = "POST /3.0/lists/{list_id}"
MEMBERS = "/3.0/lists/{list_id}/members"
ONE = f"{MEMBERS}/{{name}}"


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def merges(trial: Trial, id_: str) -> dict[str, Any]:
    return dict(trial.box.of_id(id_).state.merges)


# --- creates


def test_five_hundred_creates_are_two_calls(trial: Trial) -> None:
    edits = [new(number, FNAME=f"N{number}") for number in range(500)]
    trial.connector.describe(STREAM)
    calls = trial.calls_of(lambda: trial.write(*edits))
    assert calls == [MANY, f"GET {MEMBERS}"]
    assert trial.box.count() == 500
    body = json.loads(trial.box.calls("POST", "/3.0/lists/{list_id}")[0].call.body)
    assert body["update_existing"] is False


def test_who_is_there_already_is_named_and_not_written_over(trial: Trial) -> None:
    id_ = trial.person(1)
    edits = [new(1, email_address="P1@example.com", FNAME="Other"), new(2), new(3)]
    met, *made = trial.write(*edits)
    assert isinstance(met.error, Exists)
    assert met.error.remote_id == id_
    assert all(one.error is None for one in made)
    (alone,) = trial.write(edits[0])
    assert isinstance(alone.error, Exists)
    assert alone.error.remote_id == id_
    assert merges(trial, id_)["FNAME"] == "Pat"


def test_two_creates_with_one_address_make_one_member(trial: Trial) -> None:
    first, second, third = trial.write(new(1), new(2, email_address="N1@example.com"), new(3))
    assert isinstance(second.error, Exists)
    assert second.error.remote_id == first.remote_id
    assert third.error is None
    assert trial.box.count() == 2


def test_tags_go_along_with_a_create(trial: Trial) -> None:
    tagged, plain, other = trial.write(new(1, tags=["b", "a"]), new(2), new(3))
    assert tagged.fields is not None
    assert tagged.fields["tags"] == ["a", "b"]
    assert trial.fetch(str(tagged.remote_id))[0].fields["tags"] == ["a", "b"]
    assert (plain.error, other.error) == (None, None)


def test_one_value_that_spoils_the_call_is_found_by_halves(trial: Trial) -> None:
    edits = [new(number, **({"vip": "yes"} if number == 5 else {})) for number in range(12)]
    receipts = trial.write(*edits)
    assert [one.error is None for one in receipts] == [number != 5 for number in range(12)]
    assert isinstance(receipts[5].error, Refused)
    assert trial.box.count() == 11
    assert any("vip: 'yes'" in what for what in violations(trial.box.journal)) or specification() is None
    trial.box.journal.clear()


def test_an_archived_member_is_brought_back_under_its_id(trial: Trial) -> None:
    for stands in (False, True):
        trial.box.archived_stand = stands
        for more in ([], [new(8, email_address=f"o8{stands}@example.com")]):
            id_ = trial.person(1) if trial.box.by_address("p1@example.com") is None else trial.box.by_address(
                "p1@example.com").contact_id  # fmt: skip
            if trial.box.of_id(id_).state.status != "archived":
                trial.box.archive(id_)
            receipt, *_ = trial.write(new(1, email_address="p1@example.com", FNAME="Again"), *more)
            assert receipt.remote_id == id_
            assert merges(trial, id_)["FNAME"] == "Again"
            assert trial.box.of_id(id_).state.status == "transactional"


def test_a_required_merge_field_is_needed_unless_the_setting_says_no(trial: Trial) -> None:
    trial.box.audience.add_merge("COMPANY", "Company", "text", required=True)
    for edits in ([new(1)], [new(1), new(2)]):
        for receipt in trial.write(*edits):
            assert isinstance(receipt.error, Refused)
            assert receipt.error.facts["field"] == "COMPANY"
    lax = trial.connect(skip_required=True)
    assert [one.error for one in lax.write(STREAM, [new(1), new(2)])] == [None, None]


def test_addresses_that_mailchimp_takes_from_nobody(trial: Trial) -> None:
    trial.box.audience.crowded.add(hash_of("n2@example.com"))
    for more in ([], [new(9), new(10)]):
        fake, crowded, none = trial.write(
            new(1, email_address="x@y.invalid"), new(2), new(3, email_address=""), *more
        )[:3]  # fmt: skip
        assert isinstance(fake.error, Refused)
        assert isinstance(crowded.error, Refused)
        assert crowded.error.error_code == CROWDED
        assert isinstance(none.error, Refused)


def test_a_tag_that_the_audience_does_not_have_is_said_and_not_dropped(trial: Trial) -> None:
    id_ = trial.person()
    bad, good = trial.write(trial.update(id_, STAGE="lead"), new(1))
    assert isinstance(bad.error, SchemaChanged)
    assert bad.error.facts["field"] == "STAGE"
    assert good.error is None
    trial.box.audience.add_merge("STAGE", "Stage", "text")
    (again,) = trial.write(trial.update(id_, STAGE="lead"))
    assert again.fields == {"STAGE": "lead"}


# --- changes


def test_a_plain_change_is_one_call_and_a_tag_two(trial: Trial) -> None:
    id_ = trial.person(tags=["old", "kept"])
    change, tags = trial.update(id_, FNAME="Changed"), trial.update(id_, tags=["kept", "new"])
    assert trial.calls_of(lambda: trial.write(change))[-1:] == [f"PATCH {ONE}"]
    assert trial.calls_of(lambda: trial.write(tags)) == [f"GET {ONE}", f"POST {ONE}/tags"]
    body = json.loads(trial.box.journal[-1].call.body)
    assert body == {"tags": [{"name": "new", "status": "active"}, {"name": "old", "status": "inactive"}]}
    assert trial.fetch(id_)[0].fields["tags"] == ["kept", "new"]
    assert trial.calls_of(lambda: trial.write(tags)) == [f"GET {ONE}"], "and nothing to do is nothing done"


def test_another_address_is_another_hash_and_the_same_record(trial: Trial) -> None:
    id_, other = trial.person(1), trial.person(2)
    before = trial.fetch(id_)[0]
    (receipt,) = trial.write(trial.update(id_, email_address="new@example.com", tags=["moved"]))
    assert receipt.remote_id == id_
    after = trial.fetch(id_)[0]
    assert after.fields["id"] == hash_of("new@example.com") != before.fields["id"]
    assert after.fields["tags"] == ["moved"]
    (taken,) = trial.write(trial.update(id_, email_address="p2@example.com"))
    assert isinstance(taken.error, Refused)
    assert not isinstance(taken.error, Exists)
    assert trial.fetch(other)[0].fields["email_address"] == "p2@example.com"


def test_an_address_of_the_post_goes_whole(trial: Trial) -> None:
    home = {"addr1": "1 High Street", "city": "Leeds", "state": "West Yorkshire", "zip": "LS1 4AP", "country": "GB"}
    id_ = trial.person(ADDRESS=home)
    (receipt,) = trial.write(trial.update(id_, ADDRESS__city="York"))
    assert receipt.fields == {"ADDRESS.city": "York"}
    assert merges(trial, id_)["ADDRESS"] == {**home, "city": "York", "addr2": ""}
    (torn,) = trial.write(trial.update(id_, ADDRESS__zip=None))
    assert isinstance(torn.error, Refused)
    assert torn.error.facts["field"] == "ADDRESS"
    (gone,) = trial.write(trial.update(id_, **dict.fromkeys(f"ADDRESS__{part}" for part in home)))
    assert gone.error is None
    assert trial.fetch(id_)[0].fields["ADDRESS"] is None


@pytest.mark.parametrize(
    ("type_", "options", "given", "held", "wrong"),
    [
        ("number", {}, 7, 7, "seven"),
        ("dropdown", {"choices": ["red", "blue"]}, "red", "red", "green"),
        ("birthday", {"date_format": "MM/DD"}, "05/09", "05/09", "1984-05-09"),
        ("date", {"date_format": "MM/DD/YYYY"}, "2026-11-21", "2026-11-21", "soon"),
        ("url", {}, "https://shop.example", "https://shop.example", "shop"),
        ("phone", {"phone_format": "US"}, "201-555-0123", "201-555-0123", "+447700900123"),
        ("phone", {"phone_format": "none"}, "+447700900123", "+447700900123", None),
        ("text", {}, "é" * 127, "é" * 127, "é" * 128),
    ],
)
def test_merge_fields_are_described_and_keep_their_rules(
    trial: Trial, type_: str, options: dict[str, Any], given: Any, held: Any, wrong: Any
) -> None:
    trial.box.audience.add_merge("EXTRA", "Extra", type_, options=options)
    described = {field.name: field for field in trial.connector.describe(STREAM).fields}
    assert described["EXTRA"].custom
    assert described["EXTRA"].choices == tuple(options.get("choices", ()))
    assert not described["FNAME"].custom
    id_ = trial.person()
    (receipt,) = trial.write(trial.update(id_, EXTRA=given))
    assert receipt.fields == {"EXTRA": held}
    if wrong is not None:
        (bad,) = trial.write(trial.update(id_, EXTRA=wrong))
        assert isinstance(bad.error, Refused)
        assert bad.error.facts["field"] == "EXTRA"
    (cleared,) = trial.write(trial.update(id_, EXTRA=None))
    assert cleared.fields == {"EXTRA": None}


def test_what_is_archived_or_erased_meanwhile_is_gone(trial: Trial) -> None:
    one, two, three = trial.person(1), trial.person(2), trial.person(3)
    edits = [trial.update(one, FNAME="X"), trial.update(two, FNAME="X"), trial.update(three, FNAME="X")]
    trial.box.archive(one)
    trial.box.erase(two)
    first, second, third = trial.write(*edits)
    assert isinstance(first.error, Gone)
    assert isinstance(second.error, Gone)
    assert third.error is None
    delete = Edit(Verb.DELETE, STREAM, "d", one)
    assert isinstance(trial.write(delete)[0].error, Gone)


def test_erasing_is_for_good_and_may_be_repeated(trial: Trial) -> None:
    id_, kept = trial.person(1), trial.person(2)
    one, nobody = (Edit(Verb.DELETE, STREAM, f"d-{who}", who, for_good=True) for who in (id_, "nobody"))
    assert [receipt.error for receipt in trial.write(one, nobody)] == [None, None]
    assert [receipt.error for receipt in trial.write(one)] == [None]
    assert hash_of("p1@example.com") in trial.box.audience.forgotten
    assert list(trial.box.audience.members) == [kept]


def test_who_is_deleted_while_another_is_looked_for_proves_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, _ = trial.person(1), trial.person(2)
    asked = trial.connector._client.ask
    probes: list[str] = []

    def between(method: str, *words: str, **more: Any) -> Any:
        if words[-1:] == (going,) and going not in probes:
            probes.append(going)
            trial.box.erase(going)
        return asked(method, *words, **more)

    monkeypatch.setattr(trial.connector._client, "ask", between)
    found = {one.id: one.deleted for one in trial.connector.fetch(STREAM, ["nobody"])}
    assert found == {"nobody": True}
    assert probes == [going]


def test_there_is_one_stream(trial: Trial) -> None:
    with pytest.raises(Unsupported):
        trial.connector.write("campaigns", [])


def test_where_hashes_are_asked_for_unknown_ids_cost_one_look_through_the_list(trial: Trial) -> None:
    made = [trial.person(number) for number in range(30)]
    edits = [Edit(Verb.UPDATE, STREAM, f"k{n}", id_, {"FNAME": "X"}) for n, id_ in enumerate(made)]
    edits += [Edit(Verb.DELETE, STREAM, f"d{n}", "nobody") for n in range(3)]
    trial.box.paths_by_hash = True
    by_hash = trial.connect(paths="hash")
    by_hash.describe(STREAM)
    receipts: list[Receipt] = []
    calls = trial.calls_of(lambda: receipts.extend(by_hash.write(STREAM, edits)))
    assert calls.count(f"GET {MEMBERS}") == 2, "one for the changes, one for the deletes"
    errors = [one.error for one in receipts]
    assert errors[:30] == [None] * 30
    assert all(isinstance(one, Gone) for one in errors[30:])
