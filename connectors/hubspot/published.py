"""HubSpot's published contracts, where they are at hand, and where the service is known to speak otherwise.

For tests: what is said to and by the sandbox is held against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from connectors._kit.sandbox import Exchange
from connectors._kit.specification import Exemption, Specification, folder_of
from connectors.hubspot.published_statuses import BASE, DOCUMENT

STATUSES = Specification([DOCUMENT])
"""What is described of statuses by address; always at hand."""
NUMBERS = "seen live as numbers beside a textual `from.id` (2026-08-09); the contract says text"
EXEMPT = [
    Exemption(
        r"(GET /account-info/[^/]+/details|POST /oauth/v\d/(token/introspect|private-apps/.*)): path: .*",
        "who signed in and with which scopes: known to HubSpot's guides, and in none of the documents at hand",
    ),
    Exemption(r".*\.toObjectId: \d+ is not of type 'string'", NUMBERS),
    Exemption(r".*\.fromObjectId: \d+ is not of type 'string'", NUMBERS),
    Exemption(
        r".*errors\[\d+\]\.subCategory: 'crm\.associations\.NO_ASSOCIATIONS_FOUND' is not of type 'object'",
        "a word in every live answer; the contract calls it an object, the client reads anything",
    ),
    Exemption(
        r".*\.associationTypes\[\d+\]\.label: None is not of type 'string'",
        "an unlabelled type has null for a label; the contract leaves nullable out",
    ),
    Exemption(
        r".*labels: response 200\.results\[\d+\]\.label: None is not of type 'string'",
        "an unlabelled type has null for a label; the contract leaves nullable out",
    ),
    Exemption(
        r".*: response 207\.errors\[\d+\]: '(errors|links)' is a required property",
        "live entries were seen without them (2026-08-09), and the client reads those",
    ),
    Exemption(
        r".*: query archived: '(True|False)' is not of type 'boolean'",
        "the client writes booleans as Python does, and the service takes it",
    ),
    Exemption(
        r".*/search: request\.sorts\[\d+\]: .* is not of type 'string'",
        "HubSpot's guide gives sorts as objects, the contract as text; the service takes both",
    ),
]


def documented(path: str) -> str:
    """The documented path of a dated one; the contracts at hand are those of v3 and v4, which ask and answer alike."""
    for pattern, instead in (
        (r"/crm/objects/2026-03/([^/]+/[^/]+/associations/.*)", r"/crm/v4/objects/\1"),
        (r"/crm/associations/2026-03/(.*)", r"/crm/v4/associations/\1"),
        (r"/crm/(objects|owners|properties|pipelines)/2026-03(.*)", r"/crm/v3/\1\2"),
        (r"/communication-preferences/\d{4}-\d\d/(.*)", r"/communication-preferences/v4/\1"),
        (r"/oauth/(?:2026-03|v3)/(.*)", r"/oauth/v1/\1"),
    ):
        if re.fullmatch(pattern, path):
            return re.sub(pattern, instead, path)
    return path


@cache
def specification() -> Specification | None:
    """The contracts, None where they are not at hand."""
    folder = folder_of("hubspot", Path(__file__).parents[2])
    return Specification.read(folder) if folder else None


def violations(journal: Iterable[Exchange]) -> list[str]:
    """What was said that no contract has; nothing where there are none. A proxy's page is not HubSpot's word."""
    contracts = specification()
    said = [one for one in journal if not one.body.lstrip().startswith(b"<")]
    found = STATUSES.violations([one for one in said if _of_statuses(one)], path=documented)
    if contracts is not None:
        rest = [one for one in said if not _of_statuses(one)]
        found += contracts.violations(rest, path=documented, exempt=EXEMPT)
    return found


def _of_statuses(one: Exchange) -> bool:
    return documented(one.call.path).startswith(f"{BASE}/")
