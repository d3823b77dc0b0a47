"""A hub's door on a real socket, and two tools whose sandboxes send their signed webhooks to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from api.app import create_app
from api.assembly import Installation
from api.background import Background
from api.building import ConnectionSpec
from api.serving import listen
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from core.ports import Request
from tests.support import Lab, count

MAPPINGS = Path(__file__).parents[2] / "mappings"
CRM, NEWS = "crm", "news"
SECRET, SIGNING = "a-secret-in-the-address", "a-secret-that-signs"
EVENTS = ("contact.creation", "contact.deletion", "contact.merge")
PROPERTIES = ("email", "firstname", "jobtitle", "hs_email_optout")


@contextmanager
def served(installation: Installation, engine: Background | None = None, *, host: str = "127.0.0.1") -> Iterator[str]:
    """The hub's doors on a free port; gives the address."""
    listener = listen("127.0.0.1", 0)
    app = create_app(installation, engine, host=host)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


class Street:
    """A laboratory whose hub is reached over a socket, with both tools around it; a context manager."""

    def __init__(self, folder: Path, *, database_url: str | None = None) -> None:
        self._stack = ExitStack()
        self.lab = Lab(folder / "data", database_url=database_url)
        self.crm: HubSpot = self._stack.enter_context(HubSpot(clock=self.lab.clock))
        self.news: Mailchimp = self._stack.enter_context(Mailchimp(clock=self.lab.clock))
        self.url = self._stack.enter_context(served(self.lab.installation))
        self.crm.target = f"{self.url}/hooks/{CRM}"
        for event in EVENTS:
            self.crm.subscribe(event)
        for name in PROPERTIES:
            self.crm.subscribe("contact.propertyChange", property=name)
        self.news.subscribe(f"{self.url}/hooks/{NEWS}?secret={SECRET}", signing_secret=SIGNING)
        crm = {"url": self.crm.url, "token": "pat-na1-sandbox", "client_secret": self.crm.client_secret}
        self._connect(CRM, "hubspot", crm)
        secrets = {"webhook_secret": SECRET, "signing_secret": SIGNING}
        news = {"api_key": self.news.api_key, "url": self.news.url, "audience": self.news.audience.id, **secrets}
        self._connect(NEWS, "mailchimp", news)
        self.lab.hub.open(CRM).prepare("key_property")

    def __enter__(self) -> Street:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.lab.close()

    def _connect(self, name: str, connector: str, settings: dict[str, Any]) -> None:
        mapping = (MAPPINGS / f"{connector}.yaml").read_text(encoding="utf-8")
        self.lab.installation.put_connection(ConnectionSpec(name, connector, settings, mapping, f"{connector}.yaml"))
        self.lab.refreshed()

    def send(self, request: Request, **instead: Any) -> httpx.Response:
        """Send a webhook as a tool does, over a socket."""
        sent = {"method": request.method, "url": request.url, "headers": dict(request.headers), "content": request.body}
        with httpx.Client() as client:
            return client.request(**{**sent, **instead})

    def sent(self) -> list[httpx.Response]:
        """Send all that the tools have to tell."""
        return [self.send(one) for box in (self.crm, self.news) for one in box.take_events()]

    def settle(self) -> None:
        """Sync until nothing moves, and let the tools tell nothing of it."""
        self.lab.sync(until_quiet=True)
        for box in (self.crm, self.news):
            box.take_events()

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        with self.lab.hub.store.reading() as tx:
            return count(tx, table)

    def hear(self, name: str) -> Mapping[str, int]:
        """Let what waits of a connection be heard; gives what became of it."""
        from core.flow.inward.hearing import hear

        return hear(self.lab.hub, self.lab.connection(name)).counts()
