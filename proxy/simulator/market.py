"""Markets and their prices; the prices stand still until `set_price`."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from proxy.simulator.records import MarketSpec

_KRAKEN_COIN = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD", "EUR": "ZEUR"}
_KRAKEN_ALT = {"BTC": "XBT"}


@dataclass(slots=True)
class Market:
    """`kind`: of a perpetual, in what it is paid: the quote coin (linear) or the base coin (inverse)."""

    spec: MarketSpec
    last: Decimal
    kind: Literal["spot", "linear", "inverse"] = "spot"
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
    """All markets, by each exchange's spelling. `contracts`: the perpetual of each, at the same price."""

    def __init__(self, specs: tuple[MarketSpec, ...]) -> None:
        self.markets = [Market(spec, Decimal(spec.price)) for spec in specs]
        self.contracts = [
            Market(m.spec, m.last, "linear" if m.spec.quote == "USDT" else "inverse") for m in self.markets
        ]
        self.coins = list(dict.fromkeys(c for s in specs for c in (s.base, s.quote)))
        self._names: dict[tuple[str, str], Market] = {}
        for market in self.markets:
            self.spell("binance", market, market.binance)
            self.spell("cryptocom", market, market.cryptocom)
            self.spell("kraken", market, market.kraken, market.kraken_alt, market.kraken_ws)

    def spell(self, exchange: str, market: Market, *names: str) -> None:
        """From now on an exchange knows a market by these names."""
        for name in names:
            self._names[exchange, name] = market

    def find(self, exchange: str, name: str) -> Market | None:
        return self._names.get((exchange, name))

    def set_price(self, base: str, quote: str, price: str) -> Market:
        """Of the market and of its perpetual. Raises KeyError for an unknown market."""
        found = [m for m in (*self.markets, *self.contracts) if (m.spec.base, m.spec.quote) == (base, quote)]
        for market in found:
            market.last = Decimal(price)
        if not found:
            raise KeyError(f"{base}/{quote}")
        return found[0]
