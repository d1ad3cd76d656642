"""What only the exchanges' tables can say about a configuration."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.cli.build import complaints_of, load_config, pools_of
from proxy.config import AccountConfig, AddressConfig, KeyConfig, LimitOverride
from proxy.errors import ConfigError
from proxy.exchanges import EXCHANGES
from proxy.model import Credential


def account(
    exchange: str = "binance", *, secret: bytes = b"dummy-secret", window: int = 0, **fields: Any
) -> AccountConfig:
    addresses = (AddressConfig("127.0.0.1", "127.0.0.1"),)
    key = KeyConfig("main", Credential("desk", "main", "dummy-key", secret), None, window, addresses)
    plain = AccountConfig("desk", exchange, "", addresses, (key,), {}, {}, {}, (), False)
    return replace(plain, **fields)


def complaints(found: AccountConfig) -> list[str]:
    return complaints_of(found, EXCHANGES[found.exchange])


def test_nothing_to_say() -> None:
    assert complaints(account()) == []
    assert complaints(account("kraken", secret=b"ZHVtbXk=", tier="pro", window=5000)) == []


def test_a_tier_that_the_exchange_does_not_have() -> None:
    assert complaints(account(tier="pro")) == ["accounts.desk.tier: binance has no tier 'pro'; it knows: none"]
    (found,) = complaints(account("kraken", secret=b"ZHVtbXk=", tier="gold"))
    assert "it knows: starter, intermediate, pro" in found


def test_a_limit_that_the_exchange_does_not_have() -> None:
    (found,) = complaints(account(limits={"weight_1m": LimitOverride(1.0), "weight_9m": LimitOverride(1.0)}))
    assert found.startswith("accounts.desk.limits.weight_9m: binance has no such limit; it has: weight_1m, ")


@pytest.mark.parametrize("rule", ["POST /api/v3/nothing", "POST", "/api/v3/order", "POST api/v3/order"])
def test_a_rule_that_denies_nothing(rule: str) -> None:
    (found,) = complaints(account(deny=(rule,)))
    assert found.startswith("accounts.desk.deny: ")


@pytest.mark.parametrize("rule", ["POST /api/v3/order", "* /sapi/*", "GET /sapi/v1/anything"])
def test_a_rule_that_denies_something(rule: str) -> None:
    assert complaints(account(deny=(rule,))) == []


def test_a_secret_that_cannot_sign_is_not_shown() -> None:
    (found,) = complaints(account(secret=b"-----BEGIN dummy-canary"))
    assert found.startswith("accounts.desk.keys.main: ") and "canary" not in found


def test_a_nonce_window_without_nonces() -> None:
    (found,) = complaints(account(window=5))
    assert found.startswith("accounts.desk.keys.main.nonce_window: ")


def test_all_of_them_at_once() -> None:
    assert len(complaints(account(tier="x", limits={"x": LimitOverride(1.0)}, deny=("x",), window=1))) == 4


def test_loading_tells_the_file(folder: Any) -> None:
    file = folder.write(more="    tier: gold\n    limits: {nothing: 1}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert [c.startswith(str(file)) for c in caught.value.complaints] == [True, True]


def test_pools(folder: Any) -> None:
    config = load_config(folder.write(addresses="127.0.0.1, 127.0.0.2"))
    pool = pools_of(config)["desk"]
    assert (pool.account, pool.exchange.name) == ("desk", "binance")
    assert [(row.key, row.addresses) for row in pool.keyed] == [("main", ("127.0.0.1", "127.0.0.2"))]
    assert pool.upstream["spot"].host == "127.0.0.1" and pool.upstream["spot"].private_ok
