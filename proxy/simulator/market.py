"""Markets and their prices; the prices stand still until `set_price`."""

from dataclasses import dataclass, field
from decimal import Decimal

from proxy.simulator.records import MarketSpec

_KRAKEN_COIN = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD", "EUR": "ZEUR"}
_KRAKEN_ALT = {"BTC": "XBT"}


@dataclass(slots=True)
class Market:
    spec: MarketSpec
    last: Decimal
    tick: Decimal = field(init=False)
    step: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.tick = Decimal(1).scaleb(-self.spec.price_decimals)
        self.step = Decimal(1).scaleb(-self.spec.quantity_decimals)

    @property
    def bid(self) -> Decimal:
        return self.last - self.tick

    @property
    def ask(self) -> Decimal:
        return self.last + self.tick

    @property
    def binance(self) -> str:
        return self.spec.base + self.spec.quote

    @property
    def cryptocom(self) -> str:
        return f"{self.spec.base}_{self.spec.quote}"

    @property
    def kraken_alt(self) -> str:
        return kraken_alt(self.spec.base) + kraken_alt(self.spec.quote)

    @property
    def kraken(self) -> str:
        """The long name only exists where both coins have a long name, e.g. XXBTZUSD but XBTUSDT."""
        base, quote = self.spec.base, self.spec.quote
        if base in _KRAKEN_COIN and quote in _KRAKEN_COIN:
            return _KRAKEN_COIN[base] + _KRAKEN_COIN[quote]
        return self.kraken_alt

    @property
    def kraken_ws(self) -> str:
        return f"{kraken_alt(self.spec.base)}/{self.spec.quote}"

    def levels(self, side: str, count: int) -> list[tuple[Decimal, Decimal]]:
        """Price and quantity of the best `count` levels of one side, best first."""
        first, move = (self.bid, -self.tick) if side == "BUY" else (self.ask, self.tick)
        return [(first + i * move, self.step * 1000 * (i + 1)) for i in range(count)]


def kraken_coin(coin: str) -> str:
    return _KRAKEN_COIN.get(coin, coin)


def kraken_alt(coin: str) -> str:
    return _KRAKEN_ALT.get(coin, coin)


class Board:
    """All markets, by each exchange's spelling."""

    def __init__(self, specs: tuple[MarketSpec, ...]) -> None:
        self.markets = [Market(spec, Decimal(spec.price)) for spec in specs]
        self.coins = list(dict.fromkeys(c for s in specs for c in (s.base, s.quote)))
        self._names: dict[str, dict[str, Market]] = {"binance": {}, "kraken": {}, "cryptocom": {}}
        for market in self.markets:
            self._names["binance"][market.binance] = market
            self._names["cryptocom"][market.cryptocom] = market
            for name in (market.kraken, market.kraken_alt, market.kraken_ws):
                self._names["kraken"][name] = market

    def find(self, exchange: str, name: str) -> Market | None:
        return self._names[exchange].get(name)

    def set_price(self, base: str, quote: str, price: str) -> Market:
        """Raises KeyError for an unknown market."""
        for market in self.markets:
            if (market.spec.base, market.spec.quote) == (base, quote):
                market.last = Decimal(price)
                return market
        raise KeyError(f"{base}/{quote}")
