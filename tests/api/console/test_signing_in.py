"""Who comes into the console, how, and what they may: links, passwords, codes, visits, roles, forms, the trail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.console.people import INVITED, LASTING, People, Role, Turned
from core.errors import ConfigError
from core.model.instant import HOUR, MINUTE, SECOND
from core.store import people as stored
from core.store import tables, trail
from tests.api.console.conftest import PASSWORD, Browser, routes, words
from tests.support import Lab

Someone = Callable[..., Browser]


def steps(lab: Lab) -> list[tuple[str, str]]:
    with lab.installation.store.reading() as tx:
        return [(one.who, one.what) for one in reversed(trail.steps(tx))]


# --- links


def test_the_first_link_makes_an_admin_once(lab: Lab, app: Any, people: People):
    token = people.first_link()
    browser = Browser(lab, app, "ann@shore.example")
    assert "You become the first admin" in browser.read(f"welcome/{token}")
    said = {"email": "Ann@Shore.example", "name": "Ann", "password": PASSWORD}
    assert browser.client.post(f"/console/welcome/{token}", data=said).headers["location"] == "/console/"
    assert "Overview" in browser.read("")
    assert people.first_link() is None
    assert browser.client.post(f"/console/welcome/{token}", data=said).status_code == 404
    with lab.installation.store.reading() as tx:
        assert [(one.email, one.role) for one in stored.everybody(tx)] == [("ann@shore.example", "admin")]


def test_a_later_first_link_makes_the_former_useless(people: People):
    former, later = people.first_link(), people.first_link()
    assert former
    assert later
    with pytest.raises(ConfigError, match="not good any more"):
        people.invited(former)
    people.invited(later)


def test_a_link_is_good_for_a_day(lab: Lab, people: People):
    token = people.invite("bob@quay.example", Role.VIEWER, by=None)
    lab.clock.sleep(INVITED / SECOND - 1)
    assert people.invited(token).role == "viewer"
    lab.clock.sleep(2)
    with pytest.raises(ConfigError, match="not good any more"):
        people.invited(token)


def test_a_link_for_a_new_password_signs_out_everywhere(someone: Someone, people: People):
    bob = someone("operator")
    token = people.invite(bob.email, Role.ADMIN, by=None)
    people.accept(token, email="", name="", password="another sentence of words")
    assert bob.open("").status_code == 303
    assert bob.sign_in().status_code == 403
    assert bob.sign_in("another sentence of words").status_code == 303
    assert "operator" in bob.read("me"), "the role stays as it was"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"email": "no address"}, "is no email address"),
        ({"password": "short"}, "12 to 256"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "easy to guess"),
        ({"email": "ann.of.shore@shore.example", "password": "ann.of.shore@shore.example"}, "easy to guess"),
    ],
)
def test_what_does_not_do_is_said_and_the_link_stays_good(
    lab: Lab, app: Any, people: People, said: dict[str, str], why: str
):
    token, browser = people.first_link(), Browser(lab, app, "")
    answer = browser.client.post(
        f"/console/welcome/{token}", data={"email": "ann@shore.example", "name": "Ann", "password": PASSWORD, **said}
    )
    assert answer.status_code == 400
    assert why in words(answer.text)
    assert people.invited(str(token))


# --- signing in


def test_a_wrong_password_and_an_unknown_address_are_told_the_same(lab: Lab, app: Any, someone: Someone):
    known = someone("viewer")
    stranger = Browser(lab, app, "nobody@shore.example")
    answers = [known.sign_in("not this one at all"), stranger.sign_in("not this one at all")]
    assert [one.status_code for one in answers] == [403, 403]
    assert {"The address or the password is wrong." in words(one.text) for one in answers} == {True}


def test_whoever_tries_too_often_waits(lab: Lab, app: Any, someone: Someone):
    someone("viewer")
    other = Browser(lab, app, "viewer@shore.example")
    for _ in range(9):
        other.sign_in("wrong wrong wrong")
    assert "Too many tries" in words(other.sign_in().text)
    lab.clock.sleep(60)
    assert other.sign_in().status_code == 303


def test_a_code_is_asked_for_and_taken_once(lab: Lab, someone: Someone):
    ann = someone("admin")
    secret = pyotp.random_base32()
    at = lab.clock() // SECOND
    assert "does not fit" in words(ann.post("me/codes", secret=secret, code="000000").text)
    assert ann.post("me/codes", secret=secret, code=pyotp.TOTP(secret).at(at)).status_code == 303
    assert "Enter the code" in words(ann.sign_in().text)
    assert "wrong" in words(ann.sign_in(code="123456").text)
    code = pyotp.TOTP(secret).at(at)
    assert ann.sign_in(code=code).status_code == 303
    assert "used already" in words(ann.sign_in(code=code).text)
    lab.clock.sleep(30)
    assert ann.sign_in(code=pyotp.TOTP(secret).at(lab.clock() // SECOND)).status_code == 303
    with lab.installation.store.reading() as tx:
        kept = stored.by_email(tx, ann.email)
    assert kept is not None
    assert secret.encode() not in (kept.totp or b"")


@pytest.mark.parametrize("idle", [True, False])
def test_a_visit_ends(lab: Lab, someone: Someone, *, idle: bool):
    ann = someone("viewer")
    if idle:
        lab.clock.sleep(12 * HOUR / SECOND + 61)
    else:
        for _ in range(LASTING // (11 * HOUR) + 1):
            lab.clock.sleep(11 * HOUR / SECOND)
            answer = ann.open("")
        assert answer.status_code == 303
    assert ann.open("").headers["location"].startswith("/console/sign-in")


def test_who_signs_out_is_out(someone: Someone):
    ann = someone("viewer")
    cookie = ann.client.cookies["concord"]
    assert ann.post("sign-out").status_code == 303
    ann.client.cookies.set("concord", cookie)
    assert ann.open("").status_code == 303


def test_signing_in_leads_on_to_the_page_and_never_to_another_site(lab: Lab, app: Any, someone: Someone):
    ann = someone("viewer")
    ann.post("sign-out")
    assert ann.open("trail", below=7).headers["location"] == "/console/sign-in?to=/console/trail%3Fbelow%3D7"
    assert ann.sign_in(to="/console/trail?below=7").headers["location"] == "/console/trail?below=7"
    for elsewhere in ("https://evil.example/", "//evil.example/console/", "/other", "/console/\\evil", "javascript:x"):
        ann.client.cookies.clear()
        assert ann.sign_in(to=elsewhere).headers["location"] == "/console/"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(someone: Someone):
    ann = someone("viewer")
    said = ann.sign_in().headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "path=/console" in said


def test_neither_token_nor_password_is_in_the_store(lab: Lab, someone: Someone, people: People):
    ann = someone("admin")
    token = people.invite("bob@quay.example", Role.VIEWER, by=None)
    kept = b"".join(file.read_bytes() for file in lab.settings.data.glob("concord.db*"))
    for secret in (ann.client.cookies["concord"], token, PASSWORD):
        assert secret.encode() not in kept


# --- forms


def test_a_form_without_its_key_does_nothing(someone: Someone):
    ann = someone("admin")
    for said in ({}, {"form_key": "made up"}):
        answer = ann.client.post("/console/me", data={"name": "Eve", "zone": "UTC", **said})
        assert answer.status_code == 400
        assert "not of this visit" in words(answer.text)
    assert "Eve" not in ann.read("me")


def test_another_site_cannot_sign_somebody_in(lab: Lab, app: Any, someone: Someone):
    ann = someone("viewer")
    ann.post("sign-out")
    said = {"email": ann.email, "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = ann.client.post("/console/sign-in", data=said, headers=headers)
        assert answer.status_code == 400
        assert "from another site" in words(answer.text)
        assert "set-cookie" not in answer.headers


# --- people


def test_an_admin_invites_gives_roles_and_shuts_out(lab: Lab, app: Any, admin: Browser, people: People):
    page = admin.post("people", email="bob@quay.example", role="operator")
    token = page.text.rpartition("/console/welcome/")[2].partition("<")[0]
    bob = Browser(lab, app, "bob@quay.example")
    bob.client.post(f"/console/welcome/{token}", data={"name": "Bob", "password": PASSWORD})
    assert "Bob operator" in bob.read("me")
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, bob.email)
    assert found is not None
    admin.post(f"people/{found.id}/role", role="viewer")
    assert "Bob viewer" in bob.read("me")
    admin.post(f"people/{found.id}/shut")
    assert bob.open("").status_code == 303
    assert isinstance(people.come_in(bob.email, PASSWORD, "", asker="here"), Turned)
    admin.post(f"people/{found.id}/open")
    assert bob.sign_in().status_code == 303
    done = [what for _, what in steps(lab)]
    for what in ("invite", "accept an invitation", "give a role", "shut out", "let in again", "sign in, refused"):
        assert what in done


def test_the_last_admin_stays(lab: Lab, admin: Browser):
    with lab.installation.store.reading() as tx:
        found = stored.by_email(tx, admin.email)
    assert found is not None
    for path, said in ((f"people/{found.id}/role", {"role": "viewer"}), (f"people/{found.id}/shut", {})):
        answer = admin.post(path, **said)
        assert answer.status_code == 400
        assert "the only admin" in words(answer.text)


# --- roles


PLACEHOLDER = re.compile(r"{\w+}")
OPEN = {
    ("GET", "/console/sign-in"), ("POST", "/console/sign-in"), ("GET", "/console/welcome/{token}"),
    ("POST", "/console/welcome/{token}"), ("GET", "/console/static/{name}"), ("GET", "/console/sign-in/provider"),
    ("GET", "/console/sign-in/back"),
}  # fmt: skip
"""What who is not signed in may ask."""
OPERATORS = {
    ("POST", "/console/connections/{name}/check"), ("POST", "/console/connections/{name}/pause"),
    ("POST", "/console/runs/{id_}/rehearse"), ("POST", "/console/runs/{id_}/undo"),
}  # fmt: skip
"""Some of what operators may, so that the matrix is not only what the pages say of themselves."""
ADMINS = {
    ("GET", "/console/people"), ("POST", "/console/people"), ("GET", "/console/trail"), ("GET", "/console/mappings"),
    ("POST", "/console/mappings/{name}/activate"), ("POST", "/console/settings/{name}/activate"),
    ("POST", "/console/connections/{name}/disconnect"), ("POST", "/console/connections/new/{connector}"),
    ("POST", "/console/records/{kind}/{number}/erase"), ("POST", "/console/settings/movement/try"),
    ("GET", "/console/trial"), ("POST", "/console/trial"), ("POST", "/console/trial/cancel"),
    ("GET", "/console/keys"), ("POST", "/console/keys"), ("POST", "/console/keys/{id_}/shut"),
    ("GET", "/console/webhooks"), ("POST", "/console/webhooks"), ("POST", "/console/webhooks/{id_}/remove"),
}  # fmt: skip
"""Some of what admins alone may."""


def test_nothing_is_open_but_what_must_be(lab: Lab, app: Any):
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    for method, path in sorted(routes(lab)):
        answer = client.request(method, path.replace("{", "").replace("}", "").replace("id_", "1"))
        turned_away = answer.status_code == 303 and answer.headers["location"].startswith("/console/sign-in")
        assert turned_away != ((method, path) in OPEN), (method, path, answer.status_code)


def test_each_page_names_whom_it_is_for(lab: Lab):
    asked = routes(lab)
    assert {one for one, role in asked.items() if not role} == OPEN
    assert {asked[one] for one in OPERATORS} == {"operator"}
    assert {asked[one] for one in ADMINS} == {"admin"}


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_nobody_gets_more_than_their_role(lab: Lab, someone: Someone, role: str):
    one, refused = someone(role), 0
    for (method, path), asked in sorted(routes(lab).items()):
        if not asked or Role(role).may(Role(asked)):
            continue
        short = PLACEHOLDER.sub("1", path.removeprefix("/console/"))
        answer = one.open(short) if method == "GET" else one.post(short)
        assert answer.status_code == 403, (role, method, path, answer.status_code)
        assert f"This is for {'admins' if asked == 'admin' else 'operators and admins'}" in words(answer.text)
        refused += 1
    assert refused > 10


# --- the trail


def test_the_trail_tells_when_it_was_changed_by_hand(lab: Lab, admin: Browser):
    admin.post("me", name="Ann", zone="Europe/London")
    assert "The chain holds" in admin.read("trail")
    with lab.installation.store.writing() as tx:
        tx.execute(update(tables.trail).where(tables.trail.c.what == "sign in").values(who="somebody else"))
    assert "The chain is broken" in admin.read("trail")


def test_times_are_shown_in_the_zone_of_whoever_looks(lab: Lab, admin: Browser):
    lab.clock.sleep(MINUTE / SECOND)
    admin.post("me", name="Ann", zone="Asia/Tokyo")
    page = admin.open("trail").text
    assert 'datetime="2026-11-21T09:01:00Z"' in page
    assert ">2026-11-21 18:01:00<" in page
