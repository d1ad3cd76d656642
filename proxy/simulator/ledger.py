"""What arrived and what was executed: the witness of the tests."""

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass

from proxy.simulator.orders import Order
from proxy.simulator.records import Answer, Asked

IDS_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `outcome`: "ok", the exchange's code, or "fault:..." where a fault answered."""

    at_ms: int
    exchange: str
    account: str
    key: str
    address: str
    method: str
    path: str
    client_id: str
    status: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A call that would move money out. `accepted`: the exchange would have paid."""

    at_ms: int
    exchange: str
    account: str
    key: str
    address: str
    path: str
    accepted: bool


class Ledger:
    """Bounded: the newest `size` requests and executions, and counters over everything."""

    def __init__(self, size: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=size)
        self.executed: deque[tuple[str, Order]] = deque(maxlen=size)  # (exchange, order), once per execution
        self.withdrawals: deque[Withdrawal] = deque(maxlen=1000)
        self.counts: Counter[tuple[str, str]] = Counter()  # (exchange, outcome)
        self.orders_executed = 0
        self._ids: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def record(self, asked: Asked, answer: Answer, outcome: str | None = None) -> None:
        outcome = outcome or answer.outcome
        self.counts[asked.exchange, outcome] += 1
        self.entries.append(
            Entry(
                asked.now_ms,
                asked.exchange,
                answer.account,
                answer.key,
                asked.address,
                asked.method,
                asked.path,
                answer.client_id,
                answer.status,
                outcome,
            )
        )

    def execute(self, exchange: str, order: Order, *, given_id: bool) -> None:
        """An order came into being. `given_id`: the caller named it, so that a second one is a duplicate."""
        self.orders_executed += 1
        self.executed.append((exchange, order))
        if given_id:
            name = (exchange, order.account, order.client_id)
            self._ids[name] = self._ids.get(name, 0) + 1
            if len(self._ids) > IDS_KEPT:
                self._ids.popitem(last=False)

    def withdraw(self, asked: Asked, account: str, key: str, accepted: bool) -> None:
        self.withdrawals.append(
            Withdrawal(asked.now_ms, asked.exchange, account, key, asked.address, asked.path, accepted)
        )

    def executions(self, exchange: str, account: str, client_id: str) -> int:
        """How often an order with that client order id was executed."""
        return self._ids.get((exchange, account, client_id), 0)

    def duplicates(self) -> dict[tuple[str, str, str], int]:
        """(exchange, account, client order id) executed more than once, with how often."""
        return {name: count for name, count in self._ids.items() if count > 1}

    def orders(self, exchange: str, account: str) -> list[Order]:
        """Orders executed for an account, in order of execution."""
        return [o for where, o in self.executed if where == exchange and o.account == account]

    def requests(self, exchange: str, path_part: str = "", **fields: str) -> list[Entry]:
        """Entries whose path contains a text and whose named fields are equal."""
        return [
            e
            for e in self.entries
            if e.exchange == exchange
            and path_part in e.path
            and all(getattr(e, name) == value for name, value in fields.items())
        ]
