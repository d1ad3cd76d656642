"""The most calls that caps on accounts, keys and addresses let through at all: a maximum flow. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from proxy.model import Charge, KeyRoutes, Scope


@dataclass(frozen=True, slots=True)
class Amount:
    """Calls (math.inf: nothing counts them), and the charges whose limits stop there: one per scope at most."""

    calls: float
    limited_by: tuple[Charge, ...]


def most(
    charges: Iterable[Charge], routes: Sequence[KeyRoutes], worth: Callable[[Charge], float], accounts: int = 1
) -> Amount:
    """The most that any spread over the routes gets. `worth`: the calls that a charge lets through one subject.

    `accounts`: so many accounts with such keys each, on the same addresses. Calls flow through an account, one of
    its keys and an address of that key; the maximum flow is the minimum cut, which also names what binds. A cut
    closes some keys (or the account, if that is cheaper) and every address that the other keys reach. Keys with the
    same list are closed together, so there are few cuts to try: 2 ** 10 for ten keys with a list each.
    """
    caps: dict[Scope, tuple[float, Charge]] = {}
    for charge in charges:
        scope, value = charge.limit.scope, worth(charge)
        if scope not in caps or value < caps[scope][0]:
            caps[scope] = (value, charge)
    if any(row.key is None for row in routes):
        caps.pop(Scope.KEY, None)  # a call without a key counts on none
    account, key, address = (caps[s][0] if s in caps else math.inf for s in (Scope.ACCOUNT, Scope.KEY, Scope.ADDRESS))
    least, scopes = math.inf, set[Scope]()
    for closed, reached in _cuts(routes):
        by_key = closed * key if closed else 0.0
        by_address = reached * address if reached else 0.0
        value = accounts * min(account, by_key) + by_address
        if value < least:
            inner = Scope.ACCOUNT if account <= by_key else Scope.KEY
            least, scopes = value, ({inner} if closed else set()) | ({Scope.ADDRESS} if reached else set())
    return Amount(least, tuple(caps[scope][1] for scope in Scope if scope in scopes and scope in caps))


def _cuts(routes: Sequence[KeyRoutes]) -> Iterable[tuple[int, int]]:
    """(keys closed, addresses that the others reach) of every cut, beginning with all keys closed."""
    bit = {address: 1 << i for i, address in enumerate({a for row in routes for a in row.addresses})}
    lists = list(Counter(sum(bit[a] for a in set(row.addresses)) for row in routes if row.addresses).items())
    for left_open in range(1 << len(lists)):
        closed = reached = 0
        for i, (addresses, keys) in enumerate(lists):
            if left_open >> i & 1:
                reached |= addresses
            else:
                closed += keys
        yield closed, reached.bit_count()
