"""What cards add to the kit's walks and writes: the names of RFC 6352, and how a card becomes a record and back."""

from __future__ import annotations

from connectors._kit.dav.dialect import Content, Dialect
from connectors.carddav.editing import edit, new
from connectors.carddav.vcard import read
from core.model.instant import Instant, moment
from core.ports import Fields

CARDDAV = Dialect(
    well_known="carddav",
    home="A:addressbook-home-set",
    collection="addressbook",
    data="A:address-data",
    multiget="A:addressbook-multiget",
    query="A:addressbook-query",
    by_uid=(
        '<A:filter><A:prop-filter name="UID"><A:text-match collation="i;unicode-casemap" match-type="equals">'
        "{uid}</A:text-match></A:prop-filter></A:filter>"
    ),
    media="text/vcard",
    suffix=".vcf",
    whole="card",
    faults=frozenset({"valid-address-data", "supported-address-data", "max-resource-size"}),
    room="address book",
    member="card",
    setting="book",
)


class Cards:
    """The `Format` of contact cards."""

    def takes(self, kind: str) -> bool:
        """Whether this content type is that of a card."""
        return not kind or "vcard" in kind

    def read(self, text: str) -> Content | None:
        """A card's fields; None for a group of contacts."""
        card = read(text)
        return None if card.is_group else Content(card.fields, card.revised_at)

    def new(self, uid: str, fields: Fields, at: Instant) -> str:  # noqa: ARG002 -- a new card tells no time
        """A card with these fields."""
        return new(uid, fields)

    def edited(self, text: str, fields: Fields, at: Instant) -> str:
        """The card with these fields changed; `at` becomes its REV where it has one."""
        return edit(text, fields, revision=moment(at).strftime("%Y%m%dT%H%M%SZ"))
