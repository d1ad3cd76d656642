"""What operators read: each fact at its place, nothing of another account, no secret."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy import __version__
from proxy.admin.status import status
from proxy.limits.snapshot import BlockState, CounterState, Snapshot
from proxy.metrics import Metrics
from proxy.model import CallClass, Outcome, Route, Scope

SECOND_NS = 1_000_000_000


def _keys(account: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {key["key"]: key for key in account["keys"]}


def _addresses(account: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {address["address"]: address for address in account["addresses"]}


@pytest.fixture
def rests(make_pool, make_gauges):
    """The status of account "desk" at binance while the given blocks stand."""

    def state(*blocks: BlockState) -> dict[str, Any]:
        gauges = make_gauges(Snapshot((), blocks))
        return status({"desk": make_pool()}, {}, gauges, 1.0)["accounts"][0]

    return state


def test_totals_are_those_of_all_accounts(make_pool, make_gauges):
    metrics = Metrics()
    for account, call_class in (("desk", CallClass.READ), ("desk", CallClass.PLACE), ("other", CallClass.READ)):
        metrics.call("bot", account, call_class, "exchange", 0, 0)
    metrics.rotation("desk", Outcome.THROTTLED)
    metrics.rotation("desk", Outcome.THROTTLED)
    metrics.rotation("other", Outcome.BANNED)
    pools = {"desk": make_pool("desk"), "other": make_pool("other", "kraken")}

    found = status(pools, metrics.counts, make_gauges(waiting=7, ready=False), 61.26)

    assert {name: value for name, value in found.items() if name != "accounts"} == {
        "version": __version__,
        "uptime_s": 61.3,
        "ready": False,
        "queue": 7,
        "calls": 3,
        "rotations": {"desk: throttled": 2, "other: banned": 1},
    }
    assert [(a["account"], a["exchange"]) for a in found["accounts"]] == [("desk", "binance"), ("other", "kraken")]


def test_open_outcomes_stand_at_their_account(make_pool, make_gauges):
    gauges = replace(make_gauges(), unknown={"desk": 2, "other": 0}, held={"desk": 1})
    pools = {"desk": make_pool("desk"), "other": make_pool("other", "kraken")}
    found = status(pools, {}, gauges, 1.0)["accounts"]
    assert [(a["unknown"], a["held_by"]) for a in found] == [(2, 1), (0, 0)]


def test_attempts_stand_at_their_key_and_address(make_pool, make_gauges):
    metrics = Metrics()
    for account, key, address, times in (
        ("desk", "main", "127.0.0.2", 3),
        ("desk", "main", "127.0.0.3", 1),
        ("desk", "extra", "127.0.0.2", 2),
        ("other", "main", "127.0.0.2", 5),
    ):
        for _ in range(times):
            metrics.attempt("binance", Route(account, key, address), CallClass.READ, Outcome.ACCEPTED, 1)
    pools = {"desk": make_pool("desk"), "other": make_pool("other")}

    desk, other = status(pools, metrics.counts, make_gauges(), 1.0)["accounts"]

    def attempts(account: dict[str, Any]) -> dict[str, dict[str, int]]:
        return {
            alias: {address: cell["attempts"] for address, cell in key["addresses"].items()}
            for alias, key in _keys(account).items()
        }

    assert attempts(desk) == {"main": {"127.0.0.2": 3, "127.0.0.3": 1}, "extra": {"127.0.0.2": 2}}
    assert attempts(other) == {"main": {"127.0.0.2": 5, "127.0.0.3": 0}, "extra": {"127.0.0.2": 0}}


def test_outcomes_are_told_once_they_occurred(make_pool, make_gauges):
    metrics = Metrics()
    metrics.open_key("desk", "binance", "main", ("127.0.0.2", "127.0.0.3"))
    for outcome in (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.THROTTLED):
        metrics.attempt("binance", Route("desk", "main", "127.0.0.2"), CallClass.READ, outcome, 1)
    metrics.attempt("binance", Route("desk", None, "127.0.0.3"), CallClass.PUBLIC, Outcome.ACCEPTED, 1)

    account = status({"desk": make_pool()}, metrics.counts, make_gauges(), 1.0)["accounts"][0]

    assert _keys(account)["main"]["outcomes"] == {"accepted": 2, "throttled": 1}
    assert _keys(account)["extra"]["outcomes"] == {}
    assert _addresses(account)["127.0.0.2"]["outcomes"] == {"accepted": 2, "throttled": 1}
    assert _addresses(account)["127.0.0.3"]["outcomes"] == {"accepted": 1}


def test_addresses_of_all_keys_are_listed_once(make_pool, make_gauges):
    keys = {"main": ("127.0.0.2", "127.0.0.3"), "own": ("127.0.0.4", "127.0.0.2")}
    pool = make_pool(keys=keys, public={"127.0.0.4": "198.51.100.7"})

    account = status({"desk": pool}, {}, make_gauges(up={"127.0.0.3": False}), 1.0)["accounts"][0]

    assert [(a["address"], a["public"], a["up"]) for a in account["addresses"]] == [
        ("127.0.0.2", "127.0.0.2", True),
        ("127.0.0.3", "127.0.0.3", False),
        ("127.0.0.4", "198.51.100.7", True),
    ]
    assert list(_keys(account)["own"]["addresses"]) == ["127.0.0.4", "127.0.0.2"]


def test_a_resting_key_says_how_long_and_why(rests):
    account = rests(BlockState(("key", "desk", "main"), 42_260_000_000, "suspended: -2015"))
    assert _keys(account)["main"]["rest"] == {"rest_s": 42.3, "reason": "suspended: -2015"}
    assert _keys(account)["extra"]["rest"] is None


def test_a_rest_that_only_the_operator_ends_has_no_time(rests):
    account = rests(BlockState(("key", "desk", "main"), None, "dead: -2014"))
    assert _keys(account)["main"]["rest"] == {"rest_s": None, "reason": "dead: -2014"}


def test_a_key_of_another_account_rests_there_alone(rests):
    account = rests(BlockState(("key", "other", "main"), SECOND_NS, "suspended: -2015"))
    assert _keys(account)["main"]["rest"] is None


def test_a_banned_address_rests_for_its_exchange(rests):
    account = rests(
        BlockState(("address", "binance", "127.0.0.2"), 120 * SECOND_NS, "banned: 418"),
        BlockState(("address", "kraken", "127.0.0.3"), 120 * SECOND_NS, "banned: 403"),
    )
    assert _addresses(account)["127.0.0.2"]["rest"] == {"rest_s": 120.0, "reason": "banned: 418"}
    assert _addresses(account)["127.0.0.3"]["rest"] is None


def test_a_refused_pair_stands_in_its_cell_alone(rests):
    account = rests(BlockState(("pair", "desk", "main", "127.0.0.2"), SECOND_NS, "not_whitelisted: -2015"))
    cells = _keys(account)["main"]["addresses"]
    assert cells["127.0.0.2"]["refused"] == {"rest_s": 1.0, "reason": "not_whitelisted: -2015"}
    assert cells["127.0.0.3"]["refused"] is None
    assert _keys(account)["extra"]["addresses"]["127.0.0.2"]["refused"] is None
    assert _keys(account)["main"]["rest"] is None


def test_a_rest_of_one_class_leaves_the_subject_itself_free(rests):
    account = rests(
        BlockState(("account", "desk", "place"), SECOND_NS, "throttled: -1015"),
        BlockState(("key", "desk", "main", "cancel"), None, "no_permission: -2015"),
    )
    assert account["rest"] is None
    assert account["rest_by_class"] == {"place": {"rest_s": 1.0, "reason": "throttled: -1015"}}
    assert _keys(account)["main"]["rest"] is None
    assert _keys(account)["main"]["rest_by_class"] == {"cancel": {"rest_s": None, "reason": "no_permission: -2015"}}
    assert _keys(account)["extra"]["rest_by_class"] == {}


def test_a_resting_account(rests):
    account = rests(BlockState(("account", "desk"), 3 * SECOND_NS, "suspended: 5"))
    assert account["rest"] == {"rest_s": 3.0, "reason": "suspended: 5"}
    assert account["rest_by_class"] == {}


def test_limits_are_those_that_the_account_is_counted_on(make_pool, make_gauges):
    counters = (
        CounterState("weight_1m", Scope.ADDRESS, "binance", "127.0.0.2", "", 1200.256, 6000),
        CounterState("weight_1m", Scope.ADDRESS, "binance", "127.0.0.9", "", 1, 6000),  # an address of others
        CounterState("public_1s", Scope.ADDRESS, "kraken", "127.0.0.2", "", 1, 1),
        CounterState("sapi_uid_1m", Scope.ACCOUNT, "desk", "", "GET /sapi/v1/x", 3, 180000),
        CounterState("orders_100ms", Scope.ACCOUNT, "desk", "", "", 2, 15),
        CounterState("orders_10s", Scope.ACCOUNT, "other", "", "", 9, 100),
        CounterState("orders_10s", Scope.ACCOUNT, "binance", "", "", 9, 100),  # an account with an exchange's name
    )
    coupled = frozenset({("desk", "orders_100ms"), ("other", "weight_1m")})
    account = status({"desk": make_pool()}, {}, make_gauges(Snapshot(counters, (), coupled)), 1.0)["accounts"][0]
    assert account["limits"] == [
        {
            "limit": "weight_1m",
            "scope": "address",
            "coupled": False,
            "name": "127.0.0.2",
            "detail": "",
            "used": 1200.26,
            "capacity": 6000,
        },
        {
            "limit": "sapi_uid_1m",
            "scope": "account",
            "coupled": False,
            "name": "",
            "detail": "GET /sapi/v1/x",
            "used": 3,
            "capacity": 180000,
        },
        {
            "limit": "orders_100ms",
            "scope": "account",
            "coupled": True,
            "name": "",
            "detail": "",
            "used": 2,
            "capacity": 15,
        },
    ]


def test_it_is_plain_json(make_pool, make_gauges):
    snapshot = Snapshot(
        (CounterState("orders_10s", Scope.ACCOUNT, "desk", "", "", 9, 100),),
        (BlockState(("key", "desk", "main"), None, "dead"),),
    )
    found = status({"desk": make_pool()}, Metrics().counts, make_gauges(snapshot), 1.0)
    assert json.loads(orjson.dumps(found)) == found
