"""What a tool says about its limits, and the gate for what is open at once."""

from __future__ import annotations

import threading

from connectors._kit.limits import Learnt, gate, learnt_from, standard_headers


def test_headers_are_read() -> None:
    assert standard_headers({"ratelimit-remaining": "3", "ratelimit-reset": "7"}) == Learnt(3, 7)
    assert standard_headers({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "1790000000"}) is None
    assert standard_headers({"x-ratelimit-remaining": "many", "x-ratelimit-reset": "7"}) is None
    assert standard_headers({}) is None
    own = {"x-left": "5", "x-ms": "10000"}
    assert learnt_from(own, remaining="x-left", reset="x-ms", unit=0.001) == Learnt(5, 10)
    assert learnt_from(own, remaining="x-left", per_seconds=10) == Learnt(5, 10)


def test_a_gate_lets_so_many_in_and_is_one_for_an_account() -> None:
    first, again, other = gate("account", 2), gate("account", 5), gate("another", 2)
    assert first is again
    assert first is not other
    with first, again:
        late = threading.Thread(target=first.__enter__, daemon=True)
        late.start()
        late.join(timeout=0.05)
        assert late.is_alive(), "a third has to wait"
    late.join(timeout=5)
    assert not late.is_alive()
