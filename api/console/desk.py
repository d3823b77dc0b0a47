"""What all pages of the console have in common: how they look, who sees them, and what their forms carry.

    request ▶ who is it? ▶ may they? ▶ a form: is it ours? ▶ the page's own function ▶ template ▶ HTML

A page is a plain function; whom it is for is said by the default of its `visitor`, and what a form carries comes by
`desk.from_form`:

    def answer(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from api.cli.output import ago, counted, hours, share
from api.console.oidc import provider_of
from api.console.people import People, Role, Visitor, zone_of
from api.errands import Errands
from api.masking import masked
from api.posting import body_of, posted
from api.rates import asker, networks
from api.settings import Settings
from core.decide.leads import Posted
from core.decide.why import text
from core.errors import ConcordError, ConfigError
from core.model.instant import SECOND, Instant, from_iso
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.background import Background

PLACE = "/console"
COOKIE = "concord"
AWAY = "concord_away"
"""What a browser shows when it comes back from an identity provider."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LARGEST, FIELDS = 1_048_576, 5_000
"""Bytes and fields of a form: a mapping's text, and what is said of each of its lines."""
STATIC = Path(__file__).parent / "static"


class Halt(Exception):
    """A page is not shown: this is answered instead."""

    def __init__(self, answer: Response) -> None:
        """`answer` is all that is said."""
        super().__init__()
        self.answer = answer


class Desk:
    """Where pages are printed and their visitors looked up."""

    def __init__(self, installation: Installation, engine: Background | None = None) -> None:
        """For one installation; `engine` is the background of this process, if it has one."""
        self.installation, self.people, self._engine = installation, People(installation), engine
        _check_names(installation.settings)
        self.provider = provider_of(installation.settings, installation.clock)
        """The identity provider by which people sign in, if there is one."""
        self.errands = Errands(installation.clock)
        """What takes longer than a page may."""
        # Names, so that they can stand as defaults beside annotations that are only read as text.
        self.for_viewers: Any = Depends(self.viewer)
        self.for_operators: Any = Depends(self.operator)
        self.for_admins: Any = Depends(self.admin)
        self.from_form: Any = Depends(self.form)
        self.from_outside: Any = Depends(self.open_form)
        self._trusted = networks(installation.settings.trusted_proxies)
        self.env = Environment(
            loader=ChoiceLoader([PackageLoader("api.console", "templates"), PackageLoader("api", "templates")]),
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.env.filters |= {
            "share": share, "ago": ago, "counted": counted, "hours": hours, "prose": prose, "number": number,
            "value": text, "lasting": lasting, "many": many, "said": text, "answer": answer_of,
            "guide": guide,
        }  # fmt: skip
        self.env.globals |= {"place": PLACE, "asset": self._asset, "nav": NAVIGATION}

    @property
    def trouble(self) -> ConcordError | None:
        """What keeps the background from going on."""
        return self._engine.trouble if self._engine is not None else None

    # --- who

    def viewer(self, request: Request) -> Visitor:
        """Whoever is signed in."""
        return self._at_least(request, Role.VIEWER)

    def operator(self, request: Request) -> Visitor:
        """An operator or an admin."""
        return self._at_least(request, Role.OPERATOR)

    def admin(self, request: Request) -> Visitor:
        """An admin."""
        return self._at_least(request, Role.ADMIN)

    def maybe(self, request: Request) -> Visitor | None:
        """Who is signed in, if anybody is."""
        token = request.cookies.get(COOKIE)
        return self.people.visitor(token) if token else None

    async def form(self, request: Request) -> Posted:
        """What a form of ours carries; it must come from a page of this visit."""
        visitor = await run_in_threadpool(self.maybe, request)
        if visitor is None:
            raise Halt(self._sign_in_first(request))
        said = await self._said(request, visitor)
        if not compare_digest(said.get("form_key", "").encode(), visitor.form_key.encode()):
            stale = ConfigError(
                "This form is not of this visit; nothing was done.", remedy="Go back, load the page again, repeat."
            )
            raise Halt(self.refused(request, visitor, stale))
        return said

    async def open_form(self, request: Request) -> Posted:
        """What a form for those who are not signed in carries; browsers say themselves from which site it comes."""
        if not _is_ours(request):
            raise Halt(self.refused(request, None, ConfigError("This form was sent from another site.")))
        return await self._said(request, None)

    async def _said(self, request: Request, visitor: Visitor | None) -> Posted:
        try:
            body = await body_of(request.stream(), request.headers.get("content-length"), LARGEST)
            return posted(request.headers.get("content-type", ""), body, FIELDS)
        except ConcordError as error:
            raise Halt(self.refused(request, visitor, error)) from error

    def asker(self, request: Request) -> str:
        """Where somebody asks from."""
        peer = request.client.host if request.client else "nowhere"
        return asker(peer, request.headers.get("x-forwarded-for", ""), self._trusted)

    def origin(self, request: Request) -> str:
        """Under which name people reach the console, and others send them back to it; without a path."""
        return (self.installation.settings.console_url or str(request.base_url)).rstrip("/")

    def _at_least(self, request: Request, role: Role) -> Visitor:
        visitor = self.maybe(request)
        if visitor is None:
            raise Halt(self._sign_in_first(request))
        if not visitor.role.may(role):
            words = f"This is for {_PLURAL[role]}; you are {_ARTICLE[visitor.role]} here."
            error = ConfigError(words, remedy="Ask an admin to do it, or for another role.")
            raise Halt(self.refused(request, visitor, error, status=403))
        return visitor

    def _sign_in_first(self, request: Request) -> Response:
        to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        onward = f"?to={quote(to)}" if request.method == "GET" and to != f"{PLACE}/" else ""
        return RedirectResponse(f"{PLACE}/sign-in{onward}", 303, headers=HEADERS)

    # --- what

    def page(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **given: Any
    ) -> HTMLResponse:
        """A page, in the visitor's zone."""
        zone = visitor.person.zone if visitor is not None else "UTC"
        known = {
            "visitor": visitor, "here": request.url.path, "under": _under(request.url.path),
            "query": dict(request.query_params), "zone": zone, "now": self.installation.clock(),
            "time": _Times(zone), "masked": masker(visitor), "following": _following(request),
            "key": lambda: _key(visitor),
        }  # fmt: skip
        return HTMLResponse(self.env.get_template(template).render({**known, **given}), status, headers=HEADERS)

    def refused(
        self, request: Request, visitor: Visitor | None, error: ConcordError, *, status: int | None = None
    ) -> HTMLResponse:
        """A page that says what went wrong, who acts, and what to do."""
        found = status or (400 if isinstance(error, ConfigError) else 503)
        return self.page(request, visitor, "refused.html", status=found, error=error.to_json())

    def done(self, to: str, said: str = "") -> RedirectResponse:
        """After a form: on to a page, with a sentence on top of it."""
        joint = "&" if "?" in to else "?"
        return RedirectResponse(f"{to}{joint}said={quote(said)}" if said else to, 303, headers=HEADERS)

    def note(self, visitor: Visitor, what: str, about: Mapping[str, Any]) -> None:
        """Put on the trail what somebody did or looked at."""
        with self.installation.store.writing() as tx:
            self.people.note(tx, visitor, what, about)

    @cached_property
    def _digests(self) -> Mapping[str, str]:
        return {one.name: hashlib.sha256(one.read_bytes()).hexdigest()[:12] for one in STATIC.iterdir()}

    def _asset(self, name: str) -> str:
        """Where a file is; another address after any change, so that it may be kept for ever."""
        return f"{PLACE}/static/{name}?{self._digests[name]}"


NAVIGATION = (
    ("", "Overview", "viewer"),
    ("alerts", "Alerts", "viewer"),
    ("records", "Records", "viewer"),
    ("log", "Sync log", "viewer"),
    ("reviews", "Reviews", "viewer"),
    ("letters", "Dead letters", "viewer"),
    ("runs", "Runs", "viewer"),
    ("connections", "Connections", "viewer"),
    ("mappings", "Mappings", "admin"),
    ("scorecard", "Scorecard", "viewer"),
    ("consent", "Consent", "viewer"),
    ("requests", "Requests", "viewer"),
    ("settings", "Settings", "admin"),
    ("people", "People", "admin"),
    ("keys", "API keys", "admin"),
    ("webhooks", "Webhooks", "admin"),
    ("trail", "Trail", "admin"),
)
"""Address below the console, title, and the role that sees it."""
_ELSEWHERE = {"connect": "connections", "trial": "connections", "problems": "connections"}
"""What is no page of the navigation itself → the one below which people look for it."""
_PLURAL = {Role.VIEWER: "people who are signed in", Role.OPERATOR: "operators and admins", Role.ADMIN: "admins"}
_ARTICLE = {Role.VIEWER: "a viewer", Role.OPERATOR: "an operator", Role.ADMIN: "an admin"}


ANSWERS = {
    "value": "Set this value", "newest": "Take the newest", "earliest": "Take the earliest", "leave": "Leave it",
    "same": "They are the same", "different": "They are two", "merge": "Merge them", "noted": "Close it",
    "release": "Let it out", "reject": "Take it back", "delete": "Delete it everywhere", "keep": "Put it back",
    "done": "It is deleted there", "erase": "Delete it there, too", "admit": "Let them in",
    "resume": "Take it up again", "do": "Do it", "mended": "It is mended",
}  # fmt: skip
"""Word of an answer → what its button says."""


def answer_of(word: str) -> str:
    """What the button of an answer says."""
    name, _, source = word.partition(":")
    return f"Take what {source} says" if name == "from" else ANSWERS.get(name, name)


def _under(path: str) -> str:
    """The page of the navigation below which a page lies."""
    first = path.removeprefix(PLACE).strip("/").partition("/")[0]
    return _ELSEWHERE.get(first, first)


def _following(request: Request) -> Callable[..., str]:
    """The query of a page that goes on from this one: as it was asked for, with some of it otherwise."""
    asked = {name: value for name, value in request.query_params.items() if name != "said"}
    return lambda **other: urlencode({**asked, **other})


def _key(visitor: Visitor | None) -> Markup:
    """What each form of a visit carries."""
    return hidden(form_key=visitor.form_key if visitor is not None else "")


def hidden(**values: object) -> Markup:
    """Values that a form carries unseen."""
    line = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup("").join(line.format(name, value) for name, value in values.items())


class _Times:
    """Moments as they are shown to somebody: in their zone, with the exact one behind it."""

    def __init__(self, zone: str) -> None:
        try:
            self._zone = zone_of(zone)
        except ConfigError:
            self._zone = zone_of("UTC")

    def __call__(self, at: Instant | str | None, *, seconds: bool = False) -> Markup:
        if at is None or at == "":
            return Markup("–")
        moment = datetime.fromtimestamp((from_iso(at) if isinstance(at, str) else at) / SECOND, UTC)
        shown = moment.astimezone(self._zone)
        text = f"{shown:%Y-%m-%d %H:%M:%S}" if seconds else f"{shown:%Y-%m-%d %H:%M}"
        exact = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        return Markup(f'<time datetime="{exact}" title="{exact}">{text}</time>')  # noqa: S704 - digits only


def masker(visitor: Visitor | None) -> Callable[[Any], Any]:
    """How personal data is shown to somebody: whole, or with its first letters alone."""
    if visitor is not None and visitor.may(Role.OPERATOR):
        return lambda value: value
    return masked


def prose(text: str) -> Markup:
    """A sentence in which `commands` stand between backticks, as HTML."""
    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{one}</code>" if at % 2 else one for at, one in enumerate(parts)))  # noqa: S704


def guide(text: str) -> Markup:
    """A sentence of a guide, in which *words of the tool* stand between asterisks, as HTML."""
    parts = str(prose(text)).split("*")
    return Markup("".join(f"<i>{one}</i>" if at % 2 else one for at, one in enumerate(parts)))  # noqa: S704


def lasting(seconds: float | None) -> str:
    """About how long something takes."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def number(value: float | None) -> str:
    """A number with its thousands apart."""
    return "–" if value is None else f"{value:,}"


def _is_ours(request: Request) -> bool:
    """Whether a form comes from a page of ours."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def as_file(body: bytes, name: str, sort: str = "application/json") -> Response:
    """What is kept as a file by whoever asked for it."""
    return Response(body, media_type=sort, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'})


def inside(to: str) -> str:
    """Where to go on after signing in: a page of the console, and never another site."""
    parts = urlsplit(to)
    fine = not parts.scheme and not parts.netloc and to.startswith(f"{PLACE}/") and "\\" not in to
    return to if fine else f"{PLACE}/"


def _check_names(settings: Settings) -> None:
    """`ConfigError` where the console could not be reached under the name that it was given."""
    console, public = (urlsplit(one or "") for one in (settings.console_url, settings.public_url))
    if settings.console_url and (console.scheme not in ("http", "https") or console.path not in ("", "/")):
        raise ConfigError(
            f"CONCORD_CONSOLE_URL cannot be {settings.console_url[:80]}.",
            remedy="Write it as https://hub.inside.example, without a path.",
        )
    if console.hostname and console.hostname == public.hostname:
        raise ConfigError(
            "CONCORD_CONSOLE_URL has the name of CONCORD_PUBLIC_URL, under which no page of the console is answered.",
            remedy="Give the console a name of its own, that only people inside can reach.",
        )


def secure(request: Request, settings: Settings) -> bool:
    """Whether the cookie is for encrypted lines only."""
    names = [urlsplit(one) for one in (settings.console_url, settings.public_url) if one]
    return request.url.scheme == "https" or any(
        one.scheme == "https" and request.url.hostname == one.hostname for one in names
    )
