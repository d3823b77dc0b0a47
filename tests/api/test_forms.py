"""`forms` in `concord.yaml`: told with place and remedy when wrong, planned, put in force, undone; `concord form`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import Concord

HEAD = "topics: {news: Our monthly letter}\n"
FORM = """\
forms:
  quote:
    title: Ask for a quote
    sites: [https://shop.example]
    fields: {email: Email, asked: What do you need?}
    consent: {email.news: Yes please}
"""


@pytest.fixture
def file(tmp_path: Path, data: Path) -> Path:
    path = tmp_path / "concord.yaml"
    path.write_text(HEAD + FORM, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("said", "place", "word"),
    [
        ("forms: {quote: {fields: {emial: Email}}}", "2:26", "email"),
        ("forms: {quote: {fields: {email: E}, consent: {email.offers: Yes}}}", "2:47", "topics"),
        ("forms:\n  quote:\n    fields: {email: E}\n    thanks: https://evil.example", "5:13", "sites"),
        ("forms: [quote]", "2:8", "neither a path nor a text"),
    ],
)
def test_mistakes_are_told_with_their_place(concord: Concord, file: Path, said: str, place: str, word: str):
    file.write_text(HEAD + said + "\n", encoding="utf-8")
    for command in ("apply", "plan"):
        ran = concord(command, str(file))
        assert ran.code != 0
        assert f"concord.yaml:{place}" in ran.err
        assert word in ran.err


def test_a_file_of_its_own_is_checked_by_its_own_lines(concord: Concord, file: Path, tmp_path: Path):
    file.write_text(HEAD + "forms: forms.yaml\n", encoding="utf-8")
    (tmp_path / "forms.yaml").write_text("quote:\n  fields: {email: E, fax: F}\n", encoding="utf-8")
    assert "forms.yaml:2:22" in concord("apply", str(file)).err
    (tmp_path / "forms.yaml").write_text("quote:\n  fields: {email: E}\n", encoding="utf-8")
    assert "forms" in concord("apply", str(file), "--json").json["also"]
    assert concord("apply", str(file), "--json").json["also"] == []


def test_a_form_may_ask_what_the_same_file_declares(concord: Concord, file: Path):
    fields = "custom_fields: |\n  contact:\n    - {name: size, type: number, doc: How large., example: 4}\n"
    file.write_text(fields + HEAD + FORM.replace("email: Email,", "email: Email, size: Size,"), encoding="utf-8")
    assert concord("apply", str(file)).code == 0
    # What a form asks for cannot be taken away from under it.
    file.write_text("topics: {}\n", encoding="utf-8")
    assert concord("apply", str(file)).code != 0


def test_it_is_planned_put_in_force_and_undone(concord: Concord, file: Path, tmp_path: Path):
    (tmp_path / "people.yaml").write_text("contacts:\n  as: contact\n  fields: {email: email}\n", encoding="utf-8")
    head = HEAD + "connections: {amber: {connector: memory, settings: {path: amber.json}, mapping: people.yaml}}\n"
    file.write_text(head + FORM, encoding="utf-8")
    assert concord("plan", str(file), "--json").json["change"]["also"] == ["topics", "forms"]
    assert concord("form", "--json").json == []
    applied = concord("apply", str(file), "--json")
    assert applied.code == 0, applied.err
    (form,) = concord("form", "--json").json
    assert form == {"form": "quote", "title": "Ask for a quote", "leads": 0, "trapped": 0, "unknown": {}}
    file.write_text(head + FORM.replace("Ask for a quote", "Ask us"), encoding="utf-8")
    changed = concord("apply", str(file), "--json").json
    assert concord("form", "--json").json[0]["title"] == "Ask us"
    assert concord("undo", str(changed["done"]["run"]), "--yes").code == 0
    assert concord("form", "--json").json[0]["title"] == "Ask for a quote"


def test_the_snippet_is_printed_for_where_the_hub_is_reached(
    concord: Concord, file: Path, monkeypatch: pytest.MonkeyPatch
):
    concord("apply", str(file))
    refused = concord("form", "quote")
    assert refused.code != 0
    assert "CONCORD_PUBLIC_URL" in refused.err
    printed = concord("form", "quote", "--url", "https://hub.shop.example/")
    assert printed.out.startswith("<!--")
    assert '<form action="https://hub.shop.example/v1/leads" method="post"' in printed.out
    monkeypatch.setenv("CONCORD_PUBLIC_URL", "https://leads.shop.example")
    told = concord("form", "quote", "--json").json
    assert told["page"] == "https://leads.shop.example/forms/quote"
    assert "https://leads.shop.example/v1/leads" in told["html"]
    unknown = concord("form", "qoute")
    assert unknown.code != 0
    assert "quote" in unknown.err


def test_forms_are_listed_for_people(concord: Concord, file: Path):
    file.write_text(HEAD, encoding="utf-8")
    concord("apply", str(file))
    assert "no form yet" in concord("form").out
    file.write_text(HEAD + FORM, encoding="utf-8")
    concord("apply", str(file))
    listed = concord("form").out
    assert "quote" in listed
    assert "Ask for a quote" in listed
