"""Calls for which there was no room at once: counted by what was in the way, and said where more routes cannot help."""

import logging

from proxy.capacity import counted, counts_by
from proxy.clock import SECOND_NS, Clock
from proxy.limits.window import NEVER_NS
from proxy.metrics import Metrics
from proxy.model import Ask, Charge, NotUntil, Scope

log = logging.getLogger("ordergate")

_AGAIN_NS = 600 * SECOND_NS
_BLOCK = "block"  # a rest: its reason holds codes of the exchange, too many for a label


class Waits:
    """Told by the queue once per call that cannot go at once."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._said: dict[tuple[str, str], int] = {}  # (account, limit) -> when

    def __call__(self, ask: Ask, found: NotUntil) -> None:
        charge = next((charge for charge in ask.charges if charge.limit.name == found.what), None)
        self._metrics.wait(ask.account, charge.limit.name if charge is not None else _BLOCK, found.scope)
        if charge is not None and found.scope is Scope.ACCOUNT:
            self._say(ask, found, charge)

    def _say(self, ask: Ask, found: NotUntil, charge: Charge) -> None:
        """Once per limit in ten minutes, if there are routes that a reader might hope for."""
        limit, now = charge.limit, self._clock.now_ns()
        keys = counted(len(ask.routes), "key")
        addresses = {address for row in ask.routes for address in row.addresses}
        said_ns = self._said.get((ask.account, limit.name))
        if len(ask.routes) * len(addresses) < 2 or (said_ns is not None and now - said_ns < _AGAIN_NS):
            return
        self._said[ask.account, limit.name] = now
        wait_ns = limit.window_ns if found.wait_ns is None or found.wait_ns >= NEVER_NS // 2 else found.wait_ns
        log.info(
            "%s: %s: %s and %s add nothing; calls wait up to %.1f s",
            ask.account,
            counts_by(charge, found.scope),
            keys,
            counted(len(addresses), "address"),
            wait_ns / SECOND_NS,
        )
