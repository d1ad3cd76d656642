"""Fixed windows, aligned to the clock of an exchange that we know only within an error."""

from collections import deque
from typing import Any

from proxy.clock import MILLISECOND_NS
from proxy.limits.strangers import Strangers
from proxy.limits.window import DUST, NEVER_NS

_SLICES = 256  # raw bookings are kept in slices of so much of a window, for when its edges become known better


class Alignment:
    """Where an exchange's clock stands: exchange wall time = now_ns + offset_ns, give or take error_ns.

    Its owner sets it; windows follow. An error of half a window and more says nothing about its edges.
    """

    __slots__ = ("_noted_ns", "error_ns", "offset_ns", "version")

    def __init__(self, offset_ns: int = 0, error_ns: int = 0) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns
        self.version = 0
        self._noted_ns = error_ns - offset_ns

    def moved(self) -> bool:
        """Whether windows end earlier or later, by a millisecond at least, than when this last said so."""
        if abs(self.error_ns - self.offset_ns - self._noted_ns) < MILLISECOND_NS:
            return False
        self._noted_ns = self.error_ns - self.offset_ns
        return True

    def set(self, offset_ns: int, error_ns: int) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns
        self.version += 1


class FixedWindow:
    """A window aligned to the exchange's clock. Near an edge, what may fall on either side counts on both.

    Far from edges only the counts of one window matter; they are kept apart from the others (`_own`, `_heard`).
    """

    __slots__ = (
        "_align",
        "_booked",
        "_drawn",
        "_error_ns",
        "_from_ns",
        "_heard",
        "_number",
        "_offset_ns",
        "_own",
        "_rows",
        "_slice_ns",
        "_strangers",
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
        self._slice_ns = window_ns // _SLICES
        self._strangers = Strangers(window_ns)
        self._rows: deque[list[float]] = deque()  # [first settled, first taken, last settled, units]
        self._booked: dict[int, float] = {}  # window number -> units of the rows
        self._told: dict[int, float] = {}  # window number -> highest count heard
        self._drawn: dict[str, tuple[int, float]] = {}  # share -> window number, units its class took
        # From, until (ns): the span in which window `_number` is the only one that counts.
        self._from_ns = self._until_ns = self._number = 0
        self._own = self._heard = 0.0

    def used(self, now_ns: int) -> float:
        if self._from_ns <= now_ns < self._until_ns and self._version == self._align.version:
            return self.in_flight + (self._own if self._own > self._heard else self._heard)
        return self.in_flight + max(self._count(n) for n in self._settle_in(now_ns))

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        room = self.capacity - kept - units - self.in_flight - self._strangers.margin + DUST
        full: int | None = None
        if self._from_ns <= now_ns < self._until_ns and self._version == self._align.version:
            count = self._own if self._own > self._heard else self._heard
            if count <= room:
                return 0
            if count or self.in_flight:
                full = self._number
        else:
            for number in self._settle_in(now_ns):
                count = self._count(number)
                if count > room and (count or self.in_flight):
                    full = number
        if units > self.capacity + DUST:
            return NEVER_NS
        if full is None:
            return 0
        if room < 0 and self.in_flight:
            return None
        return max((full + 1) * self.window_ns - self._offset_ns + self._error_ns - now_ns, 1)

    def draw(self, now_ns: int, share: str, units: float) -> None:
        """A class takes units that others left it; less than 0 units: it gives them back."""
        number = (now_ns + self._offset_ns) // self.window_ns
        drawn = self._drawn.get(share)
        if drawn is not None and drawn[0] == number:
            units += drawn[1]
        self._drawn[share] = (number, max(units, 0.0))

    def owed(self, now_ns: int, shares: tuple[tuple[str, float], ...]) -> float:
        """What is left of these shares in this window, when each class has taken what it took."""
        number = (now_ns + self._offset_ns) // self.window_ns
        owed = 0.0
        for share, units in shares:
            drawn = self._drawn.get(share, (0, 0.0))
            owed += max(units - drawn[1], 0.0) if drawn[0] == number else units
        return owed

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        self._note(taken_ns, now_ns, units)
        if self._from_ns <= taken_ns and now_ns < self._until_ns and self._version == self._align.version:
            self._own += units
            return
        self._leave()
        if self._version != self._align.version:
            self._follow(but_last=units)
        numbers = self._numbers(taken_ns, now_ns)
        for number in numbers:
            self._booked[number] = self._booked.get(number, 0.0) + units
        for counts in (self._booked, self._told):
            for number in [n for n in counts if n < numbers[0] - 4]:
                del counts[number]
        self._settle_in(now_ns)

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        if self._from_ns <= taken_ns and now_ns < self._until_ns and self._version == self._align.version:
            # What is surely not ours stays under what we book later.
            others = used - self.in_flight - self._own
            if others > DUST:
                self.book(taken_ns, now_ns, others)
            if others > DUST or self._strangers.known:
                age_ns, flight_ns = now_ns - self._from_ns, now_ns - taken_ns
                self._strangers.heard(self._number, age_ns, flight_ns, max(others, 0.0), self.capacity)
            if used > self._heard:
                self._heard = used
            return
        self._settle_in(now_ns)
        self._leave()
        numbers = self._numbers(taken_ns, now_ns)
        # The header does not name its window: only a call that cannot have crossed an edge speaks for one. While
        # the edges are unknown it speaks for both.
        if len(numbers) == 1 or self._error_ns == self.window_ns // 2:
            others = used - self.in_flight - max(self._booked.get(n, 0.0) for n in numbers)
            if others > DUST:
                self.book(taken_ns, now_ns, others)
                self._leave()
            for number in numbers:
                self._told[number] = max(self._told.get(number, 0.0), used)
        self._settle_in(now_ns)

    def state(self, now_ns: int) -> dict[str, Any]:
        """Rows of the windows that `now_ns` may lie in: ages of (first taken, last settled), units.

        Ages and not window numbers: a clock that is better known later puts them into the right window still.
        """
        numbers = self._settle_in(now_ns)
        self._leave()
        since_ns = now_ns - self.window_ns - 2 * self._error_ns
        rows = [(now_ns - taken, now_ns - last, units) for _, taken, last, units in self._rows if last > since_ns]
        told = max(self._count(number) - self._booked.get(number, 0.0) for number in numbers)
        if told > DUST:
            rows.append((0, 0, told))
        return {"rows": rows}

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        for taken, last, units in state["rows"]:
            last_ns = saved_ns - int(last)
            self._rows.append([last_ns, saved_ns - int(taken), last_ns, float(units)])
        self._leave()
        self._count_anew()

    def _numbers(self, from_ns: int, to_ns: int) -> range:
        first = (from_ns + self._offset_ns - self._error_ns) // self.window_ns
        last = (to_ns + self._offset_ns + self._error_ns) // self.window_ns
        return range(first, last + 1)

    def _count(self, number: int) -> float:
        if self._until_ns and number == self._number:
            return max(self._own, self._heard)
        return max(self._booked.get(number, 0.0), self._told.get(number, 0.0))

    def _settle_in(self, now_ns: int) -> range:
        """The windows that `now_ns` may lie in; if there is but one, its counts are kept apart until it ends."""
        self._leave()
        if self._version != self._align.version:
            self._follow()
        numbers = self._numbers(now_ns, now_ns)
        if len(numbers) == 1:
            self._number = numbers[0]
            start_ns = self._number * self.window_ns - self._offset_ns
            self._from_ns = start_ns + self._error_ns
            self._until_ns = start_ns + self.window_ns - self._error_ns
            self._own = self._booked.get(self._number, 0.0)
            self._heard = self._told.get(self._number, 0.0)
        return numbers

    def _leave(self) -> None:
        """Put the counts that were kept apart back among the others."""
        if self._until_ns:
            self._booked[self._number] = self._own
            self._told[self._number] = self._heard
            self._from_ns = self._until_ns = 0

    def _follow(self, but_last: float = 0.0) -> None:
        """Take over the alignment. Where it contradicts the former one, all is counted anew, under new numbers.

        `but_last`: units of the newest row that its caller is about to count itself.
        """
        half_ns = self.window_ns // 2
        offset_ns, error_ns = self._align.offset_ns, min(self._align.error_ns, half_ns)
        known = max(error_ns, self._error_ns) < half_ns
        agrees = known and abs(offset_ns - self._offset_ns) <= error_ns + self._error_ns
        self._version = self._align.version
        self._offset_ns, self._error_ns = offset_ns, error_ns
        if not agrees:
            self._count_anew(but_last)

    def _count_anew(self, but_last: float = 0.0) -> None:
        self._booked.clear()
        self._told.clear()
        last = len(self._rows) - 1
        for i, (_, taken_ns, settled_ns, units) in enumerate(self._rows):
            for number in self._numbers(int(taken_ns), int(settled_ns)):
                counted = units - but_last if i == last else units
                self._booked[number] = self._booked.get(number, 0.0) + counted

    def _note(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Keep the raw booking as long as some alignment could put it into the window of this moment."""
        rows = self._rows
        if rows:
            row = rows[-1]
            if now_ns - row[0] <= self._slice_ns:
                if taken_ns < row[1]:
                    row[1] = taken_ns
                row[2] = now_ns
                row[3] += units
                return
            while rows and rows[0][2] <= now_ns - 2 * self.window_ns:
                rows.popleft()
        rows.append([now_ns, taken_ns, now_ns, units])
