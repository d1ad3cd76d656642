"""A small sound configuration, and a way to load variants of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proxy.config import Config, load
from proxy.errors import ConfigError

EXCHANGES = {"binance": ("spot", "usdm"), "kraken": ("spot",), "okx": ("api",)}

# Line numbers count in the tests: bots 2-6, accounts from 7.
SOUND = """\
state_dir: state
bots:
  grid:
    token: {file: token}
    accounts: [main, two]
    allow: [public, read, cancel, place]
accounts:
  main:
    exchange: kraken
    addresses: [203.0.113.10, 203.0.113.11]
    keys:
      first: {key: {file: key}, secret: {file: secret}}
  two:
    exchange: binance
    addresses: [203.0.113.10]
    keys:
      other: {key: {file: key}, secret: {file: secret}}
"""

SECRETS = {
    "token": "dummy-token-of-grid-1",
    "key": "dummy-api-key",
    "secret": "dummy-api-secret",
}


class Desk:
    """A folder with a configuration and its secret files."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ordergate.yaml"
        for name, text in SECRETS.items():
            self.secret(name, text)

    def secret(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.path.parent / name
        path.touch(0o600)
        path.write_text(text)
        path.chmod(mode)

    def load(self, text: str = SOUND, environ: Mapping[str, str] | None = None) -> Config:
        self.path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return load(self.path, EXCHANGES, environ or {})

    def complaints(self, text: str = SOUND, environ: Mapping[str, str] | None = None) -> list[str]:
        """The complaints without the file's name: "line: place: text"."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, environ)
        prefix = f"{self.path}:"
        assert all(line.startswith(prefix) for line in caught.value.complaints)
        return [line.removeprefix(prefix).strip() for line in caught.value.complaints]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def swap() -> Callable[[str, str], str]:
    """The sound configuration with one text replaced by another, once."""

    def replaced(old: str, new: str) -> str:
        assert old in SOUND
        return SOUND.replace(old, new, 1)

    return replaced
