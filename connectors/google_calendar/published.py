"""Google's published contract for the Calendar API, where it is at hand, and where the service speaks otherwise.

For tests: what is said to and by the sandbox is held against it. The parts of a batch stand in the journal as calls of
their own, so that each is held against it as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from connectors._kit.discovery import openapi_of
from connectors._kit.sandbox import Exchange
from connectors._kit.specification import Exemption, Specification, folder_of

DOCUMENT = "calendar.v3.discovery.json"
BASE = "/calendar/v3/"
EXEMPT = [
    Exemption(
        r".* request\.(start|end)\.dateTime: .* is not a 'date-time'",
        "beside a time zone a moment may stand without an offset, as the contract's own words say",
    ),
]


@cache
def specification() -> Specification | None:
    """The contract, None where it is not at hand."""
    folder = folder_of("google", Path(__file__).parents[2])
    file = folder / DOCUMENT if folder else None
    if file is None or not file.is_file():
        return None
    return Specification([openapi_of(json.loads(file.read_bytes()))])


def violations(journal: Iterable[Exchange]) -> list[str]:
    """What was said that the contract does not have; nothing where there is none at hand.

    A proxy's page is not Google's word; sign-in and the envelope of a batch lie outside this contract.
    """
    contract = specification()
    spoken = (one for one in journal if one.call.path.startswith(BASE))
    said = [one for one in spoken if not one.body.lstrip().startswith(b"<")]
    return contract.violations(said, exempt=EXEMPT) if contract is not None else []
