"""The forms as people see them: the hub's own page for each, and the snippet for a page of your own.

Plain forms that need no script. A token in the page says when it was made and which visit it was, sealed by the vault,
so that a post that is repeated counts once and one that comes sooner than anybody can type is known for a machine's.
Whoever has no token (a snippet without its script) is a person all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from core.decide.forms import origin_of
from core.decide.leads import LINE, PAGE, REFERRER, TEXT, TOKEN, TRAP, Posted
from core.errors import ConfigError
from core.model.form import Form, FormField
from core.model.instant import SECOND, Instant

if TYPE_CHECKING:
    from api.assembly import Installation

PLACE = "/forms"

AT_LEAST = 2 * SECOND
"""Nobody fills in a form sooner than that."""

_TYPES = {"email": "email", "phone": "tel", "url": "url", "date": "date"}
_COMPLETE = {
    "first_name": "given-name",
    "last_name": "family-name",
    "full_name": "name",
    "salutation": "honorific-prefix",
    "email": "email",
    "phone": "tel",
    "company_name": "organization",
    "job_title": "organization-title",
    "street": "street-address",
    "city": "address-level2",
    "region": "address-level1",
    "postal_code": "postal-code",
    "country": "country-name",
    "birthday": "bday",
    "website": "url",
}
"""What a browser may fill in by itself; https://html.spec.whatwg.org/multipage/form-control-infrastructure.html."""
_REFERENCE = re.compile(r"[0-9A-F]{10}")


class Visit(NamedTuple):
    """What a token says: when the page was made, and which visit it was."""

    at: Instant
    nonce: str


def token_of(installation: Installation, form: str) -> str:
    """A token for a page that is made now."""
    told = {"for": "form", "form": form, "at": str(installation.clock()), "nonce": token_hex(16)}
    return installation.vault.seal(told).decode()


def visit_of(installation: Installation, form: str, token: str) -> Visit | None:
    """What a token says; None for one that was not made here, or for another form."""
    try:
        told = installation.vault.open(token.encode("ascii", "replace")) if token else {}
    except ConfigError:
        return None
    if told.get("for") != "form" or told.get("form") != form:
        return None
    return Visit(int(told["at"]), told["nonce"])


def snippet(form: Form, base: str) -> str:
    """The HTML of a form for another page; `base` is where the hub is reached."""
    return _pages().get_template("form_snippet.html").render(form=form, base=base.rstrip("/")).lstrip()


def form_page(
    form: Form | None,
    *,
    token: str = "",
    values: Posted | None = None,
    wrong: Mapping[str, str] | None = None,
    said: str = "",
    status: int = 200,
    context: Mapping[str, str] | None = None,
) -> Response:
    """A form as a page: empty, or with what was typed and what is wrong with it."""
    told = {"page": "", "referrer": "", **(context or {})}
    text = _pages().get_template("form.html").render(
        form=form, token=token, values=values or {}, wrong=wrong or {}, said=said, thanked=False, **told
    )  # fmt: skip
    return HTMLResponse(text.lstrip(), status, headers=headers(form))


def headers(form: Form | None) -> dict[str, str]:
    """The headers of a form's page. A browser holds `form-action` against where the post leads on to, too."""
    sites = " ".join(form.sites) if form is not None else ""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
    return {
        "Content-Security-Policy": f"{policy}; form-action 'self' {sites}; frame-ancestors 'self' {sites}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }


def allowed(form: Form, origin: str) -> dict[str, str]:
    """The headers by which a page of one of the form's sites may read the answer; none for any other page."""
    if origin not in form.sites:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def is_ours(request: Request, origin: str) -> bool:
    """Whether a page of the hub itself asks."""
    return urlsplit(origin).netloc == request.headers.get("host", "")


def routes(installation: Installation) -> APIRouter:
    """The pages."""
    router = APIRouter(prefix=PLACE)

    def form_of(name: str) -> Form | None:
        found = installation.hub().forms.get(name)
        return found.form if found is not None else None

    @router.get("/{name}", response_class=HTMLResponse)
    def look(name: str, request: Request) -> Response:
        """The form, for whoever has the link."""
        form = form_of(name)
        if form is None:
            return form_page(None, status=404)
        context = {"page": seen_from_outside(request), "referrer": request.headers.get("referer", "")}
        return form_page(form, token=token_of(installation, name), context=context)

    def seen_from_outside(request: Request) -> str:
        """The page's address as people see it: before the hub stands a proxy that speaks TLS."""
        public, url = installation.settings.public_url, request.url
        if not public or url.hostname != urlsplit(public).hostname:
            return str(url)
        return f"{public.rstrip('/')}{url.path}" + (f"?{url.query}" if url.query else "")

    @router.get("/{name}/token")
    def token(name: str, request: Request) -> Response:
        """A token for a page of one's own."""
        form = form_of(name)
        if form is None:
            return JSONResponse({"token": ""}, 404)
        origin = origin_of(request.headers.get("origin", "")) or ""
        told = {"Cache-Control": "no-store", **allowed(form, origin)}
        return JSONResponse({"token": token_of(installation, name)}, headers=told)

    @router.get("/{name}/thanks", response_class=HTMLResponse)
    def thanks(name: str, number: str = "") -> Response:
        """Where people are led who have no page of yours to go to."""
        form = form_of(name)
        if form is None:
            return form_page(None, status=404)
        known = number if _REFERENCE.fullmatch(number) else ""
        text = _pages().get_template("form.html").render(form=form, thanked=True, reference=known, wrong={}, said="")
        return HTMLResponse(text.lstrip(), headers=headers(form))

    return router


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("api", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    names: dict[str, Any] = {"page": PAGE, "referrer": REFERRER, "token": TOKEN, "trap": TRAP}
    pages.globals |= {"names": names, "limits": {"line": LINE, "text": TEXT}, "types": _TYPES, "complete": _complete}
    return pages


def _complete(one: FormField) -> str:
    word = _COMPLETE.get(one.name)
    mode = ' inputmode="decimal"' if one.type == "number" else ""
    return f' autocomplete="{word}"{mode}' if word else mode
