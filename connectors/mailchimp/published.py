"""Mailchimp's published contract, where it is at hand, and where the service is known to speak otherwise.

For tests: what is said to and by the sandbox is held against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from connectors._kit.sandbox import Exchange
from connectors._kit.specification import Exemption, Specification, folder_of

EXEMPT = [
    Exemption(
        r".* /3\.0/lists/.*: response 200.*\.timestamp_(opt|signup): '' .*",
        "blank where nobody confirmed or signed up; the contract calls it a moment",
    ),
]


@cache
def specification() -> Specification | None:
    """The contract, None where it is not at hand."""
    folder = folder_of("mailchimp", Path(__file__).parents[2])
    return Specification.read(folder) if folder else None


def violations(journal: Iterable[Exchange]) -> list[str]:
    """What was said that the contract does not have; nothing where there is none at hand.

    A proxy's page is not Mailchimp's word, nor is what lies outside the API: sign-in and archives. That very many
    calls are turned away by a 403 without a word is told by its guides alone.
    """
    contract = specification()
    spoken = (one for one in journal if one.call.path.startswith("/3.0") and (one.status, one.body) != (403, b""))
    said = [one for one in spoken if not one.body.lstrip().startswith(b"<")]
    return contract.violations(said, exempt=EXEMPT) if contract is not None else []
