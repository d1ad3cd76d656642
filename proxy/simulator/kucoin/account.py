"""KuCoin's accounts, key information, and what would move money."""

import zlib
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.kucoin.names import number_text, plain_coin
from proxy.simulator.kucoin.seat import Seat
from proxy.simulator.kucoin.wire import bad
from proxy.simulator.orders import Desk

_TYPES = ("main", "trade", "trade_hf", "margin", "margin_v2", "isolated", "isolated_v2")


def uid(key: LiveKey) -> int:
    return 200_000_000 + zlib.crc32(key.account.name.encode()) % 100_000_000


def _entry(desk: Desk, coin: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"{zlib.crc32(coin.encode()):024x}",
        "currency": coin,
        "type": kind,
        "balance": f"{desk.total[coin]:f}",
        "available": f"{desk.free(coin):f}",
        "holds": f"{desk.held.get(coin, Decimal(0)):f}",
    }


def accounts(seat: Seat) -> Any:
    """All money lies in the trading account; the others are empty."""
    kind, coin = seat.params.get("type", "trade"), seat.params.get("currency")
    if kind not in _TYPES:
        raise bad("type is invalid")
    desk = seat.key.account.desk
    if kind not in ("trade", "trade_hf"):
        return []
    return [_entry(desk, name, kind) for name in desk.total if coin in (None, name)]


def opened(seat: Seat) -> Any:
    return True


def account_mode(seat: Seat) -> Any:
    return {"selfAccountMode": "CLASSIC", "subAccountMode": []}


def margin_symbols(seat: Seat) -> Any:
    return {"timestamp": seat.now_ms, "items": []}


def isolated_symbols(seat: Seat) -> Any:
    return []


def api_key(seat: Seat) -> Any:
    """Rights, addresses and owner of the key that asks."""
    spec = seat.key.spec
    rights = [
        *(["General"] if spec.read else []),
        *(["Spot", "Futures"] if seat.key.trade else []),
        *(["Transfer", "InnerTransfer"] if spec.withdraw else []),
    ]
    return {
        "remark": seat.key.alias,
        "apiKey": spec.key,
        "apiVersion": 3,
        "permission": ",".join(rights),
        "ipWhitelist": ",".join(sorted(seat.key.whitelist)),
        "createdAt": 1_700_000_000_000,
        "uid": uid(seat.key),
        "isMaster": True,
    }


def user_info(seat: Seat) -> Any:
    counts = ("subQuantity", "spotSubQuantity", "marginSubQuantity", "futuresSubQuantity", "optionSubQuantity")
    most = ("maxSubQuantity", "maxDefaultSubQuantity", "maxSpotSubQuantity", "maxMarginSubQuantity")
    return {"level": 0, **dict.fromkeys(counts, 0), **dict.fromkeys(most, 5)}


def withdraw(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"withdrawalId": number_text(next(seat.floor.numbers))}


def transfer(seat: Seat) -> Any:
    return {"orderId": number_text(next(seat.floor.numbers))}


def overview(seat: Seat) -> Any:
    """The futures account in one coin: XBT unless another is named."""
    coin = seat.params.get("currency", "XBT")
    desk, plain = seat.key.account.desk, plain_coin(coin)
    if plain not in desk.total:
        raise bad("currency is not available")
    total, held = desk.total[plain], desk.held.get(plain, Decimal(0))
    return {
        "accountEquity": float(total),
        "unrealisedPNL": 0,
        "marginBalance": float(total),
        "positionMargin": 0,
        "orderMargin": float(held),
        "frozenFunds": 0,
        "availableBalance": float(desk.free(plain)),
        "currency": coin,
        "riskRatio": 0,
        "maxWithdrawAmount": float(desk.free(plain)),
    }
