"""The minimum cut against every way of placing calls, on small pools."""

import math
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.max_flow import most
from proxy.model import Charge, KeyRoutes, Limit, Scope, Shape

ADDRESSES = ("a", "b", "c")


def charge(scope: Scope, calls: int, name: str = "") -> Charge:
    return Charge(Limit(name or str(scope), scope, Shape.SLIDING, calls, 1_000_000_000), 1)


def worth(one: Charge) -> float:
    return one.limit.capacity


def placed(lists: tuple[tuple[str, ...], ...], account: int, key: int, address: int, accounts: int) -> int:
    """The most calls, by trying every route for every call."""
    routes = [
        (mine, mine * len(lists) + i, ADDRESSES.index(name))
        for mine in range(accounts)
        for i, names in enumerate(lists)
        for name in names
    ]

    def less(left: tuple[int, ...], at: int) -> tuple[int, ...]:
        return (*left[:at], left[at] - 1, *left[at + 1 :])

    @cache
    def best(by_account: tuple[int, ...], by_key: tuple[int, ...], by_address: tuple[int, ...]) -> int:
        return max(
            (
                1 + best(less(by_account, a), less(by_key, k), less(by_address, n))
                for a, k, n in routes
                if by_account[a] and by_key[k] and by_address[n]
            ),
            default=0,
        )

    return best((account,) * accounts, (key,) * (len(lists) * accounts), (address,) * len(ADDRESSES))


allocations = st.lists(st.sets(st.sampled_from(ADDRESSES), min_size=1).map(sorted).map(tuple), min_size=1, max_size=3)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(allocations, st.integers(0, 5), st.integers(0, 2), st.integers(0, 2))
def test_is_the_most_that_any_spread_gets(lists: list[tuple[str, ...]], account: int, key: int, address: int) -> None:
    charges = [charge(Scope.ACCOUNT, account), charge(Scope.KEY, key), charge(Scope.ADDRESS, address)]
    routes = [KeyRoutes(str(i), names) for i, names in enumerate(lists)]
    assert most(charges, routes, worth).calls == placed(tuple(lists), account, key, address, 1)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(allocations.filter(lambda lists: len(lists) < 3), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_two_accounts_share_the_addresses_only(
    lists: list[tuple[str, ...]], account: int, key: int, address: int
) -> None:
    charges = [charge(Scope.ACCOUNT, account), charge(Scope.KEY, key), charge(Scope.ADDRESS, address)]
    routes = [KeyRoutes(str(i), names) for i, names in enumerate(lists)]
    assert most(charges, routes, worth, accounts=2).calls == placed(tuple(lists), account, key, address, 2)


def test_a_key_with_a_list_of_its_own_is_not_stranded() -> None:
    """First fit could give the only address of `one` to `both`; the most is two calls."""
    routes = [KeyRoutes("both", ("a", "b")), KeyRoutes("one", ("a",))]
    assert most([charge(Scope.KEY, 1), charge(Scope.ADDRESS, 1)], routes, worth).calls == 2


def test_names_what_binds() -> None:
    charges = [
        charge(Scope.ACCOUNT, 100),
        charge(Scope.KEY, 7, "loose"),
        charge(Scope.KEY, 5, "tight"),
        charge(Scope.ADDRESS, 10),
    ]
    many, few = tuple(map(str, range(10))), ("x",)

    def binding(routes: list[KeyRoutes]) -> tuple[float, list[str]]:
        found = most(charges, routes, worth)
        return found.calls, [one.limit.name for one in found.limited_by]

    assert binding([KeyRoutes("k", many)]) == (5, ["tight"])
    assert binding([KeyRoutes(str(i), few) for i in range(9)]) == (10, ["address"])
    assert binding([KeyRoutes(str(i), many) for i in range(30)]) == (100, ["account"])
    assert binding([KeyRoutes("own", many), *(KeyRoutes(str(i), few) for i in range(9))]) == (15, ["address", "tight"])


def test_what_nothing_counts_is_endless_and_no_route_is_nothing() -> None:
    routes = [KeyRoutes("k", ("a",))]
    assert most([], routes, worth).calls == math.inf
    assert most([charge(Scope.ADDRESS, 3)], [], worth).calls == 0
    assert most([charge(Scope.ADDRESS, 3)], [KeyRoutes("k", ())], worth).calls == 0
    assert most([], [KeyRoutes("k", ())], worth).calls == 0


def test_a_call_without_a_key_counts_on_none() -> None:
    found = most([charge(Scope.KEY, 1), charge(Scope.ADDRESS, 4)], [KeyRoutes(None, ("a", "b"))], worth)
    assert found.calls == 8


def test_ten_keys_with_a_list_each() -> None:
    routes = [KeyRoutes(str(i), tuple(f"{i}.{j}" for j in range(20))) for i in range(10)]
    assert most([charge(Scope.ADDRESS, 2), charge(Scope.KEY, 30)], routes, worth).calls == 300
