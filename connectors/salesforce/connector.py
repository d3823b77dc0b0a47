"""The `salesforce` connector: Sales Cloud over its REST and Bulk interfaces.

This is the door: settings, and which module does what. `client.py` calls (through simple-salesforce, over the kit),
`describing.py` knows objects, `reading.py` walks them, `writing.py` changes them, `consents.py` sees to consent by
contact point, `checking.py` and `preparing.py` look after the org.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from connectors.salesforce.bulk import Jobs
from connectors.salesforce.checking import READ_ONLY, checkup
from connectors.salesforce.client import Client
from connectors.salesforce.consents import Consents, Manners
from connectors.salesforce.deletes import Deletions
from connectors.salesforce.describing import Shapes
from connectors.salesforce.preparing import Preparer
from connectors.salesforce.reading import Pace, Walker
from connectors.salesforce.words import KEY_FIELD
from connectors.salesforce.writing import Writer
from core.errors import ConfigError, Unsupported
from core.model.instant import SECOND
from core.ports import Checkup, Context, Cursor, Description, Edit, Finding, Page, Receipt, Remote

STREAMS = ("User", "Account", "Contact", "Lead", "Opportunity", "Task", "Event")
"""Those of the manifest; looked at when the mapping names none."""


def build(context: Context) -> Salesforce:
    """The connector for one connection."""
    return Salesforce(context)


class Salesforce:
    """One connection to one org. Checks, reads, writes and prepares; see `core.ports`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.client = Client(context)
        self._streams = tuple(context.streams) or STREAMS
        self._reserve = float(settings.get("reserve", 10)) / 100
        self._shapes = Shapes(self.client, context.streams, _key_field(settings), context.reads)
        consents = Consents(self.client, Manners.of(settings))
        self._walker = Walker(
            self.client,
            self._shapes,
            Jobs(self.client, context.sleep),
            Deletions(self.client, int(float(settings.get("deleted_every") or 3600) * SECOND)),
            consents,
            Pace(
                page_size=min(2000, max(1, int(settings.get("page_size") or 2000))),
                look_back=int(max(0.0, float(settings.get("look_back", 600))) * SECOND),
                bulk_above=max(0, int(settings.get("bulk_above", 10_000))),
            ),
        )
        self._writer = Writer(self.client, self._shapes, consents)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self.client.calls

    def check(self) -> Checkup:
        """Who we are, what we may do with each object of the mapping, and what is missing."""
        return checkup(self.client, self._shapes, self._streams, self._reserve)

    def prepare(self, fix: str) -> Sequence[Finding]:
        """`key_field`: make the field for our keys where it is missing, and grant it to the user."""
        return Preparer(self.client, self._shapes, self._streams).prepare(fix)

    def describe(self, stream: str) -> Description:
        """The fields of an object as they are now."""
        return self._shapes.anew(stream, everything=True).description

    def close(self) -> None:
        """Let the connections go."""
        self.client.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page; see `reading.py`."""
        return self._walker.page(stream, cursor)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These records as they are now; a missing one as a tombstone, with where it went where that is known."""
        return self._walker.fetch(stream, ids) if ids else []

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out edits; see `writing.py`."""
        if stream in READ_ONLY:
            raise Unsupported(f"{stream} is read only: users are made and changed in Salesforce.", stream=stream)
        return self._writer.write(stream, edits) if edits else []

    def find(self, stream: str, key: str) -> Remote | None:
        """The record that an earlier create with this key made."""
        return self._walker.find(stream, key)


def _key_field(settings: Any) -> str:
    name = str(settings.get("key_field") or KEY_FIELD)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*__c", name):
        raise ConfigError(
            f"'{name[:60]}' cannot be a custom field of Salesforce.",
            remedy="Its API name ends in __c; see `key_field`.",
        )
    return name
