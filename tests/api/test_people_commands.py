"""`concord people`: who may use the console, from the machine of the hub."""

from __future__ import annotations

from pathlib import Path

from api.assembly import Installation
from api.console.people import People
from api.settings import Settings
from core.store import people as stored
from core.store.people import Account
from tests.api.conftest import Concord

ANN = "ann@shore.example"


def test_untie_forgets_the_account_of_the_provider(data: Path, concord: Concord):
    token = concord("people", "invite", ANN, "--json").json["path"].rpartition("/")[2]
    with Installation(Settings(data=data)) as installation:
        People(installation).accept(token, email="", name="Ann", password="a sentence of five words")
        with installation.store.writing() as tx:
            found = stored.by_email(tx, ANN)
            assert found is not None
            stored.tie(tx, Account("https://login.example", "1", found.id, False, 0))
    assert concord("people", "untie", ANN, "--json").json == {"email": ANN, "tied": False}
    again = concord("people", "untie", ANN)
    assert again.code != 0
    assert "has no account of a provider" in again.err
    nobody = concord("people", "untie", "bob@shore.example")
    assert "Nobody has the address" in nobody.err


def test_shut_keeps_out_and_open_lets_in(data: Path, concord: Concord):
    token = concord("people", "invite", ANN, "--role", "viewer", "--json").json["path"].rpartition("/")[2]
    with Installation(Settings(data=data)) as installation:
        People(installation).accept(token, email="", name="Ann", password="a sentence of five words")
    assert concord("people", "shut", ANN, "--json").json == {"email": ANN, "shut": True}
    assert concord("people", "list", "--json").json["people"][0]["shut_since"]
    assert concord("people", "open", ANN, "--json").json == {"email": ANN, "shut": False}
    assert concord("people", "list", "--json").json["people"][0]["shut_since"] is None
