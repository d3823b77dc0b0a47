"""Lists that people page through: in their order, page after page, and the same on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from api import queries
from core.decide.reviewing import Duties
from core.model.instant import DAY, HOUR
from core.store import deliveries, reviews, runs
from core.store.codec import pack
from core.store.deliveries import DeadLetter
from core.store.reviews import Place, Question, Review, Wanted
from tests.core.store.test_statements import place
from tests.support import Lab

__all__ = ["place"]

ADMIN = "the admin"
DUTIES = Duties(owner="anna@shop.example", owners={"delete": "bert@shop.example"})


@pytest.fixture
def lab(place: Callable[[str], Lab]) -> Iterator[Lab]:
    with place("lists") as made:
        yield made


def test_the_queue_is_paged_late_ones_first(lab: Lab) -> None:
    now = lab.clock()
    asked = [
        Question("ask", {"contenders": [["crm", f"Cook {at}", 1]]}, record_id=at, field="job_title")
        for at in range(1, 8)
    ]
    with lab.installation.store.writing() as tx:
        reviews.ask(tx, asked, now=now - DAY)
        reviews.ask(tx, [Question("delete", {"connection": "books"}, 4, 1)], now=now)
        every = reviews.open_reviews(tx)
        reviews.escalate(tx, [every[2]._replace(owner="carl@shop.example", escalated_at=now, due_at=now + 9 * DAY)])
        reviews.escalate(tx, [every[5]._replace(due_at=now - HOUR)])
    late = [every[5].id, every[2].id]

    def page(wanted: Wanted, after: Place | None = None, limit: int | None = 3) -> list[tuple[Review, Place]]:
        with lab.installation.store.reading() as tx:
            return reviews.queue(tx, wanted, DUTIES, now=now, otherwise=ADMIN, after=after, limit=limit)

    found, after = list[int](), None
    while got := page(Wanted(), after):
        found, after = found + [one.id for one, _ in got], got[-1][1]
    assert found[:2] == late
    assert sorted(found) == [one.id for one in every]
    assert [one.id for one, _ in page(Wanted(late=True))] == late
    for wanted, count in (
        (Wanted(what="delete"), 1), (Wanted(owner="bert@shop.example"), 1), (Wanted(owner="anna@shop.example"), 6),
        (Wanted(owner="carl@shop.example"), 1), (Wanted(field="job_title"), 7), (Wanted(connection=(4, "books")), 1),
        (Wanted(connection=(5, "crm")), 7), (Wanted(ids=[every[0].id]), 1), (Wanted(owner=ADMIN), 0),
    ):  # fmt: skip
        assert len(page(wanted, limit=None)) == count, wanted
        with lab.installation.store.reading() as tx:
            assert reviews.count(tx, wanted, DUTIES, now=now, otherwise=ADMIN) == count


def test_dead_letters_are_grouped_by_the_database(lab: Lab) -> None:
    said = ["too long", "too long", "too long", "no such owner", "not unique", "not unique"]
    letters = [
        DeadLetter(at * DAY, 1, 2, at, "update", "refused", words, "admin", "Mend it.", at, pack({"a": at}))
        for at, words in enumerate(said, start=1)
    ]
    with lab.installation.store.writing() as tx:
        deliveries.bury(tx, letters)
    with lab.installation.store.reading() as tx:
        first = deliveries.refusals(tx, limit=2)
        rest = deliveries.refusals(tx, after=(first[-1].letters, first[-1].id), limit=2)
        whole = deliveries.refusals_of(tx, first[0].id)
        assert whole is not None
        page = deliveries.letters_of(tx, whole, limit=2)
        below = deliveries.letters_of(tx, whole, below=page[-1].id, limit=2)
        assert deliveries.refusals_of(tx, 999) is None
        assert deliveries.refusals(tx, connection_id=9) == []
        assert len(deliveries.dead_letters(tx, message="too long", until=2 * DAY)) == 2
    assert [(one.message, one.letters) for one in (*first, *rest)] == [
        ("too long", 3), ("not unique", 2), ("no such owner", 1),
    ]  # fmt: skip
    assert (whole.oldest, whole.newest, whole.letters) == (1 * DAY, 3 * DAY, 3)
    assert [one.letter.record_id for one in (*page, *below)] == [3, 2, 1]


def test_runs_are_paged_and_looked_for_in_windows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.runs.WINDOW", 4)
    with lab.installation.store.writing() as tx:
        ids = [
            runs.begin(tx, at % 2, "edit" if at == 1 else "pull", stream="contacts", at=lab.clock()) for at in range(11)
        ]
        runs.end(tx, ids[2], at=lab.clock(), counts={}, code="refused", message="No.")
    for wanted, expected in (
        (runs.Wanted(), ids[::-1]),
        (runs.Wanted(what="edit"), [ids[1]]),
        (runs.Wanted(failed=True), [ids[2]]),
        (runs.Wanted(connection_id=1, stream="contacts"), ids[1::2][::-1]),
    ):
        found, below = list[int](), None
        with lab.installation.store.reading() as tx:
            for _ in range(20):
                page, below = runs.listed(tx, wanted, below=below, limit=3)
                found += [one.id for one in page]
                if below is None:
                    break
        assert below is None
        assert [one for one in found if one in ids] == expected, wanted


def test_doubtful_readings_are_paged(lab: Lab) -> None:
    for name in ("a", "b"):
        lab.tool(name)
        for at in range(3):
            lab.tools[name].create("contacts", {"email": f"no address {at}", "first_name": f"Odd{name}{at}"})
    lab.settle()
    streams = [lab.stream(name).id for name in ("a", "b")]
    found, after = list[str](), None
    with lab.installation.store.reading() as tx:
        while page := queries.doubtful(tx, streams, after=after, limit=2):
            found += [one.problems[0] for one in page]
            after = (page[-1].stream_id, page[-1].id)
        assert len(queries.doubtful(tx, streams[:1], limit=50)) == 3
    assert len(found) == 6
