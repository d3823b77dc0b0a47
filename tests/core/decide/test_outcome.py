from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors
from core.decide.outcome import ATTEMPTS, DONE, LONGEST_WAIT, PATIENCE, Outcome, back_off, outcome
from core.errors import Reach, ToolError
from core.ports import Verb

CREATE, UPDATE, DELETE = Verb.CREATE, Verb.UPDATE, Verb.DELETE
EVERY_ERROR = [ToolError, *ToolError.__subclasses__()]


@pytest.mark.parametrize(
    ("error", "verb", "action"),
    [
        (None, CREATE, "done"),
        (errors.Throttled("slow"), CREATE, "throttled"),
        (errors.Unavailable("down"), CREATE, "again"),
        (errors.Unknown("timeout"), CREATE, "look"),
        (errors.Unknown("timeout"), UPDATE, "reread"),
        (errors.Unknown("timeout"), DELETE, "reread"),
        (errors.Garbled("html"), CREATE, "look"),
        (errors.Garbled("html"), UPDATE, "reread"),
        (errors.Garbled("html"), None, "again"),
        (errors.SignedOut("401"), UPDATE, "pause"),
        (errors.Forbidden("403"), UPDATE, "pause"),
        (errors.SchemaChanged("no field"), UPDATE, "pause"),
        (errors.Stale("moved"), UPDATE, "reread"),
        (errors.CursorExpired("410"), None, "reread"),
        (errors.Gone("404"), UPDATE, "gone"),
        (errors.Gone("404"), CREATE, "dead_letter"),
        (errors.Gone("404"), DELETE, "done"),
        (errors.Gone("301", moved_to="9"), UPDATE, "gone"),
        (errors.Gone("301", moved_to="9"), CREATE, "bind"),
        (errors.Gone("301", moved_to="9", moved_stream="others"), DELETE, "gone"),
        (errors.Exists("409"), CREATE, "bind"),
        (errors.Exists("409"), UPDATE, "dead_letter"),
        (errors.Refused("no"), CREATE, "dead_letter"),
        (errors.Unsupported("no"), CREATE, "dead_letter"),
        (ToolError("?"), CREATE, "dead_letter"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, ToolError) else str(part),
)
def test_each_error_has_its_outcome(error: ToolError | None, verb: Verb | None, action: str):
    assert outcome(error, attempts=0, verb=verb).action == action


@pytest.mark.parametrize("error", EVERY_ERROR)
@pytest.mark.parametrize("verb", [CREATE, UPDATE, DELETE, None])
def test_every_item_is_sent_again_or_ends_where_a_person_sees_it(error: type[ToolError], verb: Verb | None):
    for attempts in (0, ATTEMPTS, PATIENCE):
        found = outcome(error("it went wrong"), attempts=attempts, verb=verb)
        ends = found.action in {"done", "dead_letter", "pause"}
        assert (found.wait is None) == ends
        assert found.dead_letter == (found.action == "dead_letter")
        assert found.pause == found.review == (found.action == "pause")


@pytest.mark.parametrize("error", [errors.Unknown, errors.Garbled, errors.Stale, errors.Exists])
def test_what_may_be_the_items_own_fault_is_given_up_after_a_while(error: type[ToolError]):
    assert outcome(error("no"), attempts=ATTEMPTS, verb=CREATE).dead_letter
    early = outcome(error("no"), attempts=0, verb=CREATE)
    assert early.counts_attempt
    assert not early.dead_letter


def test_a_tool_that_is_down_is_waited_for_longer():
    assert outcome(errors.Unavailable("down"), attempts=ATTEMPTS).action == "again"
    assert outcome(errors.Unavailable("down"), attempts=PATIENCE).dead_letter


def test_throttling_counts_no_attempt_and_waits_as_told():
    told = outcome(errors.Throttled("slow", wait=7.5), attempts=10**6)
    assert (told.action, told.wait, told.counts_attempt) == ("throttled", 7.5, False)
    assert outcome(errors.Throttled("slow", wait=0.0)).wait == 0.0
    assert outcome(errors.Throttled("slow"), attempts=3).wait == back_off(3)


def test_a_pause_reaches_as_far_as_its_error_and_counts_no_attempt():
    assert outcome(errors.SignedOut("401")).reach is Reach.CONNECTION
    assert outcome(errors.SchemaChanged("no field")).reach is Reach.STREAM
    assert not outcome(errors.SignedOut("401")).counts_attempt
    missing = errors.Forbidden("403")
    assert (outcome(missing).reach, outcome(missing).error) == (Reach.STREAM, missing)
    assert outcome(missing.reaching(Reach.CONNECTION)).reach is Reach.CONNECTION


@pytest.mark.parametrize("error", [errors.Forbidden("403"), errors.SchemaChanged("no field")])
def test_what_is_one_records_own_trouble_pauses_nothing(error: ToolError):
    assert outcome(error.reaching(Reach.RECORD), verb=UPDATE) == outcome(errors.Refused("no"), verb=UPDATE)


def test_a_moved_version_is_read_again_at_once_and_then_slower():
    assert outcome(errors.Stale("moved"), attempts=0).wait == 0.0
    assert outcome(errors.Stale("moved"), attempts=1).wait == back_off(1)


def test_success_asks_for_nothing():
    assert outcome(None) == DONE == Outcome("done")


@given(st.integers(0, 200), st.integers(0, 2**63))
def test_the_wait_is_bounded_and_the_same_each_time(attempts: int, spread: int):
    wait = back_off(attempts, spread)
    longest = min(2.0 * 2**attempts, LONGEST_WAIT)
    assert longest / 2 <= wait <= longest
    assert back_off(attempts, spread) == wait


def test_items_that_failed_together_are_spread():
    assert len({round(back_off(5, spread)) for spread in range(100)}) > 20
