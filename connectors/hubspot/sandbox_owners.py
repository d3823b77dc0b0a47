"""The people who own records, and the calls about them. An owner's id is not the user's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import Base, crm, flag, number
from connectors.hubspot.sandbox_problems import not_found
from connectors.hubspot.sandbox_values import spelt
from core.model.instant import MILLISECOND, Instant

_MOST = 500


@dataclass
class Owner:
    """One person."""

    id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    made_at: Instant
    changed_at: Instant
    archived: bool = False
    teams: tuple[tuple[str, str, bool], ...] = ()
    """(id, name, is the primary one)."""


class Owners(Base):
    """`/crm/owners`."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.owners: dict[int, Owner] = {}
        self.world.checks.owners = lambda id_: id_.isdigit() and int(id_) in self.owners

    def add_owner(
        self, email: str, first_name: str = "", last_name: str = "", *, teams: tuple[tuple[str, str, bool], ...] = ()
    ) -> str:
        """A person gets a seat; gives the owner's id."""
        id_ = 70_001 + len(self.owners)
        now = self.now()
        stamp = now - now % MILLISECOND
        self.owners[id_] = Owner(id_, id_ + 5_000_000, email, first_name, last_name, stamp, stamp, teams=teams)
        return str(id_)

    def archive_owner(self, id: str) -> None:
        """A person leaves; their records keep the owner's id."""
        now = self.now()
        owner = self.owners[int(id)]
        owner.archived, owner.changed_at = True, now - now % MILLISECOND

    @crm("GET", "owners", "")
    @crm("GET", "owners", "/")
    def list_owners(self, call: Call) -> Response:
        """A page of owners, the archived ones only when asked for."""
        self.needs("crm.objects.owners.read")
        limit = number(call.query.get("limit", "100"), "limit", 1, _MOST)
        after = number(call.query.get("after") or "0", "after", 0, 1 << 62)
        email, archived = call.query.get("email", "").lower(), flag(call, "archived")
        found = [
            one
            for one in self.owners.values()
            if one.archived == archived and one.id > after and email in ("", one.email.lower())
        ]
        body: dict[str, Any] = {"results": [_shown(one) for one in self.mischief.disturbed(found[:limit])]}
        if len(found) > limit:
            body["paging"] = {"next": {"after": str(found[limit - 1].id)}}
        return Response(200, body)

    @crm("GET", "owners", "/{id}")
    def get_owner(self, call: Call, id: str) -> Response:
        """One owner, by the owner's id or the user's."""
        self.needs("crm.objects.owners.read")
        by_user = call.query.get("idProperty") == "userId"
        archived = flag(call, "archived")
        for one in self.owners.values():
            if str(one.user_id if by_user else one.id) == id and one.archived == archived:
                return Response(200, _shown(one))
        raise not_found()


def _shown(one: Owner) -> dict[str, Any]:
    user = {} if one.archived else {"userId": one.user_id}
    return {
        "id": str(one.id), "email": one.email, "type": "PERSON", "firstName": one.first_name,
        "lastName": one.last_name, **user, "userIdIncludingInactive": one.user_id,
        "createdAt": spelt(one.made_at), "updatedAt": spelt(one.changed_at), "archived": one.archived,
        "teams": [{"id": id_, "name": name, "primary": primary} for id_, name, primary in one.teams],
    }  # fmt: skip
