"""Names of writes in memory, so that a repeat is recognised before it queues; the journal knows all of them."""

from collections.abc import Iterable

from proxy.orders.journal import Name

MOST = 100_000


class KnownNames:
    """The newest names that are somebody's."""

    def __init__(self) -> None:
        self._names: dict[Name, None] = {}  # oldest first

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: Name) -> None:
        self._names[name] = None
        if len(self._names) > MOST:
            del self._names[next(iter(self._names))]

    def add_all(self, names: Iterable[Name]) -> None:
        for name in names:
            self.add(name)

    def drop(self, name: Name) -> None:
        self._names.pop(name, None)
