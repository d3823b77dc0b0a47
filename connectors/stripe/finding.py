"""Finding the customer that a create of ours made, by the key we left in its metadata.

Stripe's search finds anything, but is late: by a minute as a rule, by more when Stripe is in trouble. Lists are never
late, so what was made lately is looked through there.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.paging import batches
from connectors.stripe.client import Client
from connectors.stripe.objects import Objects
from connectors.stripe.words import CUSTOMERS, LARGEST
from core.errors import Forbidden, Gone, Refused
from core.ports import Remote

CLAUSES = 10
"""Conditions in one search."""
LATE = 3_600
"""Seconds by which search may be behind; what is younger is looked up in the list."""
_MOST_PAGES = 50


class Finder:
    """Looks customers up by our keys."""

    def __init__(self, client: Client, objects: Objects, key_field: str) -> None:
        self._client = client
        self._objects = objects
        self._key_field = key_field

    def find(self, key: str) -> Remote | None:
        """The customer with a key, as it is now; None where there is none, or it was deleted."""
        known = self.searched([key]).get(key)
        found = self._objects.one(CUSTOMERS, known) if known else None
        return found if found is not None and not found.deleted else self._listed(key)

    def searched(self, keys: Sequence[str]) -> dict[str, str]:
        """Key → id, as far as search knows; nothing where there is no search (in India, and before 2020-08-27)."""
        found: dict[str, str] = {}
        for some in batches(keys, CLAUSES):
            query = " OR ".join(f"metadata['{self._key_field}']:'{_quoted(key)}'" for key in some)
            try:
                told = self._client.get(CUSTOMERS.name, "search", query=query, limit=LARGEST)
            except (Refused, Forbidden, Gone):
                return found
            for one in told.each("data"):
                key = one.text(f"metadata.{self._key_field}", "")
                if key in some and not one.flag("deleted", False):
                    found[key] = one.text("id")
        return found

    def _listed(self, key: str) -> Remote | None:
        since = self._client.seconds(self._client.clock()) - LATE
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            rows, more = self._objects.page(CUSTOMERS, limit=LARGEST, created={"gte": since}, **after)
            found = (one for one in rows if one.text(f"metadata.{self._key_field}", "") == key)
            if (told := next(found, None)) is not None:
                return self._objects.remote(CUSTOMERS, told)
            if not more or not rows:
                return None
            after = {"starting_after": rows[-1].text("id")}
        return None


def _quoted(key: str) -> str:
    return key.replace("\\", "\\\\").replace("'", "\\'")
