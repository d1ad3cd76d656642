"""The operator's configuration: `load` turns the YAML file into checked, frozen records."""

from proxy.config.load import DEFAULT_PLACES, find, load
from proxy.config.model import json_schema
from proxy.config.records import (
    AccountConfig,
    AddressConfig,
    BotConfig,
    Config,
    KeyConfig,
    LimitOverride,
)

__all__ = [
    "DEFAULT_PLACES",
    "AccountConfig",
    "AddressConfig",
    "BotConfig",
    "Config",
    "KeyConfig",
    "LimitOverride",
    "find",
    "json_schema",
    "load",
]
