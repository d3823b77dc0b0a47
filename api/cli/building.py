"""Commands for who writes connectors: `connector new`, `connector list`, `connector test`."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from api.cli import output
from api.cli.output import Json

group = typer.Typer(no_args_is_help=True, help="Connectors: list them, make a new one, test one.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="connector")


@group.command("list")
def list_connectors(as_json: Json = False) -> None:
    """The connectors there are, read from their manifests."""
    from connectors._kit.catalogue import broken, catalogue

    found = [one.manifest for one in catalogue().values()]
    wrong = broken()
    if as_json:
        output.as_json(
            {
                "connectors": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "category": one.category,
                        "auth": one.auth,
                        "streams": {name: stream.kind for name, stream in one.streams.items()},
                        "tier": one.quality.tier,
                        "doc": one.doc,
                    }
                    for one in found
                ],
                "broken": {name: error.to_json() for name, error in wrong.items()},
            }
        )
        return
    rows = [(one.name, one.title, one.category, ", ".join(one.streams), one.quality.tier) for one in found]
    screen = output.console()
    screen.print(output.table("", ("name", "title", "category", "streams", "quality"), rows))
    for name, error in wrong.items():
        screen.print(f"✗ {name}: {error}", markup=False)


@group.command("new")
def new_connector(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _, e.g. acme_crm.")],
    title: Annotated[str | None, typer.Option(help="The tool's name as people write it.")] = None,
    as_json: Json = False,
) -> None:
    """Make a connector's folder from the template; it keeps the contract from the first moment."""
    from connectors._kit.scaffold import scaffold

    made = [str(path) for path in scaffold(name, title=title)]
    if as_json:
        output.as_json({"made": made})
        return
    print("\n".join(made))
    print(f"Change it step by step; `concord connector test {name}` says whether the contract is kept.")


@group.command("test")
def try_connector(
    name: Annotated[str, typer.Argument(help="The connector.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Run the other tests in its folder too, and show what they print.")
    ] = False,
    hostile: Annotated[
        bool, typer.Option("--hostile", help="Play hostile histories on its stand-in instead of the contract.")
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many hostile histories.")] = 20,
    first: Annotated[int, typer.Option("--first", min=0, help="The seed of the first one.")] = 0,
    as_json: Json = False,
) -> None:
    """Run the contract on a connector: each point, and the quality tier that it earns."""
    if hostile:
        _try_hostile(name, seeds, first, as_json)
        return
    from connectors._kit.quality import run_contract, run_tests, standing

    report = run_contract(name)
    passed = report.ok
    if as_json:
        output.as_json(
            {
                "connector": name,
                "passed": report.ok,
                "tier": report.tier,
                "claimed": report.claimed,
                "points": {str(point): outcome for point, outcome in standing(report.results).items()},
                "exempt": dict(report.exempt),
                "tests": len(report.results),
                "failed": [{"test": one.test, "why": one.why} for one in report.failed],
            }
        )
    else:
        print(report)
    if everything:
        passed &= run_tests(name, quiet=as_json)
    if not passed:
        raise typer.Exit(1)


def _try_hostile(name: str, seeds: int, first: int, as_json: bool) -> None:
    """Seeded histories with people, trouble and a hub that is killed; what breaks a law is shown cut down."""
    import structlog

    from api.assembly import rehearsal
    from connectors._kit.hostile.run import hostile

    # Trouble is made on purpose here, thousands of times: what is logged about it tells nobody anything.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = hostile(name, rehearsal, seeds=seeds, first=first)
    if as_json:
        output.as_json(
            {
                "connector": name,
                "passed": not report.violations,
                "seeds": report.seeds,
                "per_second": round(report.seeds / max(report.seconds, 0.001), 1),
                "exempt": report.exempt,
                "violations": [
                    {"seed": one.seed, "breaches": list(one.breaches), "history": str(one.history).splitlines()}
                    for one in report.violations
                ],
            }
        )
    else:
        print(report)
    if report.violations:
        raise typer.Exit(1)
