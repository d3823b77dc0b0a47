"""The page about filters, printed from their words so that it cannot tell something else."""

from __future__ import annotations

from core.mapping.comparing import WORDS

_HEAD = """\
# Filters

The table of words is printed from `core/mapping/comparing.py`; change it, not this page.

A filter says which records sync, per connection, stream and direction. It stands in `concord.yaml`:

```yaml
streams:
  contacts:
    only_in: {lifecycle_stage: [customer, opportunity]}   # which of the tool's records come into the hub
    leaves_in: keep                                       # keep | unlink
    only_out: {tags: {has: newsletter}}                   # which of the hub's records the tool gets
    leaves: keep                                          # keep | unlink | archive
```

Conditions are about canonical values ([model.md](model.md)); every field that is named must fit. `only_out` asks the
record as it stands in the hub, `only_in` the tool's own record as the mapping reads it. A filter has no clock: nothing
comes or goes without somebody changing something. `when` in a mapping says *where* a record is created, a filter says
*whether*: what the stream that claims it does not get goes to no other.

## Words

| Word | Asks | Of | Example |
|---|---|---|---|
"""

_TAIL = """
A part of an address is asked like a field: `address.country: [GB, IE]`.

## What becomes of a record that leaves

A record leaves `only_out` when it fitted once, or was created by the hub, and no longer fits.

| `leaves` | In the tool | In the hub |
|---|---|---|
| `keep` | It stays as it is and is not written any more. | What people edit there is still read. |
| `unlink` | The same. | It is not read any more; what it said until then counts on. |
| `archive` | It is deleted, or archived where the tool's delete does that. | What it said until then counts on. |

Where `archive` meets a tool that cannot delete by interface, the record is unlinked and a review asks a person to
remove it there. When the record fits again it is written as before (`keep`), bound again with what was edited there
meanwhile (`unlink`), or created anew (`archive`). While a question is open about a field that decides, nothing leaves
because of it. The edit by which a record leaves, in whichever tool, is never lost.

What a tool holds by itself and what never fitted has not left: it is read and not written, whatever `leaves` says.
Who deletes a record where it is left out tidies up there; nothing is deleted elsewhere.

| `leaves_in` | What came in and no longer fits `only_in` |
|---|---|
| `keep` | It goes on syncing both ways: the filter stands at the door only. |
| `unlink` | The edit by which it leaves is heard; from then on it is neither read nor written, until it fits again. |

What `only_in` keeps out makes no record and joins none, and none like it is created beside it. It is remembered as the
tool shows it, so a filter that is widened lets it in without a call. Nothing it says is heard, consent included.

A refusal of consent passes every filter once a record is held on both sides: an opt-out is told to a tool where the
record was kept or unlinked, and heard from one where it was unlinked.

A reference to a record that a tool does not get is not told there. It is told as soon as the tool gets that record.

A changed filter is put in force like any other change of the configuration and needs no call to a tool; `concord why`
says which filter leaves a record out, and `concord status` counts them. They count nowhere in the agreement.
"""


def reference_page() -> str:
    """The page as it should be."""
    rows = []
    for name, word in WORDS.items():
        field, operand, _, _ = word.example
        types = {"*": "any field", "set": "sets of words, emails or phone numbers"}
        asked = ", ".join(types.get(one, one) for one in word.types)
        rows.append(f"| `{name}` | {word.doc} | {asked} | `{field}: {{{name}: {operand}}}` |")
    return _HEAD + "\n".join(rows) + "\n" + _TAIL
