"""Building: a connection as an admin declares it, checked, and as the trips stand on it. No store is asked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from api.mappings import load
from connectors._kit.catalogue import Entry, entry
from core.decide.brake import Limits
from core.decide.route import Hearer
from core.decide.skew import Skew
from core.errors import ConfigError
from core.flow.hub import HUB, Connection, Policy, Stream
from core.manifest import Manifest
from core.manifest import Stream as StreamManifest
from core.mapping import Mapping as ToolMapping
from core.mapping import Translator, translator
from core.mapping.filter import Filter, filter_of
from core.model import pages
from core.model.locale import Locale
from core.model.shape import Shape
from core.model.shapes import KIND_ORDER
from core.store.codec import loads
from core.store.connections import ConnectionRow

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """A connection as an admin declares it; secrets in clear, on their way into the vault."""

    name: str
    connector: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    mapping: str = ""
    """The mapping's text."""
    mapping_file: str = ""
    streams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Stream → what differs from `Policy`; the key `*` speaks for all."""
    brake: Mapping[str, Any] = field(default_factory=dict)
    """What differs from `Limits`: above which shares a person is asked before anything is written."""
    waits: str = ""
    """Why it is paused at first, until a person takes it up; blank for one that begins at once."""


def checked(spec: ConnectionSpec, shapes: Mapping[str, Shape], locale: Locale) -> dict[str, str]:
    """Stream → kind of a connection that can be put in force; `ConfigError` says why it cannot."""
    check_name(spec.name)
    tool = entry(spec.connector)
    mapping = load(spec.mapping, file=spec.mapping_file)
    for one in mapping.streams.values():
        ready = translator(one, shapes=shapes, vocabularies=mapping.vocabularies, locale=locale)
        stream_manifest(tool.manifest, one.stream, one.kind)
        policy = policy_of(spec.streams, one.stream)
        check_page(tool.manifest, policy.page, one.stream)
        _filters(policy, ready, shapes[one.kind], locale)
    _check_settings(tool.manifest, spec.settings)
    return {name: one.kind for name, one in mapping.streams.items()}


def check_page(manifest: Manifest, page: str, stream: str) -> None:
    """`ConfigError` for an address template that cannot be used; a blank one is as the manifest says."""
    if page and (said := pages.wrong(page, manifest.setting_types)):
        raise ConfigError(
            f"The `page` of {stream} cannot be used. {said}", remedy="Write it as `https://tool.example/people/{id}`."
        )


def check_name(name: str) -> None:
    """`ConfigError` for what cannot be a connection's name."""
    if name == HUB or not _NAME.fullmatch(name):
        raise ConfigError(
            f"'{name}' cannot be a connection's name.",
            remedy="Use letters, digits, - and _, beginning with a letter, e.g. `shop-contacts`.",
        )


def _check_settings(manifest: Manifest, given: Mapping[str, Any]) -> None:
    unknown = sorted(given.keys() - manifest.settings.keys())
    if unknown:
        known = ", ".join(manifest.settings) or "none"
        raise ConfigError(f"{manifest.title} has no setting '{unknown[0]}'; it has {known}.")
    missing = [name for name, one in manifest.settings.items() if one.required and given.get(name) in (None, "")]
    if missing:
        doc = manifest.settings[missing[0]].doc
        raise ConfigError(f"{manifest.title} needs the setting '{missing[0]}': {doc}")


def connection_from(
    row: ConnectionRow, mapping: ToolMapping, ids: Mapping[str, int], shapes: Mapping[str, Shape], locale: Locale
) -> Connection:
    """A connection as the trips stand on it; `ids` are those of its streams, by name."""
    manifest = entry(row.connector).manifest
    policies, settings = loads(row.streams), {**defaults(entry(row.connector)), **loads(row.settings)}
    streams = []
    for one in mapping.streams.values():
        policy = policy_of(policies, one.stream)
        ready = translator(one, shapes=shapes, vocabularies=mapping.vocabularies, locale=locale)
        only_in, only_out = _filters(policy, ready, shapes[one.kind], locale)
        declared = _as_set(stream_manifest(manifest, one.stream, one.kind), row)
        stream = Stream(
            id=ids[one.stream],
            name=one.stream,
            kind=one.kind,
            connection_id=row.id,
            source=row.name,
            shape=shapes[one.kind],
            translator=ready,
            manifest=declared,
            policy=policy,
            siblings=ids,
            only_in=only_in,
            only_out=only_out,
            page=pages.filled(policy.page or declared.page, settings, one.stream),
        )
        streams.append(stream)
    ordered = tuple(sorted(streams, key=lambda one: KIND_ORDER.index(one.kind)))
    skew = Skew(**loads(row.skew)) if row.skew else Skew()
    limits = Limits.of(loads(row.brake) if row.brake else {})
    subscribes = manifest.webhook is not None and manifest.webhook.subscribes
    return Connection(row.id, row.name, row.connector, ordered, row.state, skew, limits, subscribes=subscribes)


def hearer(connection: Connection) -> Hearer:
    """What of which kind a connection carries out."""
    fields: dict[str, frozenset[str]] = {}
    for stream in connection.streams:
        if stream.policy.writes and (stream.manifest.creates or stream.manifest.updates):
            asked = stream.only_out.fields if stream.only_out is not None else frozenset()
            fields[stream.kind] = fields.get(stream.kind, frozenset()) | stream.translator.out_fields | asked
    return Hearer(connection.name, fields)


def stream_manifest(manifest: Manifest, name: str, kind: str) -> StreamManifest:
    """What a manifest says of a stream; `ConfigError` where the tool has none of that name."""
    if name in manifest.streams:
        return manifest.streams[name]
    if manifest.open_streams:
        alike = [one for one in manifest.streams.values() if one.kind == kind]
        return (alike or list(manifest.streams.values()))[0].model_copy(update={"kind": kind})
    known = ", ".join(manifest.streams)
    raise ConfigError(f"{manifest.title} has no stream '{name}'; it has {known}.", remedy="Mend the mapping.")


def _as_set(stream: StreamManifest, row: ConnectionRow) -> StreamManifest:
    """A stream's manifest as the connection's settings bend it."""
    if stream.together_by is not None and loads(row.settings).get(stream.together_by):
        return stream.model_copy(update={"changes_singly": False})
    return stream


def policy_of(policies: Mapping[str, Mapping[str, Any]], stream: str) -> Policy:
    """What was chosen for a stream: its own words before those that speak for all."""
    return Policy(**{**asdict(Policy()), **policies.get("*", {}), **policies.get(stream, {})})


def _filters(policy: Policy, ready: Translator, shape: Shape, locale: Locale) -> tuple[Filter | None, Filter | None]:
    """A stream's two filters; `ConfigError` for one that cannot be asked."""
    only_in = filter_of(policy.only_in, shape, locale, where=f"`only_in` of {ready.stream}", read=ready.in_fields)
    return only_in, filter_of(policy.only_out, shape, locale, where=f"`only_out` of {ready.stream}")


def filter_words(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is said of filters, stream by stream."""
    words = ("only_in", "only_out", "leaves_in", "leaves")
    said = {stream: {word: one[word] for word in words if word in one} for stream, one in policies.items()}
    return {stream: one for stream, one in said.items() if one}


def defaults(tool: Entry) -> dict[str, Any]:
    """The settings for which the manifest has a value of its own."""
    return {name: one.default for name, one in tool.manifest.settings.items() if one.default is not None}
