"""A clock that stands still until a test moves it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from proxy.errors import JournalDown
from proxy.model import Item
from proxy.orders.records import Answer, Entry, Intent, State

START_WALL_MS = 1_790_000_000_000


@dataclass(order=True)
class FakeAlarm:
    at_ns: int
    number: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """proxy.clock.Clock under control. `wall_step_ms` moves the wall alone, as an operator or NTP would."""

    def __init__(self, now_ns: int = 1_000_000_000_000, wall_ms: int = START_WALL_MS) -> None:
        self._now_ns = now_ns
        self._wall_ns = wall_ms * 1_000_000 - now_ns
        self._numbers = 0
        self._alarms: list[FakeAlarm] = []

    def now_ns(self) -> int:
        return self._now_ns

    def wall_ms(self) -> int:
        return (self._now_ns + self._wall_ns) // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alarm = self.call_at(at_ns, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            alarm.cancel()

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> FakeAlarm:
        self._numbers += 1
        alarm = FakeAlarm(at_ns, self._numbers, callback)
        heappush(self._alarms, alarm)
        return alarm

    def pending(self) -> list[int]:
        """The moments of all alarms that are set."""
        return sorted(alarm.at_ns for alarm in self._alarms if not alarm.cancelled)

    def wall_step_ms(self, by_ms: int) -> None:
        self._wall_ns += by_ms * 1_000_000

    def move_to(self, at_ns: int) -> None:
        """Go forward and ring every alarm at its own moment, in order; tasks are not run meanwhile."""
        assert at_ns >= self._now_ns
        while self._alarms and self._alarms[0].at_ns <= at_ns:
            alarm = heappop(self._alarms)
            if not alarm.cancelled:
                self._now_ns = max(self._now_ns, alarm.at_ns)
                alarm.callback()
        self._now_ns = at_ns

    def advance(self, by_ns: int) -> None:
        self.move_to(self._now_ns + by_ns)


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class MemoryJournal:
    """proxy.orders.journal.Journal without a disk. `down`: why it cannot be written."""

    def __init__(self) -> None:
        self.down = ""
        self.rows: dict[int, Entry] = {}
        self.held: dict[tuple[str, str, str], int] = {}
        self.asked = 0

    @property
    def states(self) -> list[State]:
        return [row.state for row in self.rows.values()]

    def _check(self) -> None:
        self.asked += 1
        if self.down:
            raise JournalDown(self.down)

    async def intend(self, intent: Intent) -> int | Entry:
        self._check()
        name = (intent.account, intent.bot, intent.name)
        if intent.name and name in self.held:
            return self.rows[self.held[name]]
        number = len(self.rows) + 1
        self.rows[number] = Entry(number, intent, State.INTENT)
        if intent.name:
            self.held[name] = number
        return number

    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None:
        self.asked += 1
        row = self.rows[number]
        self.rows[number] = replace(row, state=State.SENT, key=key, address=address, valid_until_ms=valid_until_ms)

    def mark(
        self,
        number: int,
        state: State,
        answer: Answer | None = None,
        *,
        free: bool = False,
        items: tuple[Item, ...] = (),
    ) -> None:
        self.asked += 1
        row = self.rows[number] = replace(self.rows[number], state=state, answer=answer, items=items)
        if free:
            self.held.pop((row.intent.account, row.intent.bot, row.intent.name), None)

    async def open_entries(self) -> list[Entry]:
        self._check()
        return [row for row in self.rows.values() if row.state.open]

    async def ended_since(self, at_ms: int) -> list[Entry]:
        self._check()
        return [row for row in self.rows.values() if row.ended_ms >= max(at_ms, 1)]

    async def find(self, account: str, bot: str, name: str) -> Entry | None:
        self._check()
        return self.rows.get(self.held.get((account, bot, name), 0))

    async def names(self, most: int) -> list[tuple[str, str, str]]:
        self._check()
        return list(self.held)[-most:]

    async def entry(self, call: str) -> Entry | None:
        self._check()
        return next((row for row in self.rows.values() if row.intent.call == call), None)

    async def resolve(self, call: str, state: State) -> Entry | None:
        found = await self.entry(call)
        if found is None or not found.state.open:
            return None
        self.mark(found.id, state, free=state is not State.EXECUTED, items=found.items)
        return self.rows[found.id]
