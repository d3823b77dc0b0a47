"""What the properties of an account are: asked for per type of object, and remembered for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.words import COUPLED, DUE, LINKS, OWNERS
from core.model.instant import MINUTE, Instant
from core.ports import Description, FieldInfo

_FRESH = 10 * MINUTE
"""So long a list of properties is good; a new property shows in records that change after that."""

_TYPES: Mapping[str, str] = {
    "string": "text", "number": "number", "date": "date", "datetime": "instant", "bool": "choice",
    "enumeration": "choice", "phone_number": "phone", "json": "text", "object_coordinates": "text",
}  # fmt: skip
"""HubSpot's type → what its values look like on the way here: all are text, and yes and no are two words."""
_FORMS: Mapping[str, str] = {"checkbox": "text", "phonenumber": "phone"}
"""The form field tells more than the type: many check boxes are one text with `;` between the values."""
_YES_NO = ("true", "false")

_OWNER_FIELDS = (
    FieldInfo("id", read_only=True, label="Owner id"),
    FieldInfo("email", "email", read_only=True, label="Email"),
    FieldInfo("firstName", "name", read_only=True, label="First name"),
    FieldInfo("lastName", "name", read_only=True, label="Last name"),
    FieldInfo("userId", "number", read_only=True, label="User id"),
    FieldInfo("type", read_only=True, label="Type", choices=("PERSON", "QUEUE")),
    FieldInfo("archived", "flag", read_only=True, label="Deactivated"),
    FieldInfo("teams", "json", read_only=True, label="Teams"),
    FieldInfo("createdAt", "instant", read_only=True, label="Created"),
    FieldInfo("updatedAt", "instant", read_only=True, label="Last changed"),
)


class Properties(NamedTuple):
    """The properties of one type of object."""

    asked_at: Instant
    fields: tuple[FieldInfo, ...]

    @property
    def names(self) -> list[str]:
        """All names, in the order in which HubSpot lists them."""
        return [field.name for field in self.fields]

    def choices(self, name: str) -> tuple[str, ...]:
        """The values that a property may have, in HubSpot's order; nothing where it has no such list."""
        return next((field.choices for field in self.fields if field.name == name), ())


class Shapes:
    """The properties of each stream, remembered."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Properties] = {}

    def of(self, stream: str) -> Properties:
        """The properties of a stream, not older than some minutes."""
        known = self._known.get(stream)
        if known is None or self._client.clock() - known.asked_at > _FRESH:
            known = self.asked(stream)
        return known

    def asked(self, stream: str) -> Properties:
        """The properties of a stream as they are now."""
        asked_at = self._client.clock()
        told = self._client.ask("properties", "get_all", stream, archived=False).payload()
        fields = tuple(_field(stream, one) for one in told.each("results") if not one.flag("archived", False))
        self._known[stream] = known = Properties(asked_at, fields)
        return known

    def forget(self) -> None:
        """HubSpot spoke of a property that we did not know, or no longer has one: ask anew."""
        self._known.clear()

    def described(self, stream: str) -> Description:
        """The stream as HubSpot describes it now."""
        if stream == OWNERS:
            return Description(stream, _OWNER_FIELDS)
        links = tuple(
            FieldInfo(
                f"associations.{link.field}",
                "tags" if link.many else "ref",
                label=f"Associated {link.field}",
                refers_to=link.to,
            )
            for link in LINKS[stream]
        )
        fields = self.asked(stream).fields
        return Description(stream, (*(self._staged(fields) if stream in COUPLED else fields), *links))

    def _staged(self, fields: tuple[FieldInfo, ...]) -> list[FieldInfo]:
        """A deal's pipelines and stages are choices that stand in no property."""
        pipelines = list(self._client.ask("pipelines", "get_all", "deals").payload().each("results"))
        stages = [stage for one in pipelines for stage in one.each("stages", [])]
        ids = {"pipeline": pipelines, "dealstage": stages}
        return [
            field._replace(choices=tuple(one.id("id") for one in ids[field.name])) if field.name in ids else field
            for field in fields
        ]


def _field(stream: str, told: Payload) -> FieldInfo:
    name = told.text("name")
    options = sorted(told.each("options", []), key=lambda option: option.whole("displayOrder", 0))
    kind = _FORMS.get(told.text("fieldType", ""), _TYPES.get(told.text("type"), "text"))
    return FieldInfo(
        name,
        kind,
        label=told.text("label", ""),
        read_only=told.flag("modificationMetadata.readOnlyValue", False) or told.flag("calculated", False),
        required=(stream, name) == DUE,
        choices=_YES_NO if told.text("type") == "bool" else tuple(option.text("value") for option in options),
        custom=not told.flag("hubspotDefined", False),
        refers_to=OWNERS if _names_owners(told) else None,
    )


def _names_owners(told: Payload) -> bool:
    return told.text("name") == "hubspot_owner_id" or told.text("referencedObjectType", "") == "OWNER"
