"""Commands about the vault, where credentials are sealed: `vault status`, `rotate`, `reseal`, `forget`, `new-key`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from core.store.sealed import Sealed

group = typer.Typer(no_args_is_help=True, help="The vault: which key seals what, and how keys are changed.")
_LOST = "Restore the key that is missing, or sign in again: `concord connect` or the console, for each that is lost."


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="vault")


@group.command("status")
def status(as_json: Json = False) -> None:
    """Where the keys come from, what is sealed with which, and what does not open."""
    from api.cli.opening import opened
    from api.vaulting import source
    from core.store.sealed import look

    with opened(made=True) as installation:
        found = look(installation.store, installation.vault)
        keys, where = installation.vault.names, source(installation.settings)
    if as_json:
        output.as_json({"source": where, "keys": list(keys), "seals": keys[0], **_told(found)})
    else:
        output.say(f"Keys are from {where}; {keys[0]} seals, {many(len(keys), 'key')} in all.")
        rows = [(what, key or "(no name)", "yes" if key in keys or not key else "NO", f"{count:,}")
                for (what, key), count in sorted(found.counts.items())]  # fmt: skip
        if rows:
            output.console().print(output.table("", ("what", "sealed with", "key is here", "values"), rows))
        _tell_lost(found)
    _end(found)


@group.command("rotate")
def rotate(as_json: Json = False) -> None:
    """Make a new key, which seals from now on, and seal everything with it; the old keys still open."""
    from api.cli.opening import opened
    from api.vaulting import rotate as make_and_seal

    with opened(made=True) as installation:
        found = make_and_seal(installation)
        _tell_resealed(found, installation.vault.names[0], as_json=as_json)
    _end(found)


@group.command("reseal")
def reseal(as_json: Json = False) -> None:
    """Seal everything with the first key; may be broken off and repeated, and others may work meanwhile."""
    from api.cli.opening import opened
    from api.vaulting import seal_anew

    with opened(made=True) as installation:
        found = seal_anew(installation)
        _tell_resealed(found, installation.vault.names[0], as_json=as_json)
    _end(found)


@group.command("forget")
def forget(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False, as_json: Json = False
) -> None:
    """Take the old keys away. Links in mails that were sent, and backups, that were sealed with them stay shut."""
    from api.cli.opening import opened
    from api.vaulting import forget as leave_the_first

    with opened(made=True) as installation:
        if not yes and (as_json or not typer.confirm("Old links in mails and old backups open no more. Go on?")):
            raise ConfigError("Nothing was changed.", remedy="Add --yes where that is what you want.")
        gone = leave_the_first(installation)
    if as_json:
        output.as_json({"forgotten": list(gone)})
    else:
        output.say(f"Gone: {', '.join(gone)}." if gone else "There was one key only.")


@group.command("new-key")
def new_key() -> None:
    """Print a new key, for where Concord cannot write: the environment, or a key management service."""
    from cryptography.fernet import Fernet

    output.say(Fernet.generate_key().decode())


def _told(found: Sealed) -> dict[str, Any]:
    return {
        "sealed": [{"what": what, "key": key or None, "values": n} for (what, key), n in sorted(found.counts.items())],
        "lost": [{"what": one.what, "name": one.name, "key": one.key or None} for one in found.lost],
    }


def _tell_resealed(found: Sealed, key: str, *, as_json: bool) -> None:
    if as_json:
        output.as_json({"seals": key, "changed": found.changed, **_told(found)})
        return
    output.say(f"Sealed anew with {key}: {many(found.changed, 'value')} of {sum(found.counts.values()):,}.")
    _tell_lost(found)


def _tell_lost(found: Sealed) -> None:
    for one in found.lost:
        output.say(f"Lost without its key {one.key or '(no name)'}: {one.name}, {one.what}.")
    if found.lost:
        output.say(_LOST)


def _end(found: Sealed) -> None:
    if found.lost:
        raise typer.Exit(1)
