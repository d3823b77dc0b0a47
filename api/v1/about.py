"""Who asks, and what there is: the test of a key, the kinds with their fields, the settings and the mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from pydantic import Field, JsonValue

from api.drafting import texts, versions
from api.v1.fields import label_of
from api.v1.keys import Caller, Scope
from api.v1.problems import missing
from api.v1.reading import Number, Told, moment
from core.model.instant import iso

if TYPE_CHECKING:
    from api.v1.door import Door
    from core.model.shape import Field as ModelField


class Me(Told):
    """Whose key it is."""

    id: int
    label: str
    role: str
    scopes: list[str]
    ends_at: str | None
    hub: str = Field(description="The installation's own name for itself.")


class FieldOut(Told):
    """A field of a kind."""

    key: str
    label: str
    type: str
    of: str | None = Field(description="What a set holds, or a reference points to.")
    many: bool
    choices: list[str] = Field(description="The values it takes; empty where it takes any.")
    example: JsonValue
    doc: str


class KindOut(Told):
    """A kind of records."""

    name: str
    fields: list[FieldOut]


class Version(Told):
    """A version of a mapping."""

    id: int
    at: str = Field(description="When it came into force first.")
    active: bool


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["about"])
    at = door.installation

    @router.get("/me")
    def me(caller: Caller = door.anybody) -> Me:
        """Whose key this is, and what it may do."""
        key = caller.key
        return Me(id=key.id, label=key.name, role=key.role, scopes=list(key.scopes), ends_at=moment(key.ends_at),
                  hub=at.hub().installation)  # fmt: skip

    @router.get("/kinds")
    def kinds(caller: Caller = door[Scope.RECORDS_READ]) -> list[KindOut]:  # noqa: ARG001
        """Every kind of records, with its fields: those of the model, and the hub's own."""
        shapes = at.hub().shapes
        return [KindOut(name=name, fields=[_field(one) for one in shape.fields.values()])
                for name, shape in shapes.items()]  # fmt: skip

    @router.get("/mappings/{connection}", response_class=Response, responses={200: {"content": {"text/yaml": {}}}})
    def mapping(connection: str, caller: Caller = door[Scope.SETUP_READ]) -> Response:  # noqa: ARG001
        """The mapping in force, as it was written."""
        for one in versions(at, connection):
            if one.active:
                return Response(one.text, media_type="text/yaml")
        raise missing(f"mapping of '{connection[:60]}'", "See `GET /v1/connections`.")

    @router.get("/mappings/{connection}/versions")
    def list_versions(connection: str, caller: Caller = door[Scope.SETUP_READ]) -> list[Version]:  # noqa: ARG001
        """Every version of a mapping, newest first."""
        return [Version(id=one.id, at=iso(one.at), active=bool(one.active)) for one in versions(at, connection)]

    @router.get("/mappings/{connection}/versions/{id}", response_class=Response,
                responses={200: {"content": {"text/yaml": {}}}})  # fmt: skip
    def version(connection: str, id: Number, caller: Caller = door[Scope.SETUP_READ]) -> Response:  # noqa: ARG001
        """One of them, as it was written."""
        for one in versions(at, connection):
            if one.id == id:
                return Response(one.text, media_type="text/yaml")
        raise missing(f"version {id} of the mapping of '{connection[:60]}'", "See the list of its versions.")

    @router.get("/settings")
    def settings(caller: Caller = door[Scope.SETUP_READ]) -> dict[str, str]:  # noqa: ARG001
        """The other texts of the configuration, by name: rules, movement policy and the rest."""
        return {name: one.text for name, one in texts(at).items()}

    return router


def _field(one: ModelField) -> FieldOut:
    return FieldOut(
        key=one.name, label=label_of(one), type=one.type, of=one.of, many=one.many,
        choices=list(one.choices), example=one.example, doc=one.doc,
    )  # fmt: skip
