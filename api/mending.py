"""The buttons beside what does not fit together: one click moves the stage, or gives the owner a task.

There is no sign-in yet, so there are buttons on a loopback address only; and each carries a seal that only this hub can
make, since a foreign page could post here, too, but cannot read ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.posting import body_of, posted
from core.errors import ConcordError, ConfigError
from core.flow.movement.mending import mend

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.assembly import Installation
    from core.decide.leads import Posted

PLACE = "/audit/mend"


def seal(installation: Installation, record: int, what: str) -> str:
    """What a button carries."""
    return installation.vault.seal({"for": "mend", "record": str(record), "what": what}).decode()


def add_mending(app: FastAPI, installation: Installation, refused: Callable[[ConcordError], HTMLResponse]) -> None:
    """Add what the buttons lead to; `refused` is the page that says why something was not done."""

    @app.post(PLACE, response_class=HTMLResponse)
    async def press(request: Request) -> Response:
        """Mend one finding, and go back to those that are left."""
        headers = request.headers

        def done(said: Posted) -> None:
            record, what = _opened(installation, said.get("token", ""))
            mend(installation.hub(), record, what, by_task=said.get("how") == "task")

        try:
            body = await body_of(request.stream(), headers.get("content-length"))
            await run_in_threadpool(done, posted(headers.get("content-type", ""), body))
        except ConcordError as error:
            return refused(error)
        return RedirectResponse("/audit/records?only=unreal", 303)


def _opened(installation: Installation, token: str) -> tuple[int, str]:
    try:
        told = installation.vault.open(token.encode("ascii", "replace"))
    except ConfigError:
        told = {}
    if told.get("for") != "mend":
        raise ConfigError("This button was not made by this hub.", remedy="Open `/audit/records?only=unreal` again.")
    return int(told["record"]), told["what"]
