"""Leads as programs are told of them: one by one, with who asked and what, and as an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from api.assembly import Text
from api.console.people import Role
from api.v1 import events
from core.flow.capture import Post, capture
from core.flow.erasure.erasing import erase
from tests.api.v1.conftest import ANN, Program
from tests.support import Lab

Made = Callable[..., Program]
FORMS = """
quote:
  title: Ask for a quote
  sites: [https://shop.example]
  fields:
    email: {label: Email, required: true}
    asked: What do you need?
call:
  fields:
    email: {label: Email, required: true}
"""
PEOPLE = ("zoe", "yan", "xenia")


@pytest.fixture
def asked(lab: Lab) -> list[str]:
    """References, newest first: three newcomers by one form, and Ann, who was known, by the other."""
    lab.installation.change(texts={"forms": Text(FORMS, "forms.yaml")})
    lab.refreshed()
    told = [by(lab, "quote", f"{name}@shore.example", f"A patio for {name}") for name in PEOPLE]
    told.append(by(lab, "call", ANN["email"]))
    return told[::-1]


def by(lab: Lab, form: str, email: str, words: str = "") -> str:
    lab.wait(60)
    said = {"email": email, **({"asked": words} if words else {})}
    return capture(lab.hub, Post(form, said, key=f"{form} {email} {lab.clock()}")).reference


def pages(actor: Program, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = actor.get("/leads", params={**more, "after": after}).json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]


def test_each_is_told_newest_first_with_who_asked_and_what(program: Made, asked: list[str]) -> None:
    told = pages(program())
    assert [one["reference"] for one in told] == asked
    assert [one["form"] for one in told] == ["call", "quote", "quote", "quote"]
    assert [one["person"]["values"]["email"] for one in told[1:]] == [f"{one}@shore.example" for one in PEOPLE[::-1]]
    assert [one["at"] for one in told] == sorted((one["at"] for one in told), reverse=True)
    assert all(name in told[3 - place]["note"]["values"]["body"] for place, name in enumerate(PEOPLE))


def test_whoever_was_known_is_one_record_still(program: Made, asked: list[str]) -> None:
    (ann,) = pages(program(), form="call")
    assert ann["person"]["values"]["last_name"] == ANN["last_name"]
    assert ann["person"]["id"] < int(pages(program(), form="quote")[-1]["person"]["id"])


def test_pages_make_the_whole(program: Made, asked: list[str]) -> None:
    assert [one["reference"] for one in pages(program(), limit=1)] == asked


def test_a_lead_that_comes_again_is_told_once(program: Made, lab: Lab, asked: list[str]) -> None:
    post = Post("quote", {"email": "zoe@shore.example", "asked": "Twice"}, key="k")
    assert not capture(lab.hub, post).again
    assert capture(lab.hub, post).again
    assert len(pages(program())) == len(asked) + 1


def test_whoever_was_erased_is_not_in_it(program: Made, lab: Lab, asked: list[str]) -> None:
    erase(lab.hub, lab.record(email="zoe@shore.example").id)
    text = program().get("/leads").text
    assert "zoe" not in text.lower()
    assert "yan" in text.lower()


def test_a_viewers_key_is_told_that_there_was_a_lead_and_of_nobody(program: Made, asked: list[str]) -> None:
    text = program(Role.VIEWER).get("/leads").text
    assert asked[0] in text
    assert not [name for name in (*PEOPLE, ANN["email"], ANN["last_name"]) if name in text.lower()]


def test_the_number_of_statements_is_the_same_for_one_and_for_many(program: Made, lab: Lab, asked: list[str]) -> None:
    actor, counts = program(), []
    said: list[str] = []
    # When a key was used is noted once in a while.
    actor.get("/leads")
    event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *all_: said.append(all_[2]))
    for limit in (1, 4):
        said.clear()
        assert len(actor.get("/leads", params={"limit": limit}).json()["items"]) == limit
        counts.append(len(said))
    assert 0 < counts[0] == counts[1]


def test_what_cannot_be_asked_is_said(program: Made, asked: list[str]) -> None:
    assert program().get("/leads", params={"form": "nothing"}).status_code == 422
    assert program().get("/leads", params={"after": "x"}).status_code == 422


def test_a_lead_is_an_event_about_its_person(program: Made, lab: Lab, asked: list[str]) -> None:
    actor = program()
    told = actor.get("/events/samples", params={"event": events.LEAD}).json()
    assert [one["data"]["record"]["values"]["email"] for one in told] == [
        ANN["email"], *(f"{one}@shore.example" for one in PEOPLE[::-1])
    ]  # fmt: skip
    assert {one["data"]["record"]["kind"] for one in told} == {"contact"}
    assert len({one["id"] for one in told}) == len(told)


def test_there_is_a_sample_before_the_first_lead(program: Made) -> None:
    (one,) = program().get("/events/samples", params={"event": events.LEAD}).json()
    assert (one["type"], one["data"]["record"]["kind"]) == (events.LEAD, "contact")
