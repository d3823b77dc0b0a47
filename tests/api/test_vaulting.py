"""Changing the vault's keys: everything is sealed anew while others work, and nothing of an old key is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import LargeBinary, Text, select

from api import vaulting
from api.settings import Settings
from core.errors import ConfigError
from core.store import Tx, connections
from core.store import sealed as walk
from core.store.sealed import look, reseal
from core.store.tables import metadata
from core.store.vault import Vault
from tests.api.hooked import CRM, Street


@pytest.fixture(params=["embedded", "postgres"])
def street(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Street]:
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Street(tmp_path, database_url=url) as made:
        # The hub's own keys are made at their first need.
        assert made.lab.hub.signer is not None
        _ = made.lab.hub.signer.public
        yield made


def everything(street: Street) -> Iterator[bytes]:
    """Every text and every bytes in every table."""
    with street.lab.installation.store.reading() as tx:
        for table in metadata.sorted_tables:
            columns = [one for one in table.c if isinstance(one.type, LargeBinary | Text)]
            for row in tx.execute(select(*columns)) if columns else ():
                yield from (one.encode() if isinstance(one, str) else bytes(one) for one in row if one is not None)


def test_after_a_rotation_no_value_anywhere_needs_the_old_key(street: Street):
    installation = street.lab.installation
    (old,) = installation.vault.names
    sealed = sum(one.startswith(old.encode() + b".") for one in everything(street))
    keyring_with_one_more(street)
    with pytest.raises(ConfigError, match="still needed"):
        vaulting.forget(installation)
    found = reseal(installation.store, installation.vault)
    assert (found.changed, found.lost) == (sealed, [])
    assert not any(one.startswith(old.encode() + b".") for one in everything(street)), "a place is missing in PLACES"
    assert old in vaulting.forget(installation)
    again = street.lab.restart()
    assert again.vault is not None
    assert len(again.vault.names) == 1
    assert look(again.store, again.vault).lost == []
    street.lab.turn(CRM)


def keyring_with_one_more(street: Street) -> None:
    from core.store import keyring

    keyring.put_first(street.lab.settings.data / "vault.key")
    street.lab.installation.vault.seal({})


def test_what_somebody_changes_meanwhile_is_not_written_over(street: Street, monkeypatch: pytest.MonkeyPatch):
    installation = street.lab.installation
    keyring_with_one_more(street)
    other = installation.vault.seal({"token": "renewed"})
    if installation.store.embedded:
        pytest.skip("one writes at a time here")
    put = walk._put

    def late(tx: Tx, place: walk.Place, key: Any, old: Any, new: Any) -> int:
        with installation.store.writing() as another:
            row = next(one for one in connections.all_connections(another) if one.name == CRM)
            if old == row.secrets:
                connections.change_connection(another, row.id, secrets=other)
        return put(tx, place, key, old, new)

    monkeypatch.setattr(walk, "_put", late)
    reseal(installation.store, installation.vault)
    with installation.store.reading() as tx:
        row = next(one for one in connections.all_connections(tx) if one.name == CRM)
    assert installation.vault.open(row.secrets) == {"token": "renewed"}


def test_a_lost_key_names_what_is_lost_and_leaves_it_as_it_is(street: Street):
    installation = street.lab.installation
    (old,) = installation.vault.names
    foreign = Vault(Fernet.generate_key().decode())
    found = reseal(installation.store, foreign)
    assert found.changed == 0
    assert {one.name for one in found.lost} >= {CRM, "signing key"}
    assert {one.key for one in found.lost} == {old}
    with pytest.raises(ConfigError, match="vault key"):
        vaulting.refuse_lost(found)
    assert look(installation.store, installation.vault).lost == []


def test_rotating_is_on_the_trail_and_refused_where_the_key_is_not_ours(street: Street):
    from core.store import trail

    vaulting.rotate(street.lab.installation)
    with street.lab.installation.store.reading() as tx:
        assert [one.what for one in trail.steps(tx)] == ["sealed everything anew", "rotated the vault's key"]
    given = street.lab.settings.model_copy(update={"vault_key": SecretStr(Fernet.generate_key().decode())})
    street.lab.installation.settings = given
    with pytest.raises(ConfigError, match="cannot write"):
        vaulting.rotate(street.lab.installation)


def test_two_sources_at_once_are_refused(tmp_path: Path):
    key = SecretStr(Fernet.generate_key().decode())
    with pytest.raises(ConfigError, match="given twice: CONCORD_VAULT_KEY and CONCORD_VAULT_KEY_FILE"):
        vaulting.vault_of(Settings(data=tmp_path, vault_key=key, vault_key_file="/run/secrets/key"))
