"""The demo's stage: a fresh data folder, two CRMs in this process, a real address-book server, and spreadsheets."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from api.assembly import Installation
from api.changes import changes, put, verify
from api.config import read_config
from api.demo import configuration, hubspot, salesforce
from api.demo.calendar import Calendar
from api.demo.cards import cards, uid
from api.demo.facts import Person, people
from api.demo.sheets import sheets
from api.settings import Settings
from connectors._kit.dav.servers import Server, radicale, seed
from connectors._kit.sandbox import Exchange, Sandbox
from connectors.hubspot.checking import FIX as HUBSPOT_FIX
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.salesforce.checking import FIX as SALESFORCE_FIX
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.errors import ConfigError
from core.ports import Prepares

Box = TypeVar("Box", bound=Sandbox)

_MARK = ".concord-demo"
_A_MONTH = 30 * 86_400
_CALLS_A_DAY = 5_000_000
"""As a full sandbox of Salesforce has; a developer's org would be used up in an hour of looking every two seconds."""
_SOMEBODY = 102
"""Known to all four tools, with three different titles."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything the demo plays with."""

    folder: Path
    installation: Installation
    hubspot: HubSpot
    salesforce: Salesforce
    book: Server
    ids: Mapping[str, str]
    """Connection → the id under which it knows `somebody`."""
    environment: Mapping[str, str]
    """Addresses and credentials of the tools, as `tools.sh` sets them."""

    @property
    def somebody(self) -> Person:
        """Whom the tour is about."""
        return people()[_SOMEBODY]

    @property
    def files(self) -> Path:
        """The folder of spreadsheets."""
        return self.folder / "files"

    @property
    def card(self) -> str:
        """The address of `somebody`'s card."""
        return f"{self.book.url.rstrip('/')}{self.book.book}{uid(_SOMEBODY)}.vcf"

    @property
    def tools(self) -> Path:
        """A script that sets the tools' addresses and credentials in a shell."""
        return self.folder / "tools.sh"


@contextmanager
def staged(settings: Settings) -> Iterator[Stage]:
    """Build the stage and take it down again: tools end with the block, files stay to be looked at."""
    folder = settings.data
    _emptied(folder)
    _written(folder / "files", sheets())
    with ExitStack() as stack:
        installation = stack.enter_context(Installation(settings))
        calendar = Calendar(installation.clock)
        marketing = stack.enter_context(_running(HubSpot(clock=calendar)))
        in_hubspot = hubspot.furnish(marketing, calendar)
        sales = stack.enter_context(_running(Salesforce(clock=calendar, daily=_CALLS_A_DAY)))
        sales.session_seconds = _A_MONTH
        in_salesforce = salesforce.furnish(sales, calendar)
        for box in (marketing, sales):
            box.journal = Journal()
        book = stack.enter_context(radicale(folder / "radicale"))
        seed(book, cards())
        ids = {hubspot.NAME: in_hubspot[_SOMEBODY], salesforce.NAME: in_salesforce[_SOMEBODY]}
        stage = Stage(folder, installation, marketing, sales, book, ids, _environment(marketing, sales, book))
        _configured(stage)
        yield stage


@contextmanager
def _running(box: Box) -> Iterator[Box]:
    """A stand-in while it listens. What an odd call broke in it was answered then, and is no news at the end."""
    box.start()
    try:
        yield box
    finally:
        with suppress(Exception):
            box.stop()


class Journal(list[Exchange]):
    """A journal that forgets, because a demo may run for days, but goes on counting."""

    calls = 0

    def append(self, one: Exchange) -> None:
        """Write down one call more."""
        super().append(one)
        self.calls += 1
        del self[:-1_000]


def _emptied(folder: Path) -> None:
    """Begin anew, but never empty a folder that is not the demo's. The folder itself stays: it may be a volume."""
    folder.mkdir(parents=True, exist_ok=True)
    there = list(folder.iterdir())
    if there and not (folder / _MARK).exists():
        raise ConfigError(
            f"{folder} is not empty and was not made by the demo.",
            remedy="Point CONCORD_DATA to an empty folder, or unset it.",
        )
    for one in there:
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        elif one.name != _MARK:
            one.unlink()
    (folder / _MARK).write_text("This folder belongs to `concord demo`, which empties it.\n", encoding="utf-8")


def _written(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


def _environment(marketing: HubSpot, sales: Salesforce, book: Server) -> dict[str, str]:
    return {
        "HUBSPOT_URL": marketing.url,
        "HUBSPOT_TOKEN": marketing.token,
        "SALESFORCE_URL": sales.url,
        "SALESFORCE_ID": sales.client_id,
        "SALESFORCE_SECRET": sales.client_secret,
        "SALESFORCE_TOKEN": sales.session(),
        "BOOK_URL": book.url,
        "BOOK_USER": book.username,
        "BOOK_PASSWORD": book.password,
    }


def _configured(stage: Stage) -> None:
    somebody = {
        "PERSON": stage.somebody.email,
        "PERSON_IN_HUBSPOT": stage.ids[hubspot.NAME],
        "PERSON_IN_SALESFORCE": stage.ids[salesforce.NAME],
        "CARD": stage.card,
    }
    exports = {**stage.environment, **somebody}.items()
    texts = {
        "hubspot.yaml": configuration.hubspot_mapping(),
        "salesforce.yaml": configuration.salesforce_mapping(salesforce.pipelines(stage.salesforce)),
        "spreadsheets.yaml": configuration.SHEETS_MAPPING,
        "rules.yaml": configuration.RULES,
        "movement.yaml": configuration.MOVEMENT,
        "concord.yaml": configuration.CONFIG.format(folder=stage.folder),
        "tools.sh": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports),
    }
    _written(stage.folder, texts)
    config = read_config(stage.folder / "concord.yaml", stage.environment)
    verify(stage.installation, config)
    put(stage.installation, config, changes(stage.installation, config))
    for name, fix in ((hubspot.NAME, HUBSPOT_FIX), (salesforce.NAME, SALESFORCE_FIX)):
        # What `concord check NAME --fix` does once an admin agrees.
        connector = stage.installation.connector(name)
        if isinstance(connector, Prepares):
            connector.prepare(fix)
