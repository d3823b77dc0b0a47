"""What all of the sandbox's calls share: signing in, errors, versions, forms, idempotency keys, pages, expanding."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar, NamedTuple, TypeVar

import orjson

from connectors._kit.sandbox import Call, Response, route
from connectors._kit.sandbox import Sandbox as Base
from connectors.stripe.sandbox_shapes import Object, list_of, made_id
from core.model.instant import SECOND, Instant

Handler = TypeVar("Handler", bound=Callable[..., Response])
KEPT = 24 * 3_600 * SECOND
"""For so long an idempotency key is known."""


class Problem(Exception):
    """An error as the API tells it."""

    def __init__(self, status: int, message: str, *, type: str = "invalid_request_error", **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": type, **more}

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer."""
        return Response(self.status, {"error": self.error}, dict(headers or {}))


class Kept(NamedTuple):
    """What an idempotency key was first answered."""

    call: tuple[str, bytes]
    response: Response
    at: Instant


def missing(kind: str, id_: str, param: str = "id", status: int = 404) -> Problem:
    """The error of an id that is none."""
    return Problem(status, f"No such {kind}: '{id_}'", code="resource_missing", param=param)


def api(method: str, path: str, permission: str, **more: Any) -> Callable[[Handler], Handler]:
    """A call below `/v1` that needs a permission; a `Problem` that it raises is its answer."""

    def mark(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(self: Ground, call: Call, **parts: str) -> Response:
            try:
                self.permit(permission)
                response = self.once(call, lambda: handler(self, call, **parts))
            except Problem as problem:
                response = problem.response()
            return self.signed(response)

        return route(method, f"/v1{path}", **more)(answered)  # type: ignore[return-value]  # it only wraps

    return mark


class Ground(Base):
    """One account."""

    title: ClassVar[str] = "Stripe"
    api_key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
    account = "acct_1032D82eZvKYlo2C"
    account_name = "Bluebird Supplies"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.forbidden: set[str] = set()
        """Permissions (`customer_write`) that the key lacks."""
        self.other_mode: set[str] = set()
        """Ids of objects in the other mode."""
        self.troubled: list[Response | Problem] = []
        """Answers to the next writes, before anything is done; kept under their idempotency keys."""
        self.replies: dict[str, Kept] = {}
        self._number = 0
        self._request = 0

    # --- the dialect

    def authorise(self, call: Call) -> Response | None:
        """The key by Bearer, or by Basic as a name."""
        kind, _, word = call.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            word = base64.b64decode(word).decode("utf-8", "replace").partition(":")[0]
        if not word:
            return self.signed(Problem(401, "You did not provide an API key.").response())
        if word != self.api_key:
            return self.signed(Problem(401, f"Invalid API Key provided: {word[:8]}****{word[-4:]}").response())
        named = call.headers.get("stripe-account", self.account)
        if named != self.account:
            what = f"The provided key does not have access to account '{named}' (or that account does not exist)."
            return self.signed(Problem(403, what, code="account_invalid").response())
        return None

    def permit(self, permission: str) -> None:
        """Refuse what the key may not do."""
        if permission in self.forbidden:
            raise Problem(403, f"The provided key 'rk_test_****dp7dc' does not have the required permissions for this "
                               f"endpoint on account '{self.account}'. Having the 'rak_{permission}' permission would "
                               "allow this request to continue.")  # fmt: skip

    def throttled(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """Which limit it was is told, how long to wait is not."""
        problem = Problem(429, "Request rate limit exceeded.", code="rate_limit")
        return self.signed(problem.response({"Stripe-Rate-Limited-Reason": "global-rate"}))

    def failing(self, call: Call) -> Response:  # noqa: ARG002 -- the same for all
        """Stripe is in trouble."""
        return self.signed(Problem(503, "An unknown error occurred.", type="api_error").response())

    def no_such_call(self, call: Call) -> Response:
        """There is nothing there."""
        what = f"Unrecognized request URL ({call.method}: {call.path})."
        return self.signed(Problem(404, what).response())

    def signed(self, response: Response) -> Response:
        """Every answer has the number of its request."""
        self._request += 1
        return response._replace(headers={"Request-Id": f"req_{self._request:014d}", **response.headers})

    def once(self, call: Call, act: Callable[[], Response]) -> Response:
        """Answer a repeated write as it was answered first. What failed validation is not kept."""
        key = call.headers.get("idempotency-key", "")
        if call.method != "POST":
            return act()
        if len(key) > 255:
            raise Problem(400, "Idempotency keys may have 255 characters.", type="idempotency_error")
        this, now = (call.path, call.body), self.now()
        kept = self.replies.get(key) if key else None
        if kept is not None and now - kept.at < KEPT:
            if kept.call != this:
                what = f"Keys for idempotent requests can only be used with the same parameters: '{key}'."
                raise Problem(400, what, type="idempotency_error")
            return kept.response._replace(headers={**kept.response.headers, "Idempotent-Replayed": "true"})
        response = self._trouble_or(act)
        if key:
            self.replies[key] = Kept(this, response, now)
        return response

    def _trouble_or(self, act: Callable[[], Response]) -> Response:
        if not self.troubled:
            return act()
        trouble = self.troubled.pop(0)
        if isinstance(trouble, Problem):
            raise trouble
        return trouble

    # --- small words

    def seconds(self) -> int:
        """The time as Stripe writes it."""
        return self.now() // SECOND

    def new_id(self, prefix: str) -> str:
        """An id that nothing had before."""
        self._number += 1
        return made_id(prefix, self._number)

    def paged(self, call: Call, rows: Sequence[Object], kind: str) -> Response:
        """The page that was asked for, of rows in Stripe's order, the newest first."""
        asked = unflat(call.query)
        try:
            limit = int(asked.get("limit", 10))
        except ValueError:
            limit = 0
        if not 1 <= limit <= 100:
            raise Problem(400, "Limit must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
        rows = within(rows, asked.get("created"))
        after = asked.get("starting_after")
        if after is not None:
            place = next((place for place, row in enumerate(rows) if row["id"] == after), None)
            if place is None:
                raise missing(kind, after, "starting_after", 400)
            rows = rows[place + 1 :]
        data = [self.expanded(row, asked.get("expand"), "data.") for row in rows[:limit]]
        return Response(200, list_of(data, call.path, more=len(rows) > limit))

    def expanded(self, row: Object, expand: Any, prefix: str = "") -> Object:
        """An object with what was asked for beside it; each kind knows how."""
        wanted = [name.removeprefix(prefix) for name in (expand or {}).values() if name.startswith(prefix)]
        shown: Object = orjson.loads(orjson.dumps(row))
        for name in wanted:
            shown[name] = self.expansion(shown, name)
        return shown

    def expansion(self, row: Object, name: str) -> Any:
        """What stands for a field that was asked for whole."""
        what = f"This property cannot be expanded ({name}) of {row['object']}."
        raise Problem(400, what)


def within(rows: Sequence[Object], created: Any) -> list[Object]:
    """Rows that were made in a span."""
    if created is None:
        return list(rows)
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    tests: Mapping[str, Callable[[int, int], bool]] = {
        "gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__,
    }  # fmt: skip
    if set(bounds) - set(tests):
        raise Problem(400, "Received unknown parameter in created.", code="parameter_unknown", param="created")
    return [row for row in rows if all(tests[name](row["created"], int(to)) for name, to in bounds.items())]


def unflat(form: Mapping[str, str]) -> dict[str, Any]:
    """Bracketed names as nested values; lists stay maps of their numbers."""
    whole: dict[str, Any] = {}
    for name, value in form.items():
        *steps, last = re.findall(r"[^\[\]]+", name)
        inner = whole
        for step in steps:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return whole
