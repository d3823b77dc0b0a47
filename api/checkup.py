"""Checking before anything flows: a mapping against everything known about the tool, and the tool itself.

What is asked of a tool is its `check` and `describe`; samples are records that are kept already. What is missing in
the tool and can be made by the connector is made by `prepare`, which only an admin's word may start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api import queries
from api.called import called
from api.mappings import check_text, load
from connectors._kit.catalogue import entry
from connectors._kit.quality import Point
from core.errors import ConcordError, ConfigError, ToolError, Unsupported
from core.flow.drift.describing import since_kept, take_note, told
from core.flow.leasing import LEASE
from core.mapping import MappingError, Problem
from core.ports import Prepares
from core.store import connections, runs

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.building import ConnectionSpec
    from core.decide.drift import Change
    from core.flow.hub import Hub
    from core.model.shape import Shape
    from core.ports import Checks, Checkup, Description, Fields, Finding
    from core.store.connections import ConnectionRow

_HOLDER = "check"
"""Who holds a connection's lease while what its tool looks like is kept."""
SAMPLES = 50
"""Kept records of a stream that the round-trip laws are tried on."""


@dataclass(slots=True)
class Checked:
    """What a check of one connection found."""

    name: str
    connector: str
    account: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    error: ConcordError | None = None
    samples: int = 0
    drift: dict[str, list[Change]] = field(default_factory=dict)
    """Stream → what is different from what was known of it so far."""

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of syncing; warnings do not."""
        broken = any(one.severity == "error" for one in self.problems)
        return self.error is None and not broken and all(one["ok"] for one in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "name": self.name,
            "connector": self.connector,
            "ok": self.ok,
            "account": self.account,
            "findings": self.findings,
            "mapping": [{**one._asdict(), "shown": str(one)} for one in self.problems],
            "samples": self.samples,
            "drift": {stream: [told(one) for one in changes] for stream, changes in self.drift.items()},
            "error": self.error.to_json() if self.error else None,
        }


def check_mapping(
    installation: Installation,
    connector: str,
    text: str,
    file: str,
    *,
    shapes: Mapping[str, Shape] | None = None,
) -> list[Problem]:
    """A mapping's problems as far as they are known without the tool; `MappingError` when there are errors.

    `shapes` are those that will be in force, where they are about to change.
    """
    found = check_text(
        text,
        file=file,
        shapes=shapes or installation.shapes(),
        manifest=entry(connector).manifest,
        locale=installation.locale(),
    )
    if errors := [one for one in found if one.severity == "error"]:
        raise MappingError(errors)
    return found


def check_spec(installation: Installation, spec: ConnectionSpec) -> Checked:
    """Try a connection that is not declared yet: sign in, look around, hold the mapping against what is there."""
    checked = Checked(spec.name, spec.connector)
    connector = installation.try_out(spec)
    try:
        _look(checked, connector.check())
        described = _described(checked, connector, spec.mapping, spec.mapping_file)
    finally:
        connector.close()
    checked.problems = _against(installation, spec.connector, spec.mapping, spec.mapping_file, described, {})
    return checked


def check_connection(installation: Installation, name: str) -> Checked:
    """Check a declared connection; a tool's failure is told in the result."""
    with installation.store.reading() as tx:
        row = next(one for one in connections.all_connections(tx) if one.name == name)
        version = connections.active_mapping(tx, row.id)
        streams = [one for one in connections.all_streams(tx) if one.connection_id == row.id]
        samples = {one.name: queries.samples(tx, one.id, SAMPLES) for one in streams}
    checked = Checked(name, row.connector, samples=sum(map(len, samples.values())))
    if version is None:
        checked.error = ConfigError(f"{name} has no mapping.", remedy=f"Run `concord connect {row.connector} {name}`.")
        return checked
    described: dict[str, Description] = {}
    try:
        connector = installation.connector(name)
        _look(checked, connector.check())
        checked.findings.append(_calls(installation, row))
        described = _described(checked, connector, version.text, version.file)
        checked.drift = _drift(installation.hub(), name, described)
    except ToolError as error:
        checked.error = error
    checked.problems = _against(installation, row.connector, version.text, version.file, described, samples)
    return checked


@dataclass(slots=True)
class Made:
    """What became of one fix: what was found afterwards, or why it could not be made."""

    fix: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    error: ToolError | None = None

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        error = self.error.to_json() if self.error else None
        return {"fix": self.fix, "findings": self.findings, "error": error}


def fixes_of(checked: Checked) -> dict[str, list[str]]:
    """Fix → what it makes, in the words of the findings that miss it."""
    fixes: dict[str, list[str]] = {}
    for one in checked.findings:
        if not one["ok"] and one["fix"]:
            fixes.setdefault(one["fix"], []).append(one["what"])
    return fixes


def preparing(installation: Installation, checked: Checked) -> Prepares:
    """The connector of a checked connection, for making what is missing; `Unsupported` when it makes nothing."""
    connector = installation.connector(checked.name)
    if isinstance(connector, Prepares):
        return connector
    raise Unsupported(
        f"The connector {checked.connector} makes nothing in its tool.",
        remedy=f"Make by hand what `concord check {checked.name}` names.",
        connection=checked.name,
    )


def prepare(installation: Installation, checked: Checked) -> list[Made]:
    """Make what is missing, each fix once; a failure ends it and is told in the last result."""
    connector = preparing(installation, checked)
    made = []
    for fix in fixes_of(checked):
        made.append(Made(fix))
        try:
            made[-1].findings = _told(connector.prepare(fix))
        except ToolError as error:
            made[-1].error = error
            break
    # The next look is a new connection's: it must not know more, or less, than the tool itself.
    installation.refresh(checked.name)
    return made


def _look(checked: Checked, checkup: Checkup) -> None:
    checked.account = checkup.account
    checked.findings = _told(checkup.findings)


def _calls(installation: Installation, row: ConnectionRow) -> dict[str, Any]:
    """Whether the tool tells by itself what is new; polls find it in any case."""
    manifest = entry(row.connector).manifest
    if manifest.webhook is None:
        why = manifest.quality.exempt.get(Point.WEBHOOKS, f"{manifest.title} calls nobody.")
        return {"ok": True, "what": f"Polls alone find what is new. {why}", "remedy": "", "fix": ""}
    found = next(one for one in called(installation) if one.name == row.name)
    return {"ok": True, "what": found.sentence, "remedy": "", "fix": ""}


def _told(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"ok": one.ok, "what": one.what, "remedy": one.remedy, "fix": one.fix} for one in findings]


def _described(checked: Checked, connector: Checks, text: str, file: str) -> dict[str, Description]:
    """Stream → what the tool says of it; a stream it cannot describe is a finding."""
    described = {}
    for stream in load(text, file=file).streams:
        try:
            described[stream] = connector.describe(stream)
        except ToolError as error:
            if error.message not in {one["what"] for one in checked.findings}:
                found = {"ok": False, "what": f"{stream}: {error}", "remedy": error.remedy, "fix": ""}
                checked.findings.append(found)
    return described


def _drift(hub: Hub, name: str, described: Mapping[str, Description]) -> dict[str, list[Change]]:
    """What changed in the tool. It is kept, and lines rest or go on; but not while the hub itself is at work there."""
    connection = hub.connection(name)
    streams = {stream.name: stream for stream in connection.streams}
    lease, now = f"connection {connection.id}", hub.clock()
    with hub.store.writing() as tx:
        taken = runs.take_lease(tx, lease, _HOLDER, now=now, until=now + LEASE)
    found = {
        stream: take_note(hub, streams[stream], one).changes if taken else since_kept(hub, streams[stream], one)
        for stream, one in described.items()
        if stream in streams
    }
    if taken is not None:
        with hub.store.writing() as tx:
            runs.drop_lease(tx, lease, taken.token)
    return {stream: changes for stream, changes in found.items() if changes}


def _against(
    installation: Installation,
    connector: str,
    text: str,
    file: str,
    described: Mapping[str, Description],
    samples: Mapping[str, Sequence[Fields]],
) -> list[Problem]:
    return check_text(
        text,
        file=file,
        shapes=installation.shapes(),
        manifest=entry(connector).manifest,
        descriptions=described,
        samples=samples,
        locale=installation.locale(),
    )
