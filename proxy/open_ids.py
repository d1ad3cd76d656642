"""Client order ids of placings whose outcome is open, and of orders that were made just now.

An exchange may take the same id for another order (Binance: once the first one is filled). While nobody knows whether
the first is there, a second order of its id would make it impossible to find out; and if the second one's answer were
lost, a first one of the last seconds would be taken for it.
"""

from proxy.clock import MILLISECOND_NS, Clock
from proxy.exchanges.lookup import SKEW_MS
from proxy.model import Call, CallClass, Endpoint
from proxy.orders.records import Intent
from proxy.pool import Pool

FRESH_MS = 2 * SKEW_MS


class OpenIds:
    """By account; bots of one account share its ids."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids: dict[tuple[str, str], str] = {}  # account, id -> call
        self._made: dict[tuple[str, str], int] = {}  # account, id -> until when, oldest first

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, intent: Intent, endpoint: Endpoint, pool: Pool) -> None:
        if endpoint.call_class is CallClass.PLACE:
            for name in pool.exchange.client_ids(endpoint, intent.params):
                self._ids[intent.account, name] = intent.call

    def remove(self, intent: Intent) -> None:
        if intent.call in self._ids.values():
            self._ids = {name: call for name, call in self._ids.items() if call != intent.call}

    def made(self, intent: Intent, endpoint: Endpoint, pool: Pool) -> None:
        """A write was executed just now."""
        now_ns = self._clock.now_ns()
        if endpoint.call_class is not CallClass.PLACE:
            return
        for name in pool.exchange.client_ids(endpoint, intent.params):
            self._made.pop((intent.account, name), None)
            self._made[intent.account, name] = now_ns + FRESH_MS * MILLISECOND_NS
        while self._made and next(iter(self._made.values())) <= now_ns:
            del self._made[next(iter(self._made))]

    def among(self, call: Call, pool: Pool) -> str:
        """The first of a placing's ids that is such a one, or ""."""
        if not self._ids and not self._made:
            return ""
        now_ns = self._clock.now_ns()
        for name in pool.exchange.client_ids(call.endpoint, call.params):
            if (call.account, name) in self._ids or self._made.get((call.account, name), 0) > now_ns:
                return name
        return ""
