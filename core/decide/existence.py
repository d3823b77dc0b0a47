"""What it means that a record is gone from one tool: a table of policies.

The policy belongs to a connection and a direction. Delete here and edit there: the edit survives, unless the
policy says otherwise; so it matters whether the record was `in_step`, that is, whether no edit from elsewhere
was still on its way to the tool when the record went.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from core.manifest import Deletes

Record = Literal["stays", "archived", "deleted"]

Binding = Literal["kept", "unlinked", "released"]
"""The last words of a binding count in every case.

`kept`: marked gone; the record is not created there anew, and the binding goes on if it reappears.
`unlinked`: cut off for good. `released`: cut off so that the record is created there anew.
"""

Elsewhere = Literal["nothing", "delete", "archive"]


class Verdict(NamedTuple):
    """What follows for the record, for the binding that is gone, and for the record's other live bindings."""

    record: Record
    binding: Binding
    elsewhere: Elsewhere = "nothing"
    connections: tuple[str, ...] = ()
    """The other connections concerned by `elsewhere`."""
    review: bool = False
    note: str = ""


def deletion(policy: Deletes, *, in_step: bool, others: Sequence[str] = ()) -> Verdict:
    """What a deletion in one tool means; `others` are the connections that hold the same record."""
    match policy, in_step:
        case "ignore", _:
            return Verdict("stays", "kept", note="deletions in this tool are ignored")
        case "unlink", _:
            return Verdict("stays", "unlinked", note="the record goes on without this tool")
        case "archive", True:
            return Verdict("archived", "kept", "archive", tuple(others), note="deleted there, archived here")
        case "propagate", True:
            return Verdict("deleted", "kept", "delete", tuple(others), note="deleted there, so deleted everywhere")
        case "archive" | "propagate", _:
            return Verdict("stays", "released", note="an edit was on its way: it survives and is put back there")
        case _:
            return Verdict("stays", "kept", review=True, note="deleted there; a person decides what that means")


def tidied(*, fits: bool) -> Verdict:
    """What a deletion means where a filter leaves the record out: somebody tidied up there, and deleted nobody.

    One that no longer `fits` what the tool gets is created there anew when it does.
    """
    return Verdict("stays", "kept" if fits else "released", note="deleted there, where a filter leaves it out")


def revival(*, genuine_edit: bool) -> Verdict | None:
    """What a reading of a deleted or archived record means: an edit brings it back, an echo does not."""
    if not genuine_edit:
        return None
    return Verdict("stays", "kept", note="edited after it was deleted: the edit survives")


def departure(policy: Deletes, *, can_delete: bool) -> Literal["delete", "archive", "unlink", "nothing", "ask"]:
    """What a record deleted in the hub means for one connection, by that connection's policy outwards."""
    match policy:
        case "propagate":
            # A tool that cannot delete is asked about, not passed over in silence.
            return "delete" if can_delete else "ask"
        case "ignore":
            return "nothing"
        case _:
            return policy
