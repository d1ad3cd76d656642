"""What operators are told of whitelists, and the calls that show what a key may do."""

from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.key_rules import EntryMode, Per, Takes, key_rules, listed
from proxy.model import Auth, CallClass

BITTREX: dict[str, Any] = {  # closed in December 2023: its list was the account's, in a section of its own
    "source": "bittrexglobal.com",
    "checked": "2026-08-21",
    "whitelist": {
        "per": "account",
        "entry": "single",
        "cap": None,
        "takes": ["ipv4"],
        "page": "Manage, IP address whitelist",
        "without": "nothing",
    },
    "verify": {"call": "GET /v3/balances"},
}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_exchange_says_how_keys_are_bound_and_tried(exchange: str) -> None:
    table = EXCHANGES[exchange].table
    rules = table.keys
    assert rules is not None and rules.whitelist.page and rules.whitelist.without
    assert Takes.IPV4 in rules.whitelist.takes
    for question in (rules.verify, rules.rights):
        if question is not None:
            row = table.named(question.call)
            assert row is not None and row.name == question.call
            assert (row.call_class, row.auth) == (CallClass.READ, Auth.SIGNED)


def test_a_list_of_the_account() -> None:
    rules = key_rules(BITTREX)
    assert (rules.whitelist.per, rules.whitelist.entry, rules.rights) == (Per.ACCOUNT, EntryMode.SINGLE, None)
    assert listed(rules.whitelist, ["192.0.2.1", "192.0.2.2"]) == ["192.0.2.1", "192.0.2.2"]


def test_one_paste() -> None:
    rules = EXCHANGES["bybit"].table.keys
    assert rules is not None
    assert listed(rules.whitelist, ["192.0.2.1", "192.0.2.2"]) == ["192.0.2.1,192.0.2.2"]


@pytest.mark.parametrize(
    "change",
    [{"source": ""}, {"checked": None}, {"verify": {"path": "x"}}]
    + [{"whitelist": BITTREX["whitelist"] | wrong} for wrong in ({"per": "host"}, {"entry": "fax"}, {"cap": 0})],
)
def test_what_is_not_of_the_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        key_rules(BITTREX | change)
