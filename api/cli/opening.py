"""Opens the hub for a command, from `CONCORD_DATA` or `CONCORD_DATABASE_URL`.

Every way in which this can fail is told plainly: a wrong variable, an address that is none, a folder nobody may write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.settings import Settings


def settings() -> Settings:
    """The installation's settings; `ConfigError` names the variable that is wrong."""
    from pydantic import ValidationError

    from api import logs
    from api.settings import Settings

    logs.set_up()
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "CONCORD_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"{name} is not usable: {first['msg']}.", remedy=f"Set {name} anew, or unset it.") from error


@contextmanager
def opened(*, made: bool = False, chosen: Settings | None = None) -> Iterator[Installation]:
    """The hub, closed at the end. With `made` there must be one already: looking makes nothing."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    from api.assembly import Installation
    from api.erased import keep_erased

    here = chosen or settings()
    if made and here.database_url is None and not (here.data / "concord.db").exists():
        raise ConfigError(
            f"There is no hub in {here.data}.",
            remedy="Begin with `concord connect` or `concord demo`, or point CONCORD_DATA to where it is.",
        )
    try:
        installation = Installation(here)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            "CONCORD_DATABASE_URL is not a database address.", remedy="Write postgresql://user:password@host/database."
        ) from error
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"The database cannot be used: {words}") from error
    except OSError as error:
        raise StoreError(
            f"The data folder {here.data} cannot be used: {error.strerror}.",
            remedy="Give this user the right to write there, or point CONCORD_DATA elsewhere.",
        ) from error
    with installation:
        keep_erased(installation)
        yield installation


def names_of(installation: Installation, names: list[str] | None) -> list[str] | None:
    """The named connections; `ConfigError` for one there is not, None where none was named."""
    if not names:
        return None
    known = [one.name for one in installation.hub().connections.values()]
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none yet"
            raise ConfigError(f"There is no connection '{name}'; there are: {there}.", remedy="Choose one of these.")
    return names
