"""`/audit`: the scorecard of the four elements as a page that prints well; every number leads to its records."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from api.cli.output import hours
from api.mending import PLACE, add_mending
from api.mending import seal as button_seal
from api.scorecard import BY, listed, owner_named, ready, scorecard
from api.trend import HEIGHT, WIDTH, points
from core.decide.movement.audit import ELEMENTS
from core.errors import ConcordError, ConfigError
from core.store.scores import GROUPS, MARKS, Asked

if TYPE_CHECKING:
    from jinja2 import Environment

    from api.assembly import Installation

SHOWN = 500
"""Records on a page."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Word = Annotated[str, Query(max_length=200)]

_LACKING = {"owner": "an owner", "action": "a next action", "timing": "a time", "recovery": "a recovery"}
_SAID = {
    **{name: f"with {what}" for name, what in _LACKING.items()},
    "protected": "with all four elements",
    "stale": "too long in their stage",
    "overdue": "whose next action is overdue",
    "waiting": "whose people wait for a word of ours",
    "unworked": "that nobody has ever answered, called or written to",
    "answered": "that were answered",
    "in_window": "answered in their window",
    "missed": "whose window was missed",
    "claimed": "in a stage that asks for evidence",
    "shown": "that show what their stage asks for",
    "unshown": "that do not show what their stage asks for",
    "unreal": "whose stage and evidence do not fit",
    "climbed": "about which recovery has stepped in",
    "recovered": "that move again since recovery stepped in",
    "stalled": "that stand still though recovery stepped in",
}
"""Word of `MARKS` → what a list of such records is called."""


def add_audit(app: FastAPI, installation: Installation, pages: Environment, *, mends: bool) -> None:
    """Add the scorecard and the lists behind it; `mends`: with buttons beside what does not fit together."""
    template = pages.get_template("audit.html")
    known: dict[str, Any] = {"by": BY, "elements": ELEMENTS, "percent": _percent, "hours": hours, "link": _link}
    drawing = {"points": points, "width": WIDTH, "height": HEIGHT, "changed": _changed}

    seal = partial(button_seal, installation) if mends else None
    known |= {"seal": seal, "mend": PLACE}

    def shown(status: int = 200, **what: Any) -> HTMLResponse:
        given = {"at": None, "trouble": None, "card": None, **known, **drawing, **what}
        return HTMLResponse(template.render(given), status, headers=_HEADERS)

    def refused(error: ConcordError) -> HTMLResponse:
        return shown(404 if isinstance(error, ConfigError) else 503, trouble=error.to_json())

    if mends:
        add_mending(app, installation, refused)

    @app.get("/audit", response_class=HTMLResponse)
    def audit_page(by: Word = "stage") -> HTMLResponse:
        """The five tests, over all and by groups."""
        try:
            card = scorecard(installation, by if by in BY else "stage")
        except ConcordError as error:
            return refused(error)
        return shown(at=card["at"], card=card, tests=_tests(card["whole"]))

    @app.get("/audit/records", response_class=HTMLResponse)
    def audit_records(  # noqa: PLR0913, PLR0917 - each is a word of the address
        missing: Word = "", only: Word = "", stage: Word = "", source: Word = "", owner: Word = "", kind: Word = "",
        week: Word = "", tool: Word = "", none: Word = "", step: Word = "",
    ) -> HTMLResponse:  # fmt: skip
        """The records behind a number."""
        said = {"kind": kind, "stage": stage, "source": source, "week": week, "tool": tool}
        only, none = only if only in MARKS else "", none if none in GROUPS else ""
        try:
            hub = ready(installation)
            asked = Asked(
                missing=ELEMENTS.index(missing) if missing in ELEMENTS else None, only=only, none=none, step=step,
                owner_id=owner_named(hub, owner) if owner else None, **said,
            )  # fmt: skip
            found = list(islice(listed(installation, asked, limit=SHOWN + 1), SHOWN + 1))
        except ConcordError as error:
            return refused(error)
        told = _told(missing, only, {**said, "owner": owner}, none, step)
        return shown(records=found[:SHOWN], more=len(found) > SHOWN, asked=told)


def _tests(whole: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    """(link, count, title, note) of the tests at a glance."""
    tests = [
        (_link({"missing": name}), whole["open"] - whole[name], f"Without {what}", "")
        for name, what in _LACKING.items()
    ]
    ages = [("unworked", "Leads nobody has worked"), ("overdue", "Overdue actions")]
    tests += [
        (_link({"only": name}), whole[name], title, _oldest(whole[f"{name}_hours"]["oldest"])) for name, title in ages
    ]
    plain = [("stale", "Too long in their stage"), ("unreal", "Against the evidence")]
    return tests + [(_link({"only": name}), whole[name], title, "") for name, title in plain]


def _oldest(age: float | None) -> str:
    return f"the oldest for {hours(age)}" if age is not None else ""


def _link(words: dict[str, str], by: str = "", group: dict[str, Any] | None = None) -> str:
    """Where the records behind a number are listed; `group` is one of those that are counted `by` a word."""
    narrowed = {} if group is None or not by else {by: str(group["key"])} if group["key"] is not None else {"none": by}
    return f"/audit/records?{urlencode({**words, **narrowed})}"


def _told(missing: str, only: str, said: dict[str, str], none: str, step: str) -> str:
    """What is listed, in a sentence."""
    parts = [f"without {_LACKING[missing]}"] if missing in _LACKING else []
    parts += [_SAID[only]] if only in _SAID else []
    parts += [f"about which the step {step} was taken"] if step else []
    parts += [f"with the {name} {value}" for name, value in said.items() if value]
    parts += [f"without {'an' if none == 'owner' else 'a'} {none}"] if none else []
    return f"Records {', '.join(parts)}." if parts else "All open records."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole} %" if whole else "0 %"


def _changed(now: float | None, before: float | None) -> str:
    """By how much a figure has changed: `+3`, `−2.5`, `±0`; '' where one of the two is not known."""
    if now is None or before is None:
        return ""
    by = round(now - before, 1)
    return f"{'+' if by > 0 else '−' if by < 0 else '±'}{abs(by):,g}"
