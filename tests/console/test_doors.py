"""The doors of the console in a real browser, where the other side is another site; pictures in `var/pictures`.

Cookies, redirects and the policy that lets no form go elsewhere are the browser's own here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from api.app import create_app
from api.console.people import People, Role
from api.settings import Settings
from connectors.hubspot.sandbox import Sandbox as HubSpot
from core.store import connections as stored
from core.store.connections import ConnectionRow
from tests.console.conftest import Opened, Server
from tests.console.shop import filled
from tests.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.support import Lab

pytestmark = pytest.mark.slow
Picture = Callable[..., None]


class Elsewhere(IdentityProvider):
    """The provider under another name: to a browser `localhost` and `127.0.0.1` are two sites."""

    @property
    def url(self) -> str:
        return super().url.replace("127.0.0.1", "localhost")


@pytest.fixture
def provider(lab: Lab) -> Iterator[Elsewhere]:
    with Elsewhere(clock=lab.clock) as made:
        lab.settings = lab.installation.settings = Settings(
            data=lab.settings.data, oidc_issuer=made.url, oidc_client_id=CLIENT, oidc_name="Shore Login",
            oidc_client_secret=SecretStr(SECRET),
        )  # fmt: skip
        yield made


@pytest.fixture
def page(chromium: Chromium, lab: Lab, provider: Elsewhere) -> Iterator[Page]:
    """A browser at a console that asks this provider."""
    server = Server(create_app(lab.installation))
    provider.page.redirect_uris.add(f"{server.url}sign-in/back")
    context = chromium.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
    server.stop()


def test_sign_in_by_the_provider_and_see_the_overview(lab: Lab, provider: Elsewhere, page: Page, picture: Picture):
    filled(lab)
    People(lab.installation).invite("ann@shore.example", Role.OPERATOR, by=None)
    page.goto("letters")
    expect(page.get_by_role("heading", name="Sign in to Concord")).to_be_visible()
    picture(page, "asked")
    page.get_by_role("link", name="Sign in with Shore Login").click()
    page.get_by_role("link", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    picture(page, "denied")
    page.get_by_role("link", name="Sign in with Shore Login").click()
    assert page.url.startswith(provider.url)
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".whose")).to_contain_text("Ann Shore")
    picture(page, "overview")
    names = {one["name"]: one for one in page.context.cookies()}
    assert names["concord"]["httpOnly"]
    assert "concord_away" not in names


class HubSpotElsewhere(HubSpot):
    """HubSpot under another name than the console's."""

    @property
    def url(self) -> str:
        return super().url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("width", [1440, 360])
def test_sign_in_to_a_tool_and_connect_it(
    lab: Lab, server: Server, visit: Opened, axe: str, picture: Picture, width: int
):
    with HubSpotElsewhere(clock=lab.clock) as box:
        box.consent.redirect_uris.add(f"{server.url}connect/back")
        page = visit("admin", width=width)
        page.goto("connections/new/hubspot")
        expect(page.locator("main")).to_contain_text(f"{server.url}connect/back")
        page.get_by_label("Name of the connection").fill("shop")
        page.get_by_label("Client id").fill(box.client_id)
        page.get_by_label("Client secret").fill(box.client_secret)
        page.get_by_text("Advanced (").click()
        page.get_by_label("Url", exact=True).fill(box.url)
        page.get_by_label("Authorize url").fill(f"{box.url}/oauth/authorize")
        picture(page, "form")
        page.get_by_role("button", name="Sign in to HubSpot").click()
        expect(page.get_by_role("heading", name="Sign in to HubSpot")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
        assert not found["violations"], found["violations"]
        picture(page, "way")
        page.get_by_role("link", name="Go on to localhost").click()
        page.get_by_role("link", name="Deny").click()
        expect(page.get_by_role("alert")).to_contain_text("HubSpot did not let Concord in")
        expect(page.get_by_label("Name of the connection")).to_have_value("shop")
        picture(page, "denied")
        page.get_by_role("button", name="Sign in to HubSpot").click()
        page.get_by_role("link", name="Go on to localhost").click()
        assert page.url.startswith(box.url)
        page.get_by_role("link", name="Allow").click()
        expect(page.locator("main")).to_contain_text("Signed in to HubSpot account")
        page.get_by_role("button", name="Connect all the same").click()
        expect(page.get_by_role("status")).to_contain_text("shop is connected")
        picture(page, "connected")
        box.revoke()
        page.get_by_role("button", name="Sign in to HubSpot").click()
        page.get_by_role("link", name="Go on to localhost").click()
        page.get_by_role("link", name="Allow").click()
        expect(page.get_by_role("status")).to_contain_text("shop is signed in to HubSpot")
        page.get_by_role("button", name="Check").first.click()
        expect(page.locator("main")).to_contain_text("Signed in to HubSpot account")
        picture(page, "checked")
    kept = lab.installation.vault.open(_row(lab).secrets)
    assert kept["refresh_token"] == box.refresh_token


def _row(lab: Lab) -> ConnectionRow:
    with lab.installation.store.reading() as tx:
        return next(one for one in stored.all_connections(tx) if one.name == "shop")
