"""Settings to paste. That the clients work with them is held by tests/e2e."""

import ast

import pytest

from proxy.cli.urls import TOKEN, settings
from proxy.exchanges import EXCHANGES
from proxy.ingress.target import parse_target

LISTEN = "127.0.0.1:8799"


@pytest.mark.parametrize(
    ("exchange", "clients"),
    [
        ("bybit", ["any client", "ccxt", "pybit", "curl"]),
        (
            "binance",
            [
                *("any client", "ccxt", "ccxt (USD-M)", "ccxt (COIN-M)"),
                *("python-binance", "python-binance (futures)", "curl"),
            ],
        ),
        ("kraken", ["any client", "ccxt", "krakenex", "curl"]),
        ("coinbase", ["any client", "ccxt", "curl"]),
        ("krakenfutures", ["any client", "ccxt", "curl"]),
        ("cryptocom", ["any client", "ccxt", "cryptocom-exchange", "curl"]),
        ("okx", ["any client", "ccxt", "python-okx", "curl"]),
        ("gate", ["any client", "ccxt", "gate-api", "curl"]),
        ("kucoin", ["any client", "ccxt", "kucoin-universal-sdk", "curl"]),
        ("htx", ["any client", "ccxt", "curl"]),
        ("poloniex", ["any client", "ccxt", "curl"]),
    ],
)
def test_for_whom(exchange: str, clients: list[str]) -> None:
    assert [row.client for row in settings("desk", EXCHANGES[exchange], LISTEN)] == clients


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_python_settings_are_python_without_real_secrets(exchange: str) -> None:
    for row in settings("desk", EXCHANGES[exchange], LISTEN)[1:-1]:
        ast.parse(row.text)
        assert TOKEN in row.text
        assert f"http://{LISTEN}/~{TOKEN}/desk/" in row.text


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_ccxt_does_not_pace_itself(exchange: str) -> None:
    texts = {row.client: row.text for row in settings("desk", EXCHANGES[exchange], LISTEN)}
    assert "'enableRateLimit': False" in texts["ccxt"]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_url_leads_to_the_account_and_its_exchange(exchange: str) -> None:
    hosts = {product.upstream.host for product in EXCHANGES[exchange].table.products.values()}
    for row in settings("desk", EXCHANGES[exchange], LISTEN):
        assert f"http://{LISTEN}/" in row.text
        for part in row.text.replace("'", " ").split(f"http://{LISTEN}")[1:]:
            target = parse_target(part.split()[0].rstrip("/").replace(TOKEN, "dummy-token") + "/x")
            assert target.account == "desk"
            assert target.host is None or target.host in hosts


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_curl_asks_something_that_the_table_knows(exchange: str) -> None:
    found = EXCHANGES[exchange]
    text = settings("desk", found, LISTEN)[-1].text
    path = text.rpartition("/desk")[2]
    endpoint = found.table.match("GET", path)
    assert endpoint is not None and endpoint.call_class == "public"
    assert f"-H 'X-Ordergate-Token: {TOKEN}'" in text
