"""Bringing back: a backup takes the place of the database, and nothing is lost where it cannot.

    open ▶ sums ▶ unpack beside ▶ whole? ▶ this version ▶ the vault opens ▶ erased again ▶ read everything again
    ▶ the old one aside ▶ one rename

Everything that can go wrong does so before the last step, in a folder of its own. Who was erased since the backup was
made stays erased, because the list of the erased that is here counts too.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import orjson

from api.assembly import Installation, now
from api.backup import DATABASE, FORM, MANIFEST, ZIPPED, not_embedded
from api.erased import FILE as ERASED
from api.erased import keep_erased
from api.locked import MAGIC, opened
from api.settings import Settings
from api.vaulting import KEY, refuse_lost, vault_elsewhere
from core.errors import ConfigError, StoreError
from core.flow.restored.setting_back import set_back
from core.model.instant import moment
from core.store.copying import check, leave_alone
from core.store.sealed import look
from core.store.vault import Vault

_BLOCK = 1 << 20


@dataclass(slots=True)
class Opened:
    """A backup that was looked into; `zipped` is open as long as the block that gave it."""

    zipped: ZipFile
    manifest: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, Any]:
        """Name → sum and size."""
        found: Mapping[str, Any] = self.manifest["files"]
        return found


@dataclass(slots=True)
class BroughtBack:
    """What was brought back."""

    manifest: Mapping[str, Any]
    aside: Path | None = None
    """Where what was there before lies now."""
    erased_again: int = 0
    streams: int = 0
    """Streams that are read whole before anything is written."""
    files: list[str] = field(default_factory=list)


@contextmanager
def look_into(path: Path, passphrase: str | None, folder: Path) -> Iterator[Opened]:
    """A backup, opened; `StoreError` (`store.backup`) where it is none. A locked one is opened in `folder`."""
    with ExitStack() as stack:
        try:
            source: IO[bytes] = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.", remedy="Name a backup.") from error
        if source.read(len(MAGIC)) == MAGIC:
            if passphrase is None:
                raise ConfigError(
                    f"{path} is locked.", remedy="Set CONCORD_BACKUP_PASSPHRASE to the passphrase it was made with."
                )
            source.seek(0)
            plain = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            for piece in opened(source, passphrase):
                plain.write(piece)
            source = plain
        source.seek(0)
        if source.read(len(ZIPPED)) != ZIPPED:
            raise _no_backup(path, "it does not begin like one")
        try:
            zipped = stack.enter_context(ZipFile(source))
            manifest = orjson.loads(zipped.read(MANIFEST))
            form = manifest["form"]
        except (BadZipFile, KeyError, ValueError, zlib.error, EOFError) as error:
            raise _no_backup(path, "it is cut off, or was changed") from error
        if form > FORM:
            raise StoreError(f"{path} was made by Concord {manifest.get('concord')}.", code="store.newer")
        yield Opened(zipped, manifest)


def _no_backup(path: Path, why: str) -> StoreError:
    return StoreError(f"{path} cannot be used: {why}.", code="store.backup")


def is_there(settings: Settings) -> bool:
    """Whether a hub lives here already."""
    return (settings.data / DATABASE).exists()


def bring_back(settings: Settings, path: Path, *, passphrase: str | None = None) -> BroughtBack:
    """Put a backup in the place of the hub in the data folder; what was there before is kept aside.

    Raises `ConfigError` or `StoreError`, and has changed nothing then. Whoever calls it has asked before.
    """
    if settings.database_url is not None:
        raise not_embedded()
    settings.data.mkdir(parents=True, exist_ok=True)
    with _alone(settings), tempfile.TemporaryDirectory(prefix=".restoring-", dir=settings.data) as folder:
        staging = Path(folder)
        with look_into(path, passphrase, staging) as backup:
            _unpack(backup, path, staging)
            done = BroughtBack(backup.manifest)
        _same_list(settings, staging, backup.manifest)
        vault = _vault(settings, staging)
        _made_ready(settings, staging, vault, path, done)
        _take_place(settings, staging, done)
    return done


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Nobody works this folder meanwhile."""
    with (settings.data / "engine.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"The hub in {settings.data} is at work.", code="store.busy", remedy="Stop `concord up` first."
            ) from error
        yield


def _unpack(backup: Opened, path: Path, staging: Path) -> None:
    """Every file that the manifest names, and its sum compared."""
    if DATABASE not in backup.files:
        raise _no_backup(path, "it holds no database")
    for name, told in backup.files.items():
        target = staging / name
        if not target.resolve().is_relative_to(staging.resolve()):
            raise _no_backup(path, f"it names a file outside, {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        summed = hashlib.sha256()
        try:
            with backup.zipped.open(name) as source, target.open("wb") as into:
                target.chmod(0o600)
                while block := source.read(_BLOCK):
                    summed.update(block)
                    into.write(block)
                into.flush()
                os.fsync(into.fileno())
        except (BadZipFile, KeyError, zlib.error, EOFError) as error:
            raise _no_backup(path, f"{name} in it is not whole") from error
        except OSError as error:
            raise StoreError(
                f"There is no room to unpack {path}: {error.strerror}.", code="store.full", remedy="Free some space."
            ) from error
        if summed.hexdigest() != told["sha256"]:
            raise _no_backup(path, f"{name} in it is not what it was when it was made")
    check(staging / DATABASE)


def _same_list(settings: Settings, staging: Path, manifest: Mapping[str, Any]) -> None:
    """Whoever was erased since stays so: the list that is here goes before the backup's, where both are one hub's."""
    here, theirs = settings.data / ERASED, staging / ERASED
    if not here.exists() or _installation(settings) not in (None, manifest["installation"]):
        return
    lines = here.read_text(encoding="utf-8").splitlines()
    more = theirs.read_text(encoding="utf-8").splitlines() if theirs.exists() else []
    theirs.write_text("".join(f"{line}\n" for line in dict.fromkeys([*lines, *more])), encoding="utf-8")


def _installation(settings: Settings) -> str | None:
    """Which hub is here; None where there is none, or one that cannot be read."""
    if not is_there(settings):
        return None
    try:
        with closing(sqlite3.connect(f"file:{settings.data / DATABASE}?mode=ro", uri=True)) as found:
            row = found.execute("SELECT value FROM meta WHERE name = 'installation'").fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None


def _vault(settings: Settings, staging: Path) -> Vault:
    """The key in the environment, else the backup's, else the one that is here."""
    given = vault_elsewhere(settings)
    if given is None and not (staging / KEY).exists():
        if not (settings.data / KEY).exists():
            raise ConfigError(
                "The backup holds no vault key, and there is none here: its credentials would stay shut.",
                remedy=f"Put the key that was kept beside it at {settings.data / KEY}, or set CONCORD_VAULT_KEY.",
            )
        shutil.copy2(settings.data / KEY, staging / KEY)
    return given or Vault.in_folder(staging)


def _made_ready(settings: Settings, staging: Path, vault: Vault, path: Path, done: BroughtBack) -> None:
    """Bring it to this version, see that its secrets open, erase again who was erased, and let all be read again."""
    files = staging / "files"
    if files.exists():
        shutil.copytree(files, staging, dirs_exist_ok=True)
    where = settings.model_copy(update={"data": staging})
    with Installation(where, vault=vault) as installation:
        refuse_lost(look(installation.store, vault))
        done.erased_again = keep_erased(installation)
        if done.erased_again:
            installation.store.compact()
        subject = {"backup": path.name, "made_at": str(done.manifest["made_at"])}
        done.streams = len(set_back(installation.hub(), subject).stream_ids)
    leave_alone(staging / DATABASE)


def _keep(there: Path, aside: Path) -> None:
    """Keep a file under a second name, so that it is never away; a copy where the disk knows no second names."""
    try:
        aside.hardlink_to(there)
    except OSError:
        shutil.copy2(there, aside)


def _take_place(settings: Settings, staging: Path, done: BroughtBack) -> None:
    """Keep what is here aside, then put everything in place; the database last, by one rename."""
    leave_alone(settings.data / DATABASE)
    names = [DATABASE, *(name for name in (ERASED, KEY) if (staging / name).exists())]
    files = staging / "files"
    own = [file.relative_to(files).as_posix() for file in sorted(files.rglob("*")) if file.is_file()]
    stamp = moment(now()).strftime("%Y%m%d-%H%M%S-%f")
    aside = settings.data / f"before-restore-{stamp}"
    logs = [f"{DATABASE}{end}" for end in ("-wal", "-shm")]
    for name in (*names, *logs, *own):
        there = settings.data / name
        if there.exists():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            _keep(there, aside / name)
            done.aside = aside
    for name in logs:
        # Left by what could not be brought into one piece; it would be read as the new one's.
        (settings.data / name).unlink(missing_ok=True)
    for name in (*own, *names[1:], names[0]):
        (settings.data / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(settings.data / name)
        done.files.append(name)
