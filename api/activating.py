"""Activating: a changed text is planned, looked at, and put in force if that is still what it would do.

    text ▶ planned ▶ looked at ▶ agreed to by its mark ▶ planned again ▶ the same? ▶ in force
                         ▲                                                  └▶ the plan as it is now

The console's pages and the API go this one way; what each keeps of a draft, and how it waits, is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from api.applying import apply_plan
from api.drafting import TEXTS, changed, difference, fingerprint, in_force, planned, texts, with_mapping, with_text
from core.errors import ConfigError

if TYPE_CHECKING:
    from api.applying import Applied
    from api.assembly import Installation
    from api.config import Config
    from api.planning import Plan

ANEW = "Something has changed since you looked; this is the plan now."
Tell = Callable[[str], None]
"""Hears what is done just now."""


class Family(NamedTuple):
    """Texts of one sort, and how each becomes a configuration."""

    in_force: Callable[[str], str]
    """Name → the text in force; `ConfigError` where there is none of that name."""
    config: Callable[[str, str], Config]
    """Name and text → the configuration with it."""


class Planned(NamedTuple):
    """What a draft would do."""

    plan: Plan
    mark: str
    changes: list[tuple[str, str]]
    anew: str = ""
    """Why it is shown again."""


class Activated(NamedTuple):
    """What was put in force."""

    applied: Applied
    words: str


def mappings(installation: Installation) -> Family:
    """The mappings, by the names of their connections."""
    return Family(partial(in_force, installation), partial(with_mapping, installation))


def settings(installation: Installation) -> Family:
    """The other texts of the configuration: rules, movement policy and the rest."""

    def now(what: str) -> str:
        if what not in TEXTS:
            raise no_such_setting(what)
        return texts(installation)[what].text

    return Family(now, partial(with_text, installation))


def no_such_setting(what: str) -> ConfigError:
    """It is none of those that there are."""
    return ConfigError(f"There is no setting '{what[:40]}'.", remedy="Choose one from the list of settings.")


def check(installation: Installation, family: Family, name: str, text: str) -> None:
    """Raises what stands in the way of a draft: `MappingError` with places, `ConfigError` where nothing is changed."""
    family.in_force(name)
    changed(installation, family.config(name, text))


def plan(installation: Installation, family: Family, name: str, text: str, tell: Tell) -> Planned:
    """What a draft would do; errors as of `check`."""
    made = planned(installation, family.config(name, text), tell=tell)
    return Planned(made, fingerprint(made, text), difference(family.in_force(name), text))


def put_in_force(
    installation: Installation, family: Family, name: str, text: str, mark: str, tell: Tell
) -> Planned | Activated:
    """Put a draft in force and carry out its plan, if that is still the one of this mark; otherwise the plan anew."""
    found = plan(installation, family, name, text, tell)
    if found.mark != mark:
        return found._replace(anew=ANEW)
    tell("It is put in force.")
    done = apply_plan(installation, family.config(name, text), found.plan)
    return Activated(done, _told(done))


def _told(done: Applied) -> str:
    told = f"In force, by run {done.run_id}, which can be undone."
    if done.left_to or not done.planned:
        return f"{told} It is being carried out." if done.planned else told
    return f"{told} {done.done:,} of {done.planned:,} writes are done."
