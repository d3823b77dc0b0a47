"""Writing in bad weather: what is open at once, what turns us away, and answers that never come."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.mailchimp.sandbox_problems import Problem
from connectors.mailchimp.test_mailchimp import STREAM, Trial, new
from core.errors import (
    Exists,
    Forbidden,
    SignedOut,
    Throttled,
    Unavailable,
    Unknown,
)
from core.ports import Edit, Verb


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def test_at_most_eight_calls_are_open_whatever_the_connections(trial: Trial) -> None:
    wide = [trial.connect(concurrent=50) for _ in range(3)]
    for connector in wide:
        connector.describe(STREAM)
    # The first eight wait for each other, so that a ninth would be seen.
    meeting, arrivals, answer = threading.Barrier(8), itertools.count(), trial.box.answer

    lock, open_, most = threading.Lock(), [0], [0]

    def meet(call: Any) -> Any:
        with lock:
            open_[0] += 1
            most[0] = max(most[0], open_[0])
            early = next(arrivals) < 8
        if early:
            meeting.wait(timeout=20)
        response = answer(call)
        with lock:
            open_[0] -= 1
        return response

    trial.box.answer = meet
    made = [trial.person(number) for number in range(120)]
    edits = [Edit(Verb.UPDATE, STREAM, f"k{n}", id_, {"FNAME": "Wide"}) for n, id_ in enumerate(made)]
    share = [edits[place::3] for place in range(3)]
    threads = [
        threading.Thread(target=lambda c=c, s=s: c.write(STREAM, s)) for c, s in zip(wide, share, strict=True)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {trial.box.of_id(id_).state.merges["FNAME"] for id_ in made} == {"Wide"}
    assert most == [8]


def test_a_bare_403_is_a_wish_for_fewer_calls_and_one_with_words_is_none(trial: Trial) -> None:
    id_ = trial.person()
    trial.box.terse = True
    trial.mischief.once(Switch.THROTTLED, 2)
    (receipt,) = trial.write(trial.update(id_, FNAME="Patient"))
    assert receipt.error is None
    assert [one.status for one in trial.box.journal].count(403) == 2
    trial.mischief.chances[Switch.THROTTLED] = 1.0
    with pytest.raises(Throttled):
        trial.write(new(1))
    trial.mischief.calm()
    told = Problem(403, "User Disabled", "This account has been deactivated.").response()
    trial.box.authorise = lambda call: told
    with pytest.raises(Forbidden, match="deactivated"):
        trial.write(new(1))
    del trial.box.authorise


def test_a_key_that_no_longer_works_stops_the_batch_at_once(trial: Trial) -> None:
    made = [trial.person(number) for number in range(40)]
    edits = [Edit(Verb.UPDATE, STREAM, f"k{n}", id_, {"FNAME": "X"}) for n, id_ in enumerate(made)]
    trial.connector.describe(STREAM)
    trial.box.api_key = "another-us19"
    before = len(trial.box.journal)
    with pytest.raises(SignedOut):
        trial.write(*edits)
    assert len(trial.box.journal) - before <= 8


def test_what_was_done_before_the_trouble_keeps_its_receipt(trial: Trial) -> None:
    id_ = trial.person()
    edit = trial.update(id_, FNAME="Lost")
    trial.mischief.once(Switch.LOST_ANSWER)
    lost, fine = trial.write(edit, new(3))
    errors = [lost.error, fine.error]
    assert sum(isinstance(one, Unknown) for one in errors) == 1
    assert sum(one is None for one in errors) == 1


def test_an_id_that_cannot_be_looked_up_after_a_create_is_not_taken_for_nothing_done(trial: Trial) -> None:
    listed = trial.box.list_members

    def down(call: Any, list_id: str) -> Any:
        del call, list_id
        return trial.box.failing(None)

    trial.box._routes = [
        (made, down if made.path.endswith("/members") and made.method == "GET" else act)
        for made, act in trial.box._routes
    ]
    receipts = trial.write(new(1), new(2))
    assert all(isinstance(one.error, Unknown) for one in receipts)
    trial.box._routes = [(made, listed if act is down else act) for made, act in trial.box._routes]
    found = [trial.connector.find(STREAM, f"new-{number}") for number in (1, 2)]
    assert [one.fields["email_address"] for one in found if one] == ["n1@example.com", "n2@example.com"]
    assert all(isinstance(one.error, Exists) for one in trial.write(new(1), new(2)))
    assert trial.box.count() == 2


def test_a_create_is_not_repeated_into_a_double_by_a_process_that_knows_nothing(trial: Trial) -> None:
    trial.mischief.once(Switch.LOST_ANSWER)
    (lost,) = trial.write(new(1))
    assert isinstance(lost.error, Unknown)
    other = trial.connect()
    assert other.find(STREAM, "new-1") is None
    (met,) = other.write(STREAM, [new(1)])
    assert isinstance(met.error, Exists)
    assert trial.box.count() == 1


def test_nobody_answers_is_unavailable_and_nothing_done(trial: Trial) -> None:
    trial.mischief.chances[Switch.UNAVAILABLE] = 1.0
    with pytest.raises((Unavailable, Unknown)):
        trial.write(new(1), new(2), new(3, tags=["t"]))
    trial.mischief.calm()
    assert trial.box.count() == 0
