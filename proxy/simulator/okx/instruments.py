"""OKX's names of markets, and its contracts: their size, and quantities in numbers of them."""

from decimal import Decimal
from typing import Any

from proxy.simulator.market import Board, Market
from proxy.simulator.okx.wire import Refusal, bad, missing

SPOT, SWAP = "SPOT", "SWAP"
TYPES = (SPOT, SWAP, "MARGIN", "FUTURES", "OPTION")
# What a contract is worth: linear in the base coin, inverse in the quote coin.
_LINEAR = {"BTC": Decimal("0.01"), "ETH": Decimal("0.1")}
_INVERSE = {"BTC": Decimal(100)}


def spell(board: Board) -> None:
    """Teach the board OKX's names."""
    for market in (*board.markets, *board.contracts):
        board.spell("okx", market, inst_id(market))


def inst_id(market: Market) -> str:
    name = f"{market.spec.base}-{market.spec.quote}"
    return name if market.kind == "spot" else f"{name}-SWAP"


def inst_type(market: Market) -> str:
    return SPOT if market.kind == "spot" else SWAP


def contract(market: Market) -> Decimal:
    """Quantity in one unit of `sz`: 1 for spot."""
    if market.kind == "spot":
        return Decimal(1)
    base = market.spec.base
    return _LINEAR.get(base, Decimal(1)) if market.kind == "linear" else _INVERSE.get(base, Decimal(10))


def lot(market: Market) -> Decimal:
    """`sz` must be a multiple."""
    return market.step if market.kind == "spot" else Decimal("0.01") if market.kind == "linear" else Decimal(1)


def least(market: Market) -> Decimal:
    return Decimal(market.spec.min_quantity) if market.kind == "spot" else lot(market)


def settle(market: Market) -> str:
    return market.spec.quote if market.kind == "linear" else market.spec.base


def size(market: Market, quantity: Decimal) -> str:
    return plain(quantity / contract(market))


def plain(number: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def known(board: Board, name: Any) -> Market:
    if not name:
        raise missing("instId")
    found = board.find("okx", name) if isinstance(name, str) else None
    if found is None:
        raise Refusal(200, "51001", "Instrument ID or Spread ID doesn't exist.")
    return found


def known_type(name: str) -> str:
    if not name:
        raise missing("instType")
    if name not in TYPES:
        raise bad("instType")
    return name


def of_type(board: Board, name: str) -> list[Market]:
    return {SPOT: board.markets, SWAP: board.contracts}.get(known_type(name), [])


def listed(market: Market) -> dict[str, Any]:
    """A row of GET public/instruments."""
    spot, spec = market.kind == "spot", market.spec
    family = f"{spec.base}-{spec.quote}"
    return {
        "alias": "",
        "baseCcy": spec.base if spot else "",
        "category": "1",
        "ctMult": "" if spot else "1",
        "ctType": "" if spot else market.kind,
        "ctVal": "" if spot else plain(contract(market)),
        "ctValCcy": "" if spot else spec.base if market.kind == "linear" else spec.quote,
        "expTime": "",
        "instFamily": "" if spot else family,
        "instId": inst_id(market),
        "instType": inst_type(market),
        "lever": "" if spot else "100",
        "listTime": "1548133413000",
        "lotSz": plain(lot(market)),
        "maxLmtAmt": "20000000",
        "maxLmtSz": "9999999999",
        "maxMktAmt": "1000000",
        "maxMktSz": "1000000",
        "minSz": plain(least(market)),
        "optType": "",
        "quoteCcy": spec.quote if spot else "",
        "ruleType": "normal",
        "settleCcy": "" if spot else settle(market),
        "state": "live",
        "stk": "",
        "tickSz": f"{market.tick:f}",
        "uly": "" if spot else family,
    }
