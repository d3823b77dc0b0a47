"""`concord.yaml`: connections, rules and own fields declared in a file, and put in force all or nothing.

    connections:
      sheets:
        connector: csv
        settings: {folder: ./files}
        mapping: ./sheets.yaml
        streams: {"*": {deletes_in: ask}}
        brake: {deletes: 0.05, changes: off}
    rules: ./rules.yaml
    match: {cap: 10, emails: [lab@*], tiers: {company: {named: ask}}}
    topics: {news: Our monthly letter, offers: {doc: Reduced prices, channels: [email]}}
    consent: {profile: gdpr, expires_after: 24}
    retention: {contact: {keep: 36 months, since: [last_contacted_at, last_replied_at], then: erase}}
    maintenance: {sheets: {days: [sunday], from: "22:00", to: "24:00", zone: Europe/London, hold: writes}}
    keep: {history: 13 months, webhooks: 7 days}
    alerts: {mail: mail, to: [anna@shop.example], lag: 15min, again: 4h}
    movement: ./movement.yaml
    forms: {quote: {sites: [https://shop.example], fields: {email: {label: Email, required: true}}}}
    reviews: {owner: anna@shop.example, escalate_to: bert@shop.example, due: {brake: 2h}}

Secrets are given as `${NAME}` from the environment only, so that the file can be kept with other code. Every mistake
is told with file, line, column and remedy. What a file would change, and putting it in force, is in `api.changes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from api.assembly import Text
from api.building import ConnectionSpec
from api.filters import FILTERS, Asked
from api.profiles import read_consent
from connectors._kit.catalogue import Entry, catalogue
from core.decide.alerting import read_alerting
from core.decide.brake import CASES, OFF
from core.decide.filtering import Leaves, LeavesIn
from core.decide.keeping import read_keeping
from core.decide.maintenance import read_windows
from core.decide.matching import read_matching
from core.decide.retention import read_retention
from core.decide.reviewing import EXPIRES, WITHIN, Duties, duration
from core.decide.topics import read_topics
from core.errors import ConfigError
from core.flow.hub import Policy
from core.manifest import Deletes, Setting
from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry as Line
from core.mapping.source import Node, Source
from core.model.locale import Locale
from core.store.codec import dumps

if TYPE_CHECKING:
    pass

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
INLINE = ("match", "topics", "consent", "retention", "movement", "forms", "alerts", "keep", "maintenance")
"""Said in the file itself, or in one that it names."""
_TOP = ("connections", "rules", "custom_fields", *INLINE, "locale", "reviews")
_REVIEWS = ("owner", "escalate_to", "owners", "due", "expires")
_CONNECTION = ("connector", "settings", "mapping", "streams", "brake", "remove")
_POLICY = tuple(one.name for one in fields(Policy))
_PACE = ("poll_every", "poll_fastest", "poll_slowest")
_LEAVES = {"leaves": get_args(Leaves), "leaves_in": get_args(LeavesIn)}
_LOCALE = tuple(one.name for one in fields(Locale))


@dataclass(slots=True)
class Config:
    """A configuration file, read and resolved; secrets are in clear here."""

    file: str
    connections: dict[str, ConnectionSpec] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    rules: Text | None = None
    custom_fields: Text | None = None
    match: Text | None = None
    """Block lists and tiers, over those that come with the hub."""
    topics: Text | None = None
    consent: Text | None = None
    """Which profile holds, and what is said otherwise."""
    retention: Text | None = None
    """How long records are kept, by kind."""
    movement: Text | None = None
    """What is asked of open records."""
    movement_line: Line | None = None
    """Where that stands, if it is said in the file itself."""
    forms: Text | None = None
    """By which people outside ask for something."""
    alerts: Text | None = None
    """Who is told when something is wrong."""
    maintenance: Text | None = None
    """When which connection is left alone."""
    keep: Text | None = None
    """How long what the hub has done is kept."""
    locale: Locale | None = None
    reviews: Duties | None = None
    source: Source | None = None
    """The file itself, for telling where something stands."""
    filters: list[Asked] = field(default_factory=list)


def read_config(path: Path, environment: Mapping[str, str]) -> Config:
    """Read a configuration file; raises `ConfigError` with everything that is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"{path} cannot be read: {why}.", remedy="Name a file in the form of `concord.yaml`."
        ) from error
    reader = _Reader(Source(str(path), text), path.parent, environment)
    config = reader.config()
    if reader.source.problems:
        raise MappingError(reader.source.problems)
    return config


class _Reader:
    """Reads one file from the top down; a part that cannot be read is noted in `source` and left out."""

    def __init__(self, source: Source, folder: Path, environment: Mapping[str, str]) -> None:
        self.source, self.folder, self.environment = source, folder, environment

    def config(self) -> Config:
        config = Config(self.source.file, source=self.source)
        root = self.source.tree()
        if root is None or not self._is_map(root, "The file"):
            return config
        self._known(root, _TOP, "the file")
        for line in self._below(root, "connections"):
            self._connection(line, config)
        config.rules = self._text(root, "rules")
        config.custom_fields = self._text(root, "custom_fields")
        config.match = self._inline(root, "match", read_matching)
        config.topics = self._inline(root, "topics", read_topics)
        config.consent = self._inline(root, "consent", read_consent)
        config.retention = self._inline(root, "retention", read_retention)
        # Which connections there are is known when all of the file is: `verify` looks.
        config.maintenance = self._inline(root, "maintenance", read_windows)
        config.keep = self._inline(root, "keep", read_keeping)
        config.alerts = self._inline(root, "alerts", read_alerting)
        config.movement = self._inline(root, "movement", _read_later)
        if "movement" in root.value and root.value["movement"].node.is_map:
            config.movement_line = root.value["movement"]
        # What a form may ask depends on the fields and topics that are declared: `verify` looks.
        config.forms = self._inline(root, "forms", lambda _node, _source: None)
        if "locale" in root.value:
            config.locale = self._locale(root.value["locale"].node)
        if "reviews" in root.value:
            config.reviews = self._duties(root.value["reviews"].node)
        return config

    def _connection(self, line: Line, config: Config) -> None:
        name, node = str(line.key), line.node
        if not self._is_map(node, f"The connection `{name}`"):
            return
        self._known(node, _CONNECTION, "a connection")
        if "remove" in node.value and node.value["remove"].node.plain() is True:
            config.removed.append(name)
            return
        tool = self._tool(line)
        if tool is None:
            return
        mapping = self._text(node, "mapping") or self._default_mapping(tool, line)
        config.connections[name] = ConnectionSpec(
            name=name,
            connector=tool.name,
            settings=self._settings(line, tool),
            mapping=mapping.text,
            mapping_file=mapping.file,
            streams={str(one.key): self._policy(one, name, config) for one in self._below(node, "streams")},
            brake=self._brake(node),
        )

    def _tool(self, line: Line) -> Entry | None:
        said = line.node.value.get("connector")
        known = catalogue()
        name = said.node.plain() if said else None
        if name not in known:
            self.source.problem(
                said.node.place if said else line.place,
                f"There is no connector `{name}`." if said else f"The connection `{line.key}` names no connector.",
                expected=one_of(known),
                remedy=did_you_mean(name, known) or "Choose one of these.",
            )
            return None
        return known[str(name)]

    def _default_mapping(self, tool: Entry, line: Line) -> Text:
        try:
            return Text(tool.mapping_path.read_text(encoding="utf-8"), str(tool.mapping_path))
        except OSError:
            self.source.problem(
                line.place,
                f"{tool.manifest.title} has no mapping of its own.",
                remedy="Say `mapping:` and the path of a file.",
            )
            return Text("", "")

    # Settings.

    def _settings(self, line: Line, tool: Entry) -> dict[str, Any]:
        declared, given = tool.manifest.settings, dict[str, Any]()
        for one in self._below(line.node, "settings"):
            name = str(one.key)
            if name not in declared:
                self.source.problem(
                    one.place,
                    f"{tool.manifest.title} has no setting `{name}`.",
                    expected=one_of(declared) if declared else "no settings",
                    remedy=did_you_mean(name, declared) or "Leave it out.",
                )
                continue
            if (value := self._setting(one, declared[name])) is not None:
                given[name] = value
        said = {str(one.key) for one in self._below(line.node, "settings")}
        for name, setting in declared.items():
            if setting.required and name not in said:
                self.source.problem(
                    line.node.value["settings"].place if "settings" in line.node.value else line.place,
                    f"The connection `{line.key}` needs the setting `{name}`.",
                    expected=setting.doc,
                    remedy=f"Add `{name}: {setting.example or '…'}` below `settings:`.",
                )
        return given

    def _setting(self, line: Line, setting: Setting) -> Any:
        plain = line.node.plain()
        if setting.type == "secret" and not (isinstance(plain, str) and _VARIABLE.fullmatch(plain.strip())):
            name = str(line.key).upper()
            self.source.problem(
                line.node.place,
                f"`{line.key}` is a secret and stands in the file.",
                expected="the name of an environment variable",
                remedy=f"Write `{line.key}: ${{{name}}}` and set {name} in the environment.",
            )
            # The caret line would show the secret itself.
            self.source.problems[-1] = self.source.problems[-1]._replace(source="")
            return None
        value = self._filled(line.node)
        if setting.type == "path" and isinstance(value, str) and value:
            return str((self.folder / value).resolve())
        if wrong := _unfit(setting, value):
            self.source.problem(line.node.place, f"`{line.key}` {wrong}.", expected=setting.doc)
            return None
        return value

    def _policy(self, line: Line, connection: str, config: Config) -> dict[str, Any]:
        if not self._is_map(line.node, f"The stream `{line.key}`"):
            return {}
        self._known(line.node, _POLICY, "a stream's choices")
        chosen: dict[str, Any] = {}
        for one in line.node.entries:
            value = self._filled(one.node)
            if one.key in ("deletes_in", "deletes_out") and value not in get_args(Deletes):
                self._unfit(one, one_of(get_args(Deletes)), did_you_mean(value, get_args(Deletes)))
            elif one.key in _PACE and (isinstance(value, bool) or not isinstance(value, int | float)):
                self._unfit(one, "a number of seconds", "Write it without a unit.")
            elif one.key in ("reads", "writes", "creates") and not isinstance(value, bool):
                self._unfit(one, "true or false", "Write true or false.")
            elif one.key in FILTERS and value is not None and not one.node.is_map:
                self._unfit(one, "fields and what they must be", "Write e.g. `{tags: {has: newsletter}}`.")
            elif one.key == "page" and not isinstance(value, str):
                self._unfit(one, "an address", "Write it as `https://tool.example/people/{id}`.")
            elif one.key in _LEAVES and value not in _LEAVES[one.key]:
                self._unfit(one, one_of(_LEAVES[one.key]), did_you_mean(value, _LEAVES[one.key]))
            elif one.key in _POLICY:
                chosen[str(one.key)] = value
                if one.key in FILTERS:
                    config.filters.append(Asked(connection, str(line.key), one))
        return chosen

    def _brake(self, node: Node) -> dict[str, Any]:
        """Above which shares a person is asked; what is not named is as usual."""
        lines = self._below(node, "brake")
        if lines:
            self._known(node.value["brake"].node, (*CASES, "few"), "`brake`")
        chosen: dict[str, Any] = {}
        for one in lines:
            value = self._filled(one.node)
            number = None if isinstance(value, bool) or not isinstance(value, int | float) else value
            if one.key == "few":
                if isinstance(number, int) and number >= 0:
                    chosen["few"] = number
                else:
                    self._unfit(one, "a whole number of records", "Write how many are never too much, e.g. 20.")
            elif one.key in CASES:
                if value in (OFF, False):
                    chosen[str(one.key)] = OFF
                elif number is not None and 0 <= number <= 1:
                    chosen[str(one.key)] = number
                else:
                    self._unfit(one, "a share from 0 to 1, or off", "Write 0.1 for a tenth.")
        return chosen

    def _locale(self, node: Node) -> Locale | None:
        if not self._is_map(node, "`locale`"):
            return None
        self._known(node, _LOCALE, "a locale")
        chosen: dict[str, Any] = {}
        for one in node.entries:
            value = self._filled(one.node)
            fits = isinstance(value, bool) if one.key == "day_first" else isinstance(value, str)
            if not fits:
                self._unfit(one, "true or false" if one.key == "day_first" else "letters, such as GB", "")
            elif one.key in _LOCALE:
                chosen[str(one.key)] = value
        return Locale(**chosen)

    # Matching, topics, consent.

    def _inline(self, root: Node, key: str, read: Callable[[Node, Source], object]) -> Text | None:
        """What is said here, or in a file that is named here; `read` notes its mistakes."""
        below = root.value[key].node if key in root.value else None
        if below is None:
            return None
        if not below.is_map:
            said = self._text(root, key) if below.value is not None else Text("", key)
            if said is not None and said.text.strip():
                source = Source(said.file, said.text)
                if (tree := source.tree()) is not None:
                    read(tree, source)
                self.source.problems.extend(source.problems)
            return said
        read(below, self.source)
        # Kept as text, like rules; JSON is YAML, too.
        return Text(dumps(_by_text(below.plain())), f"{self.source.file} ({key})")

    # Reviews.

    def _duties(self, node: Node) -> Duties | None:
        """Who answers which reviews, and within which time."""
        if not self._is_map(node, "`reviews`"):
            return None
        self._known(node, _REVIEWS, "`reviews`")
        people = {str(one.key): self._person(one) for one in node.entries if one.key in ("owner", "escalate_to")}
        return Duties(
            owner=people.get("owner"),
            escalate_to=people.get("escalate_to"),
            owners={name: who for name, one in self._by_kind(node, "owners", WITHIN) if (who := self._person(one))},
            due={name: time for name, one in self._by_kind(node, "due", WITHIN) if (time := self._time(one))},
            expires={
                name: None if one.node.plain() == "never" else self._time(one)
                for name, one in self._by_kind(node, "expires", EXPIRES)
            },
        )

    def _by_kind(self, node: Node, key: str, kinds: Mapping[str, int]) -> list[tuple[str, Line]]:
        lines = self._below(node, key)
        if lines:
            self._known(node.value[key].node, tuple(kinds), f"`{key}`")
        return [(str(one.key), one) for one in lines if one.key in kinds]

    def _person(self, line: Line) -> str | None:
        said = self._filled(line.node)
        if not isinstance(said, str) or not said.strip():
            self._unfit(line, "a person's name or address", "Write it as they know it, e.g. anna@shop.example.")
            return None
        return said.strip()

    def _time(self, line: Line) -> int | None:
        try:
            return duration(str(self._filled(line.node)))
        except ValueError:
            self._unfit(line, "a length of time", "Write 30min, 4h or 2d.")
            return None

    # Pieces.

    def _text(self, node: Node, key: str) -> Text | None:
        """A path, or the text itself when it has several lines."""
        if key not in node.value:
            return None
        below = node.value[key].node
        said = self._filled(below)
        if not isinstance(said, str):
            self.source.problem(
                below.place,
                f"`{key}` is neither a path nor a text.",
                found=below.told(),
                remedy=f"Write `{key}: ./file.yaml`, or `{key}: |` and the text below it.",
            )
            return None
        if "\n" in said:
            return Text(said, f"{self.source.file} ({key})")
        path = self.folder / said
        try:
            return Text(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self.source.problem(below.place, f"{path} cannot be read: {why}.", remedy="Mend the path.")
            return None

    def _filled(self, node: Node) -> Any:
        """The plain value, with `${NAME}` from the environment in every text."""
        if node.is_list:
            return [self._filled(one) for one in node.value]
        if node.is_map:
            return {one.key: self._filled(one.node) for one in node.entries}
        if not isinstance(node.value, str):
            return node.value
        return _VARIABLE.sub(lambda found: self._variable(found[1].strip(), node), node.value)

    def _variable(self, name: str, node: Node) -> str:
        if not _NAME.fullmatch(name):
            self.source.problem(
                node.place, f"`${{{name}}}` names no variable.", remedy="Write `${NAME}` with letters, digits and _."
            )
        elif name not in self.environment:
            self.source.problem(
                node.place,
                f"The environment has no variable {name}.",
                remedy=f"Set it before the command: export {name}=…",
            )
        return self.environment.get(name, "")

    def _below(self, node: Node, key: str) -> list[Line]:
        if key not in node.value:
            return []
        below: Node = node.value[key].node
        if below.value is None or not self._is_map(below, f"`{key}`"):
            return []
        return list(below.entries)

    def _is_map(self, node: Node, what: str) -> bool:
        if not node.is_map:
            self.source.problem(node.place, f"{what} is not a map.", found=node.told(), expected="`key: value` lines")
        return node.is_map

    def _known(self, node: Node, words: tuple[str, ...], where: str) -> None:
        for one in node.entries:
            if one.key not in words:
                self.source.problem(
                    one.place,
                    f"`{one.key}` is not a word of {where}.",
                    expected=one_of(words),
                    remedy=did_you_mean(one.key, words) or "Leave it out.",
                )

    def _unfit(self, line: Line, expected: str, remedy: str) -> None:
        self.source.problem(
            line.node.place, f"`{line.key}` has a value it cannot have.", found=line.node.told(), expected=expected,
            remedy=remedy,
        )  # fmt: skip


def _read_later(_node: Node, _source: Source) -> None:
    """A policy asks fields, and which there are is known when all of the file is: `verify` reads it."""


def _by_text(plain: Any) -> Any:
    """A plain value whose keys are texts, as JSON has them: a stage may be called 2026."""
    if isinstance(plain, dict):
        return {str(key): _by_text(value) for key, value in plain.items()}
    return [_by_text(one) for one in plain] if isinstance(plain, list) else plain


def _unfit(setting: Setting, value: Any) -> str | None:
    """What is wrong with a setting's value, or None."""
    if setting.type == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return "is not a number"
    if setting.type == "flag" and not isinstance(value, bool):
        return "is neither true nor false"
    if setting.type == "choice" and value not in setting.choices:
        return f"is none of {one_of(setting.choices)}"
    if setting.type in ("text", "url", "secret", "path") and not isinstance(value, str | int | float):
        return "is not a text"
    return None
