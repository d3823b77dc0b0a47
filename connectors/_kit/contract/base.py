"""The ground of the suite: points and tiers on tests, the streams a test runs for, and the fixtures.

`@point` says which promise a test holds, and what the manifest must declare for it. A test with a parameter
`stream` runs for each stream that declares it all; where none does, it is skipped with that reason.
"""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.contract.harness import Harness
from connectors._kit.payload import dig, nested
from connectors._kit.quality import Point
from core.errors import ToolError
from core.manifest import Manifest
from core.model.instant import SECOND
from core.ports import Cursor, Edit, Fields, Remote, Verb

Test = TypeVar("Test", bound=Callable[..., None])


def point(name: Point, *needs: str) -> Callable[[Test], Test]:
    """Mark a test with the promise it holds; `needs` are declarations, see `declares`."""

    def mark(test: Test) -> Test:
        test.__dict__.update(point=name, needs=needs)
        return test

    return mark


def declares(manifest: Manifest, need: str, stream: str | None = None) -> bool:
    """Whether the manifest declares a capability.

    Of a stream (`creates`, `versions=opaque`) or as a whole (`webhook`, `subscribes`, `sends`).
    """
    name, _, value = need.partition("=")
    negated, name = name.startswith("!"), name.lstrip("!")
    whole = {
        "webhook": manifest.webhook is not None, "auth": manifest.auth != "none", "sends": manifest.sends,
        "subscribes": manifest.webhook is not None and manifest.webhook.subscribes,
    }  # fmt: skip
    if name in whole:
        return whole[name] != negated
    streams = [manifest.streams[stream]] if stream else list(manifest.streams.values())
    held = (getattr(declared, name) for declared in streams)
    return any((found in value.split("|") if value else bool(found)) != negated for found in held)


class Tests:
    """Fixtures and small words that every part of the suite uses."""

    harness: ClassVar[type[Harness]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test once for each stream that declares what it needs."""
        if "stream" not in metafunc.fixturenames:
            return
        manifest = self.harness(Path(), VirtualTime()).manifest
        needs = getattr(metafunc.function, "needs", ())
        streams = self.harness.streams or tuple(manifest.streams)
        able = [stream for stream in streams if all(declares(manifest, need, stream) for need in needs)]
        reason = f"{manifest.name} declares no stream with {' and '.join(needs)}"
        metafunc.parametrize("stream", able or [pytest.param("-", marks=pytest.mark.skip(reason=reason))])

    @pytest.fixture
    def time(self) -> VirtualTime:
        """The clock of hub and tool."""
        return VirtualTime(tick=1000)

    @pytest.fixture
    def tool(self, request: pytest.FixtureRequest, tmp_path: Path, time: VirtualTime) -> Iterator[Harness]:
        """A fresh tool; skipped where the manifest declares no such thing."""
        harness = self.harness(tmp_path, time)
        for need in getattr(request.function, "needs", ()):
            if not declares(harness.manifest, need):
                pytest.skip(f"{harness.connector} declares no {need}")
        harness.start()
        try:
            yield harness
        finally:
            harness.close()

    @pytest.fixture
    def connector(self, tool: Harness) -> Iterator[Any]:
        """A connection to the fresh tool."""
        connector = tool.connect()
        try:
            yield connector
        finally:
            connector.close()


def add(tool: Harness, stream: str, count: int) -> list[str]:
    """A person adds so many records; gives their ids."""
    return [tool.create(stream, tool.sample(stream, number)) for number in range(count)]


def create(tool: Harness, stream: str, number: int, *, key: str | None = None) -> Edit:
    """An edit that creates a sample."""
    return Edit(Verb.CREATE, stream, key or f"key-{stream}-{number}", fields=tool.sample(stream, number))


def change(tool: Harness, stream: str, remote: Remote, number: int = 1) -> Edit:
    """An edit that changes one field of a record as it was read."""
    return Edit(
        Verb.UPDATE, stream, f"change-{remote.id}-{number}", remote.id, tool.change(stream, number),
        version=remote.version, held=remote.fields,
    )  # fmt: skip


def delete(stream: str, remote: Remote) -> Edit:
    """An edit that deletes a record as it was read."""
    return Edit(Verb.DELETE, stream, f"delete-{remote.id}", remote.id, version=remote.version, held=remote.fields)


def fetched(connector: Any, stream: str, id_: str) -> Remote:
    """One record as it is now."""
    found: Remote
    (found,) = connector.fetch(stream, [id_])
    return found


def done(receipts: Any) -> list[Any]:
    """The receipts, all of which must be good."""
    errors = [receipt.error for receipt in receipts if receipt.error is not None]
    assert not errors, f"the tool did not take: {[str(error) for error in errors]}"
    assert all(receipt.remote_id for receipt in receipts), "a good receipt names the record"
    return list(receipts)


def error_of(connector: Any, stream: str, edits: Sequence[Edit]) -> Exception | None:
    """What went wrong with a write, whether it was raised or said in a receipt; None when all is well."""
    try:
        receipts = connector.write(stream, edits)
    except ToolError as error:
        return error
    return next((receipt.error for receipt in receipts if receipt.error is not None), None)


def reading_error(connector: Any, stream: str, cursor: Cursor | None) -> ToolError | None:
    """What went wrong with reading a page, or None."""
    try:
        connector.read(stream, cursor)
    except ToolError as error:
        return error
    return None


def holds(tool: Harness, held: Fields | None, wanted: Fields) -> None:
    """Check that a record holds wanted fields (dotted or nested; None is blank)."""
    assert held is not None, "the record is not there"
    for path, value in _leaves(nested(wanted)):
        found = dig(held, path)
        blank = value is None and found in (None, "", [], {})
        assert blank or tool.same(path, value, found), f"{path} is {found!r}, wanted {value!r}"


def _leaves(fields: Fields, start: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", value


def later(tool: Harness, seconds: float = 120) -> None:
    """Let time pass, so that stamps cut to whole seconds differ."""
    tool.time.sleep(seconds + 1 / SECOND)
