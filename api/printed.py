"""Prints the pages of `docs/` that are made from declarations, so that they cannot tell something else.

    python -m api.printed            print them anew
    python -m api.printed --check    fail when one is not what would be printed

Model, mapping language and errors come from the core, the connectors' table from their manifests, the commands from
the command line itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api import remote
from api.assembly import Installation
from api.metrics import metrics_page
from api.settings import Settings
from api.v1.app import create_v1
from connectors._kit.catalogue import Entry, catalogue
from core.decide.movement.reference import reference_page as movement_page
from core.decide.movement.schema import schema as movement_schema
from core.errors import REGISTRY
from core.mapping import reference_page as mapping_page
from core.mapping import schema
from core.mapping.filter_reference import reference_page as filters_page
from core.model.reference import reference_page as model_page
from core.model.shapes import SHAPES

REGISTERS = (remote,)
"""Imported by nobody else that is imported here; their errors are printed, too."""
DOCS = Path(__file__).resolve().parents[1] / "docs"
_WAYS = (
    ("reads", "read"),
    ("creates", "create"),
    ("updates", "update"),
    ("deletes", "delete"),
    ("erases", "erase for good"),
)


def pages() -> dict[str, str]:
    """File name in `docs/` → the page as it should be."""
    makers: dict[str, Callable[[], str]] = {
        "model.md": lambda: model_page(SHAPES),
        "mapping.md": mapping_page,
        "filters.md": filters_page,
        "mapping.schema.json": lambda: json.dumps(schema(SHAPES), indent=2, ensure_ascii=False) + "\n",
        "movement.md": movement_page,
        "movement.schema.json": lambda: json.dumps(movement_schema(SHAPES), indent=2, ensure_ascii=False) + "\n",
        "connectors.md": connectors_page,
        "errors.md": errors_page,
        "metrics.md": metrics_page,
        "commands.md": commands_page,
        "openapi.json": openapi_page,
    }
    return {name: make() for name, make in makers.items()}


def openapi_page() -> str:
    """The description of the API."""
    with TemporaryDirectory() as folder, Installation(Settings(data=Path(folder), database_url=None)) as installation:
        return json.dumps(create_v1(installation).openapi(), indent=1, ensure_ascii=False) + "\n"


def connectors_page() -> str:
    """Every connector, what it syncs and which way, and its settings."""
    found = list(catalogue().values())
    rows = [
        (
            f"[{one.manifest.title}](../connectors/{one.name}/README.md)",
            f"`{one.name}`",
            one.manifest.category,
            ", ".join(one.manifest.streams),
            one.manifest.quality.tier,
        )
        for one in found
    ]
    parts = [
        "# Connectors",
        "",
        "Printed from the manifests in `connectors/*/manifest.yaml`; change them, not this page.",
        "",
        *_table(("Tool", "Name", "Category", "Streams", "Quality"), rows),
        "",
        "*Sound*: the contract is kept, secrets are marked, errors are mapped. *Trusted*: creates are idempotent, "
        "deletes are seen, a broken-off load resumes. *Exemplary*: consent both ways, merges, and all mischief passed.",
        "",
    ]
    for one in found:
        parts += _connector(one)
    return "\n".join(parts)


def _connector(one: Entry) -> Iterator[str]:
    manifest = one.manifest
    yield from (f"## {manifest.title}", "", manifest.doc, "")
    if manifest.sends:
        yield from ("It sends messages to people.", "")
    if manifest.webhook is not None:
        asked = "The tool is asked by call to tell changes at once" if manifest.webhook.subscribes else (
            "The tool tells changes at once where a person sets that up in it")  # fmt: skip
        yield from (f"{asked}. {manifest.webhook.doc}", "")
    streams = [
        (f"`{name}`", stream.kind, ", ".join(word for way, word in _WAYS if getattr(stream, way)), _seconds(stream))
        for name, stream in manifest.streams.items()
    ]
    yield from (*_table(("Stream", "Kind", "Can", "Looked at every"), streams), "")
    settings = [
        (f"`{name}`", setting.doc + _choices(setting.choices), _default(setting), "yes" if setting.required else "")
        for name, setting in manifest.settings.items()
    ]
    if settings:
        yield from (*_table(("Setting", "Meaning", "Default", "Needed"), settings), "")
    options = [(f"`{name}`", option.doc + _choices(option.choices)) for name, option in manifest.stream_options.items()]
    if options:
        yield from (*_table(("Option of a stream", "Meaning"), options), "")


def _seconds(stream: Any) -> str:
    return f"{stream.poll_every:g} s"


def _choices(choices: Sequence[str]) -> str:
    return f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""


def _default(setting: Any) -> str:
    if setting.type == "secret":
        return "secret"
    return "" if setting.default is None else f"`{setting.default}`"


def errors_page() -> str:
    """Every error code with what happened and what to do."""
    import api.hooks  # noqa: F401 - registers the door's own

    rows = [(f"`{code}`", entry.happened, entry.remedy) for code, entry in sorted(REGISTRY.items())]
    return "\n".join(
        [
            "# Errors",
            "",
            "Printed from the registry in `core/errors.py`; change it, not this page. The log finds every answer with "
            "a code: `concord log --code refused`.",
            "",
            *_table(("Code", "What happened", "What to do"), rows),
            "",
        ]
    )


def commands_page() -> str:
    """Every command with its arguments and options."""
    import typer

    from api.cli import app

    root = typer.main.get_command(app)
    parts = [
        "# Commands",
        "",
        "Printed from the command line itself; change `api/cli`, not this page.",
        "",
        "Every command takes `--json`, which prints one JSON document and nothing else. Exit codes: 0 well, 1 trouble "
        "with a tool or the store, 2 configuration.",
        "",
    ]
    for words, command in _commands(root, "concord"):
        parts += _command(words, command)
    return "\n".join(parts)


def _commands(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    if command.invoke_without_command and command.callback is not None and command.params:
        yield words, command
    for name, one in below.items():
        yield from _commands(one, f"{words} {name}")


def _command(words: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "as_json"]
    usage = " ".join([words, *(_usage(one) for one in arguments), *(["[options]"] if options else [])])
    yield from (f"## {words}", "", f"`{usage}`", "", command.help, "")
    rows = [(f"`{_metavar(one)}`", one.help or "") for one in arguments]
    rows += [(", ".join(f"`{word}`" for word in (*one.opts, *one.secondary_opts)), one.help or "") for one in options]
    if rows:
        yield from (*_table(("Argument or option", "Meaning"), rows), "")


def _usage(argument: Any) -> str:
    name = _metavar(argument) + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (heads, ("---",) * len(heads), *rows):
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |"


def stale() -> list[Path]:
    """Pages that are not what would be printed."""
    wanted = {DOCS / name: page for name, page in pages().items()}
    return [path for path, page in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != page]


def main(arguments: Sequence[str]) -> int:
    """Print, or check; gives the exit code."""
    if "--check" in arguments:
        old = stale()
        for path in old:
            sys.stderr.write(f"{path} is not what would be printed; run `make docs`.\n")
        return 1 if old else 0
    DOCS.mkdir(exist_ok=True)
    for name, page in pages().items():
        (DOCS / name).write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
