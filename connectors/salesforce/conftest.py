"""The org that the tests of this folder share the making of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.salesforce.by_hand import Org


@pytest.fixture
def org() -> Iterator[Org]:
    """A new org with our key field."""
    with Org() as made:
        yield made
