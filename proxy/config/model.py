"""The form of the whole configuration file, and its JSON Schema."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from proxy.config import fields
from proxy.config.account import AccountForm
from proxy.config.form import NOT_AVAILABLE, AccountName, Form, Name, Secret, either, facts, no_repeats


def _known_account(name: str, info: ValidationInfo) -> str:
    known = facts(info).accounts
    if name not in known:
        raise ValueError("there is no such account in this file")
    return name


def _listener(text: str, info: ValidationInfo) -> str:
    return fields.listener(text, allow_remote=facts(info).allow_remote)


def _deadline(text: str) -> str:
    fields.deadline_ns(text)
    return text


BotClass = Literal["public", "read", "cancel", "place"]
BOT_CLASSES: tuple[BotClass, ...] = get_args(BotClass)
Deadline = Annotated[str, AfterValidator(_deadline)]
Listener = Annotated[str, AfterValidator(_listener)]


class BotForm(Form):
    """A bot: its token, its accounts and what it may do there."""

    token: Secret
    accounts: list[Annotated[str, AfterValidator(_known_account)]] = Field(min_length=1)
    allow: list[BotClass] = Field(default=["public", "read"])
    """`place` includes amending."""
    share: float = Field(default=1.0, gt=0)
    """Weight in fair queueing."""
    deadline: Annotated[
        Annotated[dict[BotClass, Deadline], Tag("<map>")] | Annotated[Deadline, Tag("<other>")],
        Discriminator(either(map=dict)),
    ] = Field(default_factory=dict)
    """How long its calls may wait in the queue (10m at most): one duration, or one per class."""


class RedisForm(Form):
    """A ledger that several daemons share (not available in this version)."""

    redis: str

    @field_validator("redis")
    @classmethod
    def _no_redis(cls, value: str) -> str:
        raise ValueError(NOT_AVAILABLE)


def _distinct_listeners(items: list[str]) -> list[str]:
    no_repeats("listener", [item for item in items if not item.endswith(":0")])
    return items


class FileForm(Form):
    """Ordergate's configuration."""

    listen: Annotated[list[Listener], Field(min_length=1), AfterValidator(_distinct_listeners)] = Field(
        default=["127.0.0.1:8787"]
    )
    """Where bots call: IP:port or unix:/path."""
    admin: Listener = "127.0.0.1:8788"
    """Status page, metrics, health and admin API."""
    state_dir: str = Field(default="/var/lib/ordergate", min_length=1)
    """Journal and saved state; a relative path starts at this configuration's folder."""
    ledger: Annotated[
        Annotated[RedisForm, Tag("<map>")] | Annotated[Literal["memory"], Tag("<other>")],
        Discriminator(either(map=dict)),
    ] = "memory"
    allow_env_secrets: bool = False
    """Accept secrets from environment variables."""
    allow_remote: bool = False
    """Accept listeners that other machines can reach."""
    bots: dict[Name, BotForm] = Field(default_factory=dict)
    accounts: dict[AccountName, AccountForm] = Field(min_length=1)

    @field_validator("admin")
    @classmethod
    def _admin_apart(cls, value: str, info: ValidationInfo) -> str:
        if value in info.data.get("listen", ()) and not value.endswith(":0"):
            raise ValueError("bots and operators need listeners of their own")
        return value


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    schema: dict[str, Any] = _plain(FileForm.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Ordergate", **schema}


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Without pydantic's titles, and with names closed to their pattern. `names`: a mapping of field names."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _plain(value, names=not names and key in ("properties", "$defs"))
        for key, value in schema.items()
        if names or key != "title"
    }
    return kept | {"additionalProperties": False} if "patternProperties" in kept and not names else kept
