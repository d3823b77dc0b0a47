"""Forms as an admin says them: `forms` in the configuration.

quote:
  title: Ask for a quote
  sites: [https://shop.example]
  thanks: https://shop.example/thank-you
  source: web
  reason: quote
  fields:
    first_name: First name
    email: {label: Email, required: true}
    budget: {label: Budget, choices: [below 1000, more]}
    asked: {label: What do you need?, required: true}
  consent:
    email.news: Yes, send me the monthly letter. I can stop it at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from core.mapping.problem import MappingError, did_you_mean, one_of
from core.mapping.source import Entry, Node, Source
from core.model.consent import PREFIX
from core.model.form import CONTEXT, REASON, Form, FormField, Tick
from core.model.shape import Shape

ASKABLE = ("text", "name", "email", "phone", "url", "domain", "date", "number", "flag", "choice", "tags")
"""The types of what a form may ask: what people can type into one box."""

Askable = Mapping[str, str]
"""What may be asked: the name under which it is posted → its type."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_WORDS = ("title", "sites", "thanks", "source", "reason", "fields", "consent")
_FIELD_WORDS = ("label", "required", "choices")
_REACH = ("email", "phone")


def load_forms(text: str, shape: Shape, askable: Askable, *, file: str) -> tuple[Form, ...]:
    """The forms in a text, for contacts of this shape; `MappingError` with everything that is wrong in it."""
    if not text.strip():
        return ()
    source = Source(file, text)
    root = source.tree()
    found = read_forms(root, source, shape, askable) if root is not None else ()
    if source.problems:
        raise MappingError(source.problems)
    return found


def read_forms(root: Node, source: Source, shape: Shape, askable: Askable) -> tuple[Form, ...]:
    """The forms in their order; mistakes are noted in `source`, with their place."""
    if root.value is None:
        return ()
    if not root.is_map:
        source.problem(root.place, "`forms` is not a map.", found=root.told(), expected="`name:` and its lines below")
        return ()
    reader = _Reader(source, shape, askable)
    return tuple(found for line in root.entries if (found := reader.form(line)) is not None)


def askable(shape: Shape, posted: Mapping[str, str]) -> Askable:
    """What may be asked of a contact; `posted` are names under which parts of one are posted, with their types."""
    plain = {
        name: one.type
        for name, one in shape.fields.items()
        if one.type in ASKABLE and name not in CONTEXT and not name.startswith(PREFIX)
    }
    return {REASON: "name", **posted, **plain}


class _Reader:
    def __init__(self, source: Source, shape: Shape, askable: Askable) -> None:
        self.source, self.shape, self.askable = source, shape, askable

    def form(self, line: Entry) -> Form | None:
        name, before = str(line.key), len(self.source.problems)
        if not _NAME.fullmatch(name):
            expected = "small letters, digits, - and _, a letter first"
            self.source.problem(line.place, f"`{name}` cannot be a form's name.", expected=expected)
        if not line.node.is_map:
            self.source.problem(
                line.place, f"The form `{name}` is not a map.", found=line.node.told(), expected="`fields:` below it"
            )
            return None
        said = line.node.value
        self._known(line.node, _WORDS, "a form")
        fields = self._fields(said.get("fields"), line)
        sites = self._sites(said["sites"]) if "sites" in said else ()
        form = Form(
            name,
            self._text(said.get("title")) or name.replace("_", " ").replace("-", " ").capitalize(),
            fields,
            self._ticks(said["consent"]) if "consent" in said else (),
            sites,
            self._thanks(said["thanks"], sites) if "thanks" in said else None,
            self._text(said.get("source")) or "web",
            self._text(said.get("reason")),
        )
        return form if len(self.source.problems) == before else None

    # What is asked.

    def _fields(self, entry: Entry | None, form: Entry) -> tuple[FormField, ...]:
        if entry is None or not entry.node.is_map:
            self.source.problem(
                form.place if entry is None else entry.place,
                f"The form `{form.key}` asks nothing.",
                remedy="Add `fields:` and below it one line a field, e.g. `email: Email`.",
            )
            return ()
        found = tuple(one for line in entry.node.entries if (one := self._field(line)) is not None)
        if not any(one.name in _REACH for one in found):
            self.source.problem(
                entry.place,
                f"Nobody who fills in `{form.key}` could be answered.",
                expected="a field `email` or `phone`",
                remedy="Add `email: {label: Email, required: true}`.",
            )
        return found

    def _field(self, line: Entry) -> FormField | None:
        name = str(line.key)
        if name not in self.askable:
            self.source.problem(
                line.place,
                f"`{name}` is nothing that a form can ask.",
                expected="a field of a contact that is typed into one box",
                remedy=did_you_mean(name, self.askable) or "Declare it below `custom_fields`, or leave it out.",
            )
            return None
        if not line.node.is_map:
            label = self._text(line)
            return FormField(name, label, self.askable[name], False, self._choices_of(name)) if label else None
        self._known(line.node, _FIELD_WORDS, "a form's field")
        said = line.node.value
        if "label" not in said:
            remedy = "Add `label:` and the words that stand beside the box."
            self.source.problem(line.place, f"`{name}` has no label.", remedy=remedy)
            return None
        label, required = self._text(said["label"]), said.get("required")
        if required is not None and not isinstance(required.node.value, bool):
            self._unfit(required, "true or false")
        choices = self._choices(said["choices"], name) if "choices" in said else self._choices_of(name)
        return FormField(name, label or "", self.askable[name], bool(required and required.node.value), choices)

    def _choices_of(self, name: str) -> tuple[str, ...]:
        declared = self.shape.fields.get(name)
        return declared.choices if declared is not None else ()

    def _choices(self, line: Entry, name: str) -> tuple[str, ...]:
        said = line.node.plain()
        found = tuple(dict.fromkeys(str(one) for one in said)) if isinstance(said, list) else ()
        if not found:
            self._unfit(line, "a list of words to choose from")
        known = self._choices_of(name)
        wrong = next((one for one in found if known and one not in known), None)
        if wrong is not None:
            self._unfit(line, f"words that `{name}` has: {one_of(known)}", did_you_mean(wrong, known))
        return found

    # Consent.

    def _ticks(self, line: Entry) -> tuple[Tick, ...]:
        if not line.node.is_map:
            self._unfit(line, "`CHANNEL: wording` or `CHANNEL.TOPIC: wording` lines")
            return ()
        return tuple(one for entry in line.node.entries if (one := self._tick(entry)) is not None)

    def _tick(self, line: Entry) -> Tick | None:
        known = [one.removeprefix(PREFIX) for one in self.shape.consents if one != f"{PREFIX}all"]
        if line.key not in known:
            self.source.problem(
                line.place,
                f"`{line.key}` is nothing that people consent to.",
                expected="a channel, or CHANNEL.TOPIC with one of `topics:`",
                remedy=did_you_mean(line.key, known),
            )
            return None
        wording = self._text(line)
        return Tick(f"{PREFIX}{line.key}", wording) if wording else None

    # Where it stands, and where it leads.

    def _sites(self, line: Entry) -> tuple[str, ...]:
        if not line.node.is_list:
            self._unfit(line, "a list of origins", "Write e.g. `sites: [https://shop.example]`.")
            return ()
        found = []
        for one in line.node.value:
            origin = origin_of(str(one.value))
            if origin is None or origin != str(one.value).rstrip("/").lower():
                self.source.problem(
                    one.place,
                    f"{one.told()} is no site.",
                    expected="an origin: https://, a name, perhaps a port, and nothing behind",
                    remedy=f"Write {origin}." if origin else "Write e.g. https://shop.example.",
                )
            else:
                found.append(origin)
        return tuple(found)

    def _thanks(self, line: Entry, sites: tuple[str, ...]) -> str | None:
        said = self._text(line)
        if said and origin_of(said) not in sites:
            self.source.problem(
                line.node.place,
                "`thanks` leads to a page that is on none of the form's `sites`.",
                found=line.node.told(),
                expected=one_of(sites) if sites else "a form with `sites`",
                remedy="Name the site below `sites`, or leave `thanks` out: the hub has a page of its own.",
            )
        return said

    # Pieces.

    def _text(self, line: Entry | None) -> str | None:
        if line is None:
            return None
        said = line.node.value
        if isinstance(said, str) and said.strip():
            return said.strip()
        self._unfit(line, "a few words")
        return None

    def _known(self, node: Node, words: tuple[str, ...], where: str) -> None:
        for one in node.entries:
            if one.key not in words:
                remedy = did_you_mean(one.key, words) or "Leave it out."
                what = f"`{one.key}` is not a word of {where}."
                self.source.problem(one.place, what, expected=one_of(words), remedy=remedy)

    def _unfit(self, line: Entry, expected: str, remedy: str = "") -> None:
        what = f"`{line.key}` has a value it cannot have."
        self.source.problem(line.node.place, what, found=line.node.told(), expected=expected, remedy=remedy)


def origin_of(url: str) -> str | None:
    """`https://shop.example/a?b` → `https://shop.example`; None for what is no address of a web page."""
    if "\\" in url or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url.lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
