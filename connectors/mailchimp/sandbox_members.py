"""The sandbox's members: listed, looked up, made, changed, tagged, archived and deleted for good."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import BadCall, Call, Response
from connectors.mailchimp.sandbox_base import api, asked, chosen, number, paged, told
from connectors.mailchimp.sandbox_hooks import Hooks
from connectors.mailchimp.sandbox_problems import Problem, exists, invalid
from connectors.mailchimp.sandbox_rules import CHANGED, CREATED, check_address, check_status, merged
from connectors.mailchimp.sandbox_store import Audience, Member, State, hash_of

SHOWN_TAGS = 50
STATUSES = (*CREATED, "archived")
_SORTED = {"last_changed": "last_changed", "timestamp_opt": "timestamp_opt", "timestamp_signup": "timestamp_signup"}
_MEMBER = "/lists/{list_id}/members/{name}"


class Members(Hooks):
    """Members by HTTP."""

    @api("GET", "/lists/{list_id}/members")
    def list_members(self, call: Call, list_id: str) -> Response:
        """Everybody, archived ones too, ten at a time."""
        audience = self.of(list_id)
        rows = list(self._filtered(call, audience))
        if field := call.query.get("sort_field"):
            if field not in _SORTED or call.query.get("sort_dir", "ASC") not in ("ASC", "DESC"):
                raise invalid("", ("sort_field", f"Value must be one of: {', '.join(_SORTED)}"))
            rows.sort(key=lambda row: (getattr(row[1], field) or 0, row[0].web_id))
            if call.query.get("sort_dir") == "DESC":
                rows.reverse()
        page = self.mischief.disturbed([self.shown(audience, *row) for row in paged(call, rows)])
        return Response(200, chosen(call, {"members": page, "list_id": list_id, "total_items": len(rows)}))

    @api("POST", "/lists/{list_id}/members")
    def create_member(self, call: Call, list_id: str) -> Response:
        """One more member."""
        audience, body = self.of(list_id), _body(call)
        if self.mischief.fires(Switch.PARTIAL):
            raise invalid("The resource submitted could not be validated.")
        member = self.make(audience, body, lax=_lax(call))
        return Response(200, self.shown(audience, member, member.state))

    @api("GET", _MEMBER)
    def get_member(self, call: Call, list_id: str, name: str) -> Response:
        """One member."""
        audience, member = self.member(list_id, name)
        return Response(200, chosen(call, self.shown(audience, member, member.state)))

    @api("PUT", _MEMBER)
    def put_member(self, call: Call, list_id: str, name: str) -> Response:
        """One member, made where there is none."""
        audience, body = self.of(list_id), _body(call)
        member = audience.find(name)
        if member is None:
            if not body.get("status_if_new") and not body.get("status"):
                raise invalid("", ("status_if_new", "This value should not be blank."))
            member = self.make(audience, {"status": body.get("status_if_new"), **body}, lax=_lax(call))
        else:
            self.change(audience, member, body, CREATED, lax=_lax(call))
        return Response(200, self.shown(audience, member, member.state))

    @api("PATCH", _MEMBER)
    def patch_member(self, call: Call, list_id: str, name: str) -> Response:
        """Some of a member's fields."""
        audience, member = self.member(list_id, name)
        self.change(audience, member, _body(call), CHANGED, lax=_lax(call))
        return Response(200, self.shown(audience, member, member.state))

    @api("DELETE", _MEMBER)
    def delete_member(self, call: Call, list_id: str, name: str) -> Response:  # noqa: ARG002 -- no body, no query
        """Archived, which can be done once."""
        audience, member = self.member(list_id, name)
        if member.state.status == "archived":
            raise Problem(405, "Method Not Allowed", "This list member cannot be removed. Please contact support.")
        self.put_away(audience, member, source="api")
        return Response(204)

    @api("POST", f"{_MEMBER}/actions/delete-permanent")
    def forget_member(self, call: Call, list_id: str, name: str) -> Response:  # noqa: ARG002 -- no body, no query
        """Gone for good, and never to be imported again."""
        audience, member = self.member(list_id, name, hash_only=True)
        audience.forget(member)
        return Response(204)

    @api("GET", f"{_MEMBER}/tags")
    def get_tags(self, call: Call, list_id: str, name: str) -> Response:
        """All tags of a member."""
        audience, member = self.member(list_id, name)
        rows = [
            {"id": audience.tag_id(tag), "name": tag, "date_added": told(member.state.seen_at)}
            for tag in member.state.tags
        ]
        return Response(200, chosen(call, {"tags": paged(call, rows), "total_items": len(rows)}))

    @api("POST", f"{_MEMBER}/tags")
    def post_tags(self, call: Call, list_id: str, name: str) -> Response:
        """Tags put on and taken off."""
        audience, member = self.member(list_id, name, hash_only=True)
        rows = _body(call).get("tags")
        if not isinstance(rows, list):
            raise invalid("", ("tags", "This value should not be blank."))
        tags = dict.fromkeys(member.state.tags)
        for row in rows:
            if row.get("status") not in ("active", "inactive") or not row.get("name"):
                raise invalid("", ("tags.item:0.status", "Value must be one of: active, inactive"))
            if row["status"] == "active":
                tags[row["name"]] = None
            else:
                tags.pop(row["name"], None)
        self.retag(audience, member, tuple(tags))
        return Response(204)

    # --- what a call does

    def make(self, audience: Audience, body: Mapping[str, Any], *, lax: bool = False) -> Member:
        """A new member, or an archived one again."""
        email = check_address(audience, body.get("email_address"))
        there = audience.find(hash_of(email))
        if there is not None and (there.state.status != "archived" or self.archived_stand):
            raise exists(email)
        status = check_status(there.state if there else None, body.get("status"), CREATED)
        merges = merged(
            audience, body.get("merge_fields", {}), there.state.merges if there else {}, whole=True, lax=lax
        )
        now = self.now()
        state = State(
            email, status, merges, tuple(dict.fromkeys(body.get("tags", ()))), timestamp_signup=now,
            **_plain(body),
        )  # fmt: skip
        state = self.stamped(self._opted(state, status))
        if there is not None:
            audience.put(there, state)
        member = there or audience.add(state)
        self.emit(audience, "subscribe" if status == "subscribed" else "", member, source="api")
        return member

    def change(
        self, audience: Audience, member: Member, body: Mapping[str, Any], allowed: tuple[str, ...], *,
        lax: bool = False, source: str = "api",
    ) -> None:  # fmt: skip
        """Some fields of a member; tags in the body are ignored without a word."""
        state = member.state
        email = state.email
        if "email_address" in body and str(body["email_address"]) != email:
            email = check_address(audience, body["email_address"])
            other = audience.find(hash_of(email))
            if other not in (None, member):
                raise exists(email)
        merges = merged(audience, body.get("merge_fields", {}), state.merges, whole=False, lax=lax)
        status = check_status(state, body["status"], allowed) if "status" in body else state.status
        after = state._replace(email=email, merges=merges, **_plain(body))
        if status != state.status:
            after = self._opted(after, status)._replace(status=status, before="")
        if after == state:
            return
        audience.put(member, self.stamped(after))
        if email != state.email:
            self.emit(audience, "upemail", member, source=source, old_email=state.email)
        kind = {"subscribed": "subscribe", "unsubscribed": "unsubscribe"}.get(status, "")
        self.emit(audience, kind if status != state.status else "profile", member, source=source)

    def put_away(self, audience: Audience, member: Member, *, source: str) -> None:
        """Archived; what the member was is kept."""
        state = member.state
        audience.put(member, self.stamped(state, status="archived", before=state.status))
        self.emit(audience, "unsubscribe", member, source=source, action="delete")

    def retag(self, audience: Audience, member: Member, tags: tuple[str, ...]) -> None:
        """Other tags; whether that moves the stamp is nowhere promised."""
        stamps = {} if self.tags_touch else {"last_changed": member.state.last_changed}
        audience.put(member, self.stamped(member.state, tags=tags, **stamps))

    def _opted(self, state: State, status: str) -> State:
        if status == "pending":
            self.mails.append(("confirm", state.email))
        return state._replace(timestamp_opt=self.now()) if status == "subscribed" else state

    # --- what a call shows

    def shown(self, audience: Audience, member: Member, state: State) -> dict[str, Any]:
        """A member as every call shows it."""
        blank = dict.fromkeys(audience.merges, "")
        merges = {**blank, **{tag: value for tag, value in state.merges.items() if tag in audience.merges}}
        names = " ".join(filter(None, (str(merges.get("FNAME", "")), str(merges.get("LNAME", "")))))
        body: dict[str, Any] = {
            "id": hash_of(state.email), "email_address": state.email, "unique_email_id": hash_of(state.email)[:10],
            "contact_id": member.contact_id, "full_name": names, "web_id": member.web_id,
            "email_type": state.email_type, "status": state.status, "consents_to_one_to_one_messaging": True,
            "merge_fields": merges, "interests": dict(state.interests),
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0}, "ip_signup": "",
            "timestamp_signup": told(state.timestamp_signup), "ip_opt": "", "timestamp_opt": told(state.timestamp_opt),
            "member_rating": 2, "last_changed": told(state.last_changed), "language": state.language,
            "vip": state.vip, "email_client": "",
            "location": {"latitude": 0, "longitude": 0, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": ""},
            "source": state.source, "tags_count": len(state.tags),
            "tags": [{"id": audience.tag_id(tag), "name": tag} for tag in state.tags[:SHOWN_TAGS]],
            "list_id": audience.id,
        }  # fmt: skip
        if state.reason:
            body["unsubscribe_reason"] = state.reason
        if state.sms_number:
            body |= {
                "sms_phone_number": state.sms_number, "sms_subscription_status": state.sms_status,
                "sms_subscription_last_updated": told(state.sms_changed),
            }  # fmt: skip
        return body

    def _filtered(self, call: Call, audience: Audience) -> Iterator[tuple[Member, State]]:
        wanted = call.query.get("status")
        if wanted is not None and wanted not in STATUSES:
            raise invalid("", ("status", f"Value must be one of: {', '.join(STATUSES)}"))
        if "unsubscribed_since" in call.query and wanted != "unsubscribed":
            raise invalid("", ("unsubscribed_since", "Only to be used with status=unsubscribed."))
        number(call, "count", 10, 1000)
        since, before = asked(call, "since_last_changed"), asked(call, "before_last_changed")
        opted, not_opted = asked(call, "since_timestamp_opt"), asked(call, "before_timestamp_opt")
        left = asked(call, "unsubscribed_since")
        for member, state in audience.states(self.as_of()):
            opt = state.timestamp_opt
            if (
                wanted in (None, state.status)
                and (since is None or state.last_changed > since)
                and (before is None or state.last_changed < before)
                and (opted is None or (opt is not None and opt > opted))
                and (not_opted is None or (opt is not None and opt < not_opted))
                and (left is None or state.last_changed > left)
                and call.query.get("unique_email_id") in (None, hash_of(state.email)[:10])
            ):
                yield member, state


def _body(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise BadCall("the body is no object")
    return body


def _lax(call: Call) -> bool:
    return call.query.get("skip_merge_validation") == "true"


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: body[name] for name in ("language", "vip", "email_type", "interests") if name in body}
    with contextlib.suppress(KeyError):
        if found["email_type"] not in ("html", "text"):
            raise invalid("", ("email_type", "Value must be one of: html, text"))
    return found
