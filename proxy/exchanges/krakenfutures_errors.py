"""What an answer of Kraken Futures means: by its error text, else by the status of the order that it speaks of.

`result: success` only says that the call was understood: whether an order was taken stands in its status.

Sources: docs.kraken.com futures-api trading references (send-order, edit-order, cancel-order, send-batch-order) and
guide futures-rest, krakenfx/kraken-cli src/errors.rs; texts that only clients have reported stand in github ccxt/ccxt
krakenfutures.py. State of 2026-08-21.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.codes import DOUBTFUL, DOWN_PERHAPS, FULL_ACCOUNT, NO_RIGHT, REFUSED, Code, Judge
from proxy.exchanges.form import readable
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope, Verdict

API = "/derivatives/api/v3/"
BATCH = f"POST {API}batchorder"
NOT_EXECUTED = "notExecuted"
"""Our own word in a batch for an order that is proven not to be there."""

# Where the status of the order of a call stands.
STATUS_OF: Mapping[str, str] = {
    f"POST {API}sendorder": "sendStatus",
    f"POST {API}editorder": "editStatus",
    f"POST {API}cancelorder": "cancelStatus",
    f"POST {API}cancelallorders": "cancelStatus",
}
_DONE: Mapping[str, frozenset[str]] = {
    "sendStatus": frozenset({"placed", "filled", "partiallyFilled"}),
    # An edit that crosses the book fills the order; that it was filled before is told in the same word.
    "editStatus": frozenset({"edited", "filled", "partiallyFilled"}),
    "cancelStatus": frozenset({"cancelled", "noOrdersToCancel"}),
}
_OF_INSTRUCTION = {"send": "sendStatus", "edit": "editStatus", "cancel": "cancelStatus"}

# An address that is not on the key's list, a wrong key and a wrong signature answer alike: the pair is blamed first,
# and what the bot sent may be the cause.
_NOT_AUTHENTIC = Code(Outcome.NOT_WHITELISTED, Scope.PAIR, suspect=True)
_NONCE = Code(Outcome.NONCE)

_ERRORS: Mapping[str, Code] = {
    "apiLimitExceeded": FULL_ACCOUNT,  # whether the address or the client is counted is not settled
    "authenticationError": _NOT_AUTHENTIC,
    "nonceBelowThreshold": _NONCE,
    "nonceDuplicate": _NONCE,
    "insufficientPrivileges": NO_RIGHT,
    # About accounts named in the call; the first also comes for an account that has never traded.
    "accountInactive": REFUSED,
    "invalidAccount": REFUSED,
    "requiredArgumentMissing": REFUSED,
    "invalidArgument": REFUSED,
    "invalidAmount": REFUSED,
    "invalidUnit": REFUSED,
    "Json Parse Error": REFUSED,
    "Bad Request": REFUSED,
    "notFound": REFUSED,
    "contractNotFound": REFUSED,
    "insufficientFunds": REFUSED,
    "INSUFFICIENT_MARGIN": REFUSED,  # with HTTP 500
    "marketUnavailable": REFUSED,  # this market, not the exchange: another route would hear the same
    "Unavailable": DOWN_PERHAPS,
    "unavailable": DOWN_PERHAPS,
    "Server Error": DOWN_PERHAPS,
    "unknownError": DOWN_PERHAPS,
}
_STATUSES: Mapping[str, Code] = {
    # This copy was refused, but an earlier one may have made that order: it is looked for, and never sent again.
    "clientOrderIdAlreadyExist": Code(Outcome.REFUSED, executed=Executed.UNKNOWN),
    "clientOrderIdTooLong": REFUSED,
    "clientOrderIdTooBig": REFUSED,
    "invalidOrderType": REFUSED,
    "invalidSide": REFUSED,
    "invalidSize": REFUSED,
    "invalidPrice": REFUSED,
    "insufficientAvailableFunds": REFUSED,
    "selfFill": REFUSED,
    "tooManySmallOrders": REFUSED,
    "maxPositionViolation": REFUSED,
    "marketSuspended": REFUSED,
    "marketInactive": REFUSED,
    "outsidePriceCollar": REFUSED,
    "postWouldExecute": REFUSED,
    "iocWouldNotExecute": REFUSED,
    "wouldCauseLiquidation": REFUSED,
    "wouldNotReducePosition": REFUSED,
    "orderForEditNotFound": REFUSED,
    "orderForEditNotAStop": REFUSED,
    "filled": REFUSED,  # of a cancel: it came too late
    NOT_EXECUTED: REFUSED,
}
CODES: Mapping[str, Code] = {**_ERRORS, **_STATUSES}


def _code(found: Any, reply: Reply) -> str | None:
    """The error text, or the status of an order that was not done as asked."""
    if not isinstance(found, dict):
        return None
    if text := error_of(found):
        # "invalidArgument: ..." may name what is wrong with it.
        return next(
            (name for name in ("invalidArgument", "nonceBelowThreshold", "nonceDuplicate") if name in text), text
        )
    for member, done in _DONE.items():
        told = found.get(member)
        if isinstance(told, dict) and "status" in told and str(told["status"]) not in done:
            return str(told["status"])
    return None


def error_of(found: Mapping[str, Any]) -> str:
    """The error text of an answer, "" if it has none."""
    if found.get("error"):
        return str(found["error"])
    errors = found.get("errors")
    if isinstance(errors, list) and errors:
        first = errors[0]
        return str(first.get("message") or first.get("code")) if isinstance(first, dict) else str(first)
    return "unknownError" if found.get("result") == "error" else ""


# An error that nobody has described: nothing is known of the order then.
_JUDGE = Judge(_code, CODES, unlisted=Code(Outcome.UNKNOWN, executed=Executed.UNKNOWN, reads=REFUSED))


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    verdict = _JUDGE.classify(endpoint, reply, wall_ms)
    if verdict.outcome is not Outcome.ACCEPTED or not endpoint.call_class.writes:
        return verdict
    try:
        found = orjson.loads(readable(reply) or b"")
        if endpoint.name == BATCH:
            return _batch(verdict, [row.get("status") for row in found["batchStatus"]])
        if found["result"] == "success" and (
            endpoint.name not in STATUS_OF or found[STATUS_OF[endpoint.name]]["status"]
        ):
            return verdict
    except (ValueError, TypeError, LookupError, AttributeError):
        pass
    return Verdict(Outcome.UNKNOWN, Executed.UNKNOWN, None, None, "garbage")


def _batch(verdict: Verdict, statuses: list[Any]) -> Verdict:
    """As a whole: doubtful if one of its orders is, refused if all of them are. The answer is the bot's in any case, as
    it names the other orders."""
    told = [executed_by(str(status)) for status in statuses]
    if Executed.UNKNOWN in told:
        doubtful = str(statuses[told.index(Executed.UNKNOWN)])
        return Verdict(Outcome.REFUSED, Executed.UNKNOWN, None, None, doubtful[:60])
    if told and Executed.YES not in told:
        return Verdict(Outcome.REFUSED, Executed.NO, None, None, str(statuses[0])[:60])
    return verdict


def executed_by(status: str, instruction: str = "") -> Executed:
    """What a status in a batch says of its order. Without the instruction, `filled` is taken for a success."""
    members = [_OF_INSTRUCTION[instruction]] if instruction in _OF_INSTRUCTION else list(_DONE)
    if any(status in _DONE[member] for member in members):
        return Executed.YES
    return CODES.get(status, DOUBTFUL).executed
