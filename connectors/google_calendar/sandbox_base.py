"""What all of the sandbox's calls share: signing in, scopes, who may do what, problems and stamps."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

from connectors._kit.sandbox import Call, Response, route
from connectors._kit.sandbox import Sandbox as Base
from connectors._kit.sandbox_consent import ConsentPage, Refusal
from connectors.google_calendar.sandbox_problems import (
    Problem,
    invalid,
    not_enabled,
    not_found,
    not_signed_in,
    not_writer,
    out_of_scope,
    too_many,
)
from connectors.google_calendar.sandbox_store import Calendar, Kept
from core.model.instant import SECOND, Instant, moment

Handler = TypeVar("Handler", bound=Callable[..., Response])
SCOPES = "https://www.googleapis.com/auth/"
WRITES, LISTS = f"{SCOPES}calendar.events", f"{SCOPES}calendar.calendarlist.readonly"
BROKEN = Response(0)
"""The connection breaks in the middle."""
LASTS = 3599
"""Seconds that an access token is good."""


def api(method: str, path: str, scope: str, **more: Any) -> Callable[[Handler], Handler]:
    """A call below `/calendar/v3` that needs a scope; a `Problem` that it raises is its answer."""

    def mark(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(self: Any, call: Call, **parts: str) -> Response:
            try:
                self.demand(scope)
                return handler(self, call, **parts)
            except Problem as problem:
                return problem.response()

        return route(method, f"/calendar/v3{path}", **more)(answered)  # type: ignore[return-value]  # it only wraps

    return mark


class Ground(Base):
    """One Google account and one app that it let in."""

    title: ClassVar[str] = "Google Calendar"
    client_id = "1066-bluebird.apps.googleusercontent.com"
    client_secret = "GOCSPX-of-the-stand-in"  # noqa: S105 -- the stand-in's own
    refresh_token = "1//refresh-token-of-the-account"  # noqa: S105 -- the stand-in's own
    user = "anna@bluebird.example"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.calendars: dict[str, Calendar] = {}
        self.calendar = self.add_calendar(self.user, "Anna", primary=True)
        self.scopes = {WRITES, LISTS}
        """What the user agreed to."""
        self.enabled = True
        """Whether the app's project has the API switched on."""
        self.consent = ConsentPage("Google", self.now, client_id=self.client_id, scopes=(WRITES, LISTS))
        self.tokens: dict[str, Instant] = {}
        """Access token → when it ends."""

    def add_calendar(self, id: str, summary: str, *, zone: str = "Europe/Berlin", **more: Any) -> Calendar:
        """One more calendar in the user's list."""
        made = self.calendars[id] = Calendar(id, summary, zone, **more)
        return made

    # --- signing in

    @route("GET", "/o/oauth2/v2/auth", spared=True)
    def authorize(self, call: Call) -> Response:
        """Asks the user whether the app may (at accounts.google.com)."""
        return self.consent.answer(call)

    @route("POST", "/token", spared=True)
    def token(self, call: Call) -> Response:
        """An access token for a refresh token, which stays the same, or for a code.

        With a code comes the refresh token where the app asked for access offline and for consent anew.
        """
        form = call.form()
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return Response(401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
        more = {}
        if form.get("grant_type") == "authorization_code":
            found = self.consent.exchanged(form)
            if isinstance(found, Refusal):
                return Response(400, {"error": found.error, "error_description": found.words})
            if (found.asked.get("access_type"), found.asked.get("prompt")) == ("offline", "consent"):
                more = {"refresh_token": self.refresh_token}
        elif form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
            told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return Response(400, told)
        token = f"ya29.access-{len(self.tokens)}"
        self.tokens[token] = self.now() + LASTS * SECOND
        scope = " ".join(sorted(self.scopes))
        return Response(
            200, {"access_token": token, "expires_in": LASTS, "scope": scope, "token_type": "Bearer", **more}
        )  # fmt: skip

    def sign_out(self) -> None:
        """All access tokens end before their time."""
        self.tokens = dict.fromkeys(self.tokens, 0)

    def authorise(self, call: Call) -> Response | None:
        """A bearer token that is good still. In a batch each part is asked for itself."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and (self.now() < self.tokens.get(token, 0) or call.path.startswith("/batch/")):
            return None
        return not_signed_in().response()

    def demand(self, scope: str) -> None:
        """Go on only if the API is switched on and the user agreed to that."""
        if not self.enabled:
            raise not_enabled()
        if scope not in self.scopes:
            raise out_of_scope()

    # --- the dialect

    def answer(self, call: Call) -> Response | None:
        """What to answer; a call that broke in the middle gets none."""
        response = super().answer(call)
        return None if response is BROKEN else response

    def throttled(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """A 403, which is told from a forbidden one by its reason alone."""
        return too_many().response()

    def failing(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """Google is in trouble and did nothing."""
        return Problem(503, "backendError", "Backend Error").response()

    def bad_call(self, call: Call, why: str) -> Response:  # noqa: ARG002 -- the same for all
        """The body is none."""
        return Problem(400, "parseError", f"Parse Error: {why}").response()

    def no_such_call(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """There is nothing at this address."""
        return not_found().response()

    # --- small words

    def of(self, calendar_id: str, *, to_write: bool = False) -> Calendar:
        """A calendar of the user's, for reading or for writing."""
        found = self.calendar if calendar_id == "primary" else self.calendars.get(calendar_id)
        if found is None:
            raise not_found()
        if to_write and found.role not in ("owner", "writer"):
            raise not_writer()
        return found

    def event(self, calendar: Calendar, event_id: str) -> Kept:
        """An event of a calendar, a cancelled one too."""
        found = calendar.events.get(event_id)
        if found is None:
            raise not_found()
        return found


def told(at: Instant) -> str:
    """A moment as Google stamps it, to the millisecond."""
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(call: Call, name: str, default: int, most: int) -> int:
    """A number in the query; more than the most is taken for the most."""
    text = call.query.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise invalid(f"Invalid integer value: '{text}'.", parameter=name)
    return min(int(text), most)
