"""Commands that set the hub up: `connect` and `check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.building import ConnectionSpec
    from api.checkup import Checked, Made
    from connectors._kit.catalogue import Entry

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (connect, check):
        app.command()(command)


def connect(
    connector: Annotated[str, typer.Argument(help="The tool: see `concord connector list`.")],
    name: Annotated[str, typer.Argument(help="What to call the connection, e.g. shop-contacts.")],
    chosen: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as key=value; may be given several times.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="The mapping's file; else the connector's own.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Connect a tool, or sign in again: ask for what is missing, check it, and put it in force."""
    from api.checkup import check_mapping, check_spec
    from api.cli.opening import opened
    from api.connecting import keep_proposal, kept_settings
    from connectors._kit.catalogue import entry

    tool = entry(connector)
    asking = sys.stdin.isatty() and not yes and not as_json
    given = _given(tool, chosen or [])
    with opened() as installation:
        settings = _settings(tool, {**kept_settings(installation, connector, name), **given}, asking=asking)
        spec = _spec(installation, tool, name, settings, mapping)
        proposed = spec.mapping_file.startswith("proposed")
        if proposed and not as_json:
            print(f"Proposed from the files:\n\n{spec.mapping}")
        check_mapping(installation, connector, spec.mapping, spec.mapping_file)
        checked = check_spec(installation, spec)
        if not as_json:
            _print_checked(checked)
        if not checked.ok and not yes:
            _confirm_or_refuse(asking, "Connect all the same?", f"{name} is not fit to be synced: {_worst(checked)}")
        elif proposed and not yes:
            _confirm_or_refuse(asking, "Use this mapping?", "The mapping was proposed, and nobody has agreed to it.")
        if proposed:
            spec = keep_proposal(installation, spec)
        _put_in_force(installation, spec, asking=asking, yes=yes, as_json=as_json)
    if as_json:
        output.as_json({"connected": name, "connector": connector, "mapping": spec.mapping_file,
                        "check": checked.to_json()})  # fmt: skip
        return
    if proposed:
        print(f"The mapping is kept in {spec.mapping_file}. After a change of yours: "
              f"concord connect {connector} {name} --mapping {spec.mapping_file}")  # fmt: skip
    print(f"{name} is connected. `concord sync {name} --until-quiet` brings it into agreement.")
    if tool.manifest.webhook is not None:
        how = "says whether it does" if tool.manifest.webhook.subscribes else "says what to enter there"
        print(f"Its tool can tell changes at once: `concord hooks` {how}.")


def _put_in_force(installation: Installation, spec: ConnectionSpec, *, asking: bool, yes: bool, as_json: bool) -> None:
    """A new connection, or a new password: at once. Another mapping of what is connected: planned, like any change."""
    from api.applying import apply_plan
    from api.cli.planning import print_plan
    from api.connecting import as_chosen, change_to
    from api.planning import make_plan, touched

    spec = as_chosen(installation, spec)
    config, change = change_to(installation, spec)
    if not change.changed or not touched(change):
        installation.put_connection(spec)
        return
    plan = make_plan(installation, config, change)
    if not as_json:
        print_plan(plan.to_json())
    if plan.writes and not yes:
        refusal = f"The new mapping writes {many(plan.writes, 'record')} in the tools, and nobody has agreed to that."
        _confirm_or_refuse(asking, "Put it in force?", refusal, remedy="Add --yes to agree beforehand.")
    apply_plan(installation, config, plan)


def _given(tool: Entry, chosen: list[str]) -> dict[str, Any]:
    from api.connecting import value_of
    from core.mapping.problem import did_you_mean

    given: dict[str, Any] = {}
    for one in chosen:
        key, equals, value = one.partition("=")
        if not equals:
            raise ConfigError("A setting is not of the form key=value.", remedy=f"Write --set {key}=….")
        if key not in tool.manifest.settings:
            known = ", ".join(tool.manifest.settings) or "none"
            remedy = did_you_mean(key, tool.manifest.settings) or f"It has: {known}."
            raise ConfigError(f"{tool.manifest.title} has no setting '{key}'.", remedy=remedy)
        given[key] = value_of(key, tool.manifest.settings[key], value)
    return given


def _settings(tool: Entry, given: dict[str, Any], *, asking: bool) -> dict[str, Any]:
    from api.connecting import value_of

    settings = dict(given)
    for key, setting in tool.manifest.settings.items():
        if key in settings or (setting.advanced and not setting.required):
            continue
        if asking:
            print(f"\n{key}: {setting.doc}" + (f" For example {setting.example}" if setting.example else ""))
            typed = typer.prompt(
                key,
                default="" if setting.default is None else str(setting.default),
                hide_input=setting.type == "secret",
                show_default=setting.default is not None,
            )
            if typed:
                settings[key] = value_of(key, setting, typed)
        if setting.required and settings.get(key) in (None, ""):
            raise ConfigError(
                f"{tool.manifest.title} needs the setting '{key}': {setting.doc}", remedy=f"Add --set {key}=…."
            )
    return settings


def _spec(
    installation: Installation, tool: Entry, name: str, settings: dict[str, Any], mapping: Path | None
) -> ConnectionSpec:
    from api.building import ConnectionSpec
    from api.connecting import mapping_for, read_mapping

    if mapping is not None:
        text, file = read_mapping(mapping), str(mapping)
    else:
        text, file = mapping_for(installation, tool, name, settings)
    return ConnectionSpec(name=name, connector=tool.name, settings=settings, mapping=text, mapping_file=file)


def _worst(checked: Checked) -> str:
    """The first thing that stands in the way, with its remedy."""
    for one in checked.findings:
        if not one["ok"]:
            return " ".join(filter(None, (one["what"], one["remedy"])))
    return next((str(one) for one in checked.problems if one.severity == "error"), "see the check.")


def _confirm_or_refuse(
    asking: bool,
    question: str,
    refusal: str,
    *,
    remedy: str = "Mend what the check names, or add --yes to connect all the same.",
) -> None:
    if not asking:
        raise ConfigError(refusal, remedy=remedy)
    if not typer.confirm(question, default=False):
        raise ConfigError("Nothing was changed.", remedy="Run the command again when it is mended.")


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Connections, all of them when none is named; or the file of a movement policy, e.g. movement.yaml.",
            metavar="NAME",
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Make in the tool what is missing there, after asking.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Check mappings (with the round-trip laws on real samples), credentials and what the tools look like now."""
    from api.checkup import check_connection
    from api.cli.opening import names_of, opened

    if fix and not names:
        raise ConfigError("--fix changes a tool, so it needs to know which.", remedy="Run `concord check NAME --fix`.")
    if names and all(one.endswith((".yaml", ".yml")) for one in names):
        _check_files([Path(one) for one in names], as_json=as_json)
        return
    made: dict[str, list[Made]] = {}
    with opened(made=True) as installation:
        chosen = names_of(installation, names) or [one.name for one in installation.hub().connections.values()]
        found = [check_connection(installation, name) for name in chosen]
        if fix:
            made = _make_missing(installation, found, yes=yes, as_json=as_json)
            found = [check_connection(installation, one.name) if one.name in made else one for one in found]
    if as_json:
        told = {"ok": all(one.ok for one in found), "connections": [one.to_json() for one in found]}
        if fix:
            told["made"] = {name: [one.to_json() for one in results] for name, results in made.items()}
        output.as_json(told)
    else:
        for one in found:
            _print_checked(one)
        if not found:
            print("There is no connection yet. Begin with `concord connect`.")
    if not all(one.ok for one in found):
        raise typer.Exit(_exit_code(found))


def _check_files(paths: list[Path], *, as_json: bool) -> None:
    """Movement policies, held against the fields of the hub in the data folder, or of a new one where there is none."""
    from api.cli.opening import opened, settings
    from api.movement import problems_of
    from core.model.shapes import SHAPES

    here = settings()
    shapes, locale = SHAPES, here.locale
    if here.database_url is not None or (here.data / "concord.db").exists():
        with opened(chosen=here) as installation:
            shapes, locale = installation.shapes(), installation.locale()
    found = {str(path): problems_of(path, shapes=shapes, locale=locale) for path in paths}
    broken = any(one.severity == "error" for problems in found.values() for one in problems)
    if as_json:
        told = {file: [one._asdict() for one in problems] for file, problems in found.items()}
        output.as_json({"ok": not broken, "files": told})
    else:
        for file, problems in found.items():
            for one in problems:
                print(one)
            if not any(one.severity == "error" for one in problems):
                print(f"✓ {file} is fine.")
    if broken:
        raise typer.Exit(2)


def _make_missing(
    installation: Installation, found: list[Checked], *, yes: bool, as_json: bool
) -> dict[str, list[Made]]:
    """Say exactly what will be made in which tool, make it if the admin agrees, and give what became of it."""
    from api.checkup import fixes_of, prepare, preparing

    for one in found:
        if one.error is None:
            preparing(installation, one)
    lacking = [one for one in found if fixes_of(one)]
    if not as_json:
        _print_lacking({one.name: fixes_of(one) for one in lacking})
    if lacking and not yes:
        asking = sys.stdin.isatty() and not as_json
        refusal = "Nothing was made: nobody has agreed to it."
        _confirm_or_refuse(asking, "Make this in the tool?", refusal, remedy="Add --yes to agree beforehand.")
    made = {one.name: prepare(installation, one) for one in lacking}
    if not as_json:
        _print_failures(made)
    return made


def _print_lacking(fixes: dict[str, dict[str, list[str]]]) -> None:
    for name, by_fix in fixes.items():
        print(f"Missing in {name}, and to be made there:")
        for whats in by_fix.values():
            print("\n".join(f"  + {what}" for what in whats))
    if not fixes:
        print("There is nothing to be made.")


def _print_failures(made: dict[str, list[Made]]) -> None:
    for name, results in made.items():
        for one in results:
            if one.error is not None:
                print(f"{name}: what is missing could not be made: {one.error}\n  → {one.error.remedy}")


def _exit_code(found: list[Checked]) -> int:
    """2 where a mapping must be mended, 1 where only a tool says no."""
    broken = any(problem.severity == "error" for one in found for problem in one.problems)
    return 2 if broken or any(isinstance(one.error, ConfigError) for one in found) else 1


def _print_checked(checked: Checked) -> None:
    screen = output.console()
    account = f" as {checked.account}" if checked.account else ""
    screen.print(f"{checked.name} ({checked.connector}){account}", style="bold", markup=False)
    for one in checked.findings:
        screen.print(f"  {'✓' if one['ok'] else '✗'} {one['what']}", markup=False)
        if not one["ok"] and one["remedy"]:
            screen.print(f"    → {one['remedy']}", markup=False)
        if not one["ok"] and one["fix"]:
            screen.print(f"    → Concord can make this: concord check {checked.name} --fix", markup=False)
    if checked.error is not None:
        screen.print(f"  ✗ {checked.error}\n    → {checked.error.remedy}", markup=False)
    for stream, changes in checked.drift.items():
        for change in changes:
            screen.print(f"  ~ {stream}: {change.what}", markup=False)
            if change.remedy:
                screen.print(f"    → {change.remedy}", markup=False)
    for problem in checked.problems:
        screen.print("\n".join(f"  {line}" for line in str(problem).splitlines()), markup=False)
    if not any(problem.severity == "error" for problem in checked.problems):
        tried = f", round trips tried on {checked.samples} real records" if checked.samples else ""
        screen.print(f"  ✓ The mapping is fine{tried}.", markup=False)
