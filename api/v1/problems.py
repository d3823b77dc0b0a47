"""Problems: how the API says that something is not so, as RFC 9457 has it, with who acts and what to do.

{"type": "urn:concord:record.unknown", "title": "Not Found", "status": 404, "detail": "There is no record 12.",
"code": "record.unknown", "remedy": "…", "acts": "admin", "errors": []}
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from core.errors import Acts, ConcordError, ConfigError, StoreError, register
from core.mapping.problem import MappingError
from core.mapping.problem import Problem as TextProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA = "application/problem+json"
for _code, _happened, _remedy in (
    ("api.key", "A request to the API shows no key, or one that is not good.", "Make one with `concord keys add`."),
    ("api.scope", "The key has not the scope that the request takes.", "Make a key that has it."),
    ("api.too_often", "Too many requests came.", "Wait as long as `Retry-After` says."),
    ("api.unknown", "There is no such thing.", "Look it up in the list of its kind."),
    ("api.operation", "This hub knows no such operation.", "Look it up in /v1/openapi.json; a newer hub may know it."),
    ("api.request", "A request cannot be read.", "Mend what `errors` names, and send it again."),
    ("api.idempotency", "A request cannot be told from another one.", "Use a new `Idempotency-Key` for each."),
    ("api.too_large", "A request carries too much.", "Send it in parts."),
    ("record.state", "The record is not live any more.", "Change the one that it became."),
    ("plan.state", "A plan cannot be activated as it stands.", "Wait until it is ready, or post the text again."),
    ("plan.unseen", "A plan was to be activated unseen.", "Send its ETag as `If-Match`."),
    ("plan.changed", "It would do something else by now than was agreed to.", "Read it again, and agree to it anew."),
):
    register(_code, _happened, _remedy)

_MOST = 50
"""Places of which a problem tells."""
_STATUS = {"record.changed": 412, "record.known": 409, "record.erased": 409}


class Part(BaseModel):
    """What is wrong at one place of a request."""

    pointer: str = Field(description="Where: a JSON pointer into the body, or the name of a parameter or header.")
    detail: str
    line: int | None = Field(default=None, description="In a text: its line, counted from 1.")
    column: int | None = Field(default=None, description="And its column, counted from 1.")
    remedy: str = ""


class Problem(BaseModel):
    """What is not so, who acts, and what to do."""

    type: str = Field(description="`urn:concord:` and the code.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stays the same from version to version: programs may look at it.")
    remedy: str
    acts: str
    errors: list[Part] = Field(default_factory=list)


class Declined(Exception):
    """A request is answered by a problem."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Part] = (),
    ) -> None:
        """`headers` go with the answer."""
        super().__init__(detail)
        self.status, self.headers = status, headers
        self.told = told(status, code, detail, remedy, errors=errors)


def told(
    status: int, code: str, detail: str, remedy: str, *, acts: str = Acts.ADMIN, errors: Sequence[Part] = ()
) -> Problem:
    """A problem, put into words."""
    return Problem(
        type=f"urn:concord:{code}", title=HTTPStatus(status).phrase, status=status, detail=detail, code=code,
        remedy=remedy, acts=acts, errors=list(errors),
    )  # fmt: skip


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as an answer."""
    return JSONResponse(problem.model_dump(), problem.status, headers=dict(headers or {}), media_type=MEDIA)


def of_error(error: ConcordError) -> Problem:
    """The hub's own word for what went wrong; of a text, place by place."""
    if isinstance(error, MappingError):
        parts = parts_of(error.problems)
        first = next(one for one in error.problems if one.severity == "error")
        words = f"{first.file}, line {first.line}, column {first.column}: {first.what}"
        more = f" There are {len(parts)} such places." if len(parts) > 1 else ""
        return told(422, error.error_code, f"{words}{more}", error.remedy, acts=str(error.acts), errors=parts)
    status = _STATUS.get(error.error_code)
    if status is None:
        status = 400 if isinstance(error, ConfigError) else 503 if isinstance(error, StoreError) else 502
    return told(status, error.error_code, error.message, error.remedy, acts=str(error.acts))


def parts_of(problems: Sequence[TextProblem]) -> list[Part]:
    """What is wrong or doubtful in a text, in its order."""
    return [
        Part(pointer="/text", detail=_sentence(one), line=one.line, column=one.column, remedy=one.remedy)
        for one in problems[:_MOST]
    ]  # fmt: skip


def _sentence(one: TextProblem) -> str:
    found = [f"Found: {one.found}." if one.found else "", f"Expected: {one.expected}." if one.expected else ""]
    return " ".join(filter(None, (one.what, *found)))


def missing(what: str, remedy: str) -> Declined:
    """There is no such thing."""
    return Declined(404, "api.unknown", f"There is no {what}.", remedy)


def of_request(errors: Sequence[Any]) -> Problem:
    """What is wrong in a request, place by place, as pydantic found it."""
    parts = [Part(pointer=_pointer(one["loc"]), detail=str(one["msg"])[:300]) for one in errors[:_MOST]]
    words = "; ".join(f"{one.pointer}: {one.detail}" for one in parts[:3])
    remedy = "Mend what is named, and send it again. /v1/openapi.json says what each request takes."
    return told(422, "api.request", f"The request cannot be read: {words}.", remedy, errors=parts)


def _pointer(place: Sequence[object]) -> str:
    where, rest = str(place[0]) if place else "", [str(one) for one in place[1:]]
    return f"/{'/'.join(rest)}" if where == "body" else ".".join(rest) or where
