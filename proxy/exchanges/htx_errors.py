"""What HTX answers mean. Spot and contracts have tables of their own: the same number means different things there.

Sources: www.htx.com opend newApiPages, error codes of spot (v1, v2, conditional orders, transfers) and of contracts
(v1, v3, v5); API access guide (codes 12001 to 12009). Whatever they do not name is unknown of a write.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.exchanges.codes import (
    BAD_KEY,
    BAD_SIGNATURE,
    CLOCK,
    DOUBTFUL,
    DOWN,
    DOWN_PERHAPS,
    FULL_ACCOUNT,
    FULL_ADDRESS,
    NO_RIGHT,
    NOT_LISTED,
    REFUSED,
    SUSPENDED,
    Code,
    Judge,
)
from proxy.exchanges.usage_headers import UsageHeaders
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope, Verdict

FINE = frozenset({"ok", "200"})
NO_SUCH_SPOT = frozenset({"base-record-invalid", "base-not-found", "not-found", "order-queryorder-invalid", "1007"})
NO_SUCH_CONTRACT = frozenset({"1017", "1061"})

_MARKET_CLOSED = Code(Outcome.UNAVAILABLE, reads=REFUSED)
_UNLISTED = Code(Outcome.UNKNOWN, executed=Executed.UNKNOWN, reads=REFUSED)
_COOL_DOWN = Code(Outcome.THROTTLED, Scope.ACCOUNT, wait_s=300)  # "disabled for 5 minutes", 30 for the third time

# The texts that tell one signature error from the other; a code that carries one is called "code: text".
_TEXTS = ("incorrect access key", "incorrect ip address", "invalid submission time", "incorrect signature method",
          "incorrect signature version", "api key has no permission", "verification failure", "invalid id",
          "request limit")  # fmt: skip
_TOLD_APART = frozenset({"api-signature-not-valid", "403", "invalid-parameter"})


def _each(code: Code, *names: str | int | range) -> dict[str, Code]:
    return {str(one): code for name in names for one in (name if isinstance(name, range) else (name,))}


def _signatures(name: str, otherwise: Code) -> dict[str, Code]:
    return {
        name: otherwise,
        f"{name}: incorrect access key": BAD_KEY,
        f"{name}: invalid id": BAD_KEY,
        f"{name}: verification failure": BAD_SIGNATURE,
        f"{name}: incorrect ip address": NOT_LISTED,
        f"{name}: invalid submission time": CLOCK,
        f"{name}: incorrect signature method": REFUSED,
        f"{name}: incorrect signature version": REFUSED,
        f"{name}: api key has no permission": NO_RIGHT,
    }


_BOTH: Mapping[str, Code] = {
    **_signatures("api-signature-not-valid", BAD_SIGNATURE),
    **_signatures("403", NO_RIGHT),  # a sub-user on a call that is not for it
    **_each(CLOCK, 12001, 12006),
    **_each(REFUSED, 12002, 12003),
    **_each(BAD_KEY, 12004, 12007),
    **_each(NOT_LISTED, 12005),
    **_each(BAD_SIGNATURE, 12008, 1253, "api-signature-check-failed"),
    **_each(SUSPENDED, 12009, 10010),  # the user is locked
    **_each(DOWN, "maintain", "system-maintenance"),
    **_each(FULL_ACCOUNT, "429", "rate-too-many-requests", "too-many-requests", "api-limit-exceeded"),
    **_each(FULL_ADDRESS, "invalid-parameter: request limit"),
    **_each(REFUSED, "invalid-parameter", "method-not-allowed", "bad-request", 404, 405),
    **_each(DOWN_PERHAPS, "base-system-error", "gateway-internal-error", "timeout", "base-request-timeout",
            "uc-network-error", "500"),
}  # fmt: skip

_SPOT: Mapping[str, Code] = {
    **_BOTH,
    **_each(FULL_ACCOUNT, "base-request-exceed-frequency-limit", "base-user-request-exceed-limit", "frequent-invoke",
            510, 1006, 40403, 40408),
    **_each(BAD_SIGNATURE, 1003, 513, 3011),
    # The signature is there, so what is missing is that the account-id is this user's.
    **_each(REFUSED, "login-required", 1002),
    **_each(REFUSED, "operation-forbidden-for-lock-account-state", "operation-forbidden-for-fl-account-state",
            "base-operation-forbidden", "base-not-in-white-list", "sub-user-auth-required",
            "api-not-support-temp-addr"),
    **_each(_MARKET_CLOSED, "forbidden-trade-for-open-protect", "order-disabled", "cancel-disabled",
            "base-symbol-trade-disabled"),
    **_each(REFUSED, 2002, 2003, range(3002, 3011), range(3012, 3101)),
    # Duplicate ids are not refused on spot any more (announcement 84873840032816): this is about its form.
    **_each(REFUSED, "invalid-client-order-id"),
    **_each(REFUSED, *NO_SUCH_SPOT, "order-orderstate-error"),
    **_each(DOWN_PERHAPS, "order-update-error"),
}  # fmt: skip

_CONTRACTS: Mapping[str, Code] = {
    **_BOTH,
    **_each(FULL_ACCOUNT, 1032),
    **_each(_COOL_DOWN, 1084),
    **_each(REFUSED, 1074, range(1086, 1089), 1097, 1100, 1101, 1104, 1105, range(1109, 1116), 1205, 1220, 1228,
            range(50001, 50104)),
    **_each(NO_RIGHT, 1480),  # risk control: placing stops
    **_each(REFUSED, 1510, range(4000, 4006), 4007),
    **_each(DOWN, 1431),
    **_each(_MARKET_CLOSED, range(1056, 1061), range(1077, 1081), 1095, 1411),  # settlement, delivery, halt
    # 1030 is called an internal error, but parameters cause it.
    **_each(REFUSED, range(1010, 1015), 1016, 1030, 1031, range(1034, 1045), range(1047, 1050), range(1052, 1056),
            range(1065, 1070), 1072, 1075, range(1081, 1084), 1085, range(1090, 1095), range(1233, 1236), 1303, 1349,
            1461, 1462, range(1490, 1501)),
    **_each(REFUSED, *NO_SUCH_CONTRACT, 1051, 1062, 1063, 1071),
    **_each(DOUBTFUL, 1050),  # the number was used before: most likely by the first copy of this very order
    **_each(DOUBTFUL, 1064),
    **_each(DOWN_PERHAPS, range(1000, 1006), 1108, 1200),
    # "Abnormal service" in one table, "no position" in another one.
    **_each(_UNLISTED, 1046),
}  # fmt: skip

# Families of spot codes: prices, amounts and the like.
_REFUSALS = re.compile(
    r"(?:order-[a-z-]+-(?:error|failed|invalid|trigger)|order-invalid-[a-z-]+|validation-[a-z-]+|parameter-[a-z-]+"
    r"|account-[a-z-]+|base-argument-unsupported|base-symbol-error|base-currency-[a-z-]+|base-date-limit-error"
    r"|order-(?:type|source)-invalid|symbol-not-support|invalid-(?:amount|address|symbol|interval)|require-[a-z-]+"
    r"|invalid symbol|not support during limit-price trading)"
)


def meaning(endpoint: Endpoint, code: str) -> Code:
    """What an error code means, of a call or of one of its orders."""
    return _meaning(_SPOT if endpoint.product == "spot" else _CONTRACTS, code)


def _meaning(table: Mapping[str, Code], code: str) -> Code:
    found = table.get(code)
    if found is None:
        found = REFUSED if table is _SPOT and _REFUSALS.fullmatch(code) else _UNLISTED
    return found


def error_code(told: Any, reply: Reply) -> str | None:
    """Of the answer as a whole; None for a success, and for what is no answer of HTX."""
    code = _code(told)
    return None if code in FINE else code


def _code(told: Any) -> str | None:
    if not isinstance(told, dict):
        return None
    code: Any = None
    if told.get("status") != "ok":
        names = ("err-code", "err_code", "code", "status")
        code = next((told[name] for name in names if told.get(name) not in (None, "")), None)
        if code == "error":
            code = None
    elif "status" in told:
        code = "ok"
    if code is None or isinstance(code, bool) or not isinstance(code, str | int):
        return "error" if told.get("status") == "error" else None
    text = str(code)
    if text in _TOLD_APART:
        said = " ".join(str(told.get(name, "")) for name in ("err-msg", "err_msg", "message", "msg")).lower()
        text = next((f"{text}: {words}" for words in _TEXTS if words in said), text)
    return text


def item_codes(told: Any) -> tuple[list[str], bool]:
    """The error codes of single orders in an answer that is fine as a whole, and whether any order went well."""
    data = told.get("data") if isinstance(told, dict) else None
    if isinstance(data, dict):
        failed = data.get("errors") or data.get("failed") or []
        well = bool(data.get("successes") or data.get("success"))
        return list(_codes(failed)), well or not isinstance(failed, list)
    if isinstance(data, list):
        found = list(_codes(data))
        return found, len(found) < len(data)
    return [], True


def _codes(rows: Any) -> Iterator[str]:
    for row in rows if isinstance(rows, list) else ():
        if (code := item_code(row)) is not None:
            yield code


def item_code(row: Any) -> str | None:
    """The error of one order of a batch; None if it has none."""
    if not isinstance(row, dict):
        return None
    code = row.get("err-code", row.get("err_code"))
    if code is None and "message" in row:
        code = row.get("code")
    return None if code is None or str(code) in FINE else str(code)


def _judged(told: Any, reply: Reply, table: Mapping[str, Code]) -> str | None:
    """The code of an answer; where none of its orders went well, theirs, and of these a doubtful one first."""
    code = _code(told)
    if code not in FINE:
        return code
    found, well = item_codes(told)
    if well or not found:
        return code
    doubtful = (one for one in found if _meaning(table, one).executed is Executed.UNKNOWN)
    return next(doubtful, found[0])


def _wait_ns(feedback: UsageHeaders, reply: Reply, wall_ms: int) -> int | None:
    """The end of a ban for cancelling too much stands with its own code only, as it is none of other calls."""
    until = reply.header(b"recovery-time")
    if until.isdigit() and b"1084" in reply.body:
        return max(int(until) - wall_ms, 0) * 1_000_000 or None
    return feedback.reset_ns(reply, wall_ms)


class Verdicts:
    """The judges of both tables. `feedback`: the headers that tell how long to rest."""

    def __init__(self, feedback: UsageHeaders) -> None:
        self._spot = self._judge(_SPOT, feedback)
        self._contracts = self._judge(_CONTRACTS, feedback)

    @staticmethod
    def _judge(table: Mapping[str, Code], feedback: UsageHeaders) -> Judge:
        return Judge(
            lambda told, reply: _judged(told, reply, table),
            table,
            FINE,
            unlisted=_UNLISTED,
            front={429: FULL_ACCOUNT, 404: REFUSED, 405: REFUSED},
            wait_ns=lambda reply, wall_ms: _wait_ns(feedback, reply, wall_ms),
        )

    def classify(self, endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
        judge = self._spot if endpoint.product == "spot" else self._contracts
        verdict = judge.classify(endpoint, reply, wall_ms)
        if verdict.outcome is Outcome.ACCEPTED and endpoint.call_class.writes and not verdict.code:
            return Verdict(Outcome.UNKNOWN, Executed.UNKNOWN, None, None, "garbage")  # each answer of HTX has a code
        if verdict.outcome is Outcome.UNKNOWN and reply.status < 500 and meaning(endpoint, verdict.code) is REFUSED:
            return Verdict(Outcome.REFUSED, Executed.NO, None, None, verdict.code)
        return verdict
