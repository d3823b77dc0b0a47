"""Versions of a mapping: every text that was in force, what each changed, and the one in force as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.console.desk import HEADERS
from api.console.people import Visitor
from api.drafting import difference, versions
from core.errors import ConcordError

if TYPE_CHECKING:
    from api.console.desk import Desk


def routes(desk: Desk) -> APIRouter:
    """The versions and the file, for admins."""
    router = APIRouter()
    at = desk.installation

    @router.get("/mappings/{name}/versions")
    def history(
        request: Request, name: str, visitor: Visitor = desk.for_admins, version: int | None = None
    ) -> Response:
        """Every text that was in force, and what one of them changed."""
        try:
            found = versions(at, name)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        chosen = next((place for place, one in enumerate(found) if one.id == version), 0)
        before = found[chosen + 1].text if chosen + 1 < len(found) else ""
        return desk.page(
            request, visitor, "mapping_versions.html", name=name, found=found, chosen=found[chosen],
            changes=difference(before, found[chosen].text),
        )  # fmt: skip

    @router.get("/mappings/{name}/text")
    def text_of(request: Request, name: str, visitor: Visitor = desk.for_admins) -> Response:
        """The text in force, as a file."""
        try:
            found = versions(at, name)[0]
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        named = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
        return PlainTextResponse(found.text, media_type="application/yaml", headers={**HEADERS, **named})

    return router
