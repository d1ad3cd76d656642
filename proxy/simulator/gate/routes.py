"""Gate's signed endpoints: what each needs, and where it is counted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from proxy.simulator.gate import account, futures, lists, spot, spot_batch
from proxy.simulator.gate.futures_data import PUBLIC
from proxy.simulator.gate.limits import GateLimits, Rate
from proxy.simulator.gate.seat import Seat

Group = Literal[
    "spot_place",
    "spot_cancel",
    "spot",
    "futures_place",
    "futures_cancel",
    "futures",
    "withdraw",
    "push",
    "transfer",
    "wallet",
    "other",
]
_PER_ENDPOINT = ("spot", "futures", "wallet", "other", "transfer")
ORDER_GROUPS = ("spot_place", "spot_cancel", "futures_place", "futures_cancel")


@dataclass(frozen=True, slots=True)
class Route:
    """`status`: of the answer when it went well."""

    run: Callable[[Seat], Any]
    group: Group
    right: Literal["read", "trade", "withdraw"] = "read"
    status: int = 200


_F = "/futures/{settle}"
ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/spot/accounts"): Route(account.spot_accounts, "spot"),
    ("GET", "/spot/fee"): Route(account.fee, "spot"),
    ("POST", "/spot/orders"): Route(spot.create, "spot_place", "trade", 201),
    ("GET", "/spot/orders"): Route(lists.spot_orders, "spot"),
    ("DELETE", "/spot/orders"): Route(spot.cancel_all, "spot_cancel", "trade"),
    ("GET", "/spot/orders/{order_id}"): Route(spot.detail, "spot"),
    ("PATCH", "/spot/orders/{order_id}"): Route(spot.amend_one, "spot_place", "trade"),
    ("DELETE", "/spot/orders/{order_id}"): Route(spot.cancel, "spot_cancel", "trade"),
    ("GET", "/spot/open_orders"): Route(lists.spot_open, "spot"),
    ("GET", "/spot/my_trades"): Route(lists.spot_trades, "spot"),
    ("POST", "/spot/batch_orders"): Route(spot_batch.create_batch, "spot_place", "trade"),
    ("POST", "/spot/amend_batch_orders"): Route(spot_batch.amend_batch, "spot_place", "trade"),
    ("POST", "/spot/cancel_batch_orders"): Route(spot_batch.cancel_batch, "spot_cancel", "trade"),
    ("GET", f"{_F}/accounts"): Route(account.futures_account, "futures"),
    ("GET", f"{_F}/positions"): Route(account.positions, "futures"),
    ("GET", f"{_F}/positions/{{contract}}"): Route(account.position, "futures"),
    ("POST", f"{_F}/positions/{{contract}}/leverage"): Route(account.set_leverage, "futures", "trade"),
    ("POST", f"{_F}/orders"): Route(futures.create, "futures_place", "trade", 201),
    ("GET", f"{_F}/orders"): Route(lists.futures_orders, "futures"),
    ("DELETE", f"{_F}/orders"): Route(futures.cancel_all, "futures_cancel", "trade"),
    ("GET", f"{_F}/orders/{{order_id}}"): Route(futures.detail, "futures"),
    ("PUT", f"{_F}/orders/{{order_id}}"): Route(futures.amend, "futures_place", "trade"),
    ("DELETE", f"{_F}/orders/{{order_id}}"): Route(futures.cancel, "futures_cancel", "trade"),
    ("GET", f"{_F}/orders_timerange"): Route(lists.futures_orders_between, "futures"),
    ("GET", f"{_F}/my_trades"): Route(lists.futures_trades, "futures"),
    ("GET", f"{_F}/my_trades_timerange"): Route(lists.futures_trades_between, "futures"),
    ("POST", f"{_F}/batch_orders"): Route(futures.create_batch, "futures_place", "trade"),
    ("POST", f"{_F}/batch_amend_orders"): Route(futures.amend_batch, "futures_place", "trade"),
    ("POST", f"{_F}/batch_cancel_orders"): Route(futures.cancel_batch, "futures_cancel", "trade"),
    ("GET", "/account/detail"): Route(account.account_detail, "other"),
    ("GET", "/account/rate_limit"): Route(account.rate_limit, "other"),
    ("GET", "/wallet/withdrawals"): Route(account.nothing, "wallet"),
    ("GET", "/wallet/deposits"): Route(account.nothing, "wallet"),
    ("POST", "/withdrawals"): Route(account.move_money, "withdraw", "withdraw"),
    ("POST", "/withdrawals/push"): Route(account.move_money, "push", "withdraw"),
    ("DELETE", "/withdrawals/{withdrawal_id}"): Route(account.move_money, "wallet", "withdraw"),
    ("POST", "/wallet/transfers"): Route(account.move_money, "transfer", "withdraw"),
    ("POST", "/wallet/sub_account_transfers"): Route(account.move_money, "transfer", "withdraw"),
    ("POST", "/wallet/sub_account_to_sub_account"): Route(account.move_money, "transfer", "withdraw"),
}
_TEMPLATES = [tuple(text.split("/")) for text in dict.fromkeys([*PUBLIC, *(path for _, path in ROUTES)])]


def locate(path: str) -> tuple[str, Mapping[str, str]]:
    """The template of a path and what it holds; "" if there is none. A template without a gap goes first."""
    parts = path.split("/")
    found: list[tuple[int, str, dict[str, str]]] = []
    for template in _TEMPLATES:
        if len(template) == len(parts) and all(
            (t[:1] == "{" and p) or t == p for t, p in zip(template, parts, strict=True)
        ):
            names = {t[1:-1]: p for t, p in zip(template, parts, strict=True) if t[:1] == "{"}
            found.append((len(names), "/".join(template), names))
    if not found:
        return "", {}
    _, text, names = min(found, key=lambda one: one[0])
    return text, names


def units(group: Group, seat: Seat) -> dict[str, int]:
    """What a request costs, by market where they are counted apart: each order of a batch is one."""
    if group == "spot_place":
        rows = seat.body if isinstance(seat.body, list) else [seat.body]
        count: dict[str, int] = {}
        for row in rows:
            named = row.get("currency_pair") if isinstance(row, dict) else None
            market = str(named or seat.query.get("currency_pair", ""))
            count[market] = count.get(market, 0) + 1
        return count or {"": 1}
    if group == "futures_place" and isinstance(seat.body, list):
        return {"": max(1, len(seat.body))}
    return {"": 1}


def quota(limits: GateLimits, group: Group, slowed: bool) -> Rate:
    """Those who fill too little are left with less for placing and changing orders."""
    if slowed and group in ("spot_place", "futures_place"):
        return limits.slow
    value: Rate = getattr(limits, group)
    return value


def subjects(group: Group, endpoint: str, markets: Iterable[str], slowed: bool) -> list[str]:
    """Where it is counted, after the user: the endpoint, or the market, or the group."""
    if group in _PER_ENDPOINT:
        return [endpoint]
    if slowed and group in ("spot_place", "futures_place"):
        return [f"slow {group}" for _ in markets]
    return [f"{group} {market}" for market in markets]
