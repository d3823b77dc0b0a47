"""Commands about who may use the console: `people list`, `invite`, `shut`, `open` and `untie`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.store.people import Person

group = typer.Typer(no_args_is_help=True, help="People of the console: list them, invite one, shut one out.")
Email = Annotated[str, typer.Argument(help="Their address.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="people")


@group.command("list")
def list_people(as_json: Json = False) -> None:
    """Everybody who may sign in, and who was invited."""
    from api.cli.opening import opened
    from core.model.instant import iso
    from core.store import people

    with opened() as installation, installation.store.reading() as tx:
        found, invited = people.everybody(tx), people.invitations(tx, installation.clock())
    told = [
        {
            "email": one.email, "name": one.name, "role": one.role, "codes": one.totp is not None,
            "since": iso(one.made_at), "shut_since": iso(one.shut_at) if one.shut_at is not None else None,
        }
        for one in found
    ]  # fmt: skip
    waiting = [{"email": one.email, "role": one.role, "until": iso(one.ends_at)} for one in invited]
    if as_json:
        output.as_json({"people": told, "invited": waiting})
        return
    screen = output.console()
    heads = ("email", "name", "role", "codes", "since")
    rows = [
        (one["email"], one["name"], "shut out" if one["shut_since"] else one["role"], "yes" if one["codes"] else "",
         one["since"])
        for one in told
    ]  # fmt: skip
    screen.print(output.table("", heads, rows) if rows else "There is nobody yet.")
    for one in waiting:
        screen.print(f"Invited: {one['email'] or 'the first admin'}, {one['role']}, until {one['until']}", markup=False)


@group.command("invite")
def invite(
    email: Email,
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")] = "operator",
    as_json: Json = False,
) -> None:
    """A one-time link that makes somebody one of the people; for who is one already, a link for another password."""
    from api.cli.opening import opened
    from api.console.desk import PLACE
    from api.console.people import People, Role
    from core.errors import ConfigError

    if role not in set(Role):
        raise ConfigError(f"There is no role '{role}'.", remedy=f"Choose from {', '.join(Role)}.")
    with opened() as installation:
        token = People(installation).invite(email, Role(role), by=None)
    path = f"{PLACE}/welcome/{token}"
    if as_json:
        output.as_json({"email": email, "path": path})
    else:
        output.say(f"Good once, for a day, at the address of the console:\n{path}")


@group.command("shut")
def shut(email: Email, as_json: Json = False) -> None:
    """Sign somebody out everywhere, and let them not come in any more."""
    _shut(email, shut=True, as_json=as_json)


@group.command("open")
def let_in(email: Email, as_json: Json = False) -> None:
    """Let somebody in again who was shut out."""
    _shut(email, shut=False, as_json=as_json)


@group.command("untie")
def untie(email: Email, as_json: Json = False) -> None:
    """Forget which account of the identity provider somebody has; the next one with their address is theirs."""
    from api.cli.opening import opened
    from api.console.people import People

    with opened() as installation:
        found = _somebody(installation, email)
        People(installation).untie(found.id, by=None)
    if as_json:
        output.as_json({"email": found.email, "tied": False})
    else:
        output.say("They are signed out; the next account of the provider with their address is theirs.")


def _shut(email: str, *, shut: bool, as_json: bool) -> None:
    from api.cli.opening import opened
    from api.console.people import People

    with opened() as installation:
        found = _somebody(installation, email)
        People(installation).shut_out(found.id, shut=shut, by=None)
    if as_json:
        output.as_json({"email": found.email, "shut": shut})
    else:
        output.say("They are signed out, and cannot come in any more." if shut else "They may come in again.")


def _somebody(installation: Installation, email: str) -> Person:
    from core.errors import ConfigError
    from core.store import people

    with installation.store.reading() as tx:
        found = people.by_email(tx, email.strip().lower())
    if found is None:
        raise ConfigError(f"Nobody has the address '{email}'.", remedy="See `concord people list`.")
    return found
