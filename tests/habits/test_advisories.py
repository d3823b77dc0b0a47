"""What is said when the pins are looked up among the advisories."""

from __future__ import annotations

from tests.advisories import Advisory, read

GOOD = {"name": "anyio", "version": "4.9.0", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "3.0.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}, {"id": "PYSEC-0", "fix_versions": []}],
}
UNKNOWN = {"name": "tools", "skip_reason": "Dependency not found"}


def test_nothing_known_against_any_is_good_news():
    assert read({"dependencies": [GOOD]}).code == 0


def test_each_advisory_is_told_with_what_mends_it():
    answer = read({"dependencies": [GOOD, BAD, UNKNOWN]})
    assert answer.code == 1
    assert [str(one) for one in answer.advisories] == [
        "jinja2 3.0.0: PYSEC-0, not mended yet",
        "jinja2 3.0.0: PYSEC-1, mended in 3.1.6",
    ]
    assert answer.advisories[1] == Advisory("jinja2", "3.0.0", "PYSEC-1", ("3.1.6",))


def test_silence_is_no_answer():
    assert read({"dependencies": [GOOD, UNKNOWN]}).code == 2
    assert read({"dependencies": []}).code == 2
    assert read({"dependencies": [UNKNOWN]}).unanswered == {"tools": "Dependency not found"}
