"""The vault's keys where they are kept: a file that only its owner may read, or a program that prints them.

One key a line (commas do as well), the sealing one first. A file is read again when it has changed, so processes that
run find a new key without a restart. A program is asked once, when a process begins; what it says is never shown.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from core.errors import ConfigError

_PATIENCE = 30
"""Seconds that a program may take."""
_OTHERS = 0o077


class KeyFile:
    """A file of keys, which somebody may change at any time."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path
        self._seen: tuple[int, ...] = ()

    def read(self) -> str:
        """Its text; `ConfigError` where it cannot be read, or others than its owner may."""
        try:
            with self._path.open(encoding="ascii") as file:
                about = os.fstat(file.fileno())
                self._only_its_owner(about)
                self._seen = _mark(about)
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigError(
                f"The vault's key file {self._path} cannot be read: {why}.",
                remedy="Put it back from where it is kept beside the backups, or point CONCORD_VAULT_KEY_FILE to it.",
            ) from None

    def news(self) -> str | None:
        """Its text where it has changed since it was read; while it is away, what was read stands."""
        try:
            if _mark(self._path.stat()) == self._seen:
                return None
        except OSError:
            return None
        return self.read()

    def _only_its_owner(self, about: os.stat_result) -> None:
        if about.st_mode & _OTHERS or about.st_uid not in (os.geteuid(), 0):
            raise ConfigError(
                f"Others than its owner may read the vault's key file {self._path}.",
                remedy=f"Let only the user that runs Concord own and read it: chmod 600 {self._path}.",
            )


def make_first(file: Path) -> None:
    """Make a key where there is no file yet."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(file):
            if not file.exists():
                _write(file, [Fernet.generate_key().decode()])


def put_first(file: Path) -> None:
    """Put a new key before those of a file: it seals from now on."""
    with _one_at_a_time(file):
        _write(file, [Fernet.generate_key().decode(), *keys_in(KeyFile(file).read())])


def keep_only(file: Path, keys: Sequence[str]) -> None:
    """Leave only these keys in a file, in its own order; never none."""
    with _one_at_a_time(file):
        left = [one for one in keys_in(KeyFile(file).read()) if one in keys]
        if left:
            _write(file, left)


def keys_in(text: str) -> list[str]:
    """The keys of a text."""
    return text.replace(",", " ").split()


def printed_by(command: str) -> str:
    """What a program prints, which are the keys; `ConfigError` tells that it failed, and never its words."""
    words = shlex.split(command)
    try:
        done = subprocess.run(  # noqa: S603 -- the admin's own program, without a shell
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
        text, code = done.stdout.decode("ascii"), done.returncode
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired) as error:
        raise _no_key(words, type(error).__name__) from None
    if code:
        raise _no_key(words, f"exit code {code}")
    return text


def _no_key(words: Sequence[str], why: str) -> ConfigError:
    return ConfigError(
        f"The program of CONCORD_VAULT_KEY_COMMAND, {words[0] if words else 'none'}, gave no vault key ({why}).",
        remedy="Run it as the user that runs Concord, and mend what it says.",
    )


@contextmanager
def _one_at_a_time(file: Path) -> Iterator[None]:
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: Path, keys: Sequence[str]) -> None:
    """The whole file or the one before, whatever happens meanwhile."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write("\n".join(keys))
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mark(about: os.stat_result) -> tuple[int, ...]:
    return about.st_ino, about.st_size, about.st_mtime_ns
