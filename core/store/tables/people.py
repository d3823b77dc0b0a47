"""Who comes in by the front door: people with their visits, what they did, keys of programs, and webhooks out."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, SmallInteger, Table, Text

from core.store.tables.base import Id, metadata

# Who may use the console.
person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    # As argon2 writes it; None for who signs in elsewhere.
    Column("password", Text),
    # The secret of one-time codes, sealed; None where none are asked for.
    Column("totp", LargeBinary),
    # The step of the last code that was taken: none is taken twice.
    Column("totp_step", Id),
    # IANA name of the zone in which times are shown.
    Column("zone", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    # Since when they may not come in.
    Column("shut_at", Id),
)

# Who is signed in; the token is kept as its digest only.
visit = Table(
    "visit",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person_id", Id, nullable=False),
    # What every form of this visit carries.
    Column("form_key", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    Column("seen_at", Id, nullable=False),
    Index("visit_of_person", "person_id"),
)

# One-time links: to become somebody, or, with a person, to choose another password.
invitation = Table(
    "invitation",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("person_id", Id),
    Column("made_at", Id, nullable=False),
    Column("ends_at", Id, nullable=False),
)

# Whom an identity provider knows, and who that is here.
provider_account = Table(
    "provider_account",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person_id", Id, nullable=False),
    # Whether the provider's word gives the role; an admin who gives another one ends that.
    Column("gives_role", Boolean, nullable=False),
    Column("tied_at", Id, nullable=False),
    Index("provider_account_of_person", "person_id"),
)

# Browsers that were sent to another site and are awaited back.
authorization_request = Table(
    "authorization_request",
    metadata,
    # Of the state that comes back.
    Column("digest", Text, primary_key=True),
    # Of what the browser must show.
    Column("browser", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("ends_at", Id, nullable=False),
    Index("authorization_request_ends", "ends_at"),
)

# What people did in the console, each entry chained to the one before.
trail = Table(
    "trail",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("person_id", Id),
    # Their address by then; or what acted where nobody was signed in.
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("about", Text, nullable=False),
    # Over all of this and the digest before.
    Column("digest", LargeBinary, nullable=False),
    Index("trail_of_person", "person_id", "id"),
)

# Keys of the API; each is kept as its digest only.
api_key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # The letters with which it begins, by which people tell keys apart.
    Column("begins", Text, nullable=False),
    Column("role", Text, nullable=False),
    # JSON: what of the role's rights it has.
    Column("scopes", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    # When it ends by itself; None: never.
    Column("ends_at", Id),
    Column("shut_at", Id),
    Column("seen_at", Id),
)

# What came of a request that a key may send twice: numbers alone, so that nobody's data outlives them here.
api_answer = Table(
    "api_answer",
    metadata,
    Column("key_id", Id, primary_key=True),
    # Digests of what the caller calls the request, and of what it asks.
    Column("request", Text, primary_key=True),
    Column("asks", Text, nullable=False),
    Column("at", Id, nullable=False),
    # JSON; None while the first one is being done.
    Column("told", Text),
    Index("api_answer_age", "at"),
)

# Webhooks that the hub sends. Nothing waits here: what is to be told is history behind `place`.
hook = Table(
    "hook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", Id, nullable=False),
    # JSON: names of events.
    Column("events", Text, nullable=False),
    # Whether it is told of what its own key changed.
    Column("own", Boolean, nullable=False),
    Column("host", Text, nullable=False),
    # The address, the secrets and the filter.
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", Id, nullable=False),
    Column("state", Text, nullable=False),
    # Why it is paused or ended.
    Column("why", Text, nullable=False),
    Column("changed_at", Id, nullable=False),
    # The last step of history that it was told of, and the last event that was accepted of the step after that.
    Column("place", Id, nullable=False),
    Column("told", Text, nullable=False),
    # How often the next event was refused, and when it is tried again.
    Column("tries", SmallInteger, nullable=False),
    Column("try_at", Id, nullable=False),
    # Until when the secret before this one signs, too.
    Column("old_until", Id, nullable=False),
    Index("hook_of_key", "key_id"),
)

# What became of webhooks that were sent; no word of what was in them.
hook_delivery = Table(
    "hook_delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hook_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("event", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("record_id", Id),
    Column("status", SmallInteger),
    Column("error", Text, nullable=False),
    Index("hook_delivery_of_hook", "hook_id", "id"),
    Index("hook_delivery_age", "at"),
)
