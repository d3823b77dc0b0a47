"""`load`: a hundred thousand contacts over HTTP into the store, the same again, and with 1 % changed; beside dlt.

Concord's own rounds alternate with dlt's destinations, so that a busy minute meets both; of Concord the median of all
rounds counts, of dlt the best destination for each figure. `dlt_load.py` has its settings. The processor time of both
is shown too: on a busy machine it wavers less than the rates.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from sqlalchemy import make_url

from tests.bench.figures import Figure, Skipped, less, more
from tests.bench.stage import HERE, Stage, ours, pages, peer, postgres, reports, version

PASSES = {"first": "first load", "same": "the same again", "changed": "again, 1 % changed"}
GOALS = {"first": 3.0, "same": 10.0, "changed": 8.0}
DESTINATIONS = ("duckdb-merge", "postgres-upsert", "sqlite-scd2", "duckdb-replace")
TRUSTING = "duckdb-incremental"
"""dlt with a cursor: rows whose stamp has not moved are dropped unseen. A help where stamps can be trusted."""
ROUNDS = 3
"""Of Concord, where there is no dlt to take turns with."""

Rates = dict[str, list[float]]
"""Pass → records a second, one for each round; with ` cpu` behind it, µs of processor time a record."""


def measure(stage: Stage) -> Iterator[Figure]:
    """Three figures with their goals, then what is good to know."""
    total = stage.size(100_000, 10_000)
    rates: Rates = {}
    theirs: dict[str, Rates] = {}
    destinations, skipped = _destinations(stage)
    with pages(total, render=2) as url:
        for destination in destinations or ("nowhere",) * ROUNDS:
            stage.tell(f"load: Concord reads {total:,} contacts")
            _note(rates, total, ours(stage, url, *PASSES))
            if not destinations:
                continue
            stage.tell(f"load: dlt reads them into {destination}")
            try:
                found = _dlt(stage, url, destination)
            except (Skipped, RuntimeError) as why:
                skipped.append(f"dlt into {destination}: {why}")
            else:
                _note(theirs.setdefault(destination, {}), total, found)
        yield from _figures(rates, theirs, total)
        if not stage.quick:
            stage.tell("load: Concord reads them into PostgreSQL")
            try:
                yield from _postgres(stage, url, total)
            except Skipped as why:
                skipped.append(f"Concord into PostgreSQL: {why}")
    if skipped:
        raise Skipped(" ".join(skipped))


def _destinations(stage: Stage) -> tuple[tuple[str, ...], list[str]]:
    """Where dlt is to load to, and why nowhere."""
    try:
        version("dlt")
    except Skipped as why:
        return (), [str(why)]
    return DESTINATIONS[:2] if stage.quick else (*DESTINATIONS, TRUSTING), []


def _note(rates: Rates, total: int, found: list[dict[str, object]]) -> None:
    for report in found:
        if "pass" in report:
            rates.setdefault(str(report["pass"]), []).append(total / float(str(report["seconds"])))
            rates.setdefault(f"{report['pass']} cpu", []).append(float(str(report["cpu"])) * 1e6 / total)


def _figures(rates: Rates, theirs: Mapping[str, Rates], total: int) -> Iterator[Figure]:
    name = f"dlt {version('dlt')}" if theirs else ""
    for one, words in PASSES.items():
        found = {f"{name} {to}": statistics.median(theirs[to][one]) for to in DESTINATIONS if to in theirs}
        note = ", ".join(f"{to.removeprefix(name).strip()} {rate:,.0f}" for to, rate in found.items())
        measured = statistics.median(rates[one])
        name_of = f"{words}, {total:,} contacts"
        yield more("load", name_of, measured, "records/s", peers=found, goal=GOALS[one], note=note)
    for one, words in PASSES.items():
        cpu = f"{one} cpu"
        found = {f"{name} {to}": theirs[to][cpu][0] for to in DESTINATIONS if to in theirs}
        yield less(
            "load", f"{words}, processor time a record", statistics.median(rates[cpu]), "µs", peers=found, goal=None
        )
    for one, words in PASSES.items():
        if TRUSTING in theirs:
            found = {f"{name} {TRUSTING}": theirs[TRUSTING][one][0]}
            note = "dlt keeps to the stamp and looks at nothing else"
            yield more("load", words, statistics.median(rates[one]), "records/s", peers=found, goal=None, note=note)


def _dlt(stage: Stage, url: str, destination: str) -> list[dict[str, object]]:
    folder = stage.fresh()
    env = {
        "DLT_DATA_DIR": str(folder),
        "DLT_PROJECT_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
    with ExitStack() as stack:
        if destination.startswith("postgres"):
            address = make_url(stack.enter_context(postgres()))
            # dlt insists on a password, also where the server asks for none.
            address = address.set(password=address.password or "none")
            env["BENCH_POSTGRES"] = address.render_as_string(hide_password=False)
        return reports([peer("python"), HERE / "dlt_load.py", url, destination, folder, *PASSES], env)


def _postgres(stage: Stage, url: str, total: int) -> Iterator[Figure]:
    with postgres() as database:
        rates: Rates = {}
        _note(rates, total, ours(stage, url, *PASSES, database=database))
        for one, words in PASSES.items():
            yield more("load", f"{words}, PostgreSQL", rates[one][0], "records/s", peers={}, goal=None)
