"""The vault: a connection's secrets, sealed with a key that can be rotated.

The key is in the environment (`CONCORD_VAULT_KEY`, several separated by commas, the first one seals) or in a file
of the data folder that only its owner may read. Without the right key nothing opens, and that is said clearly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import ConfigError


class Vault:
    """Seals and opens."""

    def __init__(self, keys: str) -> None:
        """`keys` are Fernet keys separated by commas; the first one seals, all of them open."""
        try:
            self._box = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
        except ValueError as error:
            raise ConfigError(
                "The vault key is not a valid key.",
                remedy="Set CONCORD_VAULT_KEY to the key that this installation was set up with.",
            ) from error

    @classmethod
    def in_folder(cls, folder: Path, given: str | None) -> Vault:
        """The vault of a data folder, with the key that is given or the one kept there; makes a key at first."""
        if given:
            return cls(given)
        file = folder / "vault.key"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(Fernet.generate_key())
        return cls(file.read_text(encoding="ascii"))

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        """Secrets as sealed bytes."""
        return self._box.encrypt(orjson.dumps(dict(secrets)))

    def open(self, sealed: bytes | None) -> dict[str, str]:
        """Secrets back; `ConfigError` when the key is not the one they were sealed with."""
        if sealed is None:
            return {}
        try:
            found: dict[str, str] = orjson.loads(self._box.decrypt(sealed))
        except InvalidToken as error:
            raise ConfigError(
                "The stored credentials cannot be opened with this vault key.",
                remedy="Restore vault.key or CONCORD_VAULT_KEY, or enter the credentials again with `concord connect`.",
            ) from error
        return found
