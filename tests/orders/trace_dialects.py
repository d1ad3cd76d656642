"""How three exchanges are spoken to in the random traces: requests read strictly, answers in their own shapes.

Sources as in proxy/exchanges/{binance,kraken,cryptocom}*.py. Every request must be signed rightly.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from proxy.model import SignedRequest
from tests.orders.trace_book import CANCELED, FILLED, OPEN, Asked, Book, Order, Result

SECRET = b"ZHVtbXktc2VjcmV0"  # "dummy-secret" in base64
Said = tuple[int, str]
_FOREVER_MS = 1 << 60
_HTML = "<html><body>dummy edge</body></html>"
# The rest is each exchange's own. "maybe": the answer leaves it open; "not": it was provably not executed.
_MAYBE_EVERYWHERE: tuple[Said, ...] = ((502, _HTML), (500, ""), (504, _HTML), (200, '{"dummy'), (200, ""), (302, ""))


def _wall_s(ms: int) -> float:
    return ms / 1000


class Binance:
    name = "binance"
    lag_ms = 1_300  # the exchange module allows 2 s for this and for two clocks that differ
    one_view = False
    maybe: tuple[Said, ...] = (
        *_MAYBE_EVERYWHERE,
        (500, '{"code":-1007,"msg":"dummy: execution status unknown"}'),
        (400, '{"code":-1007,"msg":"dummy: execution status unknown"}'),
        (503, '{"code":-1006,"msg":"dummy: unexpected response"}'),
        (500, '{"code":-1000,"msg":"dummy"}'),
        (503, '{"code":-1001,"msg":"dummy"}'),
    )
    nots: Mapping[str, tuple[Said, ...]] = {
        "throttled": ((429, '{"code":-1003,"msg":"dummy"}'), (429, '{"code":-1015,"msg":"dummy"}')),
        "banned": ((418, '{"code":-1003,"msg":"dummy"}'), (403, _HTML)),
        "suspended": ((400, '{"code":-2015,"msg":"dummy"}'), (400, '{"code":-1002,"msg":"dummy"}')),
        "clock": ((400, '{"code":-1021,"msg":"dummy"}'),),
        "down": ((503, '{"code":-1016,"msg":"dummy"}'),),
    }
    _KINDS: Mapping[str, str] = {
        "POST /api/v3/order": "place",
        "POST /api/v3/orderList/oco": "list",
        "DELETE /api/v3/order": "cancel",
        "PUT /api/v3/order/amend/keepPriority": "amend",
        "POST /api/v3/order/cancelReplace": "replace",
        "DELETE /api/v3/openOrders": "cancel all",
        "GET /api/v3/order": "look",
        "GET /api/v3/openOrders": "look",
        "GET /api/v3/order/amendments": "look",
        "GET /api/v3/orderList": "look",
    }

    def read(self, request: SignedRequest) -> Asked:
        parts = urlsplit(request.target)
        where = f"{request.method} {parts.path}"
        if where == "GET /api/v3/time":
            return Asked("time", where)
        whole = parts.query + request.body.decode()
        signed, _, signature = whole.rpartition("&signature=")
        assert hmac.digest(SECRET, signed.encode(), hashlib.sha256).hex() == signature, "the signature is wrong"
        given = {name: values[0] for name, values in parse_qs(signed).items()}
        stamp_ms, window_ms = int(given["timestamp"]), float(given.get("recvWindow", 5000))
        kind = self._KINDS[where]
        new = given.get("listClientOrderId" if kind == "list" else "newClientOrderId", "")
        old = given.get("cancelOrigClientOrderId") or given.get("origClientOrderId") or given.get("orderId", "")
        ids = (new,) if new and kind != "cancel" else ()
        return Asked(kind, where, ids, old, stamp_ms - 1000, int(stamp_ms + window_ms), given)

    def reply(self, asked: Asked, result: Result, book: Book) -> Said:
        match result.word:
            case "ok" if asked.kind == "cancel all":
                return 200, "[]"
            case "ok" if asked.kind == "replace":
                return 200, json.dumps(
                    {"cancelResult": "SUCCESS", "newOrderResponse": self._row(result.orders[0], book)}
                )
            case "ok" if asked.kind == "amend":
                return 200, json.dumps({"executionId": 1, "amendedOrder": self._row(result.orders[0], book)})
            case "ok":
                return 200, json.dumps(self._row(result.orders[0], book))
            case "half":
                half = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
                return 409, json.dumps({"code": -2021, "msg": "dummy", "data": half})
            case "stale":
                return 400, '{"code":-1021,"msg":"dummy"}'
            case "no such order":
                code = {"cancel": -2011, "replace": -2022}.get(asked.kind, -2038)
                return 400, f'{{"code":{code},"msg":"dummy"}}'
            case _:
                return 400, '{"code":-2010,"msg":"dummy"}'

    def look(self, asked: Asked, book: Book, view_ns: int) -> Said:
        if asked.where == "GET /api/v3/order/amendments":
            return 400, '{"code":-2038,"msg":"dummy: not modelled"}'
        if asked.where == "GET /api/v3/openOrders":
            rows = [row for row in book.seen(view_ns, ()) if row[1] == OPEN and not row[0].listed]
            return 200, json.dumps([self._row(row[0], book, view_ns, *row[1:]) for row in rows])
        listed = asked.where == "GET /api/v3/orderList"
        name = asked.detail.get("orderListId", asked.old) if listed else asked.old
        found = book.seen(view_ns, (name,), listed)
        if not found:
            return 400, '{"code":-2013,"msg":"Order does not exist."}'
        return 200, json.dumps(self._row(found[0][0], book, view_ns, *found[0][1:]))

    def _row(self, order: Order, book: Book, view_ns: int = 1 << 62, state: str = "", name: str = "") -> dict[str, Any]:
        state, name = state or order.steps[-1][1], name or order.id
        made_ms = book.wall_ms(order.made_ns)
        if order.listed:
            return {"orderListId": order.number, "listClientOrderId": name, "transactionTime": made_ms}
        word = {OPEN: "NEW", FILLED: "FILLED", CANCELED: "CANCELED"}[state]
        row = {"symbol": "BTCUSDT", "orderId": order.number, "orderListId": -1, "clientOrderId": name}
        row |= {"status": word, "type": "LIMIT", "side": "BUY", "executedQty": "0", "origQty": "1", "price": "5"}
        return row | {"time": made_ms, "updateTime": book.changed_ms(order, view_ns), "workingTime": made_ms}


class Kraken:
    name = "kraken"
    lag_ms = 58_500
    one_view = True  # an order moves from one list to the other in one step
    maybe: tuple[Said, ...] = (
        *_MAYBE_EVERYWHERE,
        (520, _HTML),
        (200, '{"error":["EService:Busy"]}'),
        (200, '{"error":["EService:Unavailable"]}'),
        (200, '{"error":["EGeneral:Internal error"]}'),
    )
    nots: Mapping[str, tuple[Said, ...]] = {
        "throttled": (
            (200, '{"error":["EAPI:Rate limit exceeded"]}'),
            (200, '{"error":["EOrder:Rate limit exceeded"]}'),
        ),
        "banned": ((403, _HTML),),
        "suspended": ((200, '{"error":["EAPI:Invalid key"]}'), (200, '{"error":["EGeneral:Permission denied"]}')),
    }
    _KINDS: Mapping[str, str] = {
        "AddOrder": "place",
        "AddOrderBatch": "place",
        "CancelOrder": "cancel",
        "AmendOrder": "amend",
        "CancelAll": "cancel all",
        "OpenOrders": "look",
        "ClosedOrders": "look",
        "QueryOrders": "look",
    }

    def read(self, request: SignedRequest) -> Asked:
        body, headers = request.body, dict(request.headers)
        as_json = body[:1] == b"{"
        given = json.loads(body) if as_json else {n: v[0] for n, v in parse_qs(body.decode()).items()}
        digest = hashlib.sha256(str(given["nonce"]).encode() + body).digest()
        mac = hmac.digest(base64.b64decode(SECRET), request.target.encode() + digest, hashlib.sha512)
        assert base64.b64encode(mac).decode() == headers["API-Sign"], "the signature is wrong"
        where = request.target.rpartition("/")[2]
        kind, until_ms = self._KINDS[where], _FOREVER_MS
        if kind in ("place", "amend"):
            until_ms = int(datetime.fromisoformat(given["deadline"]).timestamp() * 1000)
        elif kind != "look":
            until_ms = int(given["nonce"]) // 1000 + 59_000  # by no rule of the exchange; see kraken_validity.py
        own = given.get("cl_ord_id", "") or given.get("txid", "")
        ids = tuple(row["cl_ord_id"] for row in given.get("orders", ())) or ((own,) if kind == "place" else ())
        return Asked(kind, where, ids, own if kind != "place" else "", 0, until_ms, given)

    def reply(self, asked: Asked, result: Result, book: Book) -> Said:
        orders = result.orders
        match result.word:
            case "ok" if asked.where == "AddOrderBatch":
                found: Any = {"orders": [{"txid": _txid(order), "descr": {"order": "dummy"}} for order in orders]}
            case "ok" if asked.kind == "place":
                found = {"descr": {"order": "dummy"}, "txid": [_txid(orders[0])]}
            case "ok" if asked.kind == "amend":
                found = {"amend_id": "TDUMMY-AMEND"}
            case "ok":
                found = {"count": 1}
            case "stale":
                return 200, '{"error":["EOrder:Invalid deadline"]}'
            case "no such order":
                return 200, '{"error":["EOrder:Unknown order"]}'
            case _:
                return 200, '{"error":["EOrder:Insufficient funds"]}'
        return 200, json.dumps({"error": [], "result": found})

    def look(self, asked: Asked, book: Book, view_ns: int) -> Said:
        rows = {}
        for order, state, name in book.seen(view_ns, (asked.old,) if asked.old else ()):
            if asked.where == "QueryOrders" or (state == OPEN) == (asked.where == "OpenOrders"):
                made_s = _wall_s(book.wall_ms(order.made_ns))
                word = {OPEN: "open", FILLED: "closed", CANCELED: "canceled"}[state]
                closed = {"closetm": _wall_s(book.changed_ms(order, view_ns))} if state != OPEN else {}
                row = {"opentm": made_s, "cl_ord_id": name, "status": word, "descr": {"order": "dummy"}}
                rows[_txid(order)] = closed | row
        if asked.where == "QueryOrders":
            return 200, json.dumps({"error": [], "result": rows} if rows else {"error": ["EOrder:Unknown order"]})
        name = "open" if asked.where == "OpenOrders" else "closed"
        return 200, json.dumps({"error": [], "result": {name: rows}})


def _txid(order: Order) -> str:
    return f"ODUM{order.number:06d}"[:6] + f"-{order.number:05d}-DUMMYX"


class Cryptocom:
    name = "cryptocom"
    lag_ms = 4_300
    one_view = True
    maybe: tuple[Said, ...] = (
        *_MAYBE_EVERYWHERE,
        (408, '{"id":1,"method":"dummy","code":40801,"message":"dummy"}'),
        (500, '{"id":1,"method":"dummy","code":50001,"message":"dummy"}'),
        (500, '{"id":1,"method":"dummy","code":10001,"message":"dummy"}'),
    )
    nots: Mapping[str, tuple[Said, ...]] = {
        "throttled": ((429, '{"id":1,"code":42901,"message":"dummy"}'), (429, _HTML)),
        "banned": ((403, _HTML),),
        "suspended": ((401, '{"id":1,"code":40103,"message":"dummy"}'),),
        "clock": ((400, '{"id":1,"code":40102,"message":"dummy"}'),),
        "down": ((503, '{"id":1,"code":9010001,"message":"dummy"}'),),
    }
    _KINDS: Mapping[str, str] = {
        "create-order": "place",
        "create-order-list": "place",
        "cancel-order": "cancel",
        "cancel-all-orders": "cancel all",
        "amend-order": "amend",
        "get-order-detail": "look",
        "get-open-orders": "look",
        "get-order-history": "look",
    }

    def read(self, request: SignedRequest) -> Asked:
        told = json.loads(request.body)
        given, nonce = told["params"], told["nonce"]
        text = told["method"] + str(told["id"]) + told["api_key"] + _signed(given) + nonce
        assert hmac.digest(SECRET, text.encode(), hashlib.sha256).hex() == told["sig"], "the signature is wrong"
        where = told["method"].removeprefix("private/")
        kind = self._KINDS[where]
        own = given.get("client_oid") or given.get("orig_client_oid") or given.get("order_id", "")
        ids = tuple(row["client_oid"] for row in given.get("order_list", ())) or ((own,) if kind == "place" else ())
        stamp_ms = int(nonce)
        return Asked(kind, where, ids, own if kind != "place" else "", stamp_ms - 60_000, stamp_ms + 60_000, told)

    def reply(self, asked: Asked, result: Result, book: Book) -> Said:
        rows = [{"client_oid": order.id, "order_id": str(order.number)} for order in result.orders]
        match result.word:
            case "ok" if asked.where == "create-order-list":
                return self._say(asked, 200, 0, [{"code": 0, "index": n, **row} for n, row in enumerate(rows)])
            case "ok" if asked.kind == "cancel all":
                return self._say(asked, 200, 0)
            case "ok":
                return self._say(asked, 200, 0, rows[0])
            case "stale":
                return self._say(asked, 400, 40102)
            case "no such order":
                return self._say(asked, 400, 212)
            case "duplicate":
                return self._say(asked, 400, 204)
            case _:
                return self._say(asked, 500, 306)

    def _say(self, asked: Asked, status: int, code: int, result: Any = None) -> Said:
        told = {"id": asked.detail["id"], "method": asked.detail["method"], "code": code}
        return status, json.dumps(told | ({"result": result} if result is not None else {}))

    def look(self, asked: Asked, book: Book, view_ns: int) -> Said:
        rows = []
        for order, state, name in book.seen(view_ns, (asked.old,) if asked.old else ()):
            word = {OPEN: "ACTIVE", FILLED: "FILLED", CANCELED: "CANCELED"}[state]
            row = {"order_id": str(order.number), "client_oid": name, "status": word, "instrument_name": "BTC_USDT"}
            row["create_time"] = book.wall_ms(order.made_ns)
            row["update_time"] = book.changed_ms(order, view_ns)
            start_ms = int(asked.detail["params"].get("start_time", 0)) // 1_000_000
            fits = (state == OPEN) == (asked.where == "get-open-orders") or asked.where == "get-order-detail"
            if fits and row["create_time"] >= start_ms:
                rows.append(row)
        if asked.where == "get-order-detail":
            return self._say(asked, 200, 0, rows[0]) if rows else self._say(asked, 404, 40401)
        return self._say(asked, 200, 0, {"data": rows})


def _signed(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(name + _signed(value[name]) for name in sorted(value))
    if isinstance(value, list):
        return "".join(map(_signed, value))
    return str(value)


Dialect = Binance | Kraken | Cryptocom
DIALECTS: Mapping[str, type[Dialect]] = {"binance": Binance, "kraken": Kraken, "cryptocom": Cryptocom}
