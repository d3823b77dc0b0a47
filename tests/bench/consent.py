"""`consent`: how fast the consent ledger is filled and verified."""

from __future__ import annotations

import time
from collections.abc import Iterator

from core.flow.consent import heads
from core.flow.consent.verifying import verify
from core.model.claim import Claim, Evidence, Stamp
from core.model.consent import Occasion, Spoken
from core.store import ledger
from tests.bench.figures import Figure, more
from tests.bench.stage import Stage
from tests.support import Lab

_PAGE = 500


def measure(stage: Stage) -> Iterator[Figure]:
    """Entries a second, in and verified, on one core."""
    size = stage.size(1_000_000, 50_000)
    with Lab(stage.fresh()) as lab:
        stage.tell(f"consent: {size:,} entries")
        began = time.process_time()
        for start in range(0, size, _PAGE):
            with lab.hub.store.writing() as tx:
                ledger.append(tx, [(number, _entry(number)) for number in range(start, start + _PAGE)])
            if start % 50_000 == 0:
                heads.sign(lab.hub)
        heads.sign(lab.hub)
        yield more("consent", "entered", size / (time.process_time() - began), "entries/s", peers={}, goal=None)
        stage.tell("consent: verifying them")
        began = time.process_time()
        found = verify(lab.hub, claims=False)
        if not found.holds:
            raise RuntimeError(found.wrong[0])
        yield more("consent", "verified", size / (time.process_time() - began), "entries/s", peers={}, goal=None)


def _entry(number: int) -> bytes:
    claim = Claim("granted", Stamp(number, number, Evidence.MODIFIED))
    came = Occasion(number, number, "shop", "seen", number, 1)
    return Spoken(came, "consent.email", claim, f"person{number}@shore.example").entry()
