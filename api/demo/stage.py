"""The demo's stage: a fresh data folder, the spreadsheets, two real address-book servers, and the configuration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.assembly import Installation
from api.config import changes, put, read_config
from api.demo import business
from api.settings import Settings
from connectors.carddav.servers import Server, radicale, seed, xandikos
from core.errors import ConfigError

_MARK = ".concord-demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything the demo plays with."""

    folder: Path
    installation: Installation
    office: Server
    mobile: Server

    @property
    def files(self) -> Path:
        """The folder of spreadsheets."""
        return self.folder / "files"


@contextmanager
def staged(settings: Settings) -> Iterator[Stage]:
    """Build the stage and take it down again: servers end with the block, files stay to be looked at."""
    folder = settings.data
    _emptied(folder)
    _written(folder / "files", business.sheets())
    with ExitStack() as stack:
        office = stack.enter_context(radicale(folder / "radicale"))
        mobile = stack.enter_context(xandikos(folder / "xandikos"))
        seed(office, business.office_cards())
        seed(mobile, business.mobile_cards())
        installation = stack.enter_context(Installation(settings))
        _configured(installation, folder, _environment(office, mobile))
        yield Stage(folder, installation, office, mobile)


def _emptied(folder: Path) -> None:
    """Begin anew, but never empty a folder that is not the demo's."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise ConfigError(
                f"{folder} is not empty and was not made by the demo.",
                remedy="Point CONCORD_DATA to an empty folder, or unset it.",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text("This folder belongs to `concord demo`, which empties it.\n", encoding="utf-8")


def _written(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


def _environment(office: Server, mobile: Server) -> dict[str, str]:
    return {
        "OFFICE_URL": office.url,
        "OFFICE_USER": office.username,
        "OFFICE_PASSWORD": office.password,
        "MOBILE_URL": mobile.url,
    }


def _configured(installation: Installation, folder: Path, environment: Mapping[str, str]) -> None:
    file = folder / "concord.yaml"
    texts = {"customers.yaml": business.MAPPING, "rules.yaml": business.RULES}
    _written(folder, {**texts, "concord.yaml": business.CONFIG.format(file=file)})
    config = read_config(file, environment)
    put(installation, config, changes(installation, config))
