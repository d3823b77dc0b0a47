"""What a check asks of a tool: its manifest and the description of its streams, as far as mappings care.

The declarations themselves are `core.manifest.Manifest` and `core.ports.Description`; they fit these by their form.
The mapping language stands below both and only names what it reads of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.model.values import Json

Fields = Mapping[str, Json]
"""A record in the tool's own form."""


class RemoteField(Protocol):
    """One field of a stream, as the tool describes it now."""

    @property
    def name(self) -> str: ...  # noqa: D102 - each is told by `core.ports.FieldInfo`
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def read_only(self) -> bool: ...  # noqa: D102
    @property
    def required(self) -> bool: ...  # noqa: D102
    @property
    def choices(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def create_only(self) -> bool: ...  # noqa: D102
    @property
    def refers_to(self) -> str | None: ...  # noqa: D102


class RemoteStream(Protocol):
    """A stream, as the tool describes it now."""

    @property
    def fields(self) -> Sequence[RemoteField]: ...  # noqa: D102 - each is told by `core.ports.Description`
    @property
    def open(self) -> bool: ...  # noqa: D102


class DeclaredStream(Protocol):
    """A stream, as the manifest declares it."""

    @property
    def kind(self) -> str: ...  # noqa: D102 - each is told by `core.manifest.Stream`
    @property
    def reads(self) -> bool: ...  # noqa: D102
    @property
    def creates(self) -> bool: ...  # noqa: D102
    @property
    def updates(self) -> bool: ...  # noqa: D102


class DeclaredOption(Protocol):
    """An option that a mapping may set for a stream."""

    @property
    def doc(self) -> str: ...  # noqa: D102 - each is told by `core.manifest.Setting`
    @property
    def example(self) -> str | None: ...  # noqa: D102
    @property
    def required(self) -> bool: ...  # noqa: D102


class Declared(Protocol):
    """A connector's manifest."""

    @property
    def title(self) -> str: ...  # noqa: D102 - each is told by `core.manifest.Manifest`
    @property
    def streams(self) -> Mapping[str, DeclaredStream]: ...  # noqa: D102
    @property
    def open_streams(self) -> bool: ...  # noqa: D102
    @property
    def stream_options(self) -> Mapping[str, DeclaredOption]: ...  # noqa: D102
