"""What an answer of Bybit means: `retCode` first, status second.

HTTP is 200 for almost every refusal. Sources: bybit-exchange/docs v5/error.mdx, v5/rate-limit/rate-limit.mdx,
v5/order pages, v5/websocket/trade; codes 10018, 5004 and -1 as github ccxt/ccxt bybit.py knows them.
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.exchanges.codes import (
    BAD_KEY,
    BAD_SIGNATURE,
    CLOCK,
    DOUBTFUL,
    DOWN,
    DOWN_PERHAPS,
    NO_RIGHT,
    NOT_LISTED,
    REFUSED,
    SUSPENDED,
    Code,
    Judge,
)
from proxy.exchanges.form import readable
from proxy.exchanges.usage_headers import UsageHeaders
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope, Verdict

_SECOND_NS = 1_000_000_000
_BAN_NS = 600 * _SECOND_NS  # "at least ten minutes"
_FOREVER_NS = 365 * 86_400 * _SECOND_NS
_LEAST_REST_NS = 100_000_000
_FOREIGN = re.compile(rb"your country|cloudfront", re.IGNORECASE)
_FREQUENT = re.compile(rb"too frequent", re.IGNORECASE)

# Without a stated end the official SDK rests for two seconds.
_TOO_MANY = Code(Outcome.THROTTLED, Scope.ACCOUNT, wait_s=2)
_TOO_MANY_HERE = Code(Outcome.THROTTLED, Scope.ADDRESS, wait_s=5)

CODES: Mapping[str, Code] = {
    **dict.fromkeys(("10006", "170005", "170222", "30035"), _TOO_MANY),
    **dict.fromkeys(("10018", "10403"), _TOO_MANY_HERE),
    "20003": Code(Outcome.THROTTLED, Scope.KEY),
    **dict.fromkeys(("10002", "-1"), CLOCK),
    **dict.fromkeys(("10003", "10007"), BAD_KEY),
    # Expired: it is renewed on the exchange's page, under the same secret, so it is tried again.
    **dict.fromkeys(("33004", "-2015"), Code(Outcome.SUSPENDED, Scope.KEY)),
    "10004": BAD_SIGNATURE,
    "10005": NO_RIGHT,
    "10008": SUSPENDED,
    "10009": Code(Outcome.BANNED, Scope.ADDRESS, wait_s=_FOREVER_NS / _SECOND_NS),  # of a country that is not served
    "10010": NOT_LISTED,
    # System protection: to be repeated, says the documentation; not, that nothing was done.
    **dict.fromkeys(("429", "10429"), DOWN_PERHAPS),
    **dict.fromkeys(("10000", "10016", "5004", "170001", "170032", "170234"), DOWN_PERHAPS),
    **dict.fromkeys(("170007", "170146", "170147", "170310"), DOWN_PERHAPS),  # time-outs behind the gateway
    **dict.fromkeys(("170035", "170212", "110079"), DOUBTFUL),  # taken on, and not done yet
    "10014": DOUBTFUL,  # one like it was taken on or refused before
    "10019": DOWN,  # a restart: new requests are refused, running ones go on
    # Of the account, so another key changes nothing: compliance, region, mode, terms not signed, trading banned.
    **dict.fromkeys(("10024", "10027", "10028", "10029", "100028", "110066", "110132", "170209", "170219"), REFUSED),
    **dict.fromkeys(("110123", "110124", "110125"), REFUSED),
    # An order of this name is there already; this attempt was not executed.
    **dict.fromkeys(("110072", "170141"), REFUSED),
}


def ret_code(told: Any, reply: Reply) -> str | None:
    """Of the older spelling too; None for an answer that has none."""
    if not isinstance(told, dict):
        return None
    code = told.get("retCode", told.get("ret_code"))
    return str(code) if isinstance(code, int | str) and not isinstance(code, bool) else None


class Verdicts:
    """`feedback`: the headers of the table, one of which tells when a refused account may come again."""

    def __init__(self, feedback: UsageHeaders) -> None:
        self._feedback = feedback
        self._judge = Judge(
            code=ret_code,
            codes=CODES,
            fine=frozenset({"0"}),
            always_coded=True,
            front={400: REFUSED, 401: BAD_SIGNATURE, 404: REFUSED, 429: DOWN_PERHAPS},
            wait_ns=self._wait_ns,
            begins=re.compile(rb'\A\s*\{\s*"ret_?code"\s*:\s*0\s*,', re.IGNORECASE),
        )

    def classify(self, endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
        return _forbidden(reply) if reply.status == 403 else self._judge.classify(endpoint, reply, wall_ms)

    def _wait_ns(self, reply: Reply, wall_ms: int) -> int | None:
        """None without the header: then it was a limit above the account's own."""
        rest_ns = self._feedback.reset_ns(reply, wall_ms)
        return None if rest_ns is None else max(rest_ns, _LEAST_REST_NS)


def executed(code: str) -> Executed:
    """Of one order of a batch, by its own code."""
    return Executed.YES if code == "0" else CODES.get(code, REFUSED).executed


def _forbidden(reply: Reply) -> Verdict:
    """403: the address has sent too much, or is in a country that is not served. Other causes (a GET with a body) do
    not arise here, but a text that says neither is not believed to be about the address if others get it too.
    """
    body, name = readable(reply) or b"", "http 403"
    if _FREQUENT.search(body):
        return Verdict(Outcome.BANNED, Executed.NO, Scope.ADDRESS, _BAN_NS, name)
    if _FOREIGN.search(body):
        return Verdict(Outcome.BANNED, Executed.NO, Scope.ADDRESS, _FOREVER_NS, f"{name} country")
    if body.lstrip()[:1] == b"{":  # the API itself, with a reason of its own
        return Verdict(Outcome.REFUSED, Executed.NO, None, None, name)
    return Verdict(Outcome.BANNED, Executed.NO, Scope.ADDRESS, _BAN_NS, name, suspect_request=True)
