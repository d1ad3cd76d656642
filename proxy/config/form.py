"""What all forms of the configuration share: the base, the facts they are judged by, and the secret's sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from proxy.config import fields

NOT_AVAILABLE = "not available in this version"
SOURCES = ("file", "credential", "env", "vault", "value")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a single field is judged by beside its own text."""

    exchanges: Mapping[str, tuple[str, ...]]
    accounts: frozenset[str] = frozenset()
    allow_remote: bool = False
    allow_env_secrets: bool = False
    uncacheable: Callable[[str, str], str] = lambda exchange, endpoint: ""
    """What speaks against keeping the answers of an exchange's "METHOD /path", or ""."""


class Form(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


def facts(info: ValidationInfo) -> Facts:
    assert isinstance(info.context, Facts)
    return info.context


def either(**tests: type) -> Callable[[Any], str]:
    """Which form of a union a value has; "<...>" marks the tags so that they stay out of complaints."""
    return lambda value: next((f"<{tag}>" for tag, kind in tests.items() if isinstance(value, kind)), "<other>")


def no_repeats(what: str, items: list[str]) -> None:
    first: dict[str, int] = {}
    for at, item in enumerate(items):
        if first.setdefault(item, at) != at:
            raise ValueError(f"the same {what} stands twice (items {first[item] + 1} and {at + 1})")


def _upstream_url(text: str) -> str:
    fields.upstream(text)
    return text


def _duration(text: str) -> str:
    fields.duration_ns(text)
    return text


Name = Annotated[str, AfterValidator(fields.name), Field(json_schema_extra={"pattern": f"^{fields.NAME}$"})]
AccountName = Annotated[
    str, AfterValidator(fields.account_name), Field(json_schema_extra={"pattern": f"^{fields.ACCOUNT_NAME}$"})
]
Ip = Annotated[str, AfterValidator(fields.ip_literal)]
Day = Annotated[
    date, BeforeValidator(fields.day), WithJsonSchema({"type": "string", "format": "date"}, mode="validation")
]
Url = Annotated[str, AfterValidator(_upstream_url)]
Duration = Annotated[str, AfterValidator(_duration)]


class Secret(Form):
    """Where a secret stands: exactly one source, never the secret itself."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    file: str = Field(default="", min_length=1)
    """A file of mode 0600 or stricter; a relative path starts at this configuration's folder."""
    credential: str = Field(default="", min_length=1)
    """The name of a systemd credential (LoadCredential=)."""
    env: str = Field(default="", min_length=1)
    """An environment variable; needs allow_env_secrets: true."""
    vault: str = Field(default="", min_length=1)
    """A name in the encrypted file (not available in this version)."""
    value: str = Field(default="", min_length=1, repr=False)
    """The text itself: only for simulators on this machine."""

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:
        # Told without the names that were found: a secret typed in place of a source must not be printed.
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in SOURCES:
            raise ValueError("write one source, as in {file: PATH}, {credential: NAME} or {env: NAME}")
        return value

    @field_validator("env")
    @classmethod
    def _env_allowed(cls, value: str, info: ValidationInfo) -> str:
        if not facts(info).allow_env_secrets:
            raise ValueError("secrets in the environment need allow_env_secrets: true (children inherit them)")
        return value

    @field_validator("vault")
    @classmethod
    def _no_vault(cls, value: str) -> str:
        raise ValueError(NOT_AVAILABLE)
