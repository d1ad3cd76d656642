"""The caller of a signed request, and what the exchange remembers beside the accounts' desks."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.simulator.accounts import LiveAccount, LiveKey
from proxy.simulator.htx.limits import HtxLimits
from proxy.simulator.htx.ratio import CancelRatio
from proxy.simulator.orders import Desk, Order
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NAMES_KEPT = 200_000


class Memory:
    """Client ids, the newest order of each by account and product; UIDs and the ids of the spot accounts."""

    def __init__(self, floor: Floor, limits: HtxLimits) -> None:
        self.floor = floor
        self.limits = limits
        self.ratio = CancelRatio(limits.ban_orders, limits.ban_ratio)
        self._named: OrderedDict[tuple[str, str, str], Order] = OrderedDict()
        names = [name for exchange, name in floor.registry.accounts if exchange == "htx"]
        self._numbers = {name: number for number, name in enumerate(names, 1)}

    def uid(self, account: LiveAccount) -> int:
        return 400_000_000 + self._numbers[account.name]

    def spot_account(self, account: LiveAccount) -> int:
        return 50_000_000 + self._numbers[account.name]

    def name(self, product: str, client_id: str, order: Order) -> None:
        self._named[order.account, product, client_id] = order
        self._named.move_to_end((order.account, product, client_id))
        if len(self._named) > _NAMES_KEPT:
            self._named.popitem(last=False)

    def named(self, account: LiveAccount, product: str, client_id: str) -> Order | None:
        """The newest order of that id."""
        return self._named.get((account.name, product, client_id))


@dataclass(slots=True)
class Seat:
    """`params`: the query of a GET, the JSON object of a POST; `rows`: its list, where the body is one.

    `tail`: the variable part of the path.
    """

    memory: Memory
    key: LiveKey
    params: Mapping[str, Any]
    asked: Asked
    rows: list[Any] | None = None
    tail: str = ""
    client_id: str = field(default="")

    @property
    def account(self) -> LiveAccount:
        return self.key.account

    @property
    def desk(self) -> Desk:
        return self.key.account.desk

    @property
    def floor(self) -> Floor:
        return self.memory.floor

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms
