"""Signing in to a tool by going there and coming back: the same for every connector whose manifest says how.

Each tool's sandbox asks on a page of its own, over a real socket, and refuses what the tool would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from httpx import Response
from sqlalchemy import func, select

from connectors._kit.catalogue import catalogue, entry
from connectors._kit.sign_in import Way
from connectors.google_calendar.sandbox import Sandbox as Google
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.errors import ConfigError
from core.flow.aging import age
from core.model.instant import HOUR, MINUTE, SECOND
from core.store import connections as stored
from core.store import trail
from core.store.codec import dumps, loads
from core.store.tables import authorization_request
from tests.api.console.conftest import Browser, words
from tests.support import Lab

BACK = "http://127.0.0.1/console/connect/back"
LINK = re.compile(r'class="button main" href="([^"]+)"')
Someone = Callable[..., Browser]


class StandIn(NamedTuple):
    """How a tool's sandbox is reached, and how it takes away what it gave."""

    make: Callable[..., Any]
    settings: Callable[[Any], Mapping[str, str]]
    revoke: Callable[[Any], None]


def _revoke(box: Any) -> None:
    box.revoke()


STAND_INS = {
    "hubspot": StandIn(
        HubSpot, lambda box: {"url": box.url, "authorize_url": f"{box.url}/oauth/authorize"}, _revoke
    ),
    "salesforce": StandIn(Salesforce, lambda box: {"login_url": box.url}, _revoke),
    "google_calendar": StandIn(
        Google,
        lambda box: {
            "url": box.url, "token_url": f"{box.url}/token", "authorize_url": f"{box.url}/o/oauth2/v2/auth"
        },
        lambda box: setattr(box, "refresh_token", "1//another"),
    ),
    "mailchimp": StandIn(
        Mailchimp,
        lambda box: {"url": box.url, "login_url": box.url, "audience": box.audience.id},
        lambda box: setattr(box, "token", "another-token"),
    ),
}  # fmt: skip

UNFIT = ("hubspot", "salesforce")
"""Whose sandboxes lack at first what a check asks for, as a new account does."""


class Tool:
    """One tool, and an admin who connects it."""

    def __init__(self, name: str, box: Any, lab: Lab, admin: Browser) -> None:
        self.name, self.box, self.lab, self.admin = name, box, lab, admin
        self.manifest = entry(name).manifest
        assert self.manifest.sign_in is not None
        self.sign_in = self.manifest.sign_in

    def typed(self, **more: str) -> dict[str, str]:
        """What is filled in before anybody signs in."""
        app = {"client_id": self.box.client_id, "client_secret": self.box.client_secret}
        settings = {**STAND_INS[self.name].settings(self.box), **app, **more}
        return {"name": "theirs", "begin": "after plan", **{f"set.{key}": value for key, value in settings.items()}}

    def leave(self, page: str = "", **more: str) -> str:
        """Send the form; gives the address of the tool's page."""
        page = page or f"connections/new/{self.name}"
        answer = self.admin.post(page, page if page.endswith("edit") else "me", act="sign in", **self.typed(**more))
        return self.link(answer)

    def link(self, answer: Response) -> str:
        assert answer.status_code == 200, words(answer.text)
        assert "form-action 'self';" in answer.headers["content-security-policy"]
        assert BACK in words(answer.text), "the page tells which address the app must know"
        found = LINK.search(answer.text)
        assert found is not None
        return unescape(found[1])

    def agree(self, place: str, decision: str = "allow") -> str:
        """Decide at the tool; gives the way back."""
        assert place.startswith(self.box.url), place
        page = httpx.get(place)
        assert page.status_code == 200, page.text
        answer = httpx.get(place, params={**query(place), "decision": decision})
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(BACK)
        return str(answer.headers["location"])

    def back(self, address: str, by: Browser | None = None) -> Response:
        """Back at the console, as from another site."""
        answer: Response = (by or self.admin).client.get(address, headers={"Sec-Fetch-Site": "cross-site"})
        return answer

    def connect(self, **more: str) -> None:
        """All the way."""
        self.arrive(f"connections/new/{self.name}", **more)

    def arrive(self, page: str, **more: str) -> None:
        """From a form to the tool and to the connection's check; past one that finds something missing in the tool."""
        answer = self.back(self.agree(self.leave(page, **more)))
        if self.name in UNFIT:
            said = refused(answer, "Not fit to be synced yet")
            assert "does not accept the credentials" not in said, "only who is signed in sees what is missing"
            held = re.search(r'name="sealed" value="([^"]+)"', answer.text)
            assert held is not None
            typed = {key: value for key, value in self.typed().items() if "secret" not in key}
            answer = self.admin.post(page, act="anyway", sealed=held[1], **typed)
        assert answer.status_code == 303, words(answer.text)
        assert answer.headers["location"].startswith("/console/connections/theirs"), answer.headers["location"]

    def row(self) -> Any:
        with self.lab.installation.store.reading() as tx:
            return next(one for one in stored.all_connections(tx) if one.name == "theirs")

    def held(self) -> dict[str, Any]:
        row = self.row()
        return {**loads(row.settings), **self.lab.installation.vault.open(row.secrets)}

    def gained(self) -> dict[str, str]:
        """What the connection must hold of what the tool gives."""
        of = {"refresh_token": "refresh_token", "access_token": "token"}
        return {setting: getattr(self.box, of[name]) for setting, name in self.sign_in.keeps.items()}

    def is_connected(self) -> bool:
        with self.lab.installation.store.reading() as tx:
            return any(one.name == "theirs" for one in stored.all_connections(tx))


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def refused(answer: Response, why: str) -> str:
    said = words(answer.text)
    assert answer.status_code == 400, (answer.status_code, answer.headers.get("location"))
    assert why in said, said
    return said


@pytest.fixture(params=sorted(STAND_INS))
def tool(request: pytest.FixtureRequest, lab: Lab, admin: Browser) -> Iterator[Tool]:
    with STAND_INS[request.param].make(clock=lab.clock) as box:
        box.consent.redirect_uris.add(BACK)
        yield Tool(request.param, box, lab, admin)


def test_every_tool_that_people_sign_in_to_is_tried_here():
    assert {name for name, one in catalogue().items() if one.manifest.sign_in} == set(STAND_INS)
    assert {name for name, one in catalogue().items() if one.manifest.auth == "oauth2"} <= set(STAND_INS)


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_a_manifest_speaks_of_settings_that_are_there(name: str):
    manifest = entry(name).manifest
    said = manifest.sign_in
    assert said is not None
    named = set(re.findall(r"{(\w+)}", said.authorize_url + said.token_url))
    assert {*named, *said.keeps, *said.clears, "client_id", "client_secret"} <= set(manifest.settings)
    assert set(said.keeps) <= manifest.secrets
    assert said.doc
    place = Way(manifest, {"client_id": "app"}, BACK).address("state", "verifier")
    assert place.startswith("https://")
    assert not {"state", "redirect_uri", "code_challenge"} & set(said.params)


def test_a_tool_is_connected_by_going_there(tool: Tool):
    tool.connect(**dict.fromkeys(tool.sign_in.clears, "an old key-us19"))
    held = tool.held()
    assert tool.gained().items() <= held.items()
    assert not set(tool.sign_in.clears) & set(held)
    with tool.lab.installation.store.reading() as tx:
        done = {one.what for one in trail.steps(tx)}
    assert {"sign in to a tool", "connect a tool"} <= done
    answer = tool.admin.post("connections/theirs/check")
    assert "does not accept the credentials" not in words(answer.text)


def test_the_tool_is_asked_as_its_manifest_says(tool: Tool):
    asked = query(tool.leave())
    assert (asked["response_type"], asked["client_id"]) == ("code", tool.box.client_id)
    assert asked["redirect_uri"] == BACK
    assert set(asked.get("scope", "").split()) == set(tool.manifest.scopes)
    assert ("code_challenge" in asked) == tool.sign_in.pkce
    assert tool.sign_in.params.items() <= asked.items()
    assert tool.leave() != tool.leave()
    assert not tool.is_connected(), "nothing is put in force before somebody is back"


def test_signing_in_again_keeps_everything_else(tool: Tool):
    tool.connect()
    tool.lab.installation.pause("theirs", note="because")
    chosen = {"streams": dumps({"*": {"deletes_in": "ask"}}), "brake": dumps({"deletes": 0.05})}
    with tool.lab.installation.store.writing() as tx:
        stored.change_connection(tx, tool.row().id, **chosen)
    before, held = tool.row(), tool.held()
    for name in tool.sign_in.clears:
        tool.lab.installation._save_secret("theirs", name, "an old key-us19")
    STAND_INS[tool.name].revoke(tool.box)
    answer = tool.back(tool.agree(tool.link(tool.admin.post("connections/theirs/sign-in"))))
    assert answer.status_code == 303, words(answer.text)
    assert answer.headers["location"].startswith("/console/connections/theirs/check?said=")
    assert tool.held() == {**held, **tool.gained()}
    after = tool.row()
    for name in ("id", "connector", "settings", "streams", "brake", "state", "pause_code", "pause_note"):
        assert getattr(after, name) == getattr(before, name), name


def test_the_form_of_a_connection_leads_there_too(tool: Tool):
    tool.connect()
    STAND_INS[tool.name].revoke(tool.box)
    tool.arrive("connections/theirs/edit")
    assert tool.gained().items() <= tool.held().items()


def test_somebody_who_is_back_sees_the_check_of_the_connection(lab: Lab, admin: Browser):
    with Mailchimp(clock=lab.clock) as box:
        box.consent.redirect_uris.add(BACK)
        tool = Tool("mailchimp", box, lab, admin)
        answer = tool.back(tool.agree(tool.leave()))
        assert answer.headers["location"] == "/console/connections/theirs/check?said=theirs%20is%20connected."


def test_a_refusal_is_told_in_words_and_what_was_typed_stays(tool: Tool):
    answer = tool.back(tool.agree(tool.leave(), "deny"))
    said = refused(answer, "access_denied The user denied the request")
    assert f"{tool.manifest.title} did not let Concord in" in said
    assert f'action="/console/connections/new/{tool.name}"' in answer.text
    assert 'value="theirs"' in answer.text
    assert tool.box.client_secret not in answer.text
    assert not tool.is_connected()


def test_a_code_that_was_used_is_refused_by_the_tool(tool: Tool):
    first = query(tool.agree(tool.leave()))
    state, code = query(tool.leave())["state"], first["code"]
    tool.back(f"{BACK}?{urlencode(first)}")
    answer = tool.back(f"{BACK}?{urlencode({'state': state, 'code': code})}")
    refused(answer, "unknown")
    assert code not in words(answer.text)


@pytest.mark.parametrize("tool", ["google_calendar", "salesforce"], indirect=True)
def test_where_pkce_is_known_a_code_of_another_sign_in_does_not_fit(tool: Tool):
    assert tool.sign_in.pkce
    code = query(tool.agree(tool.leave()))["code"]
    state = query(tool.leave())["state"]
    refused(tool.back(f"{BACK}?{urlencode({'state': state, 'code': code})}"), "does not fit the challenge")
    assert not tool.is_connected()


def test_another_redirect_uri_is_not_followed_by_the_tool(tool: Tool):
    place = tool.leave()
    asked = {**query(place), "redirect_uri": "https://evil.example/back", "decision": "allow"}
    answer = httpx.get(place.partition("?")[0], params=asked)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_wrong_secret_is_told_and_shown_nowhere(tool: Tool):
    answer = tool.back(tool.agree(tool.leave(client_secret="a wrong secret")))
    said = words(answer.text)
    if tool.sign_in.pkce and answer.status_code == 400:
        assert "invalid" in said.lower() or "not found" in said.lower(), said
    assert answer.status_code == 400
    assert "a wrong secret" not in answer.text
    assert not tool.is_connected()


def test_a_state_is_good_once_for_ten_minutes_and_for_one_visit(tool: Tool, someone: Someone):
    address = tool.agree(tool.leave())
    other = someone("admin", "other@shore.example")
    refused(tool.back(address, other), "belongs to another browser or visit")
    refused(tool.back(address), "good once, and for ten minutes")
    address = tool.agree(tool.leave())
    tool.lab.clock.sleep(10 * MINUTE / SECOND)
    refused(tool.back(address), "good once, and for ten minutes")
    assert not tool.is_connected()


def test_what_is_missing_is_said_before_anybody_is_sent(tool: Tool):
    page = f"connections/new/{tool.name}"
    answer = tool.admin.post(page, act="sign in", **{**tool.typed(), "set.client_id": ""})
    said = refused(answer, "needed")
    assert tool.manifest.settings["client_id"].doc.replace("`", "") in said
    refused(tool.admin.post(page, act="sign in", **{**tool.typed(), "name": "new"}), "is the address of this page")
    address = "login_url" if "login_url" in tool.manifest.settings else "authorize_url"
    plain = {**tool.typed(), f"set.{address}": "http://tool.example"}
    refused(tool.admin.post(page, act="sign in", **plain), "is not an https address")


@pytest.mark.parametrize("asked", ["", "code=x", "state=made-up&code=x", "error=access_denied"])
def test_who_was_not_sent_does_not_come_back(admin: Browser, asked: str):
    refused(admin.open(f"connect/back?{asked}"), "good once, and for ten minutes")


def test_a_tool_without_a_page_of_its_own_has_no_button(admin: Browser):
    assert "Sign in to" not in admin.read("connections/new/stripe")
    refused(admin.post("connections/new/memory", act="sign in", name="theirs"), "Nobody can be sent to")


def test_scopes_of_ones_own_are_asked_for(lab: Lab):
    way = Way(entry("hubspot").manifest, {"client_id": "app", "scopes": "oauth crm.objects.contacts.read"}, BACK)
    assert query(way.address("s", "v"))["scope"] == "oauth crm.objects.contacts.read"
    assert list(way.scopes()) == ["oauth", "crm.objects.contacts.read"]


def test_a_tool_that_gives_nothing_to_keep_is_not_connected(lab: Lab, admin: Browser):
    with Google(clock=lab.clock) as box:
        box.consent.redirect_uris.add(BACK)
        tool = Tool("google_calendar", box, lab, admin)
        place = tool.leave()
        address = tool.agree(place.replace("prompt=consent", "prompt=none"))
        refused(tool.back(address), "gave no refresh token")


def test_nothing_of_a_form_is_readable_in_the_store(tool: Tool):
    state = query(tool.leave())["state"]
    kept = b"".join(file.read_bytes() for file in tool.lab.settings.data.glob("concord.db*"))
    for secret in (state, tool.box.client_secret):
        assert secret.encode() not in kept


def test_a_form_that_nobody_came_back_for_is_forgotten(lab: Lab, admin: Browser):
    with Mailchimp(clock=lab.clock) as box:
        box.consent.redirect_uris.add(BACK)
        tool = Tool("mailchimp", box, lab, admin)
        tool.leave()
        age(lab.hub)
        assert awaited(lab) == 1
        lab.clock.sleep(HOUR / SECOND)
        age(lab.hub)
        assert awaited(lab) == 0


def awaited(lab: Lab) -> int:
    with lab.installation.store.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(authorization_request)).scalar_one())


def test_one_connector_without_a_sign_in_says_so():
    with pytest.raises(ConfigError, match="Nobody can be sent to"):
        Way(entry("stripe").manifest, {"client_id": "x"}, BACK).address("s", "v")
