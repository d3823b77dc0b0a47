"""Jurisdiction profiles: what the law of a place asks of a consent, as data (`profiles/*.yaml`).

A profile says which default holds, which proof a grant needs, when it expires, from which age a person consents for
themselves, and by when requests are answered. An installation names one and may say some of it otherwise:

    consent: {profile: gdpr, expires_after: 24, age: 13}

A profile is no legal advice. What its authors were not sure of, or what differs from place to place, stands in
`unsure`: look it up before you rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml.error import YAMLError

from core.errors import ConfigError
from core.model.shapes.contact import CHANNELS
from core.model.yaml_reader import yaml_reader


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Deadlines(_Data):
    """Within how many days after it came a request must be answered."""

    access: int = Field(default=30, ge=1)
    erasure: int = Field(default=30, ge=1)
    correction: int = Field(default=30, ge=1)
    objection: int = Field(default=30, ge=1)
    further: int = Field(default=0, ge=0)
    """Days more for what is hard to answer, if the person is told before the first end; never for an objection."""


class Profile(_Data):
    """What one jurisdiction asks. Without a file: the strictest of each."""

    title: str = "GDPR"
    doc: str = ""
    default: Literal["opt_in", "opt_out"] = "opt_in"
    """What the law takes silence for, where it speaks of it; what this means for messages says `silence_permits`."""
    silence_permits: tuple[str, ...] = ()
    """Channels on which somebody known who never said anything may be contacted."""
    grant_needs: Literal["word", "first_hand"] = "word"
    """A `word` of any source about its own people, or the person's own act that came to us `first_hand`."""
    double_opt_in: bool = True
    """Whether a sign-up by form is to be confirmed by mail before it counts."""
    each_purpose: bool = True
    """Whether a general grant says nothing of a topic: each needs its own."""
    expires_after: int | None = Field(default=None, ge=1)
    """Months after which a grant no longer counts; None for never."""
    age: int | None = Field(default=16, ge=1, le=25)
    """Who is younger needs a guardian's agreement; None where age is not asked."""
    unknown_age: Literal["adult", "child"] = "adult"
    """What somebody is taken for whose birthday is not known."""
    deadlines: Deadlines = Deadlines()
    unsure: tuple[str, ...] = ()
    """The keys of which the authors were not sure, or that differ from place to place."""

    @model_validator(mode="after")
    def _known_words(self) -> Profile:
        for one in self.silence_permits:
            if one not in CHANNELS:
                raise ValueError(f"there is no channel `{one}`; there are {', '.join(CHANNELS)}")
        for one in self.unsure:
            if one not in Profile.model_fields:
                raise ValueError(f"`unsure` names `{one}`, which a profile does not have")
        return self


SAYABLE = tuple(name for name in Profile.model_fields if name not in ("title", "doc", "default", "unsure"))
"""What an installation may say otherwise."""


def load_profile(text: str, *, file: str, otherwise: dict[str, Any] | None = None) -> Profile:
    """A profile from YAML, with what an installation says `otherwise`; `ConfigError` names what is wrong."""
    content = _content(text, file)
    said = otherwise or {}
    try:
        return Profile.model_validate({**content, **said})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "profile"
        raise ConfigError(
            f"{file}: `{name}`: {first['msg']}.", remedy="docs/consent.md lists what a profile may say."
        ) from error


@lru_cache(maxsize=8)
def _content(text: str, file: str) -> Mapping[str, Any]:
    """What the file says; a text is read once, since each change of the configuration asks for it again."""
    try:
        content = yaml_reader().load(text) or {}
    except YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: a profile has lines such as `age: 16`.")
    return content
