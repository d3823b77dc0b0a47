"""`POST /v1/leads`: what people ask by a form, from a browser or a program.

    body ▶ which form ▶ from one of its sites? ▶ too often? ▶ a machine's? ▶ captured ▶ an answer of the asker's kind

A program gets JSON: 201 with a reference, 200 where the same had come before. A browser is led on to a page that says
thank you, or gets its form back with all that was typed and what is to be mended. What falls into the trap is answered
like any other, counted, and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse

from api.forms import AT_LEAST, PLACE, allowed, form_page, headers, is_ours, token_of, visit_of
from api.posting import JSON, body_of, posted
from api.rates import Rates, asker, networks
from core.decide.forms import origin_of
from core.decide.leads import PAGE, REFERRER, THANKS, TOKEN, TRAP, Posted
from core.errors import ConcordError, Incomplete, NotTaken, TooOften
from core.flow.capture import Captured, Post, capture, hashed
from core.model.form import Form
from core.store import leads

if TYPE_CHECKING:
    from api.assembly import Installation

LEADS = "/v1/leads"

_STATUS = {
    "lead.form": 404, "lead.incomplete": 422, "lead.site": 403, "lead.too_large": 413, "lead.too_often": 429,
    "lead.key": 409, "lead.unreadable": 400,
}  # fmt: skip
_LONGEST_KEY = 200
_TO_PEOPLE = {
    "lead.too_often": "Too much came from your connection just now. What you wrote is all here: please wait a minute, "
    "and send it again.",
    "lead.site": "This page may not use the form. Please tell whoever it belongs to. Nothing was sent.",
    "lead.form": "There is no such form any more. Please tell whoever the page belongs to. Nothing was sent.",
    "lead.unreadable": "What your browser sent could not be read. Please go back and try again. Nothing was sent.",
    "lead.too_large": "This is more than we can take: please send less, and no files. Nothing was sent.",
}
"""What people are told."""
_OUR_FAULT = (
    "This was not sent, and it is our fault. What you wrote is all here: please try again in a few minutes, or call us."
)


class Asked(NamedTuple):
    """A post, as far as it is understood."""

    fields: Posted
    form: Form | None
    origin: str
    wants_json: bool


def routes(installation: Installation) -> APIRouter:
    """The door for leads."""
    router = APIRouter()
    settings = installation.settings
    trusted = networks(settings.trusted_proxies)
    by_address, by_form = Rates(settings.leads_per_address), Rates(settings.leads_per_form)

    def slow_down(request: Request, form: Form) -> None:
        peer = request.client.host if request.client else ""
        who = asker(peer, request.headers.get("x-forwarded-for", ""), trusted)
        now = installation.clock()
        wait = by_address.wait(f"{form.name} {who}", now) or by_form.wait(form.name, now)
        if wait:
            raise TooOften("Too many leads came at once.", wait=wait)

    @router.options(LEADS)
    def may_post(request: Request) -> Response:
        """What a browser asks before a script of another site may post."""
        origin = origin_of(request.headers.get("origin", "")) or ""
        forms = [one.form for one in installation.hub().forms.values() if origin in one.form.sites]
        if not forms:
            return Response(status_code=403)
        told = {
            **allowed(forms[0], origin),
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "content-type, idempotency-key",
            "Access-Control-Max-Age": "600",
        }
        return Response(status_code=204, headers=told)

    @router.post(LEADS)
    async def post(request: Request) -> Response:
        """A lead."""
        sort = request.headers.get("content-type", "")
        asked = Asked({}, None, origin_of(request.headers.get("origin", "")) or "", _wants_json(request, sort))
        try:
            fields = posted(sort, await body_of(request.stream(), request.headers.get("content-length")))
            asked = asked._replace(fields=fields)
            return await run_in_threadpool(take, request, asked)
        except ConcordError as error:
            return _refused(request, asked, error)

    def take(request: Request, asked: Asked) -> Response:
        name = asked.fields.get("form") or request.query_params.get("form", "")
        known = installation.hub().forms.get(name)
        asked = asked._replace(form=known.form if known is not None else None)
        try:
            if asked.form is None:
                raise NotTaken(f"There is no form {name[:60]!r}.", code="lead.form")
            _on_its_site(request, asked.form, asked.origin)
            slow_down(request, asked.form)
            return _answer(asked, asked.form, _captured(installation, request, asked.fields, asked.form))
        except ConcordError as error:
            token = asked.fields.get(TOKEN) or (token_of(installation, name) if asked.form else "")
            return _refused(request, asked, error, token=token)

    return router


def _captured(installation: Installation, request: Request, fields: Posted, form: Form) -> Captured:
    visit = visit_of(installation, form.name, fields.get(TOKEN, ""))
    too_quick = visit is not None and installation.clock() - visit.at < AT_LEAST
    if fields.get(TRAP) or too_quick:
        with installation.store.writing() as tx:
            leads.count(tx, form.name, more={"trapped": 1})
        return Captured(token_hex(5).upper())
    own = request.headers.get("idempotency-key", "").strip()
    key = hashed(form.name, own[:_LONGEST_KEY]) if own else visit.nonce if visit is not None else token_hex(16)
    said = {name: text for name, text in fields.items() if name != "form"}
    found = capture(installation.hub(), Post(form.name, said, key, request.headers.get("referer"), strict=bool(own)))
    if found.wrong:
        raise Incomplete("The lead is not complete.", wrong=dict(found.wrong))
    return found


def _on_its_site(request: Request, form: Form, origin: str) -> None:
    """Only pages of the form's sites may post it. Who names no page (a program, a careful browser) is let in."""
    if origin and origin not in form.sites and not is_ours(request, origin):
        raise NotTaken(f"{origin} is no site of the form '{form.name}'.", code="lead.site")


def _wants_json(request: Request, sort: str) -> bool:
    accept = request.headers.get("accept", "")
    return sort.startswith(JSON) or (JSON in accept and "text/html" not in accept)


def _answer(asked: Asked, form: Form, found: Captured) -> Response:
    if asked.wants_json:
        told = {"reference": found.reference, "again": found.again, "problems": list(found.problems)}
        return JSONResponse(told, 200 if found.again else 201, headers=_plain(form, asked.origin))
    own = f"{PLACE}/{form.name}/thanks?number={found.reference}"
    chosen = asked.fields.get(THANKS, "")
    # A page may name its own, but only on a site of the form: else anybody could lead people anywhere through here.
    where = chosen if origin_of(chosen) in form.sites else form.thanks or own
    return RedirectResponse(where, 303, headers=headers(form))


def _refused(request: Request, asked: Asked, error: ConcordError, *, token: str = "") -> Response:
    status = _STATUS.get(error.error_code, 503)
    wrong: Mapping[str, str] = error.facts.pop("wrong", {})
    more = {"Retry-After": str(error.facts["wait"])} if "wait" in error.facts else {}
    if asked.wants_json:
        told = {"error": error.to_json(), "fields": dict(wrong)}
        return JSONResponse(told, status, headers={**_plain(asked.form, asked.origin), **more})
    said = "" if wrong else _TO_PEOPLE.get(error.error_code, _OUR_FAULT)
    # Posted from here the next time, it would no longer be known which page it began on.
    page_before = asked.fields.get(PAGE) or request.headers.get("referer", "")
    context = {"page": page_before, "referrer": asked.fields.get(REFERRER, "")}
    page = form_page(
        asked.form, token=token, values=asked.fields, wrong=wrong, said=said, status=status, context=context
    )
    page.headers.update(more)
    return page


def _plain(form: Form | None, origin: str) -> dict[str, str]:
    plain = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return {**plain, **(allowed(form, origin) if form is not None else {})}
