"""`addressbooks`: two address books kept in agreement by Concord, and two of the same cards by vdirsyncer.

Four Radicale servers: each side has two of its own, so that neither finds the other's work. Book A begins full, book B
empty. After the first sync come rounds, taken in turns: nothing changed, then 1 % of A's cards changed by a person.
vdirsyncer is timed as it is used, as a command; what it would take without starting up is told beside it, since the
hub runs all the time.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.assembly import Installation
from api.building import ConnectionSpec
from api.settings import Settings
from connectors._kit.dav.servers import Server, radicale, seed
from core.flow.sync import sync
from tests.bench.figures import Figure, Skipped, less
from tests.bench.stage import ROOT, Stage, peer, version, watch

GOALS = {"unchanged": 10.0, "1 % changed": 2.0, "first sync": 1.0}
ROUNDS = 3


@dataclass(slots=True)
class Side:
    """One program with its two servers, and what it took so far."""

    a: Server
    b: Server
    run: Callable[[], None]
    """One sync to the end."""
    took: dict[str, list[float]] = field(default_factory=dict)

    def sync(self, what: str) -> None:
        """Run and note the seconds."""
        began = time.perf_counter()
        self.run()
        self.took.setdefault(what, []).append(time.perf_counter() - began)

    def missing(self) -> int:
        """How many of A's cards are not in B."""
        return len(list(self.a.folder.glob("*.vcf"))) - len(list(self.b.folder.glob("*.vcf")))


def measure(stage: Stage) -> Iterator[Figure]:
    """First sync, unchanged, and 1 % changed."""
    count = stage.size(2_000, 200)
    cards = {f"card-{number}.vcf": card(number) for number in range(count)}
    with ExitStack() as stack:
        ours = stack.enter_context(_concord(stage, cards))
        skipped, theirs, start_up = "", None, 0.0
        try:
            theirs = stack.enter_context(_vdirsyncer(stage, cards))
            start_up = _start_up()
        except Skipped as why:
            skipped = str(why)
        sides = [(ours, "Concord")] + ([(theirs, "vdirsyncer")] if theirs else [])
        for side, name in sides:
            stage.tell(f"addressbooks: {name}, first sync of {count:,} cards")
            side.sync("first sync")
        for turn in range(1, stage.size(ROUNDS, 1) + 1):
            for side, name in sides:
                stage.tell(f"addressbooks: {name}, round {turn}")
                side.sync("unchanged")
                _edit(side.a, count, turn)
                side.sync("1 % changed")
        yield from _figures(ours, theirs, start_up, count)
    if skipped:
        raise Skipped(skipped)


def _figures(ours: Side, theirs: Side | None, start_up: float, count: int) -> Iterator[Figure]:
    for what, goal in GOALS.items():
        measured, peers, notes = statistics.median(ours.took[what]), {}, []
        if theirs:
            taken = statistics.median(theirs.took[what])
            peers[f"vdirsyncer {version('vdirsyncer')}"] = taken
            notes.append(f"without its start {taken - start_up:.2f} s: {(taken - start_up) / measured:.2f} ×")
        if ours.missing():
            notes.append(f"{ours.missing()} cards of ours missing")
        note = ", ".join(notes)
        yield less("addressbooks", f"{what}, {count:,} cards", measured, "s", peers=peers, goal=goal, note=note)


def card(number: int, job: str = "Buyer") -> str:
    """A card as an address book would hold it."""
    lines = (
        "BEGIN:VCARD", "VERSION:3.0", f"UID:card-{number}", f"FN:Ann Shore {number}", f"N:Shore {number};Ann;;;",
        f"EMAIL;TYPE=INTERNET:ann.{number}@company{number % 50}.com", f"TEL;TYPE=CELL:+44207{number * 7_919:07d}",
        f"ORG:Company {number % 50}", f"TITLE:{job}", f"ADR;TYPE=WORK:;;{number} High Street;Leeds;;LS1 4AP;UK",
        f"NOTE:Prefers calls after {number % 12}.", "X-BENCH:kept as it is", "END:VCARD",
    )  # fmt: skip
    return "\r\n".join(lines) + "\r\n"


def _edit(server: Server, count: int, turn: int) -> None:
    """A person changes 1 % of the cards, through the server."""
    with server.client() as client:
        for number in range(turn, count, 100):
            path = f"{server.book}card-{number}.vcf"
            held = client.get(path).raise_for_status().text
            title = next(line for line in held.splitlines() if line.startswith("TITLE"))
            body = held.replace(title, f"TITLE:Buyer {turn}")
            client.put(path, content=body.encode(), headers={"Content-Type": "text/vcard"}).raise_for_status()


@contextmanager
def _servers(stage: Stage, cards: dict[str, str]) -> Iterator[tuple[Server, Server]]:
    folder = stage.fresh()
    with radicale(folder / "a") as a, radicale(folder / "b") as b:
        watch(a.process, b.process)
        seed(a, cards)
        seed(b, {})
        yield a, b


@contextmanager
def _concord(stage: Stage, cards: dict[str, str]) -> Iterator[Side]:
    mapping = (ROOT / "mappings" / "carddav.yaml").read_text(encoding="utf-8")
    settings = Settings(data=stage.fresh())
    with _servers(stage, cards) as (a, b), Installation(settings) as installation:
        for name, server in (("a", a), ("b", b)):
            account = {"url": server.url, "username": server.username, "password": server.password}
            installation.put_connection(ConnectionSpec(name, "carddav", account, mapping, "carddav.yaml"))

        def run() -> None:
            for turn in sync(installation.hub(), until_quiet=True):
                if turn.error is not None:
                    raise turn.error

        yield Side(a, b, run)


@contextmanager
def _vdirsyncer(stage: Stage, cards: dict[str, str]) -> Iterator[Side]:
    program = peer("vdirsyncer")
    folder = stage.fresh()
    config = folder / "config"
    with _servers(stage, cards) as (a, b):
        config.write_text(_config(folder, a, b), encoding="utf-8")
        _call(program, config, "discover")
        yield Side(a, b, lambda: _call(program, config, "sync"))


def _config(folder: Path, a: Server, b: Server) -> str:
    status = folder / "status"
    general = f'[general]\nstatus_path = "{status}"\n'
    pair = '[pair books]\na = "a"\nb = "b"\ncollections = null\nconflict_resolution = "a wins"\n'
    return general + pair + "".join(
        f'[storage {name}]\ntype = "carddav"\nurl = "{server.url.rstrip("/")}{server.book}"\n'
        f'username = "{server.username}"\npassword = "{server.password}"\n'
        for name, server in (("a", a), ("b", b))
    )  # fmt: skip


def _call(program: Path, config: Path, verb: str) -> None:
    done = subprocess.run(
        [program, "--config", config, verb], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RuntimeError(f"vdirsyncer {verb} failed: {done.stderr.strip()[-400:]}")


def _start_up() -> float:
    """Seconds that the program takes to start and say its version."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([peer("vdirsyncer"), "--version"], capture_output=True, check=False)
        took.append(time.perf_counter() - began)
    return statistics.median(took)
