"""Who goes by a configuration that is not in force any more writes nothing, where several processes share the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Installation
from api.building import ConnectionSpec
from core.flow.sync import turn
from tests.support import PEOPLE, Lab, people

OTHER = PEOPLE.replace("phone: {field: phone}", "phone: {field: mobile}")


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str) -> Iterator[Lab]:
    with Lab(tmp_path, database_url=postgres_url) as lab:
        yield lab


class Meanwhile:
    """A connector during whose reading another process changes the configuration."""

    def __init__(self, lab: Lab, connector: Any) -> None:
        self._lab, self._connector, self.changed = lab, connector, False

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._connector, verb)

    def read(self, stream: str, cursor: Any) -> Any:
        page = self._connector.read(stream, cursor)
        if not self.changed:
            self.changed = True
            with Installation(self._lab.settings, clock=self._lab.clock) as other:
                spec = ConnectionSpec("a", "memory", {"world": self._lab.tools["a"].name}, OTHER, "a.yaml")
                other.put_connection(spec)
        return page


def test_a_turn_by_the_former_mapping_keeps_nothing_and_the_next_goes_by_the_new_one(shared: Lab):
    tool = shared.tool("a")
    tool.create("contacts", {**people(1)[0], "phone": "+447700900001", "mobile": "+447700900002"})
    hub = shared.hub
    meanwhile = Meanwhile(shared, hub.open("a"))
    done = turn(replace(hub, open=lambda _name: meanwhile), hub.connection("a"))
    assert done.error is None
    assert meanwhile.changed
    assert shared.records() == []

    shared.installation.renew()
    hub = shared.installation.hub()
    turn(hub, hub.connection("a"))
    (record,) = shared.records()
    assert record.values["phone"] == "+447700900002"


def test_the_lease_is_let_go(shared: Lab):
    shared.tool("a").create("contacts", people(1)[0])
    hub = shared.hub
    meanwhile = Meanwhile(shared, hub.open("a"))
    turn(replace(hub, open=lambda _name: meanwhile), hub.connection("a"), holder="one")
    shared.installation.renew()
    hub = shared.installation.hub()
    assert turn(hub, hub.connection("a"), holder="two").intake.created == 1
