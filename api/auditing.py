"""`/audit`: the scorecard of the four elements as a page that prints well; every number leads to its records."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from api.scorecard import BY, listed, owner_named, ready, scorecard
from core.decide.movement.audit import ELEMENTS
from core.errors import ConcordError, ConfigError
from core.store.scores import Asked

if TYPE_CHECKING:
    from jinja2 import Environment

    from api.assembly import Installation

SHOWN = 500
"""Records on a page."""
_COLUMNS = ("open", *ELEMENTS, "protected", "stale", "waiting", "answer", "window", "unreal")
_HEADS = ("Open", *(one.capitalize() for one in ELEMENTS), "Protected", "Stale", "Waiting", "First answer", "In window",
          "Unreal")  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Word = Annotated[str, Query(max_length=200)]


def add_audit(app: FastAPI, installation: Installation, pages: Environment) -> None:
    """Add the scorecard and the lists behind it."""
    template = pages.get_template("audit.html")

    def shown(status: int = 200, **what: Any) -> HTMLResponse:
        given = {"at": None, "trouble": None, "card": None, "by": BY, "percent": _percent, **what}
        return HTMLResponse(template.render(given), status, headers=_HEADERS)

    def refused(error: ConcordError) -> HTMLResponse:
        return shown(404 if isinstance(error, ConfigError) else 503, trouble=error.to_json())

    @app.get("/audit", response_class=HTMLResponse)
    def audit_page(by: Word = "stage") -> HTMLResponse:
        """The five tests, over all and by groups."""
        try:
            card = scorecard(installation, by if by in BY else "stage")
        except ConcordError as error:
            return refused(error)
        whole = card["whole"]
        tests = [(name, whole["open"] - whole[name], f"Without {_WORDS[name]}") for name in ELEMENTS]
        tests += [
            ("stale", whole["stale"], "Too long in their stage"),
            ("unreal", whole["unreal"], "Against the evidence"),
        ]
        return shown(
            at=card["at"], card=card, tests=tests, columns=_COLUMNS, heads=_HEADS,
            link=lambda name, key=None: _link(name, card["by"], key),
        )  # fmt: skip

    @app.get("/audit/records", response_class=HTMLResponse)
    def audit_records(
        missing: Word = "", stage: Word = "", source: Word = "", owner: Word = "", kind: Word = "",
        stale: bool = False, unreal: bool = False,
    ) -> HTMLResponse:  # fmt: skip
        """The records behind a number."""
        try:
            hub = ready(installation)
            asked = Asked(
                missing=ELEMENTS.index(missing) if missing in ELEMENTS else None, kind=kind, stage=stage, source=source,
                owner_id=owner_named(hub, owner) if owner else None, stale=stale, unreal=unreal,
            )  # fmt: skip
            found = list(islice(listed(installation, asked, limit=SHOWN + 1), SHOWN + 1))
        except ConcordError as error:
            return refused(error)
        said = {"kind": kind, "stage": stage, "source": source, "owner": owner}
        return shown(
            records=found[:SHOWN], more=len(found) > SHOWN, asked=_told(missing, said, stale=stale, unreal=unreal)
        )


_WORDS = {"owner": "an owner", "action": "a next action", "timing": "a time", "recovery": "a recovery"}


def _link(name: str, by: str, key: Any) -> str:
    """Where the records behind a number are listed; a tool's own share is not listed apart."""
    words = {name: "true"} if name in ("stale", "unreal") else {"missing": name}
    if key not in (None, "none") and by != "tool":
        words[by] = str(key)
    return f"/audit/records?{urlencode(words)}"


def _told(missing: str, said: dict[str, str], *, stale: bool, unreal: bool) -> str:
    """What is listed, in a sentence."""
    parts = [f"without {_WORDS[missing]}"] if missing in _WORDS else []
    parts += ["too long in their stage"] if stale else []
    parts += ["whose stage and evidence do not fit"] if unreal else []
    parts += [f"with the {name} {value}" for name, value in said.items() if value]
    return f"Records {', '.join(parts)}." if parts else "All open records."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole} %" if whole else "0 %"
