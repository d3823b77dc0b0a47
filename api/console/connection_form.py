"""The form of a connection: what it shows of a manifest and of what is in force, and what is read from it.

Secrets are typed, and never shown again: those in force stay where a field is left blank. What was typed a moment ago
comes back sealed by the vault, for the person who typed it alone, so that a mistake elsewhere costs no second typing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from api.building import ConnectionSpec, check_name, check_page, policy_of, stream_manifest
from api.connecting import known, value_of
from api.mappings import load
from core.decide.filtering import Leaves, LeavesIn
from core.errors import ConcordError, ConfigError
from core.flow.hub import Policy
from core.manifest import Deletes
from core.mapping import MappingError
from core.mapping.filter import filter_of
from core.mapping.source import Source
from core.model.instant import HOUR

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.console.people import Visitor
    from connectors._kit.catalogue import Entry
    from core.decide.leads import Posted
    from core.manifest import Setting, Stream
    from core.mapping import Problem, StreamMapping
    from core.model.locale import Locale
    from core.model.shape import Shape

WAYS = {
    "both": "Both ways",
    "in": "Only from the tool",
    "out": "Only to the tool",
    "none": "Neither way",
}
_WAY_OF = {(True, True): "both", (True, False): "in", (False, True): "out", (False, False): "none"}
DELETES = {
    "ignore": "Nothing",
    "unlink": "They are no longer tied together",
    "archive": "It is archived on the other side",
    "propagate": "It is deleted on the other side",
    "ask": "A person is asked",
}
LEAVES_IN = {"keep": "It goes on as before", "unlink": "It is no longer read or written"}
LEAVES = {
    "keep": "It stays there, and is still read",
    "unlink": "It stays there, and is no longer read",
    "archive": "It is deleted or archived there",
}
_CHOICES = {
    "deletes_in": get_args(Deletes), "deletes_out": get_args(Deletes),
    "leaves_in": get_args(LeavesIn), "leaves": get_args(Leaves),
}  # fmt: skip
_DRAFT = HOUR
"""So long what was typed comes back."""


class Input(NamedTuple):
    """One setting, as the form shows it."""

    name: str
    setting: Setting
    value: str
    """What stands in the field; never a secret."""
    kept: bool
    """Whether a secret is there that stays where the field is left blank."""
    fault: dict[str, Any] | None


class StreamInput(NamedTuple):
    """One stream of the mapping, as the form shows it."""

    name: str
    kind: str
    doc: str
    manifest: Stream
    ways: Mapping[str, str]
    chosen: Mapping[str, str]
    faults: Mapping[str, dict[str, Any]]


@dataclass(slots=True)
class Form:
    """A form as it was filled in, with what is wrong in it."""

    tool: Entry
    name: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    """Setting → what stands in its field, secrets left out."""
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """Typed a moment ago."""
    kept: frozenset[str] = frozenset()
    """Secrets in force."""
    mapping: str = ""
    mapping_file: str = ""
    chosen: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stream → what stands in its fields."""
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    brake: dict[str, Any] = field(default_factory=dict)
    """As it is in force; a file says it."""
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Field → what is wrong with it."""
    problems: list[Problem] = field(default_factory=list)
    """Of the mapping."""

    @property
    def broken(self) -> bool:
        """Whether something must be mended first."""
        return bool(self.faults) or any(one.severity == "error" for one in self.problems)

    def inputs(self, *, advanced: bool) -> list[Input]:
        """The settings, in the manifest's order."""
        return [
            Input(name, one, self.typed.get(name, ""), name in self.kept or name in self.secrets, self.faults.get(name))
            for name, one in self.tool.manifest.settings.items()
            if (one.advanced and not one.required) == advanced
        ]

    def stream_inputs(self) -> list[StreamInput]:
        """The streams that the mapping names; none where it cannot be read."""
        found = []
        for one in _mapped(self.mapping, self.mapping_file):
            try:
                said = stream_manifest(self.tool.manifest, one.stream, one.kind)
            except ConfigError:
                continue
            ways = {way: words for way, words in WAYS.items() if _possible(way, said)}
            chosen = {**_shown(Policy()), **self.chosen.get(one.stream, {})}
            faults = {
                key.partition(":")[2]: told for key, told in self.faults.items() if key.startswith(f"{one.stream}:")
            }
            found.append(StreamInput(one.stream, one.kind, said.doc, said, ways, chosen, faults))
        return found

    def spec(self) -> ConnectionSpec:
        """What would be put in force."""
        return ConnectionSpec(
            self.name, self.tool.name, self.settings, self.mapping, self.mapping_file, self.streams, self.brake
        )


def _possible(way: str, said: Stream) -> bool:
    writes = said.creates or said.updates
    return {"both": said.reads and writes, "in": said.reads, "out": writes, "none": True}[way]


def _mapped(text: str, file: str) -> list[StreamMapping]:
    try:
        return list(load(text, file=file).streams.values())
    except ConfigError:
        return []


# --- what is shown


def shown_of(installation: Installation, tool: Entry, name: str, mapping: str, mapping_file: str) -> Form:
    """The form of a connection as it is in force; of a new one where there is none of that name."""
    form = Form(tool, name, mapping=mapping, mapping_file=mapping_file)
    row = known(installation, name) if name else None
    if row is None:
        return form
    settings = json.loads(row.settings)
    form.typed = {key: _text(value) for key, value in settings.items() if value is not None}
    form.kept = frozenset(installation.vault.open(row.secrets))
    form.brake = json.loads(row.brake) if row.brake else {}
    policies = json.loads(row.streams)
    form.chosen = {one.stream: _shown(policy_of(policies, one.stream)) for one in _mapped(mapping, mapping_file)}
    return form


def _shown(policy: Policy) -> dict[str, str]:
    """A policy as it stands in the fields."""
    return {
        "way": _WAY_OF[policy.reads, policy.writes],
        "creates": "yes" if policy.creates else "no",
        **{name: str(getattr(policy, name)) for name in _CHOICES},
        "only_in": _filter_text(policy.only_in),
        "only_out": _filter_text(policy.only_out),
        "poll_every": "" if policy.poll_every is None else f"{policy.poll_every:g}",
        "page": policy.page,
    }


def _filter_text(said: Mapping[str, Any] | None) -> str:
    return "" if said is None else "\n".join(f"{key}: {json.dumps(value)}" for key, value in said.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


# --- what is read


def read_form(
    installation: Installation, said: Posted, visitor: Visitor, tool: Entry, before: Form, *, new: bool
) -> Form:
    """A form as it was sent; what is wrong with it is told field by field. `before` is what was in force."""
    form = Form(tool, before.name or said.get("name", "").strip(), kept=before.kept, brake=before.brake)
    form.secrets = _unsealed(installation, visitor, said.get("sealed", ""))
    form.mapping = said.get("mapping", before.mapping).replace("\r\n", "\n")
    form.mapping_file = before.mapping_file if form.mapping == before.mapping else f"{form.name or 'new'}.yaml"
    if new:
        _tried(form, "name", lambda: _new_name(installation, form.name))
    _read_settings(installation, form, said, before)
    _read_streams(installation, form, said, before)
    return form


def _new_name(installation: Installation, name: str) -> None:
    check_name(name)
    if name == "new":
        raise ConfigError("`new` is the address of this page.", remedy="Choose another name.")
    row = known(installation, name)
    if row is not None and row.state != "removed":
        raise ConfigError(f"There is a connection {name} already.", remedy="Choose another name, or edit that one.")


def _tried(form: Form, key: str, act: Callable[[], Any]) -> Any:
    """What it gives; an error is a fault of that field."""
    try:
        return act()
    except ConcordError as error:
        form.faults[key] = error.to_json()
        return None


def _read_settings(installation: Installation, form: Form, said: Posted, before: Form) -> None:
    row = known(installation, before.name) if before.name else None
    in_force = installation.vault.open(row.secrets) if row is not None else {}
    for key, setting in form.tool.manifest.settings.items():
        text, value = said.get(f"set.{key}", "").strip(), None
        if setting.type == "secret":
            value = _secret(form, key, text, in_force.get(key), forgotten=bool(said.get(f"forget.{key}")))
        else:
            form.typed[key] = text
            value = _tried(form, key, partial(value_of, key, setting, text)) if text else None
        if value is not None:
            form.settings[key] = value
        elif setting.required and key not in form.faults:
            form.faults[key] = ConfigError("This is needed.", remedy=setting.doc).to_json()


def _secret(form: Form, key: str, text: str, in_force: str | None, *, forgotten: bool) -> str | None:
    """A secret as it is typed now, was typed a moment ago, or is in force."""
    if forgotten:
        form.secrets.pop(key, None)
        form.kept -= {key}
    elif text:
        form.secrets[key] = text
    return form.secrets.get(key) or (in_force if key in form.kept else None)


def _read_streams(installation: Installation, form: Form, said: Posted, before: Form) -> None:
    shapes, locale = installation.shapes(), installation.locale()
    policies = {}
    for one in _mapped(form.mapping, form.mapping_file):
        usual = {**_shown(Policy()), **before.chosen.get(one.stream, {})}
        chosen = {key: said.get(f"stream.{one.stream}.{key}", value) for key, value in usual.items()}
        form.chosen[one.stream] = chosen
        if one.kind in shapes:
            policies[one.stream] = _policy(form, one.stream, chosen, shapes[one.kind], locale)
    form.streams = _as_kept(installation, before, policies)


def _policy(form: Form, stream: str, chosen: Mapping[str, str], shape: Shape, locale: Locale) -> dict[str, Any]:
    """What a stream's fields say."""
    policy: dict[str, Any] = {
        "reads": chosen["way"] in ("both", "in"),
        "writes": chosen["way"] in ("both", "out"),
        "creates": chosen["creates"] == "yes",
    }
    for key, words in _CHOICES.items():
        policy[key] = chosen[key] if chosen[key] in words else getattr(Policy(), key)
    for key in ("only_in", "only_out"):
        policy[key] = _tried(form, f"{stream}:{key}", partial(_filter, chosen[key], key, shape, locale))
    policy["page"] = page = chosen["page"].strip()
    _tried(form, f"{stream}:page", partial(check_page, form.tool.manifest, page, stream))
    policy["poll_every"] = _tried(form, f"{stream}:poll_every", partial(_seconds, chosen["poll_every"]))
    return policy


def _as_kept(
    installation: Installation, before: Form, policies: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What differs from the usual; as it is kept where it means the same, since a file may say it in other words."""
    row = known(installation, before.name) if before.name else None
    kept: dict[str, dict[str, Any]] = json.loads(row.streams) if row is not None else {}
    so_far = {name: asdict(policy_of(kept, name)) for name in policies}
    if kept and all({**so_far[name], **one} == so_far[name] for name, one in policies.items()):
        return kept
    usual = asdict(Policy())
    found = {
        name: {key: value for key, value in {**so_far[name], **one}.items() if value != usual[key]}
        for name, one in policies.items()
    }
    return {name: one for name, one in found.items() if one}


def _filter(text: str, key: str, shape: Shape, locale: Locale) -> Any:
    """A filter from its lines; an error where it cannot be asked of this kind."""
    if not text.strip():
        return None
    source = Source(key, text.replace("\r\n", "\n"))
    root = source.tree()
    if source.problems:
        raise MappingError(source.problems)
    said = root.plain() if root is not None else None
    filter_of(said, shape, locale, where="This filter")
    return said


def _seconds(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        seconds = float(text)
    except ValueError as error:
        raise ConfigError("This is no number of seconds.", remedy="Write 60 for a minute.") from error
    if not 1 <= seconds <= 604_800:
        raise ConfigError("A poll comes once in one second to one week.", remedy="Write 300 for five minutes.")
    return int(seconds) if seconds.is_integer() else seconds


# --- secrets on their way


def sealed(installation: Installation, visitor: Visitor, form: Form) -> str:
    """The secrets that were typed, as the form carries them: nobody can read them, and nobody else can send them."""
    if not form.secrets:
        return ""
    until = installation.clock() + _DRAFT
    return installation.vault.seal({"for": f"{visitor.digest} {until}", "secrets": json.dumps(form.secrets)}).decode()


def _unsealed(installation: Installation, visitor: Visitor, text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = installation.vault.open(text.encode())
    except ConfigError:
        return {}
    who, _, until = found.get("for", "").partition(" ")
    if who != visitor.digest or int(until) < installation.clock():
        return {}
    secrets: dict[str, str] = json.loads(found["secrets"])
    return secrets
