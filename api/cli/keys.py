"""Commands about the keys of the API: `keys add`, `keys list`, `keys shut`."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import output
from api.cli.output import Json

group = typer.Typer(no_args_is_help=True, help="Keys of the API: make one, list them, shut one.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="keys")


@group.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The program that is to use it.")],
    role: Annotated[str, typer.Option(help="viewer (personal data masked), operator or admin.")] = "operator",
    scope: Annotated[list[str] | None, typer.Option(help="Only this; may be given several times.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="It ends by itself after so many days.")] = None,
    as_json: Json = False,
) -> None:
    """A new key, shown this once."""
    from api.cli.opening import opened
    from api.console.people import Role
    from api.v1.keys import Keys
    from core.errors import ConfigError
    from core.model.instant import DAY

    if role not in set(Role):
        raise ConfigError(f"There is no role '{role}'.", remedy=f"Choose from {', '.join(Role)}.")
    with opened() as installation:
        ends_at = installation.clock() + days * DAY if days is not None else None
        token, id_ = Keys(installation).make(name, Role(role), scope or None, ends_at=ends_at, by=None)
    if as_json:
        output.as_json({"id": id_, "name": name, "key": token})
    else:
        output.say(f"Key {id_}; it is shown this once:\n{token}")


@group.command("list")
def list_keys(as_json: Json = False) -> None:
    """All keys, by the letters with which they begin."""
    from api.cli.opening import opened
    from api.v1.keys import Keys
    from core.model.instant import iso

    with opened() as installation:
        found, now = Keys(installation).every(), installation.clock()
    told = [
        {
            "id": one.id, "name": one.name, "begins": one.begins, "role": one.role, "scopes": list(one.scopes),
            "made_by": one.made_by, "made_at": iso(one.made_at), "ends_at": iso(one.ends_at) if one.ends_at else None,
            "shut_at": iso(one.shut_at) if one.shut_at else None,
            "used_at": iso(one.seen_at) if one.seen_at else None,
            "good": one.is_good(now),
        }
        for one in found
    ]  # fmt: skip
    if as_json:
        output.as_json({"keys": told})
        return
    heads = ("id", "name", "begins with", "role", "last used", "good")
    rows = [(str(one["id"]), one["name"], one["begins"], one["role"], one["used_at"] or "never",
             "yes" if one["good"] else "no") for one in told]  # fmt: skip
    output.console().print(output.table("", heads, rows) if rows else "There is no key yet.")


@group.command("shut")
def shut(id: Annotated[int, typer.Argument(help="Its number.")], as_json: Json = False) -> None:
    """Let a key be good no more, from this moment on."""
    from api.cli.opening import opened
    from api.v1.keys import Keys

    with opened() as installation:
        Keys(installation).shut(id, by=None)
    if as_json:
        output.as_json({"id": id, "good": False})
    else:
        output.say(f"Key {id} is good no more.")
