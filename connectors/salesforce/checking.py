"""Check: who we are in the org, which version it serves, what the user may do with each object, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors._kit.payload import Payload
from connectors.salesforce.client import Client
from connectors.salesforce.describing import Shape, Shapes, too_long
from connectors.salesforce.words import CONSENTS
from core.errors import Forbidden, Gone, Refused, SchemaChanged, Throttled
from core.ports import Checkup, Finding

FIX = "key_field"
"""The word by which `prepare` makes the field for our keys."""
QUOTA = "Find out which app uses the calls up (Setup, Company Information), or raise the limit with Salesforce."
READ_ONLY = frozenset({"User"})
"""Objects that are never written."""


def checkup(client: Client, shapes: Shapes, streams: Sequence[str], reserve: float) -> Checkup:
    """Sign in and look around. What a person can mend is a finding; bad credentials and silence are raised."""
    found: list[Finding] = []
    who = "somebody in Salesforce"
    try:
        # The org before the user: only the interface itself says 401, by which an ended session is renewed.
        org = _org(client)
        who = f"{_name(client.user())} in {org}"
        found += _version(client)
        if all(finding.ok for finding in found):
            found += (finding for stream in streams for finding in _stream(shapes, stream))
        found += _quota(client, reserve)
    except Throttled as error:
        found.append(Finding(False, error.message, QUOTA))
    return Checkup(who, tuple(found))


def key_findings(shapes: Shapes, streams: Sequence[str]) -> list[Finding]:
    """Where the field for our keys is, and where it is missing."""
    return [_key(shapes.anew(stream)) for stream in streams if stream not in READ_ONLY]


def _name(user: Payload) -> str:
    return user.text("preferred_username", "") or user.text("name", "?")


def _org(client: Client) -> str:
    try:
        rows = client.query("SELECT Id, Name, IsSandbox FROM Organization LIMIT 1").rows
    except (Forbidden, Refused, SchemaChanged, Gone):
        rows = []
    told = [f"{row.get('Name')} ({row.get('Id')}{', a sandbox' if row.get('IsSandbox') else ''})" for row in rows]
    return "".join(told) or "an org"


def _version(client: Client) -> Iterator[Finding]:
    served = client.versions()
    if client.version in served:
        yield Finding(True, f"The org serves version {client.version} of the interface.")
        return
    newest = max(served, key=float, default="")
    yield Finding(
        False,
        f"The org does not serve version {client.version} of the interface.",
        f"Set `api_version` to {newest}, the newest it serves." if newest else "Ask Salesforce which it serves.",
    )


def _stream(shapes: Shapes, stream: str) -> Iterator[Finding]:
    try:
        shape = shapes.anew(stream)
    except (SchemaChanged, Forbidden) as error:
        yield Finding(False, error.message, error.remedy)
        return
    yield _rights(shape)
    long = too_long(shape)
    if long is not None:
        yield Finding(False, long.message, long.remedy)
    if stream not in READ_ONLY:
        yield _key(shape)
    if shape.consents:
        yield _consents(shape)
    if shape.record_types:
        told = ", ".join(f"{name} = {id_}" for id_, name in sorted(shape.record_types.items(), key=lambda one: one[1]))
        yield Finding(True, f"{stream} has these record types, for the vocabulary of its pipelines: {told}.")


def _consents(shape: Shape) -> Finding:
    named = {field.name: field.label for field in shape.description.fields}
    told = ", ".join(f"{CONSENTS}.{name} ({named[f'{CONSENTS}.{name}']})" for name in shape.consents)
    return Finding(True, f"{shape.name} has these consents by contact point: {told}.")


def _rights(shape: Shape) -> Finding:
    needed = {"read": shape.queryable}
    if shape.name not in READ_ONLY:
        needed |= {"create": shape.createable, "edit": shape.updateable}
    missing = [right for right, given in needed.items() if not given]
    if missing:
        return Finding(
            False,
            f"The user may not {' or '.join(missing)} {shape.name}.",
            f"Grant {' and '.join(map(str.capitalize, missing))} on {shape.name} in a permission set of the user.",
        )
    deletes = "" if shape.deletable or shape.name in READ_ONLY else "; deleting is not granted"
    return Finding(True, f"{shape.name}: {len(shape.select)} fields; the user may {', '.join(needed)}{deletes}.")


def _key(shape: Shape) -> Finding:
    key = shape.key
    if key.promises:
        return Finding(True, f"{shape.name}.{key.name} keeps creates from happening twice.")
    so = "a create whose answer is lost could be made twice."
    if key.visible and key.writable:
        what = f"{shape.name}.{key.name} is not both External ID and Unique: {so}"
        return Finding(False, what, f"Tick both at the field {key.name} in Setup, Object Manager, {shape.name}.")
    missing = f"{shape.name} has no field {key.name}, or the user may not see it"
    barred = f"The user may not write {shape.name}.{key.name}"
    return Finding(
        False,
        f"{barred if key.visible else missing}: {so}",
        "Let Concord make the field (`concord check NAME --fix`), or make it by hand: Text (255), External ID, Unique,"
        " case-sensitive, with read and edit access for the user.",
        fix=FIX,
    )


def _quota(client: Client, reserve: float) -> Iterator[Finding]:
    left = client.quota.left
    if left is None:
        return
    calls, allowed = left
    yield Finding(
        calls > allowed * reserve,
        f"{calls} of {allowed} calls are left of the last 24 hours; {reserve:.0%} are kept for others.",
        QUOTA,
    )
