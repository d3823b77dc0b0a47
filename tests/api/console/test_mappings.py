"""The mapping editor: lines in words, an example in and out, drafts, unknown words, plans, versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from httpx import Response

from api.rewording import with_line, with_word, without_line
from core.errors import ConfigError
from tests.api.console.conftest import Browser, words
from tests.support import Lab

Someone = Callable[[str], Browser]

MAPPING = """\
# Kept as somebody wrote it.
vocabularies:
  stages:
    words: {new: lead, old: customer}
contacts:
  as: contact
  fields:
    email: email
    first_name: first_name   # what they are called
    phone: {field: phone, steps: [phone]}
    lifecycle_stage: {field: stage, vocabulary: stages}
"""


@pytest.fixture
def crm(lab: Lab) -> Lab:
    for name in ("crm", "shop"):
        lab.tool(name, mapping=MAPPING)
    lab.tools["crm"].create(
        "contacts", {"email": "Ann@Shore.example", "first_name": "Ann", "phone": "020 7946 0018", "stage": "new"}
    )
    lab.tools["crm"].create("contacts", {"email": "bob@quay.example", "first_name": "Bob", "stage": "vip"})
    lab.settle()
    return lab


def text_in(page: Response) -> str:
    found = re.search(r'(?s)<textarea id="text"[^>]*>\n?(.*?)</textarea>', page.text)
    assert found, words(page.text)
    return unescape(found[1])


def press(admin: Browser, act: str, text: str = MAPPING, **said: str) -> Response:
    return admin.post("mappings/crm", text=text, act=act, **said)


def test_each_line_is_a_sentence_with_an_example(crm: Lab, admin: Browser):
    page = admin.read("mappings/crm")
    assert "This is what is in force." in page
    assert "email and Memory's email follow each other. A blank there clears ours. Where tools differ: latest." in page
    assert "through the step phone" in page
    assert "Ann@Shore.example → ann@shore.example" in page
    assert "020 7946 0018 → +442079460018" in page
    assert "crm memory contacts as contact" in admin.read("mappings")


def test_another_record_can_be_tried(crm: Lab, admin: Browser):
    bob = next(id_ for id_, one in crm.tools["crm"].all("contacts").items() if one["first_name"] == "Bob")
    page = words(press(admin, "check", **{"example.contacts": bob}).text)
    assert "bob@quay.example" in page


def test_words_the_vocabulary_does_not_have_are_found_and_added(crm: Lab, admin: Browser):
    assert "vip in 1 record is a word that stages does not have" in admin.read("mappings/crm")
    page = press(admin, "word stages=vip", **{"means.stages=vip": "customer"})
    assert "words: {new: lead, old: customer, vip: customer}" in text_in(page)
    assert "vip in 1 record" not in words(page.text)
    assert "This is a draft." in words(page.text)


def test_a_line_is_changed_and_all_else_stays_as_it_was(crm: Lab, admin: Browser):
    assert "The tool's field" in words(press(admin, "edit contacts.email").text)
    page = press(admin, "line contacts.first_name", **{
        "remote.contacts.first_name": "first_name", "direction.contacts.first_name": "in",
        "when_blank.contacts.first_name": "ignore", "steps.contacts.first_name": "lower",
    })  # fmt: skip
    text = text_in(page)
    assert "{field: first_name, direction: in, when_blank: ignore, steps: [lower]}" in text
    assert "# Kept as somebody wrote it." in text
    assert "first_name is read from Memory's first_name, through the step lower" in words(page.text)
    assert "first_name" not in text_in(press(admin, "drop contacts.first_name"))


def test_a_line_is_added(crm: Lab, admin: Browser):
    page = press(admin, "add contacts", **{"ours.contacts": "job_title", "theirs.contacts": "job"})
    assert "    job_title: job\n" in text_in(page)
    refused = press(admin, "add contacts", **{"ours.contacts": "job_title"})
    assert refused.status_code == 400
    assert "Choose both." in words(refused.text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MAPPING.replace("email: email", "e_mail: email"), "line 8, column"),
        (MAPPING.replace("steps: [phone]", "steps: [telephone]"), "line 10, column"),
        ("contacts: [", "Error"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands_and_cannot_be_planned(crm: Lab, admin: Browser, text: str, said: str):
    page = press(admin, "check", text)
    assert said in words(page.text)
    assert 'value="plan" disabled' in page.text
    assert text_in(page) == text.rstrip("\n") + "\n", "nothing that was written is lost"
    assert press(admin, "plan", text).status_code == 400


def test_a_change_is_planned_then_activated_then_undone_by_a_version(crm: Lab, admin: Browser):
    text = MAPPING.replace("    phone:", "    job_title: job\n    phone:")
    plan = admin.follow(press(admin, "plan", text))
    said = words(plan.text)
    assert "Nothing would be written to any tool." in said
    assert "+ job_title: job" in said
    mark = re.search(r'name="mark" value="([^"]+)"', plan.text)
    assert mark
    done = admin.post("mappings/crm/activate", text=text, mark=mark[1])
    assert done.status_code == 303
    assert text_in(admin.open("mappings/crm")) == text
    versions = admin.open("mappings/crm/versions")
    assert versions.text.count("?version=") == 2
    older = re.findall(r"\?version=(\d+)", versions.text)[-1]
    assert "+ job_title: job" in words(versions.text)
    draft = press(admin, f"restore {older}", text)
    assert text_in(draft) == MAPPING
    assert "This is a draft." in words(draft.text)
    assert admin.open("mappings/crm/text").text == text


def test_what_is_written_is_told_before_and_done_after(crm: Lab, admin: Browser):
    text = MAPPING.replace("phone: {field: phone, steps: [phone]}", "phone: {field: tel, steps: [phone]}")
    plan = admin.follow(press(admin, "plan", text))
    # Nobody has filled the other field, so that the number would go everywhere.
    assert "shop 0 1 0" in words(plan.text)
    assert "+442079460018 → –" in words(plan.text)
    mark = re.search(r'name="mark" value="([^"]+)"', plan.text)
    assert mark
    admin.post("mappings/crm/activate", text=text, mark=mark[1])
    crm.settle()
    assert [one.get("phone") for one in held(crm, "shop")] == [None, None]


def test_a_plan_that_is_no_longer_true_is_shown_again(crm: Lab, admin: Browser):
    text = MAPPING.replace("phone: {field: phone, steps: [phone]}", "phone: {field: tel, steps: [phone]}")
    again = admin.follow(admin.post("mappings/crm/activate", text=text, mark="another one"))
    assert "Something has changed since" in words(again.text)
    assert text_in(admin.open("mappings/crm")) == MAPPING


def held(lab: Lab, name: str) -> list[dict[str, object]]:
    return [dict(one) for one in lab.tools[name].all("contacts").values()]


def test_mappings_are_for_admins(crm: Lab, someone: Someone):
    for role in ("viewer", "operator"):
        one = someone(role)
        assert one.open("mappings/crm").status_code == 403
        assert press(one, "check").status_code == 403
        assert "Mappings" not in one.read("")


def test_there_is_no_such_mapping(admin: Browser):
    answer = admin.open("mappings/nobody")
    assert answer.status_code == 404
    assert "There is no connection 'nobody'" in words(answer.text)


# --- the text itself


def test_single_lines_change_and_comments_stay():
    text = with_line(MAPPING, "contacts", "email", {"field": "mail", "required": True})
    assert "    email: {field: mail, required: true}\n" in text
    assert "# what they are called" in text
    assert with_line(text, "contacts", "email", {"field": "email", "required": False}) == MAPPING
    assert "email" not in without_line(MAPPING, "contacts", "email").partition("fields:")[2].partition("first")[0]
    assert "shut: lead" in with_word(MAPPING, "stages", "shut", "lead")


@pytest.mark.parametrize(
    "act",
    [
        lambda: with_line(MAPPING, "deals", "name", {"field": "name"}),
        lambda: without_line(MAPPING, "contacts", "nothing"),
        lambda: with_word(MAPPING, "moods", "glad", "happy"),
        lambda: with_line("contacts: [", "contacts", "email", {"field": "email"}),
        lambda: with_line("- a list", "contacts", "email", {"field": "email"}),
    ],
)
def test_what_is_not_there_cannot_be_changed(act: Callable[[], str]):
    with pytest.raises(ConfigError):
        act()
