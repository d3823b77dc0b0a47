"""The contract about what a connector says of itself: manifest, guide, secrets, signing in, mapping."""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

import re
from typing import Any

import pytest

from connectors._kit.catalogue import catalogue
from connectors._kit.contract.base import Tests, declares, point
from connectors._kit.contract.harness import Harness
from connectors._kit.contract.words import announced, shown_anywhere
from connectors._kit.quality import Point
from core.errors import Forbidden, SignedOut, Unavailable
from core.ports import Checks, Reads, Receives, Sends, Subscribes, Writes

_SECRET_NAME = re.compile(r"(password|passphrase|secret|token|api_?key|private_key)$")


class AboutTests(Tests):
    """Manifest, guide, secrets, signing in, mapping."""

    @point(Point.MANIFEST)
    def test_the_catalogue_finds_it(self, tool: Harness) -> None:
        assert catalogue()[tool.connector].manifest.name == tool.connector

    @point(Point.MANIFEST)
    def test_it_implements_what_it_declares_and_nothing_else(self, tool: Harness, connector: Any) -> None:
        streams = tool.manifest.streams.values()
        assert isinstance(connector, Checks)
        assert isinstance(connector, Reads) == any(stream.reads for stream in streams)
        assert isinstance(connector, Writes) == any(s.creates or s.updates or s.deletes for s in streams)
        assert isinstance(connector, Receives) == (tool.manifest.webhook is not None)
        assert isinstance(connector, Sends) == tool.manifest.sends
        assert isinstance(connector, Subscribes) == declares(tool.manifest, "subscribes")

    @point(Point.MANIFEST, "webhook")
    def test_what_nobody_subscribes_to_by_call_a_person_is_told_how(self, tool: Harness) -> None:
        webhook = tool.manifest.webhook
        assert webhook is not None
        assert webhook.subscribes or "{address}" in webhook.by_hand, "by_hand says what to enter where in the tool"
        assert not (webhook.subscribes and webhook.by_hand), "one of the two"

    @point(Point.MANIFEST)
    def test_every_setting_is_explained(self, tool: Harness) -> None:
        for name, setting in {**tool.manifest.settings, **tool.manifest.stream_options}.items():
            assert setting.doc.strip().endswith("."), f"{name}: its doc is a sentence"
            needs_example = setting.required and setting.type not in ("secret", "flag", "choice")
            assert not needs_example or setting.example, f"{name}: a required setting shows an example"
            assert (setting.type == "choice") == bool(setting.choices), f"{name}: a choice names its choices"

    @point(Point.MANIFEST)
    def test_every_stream_has_a_kind_the_hub_knows(self, tool: Harness) -> None:
        from core.model.shapes import SHAPES

        unknown = {name: stream.kind for name, stream in tool.manifest.streams.items() if stream.kind not in SHAPES}
        assert not unknown

    @point(Point.MANIFEST)
    def test_quality_names_real_points_with_reasons(self, tool: Harness) -> None:
        quality = tool.manifest.quality
        for name, reason in {**quality.todo, **quality.exempt}.items():
            assert name in set(Point), f"{name} is not a point; there are {', '.join(Point)}"
            assert reason.strip(), f"{name}: say why"

    @point(Point.GUIDE)
    def test_the_guide_leads_to_a_connection(self, tool: Harness) -> None:
        guide = tool.entry.guide
        assert guide.count("\n## ") >= 3, "README.md says what is synced, how to sign in, and what cannot be done"
        required = [name for name, setting in tool.manifest.settings.items() if setting.required]
        assert not [name for name in required if name not in guide], "README.md explains every required setting"
        unmentioned = [name for name in tool.manifest.streams if name.lower() not in guide.lower()]
        assert not unmentioned, "README.md mentions every stream"

    @point(Point.SECRETS)
    def test_secrets_are_marked(self, tool: Harness) -> None:
        suspects = {name for name in tool.manifest.settings if _SECRET_NAME.search(name)}
        assert suspects <= tool.manifest.secrets

    @point(Point.SECRETS)
    def test_secrets_are_never_shown(self, tool: Harness, connector: Any) -> None:
        secrets = _secrets(tool, tool.settings())
        assert not [name for name, secret in secrets.items() if shown_anywhere(connector, secret)]

    @point(Point.SECRETS, "auth")
    def test_errors_hold_no_secret(self, tool: Harness) -> None:
        wrong = tool.wrong_settings()
        with pytest.raises((SignedOut, Forbidden)) as caught:
            tool.connect(wrong).check()
        secrets = _secrets(tool, wrong)
        assert secrets, "a tool one signs in to has a setting marked as secret"
        assert not [name for name, secret in secrets.items() if shown_anywhere(caught.value, secret)]

    @point(Point.CHECK)
    def test_check_signs_in(self, connector: Any) -> None:
        checkup = connector.check()
        assert checkup.account.strip()
        assert checkup.ok, [finding.what for finding in checkup.findings if not finding.ok]

    @point(Point.CHECK, "auth")
    def test_wrong_credentials_are_signed_out(self, tool: Harness) -> None:
        connector = tool.connect(tool.wrong_settings())
        with pytest.raises(SignedOut):
            connector.check()
        connector.close()

    @point(Point.CHECK)
    def test_a_tool_that_is_down_is_unavailable(self, tool: Harness, connector: Any) -> None:
        stream = next(iter(tool.harness_streams))
        tool.take_down()
        with pytest.raises(Unavailable):
            connector.check()
        if isinstance(connector, Reads):
            with pytest.raises(Unavailable):
                connector.read(stream, None)

    @point(Point.CHECK)
    def test_closing_twice_does_no_harm(self, connector: Any) -> None:
        connector.close()
        connector.close()

    @point(Point.MAPPING)
    def test_the_default_mapping_has_no_mistake(self, tool: Harness, connector: Any) -> None:
        from core import mapping
        from core.model.shapes import SHAPES

        default = _default_mapping(tool)
        described = {stream: connector.describe(stream) for stream in default.streams}
        problems = mapping.check(default, shapes=SHAPES, manifest=tool.manifest, descriptions=described)
        assert not [str(problem) for problem in problems if problem.severity == "error"]

    @point(Point.MAPPING)
    def test_describe_names_every_field_of_the_default_mapping(self, tool: Harness, connector: Any) -> None:
        from core import mapping
        from core.model.shapes import SHAPES

        for name, stream in _default_mapping(tool).streams.items():
            described = {field.name.split(".")[0] for field in connector.describe(name).fields}
            used = {path.split(".")[0] for path in mapping.translator(stream, shapes=SHAPES).remote_fields}
            full = {field.name for field in connector.describe(name).fields}
            missing = used - described - full
            assert not missing, f"{name}: describe does not name {', '.join(sorted(missing))}"

    @point(Point.LIMITS)
    def test_limits_are_declared(self, tool: Harness) -> None:
        announced(tool, Point.LIMITS)
        assert tool.manifest.limits.requests, "manifest.yaml declares limits.requests"

    @point(Point.CONSENT)
    def test_consent_goes_both_ways(self, tool: Harness) -> None:
        announced(tool, Point.CONSENT)
        from core import mapping
        from core.model.shapes import SHAPES

        translators = (mapping.translator(s, shapes=SHAPES) for s in _default_mapping(tool).streams.values())
        lines = [line for translator in translators for line in translator.lines]
        assert any(line.field.startswith("consent.") and line.direction == "both" for line in lines)

    @point(Point.CUSTOM_FIELDS)
    def test_custom_fields_are_described(self, tool: Harness, connector: Any) -> None:
        announced(tool, Point.CUSTOM_FIELDS)
        described = [connector.describe(stream) for stream in tool.harness_streams]
        assert any(one.open or any(field.custom for field in one.fields) for one in described)


def _default_mapping(tool: Harness) -> Any:
    from core import mapping

    path = tool.entry.mapping_path
    return mapping.load(path.read_text(encoding="utf-8"), file=str(path))


def _secrets(tool: Harness, settings: dict[str, Any]) -> dict[str, str]:
    return {name: str(settings[name]) for name in tool.manifest.secrets if settings.get(name)}
