"""After a crash, an account's new orders wait until it is known what became of the old ones.

A bot whose call was cut off does not know whether its order is there, and would place it again. Cancels go through: one
too many does no harm. So do reads.
"""

import asyncio
import logging

from proxy.clock import SECOND_NS, Alarm, Clock, done_by

log = logging.getLogger("ordergate.orders")

_LONGEST_NS = 180 * SECOND_NS  # longer than any proof of absence takes; an exchange that is down must not stop all else


class Holds:
    """Accounts whose orders wait, and what for. One event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, set[int]] = {}  # account -> numbers of the journal
        self._over: dict[str, asyncio.Future[None]] = {}
        self._alarms: dict[str, Alarm] = {}

    def __contains__(self, account: object) -> bool:
        return account in self._open

    def counts(self) -> dict[str, int]:
        """Writes still to be resolved, by account."""
        return {account: len(numbers) for account, numbers in self._open.items()}

    def begin(self, account: str, number: int) -> None:
        """Hold the account for one more of its writes."""
        if account not in self._open:
            self._over[account] = asyncio.get_running_loop().create_future()
            at_ns = self._clock.now_ns() + _LONGEST_NS
            self._alarms[account] = self._clock.call_at(at_ns, lambda: self._give_up(account))
        self._open.setdefault(account, set()).add(number)

    def end(self, account: str, number: int) -> None:
        """That write is known."""
        numbers = self._open.get(account, set())
        numbers.discard(number)
        if account in self._open and not numbers:
            self._release(account)
            log.warning("account %s: all writes of the earlier run are known; orders are taken", account)

    async def passed(self, account: str, by_ns: int) -> bool:
        """Wait until the account is free; False if it is not by then."""
        over = self._over.get(account)
        if over is None:
            return True
        return await done_by(self._clock, over, by_ns)

    def _give_up(self, account: str) -> None:
        text = "account %s: %d writes of the earlier run are unknown after %d s; orders are taken all the same"
        log.error(text, account, len(self._open[account]), _LONGEST_NS // SECOND_NS)
        self._release(account)

    def _release(self, account: str) -> None:
        del self._open[account]
        self._alarms.pop(account).cancel()
        self._over.pop(account).set_result(None)
