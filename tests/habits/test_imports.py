"""The staircase: who may import whom, and that the core stays pure and names no tool.

    api → connectors → core      core: flow, store → decide → mapping → model; all know errors, ports, manifest

Read from the source by `ast`, so nothing is imported and an unfinished module is still held to it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONNECTORS = ROOT / "connectors"

# What each room of core may import of core, beside itself. Rooms not named here are free.
CORE_ROOMS = {
    "model": {"errors"},
    "errors": {"model"},
    "mapping": {"model", "errors", "manifest", "ports"},
    "decide": {"mapping", "model", "errors", "manifest", "ports"},
    "ports": {"model", "errors", "manifest"},
    "manifest": {"model", "errors"},
    "store": {"decide", "mapping", "model", "errors", "manifest", "ports"},
}
PURE_ROOMS = {"model", "mapping", "decide"}
IMPURE_MODULES = {
    "asyncio", "celery", "httpx", "os", "psycopg", "random", "redis", "requests", "secrets", "socket",
    "sqlalchemy", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
# By their last two names, so that `datetime.datetime.now()` is found as well.
IMPURE_CALLS = {"open", "input", "print", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}

# Folders under `connectors/` that are no tool, or are named like something every hub speaks of.
NOT_TOOLS = {"_kit", "memory", "sqlite", "postgres", "postgresql", "redis", "__pycache__"}
# Tools named by an everyday word: only the word alone as a string (`if tool == "make"`) speaks of the tool.
EVERYDAY = {
    "close", "csv", "drift", "files", "forms", "front", "linear", "make", "segment", "square", "webhook",
}  # fmt: skip
FAMOUS = {
    "airtable", "braze", "calendly", "docusign", "freshsales", "gmail", "google", "hubspot", "intercom",
    "klaviyo", "mailchimp", "make", "mixpanel", "nextcloud", "odoo", "pandadoc", "paypal", "pipedrive",
    "quickbooks", "radicale", "ringcentral", "salesforce", "segment", "sendgrid", "shopify", "stripe",
    "twilio", "woocommerce", "xandikos", "zapier", "zendesk", "zoho",
}  # fmt: skip


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module(path: Path) -> list[str]:
    """`core/model/claim.py` → core, model, claim; a package's `__init__` is the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return [part for part in parts if part != "__init__"]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all imports, wherever in the file; relative ones made absolute."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def said(path: Path, line: int, words: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {words}"


def hold(faults: Iterable[str]) -> None:
    found = list(faults)
    assert not found, "\n" + "\n".join(found)


def test_imports_go_down_the_stairs() -> None:
    above = {"core": ["connectors", "api", "tests"], "connectors": ["api"], "api": ["tests"]}
    hold(
        said(path, line, f"{folder} must not import {name}; take it as an argument, or move it down")
        for folder, upstairs in above.items()
        for path in sources(folder)
        for line, name in imports(path)
        if within(name, upstairs)
    )


def test_connectors_do_not_import_each_other() -> None:
    hold(
        said(path, line, f"imports {name}, another connector; share through connectors/_kit")
        for path in sources("connectors")
        if len(module(path)) > 2
        for line, name in imports(path)
        if name.startswith("connectors.") and name.split(".")[1] not in {"_kit", module(path)[1]}
    )


def test_rooms_of_core_keep_their_order() -> None:
    hold(
        said(path, line, f"core.{room} must not import {name}, only {', '.join(sorted(CORE_ROOMS[room]))}")
        for path in sources("core")
        for room in module(path)[1:2]
        if room in CORE_ROOMS
        for line, name in imports(path)
        if name.startswith("core.") and name.split(".")[1] not in {room, *CORE_ROOMS[room]}
    )


def pure() -> list[Path]:
    return [path for room in PURE_ROOMS for path in sources(f"core/{room}")]


def test_decisions_import_neither_io_nor_clock() -> None:
    hold(
        said(path, line, f"imports {name}; this room is pure: let core.flow pass the value in")
        for path in pure()
        for line, name in imports(path)
        if within(name, IMPURE_MODULES)
    )


def test_decisions_call_neither_io_nor_clock() -> None:
    hold(
        said(path, node.lineno, f"calls {ast.unparse(node.func)}(); let core.flow pass the value in")
        for path in pure()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in IMPURE_CALLS
    )


def tools() -> set[str]:
    folders = {path.name for path in CONNECTORS.iterdir() if path.is_dir()} if CONNECTORS.is_dir() else set()
    return (folders | FAMOUS) - NOT_TOOLS


def test_core_names_no_tool() -> None:
    """Code, strings and comments alike: a core that knows a tool's name soon knows its habits."""
    plain = "|".join(sorted(re.escape(name).replace("_", "[-_ ]?") for name in tools() - EVERYDAY))
    alone = "|".join(sorted(re.escape(name) for name in EVERYDAY & tools()))
    named = re.compile(rf"""({plain})|(["'])({alone})\2""", re.IGNORECASE)
    hold(
        said(path, number, f"core names the tool {found[0]}; say it for any tool, in the manifest or mapping")
        for path in sources("core")
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := named.search(text))
    )
