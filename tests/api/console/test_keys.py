"""The page of API keys: one is made and shown once, as its role lets it, and shut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.console.people import Role
from api.v1.keys import Keys, scopes_of
from core.model.instant import DAY
from core.store import trail
from tests.api.console.conftest import Browser, words
from tests.remains import remains
from tests.support import Lab

TOKEN = re.compile(r'id="token"[^>]* value="([^"]+)"')
SAID: dict[str, Any] = {"name": "reports", "role": "viewer", "scope": ["records:read", "work:read"], "days": "30"}


def made(admin: Browser, **said: Any) -> str:
    """The key that the page shows."""
    answer = admin.post("keys", **{**SAID, **said})
    assert answer.status_code == 200, words(answer.text)
    found = TOKEN.search(answer.text)
    assert found
    return found[1]


def me(app: Any, token: str) -> int:
    """What a program with this key is answered."""
    client = TestClient(app, base_url="http://127.0.0.1")
    return int(client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code)


def test_a_key_is_made_with_the_scopes_that_were_ticked(lab: Lab, admin: Browser):
    token = made(admin)
    (kept,) = Keys(lab.installation).every()
    assert (kept.name, kept.role, kept.scopes) == ("reports", "viewer", ("records:read", "work:read"))
    assert (kept.made_by, kept.ends_at) == (admin.email, lab.clock() + 30 * DAY)
    assert token.startswith(kept.begins)
    made(admin, name="for ever", days="")
    assert Keys(lab.installation).every()[0].ends_at is None


def test_it_is_shown_once_and_kept_nowhere(lab: Lab, app: Any, admin: Browser):
    answer = admin.post("keys", **SAID)
    found = TOKEN.search(answer.text)
    assert found
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.count(found[1]) == 1
    assert "location" not in answer.headers
    for path in ("keys", "trail", ""):
        assert found[1] not in admin.open(path).text
    assert remains(lab.hub.store, [found[1]]) == []
    assert me(app, found[1]) == 200


def test_the_list_tells_which_keys_are_good(lab: Lab, app: Any, admin: Browser):
    token = made(admin)
    assert "never yes" in admin.read("keys")
    me(app, token)
    row = admin.read("keys")
    for part in ("reports", token[:14], "viewer", "records:read, work:read", admin.email):
        assert part in row
    assert "never" not in row
    lab.clock.sleep(31 * 24 * 3600)
    admin.sign_in()
    assert "no, ended" in admin.read("keys")
    assert me(app, token) == 401


def test_a_key_that_is_shut_lets_nobody_in(lab: Lab, app: Any, admin: Browser):
    token = made(admin)
    (kept,) = Keys(lab.installation).every()
    page = words(admin.follow(admin.post(f"keys/{kept.id}/shut")).text)
    assert "The key is good no more." in page
    assert "no, shut" in page
    assert me(app, token) == 401
    again = admin.post(f"keys/{kept.id}/shut")
    assert again.status_code == 400
    assert f"There is no key {kept.id} that is good." in words(again.text)


def test_what_is_made_and_shut_is_on_the_trail_by_name(lab: Lab, admin: Browser):
    made(admin)
    (kept,) = Keys(lab.installation).every()
    admin.post(f"keys/{kept.id}/shut")
    with lab.installation.store.reading() as tx:
        done = [(one.who, one.what) for one in trail.steps(tx)]
    assert done[:2] == [(admin.email, "shut a key"), (admin.email, "make a key")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"scope": ["records:write"]}, "A key with the role viewer cannot have the scope 'records:write'."),
        ({"scope": []}, "A key without a scope could do nothing."),
        ({"scope": ["everything"]}, "There is no scope 'everything'."),
        ({"name": " "}, "A key needs a name."),
        ({"role": "owner"}, "There is no role 'owner'."),
        ({"days": "0"}, "These are no days until a key ends."),
        ({"days": "-1"}, "These are no days"),
        ({"days": "3651"}, "These are no days"),
        ({"days": "9" * 5000}, "These are no days"),
        ({"days": "soon"}, "These are no days"),
        ({"days": "²"}, "These are no days"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(lab: Lab, admin: Browser, said: dict[str, Any], why: str):
    answer = admin.post("keys", **{**SAID, **said})
    assert answer.status_code == 400
    assert why in words(answer.text)
    assert f'value="{ {**SAID, **said}["name"] }"' in answer.text
    ticked = re.findall(r'name="scope" value="([^"]+)"[^>]* checked', answer.text)
    assert ticked == [one for one in {**SAID, **said}["scope"] if one != "everything"]
    assert Keys(lab.installation).every() == []


def test_the_form_begins_with_all_that_its_role_may(admin: Browser):
    page = admin.open("keys").text
    ticked = re.findall(r'name="scope" value="([^"]+)"[^>]* checked', page)
    assert ticked == [str(one) for one in scopes_of(Role.OPERATOR)]
    assert len(re.findall(r'name="scope"', page)) == len(scopes_of(Role.ADMIN))
