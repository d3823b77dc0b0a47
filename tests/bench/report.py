"""How the figures are shown: a Rich table for people, JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure

_REACHED = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}


def as_json(figures: Sequence[Figure], skipped: Sequence[str], *, quick: bool) -> str:
    """Everything as one JSON object."""
    whole: dict[str, Any] = {
        "quick": quick,
        "python": platform.python_version(),
        "figures": [figure.as_json() for figure in figures],
        "skipped": list(skipped),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def show(console: Console, figures: Sequence[Figure], skipped: Sequence[str], *, quick: bool) -> None:
    """The table, what was skipped, and how many goals were reached."""
    table = Table(title="Benches (quick)" if quick else "Benches", caption_justify="left")
    for heading in ("figure", "measured", "peer", "peer's", "ratio", "goal", "reached"):
        right = heading in ("measured", "peer's", "ratio")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    before = ""
    for figure in figures:
        if figure.bench != before:
            table.add_section()
            table.add_row(f"[bold]{figure.bench}[/]")
            before = figure.bench
        name = f"{figure.name}\n[dim]{figure.note}[/]" if figure.note else figure.name
        table.add_row(
            name, _amount(figure.measured, figure.unit), figure.peer, _amount(figure.peer_measured, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.2f} ×", figure.goal, _REACHED[figure.reached],
        )  # fmt: skip
    console.print(table)
    for sentence in skipped:
        console.print(f"Skipped: {sentence}", markup=False)
    held = [figure for figure in figures if figure.reached is not None]
    console.print(f"{sum(bool(figure.reached) for figure in held)} of {len(held)} goals reached.")
    if quick:
        console.print("Quick runs are small: what a load costs at its start weighs more, on both sides.")


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 1_000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
