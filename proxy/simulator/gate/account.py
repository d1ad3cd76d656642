"""Gate's accounts, key information and what would move money."""

from decimal import Decimal
from typing import Any

from proxy.simulator.gate.rows import position_row
from proxy.simulator.gate.seat import Seat, contract
from proxy.simulator.gate.wire import invalid

ZERO = Decimal(0)


def _held(seat: Seat, spot: bool) -> dict[str, Decimal]:
    """What open orders hold, by coin, of spot or of perpetuals."""
    found: dict[str, Decimal] = {}
    for order in seat.desk.open_orders():
        if (order.market.kind == "spot") == spot:
            coin, amount = order.held()
            found[coin] = found.get(coin, ZERO) + amount
    return found


def spot_accounts(seat: Seat) -> Any:
    """Spot and perpetuals draw on the same money here, so the margin of perpetuals is not available either."""
    wanted, locked = seat.query.get("currency"), _held(seat, True)
    return [
        {
            "currency": coin,
            "available": f"{seat.desk.free(coin):f}",
            "locked": f"{locked.get(coin, ZERO):f}",
            "update_id": 1,
        }
        for coin in seat.desk.total
        if wanted in (None, "", coin)
    ]


def futures_account(seat: Seat) -> Any:
    zeros = ("unrealised_pnl", "position_margin", "point", "bonus", "position_initial_margin", "maintenance_margin")
    history = ("dnw", "pnl", "fee", "refr", "fund", "point_dnw", "point_fee", "point_refr", "bonus_dnw", "bonus_offset")
    return {
        "user": uid(seat.key.account.name),
        "currency": "USDT",
        "total": f"{seat.desk.total.get('USDT', ZERO):f}",
        "available": f"{seat.desk.free('USDT'):f}",
        "order_margin": f"{_held(seat, False).get('USDT', ZERO):f}",
        **dict.fromkeys(zeros, "0"),
        "in_dual_mode": False,
        "enable_credit": True,
        "history": dict.fromkeys(history, "0"),
    }


def positions(seat: Seat) -> Any:
    found = [m for m in seat.floor.board.contracts if m.kind == "linear"]
    held = seat.desk.positions
    return [position_row(seat, m) for m in found if held.get((m.kind, m.spec.base, m.spec.quote))]


def position(seat: Seat) -> Any:
    return position_row(seat, contract(seat.floor.board, seat.names["contract"]))


def set_leverage(seat: Seat) -> Any:
    """The number stands in the query, although it is a POST. Every position stands at ten here."""
    if seat.query.get("leverage") != "10":
        raise invalid("invalid argument: leverage")
    return position(seat)


def uid(name: str) -> int:
    """A user's number: the same in every run."""
    return 10_000_000 + int.from_bytes(name.encode()[:6], "big") % 89_999_999


def account_detail(seat: Seat) -> Any:
    """Of the key that asks; mode 1 is the classic account."""
    key = seat.key
    return {
        "user_id": uid(key.account.name),
        "ip_whitelist": sorted(key.whitelist) if key.restricted else [],
        "currency_pairs": [],
        "key": {"mode": 1},
        "tier": 0,
        "tier_expire_time": "0001-01-01T00:00:00Z",
        "copy_trading_role": 0,
    }


def rate_limit(seat: Seat) -> Any:
    return [{"tier": "1", "ratio": "0", "main_ratio": "0", "updated_at": str(seat.now_ms // 1000)}]


def fee(seat: Seat) -> Any:
    names = ("taker_fee", "maker_fee", "gt_taker_fee", "gt_maker_fee", "futures_taker_fee", "futures_maker_fee")
    return {"user_id": uid(seat.key.account.name), **dict.fromkeys(names, "0"), "gt_discount": False, "loan_fee": "0"}


def move_money(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"id": f"w{seat.now_ms}", "tx_id": seat.now_ms, "status": "REQUEST"}


def nothing(seat: Seat) -> Any:
    return []
