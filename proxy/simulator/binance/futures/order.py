"""A futures order as asked for, and the caller who asks (error-code.md of USD-M)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from proxy.simulator.accounts import LiveKey
from proxy.simulator.binance.futures.contracts import Contract, every, find
from proxy.simulator.binance.futures.wallet import Wallet
from proxy.simulator.binance.wire import Refusal, need
from proxy.simulator.counters import FixedWindows
from proxy.simulator.orders import Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
CONDITIONAL = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_LARGEST = Decimal(1_000_000)  # in the exchange's own quantity


@dataclass(slots=True)
class Seat:
    """An authenticated caller and its request; `headers` and `client_id` are filled on the way. `orders_10s` is missing
    where only the minute is counted."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, str]
    asked: Asked
    product: str
    wallet: Wallet
    orders_1m: FixedWindows
    orders_10s: FixedWindows | None
    headers: dict[str, str] = field(default_factory=dict)
    client_id: str = ""

    @property
    def account(self) -> str:
        return self.key.account.name

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    def contract(self) -> Contract:
        return find(self.floor, self.product, need(self.params, "symbol"))

    def wanted(self) -> list[Contract]:
        """The contracts named by symbol or pair; all if none is."""
        if "symbol" in self.params:
            return [self.contract()]
        listed = every(self.floor, self.product)
        if "pair" in self.params:
            listed = [one for one in listed if one.pair == self.params["pair"]]
            if not listed:
                raise Refusal(400, -4144, "Invalid pair.")
        return listed

    def about(self, params: Mapping[str, str]) -> "Seat":
        """The same caller with one item of a batch."""
        return replace(self, params=params)

    def count_orders(self, short: int, minute: int) -> None:
        """Charge the account's order windows; whoever is over them is refused, and that counts too."""
        full = ""
        if not self.orders_1m.add(self.account, minute, self.now_ms) and minute:
            full = f"{self.orders_1m.capacity} orders per 1 MINUTE"
        if self.orders_10s is not None and not self.orders_10s.add(self.account, short, self.now_ms) and short:
            full = f"{self.orders_10s.capacity} orders per 10 SECOND"
        if full:
            raise Refusal(429, -1015, f"Too many new orders; current limit is {full}.")

    def show_counts(self) -> None:
        if self.orders_10s is not None:
            self.headers["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used(self.account, self.now_ms))
        self.headers["X-MBX-ORDER-COUNT-1M"] = str(self.orders_1m.used(self.account, self.now_ms))

    def check_placing(self) -> None:
        if self.key.account.suspended(self.now_ms):
            raise Refusal(400, -4088, "User can not place order currently.")


@dataclass(frozen=True, slots=True)
class Ticket:
    """`quantity` as a desk counts it."""

    contract: Contract
    side: Side
    limit: bool
    quantity: Decimal
    price: Decimal | None
    time_in_force: str
    tags: Mapping[str, str]
    client_id: str
    result: bool


def read_number(params: Mapping[str, str], name: str) -> Decimal:
    text = need(params, name)
    if not _NUMBER.fullmatch(text):
        raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return Decimal(text)


def read_flag(params: Mapping[str, str], name: str) -> bool:
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Refusal(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return text == "true"


def read_client_id(params: Mapping[str, str], name: str) -> str:
    if name in params and not _CLIENT_ID.fullmatch(params[name]):
        raise Refusal(400, -4015, "Client order id is not valid.")
    return params.get(name, "")


def read_quantity(contract: Contract, params: Mapping[str, str]) -> Decimal:
    quantity = read_number(params, "quantity")
    if quantity <= 0:
        raise Refusal(400, -4003, "Quantity less than or equal to zero.")
    if quantity % contract.step:
        raise Refusal(400, -1111, "Precision is over the maximum defined for this asset.")
    if quantity < contract.smallest:
        raise Refusal(400, -4004, "Quantity less than min quantity.")
    if quantity > _LARGEST:
        raise Refusal(400, -4005, "Quantity greater than max quantity.")
    return quantity * contract.size


def read_price(contract: Contract, params: Mapping[str, str], name: str = "price") -> Decimal:
    price = read_number(params, name)
    if price <= 0:
        raise Refusal(400, -4001, "Price less than 0.")
    if price % contract.market.tick:
        raise Refusal(400, -4014, "Price not increased by tick size.")
    return price


def read_position_side(seat: Seat) -> tuple[str, bool]:
    """The order's position side, and whether it may only reduce."""
    side, reduce = seat.params.get("positionSide", "BOTH"), read_flag(seat.params, "reduceOnly")
    if side not in ("BOTH", "LONG", "SHORT"):
        raise Refusal(400, -1130, "Data sent for parameter 'positionSide' is not valid.")
    if (side == "BOTH") is seat.wallet.modes.dual:
        raise Refusal(400, -4061, "Order's position side does not match user's setting.")
    if "reduceOnly" in seat.params and seat.wallet.modes.dual:
        raise Refusal(400, -1106, "Parameter 'reduceonly' sent when not required.")
    opening = "BUY" if side == "LONG" else "SELL"
    return side, reduce if side == "BOTH" else seat.params["side"] != opening


def read_ticket(seat: Seat) -> Ticket:
    """The order as asked for; everything but money, duplicates and the book."""
    params, kind = seat.params, need(seat.params, "type")
    contract = seat.contract()
    if need(params, "side") not in ("BUY", "SELL"):
        raise Refusal(400, -1117, "Invalid side.")
    side: Side = "BUY" if params["side"] == "BUY" else "SELL"
    if kind in CONDITIONAL:
        text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise Refusal(400, -4120, text)
    if kind not in ("LIMIT", "MARKET"):
        raise Refusal(400, -1116, "Invalid orderType.")
    if read_flag(params, "closePosition"):
        raise Refusal(400, -4136, f"Target strategy invalid for orderType {kind},closePosition true")
    position_side, reduce = read_position_side(seat)
    tags = {"positionSide": position_side, **({"reduceOnly": "true"} if reduce else {})}
    for name in ("stopPrice", "activationPrice", "callbackRate"):
        if name in params:
            raise Refusal(400, -1106, f"Parameter '{name}' sent when not required.")
    answer = params.get("newOrderRespType", "ACK")
    if answer not in ("ACK", "RESULT"):
        raise Refusal(400, -1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    price, force = None, "GTC"
    if kind == "LIMIT":
        force = need(params, "timeInForce")
        if force not in ("GTC", "IOC", "FOK", "GTX", "GTD"):
            raise Refusal(400, -1115, "Invalid timeInForce.")
        price = read_price(contract, params)
    else:
        for name in ("price", "timeInForce"):
            if name in params:
                raise Refusal(400, -1106, f"Parameter '{name}' sent when not required.")
    if force == "GTD":
        tags["goodTillDate"] = _date(seat)
    quantity = read_quantity(contract, params)
    _check_notional(contract, quantity, price, reduce)
    client_id = read_client_id(params, "newClientOrderId")
    return Ticket(contract, side, kind == "LIMIT", quantity, price, force, tags, client_id, answer == "RESULT")


def _date(seat: Seat) -> str:
    text = need(seat.params, "goodTillDate")
    if not text.isdigit() or not seat.now_ms + 600_000 < int(text) < 253_402_300_799_000:
        raise Refusal(
            400,
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
            "253402300799000",
        )
    return text


def _check_notional(contract: Contract, quantity: Decimal, price: Decimal | None, reduce: bool) -> None:
    smallest = Decimal(contract.market.spec.min_notional)
    if contract.product == "usdm" and not reduce and quantity * (price or contract.market.last) < smallest:
        text = f"Order's notional must be no smaller than {smallest} (unless you choose reduce only)."
        raise Refusal(400, -4164, text)
