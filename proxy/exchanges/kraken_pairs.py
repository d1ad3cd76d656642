"""One name for all the ways to write a Kraken pair: XBTUSD, XXBTZUSD, XBT/USD, BTC/USD and btcusd are one counter.

Source: docs.kraken.com get-tradable-asset-pairs (key, altname, wsname) and get-asset-info, ccxt kraken.py.
Two pairs under one name would only be counted too high; one pair under two names would be counted too low. So what
the exchange's own spellings have in common is kept simple: a name without a legacy asset is only joined and raised.
"""

# Assets from the years of four letters: X for coins, Z for money. Newer ones are called what they are called.
_COINS = ("XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN", "XDG", "ICN", "DAO", "NMC", "XVN")
_MONEY = ("USD", "EUR", "GBP", "JPY", "CAD", "AUD", "KRW")
_LEGACY = {**{"X" + coin: coin for coin in _COINS}, **{"Z" + money: money for money in _MONEY}}
_COMMON = (("BTC", "XBT"), ("DOGE", "XDG"))


def one_name(text: str) -> str:
    """The altname, e.g. XBTUSD. A dark pool keeps its ".D"; an unknown text is itself, joined and in upper case."""
    joined = text.strip().upper().replace("/", "")
    name, dark = (joined[:-2], ".D") if joined.endswith(".D") else (joined, "")
    base, quote = name[:4], name[4:]
    # A Z before money proves nothing by itself: XTZ and AI16Z are assets. USDTZUSD is the only key that is mixed.
    if base in _LEGACY or (base == "USDT" and quote in _LEGACY):
        name = _LEGACY.get(base, base) + _LEGACY.get(quote, quote)
    for common, altname in _COMMON:
        if name.startswith(common):
            name = altname + name[len(common) :]
        if name.endswith(common):
            name = name[: -len(common)] + altname
    return name + dark
