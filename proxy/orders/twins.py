"""Equal placings without a name: when the second one is a repeat, and when it is another order.

Two of them at the same time are two orders; a bot may want that. But client libraries repeat by themselves what they
got no answer to (cryptocom-exchange posts an order up to six times, 5 s apart). So the second is taken for a repeat if
the bot had hung up on the first after it left, for 30 s; and for as long as nobody knows what became of the first.
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
        self._unknown: dict[_Twin, list[str]] = {}  # calls whose outcome is open
        self._missed: dict[_Twin, list[tuple[int, Answer]]] = {}  # until, answer

    def abandoned(self, call: Call, digest: bytes) -> Flight | None:
        """An equal one that left, and on which the bot has hung up since."""
        if call.endpoint.call_class not in _COSTLY:
            return None
        flights = self._flights.get((call.account, call.bot, digest), ())
        return next((flight for flight in flights if flight.left and flight.gone()), None)

    def missed(self, call: Call, digest: bytes) -> Answer | None:
        """What an equal one came to that ended so. A true answer is given out once: the next one is another order."""
        twin = (call.account, call.bot, digest)
        self._forget()
        if missed := self._missed.get(twin):
            _, answer = missed.pop(0)
            if not missed:
                del self._missed[twin]
            return answer
        unknown = self._unknown.get(twin)
        return still_open(unknown[0]) if unknown else None

    def enter(self, call: Call, flight: Flight) -> None:
        self._flights.setdefault((call.account, call.bot, flight.digest), []).append(flight)

    def leave(self, call: Call, flight: Flight, answer: Answer | None) -> None:
        """It ended so; None: it was cut off, or could not be sent."""
        twin = (call.account, call.bot, flight.digest)
        flights = self._flights[twin]
        flights.remove(flight)
        if not flights:
            del self._flights[twin]
        executed = answer is not None and answer.executed is Executed.YES
        if answer is not None and executed and flight.gone() and call.endpoint.call_class in _COSTLY:
            self._forget()
            self._missed.setdefault(twin, []).append((self._clock.now_ns() + _REPEAT_NS, answer))

    def unknown(self, intent: Intent, call_class: CallClass) -> None:
        """Nobody knows what became of it, until it is settled."""
        if call_class in _COSTLY:
            self._unknown.setdefault((intent.account, intent.bot, intent.digest), []).append(intent.call)

    def settled(self, intent: Intent) -> None:
        """What became of it is known; of others that are equal, it is not."""
        twin = (intent.account, intent.bot, intent.digest)
        calls = [call for call in self._unknown.pop(twin, []) if call != intent.call]
        if calls:
            self._unknown[twin] = calls

    def _forget(self) -> None:
        now_ns = self._clock.now_ns()
        for twin, missed in list(self._missed.items()):
            self._missed[twin] = [row for row in missed if row[0] > now_ns]
            if not self._missed[twin]:
                del self._missed[twin]
