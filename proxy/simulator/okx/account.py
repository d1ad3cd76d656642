"""OKX's signed reads of money and rights, and the calls that move money (v5 account, funding)."""

import zlib
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveAccount
from proxy.simulator.market import Market
from proxy.simulator.okx.data import instruments
from proxy.simulator.okx.instruments import contract, inst_id, inst_type, known, known_type, plain, settle
from proxy.simulator.okx.ticket import Seat, number_of
from proxy.simulator.okx.wire import missing, text_of
from proxy.simulator.orders import margin


def uid(account: LiveAccount) -> str:
    return str(100_000_000_000 + zlib.crc32(account.name.encode()))


def _coins(seat: Seat) -> list[str]:
    wanted = [name for name in seat.params.get("ccy", "").split(",") if name]
    return [coin for coin in seat.desk.total if not wanted or coin in wanted]


def balance(seat: Seat) -> list[Any]:
    desk, now = seat.desk, str(seat.now_ms)
    zeros = dict.fromkeys(("interest", "isoEq", "liab", "upl", "crossLiab", "isoLiab", "uplLiab", "twap"), "0")
    details = []
    for coin in _coins(seat):
        total, free, held = plain(desk.total[coin]), plain(desk.free(coin)), plain(desk.held.get(coin, Decimal(0)))
        amounts = {"cashBal": total, "eq": total, "eqUsd": total, "disEq": total, "availBal": free, "availEq": free}
        details.append({"ccy": coin, **amounts, "frozenBal": held, "ordFrozen": held, **zeros, "uTime": now})
    worth = plain(desk.total.get("USD", Decimal(0)))
    empty = dict.fromkeys(("imr", "mmr", "mgnRatio", "notionalUsd", "ordFroz", "upl"), "")
    return [{"adjEq": worth, "details": details, "isoEq": "0", "totalEq": worth, **empty, "uTime": now}]


def funding_balances(seat: Seat) -> list[Any]:
    """All money is in the trading account."""
    return [{"ccy": coin, "bal": "0", "availBal": "0", "frozenBal": "0"} for coin in _coins(seat)]


def positions(seat: Seat) -> list[Any]:
    names = [name for name in seat.params.get("instId", "").split(",") if name]
    for name in names:
        known(seat.floor.board, name)
    kind = seat.params.get("instType", "")
    if kind:
        known_type(kind)
    held = [
        (market, amount)
        for market in seat.floor.board.contracts
        if (amount := seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0)))
        and (not names or inst_id(market) in names)
        and kind in ("", inst_type(market))
    ]
    return [_position(seat, market, amount) for market, amount in held]


def _position(seat: Seat, market: Market, amount: Decimal) -> dict[str, Any]:
    filled = [o for o in seat.desk.all_orders(market) if o.filled]
    price, at = plain(market.last), str(filled[-1].updated_ms if filled else seat.now_ms)
    _, needed = margin(market, abs(amount), market.last)
    empty = [
        "availPos",
        "deltaBS",
        "deltaPA",
        "gammaBS",
        "gammaPA",
        "liab",
        "liabCcy",
        "liqPx",
        "margin",
        "mgnRatio",
        "optVal",
        "posCcy",
        "thetaBS",
    ]
    return {
        **dict.fromkeys(empty, ""),
        "adl": "1",
        "avgPx": plain(filled[-1].average) if filled else price,
        "cTime": at,
        "ccy": settle(market),
        "imr": plain(needed),
        "instId": inst_id(market),
        "instType": inst_type(market),
        "interest": "",
        "last": price,
        "lever": "10",
        "markPx": price,
        "mgnMode": filled[-1].tags["tdMode"] if filled else "cross",
        "mmr": plain(needed / 10),
        "notionalUsd": plain(abs(amount) * (market.last if market.kind == "linear" else 1)),
        "pos": plain(amount / contract(market)),
        "posId": str(zlib.crc32(inst_id(market).encode())),
        "posSide": "net",
        "tradeId": str(filled[-1].number) if filled else "",
        "uTime": at,
        "upl": "0",
        "uplRatio": "0",
    }


def config(seat: Seat) -> list[Any]:
    """What the key may do and from where, among the settings of the account."""
    key = seat.key
    rights = (("read_only", key.spec.read), ("trade", key.trade), ("withdraw", key.spec.withdraw))
    name = uid(key.account)
    return [
        {
            "acctLv": "2",
            "acctStpMode": "cancel_maker",
            "autoLoan": False,
            "ctIsoMode": "automatic",
            "enableSpotBorrow": False,
            "greeksType": "PA",
            "ip": ",".join(sorted(key.whitelist)),
            "kycLv": "2",
            "label": key.alias,
            "level": "Lv1",
            "levelTmp": "",
            "mainUid": name,
            "mgnIsoMode": "automatic",
            "opAuth": "0",
            "perm": ",".join(right for right, has in rights if has),
            "posMode": "net_mode",
            "roleType": "0",
            "spotBorrowAutoRepay": False,
            "spotOffsetType": "",
            "spotRoleType": "0",
            "spotTraderInsts": [],
            "traderInsts": [],
            "type": "0",
            "uid": name,
        }
    ]


def account_rate_limit(seat: Seat) -> list[Any]:
    limit = str(seat.limits.account_orders)
    return [
        {
            "accRateLimit": limit,
            "fillRatio": "0.1",
            "mainFillRatio": "0.1",
            "nextAccRateLimit": limit,
            "ts": str(seat.now_ms),
        }
    ]


def trade_fee(seat: Seat) -> list[Any]:
    kind = known_type(seat.params.get("instType", ""))
    fees = {"maker": "0", "taker": "0", "makerU": "0", "takerU": "0", "delivery": "", "exercise": ""}
    return [{"category": "1", "instType": kind, "level": "Lv1", **fees, "ts": str(seat.now_ms)}]


def max_size(seat: Seat) -> list[Any]:
    rows = []
    for name in seat.params.get("instId", "").split(","):
        market = known(seat.floor.board, name)
        coin, need = margin(market, Decimal(1), market.last)
        buy = seat.desk.free(market.spec.quote) / market.ask if market.kind == "spot" else seat.desk.free(coin) / need
        sell = seat.desk.free(market.spec.base) if market.kind == "spot" else buy
        rows.append(
            {
                "ccy": "",
                "instId": name,
                "maxBuy": f"{buy / contract(market):.8f}",
                "maxSell": f"{sell / contract(market):.8f}",
            }
        )
    return rows


def bills(seat: Seat) -> list[Any]:
    """None are kept."""
    return []


def account_instruments(seat: Seat) -> list[Any]:
    return instruments(seat.floor, seat.params, seat.now_ms)


def currencies(seat: Seat) -> list[Any]:
    row = {"canDep": True, "canInternal": True, "canWd": True, "mainNet": True, "fee": "0", "minWd": "0", "maxWd": "9"}
    quota = {"maxFee": "0", "minFee": "0", "usedWdQuota": "0", "wdQuota": "9", "wdTickSz": "8"}
    return [{"ccy": c, "name": c, "chain": f"{c}-SIM", "logoLink": "", **row, **quota} for c in seat.floor.board.coins]


def withdraw(seat: Seat) -> list[Any]:
    """The venue keeps the witness; no money is kept here that could go."""
    amount = number_of(seat.params, "amt")
    return [{"amt": plain(amount), "wdId": str(seat.now_ms), "ccy": text_of(seat.params, "ccy"), "clientId": ""}]


def transfer(seat: Seat) -> list[Any]:
    amount = number_of(seat.params, "amt")
    ends = {name: text_of(seat.params, name) for name in ("from", "to", "ccy")}
    if lacking := next((name for name, value in ends.items() if not value), ""):
        raise missing(lacking)
    return [{"transId": str(seat.now_ms), **ends, "amt": plain(amount), "clientId": ""}]
