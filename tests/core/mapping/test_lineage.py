"""Which tools feed a field, and what a tool receives."""

from __future__ import annotations

from core.mapping import Mapping, lineage, load

LIST = """
people:
  as: contact
  direction: in
  fields:
    email: Mail
    full_name: {compute: '`First Name` + Last'}
"""


def threads(crm: Mapping):
    return lineage({"crm": crm, "list": load(LIST, file="list.yaml")})


def test_it_tells_which_tools_feed_a_field(crm: Mapping):
    feeding = threads(crm).feeds("contact", "email")
    assert [(one.connection, one.stream, one.remotes) for one in feeding] == [
        ("crm", "contacts", ("properties.email",)),
        ("list", "people", ("Mail",)),
    ]
    assert threads(crm).feeds("contact", "full_name")[0].remotes == ("First Name", "Last")
    assert threads(crm).feeds("deal", "amount")[0].remotes == ("amount", "currency_code")


def test_it_tells_what_lies_between(crm: Mapping):
    (thread,) = threads(crm).feeds("contact", "lifecycle_stage")
    assert thread.through == ("vocabulary lifecycle",)
    (thread,) = threads(crm).feeds("contact", "tags")
    assert thread.through == ("list",)


def test_it_tells_what_a_tool_receives(crm: Mapping):
    received = threads(crm).receives("crm")
    assert {"first_name", "last_name"} <= {one.field for one in received if one.remotes == ("properties.full",)}
    assert not [one for one in received if one.field == "created_at"]
    assert threads(crm).receives("list") == ()


def test_it_tells_where_a_field_goes(crm: Mapping):
    remotes = [one.remotes for one in threads(crm).takes("contact", "first_name")]
    assert remotes == [("properties.firstname",), ("properties.full",)]
