"""Signing in by an identity provider: who comes in, as what, who does not and why, and what nobody can forge."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from httpx import Response
from pydantic import SecretStr

from api.app import create_app
from api.console.oidc import provider_of
from api.console.people import People, Role
from api.settings import Settings
from core.errors import ConfigError
from core.model.instant import DAY, MINUTE, SECOND
from core.store import people as stored
from core.store import trail
from tests.api.console.conftest import PASSWORD, Browser, words
from tests.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.support import Lab

BACK = "http://127.0.0.1/console/sign-in/back"
ANN = "ann@shore.example"
Opened = Callable[..., "Somebody"]


class Somebody(Browser):
    """At the console, and at the provider."""

    def leave(self, to: str = "/console/") -> str:
        """To the provider; gives the address of its page."""
        answer = self.open("sign-in/provider", to=to)
        assert answer.status_code == 303, words(answer.text)
        return answer.headers["location"]

    def agree(self, place: str, decision: str = "allow") -> str:
        """Decide there; gives the way back."""
        page = httpx.get(place)
        assert page.status_code == 200, page.text
        assert "Allow" in page.text
        answer = httpx.get(place, params={**query(place), "decision": decision})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def back(self, address: str) -> Response:
        """Back at the console, as a browser that comes from another site."""
        assert address.startswith(BACK), address
        answer: Response = self.client.get(address, headers={"Sec-Fetch-Site": "cross-site"})
        return answer

    def come_in(self, to: str = "/console/") -> Response:
        """All the way."""
        return self.back(self.agree(self.leave(to)))

    def refused(self, why: str) -> str:
        """All the way, to be told why not; gives what is said."""
        return turned_away(self.come_in(), why)


def turned_away(answer: Response, why: str) -> str:
    said = words(answer.text)
    assert answer.status_code == 403, (answer.status_code, answer.headers.get("location"))
    assert why in said, said
    assert "concord=" not in answer.headers.get("set-cookie", "")
    return said


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def box(lab: Lab) -> Iterator[IdentityProvider]:
    with IdentityProvider(clock=lab.clock) as made:
        made.page.redirect_uris.add(BACK)
        yield made


@pytest.fixture
def open_(lab: Lab, box: IdentityProvider) -> Opened:
    """A browser at a console that asks this provider."""

    def make(email: str = ANN, **more: Any) -> Somebody:
        settings = {"oidc_issuer": box.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, **more}
        lab.settings = lab.installation.settings = lab.settings.model_copy(
            update=Settings(data=lab.settings.data, **settings).model_dump(exclude={"data"})
        )
        return Somebody(lab, create_app(lab.installation), email)

    return make


def invited(lab: Lab, email: str = ANN, role: Role = Role.OPERATOR) -> str:
    return People(lab.installation).invite(email, role, by=None)


def everybody(lab: Lab) -> dict[str, str]:
    with lab.installation.store.reading() as tx:
        return {one.email: one.role for one in stored.everybody(tx)}


def last_refusal(lab: Lab) -> str:
    with lab.installation.store.reading() as tx:
        found = next(one for one in trail.steps(tx) if one.what == "sign in, refused")
    return str(found.about)


# --- who comes in


def test_an_invited_address_comes_in_and_is_the_same_ever_after(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    assert "Sign in with 127.0.0.1" in ann.read("sign-in")
    answer = ann.come_in("/console/log?who=x")
    assert answer.headers["location"] == "/console/log?who=x"
    assert "Ann Shore operator" in ann.read("me")
    box.user |= {"email": "other@elsewhere.example", "email_verified": False}
    later = open_()
    assert later.come_in().status_code == 303
    assert "Ann Shore operator" in later.read("me")
    assert everybody(lab) == {ANN: "operator"}


def test_somebody_with_a_password_is_matched_by_address_and_keeps_it(lab: Lab, box: IdentityProvider, open_: Opened):
    People(lab.installation).accept(invited(lab), email=ANN, name="Ann", password=PASSWORD)
    ann = open_()
    assert ann.come_in().status_code == 303
    assert ann.post("sign-out").status_code == 303
    assert ann.sign_in().status_code == 303
    assert everybody(lab) == {ANN: "operator"}


def test_nobody_comes_in_uninvited(lab: Lab, box: IdentityProvider, open_: Opened):
    said = open_().refused("ann@shore.example was not invited")
    assert "Ask an admin to invite this address" in said
    assert everybody(lab) == {}
    assert "not invited" in last_refusal(lab)


def test_an_invitation_that_is_over_invites_nobody(lab: Lab, open_: Opened):
    invited(lab)
    lab.clock.sleep(DAY / SECOND + 1)
    open_().refused("was not invited")


@pytest.mark.parametrize("verified", [False, None, "yes", 1])
def test_an_address_counts_only_where_it_is_verified(lab: Lab, box: IdentityProvider, open_: Opened, verified: Any):
    invited(lab)
    box.user["email_verified"] = verified
    assert "Verify it there" in open_().refused("has not verified your email address")


def test_another_account_with_the_same_address_takes_nobody_over(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    ann.come_in()
    box.user["sub"] = "user-2"
    open_().refused("signs in with another account")
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, ANN)
    assert found is not None
    People(lab.installation).untie(found.id, by=None)
    assert ann.open("me").status_code == 303, "who was tied is signed out"
    assert open_().come_in().status_code == 303


def test_who_is_tied_is_shown_and_untied(lab: Lab, box: IdentityProvider, open_: Opened):
    People(lab.installation).accept(
        invited(lab, "boss@shore.example", Role.ADMIN), email="", name="B", password=PASSWORD
    )
    invited(lab)
    ann, boss = open_(), open_("boss@shore.example")
    ann.come_in()
    boss.sign_in()
    assert "tied" in boss.read("people")
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, ANN)
    assert found is not None
    assert boss.post(f"people/{found.id}/untie").status_code == 303
    assert "tied" not in boss.read("people").replace("untied", "")
    refused = boss.post(f"people/{found.id}/untie")
    assert refused.status_code == 400
    assert "has no account of a provider" in words(refused.text)


def test_who_is_shut_out_stays_out(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    ann.come_in()
    people = People(lab.installation)
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, ANN)
    assert found is not None
    people.shut_out(found.id, shut=True, by=None)
    assert ann.open("me").status_code == 303
    open_().refused("may not come in any more")
    box.user["sub"] = "user-2"
    people.untie(found.id, by=None)
    open_().refused("may not come in any more")
    people.shut_out(found.id, shut=False, by=None)
    assert open_().come_in().status_code == 303


# --- roles by groups

GROUPS = {"oidc_roles": "hub-admins: admin, support: operator", "oidc_scopes": "openid email profile groups"}


def test_a_group_gives_a_role_and_takes_it_away(lab: Lab, box: IdentityProvider, open_: Opened):
    People(lab.installation).accept(
        invited(lab, "boss@shore.example", Role.ADMIN), email="", name="B", password=PASSWORD
    )
    box.user["groups"] = ["all", "support", "hub-admins"]
    assert open_(**GROUPS).come_in().status_code == 303
    assert everybody(lab)[ANN] == "admin"
    box.user["groups"] = "support"
    assert open_(**GROUPS).come_in().status_code == 303
    assert everybody(lab)[ANN] == "operator"
    box.user["groups"] = ["all"]
    open_(**GROUPS).refused("None of your groups")
    box.user |= {"sub": "user-2", "email": "new@shore.example"}
    open_(**GROUPS).refused("was not invited")


def test_a_role_that_an_admin_gives_is_the_providers_no_longer(lab: Lab, box: IdentityProvider, open_: Opened):
    boss = Browser(lab, create_app(lab.installation), "boss@shore.example")
    People(lab.installation).accept(invited(lab, boss.email, Role.ADMIN), email="", name="B", password=PASSWORD)
    box.user["groups"] = ["support"]
    open_(**GROUPS).come_in()
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, ANN)
    assert found is not None
    boss.sign_in()
    assert boss.post(f"people/{found.id}/role", role="viewer").status_code == 303
    box.user["groups"] = []
    assert open_(**GROUPS).come_in().status_code == 303
    assert everybody(lab)[ANN] == "viewer"


def test_the_last_admin_stays_one_whatever_the_groups(lab: Lab, box: IdentityProvider, open_: Opened):
    box.user["groups"] = ["hub-admins"]
    open_(**GROUPS).come_in()
    box.user["groups"] = []
    assert open_(**GROUPS).come_in().status_code == 303
    assert everybody(lab) == {ANN: "admin"}


def test_an_invitation_goes_before_a_group(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab, role=Role.VIEWER)
    box.user["groups"] = ["hub-admins"]
    open_(**GROUPS).come_in()
    assert everybody(lab) == {ANN: "viewer"}


# --- what the provider tells, and how


def test_what_the_id_token_leaves_out_is_asked_for(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    box.in_id_token = False
    assert open_().come_in().status_code == 303
    assert len(box.calls("GET", "/userinfo")) == 1


def test_userinfo_of_somebody_else_is_not_believed(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    box.in_id_token, box.changes = False, {"sub": "somebody"}
    open_().refused("tells of somebody else")


@pytest.mark.parametrize("in_form", [False, True])
def test_the_secret_goes_as_the_provider_takes_it(lab: Lab, box: IdentityProvider, open_: Opened, *, in_form: bool):
    invited(lab)
    box.in_form = in_form
    assert open_().come_in().status_code == 303


def test_a_public_client_shows_no_secret(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    box.secret = None
    assert open_(oidc_client_secret=None).come_in().status_code == 303


def test_keys_that_rotate_are_asked_for_again(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    ann.come_in()
    box.rotate()
    assert ann.come_in().status_code == 303
    assert len(box.calls("GET", "/keys")) == 2
    assert len(box.calls("GET", "/.well-known/openid-configuration")) == 1


def test_pkce_state_and_nonce_are_new_each_time(lab: Lab, box: IdentityProvider, open_: Opened):
    ann = open_()
    first, second = query(ann.leave()), query(ann.leave())
    assert (first["code_challenge_method"], first["response_type"]) == ("S256", "code")
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


# --- mischief


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"nonce": "another"}, "it is not for this sign-in"),
        ({"nonce": None}, "it is not for this sign-in"),
        ({"aud": "somebody"}, "it is for somebody else"),
        ({"aud": [CLIENT, "somebody"]}, "it is for somebody else"),
        ({"azp": "somebody"}, "it is for somebody else"),
        ({"aud": "somebody", "azp": CLIENT}, "it is for somebody else"),
        ({"iss": "https://other.example"}, "it names another issuer"),
        ({"exp": 1}, "it is out of date"),
        ({"exp": None}, "it is out of date"),
        ({"iat": 9_999_999_999}, "it is of another time"),
        ({"sub": None}, "sub is wrong"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "its tokens do not belong together"),
    ],
)
def test_an_id_token_that_is_not_for_us_now_is_not_believed(
    lab: Lab, box: IdentityProvider, open_: Opened, changes: dict[str, Any], why: str
):
    invited(lab)
    box.changes = changes
    assert "Nobody was let in" in open_().refused(why)
    assert everybody(lab) == {}
    assert why in last_refusal(lab)


@pytest.mark.parametrize("signs", ["none", "HS256", "foreign"])
def test_only_a_published_key_signs(lab: Lab, box: IdentityProvider, open_: Opened, signs: str):
    invited(lab)
    box.signs = signs
    open_().refused("not signed as it must be")


def test_a_provider_that_calls_itself_otherwise_is_not_asked(lab: Lab, box: IdentityProvider, open_: Opened):
    box.calls_itself = "https://other.example"
    turned_away(open_().open("sign-in/provider"), "another name than CONCORD_OIDC_ISSUER")


def test_an_answer_of_another_issuer_is_not_taken(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    address = ann.agree(ann.leave())
    turned_away(ann.back(f"{address}&iss=https%3A%2F%2Fother.example"), "not of the provider that was asked")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
def test_a_provider_that_is_down_is_told_in_words(lab: Lab, box: IdentityProvider, open_: Opened, path: str):
    invited(lab)
    ann = open_()
    box.in_id_token = False
    box.down = {path}
    answer = ann.open("sign-in/provider") if "well-known" in path else ann.come_in()
    said = turned_away(answer, "127.0.0.1 does not answer as it should")
    assert "concord people invite" in said
    box.down = set()
    assert ann.come_in().status_code == 303


def test_what_the_person_or_the_provider_refuses_is_told_in_its_words(lab: Lab, box: IdentityProvider, open_: Opened):
    ann = open_()
    turned_away(ann.back(ann.agree(ann.leave(), "deny")), "access_denied The user denied the request")
    box.secret = "another"
    assert "CONCORD_OIDC_*" in ann.refused("invalid_client Wrong secret")


# --- the way back


def test_a_state_is_good_once(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    address = ann.agree(ann.leave())
    cookie = ann.client.cookies["concord_away"]
    assert ann.back(address).status_code == 303
    ann.client.cookies.clear()
    ann.client.cookies.set("concord_away", cookie)
    turned_away(ann.back(address), "good once, and for ten minutes")


def test_a_state_is_good_for_ten_minutes(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    ann = open_()
    address = ann.agree(ann.leave())
    lab.clock.sleep(10 * MINUTE / SECOND)
    turned_away(ann.back(address), "good once, and for ten minutes")


def test_a_way_back_is_good_in_its_own_browser_only(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    eve, ann = open_(), open_()
    address = eve.agree(eve.leave())
    turned_away(ann.back(address), "belongs to another browser")
    ann.leave()
    box.user["email"] = "eve@shore.example"
    address = eve.agree(eve.leave())
    turned_away(ann.back(address), "belongs to another browser")


@pytest.mark.parametrize("asked", ["", "code=x", "state=", "state=made-up&code=x", "error=access_denied"])
def test_who_was_not_sent_does_not_come_back(lab: Lab, open_: Opened, asked: str):
    turned_away(open_().back(f"{BACK}?{asked}"), "good once, and for ten minutes")


def test_a_code_of_elsewhere_does_not_fit(lab: Lab, box: IdentityProvider, open_: Opened):
    invited(lab)
    eve, ann = open_(), open_()
    stolen = query(eve.agree(eve.leave()))["code"]
    state = query(ann.leave())["state"]
    turned_away(ann.back(f"{BACK}?{urlencode({'code': stolen, 'state': state})}"), "does not fit the challenge")


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/console/", "/other", "/console/\\evil"])
def test_the_way_goes_on_inside_only(lab: Lab, open_: Opened, to: str):
    invited(lab)
    assert open_().come_in(to).headers["location"] == "/console/"


def test_who_tries_too_often_waits(lab: Lab, box: IdentityProvider, open_: Opened):
    ann = open_()
    for _ in range(10):
        ann.leave()
    turned_away(ann.open("sign-in/provider"), "Too many tries")
    lab.clock.sleep(60)
    ann.leave()


def test_cookies_come_along_from_another_site_and_are_out_of_reach_for_scripts(lab: Lab, open_: Opened):
    invited(lab)
    ann = open_()
    said = ann.open("sign-in/provider").headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/console/sign-in/back", "max-age=600"):
        assert word in said
    assert "; secure" not in said
    ann = open_(console_url="https://hub.inside.example")
    ann.client.base_url = "http://hub.inside.example"
    there = ann.client.get("/console/sign-in/provider")
    assert "; secure" in there.headers["set-cookie"].lower()
    assert query(there.headers["location"])["redirect_uri"] == "https://hub.inside.example/console/sign-in/back"


def test_nothing_of_it_is_readable_in_the_store(lab: Lab, box: IdentityProvider, open_: Opened):
    ann = open_()
    place = query(ann.leave())
    kept = b"".join(file.read_bytes() for file in lab.settings.data.glob("concord.db*"))
    for secret in (place["state"], place["nonce"], ann.client.cookies["concord_away"], SECRET):
        assert secret.encode() not in kept


# --- without passwords


def test_passwords_can_be_switched_off_and_the_machine_still_lets_in(lab: Lab, box: IdentityProvider, open_: Opened):
    token = invited(lab, "boss@shore.example", Role.ADMIN)
    boss = open_("boss@shore.example", passwords=False)
    page = boss.open("sign-in").text
    assert 'name="password"' not in page
    answer = boss.client.post(f"/console/welcome/{token}", data={"name": "Boss", "password": PASSWORD})
    assert answer.status_code == 303, "the link of `concord people invite` lets in"
    assert "password and codes are kept there" in boss.read("me")
    answer = boss.post("people", email=ANN, role="viewer")
    assert answer.status_code == 303
    assert "welcome" not in boss.open("people").text, "no link past the provider is shown"
    ann = open_(passwords=False)
    assert ann.come_in().status_code == 303
    assert everybody(lab)[ANN] == "viewer"
    boss.post("sign-out")
    refused = boss.sign_in()
    assert refused.status_code == 403
    assert "Passwords are not taken here" in words(refused.text)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"passwords": False}, "switches passwords off"),
        ({"oidc_issuer": "https://login.example"}, "CONCORD_OIDC_CLIENT_ID is not"),
        ({"oidc_issuer": "http://login.example", "oidc_client_id": "c"}, "no https address|not an https address"),
        ({"oidc_issuer": "https://l.example", "oidc_client_id": "c", "oidc_roles": "a: chief"}, "no group with a role"),
        ({"oidc_issuer": "https://l.example", "oidc_client_id": "c", "oidc_roles": "admin"}, "no group with a role"),
    ],
)
def test_settings_that_cannot_be_meant_are_told_at_once(tmp_path: Path, settings: dict[str, Any], why: str):
    with pytest.raises(ConfigError, match=why):
        provider_of(Settings(data=tmp_path, **settings), lambda: 0)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({"console_url": "hub.inside.example"}, "cannot be hub.inside.example"),
        ({"console_url": "https://hub.example/console"}, "cannot be https://hub.example/console"),
        ({"console_url": "https://hub.example", "public_url": "https://hub.example"}, "no page of the console"),
    ],
)
def test_a_name_that_does_not_lead_to_the_console_is_told_at_once(lab: Lab, names: dict[str, Any], why: str):
    lab.installation.settings = Settings(data=lab.settings.data, **names)
    with pytest.raises(ConfigError, match=why):
        create_app(lab.installation)


def test_under_its_own_name_the_console_answers(lab: Lab):
    names: dict[str, Any] = {"console_url": "https://hub.inside.example", "public_url": "https://hub.example"}
    lab.installation.settings = Settings(data=lab.settings.data, **names)
    client = Browser(lab, create_app(lab.installation), ANN).client
    for host, status in (("hub.inside.example", 200), ("hub.example", 404), ("evil.example", 400)):
        assert client.get("/console/sign-in", headers={"Host": host}).status_code == status, host


def test_without_a_provider_there_is_no_button(lab: Lab, app: Any):
    browser = Browser(lab, app, ANN)
    assert "Sign in with" not in browser.read("sign-in")
    turned_away(browser.open("sign-in/provider"), "No identity provider is set here")


# --- elsewhere


@pytest.mark.servers
def test_it_is_the_same_on_postgresql(tmp_path: Path, postgres_url: str):
    with Lab(tmp_path, database_url=postgres_url, tick=0) as lab, IdentityProvider(clock=lab.clock) as box:
        box.page.redirect_uris.add(BACK)
        lab.installation.settings = lab.settings.model_copy(
            update={"oidc_issuer": box.url, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET)}
        )
        invited(lab)
        ann = Somebody(lab, create_app(lab.installation), ANN)
        address = ann.agree(ann.leave())
        assert ann.back(address).status_code == 303
        turned_away(ann.back(address), "good once, and for ten minutes")
        assert ann.come_in().status_code == 303
        assert everybody(lab) == {ANN: "operator"}


# --- a provider that others wrote


def test_the_provider_of_another_project_signs_people_in(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import User, run_server_in_thread

        claims = {"email": ANN, "email_verified": True, "name": "Ann"}
        with (
            run_server_in_thread(require_nonce=True, user_claims=[User(sub="ann", claims=claims)]) as server,
            Lab(tmp_path, tick=0) as lab,
        ):
            lab.clock.sleep(time() - lab.clock() / SECOND)
            issuer = f"http://localhost:{server.server_port}"
            lab.installation.settings = Settings(
                data=tmp_path, oidc_issuer=issuer, oidc_client_id="c", oidc_client_secret=SecretStr("s")
            )
            invited(lab)
            ann = Somebody(lab, create_app(lab.installation), ANN)
            answer = httpx.post(ann.leave(), data={"sub": "ann"})
            assert answer.status_code == 302, answer.text
            assert ann.back(answer.headers["location"]).status_code == 303
            assert "Ann operator" in ann.read("me")
