"""Activating: a plan that somebody looked at is put in force, if it would still do what it said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.applying import apply_plan
from api.drafting import fingerprint, planned
from core.decide.leads import Posted

if TYPE_CHECKING:
    from api.config import Config
    from api.console.desk import Desk
    from api.console.people import Visitor

ANEW = "Something has changed since you looked; this is the plan now."


def agreed(desk: Desk, visitor: Visitor, config: Config, text: str, mark: str, *, about: str) -> str | None:
    """Put a draft in force; gives what to say of it, or None where the plan is another one than was agreed to."""
    made = planned(desk.installation, config)
    if fingerprint(made, text) != mark:
        return None
    done = apply_plan(desk.installation, config, made)
    desk.note(visitor, "activate a change", {"about": about, "run": done.run_id})
    told = f"In force, by run {done.run_id}, which can be undone."
    if done.left_to or not done.planned:
        return f"{told} It is being carried out." if done.planned else told
    return f"{told} {done.done:,} of {done.planned:,} writes are done."


def text_of(said: Posted) -> str:
    """The text of a form's field, with the ends of lines as files have them."""
    return said.get("text", "").replace("\r\n", "\n").rstrip("\n") + "\n"
