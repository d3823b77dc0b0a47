"""The contacts that every load bench reads: 25 fields and an id each, the same in every run, made from their number.

A page is one formatted string a record, so that making it costs a small part of what reading it does. Every person
has an email address and a phone number of their own: nothing is gained by remembering values.
"""

from __future__ import annotations

FIELDS = (
    "email", "first_name", "last_name", "phone", "job_title", "department", "lifecycle_stage", "lead_status",
    "street", "city", "postal_code", "country", "website", "language", "time_zone", "source", "asked", "page",
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "birthday", "tags", "modified_at",
)  # fmt: skip

EVERY = 100
"""One row in so many changes from one revision to the next: 1 %."""

_FIRST = ("Ann", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon", "Kim")
_LAST = (
    "Smith", "Jones", "Lee", "Khan", "Patel", "Garcia", "Brown", "Nagy", "Weber", "Rossi", "Silva", "Lund", "Shore",
)  # fmt: skip
_JOBS = ("Head of purchasing", "Buyer", "Sales manager", "Managing director", "Office manager")
_ROOMS = ("Purchasing", "Sales", "Management")
_STAGES = ("lead", "customer", "subscriber", "opportunity")
_STATES = ("new", "attempting", "connected")
_CITIES = (("Leeds", "LS1 4AP"), ("York", "YO1 7HH"), ("Bath", "BA1 1LZ"), ("Ely", "CB7 4DL"))
_TAGS = ("garden;vip", "garden", "patio;trade", "trade;vip")

_RECORD = (
    '{"id":"%d","email":"%s.%s.%d@company%d.com","first_name":"%s","last_name":"%s","phone":"+44207%07d",'
    '"job_title":"%s","department":"%s","lifecycle_stage":"%s","lead_status":"%s","street":"%d High Street",'
    '"city":"%s","postal_code":"%s","country":"GB","website":"https://company%d.com/","language":"en",'
    '"time_zone":"Europe/London","source":"web","asked":"Please call me back about offer %d",'
    '"page":"https://shop.example.com/patios/%d","utm_source":"newsletter","utm_medium":"email",'
    '"utm_campaign":"spring-%d","utm_term":"patio %s","birthday":"19%02d-%02d-%02d","tags":"%s",'
    '"modified_at":"2026-%02d-%02dT%02d:%02d:%02dZ"}'
)


def last_change(number: int, revision: int) -> int:
    """The last revision up to this one in which a contact changed; 0 if it is as it began."""
    turn = number % EVERY
    return turn if 1 <= turn <= revision else 0


def contact(number: int, revision: int = 0) -> str:
    """One contact as JSON. From one revision to the next 1 % get another job title, and a later stamp."""
    first, last = _FIRST[number % 11].lower(), _LAST[number % 13]
    company, (city, postal_code) = number % 4_999, _CITIES[number % 4]
    change = last_change(number, revision)
    job = f"{_JOBS[number % 5]} {change}" if change else _JOBS[number % 5]
    month, day = (10, change % 28 + 1) if change else (1 + number % 9, 1 + number % 28)
    return _RECORD % (
        number, first, last.lower(), number, company, first.title(), last, number * 7_919 % 10_000_000,
        job, _ROOMS[number % 3], _STAGES[number % 4], _STATES[number % 3], 1 + number % 300,
        city, postal_code, company, number, number % 200,
        number % 20, city, 40 + number % 60, 1 + number % 12, 1 + number % 28, _TAGS[number % 4],
        month, day, number % 24, number % 60, number // 60 % 60,
    )  # fmt: skip


def page(start: int, size: int, total: int, revision: int = 0) -> bytes:
    """A page of the listing: `results`, and `next`, the number to go on `after` (null at the end)."""
    stop = min(start + size, total)
    records = ",".join([contact(number, revision) for number in range(start, stop)])
    return f'{{"results":[{records}],"next":{stop if stop < total else "null"}}}'.encode()
