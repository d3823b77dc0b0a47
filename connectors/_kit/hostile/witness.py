"""What stands between the hub and a connector and remembers: what the hub was shown, and how often it wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors._kit.payload import dig


class Witness:
    """What went over one connection, through all the lives of the hub."""

    def __init__(self) -> None:
        self.shown: set[tuple[str, str, str]] = set()
        """(stream, id, path=value) of what the hub was shown."""
        self.ids: set[str] = set()
        """Ids of the stream under test that were shown."""
        self.writes = 0
        self.before_write: Callable[[], None] = lambda: None

    def saw(self, stream: str, id_: str, path: str, value: Any) -> bool:
        """Whether the hub was ever shown this value."""
        return (stream, id_, f"{path}={value}") in self.shown

    def note(self, stream: str, remote: Any, paths: tuple[str, ...]) -> None:
        """Remember a record that is shown."""
        self.shown.update((stream, remote.id, f"{path}={dig(remote.fields, path)}") for path in paths)


class Witnessed:
    """A connector under the eyes of a witness; any verb it has, and none that it does not have."""

    def __init__(self, connector: Any, witness: Witness, stream: str, paths: tuple[str, ...]) -> None:
        self._connector, self._witness, self._stream, self._paths = connector, witness, stream, paths

    def __getattr__(self, verb: str) -> Any:
        """The connector's own verb, watched."""
        act = getattr(self._connector, verb)
        if verb == "write":
            return lambda stream, edits: self._write(act, stream, edits)
        if verb not in ("read", "fetch", "find"):
            return act

        def call(stream: str, *args: Any, **more: Any) -> Any:
            answer = act(stream, *args, **more)
            if stream == self._stream:
                found = answer.records if verb == "read" else answer if verb == "fetch" else [answer] if answer else []
                self._see(found)
            return answer

        return call

    def _see(self, remotes: Any) -> None:
        for one in remotes:
            self._witness.ids.add(one.id)
            self._witness.note(self._stream, one, self._paths)

    def _write(self, act: Callable[..., Any], stream: str, edits: Any) -> Any:
        self._witness.before_write()
        self._witness.writes += len(edits)
        receipts = act(stream, edits)
        self._witness.ids.update(one.remote_id for one in receipts if one.remote_id and stream == self._stream)
        return receipts
