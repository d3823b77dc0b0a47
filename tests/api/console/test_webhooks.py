"""The pages of webhooks that the hub sends: one is added on a key, tried, told again, switched off, and removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.console.people import Role
from api.v1.keys import Keys
from core.store import hooks, trail
from core.store.hooks import Hook
from tests.api.console.conftest import Browser, words
from tests.api.v1.receiver import Receiver
from tests.api.v1.test_hooks import deliver
from tests.remains import remains
from tests.support import Lab

SECRET = re.compile(r'id="secret"[^>]* value="([^"]+)"')


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A hub that may send to this machine."""
    with Lab(tmp_path, more={"hooks_private": True}) as made:
        made.tool("crm")
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as made:
        yield made


@pytest.fixture
def key(lab: Lab) -> str:
    """The number of a key that may stand behind webhooks."""
    return str(Keys(lab.installation).make("reports", Role.OPERATOR, by=None)[1])


def added(admin: Browser, receiver: Receiver, key: str, events: str = "contact.created") -> str:
    """The secret that the page shows."""
    answer = admin.post("webhooks", url=receiver.url, events=events, **{"for": key})
    assert answer.status_code == 200, words(answer.text)
    found = SECRET.search(answer.text)
    assert found
    return found[1]


def kept(lab: Lab) -> list[Hook]:
    with lab.hub.store.reading() as tx:
        return hooks.listed(tx, key_id=None, after=0, limit=9)


def test_one_is_added_and_its_secret_and_address_are_shown_once(
    lab: Lab, admin: Browser, receiver: Receiver, key: str
) -> None:
    secret = added(admin, receiver, key, "contact.created, consent.changed")
    (one,) = kept(lab)
    assert (one.key_id, one.events, one.host) == (int(key), ("consent.changed", "contact.created"), receiver.host)
    for path in ("webhooks", "webhooks/1", "trail"):
        page = admin.open(path).text
        assert secret not in page
        assert "a-secret-path" not in page
    assert remains(lab.hub.store, [secret, "a-secret-path"]) == []
    lab.tools["crm"].create("contacts", {"email": "ann@shore.example"})
    lab.settle()
    deliver(lab)
    (post,) = receiver.take()
    assert (post.body["type"], post.signed_by(secret)) == ("contact.created", True)
    assert "200" in admin.read("webhooks")
    assert "contact.created" in admin.read("webhooks/1")


@pytest.mark.parametrize(
    ("said", "words_of"),
    [
        ({"url": "http://10.0.0.1/x", "events": "contact.createt"}, "There is no event 'contact.createt'"),
        ({"url": "https://me:mine@shop.example/x", "events": "*"}, "no address to send webhooks to"),
        ({"url": "", "events": "*"}, "needs an address and events"),
        ({"url": "http://10.0.0.1/x", "events": "*", "for": "99"}, "stands on a key that is good"),
    ],
    ids=["no such event", "a password in the address", "no address", "no such key"],
)
def test_what_cannot_be_is_told_and_what_was_typed_stays(
    lab: Lab, admin: Browser, key: str, said: dict[str, str], words_of: str
) -> None:
    answer = admin.post("webhooks", **{"for": key, **said})
    assert answer.status_code == 400
    assert words_of in words(answer.text)
    assert f'value="{said["events"]}"' in answer.text
    assert kept(lab) == []


def test_it_is_tried_switched_off_taken_up_and_told_again(
    lab: Lab, admin: Browser, receiver: Receiver, key: str
) -> None:
    added(admin, receiver, key)
    receiver.answers(503)
    assert "answered 503" in words(admin.follow(admin.post("webhooks/1/test")).text)
    receiver.answers(200)
    assert "answered 200" in words(admin.follow(admin.post("webhooks/1/test")).text)
    receiver.take()
    assert "off since" in words(admin.follow(admin.post("webhooks/1/off")).text)
    lab.tools["crm"].create("contacts", {"email": "ann@shore.example"})
    lab.settle()
    deliver(lab)
    assert receiver.take() == []
    assert "goes on where it stopped" in words(admin.follow(admin.post("webhooks/1/replay")).text)
    deliver(lab)
    (first,) = receiver.take()
    assert "told again" in words(admin.follow(admin.post("webhooks/1/replay", since="1d")).text)
    deliver(lab)
    (second,) = receiver.take()
    assert first.id == second.id
    wrong = admin.post("webhooks/1/replay", since="yesterday")
    assert (wrong.status_code, "is no moment" in words(wrong.text)) == (400, True)


def test_a_new_secret_signs_beside_the_old_one_and_one_is_removed(
    lab: Lab, admin: Browser, receiver: Receiver, key: str
) -> None:
    old = added(admin, receiver, key)
    fresh = SECRET.search(admin.post("webhooks/1/secret").text)
    assert fresh
    admin.follow(admin.post("webhooks/1/test"))
    (post,) = receiver.take()
    assert post.signed_by(old)
    assert post.signed_by(fresh[1])
    assert "is removed" in words(admin.follow(admin.post("webhooks/1/remove")).text)
    assert kept(lab) == []
    assert admin.open("webhooks/1").status_code == 404
    assert admin.open(f"webhooks/{9**40}").status_code == 404
    assert admin.open("webhooks", after=str(9**40)).status_code == 200
    with lab.hub.store.reading() as tx:
        done = {one.what for one in trail.steps(tx)}
    assert done >= {"subscribe to events", "try a webhook", "exchange the secret of webhooks", "end a subscription"}


def test_on_a_key_that_is_good_no_more_nothing_is_tried(lab: Lab, admin: Browser, receiver: Receiver, key: str) -> None:
    added(admin, receiver, key)
    Keys(lab.installation).shut(int(key), by=None)
    assert "good no more" in admin.read("webhooks/1")
    tried = admin.post("webhooks/1/test")
    assert (tried.status_code, "good no more" in words(tried.text)) == (400, True)
    assert receiver.take() == []
    assert "There is no good key" in admin.read("webhooks")
