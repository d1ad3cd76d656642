"""The open connections: which are idle, and how many an address has."""

from collections import Counter

from proxy.egress.connection import Connection, Place


class OpenConnections:
    """Bookkeeping only. A connection counts for its address from `open_one` until `gone`."""

    def __init__(self, per_address: int) -> None:
        self._per_address = per_address
        self._idle: dict[Place, list[Connection]] = {}
        self._idle_of: Counter[str] = Counter()
        self._open_of: Counter[str] = Counter()
        self.live: set[Connection] = set()  # those whose sockets are not closed yet

    def take(self, place: Place, now_ns: int) -> Connection | None:
        """The connection used last, if it still carries; those found dead are aborted."""
        waiting = self._idle.get(place)
        while waiting:
            connection = waiting.pop()
            self._idle_of[place[0]] -= 1
            if connection.usable(now_ns):
                return connection
            connection.abort()
        return None

    def put(self, connection: Connection) -> None:
        self._idle.setdefault(connection.place, []).append(connection)
        self._idle_of[connection.place[0]] += 1

    def idle_count(self, address: str) -> int:
        return self._idle_of[address]

    def idle_at(self, place: Place) -> int:
        return len(self._idle.get(place, ()))

    def open_one(self, address: str) -> bool:
        """Count one more for the address; False if it is full of connections in use.

        An idle connection to another upstream gives way.
        """
        if self._open_of[address] >= self._per_address:
            spare = next((idle for place, idle in self._idle.items() if place[0] == address and idle), None)
            if spare is None:
                return False
            spare[0].abort()
        self._open_of[address] += 1
        return True

    def not_opened(self, address: str) -> None:
        """The connection counted by `open_one` did not come about."""
        self._open_of[address] -= 1

    def gone(self, connection: Connection) -> None:
        """It was aborted, or broke."""
        self._open_of[connection.place[0]] -= 1
        waiting = self._idle.get(connection.place)
        if waiting and connection in waiting:
            waiting.remove(connection)
            self._idle_of[connection.place[0]] -= 1

    def drop_unusable(self, now_ns: int) -> None:
        for waiting in self._idle.values():
            for connection in [one for one in waiting if not one.usable(now_ns)]:
                connection.abort()

    def drop_address(self, address: str) -> None:
        """Close its idle connections; those in use are closed after their call."""
        for connection in [one for one in self.live if one.place[0] == address]:
            connection.retired = True
            if connection in self._idle.get(connection.place, ()):
                connection.abort()
