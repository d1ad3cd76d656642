"""What KuCoin's answers mean, by their codes.

Sources: kucoin.com/docs-new error codes and rate limit; kucoin-api-docs (2023) for 200002 and error 1015; the texts
that tell one 400100 from another are those of its answers (kucoin-api-docs issue 468, ccxt kucoin.py).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy.exchanges import codes
from proxy.exchanges.codes import Code, Judge
from proxy.exchanges.table_file import load_table
from proxy.model import Outcome, Reply, Scope

TABLE = load_table(Path(__file__).with_name("kucoin.yaml"))

FINE = "200000"
OVERLOAD = "429000 overload"
NO_SUCH_ORDER = "order_not_exist"
_TWICE_TOLD = "clientOidDuplicated"
_POOL_HEADERS = (b"gw-ratelimit-limit", b"gw-ratelimit-remaining", b"gw-ratelimit-reset")
_NO_ORDER = re.compile(r"order[ _]?(?:does[ _]?)?not[ _]?exist\.?", re.IGNORECASE)
_FRONT = Code(Outcome.BANNED, Scope.ADDRESS, wait_s=30, suspect=True)  # error 1015, 30 s
_NOT_HERE = Code(Outcome.REFUSED)  # a matter of one coin or of the whole account: another key changes nothing

CODES: Mapping[str, Code] = {
    "429000": codes.FULL_ACCOUNT,
    OVERLOAD: replace(codes.DOWN, wait_s=1),  # the system is full, not the user's pool
    "200002": replace(codes.FULL_ACCOUNT, wait_s=10),
    "1015": _FRONT,
    "400001": codes.BAD_SIGNATURE,  # a header is missing: never of ours, so something spoilt the call
    "400002": codes.CLOCK,
    "400003": codes.BAD_KEY,
    "400004": codes.BAD_KEY,
    "400005": codes.BAD_SIGNATURE,
    "400006": codes.NOT_LISTED,
    "400007": codes.NO_RIGHT,
    "130201": codes.NO_RIGHT,
    "400303": codes.NO_RIGHT,
    "400200": codes.NO_RIGHT,
    "400700": codes.NO_RIGHT,
    "126002": codes.NO_RIGHT,
    "101030": _NOT_HERE,  # margin is not enabled
    "400500": _NOT_HERE,
    "126046": _NOT_HERE,
    "411100": codes.SUSPENDED,
    # Which order has the name is not said: perhaps it is this one, of an attempt before.
    _TWICE_TOLD: codes.DOUBTFUL,
    "126033": codes.DOUBTFUL,
    "126044": codes.DOUBTFUL,
    "300018": codes.DOUBTFUL,
    "102426": codes.DOUBTFUL,
    "200": codes.DOUBTFUL,  # of rows in lists; what it would mean for a call nobody says
    "230005": codes.DOWN_PERHAPS,
    "408000": codes.DOWN_PERHAPS,
    "500000": codes.DOWN_PERHAPS,
    "126038": codes.DOWN_PERHAPS,
    "126039": codes.DOWN_PERHAPS,
    "500": codes.DOWN_PERHAPS,
    "502": codes.DOWN_PERHAPS,
    "503": codes.DOWN_PERHAPS,
    "504": codes.DOWN_PERHAPS,
}


def code(told: Any, reply: Reply) -> str | None:
    """The code; where the same one is used for several things, the words that tell them apart."""
    found = told.get("code") if isinstance(told, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    text = str(told.get("msg") or "")
    if str(found) == "429000" and not any(map(reply.header, _POOL_HEADERS)):
        return OVERLOAD
    if str(found) == "400100" and _TWICE_TOLD.lower() in text.lower():
        return _TWICE_TOLD
    if str(found) in ("400100", "126043", "100001", NO_SUCH_ORDER) and _NO_ORDER.fullmatch(text.rpartition(".get")[2]):
        return NO_SUCH_ORDER
    return str(found)


def failed(told: Any, reply: Reply) -> str | None:
    """The code of an answer that is not a success."""
    found = code(told, reply)
    return None if found == FINE else found or "no code"


JUDGE = Judge(
    code,
    CODES,
    fine=frozenset({FINE}),
    always_coded=True,  # "success is code 200000"
    front={403: _FRONT, 429: _FRONT},
    wait_ns=TABLE.feedback.reset_ns,
    begins=re.compile(rb'\A\s*\{\s*"code"\s*:\s*"200000"|"data"'),
)
