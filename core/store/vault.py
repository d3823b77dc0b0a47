"""The vault: secrets sealed with keys that can be rotated.

Of several keys the first one seals and all of them open. What is sealed names its key (`1a2b3c4d.…`, the beginning of a
digest of the key), so that it is known which values still need which key, and which are lost without one. What was
sealed before keys had names is tried with each. Where keys come from is the business of `core.store.keyring`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import ConfigError
from core.store.keyring import KeyFile, make_first

UNNAMED = ""
"""In the place of a key's name: sealed before keys had names."""
_NAME = 8
_REMEDY = (
    "Put the key back (vault.key, CONCORD_VAULT_KEY); `concord vault status` tells what needs which. Where it is lost, "
    "sign in again for each connection that cannot be opened: `concord connect`, or the console."
)


class Vault:
    """Seals and opens. Safe to use from many threads; no message and no `repr` of it holds a key."""

    def __init__(self, keys: str, *, news: Callable[[], str | None] = lambda: None) -> None:
        """`keys` are Fernet keys separated by commas or white space, the sealing one first.

        `news` gives the keys again where they have changed since, and None where they have not.
        """
        self._news = news
        self._boxes = _boxes(keys)

    @classmethod
    def in_folder(cls, folder: Path, given: str | None = None) -> Vault:
        """The vault of a data folder, with the keys that are given or those kept there; makes a key at first."""
        if given:
            return cls(given)
        file = folder / "vault.key"
        make_first(file)
        return cls.of_file(file)

    @classmethod
    def of_file(cls, file: Path) -> Vault:
        """The vault of a key file; keys that are put in later are found without a restart."""
        keys = KeyFile(file)
        return cls(keys.read(), news=keys.news)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys, the sealing one first."""
        return tuple(self._boxes)

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        """Secrets as sealed bytes: letters, digits and `.-_=` only."""
        self._look_again()
        name, box = next(iter(self._boxes.items()))
        return name.encode() + b"." + box.encrypt(orjson.dumps(dict(secrets)))

    def open(self, sealed: bytes | None) -> dict[str, str]:
        """Secrets back; `ConfigError` when the key is not here that they were sealed with."""
        if sealed is None:
            return {}
        name = key_name(sealed)
        if name and name not in self._boxes:
            self._look_again()
        try:
            found: dict[str, str] = orjson.loads(self._decrypted(name, sealed))
        except InvalidToken:
            raise self._lost(name) from None
        return found

    def sealed_anew(self, sealed: bytes) -> bytes | None:
        """The same secrets sealed with the first key; None where they are. `ConfigError` when they do not open."""
        secrets = self.open(sealed)
        return None if key_name(sealed) == self.names[0] else self.seal(secrets)

    def _decrypted(self, name: str, sealed: bytes) -> bytes:
        if name == UNNAMED:
            return MultiFernet(list(self._boxes.values())).decrypt(sealed)
        box = self._boxes.get(name)
        if box is None:
            raise InvalidToken
        return box.decrypt(sealed.partition(b".")[2])

    def _look_again(self) -> None:
        keys = self._news()
        if keys is not None:
            self._boxes = _boxes(keys)

    def _lost(self, name: str) -> ConfigError:
        if name and name not in self._boxes:
            what = f"It was sealed with the vault key {name}, which is not here (here: {', '.join(self._boxes)})."
        else:
            what = f"It was changed, or sealed with another vault key than those here ({', '.join(self._boxes)})."
        return ConfigError(f"A stored credential cannot be opened. {what}", remedy=_REMEDY)


def key_name(sealed: bytes) -> str:
    """The name of the key that something was sealed with; `UNNAMED` where it names none."""
    name, dot, _ = sealed.partition(b".")
    return name.decode("ascii", "replace") if dot else UNNAMED


def named(key: str) -> str:
    """The name of a key, which tells nothing of it."""
    return hashlib.sha256(b"concord vault key\0" + key.encode()).hexdigest()[:_NAME]


def _boxes(keys: str) -> dict[str, Fernet]:
    try:
        found = {named(key): Fernet(key) for key in keys.replace(",", " ").split()}
    except ValueError:
        # Without the error's own words, which may hold what was given.
        found = {}
    if not found:
        raise ConfigError(
            "The vault key is not a valid key.",
            remedy="Give the key that this installation was set up with (CONCORD_VAULT_KEY, CONCORD_VAULT_KEY_FILE, "
            "CONCORD_VAULT_KEY_COMMAND, or vault.key in the data folder).",
        )
    return found
