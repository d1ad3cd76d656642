"""All spellings of a pair are one name, and names that only look alike stay apart."""

import pytest

from proxy.exchanges.kraken_pairs import one_name

SPELLINGS = {
    "XBTUSD": ["XBTUSD", "XXBTZUSD", "XBT/USD", "BTC/USD", "BTCUSD", "xbtusd", "xbt/usd", " XBTUSD ", "XXBT/ZUSD"],
    "ETHXBT": ["ETHXBT", "XETHXXBT", "ETH/XBT", "ETH/BTC", "ETHBTC"],
    "XDGUSD": ["XDGUSD", "XDG/USD", "DOGE/USD", "DOGEUSD", "dogeusd"],
    "XDGXBT": ["XDGXBT", "XXDGXXBT", "XDG/XBT", "DOGE/BTC", "DOGEBTC"],
    "ETHUSD": ["ETHUSD", "XETHZUSD", "ETH/USD"],
    "XRPEUR": ["XRPEUR", "XXRPZEUR", "XRP/EUR"],
    "ZECUSD": ["ZECUSD", "XZECZUSD", "ZEC/USD"],
    "REPETH": ["REPETH", "XREPXETH", "REP/ETH"],
    "EURUSD": ["EURUSD", "ZEURZUSD", "EUR/USD"],
    "USDJPY": ["USDJPY", "ZUSDZJPY", "USD/JPY"],
    "USDTUSD": ["USDTUSD", "USDTZUSD", "USDT/USD"],
    "XBTUSDT": ["XBTUSDT", "XBT/USDT", "BTC/USDT", "BTCUSDT"],
    "XBTUSD.D": ["XBTUSD.d", "XXBTZUSD.d"],
    # Assets whose own names end in Z or begin with X.
    "XTZUSD": ["XTZUSD", "XTZ/USD"],
    "AI16ZUSD": ["AI16ZUSD", "AI16Z/USD"],
    "CHZEUR": ["CHZEUR", "CHZ/EUR"],
    "XCNUSD": ["XCNUSD", "XCN/USD"],
    "ZRXUSD": ["ZRXUSD", "ZRX/USD"],
    "WBTCXBT": ["WBTCXBT", "WBTC/XBT", "WBTC/BTC"],
    "AAPLXUSD": ["AAPLxUSD", "AAPLx/USD"],
    "": ["", " "],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SPELLINGS.items() for text in texts])
def test_every_spelling_has_one_name(name: str, text: str) -> None:
    assert one_name(text) == name
    assert one_name(name) == name  # a name is its own name


def test_an_unknown_text_stays_apart() -> None:
    assert one_name("NOSUCHPAIR") == "NOSUCHPAIR"
    assert one_name("X") == "X"
