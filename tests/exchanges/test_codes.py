"""Answers judged by their code, then by their status."""

import re

import orjson
import pytest

from proxy.exchanges import codes
from proxy.exchanges.codes import Code, Judge
from proxy.model import Auth, CallClass, Endpoint, Executed, Outcome, Reply, Scope

PLACE = Endpoint("POST /order", "api", CallClass.PLACE, Auth.SIGNED)
READ = Endpoint("GET /orders", "api", CallClass.READ, Auth.SIGNED)
PUBLIC = Endpoint("GET /time", "api", CallClass.PUBLIC, Auth.NONE)
S = 1_000_000_000

JUDGE = Judge(
    lambda found, reply: str(found["code"]) if isinstance(found, dict) and "code" in found else None,
    {
        "1": codes.FULL_ACCOUNT,
        "2": Code(Outcome.THROTTLED, Scope.KEY, wait_s=1.5),
        "3": codes.DOWN_PERHAPS,
        "4": codes.DOUBTFUL,
        "5": codes.BAD_SIGNATURE,
        "6": codes.CLOCK,
    },
    fine=frozenset({"0"}),
    front={408: codes.DOUBTFUL, 418: Code(Outcome.BANNED, Scope.ADDRESS, wait_s=60)},
    wait_ns=lambda reply, wall_ms: int(reply.header(b"x-rest") or 0) * S or None,
)


def reply(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body, 0)


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "outcome", "executed", "blame"),
    [
        (PLACE, 200, b'{"code":0}', Outcome.ACCEPTED, Executed.YES, None),
        (PLACE, 201, b"{}", Outcome.ACCEPTED, Executed.YES, None),
        (PLACE, 500, b'{"code":0}', Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 200, b'{"code":1}', Outcome.THROTTLED, Executed.NO, Scope.ACCOUNT),
        (PUBLIC, 200, b'{"code":1}', Outcome.THROTTLED, Executed.NO, Scope.ADDRESS),
        (PLACE, 503, b'{"code":3}', Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (READ, 503, b'{"code":3}', Outcome.UNAVAILABLE, Executed.NO, None),
        (PLACE, 200, b'{"code":4}', Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 400, b'{"code":6}', Outcome.CLOCK, Executed.NO, None),
        (PLACE, 400, b'{"code":99}', Outcome.REFUSED, Executed.NO, None),
        (PLACE, 500, b'{"code":99}', Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (READ, 500, b'{"code":99}', Outcome.UNAVAILABLE, Executed.NO, None),
        (PLACE, 200, b"<html>", Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 200, b'{"code":', Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 302, b"", Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 400, b"{}", Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 403, b"<html>", Outcome.BANNED, Executed.NO, Scope.ADDRESS),
        (PLACE, 429, b"<html>", Outcome.THROTTLED, Executed.NO, Scope.ADDRESS),
        (PLACE, 451, b"", Outcome.BANNED, Executed.NO, Scope.ADDRESS),
        (PLACE, 502, b"<html>", Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 408, b"", Outcome.UNKNOWN, Executed.UNKNOWN, None),
        (PLACE, 418, b"", Outcome.BANNED, Executed.NO, Scope.ADDRESS),
    ],
)
def test_what_an_answer_means(
    endpoint: Endpoint, status: int, body: bytes, outcome: Outcome, executed: Executed, blame: Scope | None
) -> None:
    verdict = JUDGE.classify(endpoint, reply(status, body), 0)
    assert (verdict.outcome, verdict.executed, verdict.blame) == (outcome, executed, blame)


def test_a_rest_is_the_exchanges_own_or_the_usual_one() -> None:
    own = reply(200, b'{"code":2}', (b"X-Rest", b"7"), (b"Retry-After", b"3"))
    assert JUDGE.classify(PLACE, own, 0).wait_ns == 7 * S
    assert JUDGE.classify(PLACE, reply(200, b'{"code":2}', (b"Retry-After", b"3")), 0).wait_ns == 3 * S
    assert JUDGE.classify(PLACE, reply(200, b'{"code":2}'), 0).wait_ns == int(1.5 * S)
    assert JUDGE.classify(PLACE, reply(400, b'{"code":6}', (b"Retry-After", b"3")), 0).wait_ns is None


def test_a_bad_signature_may_be_the_requests_fault() -> None:
    assert JUDGE.classify(PLACE, reply(400, b'{"code":5}'), 0).suspect_request
    assert JUDGE.classify(PLACE, reply(403, b"<html>"), 0).suspect_request


def test_without_a_code_nothing_is_fine_where_there_always_is_one() -> None:
    strict = Judge(JUDGE.code, JUDGE.codes, JUDGE.fine, always_coded=True)
    assert strict.classify(PLACE, reply(200, b"{}"), 0).executed is Executed.UNKNOWN


def test_a_large_read_is_judged_by_its_ends() -> None:
    rows = orjson.dumps({"code": 0, "rows": ["x" * 70_000]})
    strict = Judge(JUDGE.code, JUDGE.codes, JUDGE.fine, begins=re.compile(rb'"code":0'))
    assert strict.classify(READ, reply(200, rows), 0).outcome is Outcome.ACCEPTED
    assert strict.classify(READ, reply(200, rows[:-3]), 0).outcome is Outcome.UNKNOWN
    assert strict.classify(READ, reply(200, rows.replace(b'"code":0', b'"code":1')), 0).outcome is Outcome.UNKNOWN
    assert JUDGE.classify(READ, reply(200, b"<" + rows), 0).outcome is Outcome.UNKNOWN
    packed = reply(200, b"\x1f\x8b" + b"x" * 70_000, (b"Content-Encoding", b"gzip"))
    assert JUDGE.classify(PUBLIC, packed, 0).outcome is Outcome.ACCEPTED
