"""People at work in the org by hand, and an admin who changes it: what tests and the demo do beside the interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connectors._kit.mischief import Switch
from connectors.salesforce import sandbox_setup as setup
from connectors.salesforce.sandbox_desk import Desk
from connectors.salesforce.sandbox_ids import read_id
from connectors.salesforce.sandbox_objects import PIPELINES, STAGES
from connectors.salesforce.sandbox_org import Validation
from connectors.salesforce.sandbox_schema import COMPOUND, Field, SObject
from connectors.salesforce.sandbox_table import Row
from core.model.instant import Instant
from core.model.values import Json


class People(Desk):
    """The way in by hand. Names of objects and fields are the API's; ids may have 15 or 18 characters."""

    username: str

    def __init__(self, **line: Any) -> None:
        super().__init__(**line)
        self.late: Instant = 0
        """µs by which the stamps of what people do next are older: they were long in committing."""
        self.hand = ""
        """The user who works by hand."""
        self._furnish()

    # --- rows

    def create(self, sobject: str, fields: Mapping[str, Json]) -> str:
        """A new row; gives its id."""
        with self._by_hand():
            return self.org.insert(self.org.sobject(sobject), dict(fields), by=self.hand).id

    def edit(self, sobject: str, id: str, fields: Mapping[str, Json]) -> None:
        """Change some fields of a row; None clears."""
        with self._by_hand():
            self.org.update(self.org.sobject(sobject), self._row(sobject, id), dict(fields), by=self.hand)

    def delete(self, sobject: str, id: str) -> None:
        """Move a row to the recycle bin."""
        with self._by_hand():
            self.org.delete(self.org.sobject(sobject), self._row(sobject, id), by=self.hand)

    def undelete(self, sobject: str, id: str) -> None:
        """Bring a row back from the recycle bin."""
        with self._by_hand():
            self.org.undelete(self.org.sobject(sobject), self._kept(sobject, id))

    def purge(self, sobject: str, id: str) -> None:
        """Delete a row for good, from the recycle bin or straight away: only the log of deletions shows it."""
        with self._by_hand():
            self.org.erase(self.org.sobject(sobject), self._kept(sobject, id))

    def merge(self, sobject: str, winner: str, loser: str) -> str:
        """Merge two rows: what points at the loser points at the winner, which is touched; gives the winner's id."""
        with self._by_hand():
            kind, kept, lost = self.org.sobject(sobject), self._row(sobject, winner), self._row(sobject, loser)
            self.org.touch(kind, kept, {})
            self._move(lost.id, kept.id)
            lost = self._row(sobject, loser)
            self.org.delete(kind, lost, by=self.hand, MasterRecordId=kept.id)
            return kept.id

    def convert(self, lead_id: str, *, opportunity: bool = True) -> str:
        """Convert a lead into an account, a contact and perhaps an opportunity; gives the contact's id."""
        with self._by_hand():
            lead = self._row("Lead", lead_id)
            said, owner = lead.values, {"OwnerId": lead.values["OwnerId"]}
            account = self.create("Account", {"Name": said["Company"], "Phone": said.get("Phone"), **owner})
            shared = ("LastName", "FirstName", "Salutation", "Email", "Phone", "MobilePhone", "Title", "LeadSource",
                      "HasOptedOutOfEmail", "DoNotCall")  # fmt: skip
            carried = {name: said[name] for name in shared if name in said}
            contact = self.create("Contact", {"AccountId": account, **carried, **owner})
            became: dict[str, Json] = {"ConvertedAccountId": account, "ConvertedContactId": contact}
            if opportunity:
                became["ConvertedOpportunityId"] = self._deal_of(lead, account, contact)
            self._move(lead.id, contact)
            became |= {"IsConverted": True, "Status": "Closed - Converted", "ConvertedDate": self.org.stamp()[:10]}
            self.org.touch(self.org.sobject("Lead"), self._row("Lead", lead_id), became)
            return contact

    def relate(self, opportunity_id: str, contact_id: str) -> str:
        """Give a contact a role in an opportunity; gives the role's id."""
        return self.create("OpportunityContactRole", {"OpportunityId": opportunity_id, "ContactId": contact_id})

    def show(self, sobject: str, id: str) -> dict[str, Json] | None:
        """What a row holds, flat and with nulls, without compound addresses; None if it is deleted or never was."""
        with self._lock:
            return self._shown_by_hand(self.org.sobject(sobject), read_id(id) or "")

    def _shown_by_hand(self, kind: SObject, id_: str) -> dict[str, Json] | None:
        row = self.org.tables[kind.name].rows.get(id_)
        if row is None or row.deleted:
            return None
        shown: dict[str, Json] = {
            one.name: row.values.get(one.name) for one in kind.fields.values() if one.type not in COMPOUND
        }
        if kind.name == "Opportunity":
            roles = self.org.tables["OpportunityContactRole"]
            found = roles.found(roles.sobject.fields["OpportunityId"], row.id)
            shown["ContactIds"] = list[Json](sorted({str(role.values["ContactId"]) for role in found}))
        return shown

    def count(self, sobject: str) -> int:
        """How many rows an object has, the recycle bin's left out."""
        return self.org.tables[self.org.sobject(sobject).name].live

    def ids(self, sobject: str) -> list[str]:
        """The ids of the living rows, ascending."""
        with self._lock:
            table = self.org.tables[self.org.sobject(sobject).name]
            return [row.id for row in table.by_id("", "") if not row.deleted]

    def fill(self, sobject: str, rows: Iterable[Mapping[str, Json]]) -> None:
        """Many rows at once, unchecked, stamped a thousand a second up to now."""
        kind = self.org.sobject(sobject)
        with self._lock:
            self.org.tables[kind.name].fill(self.org.filled(kind, map(dict, rows)))

    def add_user(self, name: str, email: str, active: bool = True) -> str:
        """Somebody who may own rows."""
        first, _, last = name.rpartition(" ")
        fields: dict[str, Json] = {
            "FirstName": first or None, "LastName": last, "Email": email, "Username": f"{email}.sandbox",
            "Alias": last[:8], "IsActive": active, "ProfileId": self.ids("Profile")[0],
        }  # fmt: skip
        return self.create("User", fields)

    # --- what the org is made of

    def add_object(self, name: str) -> None:
        """A custom object."""
        with self._lock:
            self.org.custom_object(name)

    def add_field(  # noqa: PLR0913 -- what an admin may say of a field
        self, sobject: str, name: str, type: str, *, length: int = 255, external_id: bool = False,
        unique: bool = False, picklist: Iterable[str] = (), required: bool = False, updateable: bool = True,
        custom: bool = True, restricted: bool = True, case_sensitive: bool | None = None,
    ) -> None:  # fmt: skip
        """A field, seen by all. A picklist takes only its values; a unique field minds case unless told otherwise.

        A custom field of Task is one of Event too, and the other way round.
        """
        choices = tuple(picklist)
        minds = unique if case_sensitive is None else case_sensitive
        refers = choices if type == "reference" else ()
        made = Field(
            name, type, length, required=required, createable=updateable, updateable=updateable,
            picklist=() if refers else choices, restricted=bool(choices) and not refers and restricted,
            external_id=external_id, unique=unique, case_sensitive=minds, custom=custom, refers=refers,
            default=False if type == "boolean" else None,
        )  # fmt: skip
        with self._lock:
            setup.add_field(self.org, self.org.sobject(sobject), made)

    def remove_field(self, sobject: str, name: str) -> None:
        """A field and all it held are gone."""
        with self._lock:
            setup.drop_field(self.org, self.org.sobject(sobject), name)

    def validate(self, sobject: str, rule: Validation) -> None:
        """A validation rule; it gets all values of a row and gives the message of a refusal, or None."""
        self.org.validations.setdefault(self.org.sobject(sobject).name, []).append(rule)

    def find_duplicates(self, sobject: str, field: str) -> None:
        """A duplicate rule: a second row with this value is refused unless the caller's header allows it."""
        self.org.duplicate_rules[self.org.sobject(sobject).name] = field

    def restrict(self, sobject: str, field: str | None = None) -> None:
        """The app's user may no longer write this object, or no longer see this field."""
        name = self.org.sobject(sobject).name
        if field is None:
            self.org.closed.add(name)
        else:
            self.org.hidden.add((name, field))
        self.org.schema_at[name] = self.now()

    def allow(self, sobject: str, field: str | None = None) -> None:
        """The app's user may again."""
        name = self.org.sobject(sobject).name
        if field is None:
            self.org.closed.discard(name)
        else:
            self.org.hidden.discard((name, field))
            self.org.veiled.discard((name, field))
        self.org.schema_at[name] = self.now()

    def lock(self, id: str) -> None:
        """Something else holds this row."""
        self.org.locked.add(read_id(id) or "")

    def unlock(self, id: str) -> None:
        """And lets it go."""
        self.org.locked.discard(read_id(id) or "")

    # --- behind it

    @contextmanager
    def _by_hand(self) -> Iterator[None]:
        """One piece of work; its stamps are late or the same as before where that trouble happens."""
        with self._lock, self.org.attempt():
            before = self.org.shift, self.org.tied
            outer = before == (0, False)
            if outer:
                self.org.shift = self.late
                if self.mischief.fires(Switch.LATE):
                    self.org.shift += self.mischief.below(self.late_by)
                self.org.tied = self.mischief.fires(Switch.TIED)
            try:
                yield
            finally:
                self.org.shift, self.org.tied = before

    def _row(self, sobject: str, id: str) -> Row:
        return self.org.row(self.org.sobject(sobject), read_id(id) or "")

    def _kept(self, sobject: str, id: str) -> Row:
        return self.org.tables[self.org.sobject(sobject).name].rows[read_id(id) or ""]

    def _move(self, old: str, new: str) -> None:
        """What points at one row points at another."""
        for child in self.org.objects.values():
            for field in [one for one in child.fields.values() if one.children]:
                for row in self.org.tables[child.name].found(field, old):
                    self.org.touch(child, row, {field.name: new})

    def _deal_of(self, lead: Row, account: str, contact: str) -> str:
        deal = self.create("Opportunity", {
            "Name": lead.values["Company"], "AccountId": account, "StageName": STAGES[0][0],
            "CloseDate": self.org.stamp()[:10], "LeadSource": lead.values.get("LeadSource"),
        })  # fmt: skip
        self.relate(deal, contact)
        return deal

    def _furnish(self) -> None:
        """The rows every new org has."""
        org, made = self.org, self.org.ids.next("005")
        self.hand = org.me = made
        self._put("Organization", {"Name": "Concord Sandbox Ltd", "OrganizationType": "Developer Edition"})
        profile = self._put("Profile", {"Name": "System Administrator"})
        person = {"LastName": "Integration", "Email": self.username, "ProfileId": profile, "Alias": "integr"}
        self._put("User", {**person, "Username": self.username}, made)
        self.hand = self._put("User", {
            **person, "FirstName": "Hanna", "LastName": "Hand", "Username": "hanna@concord.example",
            "Email": "hanna@concord.example", "Alias": "hhand",
        })  # fmt: skip
        self._put("PermissionSet", {"Name": "X00eSystemAdministrator", "Label": "System Administrator",
                                    "ProfileId": profile, "IsOwnedByProfile": True})  # fmt: skip
        for place, (name, chance, closed, won, forecast) in enumerate(STAGES, 1):
            self._put("OpportunityStage", {
                "MasterLabel": name, "ApiName": name, "SortOrder": place, "DefaultProbability": float(chance),
                "IsClosed": closed, "IsWon": won, "ForecastCategoryName": forecast,
                "ForecastCategory": forecast.replace(" ", "").replace("Commit", "Forecast"),
            })  # fmt: skip
        for name in PIPELINES:
            process = self._put("BusinessProcess", {"Name": name, "TableEnumOrId": "Opportunity"})
            self._put("RecordType", {"Name": name, "DeveloperName": name.replace(" ", "_"),
                                     "SobjectType": "Opportunity", "BusinessProcessId": process})  # fmt: skip

    def _put(self, sobject: str, fields: dict[str, Json], id_: str = "") -> str:
        kind = self.org.sobject(sobject)
        row = next(self.org.filled(kind, [fields]))
        row = row._replace(id=id_, values=row.values | {"Id": id_}) if id_ else row
        self.org.tables[kind.name].fill([row])
        return row.id
