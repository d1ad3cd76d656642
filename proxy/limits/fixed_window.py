"""Fixed windows, aligned to the clock of an exchange that we know only within an error."""

from collections import deque

from proxy.limits.window import DUST, NEVER_NS, SLICES


class Alignment:
    """Where an exchange's clock stands: exchange wall time = now_ns + offset_ns, give or take error_ns.

    Its owner sets it; windows follow. An error of half a window and more says nothing about its edges.
    """

    __slots__ = ("error_ns", "offset_ns", "version")

    def __init__(self, offset_ns: int = 0, error_ns: int = 0) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns
        self.version = 0

    def set(self, offset_ns: int, error_ns: int) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns
        self.version += 1


class FixedWindow:
    """A window aligned to the exchange's clock. Near an edge, what may fall on either side counts on both."""

    __slots__ = (
        "_align",
        "_booked",
        "_error_ns",
        "_from_ns",
        "_offset_ns",
        "_rows",
        "_slice_ns",
        "_sum",
        "_told",
        "_until_ns",
        "_version",
        "capacity",
        "in_flight",
        "window_ns",
    )

    def __init__(self, capacity: float, window_ns: int, align: Alignment) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._align = align
        self._version = align.version
        self._offset_ns, self._error_ns = align.offset_ns, min(align.error_ns, window_ns // 2)
        self._slice_ns = window_ns // SLICES
        self._rows: deque[list[float]] = deque()  # [first settled, first taken, last settled, units]
        self._booked: dict[int, float] = {}  # window number -> units of the rows
        self._told: dict[int, float] = {}  # window number -> highest count heard
        # The span far from edges in which the sum of one window is all that matters: the quick way.
        self._from_ns = self._until_ns = 0
        self._sum = 0.0

    def _numbers(self, from_ns: int, to_ns: int) -> range:
        first = (from_ns + self._offset_ns - self._error_ns) // self.window_ns
        last = (to_ns + self._offset_ns + self._error_ns) // self.window_ns
        return range(first, last + 1)

    def _follow(self) -> None:
        """Take over the alignment. Where it contradicts the former one, all is counted anew, under new numbers."""
        half_ns = self.window_ns // 2
        offset_ns, error_ns = self._align.offset_ns, min(self._align.error_ns, half_ns)
        known = max(error_ns, self._error_ns) < half_ns
        agrees = known and abs(offset_ns - self._offset_ns) <= error_ns + self._error_ns
        self._version = self._align.version
        self._offset_ns, self._error_ns = offset_ns, error_ns
        self._from_ns = self._until_ns = 0
        if not agrees:
            self._booked.clear()
            self._told.clear()
            for _, taken_ns, settled_ns, units in self._rows:
                for number in self._numbers(int(taken_ns), int(settled_ns)):
                    self._booked[number] = self._booked.get(number, 0.0) + units

    def _settle_in(self, now_ns: int) -> range:
        """The windows that `now_ns` may lie in; if there is but one, the quick way holds until it ends."""
        if self._version != self._align.version:
            self._follow()
        numbers = self._numbers(now_ns, now_ns)
        if len(numbers) == 1:
            start_ns = numbers[0] * self.window_ns - self._offset_ns
            self._from_ns = start_ns + self._error_ns
            self._until_ns = start_ns + self.window_ns - self._error_ns
            self._sum = self._count(numbers[0])
        return numbers

    def _quick(self, from_ns: int, to_ns: int) -> bool:
        return self._from_ns <= from_ns and to_ns < self._until_ns and self._version == self._align.version

    def _count(self, number: int) -> float:
        return max(self._booked.get(number, 0.0), self._told.get(number, 0.0))

    def used(self, now_ns: int) -> float:
        if self._quick(now_ns, now_ns):
            return self.in_flight + self._sum
        return self.in_flight + max(self._count(n) for n in self._settle_in(now_ns))

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        if self.in_flight + self._sum + units + kept <= self.capacity and self._quick(now_ns, now_ns):
            return 0
        if units > self.capacity + DUST:
            return NEVER_NS
        room = self.capacity - kept - units - self.in_flight + DUST
        full = None
        for number in self._settle_in(now_ns):
            count = self._count(number)
            if count > room and (count or self.in_flight):
                full = number
        if full is None:
            return 0
        if room < 0 and self.in_flight:
            return None
        return max((full + 1) * self.window_ns - self._offset_ns + self._error_ns - now_ns, 1)

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        quick = self._quick(taken_ns, now_ns)
        if not quick:
            self._settle_in(now_ns)
        numbers = self._numbers(taken_ns, now_ns)
        for number in numbers:
            self._booked[number] = self._booked.get(number, 0.0) + units
        self._sum = self._count(numbers[-1])
        self._note(taken_ns, now_ns, units)
        if not quick:
            for counts in (self._booked, self._told):
                for number in [n for n in counts if n < numbers[0] - 4]:
                    del counts[number]

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        if not self._quick(taken_ns, now_ns):
            self._settle_in(now_ns)
        numbers = self._numbers(taken_ns, now_ns)
        # The header does not name its window: only a call that cannot have crossed an edge speaks for one. While
        # the edges are unknown it speaks for both.
        if len(numbers) == 1 or self._error_ns == self.window_ns // 2:
            # What is surely not ours stays under what we book later.
            others = used - self.in_flight - max(self._booked.get(n, 0.0) for n in numbers)
            if others > DUST:
                self.book(taken_ns, now_ns, others)
            for number in numbers:
                if used > self._told.get(number, 0.0):
                    self._told[number] = used
            self._sum = self._count(numbers[-1])

    def _note(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Keep the raw booking as long as some alignment could put it into the window of this moment."""
        rows = self._rows
        if rows and now_ns - rows[-1][0] <= self._slice_ns:
            row = rows[-1]
            row[1] = min(row[1], taken_ns)
            row[2] = now_ns
            row[3] += units
            return
        while rows and rows[0][2] <= now_ns - 2 * self.window_ns:
            rows.popleft()
        rows.append([now_ns, taken_ns, now_ns, units])
