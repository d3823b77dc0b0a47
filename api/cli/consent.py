"""Commands about consent: `consent check`, `consent log`, `consent verify`, `consent heads` and `consent prove`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many, verb

if TYPE_CHECKING:
    from core.store.ledger import Head

group = typer.Typer(no_args_is_help=True, help="Consent: what was said, and the proof that nobody has meddled with it.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="consent")


@group.command("check")
def check(
    address: Annotated[
        str | None, typer.Argument(help="An email address, a phone number, or #42 for a person's number in the hub.")
    ] = None,
    channel: Annotated[
        str, typer.Option(help="How they are to be contacted: email, sms, phone, post, push or chat.")
    ] = "email",
    topic: Annotated[str | None, typer.Option(help="What about; one of `topics:` in the configuration.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A CSV file of addresses, - for stdin: its column `email`, `phone` or `address`, else its first.",
            allow_dash=True,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether somebody may be contacted, and why. 1 when anybody who was asked about may not be."""
    from api.cli.opening import opened
    from api.told import permission
    from core.flow.consent.checking import check_all

    if (address is None) == (file is None):
        raise ConfigError("Name one address, or a file of them.", remedy="Give ADDRESS, or `--file LIST.csv`.")
    whom = iter([address]) if address is not None else _addresses(file) if file else iter(())
    with opened(made=True) as installation:
        found = [permission(one) for one in check_all(installation.hub(), whom, channel, topic)]
    refused = [one for one in found if not one["allowed"]]
    if as_json:
        output.as_json(found[0] if file is None else found)
    else:
        for one in found:
            output.say(f"{'✓' if one['allowed'] else '✗'} {one['address']}: {one['why']}")
        if file is not None:
            output.say(f"{len(found) - len(refused):,} of {len(found):,} may be contacted.")
    if refused:
        sys.exit(1)


def _addresses(file: Path) -> Iterator[str]:
    """The addresses of a list, blank lines left out; `ConfigError` where it cannot be read."""
    import csv

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{file} cannot be read: {why}.", remedy="Name a CSV file in UTF-8.") from error
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    named = next((heads.index(name) for name in ("email", "phone", "address") if name in heads), None)
    for row in rows if named is None else rows[1:]:
        yield row[named or 0] if len(row) > (named or 0) else ""


@group.command("log")
def log(
    key: Annotated[str, typer.Argument(help="The person's email, number in the hub, or id in a tool.")],
    as_json: Json = False,
) -> None:
    """Everything that was ever said about a person's consent, oldest first."""
    from api.cli.opening import opened
    from api.told import entry, said_in
    from core.flow.asking import find
    from core.store import ledger

    with opened(made=True) as installation:
        hub = installation.hub()
        found = find(hub, "contact", key)
        if not found:
            raise ConfigError(f"Nobody is known by '{key}'.", remedy="Try another address, or `concord log`.")
        with hub.store.reading() as tx:
            rows = ledger.of_records(tx, [one.id for one in found])
    if as_json:
        output.as_json([entry(row) for row in rows])
        return
    lines = [
        (told["place"], told.get("at", ""), told.get("source", ""), said_in(told), told.get("point") or "",
         told.get("cause", "erased"))
        for told in map(entry, rows)
    ]  # fmt: skip
    screen = output.console()
    screen.print(output.table("", ("entry", "learnt (UTC)", "source", "said", "about", "how"), lines))


@group.command("link")
def link(
    key: Annotated[str, typer.Argument(help="The person's email, number in the hub, or id in a tool.")],
    as_json: Json = False,
) -> None:
    """The address of a person's own preference page, to be sent to them and to nobody else."""
    from api.cli.identity import the_one
    from api.cli.opening import opened
    from api.preferences import link as link_of

    with opened(made=True) as installation:
        record = the_one(installation, installation.hub(), "contact", key)
        found = link_of(installation, record.id)
    if as_json:
        output.as_json({"record": record.id, "page": found, "unsubscribe": f"{found}/unsubscribe"})
    else:
        output.say(found)


@group.command("verify")
def verify(
    against: Annotated[
        Path | None, typer.Option(help="Heads kept elsewhere: a file that `concord consent heads --json` printed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold every entry against the signed heads, and what counts against the entries. 1 when something is wrong."""
    from api.cli.opening import opened
    from core.flow.consent import verifying

    with opened(made=True) as installation:
        found = verifying.verify(installation.hub(), kept=_kept(against) if against else ())
    told = {
        "holds": found.holds,
        "entries": found.entries,
        "erased": found.erased,
        "heads": found.heads,
        "claims": found.claims,
        "root": found.root.hex(),
        "wrong": found.wrong,
        "counts": found.counts,
    }
    if as_json:
        output.as_json(told)
    else:
        for words in found.wrong:
            output.say(f"✗ {words}")
        entries, heads = many(found.entries, "entry"), many(found.heads, "signed head")
        entries = f"{entries}, {heads}, {many(found.claims, 'word')} that {verb(found.claims, 'counts', 'count')}"
        output.say(f"{entries}: {'all as they were entered' if found.holds else 'somebody has meddled with it'}.")
    if not found.holds:
        sys.exit(1)


@group.command("heads")
def heads(as_json: Json = False) -> None:
    """The signed heads. Keep them where the hub cannot reach: they show later that nothing before them was changed."""
    from api.cli.opening import opened
    from api.told import head
    from core.store import ledger

    with opened(made=True) as installation, installation.hub().store.reading() as tx:
        found = ledger.heads(tx)
    if as_json:
        output.as_json([head(one) for one in found])
        return
    lines = [(f"{one['size']:,}", one["at"], one["root"], one["key"]) for one in map(head, found)]
    output.console().print(output.table("", ("entries", "signed (UTC)", "root", "public key"), lines))


@group.command("prove")
def prove(
    place: Annotated[int, typer.Argument(help="The entry's number, from `concord consent log`.", metavar="ENTRY")],
    as_json: Json = False,
) -> None:
    """The proof that one entry stands in the signed ledger; it shows no other entry."""
    from api.cli.opening import opened
    from api.told import entry, head
    from core.flow.consent import proving

    with opened(made=True) as installation:
        hub = installation.hub()
        proof = proving.prove(hub, place)
        holds = proving.holds(hub.installation, proof)
    told = {
        "installation": hub.installation,
        "entry": entry(proof.row),
        "body": proof.row.body.decode() if proof.row.body else None,
        "salt": proof.row.salt.hex() if proof.row.salt else None,
        "leaf": proof.row.leaf.hex(),
        "path": [one.hex() for one in proof.path],
        "head": head(proof.head),
        "holds": holds,
    }
    if as_json:
        output.as_json(told)
    else:
        output.say(f"Entry {place} is one of {proof.head.size:,} under the signed root {proof.head.root.hex()}.")
        output.say("`--json` gives the hashes to check it with: docs/consent.md says how.")
    if not holds:
        sys.exit(1)


def _kept(file: Path) -> list[Head]:
    """Heads from a file; `ConfigError` where it holds none."""
    import json

    from core.model.instant import from_iso
    from core.store.ledger import Head

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return [
            Head(
                one["size"], bytes.fromhex(one["root"]), from_iso(one["at"]), one["key"],
                bytes.fromhex(one["signature"]),
            )
            for one in found
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} holds no heads that can be read.",
            remedy="Give a file that `concord consent heads --json` printed.",
        ) from error
