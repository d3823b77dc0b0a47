"""Topics: what people are written to about, as an installation declares it. Each gives a contact fields of its own.

A topic `news` on the channels email and sms is said in `consent.email.news` and `consent.sms.news`, which are settled,
recorded, mapped and written like the consent of a whole channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.model.shape import Field
from core.model.shapes.contact import CHANNELS, consent_field


class Topic(NamedTuple):
    """One purpose for which people are written to."""

    name: str
    doc: str
    channels: tuple[str, ...] = tuple(CHANNELS)


def fields_of(topics: Iterable[Topic]) -> list[Field]:
    """The fields of a contact that say whether a person wants these."""
    return [
        consent_field(f"{channel}.{one.name}", f"{CHANNELS[channel].rstrip('.')} about: {one.doc.rstrip('.')}.")
        for one in topics
        for channel in one.channels
    ]
