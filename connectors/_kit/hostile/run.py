"""Running seeds on a connector, and the report for its author."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from connectors._kit.catalogue import entry
from connectors._kit.clock import VirtualTime
from connectors._kit.hostile.history import LIES, Abilities, History, draw
from connectors._kit.hostile.laws import breaches
from connectors._kit.hostile.shrinking import shrunk
from connectors._kit.hostile.stage import Opens, Stage
from core.errors import ConfigError

BESIDE = "memory"
"""The tool that stands beside the one under test."""
_DATABASE = "concord.db"


class Violation(NamedTuple):
    """A seed that breaks a law, and the shortest history that still does."""

    seed: int
    breaches: tuple[str, ...]
    history: History

    def __str__(self) -> str:
        """In words for the author."""
        return "\n".join([f"seed {self.seed} breaks a law:", *(f"  {one}" for one in self.breaches), str(self.history)])


class Report(NamedTuple):
    """What became of a connector's seeds."""

    name: str
    seeds: int
    seconds: float
    violations: tuple[Violation, ...]
    exempt: dict[str, str]

    def __str__(self) -> str:
        """Violations first; one line when there are none, and one for each exemption."""
        pace = self.seeds / max(self.seconds, 0.001)
        end = f"{self.name}: {self.seeds} hostile histories, {pace:.1f} a second, {len(self.violations)} violations"
        return "\n".join(
            [
                *map(str, self.violations[:1]),
                *map(_short, self.violations[1:]),
                *(f"  - {k}: {v}" for k, v in self.exempt.items()),
                end,
            ]
        )


def _short(one: Violation) -> str:
    return f"seed {one.seed} breaks a law, too: {one.breaches[0]}"


def hostile(name: str, opens: Opens, *, seeds: int = 20, first: int = 0, seconds: float = 30.0) -> Report:
    """Play seeds on a connector's own stand-in. `ConfigError` where it does not say how people work in it."""
    began, trial = time.monotonic(), Trial(harness_of(name), harness_of(BESIDE), opens)
    found: list[Violation] = []
    for seed in range(first, first + seeds):
        # Cutting down takes long; whoever mends the first one runs again.
        one = trial.violation(seed, seconds=0.0 if found else seconds)
        found += [one] if one else []
    return Report(name, seeds, time.monotonic() - began, tuple(found), trial.exempt)


class Trial:
    """A connector's harness beside another's, ready for seeds."""

    def __init__(self, tried: type, beside: type, opens: Opens) -> None:
        self.tried, self.beside, self.opens = tried, beside, opens
        self.exempt, self.able = _abilities(tried, beside)

    def violation(self, seed: int, *, seconds: float = 30.0) -> Violation | None:
        """What a seed breaks, cut down; None when the laws hold."""
        tried, beside = self.tried.connector, self.beside.connector  # type: ignore[attr-defined]  # a Harness
        history = draw(seed, self.able, (tried, beside if beside != tried else f"the other {beside}"))
        if not self.play(history):
            return None
        shortest, told = shrunk(history, self.play, seconds=seconds)
        return Violation(seed, tuple(told), shortest)

    def play(self, history: History) -> list[str]:
        """The laws that a history breaks; an error that ends the hub's work is a breach, too."""
        with _folder() as folder:
            (folder / "hub").mkdir()
            _lay_database(self.opens, folder / "hub")
            try:
                with closing(Stage(history, self.tried, self.beside, self.opens, folder)) as stage:
                    stage.play()
                    return list(stage.breaches) or (breaches(stage) if stage.restless else [])
            except Exception as error:
                # A harness may find fault, too, when it is closed.
                return [f"broke: {type(error).__name__}: {error} at {_place(error)}"]


def harness_of(name: str) -> type:
    """The first harness in a connector's contract test that names its people."""
    found = entry(name)
    test = found.folder / f"test_{name}.py"
    if not test.exists():
        raise ConfigError(f"Connector {name} has no contract test: {test} is missing.")
    if find_spec("pytest") is None:
        raise ConfigError("Hostile histories need pytest.", remedy="Install it: pip install 'concord-hub[dev]'.")
    for one in vars(_module(test, f"{found.package}.test_{name}")).values():
        own = isinstance(one, type) and getattr(one, "connector", None) == name and "start" in vars(one)
        if own and one.people is not None:
            harness: type = one
            return harness
    raise ConfigError(
        f"Connector {name} does not say how people work in it, so no hostile history can be played.",
        remedy=f"Give its harness in {test.name} `people = People(...)`; see connectors/README.md.",
    )


def _module(path: Path, name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _abilities(tried: Any, beside: Any) -> tuple[dict[str, str], Abilities]:
    """What is not tried on a connector and why, and what may be drawn."""
    with _folder() as folder:
        manifest = tried(folder, VirtualTime()).manifest
    stream, exempt = manifest.streams[tried.people.stream], dict(tried.people.exempt)
    if not stream.native_merge:
        exempt.setdefault("merge", "the tool merges nothing, as its manifest says")
    if stream.versions != "opaque":
        exempt.setdefault("race", "the tool compares no versions, so that a moment remains in which an edit is lost")
    if not stream.deletes:
        exempt.setdefault("delete", "the connector deletes nothing")
    fields = tuple(name for name in tried.people.editable if name in beside.people.editable and "." not in name)
    without = set(exempt) | ({"lie"} if set(LIES) <= set(exempt) else set())
    return exempt, Abilities(fields, frozenset(without))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="concord-hostile-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _lay_database(opens: Opens, folder: Path) -> None:
    (folder / _DATABASE).write_bytes(_empty_database(opens))


@cache
def _empty_database(opens: Opens) -> bytes:
    """Made once and copied, because making it takes longer than most histories."""
    with _folder() as folder:
        opens(folder, VirtualTime(), lambda _: None, ()).close()
        return (folder / _DATABASE).read_bytes()


def _place(error: BaseException) -> str:
    found, trace = "", error.__traceback__
    while trace is not None:
        found = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
