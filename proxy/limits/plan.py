"""What an ask's routes are blocked by and charged on: looked up once and kept with the ask."""

from proxy.limits.blocks import Subject
from proxy.limits.counters import Booking, Counters
from proxy.model import Ask, Scope


class Place:
    """The account, a key or an address, as one kind of call meets it."""

    __slots__ = ("bookings", "subjects")

    def __init__(self, subjects: tuple[Subject, ...], bookings: list[Booking]) -> None:
        self.subjects = subjects
        self.bookings = bookings


class Plan:
    """The places of one ask, each made when it is first looked at."""

    __slots__ = ("_ask", "_counters", "account", "addresses", "generation", "keys")

    def __init__(self, now_ns: int, ask: Ask, counters: Counters) -> None:
        self._ask = ask
        self._counters = counters
        self.generation = counters.generation
        self.keys: dict[str, Place] = {}
        self.addresses: dict[str, Place] = {}
        account: Subject = ("account", ask.account)
        # A public call is nobody's: a resting account lets it pass.
        keyed = bool(ask.routes) and ask.routes[0].key is not None
        subjects = (account, (*account, ask.call_class)) if keyed else ()
        self.account = Place(subjects, counters.bookings(now_ns, ask, Scope.ACCOUNT, account))

    def key(self, now_ns: int, alias: str) -> Place:
        place = self.keys.get(alias)
        if place is None:
            subject: Subject = ("key", self._ask.account, alias)
            bookings = self._counters.bookings(now_ns, self._ask, Scope.KEY, subject)
            place = self.keys[alias] = Place((subject, (*subject, self._ask.endpoint)), bookings)
        return place

    def address(self, now_ns: int, address: str) -> Place:
        place = self.addresses.get(address)
        if place is None:
            subject: Subject = ("address", self._ask.exchange, address)
            bookings = self._counters.bookings(now_ns, self._ask, Scope.ADDRESS, subject)
            place = self.addresses[address] = Place((subject,), bookings)
        return place
