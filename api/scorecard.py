"""The scorecard of the four elements: how open records stand by stage, source, owner or tool, and which they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.decide.movement.audit import ELEMENTS
from core.errors import ConfigError
from core.flow.movement.auditing import audit
from core.model.instant import MINUTE, iso
from core.store import Tx, messages, records, scores
from core.store.messages import Booked
from core.store.movement import Kept
from core.store.scores import Asked, Score

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

Told = dict[str, Any]
BY = ("stage", "source", "owner", "tool", "kind")
_PAGE = 1_000


def scorecard(installation: Installation, by: str = "stage") -> Told:
    """The five tests of the rule, over all open records and by groups; verdicts are brought up to date first."""
    hub = ready(installation)
    with hub.store.reading() as tx:
        whole = scores.scores(tx, "kind")
        groups = scores.scores(tx, by)
        answers = scores.answers(tx, by) if by != "tool" else {}
        names = _names(hub, tx, [one.key for one in groups]) if by == "owner" else {}
    times = [after for some in answers.values() for after in some]
    return {
        "at": iso(hub.clock()),
        "whole": _told("", _sum(whole), sorted(times)),
        "by": by,
        "groups": [_told(names.get(one.key, one.key), one, answers.get(one.key, [])) for one in groups],
    }


def ready(installation: Installation) -> Hub:
    """The hub with every verdict up to date; `ConfigError` where no policy says what is asked of open records."""
    hub = installation.hub()
    if not hub.movement.stages:
        raise ConfigError(
            "No movement policy is in force, so nothing is asked of open records.",
            remedy="Copy mappings/movement/b2b-sales.yaml or local-service.yaml, name it in concord.yaml as "
            "`movement: FILE`, and run `concord apply concord.yaml`.",
        )
    audit(hub)
    return hub


def listed(installation: Installation, asked: Asked, *, limit: int | None = None) -> Iterator[Told]:
    """The records behind the numbers, each with what is missing, who acts and the fix."""
    hub, last, left = ready(installation), 0, limit
    while left is None or left > 0:
        with hub.store.reading() as tx:
            page = scores.find(tx, asked, after_id=last, limit=min(_PAGE, left or _PAGE))
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
    """The owner with this name or address; `ConfigError` where there is none, or several."""
    with hub.store.reading() as tx:
        every = records.after(tx, 0, ("owner",), 100_000)
    wanted = who.casefold()
    fit = [one for one in every if wanted in {str(one.values.get(name) or "").casefold() for name in ("name", "email")}]
    if len(fit) != 1:
        found = "Nobody" if not fit else f"{len(fit)} people"
        raise ConfigError(f"{found} who own records go by '{who}'.", remedy="Give the address they sign in with.")
    return fit[0].id


def _names(hub: Hub, tx: Tx, ids: list[Any]) -> dict[Any, str]:
    owners = records.load(tx, {one for one in ids if isinstance(one, int)})
    return {id_: hub.shapes["owner"].name_of(row.values) or str(row.values.get("email")) for id_, row in owners.items()}


def _sum(every: list[Score]) -> Score:
    return Score(None, *(sum(one[place] for one in every) for place in range(1, len(Score._fields))))


def _told(name: Any, one: Score, answers: list[int]) -> Told:
    return {
        "group": name if name not in (None, "") else "none",
        **{field: getattr(one, field) for field in Score._fields if field != "key"},
        "first_answer_minutes": {"p50": _minutes(answers, 0.5), "p90": _minutes(answers, 0.9)},
    }


def _minutes(answers: list[int], part: float) -> float | None:
    """Working minutes within which this part of the first answers came; None without any."""
    return round(answers[min(len(answers) - 1, int(part * len(answers)))] / MINUTE, 1) if answers else None


def _record(one: Kept, title: str, owner: str | None, mails: Sequence[Booked]) -> Told:
    told = one.told
    said = told.get("elements", [])
    return {
        "record": one.record_id,
        "kind": one.kind,
        "title": title,
        "stage": one.stage,
        "owner": owner,
        "open": bool(one.open),
        "score": one.score if one.open else None,
        "stale": bool(one.stale),
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
