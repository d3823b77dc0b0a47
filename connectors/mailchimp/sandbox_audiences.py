"""The sandbox's account, its audiences and their merge fields, and many members in one call."""

from __future__ import annotations

from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import BadCall, Call, Response
from connectors.mailchimp.sandbox_base import api, chosen, paged
from connectors.mailchimp.sandbox_members import Members
from connectors.mailchimp.sandbox_problems import Problem, exists, invalid
from connectors.mailchimp.sandbox_rules import CREATED
from connectors.mailchimp.sandbox_store import Audience, hash_of

TOGETHER = 500


class Audiences(Members):
    """Audiences by HTTP."""

    @api("GET", "")
    @api("GET", "/")
    def root(self, call: Call) -> Response:
        """Who is signed in."""
        return Response(200, chosen(call, {
            "account_id": "8d3a3db4d97663a9074efcc16", "login_id": "7", "account_name": self.account,
            "email": "owner@example.com", "first_name": "Olga", "last_name": "Owner", "username": "owner",
            "role": "owner", "pricing_plan_type": "monthly", "account_timezone": "Europe/London",
            "total_subscribers": sum(len(one.members) for one in self.audiences.values()),
        }))  # fmt: skip

    @api("GET", "/ping")
    def ping(self, call: Call) -> Response:  # noqa: ARG002 -- no query
        """Whether anybody is there."""
        return Response(200, {"health_status": "Everything's Chimpy!"})

    @api("GET", "/lists")
    def list_audiences(self, call: Call) -> Response:
        """The audiences."""
        rows = [_shown(one) for one in self.audiences.values()]
        room = {"may_create": True, "max_instances": 5, "current_total_instances": len(rows)}
        body = {"lists": paged(call, rows), "total_items": len(rows), "constraints": room}
        return Response(200, chosen(call, body))

    @api("GET", "/lists/{list_id}")
    def get_audience(self, call: Call, list_id: str) -> Response:
        """One audience."""
        return Response(200, chosen(call, _shown(self.of(list_id))))

    @api("GET", "/lists/{list_id}/merge-fields")
    def list_merges(self, call: Call, list_id: str) -> Response:
        """An audience's merge fields."""
        rows = [
            {
                "merge_id": one.merge_id, "tag": one.tag, "name": one.name, "type": one.type,
                "required": one.required, "default_value": "", "public": True, "display_order": one.merge_id + 1,
                "options": dict(one.options), "help_text": "", "list_id": list_id,
            }
            for one in self.of(list_id).merges.values()
        ]  # fmt: skip
        return Response(200, chosen(call, {
            "merge_fields": paged(call, rows), "list_id": list_id, "total_items": len(rows),
        }))  # fmt: skip

    @api("POST", "/lists/{list_id}")
    def many_members(self, call: Call, list_id: str) -> Response:
        """Up to 500 members at once; each one's trouble is its own, and the answer is 200 all the same."""
        audience, body = self.of(list_id), call.json()
        if not isinstance(body, dict) or not isinstance(body.get("members"), list):
            raise BadCall("the body has no members")
        rows: list[dict[str, Any]] = body["members"]
        if len(rows) > TOGETHER:
            raise invalid("", ("members", f"This collection should contain {TOGETHER} elements or less."))
        wrong = [place for place, row in enumerate(rows) if not isinstance(row.get("vip", False), bool)]
        if wrong:
            # What does not fit the schema spoils the whole call.
            raise invalid("", *((f"members.item:{place}.vip", "Schema describes boolean") for place in wrong))
        cut = len(rows) // 2 if self.mischief.fires(Switch.CUT) else None
        made, changed, errors = self._each(audience, rows if cut is None else rows[:cut], body, call)
        if cut is not None:
            return BROKEN
        return Response(200, {
            "new_members": made, "updated_members": changed, "errors": errors, "total_created": len(made),
            "total_updated": len(changed), "error_count": len(errors),
        })  # fmt: skip

    def _each(
        self, audience: Audience, rows: list[dict[str, Any]], body: dict[str, Any], call: Call
    ) -> tuple[list[Any], list[Any], list[Any]]:
        made, changed, errors = list[Any](), list[Any](), list[Any]()
        lax = call.query.get("skip_merge_validation") == "true"
        seen: set[str] = set()
        for row in rows:
            email = str(row.get("email_address", ""))
            try:
                if self.mischief.fires(Switch.PARTIAL):
                    raise invalid("Your merge fields were invalid.", ("FNAME", "Please enter a value"))
                if email.lower() in seen:
                    raise invalid("Duplicate items found in the members list.")
                seen.add(email.lower())
                there = audience.find(hash_of(email), hash_only=True)
                if there is not None and there.state.status != "archived":
                    if not body.get("update_existing"):
                        raise exists(email)
                    self.change(audience, there, row, CREATED, lax=lax)
                    changed.append(self._told(audience, there))
                else:
                    made.append(self._told(audience, self.make(audience, row, lax=lax)))
            except Problem as problem:
                errors.append(problem.item(email))
        return made, changed, errors

    def _told(self, audience: Audience, member: Any) -> dict[str, Any]:
        """A member as this call shows it: without its contact id."""
        whole = self.shown(audience, member, member.state)
        hidden = ("contact_id", "web_id", "full_name", "source", "consents_to_one_to_one_messaging")
        return {name: value for name, value in whole.items() if name not in hidden and not name.startswith("sms_")}


BROKEN = Response(0)
"""Stands for a connection that breaks."""


def _shown(audience: Audience) -> dict[str, Any]:
    there = [one.state.status for one in audience.members.values()]
    return {
        "id": audience.id, "web_id": 7, "name": audience.name, "permission_reminder": "You signed up in our shop.",
        "use_archive_bar": True, "date_created": "2026-01-05T10:00:00+00:00", "list_rating": 4,
        "email_type_option": False, "visibility": "prv", "double_optin": audience.double_optin, "has_welcome": False,
        "marketing_permissions": audience.marketing_permissions, "modules": [],
        "stats": {
            "member_count": there.count("subscribed"), "unsubscribe_count": there.count("unsubscribed"),
            "cleaned_count": there.count("cleaned"), "merge_field_count": len(audience.merges),
        },
    }  # fmt: skip
