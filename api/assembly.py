"""The assembly: the only file that knows everyone. It builds a hub from what the store holds.

An `Installation` is an opened store with its vault, the catalogue of connectors and the connectors that are open.
`hub()` gives what the trips in `core.flow` stand on; after a change of configuration it is built anew.
"""

from __future__ import annotations

import gc
import secrets as _secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from api.bell import Bell
from api.building import ConnectionSpec, checked, connection_from, defaults, filter_words, hearer
from api.capturing import askable, capture_mapping, form_sources, form_streams, source_of, stream_names
from api.mappings import MAPPINGS, load
from api.profiles import Asking, asking, profile_in_force
from api.settings import Settings
from api.vaulting import vault_of
from connectors._kit.accounts import Accounts
from connectors._kit.addresses import allow_private
from connectors._kit.catalogue import entry
from connectors._kit.hostile.stage import Wanted
from core import signals
from core.decide.alerting import Alerting, load_alerting
from core.decide.blocks import Blocks, load_blocks
from core.decide.forms import Askable, load_forms
from core.decide.keeping import Keeping, load_keeping
from core.decide.maintenance import Windows, load_windows
from core.decide.matching import load_matching
from core.decide.movement.policy import Policy as Movement
from core.decide.movement.reading import load_policy
from core.decide.profile import Profile
from core.decide.retention import Retention, load_retention
from core.decide.reviewing import Duties
from core.decide.rules import Rules, load_rules
from core.decide.skew import Skew, estimate
from core.decide.topics import load_topics
from core.errors import ConfigError
from core.flow.drift import describing
from core.flow.drift.lines import as_known
from core.flow.filters.refilter import filter_again
from core.flow.hub import HUB, Connection, FormSource, Hub, Stream
from core.flow.identity.rematching import Rematched, match_again
from core.flow.pausing import ON_DEMAND, pause_on_demand, take_up, take_up_stream
from core.flow.plan.reconsider import fold_again, translate_again
from core.mapping import Mapping as ToolMapping
from core.mapping import Translator, translator
from core.mapping.problem import did_you_mean
from core.model.form import Form
from core.model.instant import Instant
from core.model.locale import Locale
from core.model.shape import Shape
from core.model.shapes import KIND_ORDER, SHAPES, load_custom_fields, shapes_with
from core.ports import Checks, Context
from core.store import Tx, measured, outbox, runs, subscriptions
from core.store import connections as stored
from core.store import reviews as questions
from core.store.codec import digest, dumps, loads
from core.store.connections import ConnectionRow
from core.store.database import Store
from core.store.schema import prepare
from core.store.signing import SIGNING, Signer
from core.store.suppression import SUPPRESSING, Suppressor
from core.store.vault import Vault

if TYPE_CHECKING:
    from api.presence import Presence

_TRANSLATE, _FOLD, _FILTER = "translate connection {} again", "fold again", "filter connection {} again"
"""Facts that say what a changed configuration has left to be done."""

CALLS = "calls of {}"
"""The fact that tells how the limits of a connection's accounts stand, by account."""

_MATCH, MATCHED = "match again", "matched again"
"""Facts: for which run to match again what is known, and what came of it the last time."""

OWN_TEXTS = ("custom_fields", "topics", "consent", "retention", "movement", "forms", "alerts", "keep", "maintenance")
"""Facts: what an installation declares of its own: fields, topics, the profile of its place, how long it keeps what,
what it asks of open records, and the forms by which people ask."""

_SAMPLES = 40
"""Answers from which a tool's clock is judged."""


class Text(NamedTuple):
    """A configuration text and the file it came from, for messages."""

    text: str
    file: str


def now() -> Instant:
    """The present moment: the one clock of the program."""
    return time.time_ns() // 1_000


def calm_collector() -> None:
    """Let the garbage collector look less often: a page makes tens of thousands of values and hardly a cycle."""
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


class Installation:
    """An opened hub. Close it when done; use it as a context manager."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], Instant] = now,
        sleep: Callable[[float], None] = time.sleep,
        vault: Vault | None = None,
        scratch: bool = False,
    ) -> None:
        """Open the store, bringing it to this version. Raises `StoreError` or `ConfigError` with what to do.

        A `scratch` installation is for trying something out and is thrown away; it may share the vault of another.
        """
        calm_collector()
        self.settings = settings
        self.clock = clock
        self.sleep = sleep
        allow_private(settings.private_allowed)
        settings.data.mkdir(parents=True, exist_ok=True)
        self.vault = vault or vault_of(settings)
        self.store = Store(settings.url, scratch=scratch)
        prepare(self.store)
        self.accounts = Accounts(
            clock=clock,
            sleep=sleep,
            redis_url=settings.redis_url.get_secret_value() if settings.redis_url and not scratch else None,
            keep=self._keep_calls,
            kept=self.calls,
        )
        """What all connections keep of their tools' limits."""
        self._open: dict[str, Checks] = {}
        self._lock = threading.RLock()
        self._dates: dict[str, deque[tuple[Instant, Instant, Instant]]] = {}
        self.busy: Callable[[], Collection[str]] = frozenset
        """Names the connections whose connectors somebody of this process may be using just now."""
        self._outdated: set[str] = set()
        """Those whose connectors are to be exchanged when they are busy no more."""
        self.bell = Bell()
        """Rung when a webhook was stored."""
        self.presence: Presence | None = None
        """Knows whether anybody does the work, where several processes share it."""
        self._hub: Hub | None = None
        self._known: dict[str, Any] = {}
        self._found()

    def __enter__(self) -> Installation:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of every connector and of the store."""
        with self._lock:
            for connector in self._open.values():
                connector.close()
            self._open.clear()
        self.accounts.close()
        self.store.close()

    def _found(self) -> None:
        """The installation's own id, and the hub's own connection for what people say in it."""
        with self.store.writing() as tx:
            if runs.fact(tx, "installation") is None:
                runs.put_fact(tx, "installation", _secrets.token_hex(4))
            if any(one.name == HUB for one in stored.all_connections(tx)):
                return
            at = self.clock()
            row = {"name": HUB, "connector": HUB, "settings": "{}", "streams": "{}", "state": "own", "created_at": at}
            own = stored.put_connection(tx, row)
            for kind in KIND_ORDER:
                stored.put_stream(tx, own, kind, kind, due_at=at)

    # -- configuration -------------------------------------------------------------------------------------------

    def put_connection(self, spec: ConnectionSpec) -> None:
        """Declare a connection, new or changed. Its mapping must load; raises `ConfigError` and changes nothing."""
        self.change(connections=[spec])

    def put_rules(self, text: str, *, file: str) -> None:
        """Put conflict rules in force; raises `ConfigError` with the line that is wrong and changes nothing."""
        self.change(rules=Text(text, file))

    def put_custom_fields(self, text: str, *, file: str) -> None:
        """Declare the installation's own fields; raises `ConfigError` and changes nothing when they are wrong."""
        self.change(texts={"custom_fields": Text(text, file)})

    def change(
        self,
        *,
        connections: Sequence[ConnectionSpec] = (),
        removed: Collection[str] = (),
        rules: Text | None = None,
        match: Text | None = None,
        texts: Mapping[str, Text] | None = None,
        locale: Locale | None = None,
        reviews: Duties | None = None,
        run_id: int | None = None,
    ) -> None:
        """Change the configuration, all of it or nothing: everything is checked before anything is written.

        `texts` are those of `OWN_TEXTS` that change. `run_id` is the run that what follows from it belongs to.

        A removed connection keeps its last words; nothing more is read from it or written to it.
        """
        texts = texts or {}
        shapes = self.shapes(texts)
        if rules is not None:
            load_rules(rules.text, file=rules.file, shapes=shapes)
        if match is not None:
            load_matching(match.text, self._listed(), file=match.file)
        kinds = {spec.name: checked(spec, shapes, locale or self.locale()) for spec in connections}
        self._check_texts(texts, shapes, {*kinds, *removed})
        _movement({**self._texts(), **texts}, shapes, locale or self.locale())
        forms = self.forms(texts, shapes) if "forms" in texts else ()
        facts = {"rules": rules, "match": match, **texts}
        with self.store.writing() as tx:
            runs.reconfigure(tx)
            if rules is not None and runs.fact(tx, "rules") != rules.text:
                runs.put_fact(tx, _FOLD, dumps({"run": run_id}))
            if match is not None:
                runs.put_fact(tx, _MATCH, dumps({"run": run_id}))
            for name, one in facts.items():
                if one is not None:
                    runs.put_fact(tx, name, one.text)
                    runs.put_fact(tx, f"{name}_file", one.file)
            if locale is not None:
                runs.put_fact(tx, "locale", dumps(asdict(locale)))
            if reviews is not None:
                runs.put_fact(tx, questions.DUTIES, dumps(reviews.to_json()))
            for spec in connections:
                self._put(tx, spec, kinds[spec.name], run_id)
            self._put_forms(tx, forms)
            for row in stored.all_connections(tx):
                if row.name in removed:
                    stored.change_connection(tx, row.id, state="removed", pause_code=None, pause_note=None)
                    outbox.forget(tx, row.id)
                    measured.forget(tx, row.id)
                    subscriptions.revisit(tx, row.id, now=self.clock())
                    questions.close_of_connection(tx, row.id, now=self.clock(), answer="the connection was removed")
        for name in (*(spec.name for spec in connections), *removed):
            self.refresh(name)
        self.refresh()

    def _put(self, tx: Tx, spec: ConnectionSpec, kinds: Mapping[str, str], run_id: int | None) -> None:
        hidden = entry(spec.connector).manifest.secrets
        secrets = {name: str(value) for name, value in spec.settings.items() if name in hidden and value is not None}
        plain = {name: value for name, value in spec.settings.items() if name not in hidden}
        at = self.clock()
        row = {
            "name": spec.name,
            "connector": spec.connector,
            "settings": dumps(plain),
            "secrets": self.vault.seal(secrets),
            "streams": dumps({name: dict(one) for name, one in spec.streams.items()}),
            "brake": dumps(dict(spec.brake)) if spec.brake else None,
            "state": "active",
            "pause_code": None,
            "pause_note": None,
            "created_at": at,
        }
        known = next((one for one in stored.all_connections(tx) if one.name == spec.name), None)
        before = known.streams if known is not None else None
        if known is not None and known.pause_code == ON_DEMAND:
            # Nobody who mends a mapping says that it may go on.
            row |= {"state": known.state, "pause_code": known.pause_code, "pause_note": known.pause_note}
        if spec.waits:
            row |= {"state": "paused", "pause_code": ON_DEMAND, "pause_note": spec.waits}
        connection_id = stored.put_connection(tx, row)
        if row["state"] == "active":
            take_up(tx, connection_id, now=self.clock(), on_demand=False)
        # It may be about something else from now on: another calendar, another audience.
        subscriptions.revisit(tx, connection_id, now=at, renew=True)
        for name, kind in kinds.items():
            stored.put_stream(tx, connection_id, name, kind, due_at=at)
        describing.forget(tx, connection_id, kinds.keys(), now=at)
        earlier = stored.active_mapping(tx, connection_id)
        mark = digest(spec.mapping.encode())
        is_new = stored.activate_mapping(tx, connection_id, spec.mapping, file=spec.mapping_file, digest=mark, at=at)
        fact = _TRANSLATE.format(connection_id)
        if is_new and earlier is not None and runs.fact(tx, fact) is None:
            runs.put_fact(tx, fact, dumps({"earlier": earlier.id, "run": run_id}))
        said = filter_words(spec.streams)
        if before is not None and (filter_words(loads(before)) != said or (said and is_new)):
            runs.put_fact(tx, _FILTER.format(connection_id), dumps({"run": run_id}))

    def _put_forms(self, tx: Tx, forms: Sequence[Form]) -> None:
        """Forms are streams of the hub's own connection; those of a form that is declared no more keep their words."""
        own = next(row.id for row in stored.all_connections(tx) if row.name == HUB)
        for form in forms:
            for name, kind in zip(stream_names(form.name), ("contact", "activity"), strict=True):
                stored.put_stream(tx, own, name, kind, due_at=self.clock())

    def refresh(self, name: str | None = None) -> None:
        """Forget what was built from an older configuration; a connector in use is exchanged by `renew`, after that."""
        with self._lock:
            self._hub = None
            if name is None:
                return
            if name in self.busy():
                self._outdated.add(name)
                return
            self._outdated.discard(name)
            if (connector := self._open.pop(name, None)) is not None:
                connector.close()

    def renew(self, *, busy: Collection[str] = ()) -> None:
        """Notice what another process, or a trip, changed in the configuration since the last time.

        What concerns a connection that is `busy` is noticed when it is so no more: its connector is in use.
        """
        with self.store.reading() as tx:
            rows, versions = stored.all_connections(tx), stored.active_mappings(tx)
            facts = runs.facts(tx, (runs.CONFIGURED, "rules", *OWN_TEXTS, "match", "locale"))
        found: dict[str, Any] = {"": facts}
        for row in rows:
            said = (row.connector, row.settings, row.secrets, row.streams, row.brake, row.state)
            found[row.name] = (*said, versions.get(row.id))
        for name in [name for name, mark in found.items() if self._known.get(name, mark) != mark]:
            if name in busy:
                found[name] = self._known[name]
            else:
                self.refresh(name)
        for name in self._outdated - set(busy):
            self.refresh(name)
        if self._known != found:
            self.refresh()
        self._known = found

    def shapes(self, instead: Mapping[str, Text] | None = None) -> Mapping[str, Shape]:
        """The canonical shapes with the installation's own fields and topics; with `instead` of texts in force."""
        said = {**self._texts(), **(instead or {})}
        own, topics = said["custom_fields"], said["topics"]
        if not own.text and not topics.text:
            return SHAPES
        return shapes_with(load_custom_fields(own.text, own.file), load_topics(topics.text, file=topics.file))

    def profile(self) -> Profile:
        """What the law of the place asks of a consent, as it was put in force."""
        text, file = self._texts()["consent"]
        return profile_in_force(text, file=file)

    def asking(self) -> Asking:
        """How sign-ups are confirmed."""
        text, file = self._texts()["consent"]
        return asking(text, file=file)

    def retention(self) -> tuple[Retention, ...]:
        """How long records are kept, by kind."""
        text, file = self._texts()["retention"]
        return load_retention(text, file=file)

    def maintenance(self) -> Windows:
        """When which connection is left alone."""
        text, file = self._texts()["maintenance"]
        return load_windows(text, file=file)

    def keeping(self) -> Keeping:
        """How long what the hub has done is kept."""
        text, file = self._texts()["keep"]
        return load_keeping(text, file=file)

    def alerting(self) -> Alerting:
        """Who is told when something is wrong, and from when on."""
        text, file = self._texts()["alerts"]
        return load_alerting(text, file=file)

    def forms(
        self, instead: Mapping[str, Text] | None = None, shapes: Mapping[str, Shape] | None = None
    ) -> tuple[Form, ...]:
        """The forms by which people ask; with `instead` of texts in force."""
        text, file = {**self._texts(), **(instead or {})}["forms"]
        return load_forms(text, *self.askable(shapes or self.shapes()), file=file)

    def askable(self, shapes: Mapping[str, Shape]) -> tuple[Shape, Askable]:
        """The shape of who fills in a form, and what a form may ask."""
        contact = shapes["contact"]
        return contact, askable(capture_mapping(self.settings.data), contact)

    def _texts(self) -> dict[str, Text]:
        with self.store.reading() as tx:
            facts = runs.facts(tx, (*OWN_TEXTS, *(f"{name}_file" for name in OWN_TEXTS)))
        return {name: Text(facts.get(name, ""), facts.get(f"{name}_file") or name) for name in OWN_TEXTS}

    def _check_texts(self, texts: Mapping[str, Text], shapes: Mapping[str, Shape], others: Collection[str]) -> None:
        """Raise `ConfigError` where a mapping in force names a field that there would be no more, or a profile is none.

        `others` are the connections that are changed or removed at the same time.
        """
        if not texts:
            return
        if "consent" in texts:
            profile_in_force(texts["consent"].text, file=texts["consent"].file)
        if "alerts" in texts:
            load_alerting(texts["alerts"].text, file=texts["alerts"].file)
        if "retention" in texts:
            load_retention(texts["retention"].text, file=texts["retention"].file)
        if "maintenance" in texts:
            load_windows(texts["maintenance"].text, file=texts["maintenance"].file)
        if "keep" in texts:
            load_keeping(texts["keep"].text, file=texts["keep"].file)
        self.forms(texts, shapes)
        with self.store.reading() as tx:
            rows = [one for one in stored.all_connections(tx) if one.state != "removed" and one.name not in others]
            versions = [version for one in rows if (version := stored.active_mapping(tx, one.id)) is not None]
        for version in versions:
            mapping = load(version.text, file=version.file)
            for one in mapping.streams.values():
                translator(one, shapes=shapes, vocabularies=mapping.vocabularies, locale=self.locale())

    def locale(self) -> Locale:
        """How phones, money and dates are read: as it was put in force, else as the environment says."""
        with self.store.reading() as tx:
            kept = runs.fact(tx, "locale")
        return Locale(**loads(kept)) if kept else self.settings.locale

    def duties(self) -> Duties:
        """Who answers which reviews within which time."""
        with self.store.reading() as tx:
            return questions.duties(tx)

    def try_out(self, spec: ConnectionSpec) -> Any:
        """The connector of a connection that is not declared yet, for checking it; the caller closes it."""
        mapping = load(spec.mapping, file=spec.mapping_file)
        return entry(spec.connector).build(self._context(spec.name, spec.connector, spec.settings, mapping))

    # -- what the trips stand on ---------------------------------------------------------------------------------

    def hub(self) -> Hub:
        """The hub as it is configured now."""
        with self._lock:
            if self._hub is None:
                self._hub = self._build()
            return self._hub

    def _build(self) -> Hub:
        with self.store.reading() as tx:
            # Before all the rest: what is changed meanwhile makes this an older one, which nobody writes by.
            configured = runs.fact(tx, runs.CONFIGURED)
        shapes, locale = self.shapes(), self.locale()
        with self.store.reading() as tx:
            rows = stored.all_connections(tx)
            streams = stored.all_streams(tx)
            mappings = {row.id: stored.active_mapping(tx, row.id) for row in rows}
            rules_text, rules_file = runs.fact(tx, "rules"), runs.fact(tx, "rules_file")
            installation = runs.fact(tx, "installation") or ""
        names = {row.id: row.name for row in rows}
        own_id = next(row.id for row in rows if row.name == HUB)
        own = {one.name: one for one in streams if one.connection_id == own_id}
        built: dict[int, Connection] = {}
        for row in rows:
            version = mappings[row.id]
            if row.name == HUB or row.state == "removed" or version is None:
                continue
            ids = {one.name: one.id for one in streams if one.connection_id == row.id}
            mapping = load(version.text, file=version.file)
            built[row.id] = connection_from(row, mapping, ids, shapes, locale)
        rules = (
            load_rules(rules_text, file=rules_file or "rules.yaml", shapes=shapes)
            if rules_text
            else Rules.default(shapes)
        )
        return Hub(
            store=self.store,
            clock=self.clock,
            installation=installation,
            shapes=shapes,
            rules=rules,
            connections=built,
            sources={
                one.id: source_of(one.name) if one.connection_id == own_id else names[one.connection_id]
                for one in streams
            },
            own_id=own_id,
            own_streams={one.id: one.kind for one in own.values() if source_of(one.name) == HUB},
            forms=self._form_sources(shapes, {name: one.id for name, one in own.items()}, own_id),
            form_streams=form_streams({name: one.id for name, one in own.items()}),
            open=self.connector,
            blocks=self._blocks(),
            locale=self.locale(),
            profile=self.profile(),
            movement=_movement(self._texts(), shapes, self.locale()),
            hearers=tuple(hearer(one) for one in built.values()),
            signer=Signer(lambda: self._sealed(SIGNING, Signer.fresh)),
            suppressor=Suppressor(lambda: self._sealed(SUPPRESSING, Suppressor.fresh)),
            vault=self.vault,
            keeping=self.keeping(),
            maintenance=self.maintenance(),
            hooks=self.settings.hooks,
            ring=self._ring,
            configured=configured,
        )

    def _form_sources(self, shapes: Mapping[str, Shape], ids: Mapping[str, int], own_id: int) -> dict[str, FormSource]:
        forms = self.forms(shapes=shapes)
        if not forms:
            return {}
        mapping = capture_mapping(self.settings.data)
        return form_sources(forms, ids, mapping, connection_id=own_id, shapes=shapes, locale=self.locale())

    def _sealed(self, fact: str, fresh: Callable[[], str]) -> str:
        """A key of this installation's own; made at the first need, and kept sealed."""
        with self.store.reading() as tx:
            kept = runs.fact(tx, fact)
        if kept is None:
            with self.store.writing(durable=True) as tx:
                kept = runs.fact(tx, fact)
                if kept is None:
                    kept = self.vault.seal({"secret": fresh()}).decode()
                    runs.put_fact(tx, fact, kept)
        return self.vault.open(kept.encode())["secret"]

    def _blocks(self) -> Blocks:
        """What is no key, and what a key may do: the lists, and what the configuration says over them."""
        with self.store.reading() as tx:
            text, file = runs.fact(tx, "match"), runs.fact(tx, "match_file")
        return load_matching(text or "", self._listed(), file=file or "match")

    def _listed(self) -> Blocks:
        """The installation's own block lists, or those that come with the hub."""
        own = self.settings.data / "blocks.yaml"
        file = own if own.exists() else MAPPINGS / "blocks.yaml"
        return load_blocks(file.read_text(encoding="utf-8"), file=str(file))

    def connector(self, name: str) -> Any:
        """The connection's connector, opened on first use and kept."""
        with self._lock:
            if name not in self._open:
                self._open[name] = self._opened(name)
            return self._open[name]

    def _opened(self, name: str) -> Checks:
        with self.store.reading() as tx:
            row = next((one for one in stored.all_connections(tx) if one.name == name), None)
            version = stored.active_mapping(tx, row.id) if row else None
        if row is None or version is None:
            raise _no_connection(name)
        mapping = load(version.text, file=version.file)
        settings = {**loads(row.settings), **self.vault.open(row.secrets)}
        return entry(row.connector).build(self._context(name, row.connector, settings, mapping))

    def _context(self, name: str, connector: str, settings: Mapping[str, Any], mapping: ToolMapping) -> Context:
        dates = self._dates.setdefault(name, deque(maxlen=_SAMPLES))
        signals.tell("opened", connection=name, connector=connector)
        return Context(
            name=name,
            settings={**defaults(entry(connector)), **settings},
            clock=self.clock,
            streams={one.stream: one.options for one in mapping.streams.values()},
            reads={one.stream: one.reads for one in mapping.streams.values()},
            sleep=self.sleep,
            save_secret=lambda setting, value: self._save_secret(name, setting, value),
            on_date=lambda sent, received, date: dates.append((sent, received, date)),
            accounts=self.accounts,
        )

    def _ring(self) -> None:
        self.bell.ring()

    def _save_secret(self, name: str, setting: str, value: str) -> None:
        with self.store.writing(durable=True) as tx:
            row = next((one for one in stored.all_connections(tx) if one.name == name), None)
            if row is None:
                # Tried out before it is declared: what it renews now is asked for again later.
                return
            sealed = self.vault.seal({**self.vault.open(row.secrets), setting: value})
            stored.change_connection(tx, row.id, secrets=sealed)

    def calls(self, name: str) -> Mapping[str, Any]:
        """How the limits of a connection's accounts were last known to stand, by account."""
        with self.store.reading() as tx:
            kept = runs.fact(tx, CALLS.format(name))
        found: Mapping[str, Any] = loads(kept) if kept else {}
        return found

    def _keep_calls(self, name: str, told: Mapping[str, Any]) -> None:
        with self.store.writing() as tx:
            if all(one.name != name for one in stored.all_connections(tx)):
                return  # only tried out
            kept = runs.fact(tx, CALLS.format(name))
            runs.put_fact(tx, CALLS.format(name), dumps({**(loads(kept) if kept else {}), **told}))

    def learn_clocks(self) -> None:
        """Keep what the tools' answers told about their clocks since the last time."""
        for name, samples in list(self._dates.items()):
            if not samples:
                continue
            skew = estimate(list(samples))
            samples.clear()
            connection = self.hub().connection(name)
            if abs(skew.offset - connection.skew.offset) > connection.skew.uncertainty or connection.skew == Skew():
                with self.store.writing() as tx:
                    stored.change_connection(tx, connection.id, skew=dumps(skew._asdict()))
                self.refresh()

    def pause(self, name: str, stream: str | None = None, *, note: str = "") -> None:
        """Stop a connection, or one stream of it, until a person takes it up again."""
        with self.store.writing() as tx:
            row, of = self._named(tx, name, stream)
            pause_on_demand(tx, row.id, of, note or "a person paused it", now=self.clock())
        self.refresh(name)

    def _named(self, tx: Tx, name: str, stream: str | None) -> tuple[ConnectionRow, stored.StreamRow | None]:
        row = next((one for one in stored.all_connections(tx) if one.name == name), None)
        if row is None or row.name == HUB or row.state == "removed":
            raise _no_connection(name)
        streams = {one.name: one for one in stored.streams_of(tx, row.id)}
        if stream is not None and stream not in streams:
            known = ", ".join(streams) or "none"
            remedy = did_you_mean(stream, tuple(streams)) or "Choose one of these."
            raise ConfigError(f"{name} has no stream '{stream}'; it has {known}.", remedy=remedy)
        return row, streams[stream] if stream is not None else None

    def resume(self, name: str, stream: str | None = None) -> None:
        """Take a paused connection up again with every paused stream of it, or one stream alone."""
        with self.store.writing() as tx:
            row, of = self._named(tx, name, stream)
            if of is not None:
                take_up_stream(tx, row.id, of, now=self.clock())
            else:
                take_up(tx, row.id, now=self.clock())
            subscriptions.revisit(tx, row.id, now=self.clock())
        self.refresh(name)

    def reconsider(self, hub: Hub | None = None) -> None:
        """Apply new mappings and rules to what is known already; what a crash left undone is done now."""
        hub = hub or self.hub()
        for connection in hub.connections.values():
            fact = _TRANSLATE.format(connection.id)
            with self.store.reading() as tx:
                kept = runs.fact(tx, fact)
                asked = loads(kept) if kept else {}
                earlier = stored.mapping_version(tx, asked["earlier"]) if kept else None
            if kept is None:
                continue
            for stream in self._as_known(connection):
                translate_again(hub, stream, self._earlier(earlier, stream.name), run_id=asked["run"])
            self._forget(fact)
        self._match_again(hub)
        with self.store.reading() as tx:
            ruled = runs.fact(tx, _FOLD)
        if ruled is not None:
            fold_again(hub, run_id=loads(ruled)["run"])
            self._forget(_FOLD)
        for connection in hub.connections.values():
            fact = _FILTER.format(connection.id)
            with self.store.reading() as tx:
                kept = runs.fact(tx, fact)
            if kept is not None:
                filter_again(hub, connection, run_id=loads(kept)["run"])
                self._forget(fact)

    def _match_again(self, hub: Hub) -> None:
        """Where block lists or tiers are others than those that the keys are filed by; says what came of it."""
        with self.store.reading() as tx:
            kept = runs.fact(tx, _MATCH)
        found = match_again(hub, run_id=loads(kept)["run"] if kept else None)
        if found is not None or kept is not None:
            with self.store.writing() as tx:
                runs.put_fact(tx, MATCHED, dumps(asdict(found or Rematched())))
        if kept is not None:
            self._forget(_MATCH)

    def rematched(self) -> dict[str, Any]:
        """What came of the latest change of block lists or tiers."""
        with self.store.reading() as tx:
            kept = runs.fact(tx, MATCHED)
        return loads(kept) if kept else {}

    def _as_known(self, connection: Connection) -> list[Stream]:
        """The streams without lines that rest: of what these said before, nothing is known anew."""
        with self.store.reading() as tx:
            return [as_known(tx, stream) for stream in connection.streams]

    def _earlier(self, version: stored.MappingRow | None, stream: str) -> Translator | None:
        mapping = load(version.text, file=version.file) if version else None
        if mapping is None or stream not in mapping.streams:
            return None
        words = mapping.vocabularies
        return translator(mapping.streams[stream], shapes=self.shapes(), vocabularies=words, locale=self.locale())

    def _forget(self, fact: str) -> None:
        with self.store.writing() as tx:
            runs.drop_fact(tx, fact)


def rehearsal(
    folder: Path, clock: Callable[[], Instant], sleep: Callable[[float], None], wanted: Sequence[Wanted]
) -> Installation:
    """An installation in a folder, for hostile histories; the folder's own when it was there before."""
    installation = Installation(Settings(data=folder), clock=clock, sleep=sleep)
    if wanted:
        installation.change(connections=[ConnectionSpec(*one) for one in wanted])
    return installation


def _movement(texts: Mapping[str, Text], shapes: Mapping[str, Shape], locale: Locale) -> Movement:
    """What is asked of open records; `MappingError` where it asks a field that there is not."""
    text, file = texts["movement"]
    return load_policy(text, file=file, shapes=shapes, locale=locale)


def _no_connection(name: str) -> ConfigError:
    return ConfigError(f"There is no connection '{name}'.", remedy="See `concord status` for those there are.")
