"""Acknowledging as stories: whoever asks is answered at once, and nobody whom the gate refuses is written to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.scorecard import listed
from core.decide.movement.letters import LETTER
from core.decide.movement.policy import Acknowledgement, Mode, Policy, Step
from core.errors import Refused, ToolError, Unavailable, Unknown
from core.flow.erasure.erasing import erase
from core.flow.movement.acknowledging import acknowledge
from core.flow.movement.auditing import audit
from core.flow.movement.following import follow
from core.flow.reviews.answering import answer
from core.flow.running import Run
from core.flow.saying import say
from core.model.instant import HOUR, MINUTE, SECOND
from core.ports import Message, Receipt
from core.store import messages, movement
from core.store.messages import State
from core.store.scores import Asked
from tests.core.decide.movement.policies import fits, iso_at
from tests.core.flow.movement.test_following import MAPPING, RULED
from tests.remains import remains
from tests.support import Lab, emptied

RULE = Acknowledgement(
    "Enquiry", "contact", fits("contact", lifecycle_stage="lead"), HOUR, "We have your message, {name}",
    "When may we call?", "Somebody calls you today.", LETTER,
)  # fmt: skip
POLICY = replace(RULED, acknowledgements=(RULE,), mail="mail", modes={Step.ACKNOWLEDGE: Mode.ACT})
WORDS = "A new patio in Elm Road,\nabout 20 m²"


class Post:
    """A mail server that keeps what it takes, and may go wrong: before it takes a mail, or after."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.before: ToolError | None = None
        self.after: BaseException | None = None
        self.answer: ToolError | None = None
        self.keeps_sent = True

    def send(self, sent: Sequence[Message]) -> Sequence[Receipt]:
        if self.before is not None:
            raise self.before
        if self.answer is not None:
            return [Receipt(one.key, error=self.answer) for one in sent]
        self.taken += sent
        if self.after is not None:
            raise self.after
        return [Receipt(one.key) for one in sent]

    def sent(self, key: str) -> bool | None:
        return any(one.key == key for one in self.taken) if self.keeps_sent else None


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, free_streams: None) -> Iterator[Lab]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Lab(tmp_path, database_url=url, start=iso_at("2026-05-01 10:00"), tick=0) as made:
        made.dressed = lambda hub: replace(hub, movement=POLICY)
        made.tool("crm", mapping=MAPPING)
        yield made
    if url is not None:
        emptied(url)


@pytest.fixture
def post() -> Post:
    return Post()


def ann(lab: Lab, **fields: Any) -> str:
    person = {
        "email": "ann@shore.example", "first_name": "Ann", "stage": "lead", "asked": WORDS, "email_consent": "granted"
    }  # fmt: skip
    return lab.tools["crm"].create("contacts", {**person, **fields})


def wrote(lab: Lab, id_: str, when: str) -> None:
    """They wrote to us."""
    mail = {"type": "email", "direction": "inbound", "contact_ids": [id_], "starts_at": iso_at(when)}
    lab.tools["crm"].create("activities", {**mail, "subject": "A patio"})


def go(lab: Lab, post: Post) -> Counter[State]:
    """A round of the engine, as far as it concerns mails."""
    lab.settle()
    audit(lab.hub)
    follow(lab.hub)
    with Run(lab.hub, lab.hub.own_id, "acknowledge") as run:
        done = acknowledge(lab.hub, post, run)
        run.counts = {state.name.lower(): count for state, count in done.items()}
    lab.settle()
    audit(lab.hub)
    return done


def mails(lab: Lab) -> list[tuple[State, str]]:
    with lab.hub.store.reading() as tx:
        return [(one.state, one.note) for some in messages.of_records(tx, [row.id for row in lab.records()]).values()
                for one in some]  # fmt: skip


def under(lab: Lab, policy: Policy) -> None:
    lab.dressed = lambda hub: replace(hub, movement=policy)
    lab.refreshed()


def test_whoever_asks_reads_their_own_words_one_question_and_what_happens_next(lab: Lab, post: Post) -> None:
    ann(lab)
    assert go(lab, post) == {State.SENT: 1}
    (mail,) = post.taken
    assert (mail.to, mail.subject) == ("ann@shore.example", "We have your message, Ann")
    assert mail.text == (
        "Hello Ann,\n\nthank you. We have your message and are seeing to it. You wrote:\n\n"
        "> A new patio in Elm Road,\n> about 20 m²\n\nWhen may we call?\n\nSomebody calls you today."
    )
    assert go(lab, post) == {}
    assert len(post.taken) == 1


def test_it_is_kept_beside_the_record_and_counts_neither_as_an_answer_nor_as_evidence(lab: Lab, post: Post) -> None:
    ann(lab)
    go(lab, post)
    (kept,) = lab.records("activity")
    assert (kept.values["type"], kept.values["direction"], kept.values["done"]) == ("email", "outbound", True)
    assert "Elm Road" in str(kept.values["body"])
    (one,) = listed(_installation(lab), Asked())
    assert one["missing"]["action"]["because"] == "no next step is set down"
    lab.wait(HOUR / SECOND)
    audit(lab.hub)
    with lab.hub.store.reading() as tx:
        (verdict,) = movement.of_records(tx, [one["record"]]).values()
    assert verdict.answered_after is None
    assert verdict.in_window == 0, "nobody of us has answered, whatever the hub wrote by itself"


@pytest.mark.parametrize("status", ["denied", "pending", None])
def test_whom_the_gate_refuses_is_never_written_to_and_the_audit_says_so(
    lab: Lab, post: Post, status: str | None
) -> None:
    ann(lab, email_consent=status)
    assert go(lab, post) == {State.WAITING: 1}
    (one,) = listed(_installation(lab), Asked())
    assert one["mails"][0]["state"] == "waiting"
    assert one["mails"][0]["why"]
    lab.wait(HOUR / SECOND)
    assert go(lab, post) == {State.REFUSED: 1}
    (one,) = listed(_installation(lab), Asked())
    assert one["mails"][0]["state"] == "refused"
    assert go(lab, post) == {}
    assert post.taken == []


def test_who_refused_in_another_tool_or_between_two_rounds_is_not_written_to(lab: Lab, post: Post) -> None:
    ann(lab)
    lab.settle()
    audit(lab.hub)
    follow(lab.hub)
    say(lab.hub, lab.record(email="ann@shore.example").id, {"consent.all": "denied"})
    assert go(lab, post) == {State.WAITING: 1}
    assert post.taken == []


def test_a_consent_that_is_confirmed_in_time_lets_the_mail_go_out(lab: Lab, post: Post) -> None:
    id_ = ann(lab, email_consent=None)
    go(lab, post)
    lab.wait(10 * MINUTE / SECOND)
    lab.tools["crm"].edit("contacts", id_, {"email_consent": "granted"})
    assert go(lab, post) == {State.SENT: 1}


def test_nothing_is_confirmed_that_was_asked_long_ago_or_that_somebody_has_answered(lab: Lab, post: Post) -> None:
    crm = lab.tools["crm"]
    earlier, id_ = ann(lab, asked=None), ann(lab, email="bea@shore.example")
    wrote(lab, earlier, "2026-05-01 08:59")
    lab.settle()
    audit(lab.hub)
    follow(lab.hub)
    crm.create("activities", {"type": "call", "done": True, "direction": "outbound", "contact_ids": [id_],
                              "starts_at": iso_at("2026-05-01 10:00"), "subject": "Called"})  # fmt: skip
    go(lab, post)
    assert post.taken == []
    assert mails(lab) == [(State.LEFT, "somebody of us has answered meanwhile")]


def test_a_server_that_is_down_loses_nobody_and_writes_nobody_twice(lab: Lab, post: Post) -> None:
    ann(lab)
    ann(lab, email="bea@shore.example", first_name="Bea")
    post.before = Unavailable("nobody answers")
    with pytest.raises(Unavailable):
        go(lab, post)
    post.before = None
    assert go(lab, post) == {State.SENT: 2}
    assert sorted(one.to for one in post.taken) == ["ann@shore.example", "bea@shore.example"]


@pytest.mark.parametrize("keeps_sent", [True, False])
@pytest.mark.parametrize("crash", [Unknown("the line broke"), KeyboardInterrupt()])
def test_whatever_crashes_after_a_mail_went_out_it_goes_out_once(
    lab: Lab, post: Post, crash: BaseException, keeps_sent: bool
) -> None:
    post.keeps_sent = keeps_sent
    ann(lab)
    post.after = crash
    with suppress(KeyboardInterrupt):
        go(lab, post)
    post.after = None
    lab.restart()
    go(lab, post)
    go(lab, post)
    assert len(post.taken) == 1
    ((state, _),) = mails(lab)
    assert state == (State.SENT if keeps_sent else State.UNSURE)


def test_a_mail_that_was_about_to_go_out_and_did_not_is_not_sent_and_the_audit_says_so(lab: Lab, post: Post) -> None:
    ann(lab)
    post.before = Unknown("the line broke")
    post.keeps_sent = False
    assert go(lab, post) == {State.UNSURE: 1}
    post.before = None
    go(lab, post)
    assert post.taken == []
    (one,) = listed(_installation(lab), Asked())
    assert one["mails"][0]["why"] == "nobody knows whether it went out, so it is not sent again"


def test_an_address_that_takes_no_mail_is_told(lab: Lab, post: Post) -> None:
    ann(lab)
    post.answer = Refused("550 no such mailbox")
    assert go(lab, post) == {State.FAILED: 1}
    assert mails(lab) == [(State.FAILED, "550 no such mailbox")]


def test_a_question_of_mine_is_asked_before_a_letter_goes_out(lab: Lab, post: Post) -> None:
    under(lab, replace(POLICY, mark="asked", modes={Step.ACKNOWLEDGE: Mode.ASK}))
    ann(lab)
    assert go(lab, post) == {}
    (asked,) = lab.reviews("step")
    answer(lab.hub, asked, "do")
    assert go(lab, post) == {State.SENT: 1}
    assert len(post.taken) == 1


def test_dry_and_off_write_to_nobody(lab: Lab, post: Post) -> None:
    for mode in (Mode.DRY, Mode.OFF):
        under(lab, replace(POLICY, mark=str(mode), modes={Step.ACKNOWLEDGE: mode}))
        ann(lab, email=f"{mode}@shore.example")
        assert go(lab, post) == {}


def test_who_asks_again_while_we_are_in_talks_gets_no_second_letter(lab: Lab, post: Post) -> None:
    id_ = ann(lab)
    go(lab, post)
    lab.wait(10 * MINUTE / SECOND)
    wrote(lab, id_, "2026-05-01 10:10")
    go(lab, post)
    assert len(post.taken) == 1
    lab.wait(3 * HOUR / SECOND)
    wrote(lab, id_, "2026-05-01 13:09")
    go(lab, post)
    assert len(post.taken) == 2


def test_nothing_of_a_letter_is_left_of_somebody_who_was_erased(lab: Lab, post: Post) -> None:
    ann(lab)
    go(lab, post)
    erase(lab.hub, lab.record(email="ann@shore.example").id)
    lab.refreshed()
    lab.settle()
    assert remains(lab.hub.store, ["Elm Road", "ann@shore.example"]) == []


def _installation(lab: Lab) -> Any:
    """The laboratory's own hub, with the policy it wears."""

    class Dressed:
        def hub(self) -> Any:
            return lab.hub

    return Dressed()
