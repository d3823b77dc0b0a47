"""What a connector says about itself, once: `connectors/<tool>/manifest.yaml`, read without importing it.

From it follow the console's form, CLI prompts, validation, webhook address, scheduler, docs table and redaction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml.error import YAMLError

from core.errors import ConfigError
from core.model import pages
from core.model.yaml_reader import yaml_reader

Deletes = Literal["ignore", "archive", "unlink", "propagate", "ask"]
"""What a delete on one side means for the other; see the design's section on identity, deletes and brakes."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(_Data):
    """One setting of a connection."""

    type: Literal["text", "secret", "url", "number", "flag", "choice", "path"] = "text"
    doc: str
    example: str | None = None
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    advanced: bool = False


class Stream(_Data):
    """One kind of record in the tool."""

    kind: str
    doc: str = ""
    reads: bool = True
    creates: bool = False
    updates: bool = False
    deletes: bool = False
    erases: bool = False
    """Can delete a record so that nobody can restore it: what somebody who asks to be erased is owed."""
    page_size: int = 100
    batch_size: int = 1
    """The largest number of edits one `write` takes."""
    changes_singly: bool = False
    """Each change is a call of its own, whatever one `write` takes: few are given, and what is urgent goes between."""
    together_by: str | None = None
    """The setting that, where it is filled, has such changes sent together all the same."""
    fetch_size: int = 100
    versions: Literal["none", "opaque", "stamp"] = "none"
    """`opaque`: a write is refused when the version moved. `stamp`: `modified_at` orders readings."""
    stamps: Literal["tool", "clients"] = "tool"
    """Who writes `modified_at`. The clocks of a tool's many clients tell when, but not which reading is newer."""
    cursor: Literal["listing", "token", "stamp", "offset"] = "listing"
    """How far the cursor can be trusted: `token` misses nothing; `stamp` needs a look-back; `listing` reads all."""
    look_back: float = 0
    """Seconds by which a poll reaches behind its last place, for indexes that lag."""
    delete_signal: Literal["none", "tombstone", "listing", "archived"] = "none"
    returns: Literal["whole", "written", "nothing"] = "nothing"
    """What a receipt tells: the whole record, the written fields, or nothing (the hub then reads it back)."""
    names_blanks: bool = False
    """A record read whole names its blank fields too: a mapped field that is not there at all is gone from the tool."""
    idempotent_create: bool = False
    native_merge: bool = False
    identity: str | None = None
    """The field that stays when a record's id changes (a card's UID), so that it is known again under the new one."""
    poll_every: float = 300
    """Seconds between polls when nothing else is said."""
    page: str = ""
    """The address of a record in the tool's own web interface (`core.model.pages`); '' where there is none."""
    no_page: str = ""
    """Why there is none."""
    notices: Literal["ids", "records"] = "ids"
    """What of a webhook may be believed: `records`, the values in it, where they come whole or with a stamp that orders
    them; `ids`, only that something happened to a record, which is read then."""


class Limits(_Data):
    """What the tool allows, where it is known beforehand."""

    requests: int | None = None
    per_seconds: float = 1.0
    concurrent: int = 1
    daily: int | None = None


class Webhook(_Data):
    """How the tool signs what it sends, and who subscribes to it."""

    doc: str
    max_age: float = 300
    subscribes: bool = False
    """The connector subscribes by call (`Subscribes`); else a person does, as `by_hand` says."""
    by_hand: str = ""
    """What a person enters where in the tool, with `{address}` for the connection's own."""


class SignIn(_Data):
    """How a person lets Concord in at the tool (OAuth 2, authorization code). `{setting}` stands for its value.

    The app's own id and secret are the settings `client_id` and `client_secret`; what is asked for are the setting
    `scopes`, where there is one and it is filled, else the manifest's scopes.
    """

    authorize_url: str
    token_url: str
    doc: str
    """Where in the tool the address is registered to which people come back."""
    pkce: bool = False
    in_header: bool = False
    """Whether the app shows its secret as HTTP Basic."""
    params: dict[str, str] = Field(default_factory=dict)
    """What else the tool wants to be told when somebody is sent there."""
    keeps: dict[str, str]
    """Setting → what of the token endpoint's answer it keeps."""
    clears: tuple[str, ...] = ()
    """Settings by which the connector would sign in otherwise, and before."""


class Quality(_Data):
    """The tier that is claimed, and what is still missing or does not apply, each with its reason."""

    tier: Literal["sound", "trusted", "exemplary"]
    todo: dict[str, str] = Field(default_factory=dict)
    exempt: dict[str, str] = Field(default_factory=dict)


class Manifest(_Data):
    """A connector's declaration of itself."""

    name: str
    title: str
    category: Literal["crm", "address book", "calendar", "email", "payments", "file", "support", "marketing", "test"]
    doc: str
    auth: Literal["none", "key", "basic", "oauth2"] = "none"
    sign_in: SignIn | None = None
    """None where nobody can be sent to the tool to sign in."""
    settings: dict[str, Setting] = Field(default_factory=dict)
    stream_options: dict[str, Setting] = Field(default_factory=dict)
    """Options a mapping may set per stream, handed to the connector as they are."""
    streams: dict[str, Stream]
    open_streams: bool = False
    """Streams not listed here may exist too (a folder of files); they behave like the first one of their kind."""
    sends: bool = False
    """Messages to people can be handed to it (`Sends`)."""
    limits: Limits = Limits()
    webhook: Webhook | None = None
    scopes: dict[str, str] = Field(default_factory=dict)
    """Required scope → what it is for."""
    quality: Quality

    @model_validator(mode="after")
    def _pages_can_be_found(self) -> Manifest:
        for name, stream in self.streams.items():
            if stream.page and (said := pages.wrong(stream.page, self.setting_types)):
                raise ValueError(f"the page of {name}: {said}")
        return self

    @property
    def setting_types(self) -> dict[str, str]:
        """Setting → its type."""
        return {name: setting.type for name, setting in self.settings.items()}

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the settings that must never be shown."""
        return frozenset(name for name, setting in self.settings.items() if setting.type == "secret")


def load_manifest(path: Path) -> Manifest:
    """Read and validate a manifest; `ConfigError` names file, place and what is wrong."""
    try:
        data = yaml_reader().load(path.read_text(encoding="utf-8"))
        return Manifest.model_validate(data)
    except YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {place}: {first['msg']}") from error
