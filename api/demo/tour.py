"""What the demo tells people to try, ready to paste, with real addresses and ids."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

from api.demo import hubspot, salesforce
from api.demo.stage import Stage
from core.store import reviews

TITLE = "Head of Ovens"
"""What somebody becomes in the tour."""
RULE = f"  job_title: {{prefer: [{salesforce.NAME}]}}"
"""The rule that the tour tries. The file of rules ends with those about contacts, so that it can be added there."""


def tour(stage: Stage, seconds: float) -> str:
    """The tour's text."""
    person, newlywed = stage.somebody, salesforce.newlywed()
    number = _review(stage)
    tools = stage.environment
    concord = ".venv/bin/concord" if Path(".venv/bin/concord").exists() else "concord"
    return f"""
All sides agree after {seconds:.0f} s, but for one question that waits for you; and they stay so.

  HubSpot           {tools["HUBSPOT_URL"]}  (a sandbox; token {tools["HUBSPOT_TOKEN"]})
  Salesforce        {tools["SALESFORCE_URL"]}  (a sandbox; its token, and all the others, in {stage.tools})
  The address book  {tools["BOOK_URL"]}  (Radicale; {tools["BOOK_USER"]} / {tools["BOOK_PASSWORD"]})
  The spreadsheets  {stage.files}
  The configuration {stage.folder / "concord.yaml"}

Six things to try in another terminal, from this folder, after

  export CONCORD_DATA={stage.folder}

1. How does everything stand? And who looks after what is open, what is next, and by when?

  {concord} status
  {concord} audit

2. Why is this somebody's job title, and what did the others say?

  {concord} why contact {person.email} job_title

3. Change it in HubSpot. A few seconds later Salesforce and the card have it, and so has the spreadsheet.

{indent(_edit(stage), "  ")}

4. What came in, what was decided, what went out?

  {concord} log --email {person.email} --limit 12

5. Is {newlywed[0].first} called {newlywed[0].last} or {newlywed[1]}? Tools differ, and the rules leave that to you.

  {concord} reviews
  {concord} answer {number} value "{newlywed[1]}"

6. What would another rule do in every tool? That is told without calling one. Put it in force, and take it back: RUN
is the number that `apply` tells.

  . {stage.tools}
  echo '{RULE}' >> {stage.folder / "rules.yaml"}
  {concord} plan {stage.folder / "concord.yaml"}
  {concord} apply {stage.folder / "concord.yaml"} --yes
  {concord} undo RUN --yes
"""


def _review(stage: Stage) -> int:
    with stage.installation.store.reading() as tx:
        return next((one.id for one in reviews.open_reviews(tx)), 0)


def _edit(stage: Stage) -> str:
    tools, person = stage.environment, stage.somebody
    change = json.dumps({"properties": {"jobtitle": TITLE}})
    query = f"SELECT Name, Title FROM Contact WHERE Email = '{person.email}'"  # noqa: S608 -- only printed
    return f"""\
curl -s -X PATCH {tools["HUBSPOT_URL"]}/crm/objects/2026-03/contacts/{stage.ids[hubspot.NAME]} \\
  -H 'Authorization: Bearer {tools["HUBSPOT_TOKEN"]}' -H 'Content-Type: application/json' -d '{change}'
curl -s -G {tools["SALESFORCE_URL"]}/services/data/v67.0/query --data-urlencode "q={query}" \\
  -H 'Authorization: Bearer {tools["SALESFORCE_TOKEN"]}'
curl -s -u {tools["BOOK_USER"]}:{tools["BOOK_PASSWORD"]} {stage.card} | grep TITLE"""
