"""Several calls in one envelope: answers in any order, tokens that end, parts that are not answered."""

from __future__ import annotations

from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Response
from connectors.google_calendar.test_google_calendar import STREAM, Trial, new
from core.errors import Garbled, Throttled, Unknown

BATCH = "/batch/calendar/v3"


def answering(trial: Trial, response: Response) -> None:
    """Let every envelope be answered like this."""

    def handler(call: Any) -> Response:
        return response

    trial.box._routes = [(made, handler if made.path == BATCH else old) for made, old in trial.box._routes]


def test_answers_in_any_order_find_their_edits(trial: Trial) -> None:
    trial.mischief.chances[Switch.SHUFFLED] = 1.0
    receipts = trial.write(*(new(number) for number in range(20)))
    assert [one.fields["summary"] for one in receipts if one.fields] == [f"New {number}" for number in range(20)]
    assert len(trial.box.calls("POST", BATCH)) == 1


def test_one_call_goes_without_an_envelope(trial: Trial) -> None:
    trial.write(new())
    assert trial.box.calls("POST", BATCH) == []


def test_an_access_token_that_ended_is_renewed_once(trial: Trial) -> None:
    trial.walk()
    trial.box.sign_out()
    receipts = trial.write(new(1), new(2))
    assert [one.error for one in receipts] == [None, None]
    assert len(trial.box.calls("POST", BATCH)) == 2
    assert len(trial.box.calls("POST", "/token")) == 2


def test_letters_of_any_language_come_back_as_they_went(trial: Trial) -> None:
    receipts = trial.write(new(1, summary="Gärtner–Besuch 訪問"), new(2, description="a\r\n\r\nb\n"))
    assert receipts[0].fields is not None
    assert receipts[0].fields["summary"] == "Gärtner–Besuch 訪問"
    assert receipts[1].fields is not None
    assert receipts[1].fields["description"] == "a\r\n\r\nb\n"


def test_each_call_of_an_envelope_counts_and_envelopes_are_small_beside_the_limit() -> None:
    trial = Trial(calls=100)
    trial.write(*(new(number) for number in range(50)))
    assert len(trial.box.calls("POST", BATCH)) == 5
    assert trial.time.slept >= 25, "fifty calls take half of the minute"
    trial.close()


def test_what_was_done_before_the_trouble_stays_done() -> None:
    trial = Trial(calls=100)
    trial.walk()
    handler = next(old for made, old in trial.box._routes if made.path == BATCH)

    def once(call: Any) -> Response:
        response = handler(call)
        trial.mischief.chances[Switch.THROTTLED] = 1.0
        return response

    trial.box._routes = [(made, once if old == handler else old) for made, old in trial.box._routes]
    receipts = trial.write(*(new(number) for number in range(30)))
    assert [type(one.error) for one in receipts] == [type(None)] * 10 + [Throttled] * 20
    assert trial.box.count() == 10
    trial.close()


def test_parts_that_are_not_answered_may_have_happened(trial: Trial) -> None:
    answering(trial, Response(200, b"--x--\r\n", {"Content-Type": "multipart/mixed; boundary=x"}))
    assert [type(one.error) for one in trial.write(new(1), new(2))] == [Unknown, Unknown]
    with pytest.raises(Garbled):
        trial.fetch("a", "b")


def test_a_page_instead_of_parts_is_no_answer(trial: Trial) -> None:
    answering(trial, Response(200, b"<html><title>Wait</title></html>", {"Content-Type": "text/html"}))
    assert [type(one.error) for one in trial.write(new(1), new(2))] == [Unknown, Unknown]


def test_a_part_that_is_turned_away_is_that_edits_alone(trial: Trial) -> None:
    trial.mischief.once(Switch.PARTIAL)
    receipts = trial.write(new(1), new(2), new(3))
    assert len([one for one in receipts if one.error is not None]) == 1
    assert trial.box.count() == 2


def test_more_than_fifty_go_in_several_envelopes(trial: Trial) -> None:
    ids = trial.box.fill(120)
    assert len(trial.connector.fetch(STREAM, ids)) == 120
    assert len(trial.box.calls("POST", BATCH)) == 3
