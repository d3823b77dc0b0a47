"""Batch operations: handed over together, answers found by our own ids, also after an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.mailchimp.test_mailchimp import STREAM, Trial, new
from core.errors import Exists, Garbled, Gone, Refused, Throttled, Unavailable, Unknown
from core.model.instant import MINUTE
from core.ports import Edit, Verb

BATCHES = "/3.0/batches"


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial(batch_above=20)
    made.connector.describe(STREAM)
    yield made
    made.close()


def changes(trial: Trial, count: int) -> list[Edit]:
    made = [trial.person(number) for number in range(count)]
    return [Edit(Verb.UPDATE, STREAM, f"k{n}", id_, {"FNAME": f"F{n}"}) for n, id_ in enumerate(made)]


def test_many_changes_are_a_handful_of_calls(trial: Trial) -> None:
    edits = changes(trial, 500)
    calls = trial.calls_of(lambda: trial.write(*edits))
    assert len(calls) <= 6
    assert {one.state.merges["FNAME"] for one in trial.box.audience.members.values()} == {f"F{n}" for n in range(500)}
    assert trial.box.batches == {}, "what was read is put away"


def test_few_changes_are_not_worth_a_batch(trial: Trial) -> None:
    edits = changes(trial, 20)
    assert not [one for one in trial.calls_of(lambda: trial.write(*edits)) if "batches" in one]


def test_each_operation_has_its_own_answer(trial: Trial) -> None:
    edits = changes(trial, 30)
    trial.box.erase(str(edits[3].remote_id))
    trial.box.archive(str(edits[4].remote_id))
    edits[5] = Edit(Verb.UPDATE, STREAM, "k5", edits[5].remote_id, {"ADDRESS.city": "Leeds"})
    receipts = trial.write(*edits)
    assert isinstance(receipts[3].error, Gone)
    assert isinstance(receipts[4].error, Gone)
    assert isinstance(receipts[5].error, Refused)
    assert receipts[5].error.facts["field"] == "ADDRESS"
    rest = [one for place, one in enumerate(receipts) if place not in (3, 4, 5)]
    assert [one.error for one in rest] == [None] * 27
    assert [one.remote_id for one in rest] == [e.remote_id for p, e in enumerate(edits) if p not in (3, 4, 5)]


def test_creates_with_tags_and_deletes_go_as_batches_too(trial: Trial) -> None:
    news = [new(number, tags=["t", f"t{number}"]) for number in range(30)]
    there = trial.person(99)
    news[7] = new(7, email_address="p99@example.com", tags=["t"])
    receipts = trial.write(*news)
    met = receipts.pop(7).error
    assert isinstance(met, Exists)
    assert met.remote_id == there
    assert all(one.error is None for one in receipts)
    assert trial.box.of_id(str(receipts[3].remote_id)).state.tags == ("t", "t3")
    gone = [Edit(Verb.DELETE, STREAM, f"d{n}", one.remote_id) for n, one in enumerate(receipts)]
    assert all(one.error is None for one in trial.write(*gone))
    assert trial.box.count() == 1
    assert all(isinstance(one.error, Gone) for one in trial.write(*gone))


def test_rounds_of_a_batch_come_one_after_the_other(trial: Trial) -> None:
    """A new address is a new hash, and tags are put on by hash."""
    made = [trial.person(number, status="transactional") for number in range(30)]
    fields = {"tags": ["t"], "status": "subscribed", "FNAME": "F"}
    edits = [
        Edit(Verb.UPDATE, STREAM, f"k{n}", id_, {**fields, "email_address": f"x{n}@example.com"})
        for n, id_ in enumerate(made)
    ]
    receipts = trial.write(*edits)
    assert all(one.error is None for one in receipts)
    states = [trial.box.of_id(id_).state for id_ in made]
    assert {(one.status, one.tags) for one in states} == {("pending", ("t",))}
    assert {one.email for one in states} == {f"x{n}@example.com" for n in range(30)}


def test_a_link_that_is_no_longer_good_is_asked_for_anew(trial: Trial) -> None:
    edits = changes(trial, 30)
    link = trial.box._link
    stale: list[str] = []

    def first_is_stale(batch: Any) -> str:
        url: str = link(batch)
        if not stale:
            stale.append(url)
            token = next(reversed(trial.box.links))
            trial.box.links[token] = (batch.id, trial.time() - 11 * MINUTE)
        return url

    trial.box._link = first_is_stale
    assert all(one.error is None for one in trial.write(*edits))
    assert len(trial.box.calls("GET", "/batch-results/{token}.tar.gz")) == 2


def test_the_archive_is_asked_for_without_our_credentials_elsewhere(trial: Trial) -> None:
    """Here it is the same host, so they go along; what matters is that the address itself opens it."""
    edits = changes(trial, 30)
    trial.write(*edits)
    (asked,) = trial.box.calls("GET", "/batch-results/{token}.tar.gz")
    assert asked.call.query == {"X-Amz-Expires": "600"}


def test_a_batch_that_takes_too_long_may_have_happened(trial: Trial) -> None:
    edits = changes(trial, 30)
    trial.box.batch_looks = 10_000
    assert all(isinstance(one.error, Unknown) for one in trial.write(*edits))
    assert len(trial.box.calls("GET", f"{BATCHES}/{{batch_id}}")) < 40


def test_a_batch_that_was_turned_away_did_nothing(trial: Trial) -> None:
    edits = changes(trial, 30)
    trial.mischief.chances[Switch.THROTTLED] = 1.0
    with pytest.raises(Throttled):
        trial.write(*edits)
    trial.mischief.calm()
    assert {one.state.merges["FNAME"] for one in trial.box.audience.members.values()} == {"Pat"}


def test_a_lost_answer_to_handing_over_is_looked_up_by_our_id(trial: Trial) -> None:
    news = [new(number, tags=["t"]) for number in range(30)]
    trial.mischief.once(Switch.LOST_ANSWER)
    assert all(isinstance(one.error, Unknown) for one in trial.write(*news))
    (batch,) = trial.box.batches.values()
    other = trial.connect()
    with pytest.raises(Unavailable, match="still being worked"):
        other.find(STREAM, "new-3")
    trial.time.sleep(60)
    headers = trial.box.journal[-1].call.headers
    trial.box.work(batch, headers)
    found = other.find(STREAM, "new-3")
    assert found is not None
    assert found.fields["email_address"] == "n3@example.com"
    assert other.find(STREAM, "never") is None
    assert len(trial.box.calls("GET", "/batch-results/{token}.tar.gz")) == 1, "read once for all that are looked up"
    assert all(isinstance(one.error, Exists) for one in other.write(STREAM, news))
    assert trial.box.count() == 30


def test_an_archive_that_is_none_is_garbled_and_says_nothing_of_what_was_done(trial: Trial) -> None:
    edits = changes(trial, 30)
    work = trial.box.work

    def broken(batch: Any, headers: Any) -> None:
        work(batch, headers)
        batch.archive = b"not an archive"

    trial.box.work = broken
    receipts = trial.write(*edits)
    assert all(isinstance(one.error, Unknown) for one in receipts)
    assert not any(isinstance(one.error, Garbled) for one in receipts)


def test_an_answer_that_is_missing_is_doubt_and_no_success(trial: Trial) -> None:
    edits = changes(trial, 30)
    operate = trial.box._operate

    def forgetful(row: Any, headers: Any) -> Any:
        told = operate(row, headers)
        return {**told, "operation_id": None} if row["operation_id"].startswith("k4:") else told

    trial.box._operate = forgetful
    receipts = trial.write(*edits)
    assert [place for place, one in enumerate(receipts) if one.error is not None] == [4]
    assert isinstance(receipts[4].error, Unknown)
