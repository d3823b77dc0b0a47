"""Two Radicale servers and a Xandikos come into agreement, stay there, and survive what people do to them.

Everything goes the way a user's own hub goes: an installation, the default mapping, a preference order, turns side
by side. What came of it is read from the servers themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.decide.why import Why
from core.flow.asking import ask, find
from core.flow.outward.reconcile import reconcile
from core.flow.sync import sync
from tests.system.books import NAMES, UNKNOWN, Cards, Cast, Town, card, email, town

# More than are asked for at once, which is a hundred.
QUICK, LARGE = Cast(120, 60), Cast(2_000, 1_000)


pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    "cast", [QUICK, pytest.param(LARGE, marks=pytest.mark.servers)], ids=["120 cards", "2,000 cards"]
)
def test_three_books_agree_and_go_on_agreeing(tmp_path: Path, cast: Cast) -> None:
    with town(tmp_path, cast) as place:
        live(place)


@pytest.mark.slow
def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with town(tmp_path, Cast(30, 15), database_url=postgres_url) as place:
        live(place)


def test_an_unchanged_poll_costs_the_same_for_few_cards_and_for_many(tmp_path: Path) -> None:
    """Read only, so that nothing but the polls is counted."""
    costs = []
    for cast in (Cast(15, 6), QUICK):
        with town(tmp_path / str(cast.size), cast, policy={"*": {"writes": False}}) as place:
            place.sync()
            before = place.requests()
            turns = sync(place.hub)
            assert [turn.counts() for turn in turns] == [{}, {}, {}]
            costs.append({name: now - before[name] for name, now in place.requests().items()})
    assert costs[0] == costs[1]
    assert max(costs[0].values()) <= 2


def live(place: Town) -> None:
    """The whole story: a first sync, edits and deletes on all sides, and quiet after each."""
    before = place.people()
    place.sync()
    agreed(place)
    unharmed(place, before)
    quiet(place)
    edited_everywhere(place)
    quiet(place)
    deleted_and_edited(place)
    quiet(place)


def agreed(place: Town) -> Cards:
    """Every book holds everybody, each once and all alike, and the hub measures the same. Gives one book's cards."""
    held = place.people()
    for name in NAMES:
        assert held[name].keys() == place.everybody
        measured = reconcile(place.hub, place.hub.connection(name))
        assert (measured.whole.share, measured.whole.missing, measured.marked) == (1.0, 0, 0)
    for number in place.everybody:
        facts = {held[name][number].facts for name in NAMES}
        assert len(facts) == 1, facts
    return held["office"]


def quiet(place: Town) -> None:
    """Another run writes nothing and costs each server at most two requests."""
    before = place.requests()
    for turn in place.sync():
        assert turn.counts() == {}
    assert all(now - before[name] <= 2 for name, now in place.requests().items())


_OURS = re.compile(r"(TITLE|EMAIL|TEL)[;:]")
"""What differs between the seeded cards, and what the hub therefore writes."""


def unharmed(place: Town, before: Mapping[str, Cards]) -> None:
    """All other lines of the cards that were there are what they were, although many of these cards were written."""
    after = place.people()
    for name in NAMES:
        written = 0
        for number, seen in before[name].items():
            now = after[name][number]
            assert now.path == seen.path
            was, kept = ([line for line in one.lines if not _OURS.match(line)] for one in (seen, now))
            # Radicale sorts the lines of a card that it is given; Xandikos keeps the very bytes.
            assert was == kept if name == "van" else sorted(was) == sorted(kept)
            assert {line.format(number=number) for line in UNKNOWN} <= set(now.lines)
            written += seen.lines != now.lines
        # The office is believed first; what the others say of a fifth of the common people is put right.
        assert written >= (0 if name == "office" else place.cast.common // 5)
        (group,) = place.books[name].groups()
        assert group.values("X-ADDRESSBOOKSERVER-MEMBER") == [
            f"urn:uuid:{name}-{number}" for number in place.cast.of(name)[:3]
        ]


def edited_everywhere(place: Town) -> None:
    """People edit on all sides between two syncs: one field at once, different fields, one side alone, new cards."""
    books, held = place.books, place.people()
    for name in NAMES:
        books[name].change(held[name][1], TITLE=f"Chief of the {name}")
    books["office"].change(held["office"][2], TITLE="Head of tea")
    books["shop"].change(held["shop"][2], ORG="Tea Ltd;Tasting")
    books["van"].change(held["van"][2], N="Shore;Annabel;;;")
    books["van"].change(held["van"][3], TITLE="Night porter")
    known = {name: held[name][1].lines for name in NAMES}
    one, other = (max(place.everybody) + more for more in (1, 2))
    books["van"].add(card(one, "van"))
    for name in NAMES:
        books[name].add(card(other, name))
    place.everybody |= {one, other}
    place.sync()

    now = agreed(place)
    assert now[1].values("TITLE") == ["Chief of the office"]
    why = why_of(place, 1, "job_title")
    assert why.winner is not None
    assert why.winner.source == "office"
    assert {(lost.source, lost.value) for lost in why.losers if lost.reason} == {
        (name, f"Chief of the {name}") for name in ("shop", "van")
    }
    assert now[2].name == ("Shore", "Annabel")
    assert (now[2].values("TITLE"), now[2].values("ORG")) == (["Head of tea"], ["Tea Ltd;Tasting"])
    assert now[3].values("TITLE") == ["Night porter"]
    for name, lines in known.items():
        changed = set(lines) ^ set(place.people()[name][1].lines)
        assert {line.partition(":")[0] for line in changed} == {"TITLE"}


def deleted_and_edited(place: Town) -> None:
    """A delete alone is carried everywhere; against an edit it loses, whichever of the two is heard first."""
    books, held = place.books, place.people()
    books["shop"].delete(held["shop"][4])
    books["office"].delete(held["office"][6])
    books["van"].change(held["van"][6], TITLE="Stays on")
    books["van"].delete(held["van"][7])
    books["office"].change(held["office"][7], TITLE="Stays on too")
    place.sync()
    place.everybody.discard(4)
    now = agreed(place)
    assert now[6].values("TITLE") == ["Stays on"]
    assert now[7].values("TITLE") == ["Stays on too"]

    held = place.people()
    for number, deletes, edits in ((8, "shop", "van"), (9, "office", "shop")):
        for first in (deletes, edits):
            words = f"Back again after {deletes} and {first}"
            books[deletes].delete(held[deletes][number])
            books[edits].change(held[edits][number], TITLE=words)
            # One after the other, so that one side's news is known and acted upon everywhere before the other's.
            others = [name for name in NAMES if name not in (deletes, edits)]
            for name in (first, *others, edits if first == deletes else deletes):
                (turn,) = sync(place.hub, [name])
                assert turn.error is None
            place.sync()
            now = agreed(place)
            assert now[number].values("TITLE") == [words]
            held = place.people()


def why_of(place: Town, number: int, field: str) -> Why:
    """What the hub says about a person's field."""
    (record,) = find(place.hub, "contact", email(number))
    (why,) = ask(place.hub, record, field).why
    return why
