"""Tiers are earned: by tests that passed, or by a reason why a point does not apply, never by silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors._kit.quality import POINTS, TIERS, Outcome, Point, Report, Result, run_contract, standing, tier
from core.errors import ConfigError


def results(**outcomes: Outcome) -> list[Result]:
    """All points passed but the named ones."""
    return [Result(f"test_{point}", point, outcomes.get(point, "passed")) for point in Point]


def test_every_point_belongs_to_one_tier() -> None:
    listed = [point for points in POINTS.values() for point in points]
    assert sorted(listed) == sorted(Point)
    assert tuple(POINTS) == TIERS


def test_all_passed_is_exemplary() -> None:
    assert tier(results()) == "exemplary"


@pytest.mark.parametrize(
    ("point", "earned"),
    [("reading", None), ("secrets", None), ("resume", "sound"), ("webhooks", "sound"), ("consent", "trusted")],
)
def test_one_failure_costs_its_tier_and_those_above(point: str, earned: str | None) -> None:
    one: dict[str, Outcome] = {point: "failed"}
    assert tier(results(**one)) == earned
    assert tier(results(**one), exempt=[point]) == earned


def test_what_was_not_shown_is_not_earned_unless_it_does_not_apply() -> None:
    silent = results(webhooks="skipped")
    assert tier(silent) == "sound"
    assert tier(silent, exempt=["webhooks"]) == "exemplary"


def test_nothing_at_all_earns_nothing() -> None:
    assert tier([]) is None


def test_a_point_is_as_good_as_its_worst_test() -> None:
    mixed = [Result("a", "reading", "passed"), Result("b", "reading", "failed"), Result("c", "reading", "skipped")]
    assert standing(mixed)[Point.READING] == "failed"
    assert standing([mixed[0], mixed[2]])[Point.READING] == "passed"
    assert standing([mixed[2]])[Point.READING] == "skipped"


def test_a_report_says_what_is_missing_and_whether_the_claim_holds() -> None:
    report = Report("shop", tuple(results(webhooks="skipped")), "trusted", {})
    assert not report.ok
    assert "· webhooks: not shown" in str(report)
    assert str(report).endswith("tier: sound (claimed: trusted)")
    excused = report._replace(exempt={"webhooks": "The tool sends none."})
    assert excused.ok
    assert "webhooks: does not apply: The tool sends none." in str(excused)
    failed = report._replace(results=(Result("test_x", "reading", "failed", "boom"),))
    assert "failed: test_x: boom" in str(failed)


def test_a_connector_without_a_test_cannot_be_run(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "manifest.yaml").write_text(
        "{name: shop, title: S, category: crm, doc: S., streams: {contacts: {kind: contact}}, quality: {tier: sound}}"
    )
    with pytest.raises(ConfigError, match="has no contract test"):
        run_contract("shop", house=tmp_path)
    (folder / "test_shop.py").write_text("def test_nothing(): pass\n")
    with pytest.raises(ConfigError, match="holds no contract"):
        run_contract("shop", house=tmp_path)
    (folder / "test_shop.py").write_text("import nothing_of_the_kind\n")
    with pytest.raises(ConfigError, match="nothing_of_the_kind"):
        run_contract("shop", house=tmp_path)
