"""A backup: one file with all that a hub on the embedded store is, made while the hub works.

    database as of one moment ▶ zipped with the list of the erased, files and configuration ▶ manifest with sums

It is written beside its place and takes it at the end, so there is never half a file. The vault's key is left out
unless somebody asks for it: who has both has every credential. `api.bringing_back` reads it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from api.erased import FILE as ERASED
from api.locked import MAGIC, Locking
from api.settings import Settings
from api.vaulting import KEY, key_file, keys_given
from core.errors import ConfigError, StoreError
from core.model.instant import Instant, iso
from core.store.copying import copy_to
from core.store.database import Store
from core.store.keyring import KeyFile

FORM = 1
"""Of the file; a later one that is read otherwise gets another number."""
MANIFEST, DATABASE = "manifest.json", "concord.db"
OWN = ("*.yaml", "*.yml", "*.txt", "mappings/*.yaml")
"""What an admin keeps in the data folder."""
ZIPPED = b"PK\x03\x04"
_BLOCK = 1 << 20
_TEXTS = ("rules", "custom_fields", "match", "topics", "consent", "retention", "movement", "forms", "alerts")

Tell = Callable[[int, int], None]
"""Hears how many of how many pages of the database are copied."""


@dataclass(slots=True)
class Made:
    """A backup that was made."""

    path: Path
    made_at: Instant
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def not_embedded() -> ConfigError:
    """PostgreSQL has better means than ours."""
    return ConfigError(
        "This hub keeps its database in PostgreSQL, which `concord backup` does not copy.",
        remedy="Use pg_dump or a base backup with its log, and run `concord restored` after it was set back: "
        "docs/keeping.md, PostgreSQL.",
    )


def back_up(
    settings: Settings,
    path: Path,
    *,
    at: Instant,
    with_key: bool = False,
    passphrase: str | None = None,
    tell: Tell | None = None,
) -> Made:
    """Write a backup to `path`, whole or not at all; raises `ConfigError` or `StoreError`.

    `passphrase` locks the file. A file of another kind is never replaced.
    """
    if settings.database_url is not None:
        raise not_embedded()
    _fits(path)
    try:
        with _scratch(path) as folder:
            copy = folder / DATABASE
            _copy(settings, copy, tell)
            part = folder / "backup"
            manifest = _about(copy, at, with_key=with_key)
            with open(part, "xb", opener=_for_the_owner) as out:
                _write(out, settings, copy, manifest, with_key=with_key, passphrase=passphrase)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
            _sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.", remedy="Name another place.") from error
    return Made(path, at, manifest)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fits(path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"{path} is no file that can be written.", remedy="Name a file in a folder that there is.")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as there:
            begins = there.read(max(len(MAGIC), len(ZIPPED)))
        if not begins.startswith((MAGIC, ZIPPED)):
            raise ConfigError(f"{path} is there already, and is no backup.", remedy="Name another file.")


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder of our own beside the file: what is renamed at the end must be on the same disk."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        yield Path(folder)


def _copy(settings: Settings, copy: Path, tell: Tell | None) -> None:
    # Not opened as a hub: that would bring it to this program's version, and a backup may be wanted before that.
    store = Store(settings.url)
    try:
        copy_to(store, copy, tell)
    finally:
        store.close()


def _about(copy: Path, at: Instant, *, with_key: bool) -> dict[str, Any]:
    from importlib.metadata import version

    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as found:
        try:
            (schema,) = found.execute("SELECT version_num FROM alembic_version").fetchone()
            (installation,) = found.execute("SELECT value FROM meta WHERE name = 'installation'").fetchone()
            (records,) = found.execute("SELECT count(*) FROM record WHERE state = 0").fetchone()
        except (sqlite3.Error, TypeError) as error:
            raise StoreError("The database holds no hub.", remedy="Point CONCORD_DATA to where the hub is.") from error
    return {
        "form": FORM,
        "made_at": iso(at),
        "concord": version("concord-hub"),
        "schema": schema,
        "installation": installation,
        "records": records,
        "vault_key": with_key,
        "files": {},
    }


def _write(
    out: IO[bytes], settings: Settings, copy: Path, manifest: dict[str, Any], *, with_key: bool, passphrase: str | None
) -> None:
    locking = Locking(out, passphrase) if passphrase else None
    with ZipFile(locking or out, "w", ZIP_DEFLATED, compresslevel=1) as zipped:
        packing = _Packing(zipped, manifest["files"])
        packing.file(DATABASE, copy)
        # After the database: whoever is erased meanwhile stands in the list already.
        if (settings.data / ERASED).exists():
            packing.file(ERASED, settings.data / ERASED)
        for file in own_files(settings.data):
            packing.file(f"files/{file.relative_to(settings.data).as_posix()}", file)
        for name, text in _configuration(copy):
            packing.text(f"configuration/{name}", text)
        if with_key:
            packing.text(KEY, _key(settings))
        # Last, with the sums of all others.
        zipped.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    if locking is not None:
        locking.finish()


class _Packing:
    """Puts files into a zip, and notes their sums."""

    def __init__(self, zipped: ZipFile, files: dict[str, Any]) -> None:
        self._zipped, self._files = zipped, files

    def file(self, name: str, path: Path) -> None:
        """One from the disk, block by block."""
        with path.open("rb") as source:
            self._put(name, iter(lambda: source.read(_BLOCK), b""))

    def text(self, name: str, data: bytes) -> None:
        """One from memory."""
        self._put(name, iter((data,)))

    def _put(self, name: str, blocks: Iterator[bytes]) -> None:
        summed, size = hashlib.sha256(), 0
        info = ZipInfo(name)
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o600 << 16
        with self._zipped.open(info, "w", force_zip64=True) as into:
            for block in blocks:
                summed.update(block)
                size += len(block)
                into.write(block)
        self._files[name] = {"sha256": summed.hexdigest(), "size": size}


def own_files(folder: Path) -> list[Path]:
    """What an admin keeps in the data folder, in order."""
    return sorted({file for pattern in OWN for file in folder.glob(pattern) if file.is_file()})


def _key(settings: Settings) -> bytes:
    return (keys_given(settings) or KeyFile(key_file(settings)).read()).encode()


def _configuration(copy: Path) -> Iterator[tuple[str, bytes]]:
    """What is in force, for people to read: restoring takes it from the database. Nothing secret is in it."""
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as found:
        facts = dict(found.execute("SELECT name, value FROM meta"))
        rows = found.execute("SELECT id, name, connector, settings, streams, state FROM connection ORDER BY id")
        connections = list(rows)
        mappings = dict(found.execute("SELECT connection_id, text FROM mapping WHERE active = 1"))
    for name in _TEXTS:
        if facts.get(name):
            yield f"{name}.yaml", facts[name].encode()
    told = [
        {"name": name, "connector": connector, "settings": orjson.loads(settings), "streams": orjson.loads(streams),
         "state": state}
        for _, name, connector, settings, streams, state in connections
        if state != "own"
    ]  # fmt: skip
    yield "connections.json", orjson.dumps(told, option=orjson.OPT_INDENT_2)
    for id_, name, *_ in connections:
        if id_ in mappings:
            yield f"mappings/{name}.yaml", mappings[id_].encode()


def _sync(folder: Path) -> None:
    """A name that was given survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
