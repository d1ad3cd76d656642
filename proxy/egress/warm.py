"""Keeps one open connection per address and upstream, so that no order waits for a handshake.

A cold TLS connection costs an order two round trips and a millisecond of handshake; a warm one nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from proxy.clock import SECOND_NS, Clock
from proxy.egress.client import Egress
from proxy.errors import NotSent
from proxy.model import Upstream

log = logging.getLogger("ordergate.egress")

Place = tuple[Upstream, str]  # where to, from which address

_LOOK_EVERY_NS = SECOND_NS
_AT_ONCE = 4  # handshakes stall the loop for a millisecond each: never all together
_REST_NS = 30 * SECOND_NS  # after a failure


class Warmer:
    """`places`: the pairs to keep warm at the moment; asked again at every look."""

    def __init__(self, egress: Egress, clock: Clock, places: Callable[[], Iterable[Place]]) -> None:
        self._egress = egress
        self._clock = clock
        self._places = places
        self._rest_until_ns: dict[Place, int] = {}

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep_until(self._clock.now_ns() + _LOOK_EVERY_NS)

    async def look(self) -> None:
        """Open what is missing now."""
        now_ns = self._clock.now_ns()
        missing = [
            place
            for place in self._places()
            if self._rest_until_ns.get(place, 0) <= now_ns and not self._egress.idle_count(place[1], place[0])
        ]
        for start in range(0, len(missing), _AT_ONCE):
            await asyncio.gather(*(self._warm(place) for place in missing[start : start + _AT_ONCE]))

    async def _warm(self, place: Place) -> None:
        upstream, address = place
        try:
            await self._egress.warm(upstream, address)
            self._rest_until_ns.pop(place, None)
        except NotSent as fault:
            self._rest_until_ns[place] = self._clock.now_ns() + _REST_NS
            log.debug("no warm connection to %s from %s: %s", upstream.host, address, fault.reason)
