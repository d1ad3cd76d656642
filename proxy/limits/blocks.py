"""Who must rest, and how a subject comes back: one probe first, then a ramp."""

from dataclasses import dataclass, field
from typing import Any

from proxy.clock import MILLISECOND_NS
from proxy.model import Permit

FOREVER_NS = 1 << 62  # until the operator acts

Subject = tuple[str, ...]
"""("address", exchange, ip) | ("key", account, alias) | ("account", account) | ("pair", account, alias, ip).
An account may be followed by a call class, a key by an endpoint: then they rest for these calls only."""

_RAMP_END = 64


@dataclass(slots=True)
class _Return:
    since_ns: int
    allowed: int = 1
    in_flight: int = 0


@dataclass(slots=True)
class Blocks:
    """Blocks by subject. Later, longer ones win; strikes count how often in a row.

    Many calls are under way when a subject is blamed. Their answers tell about the time before: they neither add
    strikes while the block stands, nor count as the subject's return to good standing.
    """

    _until: dict[Subject, tuple[int, str]] = field(default_factory=dict)
    _strikes: dict[Subject, tuple[int, int]] = field(default_factory=dict)  # how many, and since when it rested
    _refusals: dict[Subject, int] = field(default_factory=dict)
    _returning: dict[Subject, _Return] = field(default_factory=dict)

    @property
    def watching(self) -> bool:
        """Some subject has strikes or is on its way back, so `started` and `ended` matter."""
        return bool(self._strikes or self._returning)

    @property
    def between_pairs(self) -> bool:
        """Some key rests, or is on its way back, on some address only."""
        return any(subject[0] == "pair" for known in (self._until, self._returning) for subject in known)

    @property
    def quiet(self) -> bool:
        """Nobody rests and nobody is on its way back."""
        return not self._until and not self._returning

    def block(self, subject: Subject, now_ns: int, until_ns: int, reason: str, *, probe: bool) -> None:
        """Rest a subject; without a rest (`until_ns` = `now_ns`) it only gets a strike.

        `probe`: after the rest it must answer one call well before it gets more.
        """
        standing = self._until.get(subject)
        strikes, rested_ns = self._strikes.get(subject, (0, 0))
        if standing is None or standing[0] <= now_ns:
            strikes += 1
        if until_ns > now_ns:
            rested_ns = now_ns
            if standing is None or until_ns >= standing[0]:
                self._until[subject] = (until_ns, reason)
        self._strikes[subject] = (strikes, rested_ns)
        self._refusals[subject] = self._refusals.get(subject, 0) + 1
        if probe:
            self._returning[subject] = _Return(now_ns)

    def unblock(self, subject: Subject) -> None:
        """End a rest; strikes stay until an answer shows good standing. ("pair", account, key) means all its pairs."""
        if subject[0] == "pair" and len(subject) == 3:
            for pair in [found for found in self._until if found[:3] == subject]:
                self.unblock(pair)
            return
        self._until.pop(subject, None)
        self._returning.pop(subject, None)

    def strikes(self, subject: Subject) -> int:
        return self._strikes.get(subject, (0, 0))[0]

    def refusals(self, subject: Subject) -> int:
        """How many calls have been refused since the subject was last well; one burst may bring many."""
        return self._refusals.get(subject, 0)

    def reason(self, subject: Subject) -> str:
        """Why a subject rests, or rested last."""
        return self._until.get(subject, (0, "coming back"))[1]

    def wait_ns(self, subject: Subject, now_ns: int) -> int | None:
        """0: free. None: not before a probe under way has ended. At least FOREVER_NS / 2: the operator must act."""
        standing = self._until.get(subject)
        if standing is not None:
            if standing[0] > now_ns:
                return standing[0] - now_ns
            del self._until[subject]
        back = self._returning.get(subject)
        return None if back is not None and back.in_flight >= back.allowed else 0

    def rests(self, subject: Subject, now_ns: int) -> bool:
        """A rest is in force; a way back with its probes is none."""
        return self._until.get(subject, (0, ""))[0] > now_ns

    def started(self, subject: Subject) -> None:
        if self._returning and (back := self._returning.get(subject)) is not None:
            back.in_flight += 1

    def ended(self, subject: Subject, taken_ns: int, *, well: bool) -> None:
        """A call on the subject is over. `well`: its answer shows the subject in good standing."""
        if well and self._strikes and taken_ns >= self._strikes.get(subject, (0, 0))[1]:
            self._strikes.pop(subject, None)
            self._refusals.pop(subject, None)
        if self._returning and (back := self._returning.get(subject)) is not None and taken_ns >= back.since_ns:
            back.in_flight = max(0, back.in_flight - 1)
            if well:
                back.allowed *= 2
                if back.allowed >= _RAMP_END:
                    del self._returning[subject]

    def standing(self, now_ns: int) -> list[tuple[Subject, int | None, str]]:
        """(subject, rest in ns or None for ever, reason) of every block in force."""
        return [
            (subject, None if until >= FOREVER_NS else until - now_ns, reason)
            for subject, (until, reason) in self._until.items()
            if until > now_ns
        ]

    def state(self, now_ns: int, wall_ms: int) -> dict[str, Any]:
        """All of it as plain JSON data. The end of a rest is told twice: as what is left, and by the wall clock."""
        return {
            "rests": [
                [list(subject), None if rest is None else [rest, wall_ms - -rest // MILLISECOND_NS], reason]
                for subject, rest, reason in self.standing(now_ns)
            ],
            "strikes": [
                [list(subject), count, now_ns - rested_ns, self._refusals.get(subject, 0)]
                for subject, (count, rested_ns) in self._strikes.items()
            ],
            "returning": [
                [list(subject), now_ns - back.since_ns, back.allowed] for subject, back in self._returning.items()
            ],
        }

    def restore(self, state: dict[str, Any], now_ns: int, wall_ms: int, down_ns: int) -> None:
        """Take over a state that is `down_ns` old; of the two ends of a rest, and of two rests, the later one wins.

        A rest until the operator acts has ended: a restart may be that act (new secrets are read at a start). Its
        subject sends one probe first, and is at rest again if the cause is still there.
        """
        rests, returning, strikes = [], [], []
        saved_ns = now_ns - down_ns
        for names, age_ns, allowed in state["returning"]:
            returning.append((_subject(names), _Return(saved_ns - int(age_ns), int(allowed))))
        for names, ends, reason in state["rests"]:
            if ends is None:
                returning.append((_subject(names), _Return(now_ns)))
            else:
                left_ns = max(int(ends[0]) - down_ns, (int(ends[1]) - wall_ms) * MILLISECOND_NS)
                if left_ns > 0:
                    rests.append((_subject(names), (now_ns + left_ns, str(reason))))
        for names, count, age_ns, refusals in state["strikes"]:
            strikes.append((_subject(names), int(count), saved_ns - int(age_ns), int(refusals)))
        for subject, rest in rests:
            self._until[subject] = max(self._until.get(subject, rest), rest)
        for subject, count, rested_ns, refusals in strikes:
            known, since_ns = self._strikes.get(subject, (0, rested_ns))
            self._strikes[subject] = (max(known, count), max(since_ns, rested_ns))
            self._refusals[subject] = max(self._refusals.get(subject, 0), refusals)
        self._returning.update(returning)


def _subject(names: list[Any]) -> Subject:
    return tuple(str(name) for name in names)


def owners(permit: Permit) -> tuple[Subject, ...]:
    """Whose counters an answer may speak of."""
    route, exchange = permit.route, permit.ask.exchange
    shared: tuple[Subject, ...] = (("address", exchange, route.address),)
    if route.key is None:
        return shared
    return (*shared, ("account", route.account), ("key", route.account, route.key))


def subjects(permit: Permit) -> tuple[Subject, ...]:
    """Everybody who may have been blamed before, and whom the answer speaks for."""
    route = permit.route
    address: Subject = ("address", permit.ask.exchange, route.address)
    if route.key is None:
        return (address,)
    account: Subject = ("account", route.account)
    key: Subject = ("key", route.account, route.key)
    call_class = permit.ask.call_class
    pair: Subject = ("pair", route.account, route.key, route.address)
    return (address, account, (*account, call_class), key, (*key, permit.ask.endpoint), pair)
