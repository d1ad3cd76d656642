"""Headers that tell of limits, as the exchanges' documents give them, with rows as their tables would have them."""

from typing import Any

import pytest

from proxy.exchanges.usage_headers import UsageHeaders, usage_headers
from proxy.model import Auth, CallClass, Cost, Endpoint, Limit, Reply, Scope, Shape, Usage

SECOND = 1_000_000_000
NOW_MS = 1_790_000_000_000
LIMITS = {
    name: Limit(name, Scope.ACCOUNT, Shape.FIXED, 100, SECOND, per)
    for name, per in (("pool", ""), ("orders", ""), ("each", "endpoint"))
}
CALL = Endpoint("GET /v1/order", "spot", CallClass.READ, Auth.SIGNED, (Cost("pool", 1), Cost("each", 1)))
PLAIN = Endpoint("GET /v1/time", "spot", CallClass.PUBLIC, Auth.NONE, (Cost("pool", 1),))


def rows(headers: dict[str, Any], **more: str) -> UsageHeaders:
    return usage_headers([{"source": "a page", "checked": "2026-07-21", "headers": headers, **more}], LIMITS)


def answer(**headers: object) -> Reply:
    listed = tuple((name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items())
    return Reply(200, b"OK", ((b"Date", b"Fri, 20 Nov 2026 16:00:00 GMT"), *listed), b"{}", 1)


BYBIT = {
    "x-bapi-limit": {"limit": "", "is": "capacity"},
    "x-bapi-limit-status": {"limit": "", "is": "left"},
    "x-bapi-limit-reset-timestamp": {"is": "reset"},
}
HTX_SPOT = {
    "x-hb-ratelimit-requests-remain": {"limit": "", "is": "left"},
    "x-hb-ratelimit-requests-expire": {"is": "reset"},
}
HTX_SWAP = {
    "ratelimit-limit": {"limit": "pool", "is": "capacity"},
    "ratelimit-remaining": {"limit": "pool", "is": "left"},
    "ratelimit-reset": {"is": "reset"},
}
KUCOIN = {
    "gw-ratelimit-limit": {"limit": "pool", "is": "capacity"},
    "gw-ratelimit-remaining": {"limit": "pool", "is": "left"},
    "gw-ratelimit-reset": {"is": "reset"},
}
GATE = {
    "x-gate-ratelimit-limit": {"limit": "", "is": "capacity"},
    "x-gate-ratelimit-requests-remain": {"limit": "", "is": "left"},
    "x-gate-ratelimit-reset-timestamp": {"is": "reset"},
}


@pytest.mark.parametrize(
    ("headers", "reply", "told", "reset_ms"),
    [
        (
            BYBIT,
            answer(X_Bapi_Limit=20, X_Bapi_Limit_Status=17, X_Bapi_Limit_Reset_Timestamp=NOW_MS + 400),
            Usage("each", capacity=20, left=17),
            400,
        ),
        (HTX_SPOT, answer(X_HB_RateLimit_Requests_Remain=98), Usage("each", left=98), None),
        (HTX_SPOT, answer(X_HB_RateLimit_Requests_Expire=NOW_MS + 1500), None, 1500),
        (HTX_SPOT, answer(X_HB_RateLimit_Requests_Expire=1500), None, 1500),  # sources disagree on the form
        (
            HTX_SWAP,
            answer(ratelimit_limit=72, ratelimit_interval=3000, ratelimit_remaining=70, ratelimit_reset=2900),
            Usage("pool", capacity=72, left=70),
            2900,
        ),
        (
            KUCOIN,
            answer(gw_ratelimit_remaining=1997, gw_ratelimit_limit=2000, gw_ratelimit_reset=29_000),
            Usage("pool", capacity=2000, left=1997),
            29_000,
        ),
        (
            GATE,
            answer(
                X_Gate_RateLimit_Limit=200,
                X_Gate_RateLimit_Requests_Remain=199,
                X_Gate_RateLimit_Reset_Timestamp=NOW_MS // 1000,
            ),
            Usage("each", capacity=200, left=199),
            0,
        ),
    ],
    ids=["bybit", "htx spot", "htx spot until", "htx spot for", "htx swap", "kucoin", "gate"],
)
def test_what_the_exchanges_say(
    headers: dict[str, Any], reply: Reply, told: Usage | None, reset_ms: int | None
) -> None:
    feedback = rows(headers)
    for _ in range(2):  # names are remembered after the first answer
        assert feedback.read(CALL, reply) == (() if told is None else (told,))
        found = feedback.reset_ns(reply, NOW_MS)
        assert found == (None if reset_ms is None else reset_ms * 1_000_000)


def test_a_count_alone_and_beside_its_capacity() -> None:
    assert rows({"x-used": {"limit": "pool", "is": "used"}}).read(CALL, answer(X_USED=5)) == (Usage("pool", 5),)
    both = rows({"x-used": {"limit": "pool", "is": "used"}, "x-limit": {"limit": "pool", "is": "capacity"}})
    assert both.read(CALL, answer(x_used=5, X_Limit=9)) == (Usage("pool", 5, 9),)
    assert both.read(CALL, answer(X_Limit=9, x_used=5)) == (Usage("pool", 5, 9),)
    own = rows({"x-used": {"limit": "pool", "is": "used"}, "x-left": {"limit": "", "is": "left"}})
    assert own.read(CALL, answer(x_used=5, x_left=9)) == (Usage("pool", 5), Usage("each", left=9))


def test_an_endpoint_without_a_limit_of_its_own_hears_nothing_of_one() -> None:
    assert rows(BYBIT).read(PLAIN, answer(X_Bapi_Limit=20, X_Bapi_Limit_Status=17)) == ()


def test_a_header_may_mean_another_limit_on_each_product() -> None:
    groups = [
        {"source": "a page", "checked": "x", "product": product, "headers": {"x-used": {"limit": limit, "is": "used"}}}
        for product, limit in (("spot", "pool"), ("futures", "orders"))
    ]
    feedback = usage_headers(groups, LIMITS)
    futures = Endpoint("GET /f/time", "futures", CallClass.PUBLIC, Auth.NONE)
    assert feedback.read(CALL, answer(x_used=3)) == (Usage("pool", 3),)
    assert feedback.read(futures, answer(x_used=3)) == (Usage("orders", 3),)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "0x10"])
def test_what_is_no_number_is_left_out(value: str) -> None:
    feedback = rows({"x-used": {"limit": "pool", "is": "used"}, "x-reset": {"is": "reset"}})
    reply = answer(x_used=value, x_reset=value)
    assert feedback.read(CALL, reply) == ()
    assert feedback.reset_ns(reply, NOW_MS) is None


def test_a_moment_that_has_passed_is_no_rest() -> None:
    assert rows(BYBIT).reset_ns(answer(X_Bapi_Limit_Reset_Timestamp=NOW_MS - 5), NOW_MS) == 0


def test_names_without_end_are_not_all_remembered() -> None:
    feedback = rows({"x-used": {"limit": "pool", "is": "used"}})
    for n in range(2000):
        feedback.read(CALL, answer(**{f"x_{n}": 1}))
    assert len(feedback._seen) <= 512
    assert feedback.read(CALL, answer(X_uSeD=5)) == (Usage("pool", 5),)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"x-used": {"limit": "pol", "is": "used"}}, "which no limit is called"),
        ({"x-used": {"limit": "pool", "is": "usd"}}, "usd"),
        ({"X-Used": {"limit": "pool", "is": "used"}}, "lower case"),
    ],
)
def test_rows_that_cannot_be_right_are_refused(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        rows(row)


def test_rows_need_a_source() -> None:
    with pytest.raises(ValueError, match="without `source`"):
        rows(BYBIT, source="")


def test_a_header_of_several_pools_tells_of_the_one_that_the_call_costs_on() -> None:
    feedback = rows({"x-left": {"limit": ["pool", "orders"], "is": "left"}})
    assert feedback.counted() == {"pool", "orders"}
    costly = [Endpoint("GET /x", "api", CallClass.READ, Auth.SIGNED, costs) for costs in _COSTS]
    told = [feedback.read(row, answer(x_left=3)) for row in costly]
    assert told == [(Usage("pool", left=3),), (Usage("orders", left=3),), (), ()]
    with pytest.raises(ValueError, match="'nowhere'"):
        rows({"x-left": {"limit": ["pool", "nowhere"], "is": "left"}})


_POOL, _ORDERS = Cost("pool", 1), Cost("orders", 1)
_COSTS: tuple[tuple[Cost, ...], ...] = ((_POOL,), (Cost("each", 1), _ORDERS), (_POOL, _ORDERS), ())
