"""Commands about what a person may ask for: `erase` takes them out everywhere, `export` tells all that is held."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError, StoreError
from core.model.many import many

if TYPE_CHECKING:
    from core.decide.retention import Retention
    from core.flow.erasure.erasing import Planned
    from core.flow.hub import Hub
    from core.store.erasures import Erasure
    from core.store.records import Record

Kind = Annotated[str, typer.Argument(help="The kind of record, mostly contact.")]
Key = Annotated[str, typer.Argument(help="The person's email, number in the hub, name, or id in a tool.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (erase, erasures, export, datamap, retention):
        app.command()(command)


def erase(
    kind: Kind,
    key: Key,
    reference: Annotated[
        str | None, typer.Option(help="Your own number for the request; it stands on the certificate.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a person: from the hub at once, from every tool that lets us at its next turn. Nothing brings them back."""
    from api.cli.identity import the_one
    from api.cli.opening import opened
    from api.erased import erase_here
    from core.flow.erasure import erasing

    with opened(made=True) as installation:
        hub = installation.hub()
        record = the_one(installation, hub, kind, key)
        planned = erasing.plan(hub, record.id)
        if not as_json:
            _print_plan(hub, planned)
        id_ = None
        if not dry_run:
            _agree(record.id, yes=yes, as_json=as_json)
            id_, left = erase_here(installation, record.id, reference=reference)
            _tell_left(left)
    if as_json:
        output.as_json({**_plan_told(planned), "erasure": id_})
    elif id_ is not None:
        output.say(
            f"Erased (erasure {id_}). The next `concord sync` has the tools delete it; "
            f"`concord erasures {id_}` tells what they answered."
        )


def _tell_left(left: str) -> None:
    """Where the database's files were not compacted."""
    if left:
        output.tell_error(
            StoreError(
                f"The person is erased, but the database's files were not compacted: {left}",
                remedy="They are with the next erasure, or stop the hub and run VACUUM on the database.",
            ),
            as_json=False,
        )


def _agree(record_id: int, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nobody has agreed to this erasure.", remedy="Look with --dry-run, then add --yes.")
    if not typer.confirm(f"Erase record {record_id} everywhere? It cannot be taken back.", default=False):
        raise ConfigError("Nobody was erased.", remedy="Run the command again when you agree with what it shows.")


def _plan_told(planned: Planned) -> dict[str, Any]:
    return {
        "record": planned.person.record.id,
        "kind": planned.person.record.kind,
        "records": planned.person.record_ids,
        "history": planned.told,
        "consent_entries": planned.entries,
        "tools": [
            {"connection": one.connection, "stream": one.stream, "id": one.remote_id, "becomes": one.becomes,
             "note": one.note}
            for one in planned.held
        ],
        "referred_to_by": planned.refer,
    }  # fmt: skip


def _print_plan(hub: Hub, planned: Planned) -> None:
    from core.flow.erasure.certificate import WORDS

    screen, person = output.console(), planned.person
    name = hub.shapes[person.record.kind].name_of(person.record.values)
    more = f", with {len(person.record_ids) - 1} that belong to it" if len(person.record_ids) > 1 else ""
    screen.print(f"{person.record.kind} {person.record.id}: {name}{more}", markup=False, style="bold")
    screen.print(
        f"From the hub: the record, {many(planned.told, 'entry')} of history, "
        f"{planned.entries:,} of the consent ledger."
    )
    rows = [
        (one.connection, one.stream, one.remote_id, ": ".join(filter(None, (WORDS[one.becomes], one.note))))
        for one in planned.held
    ]
    screen.print(output.table("", ("connection", "stream", "id", "what becomes of it"), rows))
    if planned.refer:
        told = ", ".join(f"{len(ids):,} {kind}" for kind, ids in planned.refer.items())
        screen.print(
            f"{told} refer to this record. They stay, and then refer to nobody: see whether they name the person."
        )


def erasures(
    number: Annotated[int | None, typer.Argument(help="One erasure; all of them when none is named.")] = None,
    certificate: Annotated[bool, typer.Option("--certificate", help="Print its signed certificate, as JSON.")] = False,
    as_json: Json = False,
) -> None:
    """Who was erased, by number, and what each tool answered; with --certificate the proof for whoever asked."""
    from api.cli.opening import opened
    from core.flow.erasure.certificate import certify
    from core.store import erasures as stored

    with opened(made=True) as installation:
        hub = installation.hub()
        if number is not None:
            told = certify(hub, number)
            if certificate or as_json:
                output.as_json(told)
            else:
                _print_one(told)
            return
        if certificate:
            raise ConfigError("Of which erasure?", remedy="Write `concord erasures NUMBER --certificate`.")
        with hub.store.reading() as tx:
            found = stored.latest(tx)
            places = stored.places_of(tx, [one.id for one in found])
    open_ = Counter(place.erasure_id for place in places if place.state in stored.OPEN)
    days = hub.profile.deadlines.erasure
    listed = [_told(one, open_[one.id], days) for one in found]
    if as_json:
        output.as_json({"erasures": listed})
    elif not listed:
        output.say("Nobody was ever erased.")
    else:
        heads = ("erasure", "kind", "record", "reference", "erased (UTC)", "due (UTC)", "done (UTC)", "open places")
        rows = [tuple(one.values()) for one in listed]
        output.console().print(output.table("", heads, rows, right=("open places",)))


def _told(one: Erasure, open_: int, days: int) -> dict[str, Any]:
    from core.model.instant import DAY, iso

    return {
        "erasure": one.id,
        "kind": one.kind,
        "record": one.record_id,
        "reference": one.reference,
        "erased_at": iso(one.at),
        "due_at": iso(one.at + days * DAY),
        "done_at": iso(one.done_at) if one.done_at is not None else None,
        "open": open_,
    }


def _print_one(told: dict[str, Any]) -> None:
    screen = output.console()
    done = f"done {told['done_at']}" if told["done_at"] else "under way"
    reference = f" ({told['reference']})" if told["reference"] else ""
    screen.print(f"Erasure {told['erasure']}{reference}: {told['kind']}, {told['erased_at']}, {done}.", markup=False)
    rows = [(one["connection"], one["stream"], one["in_words"], one["note"] or "", one["at"]) for one in told["tools"]]
    screen.print(output.table("", ("connection", "stream", "answer", "note", "since (UTC)"), rows))
    screen.print(f"Taken out of the hub: {output.counted(told['hub'])}.")


def export(kind: Kind, key: Key) -> None:
    """Everything the hub holds of a person, with where each thing is from, as one JSON document."""
    from api.cli.identity import the_one
    from api.cli.opening import opened
    from core.flow.erasure.gathering import gather

    with opened(made=True) as installation:
        hub = installation.hub()
        output.as_json(gather(hub, the_one(installation, hub, kind, key).id))


def datamap(as_json: Json = False) -> None:
    """Where personal data lives: each personal field in each tool's field, which way it goes, and since when."""
    from api.cli.opening import opened
    from api.datamap import data_map

    with opened(made=True) as installation:
        found = data_map(installation)
    if as_json:
        output.as_json([one.to_json() for one in found])
        return
    rows = [
        (one.kind, one.field, one.connection, one.stream, ", ".join(one.remote), one.way,
         told["since"][:10] if (told := one.to_json())["since"] else "", f"{one.records:,}")
        for one in found
    ]  # fmt: skip
    heads = ("kind", "field", "connection", "stream", "the tool's field", "way", "since", "records")
    output.console().print(output.table("", heads, rows, right=("records",)))


def retention(
    carry_out: Annotated[bool, typer.Option("--erase", help="Erase what is due of the kinds that say so.")] = False,
    limit: Annotated[int, typer.Option(help="How many of a kind at most.", min=1, max=100_000)] = 200,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """What has been kept for long enough by `retention:`; with --erase it is erased. And how long `keep:` keeps."""
    from itertools import islice

    from api.cli.opening import opened
    from api.erased import compacted, keep_erased
    from core.flow.erasure.erasing import erase as erase_one
    from core.flow.erasure.retention import due

    with opened(made=True) as installation:
        hub, rules = installation.hub(), installation.retention()
        found = {rule: list(islice(due(hub, rule), limit)) for rule in rules}
        going = [one for rule, some in found.items() if rule.then == "erase" for one in some]
        log = _log(hub)
        if not as_json:
            _print_due(hub, found)
            _print_log(log)
        if carry_out and going:
            _agree_to(len(going), yes=yes, as_json=as_json)
            for one in going:
                erase_one(hub, one.id, reference="retention", asked=False)
            keep_erased(installation)
            _tell_left(compacted(installation))
    if as_json:
        kinds = [
            {"kind": rule.kind, "keep": str(rule), "then": rule.then, "due": [one.id for one in some]}
            for rule, some in found.items()
        ]
        output.as_json({"kinds": kinds, "log": log, "erased": len(going) if carry_out else 0})
    elif carry_out:
        output.say(f"{len(going):,} erased; the next `concord sync` has the tools delete them.")


def _log(hub: Hub) -> list[dict[str, Any]]:
    """How long what the hub has done is kept, how much there is of it, and what goes next."""
    from core.decide.keeping import WORDS
    from core.model.instant import iso
    from core.store import aging

    told = []
    with hub.store.reading() as tx:
        for word, span in hub.keeping._asdict().items():
            table, before = aging.TABLES[word], span.before(hub.clock())
            held = aging.held(tx, table)
            told.append(
                {
                    "what": word,
                    "says": WORDS[word].says,
                    "keep": str(span),
                    "rows": held.number,
                    "since": iso(held.oldest) if held.oldest is not None else None,
                    "goes_before": iso(before) if before is not None else None,
                    "old": aging.due(tx, table, before) if before is not None else 0,
                }
            )
    return told


def _print_log(log: list[dict[str, Any]]) -> None:
    rows = [
        (one["what"], one["says"], one["keep"], f"{one['rows']:,}", (one["since"] or "")[:10], f"{one['old']:,}")
        for one in log
    ]
    heads = ("what the hub has done", "", "kept for", "rows", "since", "older than that")
    output.console().print(output.table("", heads, rows, right=("rows", "older than that")))


def _print_due(hub: Hub, found: dict[Retention, list[Record]]) -> None:
    if not found:
        output.say("Nothing says how long anything is kept; see `retention:` in docs/erasure.md.")
    rows = [
        (rule.kind, one.id, hub.shapes[rule.kind].name_of(one.values), str(rule), rule.then)
        for rule, some in found.items()
        for one in some
    ]
    if rows:
        output.console().print(output.table("Due", ("kind", "record", "name", "kept for", "then"), rows))
    elif found:
        output.say("Nothing is due.")


def _agree_to(number: int, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nobody has agreed to these erasures.", remedy="Look without --erase, then add --yes.")
    if not typer.confirm(f"Erase {many(number, 'record')} everywhere? It cannot be taken back.", default=False):
        raise ConfigError("Nobody was erased.", remedy="Run the command again when you agree with what it shows.")
