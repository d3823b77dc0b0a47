"""The list of the erased: a file beside the database, by which nobody comes back with a restored backup.

One JSON document a line: the sealed key of the hashes, the last of which counts, and each erasure by its token with its
hashes; a later line of one token adds some, or says that the person was let in again. Keep a copy of it apart.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StoreError
from core.flow.erasure.again import Listed, as_listed, erase_again
from core.flow.erasure.erasing import erase
from core.store import runs
from core.store.codec import dumps, loads
from core.store.suppression import SUPPRESSING

if TYPE_CHECKING:
    from api.assembly import Installation

FILE = "erased.jsonl"


def keep_erased(installation: Installation) -> int:
    """Bring the list and the store to the same; gives how many records were there again, and are erased again."""
    file = installation.settings.data / FILE
    key, listed = _read(file)
    if key is not None:
        _use(installation, key)
    hub = installation.hub()
    stored = {one.token: one for one in as_listed(hub)}
    lost = [one for token, one in listed.items() if token not in stored and one.digests]
    back = erase_again(hub, lost) if lost else 0
    if lost:
        stored = {one.token: one for one in as_listed(hub)}
    _write(installation, file, listed, stored, headless=key is None)
    return back


def erase_here(installation: Installation, record_id: int, *, reference: str | None = None) -> tuple[int, str]:
    """Erase somebody for good; gives the number of the erasure, and what is left to be done by hand ('' for nothing).

    The files may still hold the bytes: that another process is at work is no reason to call it a failure.
    """
    id_ = erase(installation.hub(), record_id, reference=reference)
    keep_erased(installation)
    return id_, compacted(installation)


def compacted(installation: Installation) -> str:
    """Leave nothing in the database's files of what was erased; gives why that could not be done, or ''."""
    try:
        installation.store.compact()
    except StoreError as error:
        return str(error)
    return ""


def tell_key(installation: Installation, key: str) -> None:
    """Put the key of the hashes, sealed anew, at the end of the list, where there is one and it has another."""
    file = installation.settings.data / FILE
    if file.exists() and _read(file)[0] not in (None, key):
        _append(file, [{"key": key}])


def _read(file: Path) -> tuple[str | None, dict[str, Listed]]:
    """The sealed key, and token → erasure; nothing where there is no list yet."""
    key: str | None = None
    found: dict[str, Listed] = {}
    if not file.exists():
        return None, found
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told: dict[str, Any] = loads(line)
            if "key" in told:
                key = str(told["key"])
                continue
            one = Listed(told["token"], told["kind"], told["reference"], tuple(told["digests"]))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{file} line {number} cannot be read: who was erased may come back.",
                remedy="Restore the file from its copy. Without one, move it away; the store's own list stands then.",
            ) from error
        earlier = found.get(one.token)
        more = () if earlier is None or told.get("lifted") else earlier.digests
        found[one.token] = one._replace(digests=(*more, *one.digests))
    return key, found


def _use(installation: Installation, key: str) -> None:
    """Hash as the list was hashed, where the store has no key of its own (any more)."""
    with installation.store.reading() as tx:
        known = runs.fact(tx, SUPPRESSING)
    if known is None:
        with installation.store.writing(durable=True) as tx:
            runs.put_fact(tx, SUPPRESSING, key)


def _write(
    installation: Installation, file: Path, listed: dict[str, Listed], stored: dict[str, Listed], *, headless: bool
) -> None:
    lines: list[dict[str, Any]] = []
    for token, one in stored.items():
        known = listed.get(token)
        fresh = [digest for digest in one.digests if known is None or digest not in known.digests]
        if known is None or fresh:
            lines.append(one._replace(digests=tuple(fresh))._asdict())
        elif known.digests and not one.digests:
            lines.append({**one._asdict(), "lifted": True})
    if not lines:
        return
    if headless:
        with installation.store.reading() as tx:
            lines.insert(0, {"key": runs.fact(tx, SUPPRESSING)})
    _append(file, lines)


def _append(file: Path, lines: list[dict[str, Any]]) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write("".join(f"{dumps(line)}\n" for line in lines))
        out.flush()
        os.fsync(out.fileno())
