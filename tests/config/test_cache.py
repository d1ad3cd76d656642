"""Which answers may be kept, and for how long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.build import load_config, pools_of, uncacheable
from proxy.config import load
from proxy.errors import ConfigError
from tests.config.test_load import Swap

EXCHANGES = {"binance": ("spot", "usdm"), "kraken": ("spot",)}
SECOND = 1_000_000_000


@pytest.fixture
def said(desk: Any, swap: Swap) -> Callable[[str], list[str]]:
    """The complaints about a `cache:` of the binance account, judged by the real tables."""

    def complaints(setting: str) -> list[str]:
        text = swap("exchange: binance", f"exchange: binance\n    cache:\n      {setting}")
        desk.path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(desk.path, EXCHANGES, {}, uncacheable)
        return [line.removeprefix(f"{desk.path}:") for line in caught.value.complaints]

    return complaints


def test_nothing_is_kept_unless_it_is_named(desk: Any) -> None:
    assert desk.load().accounts["main"].cache == {}


def test_endpoints_with_their_times(desk: Any, swap: Swap) -> None:
    setting = 'cache: {"GET /api/v3/exchangeInfo": 5s, "GET /api/v3/ticker/price": 500ms}'
    config = desk.load(swap("exchange: binance", f"exchange: binance\n    {setting}"))
    assert config.accounts["two"].cache == {
        "GET /api/v3/exchangeInfo": 5 * SECOND,
        "GET /api/v3/ticker/price": SECOND // 2,
    }
    assert config.accounts["main"].cache == {}


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("GET /api/v3/exchangeInfo: 5", "must be text"),
        ("GET /api/v3/exchangeInfo: 5 s", "not a duration"),
        ("GET /api/v3/exchangeInfo: 61m", "an answer is kept for 1h at most"),
        ("/api/v3/exchangeInfo: 5s", "write METHOD /path"),
        ("POST /api/v3/order: 5s", "write GET /path"),
        ("GET /api/v3/*: 5s", "write GET /path"),
        ('"GET /api/v3/depth?symbol=BTCUSDT": 5s', "write GET /path"),
        ("GET /nothing: 5s", "binance has no such endpoint"),
        ("GET /api/v3/account: 5s", "only public data is kept"),
        ("GET /api/v3/openOrders: 5s", "only public data is kept"),
        ("GET /api/v3/historicalBlockTrades: 5s", "only public data is kept"),
        ("GET /api/v3/time: 5s", "an answer that tells the time is not kept"),
    ],
)
def test_each_fault_has_its_line(said: Callable[[str], list[str]], setting: str, complaint: str) -> None:
    (found,) = said(setting)
    assert found.startswith("16: accounts.two.cache") and complaint in found


@pytest.mark.parametrize(
    ("exchange", "endpoint", "fits"),
    [
        ("binance", "GET /api/v3/exchangeInfo", True),
        ("kraken", "GET /0/public/AssetPairs", True),
        ("kraken", "GET /0/public/Time", False),
        ("kraken", "GET /0/private/Balance", False),
        ("cryptocom", "GET /exchange/v1/public/get-instruments", True),
        ("cryptocom", "GET /exchange/v1/private/get-order-detail", False),
    ],
)
def test_what_the_tables_say(exchange: str, endpoint: str, fits: bool) -> None:
    assert (uncacheable(exchange, endpoint) == "") is fits


def test_the_daemon_judges_by_its_tables_and_gives_the_pool_its_times(desk: Any) -> None:
    sound = (
        "bots: {}\naccounts:\n  main:\n    exchange: binance\n    addresses: [127.0.0.2]\n"
        "    keys: {main: {key: {file: key}, secret: {file: secret}}}\n"
        "    cache: {GET /api/v3/exchangeInfo: 5s}\n"
    )
    path: Path = desk.path
    path.write_text(sound)
    assert pools_of(load_config(path))["main"].cache == {"GET /api/v3/exchangeInfo": 5 * SECOND}
    path.write_text(sound.replace("exchangeInfo", "myTrades"))
    with pytest.raises(ConfigError, match=r":7: accounts\.main\.cache.*only public data is kept"):
        load_config(path)
