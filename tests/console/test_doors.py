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
from tests.console.conftest import Server
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
