"""What an installation takes for granted where a value does not say: country, currency, date order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Defaults of one installation, or of one mapping whose tool speaks differently."""

    region: str = "GB"
    """ISO 3166 country of phone numbers written without a country code."""
    currency: str = "GBP"
    """ISO 4217 currency of amounts written without one."""
    day_first: bool = True
    """Whether `03/04/2026` is the third of April (True) or the fourth of March."""


DEFAULT = Locale()
