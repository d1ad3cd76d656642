"""KuCoin's dead man's switch for spot orders."""

from typing import Any

from proxy.simulator.accounts import LiveAccount
from proxy.simulator.kucoin.names import symbol
from proxy.simulator.kucoin.seat import Seat, Switch
from proxy.simulator.kucoin.wire import bad


def trip(account: LiveAccount, switches: dict[str, Switch], now_ms: int) -> None:
    """Cancel what is due; called before anything of the account is answered."""
    switch = switches.get(account.name)
    if switch is None or now_ms < switch.trigger_ms:
        return
    del switches[account.name]
    for order in account.desk.open_orders():
        if order.market.kind == "spot" and (not switch.symbols or symbol(order.market) in switch.symbols):
            account.desk.cancel(order, switch.trigger_ms)


def set_switch(seat: Seat) -> Any:
    """Cancels all spot orders unless it is set again in time; -1 takes it off."""
    body = seat.body if isinstance(seat.body, dict) else {}
    timeout, names = body.get("timeout"), body.get("symbols", "")
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not (timeout == -1 or 5 <= timeout <= 86_400):
        raise bad("timeout: 5 to 86400 seconds, or -1")
    if not isinstance(names, str):
        raise bad("symbols is invalid")
    account, now_s = seat.key.account.name, seat.now_ms // 1000
    if timeout == -1:
        seat.switches.pop(account, None)
        return {"currentTime": now_s, "triggerTime": 0}
    chosen = frozenset(name for name in names.split(",") if name)
    seat.switches[account] = Switch(timeout, seat.now_ms + timeout * 1000, chosen)
    return {"currentTime": now_s, "triggerTime": now_s + timeout}


def get_switch(seat: Seat) -> Any:
    switch = seat.switches.get(seat.key.account.name)
    if switch is None:
        return None
    return {
        "timeout": switch.timeout_s,
        "symbols": ",".join(sorted(switch.symbols)),
        "currentTime": seat.now_ms // 1000,
        "triggerTime": switch.trigger_ms // 1000,
    }
