"""Every page of the console in a real browser: axe-core, narrow and wide, light and dark, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from core.store import people as stored
from tests.api.test_audit_command import POLICY
from tests.console.conftest import Opened
from tests.console.shop import PAGES, filled
from tests.support import Lab

WEIGHT = """[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .reduce((sum, one) => sum + one.decodedBodySize, 0)"""
LARGEST = 300_000
"""Bytes of one page with all of its own files."""


@pytest.fixture
def shop(lab: Lab) -> Lab:
    filled(lab)
    return lab


def opened(page: Page, path: str) -> int:
    """Opens a page, and gives the bytes of it and of its own files."""
    answer = page.goto(path or "./")
    assert answer is not None
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    return int(page.evaluate(WEIGHT))


def faults(page: Page, path: str, axe: str, width: int) -> list[str]:
    """The rules that an open page breaks."""
    across = page.evaluate("document.documentElement.scrollWidth")
    said = [f"{path}: {across} pixels wide"] if across > width else []
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
    for one in found["violations"]:
        said.append(f"{path}: {one['id']}: {json.dumps([node['html'][:160] for node in one['nodes'][:3]])}")
    return said


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (360, True)])
def test_no_page_breaks_a_rule_or_is_wider_than_the_screen(
    shop: Lab, visit: Opened, axe: str, picture: Callable[..., None], width: int, dark: bool
):
    page = visit("admin", width=width, dark=dark)
    said = []
    for path in PAGES.values():
        size = opened(page, path)
        if size > LARGEST:
            said.append(f"{path}: {size:,} bytes")
        said += faults(page, path, axe, width)
        picture(page, path.partition("?")[0].replace("/", "-") or "overview")
    assert not said, "\n".join(said)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (360, True)])
def test_what_comes_of_an_errand_breaks_none_either(
    shop: Lab, visit: Opened, axe: str, picture: Callable[..., None], width: int, dark: bool
):
    page, said = visit("admin", width=width, dark=dark), []
    text = POLICY.replace("{remind: act}", "{remind: act, task: act}")
    for button in ("Try it", "Plan the change"):
        page.goto("settings/movement")
        page.get_by_label("The text").fill(text)
        with page.expect_navigation():
            page.get_by_role("button", name=button, exact=True).click()
        if button == "Try it":
            with page.expect_navigation():
                page.get_by_role("link", name="of the draft alone").click()
            page.locator("main details").first.locator("summary").click()
        page.get_by_text("would have done" if button == "Try it" else "would do").first.wait_for()
        said += faults(page, button, axe, width)
        picture(page, button.replace(" ", "-"))
    page.goto("runs/2")
    with page.expect_navigation():
        page.get_by_role("button", name="See what undoing it would do").click()
    said += faults(page, "undo", axe, width)
    picture(page, "undo")
    assert not said, "\n".join(said)


@pytest.mark.slow
def test_everything_can_be_read_without_scripts(shop: Lab, visit: Opened):
    page = visit("admin", scripts=False)
    for path in PAGES.values():
        answer = page.goto(path or "./")
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("h1").inner_text(), path
        assert page.get_by_role("link", name="Sync log").is_visible(), path


def test_the_page_goes_on_by_itself(shop: Lab, visit: Opened):
    page = visit("admin")
    page.goto("./")
    page.locator(".figure", has_text="Contact").get_by_text("5").wait_for()
    shop.tools["crm"].create("contacts", {"email": "new@shore.example", "first_name": "New"})
    shop.settle()
    shop.clock.sleep(60)
    page.locator(".figure", has_text="Contact").get_by_text("6").wait_for()


def test_keys_lead_to_the_search_and_past_the_menu(shop: Lab, visit: Opened):
    page = visit("viewer")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Go to the content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_nobody_is_told_apart_by_their_role_in_the_menu_alone(shop: Lab, visit: Opened):
    page = visit("viewer")
    assert page.get_by_role("link", name="People", exact=True).count() == 0
    with shop.installation.store.reading() as tx:
        assert [one.role for one in stored.everybody(tx)] == ["viewer"]
