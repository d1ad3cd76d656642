"""What a signature needs besides the key: the exchange's time, and numbers that never come twice."""

import asyncio

from proxy.exchange_time import ExchangeClocks
from proxy.exchanges.form import Exchange
from proxy.model import Stamp
from proxy.nonces import Nonces

_LEAD_MS = 5_000


class Stamps:
    """Stamps for all keys."""

    def __init__(self, times: ExchangeClocks, nonces: Nonces) -> None:
        self._times = times
        self._nonces = nonces
        self._last_ms: dict[str, int] = {}
        self._refills: set[asyncio.Task[None]] = set()

    def take(self, exchange: Exchange, key: str | None) -> Stamp:
        """The stamp of one signature. `key`: account/alias; None for a call without a key."""
        wall_ms = self._times.wall_ms(exchange.name)
        if key is None:
            return Stamp(wall_ms)
        if exchange.one_stamp_each:
            last_ms = self._last_ms.get(key, 0)
            if 0 <= last_ms - wall_ms < _LEAD_MS:  # further ahead: the clock was set back
                wall_ms = last_ms + 1
            self._last_ms[key] = wall_ms
        if not exchange.nonces:
            return Stamp(wall_ms)
        nonce = self._nonces.take(key)
        if self._nonces.low(key):
            task = asyncio.ensure_future(self._nonces.refill(key))
            self._refills.add(task)
            task.add_done_callback(self._refills.discard)
        return Stamp(wall_ms, nonce)

    async def lift(self, key: str) -> None:
        """Raise the key's nonce above what another program may have used."""
        await asyncio.to_thread(self._nonces.lift, key)
