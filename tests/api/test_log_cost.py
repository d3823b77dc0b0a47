"""No question that the log or a name is asked for costs more where four times as much is held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.bench.loglab import Log
from tests.bench.touched import touched
from tests.support import Lab, emptied

FEW, MANY = 8_000, 32_000
ASKED = 3
"""Each is asked of others every time; the dearest counts."""
GROWN = 1.4
"""An index is a page deeper where more is held, and there are more entries of one moment to choose from."""
SLACK = {"embedded": 60, "postgres": 120}
"""Hundreds of steps, and pages, that chance makes of who is asked about."""

Costs = tuple[dict[str, int], dict[str, int], int]


@pytest.fixture(params=["embedded", "postgres"])
def costs(request: pytest.FixtureRequest, tmp_path: Path) -> Costs:
    """What each question touches where little and where much is held, and what may lie between by chance."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    found: list[dict[str, int]] = []
    for entries in (FEW, MANY):
        if url is not None and found:
            _emptied(url)
        with Lab(tmp_path / str(entries), tick=0, database_url=url) as lab:
            log = Log(lab, entries)
            log.fill()
            found.append({words: _cost(lab, question) for words, question in log.questions().items()})
    return found[0], found[1], SLACK[request.param]


def _cost(lab: Lab, question: Callable[[], object]) -> int:
    question()
    return max(touched(lab.installation.store, question, scan=False) for _ in range(ASKED))


def _emptied(url: str) -> None:
    emptied(url)
    engine = create_engine(url)
    with engine.begin() as tx:
        # Entries name runs by their numbers.
        tx.execute(text("TRUNCATE history, delivery, run RESTART IDENTITY"))
    engine.dispose()


def test_no_question_costs_more_where_more_is_held(costs: Costs) -> None:
    few, many, slack = costs
    grown = {
        words: (before, many[words]) for words, before in few.items() if many[words] > max(before, 1) * GROWN + slack
    }
    assert not grown, grown
