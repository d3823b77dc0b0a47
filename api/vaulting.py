"""The vault of an installation: where its keys come from, what is sealed with which, and how they are changed.

    rotate: a new key seals, the old ones open ▶ reseal: everything with the new key ▶ forget: the old keys go

Keys in a file of ours can be rotated by us; those from the environment or a program are rotated where they are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.model.many import many, verb
from core.store import keyring, runs, trail
from core.store.sealed import Sealed, look, reseal
from core.store.suppression import SUPPRESSING
from core.store.vault import UNNAMED, Vault, named

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.settings import Settings

KEY = "vault.key"


def vault_of(settings: Settings) -> Vault:
    """The vault that the settings name; `ConfigError` where its key cannot be had. Makes a key at first."""
    return vault_elsewhere(settings) or Vault.in_folder(settings.data)


def vault_elsewhere(settings: Settings) -> Vault | None:
    """The vault whose keys are not in the data folder; None where they are."""
    keys = keys_given(settings)
    if keys is not None:
        return Vault(keys)
    return Vault.of_file(Path(settings.vault_key_file)) if settings.vault_key_file else None


def keys_given(settings: Settings) -> str | None:
    """Keys from the environment or a program; None where they are in a file."""
    ways = {
        "CONCORD_VAULT_KEY": settings.vault_key and settings.vault_key.get_secret_value(),
        "CONCORD_VAULT_KEY_FILE": settings.vault_key_file,
        "CONCORD_VAULT_KEY_COMMAND": settings.vault_key_command and settings.vault_key_command.get_secret_value(),
    }
    said = [name for name, value in ways.items() if value]
    if len(said) > 1:
        raise ConfigError(f"The vault's keys are given twice: {' and '.join(said)}.", remedy="Set one of them only.")
    if ways["CONCORD_VAULT_KEY_COMMAND"]:
        return keyring.printed_by(ways["CONCORD_VAULT_KEY_COMMAND"])
    return ways["CONCORD_VAULT_KEY"] or None


def key_file(settings: Settings) -> Path:
    """The file that keys are in, where they are in one."""
    return Path(settings.vault_key_file) if settings.vault_key_file else settings.data / KEY


def source(settings: Settings) -> str:
    """Where the keys come from, for people."""
    if settings.vault_key and settings.vault_key.get_secret_value():
        return "CONCORD_VAULT_KEY"
    if settings.vault_key_command and settings.vault_key_command.get_secret_value():
        return "the program of CONCORD_VAULT_KEY_COMMAND"
    return str(key_file(settings))


def refuse_lost(found: Sealed) -> None:
    """`ConfigError` where something does not open."""
    if found.lost:
        one = found.lost[0]
        raise ConfigError(
            f"{many(len(found.lost), 'stored credential')} cannot be opened with this vault key, first of all "
            f"{one.name} ({one.what}).",
            remedy="Give the key that they were sealed with: CONCORD_VAULT_KEY, or vault.key in the data folder.",
        )


def rotate(installation: Installation) -> Sealed:
    """Put a new key first, and seal everything with it."""
    keyring.put_first(_own_file(installation.settings))
    # Sealing looks at the file, and so takes the new key from now on.
    installation.vault.seal({})
    _note(installation, "rotated the vault's key", {"key": installation.vault.names[0]})
    return seal_anew(installation)


def seal_anew(installation: Installation) -> Sealed:
    """Seal everything with the first key, in the store and in the list of the erased."""
    from api.erased import tell_key

    found = reseal(installation.store, installation.vault)
    with installation.store.reading() as tx:
        hashing = runs.fact(tx, SUPPRESSING)
    if hashing is not None:
        tell_key(installation, hashing)
    about = {"key": installation.vault.names[0], "changed": found.changed, "lost": len(found.lost)}
    _note(installation, "sealed everything anew", about)
    return found


def forget(installation: Installation) -> tuple[str, ...]:
    """Leave only the first key, once nothing in the store needs another; gives the names of those that are gone."""
    file = _own_file(installation.settings)
    needed = {key for _, key in look(installation.store, installation.vault).counts}
    others = needed - {installation.vault.names[0]}
    if others:
        says = ", ".join(sorted(one if one != UNNAMED else "an unnamed one" for one in others))
        raise ConfigError(
            f"{many(len(others), 'other key')} {verb(len(others), 'is', 'are')} still needed: {says}.",
            remedy="Run `concord vault reseal` first, and sign in again where it says that something is lost.",
        )
    keys = keyring.keys_in(keyring.KeyFile(file).read())
    keyring.keep_only(file, keys[:1])
    gone = tuple(named(one) for one in keys[1:])
    _note(installation, "forgot old keys of the vault", {"keys": list(gone)})
    return gone


def _own_file(settings: Settings) -> Path:
    if keys_given(settings) is None:
        return key_file(settings)
    raise ConfigError(
        f"The vault's keys come from {source(settings)}, which Concord cannot write.",
        remedy="Make a key with `concord vault new-key`, put it after the others there, start every process again, "
        "move it before them, start again, and run `concord vault reseal`.",
    )


def _note(installation: Installation, what: str, about: dict[str, object]) -> None:
    with installation.store.writing(durable=True) as tx:
        trail.add(tx, at=installation.clock(), person_id=None, who="command line", what=what, about=about)
