"""What a sound file becomes."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from proxy.config import AddressConfig, LimitOverride, find, load
from proxy.errors import ConfigError
from proxy.exchanges import EXCHANGES
from proxy.model import Upstream
from proxy.pool import pool_of

Swap = Callable[[str, str], str]
MINUTE_NS = 60_000_000_000


def test_a_sound_file_with_defaults(desk: Any) -> None:
    config = desk.load()
    assert config.listen == ("127.0.0.1:8787",)
    assert config.admin == "127.0.0.1:8788"
    assert config.state_dir == desk.path.parent / "state"
    assert list(config.accounts) == ["main", "two"]
    account = config.accounts["main"]
    assert (account.name, account.exchange, account.tier) == ("main", "kraken", "")
    assert account.addresses == tuple(AddressConfig(a, a) for a in ("203.0.113.10", "203.0.113.11"))
    assert (account.upstream, account.limits, account.reserve, account.deny) == ({}, {}, {}, ())
    assert account.allow_withdrawals is False
    (key,) = account.keys
    assert (key.alias, key.expires, key.nonce_window) == ("first", None, 0)
    assert key.addresses == account.addresses
    credential = key.credential
    assert (credential.account, credential.alias) == ("main", "first")
    assert (credential.key, credential.secret, credential.passphrase) == ("dummy-api-key", b"dummy-api-secret", "")


def test_a_bot(desk: Any, swap: Swap) -> None:
    bot = desk.load().bots["grid"]
    assert bot.name == "grid"
    assert bot.token_hash == hashlib.sha256(b"dummy-token-of-grid-1").digest()
    assert bot.accounts == {"main", "two"}
    assert bot.allow == {"public", "read", "cancel", "place"}
    assert bot.share == 1.0


def test_a_bot_without_allow_may_only_read(desk: Any, swap: Swap) -> None:
    bot = desk.load(swap("    allow: [public, read, cancel, place]\n", "    share: 2.5\n")).bots["grid"]
    assert bot.allow == {"public", "read"}
    assert bot.share == 2.5


def test_how_long_a_bots_calls_may_wait(desk: Any, swap: Swap) -> None:
    assert desk.load().bots["grid"].deadline == {}
    one = desk.load(swap("    allow: [", "    deadline: 800ms\n    allow: [")).bots["grid"].deadline
    assert one == dict.fromkeys(["public", "read", "cancel", "place"], 800_000_000)
    some = desk.load(swap("    allow: [", "    deadline: {place: 2s, read: 10m}\n    allow: [")).bots["grid"].deadline
    assert some == {"place": 2_000_000_000, "read": 600_000_000_000}


def test_every_setting_of_an_account(desk: Any, swap: Swap) -> None:
    desk.secret("passphrase", "dummy pass\n")
    text = swap(
        "secret: {file: secret}}\n",
        "secret: {file: secret}, passphrase: {file: passphrase}, expires: 2030-03-01, nonce_window: 5000,\n"
        "              addresses: ['2001:DB8:0::1', {bind: 10.0.0.7, public: 198.51.100.7}]}\n"
        "    tier: pro\n"
        "    upstream: https://dummy.example/base/\n"
        "    limits: {a_10s: 200, b_1m: {capacity: 0.5, window: 1m}, c: {capacity: 7}}\n"
        "    reserve: {place: 0.10, cancel: 0}\n"
        "    deny: ['POST /0/private/EditOrder']\n"
        "    allow_withdrawals: true\n",
    )
    account = desk.load(text).accounts["main"]
    (key,) = account.keys
    assert key.credential.passphrase == "dummy pass"
    assert (key.expires, key.nonce_window) == (date(2030, 3, 1), 5000)
    assert key.addresses == (
        AddressConfig("2001:db8::1", "2001:db8::1"),
        AddressConfig("10.0.0.7", "198.51.100.7"),
    )
    assert account.tier == "pro"
    assert account.upstream == {"spot": Upstream("https", "dummy.example", 443, "/base", private_ok=True)}
    assert account.limits == {
        "a_10s": LimitOverride(200.0),
        "b_1m": LimitOverride(0.5, MINUTE_NS),
        "c": LimitOverride(7.0, None),
    }
    assert account.reserve == {"place": 0.10, "cancel": 0.0}
    assert account.deny == ("POST /0/private/EditOrder",)
    assert account.allow_withdrawals is True


def test_upstream_per_product(desk: Any, swap: Swap) -> None:
    text = swap("exchange: binance", "exchange: binance\n    upstream: {usdm: 'http://[::1]:8080'}")
    assert desk.load(text).accounts["two"].upstream == {"usdm": Upstream("http", "::1", 8080, "", private_ok=True)}


def test_who_names_only_this_machine_means_only_that(desk: Any, swap: Swap) -> None:
    for urls, local in (("spot: 'http://127.0.0.1:1'", True), ("spot: 'https://dummy.example'", False)):
        account = desk.load(swap("exchange: binance", f"exchange: binance\n    upstream: {{{urls}}}")).accounts["two"]
        assert account.local is local
        assert set(pool_of(account, EXCHANGES["binance"]).upstream) == (
            {"spot"} if local else set(EXCHANGES["binance"].table.products)
        )


def test_ten_keys_and_twenty_addresses_fit(desk: Any, swap: Swap) -> None:
    for at in range(10):
        desk.secret(f"key{at}", f"dummy-key-{at}")
    keys = ", ".join(f"k{at}: {{key: {{file: key{at}}}, secret: {{file: secret}}}}" for at in range(10))
    addresses = ", ".join(f"203.0.113.{at}" for at in range(1, 21))
    text = swap("      first: {key: {file: key}, secret: {file: secret}}\n", f"      {{{keys}}}\n")
    account = desk.load(text.replace("203.0.113.10, 203.0.113.11", addresses)).accounts["main"]
    assert len(account.keys) == 10
    assert len(account.addresses) == 20


def test_the_other_sources(desk: Any, swap: Swap, tmp_path: Path) -> None:
    text = swap("{key: {file: key}, secret: {file: secret}}", "{key: {credential: cred}, secret: {env: DUMMY}}")
    desk.secret("cred", "dummy-credential\n", 0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "DUMMY": "dummy-from-env"}
    credential = desk.load("allow_env_secrets: true\n" + text, environ).accounts["main"].keys[0].credential
    assert (credential.key, credential.secret) == ("dummy-credential", b"dummy-from-env")


def test_values_where_every_upstream_is_on_this_machine(desk: Any) -> None:
    config = desk.load(
        "bots: {grid: {token: {value: dummy-token-grid}, accounts: [sim]}}\n"
        "accounts:\n"
        "  sim:\n"
        "    exchange: binance\n"
        "    addresses: [127.0.0.2]\n"
        "    keys: {main: {key: {value: dummy-key}, secret: {value: dummy-secret}}}\n"
        "    upstream: {spot: 'http://127.0.0.1:9000', usdm: 'http://localhost:9000'}\n"
    )
    assert config.accounts["sim"].keys[0].credential.secret == b"dummy-secret"
    assert config.bots["grid"].token_hash == hashlib.sha256(b"dummy-token-grid").digest()


def test_a_pem_keeps_its_lines(desk: Any) -> None:
    pem = "-----BEGIN DUMMY KEY-----\nZHVtbXk=\n-----END DUMMY KEY-----"
    desk.secret("secret", pem + "\n")
    assert desk.load().accounts["main"].keys[0].credential.secret == pem.encode()


def test_an_absolute_secret_path(desk: Any, swap: Swap) -> None:
    text = swap("token: {file: token}", f"token: {{file: {desk.path.parent}/token}}")
    assert "grid" in desk.load(text).bots


def test_a_relative_configuration_path(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.load()
    monkeypatch.chdir(desk.path.parent)
    config = load(Path("ordergate.yaml"), {"binance": ("spot",), "kraken": ("spot",)}, {})
    assert config.state_dir == desk.path.parent / "state"


@pytest.mark.parametrize(
    "listener",
    ["127.0.0.1:1", "127.8.8.8:65535", "127.0.0.1:0", "'[::1]:8787'", "unix:/run/dummy/bots.sock"],
)
def test_listeners_on_this_machine(desk: Any, listener: str, swap: Swap) -> None:
    assert desk.load(f"listen: [{listener}]\n" + swap("", "")).listen == (listener.strip("'"),)


def test_other_machines_only_when_allowed(desk: Any, swap: Swap) -> None:
    text = "listen: ['0.0.0.0:8787']\nadmin: '[::]:8788'\nallow_remote: true\n" + swap("", "")
    config = desk.load(text)
    assert (config.listen, config.admin) == (("0.0.0.0:8787",), "[::]:8788")


def test_nothing_prints_a_secret(desk: Any, swap: Swap) -> None:
    desk.secret("passphrase", "dummy-passphrase")
    text = swap("secret: {file: secret}}", "secret: {file: secret}, passphrase: {file: passphrase}}")
    config = desk.load(text)
    for printed in (repr(config), str(config), f"{config}", repr(config.accounts["main"].keys[0])):
        assert "dummy" not in printed
        assert repr(config.bots["grid"].token_hash) not in printed


def test_find_takes_the_first_that_exists(tmp_path: Path) -> None:
    first, second = tmp_path / "etc" / "ordergate.yaml", tmp_path / "ordergate.yaml"
    with pytest.raises(ConfigError) as caught:
        find(None, (first, second))
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)
    second.touch()
    assert find(None, (first, second)) == second
    first.parent.mkdir()
    first.touch()
    assert find(None, (first, second)) == first
    assert find(tmp_path / "mine.yaml", (first, second)) == tmp_path / "mine.yaml"


def test_find_does_not_pass_over_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, second = tmp_path / "closed.yaml", tmp_path / "ordergate.yaml"
    second.touch()
    stat = Path.stat

    def refuse(path: Path, **how: bool) -> object:
        if path == closed:
            raise PermissionError
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", refuse)
    assert find(None, (closed, second)) == closed
