"""How much of the legal budget a run used, per limit. Pure, over what the exchange booked.

Legal maximum of one counter, the same for everybody and without any edge of the run in it:

    fixed     the capacity of every window that lies wholly inside the run. Less what a stranger took in it; for a
              window in which the capacity was lowered, what was accepted before that, or the new capacity if more;
              nothing for windows in which the address was away wholly. A window longer than the run: one capacity.
    sliding   no window of W seconds can hold more than the capacity C, so n windows end to end hold n * C at most.
              Used: the mean over all beginnings of the n windows in the second W of the run.
    decaying  C + rate * run: a full counter, and what drains meanwhile; whole units.

Where the operator keeps units for a higher class, the legal maximum is the capacity less these, plus what that class
took of them. The share of a limit is summed over all subjects that it counts by; a scenario's share is the
least over its binding limits.
"""

from bisect import bisect_left
from itertools import accumulate

from proxy.model import Scope, Shape
from tests.bench.counting import Booked, ExchangeSide, Rule

_BEGINNINGS = 200


def share(side: ExchangeSide, rule: Rule, subjects: list[str], from_ms: float, to_ms: float) -> float:
    """Accepted units over the legal maximum in [from_ms, to_ms) of exchange time, 0..1."""
    used = legal = 0.0
    for subject in subjects:
        booked = side.tally.booked.get((rule.name, subject), [])
        if rule.shape is Shape.FIXED:
            more, most = _fixed(side, rule, subject, booked, from_ms, to_ms)
        elif rule.shape is Shape.SLIDING:
            more, most = _sliding(rule, booked, from_ms, to_ms)
        else:
            more = sum(row.units for row in booked if from_ms <= row.at_ms < to_ms)
            most = int(rule.capacity + rule.capacity / rule.window_s * (to_ms - from_ms) / 1e3)
        used, legal = used + more, legal + most
    return min(used / legal, 1.0) if legal else 1.0


def _fixed(
    side: ExchangeSide, rule: Rule, subject: str, booked: list[Booked], from_ms: float, to_ms: float
) -> tuple[float, float]:
    window_ms = rule.window_s * 1e3
    first, last = -(-from_ms // window_ms), to_ms // window_ms
    if last <= first:
        return sum(row.units for row in booked), rule.capacity
    used = legal = 0.0
    kept = max(rule.kept.values(), default=0)
    for number in range(int(first), int(last)):
        begin_ms, end_ms = number * window_ms, (number + 1) * window_ms
        rows = [row for row in booked if begin_ms <= row.at_ms < end_ms]
        mine = sum(row.units for row in rows if row.bot != "foreign")
        ranked = sum(row.units for row in rows if row.kind not in rule.kept and row.bot != "foreign")
        capacity: float = rule.capacity
        for at_ms, changed in side.changes[rule.name]:
            if at_ms < begin_ms:
                capacity = changed
            elif at_ms < end_ms:
                capacity = max(changed, sum(row.units for row in rows if row.at_ms < at_ms))
        capacity -= sum(row.units for row in rows if row.bot == "foreign")
        capacity -= max(kept - ranked, 0)
        away_ms = side.away.get(subject) if rule.scope is Scope.ADDRESS else None
        if away_ms is not None and away_ms[0] <= begin_ms and end_ms <= away_ms[1]:
            capacity = 0
        used, legal = used + mine, legal + capacity
    return used, legal


def _sliding(rule: Rule, booked: list[Booked], from_ms: float, to_ms: float) -> tuple[float, float]:
    window_ms = rule.window_s * 1e3
    windows = int((to_ms - from_ms) / window_ms) - 2
    times = [row.at_ms for row in booked]
    sums = [0, *accumulate(row.units for row in booked)]
    used = 0.0
    for step in range(_BEGINNINGS):
        begin_ms = from_ms + window_ms * (1 + step / _BEGINNINGS)
        used += sums[bisect_left(times, begin_ms + windows * window_ms)] - sums[bisect_left(times, begin_ms)]
    return used / _BEGINNINGS, windows * rule.capacity


def blind_ceiling(rule: Rule, mean_spread_ms: float) -> float:
    """What a client can reach at most that never risks a refusal and knows only when it sent and was answered.

    A unit of a sliding window is free again one window after the latest moment at which it may have been booked, and
    the next one may be booked as early as the least flight time allows: each turn costs the spread of both flights.
    """
    if rule.shape is not Shape.SLIDING:
        return 1.0
    return rule.window_s * 1e3 / (rule.window_s * 1e3 + mean_spread_ms)
