"""Binance futures: what their answers and limits say where it differs from spot, and how a call finds its product.

Sources: developers.binance.com derivatives usds-margined-futures and coin-margined-futures, general-info (HTTP return
codes) and error-code.
"""

from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec, TypeVar

import orjson

from proxy.model import Endpoint, Executed, Outcome, Reply, Usage, Verdict

PRODUCTS = frozenset({"usdm", "coinm"})

_P = ParamSpec("_P")
_T = TypeVar("_T")


def either(
    spot: Callable[Concatenate[Endpoint, _P], _T], futures: Callable[Concatenate[Endpoint, _P], _T]
) -> Callable[Concatenate[Endpoint, _P], _T]:
    """The one function for endpoints of spot, the other for those of all other products."""

    def of_the_product(endpoint: Endpoint, /, *args: _P.args, **named: _P.kwargs) -> _T:
        return (spot if endpoint.product == "spot" else futures)(endpoint, *args, **named)

    return of_the_product


_OVERLOADED = -1008  # "Request throttled by system-level protection": certain, and not counted
_DISCONNECTED = -1001
_FAILED = "Internal error; unable to process your request"
_TOO_LATE = frozenset({-5028, -4188})  # outside of the matching engine's receive window, USD-M and COIN-M


def judged(endpoint: Endpoint, reply: Reply) -> Verdict | None:
    """The judgement where spot's would be another one, else None.

    With status 503, "Unknown error" leaves it open, while two other texts are failures for certain. A front that says
    "503 Service Unavailable" in HTML is neither. For portfolio margin no such rule is known: spot's holds.
    """
    if endpoint.product == "spot" or (reply.status != 408 and not 400 <= reply.status < 600):
        return None
    code, text = _said(reply.body)
    if reply.status == 408:  # the backend did not answer in time, whatever the code
        return Verdict(Outcome.UNKNOWN, Executed.UNKNOWN, None, None, f"http {reply.status}" if not code else str(code))
    if endpoint.product not in PRODUCTS:
        return None
    if code in _TOO_LATE and reply.status < 500:
        return Verdict(Outcome.CLOCK, Executed.NO, None, None, str(code))
    failed = code == _DISCONNECTED and text.startswith(_FAILED)
    if reply.status == 503 and (code == _OVERLOADED or failed or text.rstrip(".") == "Service Unavailable"):
        return Verdict(Outcome.UNAVAILABLE, Executed.NO, None, None, str(code or "service unavailable"))
    return None


def _said(body: bytes) -> tuple[int, str]:
    """Code and text of an error in JSON; 0 and "" without."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 0, ""
    if not isinstance(found, dict):
        return 0, ""
    code, text = found.get("code"), found.get("msg")
    return code if isinstance(code, int) else 0, text if isinstance(text, str) else ""


LIMITS_PATHS = frozenset({"/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"})
OWN_LIMITS_PATHS = frozenset({"/fapi/v1/rateLimit/order", "/papi/v1/rateLimit/order"})
_FUTURES: Mapping[tuple[str, str, int], str] = {
    ("REQUEST_WEIGHT", "MINUTE", 1): "futures_weight_1m",
    ("ORDERS", "SECOND", 10): "futures_orders_10s",
    ("ORDERS", "MINUTE", 1): "futures_orders_1m",
}
LIMIT_NAMES: Mapping[str, Mapping[tuple[str, str, int], str]] = {
    "usdm": _FUTURES,
    "coinm": _FUTURES,
    "portfolio": {
        ("REQUEST_WEIGHT", "MINUTE", 1): "portfolio_weight_1m",
        ("ORDERS", "MINUTE", 1): "portfolio_orders_1m",
    },
}
"""Product -> what exchangeInfo calls a limit -> its name in the table. Those of fapi and dapi are the same counters."""

# Their count is wrong there (docstrings of binance-connector-python, derivatives_trading_usds_futures).
_WRONG_COUNTS = frozenset({"GET /fapi/v1/ticker/bookTicker", "GET /fapi/v2/ticker/price"})


def believed(endpoint: Endpoint, told: tuple[Usage, ...]) -> tuple[Usage, ...]:
    """Counts from headers, without those that are known to be wrong."""
    return () if endpoint.name in _WRONG_COUNTS else told
