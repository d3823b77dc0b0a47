"""The scorecard of the four elements: how open records stand, by stage, source and the like, and which they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from api.trend import trend
from core.decide.movement.audit import ELEMENTS
from core.errors import ConfigError
from core.flow.movement import scoring
from core.flow.movement.auditing import audit
from core.flow.movement.scoring import Figures
from core.model.instant import DAY, iso
from core.store import Tx, messages, records, scores
from core.store.messages import Booked
from core.store.movement import Kept
from core.store.scores import Asked, Recovery

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

Told = dict[str, Any]
BY = ("stage", "source", "owner", "tool", "week", "kind")
_PAGE = 1_000


def scorecard(installation: Installation, by: str = "stage", *, fresh: bool = True) -> Told:
    """The five tests of the rule, over all open records and by groups.

    Where it is to be `fresh`, verdicts are brought up to date first; else they are as the background keeps them.
    """
    hub = ready(installation, fresh=fresh)
    now = hub.clock()
    with hub.store.reading() as tx:
        whole = scoring.figures(tx, now)
        groups = scoring.groups(tx, by, now)
        names = _names(hub, tx, [one.key for one in groups]) if by == "owner" else {}
        every, *each = scores.recoveries(tx, now)
        past = trend(tx, hub.movement, now, whole)
    return {
        "at": iso(now),
        "whole": _told("", None, whole),
        "by": by,
        "groups": [_told(names.get(one.key, one.key), one.key, one.figures) for one in groups],
        "recovery": {
            "days": scores.RECOVERY // DAY,
            **_recovery(every),
            "steps": [{"step": one.step, **_recovery(one)} for one in each],
        },
        "trend": past,
    }


def glance(installation: Installation) -> Told:
    """The figures over all open records, as they were judged last; nothing is judged for this."""
    hub = installation.hub()
    with hub.store.reading() as tx:
        return _told("", None, scoring.figures(tx, hub.clock()))


def ready(installation: Installation, *, fresh: bool = True) -> Hub:
    """The hub, with every verdict up to date; `ConfigError` where no policy says what is asked of open records."""
    hub = installation.hub()
    if not hub.movement.stages:
        raise ConfigError(
            "No movement policy is in force, so nothing is asked of open records.",
            remedy="Copy mappings/movement/b2b-sales.yaml or local-service.yaml, name it in concord.yaml as "
            "`movement: FILE`, and run `concord apply concord.yaml`.",
        )
    if fresh:
        audit(hub)
    return hub


def listed(
    installation: Installation, asked: Asked, *, limit: int | None = None, fresh: bool = True, after: int = 0
) -> Iterator[Told]:
    """The records behind the numbers, each with what is missing, who acts and the fix; those `after` a number."""
    hub, last, left = ready(installation, fresh=fresh), after, limit
    now = hub.clock()
    while left is None or left > 0:
        with hub.store.reading() as tx:
            page = scores.find(tx, asked, now, after_id=last, limit=min(_PAGE, left or _PAGE))
            if not page:
                return
            last = page[-1].record_id
            found = records.load(tx, [one.record_id for one in page])
            mails = messages.of_records(tx, [one.record_id for one in page])
            names = _names(hub, tx, [one.owner_id for one in page])
        left = left - len(page) if left is not None else None
        for one in page:
            if one.record_id in found:
                title = hub.shapes[one.kind].name_of(found[one.record_id].values)
                yield _record(one, title, names.get(one.owner_id), mails.get(one.record_id, ()))


def owner_named(hub: Hub, who: str) -> int:
    """The owner with this name, address or number; `ConfigError` where there is none, or several."""
    with hub.store.reading() as tx:
        every = records.after(tx, 0, ("owner",), 100_000)
    wanted = who.casefold()
    fit = [
        one
        for one in every
        if wanted in {str(one.id), *(str(one.values.get(name) or "").casefold() for name in ("name", "email"))}
    ]
    if len(fit) != 1:
        found = "Nobody" if not fit else f"{len(fit)} people"
        raise ConfigError(f"{found} who own records go by '{who}'.", remedy="Give the address they sign in with.")
    return fit[0].id


def _names(hub: Hub, tx: Tx, ids: list[Any]) -> dict[Any, str]:
    owners = records.load(tx, {one for one in ids if isinstance(one, int)})
    return {id_: hub.shapes["owner"].name_of(row.values) or str(row.values.get("email")) for id_, row in owners.items()}


def _told(name: Any, key: Any, figures: Figures) -> Told:
    blank = name in (None, "")
    return {"group": "none" if blank else name, "key": None if blank else key, **figures}


def _recovery(one: Recovery) -> Told:
    counts = one._asdict()
    del counts["step"]
    return {**counts, "closed": one.records - one.recovered - one.stalled}


def _record(one: Kept, title: str, owner: str | None, mails: Sequence[Booked]) -> Told:
    told = one.told
    said = told.get("elements", [])
    return {
        "record": one.record_id,
        "kind": one.kind,
        "title": title,
        "stage": one.stage,
        "owner": owner,
        "week": one.week,
        "open": bool(one.open),
        "score": one.score if one.open else None,
        "stale": bool(one.stale),
        "overdue_since": iso(one.overdue_since) if one.overdue_since is not None else None,
        "unworked_since": iso(one.unworked_since) if one.unworked_since is not None else None,
        "missing": {
            name: {"because": because, "who": who, "fix": fix}
            for name, (ok, because, who, fix) in zip(ELEMENTS, said, strict=False)
            if not ok
        },
        "unreal": [{key: each[key] for key in ("what", "because", "move", "task")} for each in told["unreal"]],
        "mails": [
            {"what": mail.rule, "state": mail.state.name.lower(), "why": mail.note, "at": iso(mail.at)}
            for mail in mails
        ],
        "steps": [{"step": each[1], "mode": each[2], "say": each[4]} for each in told["steps"]],
    }
