"""Commands that keep the hub itself: `backup`, `restore`, and `restored` for a database that was set back otherwise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many, verb

if TYPE_CHECKING:
    from api.backup import Tell
    from api.settings import Settings

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (backup, restore, restored):
        app.command()(command)


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; concord-DATE.zip in this folder when none is named.")
    ] = None,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Put the vault key in, too: who has the file has every credential.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="Lock it with a passphrase (CONCORD_BACKUP_PASSPHRASE, or asked for).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the whole hub into one file while it works: database, configuration, mappings, the list of the erased."""
    from api.assembly import now
    from api.backup import back_up, not_embedded
    from api.cli.opening import settings
    from core.model.instant import moment

    here, at = settings(), now()
    if here.database_url is not None:
        raise not_embedded()
    if not (here.data / "concord.db").exists():
        raise ConfigError(f"There is no hub in {here.data}.", remedy="Point CONCORD_DATA to where it is.")
    target = file or Path(f"concord-{moment(at).strftime('%Y%m%d-%H%M%S')}.zip{'.locked' if lock else ''}")
    passphrase = _passphrase(here, new=True) if lock else None
    made = back_up(here, target, at=at, with_key=with_key, passphrase=passphrase, tell=_bar(shown=not as_json))
    if as_json:
        output.as_json({"file": str(made.path), "bytes": made.size, "locked": lock, **made.manifest})
        return
    records, size = made.manifest["records"], made.size / 1_000_000
    output.say(f"{made.path}: {many(records, 'record')}, {size:,.1f} MB{', locked' if lock else ''}.")
    output.say(
        "The vault key is in it: keep the file as you keep a password."
        if with_key
        else "The vault key is not in it. Keep it somewhere else (vault.key or CONCORD_VAULT_KEY): without it no "
        "stored credential opens again."
    )


def _bar(*, shown: bool) -> Tell | None:
    """How far the copy is, for whoever waits at a screen."""
    if not shown or not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        print(f"\r{done / max(1, total):4.0%} copied", end=end, file=sys.stderr, flush=True)

    return tell


def _passphrase(here: Settings, *, new: bool) -> str:
    if here.backup_passphrase is not None and here.backup_passphrase.get_secret_value():
        return here.backup_passphrase.get_secret_value()
    if not sys.stdin.isatty():
        raise ConfigError("There is no passphrase.", remedy="Set CONCORD_BACKUP_PASSPHRASE, and keep it elsewhere.")
    said: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new)
    return said


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of this hub; what is here is kept aside, and who was erased since stays erased."""
    from api.backup import not_embedded
    from api.bringing_back import bring_back, is_there
    from api.cli.opening import settings
    from api.locked import is_locked

    here = settings()
    if here.database_url is not None:
        raise not_embedded()
    passphrase = _passphrase(here, new=False) if is_locked(file) else None
    if is_there(here):
        _agree(f"A hub lives in {here.data} already.", "Put the backup in its place?", yes=yes, as_json=as_json)
    done = bring_back(here, file, passphrase=passphrase)
    if as_json:
        aside = str(done.aside) if done.aside else None
        told: dict[str, Any] = {"made_at": done.manifest["made_at"], "aside": aside}
        output.as_json({**told, "erased_again": done.erased_again, "read_again": done.streams, "files": done.files})
        return
    output.say(f"The hub in {here.data} is what it was at {done.manifest['made_at']}.")
    if done.aside:
        output.say(f"What was here before is in {done.aside}; take it away when it is not needed any more.")
    if done.erased_again:
        output.say(f"{done.erased_again:,} who were erased since then were erased again.")
    output.say(_next(done.streams))


def _next(streams: int) -> str:
    return (
        f"{many(streams, 'stream')} {verb(streams, 'is', 'are')} read whole before anything is written there: "
        "`concord sync` or `concord up` does "
        "it. Look at `concord reviews` afterwards; a tool that renewed its token since must be signed in to again."
    )


def restored(yes: Yes = False, as_json: Json = False) -> None:
    """Say that the database was set back by other means (pg_restore, a snapshot): all is read before it is written."""
    from api.cli.opening import opened
    from api.lock import engine_lock
    from core.flow.restored.setting_back import set_back

    with opened(made=True) as installation, engine_lock(installation, "concord restored"):
        _agree("Every stream will be read whole again.", "Was the database set back?", yes=yes, as_json=as_json)
        streams = len(set_back(installation.hub(), {"by": "concord restored"}).stream_ids)
    if as_json:
        output.as_json({"read_again": streams})
    else:
        output.say(_next(streams))


def _agree(what: str, question: str, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError(what, remedy="Add --yes where that is what you want.")
    if not typer.confirm(f"{what} {question}", default=False):
        raise ConfigError("Nothing was changed.", remedy="Run the command again when you are sure.")
