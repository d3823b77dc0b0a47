"""`timing`: whether the time of an answer tells how near a guessed key or signature is; `make bench ARGS=timing`.

Guesses of each sort are tried by turns, so that whatever else the machine does concerns all alike. Two sorts differ by
no more than noise where the difference of their medians is about what the same sort differs by from itself.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping

from api.console.people import Role
from api.v1.keys import Keys
from connectors._kit.signatures import Encoding, matches, sign
from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.support import Lab

_US = 1e6
_WARM = 50
BODY = b'{"type":"contact.updated","id":12}' * 30
SECRET = b"a-secret-of-the-sender"
FORMS: tuple[tuple[str, Encoding, str], ...] = (
    ("hex", "hex", ""), ("hex, sha256=", "hex", "sha256="), ("base64, v1,", "base64", "v1,"),
)  # fmt: skip


def measure(stage: Stage) -> Iterator[Figure]:
    """Keys of the API that are known, near a known one and unknown; signatures that are right, near and far off."""
    rounds = stage.size(20_000, 1_000)
    with Lab(stage.fresh()) as lab:
        keys = Keys(lab.installation)
        known = [keys.make(f"program {number}", Role.VIEWER, by=None)[0] for number in range(stage.size(500, 50))]
        shut, number = keys.make("a former program", Role.VIEWER, by=None)
        keys.shut(number, by=None)
        stage.tell("timing: keys")
        near = known[0]
        guesses = {
            "known": near, "all but its last letter": near[:-1] + _other(near[-1]), "its first half":
            near[:30] + "x" * (len(near) - 30), "unknown": "concord_" + "x" * 43, "unknown again":
            "concord_" + "y" * 43, "shut": shut,
        }  # fmt: skip
        yield from _told("a key", _by_turns({name: _looked_up(keys, one) for name, one in guesses.items()}, rounds))
    for form, encoding, prefix in FORMS:
        stage.tell(f"timing: signatures, {form}")
        right = sign(SECRET, BODY, encoding=encoding)
        tried = {
            "right": right, "last letter wrong": right[:-1] + _other(right[-1]),
            "first letter wrong": _other(right[0]) + right[1:], "all wrong": "0" * len(right),
            "all wrong again": "1" * len(right),
        }  # fmt: skip
        found = _by_turns({name: _compared(prefix + one, encoding, prefix) for name, one in tried.items()}, rounds)
        yield from _told(f"a signature ({form})", found)


def _other(letter: str) -> str:
    return "A" if letter != "A" else "B"


def _looked_up(keys: Keys, token: str) -> Callable[[], object]:
    return lambda: keys.caller(token)


def _compared(given: str, encoding: Encoding, prefix: str) -> Callable[[], object]:
    return lambda: matches(given, [SECRET], BODY, encoding=encoding, prefix=prefix)


def _by_turns(tried: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Microseconds of each try, by sort; in every round each sort once, in another order each time."""
    chance, names = random.Random(7), list(tried)
    taken: dict[str, list[float]] = {name: [] for name in tried}
    for number in range(rounds + _WARM):
        chance.shuffle(names)
        for name in names:
            began = time.perf_counter()
            tried[name]()
            if number >= _WARM:
                taken[name].append((time.perf_counter() - began) * _US)
    return taken


def _told(what: str, taken: Mapping[str, list[float]]) -> Iterator[Figure]:
    for name, one in taken.items():
        noise = abs(statistics.median(one[::2]) - statistics.median(one[1::2]))
        note = f"of {len(one):,}; the same differs from itself by {noise:.2f} µs; p90 {_p90(one):.1f} µs"
        yield Figure("timing", f"{what}, {name}, median", statistics.median(one), "µs", note=note)


def _p90(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=10)[-1]
