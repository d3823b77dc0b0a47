"""The sandbox's webhooks: kept by call, and sent as forms, signed where the webhook has a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from connectors._kit.sandbox import Call, Response
from connectors._kit.signatures import sign
from connectors.mailchimp.sandbox_base import Ground, api
from connectors.mailchimp.sandbox_problems import invalid, not_found
from connectors.mailchimp.sandbox_store import Audience, Hook, Member, hash_of
from core.model.instant import SECOND, moment
from core.ports import Request

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")
_HOOKS = "/lists/{list_id}/webhooks"


class Hooks(Ground):
    """Webhooks by HTTP, and the sending of them."""

    answers: Callable[[Request], bool] = staticmethod(lambda _request: True)
    """Whether somebody answers 200 to a request."""

    @api("GET", _HOOKS)
    def list_hooks(self, call: Call, list_id: str) -> Response:  # noqa: ARG002 -- no query
        """The audience's webhooks."""
        rows = [_shown(hook, list_id) for hook in self.of(list_id).hooks.values()]
        return Response(200, {"webhooks": rows, "list_id": list_id, "total_items": len(rows)})

    @api("POST", _HOOKS)
    def create_hook(self, call: Call, list_id: str) -> Response:
        """One more webhook; its address is tried by GET."""
        body = call.json()
        if not isinstance(body, dict) or not str(body.get("url", "")).startswith("http"):
            raise invalid("", ("url", "The URL is not valid."))
        self._try(str(body["url"]))
        hook = self._hooked(self.of(list_id), body["url"], body.get("events", {}), body.get("sources", {}))
        return Response(200, _shown(hook, list_id))

    @api("PATCH", f"{_HOOKS}/{{hook_id}}")
    def update_hook(self, call: Call, list_id: str, hook_id: str) -> Response:
        """Another address, other events or sources; what is not named stays."""
        hook, body = self.of(list_id).hooks.get(hook_id), call.json()
        if hook is None:
            raise not_found()
        if not isinstance(body, dict) or ("url" in body and not str(body["url"]).startswith("http")):
            raise invalid("", ("url", "The URL is not valid."))
        self._try(str(body.get("url", hook.url)))
        hook.url = body.get("url", hook.url)
        hook.events = {**hook.events, **body.get("events", {})}
        hook.sources = {**hook.sources, **body.get("sources", {})}
        return Response(200, _shown(hook, list_id))

    @api("DELETE", f"{_HOOKS}/{{hook_id}}")
    def delete_hook(self, call: Call, list_id: str, hook_id: str) -> Response:  # noqa: ARG002 -- no query
        """One less."""
        if self.of(list_id).hooks.pop(hook_id, None) is None:
            raise not_found()
        return Response(204)

    def _try(self, url: str) -> None:
        """An address is tried by GET, and must answer."""
        request = Request("GET", url, {"user-agent": "MailChimp.com WebHook Validator"}, b"", self.now())
        self.events.append(request)
        if not self.answers(request):
            raise invalid("", ("url", "The URL is not valid."))

    def subscribe(self, url: str, *, signing_secret: str = "", api: bool = False) -> Hook:
        """An admin adds a webhook for everything."""
        sources = {"user": True, "admin": True, "api": api}
        return self._hooked(self.audience, url, dict.fromkeys(EVENTS, True), sources, signing_secret)

    def _hooked(
        self, audience: Audience, url: str, events: Mapping[str, bool], sources: Mapping[str, bool], secret: str = ""
    ) -> Hook:
        audience.hooked += 1
        id_ = f"{audience.hooked:010x}"
        hook = Hook(id_, url, {one: bool(events.get(one)) for one in EVENTS},
                    {one: bool(sources.get(one)) for one in SOURCES}, secret)  # fmt: skip
        audience.hooks[id_] = hook
        return hook

    def emit(self, audience: Audience, kind: str, member: Member, *, source: str, **more: str) -> None:
        """Tell the webhooks that ask for it what became of a member."""
        if not kind:
            return
        state = member.state
        data: dict[str, str] = {
            "id": hash_of(state.email)[:10], "web_id": str(member.web_id), "email": state.email,
            "email_type": state.email_type, "ip_opt": "", "list_id": audience.id, "merges[EMAIL]": state.email,
        }  # fmt: skip
        for tag, value in state.merges.items():
            parts = value if isinstance(value, Mapping) else {"": value}
            data |= {f"merges[{tag}]{f'[{part}]' if part else ''}": str(word) for part, word in parts.items()}
        if kind == "upemail":
            data = {
                "new_id": data["id"], "new_email": state.email, "old_email": more["old_email"],
                "list_id": audience.id,
            }  # fmt: skip
        elif kind == "cleaned":
            data = {"list_id": audience.id, "campaign_id": "4fjk2ma9xd", "reason": "hard", "email": state.email}
        elif kind == "unsubscribe":
            data |= {"action": more.get("action", "unsub"), "reason": "manual"}
        self.send(audience, kind, data, source)

    def send(self, audience: Audience, kind: str, data: Mapping[str, str], source: str) -> None:
        """Post a form to each webhook that wants it."""
        for hook in audience.hooks.values():
            if hook.sources.get(source) and hook.events.get(kind, True):
                self.events.append(self.request(hook, kind, data))

    def request(self, hook: Hook, kind: str, data: Mapping[str, str]) -> Request:
        """The request as it goes out."""
        now = self.now()
        fired = moment(now).strftime("%Y-%m-%d %H:%M:%S")
        form = {"type": kind, "fired_at": fired, **{_named(name): value for name, value in data.items()}}
        body = urlencode(form).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "MailChimp"}
        if hook.signing_secret:
            stamp = str(now // SECOND)
            signature = sign(hook.signing_secret.encode(), f"{stamp}.".encode() + body)
            headers["x-mailchimp-signature"] = f"t={stamp},v1={signature}"
        return Request("POST", hook.url, headers, body, now)


def _named(name: str) -> str:
    """`merges[FNAME]` is `data[merges][FNAME]`."""
    head, bracket, rest = name.partition("[")
    return f"data[{head}]{bracket}{rest}"


def _shown(hook: Hook, list_id: str) -> dict[str, Any]:
    return {
        "id": hook.id, "url": hook.url, "events": dict(hook.events), "sources": dict(hook.sources),
        "list_id": list_id,
    }  # fmt: skip
