"""Keys: shown once, kept as digests, with scopes and an end; who has none, or a bad one, learns nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from api.console.people import Role, digest_of
from api.v1.app import RESOURCES
from api.v1.door import Door
from api.v1.keys import LEAST, Keys, Scope, scopes_of
from core.errors import ConfigError
from core.model.instant import DAY
from core.store import trail
from tests.api.v1.conftest import Program
from tests.remains import remains
from tests.support import Lab

Made = Callable[..., Program]


def test_a_key_is_shown_once_and_its_digest_kept(lab: Lab) -> None:
    keys = Keys(lab.installation)
    token, id_ = keys.make("reports", Role.VIEWER, by=None)
    assert token.startswith("concord_")
    (kept,) = keys.every()
    assert (kept.id, kept.name, kept.role, kept.scopes) == (
        id_,
        "reports",
        "viewer",
        tuple(sorted(scopes_of(Role.VIEWER))),
    )
    assert kept.begins == token[: len(kept.begins)]
    assert len(kept.begins) < len(token) / 3
    assert remains(lab.hub.store, [token]) == []


def test_a_key_is_looked_up_by_its_digest_and_never_itself(lab: Lab, client: TestClient) -> None:
    """What the database compares letter by letter is the digest, of which a guess at the key tells nothing."""
    token, _ = Keys(lab.installation).make("reports", Role.VIEWER, by=None)
    asked: list[str] = []

    def heard(*given: Any) -> None:
        asked.append(f"{given[2]} {given[3]}")

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        for one in (token, token[:-1] + "_"):
            Program(client, one).get("/me")
    finally:
        event.remove(Engine, "before_cursor_execute", heard)
    assert any(digest_of(token) in one for one in asked)
    assert not any(token[:-1] in one for one in asked)


def test_no_key_a_wrong_one_and_one_that_is_good_no_more_are_answered_alike(
    lab: Lab, program: Made, anonymous: Program, client: TestClient
) -> None:
    assert anonymous.get("/me").status_code == 401
    wrong = Program(client, "concord_" + "x" * 43).get("/me")
    short = program(ends_at=lab.clock() + DAY)
    assert short.get("/me").status_code == 200
    lab.wait(2 * DAY / 1_000_000)
    ended = short.get("/me")
    good = program()
    Keys(lab.installation).shut(Keys(lab.installation).every()[0].id, by=None)
    shut = good.get("/me")
    assert [one.status_code for one in (wrong, ended, shut)] == [401] * 3
    assert wrong.json() == ended.json() == shut.json()
    assert wrong.headers["www-authenticate"].startswith("Bearer")
    assert wrong.headers["content-type"] == "application/problem+json"


def test_a_role_bounds_what_a_key_may_be_given(lab: Lab) -> None:
    keys = Keys(lab.installation)
    with pytest.raises(ConfigError, match="cannot have the scope 'records:write'"):
        keys.make("reports", Role.VIEWER, ["records:write"], by=None)
    with pytest.raises(ConfigError, match="no scope 'all'"):
        keys.make("reports", Role.ADMIN, ["all"], by=None)
    with pytest.raises(ConfigError, match="needs a name"):
        keys.make(" ", Role.ADMIN, by=None)
    with pytest.raises(ConfigError, match="end before it begins"):
        keys.make("reports", Role.ADMIN, ends_at=lab.clock() - 1, by=None)
    assert keys.every() == []


def test_making_and_shutting_are_on_the_trail_without_the_key(lab: Lab) -> None:
    keys = Keys(lab.installation)
    token, id_ = keys.make("reports", Role.VIEWER, by=None)
    keys.shut(id_, by=None)
    with pytest.raises(ConfigError, match="no key"):
        keys.shut(id_, by=None)
    with lab.hub.store.reading() as tx:
        steps = trail.steps(tx)
    assert [one.what for one in steps] == ["shut a key", "make a key"]
    assert not any(token in str(one.about) for one in steps)


def operations(lab: Lab) -> list[tuple[str, str, Scope | None]]:
    """(method, path, scope) of every operation; a route without a door fails here."""
    door, found = Door(lab.installation), []
    for route in (one for resource in RESOURCES for one in resource.routes(door).routes):
        assert isinstance(route, APIRoute)
        calls = [vars(one.call) for one in route.dependant.dependencies if one.call is not None]
        doors = [known["scope"] for known in calls if "scope" in known]
        assert len(doors) == 1, route.path
        found += [(method, route.path, doors[0]) for method in route.methods or ()]
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no key may ask as often as they like."""
    monkeypatch.setattr("api.v1.door._TRIES", 10_000)


@pytest.mark.usefixtures("patient")
def test_every_route_against_every_role_and_scope(lab: Lab, program: Made, anonymous: Program) -> None:
    """No route without a door; none lets in who has every scope but its own, or nobody's key."""
    every = operations(lab)
    assert len(every) > 25
    assert {scope for _, _, scope in every if scope} >= set(Scope)
    keyed = {role: program(role) for role in Role}
    without = {one: program(Role.ADMIN, *(set(Scope) - {one})) for one in Scope}
    for method, path, scope in every:
        asked = (
            path.replace("{id}", "1").replace("{place}", "1").replace("{name}", "crm").replace("{connection}", "crm")
        )
        assert anonymous._asked(method, asked, json={}).status_code == 401, path
        for role, one in keyed.items():
            may = scope is None or role.may(LEAST[scope])
            assert (one._asked(method, asked, json={}).status_code != 403) == may, (method, path, role)
        if scope is not None:
            refused = without[scope]._asked(method, asked, json={})
            assert (refused.status_code, refused.json()["code"]) == (403, "api.scope"), (method, path)
            assert scope in refused.json()["detail"]


def test_a_key_may_ask_so_often_and_is_told_how_often(lab: Lab, client: TestClient) -> None:
    lab.installation.settings = lab.settings.model_copy(update={"api_per_minute": 3})
    from api.app import create_app

    token, _ = Keys(lab.installation).make("busy", Role.VIEWER, by=None)
    with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as few:
        busy = Program(few, token)
        answers = [busy.get("/me") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"key";r=2;t=')
    assert int(answers[3].headers["retry-after"]) > 0


def test_whoever_guesses_is_slowed_down(anonymous: Program) -> None:
    codes = [anonymous.get("/me").status_code for _ in range(40)]
    assert set(codes[:30]) == {401}
    assert codes[-1] == 429
