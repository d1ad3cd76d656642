"""What an answer of OKX means, of a call and of each order in it.

Source: okx.com/docs-v5, Error code and the answers of the order endpoints: `code` 1 is "all failed" and 2 "some
failed", and the `sCode` of each order says why.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.exchanges import codes
from proxy.exchanges.codes import Code, Judge
from proxy.model import Executed, Outcome, Reply, Scope

PARTLY = "2"
_FINE = "0"
# An order of this name is there already; whether it is a lost one of the bot's is to be looked up.
DUPLICATE = Code(Outcome.REFUSED, executed=Executed.UNKNOWN)
_FROZEN = Code(Outcome.SUSPENDED, Scope.KEY)
_FRONT = Code(Outcome.BANNED, Scope.ADDRESS, wait_s=300, suspect=True)  # the CDN states no time


def _all(names: Iterable[int], code: Code) -> dict[str, Code]:
    return {str(name): code for name in names}


CODES: Mapping[str, Code] = {
    **_all((50011, 50040, 50061), codes.FULL_ACCOUNT),
    **_all((50013,), codes.DOWN_PERHAPS),  # "try again later", not "not processed"
    **_all((50001, 50005, 50028), codes.DOWN),
    **_all((50004, 50026, 51054, 51149, 50042), codes.DOUBTFUL),
    **_all((50036, 50037), codes.REFUSED),  # past its expTime: it was dropped
    **_all((50007, 50009, 50012, 50027, 50029, 51009, 51024), codes.SUSPENDED),
    **_all((50100,), _FROZEN),
    # 50119 also comes from the host of another region; 50101 from the demo where the key is of the real one.
    **_all((50111, 50119, 50008, 50101, 50103, 50104, 50105, 50106, 50107, 50112, 50114), codes.BAD_KEY),
    **_all((50113,), codes.BAD_SIGNATURE),
    **_all((50102,), codes.CLOCK),
    **_all((50110, 50121, 50118), codes.NOT_LISTED),
    **_all((50035, 50030, 50120, 50041), codes.NO_RIGHT),
    **_all((51016, 51011, 50071, 51065), DUPLICATE),
    **_all((51000, 51008, 51174, 51603, 51400, 51410), codes.REFUSED),
}


def meaning(code: str) -> Code:
    """Of the code of one order; those that are not listed are refusals of what was asked."""
    return CODES.get(code, codes.REFUSED)


def code_of(told: Any, reply: Reply) -> str | None:
    """The code that speaks for the whole call, None if there is none.

    Of several orders: what leaves one of them open, before all else; PARTLY if some came through; else what the
    orders were refused for, if that is one reason, and the bot's own fault before any other.
    """
    if not isinstance(told, dict) or not isinstance(told.get("code"), str | int):
        return None
    failed, well = _rows(told.get("data"))
    if not failed:
        return str(told["code"])
    for name in failed:
        if meaning(name).executed is Executed.UNKNOWN and meaning(name) is not DUPLICATE:
            return name
    if well:
        return PARTLY
    if (taken := next((name for name in failed if meaning(name) is DUPLICATE), None)) is not None:
        return taken
    refused = next((name for name in failed if meaning(name).outcome is Outcome.REFUSED), None)
    return refused or failed[0]


def _rows(data: Any) -> tuple[list[str], bool]:
    """The codes of the orders that failed, and whether there is one that did not."""
    rows = data if isinstance(data, list) else []
    found = [str(row["sCode"]) for row in rows if isinstance(row, dict) and "sCode" in row]
    return [name for name in found if name != _FINE], _FINE in found


classify = Judge(
    code_of,
    CODES,
    fine=frozenset({_FINE, PARTLY}),
    always_coded=True,
    front={429: _FRONT, 403: _FRONT},
).classify
