"""`/audit`: the scorecard of the four elements as a page that prints well; every number leads to its records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.cli.output import hours
from api.mending import PLACE as MENDING
from api.mending import add_mending, seal
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


class Mends(NamedTuple):
    """How a finding that does not fit is mended by a button: where it leads, and what it carries."""

    place: str
    carries: Callable[[int, str], Markup]


class Behind(NamedTuple):
    """Which records are asked for, in the words of an address."""

    missing: str = ""
    only: str = ""
    stage: str = ""
    source: str = ""
    owner: str = ""
    kind: str = ""
    week: str = ""
    tool: str = ""
    none: str = ""
    step: str = ""


def add_audit(app: FastAPI, installation: Installation, pages: Environment, *, mends: bool) -> None:
    """Add the scorecard and the lists behind it; `mends`: with buttons beside what does not fit together."""
    template = pages.get_template("audit.html")

    def carries(record: int, what: str) -> Markup:
        return Markup('<input type="hidden" name="token" value="{}">').format(seal(installation, record, what))

    known = drawing("/audit/records", Mends(MENDING, carries) if mends else None)

    def shown(status: int = 200, **what: Any) -> HTMLResponse:
        given = {"at": None, "trouble": None, "card": None, **known, **what}
        return HTMLResponse(template.render(given), status, headers=_HEADERS)

    def refused(error: ConcordError) -> HTMLResponse:
        return shown(404 if isinstance(error, ConfigError) else 503, trouble=error.to_json())

    if mends:
        add_mending(app, installation, refused)

    @app.get("/audit", response_class=HTMLResponse)
    def audit_page(by: Word = "stage") -> HTMLResponse:
        """The five tests, over all and by groups."""
        try:
            return shown(**figures(installation, by, "/audit/records"))
        except ConcordError as error:
            return refused(error)

    @app.get("/audit/records", response_class=HTMLResponse)
    def audit_records(  # noqa: PLR0913, PLR0917 - each is a word of the address
        missing: Word = "", only: Word = "", stage: Word = "", source: Word = "", owner: Word = "", kind: Word = "",
        week: Word = "", tool: Word = "", none: Word = "", step: Word = "",
    ) -> HTMLResponse:  # fmt: skip
        """The records behind a number."""
        asked = Behind(missing, only, stage, source, owner, kind, week, tool, none, step)
        try:
            return shown(**behind(installation, asked))
        except ConcordError as error:
            return refused(error)


def drawing(
    place: str, mends: Mends | None, *, personal: Callable[[Any], Any] | None = None, page: str | None = None
) -> dict[str, Any]:
    """What the templates of the card and of its records need, whatever they show; records are listed at `place`.

    With `personal`, a way to show a title to who may not read names, no text is shown that may hold one. Below `page`
    each record has a page of its own.
    """
    return {
        "by": BY, "elements": ELEMENTS, "percent": _percent, "hours": hours, "link": partial(_link, place),
        "points": points, "width": WIDTH, "height": HEIGHT, "changed": _changed, "mends": mends,
        "personal": personal or str, "names": personal is None, "page": page,
    }  # fmt: skip


def figures(installation: Installation, by: str, place: str, *, fresh: bool = True) -> dict[str, Any]:
    """What the card shows, counted by one of `BY`; its numbers lead to `place`."""
    card = scorecard(installation, by if by in BY else "stage", fresh=fresh)
    return {"at": card["at"], "card": card, "tests": _tests(card["whole"], partial(_link, place))}


def behind(installation: Installation, words: Behind, *, fresh: bool = True) -> dict[str, Any]:
    """The records behind a number, and the number in a sentence. Words that are none are left out."""
    said = {name: getattr(words, name) for name in ("kind", "stage", "source", "week", "tool")}
    missing = words.missing if words.missing in ELEMENTS else ""
    only, none = words.only if words.only in MARKS else "", words.none if words.none in GROUPS else ""
    hub = ready(installation, fresh=fresh)
    asked = Asked(
        missing=ELEMENTS.index(missing) if missing else None, only=only, none=none, step=words.step,
        owner_id=owner_named(hub, words.owner) if words.owner else None, **said,
    )  # fmt: skip
    found = list(islice(listed(installation, asked, limit=SHOWN + 1, fresh=False), SHOWN + 1))
    told = _told(missing, only, {**said, "owner": words.owner}, none, words.step)
    return {"records": found[:SHOWN], "more": len(found) > SHOWN, "asked": told}


def _tests(whole: dict[str, Any], link: Callable[[dict[str, str]], str]) -> list[tuple[str, int, str, str]]:
    """(link, count, title, note) of the tests at a glance."""
    tests = [
        (link({"missing": name}), whole["open"] - whole[name], f"Without {what}", "") for name, what in _LACKING.items()
    ]
    ages = [("unworked", "Leads nobody has worked"), ("overdue", "Overdue actions")]
    tests += [
        (link({"only": name}), whole[name], title, _oldest(whole[f"{name}_hours"]["oldest"])) for name, title in ages
    ]
    plain = [("stale", "Too long in their stage"), ("unreal", "Against the evidence")]
    return tests + [(link({"only": name}), whole[name], title, "") for name, title in plain]


def _oldest(age: float | None) -> str:
    return f"the oldest for {hours(age)}" if age is not None else ""


def _link(place: str, words: dict[str, str], by: str = "", group: dict[str, Any] | None = None) -> str:
    """Where the records behind a number are listed; `group` is one of those that are counted `by` a word."""
    narrowed = {} if group is None or not by else {by: str(group["key"])} if group["key"] is not None else {"none": by}
    return f"{place}?{urlencode({**words, **narrowed})}"


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
