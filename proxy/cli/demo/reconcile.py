"""The bots' books against the exchanges' ledgers: every order once, and none that only one side knows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from proxy.cli.demo.bots import Books
from proxy.simulator import Ledger


@dataclass(frozen=True, slots=True)
class Row:
    """One account. `doubled`, `lost`, `strange` (known to the exchange only) must be 0."""

    account: str
    calls: int
    attempts: int
    failed: int
    placed: int
    executed: int
    doubled: int
    lost: int
    strange: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    rows: tuple[Row, ...]
    turned_away: Mapping[str, int]  # attempts that the exchange refused because of their route

    @property
    def clean(self) -> bool:
        return all(not (r.failed or r.doubled or r.lost or r.strange or r.unknown) for r in self.rows) and all(
            r.placed for r in self.rows
        )

    def as_dict(self) -> dict[str, Any]:
        rows = [asdict(row) for row in self.rows]
        return {"clean": self.clean, "accounts": rows, "turned_away": dict(self.turned_away)}


def reconcile(books: Sequence[Books], ledger: Ledger, turned_away: Mapping[str, int]) -> Reconciliation:
    """One row per account."""
    rows = []
    for exchange, account in dict.fromkeys((b.exchange, b.account) for b in books):
        ours = [b for b in books if b.account == account]
        believed = {order_id: state for b in ours for order_id, state in b.orders.items()}
        placed = [order_id for order_id, state in believed.items() if state in ("placed", "cancelled")]
        executions = {order_id: ledger.executions(exchange, account, order_id) for order_id in believed}
        executed = ledger.orders(exchange, account)
        rows.append(
            Row(
                account=account,
                calls=sum(b.calls for b in ours),
                attempts=sum(b.attempts for b in ours),
                failed=sum(b.failed for b in ours),
                placed=len(placed),
                executed=len(executed),
                doubled=sum(count > 1 for count in executions.values()),
                lost=sum(executions[order_id] == 0 for order_id in placed),
                strange=sum(
                    order.client_id not in believed or believed[order.client_id] == "refused" for order in executed
                ),
                unknown=sum(state == "unknown" for state in believed.values()),
            )
        )
    return Reconciliation(tuple(rows), turned_away)
