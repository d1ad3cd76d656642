"""What a KuCoin answer says of each order of a list.

Sources: kucoin.com/docs-new batch add orders (spot: `success` and `failMsg`; futures: `code` and `msg`), batch cancel
orders; kucoin-universal-sdk for their shapes. An order of spot that failed has no name there: its place tells which one
it is.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.kucoin_codes import CODES, FINE, JUDGE, code
from proxy.exchanges.kucoin_orders import NAMES, RULES, seen
from proxy.exchanges.order_rules import rows_of
from proxy.model import Endpoint, Executed, Item, Reply

_WELL = frozenset({FINE, "200"})
# Words of a failure that may come too late; all other words are about the order itself.
_DOUBTFUL = re.compile(r"time[ -]?out|timed out|busy|internal|system|duplicat|third.party", re.IGNORECASE)


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges."""
    rule = RULES.rule(endpoint)
    if rule is None or not rule.rows or reply.status != 200:
        return ()
    rows = rows_of(seen(endpoint, params).get(rule.rows, ""))
    names = [next((str(row[name]) for name in NAMES[::-1] if row.get(name)), "") for row in rows]
    try:
        told = orjson.loads(reply.body)
        if str(told["code"]) != FINE:
            return ()
        said = told["data"]["data"] if isinstance(told["data"], dict) else told["data"]
        return tuple(_item(n, name, _of(said, n, name, len(names))) for n, name in enumerate(names))
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()


def _of(said: list[Mapping[str, Any]], number: int, name: str, asked: int) -> Mapping[str, Any] | None:
    """By its name; else the one in its place, if that has no name and none is lacking."""
    named = [row for row in said if name and name in (str(row.get(field)) for field in NAMES)]
    if named or len(said) != asked:
        return named[0] if len(named) == 1 else None
    row = said[number]
    return row if not row.get("clientOid") else None


def _item(number: int, name: str, row: Mapping[str, Any] | None) -> Item:
    if row is None:
        return Item(number, name, Executed.UNKNOWN)
    order = str(row.get("orderId") or row.get("id") or "")
    if row.get("success") is True or row.get("status") == "success" or str(row.get("code")) in _WELL:
        return Item(number, name, Executed.YES, order)
    if "code" not in row:
        words = str(row.get("failMsg") or "")
        failed = row.get("success") is False or row.get("status") == "fail"
        sure = failed and words and not _DOUBTFUL.search(words)
        return Item(number, name, Executed.NO if sure else Executed.UNKNOWN, order, words)
    found = code(row, Reply(200, b"", (), b"", 0))
    if found is None:
        return Item(number, name, Executed.UNKNOWN, order)
    verdict = CODES.get(found, JUDGE.unlisted)
    words = f"{row['code']} {row.get('msg') or ''}".strip()
    return Item(number, name, verdict.executed, order, words)
