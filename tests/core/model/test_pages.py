"""Pages of records in a tool: which templates are taken, what goes into them, and that nothing leads elsewhere."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.pages import address, filled, wrong

SETTINGS = {"site": "url", "portal": "text", "token": "secret"}
SITE = "{site}/contacts/{portal}/{id}"


@pytest.mark.parametrize(
    "template",
    [SITE, "https://app.example.com/{portal}/{stream}/{id}", "https://{portal}.example.com/p/{id}?tab=1",
     "http://127.0.0.1:8080/{id}"],
)  # fmt: skip
def test_a_template_that_can_be_used(template: str):
    assert wrong(template, SETTINGS) == ""


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("https://app.example.com/people", "`{id}`"),
        ("https://app.example.com/{id", "brace"),
        ("https://app.example.com/{{id}}", "brace"),
        ("https://app.example.com/{company}/{id}", "`{company}` is no setting"),
        ("https://app.example.com/{token}/{id}", "secret"),
        ("https://app.example.com/{site}/{id}", "only stand at the beginning"),
        ("{site}.evil.example/{id}", "only stand at the beginning"),
        ("http://app.example.com/{id}", "https://"),
        ("javascript:alert({id})", "https://"),
        ("//app.example.com/{id}", "https://"),
        ("https://ann@app.example.com/{id}", "https://"),
        ("{portal}/x/{id}", "https://"),
        ("https://app.example.com/ {id}", "blank"),
    ],
)
def test_a_template_that_cannot(template: str, said: str):
    assert said in wrong(template, SETTINGS)


def test_what_is_not_said_gives_no_page():
    assert filled(SITE, {"site": "https://app.example.com"}, "contacts") == ""
    assert filled(SITE, {"site": "", "portal": "7"}, "contacts") == ""
    page = filled(SITE, {"site": "https://app.example.com/", "portal": 7}, "contacts")
    assert address(page, "12") == "https://app.example.com/contacts/7/12"
    assert address("", "12") == address(page, "") == ""


@pytest.mark.parametrize(
    "site",
    ["http://app.example.com", "javascript://x", "https://", "https://ann:secret@app.example.com", "ftp://x", "x{id}",
     "https://x/{y}", "https://x/{id}", "https://x/?to=", "https://x/#", "https://[::1"],
)  # fmt: skip
def test_a_setting_that_is_no_safe_address_gives_no_page(site: str):
    assert filled(SITE, {"site": site, "portal": "7"}, "contacts") == ""


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_an_id_or_a_setting_is_the_server_and_the_path_stay(portal: str, remote_id: str):
    try:
        remote_id.encode(), portal.encode()
    except UnicodeEncodeError:
        return
    page = filled("https://app.example.com/{portal}/people/{id}", {"portal": portal}, "contacts")
    parts = urlsplit(address(page, remote_id))
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "app.example.com", "", "")
    assert [unquote(one) for one in parts.path.split("/")] == ["", portal, "people", remote_id]
