"""The command about forms: `form`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.model.form import Form


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(form)


def form(
    name: Annotated[str | None, typer.Argument(help="The form; all of them are listed when none is named.")] = None,
    url: Annotated[str | None, typer.Option(help="Where pages reach the hub; else CONCORD_PUBLIC_URL.")] = None,
    as_json: Json = False,
) -> None:
    """Print the HTML of a form for a page of yours; without a name, list the forms and what they brought."""
    from api.cli.opening import opened
    from api.forms import PLACE, snippet

    with opened(made=True) as installation:
        forms = {one.name: one for one in installation.forms()}
        if name is None:
            _list(installation, list(forms.values()), as_json=as_json)
            return
        if name not in forms:
            known = ", ".join(forms) or "none yet"
            raise ConfigError(f"There is no form '{name}'.", remedy=f"Declare it below `forms:`; there are: {known}.")
        base = url or installation.settings.public_url
        if not base:
            remedy = "Set CONCORD_PUBLIC_URL, or give `--url https://hub.shop.example`."
            raise ConfigError("Nobody outside knows how to reach this hub.", remedy=remedy)
    html, page = snippet(forms[name], base), f"{base.rstrip('/')}{PLACE}/{name}"
    if as_json:
        output.as_json({"form": name, "page": page, "html": html})
    else:
        print(html, end="")


def _list(installation: Installation, forms: list[Form], *, as_json: bool) -> None:
    from core.store import leads

    with installation.store.reading() as tx:
        counts = {one.name: leads.counts(tx, one.name) for one in forms}
    if as_json:
        output.as_json([{"form": one.name, "title": one.title, **_told(counts[one.name])} for one in forms])
        return
    if not forms:
        output.say("There is no form yet; declare one below `forms:` in the configuration (docs/capture.md).")
        return
    told = [(one, _told(counts[one.name])) for one in forms]
    rows = [(one.name, one.title, f"{all_['leads']:,}", f"{all_['trapped']:,}") for one, all_ in told]
    screen = output.console()
    screen.print(output.table("", ("form", "title", "leads", "trapped"), rows, right=("leads", "trapped")))
    for one, all_ in told:
        for word, times in all_["unknown"].items():
            output.say(f"• {one.name}: the source {word!r} came {many(times, 'time')}, and no vocabulary knows it.")


def _told(counts: dict[str, Any]) -> dict[str, Any]:
    return {"leads": 0, "trapped": 0, "unknown": {}, **counts}
