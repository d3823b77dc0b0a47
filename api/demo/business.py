"""The invented business as its four tools know it at first. One file a tool; what is true stands in `facts`."""

from __future__ import annotations

from api.demo.cards import cards
from api.demo.facts import activities, companies, deals, owners, people
from api.demo.sheets import sheets

__all__ = ["activities", "cards", "companies", "deals", "owners", "people", "sheets"]
