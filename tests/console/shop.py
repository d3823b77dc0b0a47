"""A hub that has something on each page of the console, and the list of those pages."""

from __future__ import annotations

from typing import Any

from api import alerting
from api.assembly import Text
from api.console.people import Role
from api.delivering import Outcome, note
from api.v1 import events
from api.v1.door import Door
from api.v1.keys import Keys
from api.v1.subscriptions import Subscriptions, Wanted
from core.flow.consent.heads import sign
from core.flow.movement.auditing import audit
from core.flow.requests import ask
from core.model.instant import DAY
from tests.api.test_audit_command import POLICY
from tests.support import EVERYTHING, Lab

PAGES = {
    "/console/": "",
    "/console/alerts": "alerts",
    "/console/me": "me",
    "/console/people": "people",
    "/console/keys": "keys",
    "/console/webhooks": "webhooks",
    "/console/webhooks/{id_}": "webhooks/1",
    "/console/trail": "trail",
    "/console/scorecard": "scorecard",
    "/console/scorecard/records": "scorecard/records?missing=owner",
    "/console/records": "records?q=ann",
    "/console/records/{kind}/{number}": "records/contact/2",
    "/console/log": "log",
    "/console/reviews": "reviews",
    "/console/reviews/{id_}": "reviews/1",
    "/console/reviews/plan": "reviews/plan?review=1&word=newest",
    "/console/letters": "letters",
    "/console/letters/{id_}": "letters/1",
    "/console/letters/tried": "letters/tried?connection=news&record=1",
    "/console/problems": "problems",
    "/console/runs": "runs",
    "/console/runs/{id_}": "runs/2",
    "/console/runs/{id_}/undo": "runs/2/undo",
    "/console/connections": "connections",
    "/console/connections/new": "connections/new",
    "/console/connections/new/{connector}": "connections/new/hubspot",
    "/console/connections/{name}": "connections/crm",
    "/console/connections/{name}/check": "connections/crm/check",
    "/console/connections/{name}/plan": "connections/crm/plan",
    "/console/connections/{name}/edit": "connections/crm/edit",
    "/console/connections/{name}/disconnect": "connections/crm/disconnect",
    "/console/consent": "consent?who=ann0@shore.example",
    "/console/consent/entries/{place}": "consent/entries/1",
    "/console/requests": "requests",
    "/console/requests/{id_}": "requests/1",
    "/console/settings": "settings",
    "/console/settings/{what}": "settings/movement",
    "/console/settings/movement/tried": "settings/movement/tried",
    "/console/settings/{name}/plan": "settings/movement/plan",
    "/console/trial": "trial",
    "/console/mappings": "mappings",
    "/console/mappings/{name}": "mappings/crm",
    "/console/mappings/{name}/plan": "mappings/crm/plan",
    "/console/mappings/{name}/versions": "mappings/crm/versions",
}
"""Path of each page → what is opened of it."""
REFUSED = "Zed"
NO_PAGES = {
    "/console/static/{name}", "/console/mappings/{name}/text", "/console/sign-in", "/console/welcome/{token}",
    "/console/sign-in/provider", "/console/sign-in/back",
    "/console/connect/back",
    "/console/records/{number}"
}  # fmt: skip


def filled(lab: Lab, people: int = 4) -> None:
    """Two tools, an owner, so many people, and a policy for them; a question, and somebody whom one tool refuses."""
    lab.rules("contact:\n  job_title: ask\n")
    lab.installation.change(texts={"movement": Text(POLICY, "movement.yaml")})
    crm, news = (lab.tool(name, mapping=EVERYTHING) for name in ("crm", "news"))
    owner = crm.create("owners", {"name": "Priya Nair", "email": "priya@shop.example", "active": True})
    for number in range(people):
        person = {"email": f"ann{number}@shore.example", "first_name": "Ann", "last_name": f"Shore{number}"}
        more = {"phone": "020 7946 0018", "email_consent": "granted", "owner_id": owner, "stage": "lead"}
        crm.create("contacts", {**person, **more})
    lab.settle()
    news.habits.validator = refused
    for tool, title in ((crm, "Baker"), (news, "Cook")):
        tool.edit("contacts", next(iter(tool.all("contacts"))), {"job_title": title})
    crm.create("contacts", {"email": "zed@shore.example", "first_name": REFUSED})
    lab.settle()
    audit(lab.hub)
    alerting.look(lab.installation)
    sign(lab.hub)
    keys = Keys(lab.installation)
    reports, _ = keys.make("reports", Role.VIEWER, by=None, ends_at=lab.clock() + DAY)
    subscribe(lab, reports)
    keys.shut(keys.make("a former program", Role.ADMIN, by=None)[1], by=None)
    ask(lab.hub, "access", "Ann, ann1@shore.example", "email", note="What do you know?")


def subscribe(lab: Lab, token: str) -> None:
    """Two webhooks: one was accepted and refused, the other is switched off."""
    subscriptions = Subscriptions(Door(lab.installation))
    caller = Keys(lab.installation).caller(token)
    assert caller is not None
    for names in (["contact.created", "contact.updated"], ["*"]):
        asked = Wanted("https://8.8.8.8/heard", names)
        one = subscriptions.find(subscriptions.add(caller, asked, *subscriptions.wanted(caller, asked)))
        event = events.sample(one.events[0], lab.hub.shapes, lab.clock())
        for outcome in (Outcome(200), Outcome(503, "8.8.8.8 answered 503.")):
            note(lab.installation, one, event, outcome)
    subscriptions.switch_off(one, "Somebody switched it off.")


def refused(_stream: str, fields: Any) -> str | None:
    """One of the tools does not take everybody."""
    return "No such people, please." if fields.get("first_name") == REFUSED else None
