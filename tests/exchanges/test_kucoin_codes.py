"""What KuCoin's answers mean, row by row."""

import orjson
import pytest

from proxy.exchanges.kucoin import EXCHANGE
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope, Usage

WALL_MS = 1_700_000_000_000
S = 1_000_000_000
NO, MAYBE = Executed.NO, Executed.UNKNOWN
POOL = ((b"gw-ratelimit-limit", b"4000"), (b"gw-ratelimit-remaining", b"0"), (b"gw-ratelimit-reset", b"12500"))


def row(name: str, product: str = "spot") -> Endpoint:
    method, _, path = name.partition(" ")
    found = EXCHANGE.table.match(method, path, product)
    assert found is not None
    return found


PLACE, READ, PUBLIC = row("POST /api/v1/hf/orders"), row("GET /api/v1/accounts"), row("GET /api/v1/symbols")


def reply(code: str, text: str = "text", status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Reply:
    return Reply(status, b"", headers, orjson.dumps({"code": code, "msg": text}), 0)


# (code, text), outcome, blame, whether an order was executed
CODES = [
    (("200002", "Too many requests in a short period"), Outcome.THROTTLED, Scope.ACCOUNT, NO),
    (("429000", "too many requests"), Outcome.UNAVAILABLE, None, NO),  # without headers: the system is full
    (("400001", ""), Outcome.DEAD, Scope.KEY, NO),
    (("400002", ""), Outcome.CLOCK, None, NO),
    (("400003", ""), Outcome.DEAD, Scope.KEY, NO),
    (("400004", ""), Outcome.DEAD, Scope.KEY, NO),
    (("400005", ""), Outcome.DEAD, Scope.KEY, NO),
    (("400006", "The IP is 203.0.113.10"), Outcome.NOT_WHITELISTED, Scope.PAIR, NO),
    *(
        ((code, ""), Outcome.NO_PERMISSION, Scope.KEY, NO)
        for code in ("400007", "130201", "400303", "400200", "400700", "126002")
    ),
    *(((code, ""), Outcome.REFUSED, None, NO) for code in ("101030", "400500", "126046")),
    (("411100", ""), Outcome.SUSPENDED, Scope.ACCOUNT, NO),
    *(
        ((code, ""), Outcome.REFUSED, None, NO)
        for code in ("400100", "400600", "400760", "900001", "415000", "404000", "126003", "126041")
    ),
    *(((code, ""), Outcome.REFUSED, None, NO) for code in ("200004", "230003", "126013", "300003")),
    (("400100", "clientOidDuplicated"), Outcome.UNKNOWN, None, MAYBE),
    *(((code, ""), Outcome.UNKNOWN, None, MAYBE) for code in ("126033", "126044", "300018", "102426")),
    (("400100", "order_not_exist_or_not_allow_to_cancel"), Outcome.REFUSED, None, NO),
    (("order_not_exist", "order_not_exist"), Outcome.REFUSED, None, NO),
    (("126043", ""), Outcome.REFUSED, None, NO),
    (("100001", "error.getOrder.orderNotExist"), Outcome.REFUSED, None, NO),
    (("100004", ""), Outcome.REFUSED, None, NO),
    *(
        ((code, ""), Outcome.UNKNOWN, None, MAYBE)
        for code in ("230005", "408000", "500000", "126038", "126039", "503", "200")
    ),
]


@pytest.mark.parametrize(("said", "outcome", "blame", "executed"), CODES, ids=str)
def test_codes(said: tuple[str, str], outcome: Outcome, blame: Scope | None, executed: Executed) -> None:
    for status in (200, 400):
        verdict = EXCHANGE.classify(PLACE, reply(*said, status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == (outcome, blame, executed)


def test_success_is_a_code() -> None:
    assert EXCHANGE.classify(PLACE, reply("200000"), WALL_MS).executed is Executed.YES
    assert EXCHANGE.classify(PLACE, reply("200000", status=500), WALL_MS).outcome is Outcome.UNKNOWN
    for body in (b"{}", b"[]", b'{"code":null}', b"OK", b""):
        verdict = EXCHANGE.classify(PLACE, Reply(200, b"", (), body, 0), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, MAYBE)


def test_a_pool_that_is_used_up() -> None:
    private = EXCHANGE.classify(PLACE, reply("429000", status=429, headers=POOL), WALL_MS)
    assert (private.outcome, private.blame, private.executed) == (Outcome.THROTTLED, Scope.ACCOUNT, NO)
    assert private.wait_ns == 12_500_000_000
    public = EXCHANGE.classify(PUBLIC, reply("429000", status=429, headers=POOL), WALL_MS)
    assert (public.outcome, public.blame) == (Outcome.THROTTLED, Scope.ADDRESS)


def test_a_system_that_is_full_blames_nobody() -> None:
    verdict = EXCHANGE.classify(READ, reply("429000", status=429), WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.executed, verdict.wait_ns) == (Outcome.UNAVAILABLE, None, NO, S)
    assert EXCHANGE.classify(PLACE, reply("200002"), WALL_MS).wait_ns == 10 * S


@pytest.mark.parametrize("status", [403, 429])
def test_the_front_bans_an_address_for_half_a_minute(status: int) -> None:
    page = Reply(status, b"", (), b"<html><title>Error 1015</title></html>", 0)
    verdict = EXCHANGE.classify(PLACE, page, WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.executed) == (Outcome.BANNED, Scope.ADDRESS, NO)
    assert verdict.wait_ns == 30 * S


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_says_nothing_of_an_order(status: int) -> None:
    for body in (b"", b"<html>", b'{"code":"999999","msg":""}'):
        verdict = EXCHANGE.classify(PLACE, Reply(status, b"", (), body, 0), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, MAYBE)
    assert EXCHANGE.classify(READ, reply("503", status=503), WALL_MS).outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "product", "limit"),
    [
        ("POST /api/v1/hf/orders", "spot", "spot_30s"),
        ("POST /api/v1/orders", "futures", "futures_30s"),
        ("GET /api/v1/accounts", "spot", "management_30s"),
        ("GET /api/v1/symbols", "spot", "public_30s"),
        ("GET /api/ua/v1/account/mode", "spot", "unified_3s"),
        ("GET /api/v1/never-heard-of", "spot", ""),  # of a pool that nobody told us
    ],
)
def test_headers_tell_of_the_pool_of_the_call(name: str, product: str, limit: str) -> None:
    told = EXCHANGE.usage(row(name, product), reply("200000", headers=POOL))
    assert told == ((Usage(limit, capacity=4000, left=0),) if limit else ())


def test_a_large_read_is_told_by_its_beginning() -> None:
    body = b'{"code":"200000","data":[' + b'"0123456789",' * 6000 + b"0]}"
    assert EXCHANGE.classify(PUBLIC, Reply(200, b"", (), body, 0), WALL_MS).outcome is Outcome.ACCEPTED
    page = b"<html>" + b"0123456789" * 7000 + b"}"
    assert EXCHANGE.classify(PUBLIC, Reply(200, b"", (), page, 0), WALL_MS).outcome is Outcome.UNKNOWN
