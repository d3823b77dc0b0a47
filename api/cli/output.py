"""How the commands print: one JSON document with `--json`, else calm tables and sentences; errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ConcordError, ConfigError

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def exit_code(error: ConcordError) -> int:
    """2 for what an admin must mend in the configuration, 1 for trouble with a tool or the store."""
    return 2 if isinstance(error, ConfigError) else 1


def console(*, stderr: bool = False) -> Console:
    """A Rich console; plain where the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Where nobody looks (a pipe, a file), lines are not broken for a screen that is not there.
    return Console(file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else 160)


def as_json(document: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def say(text: str) -> None:
    """Print plain words, at once."""
    print(text, flush=True)


def announcer(doing: str, *, in_json: bool = False) -> Callable[[str, str | None], None]:
    """Tells where the pages are once they can be reached, and how somebody becomes the first admin of the console."""

    def announce(page: str, welcome: str | None) -> None:
        if in_json:
            as_json({"page": page, "welcome": welcome})
            sys.stdout.flush()
            return
        say(f"Status page: {page}  Console: {page}console/  {doing} Ctrl-C ends it.")
        if welcome is not None:
            say(f"Become the console's first admin within a day: {welcome}")

    return announce


def tell_error(error: ConcordError, *, as_json: bool) -> None:
    """What happened, who acts, what to do."""
    if as_json:
        print(json.dumps({"error": error.to_json()}, ensure_ascii=False, indent=2, default=str))
        return
    lines = [f"What happened: {error}", f"Who acts:      {error.acts}"]
    # A message that shows each problem with its own remedy needs no second copy of the first one.
    if error.remedy and error.remedy not in str(error):
        lines.append(f"What to do:    {error.remedy}")
    print("\n".join(lines), file=sys.stderr)


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> Any:
    """A Rich table; `right` names the columns of numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, title_style="bold")
    for head in heads:
        made.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return made


def share(value: float | None) -> str:
    """A share as a percentage; never rounded up to a whole it is not."""
    if value is None:
        return "–"
    if value >= 1:
        return "100 %"
    return f"{min(99.9, value * 100):.1f} %"


def counted(counts: Mapping[str, int]) -> str:
    """`3 created, 2 updated`."""
    return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items() if value) or "nothing"


def ago(seconds: float | None) -> str:
    """How long since, in words."""
    if seconds is None:
        return "never"
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name} ago"
    return f"{max(0, seconds):.0f} s ago"


def hours(value: float | None) -> str:
    """A length of time given in hours, such as `40 min`, `5 h` or `3 d`; '' for None."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.0f} h" if value < 48 else f"{value / 24:,.0f} d"


def troubles(screen: Console, listed: Iterable[Mapping[str, str]]) -> None:
    """What stands in the way of agreement, each with its remedy."""
    for one in listed:
        what = ": ".join(filter(None, (one["connection"], one["what"])))
        screen.print(f"• {what}\n  → {one['remedy']}", markup=False)
