"""Which route a call takes, and what holds one for which none is free. Keys and addresses are looked at apart."""

from proxy.limits.blocks import Blocks, Subject
from proxy.limits.counters import Booking, Counters
from proxy.limits.plan import Plan
from proxy.limits.refused import Refused, later
from proxy.limits.room import free, wait
from proxy.model import Ask, NotUntil, Route, Scope


class Routes:
    """Looks for routes and remembers whose turn it is, so that load spreads over keys and addresses."""

    def __init__(self, counters: Counters, blocks: Blocks) -> None:
        self._counters = counters
        self._blocks = blocks
        self._key_turn: dict[tuple[str, str], int] = {}
        self._address_turn: dict[tuple[str, str | None], int] = {}

    def first_free(self, now_ns: int, ask: Ask, plan: Plan) -> tuple[Route, list[Booking]] | None:
        """The first route with room, from where the last call of this kind left off, and what it is charged on.

        The account has room already.
        """
        counters = self._counters
        blocks = None if self._blocks.quiet else self._blocks
        count = len(ask.routes)
        line = (ask.account, ask.call_class)
        turn = self._key_turn.get(line, 0)
        full: set[str] = set()
        for i in range(count):
            routes = ask.routes[(turn + i) % count]
            alias = routes.key
            bookings = plan.account.bookings
            if alias is not None:
                key = plan.keys.get(alias) or plan.key(now_ns, alias)
                if not free(now_ns, key, counters, blocks):
                    continue
                bookings = bookings + key.bookings
            place = (ask.account, alias)
            start = self._address_turn.get(place, 0)
            size = len(routes.addresses)
            for j in range(size):
                address = routes.addresses[(start + j) % size]
                if address in full:
                    continue
                here = plan.addresses.get(address) or plan.address(now_ns, address)
                if not free(now_ns, here, counters, blocks):
                    full.add(address)
                    continue
                if alias is not None and blocks is not None and blocks.wait_ns(_pair(ask, alias, address), now_ns) != 0:
                    continue
                if count > 1:  # a pinned or public call leaves the turn to the others
                    self._key_turn[line] = (turn + i + 1) % count
                if size > 1:
                    self._address_turn[place] = (start + j + 1) % size
                return Route(ask.account, alias, address), bookings + here.bookings
        return None

    def in_the_way(self, now_ns: int, ask: Ask, plan: Plan) -> NotUntil:
        """What holds a call for which no route is free, and when it will go if nobody else comes: by then the account,
        one of the keys and one of its addresses have room for it.
        """
        refused = Refused()
        addresses: dict[str, NotUntil] = {}
        lists: dict[tuple[str, ...], NotUntil] = {}
        pairs = self._blocks.between_pairs
        for routes in ask.routes:
            alias = routes.key
            best = lists.get(routes.addresses) if not pairs else None
            if best is None:
                several = Refused()
                for address in routes.addresses:
                    here = addresses.get(address)
                    if here is None:
                        place = plan.address(now_ns, address)
                        here = _address(wait(now_ns, place, self._counters, self._blocks))
                        addresses[address] = here
                    if alias is not None and pairs:
                        pair = _pair(ask, alias, address)
                        rest_ns = self._blocks.wait_ns(pair, now_ns)
                        if rest_ns != 0:
                            here = later(here, NotUntil(rest_ns, Scope.PAIR, self._blocks.reason(pair)))
                    several.add(here)
                best = lists[routes.addresses] = several.shortest()
            if alias is not None:
                key_ns, what = wait(now_ns, plan.key(now_ns, alias), self._counters, self._blocks)
                best = later(NotUntil(key_ns, Scope.KEY, what), best)
            refused.add(best)
        account_ns, what = wait(now_ns, plan.account, self._counters, self._blocks)
        return later(NotUntil(account_ns, Scope.ACCOUNT, what), refused.shortest())


def _pair(ask: Ask, alias: str, address: str) -> Subject:
    return ("pair", ask.account, alias, address)


def _address(found: tuple[int | None, str]) -> NotUntil:
    return NotUntil(found[0], Scope.ADDRESS, found[1])
