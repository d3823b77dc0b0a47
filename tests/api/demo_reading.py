"""What the demo's tools hold, read back past Concord: plain HTTP in each tool's own API, and files as they are.

Nothing of Concord's connectors, mappings or types is used here, so that a mistake in them cannot hide itself.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

Row = dict[str, Any]


class Tools:
    """The four tools, by the addresses and credentials that the demo writes down in `tools.sh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        exports = re.findall(r"^export (\w+)=(.*)$", (folder / "tools.sh").read_text(encoding="utf-8"), re.MULTILINE)
        self.environment = {name: value.strip("'") for name, value in exports}
        token = {name: f"Bearer {self.environment[f'{name}_TOKEN']}" for name in ("HUBSPOT", "SALESFORCE")}
        self.hubspot = httpx.Client(
            base_url=self.environment["HUBSPOT_URL"], headers={"Authorization": token["HUBSPOT"]}
        )
        self.salesforce = httpx.Client(
            base_url=self.environment["SALESFORCE_URL"], headers={"Authorization": token["SALESFORCE"]}
        )
        login = (self.environment["BOOK_USER"], self.environment["BOOK_PASSWORD"])
        self.book = httpx.Client(base_url=self.environment["BOOK_URL"], auth=login)

    def close(self) -> None:
        for client in (self.hubspot, self.salesforce, self.book):
            client.close()

    # --- HubSpot

    def in_hubspot(self, kind: str, *properties: str, linked: str = "") -> list[Row]:
        """All records of a type: properties by name, `id`, and the ids of records `linked` to it."""
        found: list[Row] = []
        query: dict[str, Any] = {"limit": 100, "properties": ",".join(properties), "associations": linked}
        while True:
            answer = self.hubspot.get(f"/crm/v3/objects/{kind}", params=query)
            answer.raise_for_status()
            page = answer.json()
            for one in page["results"]:
                there = one.get("associations", {}).get(linked, {}).get("results", [])
                ids = sorted({link["id"] for link in there})
                found.append({**one["properties"], "id": one["id"], "linked": ids})
            if "paging" not in page:
                return found
            query["after"] = page["paging"]["next"]["after"]

    def hubspot_owners(self) -> dict[str, str]:
        """Id → address."""
        answer = self.hubspot.get("/crm/v3/owners", params={"limit": 100})
        answer.raise_for_status()
        return {one["id"]: one["email"] for one in answer.json()["results"]}

    # --- Salesforce

    def in_salesforce(self, query: str) -> list[Row]:
        """All rows of a SOQL query."""
        answer = self.salesforce.get("/services/data/v67.0/query", params={"q": query})
        answer.raise_for_status()
        page = answer.json()
        found = list(page["records"])
        while not page["done"]:
            page = self.salesforce.get(page["nextRecordsUrl"]).raise_for_status().json()
            found += page["records"]
        return found

    def people_in_salesforce(self, fields: str) -> list[Row]:
        """Contacts and leads together; `AccountId` of a lead is none."""
        contacts = self.in_salesforce(f"SELECT Id, AccountId, {fields} FROM Contact")
        return contacts + self.in_salesforce(f"SELECT Id, Company, Status, {fields} FROM Lead")

    # --- the address book and the spreadsheets

    def cards(self) -> list[dict[str, list[str]]]:
        """Each card's values by property, without parameters, as the server gives the whole book."""
        answer = self.book.get("/alice/contacts/")
        answer.raise_for_status()
        return [dict(_card(text)) for text in re.findall(r"BEGIN:VCARD.*?END:VCARD", answer.text, re.DOTALL)]

    def sheet(self, name: str) -> list[dict[str, str]]:
        """The rows of a spreadsheet; the mark by which a cell says that it is no formula is left out."""
        text = (self.folder / "files" / f"{name}.csv").read_text(encoding="utf-8")
        rows = csv.DictReader(io.StringIO(text))
        return [{head: re.sub(r"^'(?=[+=@-])", "", cell) for head, cell in row.items()} for row in rows]


def _card(text: str) -> Iterator[tuple[str, list[str]]]:
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
    values: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        plain = value.replace("\\,", ",").replace("\\;", ";").replace("\\n", "\n").replace("\\\\", "\\")
        values.setdefault(name.partition(";")[0].upper(), []).append(plain)
    return iter(values.items())


def digits(phone: str | None) -> str:
    """A British number in any spelling, as its digits with the country's code."""
    bare = re.sub(r"\(0\)|[^\d+]", "", phone or "")
    bare = re.sub(r"^(\+|00)", "", bare)
    return "44" + bare[1:] if bare.startswith("0") else bare


def by_email(rows: list[Row], name: str) -> Mapping[str, Row]:
    """The rows by address; none twice."""
    found = {str(row[name]).lower(): row for row in rows if row.get(name)}
    assert len(found) == len(rows), "every row has an address, and no two the same"
    return found


def commands(text: str) -> list[list[str]]:
    """The words of each `curl` command in a text for a shell, without what comes after a pipe."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = [line.strip() for line in joined.splitlines() if line.strip().startswith("curl ")]
    return [shlex.split(line)[: shlex.split(line).index("|") if " | " in line else None] for line in found]


def curl(words: list[str]) -> httpx.Response:
    """What `curl` would do with these words; only with the options that the demo uses."""
    method, headers, data, url, login, query = "", {}, None, "", None, {}
    left = iter(words[1:])
    for word in left:
        match word:
            case "-s" | "-G":
                pass
            case "-X":
                method = next(left)
            case "-H":
                name, _, value = next(left).partition(": ")
                headers[name] = value
            case "-d":
                data = next(left)
            case "-u":
                login = tuple(next(left).split(":", 1))
            case "--data-urlencode":
                name, _, value = next(left).partition("=")
                query[name] = value
            case _:
                assert word.startswith("http://127.0.0.1:"), word
                url = word
    method = method or ("POST" if data and "-G" not in words else "GET")
    auth = (login[0], login[1]) if login else None
    return httpx.request(method, url, headers=headers, content=data, params=query or None, auth=auth, timeout=30)
