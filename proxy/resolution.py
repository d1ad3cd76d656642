"""What became of writes whose answer was lost: for the bot, if that is known while it waits; else for the journal, as
soon as it is known; and of those that a former process left open.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial

from proxy.clock import SECOND_NS, Clock, done_by
from proxy.holds import Holds
from proxy.metrics import Metrics
from proxy.model import Call, Incoming
from proxy.open_ids import OpenIds
from proxy.orders.journal import Journaling
from proxy.orders.known import KnownNames
from proxy.orders.records import Entry, Intent, State, Truth
from proxy.orders.twins import Twins
from proxy.orders.unknowns import Unknown, Unknowns
from proxy.pool import Pool
from proxy.searches import Lost, Searches

log = logging.getLogger("ordergate.orders")

_TRUTH_WITHIN_NS = 9 * SECOND_NS  # a bot waits so long for what became of its write; its client gives up after ten
_LONGEST_MS = 60_000  # no exchange takes a signed call for longer


class Resolution:
    """All open outcomes of the daemon. `under_way`: numbers of writes whose call has not ended. One event loop."""

    def __init__(self, clock: Clock, journal: Journaling, metrics: Metrics, known: KnownNames, twins: Twins) -> None:
        """`searches` are set by who makes them; without them nothing is looked up."""
        self.searches: Searches | None = None
        self.unknowns = Unknowns()
        self.under_way: set[int] = set()
        self.holds = Holds(clock)
        self.open_ids = OpenIds(clock)
        self._clock = clock
        self._journal = journal
        self._metrics = metrics
        self._known = known
        self._twins = twins

    def take_over(self, entries: Iterable[Entry], pools: Mapping[str, Pool]) -> None:
        """What a former process left open is looked for. Orders of accounts where it was cut off wait for that."""
        for entry in entries:
            intent = entry.intent
            self._open(entry.id, intent, pools.get(intent.account), intent.at_ms)
            task = self._seek(entry, pools.get(intent.account))
            log.warning(
                "call %s: outcome unknown since an earlier run: %s of %s, %s %s%s",
                intent.call,
                intent.endpoint,
                intent.account,
                entry.state,
                intent.name.replace("\n", " ") or "without a name",
                "" if task is not None else "; it cannot be looked up: ordergate orders resolve",
            )
            if task is None:
                continue
            task.add_done_callback(partial(self._found, entry.id, intent, pools.get(intent.account)))
            if entry.state is not State.UNKNOWN:  # of an unknown one the bot was told before
                self.holds.begin(intent.account, entry.id)

    def recall(self, entries: Iterable[Entry], pools: Mapping[str, Pool]) -> None:
        """What ended just before a former process did."""
        for entry in entries:
            if entry.state is State.EXECUTED:
                self._made(entry.intent, pools.get(entry.intent.account))

    def _made(self, intent: Intent, pool: Pool | None) -> None:
        endpoint = pool.exchange.table.named(intent.endpoint) if pool is not None else None
        if pool is not None and endpoint is not None:
            self.open_ids.made(intent, endpoint, pool)

    def _seek(self, entry: Entry, pool: Pool | None) -> "asyncio.Task[Truth] | None":
        intent = entry.intent
        endpoint = pool.exchange.table.named(intent.endpoint) if pool is not None else None
        if pool is None or endpoint is None or endpoint.product not in pool.upstream:
            return None
        method = endpoint.name.partition(" ")[0]
        request, upstream = Incoming(method, endpoint.path, "", (), b""), pool.upstream[endpoint.product]
        call = Call(intent.call, intent.bot, intent.account, endpoint, request, upstream, intent.params)
        return self.search(Lost(call, intent.at_ms, self._valid_until_ms(entry)))

    def _valid_until_ms(self, entry: Entry) -> int:
        """When the last copy of a write runs out. One may have left just before the process died, and not be written
        down yet."""
        if entry.state is State.UNKNOWN:
            return entry.valid_until_ms
        signed_by_ms = max(self._clock.wall_ms(), entry.intent.at_ms)
        return max(entry.valid_until_ms, signed_by_ms + (entry.intent.validity_ms or _LONGEST_MS))

    def search(self, lost: Lost) -> "asyncio.Task[Truth] | None":
        """Begin to look for a write whose answer was lost, if that can be done."""
        return self.searches.start(lost) if self.searches is not None else None

    async def truth(self, search: "asyncio.Task[Truth]", call: Call) -> Truth | None:
        """What it finds while the bot waits; None: it goes on."""
        await done_by(self._clock, search, call.answer_by_ns or call.received_ns + _TRUTH_WITHIN_NS)
        if not search.done() or search.cancelled() or search.exception() is not None:
            return None
        self._metrics.resolved(call.account, search.result().state.value)
        return search.result()

    def leave_open(self, number: int, intent: Intent, pool: Pool, search: "asyncio.Task[Truth] | None") -> None:
        """Its call has ended, and nobody knows; a search may go on."""
        self._open(number, intent, pool, self._clock.wall_ms())
        if search is not None:
            search.add_done_callback(partial(self._found, number, intent, pool))

    def _found(self, number: int, intent: Intent, pool: Pool | None, task: "asyncio.Task[Truth]") -> None:
        """A search that went on in the background knows, or was stopped."""
        if task.cancelled() or task.exception() is not None or number not in self.unknowns:
            return
        truth = task.result()
        free = truth.state is State.ABSENT
        self._journal.mark(number, truth.state, truth.answer, free=free, items=truth.items)
        if free:
            self._known.drop((intent.account, intent.bot, intent.name))
        self._close(number, intent)
        if truth.state is State.EXECUTED:
            self._made(intent, pool)
        self._metrics.resolved(intent.account, truth.state.value)
        log.warning("call %s: looked up: %s", intent.call, truth.state)

    async def settle(self, call: str, state: State) -> Entry | None:
        """Close an open outcome from outside; None if no such one is open. Raises JournalDown."""
        entry = await self._journal.entry(call)
        if entry is None or entry.id in self.under_way:
            return None
        found = await self._journal.resolve(call, state)
        if found is not None:
            self._close(found.id, found.intent)
        return found

    def _open(self, number: int, intent: Intent, pool: Pool | None, at_ms: int) -> None:
        self.unknowns.add(Unknown(number, intent.call, intent.account, at_ms))
        endpoint = pool.exchange.table.named(intent.endpoint) if pool is not None else None
        if pool is None or endpoint is None:
            return
        self.open_ids.add(intent, endpoint, pool)
        if not intent.name:
            self._twins.unknown(intent, endpoint.call_class)

    def _close(self, number: int, intent: Intent) -> None:
        self.unknowns.remove(number)
        self.open_ids.remove(intent)
        self._twins.settled(intent)
        self.holds.end(intent.account, number)

    async def open_entries(self) -> list[Entry]:
        """The open ones of which no call is under way, oldest first. Raises JournalDown."""
        return [entry for entry in await self._journal.open_entries() if entry.id not in self.under_way]
