"""Activating on pages: a draft is kept, planned, looked at and put in force, the way that `api.activating` goes.

    draft ▶ kept ▶ planned (an errand) ▶ looked at ▶ agreed to ▶ planned again ▶ the same? ▶ in force
                          ▲                                             └▶ shown again
                          └─ after a restart: the draft is there, its plan is asked for anew

A draft is kept in the store, one of each text for each person, so that nothing that was written is lost with the
process that planned it; plans are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.activating import Activated, Planned, check, plan, put_in_force
from api.console.desk import PLACE
from api.console.people import Visitor
from api.drafting import difference
from api.errands import Progress
from core.decide.leads import Posted
from core.errors import ConcordError
from core.store import runs

if TYPE_CHECKING:
    from api.activating import Family
    from api.console.desk import Desk
    from api.errands import Errand


class Road:
    """The way of a family's drafts into force; for admins."""

    def __init__(
        self, desk: Desk, family: Family, router: APIRouter, *, place: str, called: Callable[[str], str],
        tries: Callable[[str], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        """With its pages on the router, below `place`.

        `called` says what a text is called in a sentence, and `tries` whether a draft of a name can be tried with a
        sandbox, by the button `sandbox` of its page.
        """
        self.desk, self.family, self.place, self.called, self.tries = desk, family, place, called, tries

        @router.get(f"/{place}/{{name}}/plan")
        def looked_at(request: Request, name: str, visitor: Visitor = desk.for_admins) -> Response:
            """What a draft would do, or how far its plan has come."""
            try:
                return self._show(request, visitor, name)
            except ConcordError as error:
                return desk.refused(request, visitor, error, status=404)

        @router.post(f"/{place}/{{name}}/activate")
        def activate(
            request: Request, name: str, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form
        ) -> Response:
            """Puts the agreed plan in force; shows it again where it would do something else by now."""
            try:
                return self._activate(visitor, name, text_of(said), said.get("mark", ""))
            except ConcordError as error:
                return desk.refused(request, visitor, error)

    def plan(self, visitor: Visitor, name: str, text: str) -> Response:
        """Have a draft planned; raises at once what stands in the way of it."""
        self._check(name, text)
        self._begin(visitor, name, text, "plan", self._plan)
        return self.desk.done(f"{self._page(name)}/plan")

    def drafted(self, visitor: Visitor, name: str) -> bool:
        """Whether a draft of theirs is kept, so that they can go on with it."""
        with self.desk.installation.store.reading() as tx:
            return runs.fact(tx, self._key(visitor, name)) is not None

    def _activate(self, visitor: Visitor, name: str, text: str, mark: str) -> Response:
        self._check(name, text)
        errand = self._begin(visitor, name, text, "activate", partial(self._put_in_force, visitor, mark))
        if isinstance(errand.result, Activated):
            self.desk.errands.forget(self._key(visitor, name))
            return self.desk.done(self._page(name), errand.result.words)
        return self.desk.done(f"{self._page(name)}/plan")

    def _check(self, name: str, text: str) -> None:
        check(self.desk.installation, self.family, name, text)

    def _begin(self, visitor: Visitor, name: str, text: str, what: str, work: Callable[..., Any]) -> Errand:
        """Keep the draft, begin the errand, and give it a moment."""
        desk, key, progress = self.desk, self._key(visitor, name), Progress()
        errand = desk.errands.begin_mine(
            key, what, partial(work, name, text, progress), subject=text, progress=progress
        )
        if what == "plan":
            with desk.installation.store.writing() as tx:
                runs.put_fact(tx, key, text)
                desk.people.note(tx, visitor, "plan a change", {"about": name})
        errand.waited()
        return errand

    def _plan(self, name: str, text: str, progress: Progress) -> Planned:
        return plan(self.desk.installation, self.family, name, text, progress.tell)

    def _put_in_force(
        self, visitor: Visitor, mark: str, name: str, text: str, progress: Progress
    ) -> Planned | Activated:
        found = put_in_force(self.desk.installation, self.family, name, text, mark, progress.tell)
        if isinstance(found, Activated):
            with self.desk.installation.store.writing() as tx:
                about = {"about": name, "run": found.applied.run_id}
                self.desk.people.note(tx, visitor, "activate a change", about)
                runs.drop_fact(tx, self._key(visitor, name))
            self.desk.installation.bell.ring()
        return found

    def _show(self, request: Request, visitor: Visitor, name: str) -> Response:
        before, key = self.family.in_force(name), self._key(visitor, name)
        errand = self.desk.errands.of(key)
        with self.desk.installation.store.reading() as tx:
            draft = errand.subject if errand is not None else runs.fact(tx, key)
        found = errand.result if errand is not None else None
        return self.desk.page(
            request, visitor, "change_plan.html", title=self.called(name), back=self._page(name), text=draft,
            errand=errand, found=found if isinstance(found, Planned) else None,
            done=found.words if isinstance(found, Activated) else "",
            changes=difference(before, draft) if draft is not None else [], tries=self.tries(name),
        )  # fmt: skip

    def _page(self, name: str) -> str:
        return f"{PLACE}/{self.place}/{name}"

    def _key(self, visitor: Visitor, name: str) -> str:
        return draft_key(visitor, f"{self.place}/{name}")


def draft_key(visitor: Visitor, text: str) -> str:
    """What a person's draft of a text (`settings/rules`) is called in the store, and the errand that plans it."""
    return f"draft {visitor.person.id} {text}"


def text_of(said: Posted) -> str:
    """The text of a form's field, with the ends of lines as files have them."""
    return said.get("text", "").replace("\r\n", "\n").rstrip("\n") + "\n"
