"""What Bybit's answers mean: the error page row by row."""

import gzip
import json

import pytest

from proxy.exchanges.bybit import EXCHANGE
from proxy.exchanges.bybit_codes import executed
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope

WALL_MS = 1_700_000_000_000
SECOND_NS = 10**9


def row(method: str, path: str) -> Endpoint:
    found = EXCHANGE.table.match(method, f"/v5/{path}")
    assert found is not None
    return found


ORDER, CANCEL = row("POST", "order/create"), row("POST", "order/cancel")
READ, PUBLIC = row("GET", "order/realtime"), row("GET", "market/instruments-info")
NO, MAYBE, YES = Executed.NO, Executed.UNKNOWN, Executed.YES
KEY, ACCOUNT, ADDRESS, PAIR = Scope.KEY, Scope.ACCOUNT, Scope.ADDRESS, Scope.PAIR

Judged = tuple[Outcome, Scope | None, Executed]
REFUSED: Judged = (Outcome.REFUSED, None, NO)
UNKNOWN: Judged = (Outcome.UNKNOWN, None, MAYBE)
DOWN: Judged = (Outcome.UNAVAILABLE, None, NO)


def answer(body: str | bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else body, 1)


def coded(code: int | str, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    told = {"retCode": code, "retMsg": "text", "result": {}, "retExtInfo": {}, "time": WALL_MS}
    return answer(json.dumps(told), status, *headers)


def judged(endpoint: Endpoint, reply: Reply) -> Judged:
    verdict = EXCHANGE.classify(endpoint, reply, WALL_MS)
    return verdict.outcome, verdict.blame, verdict.executed


# retCode -> judgement on an order; on a read the second, where it differs.
CODES: dict[int, tuple[Judged, Judged]] = {
    **{c: ((Outcome.THROTTLED, ACCOUNT, NO),) * 2 for c in (10006, 170005, 170222, 30035)},
    **{c: ((Outcome.THROTTLED, ADDRESS, NO),) * 2 for c in (10018, 10403)},
    20003: ((Outcome.THROTTLED, KEY, NO),) * 2,
    **{c: ((Outcome.CLOCK, None, NO),) * 2 for c in (10002, -1)},
    **{c: ((Outcome.DEAD, KEY, NO),) * 2 for c in (10003, 10004, 10007)},
    **{c: ((Outcome.SUSPENDED, KEY, NO),) * 2 for c in (33004, -2015)},
    10005: ((Outcome.NO_PERMISSION, KEY, NO),) * 2,
    10008: ((Outcome.SUSPENDED, ACCOUNT, NO),) * 2,
    10009: ((Outcome.BANNED, ADDRESS, NO),) * 2,
    10010: ((Outcome.NOT_WHITELISTED, PAIR, NO),) * 2,
    **{c: (UNKNOWN, DOWN) for c in (429, 10429, 10000, 10016, 170001, 170032, 170234, 5004)},
    **{c: (UNKNOWN, DOWN) for c in (170007, 170146, 170147, 170310)},
    **{c: (UNKNOWN, UNKNOWN) for c in (170035, 110079, 170212, 10014)},
    10019: (DOWN, DOWN),
    **{c: (REFUSED, REFUSED) for c in (10024, 10027, 10028, 10029, 100028, 110066, 110123, 110124, 110125, 110132)},
    **{c: (REFUSED, REFUSED) for c in (170209, 170219, 10001, 10017, 34040, 110043, 110007, 170131, 170149, 170210)},
    **{c: (REFUSED, REFUSED) for c in (110072, 170141, 110001, 170213, 170143)},
    **{c: (REFUSED, REFUSED) for c in (110008, 110010, 170139, 170142, 170190, 777777)},
}


@pytest.mark.parametrize("code", CODES)
def test_codes(code: int) -> None:
    write, read = CODES[code]
    for reply in (coded(code), coded(str(code)), answer(f'{{"ret_code":{code},"ret_msg":"x"}}')):
        assert judged(ORDER, reply) == judged(CANCEL, reply) == write
        assert judged(READ, reply) == read
        assert EXCHANGE.classify(ORDER, reply, WALL_MS).code == str(code)
    assert executed(str(code)) is write[2]


def test_accepted() -> None:
    for reply in (coded(0), coded("0"), answer('{"ret_code":0}')):
        for endpoint in (ORDER, READ, PUBLIC):
            assert judged(endpoint, reply) == (Outcome.ACCEPTED, None, YES)
    assert judged(ORDER, coded(0, 500)) == UNKNOWN
    assert executed("0") is YES


@pytest.mark.parametrize("code", [777777, 110007])
def test_a_refusal_with_a_5xx(code: int) -> None:
    assert judged(ORDER, coded(code, 502)) == UNKNOWN


STATUSES: dict[int, tuple[Judged, Judged]] = {
    400: (REFUSED, REFUSED),
    401: ((Outcome.DEAD, KEY, NO),) * 2,
    404: (REFUSED, REFUSED),
    429: (UNKNOWN, DOWN),
    **dict.fromkeys((200, 204, 301, 408, 500, 502, 503, 504, 520), (UNKNOWN, UNKNOWN)),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", ["", "<html>10006</html>", '{"result":{}}', '{"retCode":null}', "[]", '{"retCode":0'])
def test_answers_without_a_code(status: int, body: str) -> None:
    assert (judged(ORDER, answer(body, status)), judged(READ, answer(body, status))) == STATUSES[status]


def test_401_may_be_the_fault_of_what_the_bot_sent() -> None:
    assert EXCHANGE.classify(READ, answer("", 401), WALL_MS).suspect_request
    assert EXCHANGE.classify(READ, coded(10004), WALL_MS).suspect_request
    assert not EXCHANGE.classify(READ, coded(10003), WALL_MS).suspect_request


COUNTRY = "<html>The Amazon CloudFront distribution is configured to block access from your country.</html>"


@pytest.mark.parametrize(
    ("body", "rest_s", "suspect"),
    [
        ("access too frequent", 600, False),
        ('{"retCode":10006,"retMsg":"Access too frequent. Please try again later."}', 600, False),
        ("<html>Access Too Frequent</html>", 600, False),
        (COUNTRY, 365 * 86_400, False),
        ("", 600, True),
        ("<html>403 Forbidden</html>", 600, True),
    ],
)
def test_403_rests_the_address(body: str, rest_s: int, suspect: bool) -> None:
    for endpoint in (ORDER, READ, PUBLIC):
        verdict = EXCHANGE.classify(endpoint, answer(body, 403), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == (Outcome.BANNED, ADDRESS, NO)
        assert (verdict.wait_ns, verdict.suspect_request) == (rest_s * SECOND_NS, suspect)


def test_403_of_the_api_itself_is_the_requests_fault() -> None:
    assert judged(ORDER, answer('{"retCode":10001,"retMsg":"Request parameter error"}', 403)) == REFUSED


def test_a_refused_account_rests_until_its_quota_is_back() -> None:
    def rest(*headers: tuple[bytes, bytes]) -> int | None:
        return EXCHANGE.classify(ORDER, coded(10006, 200, *headers), WALL_MS).wait_ns

    assert rest((b"X-Bapi-Limit-Reset-Timestamp", str(WALL_MS + 700).encode())) == 700_000_000
    assert rest((b"X-Bapi-Limit-Reset-Timestamp", str(WALL_MS - 5).encode())) == 100_000_000
    assert rest() == 2 * SECOND_NS
    assert EXCHANGE.classify(READ, coded(10018), WALL_MS).wait_ns == 5 * SECOND_NS


def test_a_public_call_has_nobody_but_its_address_to_blame() -> None:
    assert judged(PUBLIC, coded(10006)) == (Outcome.THROTTLED, ADDRESS, NO)
    packed = gzip.compress(b'{"retCode":10006,"retMsg":"Too many visits!"}')
    reply = answer(packed, 200, (b"Content-Encoding", b"gzip"))
    assert judged(PUBLIC, reply) == (Outcome.THROTTLED, ADDRESS, NO)


def test_large_reads_are_judged_by_their_ends() -> None:
    rows = ",".join(['{"a":1}'] * 10_000)
    fine = f'{{"retCode":0,"retMsg":"OK","result":{{"list":[{rows}]}},"time":1}}'
    assert judged(PUBLIC, answer(fine))[0] is Outcome.ACCEPTED
    assert judged(PUBLIC, answer(fine.replace('"retCode":0,', '"retCode" : 0 ,')))[0] is Outcome.ACCEPTED
    assert judged(PUBLIC, answer(fine[:-3])) == UNKNOWN
    assert judged(PUBLIC, answer(fine.replace('"retCode":0', '"retCode":10006'))) == UNKNOWN
