"""Binance's perpetuals: names, contract sizes, and quantities there and here."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from proxy.simulator.binance.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

PRODUCTS = {"usdm": "linear", "coinm": "inverse"}


@dataclass(frozen=True, slots=True)
class Contract:
    """`size`: what one unit of the exchange's quantity is on a desk: a coin of the base (USD-M), or so many of the
    quote coin (COIN-M, where quantities are contracts)."""

    product: str
    market: Market
    symbol: str
    size: Decimal

    @property
    def pair(self) -> str:
        return self.market.binance

    @property
    def margin_coin(self) -> str:
        return self.market.spec.quote if self.product == "usdm" else self.market.spec.base

    @property
    def step(self) -> Decimal:
        return self.market.step if self.product == "usdm" else Decimal(1)

    @property
    def smallest(self) -> Decimal:
        return Decimal(self.market.spec.min_quantity) if self.product == "usdm" else Decimal(1)

    def told(self, quantity: Decimal) -> str:
        """A desk's quantity as the exchange writes it."""
        return f"{(quantity / self.size).normalize():f}"

    def worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """A desk's quantity in the coin that margin is paid in."""
        if self.product == "usdm":
            return quantity * price
        return quantity / price if price else Decimal(0)


def contract_of(market: Market) -> Contract:
    spec = market.spec
    if market.kind == "linear":
        return Contract("usdm", market, market.binance, Decimal(1))
    return Contract("coinm", market, f"{market.binance}_PERP", Decimal(100 if spec.base == "BTC" else 10))


def spell(floor: Floor) -> None:
    """Make the names of all perpetuals known; those of USD-M are those of spot, on another host."""
    for market in floor.board.contracts:
        contract = contract_of(market)
        floor.board.spell(f"binance {contract.product}", market, contract.symbol)


def find(floor: Floor, product: str, symbol: str) -> Contract:
    market = floor.board.find(f"binance {product}", symbol)
    if market is None:
        raise Refusal(400, -1121, "Invalid symbol.")
    return contract_of(market)


def every(floor: Floor, product: str) -> list[Contract]:
    return [contract_of(market) for market in floor.board.contracts if market.kind == PRODUCTS[product]]


def coins(contracts: Iterable[Contract]) -> list[str]:
    """What margin may be paid in."""
    return list(dict.fromkeys(contract.margin_coin for contract in contracts))
