"""The contract about making what is missing: what `check` found and `prepare` can make is there afterwards."""

# ruff: noqa: S101 -- assertions are what this module is for
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.contract.base import Tests, point
from connectors._kit.contract.harness import Harness
from connectors._kit.quality import Point
from core.ports import Checkup, Prepares


class PreparingTests(Tests):
    """Finding what is missing, making it, and making it again."""

    @pytest.fixture
    def lacking(self, tool: Harness) -> dict[str, Any]:
        """Settings of a connection where something is missing that the connector can make."""
        settings = tool.unprepared()
        if settings is None:
            pytest.skip(f"the harness of {tool.connector} knows no connection where something is missing")
        return settings

    @pytest.fixture
    def unprepared(self, tool: Harness, lacking: dict[str, Any]) -> Iterator[Any]:
        """The connection itself."""
        connector = tool.connect(lacking)
        try:
            yield connector
        finally:
            connector.close()

    @point(Point.CHECK)
    def test_what_can_be_made_is_named_with_words_for_the_admin(self, unprepared: Any) -> None:
        checkup = unprepared.check()
        assert not checkup.ok, "something is missing, and check says so"
        assert _fixes(checkup), "a finding that is not ok names its fix"
        assert isinstance(unprepared, Prepares), "what is named as a fix can be carried out"
        for finding in checkup.findings:
            assert finding.what.strip()
            assert not (finding.ok and finding.fix), f"{finding.what}: there is nothing to make"
            assert finding.ok or finding.remedy.strip(), f"{finding.what}: an admin may make it by hand"

    @point(Point.CHECK)
    def test_what_was_made_is_found(self, tool: Harness, lacking: dict[str, Any], unprepared: Any) -> None:
        for fix in _fixes(unprepared.check()):
            found = unprepared.prepare(fix)
            assert found, f"{fix}: says what is found afterwards"
            assert not [finding.what for finding in found if not finding.ok]
        again = tool.connect(lacking)
        try:
            for connector in (unprepared, again):
                assert not [finding.what for finding in connector.check().findings if not finding.ok]
        finally:
            again.close()

    @point(Point.CHECK)
    def test_preparing_twice_does_no_harm(self, unprepared: Any) -> None:
        fixes = _fixes(unprepared.check())
        first = [list(unprepared.prepare(fix)) for fix in fixes]
        second = [list(unprepared.prepare(fix)) for fix in fixes]
        assert [[finding.ok for finding in found] for found in second] == [[one.ok for one in found] for found in first]
        assert unprepared.check().ok


def _fixes(checkup: Checkup) -> list[str]:
    return list(dict.fromkeys(finding.fix for finding in checkup.findings if finding.fix))
