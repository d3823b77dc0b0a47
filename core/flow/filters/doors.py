"""Doors: whether what a tool shows still belongs inside, by the filter of what its stream lets in."""

from __future__ import annotations

from typing import Any

from core.decide.filtering import stays_inside
from core.flow.hub import Stream
from core.mapping.translator import Reading
from core.store.bindings import Bound


def drops(stream: Stream, row: Bound, reading: Reading) -> bool:
    """Whether what came in once no longer fits and is let go for it.

    What cannot be read now of the fields that decide is taken to be what was last said.
    """
    if stream.only_in is None or stream.policy.leaves_in == "keep":
        return False
    unsaid = stream.only_in.fields - reading.said
    said = {name: value for name, value in row.claims.values.items() if name in unsaid} if unsaid else {}
    fits = stream.only_in.holds({**reading.values, **said})
    return not stays_inside(stream.policy.leaves_in, fits=fits, ours=True)


def held_by_the_tool(row: Bound) -> dict[str, Any]:
    """What the tool was last seen to hold, of a record that is cut off too."""
    shown = row.shown
    return row.expected if shown is None else shown
