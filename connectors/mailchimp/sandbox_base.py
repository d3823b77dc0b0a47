"""What all of the sandbox's calls share: signing in, problems, paging, chosen fields, throttles and stamps."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial, wraps
from typing import Any, ClassVar, TypeVar

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response, route
from connectors._kit.sandbox import Sandbox as Base
from connectors._kit.sandbox_consent import ConsentPage, Refusal
from connectors.mailchimp.sandbox_problems import Problem, invalid, not_found
from connectors.mailchimp.sandbox_store import Audience, Member, State
from core.model.instant import MINUTE, SECOND, Instant, instant, moment

Handler = TypeVar("Handler", bound=Callable[..., Response])
CONNECTIONS = 10
"""Calls of one user that may be open at once."""
LAG = 5 * MINUTE
"""By how much a late reading is behind."""


def api(method: str, path: str, **more: Any) -> Callable[[Handler], Handler]:
    """A call below `/3.0`; a `Problem` that it raises is its answer."""

    def mark(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(self: Any, call: Call, **parts: str) -> Response:
            try:
                return handler(self, call, **parts)
            except Problem as problem:
                return problem.response()

        return route(method, f"/3.0{path}", **more)(answered)  # type: ignore[return-value]  # it only wraps

    return mark


class Ground(Base):
    """One account."""

    title: ClassVar[str] = "Mailchimp"
    api_key = "0123456789abcdef0123456789abcdef-us19"
    token = "token-of-the-account"  # noqa: S105 -- the stand-in's own
    client_id = "635959587059"
    client_secret = "secret-of-the-app"  # noqa: S105 -- the stand-in's own
    account = "Bluebird Supplies"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.consent = ConsentPage("Mailchimp", self.now, client_id=self.client_id, pkce=False)
        self.audiences: dict[str, Audience] = {}
        self.terse = False
        """Whether throttled calls get a 403 without a word, as under very many calls."""
        self.paths_by_hash = False
        """Whether only hashes are honoured in paths."""
        self.tags_touch = False
        """Whether a changed tag moves the member's stamp."""
        self.archived_stand = False
        """Whether an archived member stands in the way of a new one with the address."""
        self.mails: list[tuple[str, str]] = []
        """(kind, address) of mails that were sent."""
        self.most_open = 0
        """The most calls that were open at once."""
        self._open = 0
        self._open_lock = threading.Lock()
        self.audience = self.add_audience("Newsletter", "a1b2c3d4e5")

    def add_audience(self, name: str, id: str) -> Audience:
        """An admin makes another audience."""
        made = self.audiences[id] = Audience(id, name)
        return made

    # --- the dialect

    def answer(self, call: Call) -> Response | None:
        """What to answer; beyond ten open calls, to go away."""
        with self._open_lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
            crowd = self._open > CONNECTIONS
        try:
            return self.throttled(call) if crowd else super().answer(call)
        finally:
            with self._open_lock:
                self._open -= 1

    def authorise(self, call: Call) -> Response | None:
        """A key by Basic with any name or by Bearer, or a token."""
        if not call.path.startswith("/3.0"):
            return None
        kind, _, word = call.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            word = base64.b64decode(word).decode("utf-8", "replace").partition(":")[2]
        if not word:
            what = "Your request did not include an API key."
            return Problem(401, "API Key Missing", what).response()
        if word in (self.api_key, self.token):
            return None
        if "-" in word and word.rpartition("-")[2] != self.api_key.rpartition("-")[2]:
            what = "The API key provided is linked to a different data center."
            return Problem(403, "Wrong Datacenter", what).response()
        what = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
        return Problem(401, "API Key Invalid", what).response()

    def throttled(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """Nothing says how long to wait."""
        if self.terse:
            return Response(403)
        return Problem(
            429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."
        ).response()

    def failing(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """Mailchimp is in trouble."""
        return Problem(503, "Service Unavailable", "The service is currently undergoing maintenance.").response()

    def bad_call(self, call: Call, why: str) -> Response:  # noqa: ARG002 -- the same for all
        """The body is none."""
        return Problem(400, "JSON Parse Error", f"We encountered an unspecified JSON parsing error: {why}").response()

    def no_such_call(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """There is nothing there."""
        return not_found().response()

    @route("GET", "/oauth2/authorize", spared=True)
    def ask_the_user(self, call: Call) -> Response:
        """Asks the user whether the app may (at login.mailchimp.com)."""
        return self.consent.answer(call)

    @route("POST", "/oauth2/token", spared=True)
    def token_call(self, call: Call) -> Response:
        """A token that does not expire."""
        form = call.form()
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return Response(401, {"error": "invalid_client", "error_description": "Client authentication failed."})
        if form.get("grant_type") != "authorization_code":
            return Response(400, {"error": "unsupported_grant_type", "error_description": "The grant is not known."})
        found = self.consent.exchanged(form)
        if isinstance(found, Refusal):
            return Response(400, {"error": found.error, "error_description": found.words})
        return Response(200, {"access_token": self.token, "expires_in": 0, "scope": None})

    @route("GET", "/oauth2/metadata", spared=True)
    def metadata(self, call: Call) -> Response:
        """Where the account of a token is."""
        if call.headers.get("authorization") != f"OAuth {self.token}":
            return Response(401, {"error": "invalid_token", "error_description": "The token is not known."})
        return Response(200, {
            "dc": "us19", "role": "owner", "accountname": self.account, "user_id": 7, "api_endpoint": self.url,
            "login": {"email": "owner@example.com", "login_id": 7},
        })  # fmt: skip

    # --- small words

    def of(self, list_id: str) -> Audience:
        """An audience of the account."""
        found = self.audiences.get(list_id)
        if found is None:
            raise not_found()
        return found

    def member(self, list_id: str, name: str, *, hash_only: bool = False) -> tuple[Audience, Member]:
        """An audience and one of its members."""
        audience = self.of(list_id)
        found = audience.find(name, hash_only=hash_only or self.paths_by_hash)
        if found is None:
            raise not_found()
        return audience, found

    def as_of(self) -> Instant | None:
        """The moment that a list shows, None for the present one."""
        return self.now() - LAG if self.mischief.fires(Switch.LAGGING) else None

    def stamped(self, state: State, **changes: Any) -> State:
        """A next state, stamped with now; a person's change may be committed late or share the last stamp."""
        now = self.now()
        at = now // SECOND * SECOND
        if self.mischief.fires(Switch.LATE):
            at -= 30 * SECOND
        elif self.mischief.fires(Switch.TIED):
            at = max(state.last_changed, at - SECOND)
        return state._replace(**{"last_changed": at, "seen_at": now, **changes})


def told(at: Instant | None) -> str:
    """A moment as Mailchimp writes it, to the second; blank where there is none."""
    return "" if at is None else moment(at).replace(microsecond=0).isoformat()


def asked(call: Call, name: str) -> Instant | None:
    """A moment that a filter names."""
    text = call.query.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return instant(found)
    except ValueError as error:
        raise invalid("", (name, "This value is not a valid datetime.")) from error


def number(call: Call, name: str, default: int, most: int | None = None) -> int:
    """A number in the query."""
    text = call.query.get(name, str(default))
    if not text.isdigit() or (most is not None and int(text) > most):
        raise invalid("", (name, f"This value should be between 0 and {most}."))
    return int(text)


def paged(call: Call, rows: Sequence[Any]) -> Sequence[Any]:
    """The rows that were asked for: ten, unless more are wanted, and a thousand at most."""
    count, offset = number(call, "count", 10, 1000), number(call, "offset", 0)
    return rows[offset : offset + count]


def chosen(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the `fields` that were asked for, or without the `exclude_fields`."""
    if fields := call.query.get("fields"):
        return _only(body, [path.split(".") for path in fields.split(",")])
    kept = dict(body)
    for path in filter(None, call.query.get("exclude_fields", "").split(",")):
        kept = _without(kept, path.split("."))
    return kept


def _only(body: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in dict.fromkeys(path[0] for path in paths):
        if name not in body:
            continue
        inner = [path[1:] for path in paths if path[0] == name and len(path) > 1]
        kept[name] = _each(body[name], partial(_only, paths=inner)) if inner else body[name]
    return kept


def _without(body: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    name, rest = path[0], path[1:]
    return {**body, name: _each(body[name], lambda one: _without(one, rest))} if name in body else dict(body)


def _each(value: Any, turn: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_each(one, turn) for one in value]
    return turn(value) if isinstance(value, Mapping) else value
