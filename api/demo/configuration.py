"""What the demo puts in force: connections, rules and mappings, as an admin would write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from api.demo import hubspot, salesforce, sheets
from api.mappings import MAPPINGS

SHEETS, BOOK = "spreadsheets", "address-book"
"""The names of the other two connections."""

RULES = f"""\
# When two tools say different things and neither is newer, the first of these is believed.
preference: [{hubspot.NAME}, {salesforce.NAME}, {BOOK}, {SHEETS}]

company:
  # HubSpot has the names from the customers' own forms; elsewhere they were typed.
  name: {{prefer: [{hubspot.NAME}, {salesforce.NAME}]}}
  # Whose customer it is, the head of sales decides, and does so in Salesforce.
  owner: {{system_of_record: {salesforce.NAME}}}

deal:
  amount: {{latest: {{prefer: [{salesforce.NAME}, {hubspot.NAME}]}}}}

contact:
  first_name: {{prefer: [{hubspot.NAME}, {BOOK}]}}
  # People marry. What somebody is called is for a person to say.
  last_name: ask
  # The office hears of a new number first.
  phone: {{latest: {{prefer: [{BOOK}, {hubspot.NAME}, {salesforce.NAME}]}}}}
  # Marketing knows how far somebody has come.
  lifecycle_stage: {{prefer: [{hubspot.NAME}, {salesforce.NAME}]}}
  company_name: {{prefer: [{hubspot.NAME}, {BOOK}]}}
  # The longest note says most, and no word by which anybody sorted them is lost.
  description: most_complete
  tags: union
"""

CONFIG = f"""\
# What `concord demo` put in force. Change it, then:
#   . {{folder}}/tools.sh
#   concord apply {{folder}}/concord.yaml
connections:
  {hubspot.NAME}:
    connector: hubspot
    settings: {{{{url: "${{{{HUBSPOT_URL}}}}", token: "${{{{HUBSPOT_TOKEN}}}}", look_back: 5}}}}
    mapping: ./hubspot.yaml
    # Activities are looked at less often: HubSpot allows few searches a second.
    streams:
      "*": {{{{poll_every: 10}}}}
      companies: {{{{poll_every: 2}}}}
      contacts: {{{{poll_every: 2}}}}
      deals: {{{{poll_every: 2}}}}
  {salesforce.NAME}:
    connector: salesforce
    settings:
      login_url: "${{{{SALESFORCE_URL}}}}"
      client_id: "${{{{SALESFORCE_ID}}}}"
      client_secret: "${{{{SALESFORCE_SECRET}}}}"
      look_back: 5
    mapping: ./salesforce.yaml
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
  {BOOK}:
    connector: carddav
    settings: {{{{url: "${{{{BOOK_URL}}}}", username: "${{{{BOOK_USER}}}}", password: "${{{{BOOK_PASSWORD}}}}"}}}}
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
  {SHEETS}:
    connector: csv
    settings: {{{{folder: ./files, write: in_place}}}}
    mapping: ./spreadsheets.yaml
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
rules: ./rules.yaml
movement: ./movement.yaml
locale: {{{{region: GB, currency: GBP, day_first: true}}}}
"""

MOVEMENT = """\
# What the bakery's suppliers ask of every open record: an owner, a next action, its timing, and a recovery.
# `concord audit`, or /audit beside the status page, says how they stand. Every word: docs/movement.md.
time_zone: Europe/London
hours: {monday to friday: 08:00-17:30}
escalate_to: hana@bluebird.example
ladders:
  usual:
    - {after: 2h, do: remind, say: "{name}: the next step is overdue"}
    - {after: 1d, do: escalate, say: "{name} has stood still with {owner}"}
    - {after: 2d, do: reassign}
ladder: usual

stages:
  contact:
    Lead:
      when: {lifecycle_stage: lead}
      means: They may want to buy, and have not said what.
      journey: captured
      first: {say: "Call {name}", within: 4h, type: call}
      oldest: 14d
    In talks:
      when: {lifecycle_stage: opportunity}
      means: We talk about something they want.
      journey: qualified
      evidence: [contacted, replied, met]
      first: {say: "Find out what {name} needs", within: 1d, type: call}
      oldest: 60d
  deal in Supplies:
    Enquiry:
      means: They asked what it costs.
      journey: captured
      first: {say: "Send {name} a sample", within: 1d}
      oldest: 14d
    Sample sent:
      means: They have our sample.
      journey: responded
      evidence: [contacted, met]
      first: {say: "Ask how {name} liked it", within: 3d, type: call}
      oldest: 21d
    Quoted:
      means: They have our price.
      journey: scheduled
      evidence: [document, contacted]
      first: {say: "Ask {name} about the offer", within: 2d, type: call}
      oldest: 30d
  deal in Equipment leases:
    Site visit:
      means: We look where the machine is to stand.
      journey: scheduled
      evidence: meeting
      first: {say: "Book the visit for {name}", within: 2d}
      oldest: 30d
    Offer made:
      means: They have our offer.
      journey: scheduled
      evidence: [document, contacted]
      first: {say: "Ask {name} about the offer", within: 2d, type: call}
      oldest: 30d
    Contract out:
      means: They have the contract.
      journey: scheduled
      evidence: document
      first: {say: "Ask {name} about the contract", within: 2d, type: call}
      oldest: 30d

ownership:
  Leases: {of: deal, when: {pipeline: Equipment leases}, team: Leases}
  Everybody in turn: {of: [contact, deal], team: Supplies}

# Nothing is done by itself: what would be done is listed.
follow_through: {assign: dry, task: dry, remind: dry, escalate: dry, reassign: dry}
"""

SHEETS_MAPPING = """\
# The owner's spreadsheets. Left: Concord's field. Right: the column. `concord check` explains mistakes.
version: 1

vocabularies:
  company_names:
    # The first word that means a company is the one that is written.
    words:
      Oak & Rye: Oak & Rye
      Oak & Ryee: Oak & Rye
      Harbour Buns: Harbour Buns
      Harbour Bunns: Harbour Buns
    unknown: keep

owners:
  as: owner
  options: {file: owners.csv, id: Email}
  fields:
    email: {field: Email, required: true}
    name: {field: Name}
    team: {field: Team}
    active: {field: Active, steps: [{yes_no: ["yes", "no"]}]}

companies:
  as: company
  options: {file: companies.csv, id: Name}
  fields:
    name: {field: Name, required: true}
    domain: {field: Domain}
    phone: {field: Phone}
    address: {field: {city: City, country: Country}}
    owner: {field: Owner, ref: owner}

contacts:
  as: contact
  options: {file: contacts.csv, id: Customer ID}
  fields:
    first_name: {field: First Name}
    last_name: {field: Last Name}
    email: {field: Email}
    phone: {field: Phone}
    other_phones: {field: Other Phones, steps: [{list: ";"}]}
    job_title: {field: Job Title}
    company: {field: Company, vocabulary: company_names, ref: company}
    owner: {field: Owner, ref: owner}
    lifecycle_stage: {field: Stage}
    tags: {field: Tags, steps: [{list: ";"}]}
    description: {field: Notes}

deals:
  as: deal
  options: {file: deals.csv, id: Deal ID, dates: day-first}
  fields:
    name: {field: Deal Name, required: true}
    company: {field: Company, vocabulary: company_names, ref: company}
    contacts: {field: Contacts, steps: [{list: ";"}], ref: contact}
    owner: {field: Owner, ref: owner}
    pipeline: {field: Pipeline}
    stage: {field: Stage}
    amount: {field: {amount: Amount, currency: Currency}}
    close_date: {field: Close Date, steps: [{date: "%d/%m/%Y"}]}
"""


def hubspot_mapping() -> str:
    """The mapping that comes with Concord, with the words that this account has for pipelines and stages."""
    pipelines = dict(zip(("default", hubspot.LEASES), sheets.PIPELINES, strict=True))
    return _with_words("hubspot", {"pipeline": pipelines, "stage": _stages(hubspot.STAGES)})


def salesforce_mapping(record_types: tuple[str, ...]) -> str:
    """The same for this org; a pipeline is a record type there."""
    pipelines = dict(zip(record_types, sheets.PIPELINES, strict=True))
    words = {"pipelines": pipelines, "stages": _stages(salesforce.STAGES), "lead_states": salesforce.LEAD_STATES}
    return _with_words("salesforce", words)


def _stages(words: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    pairs = zip(words, sheets.STAGES, strict=True)
    return {theirs: ours for one, other in pairs for theirs, ours in zip(one, other, strict=True)}


def _with_words(tool: str, words: Mapping[str, Mapping[str, str]]) -> str:
    """The tool's mapping as text, so that its comments stay, with other words in some of its vocabularies."""
    text = (MAPPINGS / f"{tool}.yaml").read_text(encoding="utf-8")
    for name, table in words.items():
        lines = "".join(f"\n      {json.dumps(theirs)}: {ours}" for theirs, ours in table.items())
        # Up to the next line that stands further left.
        block = re.compile(rf"^(  {name}:\n    words:).*?(?=\n {{0,4}}\S)", re.DOTALL | re.MULTILINE)
        text, found = block.subn(rf"\g<1>{lines}", text)
        if found != 1:
            raise ValueError(f"mappings/{tool}.yaml has no vocabulary {name}")
    return text
