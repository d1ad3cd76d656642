"""Looks for writes whose answer was lost, and says what became of them: executed, with the answer as far as the
exchange still tells it, or proven not to be. When to look and what proves it: orders/search.py; where: each exchange's
look-ups. A look is a read like any bot's: it waits for its limits and takes a route that is free.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from proxy.answer import Answer
from proxy.clock import MILLISECOND_NS, SECOND_NS, Clock
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges.form import items_of
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, Finding, Found, Lookup
from proxy.model import Call, CallClass, Executed, Item, Reply
from proxy.orders import records
from proxy.orders.records import State, Truth
from proxy.orders.search import Proof, Search, looked
from proxy.pool import Pool

log = logging.getLogger("ordergate.orders")

_LOOK_WITHIN_NS = 5 * SECOND_NS
_PATIENCE_MS = 60_000  # what an order does not show so long after it should, it never will
_OVERTAKEN_BY = {
    CallClass.AMEND: (CallClass.AMEND,),
    CallClass.PLACE: (CallClass.AMEND, CallClass.CANCEL),
}
_EXECUTED = {True: Executed.YES, False: Executed.NO}
Read = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Lost:
    """A write whose answer was lost, as it was sent. `since_ms`, `valid_until_ms`: the exchange's wall time."""

    call: Call
    since_ms: int
    valid_until_ms: int


@dataclass(slots=True, eq=False)
class _Running:
    """`overtaken`: a later write on the same order has left since: what the order shows tells nothing of this one."""

    lost: Lost
    names: tuple[str, ...]
    overtaken: bool = False


class Searches:
    """All searches of the daemon; each is a task of its own and goes on until it knows."""

    def __init__(self, clock: Clock, times: ExchangeClocks, pools: Mapping[str, Pool], read: Read) -> None:
        self._clock = clock
        self._times = times
        self._pools = pools
        self._read = read
        self._tasks: dict[asyncio.Task[Truth], _Running] = {}

    def start(self, lost: Lost) -> "asyncio.Task[Truth] | None":
        """Begin to look; None if such a write cannot be looked for."""
        call, pool = lost.call, self._pools.get(lost.call.account)
        if pool is None or pool.exchange.absence is None:
            return None
        lookups = pool.exchange.lookups(call.endpoint, call.request, call.params, lost.since_ms)
        if not lookups:
            return None
        running = _Running(lost, pool.exchange.orders(call.endpoint, call.params).own)
        task = asyncio.ensure_future(self._search(running, pool, lookups))
        self._tasks[task] = running
        task.add_done_callback(self._ended)
        return task

    def overtake(self, account: str, names: tuple[str, ...], by: CallClass) -> None:
        """A write on these orders leaves now, after which what they show tells nothing of an earlier one: an amendment
        after an amendment, a new order of the same name after both or a cancel. An amendment that gives its order
        another name hides it from who looks for its placing.
        """
        for running in self._tasks.values():
            lost = running.lost.call
            if lost.account != account or set(names).isdisjoint(running.names):
                continue
            earlier = lost.endpoint.call_class
            hides = by is CallClass.AMEND and not set(names) <= set(running.names)
            if earlier in _OVERTAKEN_BY.get(by, ()) or (earlier is CallClass.PLACE and hides):
                running.overtaken = True

    def _ended(self, task: "asyncio.Task[Truth]") -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a search for a lost write broke off; it stays unknown", exc_info=fault)

    async def stop(self) -> None:
        """What is not known by now is looked for again by the next process."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _search(self, running: _Running, pool: Pool, lookups: tuple[Lookup, ...]) -> Truth:
        """One search for each order of the write; it was executed if one of them took effect."""
        exchange, lost = pool.exchange, running.lost
        assert exchange.absence is not None
        now_ms = self._times.wall_ms(exchange.name)
        absence = exchange.absence_in.get(lost.call.endpoint.product, exchange.absence)
        open_ = {lookup.item: Search(now_ms, lost.valid_until_ms, absence) for lookup in lookups}
        found: dict[int, Finding] = {}
        places = lost.call.endpoint.call_class is CallClass.PLACE
        while open_:
            item = min(open_, key=lambda number: open_[number].next_ms)
            wait_ms = open_[item].next_ms - self._times.wall_ms(exchange.name)
            await self._clock.sleep_until(self._clock.now_ns() + max(wait_ms, 0) * MILLISECOND_NS)
            began_ms = self._times.wall_ms(exchange.name)
            finding = await self._look(lost, pool, [lookup for lookup in lookups if lookup.item == item])
            if running.overtaken and finding.state is not Found.DONE:
                if began_ms >= open_[item].proves_from_ms and not places:
                    return Truth(State.OVERTAKEN)
                finding = CANNOT_TELL
            settles_nothing = finding.state is Found.CANNOT_TELL and finding.order
            if settles_nothing and not places and began_ms >= open_[item].proves_from_ms + _PATIENCE_MS:
                return Truth(State.OVERTAKEN)
            open_[item], proof = looked(open_[item], finding.state, began_ms)
            if proof is not Proof.OPEN:
                del open_[item]
                found[item] = finding
        truth = _truth(lost, pool, lookups, found)
        log.info("call %s: %d of %d orders: %s", lost.call.id, _done(found), len(found), truth.state)
        return truth

    async def _look(self, lost: Lost, pool: Pool, lookups: list[Lookup]) -> Finding:
        """One round over the places where an order may be."""
        result = NOT_SO_FAR
        for lookup in lookups:
            finding = await self._ask(lost, pool, lookup)
            if finding.state in (Found.DONE, Found.NEVER):
                return finding
            if finding.state is Found.CANNOT_TELL:
                result = finding
        return result

    async def _ask(self, lost: Lost, pool: Pool, lookup: Lookup) -> Finding:
        exchange, endpoint = pool.exchange, pool.exchange.table.named(lookup.endpoint)
        if endpoint is None:
            return CANNOT_TELL
        now_ns = self._clock.now_ns()
        call = Call(
            id=f"{lost.call.id}-look",
            bot=lost.call.bot,
            account=pool.account,
            endpoint=endpoint,
            request=lookup.request,
            upstream=pool.upstream[endpoint.product],
            params={**exchange.params(lookup.request), **exchange.table.path_params(endpoint, lookup.request.path)},
            received_ns=now_ns,
            deadline_ns=now_ns + _LOOK_WITHIN_NS,
            answer_by_ns=now_ns + _LOOK_WITHIN_NS,
            share=lost.call.share,
        )
        try:
            answer = await self._read(call)
            if answer.reply is None:
                return CANNOT_TELL
            return exchange.found(lost.call.endpoint, lost.call.request, lost.call.params, lookup, answer.reply)
        except Exception:
            log.exception("call %s: a look at the exchange failed", lost.call.id)
            return CANNOT_TELL


def _truth(lost: Lost, pool: Pool, lookups: tuple[Lookup, ...], found: Mapping[int, Finding]) -> Truth:
    call, exchange = lost.call, pool.exchange
    rebuilt = exchange.rebuilt(call.endpoint, call.request, call.params, found)
    answer = records.Answer(rebuilt.status, "application/json", rebuilt.body) if rebuilt is not None else None
    items: tuple[Item, ...] = ()
    if len(found) > 1:
        ids = {lookup.item: lookup.id for lookup in reversed(lookups)}
        items = tuple(Item(item, ids[item], _EXECUTED[found[item].state is Found.DONE]) for item in sorted(found))
        if rebuilt is not None:  # which names the orders as the exchange does
            reply = Reply(rebuilt.status, b"", (), rebuilt.body, 0)
            items = items_of(exchange, call.endpoint, call.params, reply) or items
    return Truth(State.EXECUTED if _done(found) else State.ABSENT, answer, items)


def _done(found: Mapping[int, Finding]) -> int:
    return sum(finding.state is Found.DONE for finding in found.values())
