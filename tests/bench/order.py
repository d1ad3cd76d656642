"""The call that every subject carries: one Binance order, the answer to it, and the world around both.

All keys, secrets and tokens are dummies of this measurement.
"""

import json

PATH = "/api/v3/order"
ACCOUNT = "bench"
TOKEN = "dummy-token-bench"
ADDRESSES = tuple(f"127.20.0.{n}" for n in range(1, 21))
KEYS = tuple((f"key-{n}", f"dummy-key-{n}", f"dummy-secret-{n}") for n in (1, 2, 3))

FORM = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00100000&price=61234.56000000"
    "&newOrderRespType=ACK"  # no client order id: with one, the next would be a repeat of the first
)
ANSWER = json.dumps(
    {
        "symbol": "BTCUSDT",
        "orderId": 284570,
        "orderListId": -1,
        "clientOrderId": "dummy-order-1",
        "transactTime": 1507725176595,
        "price": "61234.56000000",
        "origQty": "0.00100000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
    }
).encode()
ANSWER_HEADERS = (
    ("Content-Type", "application/json;charset=UTF-8"),
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("Pragma", "no-cache"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubdomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-MBX-UUID", "0d1a4f0c-9c1e-4f0e-8f0e-6d6f9c1e4f0e"),
    ("X-MBX-USED-WEIGHT-1M", "12"),
    ("X-MBX-ORDER-COUNT-10S", "3"),
    ("X-MBX-ORDER-COUNT-1D", "311"),
)  # with Server, Date and Content-Length: twelve


def request(port: int, prefix: str = "") -> bytes:
    """The order as a bot sends it: six headers and a form."""
    head = (
        f"POST {prefix}{PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: dummy-bot/1.0\r\nAccept: */*\r\n"
        f"X-MBX-APIKEY: {TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(FORM)}\r\n\r\n"
    )
    return (head + FORM).encode()


def read(port: int, prefix: str = "") -> bytes:
    """A signed read of the same bot."""
    return (
        f"GET {prefix}/api/v3/openOrders?symbol=BTCUSDT HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"User-Agent: dummy-bot/1.0\r\nAccept: */*\r\nX-MBX-APIKEY: {TOKEN}\r\n\r\n"
    ).encode()
