"""A file that opens with a passphrase: written and read in pieces, so that its size does not matter.

Fernet (of `cryptography`) seals each piece, with a key that scrypt makes of the passphrase and a salt. A piece begins
with its number, and the last one says so: none can be left out, moved or cut off unseen.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import IO

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from core.errors import StoreError

MAGIC = b"concord backup, locked, 1 "
_PIECE = 1 << 20
_COST = 1 << 15
"""Some 32 MB and a tenth of a second: what guessing costs apiece."""
_LAST, _MORE = b"\x01", b"\x00"


def _box(passphrase: str, salt: bytes) -> Fernet:
    key = Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(key))


class Locking(RawIOBase):
    """Takes bytes and writes them sealed; `finish` writes the last piece, without which nothing opens."""

    def __init__(self, out: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(16)
        self._out, self._box, self._rest, self._number = out, _box(passphrase, salt), bytearray(), 0
        out.write(MAGIC + base64.b64encode(salt) + b"\n")

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Take some bytes."""
        taken = memoryview(data)  # type: ignore[arg-type]  # whatever holds bytes
        self._rest += taken
        while len(self._rest) > _PIECE:
            self._piece(bytes(self._rest[:_PIECE]), _MORE)
            del self._rest[:_PIECE]
        return taken.nbytes

    def finish(self) -> None:
        """Write what is left."""
        self._piece(bytes(self._rest), _LAST)
        self._rest.clear()

    def _piece(self, data: bytes, which: bytes) -> None:
        self._out.write(self._box.encrypt(self._number.to_bytes(8, "big") + which + data) + b"\n")
        self._number += 1


def opened(source: IO[bytes], passphrase: str) -> Iterator[bytes]:
    """The bytes of a locked file, whose first line is next; `StoreError` where it is not whole or does not open."""
    salt = base64.b64decode(source.readline().removeprefix(MAGIC).strip())
    box = _box(passphrase, salt)
    which = _MORE
    for number, line in enumerate(source):
        try:
            piece = box.decrypt(line.strip())
        except InvalidToken as error:
            raise _shut(number) from error
        if int.from_bytes(piece[:8], "big") != number or which == _LAST:
            raise _shut(number)
        which = piece[8:9]
        yield piece[9:]
    if which != _LAST:
        raise _shut(-1)


def _shut(number: int) -> StoreError:
    if number == 0:
        return StoreError("The backup does not open with this passphrase.", code="store.backup",
                          remedy="Set CONCORD_BACKUP_PASSPHRASE to the one it was made with.")  # fmt: skip
    return StoreError("The backup is not whole: a part of it is missing or was changed.", code="store.backup")


def is_locked(path: Path) -> bool:
    """Whether a file is a locked one; what cannot be read is not."""
    try:
        with path.open("rb") as source:
            return source.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
