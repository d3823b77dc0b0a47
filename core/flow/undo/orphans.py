"""Orphans: records that came from the run that is undone, and from nowhere else.

They are given up: what we made of them in other tools goes, and in the tool they came from nothing is touched. One that
somebody has worked on since is kept whole, because a record of the one edited field would be of use to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.flow.undo.replay import Tale
from core.flow.undo.retelling import Kept, Page, place
from core.model.claim import Claims
from core.model.instant import MINUTE, Instant
from core.store import Tx, deliveries
from core.store.records import State

POINTS = ("email", "other_emails", "phone", "other_phones")
"""By what somebody is known again who has refused."""


def give_up_newcomers(page: Page, tx: Tx) -> None:
    """Give up those about which nobody else speaks; those that somebody has worked on since stay as they are."""
    births = _births(page.tales)
    orphans = {id_ for id_ in page.chosen if _is_orphan(page, id_, births.get(id_))}
    if not orphans:
        return
    page.made = deliveries.created(tx, orphans)
    for id_ in sorted(orphans):
        edit = _edited(page, id_)
        if edit is None:
            page.given_up.add(id_)
            continue
        source, at = edit
        page.chosen.discard(id_)
        why = "the run made this record, and somebody has worked on it since"
        page.taken.kept.append(Kept(page.works[id_].record, None, None, source, at, why))
    if orphans != page.given_up:
        page.retell()
    for id_ in page.given_up:
        _keep_address(page, id_)


def _births(tales: Iterable[Tale]) -> dict[int, int]:
    """Record id → the binding by which it came into being."""
    births: dict[int, int] = {}
    for one in tales:
        if one.what == "seen" and one.binding_id is not None and "from" not in one.delta:
            births.setdefault(one.record_id, one.binding_id)
    return births


def _is_orphan(page: Page, record_id: int, birth: int | None) -> bool:
    """Whether a record came from the run, and from nowhere else."""
    if birth is None or not page.after.spoken[birth].unseen or page.before.spoken[birth].unseen:
        return False
    lives = page.after.state(record_id) == State.LIVE
    return lives and not any(one.seen for _, one in page.speakers.get(record_id, ()))


def _edited(page: Page, record_id: int) -> tuple[str, Instant] | None:
    """Who has worked on a record since, and when. What a tool fills in as it takes our create is nobody's work."""
    found = []
    for id_, spoken in page.speakers.get(record_id, ()):
        if spoken.edited_at is not None and id_ in page.rows:
            row = page.rows[id_]
            if spoken.edited_at > page.made.get(place(page.hub, row), 0) + MINUTE:
                found.append((spoken.edited_at, page.hub.sources.get(row.stream_id, "?")))
    if not found:
        return None
    at, source = max(found)
    return source, at


def _keep_address(page: Page, record_id: int) -> None:
    """A refusal is kept with the address it is about, or it would be forgotten with the record."""
    for id_, spoken in page.speakers.get(record_id, ()):
        if not spoken.unseen or not spoken.kept:
            continue
        points = {name: spoken.left_out[name] for name in POINTS if name in spoken.left_out}
        spoken.claims |= points
        page.note(record_id, "keeps", [id_, Claims.of(points).to_json()])
