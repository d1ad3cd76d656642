"""Coinbase's market data: the same with and without a key."""

from collections.abc import Callable
from typing import Any

from proxy.simulator.coinbase.wire import Query, invalid, iso, plain, product, product_id
from proxy.simulator.market import Market
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_GRANULARITY = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "FOUR_HOUR": 14_400,
    "SIX_HOUR": 21_600,
    "ONE_DAY": 86_400,
}
_KINDS = ("", "UNKNOWN_PRODUCT_TYPE", "SPOT", "FUTURE")
_FIAT = ("USD", "EUR", "GBP")


def listed(market: Market) -> dict[str, Any]:
    spec = market.spec
    flags = [
        "watched",
        "is_disabled",
        "new",
        "cancel_only",
        "limit_only",
        "post_only",
        "trading_disabled",
        "auction_mode",
        "view_only",
    ]
    return {
        "product_id": product_id(market),
        "price": plain(market.last),
        "price_percentage_change_24h": "0",
        "volume_24h": "100",
        "volume_percentage_change_24h": "0",
        "base_increment": f"{market.step:f}",
        "quote_increment": f"{market.tick:f}",
        "price_increment": f"{market.tick:f}",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": spec.min_quantity,
        "base_max_size": "3400",
        "base_name": spec.base,
        "quote_name": spec.quote,
        **dict.fromkeys(flags, False),
        "status": "online",
        "product_type": "SPOT",
        "quote_currency_id": spec.quote,
        "base_currency_id": spec.base,
        "base_display_symbol": spec.base,
        "quote_display_symbol": spec.quote,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "display_name": product_id(market),
        "product_venue": "CBE",
    }


def products(floor: Floor, query: Query, now_ms: int) -> Any:
    kind, wanted = query.text("product_type"), query.texts("product_ids")
    if kind not in _KINDS:
        raise invalid("invalid product_type")
    chosen = [m for m in floor.board.markets if kind != "FUTURE" and (not wanted or product_id(m) in wanted)]
    return {"products": [listed(m) for m in chosen], "num_products": len(chosen)}


def _one(market: Market, query: Query, now_ms: int) -> Any:
    return listed(market)


def _ticker(market: Market, query: Query, now_ms: int) -> Any:
    trade = {
        "trade_id": "1",
        "product_id": product_id(market),
        "price": plain(market.last),
        "size": "0.1",
        "time": iso(now_ms),
        "side": "BUY",
        "bid": "",
        "ask": "",
    }
    count = query.number("limit", 1, 1000)
    return {"trades": [trade][:count], "best_bid": plain(market.bid), "best_ask": plain(market.ask)}


def _candles(market: Market, query: Query, now_ms: int) -> Any:
    """Newest first, at most 350; the price has never been another."""
    step = _GRANULARITY.get(query.text("granularity"))
    if step is None:
        raise invalid("invalid granularity")
    start, end = query.number("start", 0, 1 << 40), query.number("end", now_ms // 1000, 1 << 40)
    if not start or (end - start) // step > 350:
        raise invalid("start and end argument is invalid - number of candles requested should be less than 350")
    price = plain(market.last)
    newest = min(end, now_ms // 1000) // step * step
    prices = dict.fromkeys(("low", "high", "open", "close"), price)
    return {"candles": [{"start": str(at), **prices, "volume": "1"} for at in range(newest, start - 1, -step)]}


_OF_PRODUCT: dict[str, Callable[[Market, Query, int], Any]] = {"": _one, "ticker": _ticker, "candles": _candles}


def book(market: Market, count: int, now_ms: int) -> dict[str, Any]:
    sides = {
        name: [{"price": plain(p), "size": plain(q)} for p, q in market.levels(way, min(count, 20))]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"product_id": product_id(market), **sides, "time": iso(now_ms)}


def product_book(floor: Floor, query: Query, now_ms: int) -> Any:
    market = product(floor.board, query.text("product_id"))
    spread = plain(market.ask - market.bid)
    pricebook = book(market, query.number("limit", 20, 10_000), now_ms)
    return {"pricebook": pricebook, "last": plain(market.last), "mid_market": plain(market.last), "spread_bps": spread}


def best_bid_ask(floor: Floor, query: Query, now_ms: int) -> Any:
    wanted = query.texts("product_ids")
    chosen = [product(floor.board, name) for name in wanted] or floor.board.markets
    return {"pricebooks": [book(m, 1, now_ms) for m in chosen]}


def market_data(floor: Floor, tail: str, asked: Asked) -> Any | None:
    """A call below `market/` or, with a key, without that; None: there is no such call."""
    query = Query(asked.query)
    if tail == "products":
        return products(floor, query, asked.now_ms)
    if tail == "product_book":
        return product_book(floor, query, asked.now_ms)
    kind, _, rest = tail.partition("/")
    name, _, what = rest.partition("/")
    if kind != "products" or what not in _OF_PRODUCT:
        return None
    return _OF_PRODUCT[what](product(floor.board, name), query, asked.now_ms)


def server_time(now_ms: int) -> Any:
    return {"iso": iso(now_ms), "epochSeconds": str(now_ms // 1000), "epochMillis": str(now_ms)}


def app_data(floor: Floor, tail: str, now_ms: int) -> Any | None:
    """The public calls of the older v2 API on the same host."""
    coins = floor.board.coins
    if tail == "time":
        data: Any = {"epoch": now_ms // 1000, "iso": iso(now_ms)}
    elif tail == "currencies":
        data = [{"id": c, "name": c, "min_size": "0.01"} for c in coins if c in _FIAT]
    elif tail == "currencies/crypto":
        crypto = [c for c in coins if c not in _FIAT]
        data = [{"asset_id": f"sim-{c}", "code": c, "name": c, "exponent": 8, "type": "crypto"} for c in crypto]
    elif tail == "exchange-rates":
        data = {"currency": "USD", "rates": dict.fromkeys(coins, "1")}
    else:
        return None
    return {"data": data}
