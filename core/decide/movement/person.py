"""A person who owns records, as far as the four elements must know one. Pure."""

from __future__ import annotations

from typing import NamedTuple

from core.model.values import Values


class Person(NamedTuple):
    """Somebody who owns records, or to whom they can be given."""

    record_id: int
    email: str = ""
    name: str = ""
    team: str = ""
    territories: tuple[str, ...] = ()
    """Regions, towns or beginnings of post codes."""
    languages: tuple[str, ...] = ()
    active: bool = True
    queue: bool = False
    manager: Person | None = None

    @property
    def called(self) -> str:
        """As people know them."""
        return self.name or self.email or f"owner {self.record_id}"

    @property
    def reached_at(self) -> str:
        """By what a step names them: their address, where there is one."""
        return self.email or self.called

    @property
    def can_act(self) -> bool:
        """Whether this is one person who can still sign in."""
        return self.active and not self.queue


def person_of(record_id: int, values: Values, *, live: bool, manager: Person | None = None) -> Person:
    """An owner as the four elements know one; who is not there any more can do nothing."""
    return Person(
        record_id,
        email=str(values.get("email") or ""),
        name=str(values.get("name") or ""),
        team=str(values.get("team") or ""),
        territories=tuple(values.get("territories") or ()),
        languages=tuple(values.get("languages") or ()),
        active=live and values.get("active") is not False,
        queue=values.get("queue") is True,
        manager=manager,
    )
