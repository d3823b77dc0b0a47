"""The trend: today against 7 and 28 days ago, over the days that were kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Text
from api.scorecard import scorecard
from api.trend import HEIGHT, WIDTH, points
from core.flow.movement.scoring import keep_day
from core.model.instant import DAY, SECOND
from tests.api.test_audit_command import POLICY
from tests.support import EVERYTHING, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path, tick=0) as made:
        made.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
        made.tool("crm", mapping=EVERYTHING)
        yield made


def days_later(lab: Lab, days: int, *, leads: int = 0) -> None:
    """Some days pass, and so many leads come in; then the figures of that day are kept."""
    lab.wait(days * DAY / SECOND)
    for number in range(leads):
        email = f"lead{lab.clock()}{number}@shore.example"
        lab.tools["crm"].create("contacts", {"email": email, "first_name": "Lead", "stage": "lead", "asked": "A quote"})
    lab.settle()
    scorecard(lab.installation)
    keep_day(lab.installation.hub())


def line(lab: Lab, name: str) -> dict[str, Any]:
    return next(one for one in scorecard(lab.installation)["trend"]["lines"] if one["name"] == name)


def test_on_the_first_day_there_is_nothing_to_hold_it_against(lab: Lab) -> None:
    days_later(lab, 0, leads=2)
    told = scorecard(lab.installation)["trend"]
    assert told["against"] == {"7": None, "28": None}
    assert line(lab, "open")["before"] == {"7": None, "28": None}
    assert [value for _, value in line(lab, "open")["days"]] == [2]


def test_today_is_held_against_7_and_28_days_ago(lab: Lab) -> None:
    days_later(lab, 0, leads=1)
    days_later(lab, 21, leads=2)
    days_later(lab, 7, leads=4)
    found = line(lab, "open")
    assert (found["now"], found["before"]) == (7, {"7": 3, "28": 1})
    assert [value for _, value in found["days"]] == [1, 3, 7]
    assert line(lab, "action")["now"] == 0.0
    assert line(lab, "first_answer")["now"] is None


def test_a_day_on_which_the_hub_stood_still_is_stood_in_for_by_one_shortly_before(lab: Lab) -> None:
    days_later(lab, 0, leads=1)
    days_later(lab, 9)
    told = scorecard(lab.installation)["trend"]
    kept = date.fromisoformat(told["since"])
    assert told["against"] == {"7": kept.isoformat(), "28": None}
    days_later(lab, 3)
    assert scorecard(lab.installation)["trend"]["against"]["7"] is None, "twelve days ago tells nothing of last week"


def test_a_change_of_policy_is_said_because_figures_before_were_counted_otherwise(lab: Lab) -> None:
    days_later(lab, 0, leads=1)
    assert scorecard(lab.installation)["trend"]["policy_since"] is None
    lab.installation.change(texts={"movement": Text(POLICY.replace("15min", "2h"), "movement.yaml")})
    days_later(lab, 1)
    first = date.fromisoformat(scorecard(lab.installation)["trend"]["since"])
    assert scorecard(lab.installation)["trend"]["policy_since"] == (first + timedelta(days=1)).isoformat()


def test_a_line_stands_within_its_drawing_and_days_where_the_calendar_has_them() -> None:
    drawn = points([("2026-11-01", 10.0), ("2026-11-02", 30.0), ("2026-11-11", 20.0)])
    places = [tuple(float(one) for one in place.split(",")) for place in drawn.split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    (first, _), (second, highest), (third, _) = places
    assert third - first == pytest.approx(10 * (second - first), abs=0.2)
    assert highest == min(y for _, y in places), "more is further up"
    assert points([("2026-11-01", 10.0)]) == ""
    assert {place.split(",")[1] for place in points([("2026-11-01", 5), ("2026-11-02", 5)]).split()} == {"12.0"}
