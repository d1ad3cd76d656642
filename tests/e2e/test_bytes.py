"""Byte for byte: what of a bot's request reaches the exchange, and what of the answer reaches the bot."""

import gzip
import hashlib
import hmac
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from proxy.cli.world import key_of, token_of
from tests.e2e.wires import Caught, Got, Recorder, Wire, plain
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, World, allocation

TOKEN = {"X-Ordergate-Token": token_of(BOT)}
B, K, C = "/binance-main", "/kraken-main", "/cryptocom-main"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FINE = plain(b'{"code":0,"error":[],"result":{}}')


@dataclass
class Bench:
    """A daemon whose exchanges record."""

    world: World
    recorder: Recorder

    def answer(self, answer: Callable[[Caught], bytes] | bytes) -> None:
        self.world.do(lambda: setattr(self.recorder, "answer", answer if callable(answer) else lambda caught: answer))

    def caught(self) -> list[Caught]:
        return self.world.do(lambda: list(self.recorder.caught))

    def call(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Got:
        with Wire(self.world.place) as wire:
            return wire.call(method, target, TOKEN if headers is None else headers, body)

    def sent(self, *request: Any) -> Caught:
        """What reaches the exchange of a request."""
        self.call(*request)
        [caught] = self.caught()
        return caught


@pytest.fixture(scope="module")
def recording() -> Iterator[Bench]:
    recorder = Recorder()
    world = World(recorder=recorder).start()
    yield Bench(world, recorder)
    world.stop()


@pytest.fixture
def bench(recording: Bench) -> Bench:
    recording.world.do(recording.recorder.caught.clear)
    recording.answer(FINE)
    return recording


PRIVATE = {
    "Authorization": f"Bearer {token_of(BOT)}",
    "X-Ordergate-Token": token_of(BOT),
    "X-Ordergate-Priority": "low",
    "Cookie": "session=dummy-cookie",
    "X-Forwarded-For": "192.0.2.7",
    "X-Real-IP": "192.0.2.7",
    "Forwarded": "for=192.0.2.7",
    "Via": "1.1 dummy-proxy",
    "Referer": "http://127.0.0.1/dummy",
    "Origin": "5f0c0ffe-dummy",
    "Proxy-Authorization": "Basic dummy",
    "Proxy-Connection": "keep-alive",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAMAAABkAAQAAP__",
    "TE": "trailers",
    "Accept-Language": "x-dummy",
    "X-HTTP-Method-Override": "DELETE",
    "User-Agent": "dummy-bot/1",
}
ALLOWED = {
    "host", "content-length", "content-type", "accept", "accept-encoding", "user-agent",
    "x-mbx-apikey", "api-key", "api-sign",
}  # fmt: skip
SIGNED = {
    "binance": ("GET", f"{B}/api/v3/account", PRIVATE | {"X-MBX-APIKEY": token_of(BOT)}, b""),
    "binance, token in the path": ("GET", f"/~{token_of(BOT)}{B}/api.binance.com/api/v3/account", PRIVATE, b""),
    "binance, public": ("GET", f"{B}/api/v3/time", PRIVATE | {"X-MBX-APIKEY": token_of(BOT)}, b""),
    "kraken": (
        "POST", f"{K}/0/private/Balance", PRIVATE | FORM | {"API-Key": token_of(BOT), "API-Sign": "eA=="}, b"nonce=1",
    ),
    "cryptocom": (
        "POST", f"{C}/exchange/v1/private/user-balance", PRIVATE | {"Content-Type": "application/json"},
        b'{"id":1,"method":"private/user-balance","params":{},"sig":"x","api_key":"%s"}' % token_of(BOT).encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNED)
def test_nothing_private_of_the_bot_leaves(bench: Bench, name: str) -> None:
    caught = bench.sent(*SIGNED[name])
    assert {key.lower() for key, _ in caught.headers} <= ALLOWED
    assert caught.all("user-agent") == ["dummy-bot/1"]
    everything = repr(caught)
    for value in (token_of(BOT), "dummy-cookie", "192.0.2.7", "ordergate", "5f0c0ffe"):
        assert value not in everything.lower()
    for once in ("host", "x-mbx-apikey", "api-key", "api-sign", "content-type", "content-length", "accept-encoding"):
        assert len(caught.all(once)) <= 1


def test_binance_query_stays_byte_for_byte(bench: Bench) -> None:
    before = "symbol=BTCUSDT&side=BUY&type=LIMIT&newClientOrderId=a%2db%2Dc"
    after = "timeInForce=GTC&quantity=0.00100&price=50000&recvWindow=4000"
    target = f"{B}/api/v3/order?timestamp=1&{before}&signature=dead%20beef&{after}&%74imestamp=2"
    caught = bench.sent("POST", target, TOKEN | {"X-MBX-APIKEY": "dummy-key", "X-MBX-TIME-UNIT": "MICROSECOND"})
    found = re.fullmatch(r"/api/v3/order\?(.*)&timestamp=(\d{13})&signature=([0-9a-f]{64})", caught.target)
    assert found is not None, caught.target
    assert found[1] == f"{before}&{after}"
    assert caught.body == b""
    check_signature(caught, f"{found[1]}&timestamp={found[2]}", found[3])
    assert caught.all("x-mbx-time-unit") == ["MICROSECOND"]


def test_an_order_without_an_id_gets_one_where_its_parameters_are(bench: Bench) -> None:
    own = "symbol=BTC%55SDT&side=BUY&type=MARKET&quantity=1"
    ours = r"&newClientOrderId=(og[0-9b-z]{16})&recvWindow=3000&timestamp=\d{13}&signature=\w{64}"
    ids = set()
    for where, body in ((f"?{own}", b""), ("", own.encode())):
        bench.world.do(bench.recorder.caught.clear)
        caught = bench.sent("POST", f"{B}/api/v3/order{where}", TOKEN | (FORM if body else {}), body)
        text = caught.body.decode() if body else caught.target.removeprefix("/api/v3/order?")
        found = re.fullmatch(re.escape(own) + ours, text)
        assert found is not None and (bool(caught.body), "?" in caught.target) == (bool(body), not body), caught
        ids.add(found[1])
    assert len(ids) == 2


def test_a_dry_run_shows_the_id_that_an_order_would_get(bench: Bench) -> None:
    got = bench.call("POST", f"{B}/api/v3/order?symbol=BTCUSDT", TOKEN | {"X-Ordergate-Dry-Run": "1"})
    assert re.fullmatch(r"symbol=BTCUSDT&newClientOrderId=og[0-9b-z]{16}", orjson.loads(got.body)["query"])
    assert bench.caught() == []


def test_binance_form_stays_a_form(bench: Bench) -> None:
    """python-binance puts the parameters of a DELETE into the body."""
    body = b"symbol=BTCUSDT&timestamp=1&origClientOrderId=a%2bb&signature=00"
    caught = bench.sent("DELETE", f"{B}/api/v3/order", TOKEN | FORM, body)
    assert caught.target == "/api/v3/order"
    found = re.fullmatch(
        r"(symbol=BTCUSDT&origClientOrderId=a%2bb&timestamp=\d{13})&signature=(\w{64})", caught.body.decode()
    )
    assert found is not None, caught.body
    check_signature(caught, found[1], found[2])


def check_signature(caught: Caught, text: str, signature: str) -> None:
    """Signed with the secret of the very key that is named."""
    secrets = {key: secret for _, key, secret in (key_of(BINANCE, number) for number in (1, 2, 3))}
    secret = secrets[caught.all("x-mbx-apikey")[0]]
    assert hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest() == signature


def test_a_public_query_stays_byte_for_byte(bench: Bench) -> None:
    query = 'symbols=["BTCUSDT","ETHUSDT"]&a=%5b%22x%22%5D&b=&c&d=1+2'
    caught = bench.sent("GET", f"{B}/api/v3/ticker/price?{query}")
    assert (caught.target, caught.body) == (f"/api/v3/ticker/price?{query}", b"")


def test_a_request_without_parameters_gets_its_own_only(bench: Bench) -> None:
    caught = bench.sent("GET", f"{B}/api/v3/account?")
    assert re.fullmatch(r"/api/v3/account\?timestamp=\d{13}&signature=\w{64}", caught.target)


def test_kraken_form_stays_byte_for_byte(bench: Bench) -> None:
    body = b"pair=XBTUSD&nonce=1&oflags=post%2cfcib&otp=123&price=50000.0&%6eonce=2&x=a+b"
    caught = bench.sent("POST", f"{K}/0/private/AddOrder", TOKEN | FORM, body)
    own = rb"pair=XBTUSD&oflags=post%2cfcib&price=50000.0&x=a\+b"
    ours = rb"&cl_ord_id=og[0-9b-z]{16}&deadline=20\d\d-\d\d-\d\dT\d\d%3A\d\d%3A\d\d\.\d\d\dZ"
    assert re.fullmatch(rb"nonce=\d{16}&" + own + ours, caught.body)
    assert caught.all("content-type") == ["application/x-www-form-urlencoded"]


def test_kraken_json_stays_json(bench: Bench) -> None:
    body = b'{"nonce": 1, "pair":"XBTUSD", "orders": [{"volume": "0.10", "price": 5e4}]}'
    caught = bench.sent("POST", f"{K}/0/private/AddOrderBatch", TOKEN | {"Content-Type": "application/json"}, body)
    assert re.fullmatch(
        rb'\{"nonce":"\d{16}", "pair":"XBTUSD", "orders": \[\{"volume": "0\.10", "price": 5e4'
        rb',"cl_ord_id":"og[0-9b-z]{16}"\}\],"deadline":"[0-9T:.-]{23}Z"\}',
        caught.body,
    )
    assert caught.all("content-type") == ["application/json"]


@pytest.mark.parametrize("number", ["17", '"17"', "9223372036854775807"])
def test_cryptocom_keeps_id_and_numbers_as_written(bench: Bench, number: str) -> None:
    body = (
        f'{{"id":{number},"method":"private/create-order","api_key":"k","sig":"s","nonce":1,'
        '"params":{"quantity":"0.10","exec_inst":["POST_ONLY"],"price":"50000.00"}}'
    )
    caught = bench.sent("POST", f"{C}/exchange/v1/private/create-order", TOKEN, body.encode())
    text = caught.body.decode()
    assert f'"id":{number},' in text
    own = r'"params":\{"quantity":"0.10","exec_inst":\["POST_ONLY"\],"price":"50000.00"'
    assert re.search(own + r',"client_oid":"og[0-9b-z]{16}"\}', text)
    sent = orjson.loads(caught.body)
    assert set(sent) == {"id", "method", "params", "api_key", "sig", "nonce"}
    assert sent["api_key"] in [key_of(CRYPTOCOM, n)[1] for n in (1, 2, 3)]


def test_the_answer_comes_as_it_is_and_says_whose_it_is(bench: Bench) -> None:
    rows = ("X-MBX-USED-WEIGHT-1M: 21", "X-MBX-UUID: dummy", "Retry-After: 3", "ETag: dummy", "Set-Cookie: edge=1",
            "Keep-Alive: timeout=5", "Connection: keep-alive", "Trailer: x", "Alt-Svc: h3",
            "Proxy-Authenticate: x")  # fmt: skip
    body = b'{ "a" : 1.10,\n "b":"\xc3\xa9" }'
    bench.answer(plain(body, *rows))
    got = bench.call("GET", f"{B}/api/v3/account")
    assert (got.status, got.body) == (200, body)
    assert got.headers["x-mbx-used-weight-1m"] == "21"
    assert (got.headers["x-mbx-uuid"], got.headers["etag"], got.headers["retry-after"]) == ("dummy", "dummy", "3")
    hop_by_hop = {
        "set-cookie",
        "keep-alive",
        "connection",
        "trailer",
        "alt-svc",
        "proxy-authenticate",
        "transfer-encoding",
    }
    assert not hop_by_hop & set(got.names)
    assert got.names.count("content-length") == 1
    ours = {name: value for name, value in got.headers.items() if name.startswith("x-ordergate-")}
    assert ours.pop("x-ordergate-call") and ours.pop("x-ordergate-key") in ("key-1", "key-2", "key-3")
    assert ours.pop("x-ordergate-address") in allocation(BINANCE)
    assert 0 < float(ours.pop("x-ordergate-remaining")) <= 1
    assert int(ours.pop("x-ordergate-queued-ms")) < 1000
    assert ours == {"x-ordergate-origin": "exchange", "x-ordergate-attempts": "1"}


@pytest.mark.parametrize(("status", "body", "outcome"), [
    ("200 OK", b'{"orderId":1}', "executed"),
    ("400 Bad Request", b'{"code":-2010,"msg":"Account has insufficient balance for requested action."}', "rejected"),
])  # fmt: skip
def test_an_answer_to_a_write_tells_its_outcome(bench: Bench, status: str, body: bytes, outcome: str) -> None:
    bench.answer(plain(body, status=status))
    got = bench.call("POST", f"{B}/api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
    assert (got.body, got.headers["x-ordergate-outcome"]) == (body, outcome)
    assert got.headers["x-ordergate-origin"] == "exchange"
    assert len(bench.caught()) == 1


def test_public_answers_stay_packed_and_signed_ones_are_asked_for_plain(bench: Bench) -> None:
    packed = gzip.compress(b'{"symbols":[]}')
    bench.answer(plain(packed, "Content-Encoding: gzip"))
    got = bench.call("GET", f"{B}/api/v3/exchangeInfo", TOKEN | {"Accept-Encoding": "gzip, deflate, br"})
    assert (got.headers["content-encoding"], got.body) == ("gzip", packed)
    assert bench.caught()[-1].all("accept-encoding") == ["gzip"]
    bench.answer(FINE)
    bench.call("GET", f"{B}/api/v3/exchangeInfo", TOKEN)
    assert bench.caught()[-1].all("accept-encoding") == ["identity"]
    bench.call("GET", f"{B}/api/v3/account", TOKEN | {"Accept-Encoding": "gzip"})
    assert bench.caught()[-1].all("accept-encoding") == ["identity"]


LARGE = b'{"symbols":[' + b",".join(b'{"n":%d}' % n for n in range(450_000)) + b"]}"


def test_a_large_public_answer_is_streamed_intact(bench: Bench) -> None:
    assert len(LARGE) > 5_000_000
    bench.answer(plain(LARGE))
    with Wire(bench.world.place) as wire:
        got = wire.call("GET", f"{B}/api/v3/exchangeInfo", TOKEN)
        assert got.headers["transfer-encoding"] == "chunked"
        assert got.headers["x-ordergate-origin"] == "exchange"
        assert hashlib.sha256(got.body).digest() == hashlib.sha256(LARGE).digest()
        bench.answer(FINE)
        assert wire.call("GET", f"{B}/api/v3/time", TOKEN).status == 200
    assert len(bench.caught()) == 2


def test_a_large_answer_that_breaks_off_is_not_taken_for_whole(bench: Bench) -> None:
    bench.answer(plain(LARGE)[:2_000_000])
    bench.world.do(lambda: setattr(bench.recorder, "hang_up", True))
    try:
        with Wire(bench.world.place) as wire:
            wire.send("GET", f"{B}/api/v3/exchangeInfo", TOKEN)
            answer = b""
            while piece := wire.socket.recv(1 << 20):
                answer += piece
    finally:
        bench.world.do(lambda: setattr(bench.recorder, "hang_up", False))
    assert answer.startswith(b"HTTP/1.1 200") and not answer.endswith(b"0\r\n\r\n")
    assert len(bench.caught()) == 1


def test_an_answer_to_head_has_no_body(bench: Bench) -> None:
    with Wire(bench.world.place) as wire:
        got = wire.call("HEAD", f"{B}/api/v3/time", TOKEN)
        assert (got.status, got.headers["x-ordergate-reason"]) == (405, "wrong_method")
        assert wire.call("GET", f"{B}/api/v3/time", TOKEN).status == 200  # nothing stood between the two


def test_the_exchange_s_own_redirect_is_not_followed(bench: Bench) -> None:
    bench.answer(plain(b"", "Location: http://127.0.0.1:1/", status="302 Found"))
    target = f"{B}/api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"
    got = bench.call("POST", target, {**TOKEN, "X-Ordergate-Deadline-Ms": "500"})
    assert (got.status, got.headers["x-ordergate-outcome"]) == (504, "unknown")
    assert [caught.line.partition(" ")[0] for caught in bench.caught()].count("POST") == 1  # the others look for it


def test_a_bot_that_hangs_up_in_the_queue_takes_its_call_along(new_world: Callable[..., World]) -> None:
    recorder = Recorder()
    world = new_world(recorder=recorder)
    account = ("account", BINANCE.name)
    world.do(lambda: world.daemon.dispatcher.block(account, 2_000_000_000, "a test"))
    leaver, stayer = Wire(world.place), Wire(world.place)
    order = f"{B}/api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId="
    leaver.send("POST", f"{order}leaves", TOKEN)
    stayer.send("POST", f"{order}stays", TOKEN)
    with Wire(world.place) as wire:
        while world.do(lambda: world.daemon.dispatcher.waiting) < 2:
            wire.call("GET", "/nobody/", TOKEN)
        leaver.socket.shutdown(socket.SHUT_RDWR)
        leaver.close()
        for _ in range(3):  # by then its end has been seen
            wire.call("GET", "/nobody/", TOKEN)
    assert world.do(lambda: list(recorder.caught)) == []
    world.jump(3)
    assert stayer.read().status == 200
    stayer.close()
    [caught] = world.do(lambda: list(recorder.caught))
    assert "newClientOrderId=stays" in caught.target
