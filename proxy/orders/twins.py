"""Equal placings without a name: when the second one is a repeat, and when it is another order.

Two of them at the same time are two orders; a bot may want that. But client libraries repeat by themselves what they
got no answer to (cryptocom-exchange posts an order up to six times, 5 s apart). So the second is taken for a repeat if
the bot had hung up on the first after it left, or if the first one's outcome is unknown; for 30 s, then it is believed.
"""

from proxy.answer import Answer
from proxy.clock import SECOND_NS, Clock
from proxy.model import Call, CallClass, Executed
from proxy.orders.flight import Flight
from proxy.orders.records import Intent
from proxy.orders.replay import still_open

_REPEAT_NS = 30 * SECOND_NS  # six tries of 5 s
_COSTLY = (CallClass.PLACE, CallClass.WITHDRAW)  # a second cancel or amendment does no harm

_Twin = tuple[str, str, bytes]  # account, bot, digest


class Twins:
    """Placings without a name that are under way, and those that ended without their bot's knowing how."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flights: dict[_Twin, list[Flight]] = {}
        self._missed: dict[_Twin, tuple[int, str, Answer | None]] = {}  # until, call, answer (None: unknown)

    def abandoned(self, call: Call, digest: bytes) -> Flight | None:
        """An equal one that left, and on which the bot has hung up since."""
        if call.endpoint.call_class not in _COSTLY:
            return None
        flights = self._flights.get((call.account, call.bot, digest), ())
        return next((flight for flight in flights if flight.left and flight.gone()), None)

    def missed(self, call: Call, digest: bytes) -> Answer | None:
        """What an equal one came to that ended so. A true answer is given out once: the next one is another order."""
        twin = (call.account, call.bot, digest)
        until_ns, first, answer = self._missed.get(twin, (0, "", None))
        if until_ns <= self._clock.now_ns():
            return None
        if answer is None:
            return still_open(first)
        del self._missed[twin]
        return answer

    def enter(self, call: Call, flight: Flight) -> None:
        self._flights.setdefault((call.account, call.bot, flight.digest), []).append(flight)

    def leave(self, call: Call, flight: Flight, answer: Answer | None) -> None:
        """It ended so; None: it was cut off, or could not be sent."""
        twin = (call.account, call.bot, flight.digest)
        flights = self._flights[twin]
        flights.remove(flight)
        if not flights:
            del self._flights[twin]
        now_ns = self._clock.now_ns()
        for old in [twin for twin, (until_ns, _, _) in self._missed.items() if until_ns <= now_ns]:
            del self._missed[old]
        if call.endpoint.call_class in _COSTLY and flight.left:
            executed = answer.executed if answer is not None else Executed.UNKNOWN
            if executed is Executed.UNKNOWN or (executed is Executed.YES and flight.gone()):
                kept = answer if executed is Executed.YES else None
                self._missed[twin] = (now_ns + _REPEAT_NS, call.id, kept)

    def unknown(self, intent: Intent) -> None:
        """Left open by a former process."""
        twin = (intent.account, intent.bot, intent.digest)
        self._missed[twin] = (self._clock.now_ns() + _REPEAT_NS, intent.call, None)

    def settled(self, intent: Intent) -> None:
        self._missed.pop((intent.account, intent.bot, intent.digest), None)
