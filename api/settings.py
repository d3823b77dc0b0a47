"""Settings of an installation, from the environment: `CONCORD_*`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.model.types import Locale
from core.store.database import embedded_url

HOOKS = "/hooks"
"""Below which path tools call."""


class Settings(BaseSettings):
    """Where the hub keeps its state, and how it reads what tools leave open."""

    model_config = SettingsConfigDict(env_prefix="CONCORD_", frozen=True)

    data: Path = Path("data")
    """The data folder; the embedded database lives there."""
    database_url: str | None = None
    """A PostgreSQL URL; without it the embedded database is used."""
    redis_url: SecretStr | None = None
    """A Redis URL, by which several processes wake each other and keep the tools' limits together; one needs none."""
    vault_key: SecretStr | None = None
    """The vault's keys, the sealing one first; without them, and the two below, one is made in the data folder."""
    vault_key_file: str = ""
    """A file with them, one a line, which only its owner may read."""
    vault_key_command: SecretStr | None = None
    """A program that prints them, with its arguments: how a key management service is asked."""
    backup_passphrase: SecretStr | None = None
    """What `concord backup --lock` locks a backup with, and `concord restore` opens it with."""
    region: str = "GB"
    """Where phone numbers without a country code belong."""
    currency: str = "GBP"
    day_first: bool = True
    public_url: str | None = None
    """Where people reach the preference page and the forms, and tools the webhooks, e.g. https://hub.shop.example."""
    console_url: str | None = None
    """Where people reach the console, e.g. https://hub.inside.example; without it, where they ask for it. A provider
    or a tool sends people back there."""
    passwords: bool = True
    """Whether people may sign in with a password of their own."""
    oidc_issuer: str | None = None
    """The identity provider (OpenID Connect) by which people sign in, e.g. https://login.shop.example."""
    oidc_name: str = ""
    """What it is called on the button; without it, by its host."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = "openid email profile"
    oidc_email: str = "email"
    """The claim that is somebody's address; it counts where `email_verified` is true."""
    oidc_groups: str = "groups"
    """The claim that names somebody's groups."""
    oidc_roles: str = ""
    """Group → role, `hub-admins: admin, support: operator`: who comes in uninvited. Left out, nobody does."""
    trusted_proxies: str = ""
    """Proxies whose word about who asks is believed, as addresses or networks: `127.0.0.1, 10.0.0.0/8`."""
    leads_per_address: int = Field(default=10, ge=1)
    """So many posts a minute are taken from one address."""
    leads_per_form: int = Field(default=300, ge=1)
    """So many posts a minute are taken by one form."""
    api_per_minute: int = Field(default=600, ge=1)
    """So many requests a minute are answered to one key of the API."""
    hooks_private: bool = False
    """Whether webhooks of the API may also be sent into networks of one's own, and by http there."""
    alert_slack: SecretStr | None = None
    """A hook of Slack, or of whatever takes its form, that hears of troubles."""
    alert_webhook: SecretStr | None = None
    """An address that troubles are posted to as JSON."""
    metrics_token: SecretStr | None = None
    """What Prometheus shows as a bearer token where it asks from another machine."""
    allow_private: bool | None = None
    """Whether tools and hooks at private addresses are called; unset, with the embedded database only. Address books,
    calendars, mail servers and the identity provider may be there anyway; clouds' own services are never called."""
    port: int = Field(default=8000, ge=0, le=65535)

    @property
    def url(self) -> str:
        """The database's URL as SQLAlchemy wants it."""
        if self.database_url is None:
            return embedded_url(self.data)
        for plain in ("postgres://", "postgresql://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url.removeprefix(plain)
        return self.database_url

    @property
    def private_allowed(self) -> bool:
        """Whether private addresses are called."""
        return self.database_url is None if self.allow_private is None else self.allow_private

    @property
    def hooks(self) -> str | None:
        """Below which address tools call; None where nobody outside knows how to reach this hub."""
        return self.public_url.rstrip("/") + HOOKS if self.public_url else None

    @property
    def locale(self) -> Locale:
        """How phones, money and dates are read."""
        return Locale(region=self.region, currency=self.currency, day_first=self.day_first)
